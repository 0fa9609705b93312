//! What the Ledger tells a copy: nothing new, what changed, or everything. One text,
//! a line per entry; ids hold no control characters, so tabs and line ends separate.

use super::{Entry, Key};
use gapura_shared::time::UnixSeconds;
use std::fmt::Write;

/// The part of an entry that copies need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values {
    /// As in [`Entry::until`].
    pub until: Option<UnixSeconds>,
    /// As in [`Entry::not_before`].
    pub not_before: Option<UnixSeconds>,
}

impl From<&Entry> for Values {
    fn from(entry: &Entry) -> Self {
        Self {
            until: entry.until,
            not_before: entry.not_before,
        }
    }
}

/// What the Ledger tells a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What the copy is at afterwards.
    pub version: u64,
    /// Whether the copy starts from nothing.
    pub whole: bool,
    /// Keys in no order, each once; `None`: it is gone.
    pub changes: Vec<(Key, Option<Values>)>,
}

/// A text that is no update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed Ledger update")]
pub struct BadUpdate;

/// Writes an update: its first line is `+` or `*` (whole) and the version.
pub(super) fn start(whole: bool, version: u64) -> String {
    format!("{}{version}\n", if whole { '*' } else { '+' })
}

/// Adds a line: `key`, tab, `until`, tab, `not_before`; each may be empty.
pub(super) fn put(text: &mut String, key: &str, values: Values) {
    let _ = write!(text, "{key}\t");
    number(text, values.until);
    text.push('\t');
    number(text, values.not_before);
    text.push('\n');
}

/// Adds a line with the key of an entry that is gone.
pub(super) fn gone(text: &mut String, key: &str) {
    let _ = writeln!(text, "{key}");
}

fn number(text: &mut String, time: Option<UnixSeconds>) {
    if let Some(time) = time {
        let _ = write!(text, "{}", time.0);
    }
}

impl Update {
    /// Reads what the Ledger wrote, all of it or nothing.
    ///
    /// # Errors
    /// [`BadUpdate`].
    pub fn parse(text: &str) -> Result<Self, BadUpdate> {
        Self::read(text).ok_or(BadUpdate)
    }

    fn read(text: &str) -> Option<Self> {
        let (head, lines) = text.split_once('\n')?;
        let (whole, version) = match head.strip_prefix('*') {
            Some(version) => (true, version),
            None => (false, head.strip_prefix('+')?),
        };
        Some(Self {
            version: version.parse().ok()?,
            whole,
            changes: lines.lines().map(line).collect::<Option<Vec<_>>>()?,
        })
    }

    /// The text that [`Update::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = start(self.whole, self.version);
        for (key, values) in &self.changes {
            match values {
                Some(values) => put(&mut text, &key.to_string(), *values),
                None => gone(&mut text, &key.to_string()),
            }
        }
        text
    }
}

fn line(line: &str) -> Option<(Key, Option<Values>)> {
    let Some((key, values)) = line.split_once('\t') else {
        return Some((line.parse().ok()?, None));
    };
    let (until, not_before) = values.split_once('\t')?;
    let time = |digits: &str| match digits {
        "" => Some(None),
        digits => digits.parse().ok().map(|time| Some(UnixSeconds(time))),
    };
    let values = Values {
        until: time(until)?,
        not_before: time(not_before)?,
    };
    Some((key.parse().ok()?, Some(values)))
}

#[cfg(test)]
mod tests {
    use super::{BadUpdate, Update};

    #[test]
    fn wire_format_unchanged() {
        let text =
            "+12\nban:ip:192.0.2.0/24\t\t\nuser:u\t90\t50\nsession:s\t70\t\nban:country:ID\n";
        let update = Update::parse(text).unwrap();
        assert_eq!((update.version, update.whole), (12, false));
        assert_eq!(update.changes.len(), 4);
        assert_eq!(update.changes[3].1, None);
        assert_eq!(update.to_text(), text);
        assert_eq!(Update::parse("*3\n").unwrap().to_text(), "*3\n");
    }

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "+1",
            "1\n",
            "+x\n",
            "+1\nx:y\t\t\n",
            "+1\nuser:u\t\n",
            "+1\nuser:u\ta\t\n",
            "+1\nuser:u\t1\t2\t3\n",
            "+1\n\n",
        ] {
            assert_eq!(Update::parse(text), Err(BadUpdate), "{text:?}");
        }
    }
}
