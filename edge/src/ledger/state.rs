//! The Ledger's state, as the one object holds it.
//!
//! The version is the time of the last change in milliseconds, or one more than the
//! last: it grows also across a loss of storage, so that no copy takes a new Ledger
//! for an old one.

use super::{
    ADDED_LIST, BadRow, Entry, GRACE_S, Key, MAX_ENTRIES, MAX_WITH_LISTS, Part, import::Importing,
    wire,
};
use gapura_shared::time::{UnixMillis, UnixSeconds};
use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

/// How many changes are remembered for copies that are behind, a long list's among them; one that is
/// further behind gets everything.
const MAX_LOG: usize = MAX_ENTRIES;

/// By how much the end of a ban may move that a list is imported with again, without being written.
const END_MOVES_S: u64 = 3_600;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An entry comes into being or replaces another. Revocations are only ever
    /// extended: a late or repeated push takes nothing back.
    Put(Key, Entry),
    /// An entry goes.
    Lift(Key),
}

/// Changes that happen together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// In this order.
    pub changes: Vec<Change>,
    /// The changes are all of this list: what an earlier import of it brought and this one
    /// does not is lifted, and bans that are not the list's stay as they are. [`ADDED_LIST`] only grows.
    /// What an earlier import said alike, or with an end less than an hour off, stays as it was said.
    pub list: Option<Arc<str>>,
}

/// A row to write or, without a value, to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The row's key.
    pub key: String,
    /// Its value, by [`Entry::to_row`].
    pub row: Option<String>,
    /// From then on it says nothing and may be deleted; `None`: never.
    pub until: Option<UnixSeconds>,
}

/// What a batch did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// What to store before the answer; the version besides, if there are any.
    pub writes: Vec<Write>,
    /// Entries that are new.
    pub added: usize,
    /// Entries that replaced others.
    pub changed: usize,
    /// Entries that went.
    pub lifted: usize,
}

/// Why a batch was refused; nothing of it was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It would be too much.
    #[error(
        "the Ledger holds at most {MAX_ENTRIES} entries, {MAX_WITH_LISTS} with a list that is imported: {held} are held, {asked} would be added"
    )]
    Full {
        /// How many are held.
        held: usize,
        /// How many would be added.
        asked: usize,
    },
    /// The same push was carried out before.
    #[error("this push was carried out before")]
    Replayed,
    /// The parts of a list that came before this one are gone.
    #[error("the import was interrupted, or another one began: import the list again")]
    Interrupted,
}

/// All entries.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pub(super) version: u64,
    /// All of them, or those that were asked for.
    pub(super) entries: BTreeMap<String, Entry>,
    /// How many are stored, if not all are here.
    pub(super) stored: Option<Stored>,
    /// Versions and the keys that they changed, oldest first.
    pub(super) log: VecDeque<(u64, String)>,
    /// Copies at an older version get everything.
    pub(super) floor: u64,
    /// A list that comes in parts.
    pub(super) importing: Importing,
}

/// How many entries a Ledger has that did not read them all; `None`: nobody knows.
pub(super) type Stored = Option<usize>;

impl Ledger {
    /// From stored rows (key, value) and the stored version.
    ///
    /// # Errors
    /// [`BadRow`]: the Ledger cannot be trusted, its shell must refuse.
    pub fn load(
        version: u64,
        rows: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, BadRow> {
        let mut entries = BTreeMap::new();
        for (key, row) in rows {
            let _: Key = key.parse().map_err(|_| BadRow::Malformed)?;
            entries.insert(key, Entry::from_row(&row)?);
        }
        Ok(Self {
            version,
            entries,
            floor: version,
            ..Self::default()
        })
    }

    /// The version, to be stored beside the rows.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stored.flatten().unwrap_or(self.entries.len())
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known under a key.
    #[must_use]
    pub fn get(&self, key: &Key, now: UnixSeconds) -> Option<&Entry> {
        self.entries
            .get(&key.to_string())
            .filter(|entry| entry.is_live(now))
    }

    /// All entries that still count, by key.
    pub fn live(&self, now: UnixSeconds) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries
            .iter()
            .filter(move |(_, entry)| entry.is_live(now))
            .map(|(key, entry)| (key.as_str(), entry))
    }

