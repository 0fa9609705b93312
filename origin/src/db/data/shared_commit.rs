//! What a schema of SQLite may not have, for writes share a commit there: foreign keys that are looked at
//! when the transaction ends, and conflicts and triggers that roll all of it back. One write would fail
//! all the others, and be told of as if the database were away. Nor may a row take the place of
//! another one that its writer may not even see.

use super::{As, Statement};
use crate::db::{Db, DbError, Engine};

/// What a table or a trigger has that it may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoiler {
    /// `table` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it has, and what comes of it.
    pub fault: &'static str,
}

/// Words that follow each other; an empty one stands for what is no word.
const FAULTS: [(&[&str], &str); 5] = [
    (
        &["DEFERRABLE", "INITIALLY", "DEFERRED"],
        "has a foreign key that is DEFERRABLE INITIALLY DEFERRED: one write that breaks it would fail \
         the others of its commit",
    ),
    (&["ON", "CONFLICT", "ROLLBACK"], ROLLS_BACK),
    (&["OR", "ROLLBACK"], ROLLS_BACK),
    (&["RAISE", "", "ROLLBACK"], ROLLS_BACK),
    (
        &["ON", "CONFLICT", "REPLACE"],
        "has an ON CONFLICT REPLACE: a row that is added would take the place of one that its writer \
         may not see",
    ),
];
const ROLLS_BACK: &str =
    "has a ROLLBACK: one write that it ends would take the others of its commit back";

impl Db {
    /// All that there is; nothing on other engines, where each write commits by itself.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn spoilers(&self) -> Result<Vec<Spoiler>, DbError> {
        if self.engine() != Engine::Sqlite {
            return Ok(Vec::new());
        }
        let nobody = As {
            role: None,
            claims: String::new(),
        };
        let statement = Statement {
            sql: "SELECT type, name, sql FROM sqlite_master \
                  WHERE type IN ('table', 'trigger') AND sql IS NOT NULL ORDER BY name"
                .to_owned(),
            values: Vec::new(),
        };
        let mut transaction = self.data_read(&nobody).await?;
        let rows = transaction.rows(&statement).await?;
        transaction.commit().await?;
        let mut spoilers = Vec::new();
        for row in rows {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || cells.next().unwrap_or_default();
            let (kind, name, sql) = (next(), next(), next());
            spoilers.extend(faults(&sql).map(|fault| Spoiler {
                kind: kind.clone(),
                name: name.clone(),
                fault,
            }));
        }
        Ok(spoilers)
    }
}

/// What a definition has of [`FAULTS`] that no `NOT` precedes.
fn faults(sql: &str) -> impl Iterator<Item = &'static str> {
    let words = words(sql);
    let has = move |fault: &&[&str]| {
        words.windows(fault.len()).enumerate().any(|(at, some)| {
            let before = at.checked_sub(1).and_then(|at| words.get(at));
            some == *fault && before.is_none_or(|word| word != "NOT")
        })
    };
    FAULTS
        .iter()
        .filter(move |(fault, _)| has(fault))
        .map(|(_, says)| *says)
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
    use super::{FAULTS, faults};
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
            let first = FAULTS[0].1;
            assert_eq!(faults(sql).any(|fault| fault == first), found, "{sql}");
        }
    }

    #[test]
    fn what_takes_others_back_is_found() {
        for (sql, number) in [
            ("code TEXT UNIQUE ON CONFLICT ROLLBACK", 1),
            ("code TEXT UNIQUE on conflict /* ! */ replace", 1),
            ("SELECT raise (ROLLBACK, 'no') WHERE NEW.n < 0", 1),
            (
                "UPDATE OR ROLLBACK n SET n = 1; INSERT OR ROLLBACK INTO n VALUES (1)",
                1,
            ),
            ("SELECT RAISE(ABORT, 'ROLLBACK')", 0),
            ("code TEXT UNIQUE ON CONFLICT IGNORE, rollback TEXT", 0),
            ("INSERT INTO n VALUES (1) ON CONFLICT DO NOTHING", 0),
            ("x TEXT DEFAULT 'ON CONFLICT REPLACE'", 0),
        ] {
            assert_eq!(faults(sql).count(), number, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(sql in "\\PC{0,40}|['\"`\\[\\]/*-]{0,12}") {
            let _ = faults(&sql).count();
        }
    }
}
