//! Challenges: what a client asks for before it sends a code. They are kept nowhere: factor, session
//! and end are under a tag, and nothing piles up however many are asked for. A challenge need not be
//! good once, for its code is.

use crate::auth::refresh::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::{secret::Secret, time::UnixSeconds};

/// How long a challenge can be answered.
const LIFETIME_S: u64 = 300;

/// Makes challenges and knows them again.
#[derive(Debug)]
pub struct Challenges(Secret);

/// A challenge for one factor in one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// What the client sends back with the code.
    pub id: String,
    /// Until when.
    pub expires: UnixSeconds,
}

impl Challenges {
    /// The key is derived from the token key, for this purpose alone.
    #[must_use]
    pub fn new(token_key: &Secret) -> Self {
        let key = hmac(token_key, b"gapura factor challenge v1");
        Self(Secret::new(key.to_vec()))
    }

    /// A challenge from now on.
    #[must_use]
    pub fn challenge(&self, factor: &str, session: &str, now: UnixSeconds) -> Challenge {
        let expires = now.after(LIFETIME_S);
        let tag = URL_SAFE_NO_PAD.encode(self.tag(factor, session, expires));
        Challenge {
            id: format!("{}.{tag}", expires.0),
            expires,
        }
    }

    /// Whether `id` is a challenge for this factor in this session that can still be answered.
    #[must_use]
    pub fn holds(&self, id: &str, factor: &str, session: &str, now: UnixSeconds) -> bool {
        let read = || {
            let (expires, tag) = id.split_once('.')?;
            let expires = UnixSeconds(expires.parse().ok()?);
            Some((expires, Secret::from_base64url(tag)?))
        };
        read().is_some_and(|(expires, tag)| {
            let ours = Secret::new(self.tag(factor, session, expires).to_vec());
            now < expires && tag == ours
        })
    }

    /// Ids have no dots: nothing can be read in two ways.
    fn tag(&self, factor: &str, session: &str, expires: UnixSeconds) -> [u8; 32] {
        hmac(
            &self.0,
            format!("{factor}.{session}.{}", expires.0).as_bytes(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Challenges, LIFETIME_S};
    use gapura_shared::{secret::Secret, time::UnixSeconds};

    const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

    #[test]
    fn holds_for_its_factor_session_and_time_alone() {
        let ours = Challenges::new(&Secret::new(vec![1; 32]));
        let id = ours.challenge("f", "s", NOW).id;
        assert!(ours.holds(&id, "f", "s", NOW));
        assert!(ours.holds(&id, "f", "s", NOW.after(LIFETIME_S - 1)));
        assert!(!ours.holds(&id, "f", "s", NOW.after(LIFETIME_S)));
        assert!(!ours.holds(&id, "g", "s", NOW));
        assert!(!ours.holds(&id, "f", "t", NOW));
        assert!(!Challenges::new(&Secret::new(vec![2; 32])).holds(&id, "f", "s", NOW));
        let later = id.replace(&NOW.after(LIFETIME_S).0.to_string(), "9999999999");
        assert_ne!(later, id);
        for forged in [&later, "", ".", "9999999999.", "x.y"] {
            assert!(!ours.holds(forged, "f", "s", NOW), "{forged}");
        }
    }
}
