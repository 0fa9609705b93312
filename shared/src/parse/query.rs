//! Names and values of a query or of an `application/x-www-form-urlencoded`
//! body, split as the URL Standard's form parser does.

use super::percent::{Malformed, decode};

/// Why a value of a query cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A `%` without two hex digits.
    #[error("malformed percent-encoding")]
    Percent,
    /// Decoded bytes that are not UTF-8.
    #[error("not UTF-8")]
    Utf8,
}

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Self {
        Self::Percent
    }
}

/// The pairs as sent, still encoded. A part without `=` is a name with an empty value.
pub fn raw_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// One name or value, decoded: `+` is a space, `%XX` a byte, the whole UTF-8.
///
/// # Errors
/// [`Unreadable`] for malformed percent-encoding or bytes that are not UTF-8.
pub fn decode_value(raw: &str) -> Result<String, Unreadable> {
    let spaced = raw.replace('+', " ");
    String::from_utf8(decode(&spaced)?.into_owned()).map_err(|_| Unreadable::Utf8)
}

/// The first value of `name`, decoded.
///
/// # Errors
/// [`Unreadable`] where that value, or a name before it, cannot be read.
pub fn first(query: &str, name: &str) -> Result<Option<String>, Unreadable> {
    for (raw_name, raw_value) in raw_pairs(query) {
        if decode_value(raw_name)? == name {
            return decode_value(raw_value).map(Some);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{Unreadable, decode_value, first, raw_pairs};

    #[test]
    fn refuses_what_is_not_text() {
        assert_eq!(decode_value("%"), Err(Unreadable::Percent));
        assert_eq!(decode_value("%ff"), Err(Unreadable::Utf8));
        assert_eq!(first("%ff=1&a=2", "a"), Err(Unreadable::Utf8));
    }

    #[test]
    fn splits_as_browsers_do() {
        let pairs: Vec<_> = raw_pairs("a=1&&b&=c&d=e=f").collect();
        assert_eq!(pairs, [("a", "1"), ("b", ""), ("", "c"), ("d", "e=f")]);
    }

    #[test]
    fn takes_the_first_of_several() {
        assert_eq!(first("a=1&%61=2", "a"), Ok(Some("1".into())));
        assert_eq!(
            first("grant%5Ftype=a+b", "grant_type"),
            Ok(Some("a b".into()))
        );
        assert_eq!(first("", "a"), Ok(None));
    }
}
