//! Secrets in the database: AES-256-GCM (NIST SP 800-38D) under a key derived from the token key,
//! so that a copy of the database alone gives away neither authenticators nor signing keys.
//!
//! Guarantees: what was sealed for one row opens for no other one. Nonces are random, which is
//! safe for 2³² of them under one key: that many factors and keys there will not be.

use super::refresh::hmac;
use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::secret::Secret;

const NONCE_BYTES: usize = 12;

/// Seals and opens.
pub(super) struct AtRest(Aes256Gcm);

impl std::fmt::Debug for AtRest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtRest")
    }
}

/// It was sealed under another key or for another row, or is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret in the database cannot be opened: was it sealed under another token key?")]
pub(super) struct Unopened;

impl AtRest {
    /// The key is derived from the token key, for this purpose alone.
    pub(super) fn new(token_key: &Secret) -> Self {
        let key = hmac(token_key, b"gapura secrets at rest v1");
        Self(Aes256Gcm::new(&key.into()))
    }

    /// As the database holds it, for the row `row` alone.
    pub(super) fn seal(&self, row: &str, secret: &[u8], nonce: [u8; NONCE_BYTES]) -> String {
        let payload = Payload {
            msg: secret,
            aad: row.as_bytes(),
        };
        // Only what is longer than 64 GB cannot be sealed.
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload);
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed.unwrap_or_default()].concat())
    }

    /// What [`Self::seal`] sealed.
    pub(super) fn open(&self, row: &str, text: &str) -> Result<Secret, Unopened> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unopened)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(Unopened)?;
        let payload = Payload {
            msg: sealed,
            aad: row.as_bytes(),
        };
        let opened = self.0.decrypt(&Nonce::from(*nonce), payload);
        opened.map(Secret::new).map_err(|_| Unopened)
    }
}

/// The row of a key that signs tokens.
pub(super) fn token_key(kid: &str) -> String {
    format!("token_key:{kid}")
}

/// The row of an authenticator.
pub(super) fn factor(id: &str) -> String {
    format!("factor:{id}")
}

#[cfg(test)]
mod tests {
    use super::{AtRest, Unopened};
    use gapura_shared::secret::Secret;
    use proptest::prelude::*;

    fn key(byte: u8) -> AtRest {
        AtRest::new(&Secret::new(vec![byte; 32]))
    }

    #[test]
    fn opens_for_its_row_and_key_alone() {
        let sealed = key(1).seal("factor:a", b"secret", [7; 12]);
        assert_eq!(
            key(1).open("factor:a", &sealed),
            Ok(Secret::new(b"secret".to_vec()))
        );
        assert_eq!(key(1).open("factor:b", &sealed), Err(Unopened));
        assert_eq!(key(2).open("factor:a", &sealed), Err(Unopened));
        let damaged = sealed.replacen(
            &sealed[20..21],
            if &sealed[20..21] == "A" { "B" } else { "A" },
            1,
        );
        assert_eq!(key(1).open("factor:a", &damaged), Err(Unopened));
        assert!(!sealed.contains("secret"));
    }

    /// What is stored must stay readable after an update.
    #[test]
    fn format_unchanged() {
        assert_eq!(
            key(1).seal("factor:a", b"secret", [7; 12]),
            "BwcHBwcHBwcHBwcHbsBVWlq3qP9IIL4Jhx3Jdkrflt7naw"
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}") {
            prop_assert_eq!(key(1).open("r", &text), Err(Unopened));
        }
    }
}
