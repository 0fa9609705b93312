//! Admission of one request, and taking it back.

use super::{Change, Shard, Unanswered};
use crate::guard::{
    Subject,
    lease::Lease,
    record::Record,
    wire::{Answer, Ask, AskedClass, Verdict},
};

impl Shard {
    /// Decides about one request: it passes if nothing bans or locks it and every class has room.
    pub(super) fn ask(
        &mut self,
        ask: &Ask,
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) -> Result<Answer, Unanswered> {
        let ban = self
            .verdict(&ask.subject, false, now_ms)
            .filter(|_| !ask.exempt);
        let starts = self.heartbeat.starts;
        let counted = self.counted_as(&ask.subject);
        self.record(&counted, now_ms)?;
        let record = self.records.get_mut(&counted).ok_or(Unanswered::Full)?;
        let weight = record.weight();
        prepare(record, ask, now_ms)?;
        let (answer, store) = if let Some(verdict) = ban.or_else(|| locked(record, ask, now_ms)) {
            (stopped(verdict, now_ms), false)
        } else if ask.ahead || has_room(record, &ask.classes, now_ms) {
            let leases = &mut self.leases;
            let mut id = || {
                *leases = leases.checked_add(1)?;
                Some(u64::from(starts) << 32 | u64::from(*leases))
            };
            admit(record, ask, &mut id, now_ms)
        } else {
            let leases = vec![None; ask.classes.len()];
            (
                answer(record, ask, Verdict::Exhausted, leases, now_ms),
                false,
            )
        };
        self.entries = self
            .entries
            .saturating_sub(weight)
            .saturating_add(record.weight());
        if store {
            self.store(&counted, now_ms, changes);
        }
        if answer.verdict == Verdict::Exhausted && !ask.exempt && !ask.jails.is_empty() {
            self.strike(&ask.subject, 1, &ask.jails, now_ms, changes)?;
            if let Some(verdict) = self.verdict(&ask.subject, true, now_ms) {
                return Ok(stopped(verdict, now_ms));
            }
        }
        Ok(answer)
    }

    /// Takes an admission back, as far as it is still counted.
    pub(super) fn refund(
        &mut self,
        subject: &Subject,
        classes: &[AskedClass],
        at_ms: u64,
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) {
        let counted = self.counted_as(subject);
        // What was forgotten since is not taken from its neighbours, who may be counted in its place.
        if counted != *subject && at_ms <= self.forgot_ms {
            return;
        }
        let subject = &counted;
        let Some(record) = self.records.get_mut(subject) else {
            return;
        };
        let weight = record.weight();
        for class in classes {
            if let Some(counter) = record.known(&class.name) {
                counter.refund(class, at_ms);
            }
        }
        self.entries = self
            .entries
            .saturating_sub(weight)
            .saturating_add(record.weight());
        // A row that has what was taken back would, once it was read, stand for what was forgotten.
        let is_stored = record.row_until_ms > 0;
        if is_stored || classes.iter().any(|class| class.strict) {
            self.store(subject, now_ms, changes);
        }
    }
}

/// Brings the classes up to now and takes leases back.
fn prepare(record: &mut Record, ask: &Ask, now_ms: u64) -> Result<(), Unanswered> {
    let forgot_ms = record.forgot_ms;
    for class in &ask.classes {
        let counter = record
            .counter(&class.name, now_ms)
            .ok_or(Unanswered::Classes)?;
        counter.touch(class, forgot_ms, now_ms);
        for back in ask.returns.iter().filter(|back| back.class == class.name) {
            counter.take_back(class, back.id, back.spent, now_ms);
        }
    }
    Ok(())
}

fn locked(record: &Record, ask: &Ask, now_ms: u64) -> Option<Verdict> {
    let locks = &record.rest.as_ref()?.locks;
    let lock = locks.holds(ask.source, now_ms)?;
    Some(Verdict::Locked {
        for_ms: lock.until_ms.saturating_sub(now_ms),
        delay_ms: lock.delay_ms,
    })
}

fn has_room(record: &mut Record, classes: &[AskedClass], now_ms: u64) -> bool {
    classes.iter().all(|class| {
        let counter = record.known(&class.name);
        counter.is_some_and(|counter| counter.has_room(class, now_ms))
    })
}

/// Counts the request, if there is one, and lends; whether the row must be written.
fn admit(
    record: &mut Record,
    ask: &Ask,
    id: &mut impl FnMut() -> Option<u64>,
    now_ms: u64,
) -> (Answer, bool) {
    record.seen_ms = now_ms;
    let mut store = false;
    let mut leases: Vec<Option<Lease>> = Vec::with_capacity(ask.classes.len());
    // On a route with a strict class every request is asked about: a lease would lie idle.
    let lending = ask.lease && ask.classes.iter().all(|class| !class.strict);
    for class in &ask.classes {
        let Some(counter) = record.known(&class.name) else {
            continue;
        };
        if !ask.ahead {
            counter.admit(class, now_ms);
        }
        let lent = if lending {
            id().and_then(|id| counter.lend(class, id, now_ms))
        } else {
            None
        };
        leases.push(lent);
        store |= class.strict || !counter.is_quiet(class, now_ms);
    }
    (
        answer(record, ask, Verdict::Admitted, leases, now_ms),
        store,
    )
}

fn answer(
    record: &mut Record,
    ask: &Ask,
    verdict: Verdict,
    leases: Vec<Option<Lease>>,
    now_ms: u64,
) -> Answer {
    let standing = |class: &AskedClass| {
        let counter = record.known(&class.name)?;
        Some(counter.standing(class, now_ms))
    };
    Answer {
        verdict,
        at_ms: now_ms,
        standings: ask.classes.iter().filter_map(standing).collect(),
        leases,
    }
}

const fn stopped(verdict: Verdict, at_ms: u64) -> Answer {
    Answer {
        verdict,
        at_ms,
        standings: Vec::new(),
        leases: Vec::new(),
    }
}
