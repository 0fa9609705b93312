//! SQL expressions, as far as a detector must follow them: every walk stops after
//! [`MAX_STEPS`] tokens, so that the whole stays linear.

use super::Sql;
use super::names::{FUNCTIONS, KNOWN, LEAKS, PREFIXES, TIMERS};
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

/// Steps for which a name costs as much that is looked up in the lists of functions.
const LOOKED_UP: usize = 16;

impl Sql<'_> {
    /// Skips negations, signs, and parentheses that the query itself closes.
    pub(super) fn skip_prefix(&self, start: usize) -> usize {
        let is_prefix = |index: usize| {
            self.kind(index) == Kind::Not
                || self.is_left_open(index)
                || (self.kind(index) == Kind::Arith && matches!(self.word(index), b"-" | b"+"))
        };
        (start..start + MAX_STEPS)
            .find(|index| !is_prefix(*index))
            .unwrap_or(start)
    }

    /// A parenthesis that the text does not close: `1) or (1=1`.
    fn is_left_open(&self, index: usize) -> bool {
        self.kind(index) == Kind::Open && self.close(index).is_none()
    }

    /// The parenthesis that closes the one at `open`.
    pub(super) fn close(&self, open: usize) -> Option<usize> {
        let close = self.closing.get(open).copied();
        close.filter(|close| *close < self.tokens.len())
    }

    /// One operand, with the casts behind it.
    fn operand(&self, start: usize) -> Option<Expression> {
        let index = self.skip_prefix(start);
        let plain = Expression {
            end: index + 1,
            ..Expression::default()
        };
        let mut operand = match self.kind(index) {
            // Perl's arguments are no variable of a database.
            Kind::Var if self.word(index) == b"@_" => None,
            Kind::Number | Kind::Str | Kind::Const | Kind::Var => Some(plain),
            Kind::Open => self.parenthesis(index),
            // `jsonb '{}'`, `date '2026-01-01'`.
            Kind::Ident
                if self.kind(index + 1) == Kind::Str
                    && matches!(
                        self.word(index),
                        b"jsonb" | b"json" | b"date" | b"timestamp"
                    ) =>
            {
                Some(Expression {
                    end: index + 2,
                    ..Expression::default()
                })
            }
            Kind::Keyword if self.word(index) == b"case" => self.case(index),
            // SQLite calls `like` and `glob`.
            Kind::Keyword | Kind::Cmp if self.kind(index + 1) == Kind::Open => self.name(index),
            Kind::Ident | Kind::Object | Kind::Insert => self.name(index),
            Kind::Other if self.word(index) == b"{" => self.braces(index),
            _ => None,
        }?;
        while (self.kind(operand.end) == Kind::Cast || self.is_collated(operand.end))
            && operand.end < start + MAX_STEPS
        {
            operand.end += 2;
        }
        Some(operand)
    }

    /// `collate utf8_bin` before a comparison or a cut.
    fn is_collated(&self, index: usize) -> bool {
        self.word(index) == b"collate"
            && self.kind(index + 1) == Kind::Ident
            && self.kind(index + 2) == Kind::Cmp
    }

    /// ODBC's and MySQL's `{x 1}`.
    fn braces(&self, open: usize) -> Option<Expression> {
        let close = (open + 2..open + MAX_STEPS).find(|index| self.word(*index) == b"}")?;
        (self.kind(open + 1) == Kind::Ident && close > open + 2).then_some(Expression {
            end: close + 1,
            has_call: true,
            ..Expression::default()
        })
    }

    fn parenthesis(&self, open: usize) -> Option<Expression> {
        let close = self.close(open)?;
        let inner = open + 1;
        let is_query = (inner..inner + 4)
            .find(|index| self.kind(*index) != Kind::Open)
            .is_some_and(|index| self.kind(index) == Kind::Select);
        // The operands inside decide; a shallow look keeps this linear.
        let window = || inner..close.min(inner + MAX_STEPS);
        let names = !is_query
            && window().any(|index| self.kind(index) == Kind::Ident && !self.is_function(index));
        (close > inner).then(|| Expression {
            end: close + 1,
            has_name: names,
            has_call: is_query || window().any(|index| self.is_function(index)),
            is_compound: false,
        })
    }

    /// A call of a function that SQL knows; `s.len()` is somebody's code.
    pub(super) fn is_function(&self, index: usize) -> bool {
        let name = self.word(index);
        if self.kind(index + 1) != Kind::Open {
            return false;
        }
        self.step(LOOKED_UP);
        PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || FUNCTIONS.contains(name)
            || LEAKS.contains(name)
            || TIMERS.contains(name)
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
            let asks = |at: usize| {
                self.kind(at) == Kind::Var
                    || self.word(at) == b"user"
                    || KNOWN.contains(&self.word(at))
            };
            let holds_call = || (index + 1..index + 6).any(|at| self.is_function(at) || asks(at));
            let is_known =
                self.is_function(start) || LEAKS.contains(self.word(start)) || holds_call();
            return Some(Expression {
                end: self.close(index).or_else(|| self.left_open(index))? + 1,
                has_call: is_known,
                has_name: !is_known,
                ..Expression::default()
            });
        }
        let is_known = index == start + 1 && KNOWN.contains(&self.word(start));
        Some(Expression {
            end: index,
            has_name: !is_known,
            has_call: is_known,
            ..Expression::default()
        })
    }

    /// The last token, a string, where the application's own quote and parenthesis close the call:
    /// `1' or lower('a')=lower('a`.
    fn left_open(&self, open: usize) -> Option<usize> {
        let last = open + 1;
        let is_left =
            self.open.is_some() && self.kind(last) == Kind::Str && self.kind(last + 1) == Kind::End;
        is_left.then_some(last)
    }

    /// Operands joined by arithmetic.
    pub(super) fn expression(&self, start: usize) -> Option<Expression> {
        self.step(1);
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
        self.bare_comparison(start)
            .or_else(|| self.enclosed_comparison(start))
    }

    /// `((1=1))`.
    fn enclosed_comparison(&self, start: usize) -> Option<Expression> {
        let inner = (start..start + MAX_STEPS)
            .find(|index| self.kind(*index) != Kind::Open)
            .filter(|inner| *inner > start)?;
        let comparison = self.bare_comparison(inner)?;
        let depth = inner - start;
        let is_closed = |index| self.kind(index) == Kind::Close;
        (comparison.end..comparison.end + depth)
            .all(is_closed)
            .then_some(Expression {
                end: comparison.end + depth,
                ..comparison
            })
    }

    fn bare_comparison(&self, start: usize) -> Option<Expression> {
        let left = self.expression(start)?;
        let mut index = left.end;
        // PostgreSQL's `'a' ~ 'a'`, `'a' !~* 'b'`.
        let is_string = self.kind(index - 1) == Kind::Str || left.has_call;
        let is_matched = is_string
            && (self.word(index) == b"~"
                || self.word(index) == b"!" && self.word(index + 1) == b"~");
        if self.kind(index) == Kind::Not {
            index += 1;
        }
        if is_matched {
            let next = (index..index + 3)
                .find(|next| !matches!(self.kind(*next), Kind::Not | Kind::Arith))
                .filter(|next| self.kind(*next) == Kind::Str)?;
            let right = self.expression(next)?;
            return Some(Expression {
                is_compound: false,
                ..right
            });
        }
        // PostgreSQL asks `'{"a":1}' ? 'a'`.
        let asks = self.word(index) == b"?"
            && (self.kind(index - 1) == Kind::Str || self.kind(index.max(2) - 2) == Kind::Cast);
        // MySQL's `1 member of ('[1]')`.
        let is_member = self.word(index) == b"member"
            && self.word(index + 1) == b"of"
            && self.kind(index + 2) == Kind::Open;
        if self.kind(index) != Kind::Cmp && !asks && !is_member {
            return None;
        }
        let operator = self.word(index);
        // `rlike`, `sounds like`, `is not null`, `= all (...)`.
        let mut next = index + 1 + usize::from(is_member);
        while matches!(self.kind(next), Kind::Not | Kind::All | Kind::Cmp) && next < index + 4 {
            next += 1;
        }
        // `those in the list`.
        if operator == b"in" && self.kind(next) == Kind::Ident {
            return None;
        }
        // `is distinct from`
        let is_distinct = operator == b"is" && self.kind(next) == Kind::From;
        next += usize::from(is_distinct);
        let right = self.expression(next)?;
        if operator == b"is" && self.kind(next) != Kind::Const && !is_distinct {
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
        // `0=0=1`.
        if self.kind(end) == Kind::Cmp
            && let Some(next) = self.expression(end + 1)
        {
            both.end = next.end;
            both.has_name |= next.has_name;
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
                | Kind::Into
                | Kind::Where
        ) || (self.kind(index) == Kind::Keyword && matches!(self.word(index), b"then" | b"as"))
            || (self.kind(index) == Kind::Arith && index + 1 == self.tokens.len())
            // What the other languages that compare with `==` take for a comment.
            || (self.word(index) == b"/" && self.word(index + 1) == b"/")
            || (self.word(index) == b"for" && self.kind(index + 1) == Kind::Update)
            || (self.word(index) == b"lock" && self.word(index + 1) == b"in")
            // Cassandra, Neo4j.
            || (self.word(index) == b"allow" && self.word(index + 1) == b"filtering")
            || (self.word(index) == b"return"
                && (self.kind(index + 2) == Kind::Union || self.word(index + 2) == b"/"))
            || self.word(index) == b"collate"
    }
}
