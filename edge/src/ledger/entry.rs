//! One entry, and the row that it is stored as.

use gapura_shared::time::UnixSeconds;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Version of the stored format.
const VERSION: u32 = 1;

/// What is known under a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// From then on it is as if it were not there; `None`: for good.
    pub until: Option<UnixSeconds>,
    /// Tokens issued before do not hold.
    pub not_before: Option<UnixSeconds>,
    /// Who did it and why: for people, not for copies.
    pub note: Option<Note>,
}

/// Who made an entry and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub since: UnixSeconds,
    /// Who.
    pub actor: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
    /// The list that it was imported with.
    pub list: Option<Arc<str>>,
}

/// Why a row cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRow {
    /// Not the JSON that is written here.
    #[error("malformed Ledger row")]
    Malformed,
    /// Written by another version of the gate.
    #[error("Ledger row of version {0}")]
    Version(u32),
}

/// The stored form.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    v: u32,
    until: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<RowNote>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowNote {
    since: u64,
    actor: String,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<String>,
}

impl Entry {
    /// Whether it still counts.
    #[must_use]
    pub fn is_live(&self, now: UnixSeconds) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The stored form.
    #[must_use]
    pub fn to_row(&self) -> String {
        let row = Row {
            v: VERSION,
            until: self.until.map(|until| until.0),
            not_before: self.not_before.map(|time| time.0),
            note: self.note.as_ref().map(|note| RowNote {
                since: note.since.0,
                actor: note.actor.to_string(),
                reason: note.reason.to_string(),
                list: note.list.as_ref().map(ToString::to_string),
            }),
        };
        // Numbers and strings: nothing here can fail to serialise.
        serde_json::to_string(&row).unwrap_or_default()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`BadRow`].
    pub fn from_row(text: &str) -> Result<Self, BadRow> {
        let row: Row = serde_json::from_str(text).map_err(|_| BadRow::Malformed)?;
        if row.v != VERSION {
            return Err(BadRow::Version(row.v));
        }
        Ok(Self {
            until: row.until.map(UnixSeconds),
            not_before: row.not_before.map(UnixSeconds),
            note: row.note.map(|note| Note {
                since: UnixSeconds(note.since),
                actor: note.actor.into(),
                reason: note.reason.into(),
                list: note.list.map(Into::into),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BadRow, Entry, Note};
    use gapura_shared::time::UnixSeconds;

    #[test]
    fn stored_format_unchanged() {
        let mut entry = Entry {
            until: Some(UnixSeconds(1_700_000_000)),
            ..Entry::default()
        };
        let bare = r#"{"v":1,"until":1700000000}"#;
        assert_eq!(entry.to_row(), bare);
        assert_eq!(Entry::from_row(bare), Ok(entry.clone()));
        entry.until = None;
        entry.not_before = Some(UnixSeconds(5));
        entry.note = Some(Note {
            since: UnixSeconds(4),
            actor: "user:a".into(),
            reason: "\"spam\"".into(),
            list: Some("drop".into()),
        });
        let full = r#"{"v":1,"until":null,"not_before":5,"note":{"since":4,"actor":"user:a","reason":"\"spam\"","list":"drop"}}"#;
        assert_eq!(entry.to_row(), full);
        assert_eq!(Entry::from_row(full), Ok(entry));
    }

    #[test]
    fn refuses_rows_that_it_does_not_know() {
        assert_eq!(Entry::from_row("{}"), Err(BadRow::Malformed));
        assert_eq!(
            Entry::from_row(r#"{"v":1,"until":1,"x":1}"#),
            Err(BadRow::Malformed)
        );
        assert_eq!(
            Entry::from_row(r#"{"v":2,"until":1}"#),
            Err(BadRow::Version(2))
        );
    }

    #[test]
    fn an_entry_ends_at_its_second() {
        let entry = Entry {
            until: Some(UnixSeconds(10)),
            ..Entry::default()
        };
        assert!(entry.is_live(UnixSeconds(9)));
        assert!(!entry.is_live(UnixSeconds(10)));
        assert!(Entry::default().is_live(UnixSeconds(u64::MAX)));
    }
}
