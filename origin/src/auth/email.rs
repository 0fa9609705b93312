//! E-mail addresses: what HTML calls valid (Living Standard, "valid e-mail
//! address"), trimmed and in lower case, within the lengths of RFC 5321 §4.5.3.1.

/// Longest address (RFC 5321 erratum 1690).
const MAX_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;
const MAX_LABEL_BYTES: usize = 63;

/// The one form under which an address is known; `None` when it is not one.
#[must_use]
pub fn normalise(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.split_once('@')?;
    let fits = text.len() <= MAX_BYTES
        && (1..=MAX_LOCAL_BYTES).contains(&local.len())
        && local.bytes().all(is_local)
        && domain.split('.').all(is_label);
    fits.then(|| text.to_ascii_lowercase())
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_address() {
        let long_local = format!("{}@b.co", "a".repeat(65));
        let long_domain = format!("a@{}co", "abcdefghi.".repeat(30));
        for bad in [
            "",
            "@",
            "a@",
            "@b.co",
            "a b@c.co",
            "a@b@c.co",
            "a@b..co",
            "a@-b.co",
            "a@b-.co",
            "a@b_c.co",
            "a\r\n@b.co",
            "a@b.co\0",
            "ä@b.co",
            "a@bücher.de",
            "a,b@c.co",
            &long_local,
            &long_domain,
        ] {
            assert_eq!(normalise(bad), None, "{bad}");
        }
    }

    #[test]
    fn knows_one_address_by_one_form() {
        for written in ["Made@Example.COM", " made@example.com\n"] {
            assert_eq!(normalise(written).as_deref(), Some("made@example.com"));
        }
        assert!(normalise("a.b+c@sub.example.co.id").is_some());
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(text in ".{0,80}") {
            if let Some(once) = normalise(&text) {
                prop_assert_eq!(normalise(&once), Some(once));
            }
        }
    }
}
