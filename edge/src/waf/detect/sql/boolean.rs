//! Conditions, clauses and comments that are attached to a query from outside.

use super::names::COLUMNS;
use super::token::{self, Kind, Token};
use super::{Hits, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::{before, is_word, span, trim};

/// Words behind the value in a string that the application closes, from which on they are talk.
const MIN_TALK: usize = 3;

/// `1 how does it work`
fn is_followed_by_words(tail: &[u8]) -> bool {
    let mut words = tail.split(|byte| *byte == b' ');
    let is_value = words.next().is_some_and(|value| !value.is_empty());
    let is_plain = |word: &[u8]| word.len() > 1 && word.iter().all(u8::is_ascii_lowercase);
    is_value && words.clone().count() >= MIN_TALK && words.all(is_plain)
}

/// Longest text that may be a line of a truth table, a path before it included.
const MAX_TABLE: usize = 256;

impl Sql<'_> {
    /// `or 1=1`, `' and 'a'='a`, `having 1=1`, `' or true--`.
    pub(super) fn condition(&self, index: usize, hits: &mut Hits) {
        if !matches!(self.kind(index), Kind::Logic | Kind::Having) {
            return;
        }
        if !self.is_anchored(index) {
            return;
        }
        let start = index + 1;
        let found = if self.follows_breakout(index) {
            self.quoted_condition(index, start)
        } else {
            self.bare_condition(index, start)
        };
        if let Some(end) = found {
            hits.push(self.hit(
                &rules::TAUTOLOGY,
                index.saturating_sub(1),
                end.saturating_sub(1),
            ));
        }
    }

    /// After the quote that ends the value, a condition on columns counts as well.
    fn quoted_condition(&self, index: usize, start: usize) -> Option<usize> {
        let is_symbol = matches!(self.word(index), b"||" | b"&&");
        if let Some(comparison) = self.comparison(start) {
            // `1' and 7231=7231 xyzw`: the comment sign before the last word is gone.
            let is_labelled = self.value
                && comparison.end == start + 3
                && self.kind(start) == Kind::Number
                && self.word(start) == self.word(start + 2)
                && self.kind(comparison.end) == Kind::Ident
                && comparison.end + 1 == self.tokens.len();
            if is_labelled {
                return Some(comparison.end);
            }
            // `' or '1'='1 how does this work`: what the application's quote would close is no value.
            let is_talk =
                comparison.end == self.tokens.len() && self.open.is_some_and(is_followed_by_words);
            let is_plain = !is_talk && (self.value || (!comparison.has_name && self.terminated));
            return (is_plain && self.ends(comparison.end)).then_some(comparison.end);
        }
        let operand = self.expression(start)?;
        // `' and locate('a','a')#`: whatever is called, with constants alone and the rest cut off.
        let calls = || {
            self.kind(start + 1) == Kind::Open
                && self.is_cut(operand.end)
                && (start + 2..operand.end).all(|index| self.kind(index) != Kind::Ident)
        };
        if (operand.has_call || calls()) && self.value && self.ends(operand.end) {
            return Some(operand.end);
        }
        let last = self.kind(operand.end.saturating_sub(1));
        // `' or 1--`, `' or true#`; `' || (select ...)` and calls are found as such.
        let is_enclosed = self.kind(start) == Kind::Open;
        // `'or@@version--`, `'or current_user--`.
        let names_itself = operand.end == start + 1
            && self.is_cut(operand.end)
            && (self.kind(start) == Kind::Var
                || matches!(
                    self.word(start),
                    b"current_user"
                        | b"session_user"
                        | b"system_user"
                        | b"current_date"
                        | b"current_timestamp"
                        | b"sysdate"
                        | b"rownum"
                ));
        if names_itself && self.value {
            return Some(operand.end);
        }
        let is_value =
            (matches!(last, Kind::Number | Kind::Const) || is_enclosed) && !operand.has_name;
        let is_cut = self.value && is_clause(self.kind(operand.end));
        // `' or '1' -> '$' -- `
        let cut = operand.end + usize::from(self.kind(operand.end) == Kind::Semi);
        let is_ended = self.is_cut(operand.end)
            || cut > operand.end && self.kind(cut) == Kind::Comment && cut + 1 == self.tokens.len();
        if is_cut && last == Kind::Str && !operand.has_name && is_ended {
            return Some(operand.end);
        }
        let longest = if is_symbol { 1 } else { 2 };
        let is_whole = self.kind(operand.end) == Kind::End && self.word(0).len() <= longest;
        (is_value && (is_cut || is_whole)).then_some(operand.end)
    }

    /// `x <= 2 or x >= 4`: what is true of the one variable of an exercise, and no column.
    fn is_interval(&self, index: usize) -> bool {
        let (Some(left), right) = (index.checked_sub(3), index + 1) else {
            return false;
        };
        let is_bound = |start: usize| {
            self.kind(start) == Kind::Ident
                && self.word(start).len() == 1
                && matches!(self.word(start + 1), b"<" | b">" | b"<=" | b">=")
        };
        is_bound(left) && is_bound(right) && self.word(left) == self.word(right)
    }

    /// Outside quotes only constants prove that a condition is not a sentence.
    fn bare_condition(&self, index: usize, start: usize) -> Option<usize> {
        if !self.may_continue(index, start)
            || self.is_arithmetic(index)
            || self.is_truth_table()
            || self.is_interval(index)
        {
            return None;
        }
        let Some(comparison) = self.comparison(start) else {
            return self.bare_operand(index);
        };
        if self.is_code(index) {
            return None;
        }
        // `>=16 || 14 >=14.17`: versions.
        if self.kind(0) == Kind::Cmp && self.word(index) == b"||" && self.quote.is_none() {
            return None;
        }
        let is_cut = matches!(self.kind(comparison.end), Kind::Comment | Kind::Semi);
        // `1 and 0 = 0; 1 or 0 = 1` teaches; so does a comment that says something.
        let after = self.kind(comparison.end + 1);
        let goes_on = match self.kind(comparison.end) {
            Kind::Semi => matches!(
                after,
                Kind::Number | Kind::Ident | Kind::Not | Kind::Other | Kind::Logic
            ),
            Kind::Comment => index > 1 && !self.cuts(index, comparison.end),
            Kind::Keyword => true,
            _ => false,
        };
        if goes_on {
            return None;
        }
        let is_grouped = self.kind(index) == Kind::Having
            && (index > 1
                || matches!(self.word(start), b"count" | b"sum" | b"avg")
                    && self.kind(start + 1) == Kind::Open);
        // `1 and (3812=3812)*5121`
        if self.kind(comparison.end) == Kind::Arith
            && self.kind(0) == Kind::Number
            && index == 1
            && !comparison.has_name
            && self
                .expression(comparison.end + 1)
                .is_some_and(|factor| factor.end == self.tokens.len() && !factor.has_name)
        {
            return Some(comparison.end);
        }
        let proves = !(comparison.has_name || is_grouped && comparison.has_call)
            || (is_cut && self.previous(index) != Kind::Ident)
            || (comparison.has_call && index <= 1 && !is_grouped)
            || (index <= 1 && self.compares_itself(start, comparison.end))
            || (index == 1 && self.compares_text(comparison.end));
        (proves && self.ends(comparison.end)).then_some(comparison.end)
    }

    /// `if (is_array($x) && count($x) == 0) {`, `let done = a > 0 || b > 0;`: a line of a program.
    fn is_code(&self, index: usize) -> bool {
        let is_program = matches!(
            self.word(0),
            b"if"
                | b"elsif"
                | b"elseif"
                | b"elif"
                | b"while"
                | b"return"
                | b"let"
                | b"const"
                | b"var"
                | b"assert"
                | b"unless"
                | b"until"
                | b"bool"
                | b"auto"
        );
        self.quote.is_none() && is_program && index > 2 && self.kind(index + 1) != Kind::Number
    }

    /// Whether the comment at `end` cuts off what the value and the condition at `index` close.
    fn cuts(&self, index: usize, end: usize) -> bool {
        self.is_cut(end) || (self.lead.closes && index == self.lead.end && self.is_labelled(end))
    }

    /// Whether what precedes can be the value that the application compares.
    fn may_continue(&self, index: usize, start: usize) -> bool {
        match self.previous(index) {
            _ if self.kind(index) == Kind::Having => true,
            // `p or q; 1 and 0 = 0`: behind a semicolon nothing is continued.
            Kind::Number if index > 3 && self.kind(index - 2) == Kind::Semi => false,
            Kind::Number | Kind::Const | Kind::Close | Kind::End | Kind::Var => true,
            // `"a" and "b" = "c"` is prose.
            Kind::Str => {
                self.kind(start) == Kind::Number
                    || index > 1
                    || self.compares_itself(start, start + 3)
            }
            Kind::Ident | Kind::Object => {
                index == 1
                    || (index == 2 && self.kind(0) == Kind::Other)
                    || (index == 3 && self.kind(1) == Kind::Dot)
                    || self.ends_condition(index)
            }
            Kind::Cmp => index == 2 && self.quote.is_none() && self.kind(0) == Kind::Ident,
            Kind::Semi => index == 1,
            Kind::Other => {
                self.word(index - 1) == b"}" || self.word(index - 1) == b"]" && index <= 3
            }
            _ => false,
        }
    }

    /// `2+2=4 or 3+3=6`: nothing precedes the condition but another that says as little.
    fn is_arithmetic(&self, index: usize) -> bool {
        let compares = index >= 3
            && (
                self.kind(index - 3),
                self.kind(index - 2),
                self.kind(index - 1),
            ) == (Kind::Number, Kind::Cmp, Kind::Number);
        // Nothing that is computed is `null`.
        self.quote.is_none()
            && (compares
                || self.kind(0) == Kind::Number
                    && self.kind(index - 1) != Kind::Const
                    && self.comparison(0).is_some_and(|first| {
                        first.end == index && !first.has_name && !first.has_call
                    }))
    }

    /// `1 XOR 1 = 0`, `1010 AND 0110 = 0010, 1 OR 0 = 1`: nothing else.
    fn is_truth_table(&self) -> bool {
        // Asked for each condition of a text.
        self.text.len() <= MAX_TABLE
            && self
                .text
                .split(|byte| matches!(byte, b',' | b';'))
                .all(|line| is_true(trim(line)))
    }

    /// `x=x`, `'a'='a`.
    fn compares_itself(&self, start: usize, end: usize) -> bool {
        let start = self.skip_prefix(start);
        let bare = |index: usize| {
            let word = self.word(index);
            let is_quote = |byte: &u8| matches!(byte, b'\'' | b'"');
            word.iter()
                .filter(|byte| !is_quote(byte))
                .copied()
                .collect::<Vec<u8>>()
        };
        end == start + 3 && self.kind(start + 1) == Kind::Cmp && bare(start) == bare(start + 2)
    }

    /// `1 and user='dbo'`, all of it.
    fn compares_text(&self, end: usize) -> bool {
        let last = self.kind(end - 1);
        self.kind(0) == Kind::Number
            && self.kind(end) == Kind::End
            && (matches!(last, Kind::Str | Kind::Var)
                || (matches!(last, Kind::Number | Kind::Const) && COLUMNS.contains(&self.word(2))))
    }

    /// `1 or true--`, `1 or not 0`.
    fn bare_operand(&self, index: usize) -> Option<usize> {
        let operand = self.expression(index + 1)?;
        let last = self.kind(operand.end - 1);
        let is_variable = self.word(index + 1).starts_with(b"@@");
        let is_constant =
            last == Kind::Const || is_variable || (last == Kind::Number && !operand.is_compound);
        let is_whole = self.kind(operand.end) == Kind::End;
        let is_negated = self.kind(index + 1) == Kind::Not;
        let is_symbol = matches!(self.word(index), b"||" | b"&&");
        let is_odd = self.word(index) == b"xor"
            || matches!(self.word(index + 2), b"div" | b"mod" | b"->" | b"->>")
            || is_negated
            // `1 or 0b1`, `1 or b'1'`: a number that only a program writes so.
            || !is_symbol
                && [&b"0x"[..], b"0b", b"x'", b"b'"].iter().any(|start| {
                    self.word(index + 1).starts_with(start) && !self.word(0).starts_with(start)
                });
        let is_limited = self.kind(operand.end) == Kind::Limit
            && self.kind(operand.end + 1) == Kind::Number
            && index == 1;
        let is_cut = self.cuts(index, operand.end)
            || is_limited
            || (is_whole && (last == Kind::Const || is_odd || is_variable));
        let follows_value = index == 0
            || (index == 1 && matches!(self.kind(0), Kind::Number | Kind::Close))
            || (self.lead.closes && index == self.lead.end);
        // `'' or 1`, `true or 1`: all of it.
        let is_trivial = self.quote.is_none()
            && index == 1
            && (self.kind(0) == Kind::Const
                || self.kind(0) == Kind::Str && self.word(0).len() == 2);
        if is_trivial && is_whole && operand.end == 3 && last == Kind::Number {
            return Some(operand.end);
        }
        // `1 or json_valid('{}')`, `||(elt(1,2))`.
        let is_called = operand.has_call
            && !operand.has_name
            && (self.cuts(index, operand.end) || (is_whole && (index == 1 || is_symbol)));
        if follows_value && is_called {
            return Some(operand.end);
        }
        // `1 or 1`, `1)or(1`, `1 or'1'`, `1 or-1`: the value again, or no space where prose has one.
        let is_same = index == 1 && operand.end == 3 && self.word(0) == self.word(2);
        let is_glued = is_glued(
            self.text,
            self.tokens.get(index),
            self.tokens.get(index + 1),
        );
        let is_number = matches!(self.kind(0), Kind::Number | Kind::Const);
        let is_due = index == 1 || self.lead.closes && index == self.lead.end;
        if is_due && is_number && is_whole && !operand.has_name && (is_same || is_glued) {
            return Some(operand.end);
        }
        // `||'6`, `||6`.
        let is_value = matches!(last, Kind::Str | Kind::Number);
        if index == 0 && is_symbol && is_value && is_whole && self.quote.is_none() {
            return Some(operand.end);
        }
        (follows_value && (is_constant || is_odd) && !operand.has_name && is_cut)
            .then_some(operand.end)
    }

    /// Whether the word before `index` ends a comparison, as in `id = x or 1=1`.
    fn ends_condition(&self, index: usize) -> bool {
        index >= 3 && self.kind(index - 2) == Kind::Cmp
    }

    /// `order by 10--`, `group by x having`, `into outfile 'x'`, `procedure analyse(`.
    pub(super) fn clause(&self, index: usize, hits: &mut Hits) {
        match self.kind(index) {
            Kind::Order => self.order(index, hits),
            Kind::Into if self.is_anchored(index) && self.writes(index) => {
                hits.push(self.hit(&rules::INTO_FILE, index, index + 2));
            }
            Kind::Object
                if self.word(index + 1) == b"analyse" && self.kind(index + 2) == Kind::Open =>
            {
                hits.push(self.hit(&rules::LEAK, index, index + 2));
            }
            _ => {}
        }
    }

    /// `into outfile 'x'`, `1 into @a`.
    fn writes(&self, index: usize) -> bool {
        let target = self.kind(index + 2);
        match self.word(index + 1) {
            b"outfile" | b"dumpfile" => {
                matches!(target, Kind::Str | Kind::Open | Kind::Other)
                    || self.kind(index + 3) == Kind::Open
                    || self.word(index + 2).first() >= Some(&0x80)
            }
            _ => {
                index == 1
                    && (self.kind(0) == Kind::Number || self.quote.is_some() && self.value)
                    && self.kind(2) == Kind::Var
            }
        }
    }

    fn order(&self, index: usize, hits: &mut Hits) {
        if self.kind(index + 1) != Kind::By || !self.is_anchored(index) {
            return;
        }
        let breaks_out = self.follows_breakout(index);
        let first = index + 2;
        let mut end = first + 1;
        while self.kind(end) == Kind::Comma
            && matches!(self.kind(end + 1), Kind::Number | Kind::Comment)
        {
            end += if self.kind(end + 1) == Kind::Number {
                2
            } else {
                1
            };
        }
        let is_attached = breaks_out
            || (index == 0 && self.is_cut(end))
            || (matches!(self.previous(index), Kind::Number | Kind::Close)
                && (index <= 3 || index == self.lead.end));
        let is_probe = match self.kind(first) {
            Kind::Number => {
                matches!(
                    self.kind(end),
                    Kind::End | Kind::Comment | Kind::Semi | Kind::Having
                )
                    // `--` and a line break: a comment that has vanished.
                    || (self.kind(end) == Kind::Arith && end + 1 == self.tokens.len())
            }
            Kind::Keyword => matches!(self.word(first), b"case" | b"if"),
            Kind::Open => matches!(self.word(first + 1), b"case" | b"if" | b"select"),
            // `1 group by concat(version(),floor(rand(0)*2)) having min(0)`
            Kind::Ident if self.is_function(first) && self.is_function(first + 2) => true,
            Kind::Ident => self.word(end) == b"with" && self.word(end + 1) == b"rollup",
            _ => false,
        };
        let is_cut = breaks_out && self.is_cut(end) && self.kind(first) == Kind::Ident;
        if (is_probe && is_attached) || is_cut {
            hits.push(self.hit(&rules::ORDER, index, end));
        }
    }

    /// `admin'--`, `1')/*`, `1 -- -`.
    pub(super) fn comment(&self, hits: &mut Hits) {
        let Some(last) = self.tokens.len().checked_sub(1) else {
            return;
        };
        if self.kind(last) == Kind::Comment && self.logs_in(last) {
            hits.push(self.hit(&rules::COMMENT, 0, last));
        }
        if self.kind(last) != Kind::Comment || !self.is_cut(last) {
            return;
        }
        let after_quote = self.follows_breakout(last) && self.value && !self.is_markup();
        // `'=0--`: the value compared with what converts to it.
        let compares = self.quote.is_some()
            && matches!(self.kind(1), Kind::Cmp | Kind::Arith)
            && self.value
            && self
                .expression(2)
                .is_some_and(|operand| operand.end == last && !operand.has_name);
        let compares = compares
            || (self.kind(1) == Kind::Cmp && self.value)
                && self
                    .comparison(0)
                    .is_some_and(|whole| whole.end == last && !whole.has_name);
        let says_nothing = self
            .tokens
            .last()
            .map_or(&[][..], |token| token::comment_text(self.text, token))
            .iter()
            .all(|byte| matches!(byte, b' ' | b'-' | b'+'));
        let after_number = self.quote.is_none()
            && self.kind(0) == Kind::Number
            && self.word(last).starts_with(b"--")
            && says_nothing
            // A cookie of the IAB's (US Privacy) for those whom no law protects.
            && self.text != b"1---"
            && (1..last).all(|index| matches!(self.kind(index), Kind::Close | Kind::Semi));
        let after_semicolon = self.quote.is_some()
            && self.value
            && self.kind(last - 1) == Kind::Semi
            && self.follows_breakout(last - 1);
        if after_quote || compares || after_number || after_semicolon {
            hits.push(self.hit(&rules::COMMENT, 0, last));
        }
    }

    /// `admin' -- no password`: an account that every system has, and a comment of a word or two.
    fn logs_in(&self, comment: usize) -> bool {
        const ACCOUNTS: [&[u8]; 6] = [b"admin", b"administrator", b"root", b"user", b"test", b"sa"];
        let head = self.word(0);
        let said = self.tokens.get(comment);
        let said = said.map_or(&[][..], |token| token::comment_text(self.text, token));
        comment == 1
            && trim(said)
                .iter()
                .filter(|byte| **byte == b' ')
                .nth(1)
                .is_none()
            && self.quote.is_some()
            && ACCOUNTS.contains(&span(head, 0, head.len().saturating_sub(1)))
            && matches!(
                self.word(1),
                [b'-', b'-', ..] | [b'#', b' ' | b'a'..=b'z', ..]
            )
    }

    /// Whether the text before the quote is code or markup: Rust closes raw strings by `"#`.
    fn is_markup(&self) -> bool {
        let head = self.word(0);
        head.iter()
            .any(|byte| matches!(byte, b'<' | b'>' | b'{' | b'}'))
            || (self.quote == Some(b'`') && head.contains(&b'='))
    }
}

