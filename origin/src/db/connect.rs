//! The engines' own settings: how each connects, and how long it lets a statement run.

use super::{DbError, batch::Batch, group::Group, pool::Sqlites, server::Server, sqlite::Shelf};
use crate::config::Database;
use sqlx::{
    ConnectOptions, MySql, MySqlConnection, Postgres, SqliteConnection,
    migrate::Migrator,
    mysql::MySqlConnectOptions,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

pub(super) static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
pub(super) static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");
pub(super) static MYSQL: Migrator = sqlx::migrate!("migrations/mysql");

pub(super) async fn sqlite(
    options: SqliteConnectOptions,
    config: &Database,
) -> Result<Sqlites, DbError> {
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // With WAL, what was committed survives a killed process; a power
        // cut may lose the last commits, never the consistency.
        .synchronous(if config.durable {
            SqliteSynchronous::Full
        } else {
            SqliteSynchronous::Normal
        })
        .foreign_keys(true)
        .busy_timeout(config.acquire)
        .disable_statement_logging();
    create_private(options.get_filename())?;
    SQLITE.run(&mut first(&options, config).await?).await?;
    // What is written together is answered without a wait in between.
    let writer = Shelf::new(options.clone().row_buffer_size(512), config, 1);
    Ok(Sqlites {
        readers: Shelf::new(options, config, config.max_connections),
        group: Group::new(writer.clone(), config.acquire),
        batch: Batch::new(writer.clone()),
        writer,
    })
}

/// A connection that ends statements which take too long.
pub(super) async fn sqlite_connection(
    options: &SqliteConnectOptions,
    config: &Database,
) -> Result<(SqliteConnection, Watch), DbError> {
    let mut connection = first(options, config).await?;
    let (watch, limit) = (Watch::new(), config.statement);
    let seen = watch.clone();
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(Watch::STEPS, move || seen.may_go_on(limit));
    drop(handle);
    Ok((connection, watch))
}

pub(super) async fn postgres(
    options: PgConnectOptions,
    config: &Database,
) -> Result<Server<Postgres>, DbError> {
    let options = options.disable_statement_logging();
    POSTGRES.run(&mut first(&options, config).await?).await?;
    // SET, not start-up options: poolers such as PgBouncer refuse those.
    let settings = format!(
        "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {statement}",
        statement = config.statement.as_millis(),
        lock = config.acquire.as_millis(),
    );
    Ok(Server::new(options, settings, false, config))
}

pub(super) async fn mysql(
    options: MySqlConnectOptions,
    config: &Database,
) -> Result<Server<MySql>, DbError> {
    let options = options.disable_statement_logging();
    let mut first = first(&options, config).await?;
    let version: String = sqlx::query_scalar("SELECT VERSION()")
        .fetch_one(&mut first)
        .await?;
    if is_too_old(&version) {
        return Err(DbError::TooOld(version));
    }
    MYSQL.run(&mut first).await?;
    let compounds = compounds(&mut first).await?;
    let limit = statement_limit(&version, config.statement);
    let settings = format!(
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), \
         innodb_lock_wait_timeout = {lock}, {limit}",
        lock = config.acquire.as_secs().max(1),
    );
    Ok(Server::new(options, settings, compounds, config))
}

/// In the version that such a server tells.
const MARIADB: &str = "MariaDB";

/// Whether it prepares compound statements outside of what it stores, as `MariaDB` does.
async fn compounds(connection: &mut MySqlConnection) -> Result<bool, DbError> {
    let compound = sqlx::query("BEGIN NOT ATOMIC DO ?; END").bind(1);
    match compound.execute(connection).await {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// MariaDB counts seconds and any statement, MySQL milliseconds and SELECT alone.
fn statement_limit(version: &str, limit: Duration) -> String {
    if version.contains(MARIADB) {
        format!("max_statement_time = {}", limit.as_secs_f64())
    } else {
        format!("max_execution_time = {}", limit.as_millis())
    }
}

/// Whether a server of MySQL's kind does not know `JSON_TABLE`, by which accounts are read: before `MariaDB` 10.6
/// and MySQL 8.0.
pub(crate) fn is_too_old(version: &str) -> bool {
    let needed = if version.contains(MARIADB) {
        (10, 6)
    } else {
        (8, 0)
    };
    numbers(version) < needed
}

/// The first two numbers of a version.
pub(crate) fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next())
}

/// A connection without settings of ours, such as the first, which brings the schema up to date
/// without a limit for statements. A pool would only say that its time is over; this one says why there is no connection.
pub(super) async fn first<O>(options: &O, config: &Database) -> Result<O::Connection, DbError>
where
    O: ConnectOptions,
    O::Connection: Sized,
{
    let connected = tokio::time::timeout(config.acquire, options.connect()).await;
    Ok(connected.map_err(|_| DbError::Unavailable(sqlx::Error::PoolTimedOut))??)
}

/// Password hashes are in it: nobody else on the machine may read the file.
/// SQLite gives its side files the mode of the main one.
fn create_private(file: &Path) -> Result<(), DbError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)
        .map(drop)
        .map_err(|error| DbError::Unavailable(error.into()))
}

/// When the statement that a connection of SQLite runs began. SQLite itself counts the steps of a
/// statement over all the times that it runs: under load its calls come as close for many short ones
/// as for one that is long.
#[derive(Clone)]
pub(super) struct Watch(Arc<Mutex<Instant>>);

impl Watch {
    /// Steps of SQLite's machine between calls: those of some ten rows. One step may be a call of a
    /// function that takes a while.
    const STEPS: i32 = 100;

    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// A statement begins.
    pub(super) fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn may_go_on(&self, limit: Duration) -> bool {
        let began = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        began.elapsed() < limit
    }
}

#[cfg(test)]
mod tests {
    use super::is_too_old;

    #[test]
    fn a_version_is_old_by_the_numbers_of_its_own_kind() {
        for old in ["10.5.23-MariaDB", "5.5.68-MariaDB", "5.7.44-log", "unknown"] {
            assert!(is_too_old(old), "{old}");
        }
        for known in [
            "10.6.0-MariaDB",
            "10.11.19-MariaDB-0+deb12u1",
            "11.4.2-MariaDB",
            "8.0.11",
            "9.1.0",
        ] {
            assert!(!is_too_old(known), "{known}");
        }
    }
}
