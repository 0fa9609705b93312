//! What follows the value that a text starts with, where it closes what the application opened:
//! `1)) as x where 1=1`, `1' in boolean mode) order by 3`, `1 ,(case when 1=1 then 1 else 2 end)`.
//!
//! Parentheses that the text closes and never opened, and comparisons of two numbers, are what
//! tools try one after another; no sentence has both.

use super::token::{self, Kind};
use super::{Hits, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::{is_word, trim};

/// The value that a text starts with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lead {
    /// Index of the token after it, its closings and its alias.
    pub(super) end: usize,
    /// Whether something is closed that the text did not open.
    pub(super) closes: bool,
}

/// Longest word that a tool leaves in the comment that cuts a query off.
const MAX_LABEL: usize = 16;

/// Tokens from `merge` to `using`.
const MAX_MERGED: usize = 8;
/// Longest sum, in tokens.
const MAX_COMPUTED: usize = 40;
/// Functions that tell of the database and its user.
const TELLERS: &[&[u8]] = &[
    b"user",
    b"version",
    b"database",
    b"schema",
    b"current_user",
    b"session_user",
    b"system_user",
    b"current_database",
    b"user_name",
    b"suser_name",
    b"db_name",
    b"host_name",
    b"sqlite_version",
];
/// Those that make a number of a character, and those that cut it out.
const CODES: &[&[u8]] = &[b"ascii", b"ord", b"unicode"];
const PIECES: &[&[u8]] = &[b"substr", b"substring", b"mid", b"left", b"right"];