    /// Carries out a batch.
    ///
    /// # Errors
    /// [`LedgerError`]; then nothing has changed but that ended entries may be gone,
    /// which nobody sees.
    pub fn apply(&mut self, batch: Batch, now: UnixMillis) -> Result<Applied, LedgerError> {
        self.carry_out(batch, &mut HashSet::new(), true, now)
    }

    /// Carries out a part of a list.
    ///
    /// # Errors
    /// [`LedgerError`]; then nothing of this part is done, and the list is no longer under way.
    pub fn apply_part(&mut self, part: Part, now: UnixMillis) -> Result<Applied, LedgerError> {
        self.importing.take(&part)?;
        let mut importing = std::mem::take(&mut self.importing);
        let applied = self.carry_out(part.batch, &mut importing.listed, part.is_last, now)?;
        if !part.is_last {
            self.importing = importing;
        }
        Ok(applied)
    }

    /// `listed` are the keys of the list that came before; with the `last` ones, all others of it go.
    fn carry_out(
        &mut self,
        batch: Batch,
        listed: &mut HashSet<String>,
        last: bool,
        now: UnixMillis,
    ) -> Result<Applied, LedgerError> {
        let seconds = now.seconds();
        let is_list = batch.list.is_some();
        let steps = self.steps(batch, listed, last, seconds)?;
        let added = steps
            .iter()
            .filter(|(key, entry)| entry.is_some() && !self.entries.contains_key(key));
        let asked = added.count();
        let most = if is_list { MAX_WITH_LISTS } else { MAX_ENTRIES };
        // Also of a full Ledger a list may be made shorter.
        if asked > 0 && self.len().saturating_add(asked) > most {
            return Err(LedgerError::Full {
                held: self.len(),
                asked,
            });
        }
        let mut applied = Applied::default();
        let version = self.version.saturating_add(1).max(now.0);
        for (key, entry) in steps {
            self.step(key, entry, (version, seconds), &mut applied);
        }
        if !applied.writes.is_empty() {
            self.version = version;
        }
        if let Some(Some(count)) = &mut self.stored {
            *count = count.saturating_add(applied.added);
            *count = count.saturating_sub(applied.lifted);
        }
        Ok(applied)
    }

    /// What a batch comes to: keys, and what they get.
    fn steps(
        &self,
        batch: Batch,
        listed: &mut HashSet<String>,
        last: bool,
        now: UnixSeconds,
    ) -> Result<Vec<(String, Option<Entry>)>, LedgerError> {
        let mut steps = Vec::with_capacity(batch.changes.len());
        for change in batch.changes {
            let (key, entry) = match change {
                Change::Put(key, entry) => (key, Some(entry)),
                Change::Lift(key) => (key, None),
            };
            let text = key.to_string();
            let held = self.entries.get(&text).filter(|held| held.is_live(now));
            if batch.list.is_some() {
                // A ban that somebody made by hand outranks a list.
                let own = held.is_none_or(|held| list_of(held) == batch.list.as_deref());
                if !own || !listed.insert(text.clone()) {
                    continue;
                }
            }
            let entry = match (entry, held) {
                (Some(_), Some(_)) if matches!(key, Key::Nonce(_)) => {
                    return Err(LedgerError::Replayed);
                }
                (entry, _) => entry.map(|entry| graced(&key, entry)),
            };
            steps.push((text, entry));
        }
        let replaced = |list: &Arc<str>| last && list.as_ref() != ADDED_LIST;
        if let Some(list) = batch.list.filter(replaced) {
            let dropped = self.entries.iter().filter(|(key, entry)| {
                list_of(entry) == Some(list.as_ref()) && !listed.contains(*key)
            });
            steps.extend(dropped.map(|(key, _)| (key.clone(), None)));
        }
        Ok(steps)
    }