/// Whether it says something of bits, spaced, that is true of each; `1 or 1 = 1` is what every probe says.
fn is_true(line: &[u8]) -> bool {
    let mut parts = line.split(|byte| *byte == b' ');
    let [a, word, b, equals, result] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let a = a.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if equals != b"=" || parts.next().is_some() || (a, b) == (b"1", b"1") && word != b"xor" {
        return false;
    }
    let bit = |byte: u8| matches!(byte, b'0' | b'1').then_some(byte == b'1');
    let holds = |((a, b), result): ((&u8, &u8), &u8)| {
        let (a, b) = (bit(*a)?, bit(*b)?);
        let expected = match word {
            b"xor" => a ^ b,
            b"and" => a & b,
            b"or" => a | b,
            _ => return None,
        };
        (bit(*result)? == expected).then_some(())
    };
    !a.is_empty()
        && a.len() == b.len()
        && a.len() == result.len()
        && a.iter()
            .zip(b)
            .zip(result)
            .all(|bits| holds(bits).is_some())
}

/// Whether a word that joins conditions has no space behind it.
fn is_glued(text: &[u8], operator: Option<&Token>, next: Option<&Token>) -> bool {
    operator.zip(next).is_some_and(|(operator, next)| {
        operator.end == next.start && is_word(before(text, operator.end))
    })
}

/// What cuts a query off or goes on with it.
const fn is_clause(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Comment | Kind::Semi | Kind::Order | Kind::Limit | Kind::Union | Kind::Having
    )
}
