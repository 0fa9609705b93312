//! Which stored rows a message needs in memory: few for what is asked again and again, so that an
//! object that wakes does not read them all. All are needed by a copy that begins or is behind, by
//! lists, and by operators who look for bans.

use super::{BadRow, Entry, Key, Ledger, MAX_WITH_LISTS, message::Message};
use std::collections::btree_map;

/// The rows that a message needs and that are not in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Those of these keys, where there are any.
    Keys(Vec<String>),
    /// All.
    All,
}

impl Ledger {
    /// A Ledger that has read none of its rows yet, but its own ([`Ledger::own_row`]).
    ///
    /// # Errors
    /// [`BadRow`].
    pub fn open(own_row: Option<&str>) -> Result<Self, BadRow> {
        let (version, count) = match own_row {
            Some(row) => {
                let (version, count) = match row.split_once(' ') {
                    Some((version, count)) => (version, Some(count)),
                    None => (row, None),
                };
                let count = count.map(|count| count.parse().map_err(|_| BadRow::Malformed));
                let version = version.parse().map_err(|_| BadRow::Malformed)?;
                (version, count.transpose()?)
            }
            None => (0, None),
        };
        Ok(Self {
            version,
            floor: version,
            stored: Some(count),
            ..Self::default()
        })
    }

    /// Its own row: the version, and how many entries there are.
    #[must_use]
    pub fn own_row(&self) -> String {
        format!("{} {}", self.version, self.len())
    }

    /// Notes how many rows are stored, after those were deleted that have ended.
    pub const fn recount(&mut self, count: usize) {
        if self.stored.is_some() {
            self.stored = Some(Some(count));
        }
    }

    /// What must be read before a message is taken.
    #[must_use]
    pub fn needs(&self, message: &Message) -> Needs {
        let Some(stored) = self.stored else {
            return Needs::Keys(Vec::new());
        };
        match message {
            Message::Since(version) if *version == self.version => Needs::Keys(Vec::new()),
            // What changed since then is in memory.
            Message::Since(version) if self.remembers(*version) => Needs::Keys(Vec::new()),
            Message::Apply(batch) => {
                let asked = batch.changes.len();
                let has_room =
                    stored.is_some_and(|count| count.saturating_add(asked) <= MAX_WITH_LISTS);
                if batch.list.is_some() || !has_room {
                    return Needs::All;
                }
                self.missing(batch.changes.iter().map(super::Change::key))
            }
            Message::Entry(key) => self.missing([key].into_iter()),
            Message::Since(_) | Message::Part(_) | Message::Search(_) | Message::Bans => Needs::All,
        }
    }

    fn missing<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Needs {
        let keys = keys.map(Key::to_string);
        Needs::Keys(keys.filter(|key| !self.entries.contains_key(key)).collect())
    }

    /// Takes a row into memory.
    ///
    /// # Errors
    /// [`BadRow`]: the Ledger cannot be trusted, its shell must refuse.
    pub fn take(&mut self, key: String, row: &str) -> Result<(), BadRow> {
        let _: Key = key.parse().map_err(|_| BadRow::Malformed)?;
        if let btree_map::Entry::Vacant(place) = self.entries.entry(key) {
            place.insert(Entry::from_row(row)?);
        }
        Ok(())
    }

    /// Notes that all rows were taken.
    pub fn taken(&mut self) {
        self.stored = None;
    }
}

#[cfg(test)]
mod tests {
    use super::Needs;
    use crate::ledger::{
        Batch, Change, Entry, Ledger, Replica,
        message::{Message, Step},
    };
    use gapura_shared::time::{UnixMillis, UnixSeconds};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// An object: rows, and a Ledger while it is in memory.
    #[derive(Default)]
    struct Object {
        rows: BTreeMap<String, String>,
        own: Option<String>,
        ledger: Option<Ledger>,
        read: usize,
    }

