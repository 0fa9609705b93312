//! Statements that write, and those that look at what was written.
//!
//! What a caller may not write is refused before it is written, where a condition can be asked of it:
//! else the unique indexes would tell of rows that are none of the caller's.
//!
//! Rows to change are found first, by key; what was written is looked at afterwards, in the same
//! transaction, by conditions that see it as it is now. Three short statements instead of a clever
//! one: each engine has its own limits to what a condition in `RETURNING` may ask.

use super::sql::Sql;
use crate::{
    data::{
        kind::Kind,
        policy::{Caller, Policy},
        table::{Column, Table},
    },
    db::{Bound, Engine, Filling},
};
use std::collections::BTreeSet;

/// The key of a row, as text, in the order of the key's columns.
pub(crate) type Key = Vec<String>;

/// Rows of the same columns to be added; answers the key of each that `policy` lets through, as far
/// as it can be asked beforehand, its tenant where a column is encrypted, and whether the row as written
/// is such, where it can tell alone.
pub(crate) fn insert(
    sql: &mut Sql,
    table: &Table,
    columns: &[&Column],
    rows: &[Vec<Bound>],
    policy: &Policy,
    caller: &Caller,
) {
    sql.push("INSERT INTO ").name(&table.name);
    if columns.is_empty() {
        // One row: there is no way to say more of them.
        sql.push(if sql.engine() == Engine::MySql {
            " () VALUES ()"
        } else {
            " DEFAULT VALUES"
        });
    } else {
        sql.push(" (").list(columns, ", ", |sql, column| {
            sql.name(&column.name);
        });
        sql.push(") ");
        let more = unsaid(table, columns, policy);
        if let Some(more) = more.filter(|_| !are_own(columns, rows, policy, caller)) {
            sql.push("SELECT ").list(columns, ", ", |sql, column| {
                sql.name(&column.name);
            });
            proposed(sql, table, columns, rows, &more);
            // As a value: a join of the policy's tables would bring the rows into another order.
            sql.push(" WHERE ");
            holds(sql, Some(policy), caller);
            sql.push(" = 'y'");
        } else {
            values(sql, columns, rows, &[]);
        }
    }
    sql.push(" RETURNING ");
    keys(sql, table);
    if table.is_encrypted() {
        sql.push(", ");
        tenant(sql, table);
    }
    if policy.is_row_local {
        sql.push(", ");
        holds(sql, Some(policy), caller);
    }
}

/// Of each row to be added, whether `policy` lets it through; `false`: it cannot be asked.
pub(crate) fn foresee(
    sql: &mut Sql,
    table: &Table,
    columns: &[&Column],
    rows: &[Vec<Bound>],
    policy: &Policy,
    caller: &Caller,
) -> bool {
    let Some(more) = unsaid(table, columns, policy) else {
        return false;
    };
    sql.push("SELECT ");
    holds(sql, Some(policy), caller);
    proposed(sql, table, columns, rows, &more);
    true
}

/// Of each row to be changed, whether `policy` lets it through as it would be.
pub(crate) fn foresee_change(
    sql: &mut Sql,
    table: &Table,
    set: &[(&Column, Bound)],
    of: &[Key],
    policy: &Policy,
    caller: &Caller,
) {
    sql.push("SELECT ");
    holds(sql, Some(policy), caller);
    sql.push(" FROM (SELECT ");
    sql.list(&table.columns, ", ", |sql, column| {
        let new = set.iter().find(|(one, _)| one.name == column.name);
        match new {
            Some((_, value)) => would_be(sql, column, value),
            None => {
                sql.name(&column.name);
            }
        }
        sql.push(" AS ").name(&column.name);
    });
    sql.push(" FROM ").name(&table.name).push(" WHERE ");
    is_one_of(sql, table, of);
    sql.push(") AS ").name(&table.name);
}

/// A value, compared as one of the column is.
fn would_be(sql: &mut Sql, column: &Column, value: &Bound) {
    match sql.engine() {
        Engine::Sqlite => {
            sql.push("CAST(").bind_of(column, value.clone());
            sql.push(" AS ").push(affinity(column)).push(")");
        }
        // Its collation is the column's then.
        Engine::MySql if matches!(column.kind, Kind::Text | Kind::Uuid) => {
            sql.push("IF(TRUE, ").bind_of(column, value.clone());
            sql.push(", ").name(&column.name).push(")");
        }
        Engine::Postgres | Engine::MySql => {
            sql.bind_of(column, value.clone());
        }
    }
}

