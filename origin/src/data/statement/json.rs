//! Columns as members of JSON, built by the database. One form for a kind, on every engine.

use super::sql::Sql;
use crate::{
    data::{kind::Kind, table::Column},
    db::Engine,
};

/// A column as a value of JSON.
pub(crate) fn value(sql: &mut Sql, alias: &str, column: &Column) {
    let plain = |sql: &mut Sql| {
        sql.of(alias, &column.name);
    };
    match (sql.engine(), column.kind) {
        (Engine::Sqlite, Kind::Boolean) => {
            sql.push("json(CASE WHEN ");
            plain(sql);
            sql.push(" IS NULL THEN 'null' WHEN ");
            plain(sql);
            sql.push(" THEN 'true' ELSE 'false' END)");
        }
        (Engine::MySql, Kind::Boolean) => {
            sql.push("JSON_EXTRACT(CASE WHEN ");
            plain(sql);
            sql.push(" IS NULL THEN 'null' WHEN ");
            plain(sql);
            sql.push(" THEN 'true' ELSE 'false' END, '$')");
        }
        // What is no JSON was not written here: it is shown as the text that it is.
        (Engine::Sqlite, Kind::Json) => {
            sql.push("json(CASE WHEN ");
            plain(sql);
            sql.push(" IS NULL THEN 'null' WHEN json_valid(");
            plain(sql);
            sql.push(") THEN ");
            plain(sql);
            sql.push(" ELSE json_quote(");
            plain(sql);
            sql.push(") END)");
        }
        (Engine::MySql, Kind::Json) => {
            sql.push("JSON_EXTRACT(");
            plain(sql);
            sql.push(", '$')");
        }
        (Engine::Sqlite | Engine::MySql, Kind::Timestamp) => moment(sql, alias, column),
        _ => plain(sql),
    }
}

/// A column as text: what a line of CSV holds, and what a cast makes of it.
pub(crate) fn text(sql: &mut Sql, alias: &str, column: &Column) {
    match (sql.engine(), column.kind) {
        (Engine::Sqlite | Engine::MySql, Kind::Boolean) => {
            sql.push("CASE WHEN ").of(alias, &column.name);
            sql.push(" IS NULL THEN NULL WHEN ").of(alias, &column.name);
            sql.push(" THEN 'true' ELSE 'false' END");
        }
        (Engine::Sqlite | Engine::MySql, Kind::Timestamp) => moment(sql, alias, column),
        // As it stands in JSON.
        (Engine::Postgres, Kind::Timestamp) => {
            sql.push("to_json(").of(alias, &column.name);
            sql.push(") #>> '{}'");
        }
        _ => {
            sql.as_text(|sql| {
                sql.of(alias, &column.name);
            });
        }
    }
}

/// A moment as RFC 3339 has it, as PostgreSQL writes it in JSON.
fn moment(sql: &mut Sql, alias: &str, column: &Column) {
    if sql.engine() == Engine::MySql {
        sql.push("IF(MICROSECOND(").of(alias, &column.name);
        sql.push(") = 0, DATE_FORMAT(").of(alias, &column.name);
        sql.push(", '%Y-%m-%dT%H:%i:%s+00:00'), CONCAT(TRIM(TRAILING '0' FROM DATE_FORMAT(");
        sql.of(alias, &column.name);
        sql.push(", '%Y-%m-%dT%H:%i:%s.%f')), '+00:00'))");
    } else {
        // What somebody else wrote with a zone of its own stays as it is.
        sql.push("CASE WHEN ").of(alias, &column.name);
        sql.push(" LIKE '____-__-__ __:__:__%' THEN replace(");
        sql.of(alias, &column.name);
        sql.push(", ' ', 'T') || '+00:00' ELSE ")
            .of(alias, &column.name);
        sql.push(" END");
    }
}

/// An encrypted column: what is stored, and what its encryption is bound to. The origin puts the
/// value in its place.
pub(crate) fn sealed(sql: &mut Sql, alias: &str, column: &Column, key: &str, tenant: Option<&str>) {
    sql.push(match sql.engine() {
        Engine::Sqlite => "json_array(",
        Engine::Postgres => "json_build_array(",
        Engine::MySql => "JSON_ARRAY(",
    });
    sql.of(alias, &column.name).push(", ");
    sql.as_text(|sql| {
        sql.of(alias, key);
    });
    sql.push(", ");
    match tenant {
        Some(tenant) => sql.as_text(|sql| {
            sql.of(alias, tenant);
        }),
        None => sql.push("''"),
    };
    sql.push(")");
}
