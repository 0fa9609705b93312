//! What follows the quote that ends a value: the rest of an expression, up to a comment or to a
//! string that the application's own quote will close. `x'='x`, `'-'`, `1' and '1`.
//!
//! Such a text needs no keyword and no constant to be an attack, so the whole of it must be read,
//! and what stands before the quote must be a value: in code and in prose the first quote opens.

use super::token::Kind;
use super::{Hits, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::{before, from, is_space, is_word, span, trim};

/// Longest chain of operators and operands followed.
const MAX_LINKS: usize = 16;
/// Longest value before the quote.
const MAX_HEAD: usize = 64;
/// Longest text that is left for the application's quote to close.
const MAX_TAIL: usize = 32;

impl Sql<'_> {
    /// Names the rule for a text that is nothing but the rest of an expression.
    pub(super) fn breakout(&self, hits: &mut Hits) {
        if self.quote.is_none() || !self.head_is_plain() || self.lists_quoted() {
            return;
        }
        if self.adds_rows()
            || self.assigns()
            || self.names_table()
            || self.cuts_limit()
            || self.cuts_clause()
            || self.ends_insert()
        {
            hits.push(self.hit(&rules::ARITHMETIC, 0, self.tokens.len()));
            return;
        }
        // Closings, `collate nocase` and an alias are read by then.
        let closed = self.lead.end.max(1);
        // `'::text||'`
        let first = (closed..closed + MAX_LINKS)
            .step_by(2)
            .find(|index| self.kind(*index) != Kind::Cast)
            .unwrap_or(closed);
        if self.is_enclosed() || self.joins_symbol() {
            hits.push(self.hit(&rules::ARITHMETIC, 0, self.tokens.len()));
            return;
        }
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
                || self.kind(after()) == Kind::Where && self.comparison(after() + 1).is_some()
                || self.kind(after()) == Kind::Union && self.kind(after() + 1) == Kind::Select)
    }

    /// `admin' limit 1#`.
    fn cuts_limit(&self) -> bool {
        let is_fetch = self.word(1) == b"fetch" && matches!(self.word(2), b"first" | b"next");
        let locks = matches!(
            (self.word(1), self.word(2)),
            (b"for", b"update") | (b"lock", b"in") | (b"limit", _)
        );
        let is_left = self.kind(1) == Kind::From && self.is_table(2) && self.is_cut(3);
        self.kind(1) == Kind::Limit && self.kind(2) == Kind::Number && self.is_cut(3)
            || (is_fetch || locks) && self.is_cut_off()
            || is_left
    }

    /// `x' order by id desc--`, `x' where id = 1--`, `x' for json auto--`: a clause of a query and then nothing.
    fn cuts_clause(&self) -> bool {
        let clause = self.lead.end.max(1);
        let next = clause + 1;
        let leaves = |index: usize| {
            (index..index + MAX_LINKS)
                .any(|from| self.kind(from) == Kind::From && self.is_table(from + 1))
        };
        let is_clause = match self.word(clause) {
            b"order" | b"group" => self.kind(next) == Kind::By,
            b"where" => self.kind(next + 1) == Kind::Cmp,
            b"from" => {
                self.is_table(next) && matches!(self.kind(next + 1), Kind::Where | Kind::Comma)
            }
            b"limit" | b"offset" => self.kind(next) == Kind::Number,
            b"for" => matches!(
                self.word(next),
                b"xml" | b"json" | b"browse" | b"update" | b"share"
            ),
            b"option" | b"with" => self.kind(next) == Kind::Open,
            // `' collate utf8_bin = 'x'--`
            _ if clause > 1 && self.kind(clause) == Kind::Cmp => self.expression(next).is_some(),
            b"," => leaves(next) && self.names_secrets(next, self.tokens.len()),
            b"or" | b"and" | b"||" | b"&&" => {
                self.kind(next) == Kind::Number && self.kind(next + 1) == Kind::Logic
                    || self.word(next) == b"array" && self.word(next + 1).starts_with(b"[")
            }
            _ => false,
        };
        is_clause && self.tokens.len() <= MAX_LINKS + MAX_LINKS && self.is_cut_off()
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
            // `' notnull or '`
            Kind::Ident if self.word(index) == b"escape" && self.kind(index + 1) == Kind::Str => {
                Some(index + 2)
            }
            Kind::Ident if matches!(self.word(index), b"notnull" | b"isnull") => Some(index + 1),
            // `' is unknown or '`, `' similar to '%`
            Kind::Cmp if self.word(index + 1) == b"unknown" => Some(index + 2),
            Kind::Cmp if self.word(index + 1) == b"to" => {
                self.expression(index + 2).map(|operand| operand.end)
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
        // No quoted word is glued to what follows it: `' and 'x`.
        let is_bare = self.word(0).len() == 1 && !tail.is_empty();
        is_symbol || is_true || compares || is_bare || (tail.is_empty() && is_apart)
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
        let matches = (1..4).any(|index| {
            matches!(
                self.word(index),
                b"rlike" | b"regexp" | b"glob" | b"similar"
            )
        });
        matches
            && self
                .open
                .is_some_and(|tail| tail.len() <= MAX_TAIL && !tail.contains(&b' '))
    }

    /// `'like' vs 'rlike'`, `'+' or '-'`: quoted words with space around what stands between them.
    fn lists_quoted(&self) -> bool {
        let Some(quote) = self.quote else {
            return false;
        };
        let parts = || self.text.split(|byte| *byte == quote);
        let count = parts().take(2 * MAX_LINKS).count();
        let is_between = |part: &[u8]| {
            part.first() == Some(&b' ')
                && part.last() == Some(&b' ')
                && part
                    .iter()
                    .all(|byte| byte.is_ascii_alphabetic() || *byte == b' ')
        };
        (5..2 * MAX_LINKS).contains(&count)
            && count % 2 == 1
            && parts().enumerate().all(|(index, part)| match index {
                _ if index % 2 == 1 => !part.is_empty() && !part.contains(&b' '),
                0 => part.is_empty(),
                _ if index + 1 == count => part.is_empty(),
                _ => is_between(part),
            })
    }

    /// `' or array[1]=array[1] or '`: whatever stands between, it is joined to nothing on both sides.
    fn is_enclosed(&self) -> bool {
        let last = self.tokens.len().saturating_sub(1);
        let joins =
            |index: usize| matches!(self.kind(index), Kind::Logic | Kind::Cmp | Kind::Arith);
        (4..=MAX_LINKS * 2).contains(&last)
            && self.word(0).len() == 1
            && self.kind(1) == Kind::Logic
            && joins(last - 1)
            && self.open.is_some_and(|tail| tail.len() <= 1)
    }

    /// `' <@ '{}`, `' ~* 'a`: an operator of any dialect between the two quotes that a value lacks.
    fn joins_symbol(&self) -> bool {
        let Some((quote, rest)) = self.text.split_first() else {
            return false;
        };
        let Some(end) = rest.iter().take(8).position(|byte| byte == quote) else {
            return false;
        };
        let operator = trim(span(rest, 0, end));
        let tail = from(rest, end + 1);
        matches!(quote, b'\'' | b'"')
            && (1..=3).contains(&operator.len())
            && operator
                .iter()
                .all(|byte| b"<>=!~@#&|^%*+-?".contains(byte))
            && (1..=MAX_TAIL).contains(&tail.len())
            && tail
                .iter()
                .all(|byte| is_word(*byte) || b"%.*{}[]^$~".contains(byte))
    }

    /// Whether the text ends in a string that waits for the application's quote.
    fn tail_is_plain(&self) -> bool {
        self.open.is_some_and(|tail| {
            tail.len() <= MAX_TAIL
                && tail
                    .iter()
                    .all(|byte| is_word(*byte) || matches!(byte, b'%' | b'.' | b'-' | b'='))
                && from(tail, 0).first() != Some(&b'.')
        })
    }
}
