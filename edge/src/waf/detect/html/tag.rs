//! Start tags as browsers and broken sanitizers read them.

use crate::waf::scan::{
    at, before, find, is_space, is_word, skip_space, skip_while, span, trim, word,
};

/// Bytes of a tag looked at.
const REACH: usize = 512;

/// One start or end tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) text: &'a [u8],
    /// Where its `<` stands.
    pub(super) open: usize,
    /// Without a namespace.
    pub(super) name: &'a [u8],
    /// Where its name ends.
    pub(super) end: usize,
    /// What follows the name, up to `>` or the next `<`: tags never overlap, and reading all of
    /// them is linear.
    pub(super) attributes: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag that opens at `open`, where a `<` stands.
    pub(super) fn at(text: &'a [u8], open: usize) -> Option<Self> {
        // Browsers skip nothing between `<` and the name; broken sanitizers leave slashes and
        // control characters there.
        let start = skip_while(text, open + 1, |byte| {
            matches!(byte, b'/' | b'?') || (byte != b' ' && is_space(byte))
        });
        let start = spaced(text, start).unwrap_or(start);
        let mut name = word(text, start);
        let mut end = start + name.len();
        if at(text, end) == b':' && !word(text, end + 1).is_empty() {
            name = word(text, end + 1);
            end += 1 + name.len();
        }
        let is_name =
            !name.is_empty() && !matches!(at(text, end), b'@' | b'.' | b':' | b',' | b'(');
        is_name.then(|| Self {
            text,
            open,
            name,
            end,
            attributes: attributes(text, end),
        })
    }

    /// Whether it closes an element.
    pub(super) fn is_closing(&self) -> bool {
        at(self.text, self.open + 1) == b'/'
    }

    /// Value of an attribute; empty when it has none.
    pub(super) fn attribute(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut index = 0;
        while let Some(start) = find(self.attributes, name, index) {
            index = start + name.len();
            let previous = before(self.attributes, start);
            let equals = skip_space(self.attributes, index);
            if !is_word(previous)
                && !matches!(previous, b'-' | b':')
                && at(self.attributes, equals) == b'='
            {
                return Some(value(self.attributes, equals + 1));
            }
        }
        None
    }

    /// Whether it has the attribute with a value.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.attribute(name).is_some_and(|value| !value.is_empty())
    }

    /// Index after the tag's `>`; `None` when it has none within reach.
    pub(super) fn content(&self) -> Option<usize> {
        let close = self.end + self.attributes.len();
        (at(self.text, close) == b'>').then_some(close + 1)
    }
}

/// `< iframe src=x>`: no browser opens it, sanitizers that trim make it whole.
fn spaced(text: &[u8], start: usize) -> Option<usize> {
    let name = skip_space(text, start);
    if name == start {
        return None;
    }
    let end = name + word(text, name).len();
    let is_active = matches!(
        word(text, name),
        b"script" | b"iframe" | b"object" | b"embed" | b"img" | b"svg"
    );
    (is_active && (at(text, end) == b'>' || attributes(text, end).contains(&b'='))).then_some(name)
}

fn attributes(text: &[u8], start: usize) -> &[u8] {
    let window = span(text, start, start + REACH);
    let length = skip_while(window, 0, |byte| !matches!(byte, b'>' | b'<'));
    span(window, 0, length)
}

/// The attribute value that starts at `start`, without its quotes.
pub(super) fn value(text: &[u8], start: usize) -> &[u8] {
    let start = skip_space(text, start);
    let quote = at(text, start);
    let end = match quote {
        b'"' | b'\'' | b'`' => {
            let end = skip_while(text, start + 1, |byte| byte != quote);
            return trim(span(text, start + 1, end));
        }
        _ => skip_while(text, start, |byte| !is_space(byte) && byte != b'>'),
    };
    span(text, start, end)
}

/// Whether a URL leaves the site or runs: it has a scheme, or starts with two slashes.
pub(super) fn is_foreign(url: &[u8]) -> bool {
    let url = trim(url);
    let scheme = skip_while(url, 0, |byte| is_word(byte) || matches!(byte, b'-' | b'+'));
    let is_slash = |byte: u8| matches!(byte, b'/' | b'\\');
    (scheme > 1 && at(url, scheme) == b':') || (is_slash(at(url, 0)) && is_slash(at(url, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_attributes() {
        let tag = Tag::at(b"<svg:a xlink:href = 'x y' href=z>q", 0).unwrap();
        assert_eq!(tag.name, b"a");
        assert_eq!(tag.attribute(b"xlink:href"), Some(&b"x y"[..]));
        assert_eq!(tag.attribute(b"href"), Some(&b"z"[..]));
        assert_eq!(tag.content(), Some(33));
        assert!(Tag::at(b"<john@example.com>", 0).is_none());
        assert!(Tag::at(b"< b", 0).is_none());
        assert!(Tag::at(b"< img src=x>", 0).is_some());
        assert!(Tag::at(b"</script>", 0).unwrap().is_closing());
    }

    #[test]
    fn knows_foreign_urls() {
        for url in [&b"//x"[..], b"https://x", b"data:x", b"\\\\x", b" /\\x"] {
            assert!(is_foreign(url));
        }
        for url in [&b"/x"[..], b"x.css", b"?a:b", b"#x", b""] {
            assert!(!is_foreign(url));
        }
    }
}
