//! Statements that exchange encrypted values for others of the same text.

use super::{
    sql::Sql,
    write::{bind_key, update},
};
use crate::{
    data::table::{Column, Table},
    db::Bound,
};

/// Of rows in the order of their keys, behind the row `after`: the key, the tenant, then of each
/// encrypted column what is stored, and its blind index. The key has one column.
pub(crate) fn sealed_values(
    sql: &mut Sql,
    table: &Table,
    columns: &[&Column],
    after: Option<&str>,
    rows: usize,
) {
    let Some(key) = table.key_columns().next() else {
        return;
    };
    sql.push("SELECT ");
    text(sql, Some(&key.name));
    sql.push(", ");
    text(sql, table.tenant.as_deref());
    for column in columns {
        sql.push(", ");
        text(sql, Some(&column.name));
        sql.push(", ");
        text(sql, column.blind_index.as_deref());
    }
    sql.push(" FROM ").name(&table.name);
    if let Some(after) = after {
        sql.push(" WHERE ").name(&key.name).push(" > ");
        bind_key(sql, key, after);
    }
    sql.push(" ORDER BY ").name(&key.name);
    sql.push(&format!(" LIMIT {rows}"));
}

fn text(sql: &mut Sql, column: Option<&str>) {
    match column {
        Some(column) => sql.as_text(|sql| {
            sql.name(column);
        }),
        None => sql.push("''"),
    };
}

/// Gives a row new values, if the column still holds what it held.
pub(crate) fn reseal(
    sql: &mut Sql,
    table: &Table,
    key: &str,
    (column, held): (&Column, &str),
    set: &[(&Column, Bound)],
) {
    update(sql, table, set, &[vec![key.to_owned()]]);
    sql.push(" AND ").name(&column.name).push(" = ");
    sql.bind_of(column, Bound::Text(held.to_owned()));
}
