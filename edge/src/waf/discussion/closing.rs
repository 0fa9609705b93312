//! Where a text first closes what it did not open: from there on it goes on where the
//! application's own text stopped.

use crate::waf::scan::{at, before, is_space, is_word};

/// Index of the first quotation mark that ends a string begun before the text. Strings end with
/// their line, an apostrophe is none.
pub(super) fn first(text: &[u8]) -> Option<usize> {
    let mut open = 0;
    let mut index = 0;
    while index < text.len() {
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
            assert_eq!(first(text.as_bytes()), closing, "{text}");
        }
    }
}
