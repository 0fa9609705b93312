//! Tokens verified a moment ago, one cache per isolate.
//!
//! Guarantees: an entry is never used at or after the token's `exp` (no leeway
//! here), nor [`MAX_AGE_S`] after it was stored, nor under other keys. Tokens
//! are kept by their SHA-256 alone. What is evicted depends on the calls alone.
//! Leaves to others: revocation, which is checked after a hit as well.

use super::Verified;
use gapura_shared::time::UnixSeconds;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How long an entry is used at most.
pub const MAX_AGE_S: u64 = 300;

/// Entries of a cache: some 100 KB of an isolate's 128 MB.
pub const CAPACITY: usize = 256;

/// Verified tokens.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    entries: BTreeMap<[u8; 32], Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    verified: Verified,
    until: UnixSeconds,
    generation: u64,
}

impl Cache {
    /// What was stored for this token, if it is still good under the key
    /// set of this `generation`.
    pub fn get(&mut self, token: &str, now: UnixSeconds, generation: u64) -> Option<&Verified> {
        let digest = digest(token);
        let good = |entry: &Entry| now < entry.until && entry.generation == generation;
        if !self.entries.get(&digest).is_some_and(good) {
            self.entries.remove(&digest);
        }
        self.entries.get(&digest).map(|entry| &entry.verified)
    }

    /// Stores what a token proved. When full, the entry that would end first goes.
    pub fn put(&mut self, token: &str, verified: Verified, now: UnixSeconds, generation: u64) {
        let until = verified.expires.min(now.after(MAX_AGE_S));
        if now >= until {
            return;
        }
        let digest = digest(token);
        if self.entries.len() >= CAPACITY && !self.entries.contains_key(&digest) {
            self.evict();
        }
        self.entries.insert(
            digest,
            Entry {
                verified,
                until,
                generation,
            },
        );
    }

    fn evict(&mut self) {
        let first = self
            .entries
            .iter()
            .min_by_key(|(digest, entry)| (entry.until, **digest));
        if let Some(digest) = first.map(|(digest, _)| *digest) {
            self.entries.remove(&digest);
        }
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, Cache, MAX_AGE_S};
    use crate::token::Verified;
    use gapura_shared::{claims::Assurance, identity::Principal, time::UnixSeconds};

    const NOW: UnixSeconds = UnixSeconds(1000);

    fn verified(expires: u64) -> Verified {
        let principal = Principal {
            subject: Some("u".into()),
            role: "user".into(),
            tenant: None,
            session: None,
            token_id: None,
            assurance: Assurance::Aal1,
        };
        Verified {
            principal,
            expires: UnixSeconds(expires),
            issued_at: None,
            key_id: None,
        }
    }

    fn cache(expires: u64) -> Cache {
        let mut cache = Cache::default();
        cache.put("t", verified(expires), NOW, 1);
        cache
    }

    #[test]
    fn never_outlives_expiry() {
        let mut cache = cache(1010);
        assert!(cache.get("t", UnixSeconds(1009), 1).is_some());
        assert!(cache.get("t", UnixSeconds(1010), 1).is_none());
        assert!(
            cache.get("t", UnixSeconds(1009), 1).is_none(),
            "it is gone, not hidden"
        );
    }

    #[test]
    fn never_stores_what_passed_by_leeway() {
        assert!(cache(1000).entries.is_empty());
    }

    #[test]
    fn never_outlives_its_age() {
        let mut cache = cache(u64::MAX);
        assert!(cache.get("t", NOW.after(MAX_AGE_S - 1), 1).is_some());
        assert!(cache.get("t", NOW.after(MAX_AGE_S), 1).is_none());
    }

    #[test]
    fn never_outlives_its_keys() {
        assert!(cache(2000).get("t", NOW, 2).is_none());
        assert!(cache(2000).get("t", NOW, 1).is_some());
    }

    #[test]
    fn knows_only_the_very_token() {
        assert!(cache(2000).get("t ", NOW, 1).is_none());
        let shown = format!("{:?}", {
            let mut cache = Cache::default();
            cache.put("header.claims.signature", verified(2000), NOW, 1);
            cache
        });
        assert!(!shown.contains("claims.signature"));
    }

    #[test]
    fn stays_bounded_and_evicts_what_ends_first() {
        let mut cache = Cache::default();
        for n in 0..CAPACITY as u64 {
            cache.put(&format!("t{n}"), verified(1100 + n), NOW, 1);
        }
        // A known token takes no second place.
        cache.put("t5", verified(1105), NOW, 1);
        assert!(cache.get("t0", NOW, 1).is_some());
        cache.put("new", verified(1200), NOW, 1);
        assert_eq!(cache.entries.len(), CAPACITY);
        assert!(cache.get("t0", NOW, 1).is_none());
        assert!(cache.get("t1", NOW, 1).is_some());
        assert!(cache.get("new", NOW, 1).is_some());
    }
}