/// Whether `policy` is that a column holds what the caller's token says, and it does in all rows: then
/// nothing need be asked, which on MariaDB takes a table on the disk.
fn are_own(columns: &[&Column], rows: &[Vec<Bound>], policy: &Policy, caller: &Caller) -> bool {
    let Some((name, claim)) = policy.own() else {
        return false;
    };
    let is_own = |column: &Column, value: &Bound| {
        column.name == name
            && matches!(column.kind, Kind::Text | Kind::Uuid)
            && matches!(value, Bound::Text(text) if caller.claim(claim) == Some(text))
    };
    rows.iter().all(|row| {
        let mut cells = columns.iter().zip(row);
        cells.any(|(column, value)| is_own(column, value))
    })
}

/// The columns that `policy` is about and nobody says: they will be NULL. `None`: it cannot be asked
/// beforehand, for the database will fill one of them.
fn unsaid<'t>(table: &'t Table, columns: &[&Column], policy: &Policy) -> Option<Vec<&'t Column>> {
    let said = |name: &String| columns.iter().any(|column| column.name == *name);
    let named = policy.columns.as_ref()?.iter().filter(|name| !said(name));
    let more = named.map(|name| {
        table
            .column(name)
            .filter(|column| column.filling == Filling::Nothing)
    });
    more.collect()
}

/// Rows that are not there yet, under the table's name and with its columns' ways to compare.
fn proposed(
    sql: &mut Sql,
    table: &Table,
    columns: &[&Column],
    rows: &[Vec<Bound>],
    more: &[&Column],
) {
    let all: Vec<&Column> = columns.iter().chain(more).copied().collect();
    match sql.engine() {
        Engine::Postgres => {
            sql.push(" FROM (");
            values(sql, columns, rows, more);
            sql.push(") AS ").name(&table.name).push(" (");
            sql.list(all, ", ", |sql, column| {
                sql.name(&column.name);
            });
            sql.push(")");
        }
        Engine::Sqlite => {
            sql.push(" FROM (SELECT ");
            sql.list(all.iter().enumerate(), ", ", |sql, (at, column)| {
                sql.push(&format!("CAST(column{} AS {})", at + 1, affinity(column)));
                sql.push(" AS ").name(&column.name);
            });
            sql.push(" FROM (");
            values(sql, columns, rows, more);
            sql.push(")) AS ").name(&table.name);
        }
        Engine::MySql => {
            sql.push(" FROM (SELECT ");
            sql.list(all, ", ", |sql, column| {
                sql.name(&column.name);
            });
            sql.push(" FROM ").name(&table.name);
            sql.push(" WHERE FALSE UNION ALL ");
            values(sql, columns, rows, more);
            sql.push(") AS ").name(&table.name);
        }
    }
}

/// `VALUES`, with NULL for `more` columns.
fn values(sql: &mut Sql, columns: &[&Column], rows: &[Vec<Bound>], more: &[&Column]) {
    sql.push("VALUES ").list(rows, ", ", |sql, row| {
        sql.push("(");
        let said = columns.iter().copied().zip(row.iter().cloned());
        let more = more.iter().map(|column| (*column, Bound::Null));
        sql.list(said.chain(more), ", ", |sql, (column, value)| {
            sql.bind_of(column, value);
        });
        sql.push(")");
    });
}

/// What a column of SQLite that holds this prefers. No value that was read for it is changed.
const fn affinity(column: &Column) -> &'static str {
    match column.kind {
        Kind::Integer => "INTEGER",
        Kind::Number | Kind::Boolean => "NUMERIC",
        Kind::Text | Kind::Uuid | Kind::Timestamp | Kind::Date | Kind::Json | Kind::Native => {
            "TEXT"
        }
    }
}

/// Ends a statement that finds rows to change. SQLite has one writer at a time anyway.
pub(crate) fn lock(sql: &mut Sql) {
    if sql.engine() != Engine::Sqlite {
        sql.push(" FOR UPDATE");
    }
}

/// Gives rows new values.
pub(crate) fn update(sql: &mut Sql, table: &Table, set: &[(&Column, Bound)], of: &[Key]) {
    sql.push("UPDATE ").name(&table.name).push(" SET ");
    sql.list(set, ", ", |sql, (column, value)| {
        sql.name(&column.name).push(" = ");
        sql.bind_of(column, value.clone());
    });
    sql.push(" WHERE ");
    is_one_of(sql, table, of);
}

/// Deletes rows that `policy` still lets through; where they could not be locked, those that still are
/// of one of `versions`.
pub(crate) fn delete(
    sql: &mut Sql,
    table: &Table,
    of: &[Key],
    policy: &Policy,
    caller: &Caller,
    versions: &BTreeSet<String>,
) {
    sql.push("DELETE FROM ").name(&table.name).push(" WHERE ");
    is_one_of(sql, table, of);
    sql.push(" AND ").policy(policy, caller);
    if !versions.is_empty() {
        sql.push(" AND ");
        is_still(sql, versions);
    }
}

