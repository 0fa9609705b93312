//! What the database says about a table.

use super::{As, Bound, DataTransaction, Statement, TextRow};
use crate::{
    data::Kind,
    db::{Db, DbError, Engine},
};
use std::collections::BTreeMap;

/// A table as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// In the table's own order.
    pub columns: Vec<CatalogColumn>,
    /// The primary key's columns, in its order.
    pub key: Vec<String>,
    /// The columns of each whole unique index: none of a part of the rows, none of expressions.
    pub unique: Vec<Vec<String>>,
    /// Those that lead to other tables.
    pub foreign_keys: Vec<ForeignKey>,
    /// The columns that full-text search finds texts in.
    pub searchable: Vec<String>,
}

/// What SQLite's index for full-text search in a table is called: an FTS5 table.
#[must_use]
pub(crate) fn search_table(table: &str) -> String {
    format!("{table}_fts")
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogColumn {
    /// Its name.
    pub name: String,
    /// Its type, as PostgreSQL writes it in a cast.
    pub type_name: String,
    /// What the type holds; `None` for what cannot be exposed.
    pub kind: Option<Kind>,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What the database writes into it by itself.
    pub filling: Filling,
    /// Whether texts in it compare without regard to case or accents.
    pub folds: bool,
}

/// What the database writes into a column by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// Nothing.
    Nothing,
    /// A value, when nobody gives one.
    Default,
    /// Its value, and nobody gives one: it is computed, or `GENERATED ALWAYS AS IDENTITY`.
    Always,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name, where it has one.
    pub name: String,
    /// Ours, in order.
    pub columns: Vec<String>,
    /// The other table.
    pub table: String,
    /// Its columns, in the same order.
    pub references: Vec<String>,
}

const SQLITE: [&str; 5] = [
    "SELECT name, type, CAST(\"notnull\" AS TEXT), CAST(dflt_value IS NOT NULL OR \
     (pk = 1 AND upper(type) = 'INTEGER') AS TEXT), '', CAST(hidden IN (2, 3) AS TEXT) \
     FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid",
    "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk",
    // A key that names no column means the other's primary key. None leads out of its database; of the
    // servers' keys, those that do are none to us: they may lead to another table of the same name.
    "SELECT CAST(f.id AS TEXT), f.\"from\", f.\"table\", COALESCE(f.\"to\", \
     (SELECT p.name FROM pragma_table_info(f.\"table\") p WHERE p.pk = f.seq + 1)) \
     FROM pragma_foreign_key_list(?) f ORDER BY f.id, f.seq",
    "SELECT l.name, i.name FROM pragma_index_list(?) l CROSS JOIN pragma_index_info(l.name) i \
     WHERE l.\"unique\" = 1 AND l.partial = 0 ORDER BY l.name, i.seqno",
    // See `search_table`. Rows are found in it by their `rowid`.
    "SELECT f.name FROM sqlite_schema s CROSS JOIN pragma_table_xinfo(s.name) f \
     WHERE s.name = ?1 || '_fts' AND s.sql LIKE 'CREATE VIRTUAL TABLE%USING%fts5%' AND f.hidden = 0 \
     AND EXISTS (SELECT 1 FROM pragma_table_list(?1) WHERE schema = 'main' AND type = 'table' AND wr = 0) \
     AND NOT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE lower(name) = 'rowid')",
];

const POSTGRES: [&str; 5] = [
    // With -1 for a length: else it would name types that cast to a single letter or bit.
    "SELECT a.attname::text, format_type(a.atttypid, -1), a.attnotnull::int::text, \
     (a.atthasdef OR a.attidentity <> '')::int::text, '', \
     (a.attgenerated <> '' OR a.attidentity = 'a')::int::text FROM pg_attribute a \
     WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped \
     ORDER BY a.attnum",
    "SELECT a.attname::text FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, at) \
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
     WHERE i.indrelid = to_regclass(quote_ident($1)) AND i.indisprimary ORDER BY k.at",
    "SELECT c.conname::text, a.attname::text, t.relname::text, b.attname::text FROM pg_constraint c \
     CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY k(own, other, at) \
     JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own \
     JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other \
     JOIN pg_class t ON t.oid = c.confrelid \
     WHERE c.conrelid = to_regclass(quote_ident($1)) AND c.contype = 'f' \
     AND c.confrelid = to_regclass(quote_ident(t.relname)) ORDER BY c.conname, k.at",
    "SELECT i.indexrelid::text, a.attname::text FROM pg_index i \
     CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, at) \
     LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 \
     WHERE i.indrelid = to_regclass(quote_ident($1)) AND i.indisunique AND i.indisvalid AND i.indimmediate \
     AND i.indpred IS NULL AND k.at <= i.indnkeyatts ORDER BY i.indexrelid, k.at",
    // It needs no index.
    "SELECT a.attname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
     WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped \
     AND (t.typcategory = 'S' OR t.typname IN ('tsvector', 'json', 'jsonb'))",
];

