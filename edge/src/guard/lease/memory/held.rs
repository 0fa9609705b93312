//! What an isolate remembers of one class of a subject: leases, and how it stands.

use super::{over::Ended, refused::Refused};
use crate::guard::{
    LEASE_MS, MAX_LIMIT,
    counter::SECOND_MS,
    lease::{Lease, NO_LEASE},
    wire::{AskedClass, Standing, Verdict},
};

/// Leases of one class held at once: answers to questions that were under way together.
pub(super) const MAX_HELD: usize = 4;
/// How long an answer with a lease is waited for before another question asks for one.
const UNDER_WAY_MS: u64 = 1_000;
/// Who spent less of a lease is hardly back within a round trip: for it none is asked for ahead.
const BUSY: u32 = 8;
/// What must be left of a lease, of its size and of its time, or the next one is asked for.
const LEFT_IN: u32 = 4;

#[derive(Debug)]
pub(super) struct Held {
    pub(super) leases: Vec<Spent>,
    /// How the class stood, and when.
    pub(super) standing: Standing,
    pub(super) at_ms: u64,
    /// Exhausted for requests of at least this cost, until then.
    pub(super) denied: Option<(u32, u64)>,
    pub(super) refused: Refused,
    /// How many of these were reported as strikes.
    pub(super) reported: u32,
    pub(super) strict: bool,
    /// When it was asked about last, and how much was asked for one by one lately.
    pub(super) asked_ms: u64,
    pub(super) asked: u32,
    /// Since when a question that asks for a lease is under way.
    pub(super) lending_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) lease: Lease,
    pub(super) used: u32,
    pub(super) until_ms: u64,
}

impl Held {
    pub(super) fn new(standing: Standing, asked: u32, asked_ms: u64) -> Self {
        Self {
            leases: Vec::new(),
            standing,
            at_ms: 0,
            denied: None,
            refused: Refused::default(),
            reported: 0,
            strict: false,
            asked_ms,
            asked,
            lending_ms: None,
        }
    }

    /// Ends a denial; what it was, if it refused anybody.
    pub(super) fn end_denial(&mut self, name: &str) -> Option<Ended> {
        self.denied = None;
        let unreported = self.report();
        self.reported = 0;
        let count = self.refused.take();
        (count > 0).then(|| Ended {
            verdict: Verdict::Exhausted,
            class: Some(name.to_owned()),
            count,
            unreported,
        })
    }

    /// How many refusals are to be reported as strikes: those that were not yet.
    pub(super) fn report(&mut self) -> u32 {
        let count = self.refused.count();
        let unreported = count.saturating_sub(self.reported);
        self.reported = count;
        unreported
    }

    /// How long a request must wait that is denied; `None`: it is not.
    pub(super) fn denied_ms(&self, class: &AskedClass, now_ms: u64) -> Option<u64> {
        let (cost, until_ms) = self.denied?;
        (now_ms < until_ms && class.cost >= cost).then(|| self.standing(now_ms).wait_ms)
    }

    /// For how long a denied request gets the same answer, which tells times in whole seconds.
    pub(super) fn same_ms(&self, now_ms: u64) -> u64 {
        let Standing {
            burst,
            reset_ms,
            wait_ms,
            ..
        } = self.standing(now_ms);
        let second = |ms: u64| ms.checked_sub(1).map(|ms| ms % 1_000 + 1);
        let leases = self.leases.iter().map(|lease| lease.until_ms);
        let burst = burst.map(|_| self.at_ms.saturating_add(SECOND_MS));
        let ends = leases
            .chain(burst)
            .chain(self.denied.map(|denied| denied.1));
        let ends = ends.filter_map(|end_ms| end_ms.checked_sub(now_ms).filter(|ms| *ms > 0));
        let seconds = [wait_ms, reset_ms].into_iter().filter_map(second);
        ends.chain(seconds).min().unwrap_or(0)
    }

    /// Notes a question; how much to tell the shard that was asked for one by one, when nothing else speaks
    /// for a lease and no other question asks for one.
    pub(super) fn ask(&mut self, cost: u32, returns: bool, now_ms: u64) -> Option<u32> {
        if now_ms.saturating_sub(self.asked_ms) > LEASE_MS {
            self.asked = 0;
        }
        self.asked_ms = now_ms;
        let asked = self.asked;
        self.asked = asked.saturating_add(cost).min(MAX_LIMIT);
        let under_way = self.is_lending(now_ms);
        if returns || (asked > 0 && !under_way) {
            self.lending_ms = Some(now_ms);
            self.asked = cost;
        }
        (asked > 0 && !under_way && !returns).then_some(asked)
    }

