//! SQLite's connections, of our own keeping.
//!
//! Each is a thread of sqlx, and whatever it is asked costs two wake-ups; sqlx's pool asks each one
//! that comes back whether it still lives, which is as much as the query that it was lent for.
//! Here one that comes back clean is put back, and nothing is asked that need not be: a transaction
//! begins with its first statement, and ends with its last ones.
//!
//! Guarantees: as many connections as configured, each lent to one at a time, in turn; what was
//! dropped in the middle of a statement or a transaction is rolled back before anybody else gets it.

use super::{
    DbError,
    connect::{self, Watch},
};
use crate::config::Database;
use sqlx::{
    AssertSqlSafe, Connection as _, SqlSafeStr, SqlStr, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// An older connection is closed instead of lent again: a file that was put in the place of another
/// one is seen then.
const MAX_AGE: Duration = Duration::from_mins(30);

/// Connections to one file.
#[derive(Clone)]
pub(super) struct Shelf(Arc<Inner>);

struct Inner {
    options: SqliteConnectOptions,
    config: Database,
    size: u32,
    /// Closed with the shelf.
    permits: Arc<Semaphore>,
    /// The last one that came back is lent first: it is the warmest.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: SqliteConnection,
    watch: Watch,
    opened: Instant,
}

/// A connection and what has become of it. It goes back to its shelf by itself.
pub(super) struct Lent {
    /// Gone when it has been taken back.
    idle: Option<Idle>,
    transaction: Transaction,
    /// A statement has begun and was not seen to end.
    running: bool,
    /// Of a connection off a shelf.
    home: Option<(Arc<Inner>, OwnedSemaphorePermit)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    /// Begins with the next statement, by this one; `inside` one that is open already.
    Due {
        by: &'static str,
        inside: bool,
    },
    Open,
}

/// It holds the write lock from its start: one that read first and then wants to write could only
/// be turned away.
const WRITE: &str = "BEGIN IMMEDIATE";
/// It sees one state of the database, and holds nobody up.
const SNAPSHOT: &str = "BEGIN";

impl Shelf {
    /// Connections are opened when they are needed.
    pub(super) fn new(options: SqliteConnectOptions, config: &Database, size: u32) -> Self {
        let permits = usize::try_from(size).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            options,
            config: config.clone(),
            size,
            permits: Arc::new(Semaphore::new(permits)),
            idle: Mutex::default(),
        }))
    }

    pub(super) async fn acquire(&self) -> Result<Lent, DbError> {
        let home = Arc::clone(&self.0);
        let turn = Arc::clone(&home.permits).acquire_owned();
        let permit = timeout(home.config.acquire, turn)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = home.idle().pop();
        let mut lent = match idle {
            Some(idle) => Lent::of(idle),
            None => connect::sqlite_connection(&home.options, &home.config)
                .await
                .map(Lent::new)?,
        };
        lent.home = Some((home, permit));
        Ok(lent)
    }

    /// A connection whose transaction begins with its first statement, and may write.
    pub(super) async fn begin(&self) -> Result<Lent, DbError> {
        self.due(WRITE).await
    }

    /// The same, to read alone.
    pub(super) async fn snapshot(&self) -> Result<Lent, DbError> {
        self.due(SNAPSHOT).await
    }

    async fn due(&self, begin: &'static str) -> Result<Lent, DbError> {
        let mut lent = self.acquire().await?;
        lent.begin_by(begin);
        Ok(lent)
    }

    /// Waits for what runs and closes every connection.
    pub(super) async fn close(&self) {
        let all = self.0.permits.acquire_many(self.0.size).await;
        self.0.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.0.idle());
        for idle in idle {
            // Its end is all that is asked for.
            let _ = idle.connection.close().await;
        }
    }
}

impl Inner {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, idle: Idle) {
        if idle.opened.elapsed() < MAX_AGE && !self.permits.is_closed() {
            self.idle().push(idle);
        }
    }
}

impl From<SqliteConnection> for Lent {
    fn from(connection: SqliteConnection) -> Self {
        Self::new((connection, Watch::new()))
    }
}

impl Lent {
    fn new((connection, watch): (SqliteConnection, Watch)) -> Self {
        Self::of(Idle {
            connection,
            watch,
            opened: Instant::now(),
        })
    }

