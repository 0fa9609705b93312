//! The functions and catalogues that attacks name.

use super::names::{CATALOGS, LEAKS, TIMERS};
use super::token::Kind;
use super::{Hit, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::before;

impl Sql<'_> {
    /// Calls that no prose makes, where an expression can stand.
    pub(super) fn function(&self, index: usize, hits: &mut Vec<Hit>) {
        if self.word(index) == b"waitfor"
            && matches!(self.word(index + 1), b"delay" | b"time")
            && matches!(self.kind(index + 2), Kind::Str | Kind::Var | Kind::Number)
        {
            hits.push(self.hit(&rules::TIME, index, index + 2));
        }
        if !matches!(self.kind(index), Kind::Ident | Kind::Keyword) {
            return;
        }
        if self.is_timer(index) && self.stands_in_expression(index) {
            hits.push(self.hit(&rules::TIME, index, index + 3));
        } else if LEAKS.contains(&self.word(index))
            && self.calls(index)
            && self.stands_in_expression(index)
        {
            hits.push(self.hit(&rules::LEAK, index, index + 3));
        } else if CATALOGS.contains(&self.word(index)) && self.names_catalog(index) {
            hits.push(self.hit(&rules::CATALOG, index, index + 2));
        }
    }

    /// `f(` or `package.f(`.
    fn calls(&self, index: usize) -> bool {
        self.kind(index + 1) == Kind::Open
            || (self.kind(index + 1) == Kind::Dot && self.kind(index + 3) == Kind::Open)
    }

    /// A timer with an argument that is one: `sleep(5)`, not `sleep (8 hours)`.
    pub(super) fn is_timer(&self, index: usize) -> bool {
        if !TIMERS.contains(&self.word(index)) || !self.calls(index) {
            return false;
        }
        let open = if self.kind(index + 1) == Kind::Open {
            index + 1
        } else {
            index + 3
        };
        // `Sleep (1)` alone is a heading; inside a query the space means nothing.
        let is_glued = self
            .tokens
            .get(open)
            .is_some_and(|token| before(self.text, token.start) != b' ');
        if index == 0 && !is_glued {
            return false;
        }
        let argument = self.expression(open + 1);
        if self.word(index) == b"benchmark"
            && argument.is_none_or(|argument| self.kind(argument.end) != Kind::Comma)
        {
            return false;
        }
        argument.is_some_and(|argument| {
            !argument.has_name
                && matches!(
                    self.kind(argument.end),
                    Kind::Close | Kind::Comma | Kind::End | Kind::Comment
                )
        }) || self.kind(open + 1) == Kind::Select
    }

    fn stands_in_expression(&self, index: usize) -> bool {
        match self.previous(index) {
            Kind::Ident
            | Kind::Object
            | Kind::Dot
            | Kind::Other
            | Kind::Var
            | Kind::Into
            | Kind::Close => false,
            Kind::Str => self.follows_breakout(index),
            _ => true,
        }
    }

    fn names_catalog(&self, index: usize) -> bool {
        let in_query = matches!(self.previous(index), Kind::From | Kind::Into | Kind::Dot)
            || self.word(index.wrapping_sub(1)) == b"join";
        let is_whole = index == 0
            && (self.tokens.len() == 1 || (self.kind(1) == Kind::Dot && self.tokens.len() <= 4));
        let is_compared = self.previous(index) == Kind::Logic;
        in_query || is_whole || is_compared
    }
}
