//! The `Cookie` header (RFC 6265 §5.4), read the way lenient servers do.

/// Names and values of a `Cookie` header as sent, surrounding white space and
/// one pair of quotes taken off. A part without `=` is a value without a name.
pub fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or(("", part));
            (name.trim(), unquoted(value.trim()))
        })
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn reads_names_and_values() {
        let read: Vec<_> = pairs(r#" a=1; b="2" ;;c; d=e=f; ="g"#).collect();
        assert_eq!(
            read,
            [("a", "1"), ("b", "2"), ("", "c"), ("d", "e=f"), ("", "\"g")]
        );
    }
}
