//! Foreign keys of SQLite that are looked at when the transaction ends, not when a row is written.
//! Writes share a commit there: one that breaks such a key would fail all of them, and be told of as
//! if the database were away.

use super::{As, Statement};
use crate::db::{Db, DbError, Engine};

impl Db {
    /// The tables that have such keys; none on other engines, where each write commits by itself.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn deferring_tables(&self) -> Result<Vec<String>, DbError> {
        if self.engine() != Engine::Sqlite {
            return Ok(Vec::new());
        }
        let nobody = As {
            role: None,
            claims: String::new(),
        };
        let statement = Statement {
            sql: "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL \
                  ORDER BY name"
                .to_owned(),
            values: Vec::new(),
        };
        let mut transaction = self.data_read(&nobody).await?;
        let rows = transaction.rows(&statement).await?;
        transaction.commit().await?;
        let mut tables = Vec::new();
        for mut row in rows {
            let sql = row.pop().flatten().unwrap_or_default();
            if defers(&sql) {
                tables.extend(row.pop().flatten());
            }
        }
        Ok(tables)
    }
}

/// Whether a table's definition has `DEFERRABLE INITIALLY DEFERRED` that no `NOT` precedes.
fn defers(sql: &str) -> bool {
    let words = words(sql);
    words.windows(3).enumerate().any(|(at, three)| {
        let is_key = three == ["DEFERRABLE", "INITIALLY", "DEFERRED"];
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        is_key && before.is_none_or(|word| word != "NOT")
    })
}

/// Its words, without comments; what is quoted is no word.
fn words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let after = |start: usize, end: &str| {
            let inside = rest.get(start..).unwrap_or_default();
            let length = inside.find(end).map_or(inside.len(), |at| at + end.len());
            start.saturating_add(length)
        };
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let taken = match first {
            '\'' => after(1, "'"),
            '"' => after(1, "\""),
            '`' => after(1, "`"),
            '[' => after(1, "]"),
            '-' if rest.starts_with("--") => after(2, "\n"),
            '/' if rest.starts_with("/*") => after(2, "*/"),
            _ if is_word(first) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                words.extend(rest.get(..length).map(str::to_ascii_uppercase));
                length
            }
            _ => first.len_utf8(),
        };
        if !is_word(first) && !first.is_whitespace() && taken == first.len_utf8() {
            // `(` and its like part what stands on both sides.
            words.push(String::new());
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::defers;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_deferred_where_its_definition_says_so() {
        for (sql, found) in [
            ("REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED", true),
            (
                "references p deferrable /* ) */ initially -- x\n deferred",
                true,
            ),
            ("REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED", false),
            ("REFERENCES p DEFERRABLE INITIALLY IMMEDIATE", false),
            ("REFERENCES p DEFERRABLE", false),
            ("a TEXT DEFAULT 'DEFERRABLE INITIALLY DEFERRED'", false),
            ("a TEXT -- DEFERRABLE INITIALLY DEFERRED\n", false),
            ("\"DEFERRABLE\" INITIALLY DEFERRED", false),
            (
                "x TEXT DEFAULT 'it''s' REFERENCES p DEFERRABLE INITIALLY DEFERRED",
                true,
            ),
        ] {
            assert_eq!(defers(sql), found, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(sql in "\\PC{0,40}|['\"`\\[\\]/*-]{0,12}") {
            let _ = defers(&sql);
        }
    }
}
