//! Conditions and order, as SQL.

use super::{
    Level, Scope,
    path::{Path, SortKey},
    read, search,
    sql::Sql,
};
use crate::{
    data::{
        dialect::{Comparison, Condition, Embed, Field, Filter, Is, Item, Nulls, Order, Test},
        error::{DataError, Denied},
        kind::Kind,
        table::Column,
    },
    db::{Bound, Engine},
};

/// All of `filters` hold.
///
/// # Errors
/// [`DataError`].
pub(crate) fn all(
    sql: &mut Sql,
    scope: &Scope<'_>,
    level: &Level<'_>,
    filters: &[Filter],
) -> Result<(), DataError> {
    joined(sql, scope, level, filters, Join::And, false)
}

/// What stands between conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Or,
}

/// With `negated`, what `NOT` before all of it would mean: each condition is negated by itself.
fn joined(
    sql: &mut Sql,
    scope: &Scope<'_>,
    level: &Level<'_>,
    filters: &[Filter],
    join: Join,
    negated: bool,
) -> Result<(), DataError> {
    let (between, of_none) = if (join == Join::And) == negated {
        (") OR (", "1 = 0")
    } else {
        (") AND (", "1 = 1")
    };
    if filters.is_empty() {
        sql.push(of_none);
        return Ok(());
    }
    for (at, filter) in filters.iter().enumerate() {
        sql.push(if at == 0 { "((" } else { between });
        one(sql, scope, level, filter, negated)?;
    }
    sql.push("))");
    Ok(())
}

fn one(
    sql: &mut Sql,
    scope: &Scope<'_>,
    level: &Level<'_>,
    filter: &Filter,
    negated: bool,
) -> Result<(), DataError> {
    match filter {
        Filter::And(filters) => joined(sql, scope, level, filters, Join::And, negated),
        Filter::Or(filters) => joined(sql, scope, level, filters, Join::Or, negated),
        Filter::Not(inner) => one(sql, scope, level, inner, !negated),
        Filter::Condition(condition) if !negated => test(sql, scope, level, condition),
        Filter::Condition(condition) => {
            if matches!(condition.test, Test::Search { .. }) {
                // To PostgreSQL, no text is neither with a word nor without it.
                let column = readable(level, &condition.field)?;
                sql.of(&level.alias, &column.name).push(" IS NOT NULL AND ");
            }
            sql.push("NOT (");
            test(sql, scope, level, condition)?;
            sql.push(")");
            Ok(())
        }
    }
}

fn test(
    sql: &mut Sql,
    scope: &Scope<'_>,
    level: &Level<'_>,
    condition: &Condition,
) -> Result<(), DataError> {
    if let Test::Is(is @ (Is::Null | Is::NotNull)) = condition.test
        && let Some(embed) = embedded(level, &condition.field)
    {
        sql.push(if is == Is::Null { "NOT " } else { "" });
        return read::embeds(sql, scope, level, embed);
    }
    let column = readable(level, &condition.field)?;
    if column.encrypted {
        return encrypted(sql, scope, level, column, condition);
    }
    let operand = Operand {
        level,
        column,
        field: &condition.field,
    };
    match &condition.test {
        Test::Compare(comparison, value) if operand.is_json() => {
            operand.path(sql)?.compare(sql, *comparison, value)?;
        }
        Test::Compare(comparison, value) => {
            operand.write(sql)?;
            sql.push(match comparison {
                Comparison::Eq => " = ",
                Comparison::Neq => " <> ",
                Comparison::Gt => " > ",
                Comparison::Gte => " >= ",
                Comparison::Lt => " < ",
                Comparison::Lte => " <= ",
            });
            operand.bind(sql, value)?;
        }
        Test::In(values) if values.is_empty() => {
            sql.push("1 = 0");
        }
        Test::In(values) if operand.is_json() => {
            one_of(sql, &operand.path(sql)?, values)?;
        }
        Test::In(values) => {
            operand.write(sql)?;
            sql.push(" IN (");
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    sql.push(", ");
                }
                operand.bind(sql, value)?;
            }
            sql.push(")");
        }
        Test::Is(is) => {
            if matches!(is, Is::True | Is::False | Is::Unknown) && column.kind != Kind::Boolean {
                return Err(DataError::InvalidValue {
                    kind: column.kind.name(),
                    value: "a boolean was asked for".into(),
                });
            }
            operand.write(sql)?;
            sql.push(match is {
                Is::Null | Is::Unknown => " IS NULL",
                Is::NotNull => " IS NOT NULL",
                Is::True => " IS TRUE",
                Is::False => " IS FALSE",
            });
        }
        Test::Like { .. } if operand.is_json() => {
            return Err(DataError::Unsupported("patterns are of texts: ->>".into()));
        }
        Test::Like {
            pattern,
            ignore_case,
        } => like(sql, &operand, pattern, *ignore_case)?,
        Test::Search {
            syntax,
            config,
            text,
        } => search::condition(sql, &operand, *syntax, config.as_deref(), text)?,
    }
    Ok(())
}