/// Which of these rows are there still, and whether of one of `versions`.
pub(crate) fn kept(sql: &mut Sql, table: &Table, of: &[Key], versions: &BTreeSet<String>) {
    sql.push("SELECT ");
    keys(sql, table);
    sql.push(", ");
    if versions.is_empty() {
        sql.push("'y'");
    } else {
        sql.flag(|sql| is_still(sql, versions));
    }
    sql.push(" FROM ").name(&table.name).push(" WHERE ");
    is_one_of(sql, table, of);
}

/// The transaction that wrote a row of PostgreSQL. None that commits after a statement has begun has
/// written a row that the statement sees.
pub(crate) fn version(sql: &mut Sql) {
    sql.push("CAST(xmin AS TEXT)");
}

fn is_still(sql: &mut Sql, versions: &BTreeSet<String>) {
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    version(sql);
    sql.push(" = ANY(string_to_array(");
    sql.bind(Bound::Text(versions.join(",")));
    sql.push(", ','))");
}

/// Of each row: its key, then whether each condition holds.
pub(crate) fn look(
    sql: &mut Sql,
    table: &Table,
    of: &[Key],
    asked: &[Option<&Policy>],
    caller: &Caller,
) {
    keys_and_flags(sql, table, asked, caller);
    is_one_of(sql, table, of);
}

/// Finds the row that a new one would collide with: its key and tenant, then whether each condition
/// holds.
pub(crate) fn colliding(
    sql: &mut Sql,
    table: &Table,
    with: &[(&Column, Bound)],
    asked: &[Option<&Policy>],
    caller: &Caller,
) {
    sql.push("SELECT ");
    keys(sql, table);
    sql.push(", ");
    tenant(sql, table);
    flags(sql, table, asked, caller);
    sql.list(with, " AND ", |sql, (column, value)| {
        sql.name(&column.name).push(" = ");
        sql.bind_of(column, value.clone());
    });
    sql.push(" LIMIT 1");
}

/// Up to `WHERE`.
fn keys_and_flags(sql: &mut Sql, table: &Table, asked: &[Option<&Policy>], caller: &Caller) {
    sql.push("SELECT ");
    keys(sql, table);
    flags(sql, table, asked, caller);
}

fn flags(sql: &mut Sql, table: &Table, asked: &[Option<&Policy>], caller: &Caller) {
    for policy in asked {
        sql.push(", ");
        holds(sql, *policy, caller);
    }
    sql.push(" FROM ").name(&table.name).push(" WHERE ");
}

fn holds(sql: &mut Sql, policy: Option<&Policy>, caller: &Caller) {
    match policy {
        Some(policy) => sql.flag(|sql| {
            sql.policy(policy, caller);
        }),
        None => sql.push("'n'"),
    };
}

/// The key's columns as text, separated by commas.
pub(crate) fn keys(sql: &mut Sql, table: &Table) {
    sql.list(table.key_columns(), ", ", |sql, column| {
        sql.as_text(|sql| {
            sql.name(&column.name);
        });
    });
}

fn tenant(sql: &mut Sql, table: &Table) {
    match &table.tenant {
        Some(tenant) => sql.as_text(|sql| {
            sql.name(tenant);
        }),
        None => sql.push("''"),
    };
}

/// Whether a row's key is one of `keys`, which are not empty.
pub(crate) fn is_one_of(sql: &mut Sql, table: &Table, keys: &[Key]) {
    let columns: Vec<&Column> = table.key_columns().collect();
    if let [column] = columns.as_slice() {
        sql.name(&column.name).push(" IN (");
        sql.list(keys.iter().flatten(), ", ", |sql, part| {
            bind_key(sql, column, part);
        });
        sql.push(")");
        return;
    }
    sql.push("(").list(keys, " OR ", |sql, key| {
        sql.push("(");
        sql.list(columns.iter().zip(key), " AND ", |sql, (column, part)| {
            sql.name(&column.name).push(" = ");
            bind_key(sql, column, part);
        });
        sql.push(")");
    });
    sql.push(")");
}

/// A part of a key as the database told it.
pub(super) fn bind_key(sql: &mut Sql, column: &Column, part: &str) {
    let value = column.kind.read_text(part);
    let value = value.unwrap_or_else(|_| Bound::Text(part.to_owned()));
    sql.bind_of(column, value);
}
