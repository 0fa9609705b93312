//! The functions and catalogues that attacks name.

use super::names::{CATALOGS, LEAKS, TIMERS};
use super::token::Kind;
use super::{Hits, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::{before, span};

/// Longest entity before a statement: `&quot;`.
const MAX_ENTITY: usize = 8;

impl Sql<'_> {
    /// `1; select writefile('/tmp/x', 'y')`: whatever is called, with constants, behind a number.
    pub(super) fn selects_call(&self, index: usize) -> bool {
        let open = index + 2;
        let first = self.kind(open + 1);
        (self.kind(0), self.kind(1), self.kind(2)) == (Kind::Number, Kind::Semi, Kind::Select)
            && index == 2
            && self.kind(open) == Kind::Open
            && matches!(first, Kind::Str | Kind::Number)
            && self
                .close(open)
                .is_some_and(|close| self.ends(close + 1) || self.kind(close + 1) == Kind::Semi)
    }

    /// Calls that no prose makes, where an expression can stand.
    pub(super) fn function(&self, index: usize, hits: &mut Hits) {
        if self.waits(index) {
            hits.push(self.hit(&rules::TIME, index, index + 2));
        }
        if !matches!(self.kind(index), Kind::Ident | Kind::Keyword) {
            return;
        }
        let word = self.word(index);
        // Tables are searched only for what could stand in them.
        let is_called = matches!(self.kind(index + 1), Kind::Open | Kind::Dot);
        if is_called && TIMERS.contains(word) {
            if self.is_timer(index) && self.stands_in_expression(index) {
                hits.push(self.hit(&rules::TIME, index, index + 3));
            }
        } else if is_called && LEAKS.contains(word) {
            let names = self.calls(index).is_some() || self.previous(index) == Kind::Logic;
            if names && self.stands_in_expression(index) {
                hits.push(self.hit(&rules::LEAK, index, index + 3));
            }
        } else if may_be_catalog(word)
            && CATALOGS.contains(&unbracketed(word))
            && self.names_catalog(index)
        {
            hits.push(self.hit(&rules::CATALOG, index, index + 2));
        } else if index == 0 && self.is_system_table() {
            hits.push(self.hit(&rules::CATALOG, 0, 2));
        } else if index == 0 && word == b"rand" && self.is_seeded() {
            hits.push(self.hit(&rules::TAUTOLOGY, 0, 3));
        } else if is_called && matches!(word, b"if" | b"iif") && self.is_constant_choice(index) {
            hits.push(self.hit(&rules::TAUTOLOGY, index, index + 3));
        } else if index == 0 && is_called && self.is_chain() {
            hits.push(self.hit(&rules::LEAK, 0, 3));
        }
    }

    /// Whether the semicolon before the token is the end of an entity: `&gt;Grant`.
    pub(super) fn is_entity(&self, index: usize) -> bool {
        let end = self.tokens.get(index).map_or(0, |token| token.start);
        let lead = span(self.text, end.saturating_sub(MAX_ENTITY), end);
        let name = lead.rsplit(|byte| *byte == b'&').next().unwrap_or_default();
        name.len() < lead.len()
            && name
                .strip_suffix(b";")
                .is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_alphabetic))
    }

    /// `mysql.user`, `sys.tables`, all of it.
    fn is_system_table(&self) -> bool {
        let is_known = match self.word(0) {
            b"mysql" => matches!(self.word(2), b"user" | b"db" | b"func" | b"proc"),
            b"sys" => matches!(
                self.word(2),
                b"tables" | b"databases" | b"objects" | b"columns" | b"sysobjects"
            ),
            _ => false,
        };
        is_known && self.kind(1) == Kind::Dot && self.tokens.len() == 3
    }

    /// `rand(1=1)`, `rand(ascii(left(database(),1))=115)`, all of it: an order that answers a question.
    fn is_seeded(&self) -> bool {
        let is_whole = self
            .close(1)
            .is_some_and(|close| close + 1 == self.tokens.len());
        is_whole
            && (self.is_function(2)
                || (self.kind(2), self.kind(3), self.kind(4))
                    == (Kind::Number, Kind::Cmp, Kind::Number))
    }

    /// `if(1=1,1,0)`, `if(now()=sysdate(),1,0)`: a choice between two values by two constants.
    fn is_constant_choice(&self, index: usize) -> bool {
        let kinds = |from: usize| (self.kind(from), self.kind(from + 1), self.kind(from + 2));
        kinds(index + 2) == (Kind::Number, Kind::Cmp, Kind::Number)
            && self.kind(index + 5) == Kind::Comma
            || self.word(index + 2) == b"now"
                && kinds(index + 3) == (Kind::Open, Kind::Close, Kind::Cmp)
    }

    /// `waitfor delay '0:0:5'`.
    fn waits(&self, index: usize) -> bool {
        self.word(index) == b"waitfor"
            && matches!(self.word(index + 1), b"delay" | b"time")
            && matches!(
                self.kind(index + 2),
                Kind::Str | Kind::Var | Kind::Number | Kind::Open
            )
            && self.is_anchored(index)
    }

    /// `f(`, `package.f(`, `schema.package.f(`: index of the parenthesis.
    fn calls(&self, index: usize) -> Option<usize> {
        let mut open = index + 1;
        while self.kind(open) == Kind::Dot && open < index + 6 {
            open += 2;
        }
        (self.kind(open) == Kind::Open).then_some(open)
    }

    /// A timer with an argument that is one: `sleep(5)`, not `sleep (8 hours)`.
    pub(super) fn is_timer(&self, index: usize) -> bool {
        let word = self.word(index);
        let Some(open) = self.calls(index).filter(|_| TIMERS.contains(word)) else {
            return false;
        };
        // `Sleep (1)` alone is a heading; inside a query the space means nothing.
        let is_glued = self
            .tokens
            .get(open)
            .is_some_and(|token| before(self.text, token.start) != b' ');
        let is_injected = self.follows_breakout(index)
            || (index <= 6
                && matches!(self.previous(index), Kind::Logic | Kind::Arith)
                && self.kind(0) != Kind::Ident);
        if index == 0 && !is_glued {
            return false;
        }
        // No other language has these.
        if word.contains(&b'_') || word == b"randomblob" || is_injected {
            return true;
        }
        let argument = self.expression(open + 1);
        if word == b"benchmark"
            && argument.is_none_or(|argument| {
                self.kind(argument.end) != Kind::Comma
                    || self.kind(argument.end + 1) == Kind::Number
            })
        {
            return false;
        }
        argument.is_some_and(|argument| {
            (!argument.has_name || argument.has_call)
                && matches!(
                    self.kind(argument.end),
                    Kind::Close | Kind::Comma | Kind::End | Kind::Comment
                )
        }) || self.kind(open + 1) == Kind::Select
    }

    /// Whether a query can hold a call here: an operand is due, and no sentence goes on behind it.
    fn stands_in_expression(&self, index: usize) -> bool {
        let is_due = match self.previous(index) {
            Kind::Ident | Kind::Object | Kind::Other | Kind::Var | Kind::Into | Kind::Close => {
                false
            }
            // Other languages' `time.sleep(1)`.
            Kind::Dot => {
                index >= 3
                    && self.previous(index - 2) != Kind::Ident
                    && !matches!(
                        self.word(index - 2),
                        b"time" | b"thread" | b"asyncio" | b"task"
                    )
            }
            Kind::Keyword if self.word(index - 1) == b"end" => false,
            Kind::Str => self.follows_breakout(index),
            // `In MySQL: select sleep(1) makes it slow`.
            Kind::Select => !matches!(self.previous(index - 1), Kind::Ident | Kind::Other),
            _ => true,
        };
        let after = self
            .calls(index)
            .and_then(|open| self.close(open))
            .map_or(Kind::End, |close| self.kind(close + 1));
        is_due
            && self.is_anchored(index)
            && !(index == 0 && matches!(after, Kind::Ident | Kind::Other | Kind::Dot | Kind::Semi))
    }

    /// `chr(65)||chr(66)`, `concat(char(97),char(98))`, `unhex(hex(version()))`: nothing but
    /// functions of SQL in functions of SQL.
    fn is_chain(&self) -> bool {
        let is_builder = |index: usize| {
            matches!(
                self.word(index),
                b"char" | b"chr" | b"concat" | b"concat_ws" | b"unhex" | b"hex" | b"nchar"
            ) && self.kind(index + 1) == Kind::Open
        };
        let nested =
            is_builder(0) && (is_builder(2) || (self.is_function(2) && self.is_function(4)));
        let joined = is_builder(0)
            && self.close(1).is_some_and(|close| {
                (matches!(self.word(close + 1), b"||" | b"+" | b".")) && is_builder(close + 2)
            });
        // `concat(0x7e,version())`, `char(0x27)`, `char(97,98)`, all of it.
        let tells = |index: usize| {
            self.kind(index) == Kind::Number && self.word(index).starts_with(b"0x")
                || self.kind(index + 1) == Kind::Open
                    && matches!(
                        self.word(index),
                        b"user" | b"version" | b"database" | b"current_user" | b"schema"
                    )
        };
        let is_list = self.kind(2) == Kind::Number
            && self.kind(3) == Kind::Comma
            && self.kind(4) == Kind::Number;
        let alone = is_builder(0)
            && self.close(1).is_some_and(|close| {
                close + 1 == self.tokens.len() && (is_list || (2..close).any(tells))
            });
        (nested || joined || alone) && self.is_anchored(0) && !self.is_line_break()
    }

    /// `char(13) + char(10)`: the breaks of a line, which spell nothing.
    fn is_line_break(&self) -> bool {
        matches!(self.word(0), b"char" | b"chr" | b"nchar")
            && matches!(self.word(2), b"9" | b"10" | b"13")
            && self.kind(3) == Kind::Close
    }

    fn names_catalog(&self, index: usize) -> bool {
        let is_glued = |index: usize| {
            let start = self.tokens.get(index).map_or(0, |token| token.start);
            !matches!(before(self.text, start), b' ' | b'\n')
        };
        let in_query = matches!(self.previous(index), Kind::From | Kind::Into)
            || (self.previous(index) == Kind::Dot && is_glued(index))
            || self.word(index.wrapping_sub(1)) == b"join";
        // `information_schema.tables columns` is looked up.
        let is_whole = index == 0
            && match self.tokens.len() {
                1 => true,
                4 => self.kind(1) == Kind::Dot && self.kind(3) != Kind::Ident,
                count => self.kind(1) == Kind::Dot && count < 4,
            };
        let is_compared = self.previous(index) == Kind::Logic;
        (in_query && self.is_anchored(index)) || is_whole || is_compared
    }
}

/// What the names of all catalogues have in common.
fn may_be_catalog(word: &[u8]) -> bool {
    let bare = unbracketed(word);
    bare.starts_with(b"sys")
        || bare.starts_with(b"msys")
        || word.iter().any(|byte| matches!(byte, b'_' | b'$'))
}

/// `[sysobjects]`, `` `user` ``.
fn unbracketed(word: &[u8]) -> &[u8] {
    word.strip_prefix(b"[")
        .and_then(|word| word.strip_suffix(b"]"))
        .or_else(|| {
            word.strip_prefix(b"`")
                .and_then(|word| word.strip_suffix(b"`"))
        })
        .unwrap_or(word)
}
