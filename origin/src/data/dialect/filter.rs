//! Conditions: `column=operator.value`, and trees of them in `and=(…)` and `or=(…)`.

use super::{
    DialectError, Field,
    limit::{CONDITIONS, LOGIC_DEPTH, PATTERN_BYTES, SEARCH_WORDS},
    scan::Scanner,
    value::{Place, Tests, operation},
};

/// Which rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them hold.
    And(Vec<Self>),
    /// One of them holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// One condition.
    Condition(Condition),
}

/// What must hold for a field. A name that is no column may be that of an embedded table, for
/// `is.null` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Of what.
    pub field: Field,
    /// What.
    pub test: Test,
}

/// What a value is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// `eq`, `neq`, `gt`, `gte`, `lt`, `lte`.
    Compare(Comparison, String),
    /// `like` and `ilike`.
    Like {
        /// `%` and `_` are wildcards, `\` makes them themselves.
        pattern: String,
        /// `ilike`.
        ignore_case: bool,
    },
    /// `in.(…)`: equal to one of these; to none, where there are none.
    In(Vec<String>),
    /// `is.…`.
    Is(Is),
    /// `fts` and its like.
    Search {
        /// How the text is read.
        syntax: Search,
        /// `fts(english)`: the configuration of the text search.
        config: Option<String>,
        /// What is searched for.
        text: String,
    },
}

/// An operator that compares with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `<>`
    Neq,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// `<`
    Lt,
    /// `<=`
    Lte,
}

/// What `is` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// Null.
    Null,
    /// Not null.
    NotNull,
    /// True.
    True,
    /// False.
    False,
    /// A boolean that is null.
    Unknown,
}

/// How the text of a search is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// `fts`: with operators (`to_tsquery`).
    Operators,
    /// `plfts`: every word (`plainto_tsquery`).
    Words,
    /// `phfts`: the words in this order (`phraseto_tsquery`).
    Phrase,
    /// `wfts`: as web searches are written (`websearch_to_tsquery`).
    Web,
}

/// The conditions of one request, the bytes of their patterns and the words of their searches, counted.
#[derive(Debug, Default)]
pub(super) struct Parser {
    conditions: usize,
    pattern_bytes: usize,
    search_words: usize,
}

impl Parser {
    /// The value of `column=`.
    pub(super) fn condition(&mut self, field: &Field, value: &str) -> Result<Filter, DialectError> {
        let mut scanner = Scanner::new("filter", value);
        let filter = self.operation(&mut scanner, field, Place::Alone)?;
        scanner.expect_end("end of input")?;
        Ok(filter)
    }

    /// The value of `and=` or `or=`.
    pub(super) fn logic(&mut self, or: bool, value: &str) -> Result<Filter, DialectError> {
        let mut scanner = Scanner::new("logic tree", value);
        scanner.expect("(", "\"(\"")?;
        let filter = self.members(&mut scanner, or, 1)?;
        scanner.expect_end("end of input")?;
        Ok(filter)
    }

    /// Behind `(`, up to and with `)`.
    fn members(
        &mut self,
        scanner: &mut Scanner<'_>,
        or: bool,
        depth: usize,
    ) -> Result<Filter, DialectError> {
        LOGIC_DEPTH.check(depth)?;
        let mut members = Vec::new();
        loop {
            scanner.take_while(|c| c == ' ');
            members.push(self.member(scanner, depth)?);
            if scanner.eat_spaced(")") {
                return Ok(if or {
                    Filter::Or(members)
                } else {
                    Filter::And(members)
                });
            }
            if !scanner.eat_spaced(",") {
                return Err(scanner.fail("\",\" or \")\""));
            }
        }
    }

    fn member(&mut self, scanner: &mut Scanner<'_>, depth: usize) -> Result<Filter, DialectError> {
        for (start, negated, or) in [
            ("and(", false, false),
            ("or(", false, true),
            ("not.and(", true, false),
            ("not.or(", true, true),
        ] {
            if scanner.eat(start) {
                let filter = self.members(scanner, or, depth.saturating_add(1))?;
                return Ok(negate_if(negated, filter));
            }
        }
        let field = scanner.field()?;
        scanner.expect(".", "\".\" and an operator")?;
        self.operation(scanner, &field, Place::Member)
    }

    /// `not.operator(modifier).value`.
    fn operation(
        &mut self,
        scanner: &mut Scanner<'_>,
        field: &Field,
        place: Place,
    ) -> Result<Filter, DialectError> {
        let negated = scanner.eat("not.");
        let filter = match operation(scanner, place)? {
            Tests::One(test) => self.one(field, test)?,
            Tests::Any(tests) => Filter::Or(self.each(field, tests)?),
            Tests::All(tests) => Filter::And(self.each(field, tests)?),
        };
        Ok(negate_if(negated, filter))
    }

    fn each(&mut self, field: &Field, tests: Vec<Test>) -> Result<Vec<Filter>, DialectError> {
        let tests = tests.into_iter();
        tests.map(|test| self.one(field, test)).collect()
    }

    fn one(&mut self, field: &Field, test: Test) -> Result<Filter, DialectError> {
        self.conditions = self.conditions.saturating_add(1);
        CONDITIONS.check(self.conditions)?;
        if let Test::Like { pattern, .. } = &test {
            self.pattern_bytes = self.pattern_bytes.saturating_add(pattern.len());
            PATTERN_BYTES.check(self.pattern_bytes)?;
        }
        if let Test::Search { text, .. } = &test {
            let words = text.split(|c: char| !c.is_alphanumeric());
            let words = words.filter(|word| !word.is_empty()).count();
            self.search_words = self.search_words.saturating_add(words);
            SEARCH_WORDS.check(self.search_words)?;
        }
        Ok(Filter::Condition(Condition {
            field: field.clone(),
            test,
        }))
    }
}

pub(super) fn negate_if(negated: bool, filter: Filter) -> Filter {
    if negated {
        Filter::Not(Box::new(filter))
    } else {
        filter
    }
}