    fn step(
        &mut self,
        key: String,
        entry: Option<Entry>,
        at: (u64, UnixSeconds),
        applied: &mut Applied,
    ) {
        let (version, now) = at;
        let held = self.entries.get(&key).filter(|held| held.is_live(now));
        let entry = match (entry, held) {
            (Some(entry), Some(held)) => Some(extended(&key, entry, held)),
            (entry, _) => entry,
        };
        let row = entry.as_ref().map(Entry::to_row);
        let until = entry.as_ref().and_then(|entry| entry.until);
        match entry {
            Some(entry) => match self.entries.get(&key) {
                Some(held)
                    if *held == entry || (held.is_live(now) && is_listed_alike(held, &entry)) =>
                {
                    return;
                }
                held => {
                    let count = if held.is_some() {
                        &mut applied.changed
                    } else {
                        &mut applied.added
                    };
                    *count = count.saturating_add(1);
                    self.entries.insert(key.clone(), entry);
                }
            },
            None if self.entries.remove(&key).is_none() => return,
            None => applied.lifted = applied.lifted.saturating_add(1),
        }
        self.note(version, key.clone());
        applied.writes.push(Write { key, row, until });
    }

    fn note(&mut self, version: u64, key: String) {
        self.log.push_back((version, key));
        if self.log.len() > MAX_LOG
            && let Some((dropped, _)) = self.log.pop_front()
        {
            self.floor = self.floor.max(dropped);
        }
    }

    /// Removes what has ended; the keys of the rows to delete. Copies do so by themselves.
    #[must_use]
    pub fn expire(&mut self, now: UnixSeconds) -> Vec<String> {
        let ended = self.entries.extract_if(.., |_, entry| !entry.is_live(now));
        ended.map(|(key, _)| key).collect()
    }

    /// What a copy at `version` must be told; [`super::Update`] reads it.
    #[must_use]
    pub fn since(&self, version: u64, now: UnixSeconds) -> String {
        if version == self.version {
            return wire::start(false, version);
        }
        if !self.remembers(version) {
            return self.whole(now);
        }
        let mut text = wire::start(false, self.version);
        let mut told = HashSet::new();
        let news = self.log.iter().rev();
        for (_, key) in news.take_while(|(changed, _)| *changed > version) {
            if !told.insert(key) || !is_copied(key) {
                continue;
            }
            match self.entries.get(key) {
                Some(entry) => wire::put(&mut text, key, entry.into()),
                None => wire::gone(&mut text, key),
            }
        }
        text
    }

    /// Whether it is known what changed since this version.
    pub(super) const fn remembers(&self, version: u64) -> bool {
        self.floor <= version && version <= self.version && version > 0
    }

    fn whole(&self, now: UnixSeconds) -> String {
        let mut text = wire::start(true, self.version);
        for (key, entry) in self.live(now).filter(|(key, _)| is_copied(key)) {
            wire::put(&mut text, key, entry.into());
        }
        text
    }
}

impl Change {
    /// What it is about.
    pub(super) const fn key(&self) -> &Key {
        match self {
            Self::Put(key, _) | Self::Lift(key) => key,
        }
    }
}

fn list_of(entry: &Entry) -> Option<&str> {
    entry.note.as_ref()?.list.as_deref()
}

/// Whether a list says again what it said before.
fn is_listed_alike(held: &Entry, entry: &Entry) -> bool {
    let (Some(before), Some(now)) = (&held.note, &entry.note) else {
        return false;
    };
    let ends_alike = match (held.until, entry.until) {
        (None, None) => true,
        (Some(before), Some(now)) => before.0.abs_diff(now.0) < END_MOVES_S,
        _ => false,
    };
    before.list.is_some() && before.list == now.list && before.reason == now.reason && ends_alike
}

fn is_copied(key: &str) -> bool {
    key.parse().is_ok_and(|key: Key| key.is_copied())
}

/// A revocation is kept for the grace.
fn graced(key: &Key, mut entry: Entry) -> Entry {
    if !matches!(key, Key::Ban(_) | Key::Attack | Key::Nonce(_)) {
        entry.until = entry.until.map(|until| until.after(GRACE_S));
    }
    entry
}

/// A revocation never ends earlier than it would have, nor begins later.
fn extended(key: &str, mut entry: Entry, held: &Entry) -> Entry {
    let kind = key.split(':').next();
    if !matches!(kind, Some("ban" | "attack" | "nonce")) {
        entry.until = held.until.zip(entry.until).map(|(a, b)| a.max(b));
        entry.not_before = held.not_before.max(entry.not_before);
    }
    entry
}
