//! The connection pool.

use super::DbError;
use crate::config::Database;
use gapura_shared::time::UnixMillis;
use sqlx::{
    ConnectOptions, Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, str::FromStr};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// The database. Clones share one bounded pool.
#[derive(Debug, Clone)]
pub struct Db {
    pub(super) pool: SqlitePool,
}

impl Db {
    /// Opens the database, creates it when it is not there, and brings its
    /// schema up to date.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn open(config: &Database) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::from_str(&config.url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With WAL, what was committed survives a killed process; a power
            // cut may lose the last commits, never the consistency.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(config.acquire)
            .disable_statement_logging();
        create_private(options.get_filename())?;
        let pool = SqlitePoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.acquire)
            // A local file needs no ping before each use.
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool })
    }

    /// Asks for one row, to see whether anybody answers.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1 FROM user_account LIMIT 1")
            .fetch_optional(&self.pool)
            .await?;
        Ok(())
    }

    /// Waits for running queries and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that holds the write lock from its start: one that read
    /// first and then wants to write could only be turned away.
    pub(super) async fn write(&self) -> Result<Transaction<'static, Sqlite>, DbError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
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

/// As the engine stores it.
pub(super) fn stored(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// As it was before [`stored`]; 1970 for what we never stored.
pub(super) fn restored(at: i64) -> UnixMillis {
    UnixMillis(u64::try_from(at).unwrap_or_default())
}
