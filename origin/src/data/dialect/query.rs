//! A query string as a whole: which parameter is which, and of which table.

use super::{
    DialectError, Embed, Filter, Item, Order, Window,
    error::shortened,
    filter,
    limit::ORDER_TERMS,
    order,
    scan::{Scanner, names},
    select, window,
};
use gapura_shared::parse::query::{Unreadable, decode_value, raw_pairs};

/// All that a query string asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What of the table, with the tables embedded in it.
    pub read: Read,
    /// `columns`: which columns a write takes of its body; `None` for those that it has.
    pub columns: Option<Vec<String>>,
    /// `on_conflict`: which columns tell whether a row is there already.
    pub on_conflict: Option<Vec<String>>,
}

/// What is read of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// In the order of the answer.
    pub select: Vec<Item>,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// The first counts most.
    pub order: Vec<Order>,
    /// `limit` and `offset`.
    pub window: Window,
}

impl Read {
    /// All rows, unordered.
    pub(super) const fn of(select: Vec<Item>) -> Self {
        Self {
            select,
            filters: Vec::new(),
            order: Vec::new(),
            window: Window {
                offset: 0,
                limit: None,
            },
        }
    }

    /// The tables embedded in it.
    pub fn embeds(&self) -> impl Iterator<Item = &Embed> {
        self.select.iter().filter_map(|item| match item {
            Item::Embed(embed) => Some(embed),
            _ => None,
        })
    }

    /// How many tables are shown within its rows, at all levels.
    #[must_use]
    pub fn embedded(&self) -> u64 {
        let shown = self.embeds().filter(|embed| !embed.read.select.is_empty());
        shown.map(|embed| 1 + embed.read.embedded()).sum()
    }

    /// What is read of the embedded table at the end of `path`, by alias or by name.
    fn find(&mut self, path: &[String]) -> Result<&mut Self, DialectError> {
        let Some((name, path)) = path.split_first() else {
            return Ok(self);
        };
        let embeds = self.select.iter_mut().filter_map(|item| match item {
            Item::Embed(embed) => Some(embed),
            _ => None,
        });
        let mut embeds: Vec<_> = embeds.collect();
        let by_label = embeds.iter().position(|embed| embed.label() == name);
        let found = by_label.or_else(|| embeds.iter().position(|embed| embed.table == *name));
        match found {
            Some(index) => embeds.swap_remove(index).read.find(path),
            None => Err(DialectError::NotEmbedded(name.clone())),
        }
    }
}

impl Query {
    /// Reads a query string as it was sent, still encoded.
    ///
    /// # Errors
    /// [`DialectError`]: what is malformed, unknown, given twice where it may be given once, or more
    /// than [`limit`](super::limit) allows.
    pub fn parse(query: &str) -> Result<Self, DialectError> {
        let pairs = raw_pairs(query).map(|(name, value)| Ok((decoded(name)?, decoded(value)?)));
        let pairs = pairs.collect::<Result<Vec<_>, DialectError>>()?;
        let (selects, others): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(name, _)| name == "select");
        let select = match selects.as_slice() {
            [] => vec![Item::All],
            [(_, text)] => select::parse(text)?,
            [_, (name, _), ..] => return Err(DialectError::Twice(name.clone())),
        };
        let mut reader = Reader {
            query: Self {
                read: Read::of(select),
                columns: None,
                on_conflict: None,
            },
            filters: filter::Parser::default(),
            order_terms: 0,
        };
        for (name, value) in &others {
            reader.parameter(name, value)?;
        }
        Ok(reader.query)
    }
}

struct Reader {
    query: Query,
    filters: filter::Parser,
    /// All tables together.
    order_terms: usize,
}

impl Reader {
    fn parameter(&mut self, name: &str, value: &str) -> Result<(), DialectError> {
        match name {
            "columns" => {
                let columns = names("columns parameter", value)?;
                set(&mut self.query.columns, name, columns)
            }
            "on_conflict" => {
                let columns = names("on_conflict parameter", value)?;
                set(&mut self.query.on_conflict, name, columns)
            }
            _ => self.of_a_table(name, value),
        }
    }

    /// `path.column`, or `path.` and one of the words `order`, `limit`, `offset`, `and`, `or`,
    /// `not.and`, `not.or`. A column of such a name is written in quotes.
    fn of_a_table(&mut self, name: &str, value: &str) -> Result<(), DialectError> {
        let mut scanner = Scanner::new("tree path", name);
        let mut path = Vec::new();
        loop {
            match scanner.rest() {
                "order" => return self.order(&path, name, value),
                "limit" => {
                    let limit = &mut self.query.read.find(&path)?.window.limit;
                    return set(limit, name, window::limit(value)?);
                }
                "offset" => {
                    let offset = &mut self.query.read.find(&path)?.window.offset;
                    // An offset of 0 says nothing.
                    refuse_second(*offset != 0, name)?;
                    *offset = window::offset(value)?;
                    return Ok(());
                }
                "and" => return self.logic(&path, false, false, value),
                "or" => return self.logic(&path, true, false, value),
                "not.and" => return self.logic(&path, false, true, value),
                "not.or" => return self.logic(&path, true, true, value),
                _ => {}
            }
            let field = scanner.field()?;
            if scanner.is_at_end() {
                let filter = self.filters.condition(&field, value)?;
                self.query.read.find(&path)?.filters.push(filter);
                return Ok(());
            }
            scanner.expect(".", "\".\" or end of input")?;
            path.push(field.name);
        }
    }

    fn order(&mut self, path: &[String], name: &str, value: &str) -> Result<(), DialectError> {
        let order = &mut self.query.read.find(path)?.order;
        refuse_second(!order.is_empty(), name)?;
        *order = order::parse(value)?;
        self.order_terms = self.order_terms.saturating_add(order.len());
        ORDER_TERMS.check(self.order_terms)
    }

    fn logic(
        &mut self,
        path: &[String],
        or: bool,
        negated: bool,
        value: &str,
    ) -> Result<(), DialectError> {
        let filter = self.filters.logic(or, value)?;
        let filters = &mut self.query.read.find(path)?.filters;
        filters.push(filter::negate_if(negated, filter));
        Ok(())
    }
}

/// What may be given once.
fn set<T>(known: &mut Option<T>, name: &str, value: T) -> Result<(), DialectError> {
    refuse_second(known.is_some(), name)?;
    *known = Some(value);
    Ok(())
}

fn refuse_second(is_second: bool, name: &str) -> Result<(), DialectError> {
    if is_second {
        return Err(DialectError::Twice(shortened(name)));
    }
    Ok(())
}

fn decoded(raw: &str) -> Result<String, DialectError> {
    let text = decode_value(raw).map_err(|unreadable| match unreadable {
        Unreadable::Percent => DialectError::Encoding("malformed percent-encoding"),
        Unreadable::Utf8 => DialectError::Encoding("not UTF-8"),
    })?;
    // No database keeps it, and some end a text there.
    if text.contains('\0') {
        return Err(DialectError::Encoding("a NUL character"));
    }
    Ok(text)
}
