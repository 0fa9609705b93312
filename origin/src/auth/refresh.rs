//! Refresh tokens: 32 bytes in base64url, opaque, SHA-256 at rest.
//!
//! The successor of a token is an HMAC of it under a key that only the origin
//! has. So the same successor can be given again to a second request that
//! comes within the grace, and needs to be stored nowhere in clear; who stole
//! a token cannot compute what follows it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::secret::Secret;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// How long after its exchange a token still gets the same successor. A page
/// that refreshes in two tabs at once, or whose answer got lost, stays logged in.
pub(super) const GRACE_MS: u64 = 10_000;

/// A token in clear, on its way to or from its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefreshToken(Secret);

impl RefreshToken {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes.to_vec()))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        // 32 bytes have 43 digits; nothing longer is worth decoding.
        let secret = (text.len() == 43).then(|| Secret::from_base64url(text))??;
        Some(Self(secret))
    }

    /// As clients hold it.
    pub(super) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.expose())
    }

    /// As the database holds it.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose()).into()
    }
}

/// Derives successors.
#[derive(Debug)]
pub(super) struct Successors(Secret);

impl Successors {
    /// The key is derived from the token key, for this purpose alone.
    pub(super) fn new(token_key: &Secret) -> Self {
        Self(Secret::new(
            hmac(token_key, b"gapura refresh token successor v1").to_vec(),
        ))
    }

    pub(super) fn of(&self, token: &RefreshToken) -> RefreshToken {
        RefreshToken::new(hmac(&self.0, token.0.expose()))
    }
}

/// HMAC-SHA256, for keys derived from the token key and what is made under them.
pub(super) fn hmac(key: &Secret, message: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length (RFC 2104 §2): the fallback is never reached.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose())
        .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::{RefreshToken, Successors};
    use gapura_shared::secret::Secret;

    #[test]
    fn refuses_what_is_not_32_bytes() {
        for bad in ["", "abc", &"A".repeat(42), &"A".repeat(44), &"*".repeat(43)] {
            assert_eq!(RefreshToken::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let token = RefreshToken::new([7; 32]);
        assert!(!format!("{token:?}").contains(&token.encode()));
    }

    #[test]
    fn a_token_has_one_successor_and_only_under_our_key() {
        let token = RefreshToken::new([7; 32]);
        let ours = Successors::new(&Secret::new(vec![1; 32]));
        let theirs = Successors::new(&Secret::new(vec![2; 32]));
        assert_eq!(ours.of(&token), ours.of(&token));
        assert_ne!(ours.of(&token), theirs.of(&token));
        assert_ne!(ours.of(&token), token);
        let text = ours.of(&token).encode();
        assert_eq!(RefreshToken::parse(&text), Some(ours.of(&token)));
    }

    /// What is stored and handed out must stay readable after an update.
    #[test]
    fn formats_unchanged() {
        let ours = Successors::new(&Secret::new(vec![1; 32]));
        let next = ours.of(&RefreshToken::new([7; 32]));
        assert_eq!(next.encode(), "OR9Xde3koZEVE4y7i6aMfDVuNK3ECsw0dUNhmPQUQ7Q");
    }
}
