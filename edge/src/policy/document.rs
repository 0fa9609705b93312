//! A policy text as a tree of values that know their place, and the list of
//! what is wrong with it.
//!
//! Guarantees: bounded (text of [`MAX_TEXT_BYTES`], nesting of the TOML parser's
//! 80 levels); every value of either file can be traced to its line and column.

use std::{cell::RefCell, collections::BTreeMap, fmt};
use toml::de::{DeInteger, DeTable, DeValue};

/// Longest policy or overlay, in bytes: 500 routes of half a kilobyte.
pub(super) const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Which of the two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum File {
    /// The policy that is compiled in.
    Base,
    /// What a deployment lays over it.
    Overlay,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "policy.toml",
            Self::Overlay => "overlay",
        })
    }
}

/// One thing that is wrong with a policy, for the people who write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {key}{}{message}", if key.is_empty() { "" } else { " " })]
pub struct Fault {
    /// The text that it is in.
    pub file: File,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key, as in `route[2].classes` (counted from 0 in its own file);
    /// empty for a fault of the whole text.
    pub key: String,
    /// What it must be and what it is.
    pub message: String,
}

/// A byte of one of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: File,
    pub(super) offset: usize,
}

/// A value, where it stands and where its key does.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) key: Place,
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A TOML value. Tables are sorted by key.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    /// `None`: beyond 64 bits.
    Integer(Option<i64>),
    Boolean(bool),
    Array(Vec<Node>),
    Table(BTreeMap<String, Node>),
    /// What no policy holds: the name of its type.
    Other(&'static str),
}

impl Value {
    /// The type's name in TOML.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Integer(_) => "integer",
            Self::Boolean(_) => "boolean",
            Self::Array(_) => "array",
            Self::Table(_) => "table",
            Self::Other(kind) => kind,
        }
    }
}

/// All faults found so far. Shared by the readers of all tables, hence the cell.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    base: &'a str,
    overlay: &'a str,
    found: RefCell<Vec<(Place, Fault)>>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(base: &'a str, overlay: &'a str) -> Self {
        Self {
            base,
            overlay,
            found: RefCell::default(),
        }
    }

    pub(super) fn add(&self, place: Place, key: impl Into<String>, message: impl Into<String>) {
        let text = match place.file {
            File::Base => self.base,
            File::Overlay => self.overlay,
        };
        let (line, column) = position(text, place.offset);
        let fault = Fault {
            file: place.file,
            line,
            column,
            key: key.into(),
            message: message.into(),
        };
        let mut found = self.found.borrow_mut();
        let key = |place: &Place| (place.file, place.offset);
        let index = found.partition_point(|(known, _)| key(known) <= key(&place));
        found.insert(index, (place, fault));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The faults in the order of the texts.
    pub(super) fn into_sorted(self) -> Vec<Fault> {
        let found = self.found.into_inner();
        found.into_iter().map(|(_, fault)| fault).collect()
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before
        .chars()
        .rev()
        .take_while(|c| *c != '\n')
        .count()
        .saturating_add(1);
    (line, column)
}

/// Reads one text; what is not TOML goes to `faults`.
pub(super) fn parse(file: File, text: &str, faults: &Faults<'_>) -> Node {
    let start = Place { file, offset: 0 };
    if text.len() > MAX_TEXT_BYTES {
        let message = format!(
            "the text must be at most {MAX_TEXT_BYTES} bytes, is {}",
            text.len()
        );
        faults.add(start, "", message);
        return Node {
            key: start,
            place: start,
            value: Value::Table(BTreeMap::new()),
        };
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let offset = error.span().map_or(0, |span| span.start);
        faults.add(Place { file, offset }, "", error.message());
    }
    Node {
        key: start,
        place: start,
        value: table_value(file, table.into_inner()),
    }
}

fn table_value(file: File, table: DeTable<'_>) -> Value {
    let entries = table.into_iter().map(|(key, value)| {
        let key_place = Place {
            file,
            offset: key.span().start,
        };
        let place = Place {
            file,
            offset: value.span().start,
        };
        let value = node_value(file, value.into_inner());
        (
            key.into_inner().into_owned(),
            Node {
                key: key_place,
                place,
                value,
            },
        )
    });
    Value::Table(entries.collect())
}

fn node_value(file: File, value: DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => Value::Integer(integer_value(&integer)),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Table(table) => table_value(file, table),
        DeValue::Array(items) => {
            let nodes = items.into_iter().map(|item| {
                let place = Place {
                    file,
                    offset: item.span().start,
                };
                Node {
                    key: place,
                    place,
                    value: node_value(file, item.into_inner()),
                }
            });
            Value::Array(nodes.collect())
        }
        DeValue::Float(_) => Value::Other("float"),
        DeValue::Datetime(_) => Value::Other("datetime"),
    }
}

fn integer_value(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
