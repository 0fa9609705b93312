//! One statement for three engines: written once in PostgreSQL's form, values bound.
//!
//! `sqlx::Any` would do the same with fewer types and a dynamic call more, but neither translates
//! placeholders nor knows the engines' own settings.

use super::{pool::On, server::Hired, sqlite::Lent};
use sqlx::{
    AssertSqlSafe, Decode, MySql, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Type,
    mysql::MySqlRow, postgres::PgRow, sqlite::SqliteRow,
};
use std::fmt::Write as _;

/// A statement with its values. Its placeholders are `$1`, `$2` and so on, which SQLite knows too.
#[derive(Debug)]
pub(super) struct Query<'q> {
    pub(super) sql: &'static str,
    mysql: &'static str,
    locks: bool,
    pub(super) values: Vec<Value<'q>>,
}

/// A value to bind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'q> {
    Text(Option<&'q str>),
    Integer(Option<i64>),
    Bytes(&'q [u8]),
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(text: &'q str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    fn from(text: Option<&'q str>) -> Self {
        Self::Text(text)
    }
}

/// PostgreSQL keeps no NUL in a text, and nothing of ours needs one: no engine is asked to.
#[derive(Debug, thiserror::Error)]
#[error("a text has a NUL")]
pub(super) struct NulText;

impl Value<'_> {
    fn is_kept(&self) -> bool {
        !matches!(self, Self::Text(Some(text)) if text.contains('\0'))
    }
}

impl From<i64> for Value<'_> {
    fn from(integer: i64) -> Self {
        Self::Integer(Some(integer))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(integer: Option<i64>) -> Self {
        Self::Integer(integer)
    }
}

impl<'q> From<&'q [u8; 32]> for Value<'q> {
    fn from(bytes: &'q [u8; 32]) -> Self {
        Self::Bytes(bytes)
    }
}

/// A statement for every engine.
pub(super) const fn query<'q>(sql: &'static str) -> Query<'q> {
    Query {
        sql,
        mysql: sql,
        locks: false,
        values: Vec::new(),
    }
}

/// Binds the values and runs the statement on whichever engine it is.
macro_rules! run {
    ($query:ident, $on:expr, $connection:ident, $bound:ident => $run:expr, $wrap:ident) => {
        match $on {
            On::Sqlite(lent) => {
                let ($connection, sql) = sqlite!($wrap, lent, $query.sql);
                let $bound = bind!(sqlx::query::<Sqlite>(sql), $query.values.iter());
                let done = $run;
                $wrap!(Sqlite, lent.done(done))
            }
            On::Postgres(hired) => {
                let $connection = hired.connection()?;
                let sql = $query.postgres();
                let $bound = bind!(sqlx::query::<Postgres>(sql), $query.values.iter());
                let done = $run;
                $wrap!(Postgres, hired.done(done))
            }
            On::MySql(hired) => {
                let $connection = hired.connection()?;
                let (sql, order) = $query.mysql();
                let values = order.iter().filter_map(|at| $query.values.get(*at));
                let $bound = bind!(sqlx::query::<MySql>(sql), values);
                let done = $run;
                $wrap!(MySql, hired.done(done))
            }
        }
    };
}

macro_rules! sqlite {
    (affected, $lent:ident, $sql:expr) => {
        ($lent.counting().await?, $sql)
    };
    ($reads:ident, $lent:ident, $sql:expr) => {
        $lent.reading($sql)?
    };
}

macro_rules! bind {
    ($query:expr, $values:expr) => {
        $values.fold($query, |query, value| match *value {
            Value::Text(text) => query.bind(text),
            Value::Integer(integer) => query.bind(integer),
            Value::Bytes(bytes) => query.bind(bytes),
        })
    };
}

macro_rules! affected {
    ($engine:ident, $done:expr) => {
        Ok($done?.rows_affected())
    };
}

macro_rules! rows {
    ($engine:ident, $rows:expr) => {
        Ok($rows?.into_iter().map(Row::$engine).collect())
    };
}

