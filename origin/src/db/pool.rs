//! The connection pool, of whichever engine.

use super::{
    DbError,
    batch::Batch,
    connect,
    group::Group,
    outbox::Outbox,
    profile::Accounts,
    query::{self, Query, query},
    server::{Hired, Server},
    shared_read::{PATIENCE, SharedRead},
    sqlite::{Lent, Shelf},
    url::Address,
};
use crate::{config::Database, random};
use gapura_shared::time::UnixMillis;
use sqlx::{MySql, Postgres};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The database. Clones share one bounded pool.
#[derive(Clone)]
pub struct Db {
    pub(super) pool: Pool,
    /// By their ids.
    pub(super) accounts: SharedRead<Accounts>,
    pub(super) outbox: Outbox,
    exports: Arc<Semaphore>,
    /// For a connection.
    patience: Duration,
}

/// Connections that are left when as many answers as may be are sent as they are read.
const NO_EXPORTS: u32 = 2;

/// The right to an answer that is sent as it is read.
#[derive(Debug)]
pub struct ExportTurn {
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone)]
pub(super) enum Pool {
    Sqlite(Sqlites),
    Postgres(Server<Postgres>),
    MySql(Server<MySql>),
}

/// SQLite's connections. It has one writer at a time, and who finds it busy sleeps and tries again:
/// here writers wait in the one connection's queue instead, and are woken in turn.
#[derive(Clone)]
pub(super) struct Sqlites {
    pub(super) readers: Shelf,
    pub(super) writer: Shelf,
    /// The same writer, for transactions that may share a commit.
    pub(super) group: Group,
    /// The same writer, for transactions that are known beforehand.
    pub(super) batch: Batch,
}

/// A connection out of the pool.
pub(super) enum Connection {
    Sqlite(Lent),
    Postgres(Hired<Postgres>),
    MySql(Hired<MySql>),
}

/// A transaction; rolled back unless committed.
pub(super) enum Write {
    Sqlite(Lent),
    Postgres(Hired<Postgres>),
    MySql(Hired<MySql>),
}

/// Where a statement runs.
pub(super) enum On<'c> {
    Sqlite(&'c mut Lent),
    Postgres(&'c mut Hired<Postgres>),
    MySql(&'c mut Hired<MySql>),
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // No further: what is inside knows the password.
        f.debug_struct("Db").finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the database, creates it when it is a file that is not there, and brings its schema
    /// up to date.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn open(config: &Database) -> Result<Self, DbError> {
        let pool = match Address::parse(&config.url)? {
            Address::Sqlite(options) => Pool::Sqlite(connect::sqlite(*options, config).await?),
            Address::Postgres(options) => {
                Pool::Postgres(connect::postgres(*options, config).await?)
            }
            Address::MySql(options) => Pool::MySql(connect::mysql(*options, config).await?),
        };
        let accounts = SharedRead::new(Accounts(pool.clone()), PATIENCE);
        let exports = config.max_connections.saturating_sub(NO_EXPORTS).max(1);
        let exports = usize::try_from(exports).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            pool,
            accounts,
            outbox: Outbox::default(),
            exports: Arc::new(Semaphore::new(exports)),
            patience: config.acquire,
        })
    }

    /// Waits for the right to send an answer as it is read, which takes a connection for as long as that
    /// lasts: some are left for everybody else.
    ///
    /// # Errors
    /// [`DbError`], when others took too long.
    pub async fn export_turn(&self) -> Result<ExportTurn, DbError> {
        let turn = Arc::clone(&self.exports).acquire_owned();
        let turn = timeout(self.patience, turn)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = turn.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(ExportTurn { _permit: permit })
    }

    /// Asks what `doctor` tells. Changes nothing.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn inspect(config: &Database) -> Result<super::Inspection, DbError> {
        super::inspect::inspect(config).await
    }

    /// Asks for one row, to see whether anybody answers.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn ping(&self) -> Result<(), DbError> {
        query("SELECT 1 FROM user_account LIMIT 1")
            .optional(self.connection().await?.on())
            .await?;
        Ok(())
    }

    /// Waits for running queries and closes every connection.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pools) => {
                pools.readers.close().await;
                pools.writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
            Pool::MySql(pool) => pool.close().await,
        }
    }

    /// A connection to read by.
    pub(super) async fn connection(&self) -> Result<Connection, DbError> {
        self.pool.connection().await
    }

    /// A connection for a single statement that writes.
    pub(super) async fn writer(&self) -> Result<Connection, DbError> {
        match &self.pool {
            Pool::Sqlite(pools) => Ok(Connection::Sqlite(pools.writer.acquire().await?)),
            Pool::Postgres(_) | Pool::MySql(_) => self.connection().await,
        }
    }

    /// A transaction that may write. In SQLite it holds the write lock from its start: one that
    /// read first and then wants to write could only be turned away. The other engines lock rows:
    /// what it decides by, it reads with [`super::query::Query::for_update`].
    pub(super) async fn write(&self) -> Result<Write, DbError> {
        Ok(match &self.pool {
            Pool::Sqlite(pools) => Write::Sqlite(pools.writer.begin().await?),
            Pool::Postgres(pool) => Write::Postgres(pool.begin("BEGIN").await?),
            Pool::MySql(pool) => Write::MySql(pool.begin("BEGIN").await?),
        })
    }

    /// A transaction that reads alone, each statement what there is by then.
    pub(super) async fn reading(&self) -> Result<Write, DbError> {
        match &self.pool {
            Pool::Postgres(pool) => Ok(Write::Postgres(pool.begin("BEGIN READ ONLY").await?)),
            Pool::Sqlite(_) | Pool::MySql(_) => self.snapshot().await,
        }
    }

    /// A transaction that reads alone, and one state of the database, whatever others write.
    pub(super) async fn snapshot(&self) -> Result<Write, DbError> {
        Ok(match &self.pool {
            Pool::Sqlite(pools) => Write::Sqlite(pools.readers.snapshot().await?),
            Pool::Postgres(pool) => Write::Postgres(
                pool.begin("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    .await?,
            ),
            Pool::MySql(pool) => Write::MySql(
                pool.begin(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION READ ONLY",
                )
                .await?,
            ),
        })
    }
}

