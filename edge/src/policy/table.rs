//! Reading values out of a document: what does not fit becomes a fault and
//! `None`, and the reading goes on.

use super::{
    document::{Faults, File, Node, Place, Value},
    keys,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

/// A table, which may be absent: then it is empty.
#[derive(Debug)]
pub(super) struct Table<'a> {
    path: String,
    place: Place,
    entries: Option<&'a BTreeMap<String, Node>>,
    faults: &'a Faults<'a>,
}

/// A value and the key under which it was found.
#[derive(Debug)]
pub(super) struct Item<'a> {
    path: String,
    node: &'a Node,
    faults: &'a Faults<'a>,
}

impl<'a> Table<'a> {
    /// The table of a whole text.
    pub(super) fn root(node: &'a Node, faults: &'a Faults<'a>) -> Self {
        Item {
            path: String::new(),
            node,
            faults,
        }
        .open()
    }

    /// Says which keys are not `known`.
    pub(super) fn knows(&self, known: &[&str]) {
        for (name, item) in self.all().filter(|(name, _)| !known.contains(name)) {
            let nearest = keys::nearest(name, known).unwrap_or_default();
            item.name_fault(format!("is not a known key; the nearest is `{nearest}`"));
        }
    }

    fn all(&self) -> impl Iterator<Item = (&'a str, Item<'a>)> {
        let names = self.entries.into_iter().flat_map(BTreeMap::keys);
        names.filter_map(|name| Some((name.as_str(), self.get(name)?)))
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &str) -> Option<Item<'a>> {
        let node = self.entries?.get(key)?;
        Some(Item {
            path: self.path_of(key),
            node,
            faults: self.faults,
        })
    }

    /// What `read` makes of the value of `key`; `None` if absent or faulty.
    pub(super) fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Item<'a>) -> Option<T>,
    ) -> Option<T> {
        read(&self.get(key)?)
    }

    /// Like [`Table::read`] of a key that must be there.
    pub(super) fn require<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Item<'a>) -> Option<T>,
    ) -> Option<T> {
        if self.get(key).is_none() {
            self.faults.add(self.place, self.path_of(key), "is missing");
        }
        self.read(key, read)
    }

    /// The table under `key`, whose keys must be `known`.
    pub(super) fn table(&self, key: &str, known: &[&str]) -> Table<'a> {
        self.read(key, |item| item.table(known))
            .unwrap_or_else(|| Table {
                path: self.path_of(key),
                place: self.place,
                entries: None,
                faults: self.faults,
            })
    }

    /// Names and values of the table under `key`, whose names are free.
    pub(super) fn entries(&self, key: &str) -> Vec<(&'a str, Item<'a>)> {
        self.read(key, |item| Some(item.free_table()?.all().collect()))
            .unwrap_or_default()
    }

    fn path_of(&self, key: &str) -> String {
        let dot = if self.path.is_empty() { "" } else { "." };
        format!("{}{dot}{key}", self.path)
    }
}

impl<'a> Item<'a> {
    /// Says what is wrong with this value.
    pub(super) fn fault(&self, message: impl Into<String>) {
        self.faults
            .add(self.node.place, self.path.as_str(), message);
    }

    /// Says what is wrong with the name of this value.
    pub(super) fn name_fault(&self, message: impl Into<String>) {
        self.faults.add(self.node.key, self.path.as_str(), message);
    }

