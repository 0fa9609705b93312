//! Reads typed settings from TOML and collects every fault on the way.

use std::{fmt, ops::RangeInclusive, time::Duration};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `section.key`, or the name of an environment variable.
    pub key: String,
    /// Line and column from 1; `None` outside the file.
    pub position: Option<(usize, usize)>,
    /// What is expected.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// A file being read. Wrong values are replaced by defaults so that reading goes on.
pub(super) struct Reader<'a> {
    text: &'a str,
    root: DeTable<'a>,
    sections: Vec<&'static str>,
    /// Every `section.key` that was asked for.
    pub(super) keys: Vec<String>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let fault = |error: &toml::de::Error| Fault {
            key: "TOML".into(),
            position: error.span().map(|span| position(text, span.start)),
            message: error.message().into(),
        };
        Self {
            text,
            faults: errors.iter().map(fault).collect(),
            root: root.into_inner(),
            sections: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Reads one section by `read`, then refuses the keys that `read` did not ask for.
    pub(super) fn section<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        self.sections.push(name);
        let entry = self.root.get(name);
        let table = entry.and_then(|value| value.get_ref().as_table());
        let mut section = Section {
            name: name.into(),
            text: self.text,
            table,
            keys: Vec::new(),
            faults: Vec::new(),
        };
        if let (Some(entry), None) = (entry, table) {
            let start = entry.span().start;
            section.faults.push(Fault {
                key: name.into(),
                position: Some(position(self.text, start)),
                message: "must be a table".into(),
            });
        }
        let value = read(&mut section);
        section.refuse_unknown();
        let Section { keys, faults, .. } = section;
        self.keys
            .extend(keys.iter().map(|key| format!("{name}.{key}")));
        self.faults.extend(faults);
        value
    }

    /// Refuses the sections that were not read.
    pub(super) fn finish(&mut self) {
        for (name, _) in &self.root {
            if !self.sections.contains(&name.get_ref().as_ref()) {
                self.faults.push(Fault {
                    key: name.get_ref().to_string(),
                    position: Some(position(self.text, name.span().start)),
                    message: "unknown section".into(),
                });
            }
        }
        self.faults.sort_by_key(|fault| fault.position);
    }
}

/// One `[section]` being read.
pub(super) struct Section<'a> {
    name: String,
    text: &'a str,
    table: Option<&'a DeTable<'a>>,
    keys: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'a> Section<'a> {
    /// A text that `parse` understands.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        default: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.value(key) else {
            return parse(default);
        };
        let parsed = value.get_ref().as_str().and_then(&parse);
        if parsed.is_none() {
            let start = value.span().start;
            self.fault(key, start, expected.into());
        }
        parsed.or_else(|| parse(default))
    }

    /// A text of 1 to 255 bytes.
    pub(super) fn text(&mut self, key: &'static str, default: &str) -> String {
        let fits = |text: &str| (1..=255).contains(&text.len()).then(|| text.to_owned());
        self.parsed(key, default, "must be a text of 1 to 255 bytes", fits)
            .unwrap_or_default()
    }

    /// A text that `parse` understands; `None` when it is empty, as it is by default.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let read = |text: &str| match text {
            "" => Some(None),
            _ => parse(text).map(Some),
        };
        self.parsed(key, "", expected, read).flatten()
    }

    /// A list of texts that fit; empty by default.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        expected: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let start = value.span().start;
        let text = |item: &Spanned<DeValue<'_>>| {
            let text = item.get_ref().as_str().filter(|text| fits(text));
            text.map(str::to_owned)
        };
        let items = value.get_ref().as_array();
        let read: Option<Vec<String>> = items.and_then(|items| items.iter().map(text).collect());
        if read.is_none() {
            self.fault(key, start, format!("must be a list: each {expected}"));
        }
        read.unwrap_or_default()
    }

    /// Texts by names of the file's own choice; none by default.
    pub(super) fn named_texts(&mut self, key: &'static str) -> Vec<(String, String)> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let start = value.span().start;
        let pair = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let name: &std::borrow::Cow<'_, str> = name.get_ref();
            Some((name.to_string(), value.get_ref().as_str()?.to_owned()))
        };
        let table = value.get_ref().as_table();
        let read: Option<Vec<_>> = table.and_then(|table| table.iter().map(pair).collect());
        if read.is_none() {
            self.fault(key, start, "must be a table of texts".into());
        }
        read.unwrap_or_default()
    }

    /// Tables by names of the file's own choice, each read by `read`; none by default.
    pub(super) fn named_sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Section<'_>) -> T,
    ) -> Vec<T> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let start = value.span().start;
        let Some(entries) = value.get_ref().as_table() else {
            self.fault(key, start, "must be a table of tables".into());
            return Vec::new();
        };
        let (mut values, mut faults) = (Vec::new(), Vec::new());
        for (name, entry) in entries {
            let mut section = Section {
                name: format!("{}.{key}.{}", self.name, name.get_ref()),
                text: self.text,
                table: entry.get_ref().as_table(),
                keys: Vec::new(),
                faults: Vec::new(),
            };
            if section.table.is_none() {
                let name = section.name.clone();
                section.faults.push(Fault {
                    key: name,
                    position: Some(position(self.text, entry.span().start)),
                    message: "must be a table".into(),
                });
            }
            values.push(read(name.get_ref(), &mut section));
            section.refuse_unknown();
            faults.append(&mut section.faults);
        }
        self.faults.append(&mut faults);
        values
    }

    /// An integer within `range`.
    pub(super) fn number<N>(&mut self, key: &'static str, default: N, range: RangeInclusive<N>) -> N
    where
        N: TryFrom<i64> + PartialOrd + fmt::Display,
    {
        let Some(value) = self.value(key) else {
            return default;
        };
        let read = integer(value.get_ref()).filter(|number| range.contains(number));
        if read.is_none() {
            let message = format!(
                "must be an integer from {} to {}",
                range.start(),
                range.end()
            );
            let start = value.span().start;
            self.fault(key, start, message);
        }
        read.unwrap_or(default)
    }

    /// Whole seconds.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Duration {
        Duration::from_secs(self.number(key, default, range).into())
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else {
            return default;
        };
        let read = value.get_ref().as_bool();
        if read.is_none() {
            let start = value.span().start;
            self.fault(key, start, "must be true or false".into());
        }
        read.unwrap_or(default)
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.keys.push(key);
        self.table?.get(key)
    }

    fn fault(&mut self, key: &str, start: usize, message: String) {
        self.faults.push(Fault {
            key: format!("{}.{key}", self.name),
            position: Some(position(self.text, start)),
            message,
        });
    }

    fn refuse_unknown(&mut self) {
        for (key, _) in self.table.into_iter().flatten() {
            if !self.keys.contains(&key.get_ref().as_ref()) {
                self.fault(key.get_ref(), key.span().start, "unknown key".into());
            }
        }
    }
}

fn integer<N: TryFrom<i64>>(value: &DeValue<'_>) -> Option<N> {
    let digits = value.as_integer()?;
    let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok()?;
    N::try_from(number).ok()
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}
