//! Statements that read: rows as JSON that the database builds, tables within tables.
//!
//! Guarantees: a row is looked for among those that the caller's policy lets through, at every
//! level; each level answers at most as many rows as its table allows. `found` says which rows,
//! `shown` what of them.

mod found;
mod shown;

use super::{
    Level, Scope, filter, json,
    room::Room,
    sql::Sql,
    write::{self, Key},
};
use crate::{
    data::{
        dialect::{Embed, Item, Read},
        error::DataError,
        policy::Policy,
        table::Table,
    },
    db::Engine,
};
use found::limit;
use shown::{Member, seal};

/// Where in a row the origin has something to decrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A member that holds what was stored, and where.
    Field {
        /// The member's name.
        label: String,
        /// The table it is of.
        table: String,
        /// The column it is of.
        column: String,
    },
    /// Within a member that holds a row, or a list of them.
    Within {
        /// The member's name.
        label: String,
        /// There.
        spots: Vec<Self>,
    },
}

/// A column of CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Its name in the first line.
    pub(crate) label: String,
    /// Table and column, when it is to be decrypted.
    pub(crate) sealed: Option<(String, String)>,
}

/// Rows of a table as JSON objects, a text each. With `only`, nothing but the rows of these keys,
/// each preceded by its key's columns. The statement fails where they need more than `room`.
///
/// # Errors
/// [`DataError`].
pub(crate) fn rows<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    table: &'a Table,
    read: &'a Read,
    only: Option<&[Key]>,
    room: Room,
) -> Result<Vec<Spot>, DataError> {
    let embedded = read.embedded();
    let mut writer = Writer::new(sql, scope);
    writer.room = room.shared_by(embedded);
    if embedded > 0 {
        writer.room.begin(writer.sql);
    }
    let level = writer.level(table, &read.select);
    // The other engines send a row when the one before it has been taken.
    let runs_ahead = writer.sql.engine() == Engine::Sqlite;
    let is_held = runs_ahead && (embedded > 0 || only.is_some());
    if is_held {
        writer.sql.push("SELECT ");
        let keys = only.map_or(0, |_| table.key.len());
        writer.sql.list(0..keys, "", |sql, at| {
            sql.push(&format!("e.k{at}, "));
        });
        writer.sql.push("e.j FROM ");
        room.whole().open(writer.sql);
    }
    writer.sql.push("SELECT ");
    if only.is_some() {
        keys_of(writer.sql, &level);
        writer.sql.push(", ");
    }
    writer.sql.push("CAST(");
    let spots = writer.object(&level, read)?;
    writer.sql.push(text_type(writer.sql.engine()));
    writer.sql.push(" AS j");
    writer.which(&level, read, only)?;
    if is_held {
        let rows = match only {
            Some(keys) => u64::try_from(keys.len()).unwrap_or(u64::MAX),
            None => limit(table, read),
        };
        if only.is_some() {
            writer.sql.push(&format!(" LIMIT {rows}"));
        }
        room.whole().close(writer.sql, rows);
    }
    Ok(spots)
}

/// Rows of a table as lines of CSV: a text for each column. With `only` as [`rows`].
///
/// # Errors
/// [`DataError`].
pub(crate) fn cells<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    table: &'a Table,
    read: &'a Read,
    only: Option<&[Key]>,
) -> Result<Vec<Cell>, DataError> {
    let mut writer = Writer::new(sql, scope);
    let level = writer.level(table, &read.select);
    let mut cells = Vec::new();
    let members = writer.members(&level, &read.select)?;
    if members.is_empty() {
        return Err(DataError::Unsupported("CSV of no column".into()));
    }
    writer.sql.push("SELECT ");
    if only.is_some() {
        keys_of(writer.sql, &level);
        writer.sql.push(", ");
    }
    for (at, member) in members.iter().enumerate() {
        let Member::Column {
            label,
            column,
            field,
            cast,
        } = member
        else {
            return Err(DataError::Unsupported(
                "CSV holds no tables within tables".into(),
            ));
        };
        if at > 0 {
            writer.sql.push(", ");
        }
        match (*field, *cast) {
            // Of numbers, too, the text comes.
            (field, Some(cast)) if !column.encrypted => {
                writer.sql.push("CAST(");
                writer.cast(&level, column, field, cast)?;
                writer.sql.push(text_type(writer.sql.engine()));
            }
            (Some(field), _) => filter::inside(writer.sql, &level, column, field, true)?,
            (None, _) if column.encrypted => {
                writer.sql.push("CAST(");
                seal(writer.sql, &level, column);
                writer.sql.push(text_type(writer.sql.engine()));
            }
            (None, _) => json::text(writer.sql, &level.alias, column),
        }
        cells.push(Cell {
            label: (*label).to_owned(),
            sealed: column
                .encrypted
                .then(|| (table.name.clone(), column.name.clone())),
        });
    }
    writer.which(&level, read, only)?;
    Ok(cells)
}

