//! Whole values that only ask how a database fails: a quote too many, a sum, a variable.

use super::token::Kind;
use super::{Hit, Sql};
use crate::waf::rules::sql as rules;

/// A quote around strings.
const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"')
}

/// Longest value of quotes and operators alone.
const MAX_OPERATORS: usize = 8;
/// Longest value that is nothing but a probe.
const MAX_PROBE: usize = 32;

impl Sql<'_> {
    /// Whole values that only ask how a database fails: `@@version`, `'"`, `1-true`.
    pub(super) fn probe(&self, hits: &mut Vec<Hit>) {
        if self.quote.is_some() || self.text.len() > MAX_PROBE {
            return;
        }
        let is_variable =
            self.tokens.len() == 1 && self.word(0).starts_with(b"@@") && self.word(0).len() > 3;
        let is_sum = self.tokens.len() == 3
            && (self.kind(0), self.kind(1), self.kind(2))
                == (Kind::Number, Kind::Arith, Kind::Const)
            && self.word(2) != b"null";
        let quotes = self
            .text
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
            || is_closed
            || self.adds_variable()
            || self.chooses()
        {
            hits.push(self.hit(&rules::PROBE, 0, 2));
        }
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
        let sum = self.kind(0) == Kind::Number && self.kind(1) == Kind::Arith;
        sum && self.is_function(2)
            && (3..self.tokens.len()).any(|index| self.word(index).starts_with(b"@@"))
    }
}
