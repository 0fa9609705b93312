//! Percent-decoding (RFC 3986 §2.1), strict.

use std::borrow::Cow;

/// A `%` that is not followed by two hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed percent-encoding")]
pub struct Malformed;

/// Decodes every `%XX` once. The output is never longer than the input, and
/// need not be UTF-8.
///
/// # Errors
/// [`Malformed`] at the first `%` without two hex digits behind it.
pub fn decode(text: &str) -> Result<Cow<'_, [u8]>, Malformed> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = rest.next().and_then(nibble).ok_or(Malformed)?;
            let low = rest.next().and_then(nibble).ok_or(Malformed)?;
            decoded.push(high << 4 | low);
        } else {
            decoded.push(byte);
        }
    }
    Ok(Cow::Owned(decoded))
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{Malformed, decode};
    use crate::ids::hex;
    use proptest::prelude::*;

    #[test]
    fn refuses_a_percent_without_two_digits() {
        for bad in ["%", "%4", "%4g", "%%41", "a%+1", "%\u{fc}1"] {
            assert_eq!(decode(bad), Err(Malformed), "{bad}");
        }
    }

    #[test]
    fn decodes_once_and_only_once() {
        assert_eq!(decode("%2541%c3%BC").unwrap().as_ref(), b"%41\xc3\xbc");
    }

    proptest! {
        #[test]
        fn never_panics_and_never_grows(text in ".*") {
            if let Ok(decoded) = decode(&text) {
                prop_assert!(decoded.len() <= text.len());
            }
        }

        #[test]
        fn restores_what_was_encoded(bytes: Vec<u8>) {
            let encoded: String = bytes.iter().flat_map(|b| ["%".to_owned(), hex(&[*b])]).collect();
            prop_assert_eq!(decode(&encoded).unwrap().into_owned(), bytes);
        }
    }
}