/// Whether a path leads to one of some values, in pairs of pairs: SQLite bounds how deep a condition is.
fn one_of(sql: &mut Sql, path: &Path<'_>, values: &[String]) -> Result<(), DataError> {
    let [first, more @ ..] = values else {
        return Ok(());
    };
    if more.is_empty() {
        return path.compare(sql, Comparison::Eq, first);
    }
    let (left, right) = values.split_at(values.len() / 2);
    sql.push("(");
    one_of(sql, path, left)?;
    sql.push(" OR ");
    one_of(sql, path, right)?;
    sql.push(")");
    Ok(())
}

/// The embedded table that a field names, where it is no column.
fn embedded<'a>(level: &Level<'a>, field: &Field) -> Option<&'a Embed> {
    let column = level.table.column(&field.name);
    if !field.json.is_empty() || column.is_some_and(Column::is_exposed) {
        return None;
    }
    level.select.iter().find_map(|item| match item {
        Item::Embed(embed) if embed.label() == field.name => Some(embed),
        _ => None,
    })
}

/// The column of a field, if clients may ask for it.
///
/// # Errors
/// [`DataError`].
pub(crate) fn readable<'t>(level: &Level<'t>, field: &Field) -> Result<&'t Column, DataError> {
    let column = level
        .table
        .column(&field.name)
        .filter(|column| column.is_exposed());
    let column = column.ok_or_else(|| DataError::NoColumn {
        table: level.table.name.clone(),
        column: field.name.clone(),
    })?;
    if !column.is_readable() {
        return Err(DataError::Denied(Denied::Column(column.name.clone())));
    }
    if !field.json.is_empty()
        && (column.encrypted || !matches!(column.kind, Kind::Json | Kind::Native))
    {
        return Err(DataError::Unsupported(format!(
            "{} holds no JSON",
            column.name
        )));
    }
    Ok(column)
}

/// An encrypted column can be found by its blind index alone, and by nothing but equality.
fn encrypted(
    sql: &mut Sql,
    scope: &Scope<'_>,
    level: &Level<'_>,
    column: &Column,
    condition: &Condition,
) -> Result<(), DataError> {
    let refused = |why: &str| {
        Err(DataError::Unsupported(format!(
            "the column {} is encrypted: {why}",
            column.name
        )))
    };
    let values = match &condition.test {
        Test::Compare(Comparison::Eq, value) => std::slice::from_ref(value),
        Test::In(values) => values.as_slice(),
        Test::Is(Is::Null | Is::NotNull) => {
            sql.of(&level.alias, &column.name);
            sql.push(if condition.test == Test::Is(Is::Null) {
                " IS NULL"
            } else {
                " IS NOT NULL"
            });
            return Ok(());
        }
        _ => return refused("only eq, in and is.null can be asked of it"),
    };
    let Some(index) = column
        .blind_index
        .as_deref()
        .and_then(|name| level.table.column(name))
    else {
        return refused("it has no blind index to be found by");
    };
    let fields = scope.fields.ok_or(DataError::Internal)?;
    // Each tenant has keys of its own: the caller's are the ones to look with.
    let tenant = match &level.table.tenant {
        Some(_) => scope.caller.tenant.clone().unwrap_or_default(),
        None => String::new(),
    };
    if values.is_empty() {
        sql.push("1 = 0");
        return Ok(());
    }
    let keys = fields.tenant(&tenant);
    let table = &level.table.name;
    let indexes = values
        .iter()
        .flat_map(|value| keys.blind_indexes(table, &column.name, value));
    sql.of(&level.alias, &index.name).push(" IN (");
    sql.list(indexes, ", ", |sql, blind| {
        sql.bind_of(index, Bound::Text(blind));
    });
    sql.push(")");
    Ok(())
}

/// What stands left of an operator.
pub(super) struct Operand<'a> {
    pub(super) level: &'a Level<'a>,
    pub(super) column: &'a Column,
    pub(super) field: &'a Field,
}

impl Operand<'_> {
    /// Whether it is JSON within JSON.
    const fn is_json(&self) -> bool {
        !self.field.json.is_empty() && !self.field.as_text
    }

    fn path(&self, sql: &Sql) -> Result<Path<'_>, DataError> {
        Path::of(self.level, self.column, self.field, sql.engine())
    }

    pub(super) fn write(&self, sql: &mut Sql) -> Result<(), DataError> {
        if self.field.json.is_empty() {
            sql.of(&self.level.alias, &self.column.name);
            Ok(())
        } else {
            let as_text = self.field.as_text;
            inside(sql, self.level, self.column, self.field, as_text)
        }
    }

    /// What to order by, one after the other.
    fn order(
        &self,
        sql: &mut Sql,
        mut each: impl FnMut(&mut Sql, &dyn Fn(&mut Sql)),
    ) -> Result<(), DataError> {
        let path = self.path(sql)?;
        if self.is_json() {
            for key in SortKey::of(sql.engine()) {
                each(sql, &|sql| path.key(sql, *key));
            }
        } else if self.field.json.is_empty() {
            each(sql, &|sql| {
                sql.of(&self.level.alias, &self.column.name);
            });
        } else {
            each(sql, &|sql| path.text(sql));
        }
        Ok(())
    }

    pub(super) fn text(&self, sql: &mut Sql) -> Result<(), DataError> {
        if self.field.json.is_empty() && self.column.kind != Kind::Text {
            sql.as_text(|sql| {
                sql.of(&self.level.alias, &self.column.name);
            });
            return Ok(());
        }
        self.write(sql)
    }

    fn bind(&self, sql: &mut Sql, value: &str) -> Result<(), DataError> {
        if self.field.json.is_empty() {
            sql.bind_of(self.column, self.column.kind.read_text(value)?);
        } else {
            sql.bind(Kind::Text.read_text(value)?);
        }
        Ok(())
    }
}