macro_rules! row {
    ($engine:ident, $row:expr) => {
        Ok($row?.map(Row::$engine))
    };
}

impl<'q> Query<'q> {
    /// What MySQL and MariaDB say instead.
    pub(super) const fn mysql_as(mut self, sql: &'static str) -> Self {
        self.mysql = sql;
        self
    }

    /// Rows that are read stay as they are until the transaction ends. SQLite has one writer
    /// anyway, so this is a part of the other engines' statements alone.
    pub(super) const fn for_update(mut self) -> Self {
        self.locks = true;
        self
    }

    pub(super) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The number of rows that were changed or, where nothing was to change, met.
    pub(super) async fn execute(self, on: On<'_>) -> Result<u64, sqlx::Error> {
        self.check()?;
        run!(self, on, connection, bound => bound.execute(connection).await, affected)
    }

    pub(super) async fn all(self, on: On<'_>) -> Result<Vec<Row>, sqlx::Error> {
        self.check()?;
        run!(self, on, connection, bound => bound.fetch_all(connection).await, rows)
    }

    pub(super) async fn optional(self, on: On<'_>) -> Result<Option<Row>, sqlx::Error> {
        self.check()?;
        run!(self, on, connection, bound => bound.fetch_optional(connection).await, row)
    }

    /// As [`Self::optional`] of a compound statement of MySQL's kind that begins a transaction and ends it.
    pub(super) async fn transaction(
        self,
        hired: &mut Hired<MySql>,
    ) -> Result<Option<Row>, sqlx::Error> {
        self.check()?;
        let (sql, order) = self.mysql();
        let values = order.iter().filter_map(|at| self.values.get(*at));
        let rows = hired
            .transaction(bind!(sqlx::query::<MySql>(sql), values))
            .await?;
        Ok(rows.into_iter().next().map(Row::MySql))
    }

    fn check(&self) -> Result<(), sqlx::Error> {
        let kept = self.values.iter().all(Value::is_kept);
        kept.then_some(())
            .ok_or_else(|| sqlx::Error::Encode(NulText.into()))
    }

    fn postgres(&self) -> SqlStr {
        if self.locks {
            AssertSqlSafe(format!("{} FOR UPDATE", self.sql)).into_sql_str()
        } else {
            self.sql.into_sql_str()
        }
    }

    /// With `?` for each placeholder, and which value belongs to each.
    fn mysql(&self) -> (SqlStr, Vec<usize>) {
        let mut sql = String::with_capacity(self.mysql.len() + 11);
        let order = positional(self.mysql, &mut sql);
        if self.locks {
            sql.push_str(" FOR UPDATE");
        }
        (AssertSqlSafe(sql).into_sql_str(), order)
    }
}

/// Adds a statement with `?` for each placeholder; which value belongs to each.
pub(super) fn positional(statement: &str, sql: &mut String) -> Vec<usize> {
    let mut order = Vec::new();
    replaced(statement, sql, |sql, at| {
        order.push(at);
        sql.push('?');
    });
    order
}

/// Adds a statement with what `put` makes of each placeholder, counted from 0.
fn replaced(statement: &str, sql: &mut String, mut put: impl FnMut(&mut String, usize)) {
    let mut parts = statement.split('$');
    sql.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part.strip_suffix(rest).and_then(|text| text.parse().ok());
        match number {
            Some(number) => put(sql, usize::saturating_sub(number, 1)),
            // A path of JSON begins so, too.
            None => sql.push('$'),
        }
        sql.push_str(rest);
    }
}

