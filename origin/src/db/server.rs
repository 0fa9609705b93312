//! Connections to a database server, of our own keeping.
//!
//! sqlx's pool asks each one that comes back whether it still lives: a round trip more for every one
//! that is made. Here one that comes back clean is put back, and asked only when it was idle for a while.
//!
//! Guarantees: as many connections as configured, each lent to one at a time, in turn; what was
//! dropped in the middle of a statement or a transaction is rolled back before anybody else gets it.

use super::DbError;
use crate::config;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Database, Execute, Executor, MySql, MySqlConnection,
    PgConnection, Postgres, SqlSafeStr, SqlStr, mysql::MySqlRow,
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

/// An older connection is closed instead of lent again: a server's memory for it grows.
const MAX_AGE: Duration = Duration::from_mins(30);
/// One that nobody needed for so long is closed.
const MAX_IDLE: Duration = Duration::from_mins(10);
/// One that was idle for longer is asked whether it still is one before it is lent.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// An engine that is a server.
pub(super) trait Served: Database {
    /// Runs statements without values.
    fn run(
        connection: &mut Self::Connection,
        sql: SqlStr,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

impl Served for Postgres {
    async fn run(connection: &mut PgConnection, sql: SqlStr) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(connection).await.map(drop)
    }
}

impl Served for MySql {
    async fn run(connection: &mut MySqlConnection, sql: SqlStr) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(connection).await.map(drop)
    }
}

/// Connections to one server.
pub(super) struct Server<D: Served>(Arc<Inner<D>>);

struct Inner<D: Served> {
    options: <D::Connection as Connection>::Options,
    /// What a new connection is told first.
    settings: String,
    /// Whether it runs several statements as one, with values.
    compounds: bool,
    config: config::Database,
    /// Closed with the server.
    permits: Arc<Semaphore>,
    /// The last one that came back is lent first: the others may go.
    idle: Mutex<Vec<Idle<D>>>,
}

struct Idle<D: Served> {
    connection: D::Connection,
    opened: Instant,
    /// When it came back.
    back: Instant,
}

/// A connection and what has become of it. It goes back by itself.
pub(super) struct Hired<D: Served> {
    /// Gone when it has been taken back.
    idle: Option<Idle<D>>,
    /// A statement has begun and was not seen to end.
    running: bool,
    /// A transaction has begun.
    open: bool,
    /// Of one that goes back.
    home: Option<(Arc<Inner<D>>, OwnedSemaphorePermit)>,
}

