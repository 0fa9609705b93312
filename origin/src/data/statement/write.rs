//! Statements that write, and those that look at what was written.
//!
//! Rows to change are found first, by key; what was written is looked at afterwards, in the same
//! transaction, by conditions that see it as it is now. Three short statements instead of a clever
//! one: each engine has its own limits to what a condition in `RETURNING` may ask.

use super::sql::Sql;
use crate::{
    data::{
        policy::{Caller, Policy},
        table::{Column, Table},
    },
    db::{Bound, Engine},
};

/// The key of a row, as text, in the order of the key's columns.
pub(crate) type Key = Vec<String>;

/// Rows of the same columns to be added; answers the key of each, and with `check` whether it
/// holds, which the row alone must be able to say.
pub(crate) fn insert(
    sql: &mut Sql,
    table: &Table,
    columns: &[&Column],
    rows: &[Vec<Bound>],
    check: Option<&Policy>,
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
        sql.push(") VALUES ").list(rows, ", ", |sql, row| {
            sql.push("(");
            sql.list(columns.iter().zip(row), ", ", |sql, (column, value)| {
                sql.bind_of(column, value.clone());
            });
            sql.push(")");
        });
    }
    sql.push(" RETURNING ");
    keys(sql, table);
    if check.is_some() {
        sql.push(", ");
        holds(sql, check, caller);
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

/// Deletes rows that `policy` still lets through: where they could not be locked, they may have changed.
pub(crate) fn delete(sql: &mut Sql, table: &Table, of: &[Key], policy: &Policy, caller: &Caller) {
    sql.push("DELETE FROM ").name(&table.name).push(" WHERE ");
    is_one_of(sql, table, of);
    sql.push(" AND ").policy(policy, caller);
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
    match &table.tenant {
        Some(tenant) => sql.as_text(|sql| {
            sql.name(tenant);
        }),
        None => sql.push("''"),
    };
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