    impl Object {
        fn ask(&mut self, message: &Message, now: u64) -> String {
            let own = self.own.as_deref();
            let ledger = self
                .ledger
                .get_or_insert_with(|| Ledger::open(own).unwrap());
            match ledger.needs(message) {
                Needs::Keys(keys) => {
                    for key in keys {
                        self.read += 1;
                        if let Some(row) = self.rows.get(&key) {
                            ledger.take(key, row).unwrap();
                        }
                    }
                }
                Needs::All => {
                    for (key, row) in &self.rows {
                        self.read += 1;
                        ledger.take(key.clone(), row).unwrap();
                    }
                    ledger.taken();
                }
            }
            let Step { answer, writes } = ledger
                .receive(&message.to_text(), UnixMillis(now * 1000))
                .unwrap();
            if !writes.is_empty() {
                self.own = Some(ledger.own_row());
            }
            for write in writes {
                match write.row {
                    Some(row) => self.rows.insert(write.key, row),
                    None => self.rows.remove(&write.key),
                };
            }
            answer
        }

        /// The alarm, as the shell answers it.
        fn sweep(&mut self, now: u64) {
            let now = UnixSeconds(now);
            self.rows
                .retain(|_, row| Entry::from_row(row).unwrap().is_live(now));
            let own = self.own.as_deref();
            let ledger = self
                .ledger
                .get_or_insert_with(|| Ledger::open(own).unwrap());
            let _ = ledger.expire(now);
            ledger.recount(self.rows.len());
            self.own = Some(ledger.own_row());
        }
    }

    fn apply(keys: &[String], until: u64, list: Option<&str>) -> Message {
        let put = |key: &String| {
            let entry = Entry {
                until: Some(UnixSeconds(until)),
                ..Entry::default()
            };
            Change::Put(key.parse().unwrap(), entry)
        };
        Message::Apply(Batch {
            changes: keys.iter().map(put).collect(),
            list: list.map(Into::into),
        })
    }

