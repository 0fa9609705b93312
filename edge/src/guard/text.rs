//! Words that can stand in a message: percent-encoded, so that no separator is in them.

use std::fmt::Write;

/// Bytes that stand for themselves.
const fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@' | b'+')
}

/// The word of any text.
pub(super) fn encode(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            word.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(word, "%{byte:02X}");
        }
    }
    word
}

/// The text of a word; `None` for what [`encode`] does not write.
pub(super) fn decode(word: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        if plain(first) {
            bytes.push(first);
            rest = behind;
        } else {
            let (digits, behind) = behind.split_at_checked(2).filter(|_| first == b'%')?;
            let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            let canonical = digits
                .iter()
                .all(|d| matches!(d, b'0'..=b'9' | b'A'..=b'F'));
            if plain(byte) || !canonical {
                return None;
            }
            bytes.push(byte);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Whether a text is a name of a class or jail: up to 64 letters, digits, `-`, `_`, `.`.
pub(super) fn is_name(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use proptest::prelude::*;

    #[test]
    fn reads_only_what_it_writes() {
        assert_eq!(encode("a b,c"), "a%20b%2Cc");
        for other in ["%61", "%2c", "%2", "%", "a b", "a,b", "%FF"] {
            assert_eq!(decode(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in ".*") {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }
    }
}
