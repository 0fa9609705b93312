//! Which subjects are in memory.

use super::{Shard, Unanswered};
use crate::guard::{Subject, record::Record};

/// Least time between two searches for room: each looks at every subject.
const SEARCH_MS: u64 = 1_000;
/// Subjects of an IPv6 /48 beyond which its further clients are counted by their /56: stored ones,
/// and all. One subscriber may have a /48, and must not fill the shard with its 65,536 /64.
const MAX_STORED: u32 = 256;
const MAX_MEMBERS: u32 = 4_096;

/// How many subjects of a /48 there are: counted anew whenever the shard is swept, and never too few.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Members {
    all: u32,
    stored: u32,
}

impl Shard {
    /// The subject's record, made if need be.
    pub(super) fn record(
        &mut self,
        subject: &Subject,
        now_ms: u64,
    ) -> Result<&mut Record, Unanswered> {
        if self.unreadable.contains(subject) {
            return Err(Unanswered::Unreadable);
        }
        let known = self.records.contains_key(subject);
        if self.is_crowded(known) {
            if now_ms >= self.crowded_ms.saturating_add(SEARCH_MS) {
                self.crowded_ms = now_ms;
                self.make_room(now_ms);
            }
            if self.is_crowded(known) {
                return Err(Unanswered::Full);
            }
        }
        if !known {
            self.absent.remove(subject);
            self.joins(subject, false);
        }
        let forgot_ms = self.forgot_ms;
        let record = self.records.entry(subject.clone());
        Ok(record.or_insert_with(|| Record::new(forgot_ms)))
    }

    fn is_crowded(&self, known: bool) -> bool {
        (!known && self.records.len() >= self.max_subjects) || self.entries >= self.max_entries
    }

    /// By whom a client is counted: by itself, unless its /48 has too many already and it is new, or its
    /// /56 was counted in its place a window ago. Strikes alone do not make it known: else its first
    /// refusal would give it a window of its own.
    pub(super) fn counted_as(&self, subject: &Subject) -> Subject {
        let own = || subject.clone();
        let Some(members) = subject
            .family()
            .and_then(|family| self.families.get(&family))
        else {
            return own();
        };
        let is_counted = |subject: &Subject| {
            let record = self.records.get(subject);
            record.is_some_and(|record| !record.counters.is_empty())
        };
        if is_counted(subject) {
            return own();
        }
        let Some(around) = subject.networks().into_iter().next() else {
            return own();
        };
        if is_counted(&around) || members.stored >= MAX_STORED || members.all >= MAX_MEMBERS {
            around
        } else {
            own()
        }
    }

    /// Notes that a subject came into memory, or that it is stored from now on.
    pub(super) fn joins(&mut self, subject: &Subject, is_stored: bool) {
        if let Some(family) = subject.family() {
            let members = self.families.entry(family).or_default();
            if is_stored {
                members.stored += 1;
            } else {
                members.all += 1;
            }
        }
    }

    /// Counts the members of each /48.
    pub(super) fn count_families(&mut self) {
        self.families.clear();
        for (subject, record) in &self.records {
            let Some(family) = subject.family() else {
                continue;
            };
            let members = self.families.entry(family).or_default();
            members.all += 1;
            members.stored += u32::from(record.row_until_ms > 0);
        }
    }

    /// Lets go of what has passed. Its rows are deleted by their ends.
    pub(super) fn sweep(&mut self, now_ms: u64) {
        self.entries = 0;
        self.records.retain(|_, record| {
            record.expire(now_ms);
            if record.is_empty() || record.row_until_ms <= now_ms {
                record.row_until_ms = 0;
            }
            self.entries = self.entries.saturating_add(record.weight());
            !record.is_empty()
        });
        self.count_families();
    }

    /// Sweeps, and while that is not enough has the quarter that was seen longest ago leave memory.
    fn make_room(&mut self, now_ms: u64) {
        self.sweep(now_ms);
        if self.records.len() < self.max_subjects && self.entries < self.max_entries {
            return;
        }
        let mut seen: Vec<u64> = self.records.values().map(|record| record.seen_ms).collect();
        if seen.is_empty() {
            return;
        }
        let quarter = seen.len() / 4;
        let last_ms = *seen.select_nth_unstable(quarter).1;
        let current = &self.current;
        self.records
            .retain(|subject, record| record.seen_ms > last_ms || current.contains(subject));
        self.forgot_ms = self.forgot_ms.max(last_ms);
        self.owe_networks();
        self.entries = self.records.values().map(Record::weight).sum();
        self.count_families();
    }

    /// Who was forgotten may be counted by its /56 from now on: that is taken to have used a quarter as well.
    fn owe_networks(&mut self) {
        let forgot_ms = self.forgot_ms;
        let records = self.records.iter_mut();
        let networks = records.filter(
            |(subject, _)| matches!(subject, Subject::Ip(network) if network.parts().1 == 56),
        );
        for (_, record) in networks {
            record.forgot_ms = forgot_ms;
            for (_, counter) in &mut record.counters {
                counter.fresh = true;
            }
        }
    }
}
