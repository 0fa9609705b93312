//! SQL expressions, as far as a detector must follow them: every walk stops after
//! [`MAX_STEPS`] tokens, so that the whole stays linear.

use super::Sql;
use super::names::{FUNCTIONS, LEAKS, TIMERS};
use super::token::Kind;

/// Longest chain of operands and operators followed.
const MAX_STEPS: usize = 16;

/// What an expression is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Expression {
    /// Index of the token after it.
    pub(super) end: usize,
    /// It names a column, or is a word of prose.
    pub(super) has_name: bool,
    /// It calls a function or holds a subquery.
    pub(super) has_call: bool,
    /// It has more than one operand.
    pub(super) is_compound: bool,
}

impl Sql<'_> {
    /// Skips negations, signs and the like.
    fn skip_prefix(&self, start: usize) -> usize {
        let is_prefix = |index: usize| {
            self.kind(index) == Kind::Not
                || (self.kind(index) == Kind::Arith && matches!(self.word(index), b"-" | b"+"))
        };
        (start..start + MAX_STEPS)
            .find(|index| !is_prefix(*index))
            .unwrap_or(start)
    }

    /// One operand.
    fn operand(&self, start: usize) -> Option<Expression> {
        let index = self.skip_prefix(start);
        let plain = Expression {
            end: index + 1,
            ..Expression::default()
        };
        match self.kind(index) {
            Kind::Number | Kind::Str | Kind::Const | Kind::Var => Some(plain),
            Kind::Open => self.parenthesis(index),
            Kind::Keyword if matches!(self.word(index), b"case") => self.case(index),
            Kind::Keyword if matches!(self.word(index), b"exists" | b"if") => self.name(index),
            Kind::Ident | Kind::Object | Kind::Insert => self.name(index),
            _ => None,
        }
    }

    fn parenthesis(&self, open: usize) -> Option<Expression> {
        let close = self
            .closing
            .get(open)
            .copied()
            .filter(|close| *close < self.tokens.len())?;
        let inner = open + 1;
        let is_query = (inner..inner + 4)
            .find(|index| self.kind(*index) != Kind::Open)
            .is_some_and(|index| self.kind(index) == Kind::Select);
        if is_query {
            return Some(Expression {
                end: close + 1,
                has_call: true,
                ..Expression::default()
            });
        }
        // The operand inside decides; a shallow look keeps this linear.
        let names =
            (inner..close.min(inner + MAX_STEPS)).any(|index| self.kind(index) == Kind::Ident);
        (close > inner).then_some(Expression {
            end: close + 1,
            has_name: names,
            ..Expression::default()
        })
    }

    fn case(&self, start: usize) -> Option<Expression> {
        let end = (start + 1..start + 4 * MAX_STEPS).find(|index| self.word(*index) == b"end")?;
        Some(Expression {
            end: end + 1,
            has_call: true,
            ..Expression::default()
        })
    }

    /// `a`, `a.b`, `f(...)`.
    fn name(&self, start: usize) -> Option<Expression> {
        let mut index = start + 1;
        for _ in 0..3 {
            if self.kind(index) == Kind::Dot
                && matches!(
                    self.kind(index + 1),
                    Kind::Ident | Kind::Object | Kind::Keyword
                )
            {
                index += 2;
            }
        }
        if self.kind(index) == Kind::Open {
            let close = self
                .closing
                .get(index)
                .copied()
                .filter(|close| *close < self.tokens.len());
            // Only SQL's own functions are calls; `s.len()` is somebody's code.
            let is_known = FUNCTIONS.contains(&self.word(start))
                || LEAKS.contains(&self.word(start))
                || TIMERS.contains(&self.word(start));
            return Some(Expression {
                end: close? + 1,
                has_call: is_known,
                has_name: !is_known,
                ..Expression::default()
            });
        }
        Some(Expression {
            end: index,
            has_name: true,
            ..Expression::default()
        })
    }

    /// Operands joined by arithmetic.
    pub(super) fn expression(&self, start: usize) -> Option<Expression> {
        let mut whole = self.operand(start)?;
        for _ in 0..MAX_STEPS {
            if self.kind(whole.end) != Kind::Arith {
                break;
            }
            let Some(next) = self.operand(whole.end + 1) else {
                break;
            };
            whole = Expression {
                end: next.end,
                has_name: whole.has_name || next.has_name,
                has_call: whole.has_call || next.has_call,
                is_compound: true,
            };
        }
        Some(whole)
    }

    /// Two expressions with a comparison between them; `is null` and `between a and b` too.
    pub(super) fn comparison(&self, start: usize) -> Option<Expression> {
        let left = self.expression(start)?;
        let mut index = left.end;
        if self.kind(index) == Kind::Not {
            index += 1;
        }
        if self.kind(index) != Kind::Cmp {
            return None;
        }
        let operator = self.word(index);
        // `rlike`, `sounds like`, `is not null`, `= all (...)`.
        let mut next = index + 1;
        while matches!(self.kind(next), Kind::Not | Kind::All | Kind::Cmp) && next < index + 4 {
            next += 1;
        }
        let right = self.expression(next)?;
        if operator == b"is" && self.kind(next) != Kind::Const {
            return None;
        }
        let mut end = right.end;
        let mut both = Expression {
            end,
            has_name: left.has_name || right.has_name,
            has_call: left.has_call || right.has_call,
            is_compound: false,
        };
        if operator == b"between" {
            if self.kind(end) != Kind::Logic {
                return None;
            }
            end = self.expression(end + 1)?.end;
            both.end = end;
        }
        Some(both)
    }

    /// Whether a condition may end before `index`: the end, a comment, another clause.
    pub(super) fn ends(&self, index: usize) -> bool {
        matches!(
            self.kind(index),
            Kind::End
                | Kind::Comment
                | Kind::Semi
                | Kind::Close
                | Kind::Logic
                | Kind::Order
                | Kind::Limit
                | Kind::Union
                | Kind::Having
                | Kind::Str
                | Kind::Comma
                | Kind::Where
        ) || (self.kind(index) == Kind::Keyword && matches!(self.word(index), b"then" | b"as"))
    }
}
