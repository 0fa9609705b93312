//! The operators of conditions, and the values behind them.

use super::{
    Comparison, DialectError, Is, Search, Test,
    limit::{LIST_VALUES, NAME_BYTES, VALUE_BYTES},
    scan::Scanner,
};

/// Where a value stands, which says where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a parameter of its own: at the end of the text.
    Alone,
    /// In `and(…)` or `or(…)`: before `,` or `)`, or quoted.
    Member,
}

/// What one operation asks of a field.
#[derive(Debug)]
pub(super) enum Tests {
    One(Test),
    /// `operator(any).{…}`
    Any(Vec<Test>),
    /// `operator(all).{…}`
    All(Vec<Test>),
}

/// Operators of `PostgREST` that only `PostgreSQL` could serve.
const UNSUPPORTED: [&str; 11] = [
    "match",
    "imatch",
    "isdistinct",
    "cs",
    "cd",
    "ov",
    "sl",
    "sr",
    "nxr",
    "nxl",
    "adj",
];

enum Operator {
    Scalar(Scalar),
    In,
    Is,
    Search(Search),
}

enum Scalar {
    Compare(Comparison),
    Like { ignore_case: bool },
}

/// `operator(modifier).value`.
pub(super) fn operation(scanner: &mut Scanner<'_>, place: Place) -> Result<Tests, DialectError> {
    let operator = operator(scanner)?;
    let unmodified = scanner.clone();
    let modifier = modifier(scanner)?;
    scanner.expect(".", "\".\" and a value")?;
    let test = match (operator, modifier) {
        (Operator::Scalar(scalar), None) => scalar.test(value(scanner, place)?),
        (Operator::Scalar(scalar), Some("any")) => return scalar.tests(scanner).map(Tests::Any),
        (Operator::Scalar(scalar), Some("all")) => return scalar.tests(scanner).map(Tests::All),
        (Operator::In, None) => Test::In(list(scanner)?),
        (Operator::Is, None) => Test::Is(is(scanner)?),
        (Operator::Search(syntax), config) => Test::Search {
            syntax,
            config: config.map(str::to_owned),
            text: value(scanner, place)?,
        },
        _ => return Err(unmodified.fail("\".\" and a value")),
    };
    Ok(Tests::One(test))
}

fn operator(scanner: &mut Scanner<'_>) -> Result<Operator, DialectError> {
    let compare = |comparison| Operator::Scalar(Scalar::Compare(comparison));
    let like = |ignore_case| Operator::Scalar(Scalar::Like { ignore_case });
    let mut ahead = scanner.clone();
    let operator = match ahead.take_while(|c| c.is_ascii_lowercase()) {
        "eq" => compare(Comparison::Eq),
        "neq" => compare(Comparison::Neq),
        "gt" => compare(Comparison::Gt),
        "gte" => compare(Comparison::Gte),
        "lt" => compare(Comparison::Lt),
        "lte" => compare(Comparison::Lte),
        "like" => like(false),
        "ilike" => like(true),
        "in" => Operator::In,
        "is" => Operator::Is,
        "fts" => Operator::Search(Search::Operators),
        "plfts" => Operator::Search(Search::Words),
        "phfts" => Operator::Search(Search::Phrase),
        "wfts" => Operator::Search(Search::Web),
        name if UNSUPPORTED.contains(&name) => {
            return Err(DialectError::Unsupported(format!("the operator {name}")));
        }
        _ => return Err(scanner.fail("operator (eq, gt, ...)")),
    };
    *scanner = ahead;
    Ok(operator)
}

/// `(…)` behind an operator: a quantifier or the configuration of a search.
fn modifier<'a>(scanner: &mut Scanner<'a>) -> Result<Option<&'a str>, DialectError> {
    if !scanner.eat("(") {
        return Ok(None);
    }
    let word = scanner.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    NAME_BYTES.check(word.len())?;
    if word.is_empty() {
        return Err(scanner.fail("a modifier"));
    }
    scanner.expect(")", "\")\"")?;
    Ok(Some(word))
}

impl Scalar {
    fn test(&self, value: String) -> Test {
        match self {
            Self::Compare(comparison) => Test::Compare(*comparison, value),
            Self::Like { ignore_case } => Test::Like {
                // `%` is a nuisance to write in a URL.
                pattern: value.replace('*', "%"),
                ignore_case: *ignore_case,
            },
        }
    }

    fn tests(&self, scanner: &mut Scanner<'_>) -> Result<Vec<Test>, DialectError> {
        let values = elements(scanner, "{", "}")?;
        Ok(values.into_iter().map(|value| self.test(value)).collect())
    }
}

fn value(scanner: &mut Scanner<'_>, place: Place) -> Result<String, DialectError> {
    match place {
        Place::Alone => checked(scanner.take_rest().to_owned()),
        Place::Member => element(scanner, ")"),
    }
}

/// `(a,"b,c")`; `()` holds nothing.
fn list(scanner: &mut Scanner<'_>) -> Result<Vec<String>, DialectError> {
    if scanner.eat("()") {
        return Ok(Vec::new());
    }
    elements(scanner, "(", ")")
}

/// One value at least.
fn elements(
    scanner: &mut Scanner<'_>,
    open: &'static str,
    close: &'static str,
) -> Result<Vec<String>, DialectError> {
    scanner.expect(open, "a list of values in brackets")?;
    let mut values = Vec::new();
    loop {
        values.push(element(scanner, close)?);
        LIST_VALUES.check(values.len())?;
        if scanner.eat(close) {
            return Ok(values);
        }
        scanner.expect(",", "\",\" or the closing bracket")?;
    }
}

/// Quoted, or all up to `,` or `close`. A quote that does not close there is part of the value.
fn element(scanner: &mut Scanner<'_>, close: &'static str) -> Result<String, DialectError> {
    let mut ahead = scanner.clone();
    if let Ok(Some(value)) = ahead.quoted() {
        let after = ahead.rest();
        if after.is_empty() || after.starts_with(',') || after.starts_with(close) {
            *scanner = ahead;
            return checked(value);
        }
    }
    let value = scanner.take_while(|c| c != ',' && !close.contains(c));
    checked(value.to_owned())
}

fn checked(value: String) -> Result<String, DialectError> {
    VALUE_BYTES.check(value.len())?;
    Ok(value)
}

fn is(scanner: &mut Scanner<'_>) -> Result<Is, DialectError> {
    let mut ahead = scanner.clone();
    let word = ahead.take_while(|c| c.is_ascii_alphabetic() || c == '_');
    let is = match word.to_ascii_lowercase().as_str() {
        "null" => Is::Null,
        "not_null" => Is::NotNull,
        "true" => Is::True,
        "false" => Is::False,
        "unknown" => Is::Unknown,
        _ => return Err(scanner.fail("null, not_null, true, false or unknown")),
    };
    *scanner = ahead;
    Ok(is)
}
