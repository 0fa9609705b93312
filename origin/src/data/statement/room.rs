//! How much an answer may hold, and the SQL that keeps the database to it.
//!
//! A row with whole tables in it is one text, and the database has made all of it before anybody
//! sees a byte: SQLite within the origin's own process. So the statement itself counts what it puts
//! together, and fails.
//!
//! Guarantees: the lists within one row hold no more than the answer may, all together, and one row
//! of each beyond it; the rows that SQLite's thread is ahead of the origin do not either.

use super::sql::Sql;
use crate::db::Engine;

/// The room of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of all rows.
    bytes: u64,
    /// Embedded tables that share them in a row.
    shares: u64,
    sums: bool,
}

impl Room {
    /// For `bytes` in all.
    ///
    /// To add up what there was before each row doubles what a list costs SQLite: at first each row is held to
    /// its own part, so that all together keep within their room. What fails so may be no more than
    /// uneven, and is tried [adding up](Self::adding_up).
    pub(crate) const fn new(bytes: u64) -> Self {
        Self {
            bytes,
            shares: 1,
            sums: false,
        }
    }

    /// Exactly as large as it may be.
    pub(crate) const fn adding_up(self) -> Self {
        Self { sums: true, ..self }
    }

    /// Between so many embedded tables.
    pub(super) const fn shared_by(self, tables: u64) -> Self {
        let shares = if tables == 0 { 1 } else { tables };
        Self { shares, ..self }
    }

    /// Whether what fails on this engine may do so by its rows' unevenness alone.
    pub(crate) fn is_rough(self, engine: Engine) -> bool {
        engine == Engine::Sqlite && !self.sums
    }

    /// What one list may hold.
    pub(super) const fn share(self) -> u64 {
        match self.bytes.checked_div(self.shares) {
            Some(share) => share,
            None => self.bytes,
        }
    }

    /// The same for a whole answer.
    pub(super) const fn whole(self) -> Self {
        self.shared_by(1)
    }

    /// What a statement with lists of one share each begins with.
    pub(super) fn begin(self, sql: &mut Sql) {
        if sql.engine() == Engine::MySql {
            let most = self.share();
            sql.push(&format!("SET STATEMENT group_concat_max_len = {most} FOR "));
        }
    }

    /// What comes before rows, the last column of which is `j`, and all of which is `e` outside.
    pub(super) fn open(self, sql: &mut Sql) {
        sql.push("(");
        if self.is_rough(sql.engine()) {
            return;
        }
        sql.push("SELECT w.*, SUM(");
        size(sql, "w.j");
        sql.push(") OVER (ROWS UNBOUNDED PRECEDING) AS s FROM (");
    }

    /// What comes behind them, of which there are `rows` at most.
    pub(super) fn close(self, sql: &mut Sql, rows: u64) {
        if !self.is_rough(sql.engine()) {
            sql.push(") AS w");
        }
        // Neither engine looks at the greatest length unless it is asked for.
        sql.push(match sql.engine() {
            Engine::Sqlite => ") AS e WHERE length(zeroblob(CASE WHEN ",
            Engine::Postgres | Engine::MySql => ") AS e WHERE length(repeat('x', CASE WHEN ",
        });
        let most = if self.is_rough(sql.engine()) {
            size(sql, "e.j");
            self.share().checked_div(rows).unwrap_or(self.share())
        } else {
            sql.push("e.s");
            self.share()
        };
        sql.push(&format!(" > {most} THEN 2147483647 ELSE 0 END)) = 0"));
    }
}

/// Bytes of a text.
fn size(sql: &mut Sql, of: &str) {
    sql.push(match sql.engine() {
        Engine::Sqlite => "octet_length(",
        Engine::Postgres | Engine::MySql => "pg_column_size(",
    });
    sql.push(of).push(")");
}