const MYSQL: [&str; 5] = [
    "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), IF(is_nullable = 'YES', '0', '1'), \
     IF(column_default IS NOT NULL OR extra LIKE '%auto_increment%' OR is_nullable = 'YES', '1', '0'), \
     IF(collation_name IS NULL OR collation_name LIKE '%\\_bin', '', '1'), \
     IF(COALESCE(generation_expression, '') = '', '', '1') \
     FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? \
     ORDER BY ordinal_position",
    "SELECT CAST(column_name AS CHAR) FROM information_schema.key_column_usage \
     WHERE table_schema = DATABASE() AND table_name = ? AND constraint_name = 'PRIMARY' \
     ORDER BY ordinal_position",
    "SELECT CAST(constraint_name AS CHAR), CAST(column_name AS CHAR), CAST(referenced_table_name AS CHAR), \
     CAST(referenced_column_name AS CHAR) FROM information_schema.key_column_usage \
     WHERE table_schema = DATABASE() AND table_name = ? AND referenced_table_schema = DATABASE() \
     ORDER BY constraint_name, ordinal_position",
    // One over the start of a text alone tells no texts apart.
    "SELECT CAST(index_name AS CHAR), IF(sub_part IS NULL, CAST(column_name AS CHAR), NULL) \
     FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? \
     AND non_unique = 0 ORDER BY index_name, seq_in_index",
    // One over several columns is no index of each.
    "SELECT CAST(MAX(column_name) AS CHAR) FROM information_schema.statistics \
     WHERE table_schema = DATABASE() AND table_name = ? AND index_type = 'FULLTEXT' \
     GROUP BY index_name HAVING COUNT(*) = 1",
];

impl Db {
    /// What the database says about a table; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn relation(&self, table: &str) -> Result<Option<Relation>, DbError> {
        let engine = self.engine();
        let [columns, key, foreign_keys, unique, searchable] = match engine {
            Engine::Sqlite => SQLITE,
            Engine::Postgres => POSTGRES,
            Engine::MySql => MYSQL,
        };
        let nobody = As {
            role: None,
            claims: String::new(),
        };
        let mut transaction = self.data_read(&nobody).await?;
        let columns = ask(&mut transaction, columns, table).await?;
        if columns.is_empty() {
            return Ok(None);
        }
        let key = ask(&mut transaction, key, table).await?;
        let links = ask(&mut transaction, foreign_keys, table).await?;
        let indexes = ask(&mut transaction, unique, table).await?;
        let searchable = ask(&mut transaction, searchable, table).await?;
        transaction.commit().await?;
        Ok(Some(Relation {
            columns: columns.into_iter().map(|row| column(row, engine)).collect(),
            key: key.into_iter().map(|row| text(row, 0)).collect(),
            unique: whole(indexes),
            foreign_keys: together(links),
            searchable: searchable.into_iter().map(|row| text(row, 0)).collect(),
        }))
    }
}

/// A column of some table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedColumn {
    /// The table.
    pub table: String,
    /// Whether numbers are what it holds.
    pub holds_numbers: bool,
}

impl Db {
    /// The columns of this name, of all tables; MariaDB's alone.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn columns_named(&self, name: &str) -> Result<Vec<NamedColumn>, DbError> {
        const SQL: &str = "SELECT CAST(table_name AS CHAR), IF(data_type IN ('tinyint', 'smallint', \
             'mediumint', 'int', 'bigint', 'decimal', 'float', 'double', 'bit', 'year'), '1', '') \
             FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = ?";
        let nobody = As {
            role: None,
            claims: String::new(),
        };
        let mut transaction = self.data_read(&nobody).await?;
        let rows = ask(&mut transaction, SQL, name).await?;
        transaction.commit().await?;
        let column = |row: TextRow| NamedColumn {
            holds_numbers: text(row.clone(), 1) == "1",
            table: text(row, 0),
        };
        Ok(rows.into_iter().map(column).collect())
    }
}

