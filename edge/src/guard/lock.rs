//! Locks on an account, mirrored from the origin, which decides them. A lock holds for a
//! source or for all; its end is the origin's and never moves by trying. A device that has
//! logged in before carries a mark and is spared: the origin then decides.

use gapura_shared::address::Network;
use std::net::IpAddr;

/// Locks kept for one account; beyond, those that end first leave: the origin knows them still.
pub const MAX_LOCKS: usize = 64;
/// Marks kept for one account; beyond, those that end first leave.
pub const MAX_MARKS: usize = 16;

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

/// The locks and spared devices of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Locks {
    pub(super) locks: Vec<Lock>,
    /// Marks with their end.
    pub(super) marks: Vec<(String, u64)>,
}

impl Locks {
    pub(super) fn expire(&mut self, now_ms: u64) {
        self.locks.retain(|lock| lock.until_ms > now_ms);
        self.marks.retain(|mark| mark.1 > now_ms);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.locks.is_empty() && self.marks.is_empty()
    }

    pub(super) fn until_ms(&self) -> u64 {
        let locks = self.locks.iter().map(|lock| lock.until_ms);
        locks
            .chain(self.marks.iter().map(|mark| mark.1))
            .max()
            .unwrap_or(0)
    }

    /// The origin's word replaces what was known of the same source.
    pub(super) fn set(&mut self, lock: Lock, now_ms: u64) {
        self.expire(now_ms);
        self.locks.retain(|known| known.source != lock.source);
        if lock.until_ms > now_ms {
            self.locks.push(lock);
        }
        self.locks
            .sort_by_key(|lock| std::cmp::Reverse(lock.until_ms));
        self.locks.truncate(MAX_LOCKS);
    }

    /// Ends every lock; how many held.
    pub(super) fn lift(&mut self, now_ms: u64) -> usize {
        self.expire(now_ms);
        std::mem::take(&mut self.locks).len()
    }

    /// Spares a device until then.
    pub(super) fn spare(&mut self, mark: &str, until_ms: u64, now_ms: u64) {
        self.marks.retain(|known| known.0 != mark);
        self.marks.push((mark.to_owned(), until_ms));
        self.expire(now_ms);
        self.marks.sort_by_key(|mark| std::cmp::Reverse(mark.1));
        self.marks.truncate(MAX_MARKS);
    }

    /// The longest lock on a login from there with that device.
    pub(super) fn holds(
        &self,
        source: Option<IpAddr>,
        mark: Option<&str>,
        now_ms: u64,
    ) -> Option<&Lock> {
        let spared = |mark| {
            self.marks
                .iter()
                .any(|known| known.0 == mark && known.1 > now_ms)
        };
        if mark.is_some_and(spared) {
            return None;
        }
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
    fn holds_for_its_source_and_spares_known_devices() {
        let mut locks = Locks::default();
        locks.set(lock(Some("192.0.2.1"), 1_000), 0);
        let here = "192.0.2.1".parse().ok();
        let there = "192.0.2.2".parse().ok();
        assert!(locks.holds(here, None, 999).is_some());
        assert!(locks.holds(here, None, 1_000).is_none());
        assert!(locks.holds(there, None, 0).is_none() && locks.holds(None, None, 0).is_none());
        locks.set(lock(None, 500), 0);
        assert!(locks.holds(there, None, 499).is_some());
        locks.spare("dev1", 600, 0);
        assert!(locks.holds(here, Some("dev1"), 0).is_none());
        assert!(
            locks.holds(here, Some("dev1"), 600).is_some(),
            "a mark ends too"
        );
        assert!(locks.holds(here, Some("dev2"), 0).is_some());
        locks.set(lock(None, 0), 100);
        assert!(locks.holds(there, None, 100).is_none(), "lifted");
        locks.spare("dev1", 600, 100);
        assert_eq!((locks.lift(100), locks.lift(100)), (1, 0));
        assert!(locks.holds(here, None, 100).is_none() && locks.marks.len() == 1);
    }

    #[test]
    fn is_bounded() {
        let mut locks = Locks::default();
        for n in 0..200 {
            locks.set(lock(Some(&format!("10.0.0.{n}")), 1_000 + n), 0);
            locks.spare(&n.to_string(), 1_000, 0);
        }
        assert_eq!((locks.locks.len(), locks.marks.len()), (MAX_LOCKS, 16));
        assert_eq!(locks.until_ms(), 1_199);
    }
}