    #[test]
    fn own_row_unchanged() {
        let mut ledger = Ledger::open(Some("12 3")).unwrap();
        assert_eq!((ledger.version(), ledger.len()), (12, 3));
        assert_eq!(ledger.own_row(), "12 3");
        // As it was written before entries were counted.
        ledger = Ledger::open(Some("12")).unwrap();
        assert_eq!(ledger.version(), 12);
        let logout = apply(&["session:a".into()], 90, None);
        assert_eq!(ledger.needs(&logout), Needs::All);
        assert_eq!(ledger.needs(&Message::Since(12)), Needs::Keys(Vec::new()));
        for bad in ["", "x", "1 x", "1 2 3"] {
            assert!(Ledger::open(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_logout_reads_its_own_row_however_many_there_are() {
        let mut object = Object::default();
        let networks: Vec<_> = (0..250).map(|n| format!("ban:ip:192.0.2.{n}")).collect();
        object.ask(&apply(&networks, 9_000, None), 10);
        let version = object.ledger.as_ref().unwrap().version();
        let mut copy = Replica::default();
        copy.update(&object.ask(&Message::Since(0), 11), UnixSeconds(11))
            .unwrap();
        object.ledger = None;
        object.read = 0;
        let nothing = object.ask(&Message::Since(version), 20);
        assert_eq!((nothing, object.read), (format!("+{version}\n"), 0));
        object.ask(&apply(&["session:a".into()], 900, None), 21);
        let news = object.ask(&Message::Since(version), 22);
        copy.update(&news, UnixSeconds(22)).unwrap();
        assert_eq!((copy.len(), object.read), (251, 1));
        assert_eq!(object.ledger.as_ref().unwrap().len(), 251);
        // Whoever begins gets all.
        assert_eq!(object.ask(&Message::Since(0), 23).lines().count(), 252);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Apply(Vec<u8>, u64, Option<u8>),
        Lift(u8),
        Follow(usize),
        Entry(u8),
        Evict,
        Sweep,
        Pass(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        let keys = prop::collection::vec(0u8..12, 1..6);
        prop_oneof![
            4 => (keys, 1u64..200, prop::option::of(0u8..2)).prop_map(|(k, u, l)| Act::Apply(k, u, l)),
            1 => (0u8..12).prop_map(Act::Lift),
            4 => (0usize..2).prop_map(Act::Follow),
            1 => (0u8..12).prop_map(Act::Entry),
            3 => Just(Act::Evict),
            1 => Just(Act::Sweep),
            2 => (1u64..40).prop_map(Act::Pass),
        ]
    }

    proptest! {
        /// Against a Ledger that is never evicted: the same answers, and the same copies.
        #[test]
        fn answers_as_if_all_were_in_memory(acts in prop::collection::vec(act(), 1..60)) {
            let (mut object, mut whole) = (Object::default(), Ledger::default());
            let mut copies = [Replica::default(), Replica::default()];
            let mut now = 1_000;
            let key = |n: u8| if n < 6 { format!("session:{n}") } else { format!("ban:ip:192.0.2.{n}") };
            for act in acts {
                let message = match act {
                    Act::Apply(keys, seconds, list) => {
                        let list = list.map(|list| format!("l{list}"));
                        // Lists are of bans.
                        let keys: Vec<_> = keys.iter().map(|n| if list.is_some() { n % 6 + 6 } else { *n }).map(key).collect();
                        let noted = |change: Change| match change {
                            Change::Put(key, entry) if list.is_some() => Change::Put(key, Entry {
                                note: Some(crate::ledger::Note {
                                    since: UnixSeconds(now), actor: "a".into(), reason: "r".into(),
                                    list: list.clone().map(Into::into),
                                }),
                                ..entry
                            }),
                            change => change,
                        };
                        let Message::Apply(batch) = apply(&keys, now + seconds, list.as_deref()) else { unreachable!() };
                        Message::Apply(Batch { changes: batch.changes.into_iter().map(noted).collect(), ..batch })
                    }
                    Act::Lift(n) => Message::Apply(Batch { changes: vec![Change::Lift(key(n).parse().unwrap())], list: None }),
                    Act::Entry(n) => Message::Entry(key(n).parse().unwrap()),
                    Act::Follow(n) => {
                        let answer = object.ask(&Message::Since(copies[n].version()), now);
                        copies[n].update(&answer, UnixSeconds(now)).unwrap();
                        let mut copy = copies[n].clone();
                        copy.forget(UnixSeconds(now));
                        let mut anew = Replica::default();
                        anew.update(&whole.since(0, UnixSeconds(now)), UnixSeconds(now)).unwrap();
                        prop_assert_eq!(copy.len(), anew.len());
                        for n in 0..12 {
                            let held = whole.get(&key(n).parse().unwrap(), UnixSeconds(now)).is_some();
                            let session = n.to_string();
                            let bearer = crate::ledger::Bearer { session: Some(&session), ..Default::default() };
                            let client = crate::ledger::Client {
                                address: format!("192.0.2.{n}").parse().unwrap(), country: None, asn: None, user: None,
                            };
                            let known = if n < 6 {
                                copy.revoked(&bearer, UnixSeconds(now)).is_some()
                            } else {
                                copy.banned(&client, UnixSeconds(now)).is_some()
                            };
                            prop_assert_eq!(known, held, "{}", key(n));
                        }
                        continue;
                    }
                    Act::Evict => { object.ledger = None; continue; }
                    Act::Sweep => { object.sweep(now); let _ = whole.expire(UnixSeconds(now)); continue; }
                    Act::Pass(seconds) => { now += seconds; continue; }
                };
                // What has ended may be counted as changed or added, by whether it was deleted.
                object.sweep(now);
                let _ = whole.expire(UnixSeconds(now));
                let wanted = whole.receive(&message.to_text(), UnixMillis(now * 1000)).unwrap().answer;
                prop_assert_eq!(object.ask(&message, now), wanted);
                prop_assert_eq!(object.ledger.as_ref().unwrap().len(), object.rows.len());
                prop_assert_eq!(whole.len(), object.rows.len());
            }
        }
    }
}
