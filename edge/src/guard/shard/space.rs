//! Which subjects are in memory.

use super::{Change, MAX_ENTRIES, Shard, Unanswered};
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
        changes: &mut Vec<Change>,
    ) -> Result<&mut Record, Unanswered> {
        if !self.unreadable.is_empty() && self.unreadable.contains(&subject.to_string()) {
            return Err(Unanswered::Unreadable);
        }
        let known = self.records.contains_key(subject);
        if self.is_crowded(known) {
            if now_ms >= self.crowded_ms.saturating_add(SEARCH_MS) {
                self.crowded_ms = now_ms;
                self.make_room(subject, now_ms, changes);
            }
            if self.is_crowded(known) {
                return Err(Unanswered::Full);
            }
        }
        if !known {
            self.joins(subject, false);
        }
        let forgot_ms = self.forgot_ms;
        let record = self.records.entry(subject.clone());
        Ok(record.or_insert_with(|| Record::new(forgot_ms)))
    }

    fn is_crowded(&self, known: bool) -> bool {
        (!known && self.records.len() >= self.max_subjects) || self.entries >= MAX_ENTRIES
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

    /// Lets go of what has passed; the changes that follow.
    pub(super) fn sweep(&mut self, now_ms: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        self.entries = 0;
        self.records.retain(|subject, record| {
            record.expire(now_ms);
            if record.row_until_ms > 0 && (record.is_empty() || record.row_until_ms <= now_ms) {
                record.row_until_ms = 0;
                changes.push(Change {
                    key: subject.to_string(),
                    row: None,
                });
            }
            self.entries = self.entries.saturating_add(record.weight());
            !record.is_empty()
        });
        self.count_families();
        changes
    }

    /// Sweeps, and while that is not enough forgets a quarter of those who can be spared first: quiet
    /// subjects, the one seen longest ago first; then those with strikes alone and those that a jail
    /// holds, the one that would be forgotten first, first. Otherwise a strike from each of more
    /// addresses than a shard holds would close the strict classes to everybody. `spared` stays.
    fn make_room(&mut self, spared: &Subject, now_ms: u64, changes: &mut Vec<Change>) {
        changes.extend(self.sweep(now_ms));
        if !self.is_crowded(self.records.contains_key(spared)) {
            return;
        }
        let quiet = |record: &Record| record.row_until_ms == 0;
        if let Some(last_ms) = self.forget(spared, quiet, |record| record.seen_ms, changes) {
            self.forgot_ms = self.forgot_ms.max(last_ms);
            self.owe_networks();
        }
        for such in [Record::holds_nobody, Record::is_jailed] {
            if !self.is_crowded(self.records.contains_key(spared)) {
                return;
            }
            self.forget(spared, such, Record::until_ms, changes);
        }
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

    /// Forgets the quarter of such records that comes first; where the last of them came.
    fn forget(
        &mut self,
        spared: &Subject,
        such: impl Fn(&Record) -> bool,
        order: impl Fn(&Record) -> u64,
        changes: &mut Vec<Change>,
    ) -> Option<u64> {
        let records = self.records.values().filter(|record| such(record));
        let mut places: Vec<u64> = records.map(&order).collect();
        if places.is_empty() {
            return None;
        }
        let quarter = places.len() / 4;
        let last = *places.select_nth_unstable(quarter).1;
        self.records.retain(|subject, record| {
            let forget = such(record) && order(record) <= last && subject != spared;
            if forget {
                self.entries = self.entries.saturating_sub(record.weight());
                changes.extend((record.row_until_ms > 0).then(|| Change {
                    key: subject.to_string(),
                    row: None,
                }));
            }
            !forget
        });
        Some(last)
    }
}
