//! `order`: by which fields, in which direction.

use super::{DialectError, Field, scan::Scanner};

/// One term of `order`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub field: Field,
    /// The largest first.
    pub descending: bool,
    /// Where nulls go; unless told, they count as largest, as they do in `PostgreSQL`.
    pub nulls: Option<Nulls>,
}

/// Where nulls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Before all else.
    First,
    /// After all else.
    Last,
}

pub(super) fn parse(text: &str) -> Result<Vec<Order>, DialectError> {
    let mut scanner = Scanner::new("order", text);
    let mut terms = Vec::new();
    loop {
        terms.push(term(&mut scanner)?);
        if !scanner.eat_spaced(",") {
            scanner.expect_end("\",\" or end of input")?;
            return Ok(terms);
        }
    }
}

fn term(scanner: &mut Scanner<'_>) -> Result<Order, DialectError> {
    let field = scanner.field()?;
    if scanner.peek() == Some('(') {
        let feature = "ordering by a column of an embedded table";
        return Err(DialectError::Unsupported(feature.into()));
    }
    let (mut descending, mut nulls) = (None, None);
    while scanner.eat(".") {
        let mut ahead = scanner.clone();
        match ahead.take_while(|c| c.is_ascii_lowercase()) {
            "asc" if descending.is_none() && nulls.is_none() => descending = Some(false),
            "desc" if descending.is_none() && nulls.is_none() => descending = Some(true),
            "nullsfirst" if nulls.is_none() => nulls = Some(Nulls::First),
            "nullslast" if nulls.is_none() => nulls = Some(Nulls::Last),
            _ => return Err(scanner.fail("asc, desc, nullsfirst or nullslast")),
        }
        *scanner = ahead;
    }
    Ok(Order {
        field,
        descending: descending.unwrap_or(false),
        nulls,
    })
}