    fn is_lending(&self, now_ms: u64) -> bool {
        self.lending_ms
            .is_some_and(|since_ms| now_ms < since_ms.saturating_add(UNDER_WAY_MS))
    }

    /// Whether the leases will soon be used up or over, by who is busy, and no question asks for others.
    /// Near the limit none is asked for ahead: what is lent to one isolate is refused to the others.
    pub(super) fn runs_low(&self, class: &AskedClass, now_ms: u64) -> bool {
        if self.standing.remaining < class.limit / LEFT_IN {
            return false;
        }
        let usable = || self.leases.iter().filter(|lease| now_ms < lease.until_ms);
        let sum = |of: fn(&Spent) -> u32| usable().map(of).sum::<u32>();
        let (size, used) = (sum(|lease| lease.lease.size), sum(|lease| lease.used));
        let left_ms = usable().map(|lease| lease.until_ms.saturating_sub(now_ms));
        let is_low = size.saturating_sub(used) <= size / LEFT_IN
            || left_ms.max().unwrap_or(0) <= LEASE_MS / u64::from(LEFT_IN);
        used >= BUSY && is_low && !self.is_lending(now_ms)
    }

    /// Notes a question ahead of need, and what it tells: the leases of which nothing can be spent any
    /// more, or else, as if it were asked for one by one, half of what will likely be spent of the next.
    pub(super) fn ask_ahead(&mut self, now_ms: u64) -> Vec<(u64, u32)> {
        self.lending_ms = Some(now_ms);
        let is_over =
            |lease: &mut Spent| now_ms >= lease.until_ms || lease.used >= lease.lease.size;
        let over = self.leases.extract_if(.., is_over);
        let mut told: Vec<_> = over.map(|lease| (lease.lease.id, lease.used)).collect();
        if told.is_empty() {
            let used = self.leases.iter().map(|lease| lease.used).sum::<u32>();
            let size = self
                .leases
                .iter()
                .map(|lease| lease.lease.size)
                .sum::<u32>();
            let is_used_up = size.saturating_sub(used) <= size / LEFT_IN;
            told.push((NO_LEASE, if is_used_up { used } else { used.div_ceil(2) }));
        }
        told
    }

    pub(super) fn covers(&self, class: &AskedClass, now_ms: u64) -> bool {
        !class.strict
            && self
                .leases
                .iter()
                .any(|lease| lease.has(class.cost, now_ms))
    }

    /// Spends the lease that ends first; how the class stands then, and which lease it was.
    pub(super) fn spend(&mut self, class: &AskedClass, now_ms: u64) -> Option<(Standing, u64)> {
        let usable = self
            .leases
            .iter_mut()
            .filter(|lease| lease.has(class.cost, now_ms));
        let lease = usable.min_by_key(|lease| lease.until_ms)?;
        lease.used = lease.used.saturating_add(class.cost);
        let id = lease.lease.id;
        Some((self.standing(now_ms), id))
    }

    /// Takes back what was spent of a lease. One that went back since took its spending along.
    pub(super) fn refund(&mut self, cost: u32, id: u64) {
        let mut leases = self.leases.iter_mut();
        if let Some(lease) = leases.find(|lease| lease.lease.id == id) {
            lease.used = lease.used.saturating_sub(cost);
        }
    }

    /// As the shard told, time having gone on and the lease's rest being there too.
    pub(super) fn standing(&self, now_ms: u64) -> Standing {
        let gone_ms = now_ms.saturating_sub(self.at_ms);
        let left = self.leases.iter().filter(|lease| lease.until_ms > now_ms);
        let left: u32 = left
            .map(|lease| lease.lease.size.saturating_sub(lease.used))
            .sum();
        Standing {
            remaining: self.standing.remaining.saturating_add(left),
            // Another second has another burst: how much of it is left is not known.
            burst: self
                .standing
                .burst
                .filter(|_| gone_ms < SECOND_MS)
                .map(|burst| burst.saturating_add(left)),
            reset_ms: self.standing.reset_ms.saturating_sub(gone_ms),
            wait_ms: self.standing.wait_ms.saturating_sub(gone_ms),
        }
    }
}

impl Spent {
    pub(super) const fn has(&self, cost: u32, now_ms: u64) -> bool {
        now_ms < self.until_ms && self.lease.size.saturating_sub(self.used) >= cost
    }
}
