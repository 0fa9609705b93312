//! `multipart/form-data` (RFC 7578): names, file names, field values, and the first bytes of files.

use crate::waf::field::Sink;
use crate::waf::scan::{find, from, span, stands};
use crate::waf::{Part, rules};

/// Most parts read; more is a finding.
const MAX_PARTS: usize = 256;
/// Longest head of one part; more is a finding.
const MAX_HEAD_BYTES: usize = 4096;
/// Longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;
/// First bytes of a file that are looked at.
const MAX_FILE_HEAD: usize = 1024;

/// Hands the parts to the sink. Without a usable boundary the body cannot be read as the
/// application will read it, which is a finding.
pub(super) fn read(content_type: &str, bytes: &[u8], sink: &mut impl Sink) {
    let Some(boundary) = boundary(content_type) else {
        return sink.broken(
            &rules::protocol::MULTIPART,
            Part::Body,
            "multipart without a boundary",
        );
    };
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let mut starts = delimiters(bytes, &delimiter);
    let Some(mut start) = starts.next() else {
        return sink.broken(
            &rules::protocol::MULTIPART,
            Part::Body,
            "multipart without its boundary",
        );
    };
    for (count, end) in starts.chain([bytes.len()]).enumerate() {
        if count >= MAX_PARTS {
            return sink.broken(
                &rules::protocol::FIELDS,
                Part::Body,
                "more than 256 multipart parts",
            );
        }
        if sink.is_full() {
            return;
        }
        part(span(bytes, start + delimiter.len(), end), sink);
        start = end;
    }
}

fn delimiters<'a>(bytes: &'a [u8], delimiter: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let mut index = 0;
    std::iter::from_fn(move || {
        loop {
            let dash = from(bytes, index).iter().position(|byte| *byte == b'-')? + index;
            index = dash + 1;
            if stands(bytes, dash, delimiter) {
                index = dash + delimiter.len();
                return Some(dash);
            }
        }
    })
}

fn boundary(content_type: &str) -> Option<&str> {
    let parameter = |part: &'_ str| -> Option<usize> {
        part.trim_start()
            .get(..9)?
            .eq_ignore_ascii_case("boundary=")
            .then(|| part.len() - part.trim_start().len() + 9)
    };
    let value = content_type
        .split(';')
        .find_map(|part| part.get(parameter(part)?..))?
        .trim()
        .trim_matches('"');
    (!value.is_empty() && value.len() <= MAX_BOUNDARY).then_some(value)
}

/// One part: head, blank line, content. The closing delimiter leaves `--` and nothing to read.
fn part(bytes: &[u8], sink: &mut impl Sink) {
    if bytes.starts_with(b"--") {
        return;
    }
    let window = span(bytes, 0, MAX_HEAD_BYTES);
    let head_end = find(window, b"\r\n\r\n", 0)
        .map(|end| (end, 4))
        .or_else(|| find(window, b"\n\n", 0).map(|end| (end, 2)));
    let Some((end, gap)) = head_end else {
        if bytes.len() > 4 {
            sink.broken(
                &rules::protocol::MULTIPART,
                Part::Body,
                "multipart head without an end",
            );
        }
        return;
    };
    let head = String::from_utf8_lossy(span(bytes, 0, end)).into_owned();
    let content = from(bytes, end + gap);
    let content = content
        .strip_suffix(b"\r\n")
        .or_else(|| content.strip_suffix(b"\n"))
        .unwrap_or(content);
    let name = parameter(&head, "name").unwrap_or_default();
    sink.field(Part::MultipartName, &name, name.as_bytes());
    match parameter(&head, "filename") {
        Some(file) => {
            sink.field(Part::FileName, &name, file.as_bytes());
            self::head(content, &name, sink);
        }
        None => sink.field(Part::Multipart, &name, content),
    }
}

/// The first bytes of a file, which betray a script whatever its declared type.
pub(super) fn head(content: &[u8], name: &str, sink: &mut impl Sink) {
    sink.field(Part::File, name, span(content, 0, MAX_FILE_HEAD));
}

/// A parameter of `Content-Disposition`: quoted, bare, or extended (`filename*=`, RFC 8187).
fn parameter(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| {
        line.to_ascii_lowercase()
            .starts_with("content-disposition:")
    })?;
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('=') {
        let key = before
            .rsplit([';', ' ', '\t', '"'])
            .next()
            .unwrap_or_default();
        let (value, next) = value(after);
        if key.trim_end_matches('*').eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
    None
}

/// A value and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, next) = text.split_at(end);
        return (value.trim().to_owned(), next);
    };
    let mut escaped = false;
    for (index, character) in quoted.char_indices() {
        match character {
            '"' if !escaped => {
                let (value, next) = quoted.split_at(index);
                return (
                    value.replace("\\\"", "\""),
                    next.get(1..).unwrap_or_default(),
                );
            }
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    (quoted.to_owned(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundary_is_read_quoted_and_bare() {
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Some("abc"));
        assert_eq!(
            boundary("multipart/form-data; charset=x; Boundary=\"a b\""),
            Some("a b")
        );
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(
            boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))),
            None
        );
    }

    #[test]
    fn parameters_are_read_in_every_spelling() {
        let head = "\r\nContent-Disposition: form-data; name=\"a;b=c\"; filename*=UTF-8''x.php\r\n";
        assert_eq!(parameter(head, "name").as_deref(), Some("a;b=c"));
        assert_eq!(parameter(head, "filename").as_deref(), Some("UTF-8''x.php"));
        let escaped = "Content-Disposition: form-data; name=\"a\\\"b\"; filename=x.txt";
        assert_eq!(parameter(escaped, "name").as_deref(), Some("a\"b"));
        assert_eq!(parameter(escaped, "filename").as_deref(), Some("x.txt"));
    }
}
