//! Paths into columns of JSON: `->` is JSON, `->>` is text, the same on every engine.
//!
//! Guarantees: a value of JSON is compared with values of its own type alone, numbers as numbers; in
//! an order, types follow each other as PostgreSQL has them.

use super::{Level, sql::Sql};
use crate::{
    data::{
        dialect::{Comparison, Field, Step},
        error::DataError,
        kind::Kind,
        table::Column,
    },
    db::{Bound, Engine},
};
use serde_json::Value;

/// What a path leads to.
pub(super) struct Path<'a> {
    alias: &'a str,
    column: &'a Column,
    field: &'a Field,
    /// For the engines that have a language of paths.
    language: Bound,
}

/// A value that JSON is compared with.
enum Scalar {
    Null,
    Boolean(bool),
    Number(Bound),
    Text(String),
}

/// One of the things that JSON is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SortKey {
    /// PostgreSQL's `jsonb`.
    Json,
    /// The type.
    Rank,
    /// SQLite's value, a number or a text.
    Value,
    /// MySQL's number.
    Number,
    /// MySQL's text.
    Text,
}

impl SortKey {
    /// What to order by, one after the other.
    pub(super) const fn of(engine: Engine) -> &'static [Self] {
        match engine {
            Engine::Postgres => &[Self::Json],
            Engine::Sqlite => &[Self::Rank, Self::Value],
            Engine::MySql => &[Self::Rank, Self::Number, Self::Text],
        }
    }
}

impl<'a> Path<'a> {
    pub(super) fn of(
        level: &'a Level<'_>,
        column: &'a Column,
        field: &'a Field,
        engine: Engine,
    ) -> Result<Self, DataError> {
        let language = match engine {
            Engine::Postgres => Bound::Null,
            Engine::Sqlite | Engine::MySql => Kind::Text.read_text(&language(field, engine)?)?,
        };
        for step in &field.json {
            if let Step::Key(key) = step {
                Kind::Text.read_text(key)?;
            }
        }
        Ok(Self {
            alias: &level.alias,
            column,
            field,
            language,
        })
    }

    /// As a text: nothing where there is nothing, or `null`.
    pub(super) fn text(&self, sql: &mut Sql) {
        match sql.engine() {
            Engine::Postgres => self.steps(sql, "->>"),
            // True is 1 to it.
            Engine::Sqlite => {
                sql.push("CASE ");
                self.kind(sql);
                sql.push(" WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(");
                self.arrow(sql, " ->> ");
                sql.push(" AS TEXT) END");
            }
            // Null is the text `null` to it, and a text of no case.
            Engine::MySql => {
                sql.push("IF(");
                self.kind(sql);
                sql.push(" = 'NULL', NULL, ");
                self.unquoted(sql);
                sql.push(")");
            }
        }
    }

    /// As JSON.
    pub(super) fn json(&self, sql: &mut Sql) {
        match sql.engine() {
            Engine::Postgres if self.column.type_name == "jsonb" => self.steps(sql, "->"),
            Engine::Postgres => {
                sql.push("to_jsonb(");
                self.steps(sql, "->");
                sql.push(")");
            }
            Engine::Sqlite => {
                sql.push("json(");
                self.arrow(sql, " -> ");
                sql.push(")");
            }
            Engine::MySql => self.extract(sql),
        }
    }

    /// A condition.
    pub(super) fn compare(
        &self,
        sql: &mut Sql,
        comparison: Comparison,
        value: &str,
    ) -> Result<(), DataError> {
        let scalar = Scalar::read(value)?;
        let (open, operator) = match comparison {
            Comparison::Eq => ("(", " = "),
            Comparison::Neq => ("NOT (", " = "),
            Comparison::Gt => ("(", " > "),
            Comparison::Gte => ("(", " >= "),
            Comparison::Lt => ("(", " < "),
            Comparison::Lte => ("(", " <= "),
        };
        sql.push(open);
        self.kind(sql);
        sql.push(scalar.types(sql.engine())).push(" AND ");
        if sql.engine() == Engine::Postgres {
            self.json(sql);
            sql.push(operator).bind_json(value.to_owned());
        } else {
            self.compare_with(sql, operator, scalar);
        }
        sql.push(")");
        Ok(())
    }

    fn compare_with(&self, sql: &mut Sql, operator: &str, scalar: Scalar) {
        let is_mysql = sql.engine() == Engine::MySql;
        let bound = match scalar {
            Scalar::Null => {
                sql.push("0").push(operator).push("0");
                return;
            }
            Scalar::Text(text) => Bound::Text(text),
            Scalar::Number(number) => number,
            Scalar::Boolean(value) if is_mysql => Bound::Text(value.to_string()),
            Scalar::Boolean(value) => Bound::Boolean(value),
        };
        match (&bound, is_mysql) {
            (_, false) => self.arrow(sql, " ->> "),
            (Bound::Text(_), true) => self.unquoted(sql),
            (_, true) => self.number(sql),
        }
        sql.push(operator).bind(bound);
    }

    /// Something to order by.
    pub(super) fn key(&self, sql: &mut Sql, key: SortKey) {
        match key {
            SortKey::Json => self.json(sql),
            SortKey::Rank => self.rank(sql),
            SortKey::Value => self.arrow(sql, " ->> "),
            SortKey::Text => self.unquoted(sql),
            SortKey::Number => {
                sql.push("IF(");
                self.kind(sql);
                sql.push(Scalar::Number(Bound::Null).types(Engine::MySql));
                sql.push(", ");
                self.number(sql);
                sql.push(", NULL)");
            }
        }
    }

