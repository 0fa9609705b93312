//! A table of rows that end: the storage of an object.
//!
//! Storage calls are synchronous, and what is written in one go is committed at once.

use serde::Deserialize;
use worker::{Result, SqlCursor, SqlStorage, SqlStorageValue, State};

/// Rows by key, each with its end in milliseconds.
pub(super) struct Table {
    sql: SqlStorage,
    name: &'static str,
}

/// A table, and the one that it replaces, whose rows had no ends.
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) earlier: &'static str,
    /// When a row of the earlier one ends.
    pub(super) until_ms: fn(&str) -> u64,
}

/// Rows that are read or written by one statement: a call for each of a long list would take a minute.
const AT_ONCE: usize = 500;

#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) key: String,
    pub(super) row: String,
}

#[derive(Deserialize)]
struct Value {
    row: String,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    found: Option<f64>,
}

impl Table {
    /// The object's table; made, and filled with the rows of the earlier layout, if need be.
    pub(super) fn open(state: &State, layout: &Layout) -> Result<Self> {
        let Layout { name, earlier, .. } = layout;
        let sql = state.storage().sql();
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {name} (key TEXT PRIMARY KEY, row TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID"
        );
        sql.exec(&create, None)?;
        let table = Self { sql, name };
        let known = "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = ?";
        let known = table.sql.exec(known, vec![(*earlier).into()])?;
        if !known.to_array::<Found>()?.is_empty() {
            let all = format!("SELECT key, row FROM {earlier}");
            for Row { key, row } in table.sql.exec(&all, None)?.to_array()? {
                table.put(&key, &row, (layout.until_ms)(&row))?;
            }
            table.sql.exec(&format!("DROP TABLE {earlier}"), None)?;
        }
        Ok(table)
    }

    pub(super) fn row(&self, key: &str) -> Result<Option<String>> {
        let found = self.select("row", "WHERE key = ?", vec![key.into()])?;
        let found: Vec<Value> = found.to_array()?;
        Ok(found.into_iter().next().map(|value| value.row))
    }

    pub(super) fn is_empty(&self) -> Result<bool> {
        let found = self.select("1 AS found", "LIMIT 1", Vec::new())?;
        Ok(found.to_array::<Found>()?.is_empty())
    }

    /// Some of the rows after a key, in their order, as one text: a row by itself costs more to hand over
    /// than to read. `None`: there are no more.
    pub(super) fn after(&self, key: &str) -> Result<Option<Vec<(String, String)>>> {
        let some = format!(
            "SELECT key, row FROM {} WHERE key > ? ORDER BY key LIMIT {AT_ONCE}",
            self.name
        );
        let query = format!("SELECT json_group_array(json_array(key, row)) AS row FROM ({some})");
        let found: Vec<Value> = self.sql.exec(&query, vec![key.into()])?.to_array()?;
        let text = found.first().map_or("[]", |found| found.row.as_str());
        let rows: Vec<(String, String)> = serde_json::from_str(text)?;
        Ok((!rows.is_empty()).then_some(rows))
    }

    /// All rows for which an expression of SQL holds.
    pub(super) fn where_(&self, holds: &str, values: Vec<SqlStorageValue>) -> Result<SqlCursor> {
        self.select("key, row", &format!("WHERE {holds}"), values)
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> Result<usize> {
        let count = self.select("count(*) AS found", "", Vec::new())?;
        let count = integer_of(count.one::<Found>()?.found);
        Ok(count
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(0))
    }

    fn select(&self, what: &str, rest: &str, values: Vec<SqlStorageValue>) -> Result<SqlCursor> {
        let query = format!("SELECT {what} FROM {} {rest}", self.name);
        self.sql.exec(&query, values)
    }

    pub(super) fn put(&self, key: &str, row: &str, until_ms: u64) -> Result<()> {
        let query = format!(
            "INSERT INTO {} (key, row, until) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET row = excluded.row, until = excluded.until",
            self.name
        );
        let values = vec![key.into(), row.into(), integer(until_ms)];
        self.sql.exec(&query, values)?;
        Ok(())
    }

    /// Puts many rows, whose keys differ.
    pub(super) fn put_all(&self, rows: &[(&str, &str, u64)]) -> Result<()> {
        let query = format!(
            "INSERT INTO {} (key, row, until) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true ON CONFLICT (key) DO UPDATE SET row = excluded.row, until = excluded.until",
            self.name
        );
        for rows in rows.chunks(AT_ONCE) {
            let rows = serde_json::to_string(rows)?;
            self.sql.exec(&query, vec![rows.into()])?;
        }
        Ok(())
    }

    /// Deletes many rows.
    pub(super) fn delete_all(&self, keys: &[&str]) -> Result<()> {
        let query = format!(
            "DELETE FROM {} WHERE key IN (SELECT value FROM json_each(?))",
            self.name
        );
        for keys in keys.chunks(AT_ONCE) {
            let keys = serde_json::to_string(keys)?;
            self.sql.exec(&query, vec![keys.into()])?;
        }
        Ok(())
    }

    /// Deletes what has ended; when the first of the others ends.
    pub(super) fn sweep(&self, now_ms: u64) -> Result<Option<u64>> {
        let query = format!("DELETE FROM {} WHERE until <= ?", self.name);
        self.sql.exec(&query, vec![integer(now_ms)])?;
        let first = self.select("min(until) AS found", "", Vec::new())?;
        Ok(integer_of(first.one::<Found>()?.found))
    }
}

/// A whole number that was read.
fn integer_of(found: Option<f64>) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, or a time of at most 2^53"
    )]
    found.map(|found| found as u64)
}

fn integer(ms: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(ms).unwrap_or(i64::MAX))
}
