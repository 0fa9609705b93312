//! Statements about the application's own tables, which `data` builds: run with their values, in
//! a transaction, as whom the database knows.
//!
//! Guarantees: values are bound, and every column that comes back is text; a transaction that is
//! dropped changes nothing.

mod catalog;
mod fault;
mod idempotency;
mod shared_commit;

pub(crate) use catalog::search_table;
pub use catalog::{CatalogColumn, Filling, ForeignKey, Relation};
pub use fault::DataFault;
pub use idempotency::{Before, IdempotencyKey};
pub use shared_commit::Spoiler;

use super::{
    Db, DbError, Engine,
    batch::Script,
    group::{Member, Place},
    pool::{Connection, On, Pool, Write},
    query::Row as AnyRow,
};
use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Database, Encode, MySql, Postgres, Row, Sqlite, Type, ValueRef, mysql::MySqlRow,
    postgres::PgRow, sqlite::SqliteRow,
};
use std::future::ready;

/// A value to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// NULL.
    Null,
    /// Text, and whatever is written as text.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A number as it is written.
    Number(String),
    /// True or false.
    Boolean(bool),
}

/// SQL with its values, in the order of their placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// In the engine's own words.
    pub sql: String,
    /// One for each placeholder.
    pub values: Vec<Bound>,
}

impl Statement {
    /// Whether an engine takes all of its values.
    const fn fits(&self, most: usize) -> Result<(), DbError> {
        let values = self.values.len();
        if values > most {
            return Err(DbError::TooManyValues { values, most });
        }
        Ok(())
    }

    /// A line of the log at level `debug`: its first word alone, for the rest is as the client asked.
    fn note(&self) {
        // What a variable is set for alone is that statement.
        let set = self.sql.strip_prefix("SET STATEMENT ");
        let set = set.and_then(|sql| sql.split_once(" FOR "));
        let sql = set.map_or(self.sql.as_str(), |(_, sql)| sql);
        let kind = sql.split(' ').next().unwrap_or_default();
        tracing::debug!(kind, "statement");
    }
}

/// How many values one statement takes: `SQLITE_MAX_VARIABLE_NUMBER`; sixteen bits in the protocols of
/// the servers.
const fn most_values(on: &On<'_>) -> usize {
    match on {
        On::Sqlite(_) => 32_766,
        On::Postgres(_) | On::MySql(_) => 65_535,
    }
}

/// A row: every column as text.
pub type TextRow = Vec<Option<String>>;

/// Whom PostgreSQL runs a transaction as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct As {
    /// The database's role; `None`: our own.
    pub role: Option<String>,
    /// What `auth.jwt()` and its like read there, as JSON.
    pub claims: String,
}

/// A connection with a transaction, or for a single statement that reads.
pub struct DataTransaction(Kind);

enum Kind {
    Single(Connection),
    Whole(Write),
    Grouped(Member),
}

impl std::fmt::Debug for DataTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataTransaction")
    }
}

impl Db {
    /// Which engine it is.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match &self.pool {
            Pool::Sqlite(_) => Engine::Sqlite,
            Pool::Postgres(_) => Engine::Postgres,
            Pool::MySql(_) => Engine::MySql,
        }
    }

    /// Statements of our own, one after the other.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn run_script(&self, sql: &'static str) -> Result<(), DbError> {
        match self.writer().await?.on() {
            On::Sqlite(lent) => {
                let done = sqlx::raw_sql(sql).execute(lent.counting().await?).await;
                lent.done(done.map(drop))?;
            }
            On::Postgres(hired) => {
                let done = sqlx::raw_sql(sql).execute(hired.connection()?).await;
                hired.done(done.map(drop))?;
            }
            On::MySql(hired) => {
                let done = sqlx::raw_sql(sql).execute(hired.connection()?).await;
                hired.done(done.map(drop))?;
            }
        }
        Ok(())
    }

    /// For one statement that reads. PostgreSQL needs a transaction even so: it is what a role and
    /// claims are set for.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn data_read(&self, whom: &As) -> Result<DataTransaction, DbError> {
        match &self.pool {
            Pool::Postgres(_) => self.whole(self.reading().await?, whom).await,
            Pool::Sqlite(_) | Pool::MySql(_) => {
                Ok(DataTransaction(Kind::Single(self.connection().await?)))
            }
        }
    }

    /// For several statements that read one state of the database.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn data_snapshot(&self, whom: &As) -> Result<DataTransaction, DbError> {
        self.whole(self.snapshot().await?, whom).await
    }

    /// For statements that write.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn data_write(&self, whom: &As) -> Result<DataTransaction, DbError> {
        self.write_as(whom, Place::Any).await
    }

    /// For statements that write, and may take a while: nobody who is done waits for them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn data_write_slowly(&self, whom: &As) -> Result<DataTransaction, DbError> {
        self.write_as(whom, Place::First).await
    }

    async fn write_as(&self, whom: &As, place: Place) -> Result<DataTransaction, DbError> {
        if let Pool::Sqlite(pools) = &self.pool {
            let member = pools.group.join(place).await?;
            return Ok(DataTransaction(Kind::Grouped(member)));
        }
        self.whole(self.write().await?, whom).await
    }

    async fn whole(&self, write: Write, whom: &As) -> Result<DataTransaction, DbError> {
        let mut transaction = DataTransaction(Kind::Whole(write));
        if self.engine() == Engine::Postgres {
            transaction.become_one(whom).await?;
        }
        Ok(transaction)
    }
}

