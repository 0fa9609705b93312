//! `select`: which columns, and which tables embedded in each row.

use super::{
    DialectError, Field, Read,
    limit::{COPIES, EMBED_DEPTH, EMBEDS, ITEMS, NAME_BYTES},
    scan::Scanner,
};
use std::collections::BTreeSet;

/// One item of `select`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// `*`: every column that may be read.
    All,
    /// `alias:column->json::cast`.
    Column {
        /// What is read. A `count` that is no column of the table is for its reader to judge.
        field: Field,
        /// The type, as written.
        cast: Option<String>,
        /// Its name in the answer.
        alias: Option<String>,
    },
    /// `alias:table!hint!inner(…)`.
    Embed(Embed),
}

/// A table embedded in the rows of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    /// The table, or the column that refers to it.
    pub table: String,
    /// The foreign key to follow, or one of its columns.
    pub hint: Option<String>,
    /// Whether rows without a match stay.
    pub join: Join,
    /// Its name in the answer.
    pub alias: Option<String>,
    /// What is read of it, which rows, in which order.
    pub read: Read,
}

/// What an embedded table does to the rows that have no match in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// They stay.
    Left,
    /// They go.
    Inner,
}

impl Item {
    /// The name in the answer; `None` for `*`.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Column { field, alias, .. } => Some(alias.as_deref().unwrap_or(field.label())),
            Self::Embed(embed) => Some(embed.label()),
        }
    }
}

impl Embed {
    /// The name in the answer.
    #[must_use]
    pub fn label(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.table)
    }
}

/// Reads `select`. An empty text is no column at all, as `PostgREST` has it.
pub(super) fn parse(text: &str) -> Result<Vec<Item>, DialectError> {
    let scanner = Scanner::new("select parameter", text);
    let mut parser = Parser {
        scanner,
        items: 0,
        embeds: 0,
    };
    let items = parser.items(0)?;
    parser.scanner.expect_end("\",\" or end of input")?;
    Ok(items)
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    /// All levels together.
    items: usize,
    /// Those of them that are tables.
    embeds: usize,
}

impl Parser<'_> {
    /// Up to the end or the `)` of the level.
    fn items(&mut self, depth: usize) -> Result<Vec<Item>, DialectError> {
        let mut items = Vec::new();
        if self.scanner.is_at_end() || self.scanner.peek() == Some(')') {
            return Ok(items);
        }
        loop {
            self.items = self.items.saturating_add(1);
            ITEMS.check(self.items)?;
            let item = self.item(depth)?;
            match &item {
                Item::Embed(embed) => refuse_second(&items, embed.label())?,
                Item::Column { field, .. } => refuse_fifth(&items, &item, field)?,
                Item::All => {}
            }
            items.push(item);
            if !self.scanner.eat_spaced(",") {
                return Ok(items);
            }
        }
    }

    fn item(&mut self, depth: usize) -> Result<Item, DialectError> {
        if self.scanner.eat_spaced("...") {
            let feature = "spreading an embedded table into its parent";
            return Err(DialectError::Unsupported(feature.into()));
        }
        if self.scanner.eat_spaced("*") {
            return Ok(Item::All);
        }
        let (alias, name) = self.alias_and_name()?;
        match self.scanner.peek() {
            // An aggregate looks like a table of nothing.
            Some('(') if name == "count" && self.scanner.rest().starts_with("()") => {
                Err(DialectError::Aggregate)
            }
            Some('.') => Err(DialectError::Aggregate),
            Some('!' | '(') => self.embed(depth, alias, name).map(Item::Embed),
            _ => self.column(alias, name),
        }
    }

    fn alias_and_name(&mut self) -> Result<(Option<String>, String), DialectError> {
        let first = self.scanner.name()?;
        // `::` begins a cast.
        if self.scanner.rest().starts_with("::") || !self.scanner.eat(":") {
            return Ok((None, first));
        }
        Ok((Some(first), self.scanner.name()?))
    }

    fn column(&mut self, alias: Option<String>, name: String) -> Result<Item, DialectError> {
        let field = self.scanner.json_path(name)?;
        let cast = if self.scanner.eat("::") {
            Some(self.cast()?)
        } else {
            None
        };
        if self.scanner.peek() == Some('.') {
            return Err(DialectError::Aggregate);
        }
        Ok(Item::Column { field, cast, alias })
    }

    fn cast(&mut self) -> Result<String, DialectError> {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ');
        let cast = self.scanner.take_while(word).trim();
        if cast.is_empty() {
            return Err(self.scanner.fail("the name of a type"));
        }
        NAME_BYTES.check(cast.len())?;
        Ok(cast.to_owned())
    }

    fn embed(
        &mut self,
        depth: usize,
        alias: Option<String>,
        table: String,
    ) -> Result<Embed, DialectError> {
        let depth = depth.saturating_add(1);
        EMBED_DEPTH.check(depth)?;
        self.embeds = self.embeds.saturating_add(1);
        EMBEDS.check(self.embeds)?;
        let (mut hint, mut join) = (None, None);
        while self.scanner.eat("!") {
            let word = self.scanner.name()?;
            match word.as_str() {
                "inner" if join.is_none() => join = Some(Join::Inner),
                "left" if join.is_none() => join = Some(Join::Left),
                _ if hint.is_none() => hint = Some(word),
                _ => return Err(self.scanner.fail("\"(\"")),
            }
        }
        self.scanner.expect("(", "\"(\"")?;
        self.scanner.take_while(|c| c == ' ');
        let select = self.items(depth)?;
        self.scanner.expect(")", "\",\" or \")\"")?;
        Ok(Embed {
            table,
            hint,
            join: join.unwrap_or(Join::Left),
            alias,
            read: Read::of(select),
        })
    }
}

/// A row would be as many times as large as it is.
fn refuse_fifth(items: &[Item], next: &Item, shown: &Field) -> Result<(), DialectError> {
    let same = |item: &&Item| matches!(item, Item::Column { field, .. } if field == shown);
    let all = items.iter().filter(same).chain([next]);
    COPIES.check(all.map(Item::label).collect::<BTreeSet<_>>().len())
}

/// Two of one name could not be told apart, in the answer as in a path.
fn refuse_second(items: &[Item], name: &str) -> Result<(), DialectError> {
    let same = |item: &Item| matches!(item, Item::Embed(embed) if embed.label() == name);
    if items.iter().any(same) {
        return Err(DialectError::Twice(name.to_owned()));
    }
    Ok(())
}