/// What lies within a column of JSON; `as_text` as a text, otherwise as JSON.
///
/// # Errors
/// [`DataError`].
pub(crate) fn inside(
    sql: &mut Sql,
    level: &Level<'_>,
    column: &Column,
    field: &Field,
    as_text: bool,
) -> Result<(), DataError> {
    let path = Path::of(level, column, field, sql.engine())?;
    if as_text {
        path.text(sql);
    } else {
        path.json(sql);
    }
    Ok(())
}

fn like(
    sql: &mut Sql,
    operand: &Operand<'_>,
    pattern: &str,
    ignore_case: bool,
) -> Result<(), DataError> {
    let bound = Kind::Text.read_text(pattern)?;
    let escapes = pattern.len() - pattern.trim_end_matches('\\').len();
    if escapes % 2 == 1 {
        // Engines differ in what the last one would escape.
        return Err(DataError::InvalidValue {
            kind: "pattern",
            value: pattern.to_owned(),
        });
    }
    match sql.engine() {
        Engine::Postgres => {
            operand.text(sql)?;
            sql.push(if ignore_case { " ILIKE " } else { " LIKE " })
                .bind(bound);
        }
        Engine::Sqlite if ignore_case => {
            operand.text(sql)?;
            sql.push(" LIKE ").bind(bound).push(" ESCAPE '\\'");
        }
        // SQLite's LIKE knows no case.
        Engine::Sqlite => {
            operand.text(sql)?;
            sql.push(" GLOB ").bind(Bound::Text(glob(pattern)));
        }
        Engine::MySql => {
            sql.push("CONVERT(");
            operand.text(sql)?;
            sql.push(" USING utf8mb4) COLLATE ");
            sql.push(if ignore_case {
                "utf8mb4_general_ci"
            } else {
                "utf8mb4_bin"
            });
            sql.push(" LIKE ").bind(bound);
        }
    }
    Ok(())
}

/// A pattern of LIKE as one of GLOB.
fn glob(pattern: &str) -> String {
    let mut glob = String::with_capacity(pattern.len());
    let mut escaped = false;
    for c in pattern.chars() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '%' if !escaped => glob.push('*'),
            '_' if !escaped => glob.push('?'),
            '*' | '?' | '[' => {
                glob.push('[');
                glob.push(c);
                glob.push(']');
            }
            _ => glob.push(c),
        }
        escaped = false;
    }
    glob
}

/// `ORDER BY`, if there is anything to order by. Nulls count as largest on every engine.
///
/// # Errors
/// [`DataError`].
pub(crate) fn order(sql: &mut Sql, level: &Level<'_>, terms: &[Order]) -> Result<(), DataError> {
    for (at, term) in terms.iter().enumerate() {
        let column = readable(level, &term.field)?;
        if column.encrypted {
            return Err(DataError::Unsupported(format!(
                "the column {} is encrypted: there is no order in it",
                column.name
            )));
        }
        sql.push(if at == 0 { " ORDER BY " } else { ", " });
        let operand = Operand {
            level,
            column,
            field: &term.field,
        };
        let may_be_null = column.nullable || !term.field.json.is_empty();
        let first = term
            .nulls
            .map_or(term.descending, |nulls| nulls == Nulls::First);
        let mut is_next = false;
        operand.order(sql, |sql, key| {
            if is_next {
                sql.push(", ");
            }
            if may_be_null && !is_next && sql.engine() == Engine::MySql {
                key(sql);
                sql.push(if first {
                    " IS NULL DESC, "
                } else {
                    " IS NULL, "
                });
            }
            key(sql);
            if term.descending {
                sql.push(" DESC");
            }
            if may_be_null && sql.engine() != Engine::MySql {
                sql.push(if first { " NULLS FIRST" } else { " NULLS LAST" });
            }
            is_next = true;
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_pattern_means_the_same_to_sqlite() {
        for (like, globbed) in [
            ("a%", "a*"),
            ("a_b", "a?b"),
            (r"100\%", "100%"),
            ("[x]*", "[[]x][*]"),
            (r"\\", r"\"),
        ] {
            assert_eq!(glob(like), globbed, "{like}");
        }
    }
}