/// Runs a transaction that is known beforehand in MySQL, by two questions however many its statements are:
/// the values are bound to variables of the connection, then all is run. The rows of all.
pub(super) async fn at_once(
    statements: &[Query<'_>],
    hired: &mut Hired<MySql>,
) -> Result<Vec<Row>, sqlx::Error> {
    let (mut set, mut sql) = (String::from("SET "), String::from("BEGIN;"));
    let mut values = Vec::new();
    for statement in statements {
        statement.check()?;
        let first = values.len();
        for value in &statement.values {
            let comma = if values.is_empty() { "" } else { ", " };
            // Writing to a string never fails.
            let _ = write!(set, "{comma}@v{} = ?", values.len());
            values.push(value);
        }
        replaced(statement.mysql, &mut sql, |sql, at| {
            let _ = write!(sql, "@v{}", first + at);
        });
        sql.push(';');
    }
    sql.push_str("COMMIT");
    let bound = bind!(
        sqlx::query::<MySql>(AssertSqlSafe(set).into_sql_str()),
        values.into_iter()
    );
    let done = bound.execute(hired.connection()?).await;
    hired.done(done)?;
    let sql = AssertSqlSafe(sql).into_sql_str();
    let rows = hired.transaction(sqlx::raw_sql(sql)).await?;
    Ok(rows.into_iter().map(Row::MySql).collect())
}

/// Runs the last statements of a transaction in SQLite, and its `COMMIT`, as one.
pub(super) async fn finish(last: &[Query<'_>], lent: &mut Lent) -> Result<(), sqlx::Error> {
    let (connection, begin) = lent.ending()?;
    let (mut sql, mut values) = (begin.to_owned(), Vec::<&Value<'_>>::new());
    for statement in last {
        statement.check()?;
        let order = positional(statement.sql, &mut sql);
        values.extend(order.iter().filter_map(|at| statement.values.get(*at)));
        sql.push(';');
    }
    sql.push_str("COMMIT");
    let bound = bind!(
        sqlx::query::<Sqlite>(AssertSqlSafe(sql)),
        values.into_iter()
    );
    let done = bound.execute(connection).await;
    lent.committed(done.map(drop))
}

/// A row of whichever engine.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    MySql(MySqlRow),
}

/// What every engine can be asked for.
pub(super) trait Column:
    for<'r> Decode<'r, Sqlite>
    + Type<Sqlite>
    + for<'r> Decode<'r, Postgres>
    + Type<Postgres>
    + for<'r> Decode<'r, MySql>
    + Type<MySql>
{
}

impl<T> Column for T where
    T: for<'r> Decode<'r, Sqlite>
        + Type<Sqlite>
        + for<'r> Decode<'r, Postgres>
        + Type<Postgres>
        + for<'r> Decode<'r, MySql>
        + Type<MySql>
{
}

impl Row {
    pub(super) fn get<T: Column>(&self, name: &str) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(name),
            Self::Postgres(row) => row.try_get(name),
            Self::MySql(row) => row.try_get(name),
        }
    }

    /// By its place among the columns.
    pub(super) fn at<T: Column>(&self, place: usize) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(place),
            Self::Postgres(row) => row.try_get(place),
            Self::MySql(row) => row.try_get(place),
        }
    }

    /// A text as it lies there.
    pub(super) fn text(&self, place: usize) -> Result<Option<&str>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(place),
            Self::Postgres(row) => row.try_get(place),
            Self::MySql(row) => row.try_get(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn each_engine_gets_its_own_placeholders() {
        let sql = "SELECT a FROM b WHERE c = $2 AND ($1 IS NULL OR d = $1) AND e = $10";
        let asked = query(sql).for_update();
        let (mysql, order) = asked.mysql();
        assert_eq!(
            mysql.as_str(),
            "SELECT a FROM b WHERE c = ? AND (? IS NULL OR d = ?) AND e = ? FOR UPDATE"
        );
        assert_eq!(order, [1, 0, 0, 9]);
        assert_eq!(
            query("SELECT '$[*]', $1").mysql().0.as_str(),
            "SELECT '$[*]', ?"
        );
        assert_eq!(asked.postgres().as_str(), format!("{sql} FOR UPDATE"));
        assert_eq!(query(sql).postgres().as_str(), sql);
    }
}
