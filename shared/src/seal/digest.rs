//! `Content-Digest` (RFC 9530), SHA-256 alone.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// The field value for a body.
#[must_use]
pub fn sha256(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// The digest in a field value that [`sha256`] wrote: one member, no parameters.
#[must_use]
pub fn parse_sha256(value: &str) -> Option<[u8; 32]> {
    let encoded = value.strip_prefix("sha-256=:")?.strip_suffix(':')?;
    STANDARD.decode(encoded).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{parse_sha256, sha256};

    /// RFC 9530 §B.1, the `sha-256` of its unencoded JSON.
    #[test]
    fn writes_the_digest_of_the_rfc() {
        assert_eq!(
            sha256(b"{\"hello\": \"world\"}\n"),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        );
    }

    #[test]
    fn refuses_other_forms() {
        let good = sha256(b"");
        assert!(parse_sha256(&good).is_some());
        for bad in [
            "",
            "sha-512=:AA==:",
            "sha-256=:AA==:",
            &format!("{good}, sha-512=:AA==:"),
            &good.replace(':', ""),
        ] {
            assert_eq!(parse_sha256(bad), None, "{bad}");
        }
    }
}
