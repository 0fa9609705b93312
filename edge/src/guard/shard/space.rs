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

    /// Sweeps, and if that is not enough forgets the quarter of the quiet subjects that was
    /// seen longest ago. `spared` stays.
    fn make_room(&mut self, spared: &Subject, now_ms: u64, changes: &mut Vec<Change>) {
        changes.extend(self.sweep(now_ms));
        if !self.is_crowded(self.records.contains_key(spared)) {
            return;
        }
        let quiet = |record: &Record| record.row_until_ms == 0;
        let mut seen: Vec<u64> = self
            .records
            .values()
            .filter(|r| quiet(r))
            .map(|r| r.seen_ms)
            .collect();
        if seen.is_empty() {
            return;
        }
        let quarter = seen.len() / 4;
        let (_, last, _) = seen.select_nth_unstable(quarter);
        let last_ms = *last;
        self.records.retain(|subject, record| {
            let forget = quiet(record) && record.seen_ms <= last_ms && subject != spared;
            if forget {
                self.entries = self.entries.saturating_sub(record.weight());
            }
            !forget
        });
        self.forgot_ms = self.forgot_ms.max(last_ms);
    }
}
