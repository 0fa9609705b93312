//! Full-text search: a condition of PostgreSQL's, of an FTS5 table of SQLite's, of a `FULLTEXT` index
//! of MariaDB's.
//!
//! Guarantees: the words are bound values, and the operators between them ours; where the query is
//! not PostgreSQL's own, it means what it would mean there, as far as words do: what counts as one,
//! each engine says for itself.

mod query;

use super::{filter::Operand, sql::Sql};
use crate::{
    config::is_name,
    data::{dialect::Search, error::DataError, kind::Kind, table::Table},
    db::{Bound, Engine, search_table},
};
use query::{TextQuery, together};

/// A column of SQLite's rows besides those of the table, when it can be searched: what they are
/// called in its FTS5 table.
pub(super) fn row(sql: &mut Sql, table: &Table) {
    if sql.engine() == Engine::Sqlite && table.columns.iter().any(|column| column.searchable) {
        sql.push(", ").of(&table.name, "rowid");
    }
}

/// That a text is found.
///
/// # Errors
/// [`DataError`].
pub(super) fn condition(
    sql: &mut Sql,
    operand: &Operand<'_>,
    syntax: Search,
    config: Option<&str>,
    text: &str,
) -> Result<(), DataError> {
    let refused = |why: &str| {
        let name = &operand.column.name;
        Err(DataError::Unsupported(format!("{name}: {why}")))
    };
    if !operand.column.searchable {
        return refused("full-text search finds nothing in this column: it has no index for it");
    }
    if sql.engine() == Engine::Postgres {
        return postgres(sql, operand, syntax, config, text);
    }
    if config.is_some() {
        return refused("the configuration of a full-text search is PostgreSQL's alone");
    }
    if !operand.field.json.is_empty() {
        return refused("full-text search within JSON is PostgreSQL's alone");
    }
    match TextQuery::parse(syntax, text)? {
        None => {
            sql.push("1 = 0");
        }
        Some(query) if query.negates() => {
            operand.write(sql)?;
            sql.push(" IS NOT NULL AND (");
            each(sql, operand, &query)?;
            sql.push(")");
        }
        Some(query) => found(sql, operand, &query)?,
    }
    Ok(())
}

/// The engines would take no query that only negates: what is negated is asked for by itself, and all
/// else at once.
fn each(sql: &mut Sql, operand: &Operand<'_>, query: &TextQuery) -> Result<(), DataError> {
    type Join = fn(Vec<TextQuery>) -> TextQuery;
    let (all, between, join): (_, _, Join) = match query {
        TextQuery::All(all) => (all, " AND ", TextQuery::All),
        TextQuery::Any(all) => (all, " OR ", TextQuery::Any),
        TextQuery::Not(inner) => {
            sql.push("NOT (");
            each(sql, operand, inner)?;
            sql.push(")");
            return Ok(());
        }
        TextQuery::Phrase { .. } => return found(sql, operand, query),
    };
    if !query.negates() {
        return found(sql, operand, query);
    }
    let (negating, asking): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.negates());
    let asked = together(asking.into_iter().cloned().map(Some).collect(), join);
    let parts: Vec<&TextQuery> = asked.iter().chain(negating).collect();
    for (at, part) in parts.into_iter().enumerate() {
        sql.push(if at > 0 { between } else { "" }).push("(");
        each(sql, operand, part)?;
        sql.push(")");
    }
    Ok(())
}

/// That the engine's own index has it.
fn found(sql: &mut Sql, operand: &Operand<'_>, query: &TextQuery) -> Result<(), DataError> {
    let (level, column) = (operand.level, operand.column);
    if sql.engine() == Engine::Sqlite {
        let index = search_table(&level.table.name);
        sql.of(&level.alias, "rowid")
            .push(" IN (SELECT rowid FROM ");
        sql.name(&index).push(" WHERE ").name(&index);
        let query = format!("{{\"{}\"}} : {}", column.name, query.fts5());
        sql.push(" MATCH ").bind(Bound::Text(query)).push(")");
    } else {
        sql.push("MATCH (");
        operand.write(sql)?;
        sql.push(") AGAINST (").bind(Bound::Text(query.boolean()));
        sql.push(" IN BOOLEAN MODE)");
    }
    Ok(())
}

fn postgres(
    sql: &mut Sql,
    operand: &Operand<'_>,
    syntax: Search,
    config: Option<&str>,
    text: &str,
) -> Result<(), DataError> {
    let config = config.unwrap_or("simple");
    // A number would name it too, whether it is there or not.
    if !is_name(config) {
        return Err(DataError::InvalidValue {
            kind: "regconfig",
            value: config.to_owned(),
        });
    }
    let configuration = |sql: &mut Sql| {
        sql.push("CAST(")
            .bind(Bound::Text(config.to_owned()))
            .push(" AS regconfig), ");
    };
    if operand.column.type_name == "tsvector" {
        operand.write(sql)?;
    } else {
        sql.push("to_tsvector(");
        configuration(sql);
        operand.text(sql)?;
        sql.push(")");
    }
    sql.push(match syntax {
        Search::Operators => " @@ to_tsquery(",
        Search::Words => " @@ plainto_tsquery(",
        Search::Phrase => " @@ phraseto_tsquery(",
        Search::Web => " @@ websearch_to_tsquery(",
    });
    configuration(sql);
    sql.bind(Kind::Text.read_text(text)?).push(")");
    Ok(())
}
