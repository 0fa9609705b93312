//! One class of one subject: its window, its burst, and what is out on lease.

use super::{
    AskedClass, LEASE_MS, SKEW_MS, Standing,
    lease::{Lease, MAX_LEASES, NO_LEASE},
    window::{Log, slot_ms},
};

/// The second in which a burst is counted.
pub(super) const SECOND_MS: u64 = 1_000;

/// A lease that did not come back, by what it counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Out {
    pub(super) id: u64,
    /// The time that it stands at: nobody spends it later.
    pub(super) at_ms: u64,
    pub(super) size: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) window_ms: u64,
    pub(super) log: Log,
    /// The last second, for a class with a burst.
    pub(super) second: Log,
    pub(super) out: Vec<Out>,
    /// What the isolate that asks will likely spend, by what it returned.
    pub(super) wanted: u32,
    /// Whether its quiet past may be lost: until the first question after it was made or read.
    pub(super) fresh: bool,
}

impl Counter {
    pub(super) fn new() -> Self {
        Self {
            fresh: true,
            ..Self::default()
        }
    }

    /// Brings it up to now, before anything is asked of it.
    pub(super) fn touch(&mut self, class: &AskedClass, forgot_ms: u64, now_ms: u64) {
        self.window_ms = class.window_ms();
        self.wanted = 0;
        self.expire(now_ms);
        if std::mem::take(&mut self.fresh) && !class.strict && forgot_ms > 0 {
            let at_ms = forgot_ms.saturating_add(LEASE_MS + SKEW_MS);
            assume(&mut self.log, class.limit / 4, at_ms);
            if let Some(burst) = class.burst {
                assume(&mut self.second, burst / 4, at_ms);
            }
            self.expire(now_ms);
        }
    }

    pub(super) fn expire(&mut self, now_ms: u64) {
        let window_ms = self.window_ms;
        self.log.expire(window_ms, now_ms);
        self.second.expire(SECOND_MS, now_ms);
        self.out
            .retain(|out| out.at_ms.saturating_add(window_ms) > now_ms);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.log.is_empty() && self.out.is_empty() && self.second.is_empty()
    }

    /// How many log entries it holds.
    pub(super) fn weight(&self) -> usize {
        self.log.len() + self.second.len() + self.out.len()
    }

    /// When all of it will have left.
    pub(super) fn until_ms(&self) -> u64 {
        let last = self.log.entries().last().map_or(0, |entry| entry.0);
        let out = self.out.iter().map(|out| out.at_ms).max().unwrap_or(0);
        let second = self.second.entries().last().map_or(0, |entry| entry.0);
        let window = last.max(out).saturating_add(self.window_ms);
        window.max(second.saturating_add(SECOND_MS))
    }

    pub(super) fn has_room(&self, class: &AskedClass, now_ms: u64) -> bool {
        let fits = |used: u32, limit: u32| used.saturating_add(class.cost) <= limit;
        fits(self.used(), class.limit)
            && class
                .burst
                .is_none_or(|burst| fits(self.burst_used(now_ms), burst))
    }

    pub(super) fn admit(&mut self, class: &AskedClass, now_ms: u64) {
        self.count(class, class.cost, now_ms);
    }

    fn count(&mut self, class: &AskedClass, cost: u32, at_ms: u64) {
        let window_ms = class.window_ms();
        self.log.add(at_ms, cost, slot_ms(window_ms, class.strict));
        if class.burst.is_some() {
            self.second.add(at_ms, cost, burst_slot_ms(class.strict));
        }
    }

    /// Takes an admission back.
    pub(super) fn refund(&mut self, class: &AskedClass, at_ms: u64) {
        let slot = slot_ms(class.window_ms(), class.strict);
        self.log.remove(at_ms, class.cost, slot);
        self.second
            .remove(at_ms, class.cost, burst_slot_ms(class.strict));
    }

    /// Lends, of what the isolate wants, what cannot harm the others.
    pub(super) fn lend(&mut self, class: &AskedClass, id: u64, now_ms: u64) -> Option<Lease> {
        let at_ms = now_ms.saturating_add(LEASE_MS + SKEW_MS);
        let out: u32 = self.out.iter().map(|out| out.size).sum();
        let mut size = self.wanted.min(share(class.limit, self.used(), out));
        if let Some(burst) = class.burst {
            size = size.min(share(
                burst,
                self.burst_used(now_ms),
                self.burst_out(now_ms),
            ));
        }
        if size < class.cost || self.out.len() >= MAX_LEASES {
            return None;
        }
        self.out.push(Out { id, at_ms, size });
        Some(Lease { id, size })
    }

