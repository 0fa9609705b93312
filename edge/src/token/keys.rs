//! Key sets (RFC 7517 §5): verifying keys by id.

use super::key::{KeyFault, Purpose, VerifyingKey};
use serde::Deserialize;
use serde_json::Value;

/// Most usable keys in one set.
pub const MAX_KEYS: usize = 16;

/// Longest JWK set, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// Where a set was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrigin {
    /// A secret of this deployment: may hold symmetric keys, every key must be usable.
    Secret,
    /// A URL: public keys alone; keys for other purposes are passed over
    /// (RFC 7517 §5).
    Url,
}

/// Why a text is not a key set. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKeySet {
    /// Longer than [`MAX_KEY_SET_BYTES`].
    #[error("a key set has at most {MAX_KEY_SET_BYTES} bytes")]
    TooLarge,
    /// Not a JSON object with a list `keys`.
    #[error("not a JWK set")]
    Syntax,
    /// No usable key.
    #[error("no usable key in the set")]
    Empty,
    /// More than [`MAX_KEYS`] usable keys.
    #[error("more than {MAX_KEYS} keys in the set")]
    TooMany,
    /// One key spoils the set.
    #[error("key {index} of the set: {fault}")]
    Key {
        /// Place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        fault: KeyFault,
    },
}

/// Verifying keys by id, each with its one algorithm. `Debug` shows ids and algorithms alone.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    verifying: VerifyingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWK set. `alg` may be left out for P-256 (ES256) and Ed25519
    /// (EdDSA) keys; `kid` may be left out if the set has one key alone.
    ///
    /// # Errors
    /// [`BadKeySet`]. In a set from a URL, keys that are merely not for us are
    /// passed over; private and symmetric ones spoil the set, as their owner
    /// has given them away.
    pub fn from_jwks(json: &str, origin: KeyOrigin) -> Result<Self, BadKeySet> {
        if json.len() > MAX_KEY_SET_BYTES {
            return Err(BadKeySet::TooLarge);
        }
        let document: Document = serde_json::from_str(json).map_err(|_| BadKeySet::Syntax)?;
        let mut keys = Vec::new();
        for (index, jwk) in document.keys.iter().enumerate() {
            match read(jwk, origin).and_then(|key| distinct(&keys, key)) {
                Ok(key) => keys.push(key),
                Err(fault) if origin == KeyOrigin::Url && is_not_for_us(fault) => {}
                Err(fault) => return Err(BadKeySet::Key { index, fault }),
            }
        }
        match keys.len() {
            0 => Err(BadKeySet::Empty),
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(BadKeySet::TooMany),
        }
    }

    /// Whether there is no key at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of both sets. Where both have the same id, ours is found: a key
    /// from a URL cannot take the place of a configured one.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// The key of this id. A token without `kid` means the key without one,
    /// or the only key.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        let named = self.0.iter().find(|key| key.id.as_deref() == kid);
        let only = match self.0.as_slice() {
            [only] if kid.is_none() => Some(only),
            _ => None,
        };
        named.or(only).map(|key| &key.verifying)
    }
}

fn read(jwk: &Value, origin: KeyOrigin) -> Result<Key, KeyFault> {
    let purpose = Purpose::read(jwk)?;
    if origin == KeyOrigin::Url && purpose.kty == "oct" {
        return Err(KeyFault::Published);
    }
    let verifying = VerifyingKey::read(jwk, &purpose)?;
    Ok(Key {
        id: purpose.kid,
        verifying,
    })
}

/// A token must never fit two keys.
fn distinct(keys: &[Key], key: Key) -> Result<Key, KeyFault> {
    if keys
        .iter()
        .any(|other| other.id.is_none() || key.id.is_none())
    {
        return Err(KeyFault::NoId);
    }
    if keys.iter().any(|other| other.id == key.id) {
        return Err(KeyFault::SameId);
    }
    Ok(key)
}

const fn is_not_for_us(fault: KeyFault) -> bool {
    match fault {
        KeyFault::Malformed | KeyFault::Algorithm | KeyFault::Use | KeyFault::Weak => true,
        KeyFault::Private | KeyFault::Published | KeyFault::NoId | KeyFault::SameId => false,
    }
}
