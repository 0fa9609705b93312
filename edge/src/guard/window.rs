//! A sliding window as a log of (time, cost).
//!
//! Bound: an entry counts from when it is made until `window` after its time. Its time is
//! rounded up to a slot, so it never leaves too early and at most one slot too late. With
//! slots of 1 ms the log is exact; with slots of window/256 it has at most 258 entries,
//! whatever the limit.

use std::collections::VecDeque;

/// Slots per window of a class that is not strict.
const SLOTS: u64 = 256;

/// How long a slot is: 1 ms when `exact`.
#[must_use]
pub fn slot_ms(window_ms: u64, exact: bool) -> u64 {
    if exact { 1 } else { (window_ms / SLOTS).max(1) }
}

/// What was admitted, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    entries: VecDeque<(u64, u32)>,
    used: u32,
}

impl Log {
    /// A log of these entries, sorted by time.
    #[must_use]
    pub fn from_entries(mut entries: Vec<(u64, u32)>) -> Self {
        entries.sort_unstable();
        let used = entries
            .iter()
            .fold(0, |sum: u32, entry| sum.saturating_add(entry.1));
        Self {
            entries: entries.into(),
            used,
        }
    }

    /// Time and cost of everything, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.entries.iter().copied()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The costs together.
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.used
    }

    /// Forgets what has left the window.
    pub fn expire(&mut self, window_ms: u64, now_ms: u64) {
        while let Some((at_ms, cost)) = self.entries.front()
            && at_ms.saturating_add(window_ms) <= now_ms
        {
            self.used = self.used.saturating_sub(*cost);
            self.entries.pop_front();
        }
    }

    /// Counts. What is made ahead of time (a lost past) may be followed by older entries.
    pub fn add(&mut self, at_ms: u64, cost: u32, slot_ms: u64) {
        if cost == 0 {
            return;
        }
        let at_ms = up(at_ms, slot_ms);
        self.used = self.used.saturating_add(cost);
        let later = self
            .entries
            .iter()
            .rev()
            .take_while(|entry| entry.0 > at_ms)
            .count();
        let behind = self.entries.len().saturating_sub(later);
        match behind
            .checked_sub(1)
            .and_then(|last| self.entries.get_mut(last))
        {
            Some(last) if last.0 == at_ms => last.1 = last.1.saturating_add(cost),
            _ => self.entries.insert(behind, (at_ms, cost)),
        }
    }

    /// Takes back what was counted at a time; nothing when it has left.
    pub fn remove(&mut self, at_ms: u64, cost: u32, slot_ms: u64) {
        let at_ms = up(at_ms, slot_ms);
        let Ok(index) = self.entries.binary_search_by_key(&at_ms, |entry| entry.0) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(index) else {
            return;
        };
        let taken = entry.1.min(cost);
        entry.1 -= taken;
        self.used = self.used.saturating_sub(taken);
        if entry.1 == 0 {
            self.entries.remove(index);
        }
    }
}

fn up(at_ms: u64, slot_ms: u64) -> u64 {
    at_ms
        .checked_next_multiple_of(slot_ms.max(1))
        .unwrap_or(at_ms)
}

#[cfg(test)]
mod tests {
    use super::{Log, slot_ms};
    use proptest::prelude::*;

    #[test]
    fn a_slot_never_ends_early_and_its_log_stays_short() {
        let window_ms = 60_000;
        let slot = slot_ms(window_ms, false);
        assert_eq!(
            (slot, slot_ms(window_ms, true), slot_ms(100, false)),
            (234, 1, 1)
        );
        let mut log = Log::default();
        for now in 0..180_000 {
            log.expire(window_ms, now);
            log.add(now, 1, slot);
            assert!(log.len() <= 258);
        }
        assert!((60_000..=60_234).contains(&log.used()), "{}", log.used());
    }

    #[test]
    fn what_is_taken_back_was_there() {
        let mut log = Log::from_entries(vec![(5, 2), (3, 1)]);
        log.remove(4, 1, 1);
        log.remove(5, 9, 1);
        assert_eq!((log.used(), log.len()), (1, 1));
    }

    proptest! {
        /// Against a plain list.
        #[test]
        fn counts_like_a_list(steps in prop::collection::vec((0u64..5_000, 1u32..5, any::<bool>()), 1..100)) {
            let (mut log, mut list, mut now) = (Log::default(), Vec::new(), 0);
            for (gap, cost, ahead) in steps {
                now += gap;
                log.expire(10_000, now);
                let at = if ahead { now + 3_000 } else { now };
                log.add(at, cost, 1);
                list.push((at, cost));
                let used: u32 = list.iter().filter(|e| e.0 + 10_000 > now).map(|e| e.1).sum();
                prop_assert_eq!(log.used(), used);
            }
        }
    }
}
