//! Long lists in parts: in one message they would be longer than the platform takes, and carrying it out
//! would keep the object from everybody else.
//!
//! Guarantees: each part is carried out when it comes, as a whole or not at all, and others are
//! answered between two; what the list no longer has is lifted with the last one. A list that is begun later
//! takes the place of one under way. Which entries came is in memory alone: an object that left it
//! in between refuses the next part, what came holds, nothing is lifted, and the list must be told again.

use super::{Batch, LedgerError, MAX_ENTRIES};
use std::collections::HashSet;

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

/// A list that comes in parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Importing {
    import: String,
    next: u32,
    /// The keys that came so far.
    pub(super) listed: HashSet<String>,
}

impl Importing {
    /// Notes a part, if it follows the one before.
    pub(super) fn take(&mut self, part: &Part) -> Result<(), LedgerError> {
        if part.number == 0 {
            *self = Self {
                import: part.import.clone(),
                ..Self::default()
            };
        } else if part.import != self.import || part.number != self.next {
            return Err(LedgerError::Interrupted);
        }
        let asked = self.listed.len().saturating_add(part.batch.changes.len());
        if asked > MAX_ENTRIES {
            *self = Self::default();
            return Err(LedgerError::Full { held: 0, asked });
        }
        self.next = self.next.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Importing, PART_CHANGES, Part, parts};
    use crate::ledger::{
        Batch, Change, Entry, Key, Ledger, LedgerError, Note, Replica,
        message::{Message, applied},
    };
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
    fn a_part_that_does_not_follow_is_refused() {
        let whole = batch(3 * PART_CHANGES);
        let part = |import, number| parts(&whole, import).nth(number).unwrap();
        let mut importing = Importing::default();
        let mut take = |part| importing.take(&part);
        let refused = Err(LedgerError::Interrupted);
        assert_eq!(take(part("a", 1)), refused, "nothing began");
        assert_eq!(take(part("a", 0)), Ok(()));
        assert_eq!(take(part("a", 2)), refused, "one is missing");
        assert_eq!(take(part("b", 0)), Ok(()));
        assert_eq!(take(part("a", 1)), refused, "another began");
        assert_eq!(take(part("b", 1)), Ok(()));
        assert_eq!(take(part("b", 2)), Ok(()));
        assert_eq!(take(part("b", 2)), refused, "it is over");
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
            Importing::default().take(&part),
            Err(LedgerError::Full { .. })
        ));
    }

    fn listed(key: Key) -> Change {
        let note = Note {
            since: UnixSeconds(1),
            actor: "user:a".into(),
            reason: "drop".into(),
            list: Some("drop".into()),
        };
        let entry = Entry {
            note: Some(note),
            ..Entry::default()
        };
        Change::Put(key, entry)
    }

    /// What comes between two parts is answered between them, and nothing of a list goes before its end.
    #[test]
    fn others_are_answered_between_the_parts_of_a_list() {
        let list = |numbers: std::ops::Range<u32>| {
            let key = |n: u32| format!("ban:ip:{}", std::net::Ipv4Addr::from(0x2000_0000 + n));
            Batch {
                changes: numbers.map(|n| listed(key(n).parse().unwrap())).collect(),
                list: Some("drop".into()),
            }
        };
        let size = u32::try_from(PART_CHANGES).unwrap();
        let mut ledger = Ledger::default();
        let mut now = 1_000_000;
        let mut told = move |ledger: &mut Ledger, message: &Message| {
            now += 1;
            let step = ledger.receive(&message.to_text(), UnixMillis(now)).unwrap();
            (step.answer, step.writes.len())
        };
        let (_, written) = told(&mut ledger, &Message::Apply(list(0..10)));
        assert_eq!(written, 10);
        let mut copy = Replica::default();
        let (whole, _) = told(&mut ledger, &Message::Since(0));
        copy.update(&whole, UnixSeconds(1_000)).unwrap();

        // The first ten are no longer on it.
        let mut at = 0;
        for part in parts(&list(10..10 + 3 * size), "a") {
            let is_last = part.is_last;
            let (answer, written) = told(&mut ledger, &Message::Part(part));
            assert_eq!(written, PART_CHANGES + if is_last { 10 } else { 0 });
            let done = applied(&answer).unwrap().unwrap();
            assert_eq!(
                (done.added, done.lifted),
                (PART_CHANGES, if is_last { 10 } else { 0 })
            );
            at += PART_CHANGES;
            // A logout, and a copy that follows by what is new alone.
            let logout = Change::Put(Key::Session(format!("s{at}")), Entry::default());
            let logout = Batch {
                changes: vec![logout],
                list: None,
            };
            assert_eq!(told(&mut ledger, &Message::Apply(logout)).1, 1);
            let (news, _) = told(&mut ledger, &Message::Since(copy.version()));
            assert!(news.starts_with('+'), "all over again");
            copy.update(&news, UnixSeconds(1_000)).unwrap();
            let sessions = at / PART_CHANGES;
            assert_eq!(copy.len(), at + sessions + if is_last { 0 } else { 10 });
        }
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