/// How many rows there are, whatever the page.
///
/// # Errors
/// [`DataError`].
pub(crate) fn count<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    table: &'a Table,
    read: &'a Read,
) -> Result<(), DataError> {
    let mut writer = Writer::new(sql, scope);
    let level = writer.level(table, &read.select);
    writer.sql.push("SELECT ");
    writer.sql.as_text(|sql| {
        sql.push("COUNT(*)");
    });
    writer.from(&level)?;
    writer.conditions(&level, read)
}

/// The keys of rows to be changed or deleted, and their tenants: those that may be seen, that
/// `policy` lets through and that the filters name. One more than `most`, if there are as many. With
/// `versions`, PostgreSQL tells the version of each row, too.
///
/// # Errors
/// [`DataError`].
pub(crate) fn targets<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    table: &'a Table,
    read: &'a Read,
    policy: &Policy,
    most: u64,
    versions: bool,
) -> Result<(), DataError> {
    let mut writer = Writer::new(sql, scope);
    let mut level = writer.level(table, &read.select);
    // MariaDB locks no rows of a table within the table, and there PostgreSQL knows no versions.
    let is_direct = writer.sql.engine() != Engine::Sqlite;
    if is_direct {
        level.alias.clone_from(&table.name);
    }
    writer.sql.push("SELECT ");
    keys_of(writer.sql, &level);
    writer.sql.push(", ");
    match &table.tenant {
        Some(tenant) => writer.sql.as_text(|sql| {
            sql.of(&level.alias, tenant);
        }),
        None => writer.sql.push("''"),
    };
    if versions {
        writer.sql.push(", ");
        write::version(writer.sql);
    }
    writer.sql.push(" FROM ");
    if is_direct {
        let select = scope.policy(table, |rules| rules.select.as_ref())?;
        writer.sql.name(&table.name);
        writer.conditions(&level, read)?;
        writer.sql.push(" AND ").policy(select, scope.caller);
        writer.sql.push(" AND ").policy(policy, scope.caller);
    } else {
        writer.among(&level, Some(policy))?;
        writer.conditions(&level, read)?;
    }
    filter::order(writer.sql, &level, &read.order)?;
    let asked = read.window.limit.unwrap_or(u64::MAX);
    let most = asked.min(most.saturating_add(1));
    writer.sql.push(&format!(" LIMIT {most}"));
    writer.offset(read);
    Ok(())
}

/// Whether there is a row of a table embedded at `outer`.
///
/// # Errors
/// [`DataError`].
pub(super) fn embeds<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    outer: &Level<'a>,
    embed: &'a Embed,
) -> Result<(), DataError> {
    let number = outer.alias.strip_prefix('t');
    let number: Option<usize> = number.and_then(|number| number.parse().ok());
    let mut writer = Writer {
        sql,
        scope,
        // Nothing of them is shown.
        room: Room::new(0),
        // Those further out have smaller numbers.
        aliases: number.map_or(0, |number| number + 1),
    };
    writer.exists(outer, embed)
}

struct Writer<'s, 'a> {
    sql: &'s mut Sql,
    scope: &'s Scope<'a>,
    room: Room,
    aliases: usize,
}

impl<'s, 'a> Writer<'s, 'a> {
    fn new(sql: &'s mut Sql, scope: &'s Scope<'a>) -> Self {
        Self {
            sql,
            scope,
            room: Room::new(0),
            aliases: 0,
        }
    }

    fn level(&mut self, table: &'a Table, select: &'a [Item]) -> Level<'a> {
        let alias = format!("t{}", self.aliases);
        self.aliases += 1;
        Level {
            table,
            alias,
            select,
        }
    }
}

fn text_type(engine: Engine) -> &'static str {
    if engine == Engine::MySql {
        " AS CHAR)"
    } else {
        " AS TEXT)"
    }
}

fn keys_of(sql: &mut Sql, level: &Level<'_>) {
    sql.list(
        level.table.key_columns().enumerate(),
        ", ",
        |sql, (at, column)| {
            sql.as_text(|sql| {
                sql.of(&level.alias, &column.name);
            });
            sql.push(&format!(" AS k{at}"));
        },
    );
}
