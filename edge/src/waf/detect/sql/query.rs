//! Queries: `select` and what a `union` adds to one.

use super::names::{ARTICLES, CATALOGS, SENSITIVE};
use super::token::Kind;
use super::{Hits, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::{before, is_word};

/// Longest select list followed.
const MAX_ITEMS: usize = 64;
/// How many tokens behind a number a query in brackets is looked for.
const MAX_INNER: usize = 12;

impl Sql<'_> {
    /// `union [all] select <list>`, `union values (...)`, `union table t`.
    pub(super) fn union(&self, index: usize, hits: &mut Hits) {
        // A filter took the white space, or a decoder the NULs.
        let word = self.word(index);
        if word.starts_with(b"union")
            && (word.starts_with(b"unionselect") || word.starts_with(b"unionallselect"))
        {
            hits.push(self.hit(&rules::UNION, index, index));
        }
        // However long the text before the quote: `so many words' union select 1, 2 -- and more`.
        let breaks_out = index <= 3 && self.quote.is_some() && self.is_glued();
        let is_free = self.kind(index) == Kind::Union && self.previous(index) != Kind::Dot;
        if !is_free || !(breaks_out || self.is_anchored(index)) {
            return;
        }
        let mut select = index + 1;
        while (matches!(self.kind(select), Kind::All | Kind::Open) || self.word(select) == b"{")
            && select < index + 24
        {
            // MySQL's `{x select}`.
            let is_named = self.word(select) == b"{" && self.kind(select + 1) == Kind::Ident;
            select += 1 + usize::from(is_named);
        }
        let is_query = match self.kind(select) {
            Kind::Select => self.is_selected(index, select),
            Kind::Object => {
                self.word(select) == b"table"
                    && self.is_attached(index)
                    && self.is_table(select + 1)
            }
            Kind::Keyword => {
                self.word(select) == b"values"
                    && (self.kind(select + 1) == Kind::Open || self.word(select + 1) == b"row")
            }
            // `union (with x as (delete from users returning *) select ...)`
            _ => {
                self.word(select) == b"with"
                    && self.word(select + 2) == b"as"
                    && self.kind(select + 3) == Kind::Open
            }
        };
        if is_query {
            hits.push(self.hit(&rules::UNION, index, select + 1));
        }
    }

    /// Whether the quote stands right behind a word, as one that closes does.
    fn is_glued(&self) -> bool {
        let end = self
            .tokens
            .first()
            .map_or(0, |head| head.end.saturating_sub(1));
        is_word(before(self.text, end))
    }

    /// `1 and f((select password from users))`, `3 offset (select ...)`: a number that goes on, and a query in brackets
    /// that reads secrets.
    pub(super) fn inner(&self, index: usize, hits: &mut Hits) {
        let goes_on = self.quote.is_none()
            && index < MAX_INNER
            && self.kind(index) == Kind::Select
            && self.kind(0) == Kind::Number
            && matches!(
                self.kind(1),
                Kind::Logic | Kind::Limit | Kind::Arith | Kind::Comma | Kind::Order
            );
        if goes_on
            && self.previous(index) == Kind::Open
            && (index..index + MAX_ITEMS)
                .any(|at| self.kind(at) == Kind::From && self.is_table(at + 1))
            && self.names_secrets(index, index + MAX_ITEMS)
        {
            hits.push(self.hit(&rules::SELECT, index, index + 1));
        }
    }

    /// `name,password from users--`, `* from users where 1=1#`: the rest of a query behind its `select`.
    pub(super) fn columns(&self, hits: &mut Hits) {
        // `password from users where id=1`, all of it.
        let last = self.tokens.len().saturating_sub(1);
        let is_filtered = last > 4
            && self.kind(last) == Kind::Number
            && self.kind(last - 1) == Kind::Cmp
            && self.kind(last - 3) == Kind::Where;
        // `1, password from users`
        let is_listed = (self.kind(0), self.kind(1), self.kind(3))
            == (Kind::Number, Kind::Comma, Kind::From)
            && last == 4
            && SENSITIVE.contains(&self.word(last));
        if self.quote.is_some() || !(self.is_cut(last) || is_filtered || is_listed) {
            return;
        }
        // `users where id = 1--`, `1 desc--`
        let is_rest = (self.kind(1), self.kind(3)) == (Kind::Where, Kind::Cmp) && last == 5
            || (self.kind(0) == Kind::Number && matches!(self.word(1), b"asc" | b"desc"))
                && last == 2;
        if is_rest && self.is_cut(last) {
            hits.push(self.hit(&rules::SELECT, 0, last));
            return;
        }
        let Some((end, evidence)) = self.list(0).filter(|(end, _)| *end > 0) else {
            return;
        };
        let after = self.after_table(end + 1);
        let is_query = self.kind(end) == Kind::From && self.is_table(end + 1) && self.ends(after);
        if is_query && (evidence || self.names_secrets(0, after)) {
            hits.push(self.hit(&rules::SELECT, 0, after));
        }
    }

    fn is_selected(&self, index: usize, select: usize) -> bool {
        let first = (select + 1..select + 12)
            .find(|at| !matches!(self.kind(*at), Kind::All | Kind::Open))
            .unwrap_or(select + 1);
        let is_limited = self.word(first) == b"top" && self.kind(first + 1) == Kind::Number;
        let first = first + if is_limited { 2 } else { 0 };
        let is_list = match self.kind(first) {
            Kind::Number | Kind::Const | Kind::Str | Kind::Var | Kind::Insert => true,
            Kind::Arith => matches!(self.word(first), b"*" | b"-" | b"+"),
            Kind::Ident | Kind::Object | Kind::Keyword => self.is_listed(first, index),
            Kind::Not => self.is_attached(index),
            // `Union Select: the new cards`.
            Kind::Other if self.word(first) == b":" => false,
            Kind::End | Kind::Comment | Kind::Select | Kind::Other | Kind::Dot => {
                self.is_attached(index)
            }
            _ => false,
        };
        // `UNION SELECT 1, 2 to see both` explains.
        let goes_on = self
            .list(first)
            .is_some_and(|(end, _)| matches!(self.kind(end), Kind::Ident));
        is_list && (!goes_on || self.is_attached(index))
    }

    /// Whether a name after `union select` is an item of a list and not a noun.
    fn is_listed(&self, first: usize, union: usize) -> bool {
        match self.kind(first + 1) {
            Kind::Open => self.is_function(first) || self.is_attached(union),
            Kind::Comma => {
                self.is_attached(union)
                    || self.kind(first + 2) != Kind::Ident
                    || self.kind(first + 3) != Kind::Ident
            }
            Kind::Dot => self.word(union) == b"union",
            Kind::Comment => true,
            // `select name||':'||password from users`.
            Kind::Close | Kind::Logic | Kind::Arith | Kind::Cast => self.is_attached(union),
            Kind::From => self.is_attached(union) || self.is_table(first + 2),
            Kind::End => {
                // `students' union select committee`.
                let is_value = union > 0 && self.previous(union) != Kind::Str;
                self.is_attached(union) && (is_value || SENSITIVE.contains(&self.word(first)))
            }
            _ => false,
        }
    }

    /// Whether the token at `index` continues a value rather than a sentence.
    fn is_attached(&self, index: usize) -> bool {
        matches!(
            self.previous(index),
            Kind::Number
                | Kind::Const
                | Kind::Str
                | Kind::Close
                | Kind::Var
                | Kind::End
                | Kind::Arith
                | Kind::Other
        ) && (self.quote.is_none() || index <= 3 || self.previous(index) != Kind::Str)
    }

    /// `select <list> from <table> ...`, or a list that only SQL could mean.
    pub(super) fn select(&self, index: usize) -> Option<&'static crate::waf::rules::Rule> {
        // `(select top 1`.
        if index == 1 && self.word(2) == b"top" && self.kind(3) == Kind::Number {
            return Some(&rules::SELECT);
        }
        let (end, mut evidence) = self.list(index + 1)?;
        let nested = self.previous(index) == Kind::Open;
        let stacked = self.previous(index) == Kind::Semi;
        if self.kind(end) != Kind::From {
            let has_call = self.is_function(index + 1)
                || self.word(index + 1).starts_with(b"@@")
                || self.word(index + 1) == b"current_user"
                || self.is_timer(index + 1);
            // `select 1,2,3`, `select 0x61`: all of it.
            let is_constant = index == 0
                && self.kind(end) == Kind::End
                && (1..end).all(|index| {
                    matches!(
                        self.kind(index),
                        Kind::Number | Kind::Const | Kind::Comma | Kind::Str
                    )
                })
                && (self.kind(2) == Kind::Comma || self.word(1).starts_with(b"0x"));
            let alone = has_call && self.ends(end) || is_constant;
            let is_due = nested || stacked || self.previous(index) == Kind::Logic;
            let in_query = is_due && self.ends(end) && self.kind(index + 1) != Kind::Ident;
            return (alone || in_query).then_some(&rules::SELECT);
        }
        let table = end + 1;
        if nested && evidence && self.kind(table) == Kind::End {
            return Some(&rules::SELECT);
        }
        if self.kind(table) != Kind::Open && !self.is_table(table) {
            return None;
        }
        let after = self.after_table(table);
        let is_statement = self.ends(after)
            || matches!(self.kind(after), Kind::Keyword | Kind::Set)
            || self.word(after) == b"natural";
        if !is_statement || !self.is_followed(after) {
            return None;
        }
        evidence |= nested || stacked || self.kind(table) == Kind::Open;
        evidence |= matches!(
            self.kind(after),
            Kind::Where | Kind::Limit | Kind::Semi | Kind::Comment | Kind::Union
        );
        // Last, since each name is looked up in long lists.
        Some(if evidence || self.names_secrets(index, after) {
            &rules::SELECT
        } else {
            &rules::SELECT_WEAK
        })
    }

    /// Whether the condition after the table is one: `where you are` is not.
    fn is_followed(&self, after: usize) -> bool {
        if self.kind(after) != Kind::Where {
            return true;
        }
        let condition = after + 1;
        if let Some(comparison) = self.comparison(condition) {
            return self.ends(comparison.end) || self.kind(comparison.end) == Kind::Keyword;
        }
        self.kind(self.skip_prefix(condition)) == Kind::Number
            || self.word(condition) == b"exists"
            || self.is_function(condition)
            || self.kind(condition) == Kind::End
    }

    /// The items after `select`: the token after them, and whether they prove SQL.
    pub(super) fn list(&self, start: usize) -> Option<(usize, bool)> {
        let mut index = start;
        let mut evidence = false;
        while matches!(self.kind(index), Kind::All) || self.word(index) == b"top" {
            index += if self.word(index) == b"top" { 2 } else { 1 };
        }
        for _ in 0..MAX_ITEMS {
            if self.word(index) == b"*" {
                evidence = true;
                index += 1;
            } else {
                let item = self.comparison(index).or_else(|| self.expression(index))?;
                evidence |= item.has_call
                    || self.kind(index) == Kind::Var
                    || self.kind(index + 1) == Kind::Dot;
                index = item.end;
                while self.word(index) == b"||"
                    && index < start + MAX_ITEMS
                    && let Some(next) = self.expression(index + 1)
                {
                    evidence = true;
                    index = next.end;
                }
            }
            if self.word(index) == b"as" {
                index += 2;
            } else if self.kind(index) == Kind::Dot && self.word(index + 1) == b"*" {
                evidence = true;
                index += 2;
            }
            // An alias without `as`.
            if self.kind(index) == Kind::Ident
                && self.kind(index - 1) != Kind::Ident
                && matches!(self.kind(index + 1), Kind::From | Kind::Comma)
            {
                index += 1;
            }
            if self.kind(index) != Kind::Comma {
                break;
            }
            evidence = true;
            index += 1;
        }
        Some((index, evidence))
    }

    pub(super) fn is_table(&self, index: usize) -> bool {
        matches!(self.kind(index), Kind::Ident | Kind::Object | Kind::Str)
            && !ARTICLES.contains(&self.word(index))
    }

    /// Index after a table's name and its alias.
    pub(super) fn after_table(&self, table: usize) -> usize {
        let mut index = if self.kind(table) == Kind::Open {
            self.closing.get(table).map_or(table, |close| close + 1)
        } else {
            table + 1
        };
        while self.kind(index) == Kind::Dot {
            index += 2;
        }
        if self.word(index) == b"as" {
            return index + 2;
        }
        let is_alias = self.kind(index) == Kind::Ident
            && self.word(index).len() <= 3
            && !ARTICLES.contains(&self.word(index));
        if is_alias { index + 1 } else { index }
    }

    pub(super) fn names_secrets(&self, start: usize, end: usize) -> bool {
        (start..=end).take(MAX_ITEMS).any(|index| {
            SENSITIVE.contains(&self.word(index)) || CATALOGS.contains(&self.word(index))
        })
    }
}
