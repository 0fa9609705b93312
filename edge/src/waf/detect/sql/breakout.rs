//! What follows the quote that ends a value: the rest of an expression, up to a comment or to a
//! string that the application's own quote will close. `x'='x`, `'-'`, `1' and '1`.
//!
//! Such a text needs no keyword and no constant to be an attack, so the whole of it must be read,
//! and what stands before the quote must be a value: in code and in prose the first quote opens.

use super::token::Kind;
use super::{Hit, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::{before, from, is_space, is_word, span};

/// Longest chain of operators and operands followed.
const MAX_LINKS: usize = 16;
/// Longest value before the quote.
const MAX_HEAD: usize = 64;
/// Longest text that is left for the application's quote to close.
const MAX_TAIL: usize = 32;

impl Sql<'_> {
    /// Names the rule for a text that is nothing but the rest of an expression.
    pub(super) fn breakout(&self, hits: &mut Vec<Hit>) {
        if self.quote.is_none() || !self.head_is_plain() {
            return;
        }
        if self.adds_rows()
            || self.assigns()
            || self.names_table()
            || self.cuts_limit()
            || self.ends_insert()
        {
            hits.push(self.hit(&rules::ARITHMETIC, 0, self.tokens.len()));
            return;
        }
        let first = (1..=MAX_LINKS)
            .find(|index| self.kind(*index) != Kind::Close)
            .unwrap_or(1);
        let mut index = first;
        let mut links = 0;
        while links < MAX_LINKS
            && let Some(end) = self.link(index)
        {
            index = end;
            links += 1;
        }
        let is_whole =
            index == self.tokens.len() && (self.tail_is_plain() || self.tail_is_pattern());
        if links > 0 && is_whole && (links > 1 || self.is_operator(first)) {
            hits.push(self.hit(&rules::ARITHMETIC, 0, index));
        }
    }

    /// Whether the comment that ends the text cuts a query off.
    fn is_cut_off(&self) -> bool {
        self.is_cut(self.tokens.len().saturating_sub(1))
    }

    /// `x','y'),('a','b')-- -`: the rest of a list of values, and what the query does not expect.
    fn adds_rows(&self) -> bool {
        let last = self.tokens.len().saturating_sub(1);
        let is_item = |index: usize| {
            matches!(
                self.kind(index),
                Kind::Str | Kind::Number | Kind::Const | Kind::Comma | Kind::Open | Kind::Close
            )
        };
        let closes = |index: usize| self.kind(index) == Kind::Close;
        let closes_row = closes(1) && self.kind(2) == Kind::Comma && self.kind(3) == Kind::Open;
        let is_left = self.is_cut_off() || closes_row && self.open.is_some();
        (self.kind(1) == Kind::Comma || closes_row)
            && is_left
            && last <= MAX_LINKS
            && (2..last).all(is_item)
            && (closes_row || (2..last).any(closes))
    }

    /// `x') returning id--`, `x') on duplicate key update a=1#`: what only an `insert` ends in.
    fn ends_insert(&self) -> bool {
        let start = (1..=MAX_LINKS)
            .find(|index| self.kind(*index) != Kind::Close)
            .unwrap_or(1);
        let rest = (self.word(start), self.word(start + 1), self.word(start + 2));
        match rest {
            (b"on", b"duplicate", b"key") => true,
            (b"on", b"conflict", _) => self.is_cut_off() || self.word(start + 2) == b"do",
            (b"returning", ..) => self.is_cut_off(),
            _ => false,
        }
    }

    /// `a', role='admin' where id=1--`: the rest of an `update`.
    fn assigns(&self) -> bool {
        let mut index = 1;
        while index < MAX_LINKS
            && self.kind(index) == Kind::Comma
            && matches!(self.kind(index + 1), Kind::Ident | Kind::Object)
            && self.word(index + 2) == b"="
        {
            let Some(value) = self.expression(index + 3) else {
                return false;
            };
            index = value.end;
        }
        let is_filtered = self.kind(index) == Kind::Where && self.comparison(index + 1).is_some();
        let is_open = index == self.tokens.len() && self.open.is_some();
        index > 1
            && (is_filtered || is_open || (self.is_cut(index) && index + 1 == self.tokens.len()))
    }

    /// ``id` from users where 1=1``.
    fn names_table(&self) -> bool {
        let after = || self.after_table(2);
        self.quote == Some(b'`')
            && self.kind(1) == Kind::From
            && self.is_table(2)
            && (self.is_cut(after())
                || self.kind(after()) == Kind::Where && self.comparison(after() + 1).is_some())
    }

    /// `admin' limit 1#`.
    fn cuts_limit(&self) -> bool {
        let is_fetch = self.word(1) == b"fetch" && matches!(self.word(2), b"first" | b"next");
        self.kind(1) == Kind::Limit && self.kind(2) == Kind::Number && self.is_cut(3)
            || is_fetch && self.is_cut_off()
    }

    /// An operator and its operands.
    fn link(&self, index: usize) -> Option<usize> {
        match self.kind(index) {
            Kind::Logic | Kind::Arith => {
                let next = self
                    .comparison(index + 1)
                    .or_else(|| self.expression(index + 1));
                next.map(|operand| operand.end)
            }
            // MySQL joins strings that stand side by side.
            Kind::Str if index > 2 && self.previous(index) == Kind::Str => Some(index + 1),
            Kind::Cmp | Kind::Not => {
                let operand = (index + 1..index + 4)
                    .find(|next| !matches!(self.kind(*next), Kind::Cmp | Kind::Not))?;
                let operand = self.expression(operand)?;
                (!operand.has_name).then_some(operand.end)
            }
            _ => None,
        }
    }

    /// Whether the one operator is an attack's. `'like'` is a quoted word, and `a' or 'b` two of
    /// them: an operator that is a word needs a number behind it, or space around it.
    fn is_operator(&self, index: usize) -> bool {
        let Some(token) = self.tokens.get(index) else {
            return false;
        };
        let is_symbol = !is_word(self.word(index).first().copied().unwrap_or(0));
        let is_apart = is_space(before(self.text, token.start)) || index > 1;
        let tail = self.open.unwrap_or_default();
        let is_true = tail.first().is_some_and(u8::is_ascii_digit);
        let compares = matches!(token.kind, Kind::Cmp | Kind::Not) && !tail.is_empty();
        is_symbol || is_true || compares || (tail.is_empty() && is_apart)
    }

    /// Whether the text before the quote is one value, not prose or code.
    fn head_is_plain(&self) -> bool {
        let head = self.word(0);
        let head = span(head, 0, head.len().saturating_sub(1));
        head.len() <= MAX_HEAD
            && head
                .iter()
                .all(|byte| is_word(*byte) || matches!(byte, b'@' | b'.' | b'-' | b'%' | b'$'))
    }

    /// `' rlike '.*`, `' regexp '^a`: a pattern that waits for the application's quote.
    fn tail_is_pattern(&self) -> bool {
        let matches = (1..4).any(|index| matches!(self.word(index), b"rlike" | b"regexp"));
        matches && self.open.is_some_and(|tail| tail.len() <= MAX_TAIL)
    }

    /// Whether the text ends in a string that waits for the application's quote.
    fn tail_is_plain(&self) -> bool {
        self.open.is_some_and(|tail| {
            tail.len() <= MAX_TAIL
                && tail
                    .iter()
                    .all(|byte| is_word(*byte) || matches!(byte, b'%' | b'.' | b'-'))
                && from(tail, 0).first() != Some(&b'.')
        })
    }
}