impl<D: Served> Clone for Server<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Served> Server<D> {
    /// Connections are opened when they are needed, and are told `settings`.
    pub(super) fn new(
        options: <D::Connection as Connection>::Options,
        settings: String,
        compounds: bool,
        config: &config::Database,
    ) -> Self {
        let size = usize::try_from(config.max_connections);
        Self(Arc::new(Inner {
            options,
            settings,
            compounds,
            config: config.clone(),
            permits: Arc::new(Semaphore::new(size.unwrap_or(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
        }))
    }

    /// Whether it runs several statements as one, with values.
    pub(super) fn compounds(&self) -> bool {
        self.0.compounds
    }

    /// The same server, as one that does not.
    #[cfg(test)]
    pub(super) fn without_compounds(&self) -> Self {
        let Inner {
            options,
            settings,
            config,
            ..
        } = &*self.0;
        Self::new(options.clone(), settings.clone(), false, config)
    }

    pub(super) async fn acquire(&self) -> Result<Hired<D>, DbError> {
        let home = Arc::clone(&self.0);
        let hired = async {
            let turn = Arc::clone(&home.permits).acquire_owned();
            let permit = turn.await.map_err(|_| sqlx::Error::PoolClosed)?;
            let mut hired = Hired::of(home.live().await?);
            hired.home = Some((Arc::clone(&home), permit));
            Ok(hired)
        };
        timeout(home.config.acquire, hired)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    /// A connection with a transaction that begins by this statement.
    pub(super) async fn begin(&self, by: &'static str) -> Result<Hired<D>, DbError> {
        let mut hired = self.acquire().await?;
        // Also one that nobody waits for to begin.
        hired.open = true;
        hired.run(by).await?;
        Ok(hired)
    }

    /// Waits for what runs and closes every connection.
    pub(super) async fn close(&self) {
        let all = self.0.permits.acquire_many(self.0.config.max_connections);
        let all = all.await;
        self.0.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.0.idle());
        for idle in idle {
            // Its end is all that is asked for.
            let _ = idle.connection.close().await;
        }
    }
}

impl<D: Served> Inner<D> {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle<D>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> Option<Idle<D>> {
        self.idle().pop()
    }

    /// One that lives.
    async fn live(&self) -> Result<Idle<D>, sqlx::Error> {
        while let Some(mut idle) = self.last() {
            if idle.back.elapsed() < TRUSTED_IDLE || idle.connection.ping().await.is_ok() {
                return Ok(idle);
            }
        }
        let mut connection = self.options.connect().await?;
        // Numbers of the configuration, which no placeholder may stand for here.
        let settings = AssertSqlSafe(self.settings.clone()).into_sql_str();
        D::run(&mut connection, settings).await?;
        Ok(Idle::new(connection))
    }

    fn put_back(&self, mut idle: Idle<D>) {
        if self.permits.is_closed() {
            return;
        }
        idle.back = Instant::now();
        let mut all = self.idle();
        if idle.opened.elapsed() < MAX_AGE {
            all.push(idle);
        }
        // The one that came back first.
        if all
            .first()
            .is_some_and(|first| first.back.elapsed() > MAX_IDLE)
        {
            all.remove(0);
        }
    }
}

impl<D: Served> Idle<D> {
    fn new(connection: D::Connection) -> Self {
        let now = Instant::now();
        Self {
            connection,
            opened: now,
            back: now,
        }
    }
}

impl<D: Served> Hired<D> {
    /// One that goes nowhere back.
    pub(super) fn alone(connection: D::Connection) -> Self {
        Self::of(Idle::new(connection))
    }

    const fn of(idle: Idle<D>) -> Self {
        Self {
            idle: Some(idle),
            running: false,
            open: false,
            home: None,
        }
    }

    /// For a statement that is about to run.
    pub(super) fn connection(&mut self) -> Result<&mut D::Connection, sqlx::Error> {
        self.running = true;
        let idle = self.idle.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        Ok(&mut idle.connection)
    }

    /// Notes that a statement has ended. After an error it is asked whether it still is a connection.
    pub(super) fn done<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.running = result.is_err();
        result
    }

    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.run("COMMIT").await?;
        self.open = false;
        Ok(())
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let done = D::run(self.connection()?, sql.into_sql_str()).await;
        self.done(done)
    }
}

impl Hired<MySql> {
    /// Runs what begins a transaction, and ends it if nothing of it fails; the rows of all.
    pub(super) async fn transaction<'q>(
        &mut self,
        whole: impl Execute<'q, MySql> + 'q,
    ) -> Result<Vec<MySqlRow>, sqlx::Error> {
        self.open = true;
        let done = self.connection()?.fetch_all(whole).await;
        let rows = self.done(done)?;
        self.open = false;
        Ok(rows)
    }
}

impl<D: Served> Drop for Hired<D> {
    fn drop(&mut self) {
        let (Some(mut idle), Some((home, permit))) = (self.idle.take(), self.home.take()) else {
            return;
        };
        if !self.running && !self.open {
            return home.put_back(idle);
        }
        let open = self.open;
        // Without a runtime it is closed, which rolls back as well.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if clean::<D>(&mut idle.connection, open).await.is_ok() {
                    home.put_back(idle);
                }
                drop(permit);
            });
        }
    }
}

/// Waits for what still runs, and rolls back. A connection that cannot is closed.
async fn clean<D: Served>(connection: &mut D::Connection, open: bool) -> Result<(), sqlx::Error> {
    if open {
        D::run(connection, "ROLLBACK".into_sql_str()).await
    } else {
        connection.ping().await
    }
}
