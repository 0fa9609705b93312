//! Which subjects are in memory.

use super::{Change, MAX_ENTRIES, Shard, Unanswered};
use crate::guard::{Subject, record::Record};

/// Least time between two searches for room: each looks at every subject.
const SEARCH_MS: u64 = 1_000;

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
        let forgot_ms = self.forgot_ms;
        let record = self.records.entry(subject.clone());
        Ok(record.or_insert_with(|| Record::new(forgot_ms)))
    }

    fn is_crowded(&self, known: bool) -> bool {
        (!known && self.records.len() >= self.max_subjects) || self.entries >= MAX_ENTRIES
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
        }
        for such in [Record::holds_nobody, Record::is_jailed] {
            if !self.is_crowded(self.records.contains_key(spared)) {
                return;
            }
            self.forget(spared, such, Record::until_ms, changes);
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
