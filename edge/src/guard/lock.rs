//! Locks on an account, mirrored from the origin, which decides them. A lock holds for a
//! source or for all; its end is the origin's and never moves by trying. Whom it spares is decided
//! where the request is (`admit`): the gate knows a device that logged in before by its cookie.

use gapura_shared::address::Network;
use std::net::IpAddr;

/// Locks kept for one account; beyond, those that end first leave: the origin knows them still.
pub const MAX_LOCKS: usize = 64;

/// A lock on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// From where logins are refused; `None`: from everywhere.
    pub source: Option<Network>,
    /// When it ends; the past lifts it.
    pub until_ms: u64,
    /// How long a wrong login takes at the origin, so that the refusal takes as long.
    pub delay_ms: u32,
}

/// The locks of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Locks {
    pub(super) locks: Vec<Lock>,
}

impl Locks {
    pub(super) fn expire(&mut self, now_ms: u64) {
        self.locks.retain(|lock| lock.until_ms > now_ms);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }

    pub(super) fn until_ms(&self) -> u64 {
        let locks = self.locks.iter().map(|lock| lock.until_ms);
        locks.max().unwrap_or(0)
    }

    /// The origin's word replaces what was known of the same source.
    pub(super) fn set(&mut self, lock: Lock, now_ms: u64) {
        self.expire(now_ms);
        self.locks.retain(|known| known.source != lock.source);
        if lock.until_ms > now_ms {
            // Longest first: what does not fit ends soonest.
            let place = self
                .locks
                .partition_point(|known| known.until_ms >= lock.until_ms);
            self.locks.insert(place, lock);
        }
        self.locks.truncate(MAX_LOCKS);
    }

    /// Ends every lock; how many held.
    pub(super) fn lift(&mut self, now_ms: u64) -> usize {
        self.expire(now_ms);
        std::mem::take(&mut self.locks).len()
    }

    /// The longest lock on a login from there.
    pub(super) fn holds(&self, source: Option<IpAddr>, now_ms: u64) -> Option<&Lock> {
        let meets = |lock: &&Lock| match (lock.source, source) {
            (None, _) => true,
            (Some(network), Some(address)) => network.contains(address),
            (Some(_), None) => false,
        };
        let held = self.locks.iter().filter(|lock| lock.until_ms > now_ms);
        held.filter(meets).max_by_key(|lock| lock.until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lock, Locks, MAX_LOCKS};

    fn lock(source: Option<&str>, until_ms: u64) -> Lock {
        Lock {
            source: source.map(|s| s.parse().unwrap()),
            until_ms,
            delay_ms: 200,
        }
    }

    #[test]
    fn holds_for_its_source_until_its_end() {
        let mut locks = Locks::default();
        locks.set(lock(Some("192.0.2.1"), 1_000), 0);
        let here = "192.0.2.1".parse().ok();
        let there = "192.0.2.2".parse().ok();
        assert!(locks.holds(here, 999).is_some());
        assert!(locks.holds(here, 1_000).is_none());
        assert!(locks.holds(there, 0).is_none() && locks.holds(None, 0).is_none());
        locks.set(lock(None, 500), 0);
        assert!(locks.holds(there, 499).is_some());
        locks.set(lock(None, 0), 100);
        assert!(locks.holds(there, 100).is_none(), "lifted");
        assert_eq!((locks.lift(100), locks.lift(100)), (1, 0));
        assert!(locks.holds(here, 100).is_none() && locks.is_empty());
    }

    #[test]
    fn is_bounded() {
        let mut locks = Locks::default();
        for n in 0..200 {
            locks.set(lock(Some(&format!("10.0.0.{n}")), 1_000 + n), 0);
        }
        assert_eq!(locks.locks.len(), MAX_LOCKS);
        assert_eq!(locks.until_ms(), 1_199);
    }
}
