//! Long lists in parts: in one message they would be longer than the platform takes, and reading it
//! would keep the object from everybody else.
//!
//! Guarantees: with the last part all of the list is carried out, or nothing of it; a list that
//! is begun later takes the place of one under way. Parts are in memory alone: an object that left it
//! in between refuses the next part, and the list must be told again.

use super::{Batch, Change, LedgerError, MAX_ENTRIES};

/// Changes in a part.
pub const PART_CHANGES: usize = 2_000;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The import that it belongs to.
    pub import: String,
    /// Its place, from 0.
    pub number: u32,
    /// Whether it is the last one.
    pub is_last: bool,
    /// Its changes, and the list's name.
    pub batch: Batch,
}

/// A batch in parts, of an import of this name.
pub fn parts(batch: &Batch, import: &str) -> impl Iterator<Item = Part> {
    let count = batch.changes.len().div_ceil(PART_CHANGES);
    let chunks = batch.changes.chunks(PART_CHANGES).zip(0..);
    chunks.zip(1..).map(move |((changes, number), place)| Part {
        import: import.to_owned(),
        number,
        is_last: place == count,
        batch: Batch {
            changes: changes.to_vec(),
            list: batch.list.clone(),
        },
    })
}

/// The parts that came so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Importing {
    import: String,
    next: u32,
    changes: Vec<Change>,
}

impl Importing {
    /// Takes a part; with the last one the whole batch.
    pub(super) fn take(&mut self, part: Part) -> Result<Option<Batch>, LedgerError> {
        let Part {
            import,
            number,
            is_last,
            batch,
        } = part;
        if number == 0 {
            *self = Self {
                import,
                ..Self::default()
            };
        } else if import != self.import || number != self.next {
            return Err(LedgerError::Interrupted);
        }
        let asked = self.changes.len().saturating_add(batch.changes.len());
        if asked > MAX_ENTRIES {
            *self = Self::default();
            return Err(LedgerError::Full { held: 0, asked });
        }
        self.next = self.next.saturating_add(1);
        self.changes.extend(batch.changes);
        Ok(is_last.then(|| Batch {
            changes: std::mem::take(self).changes,
            list: batch.list,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Importing, PART_CHANGES, Part, parts};
    use crate::ledger::{Batch, Change, Entry, Key, Ledger, LedgerError, Note};
    use gapura_shared::time::{UnixMillis, UnixSeconds};

    fn batch(count: usize) -> Batch {
        let key = |n| Key::Session(format!("{n}"));
        Batch {
            changes: (0..count)
                .map(|n| Change::Put(key(n), Entry::default()))
                .collect(),
            list: Some("drop".into()),
        }
    }

    #[test]
    fn what_was_divided_comes_together_with_the_last_part() {
        let whole = batch(2 * PART_CHANGES + 1);
        let mut importing = Importing::default();
        let mut taken: Vec<_> = parts(&whole, "a")
            .map(|part| importing.take(part).unwrap())
            .collect();
        assert_eq!(taken.len(), 3);
        assert_eq!(taken.pop(), Some(Some(whole)));
        assert_eq!(taken, [None, None]);
    }

    #[test]
    fn a_part_that_does_not_follow_is_refused() {
        let whole = batch(3 * PART_CHANGES);
        let part = |import, number| parts(&whole, import).nth(number).unwrap();
        let mut importing = Importing::default();
        let refused = Err(LedgerError::Interrupted);
        assert_eq!(importing.take(part("a", 1)), refused, "nothing began");
        assert_eq!(importing.take(part("a", 0)), Ok(None));
        assert_eq!(importing.take(part("a", 2)), refused, "one is missing");
        assert_eq!(importing.take(part("b", 0)), Ok(None));
        assert_eq!(importing.take(part("a", 1)), refused, "another began");
        assert_eq!(importing.take(part("b", 1)), Ok(None));
        assert!(matches!(importing.take(part("b", 2)), Ok(Some(_))));
        assert_eq!(importing.take(part("b", 2)), refused, "it is over");
    }

    #[test]
    fn no_more_is_kept_than_the_ledger_holds() {
        let part = Part {
            import: "a".into(),
            number: 0,
            is_last: false,
            batch: batch(100_001),
        };
        assert!(matches!(
            Importing::default().take(part),
            Err(LedgerError::Full { .. })
        ));
    }

    #[test]
    fn what_a_list_says_again_is_not_written() {
        let mut ledger = Ledger::default();
        let mut import = |at_s: u64, ends: &[(u8, Option<u64>)]| {
            let change = |(n, seconds): &(u8, Option<u64>)| {
                let entry = Entry {
                    until: seconds.map(|seconds| UnixSeconds(at_s + seconds)),
                    not_before: None,
                    note: Some(Note {
                        since: UnixSeconds(at_s),
                        actor: "user:a".into(),
                        reason: "drop".into(),
                        list: Some("drop".into()),
                    }),
                };
                let key = format!("ban:ip:192.0.2.{n}");
                Change::Put(key.parse().unwrap(), entry)
            };
            let batch = Batch {
                changes: ends.iter().map(change).collect(),
                list: Some("drop".into()),
            };
            let applied = ledger.apply(batch, UnixMillis(at_s * 1_000)).unwrap();
            (
                applied.writes.len(),
                applied.added,
                applied.changed,
                applied.lifted,
            )
        };
        let first = [(1, None), (2, Some(86_400)), (3, Some(60))];
        assert_eq!(import(1_000_000, &first), (3, 3, 0, 0));
        // A day later nothing is written of what has no end; the end of the second moved by a day.
        let second = [(1, None), (2, Some(86_400)), (4, None)];
        assert_eq!(import(1_080_000, &second), (3, 1, 1, 1));
        // Half an hour later nothing at all.
        assert_eq!(import(1_081_800, &second), (0, 0, 0, 0));
        // One that has ended is no longer said.
        assert_eq!(
            import(1_166_401, &[(1, None), (2, Some(60)), (4, None)]),
            (1, 0, 1, 0)
        );
    }
}