impl Db {
    /// Runs a statement that is a transaction by itself together with others that come at the same
    /// time, if each of its rows is such. `None`: nothing was done, and it is to be run alone.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn data_together(
        &self,
        statement: Statement,
        holds: impl Fn(TextRow) -> bool + Send + Sync + 'static,
    ) -> Result<Option<Vec<TextRow>>, DbError> {
        let Pool::Sqlite(pools) = &self.pool else {
            return Ok(None);
        };
        statement.note();
        let script = Script::holding(statement, move |rows| {
            rows.iter().all(|row| texts(row).is_ok_and(&holds))
        });
        let Some(rows) = pools.batch.run(script).await? else {
            return Ok(None);
        };
        let rows = rows.iter().map(texts).collect::<Result<_, _>>()?;
        Ok(Some(rows))
    }
}

fn texts(row: &AnyRow) -> Result<TextRow, sqlx::Error> {
    match row {
        AnyRow::Sqlite(row) => sqlite_texts(row),
        AnyRow::Postgres(row) => postgres_texts(row),
        AnyRow::MySql(row) => mysql_texts(row),
    }
}

impl DataTransaction {
    async fn become_one(&mut self, whom: &As) -> Result<(), DbError> {
        let mut sql = "SELECT set_config('request.jwt.claims', $1, true)".to_owned();
        let mut values = vec![Bound::Text(whom.claims.clone())];
        if let Some(role) = &whom.role {
            sql.push_str(", set_config('role', $2, true)");
            values.push(Bound::Text(role.clone()));
        }
        self.rows(&Statement { sql, values }).await.map(drop)
    }