    /// Takes a lease back; nothing when it is not known (any more).
    pub(super) fn take_back(&mut self, class: &AskedClass, id: u64, spent: u32, now_ms: u64) {
        if id == NO_LEASE {
            self.wanted = self.wanted.saturating_add(spent.saturating_mul(2));
            return;
        }
        let Some(index) = self.out.iter().position(|out| out.id == id) else {
            return;
        };
        let out = self.out.swap_remove(index);
        let spent = spent.min(out.size);
        let likely = if spent == out.size {
            spent.saturating_mul(2)
        } else {
            spent.max(class.cost)
        };
        self.wanted = self.wanted.saturating_add(likely);
        self.count(class, spent, now_ms.min(out.at_ms));
    }

    /// Takes all that is counted back in time.
    pub(super) fn rewind(&mut self, by_ms: u64) {
        for log in [&mut self.log, &mut self.second] {
            let entries = log.entries();
            let earlier = entries.map(|(at_ms, cost)| (at_ms.saturating_sub(by_ms), cost));
            *log = Log::from_entries(earlier.collect());
        }
        for out in &mut self.out {
            out.at_ms = out.at_ms.saturating_sub(by_ms);
        }
    }

    /// So little is used that the shard may forget it and assume it instead.
    pub(super) fn is_quiet(&self, class: &AskedClass, now_ms: u64) -> bool {
        self.used() <= class.limit / 4
            && class
                .burst
                .is_none_or(|burst| self.burst_used(now_ms) <= burst / 4)
    }

    pub(super) fn standing(&self, class: &AskedClass, now_ms: u64) -> Standing {
        let left = class.limit.saturating_sub(self.used());
        let burst_left = class
            .burst
            .map(|burst| burst.saturating_sub(self.burst_used(now_ms)));
        let after =
            |at_ms: u64, window_ms: u64| at_ms.saturating_add(window_ms).saturating_sub(now_ms);
        let wait_s = match class.burst {
            Some(burst) => wait_ms(
                self.second_entries(now_ms),
                burst,
                class.cost,
                SECOND_MS,
                now_ms,
            ),
            None => 0,
        };
        let wait_w = wait_ms(
            self.entries(),
            class.limit,
            class.cost,
            class.window_ms(),
            now_ms,
        );
        Standing {
            remaining: left,
            burst: burst_left,
            reset_ms: self
                .entries()
                .map(|entry| entry.0)
                .min()
                .map_or(0, |at| after(at, class.window_ms())),
            wait_ms: wait_w.max(wait_s),
        }
    }

    fn entries(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.log
            .entries()
            .chain(self.out.iter().map(|out| (out.at_ms, out.size)))
    }

    fn second_entries(&self, now_ms: u64) -> impl Iterator<Item = (u64, u32)> + '_ {
        let out = self.out.iter().map(|out| (out.at_ms, out.size));
        self.second
            .entries()
            .chain(out.filter(move |out| out.0 + SECOND_MS > now_ms))
    }

    /// What counts, with what is out on lease.
    pub(super) fn used(&self) -> u32 {
        self.log
            .used()
            .saturating_add(self.out.iter().map(|out| out.size).sum())
    }

    fn burst_used(&self, now_ms: u64) -> u32 {
        self.second.used().saturating_add(self.burst_out(now_ms))
    }

    fn burst_out(&self, now_ms: u64) -> u32 {
        let alive = self.out.iter().filter(|out| out.at_ms + SECOND_MS > now_ms);
        alive.map(|out| out.size).sum()
    }
}

const fn burst_slot_ms(strict: bool) -> u64 {
    if strict { 1 } else { 10 }
}

/// The last admissions of a window are not lent: who asks for more than its limit lives on them, and what
/// is lent is refused to it for longer.
const UNLENT: u32 = 32;

/// What may be lent: a tenth of the limit, a quarter of what is left, together a quarter of the limit;
/// nothing of the last quarter, or of the last [`UNLENT`].
fn share(limit: u32, used: u32, out: u32) -> u32 {
    let left = limit.saturating_sub(used);
    if left < UNLENT.min(limit / 4) {
        return 0;
    }
    let together = (limit / 4).saturating_sub(out);
    (limit / 10).min(left / 4).min(together)
}

/// Tops a log up to what it may have held when memory was lost.
fn assume(log: &mut Log, quiet: u32, at_ms: u64) {
    log.add(at_ms, quiet.saturating_sub(log.used()), 1);
}

/// How long until `cost` fits; zero when it does.
fn wait_ms(
    entries: impl Iterator<Item = (u64, u32)>,
    limit: u32,
    cost: u32,
    window_ms: u64,
    now_ms: u64,
) -> u64 {
    let mut entries: Vec<_> = entries.collect();
    let used = entries
        .iter()
        .fold(0, |sum: u32, entry| sum.saturating_add(entry.1));
    let mut excess = used.saturating_add(cost).saturating_sub(limit);
    if excess == 0 {
        return 0;
    }
    entries.sort_unstable();
    let mut until_ms = now_ms;
    for (at_ms, cost) in entries {
        if excess == 0 {
            break;
        }
        excess = excess.saturating_sub(cost);
        until_ms = at_ms.saturating_add(window_ms);
    }
    until_ms.saturating_sub(now_ms)
}
