//! Where a text closes what it did not open: from there on it goes on where the application's own
//! text stopped, up to the end of the paragraph.

use std::ops::Range;

use crate::waf::scan::{at, before, from, is_one_of, is_space, is_word, position};

/// Paragraphs remembered that break out of something; what comes after them counts to the last.
const MAX_RANGES: usize = 64;

/// What stands behind a quotation mark that ends a string begun before the text, in order.
pub(super) fn ranges(text: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    while let Some(closing) = first(text, start) {
        let end = if ranges.len() + 1 < MAX_RANGES {
            paragraph_end(text, closing)
        } else {
            text.len()
        };
        ranges.push(closing..end);
        start = end;
    }
    ranges
}

/// Where the next empty line starts.
fn paragraph_end(text: &[u8], start: usize) -> usize {
    let is_end = |window: &[u8]| matches!(window, [b'\n', b'\n', ..] | [b'\n', b'\r', b'\n']);
    let end = from(text, start).windows(3).position(is_end);
    end.map_or(text.len(), |end| start + end)
}

/// Whether the byte opens or ends a string, or what follows it.
fn is_mark(byte: u8) -> bool {
    is_one_of(byte, *b"\n\\'\"")
}

/// Index of the first quotation mark at or after `start` that ends a string begun before it.
/// Strings end with their line, an apostrophe is none.
fn first(text: &[u8], start: usize) -> Option<usize> {
    let mut open = 0;
    let mut index = start;
    while let Some(mark) = position(text, index, is_mark) {
        index = mark;
        match at(text, index) {
            b'\n' => open = 0,
            b'\\' => index += 1,
            quote @ (b'\'' | b'"') => {
                let (last, next) = (before(text, index), at(text, index + 1));
                let is_letter = |byte: u8| is_word(byte) || byte >= 0x80;
                if open == quote {
                    open = 0;
                } else if open == 0 && !(is_letter(last) && is_letter(next)) {
                    let is_after = is_letter(last) || matches!(last, b'?' | b'!' | b'.' | b'%');
                    let is_free = last == 0 || is_space(last);
                    let is_before = is_space(next) || matches!(next, b';' | b')' | b'|' | b'&' | 0);
                    if is_after && (is_before || next == b'-' || next == b'#')
                        || is_free && is_before
                    {
                        return Some(index);
                    }
                    open = quote;
                }
            }
            _ => {}
        }
        index += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_not_opened() {
        for (text, closing) in [
            ("why is this? ' or 1=1--", Some(13)),
            ("why is this?' or 1=1--", Some(12)),
            ("admin'-- why", Some(5)),
            ("please'; drop table users; --", Some(6)),
            ("1') or ('a'='a", Some(1)),
            ("what's wrong with 'this' and \"that\"?", None),
            ("x = 'it\\'s'; y = \"'\";", None),
            ("say \"don't\" and\n'x'", None),
            ("where name = 'o''brien' or n = ''", None),
        ] {
            assert_eq!(first(text.as_bytes(), 0), closing, "{text}");
        }
    }
}
