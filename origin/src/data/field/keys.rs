//! The keys that come from the environment, and those derived from them.

use base64::{Engine, engine::general_purpose::STANDARD};
use gapura_shared::secret::Secret;
use hkdf::Hkdf;
use sha2::Sha256;

/// Not an `APP_KEY` for AES-256. Never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Laravel's key is written as in its APP_KEY: `base64:` and 32 bytes")]
pub struct BadLaravelKey;

/// `APP_KEY` of a Laravel application, for its payloads under AES-256-CBC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaravelKey(pub(super) Secret);

impl LaravelKey {
    /// Reads `base64:` and 32 bytes in base64.
    ///
    /// # Errors
    /// [`BadLaravelKey`].
    pub fn parse(text: &str) -> Result<Self, BadLaravelKey> {
        let key = text.trim().strip_prefix("base64:").ok_or(BadLaravelKey)?;
        let key = STANDARD.decode(key).map_err(|_| BadLaravelKey)?;
        Some(Secret::new(key))
            .filter(|key| key.expose().len() == 32)
            .map(Self)
            .ok_or(BadLaravelKey)
    }
}

/// What a derived key is for. The texts never change: they are part of every key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Field,
    BlindIndex,
    Check,
}

impl Purpose {
    const fn text(self) -> &'static str {
        match self {
            Self::Field => "gapura field encryption v2",
            Self::BlindIndex => "gapura blind index v1",
            Self::Check => "gapura field key check v1",
        }
    }
}

/// A key-encryption key.
pub(super) struct Kek {
    pub(super) id: String,
    pub(super) secret: Secret,
    hkdf: Hkdf<Sha256>,
}

impl Kek {
    pub(super) fn new((id, secret): (String, Secret)) -> Self {
        let hkdf = Hkdf::new(None, secret.expose());
        Self { id, secret, hkdf }
    }

    /// A key for one purpose and nothing else (HKDF-SHA256, RFC 5869).
    pub(super) fn derive(&self, purpose: Purpose, parts: &[&str]) -> [u8; 32] {
        let mut info = vec![purpose.text()];
        info.extend(parts);
        let mut key = [0; 32];
        // Only more than 255 * 32 bytes cannot be made (RFC 5869 §2.3).
        let made = self.hkdf.expand(&joined(&info), &mut key);
        debug_assert!(made.is_ok());
        key
    }
}

/// The parts as one text of bytes that no other parts make: each behind its length.
pub(super) fn joined(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{BadLaravelKey, LaravelKey, joined};
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_not_laravels_key() {
        let key = |bytes: &str| format!("base64:{}", "A".repeat(bytes.len()) + bytes);
        for text in [
            "",
            "base64:",
            "AAAA",
            &key("="),
            &format!("base64:{}==", "A".repeat(22)),
        ] {
            assert_eq!(LaravelKey::parse(text), Err(BadLaravelKey), "{text}");
        }
        assert!(LaravelKey::parse(&format!("base64:{}=", "A".repeat(43))).is_ok());
    }

    proptest! {
        #[test]
        fn no_other_parts_make_the_same_bytes(
            one in prop::collection::vec("[ab\0]{0,3}", 0..4),
            other in prop::collection::vec("[ab\0]{0,3}", 0..4),
        ) {
            let bytes = |parts: &[String]| joined(&parts.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(one == other, bytes(&one) == bytes(&other));
        }
    }
}
