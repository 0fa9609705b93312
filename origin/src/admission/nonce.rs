//! Nonces of seals, remembered until the clock window refuses them by itself.
//!
//! Guarantees: a nonce is refused a second time for as long as its seal could
//! pass otherwise, whatever the clock does; nothing is ever forgotten early,
//! a full store refuses instead. Relies on nonces being random and authentic:
//! the first eight bytes serve as their hash, which nobody without a key can
//! choose.

use gapura_shared::time::UnixSeconds;
use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
    mem,
    sync::{Mutex, PoisonError},
};

/// Independent parts, so that requests seldom wait for each other.
const SHARDS: usize = 16;

/// Why a nonce is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NonceError {
    /// It was there before, or belongs to a time that is forgotten.
    #[error("the nonce was used before")]
    Used,
    /// There is no room.
    #[error("as many nonces are remembered as may")]
    Full,
}

/// The store.
#[derive(Debug)]
pub(super) struct Nonces {
    shards: [Mutex<Shard>; SHARDS],
}

impl Nonces {
    /// Room for `capacity` nonces.
    pub(super) fn new(capacity: usize) -> Self {
        let shard = |_| Mutex::new(Shard::new(capacity.div_ceil(SHARDS)));
        Self {
            shards: std::array::from_fn(shard),
        }
    }

    /// Remembers a nonce until `expires`.
    pub(super) fn remember(
        &self,
        nonce: [u8; 16],
        expires: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<(), NonceError> {
        let nonce = u128::from_be_bytes(nonce);
        // The low digits choose the shard, the high ones the place in it.
        let index = usize::try_from(nonce & 15).unwrap_or_default();
        let shard = self.shards.get(index).ok_or(NonceError::Full)?;
        // A shard is whole between any two statements: poisoning tells nothing.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.remember(nonce, expires, now)
    }
}

type Set = HashSet<u128, BuildHasherDefault<FirstBytes>>;

/// Nonces that are forgotten together.
#[derive(Debug, Default)]
struct Generation {
    nonces: Set,
    /// The last second in which one of them could still pass.
    latest: UnixSecondsOrNever,
}

type UnixSecondsOrNever = Option<UnixSeconds>;

/// Two generations: the newer one takes nonces in, the older one waits for its end.
#[derive(Debug)]
struct Shard {
    capacity: usize,
    newer: Generation,
    older: Generation,
    /// Seals that expire by then are refused: their nonces may be forgotten.
    forgotten: UnixSecondsOrNever,
}

impl Shard {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            newer: Generation::default(),
            older: Generation::default(),
            forgotten: None,
        }
    }

    fn remember(
        &mut self,
        nonce: u128,
        expires: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<(), NonceError> {
        self.forget(now);
        // A clock that was set back cannot revive what is forgotten.
        if Some(expires) <= self.forgotten
            || self.newer.nonces.contains(&nonce)
            || self.older.nonces.contains(&nonce)
        {
            return Err(NonceError::Used);
        }
        if self.newer.nonces.len() + self.older.nonces.len() >= self.capacity {
            return Err(NonceError::Full);
        }
        self.newer.latest = self.newer.latest.max(Some(expires));
        self.newer.nonces.insert(nonce);
        Ok(())
    }

    /// Drops the older generation once all of it has expired.
    fn forget(&mut self, now: UnixSeconds) {
        if self.older.latest < Some(now) {
            self.forgotten = self.forgotten.max(self.older.latest);
            self.older = mem::take(&mut self.newer);
        }
    }
}

/// Takes a random number for its own hash.
#[derive(Debug, Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = u64::try_from(number >> 64).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::{NonceError, Nonces, Shard};
    use gapura_shared::time::UnixSeconds;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const fn at(second: u64) -> UnixSeconds {
        UnixSeconds(second)
    }

    #[test]
    fn refuses_a_nonce_twice_until_it_expires() {
        let mut shard = Shard::new(10);
        assert_eq!(shard.remember(1, at(160), at(100)), Ok(()));
        for now in [100, 130, 160] {
            assert_eq!(
                shard.remember(1, at(160), at(now)),
                Err(NonceError::Used),
                "{now}"
            );
        }
    }

    #[test]
    fn refuses_instead_of_forgetting_early() {
        let mut shard = Shard::new(2);
        assert_eq!(shard.remember(1, at(160), at(100)), Ok(()));
        assert_eq!(shard.remember(2, at(160), at(100)), Ok(()));
        assert_eq!(shard.remember(3, at(161), at(101)), Err(NonceError::Full));
        assert_eq!(shard.remember(1, at(160), at(101)), Err(NonceError::Used));
        // Both have expired: there is room again.
        assert_eq!(shard.remember(3, at(221), at(161)), Ok(()));
        assert_eq!(shard.remember(4, at(282), at(222)), Ok(()));
    }

    #[test]
    fn a_clock_set_back_revives_nothing() {
        let mut shard = Shard::new(10);
        assert_eq!(shard.remember(1, at(160), at(100)), Ok(()));
        assert_eq!(shard.remember(2, at(300), at(240)), Ok(()));
        assert_eq!(shard.remember(3, at(400), at(340)), Ok(()));
        assert_eq!(shard.remember(1, at(160), at(100)), Err(NonceError::Used));
    }

    #[test]
    fn every_shard_is_reached() {
        let nonces = Nonces::new(16);
        for last in 0..16 {
            let mut nonce = [9; 16];
            nonce[15] = last;
            assert_eq!(nonces.remember(nonce, at(160), at(100)), Ok(()));
            let again = nonces.remember(nonce, at(160), at(100));
            assert_eq!(again, Err(NonceError::Used));
        }
    }

    proptest! {
        /// Against a store that forgets nothing: whatever the order of nonces and
        /// clocks, what was accepted is never accepted again while it could pass.
        #[test]
        fn accepts_no_nonce_twice_in_its_window(
            steps in proptest::collection::vec((0_u128..6, 0_u64..400, 0_u64..90), 1..80)
        ) {
            let mut shard = Shard::new(4);
            let mut accepted = HashSet::new();
            for (nonce, now, ahead) in steps {
                let expires = now + ahead;
                if shard.remember(nonce, at(expires), at(now)).is_ok() {
                    prop_assert!(accepted.insert((nonce, expires)));
                }
            }
        }
    }
}