    /// Types in the order of PostgreSQL's `jsonb`.
    fn rank(&self, sql: &mut Sql) {
        sql.push("CASE LOWER(");
        self.kind(sql);
        sql.push(
            ") WHEN 'null' THEN 0 WHEN 'text' THEN 1 WHEN 'string' THEN 1 WHEN 'false' THEN 3 \
             WHEN 'true' THEN 4 WHEN 'boolean' THEN 4 WHEN 'array' THEN 5 WHEN 'object' THEN 6 \
             ELSE ",
        );
        // Numbers have names of several kinds; what is not there has none.
        sql.push("CASE WHEN ");
        self.kind(sql);
        sql.push(" IS NOT NULL THEN 2 END END");
    }

    /// The type's name, in the engine's words.
    fn kind(&self, sql: &mut Sql) {
        match sql.engine() {
            Engine::Postgres => {
                sql.push("jsonb_typeof(");
                self.json(sql);
            }
            Engine::Sqlite => {
                sql.push("json_type(");
                self.document(sql);
                sql.push(", ").bind(self.language.clone());
            }
            Engine::MySql => {
                sql.push("JSON_TYPE(");
                self.extract(sql);
            }
        }
        sql.push(")");
    }

    /// PostgreSQL's way to walk, `last` being the last step.
    fn steps(&self, sql: &mut Sql, last: &str) {
        sql.push("(").of(self.alias, &self.field.name);
        let steps = self.field.json.len();
        for (at, step) in (1..).zip(&self.field.json) {
            sql.push(if at == steps { last } else { "->" });
            match step {
                Step::Key(key) => sql.bind(Bound::Text(key.clone())),
                Step::Index(index) => sql.push(&format!("({index})")),
            };
        }
        sql.push(")");
    }

    fn arrow(&self, sql: &mut Sql, arrow: &str) {
        sql.push("(");
        self.document(sql);
        sql.push(arrow).bind(self.language.clone()).push(")");
    }

    /// SQLite's column. What is no JSON was not written here: nothing is in it, and it fails nobody's
    /// request.
    fn document(&self, sql: &mut Sql) {
        sql.push("CASE WHEN json_valid(")
            .of(self.alias, &self.field.name);
        sql.push(") THEN ").of(self.alias, &self.field.name);
        sql.push(" END");
    }

    fn extract(&self, sql: &mut Sql) {
        sql.push("JSON_EXTRACT(").of(self.alias, &self.field.name);
        sql.push(", CONCAT(").bind(self.language.clone());
        let from_end = |step: &Step| matches!(step, Step::Index(index) if *index < 0);
        if self.field.json.iter().any(from_end) {
            // MariaDB 10.11 counts from the end of the first row's list in every other row as well,
            // unless the path is another one there.
            sql.push(", LEFT(").of(self.alias, &self.field.name);
            sql.push(", 0)");
        }
        sql.push("))");
    }

    fn unquoted(&self, sql: &mut Sql) {
        sql.push("CONVERT(JSON_UNQUOTE(");
        self.extract(sql);
        sql.push(") USING utf8mb4) COLLATE utf8mb4_bin");
    }

    fn number(&self, sql: &mut Sql) {
        sql.push("CAST(JSON_UNQUOTE(");
        self.extract(sql);
        sql.push(") AS DOUBLE)");
    }
}

impl Scalar {
    fn read(value: &str) -> Result<Self, DataError> {
        // Nothing beyond it can be compared; PostgreSQL could, but alone.
        Kind::Text.read_text(value)?;
        match serde_json::from_str(value) {
            Ok(Value::Null) => Ok(Self::Null),
            Ok(Value::Bool(value)) => Ok(Self::Boolean(value)),
            Ok(Value::String(text)) => Kind::Text.read_text(&text).map(|_| Self::Text(text)),
            Ok(Value::Number(_)) => Kind::Number.read_text(value).map(Self::Number),
            Ok(Value::Array(_) | Value::Object(_)) => Err(DataError::Unsupported(
                "JSON is compared with a number, a text in quotation marks, true, false or null"
                    .into(),
            )),
            Err(_) => Err(DataError::InvalidValue {
                kind: Kind::Json.name(),
                value: value.to_owned(),
            }),
        }
    }

    /// Whether a type's name is this one's.
    const fn types(&self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Self::Null, Engine::MySql) => " = 'NULL'",
            (Self::Null, _) => " = 'null'",
            (Self::Boolean(_), Engine::Postgres) => " = 'boolean'",
            (Self::Boolean(_), Engine::Sqlite) => " IN ('true', 'false')",
            (Self::Boolean(_), Engine::MySql) => " = 'BOOLEAN'",
            (Self::Number(_), Engine::Postgres) => " = 'number'",
            (Self::Number(_), Engine::Sqlite) => " IN ('integer', 'real')",
            (Self::Number(_), Engine::MySql) => {
                " IN ('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL')"
            }
            (Self::Text(_), Engine::Postgres) => " = 'string'",
            (Self::Text(_), Engine::Sqlite) => " = 'text'",
            (Self::Text(_), Engine::MySql) => " = 'STRING'",
        }
    }
}

/// The path language of SQLite and MySQL.
fn language(field: &Field, engine: Engine) -> Result<String, DataError> {
    let mut path = "$".to_owned();
    for step in &field.json {
        match step {
            // Neither language lets one be written inside a quoted key everywhere.
            Step::Key(key) if key.contains(['"', '\\']) => {
                return Err(DataError::Unsupported("a key with a quotation mark".into()));
            }
            Step::Key(key) => path.extend([".\"", key, "\""]),
            Step::Index(index) if *index < 0 && engine == Engine::Sqlite => {
                path.extend(["[#", &index.to_string(), "]"]);
            }
            Step::Index(index) => path.extend(["[", &index.to_string(), "]"]),
        }
    }
    Ok(path)
}
