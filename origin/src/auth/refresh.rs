//! Refresh tokens: opaque, SHA-256 at rest.
//!
//! The successor of a token is an HMAC of it under a key that only the origin
//! has. So the same successor can be given again to a second request that
//! comes within the grace, and needs to be stored nowhere in clear; who stole
//! a token cannot compute what follows it.
//!
//! A token names its session under a tag of ours. So one that was exchanged long ago is known for what it
//! is when it comes again, without a row for each that ever was.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::secret::Secret;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long after its exchange a token still gets the same successor. A page
/// that refreshes in two tabs at once, or whose answer got lost, stays logged in.
pub(super) const GRACE_MS: u64 = 10_000;

/// What nobody can guess.
const SECRET_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// A session's id, a UUID as text.
const SESSION_BYTES: usize = 36;
const TOKEN_BYTES: usize = SECRET_BYTES + TAG_BYTES + SESSION_BYTES;
/// In base64url.
const TOKEN_CHARS: usize = TOKEN_BYTES.div_ceil(3) * 4;

/// A token in clear, on its way to or from its owner: a secret, a tag, the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefreshToken(Secret);

impl RefreshToken {
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Nothing longer is worth decoding.
        let bytes = (text.len() == TOKEN_CHARS).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        (bytes.len() == TOKEN_BYTES).then(|| Self(Secret::new(bytes)))
    }

    /// As clients hold it.
    pub(super) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.expose())
    }

    /// As the database holds it.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose()).into()
    }

    fn tag_and_session(&self) -> (&[u8], &[u8]) {
        let tagged = self.0.expose().get(SECRET_BYTES..).unwrap_or_default();
        tagged.split_at(TAG_BYTES.min(tagged.len()))
    }
}

/// Makes tokens.
#[derive(Debug)]
pub(super) struct RefreshKeys {
    successor: Secret,
    tag: Secret,
}

impl RefreshKeys {
    /// The keys are derived from the token key, each for its purpose alone.
    pub(super) fn new(token_key: &Secret) -> Self {
        let derived = |purpose: &[u8]| Secret::new(hmac(token_key, purpose).to_vec());
        Self {
            successor: derived(b"gapura refresh token successor v1"),
            tag: derived(b"gapura refresh token tag v1"),
        }
    }

    /// A token of a session, of unpredictable bytes.
    pub(super) fn token(&self, session: &str, secret: [u8; SECRET_BYTES]) -> RefreshToken {
        self.tagged(session.as_bytes(), secret)
    }

    /// What a token is exchanged for.
    pub(super) fn successor(&self, token: &RefreshToken) -> RefreshToken {
        let (_, session) = token.tag_and_session();
        self.tagged(session, hmac(&self.successor, token.0.expose()))
    }

    /// The session that a token was made for; `None` where it is none of ours.
    pub(super) fn session(&self, token: &RefreshToken) -> Option<String> {
        let (tag, session) = token.tag_and_session();
        let secret = token.0.expose().get(..SECRET_BYTES)?;
        let is_ours: bool = self.tag(secret, session).ct_eq(tag).into();
        let session = is_ours.then(|| std::str::from_utf8(session).ok())?;
        session.map(str::to_owned)
    }

    fn tagged(&self, session: &[u8], secret: [u8; SECRET_BYTES]) -> RefreshToken {
        let tag = self.tag(&secret, session);
        RefreshToken(Secret::new([&secret, tag.as_slice(), session].concat()))
    }

    fn tag(&self, secret: &[u8], session: &[u8]) -> [u8; TAG_BYTES] {
        let whole = hmac(&self.tag, &[secret, session].concat());
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(whole.first_chunk::<TAG_BYTES>().unwrap_or(&[0; TAG_BYTES]));
        tag
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
    use super::{RefreshKeys, RefreshToken};
    use gapura_shared::secret::Secret;

    const SESSION: &str = "00000000-0000-4000-8000-000000000000";

    fn keys(byte: u8) -> RefreshKeys {
        RefreshKeys::new(&Secret::new(vec![byte; 32]))
    }

    #[test]
    fn refuses_what_is_not_as_long_as_a_token() {
        for bad in [0, 3, 43, 111, 113].map(|length| "A".repeat(length)) {
            assert_eq!(RefreshToken::parse(&bad), None, "{bad}");
        }
        assert_eq!(RefreshToken::parse(&"*".repeat(112)), None);
        assert!(RefreshToken::parse(&"A".repeat(112)).is_some());
    }

    #[test]
    fn debug_shows_nothing() {
        let token = keys(1).token(SESSION, [7; 32]);
        assert!(!format!("{token:?}").contains(&token.encode()));
    }

    #[test]
    fn a_token_has_one_successor_and_only_under_our_key() {
        let (ours, theirs) = (keys(1), keys(2));
        let token = ours.token(SESSION, [7; 32]);
        assert_eq!(ours.successor(&token), ours.successor(&token));
        assert_ne!(ours.successor(&token), theirs.successor(&token));
        assert_ne!(ours.successor(&token), token);
        let text = ours.successor(&token).encode();
        assert_eq!(RefreshToken::parse(&text), Some(ours.successor(&token)));
    }

    #[test]
    fn a_token_names_its_session_only_where_we_made_it() {
        let (ours, theirs) = (keys(1), keys(2));
        let token = ours.token(SESSION, [7; 32]);
        for token in [&token, &ours.successor(&token)] {
            assert_eq!(ours.session(token).as_deref(), Some(SESSION));
            assert_eq!(theirs.session(token), None);
        }
        // Another session, or another secret, in the place of its own.
        let text = token.encode();
        for at in [5, 70, 111] {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            let forged = RefreshToken::parse(&forged).unwrap();
            assert_eq!(ours.session(&forged), None, "{at}");
        }
    }

    /// What is stored and handed out must stay readable after an update.
    #[test]
    fn formats_unchanged() {
        let next = keys(1).successor(&keys(1).token(SESSION, [7; 32]));
        assert_eq!(
            next.encode(),
            "i0yg7kVbYjU68wKZ9-cZc0Z6x-rmlqWWOSuxjZMaruqDKJifmqyiQoUyRo9S0XQV\
             MDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAw"
        );
    }
}