async fn ask(on: &mut DataTransaction, sql: &str, table: &str) -> Result<Vec<TextRow>, DbError> {
    let statement = Statement {
        sql: sql.to_owned(),
        values: vec![Bound::Text(table.to_owned())],
    };
    on.rows(&statement).await
}

fn text(mut row: TextRow, at: usize) -> String {
    row.get_mut(at).and_then(Option::take).unwrap_or_default()
}

fn column(row: TextRow, engine: Engine) -> CatalogColumn {
    let mut cells = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || cells.next().unwrap_or_default();
    let (name, type_name, not_null) = (next(), next(), next());
    let (default, folds, is_generated) = (next() == "1", next() == "1", next() == "1");
    CatalogColumn {
        kind: match engine {
            Engine::Postgres => postgres_kind(&type_name),
            Engine::Sqlite | Engine::MySql => declared_kind(&type_name),
        },
        name,
        type_name,
        nullable: not_null != "1",
        filling: match (is_generated, default) {
            (true, _) => Filling::Always,
            (false, true) => Filling::Default,
            (false, false) => Filling::Nothing,
        },
        folds,
    }
}

fn postgres_kind(type_name: &str) -> Option<Kind> {
    Some(match type_name {
        "text" | "character varying" | "bpchar" | "citext" => Kind::Text,
        "uuid" => Kind::Uuid,
        "smallint" | "integer" | "bigint" => Kind::Integer,
        "real" | "double precision" | "numeric" => Kind::Number,
        "boolean" => Kind::Boolean,
        "timestamp with time zone" => Kind::Timestamp,
        "date" => Kind::Date,
        "json" | "jsonb" => Kind::Json,
        "bytea" => return None,
        _ => Kind::Native,
    })
}

/// SQLite takes any word for a type, MySQL its own; both are known by how they begin.
fn declared_kind(type_name: &str) -> Option<Kind> {
    let declared = type_name.to_ascii_lowercase();
    let known = [
        ("tinyint(1)", Kind::Boolean),
        ("bool", Kind::Boolean),
        ("uuid", Kind::Uuid),
        ("json", Kind::Json),
        ("timestamp", Kind::Timestamp),
        ("datetime", Kind::Timestamp),
        ("date", Kind::Date),
        ("text", Kind::Text),
        ("varchar", Kind::Text),
        ("char", Kind::Text),
        ("nchar", Kind::Text),
        ("nvarchar", Kind::Text),
        ("character", Kind::Text),
        ("clob", Kind::Text),
        ("tinytext", Kind::Text),
        ("mediumtext", Kind::Text),
        ("longtext", Kind::Text),
        ("enum", Kind::Text),
        ("int", Kind::Integer),
        ("tinyint", Kind::Integer),
        ("smallint", Kind::Integer),
        ("mediumint", Kind::Integer),
        ("bigint", Kind::Integer),
        ("real", Kind::Number),
        ("double", Kind::Number),
        ("float", Kind::Number),
        ("numeric", Kind::Number),
        ("decimal", Kind::Number),
    ];
    known
        .into_iter()
        .find(|(start, _)| declared.starts_with(start))
        .map(|(_, kind)| kind)
}

/// The columns of each index; none of those that hold something else than columns.
fn whole(rows: Vec<TextRow>) -> Vec<Vec<String>> {
    let mut indexes: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    for mut row in rows {
        let column = row.pop().flatten();
        let index = indexes.entry(text(row, 0)).or_insert_with(|| Some(vec![]));
        match (index.as_mut(), column) {
            (Some(columns), Some(column)) => columns.push(column),
            _ => *index = None,
        }
    }
    indexes.into_values().flatten().collect()
}

/// One foreign key of several rows.
fn together(rows: Vec<TextRow>) -> Vec<ForeignKey> {
    let mut keys: Vec<ForeignKey> = Vec::new();
    for row in rows {
        let mut cells = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || cells.next().unwrap_or_default();
        let (name, own, table, other) = (next(), next(), next(), next());
        match keys.last_mut().filter(|last| last.name == name) {
            Some(last) => {
                last.columns.push(own);
                last.references.push(other);
            }
            None => keys.push(ForeignKey {
                name,
                columns: vec![own],
                table,
                references: vec![other],
            }),
        }
    }
    keys
}
