//! The keys that come from the environment, and those derived from them.

use super::limit::{MAX_KEY_BYTES, MIN_KEY_BYTES};
use base64::{Engine, engine::general_purpose::STANDARD};
use gapura_shared::secret::Secret;
use hkdf::Hkdf;
use sha2::Sha256;

/// One or two key-encryption keys by id. Two are live during a rotation: the first one seals, both
/// open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    current: (String, Secret),
    previous: Option<(String, Secret)>,
}

/// Why a text does not hold keys. Never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// Not `id:key` or `id:key,id:key`.
    #[error("field keys are written `id:key` or `id:key,id:key`, the current key first")]
    Form,
    /// An id that is empty, longer than 32, or not of letters, digits, `-` and `_`.
    #[error("the id of a field key has 1 to 32 letters, digits, `-` or `_`")]
    Id,
    /// Not base64url, too short or too long.
    #[error("a field key is base64url without padding of {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes")]
    Key,
    /// The same id twice.
    #[error("the two field keys need different ids")]
    SameId,
    /// Not an `APP_KEY` for AES-256.
    #[error("Laravel's key is written as in its APP_KEY: `base64:` and 32 bytes")]
    Laravel,
}

impl Keys {
    /// Reads `id:key` or `id:key,id:key`, keys in unpadded base64url.
    ///
    /// # Errors
    /// [`BadKeys`].
    pub fn parse(text: &str) -> Result<Self, BadKeys> {
        let mut keys = text.trim().split(',').map(parse_one);
        let current = keys.next().ok_or(BadKeys::Form)??;
        let previous = keys.next().transpose()?;
        if keys.next().is_some() {
            return Err(BadKeys::Form);
        }
        if previous.as_ref().is_some_and(|(id, _)| *id == current.0) {
            return Err(BadKeys::SameId);
        }
        Ok(Self { current, previous })
    }

    /// The current one and the previous one.
    pub(super) fn into_parts(self) -> ((String, Secret), Option<(String, Secret)>) {
        (self.current, self.previous)
    }
}

fn parse_one(text: &str) -> Result<(String, Secret), BadKeys> {
    let (id, key) = text.trim().split_once(':').ok_or(BadKeys::Form)?;
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if id.is_empty() || id.len() > 32 || !id.bytes().all(word) {
        return Err(BadKeys::Id);
    }
    Secret::from_base64url(key)
        .filter(|secret| (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&secret.expose().len()))
        .map(|secret| (id.to_owned(), secret))
        .ok_or(BadKeys::Key)
}

/// `APP_KEY` of a Laravel application, for its payloads under AES-256-CBC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaravelKey(pub(super) Secret);

impl LaravelKey {
    /// Reads `base64:` and 32 bytes in base64.
    ///
    /// # Errors
    /// [`BadKeys::Laravel`].
    pub fn parse(text: &str) -> Result<Self, BadKeys> {
        let key = text
            .trim()
            .strip_prefix("base64:")
            .ok_or(BadKeys::Laravel)?;
        let key = STANDARD.decode(key).map_err(|_| BadKeys::Laravel)?;
        Some(Secret::new(key))
            .filter(|key| key.expose().len() == 32)
            .map(Self)
            .ok_or(BadKeys::Laravel)
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
    use super::{BadKeys, Keys, LaravelKey, joined};
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_not_one_or_two_keys() {
        let key = "A".repeat(43);
        for (text, fault) in [
            (String::new(), BadKeys::Form),
            (key.clone(), BadKeys::Form),
            (format!("a:{key},b:{key},c:{key}"), BadKeys::Form),
            (format!(":{key}"), BadKeys::Id),
            (format!("a b:{key}"), BadKeys::Id),
            (format!("a:{key}="), BadKeys::Key),
            (format!("a:{}", "A".repeat(42)), BadKeys::Key),
            (format!("a:{}", "A".repeat(172)), BadKeys::Key),
            (format!("a:{key},a:{key}"), BadKeys::SameId),
        ] {
            assert_eq!(Keys::parse(&text), Err(fault), "{text}");
        }
        assert!(Keys::parse(&format!("new:{key},old:{key}")).is_ok());
    }

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
            assert_eq!(LaravelKey::parse(text), Err(BadKeys::Laravel), "{text}");
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