    fn wrong_kind<T>(&self, wanted: &str) -> Option<T> {
        self.fault(format!(
            "must be {wanted}, is of type {}",
            self.node.value.kind()
        ));
        None
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.node.value {
            Value::Boolean(value) => Some(value),
            _ => self.wrong_kind("true or false"),
        }
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => self.wrong_kind("a string"),
        }
    }

    /// A string for which `fits` holds; otherwise it `must` be otherwise.
    pub(super) fn text_where(&self, fits: impl FnOnce(&str) -> bool, must: &str) -> Option<String> {
        let text = self.text()?;
        if fits(text) {
            return Some(text.to_owned());
        }
        self.fault(format!("must be {must}, is {}", quoted(text)));
        None
    }

    /// One of the `choices`.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let chosen = choices.iter().find(|(name, _)| *name == text);
        if chosen.is_none() {
            let names: Vec<_> = choices
                .iter()
                .map(|(name, _)| format!("{name:?}"))
                .collect();
            self.fault(format!(
                "must be one of {}, is {}",
                names.join(", "),
                quoted(text)
            ));
        }
        chosen.map(|(_, value)| *value)
    }

    /// A number in `range`.
    pub(super) fn number<T>(&self, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        self.number_up_to(range, "")
    }

    /// A number in `range`; `bound` says where its end comes from.
    pub(super) fn number_up_to<T>(&self, range: RangeInclusive<T>, bound: &str) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let Value::Integer(integer) = self.node.value else {
            return self.wrong_kind("an integer");
        };
        let number = integer.and_then(|value| T::try_from(value).ok());
        let fitting = number.filter(|value| range.contains(value));
        if fitting.is_none() {
            let is = integer.map_or_else(|| "beyond 64 bits".to_owned(), |value| value.to_string());
            let (least, most) = (range.start(), range.end());
            self.fault(format!("must be {least} to {most}{bound}, is {is}"));
        }
        fitting
    }

    /// An array of which every item is read; faulty ones are left out.
    pub(super) fn list<T>(&self, mut read: impl FnMut(&Item<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Array(nodes) = &self.node.value else {
            return self.wrong_kind("an array");
        };
        // Routes of both files stand in one array, the overlay's first; each is counted
        // in its own file.
        let overlay_count = nodes
            .iter()
            .filter(|node| node.place.file == File::Overlay)
            .count();
        let items = nodes.iter().enumerate().filter_map(|(index, node)| {
            let before = if node.place.file == File::Base {
                overlay_count
            } else {
                0
            };
            let path = format!("{}[{}]", self.path, index.saturating_sub(before));
            read(&Item {
                path,
                node,
                faults: self.faults,
            })
        });
        Some(items.collect())
    }

    /// Whether this value is a table.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.node.value, Value::Table(_))
    }

    /// A table whose keys must be `known`.
    pub(super) fn table(&self, known: &[&str]) -> Option<Table<'a>> {
        let table = self.free_table()?;
        table.knows(known);
        Some(table)
    }

    /// A table whose keys are free.
    fn free_table(&self) -> Option<Table<'a>> {
        match self.node.value {
            Value::Table(_) => Some(self.open()),
            _ => self.wrong_kind("a table"),
        }
    }

    fn open(&self) -> Table<'a> {
        let entries = match &self.node.value {
            Value::Table(entries) => Some(entries),
            _ => None,
        };
        Table {
            path: self.path.clone(),
            place: self.node.key,
            entries,
            faults: self.faults,
        }
    }

    /// An array of different strings for each of which `fits` holds.
    pub(super) fn texts(&self, fits: impl Fn(&str) -> bool, must: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::new();
        self.list(|item| {
            let text = item.text_where(&fits, must)?;
            if !seen.insert(text.clone()) {
                item.fault(format!("is listed twice: {}", quoted(&text)));
            }
            Some(text)
        })
    }

    /// Like [`Item::texts`], of which there must be one at least.
    pub(super) fn some_texts(
        &self,
        fits: impl Fn(&str) -> bool,
        must: &str,
    ) -> Option<Vec<String>> {
        if matches!(&self.node.value, Value::Array(nodes) if nodes.is_empty()) {
            self.fault("must not be empty");
        }
        self.texts(fits, must)
    }

    /// The text that this value is written in.
    pub(super) fn file(&self) -> File {
        self.node.place.file
    }
}

/// A text as a fault shows it: escaped, and its head alone.
pub(super) fn quoted(text: &str) -> String {
    let head: String = text.chars().take(64).collect();
    let more = if head.len() < text.len() { "…" } else { "" };
    format!("{head:?}{more}")
}