impl Pool {
    pub(super) async fn connection(&self) -> Result<Connection, DbError> {
        Ok(match self {
            Self::Sqlite(pools) => Connection::Sqlite(pools.readers.acquire().await?),
            Self::Postgres(pool) => Connection::Postgres(pool.acquire().await?),
            Self::MySql(pool) => Connection::MySql(pool.acquire().await?),
        })
    }
}

impl Connection {
    pub(super) fn on(&mut self) -> On<'_> {
        match self {
            Self::Sqlite(connection) => On::Sqlite(connection),
            Self::Postgres(connection) => On::Postgres(connection),
            Self::MySql(connection) => On::MySql(connection),
        }
    }
}

impl Write {
    pub(super) fn on(&mut self) -> On<'_> {
        match self {
            Self::Sqlite(connection) => On::Sqlite(connection),
            Self::Postgres(connection) => On::Postgres(connection),
            Self::MySql(connection) => On::MySql(connection),
        }
    }

    pub(super) async fn commit(self) -> Result<(), DbError> {
        let done = match self {
            Self::Sqlite(mut connection) => connection.commit().await,
            Self::Postgres(mut connection) => connection.commit().await,
            Self::MySql(mut connection) => connection.commit().await,
        };
        Ok(done?)
    }

    /// Runs the last statements, of which nothing is asked, and commits; in SQLite all at once.
    pub(super) async fn commit_with<const N: usize>(
        mut self,
        last: [Query<'_>; N],
    ) -> Result<(), DbError> {
        if let Self::Sqlite(connection) = &mut self {
            return Ok(query::finish(&last, connection).await?);
        }
        for statement in last {
            statement.execute(self.on()).await?;
        }
        self.commit().await
    }
}

/// How often a transaction is tried that the engine ends in favour of another one.
const TRIES: u32 = 4;

/// Tries a transaction again when it collided with another one. Nothing has changed then.
pub(super) async fn retried<T, F>(transaction: impl Fn() -> F + Send) -> Result<T, DbError>
where
    F: Future<Output = Result<T, DbError>> + Send,
{
    for tried in 1..TRIES {
        match transaction().await {
            Err(error) if error.is_collision() => {}
            done => return done,
        }
        rest(tried).await;
    }
    transaction().await
}

/// Waits before a transaction is tried again that was tried so often.
pub(crate) async fn rest(tried: u32) {
    let random = u32::from_le_bytes(random::bytes());
    tokio::time::sleep(pause(tried, random)).await;
}

/// At random up to a bound that doubles with each time, 8 ms at first and 64 ms at most: those that
/// collided come at different times then.
fn pause(tried: u32, random: u32) -> Duration {
    let bound = Duration::from_millis(4 << tried.min(4));
    bound * (random >> 16) / u32::from(u16::MAX)
}

/// As the engine stores it.
pub(super) fn stored(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// As it was before [`stored`]; 1970 for what we never stored.
pub(super) fn restored(at: i64) -> UnixMillis {
    UnixMillis(u64::try_from(at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Duration, pause};

    #[test]
    fn pauses_are_random_and_bounded() {
        for (tried, most) in [(1, 8), (2, 16), (3, 32), (4, 64), (9, 64)] {
            assert_eq!(pause(tried, 0), Duration::ZERO);
            assert_eq!(pause(tried, u32::MAX), Duration::from_millis(most));
            let half = pause(tried, u32::MAX / 2);
            assert!(half.abs_diff(Duration::from_millis(most / 2)) < Duration::from_millis(1));
        }
    }
}