    const fn of(idle: Idle) -> Self {
        Self {
            idle: Some(idle),
            transaction: Transaction::None,
            running: false,
            home: None,
        }
    }

    /// Where a statement runs that tells how many rows it changed. SQLite's number would not be its
    /// own with another statement before it.
    pub(super) async fn counting(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        if let Some(begin) = self.begins() {
            self.run(begin).await?;
        }
        self.connection()
    }

    /// Where a statement runs that reads, and as what.
    pub(super) fn reading(
        &mut self,
        sql: impl SqlSafeStr,
    ) -> Result<(&mut SqliteConnection, SqlStr), sqlx::Error> {
        let sql = sql.into_sql_str();
        let sql = match self.begins() {
            Some(begin) => AssertSqlSafe(format!("{begin};{}", sql.as_str())).into_sql_str(),
            None => sql,
        };
        Ok((self.connection()?, sql))
    }

    /// Where the last statements of a transaction run, and what comes before them.
    pub(super) fn ending(&mut self) -> Result<(&mut SqliteConnection, &'static str), sqlx::Error> {
        let begin = if self.begins().is_some() {
            "BEGIN IMMEDIATE;"
        } else {
            ""
        };
        Ok((self.connection()?, begin))
    }

    /// Notes that a statement has ended.
    pub(super) fn done<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.running = matches!(result, Err(sqlx::Error::WorkerCrashed));
        result
    }

    /// Notes that a transaction has ended, if so it did.
    pub(super) fn committed(&mut self, result: Result<(), sqlx::Error>) -> Result<(), sqlx::Error> {
        self.done(result)?;
        self.transaction = Transaction::None;
        Ok(())
    }

    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        if self.transaction == Transaction::Open {
            self.run("COMMIT").await?;
        }
        self.transaction = Transaction::None;
        Ok(())
    }

    /// By what the transaction begins, if it does with this statement.
    fn begins(&mut self) -> Option<&'static str> {
        let Transaction::Due { by, .. } = self.transaction else {
            return None;
        };
        self.transaction = Transaction::Open;
        Some(by)
    }

    /// A transaction, or one within it, begins with the next statement.
    pub(super) fn begin_by(&mut self, by: &'static str) {
        let inside = self.is_open();
        self.transaction = Transaction::Due { by, inside };
    }

    /// Whether a transaction is open, of which a further one may be a part.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.transaction,
            Transaction::Open | Transaction::Due { inside: true, .. }
        )
    }

    /// Whether what was to begin with the next statement has begun; it does not any more.
    pub(super) fn settle(&mut self) -> bool {
        let Transaction::Due { inside, .. } = self.transaction else {
            return true;
        };
        self.transaction = if inside {
            Transaction::Open
        } else {
            Transaction::None
        };
        false
    }

    /// Takes back what a part of a transaction did, by `sql`, if it did anything: whether it did.
    pub(super) async fn take_back(&mut self, sql: &'static str) -> Result<bool, sqlx::Error> {
        if !self.settle() {
            return Ok(false);
        }
        if self.running {
            let waited = self.connection()?.ping().await;
            self.done(waited)?;
        }
        self.run(sql).await.map(|()| true)
    }

    /// For a statement that is about to run.
    fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.running = true;
        let idle = self.idle.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        idle.watch.begin();
        Ok(&mut idle.connection)
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let done = sqlx::query(sql).execute(self.connection()?).await;
        self.done(done.map(drop))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (Some(mut idle), Some((home, permit))) = (self.idle.take(), self.home.take()) else {
            return;
        };
        let is_open = self.transaction == Transaction::Open;
        if !self.running && !is_open {
            return home.put_back(idle);
        }
        // Without a runtime it is closed, which rolls back as well.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if clean(&mut idle.connection, is_open).await.is_ok() {
                    home.put_back(idle);
                }
                drop(permit);
            });
        }
    }
}

/// Waits for what still runs, and rolls back. An error where SQLite has done so by itself, because
/// of something worse: such a connection is closed.
async fn clean(connection: &mut SqliteConnection, is_open: bool) -> Result<(), sqlx::Error> {
    if is_open {
        sqlx::query("ROLLBACK").execute(connection).await.map(drop)
    } else {
        connection.ping().await
    }
}