impl Sql<'_> {
    /// Reads the value, the closings, `in boolean mode)` and an alias.
    pub(super) fn lead(&self) -> Lead {
        let mut end = match self.kind(0) {
            _ if self.quote.is_some() => 1,
            Kind::Ident | Kind::Keyword if self.kind(1) == Kind::Open => {
                self.close(1).map_or(1, |close| close + 1)
            }
            Kind::Number | Kind::Const | Kind::Str | Kind::Ident | Kind::Var => 1,
            _ => 0,
        };
        let value = end;
        // Behind a quote, those of JSON and of its dialects as well.
        let closes = |end: usize| {
            self.kind(end) == Kind::Close
                || self.quote.is_some() && matches!(self.word(end), b"}" | b"]")
        };
        while closes(end) {
            end += 1;
        }
        // MySQL's `match (a) against ('x' in boolean mode)`.
        if self.word(end) == b"in"
            && self.word(end + 1) == b"boolean"
            && self.kind(end + 3) == Kind::Close
        {
            end += 4;
        }
        let closes = end > value && value > 0;
        // `'::int or`, `' collate utf8_bin or`.
        let is_converted = self.kind(end) == Kind::Cast || self.word(end) == b"collate";
        if is_converted && self.quote.is_some() && self.kind(end + 1) == Kind::Ident {
            end += 2;
        }
        // `like 'x%' escape '' or ...`
        if self.word(end) == b"escape" && self.quote.is_some() && self.kind(end + 1) == Kind::Str {
            end += 2;
        }
        let is_alias = self.word(end) == b"as" && self.kind(end + 1) == Kind::Ident;
        if is_alias && (closes || self.quote.is_some()) {
            end += 2;
        }
        Lead { end, closes }
    }

    /// Whether the comment at this token is a cut, or says one word as tools do to know it again.
    pub(super) fn is_labelled(&self, index: usize) -> bool {
        let said = self
            .tokens
            .get(index)
            .filter(|token| token.kind == Kind::Comment);
        let said = said.map(|token| trim(token::comment_text(self.text, token)));
        self.is_cut(index)
            || said.is_some_and(|said| {
                said.len() <= MAX_LABEL && said.iter().all(|byte| is_word(*byte))
            })
    }

    /// `1) where 1=1`, `x' as y where 3=3 and ...`, `1 rlike(if(...))`.
    pub(super) fn tail(&self, hits: &mut Hits) {
        let start = self.lead.end;
        if self.kind(0) == Kind::Where && self.quote.is_none() && !self.listing {
            return self.filters(0, hits);
        }
        if !self.is_anchored(start) {
            return;
        }
        let is_due = match self.kind(start) {
            Kind::Where => {
                self.lead.closes
                    || self.quote.is_some()
                    || self.kind(0) == Kind::Number
                    || self.kind(3) == Kind::Cmp && self.kind(4) == Kind::Number
            }
            Kind::Cmp if start == 1 && self.quote.is_none() => return self.matches(hits),
            _ if self.word(0) == b"as" && self.kind(2) == Kind::Where => {
                return self.filters(2, hits);
            }
            _ => false,
        };
        if is_due {
            self.filters(start, hits);
        }
    }

    /// A condition that is none, after `where`.
    fn filters(&self, start: usize, hits: &mut Hits) {
        let Some(comparison) = self.comparison(start + 1) else {
            return;
        };
        let is_constant = !comparison.has_name && !comparison.has_call;
        if is_constant && self.ends(comparison.end) {
            hits.push(self.hit(&rules::TAUTOLOGY, start, comparison.end));
        }
    }

    /// `1 rlike(if(mid(@@version,1,1)=8,1,0x28))`, `1 sounds like 1`, `1 is not null`, all of it.
    fn matches(&self, hits: &mut Hits) {
        let is_null = self.kind(0) == Kind::Number
            && self.word(1) == b"is"
            && self.kind(2) == Kind::Not
            && self.kind(3) == Kind::Const
            && self.kind(4) == Kind::End;
        if is_null {
            hits.push(self.hit(&rules::TAUTOLOGY, 0, 4));
            return;
        }
        let is_pattern = matches!(self.word(1), b"rlike" | b"regexp" | b"like");
        // No sentence and no formula has these.
        let is_foreign = matches!(self.word(1), b"rlike" | b"regexp" | b"sounds" | b"<=>");
        let operand = 2 + usize::from(self.word(1) == b"sounds" && self.word(2) == b"like");
        let operand = self
            .expression(operand)
            .filter(|_| self.kind(0) == Kind::Number);
        let is_due = operand.is_some_and(|operand| {
            is_pattern && operand.has_call && self.ends(operand.end)
                || is_foreign && !operand.has_name && self.kind(operand.end) == Kind::End
        });
        if is_due {
            hits.push(self.hit(&rules::TAUTOLOGY, 0, 4));
        }
    }

    /// `merge users t using (...)`.
    pub(super) fn merges(&self, index: usize) -> bool {
        self.word(index) == b"merge"
            && (index + 1..index + MAX_MERGED).any(|at| self.word(at) == b"using")
    }

    /// `7-(case when ord(mid(database(),1,1))>1 then 0 else 1 end)`, `id*(length(user())>3)`: a value and
    /// arithmetic, the operand of which asks what the database keeps.
    pub(super) fn computes(&self, hits: &mut Hits) {
        let is_value = matches!(self.kind(0), Kind::Number | Kind::Ident | Kind::Open);
        let is_due = self.quote.is_none()
            && is_value
            && (self.kind(0) == Kind::Open
                || self.kind(1) == Kind::Arith
                || self.kind(1) == Kind::Open
                    && matches!(
                        self.word(0),
                        b"if" | b"iif" | b"decode" | b"nullif" | b"ifnull"
                    ))
            && self.tokens.len() <= MAX_COMPUTED;
        if !is_due {
            return;
        }
        let calls = |index: usize, names: &[&[u8]]| {
            names.contains(&self.word(index)) && self.kind(index + 1) == Kind::Open
        };
        let tells = |index: usize| {
            let is_empty = self.kind(index + 2) == Kind::Close;
            let is_asked = calls(index, TELLERS) && is_empty && index > 1;
            is_asked || calls(index, CODES) && calls(index + 2, PIECES)
        };
        // `2-(1=1)`, `1|(1=1)`
        let compares = self.kind(0) == Kind::Number
            && self.kind(2) == Kind::Open
            && self
                .comparison(3)
                .is_some_and(|inner| inner.end + 1 == self.tokens.len() && !inner.has_name);
        if compares {
            hits.push(self.hit(&rules::TAUTOLOGY, 1, 3));
        }
        if let Some(index) = (1..self.tokens.len()).find(|index| tells(*index)) {
            hits.push(self.hit(&rules::LEAK, index, index + 2));
        }
    }

    /// `case when 1=1 then`, `elt(5=5,1)`, `' ,iif(3=3,1,1/0)`: a choice between two values that is
    /// none.
    pub(super) fn choice(&self, index: usize, hits: &mut Hits) {
        let condition = match self.word(index) {
            b"case" if self.word(index + 1) == b"when" => index + 2,
            b"elt" | b"make_set" | b"iif" if self.kind(index + 1) == Kind::Open => index + 2,
            b"if"
                if self.kind(index + 1) == Kind::Open
                    && self.previous(index) == Kind::Comma
                    && index == self.lead.end + 1 =>
            {
                index + 2
            }
            b"if"
                if index == 0
                    && self
                        .close(1)
                        .is_some_and(|close| close + 1 == self.tokens.len()) =>
            {
                2
            }
            _ => return,
        };
        let left = (condition..condition + 3)
            .find(|at| self.kind(*at) != Kind::Open)
            .unwrap_or(condition);
        let compares = (self.kind(left), self.kind(left + 1), self.kind(left + 2))
            == (Kind::Number, Kind::Cmp, Kind::Number)
            // Spreadsheets choose by comparisons that say something.
            && (self.word(index) != b"if" || self.word(left) == self.word(left + 2));
        let after = (left + 3..left + 6)
            .find(|at| self.kind(*at) != Kind::Close)
            .unwrap_or(left + 3);
        let goes_on = self.word(after) == b"then" || self.kind(after) == Kind::Comma;
        // `in case when 1=1 then it holds`.
        let is_due = !matches!(self.previous(index), Kind::Ident | Kind::Other | Kind::Dot)
            && (index == 0 || self.word(index - 1) != b"in");
        if compares && goes_on && is_due && index < self.prose && !self.listing {
            hits.push(self.hit(&rules::TAUTOLOGY, index, after));
        }
    }
}
