//! Reads the text of a parameter from left to right: what all of the dialect's grammars share.

use super::{
    DialectError,
    error::shortened,
    limit::{COLUMNS, JSON_STEPS, NAME_BYTES},
};

/// A column of a table, or what lies within one that holds JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The column.
    pub name: String,
    /// `->a->0`: from the column inwards; empty for the column itself.
    pub json: Vec<Step>,
    /// Ends in `->>`: what is found there as text, not as JSON.
    pub as_text: bool,
}

/// One step into JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member of an object.
    Key(String),
    /// An element of an array, from 0; negative from the end.
    Index(i32),
}

impl Field {
    /// The name in the answer where none is given: the innermost key, or the column.
    #[must_use]
    pub fn label(&self) -> &str {
        let mut keys = self.json.iter().rev().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        keys.next().unwrap_or(&self.name)
    }
}

/// A place in a text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    part: &'static str,
    text: &'a str,
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// `part` names the text in errors.
    pub(super) const fn new(part: &'static str, text: &'a str) -> Self {
        Self {
            part,
            text,
            rest: text,
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// What has not been read.
    pub(super) const fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Steps over `token` where it is next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// As [`Self::eat`], with spaces around it.
    pub(super) fn eat_spaced(&mut self, token: &str) -> bool {
        let Some(after) = self.rest.trim_start_matches(' ').strip_prefix(token) else {
            return false;
        };
        self.rest = after.trim_start_matches(' ');
        true
    }

    /// What is next as long as `wanted` holds.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// All that is left.
    pub(super) fn take_rest(&mut self) -> &'a str {
        std::mem::take(&mut self.rest)
    }

    /// Steps over `token`, which must be next.
    pub(super) fn expect(
        &mut self,
        token: &str,
        expected: &'static str,
    ) -> Result<(), DialectError> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.fail(expected))
        }
    }

    /// Nothing may follow.
    pub(super) fn expect_end(&self, expected: &'static str) -> Result<(), DialectError> {
        if self.is_at_end() {
            Ok(())
        } else {
            Err(self.fail(expected))
        }
    }

    /// The error that what is next is not what is expected.
    pub(super) fn fail(&self, expected: &'static str) -> DialectError {
        let read = self.text.len().saturating_sub(self.rest.len());
        let before = self.text.get(..read).unwrap_or_default();
        DialectError::Syntax {
            part: self.part,
            text: shortened(self.text),
            column: before.chars().count().saturating_add(1),
            unexpected: self.peek(),
            expected,
        }
    }

    /// `"…"`, in which `\` makes any character itself; `None` where no quote is next.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, DialectError> {
        if !self.eat("\"") {
            return Ok(None);
        }
        let mut value = String::new();
        loop {
            value.push_str(self.take_while(|c| c != '"' && c != '\\'));
            if self.eat("\"") {
                return Ok(Some(value));
            }
            self.eat("\\");
            value.push(self.take().ok_or_else(|| self.fail("\""))?);
        }
    }

    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    /// The name of a column, a table or a key: quoted, or letters, digits, `_`, `$`, and within it
    /// spaces and `-`.
    pub(super) fn name(&mut self) -> Result<String, DialectError> {
        const EXPECTED: &str = "field name (* or [a..z0..9_$])";
        self.take_while(|c| c == ' ');
        let name = match self.quoted()? {
            Some(name) => name,
            None => self.bare_name().to_owned(),
        };
        if name.is_empty() {
            return Err(self.fail(EXPECTED));
        }
        NAME_BYTES.check(name.len())?;
        Ok(name)
    }

    fn bare_name(&mut self) -> &'a str {
        let whole = self.rest;
        loop {
            self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ' '));
            // The `-` of an arrow ends the name.
            if self.rest.starts_with("->") || !self.eat("-") {
                break;
            }
        }
        let end = whole.len().saturating_sub(self.rest.len());
        whole.get(..end).unwrap_or_default().trim()
    }

    /// A column and the path into it.
    pub(super) fn field(&mut self) -> Result<Field, DialectError> {
        let name = self.name()?;
        self.json_path(name)
    }

    /// The path into `name`, which has been read; often there is none.
    pub(super) fn json_path(&mut self, name: String) -> Result<Field, DialectError> {
        let mut field = Field {
            name,
            json: Vec::new(),
            as_text: false,
        };
        while self.eat("->") {
            if field.as_text {
                return Err(self.fail("the end of the path after ->>"));
            }
            field.as_text = self.eat(">");
            field.json.push(self.step()?);
            JSON_STEPS.check(field.json.len())?;
        }
        Ok(field)
    }

    fn step(&mut self) -> Result<Step, DialectError> {
        if self.peek() == Some('"') {
            return self.name().map(Step::Key);
        }
        let mut ahead = self.clone();
        ahead.eat("-");
        let digits = ahead.take_while(|c| c.is_ascii_digit());
        let ended = matches!(ahead.peek(), None | Some('-' | ':' | '.' | ',' | ')' | ' '));
        if digits.is_empty() || !ended {
            return self.name().map(Step::Key);
        }
        let length = self.rest.len().saturating_sub(ahead.rest.len());
        let number = self.rest.get(..length).and_then(|text| text.parse().ok());
        let index = number.ok_or_else(|| self.fail("an index of an array"))?;
        *self = ahead;
        Ok(Step::Index(index))
    }
}

/// `columns` and `on_conflict`: names with commas between them.
pub(super) fn names(part: &'static str, text: &str) -> Result<Vec<String>, DialectError> {
    let mut scanner = Scanner::new(part, text);
    let mut names = Vec::new();
    loop {
        names.push(scanner.name()?);
        COLUMNS.check(names.len())?;
        if !scanner.eat_spaced(",") {
            scanner.expect_end("\",\" or end of input")?;
            return Ok(names);
        }
    }
}
