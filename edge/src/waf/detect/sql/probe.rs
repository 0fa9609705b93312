//! Whole values that only ask how a database fails: a quote too many, a sum, a variable.

use super::token::Kind;
use super::{Hits, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::{at, from, span};

/// A quote around strings.
const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"')
}

/// Longest value of quotes and operators alone.
const MAX_OPERATORS: usize = 8;
/// Longest value that is nothing but a probe.
const MAX_PROBE: usize = 48;

impl Sql<'_> {
    /// Whole values that only ask how a database fails: `@@version`, `'"`, `1-true`.
    pub(super) fn probe(&self, hits: &mut Hits) {
        if self.quote.is_some() || self.text.len() > MAX_PROBE {
            return;
        }
        let is_variable = self.tokens.len() == 1
            && self.word(0).starts_with(b"@@")
            && self.word(0).len() > 3
            && at(self.word(0), 2).is_ascii_alphabetic()
            && !from(self.word(0), 2).contains(&b'@');
        let is_sum = self.tokens.len() == 3
            && (self.kind(0), self.kind(1), self.kind(2))
                == (Kind::Number, Kind::Arith, Kind::Const)
            && self.word(2) != b"null";
        // `1'"1`: a number on both sides.
        let digits = self
            .text
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let is_number = self.text.first().is_some_and(u8::is_ascii_digit);
        let end = self.text.len() - if is_number { digits } else { 0 };
        let quotes = span(self.text, 0, end)
            .iter()
            .skip_while(|byte| byte.is_ascii_alphanumeric());
        let is_quotes = quotes.clone().count() >= 2
            && quotes.clone().any(|byte| *byte == b'\'')
            && quotes.clone().any(|byte| *byte == b'"')
            && quotes
                .clone()
                .all(|byte| matches!(byte, b'\'' | b'"' | b'\\' | b')' | b'(' | b'`'));
        // `""-""`, `' '`.
        let is_operators = self.text.iter().filter(|byte| is_quote(**byte)).count() >= 2
            && self.text.first().is_some_and(|byte| is_quote(*byte))
            && self.text.last().is_some_and(|byte| is_quote(*byte))
            && self.text.iter().any(|byte| !is_quote(*byte))
            && self.text.len() <= MAX_OPERATORS
            && self
                .text
                .iter()
                .all(|byte| is_quote(*byte) || b" -+*/^&|<>=!".contains(byte));
        // What sqlmap sends first: ten of these in any order.
        let is_heuristic = quotes.clone().count() >= 7
            && quotes.clone().any(|byte| *byte == b'\'')
            && quotes.clone().any(|byte| *byte == b'"')
            && quotes
                .clone()
                .all(|byte| matches!(byte, b'\'' | b'"' | b'.' | b',' | b')' | b'('));
        // `'))`, `");`
        let mut bytes = self.text.iter();
        let is_closed = self.text.len() > 1
            && bytes
                .next()
                .is_some_and(|byte| matches!(byte, b'\'' | b'"'))
            && bytes.all(|byte| matches!(byte, b')' | b';'));
        let is_collated =
            self.tokens.len() == 3 && self.kind(0) == Kind::Number && self.word(1) == b"collate";
        if is_variable
            || is_sum
            || is_collated
            || is_quotes
            || is_operators
            || is_heuristic
            || self.is_hollow()
            || is_closed
            || self.adds_variable()
            || self.asks_byte()
            || self.chooses()
        {
            hits.push(self.hit(&rules::PROBE, 0, 2));
        }
    }

    /// `cast(@@version as int)`, `id=if(ascii(mid(user(),1,1))=114,1,2)`: all of it.
    fn asks_byte(&self) -> bool {
        let start = if self.kind(0) == Kind::Ident && self.word(1) == b"=" {
            2
        } else {
            0
        };
        let is_whole = self
            .close(start + 1)
            .is_some_and(|close| close + 1 == self.tokens.len());
        let within = |wanted: fn(&[u8]) -> bool| {
            (start + 2..self.tokens.len()).any(|index| wanted(self.word(index)))
        };
        is_whole
            && match self.word(start) {
                b"cast" | b"convert" => within(|word| word.starts_with(b"@@")),
                b"if" | b"iif" => within(|word| matches!(word, b"ascii" | b"ord")),
                _ => false,
            }
    }

    /// `'='or'`, `'rlike''`: three quotes and operators, some of them words, and nothing else.
    fn is_hollow(&self) -> bool {
        let mut words = self.text.split(|byte| !byte.is_ascii_lowercase());
        let is_operator = |word: &[u8]| {
            matches!(
                word,
                b"" | b"or" | b"and" | b"xor" | b"like" | b"rlike" | b"regexp"
            )
        };
        self.text.len() <= 2 * MAX_OPERATORS
            && self.text.iter().filter(|byte| is_quote(**byte)).count() == 3
            && self.text.first().is_some_and(|byte| is_quote(*byte))
            && self.text.last().is_some_and(|byte| is_quote(*byte))
            && self
                .text
                .iter()
                .all(|byte| is_quote(*byte) || byte.is_ascii_lowercase() || b" =<>".contains(byte))
            && self.text.iter().any(|byte| !is_quote(*byte))
            && words.all(is_operator)
    }

    /// `1^(1=1)`, `1*(if(1=1,1,2))`: a number, an operator, and a comparison with itself.
    fn chooses(&self) -> bool {
        let sum = self.kind(0) == Kind::Number && self.kind(1) == Kind::Arith;
        let compares = |index: usize| {
            self.word(index) == b"="
                && self.kind(index - 1) == Kind::Number
                && self.word(index - 1) == self.word(index + 1)
        };
        sum && self.kind(2) == Kind::Open && (4..self.tokens.len()).any(compares)
    }

    /// `1+convert(int,@@version)`, all of it.
    fn adds_variable(&self) -> bool {
        let sum = self.kind(0) == Kind::Number && matches!(self.kind(1), Kind::Arith | Kind::Cmp);
        // `1 = @@foo`
        let is_bare = self.tokens.len() == 3 && self.word(2).starts_with(b"@@");
        sum && (is_bare || self.is_function(2))
            && (2..self.tokens.len()).any(|index| self.word(index).starts_with(b"@@"))
    }
}
