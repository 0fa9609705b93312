//! One-time tokens: what a link or a code in a mail lets its reader do.
//!
//! Guarantees: a token is good once, for a while, for what it was asked for; a newer one of its kind takes its
//! place. The link's 32 bytes and the code's six digits are HMACs of the token's id under a key that only
//! the origin has: neither is stored, in the queue or elsewhere, and who reads the database can make
//! neither. A code is compared in constant time and a few times at most. Whether an address
//! has an account changes nothing about the answers, the rows that are written or the time it takes: the
//! account is looked up when the mail is sent.

mod body;
mod issue;
mod pkce;
pub(super) mod request;
pub(super) mod verify;

pub(crate) use body::challenge;
pub(crate) use issue::{hand_over, prepare, recovery_link};
pub(crate) use pkce::exchange;
pub(crate) use request::order;
pub use request::{change_email, changing_user, check_nonce, use_nonce};

use super::refresh::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::secret::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Codes that may be tried for one token.
const MAX_GUESSES: u32 = 5;
/// Digits of a code.
const CODE_DIGITS: usize = 6;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Signup,
    Recovery,
    MagicLink,
    Invite,
    EmailChange,
    Reauthentication,
    /// To be exchanged by who asked for the mail (RFC 7636).
    Pkce,
}

impl Purpose {
    const ALL: [Self; 7] = [
        Self::Signup,
        Self::Recovery,
        Self::MagicLink,
        Self::Invite,
        Self::EmailChange,
        Self::Reauthentication,
        Self::Pkce,
    ];

    /// As supabase-js and the database name it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Recovery => "recovery",
            Self::MagicLink => "magiclink",
            Self::Invite => "invite",
            Self::EmailChange => "email_change",
            Self::Reauthentication => "reauthentication",
            Self::Pkce => "pkce",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// Derives tokens from their ids.
#[derive(Debug)]
pub(crate) struct OneTimeKey(Secret);

impl OneTimeKey {
    /// The key is derived from the token key, for this purpose alone.
    pub(super) fn new(token_key: &Secret) -> Self {
        Self(Secret::new(
            hmac(token_key, b"gapura one-time token v1").to_vec(),
        ))
    }

    /// What is in the link: 43 characters.
    fn link(&self, id: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac(&self.0, format!("link {id}").as_bytes()))
    }

    /// What can be typed instead.
    fn code(&self, id: &str) -> String {
        let bytes = hmac(&self.0, format!("code {id}").as_bytes());
        let number = bytes
            .iter()
            .fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % 1_000_000);
        format!("{number:0CODE_DIGITS$}")
    }

    fn is_code(&self, id: &str, code: &str) -> bool {
        self.code(id).as_bytes().ct_eq(code.as_bytes()).into()
    }
}

/// As the database holds the link's token.
fn hash(link: &str) -> [u8; 32] {
    Sha256::digest(link).into()
}

#[cfg(test)]
mod tests {
    use super::{OneTimeKey, Purpose};
    use gapura_shared::secret::Secret;

    /// What is in somebody's mailbox must stay good after an update.
    #[test]
    fn formats_unchanged() {
        let key = OneTimeKey::new(&Secret::new(vec![1; 32]));
        assert_eq!(
            key.link("m-1"),
            "xuJu0DdrQOo1Mp3KfAQ_wapwEUeHkehwRqbTFhQs-jo"
        );
        assert_eq!(key.code("m-1"), "540780");
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
        }
    }

    #[test]
    fn only_our_key_makes_them() {
        let ours = OneTimeKey::new(&Secret::new(vec![1; 32]));
        let theirs = OneTimeKey::new(&Secret::new(vec![2; 32]));
        assert_ne!(ours.link("m-1"), theirs.link("m-1"));
        assert_ne!(ours.link("m-1"), ours.link("m-2"));
        assert!(ours.is_code("m-1", &ours.code("m-1")));
        assert!(!ours.is_code("m-2", &ours.code("m-1")));
        assert!(!ours.is_code("m-1", "") && !ours.is_code("m-1", "12345"));
    }
}