    fn on(&mut self) -> Result<On<'_>, DbError> {
        Ok(match &mut self.0 {
            Kind::Single(connection) => connection.on(),
            Kind::Whole(write) => write.on(),
            Kind::Grouped(member) => On::Sqlite(member.lent().ok_or(sqlx::Error::PoolClosed)?),
        })
    }

    /// Every row.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn rows(&mut self, statement: &Statement) -> Result<Vec<TextRow>, DbError> {
        let mut rows = Vec::new();
        let take = |row| {
            rows.push(row);
            Ok::<_, DbError>(())
        };
        self.each(statement, take).await?;
        Ok(rows)
    }

    /// Gives each row to `take` as it comes, until that fails.
    ///
    /// # Errors
    /// [`DbError`], and that of `take`.
    pub async fn each<E: From<DbError> + Send>(
        &mut self,
        statement: &Statement,
        mut take: impl FnMut(TextRow) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        self.flow(statement, |row| ready(take(row))).await
    }

    /// Gives each row to `take` as it comes, the next one when that has ended, until it fails.
    ///
    /// # Errors
    /// [`DbError`], and that of `take`.
    pub async fn flow<E: From<DbError>, F: Future<Output = Result<(), E>> + Send>(
        &mut self,
        statement: &Statement,
        mut take: impl FnMut(TextRow) -> F + Send,
    ) -> Result<(), E> {
        statement.note();
        let sql = AssertSqlSafe(statement.sql.clone());
        macro_rules! each {
            ($engine:ident, $sql:expr, $connection:expr, $text:path) => {{
                let query = sqlx::query::<$engine>($sql);
                let query = statement.values.iter().fold(query, bind::<$engine>);
                let mut rows = query.fetch($connection);
                while let Some(row) = rows.try_next().await.map_err(DbError::from)? {
                    take($text(&row).map_err(DbError::from)?).await?;
                }
            }};
        }
        let on = self.on()?;
        statement.fits(most_values(&on))?;
        match on {
            On::Sqlite(lent) => {
                let (connection, sql) = lent.reading(sql).map_err(DbError::from)?;
                each!(Sqlite, sql, connection, sqlite_texts);
                lent.done(Ok(())).map_err(DbError::from)?;
            }
            On::Postgres(hired) => {
                let connection = hired.connection().map_err(DbError::from)?;
                each!(Postgres, sql, connection, postgres_texts);
                hired.done(Ok(())).map_err(DbError::from)?;
            }
            On::MySql(hired) => {
                let connection = hired.connection().map_err(DbError::from)?;
                each!(MySql, sql, connection, mysql_texts);
                hired.done(Ok(())).map_err(DbError::from)?;
            }
        }
        Ok(())
    }

    /// The number of rows that were changed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn execute(&mut self, statement: &Statement) -> Result<u64, DbError> {
        statement.note();
        let sql = AssertSqlSafe(statement.sql.clone());
        macro_rules! run {
            ($engine:ident, $connection:expr) => {{
                let query = sqlx::query::<$engine>(sql);
                let query = statement.values.iter().fold(query, bind::<$engine>);
                query.execute($connection).await
            }};
        }
        let on = self.on()?;
        statement.fits(most_values(&on))?;
        Ok(match on {
            On::Sqlite(lent) => {
                let done = run!(Sqlite, lent.counting().await?);
                lent.done(done)?.rows_affected()
            }
            On::Postgres(hired) => {
                let done = run!(Postgres, hired.connection()?);
                hired.done(done)?.rows_affected()
            }
            On::MySql(hired) => {
                let done = run!(MySql, hired.connection()?);
                hired.done(done)?.rows_affected()
            }
        })
    }

    /// Makes it last.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn commit(self) -> Result<(), DbError> {
        match self.0 {
            Kind::Single(_) => Ok(()),
            Kind::Whole(write) => write.commit().await,
            Kind::Grouped(member) => member.commit().await,
        }
    }
}

/// PostgreSQL gets everything as text, and the statement says what it is; the others get numbers.
fn bind<'q, D>(
    query: sqlx::query::Query<'q, D, D::Arguments>,
    value: &'q Bound,
) -> sqlx::query::Query<'q, D, D::Arguments>
where
    D: Database,
    Option<&'q str>: Encode<'q, D> + Type<D>,
    Option<String>: Encode<'q, D> + Type<D>,
    Option<i64>: Encode<'q, D> + Type<D>,
    Option<f64>: Encode<'q, D> + Type<D>,
{
    let as_text = D::NAME == Postgres::NAME;
    match value {
        Bound::Null => query.bind(None::<&str>),
        Bound::Text(text) => query.bind(Some(text.as_str())),
        Bound::Integer(integer) if as_text => query.bind(Some(integer.to_string())),
        Bound::Integer(integer) => query.bind(Some(*integer)),
        Bound::Number(text) if as_text => query.bind(Some(text.as_str())),
        Bound::Number(text) => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(integer), _) => query.bind(Some(integer)),
            (_, Ok(number)) => query.bind(Some(number)),
            _ => query.bind(None::<f64>),
        },
        Bound::Boolean(value) if as_text => query.bind(Some(if *value { "true" } else { "false" })),
        Bound::Boolean(value) => query.bind(Some(i64::from(*value))),
    }
}

macro_rules! texts {
    ($name:ident, $row:ty) => {
        fn $name(row: &$row) -> Result<TextRow, sqlx::Error> {
            (0..row.len())
                .map(|at| {
                    if row.try_get_raw(at)?.is_null() {
                        return Ok(None);
                    }
                    // The statement made a text of it, whatever the column is called.
                    row.try_get_unchecked::<String, _>(at).map(Some)
                })
                .collect()
        }
    };
}

texts!(sqlite_texts, SqliteRow);
texts!(postgres_texts, PgRow);
texts!(mysql_texts, MySqlRow);
