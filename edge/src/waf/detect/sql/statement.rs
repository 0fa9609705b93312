//! Whole statements and subqueries.

use super::names::{ARTICLES, CATALOGS, FUNCTIONS, LEAKS, SENSITIVE};
use super::token::Kind;
use super::{Hit, Sql};
use crate::waf::rules::sql as rules;

/// Longest select list followed.
const MAX_ITEMS: usize = 64;

impl Sql<'_> {
    /// `union [all] select <list>`.
    pub(super) fn union(&self, index: usize, hits: &mut Vec<Hit>) {
        if self.kind(index) != Kind::Union {
            return;
        }
        let mut select = index + 1;
        while matches!(self.kind(select), Kind::All | Kind::Open) && select < index + 8 {
            select += 1;
        }
        if self.kind(select) != Kind::Select {
            return;
        }
        let first = (select + 1..select + 5)
            .find(|at| !matches!(self.kind(*at), Kind::All | Kind::Open))
            .unwrap_or(select + 1);
        let is_list = match self.kind(first) {
            Kind::Number | Kind::Const | Kind::Str | Kind::Var => true,
            Kind::Arith => matches!(self.word(first), b"*" | b"-" | b"+"),
            Kind::Ident | Kind::Object | Kind::Keyword => self.is_listed(first, index),
            Kind::End | Kind::Comment => self.is_attached(index),
            _ => false,
        };
        if is_list {
            hits.push(self.hit(&rules::UNION, index, first));
        }
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
            Kind::Dot | Kind::Comment => true,
            Kind::From => self.is_attached(union) || self.is_table(first + 2),
            Kind::End => self.is_attached(union),
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
        ) && (!self.quoted || index <= 3 || self.previous(index) != Kind::Str)
    }

    fn is_function(&self, index: usize) -> bool {
        FUNCTIONS.contains(&self.word(index)) && self.kind(index + 1) == Kind::Open
    }

    /// Whether a statement may start at `index`.
    fn starts_statement(&self, index: usize) -> bool {
        match self.previous(index) {
            Kind::End | Kind::Semi => true,
            Kind::Open => self.opens_query(index - 1),
            _ => false,
        }
    }

    /// Whether the parenthesis at `open` stands where a subquery can.
    fn opens_query(&self, open: usize) -> bool {
        let start = (0..=open)
            .rev()
            .take(8)
            .find(|index| self.kind(*index) != Kind::Open);
        let Some(before) = start else { return true };
        match self.kind(before) {
            Kind::Logic
            | Kind::Cmp
            | Kind::Arith
            | Kind::Comma
            | Kind::Select
            | Kind::Not
            | Kind::From
            | Kind::Having
            | Kind::Keyword
            | Kind::Union
            | Kind::All
            | Kind::Semi
            | Kind::By
            | Kind::Where
            | Kind::Number => true,
            Kind::Ident | Kind::Object => {
                FUNCTIONS.contains(&self.word(before)) || LEAKS.contains(&self.word(before))
            }
            _ => false,
        }
    }

    /// Statements, each with its operands.
    pub(super) fn statement(&self, index: usize, hits: &mut Vec<Hit>) {
        if !self.starts_statement(index) {
            return;
        }
        let stacked = self.previous(index) == Kind::Semi;
        let rule = match self.kind(index) {
            Kind::Select => self.select(index),
            Kind::Insert => self.insert(index),
            Kind::Update => self.update(index).then_some(&rules::UPDATE),
            Kind::Delete => self.delete(index, stacked).then_some(&rules::DELETE),
            Kind::Schema => self.schema(index).then_some(&rules::DROP),
            Kind::Exec => self.exec(index).then_some(&rules::STACKED),
            _ => None,
        };
        hits.extend(rule.map(|rule| self.hit(rule, index, index + 4)));
    }

    /// `select <list> from <table> ...`, or a list that only SQL could mean.
    fn select(&self, index: usize) -> Option<&'static crate::waf::rules::Rule> {
        let (end, mut evidence) = self.list(index + 1)?;
        let nested = self.previous(index) == Kind::Open;
        if self.kind(end) != Kind::From {
            let has_call = self.is_function(index + 1)
                || self.kind(index + 1) == Kind::Var
                || self.is_timer(index + 1);
            let alone = has_call && self.ends(end);
            let in_query = nested && self.ends(end) && self.kind(index + 1) != Kind::Ident;
            return (alone || in_query).then_some(&rules::SELECT);
        }
        let table = end + 1;
        if self.kind(table) != Kind::Open && !self.is_table(table) {
            return None;
        }
        let after = self.after_table(table);
        if !(self.ends(after) || matches!(self.kind(after), Kind::Keyword | Kind::Set)) {
            return None;
        }
        evidence |= self.kind(table) == Kind::Open || nested || self.names_secrets(index, after);
        evidence |= self.kind(after) == Kind::Where && self.comparison(after + 1).is_some();
        evidence |= matches!(
            self.kind(after),
            Kind::Limit | Kind::Semi | Kind::Comment | Kind::Union
        );
        Some(if evidence {
            &rules::SELECT
        } else {
            &rules::SELECT_WEAK
        })
    }

    /// The items after `select`: the token after them, and whether they prove SQL.
    fn list(&self, start: usize) -> Option<(usize, bool)> {
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
            }
            if self.word(index) == b"as" {
                index += 2;
            } else if self.kind(index) == Kind::Dot && self.word(index + 1) == b"*" {
                evidence = true;
                index += 2;
            }
            if self.kind(index) != Kind::Comma {
                break;
            }
            evidence = true;
            index += 1;
        }
        Some((index, evidence))
    }

    fn is_table(&self, index: usize) -> bool {
        matches!(self.kind(index), Kind::Ident | Kind::Object | Kind::Str)
            && !ARTICLES.contains(&self.word(index))
    }

    /// Index after a table's name and its alias.
    fn after_table(&self, table: usize) -> usize {
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

    fn names_secrets(&self, start: usize, end: usize) -> bool {
        (start..=end).take(MAX_ITEMS).any(|index| {
            SENSITIVE.contains(&self.word(index)) || CATALOGS.contains(&self.word(index))
        })
    }

    fn insert(&self, index: usize) -> Option<&'static crate::waf::rules::Rule> {
        if self.kind(index + 1) != Kind::Into || !self.is_table(index + 2) {
            return None;
        }
        let mut after = self.after_table(index + 2);
        if self.kind(after) == Kind::Open {
            after = self.closing.get(after).map_or(after, |close| close + 1);
        }
        let is_statement = matches!(self.kind(after), Kind::Select | Kind::Set)
            || self.word(after) == b"values"
            || self.word(after) == b"value";
        let is_known = SENSITIVE.contains(&self.word(index + 2)) && self.ends(after);
        (is_statement || is_known).then_some(&rules::INSERT)
    }

    fn update(&self, index: usize) -> bool {
        let after = self.after_table(index + 1);
        self.is_table(index + 1) && self.kind(after) == Kind::Set && {
            let column = after + 1;
            let equals = if self.kind(column + 1) == Kind::Dot {
                column + 3
            } else {
                column + 1
            };
            matches!(
                self.kind(column),
                Kind::Ident | Kind::Object | Kind::Keyword | Kind::Var
            ) && self.word(equals) == b"="
        }
    }

    fn delete(&self, index: usize, stacked: bool) -> bool {
        if self.kind(index + 1) != Kind::From || !self.is_table(index + 2) {
            return false;
        }
        let after = self.after_table(index + 2);
        match self.kind(after) {
            Kind::End => stacked || SENSITIVE.contains(&self.word(index + 2)),
            Kind::Where => self.comparison(after + 1).is_some(),
            Kind::Semi | Kind::Comment => true,
            _ => false,
        }
    }

    /// `drop table x`, `truncate table x`, `alter table x add`, `create table x (`.
    fn schema(&self, index: usize) -> bool {
        let object = if matches!(self.word(index + 1), b"or") {
            index + 3
        } else {
            index + 1
        };
        if self.kind(object) != Kind::Object {
            return false;
        }
        let mut name = object + 1;
        while matches!(self.kind(name), Kind::Keyword | Kind::Not) && name < object + 4 {
            name += 1;
        }
        if !self.is_table(name) {
            return false;
        }
        let mut after = name + 1;
        while self.kind(after) == Kind::Dot {
            after += 2;
        }
        match self.word(index) {
            b"alter" => matches!(
                self.word(after),
                b"add" | b"drop" | b"modify" | b"rename" | b"alter" | b"change" | b"set" | b"with"
            ),
            b"create" => {
                self.kind(after) == Kind::Open
                    || self.word(after) == b"identified"
                    || self.kind(after + 1) == Kind::Select
            }
            _ => {
                matches!(
                    self.kind(after),
                    Kind::End | Kind::Semi | Kind::Comment | Kind::Comma | Kind::Str
                ) || matches!(self.word(after), b"cascade" | b"restrict")
            }
        }
    }

    /// Server commands: `exec xp_...`, `declare @x`, `shutdown`.
    fn exec(&self, index: usize) -> bool {
        let next = self.word(index + 1);
        match self.word(index) {
            b"declare" => self.kind(index + 1) == Kind::Var,
            b"shutdown" => {
                self.previous(index) == Kind::Semi
                    && matches!(self.kind(index + 1), Kind::End | Kind::Comment | Kind::Semi)
            }
            b"exec" | b"execute" => {
                next.starts_with(b"xp_")
                    || next.starts_with(b"sp_")
                    || next == b"master"
                    || next == b"immediate"
                    || (self.kind(index + 1) == Kind::Open
                        && matches!(self.kind(index + 2), Kind::Str | Kind::Var))
            }
            _ => false,
        }
    }
}
