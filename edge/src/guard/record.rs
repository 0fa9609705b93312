//! All that a shard knows of one subject.

use super::{Ban, counter::Counter, family::Family, jail::Strikes, lock::Locks};

/// Classes that one subject may be counted in.
pub(super) const MAX_COUNTERS: usize = 64;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// By class; few, so a list.
    pub(super) counters: Vec<(Box<str>, Counter)>,
    /// What few subjects have.
    pub(super) rest: Option<Box<Rest>>,
    /// When it was last counted.
    pub(super) seen_ms: u64,
    /// When its row may be deleted; zero: it has none.
    pub(super) row_until_ms: u64,
    /// What the shard had forgotten when this came into memory.
    pub(super) forgot_ms: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) ban: Option<Ban>,
    pub(super) strikes: Strikes,
    pub(super) locks: Locks,
    pub(super) family: Family,
}

impl Record {
    pub(super) fn new(forgot_ms: u64) -> Self {
        Self {
            forgot_ms,
            ..Self::default()
        }
    }

    pub(super) fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    /// The class's counter, made if need be; `None` when there are too many.
    pub(super) fn counter(&mut self, name: &str, now_ms: u64) -> Option<&mut Counter> {
        let known = self.counters.iter().position(|known| *known.0 == *name);
        if let Some(index) = known {
            return self.counters.get_mut(index).map(|known| &mut known.1);
        }
        if self.counters.len() >= MAX_COUNTERS {
            self.expire(now_ms);
        }
        if self.counters.len() >= MAX_COUNTERS {
            return None;
        }
        self.counters.push((name.into(), Counter::new()));
        self.counters.last_mut().map(|known| &mut known.1)
    }

    pub(super) fn known(&mut self, name: &str) -> Option<&mut Counter> {
        let found = self.counters.iter_mut().find(|known| *known.0 == *name);
        found.map(|known| &mut known.1)
    }

    /// Forgets what has passed.
    pub(super) fn expire(&mut self, now_ms: u64) {
        // What leaves with a lost past unpaid owes it when it comes back: a new counter is as fresh.
        self.counters.retain_mut(|(_, counter)| {
            counter.expire(now_ms);
            !counter.is_empty()
        });
        if let Some(rest) = &mut self.rest {
            rest.ban.take_if(|ban| !ban.holds(now_ms));
            rest.strikes.expire(now_ms);
            rest.locks.expire(now_ms);
            rest.family.expire(now_ms);
            if rest.is_empty() {
                self.rest = None;
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counters.is_empty() && self.rest.is_none()
    }

    /// When all of it has passed.
    pub(super) fn until_ms(&self) -> u64 {
        let windows = self.counters.iter().map(|known| known.1.until_ms());
        let rest = self.rest.as_ref().map(|rest| rest.until_ms());
        windows.chain(rest).max().unwrap_or(0)
    }

    pub(super) fn weight(&self) -> usize {
        self.counters.iter().map(|known| known.1.weight()).sum()
    }

    /// Takes its windows back in time.
    pub(super) fn rewind(&mut self, by_ms: u64) {
        for (_, counter) in &mut self.counters {
            counter.rewind(by_ms);
        }
    }
}

impl Rest {
    /// Bans the whole /48, unless a ban holds that lasts longer.
    pub(super) fn widen(&mut self, wide: Ban) {
        if self
            .ban
            .as_ref()
            .is_none_or(|ban| ban.until_ms < wide.until_ms)
        {
            self.ban = Some(wide);
        }
    }

    fn is_empty(&self) -> bool {
        self.ban.is_none()
            && self.strikes.is_empty()
            && self.locks.is_empty()
            && self.family.is_empty()
    }

    fn until_ms(&self) -> u64 {
        let ban = self.ban.as_ref().map_or(0, |ban| ban.until_ms);
        let rest = self.strikes.until_ms().max(self.locks.until_ms());
        ban.max(rest).max(self.family.until_ms())
    }
}
