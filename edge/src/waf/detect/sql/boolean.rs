//! Conditions, clauses and comments that are attached to a query from outside.

use super::names::{FUNCTIONS, LEAKS};
use super::token::Kind;
use super::{Hit, Sql};
use crate::waf::rules::sql as rules;
use crate::waf::scan::trim;

impl Sql<'_> {
    /// `or 1=1`, `' and 'a'='a`, `having 1=1`, `' or true--`.
    pub(super) fn condition(&self, index: usize, hits: &mut Vec<Hit>) {
        if !matches!(self.kind(index), Kind::Logic | Kind::Having) {
            return;
        }
        // `1) or (1=1`: the query closes what the attack leaves open.
        let is_left_open = |at: &usize| {
            self.kind(*at) == Kind::Open
                && self
                    .closing
                    .get(*at)
                    .is_some_and(|close| *close >= self.tokens.len())
        };
        let start = (index + 1..index + 8)
            .find(|at| !is_left_open(at))
            .unwrap_or(index + 1);
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
            let is_plain = !comparison.has_name || self.head_is_value();
            return (is_plain && self.ends(comparison.end)).then_some(comparison.end);
        }
        let operand = self.expression(start)?;
        if self.calls_known(start) && self.head_is_value() && self.ends(operand.end) {
            return Some(operand.end);
        }
        let last = self.kind(operand.end.saturating_sub(1));
        // `' or 1--`, `' or true#`; `' || (select ...)` and calls are found as such.
        let is_value = matches!(last, Kind::Number | Kind::Const) && !operand.has_name;
        let is_cut =
            matches!(self.kind(operand.end), Kind::Comment | Kind::Semi) && self.head_is_value();
        let is_whole = self.kind(operand.end) == Kind::End && !is_symbol && self.word(0).len() <= 2;
        let is_text = last == Kind::Str
            && self.word(0).len() <= 2
            && !operand.has_name
            && self.kind(operand.end) == Kind::End;
        ((is_value && (is_cut || is_whole)) || is_text).then_some(operand.end)
    }

    /// Outside quotes only constants prove that a condition is not a sentence.
    fn bare_condition(&self, index: usize, start: usize) -> Option<usize> {
        let starts = match self.previous(index) {
            _ if self.kind(index) == Kind::Having => true,
            Kind::Number | Kind::Const | Kind::Close | Kind::End | Kind::Var => true,
            // `"a" and "b" = "c"` is prose.
            Kind::Str => self.kind(start) == Kind::Number || index > 1,
            Kind::Ident | Kind::Object => index == 1 || self.ends_condition(index),
            _ => false,
        };
        // `3 < 5 and 7 > 4` is arithmetic: nothing precedes it that a query would have compared.
        let is_arithmetic =
            !self.quoted && index == 3 && self.kind(1) == Kind::Cmp && self.kind(0) == Kind::Number;
        if !starts || is_arithmetic {
            return None;
        }
        let Some(comparison) = self.comparison(start) else {
            return self.bare_operand(index);
        };
        let is_cut = matches!(self.kind(comparison.end), Kind::Comment | Kind::Semi);
        let proves = !comparison.has_name
            || (is_cut && self.previous(index) != Kind::Ident)
            || comparison.has_call && index == 1;
        (proves && self.ends(comparison.end)).then_some(comparison.end)
    }

    /// `1 or true--`.
    fn bare_operand(&self, index: usize) -> Option<usize> {
        let operand = self.expression(index + 1)?;
        let is_constant = self.kind(operand.end - 1) == Kind::Const
            || (self.kind(operand.end - 1) == Kind::Number && !operand.is_compound);
        let is_cut = self.is_cut(operand.end)
            || (self.kind(operand.end) == Kind::End && self.kind(operand.end - 1) == Kind::Const);
        let follows_value = index == 0 || (index == 1 && self.kind(0) == Kind::Number);
        (follows_value && is_constant && !operand.has_name && is_cut).then_some(operand.end)
    }

    /// `' || (elt(1,2))`: a function of SQL, called where the value ended.
    fn calls_known(&self, start: usize) -> bool {
        let name = (start..start + 4)
            .find(|index| self.kind(*index) != Kind::Open)
            .unwrap_or(start);
        self.kind(name + 1) == Kind::Open
            && (FUNCTIONS.contains(&self.word(name)) || LEAKS.contains(&self.word(name)))
    }

    /// Whether the word before `index` ends a comparison, as in `id = x or 1=1`.
    fn ends_condition(&self, index: usize) -> bool {
        index >= 3 && self.kind(index - 2) == Kind::Cmp
    }

    /// `order by 10--`, `group by x having`, `into outfile 'x'`, `procedure analyse(`.
    pub(super) fn clause(&self, index: usize, hits: &mut Vec<Hit>) {
        match self.kind(index) {
            Kind::Order => self.order(index, hits),
            Kind::Into
                if matches!(self.word(index + 1), b"outfile" | b"dumpfile")
                    && self.kind(index + 2) == Kind::Str =>
            {
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

    fn order(&self, index: usize, hits: &mut Vec<Hit>) {
        if self.kind(index + 1) != Kind::By {
            return;
        }
        let breaks_out = self.follows_breakout(index);
        let is_number = self.kind(index + 2) == Kind::Number;
        let mut end = index + 3;
        while self.kind(end) == Kind::Comma && self.kind(end + 1) == Kind::Number {
            end += 2;
        }
        let is_probe =
            is_number && matches!(self.kind(end), Kind::End | Kind::Comment | Kind::Semi);
        let is_attached = breaks_out
            || (matches!(self.previous(index), Kind::Number | Kind::Close) && index <= 3);
        let is_cut = breaks_out && self.is_cut(end) && self.kind(index + 2) == Kind::Ident;
        if (is_probe && is_attached) || is_cut {
            hits.push(self.hit(&rules::ORDER, index, end));
        }
    }

    /// `admin'--`, `1')/*`, `1 -- -`.
    pub(super) fn comment(&self, hits: &mut Vec<Hit>) {
        let Some(last) = self.tokens.len().checked_sub(1) else {
            return;
        };
        if self.kind(last) != Kind::Comment {
            return;
        }
        let after_quote = self.follows_breakout(last) && self.head_is_value() && self.is_cut(last);
        // `'=0--`: the value compared with what converts to it.
        let compares = self.quoted
            && matches!(self.kind(1), Kind::Cmp | Kind::Arith)
            && self.head_is_value()
            && self.is_cut(last)
            && self
                .expression(2)
                .is_some_and(|operand| operand.end == last && !operand.has_name);
        let after_number = !self.quoted
            && self.is_cut(last)
            && self.kind(0) == Kind::Number
            && self.word(last).starts_with(b"--")
            && (1..last).all(|index| matches!(self.kind(index), Kind::Close | Kind::Semi));
        let after_semicolon =
            self.quoted && self.is_cut(last) && last == 2 && self.kind(1) == Kind::Semi;
        if after_quote || compares || after_number || after_semicolon {
            hits.push(self.hit(&rules::COMMENT, 0, last));
        }
    }

    /// `'-'`, `'='`, `'^'`: operators between empty strings make a comparison true.
    pub(super) fn arithmetic(&self, hits: &mut Vec<Hit>) {
        let is_operator = matches!(self.kind(1), Kind::Arith | Kind::Cmp | Kind::Logic);
        let is_empty =
            |index: usize| trim(self.word(index)).len() <= 2 && self.kind(index) == Kind::Str;
        if self.quoted
            && self.tokens.len() == 3
            && is_operator
            && self.word(0).len() == 1
            && is_empty(2)
        {
            hits.push(self.hit(&rules::ARITHMETIC, 0, 2));
        }
    }
}
