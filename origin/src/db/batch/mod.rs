//! Transactions of SQLite that are known beforehand. Those that come while others run are run
//! together: one hop to the connection's thread, and one commit, for many of them. A savepoint for
//! each would cost more than the statements: SQLite keeps a copy of every page that one changes.
//!
//! Guarantees: nobody is told before the commit; each gets its own rows. Where one fails, or must not
//! be done after all, nothing of those that it was run with is done, and they are run in halves: one
//! alone that fails is told to go on by itself.

#[cfg(test)]
mod tests;

use super::{
    DbError,
    data::{Bound, Statement},
    query::{Query, Row, Value, positional},
    sqlite::{Lent, Shelf},
};
use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Either, Executor, Sqlite, sqlite::SqliteRow};
use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// So many are run together, however many wait.
const MAX_SCRIPTS: usize = 64;
/// So many are one statement to sqlx. Their number is a power of two: what was prepared once is
/// found again.
const MAX_ALIKE: usize = 32;

/// After so many failures the rest goes on alone: that of one among all of them needs no more.
const MAX_FAILURES: u32 = MAX_SCRIPTS.ilog2() + 1;

/// Whether what answered these rows may be done.
type Holds = Box<dyn Fn(&[Row]) -> bool + Send + Sync>;

/// Statements of one transaction, of which none depends on what another one answers.
pub(super) struct Script {
    /// One after the other; each ends with `;`, its placeholders are `?`.
    sql: String,
    statements: usize,
    values: Vec<Owned>,
    /// Whether it may be done, by its rows.
    holds: Holds,
}

/// A value to bind.
enum Owned {
    Null,
    Text(String),
    Integer(i64),
    Real(f64),
    Bytes(Vec<u8>),
}

impl From<&Value<'_>> for Owned {
    fn from(value: &Value<'_>) -> Self {
        match *value {
            Value::Text(text) => text.map_or(Self::Null, |text| Self::Text(text.to_owned())),
            Value::Integer(integer) => integer.map_or(Self::Null, Self::Integer),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_owned()),
        }
    }
}

impl From<Bound> for Owned {
    fn from(value: Bound) -> Self {
        match value {
            Bound::Null => Self::Null,
            Bound::Text(text) => Self::Text(text),
            Bound::Integer(integer) => Self::Integer(integer),
            Bound::Number(text) => match (text.parse(), text.parse()) {
                (Ok(integer), _) => Self::Integer(integer),
                (_, Ok(number)) => Self::Real(number),
                _ => Self::Null,
            },
            Bound::Boolean(value) => Self::Integer(value.into()),
        }
    }
}

impl Script {
    /// Whatever they answer, they may be done.
    pub(super) fn of(statements: &[Query<'_>]) -> Self {
        let (mut sql, mut values) = (String::new(), Vec::new());
        for statement in statements {
            let order = positional(statement.sql, &mut sql);
            sql.push(';');
            let in_order = order.iter().filter_map(|at| statement.values.get(*at));
            values.extend(in_order.map(Owned::from));
        }
        Self {
            sql,
            statements: statements.len(),
            values,
            holds: Box::new(|_| true),
        }
    }

    /// A single one, which may be done if its rows are such.
    pub(super) fn holding(
        statement: Statement,
        holds: impl Fn(&[Row]) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            sql: statement.sql + ";",
            statements: 1,
            values: statement.values.into_iter().map(Owned::from).collect(),
            holds: Box::new(holds),
        }
    }
}

/// The rows of all its statements; `None`: nothing was done, and it is to be tried alone.
type Outcome = Result<Option<Vec<Row>>, DbError>;

/// Where scripts wait for each other.
#[derive(Clone)]
pub(super) struct Batch(Arc<Inner>);

struct Inner {
    writer: Shelf,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: Vec<Job>,
    /// Somebody runs them.
    is_served: bool,
}

struct Job {
    script: Script,
    told: oneshot::Sender<Outcome>,
}

impl Batch {
    pub(super) fn new(writer: Shelf) -> Self {
        Self(Arc::new(Inner {
            writer,
            line: Mutex::default(),
        }))
    }

    pub(super) async fn run(&self, script: Script) -> Outcome {
        let (told, waits) = oneshot::channel();
        if self.0.enter(Job { script, told }) {
            let inner = Arc::clone(&self.0);
            // Not by this task: who asked may hang up, the others may not.
            tokio::spawn(async move { inner.serve().await });
        }
        // Nobody tells when the runtime ends, or what serves the line.
        waits
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }
}

impl Inner {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody must begin to serve.
    fn enter(&self, job: Job) -> bool {
        let mut line = self.line();
        line.waiting.push(job);
        !mem::replace(&mut line.is_served, true)
    }

    fn next(&self) -> Option<Vec<Job>> {
        let mut line = self.line();
        let some = line.waiting.len().min(MAX_SCRIPTS);
        line.is_served = some > 0;
        (some > 0).then(|| line.waiting.drain(..some).collect())
    }

    async fn serve(&self) {
        let serving = Serving(Some(self));
        while let Some(mut jobs) = self.next() {
            // Who has hung up wants nothing any more.
            jobs.retain(|job| !job.told.is_closed());
            if jobs.is_empty() {
                continue;
            }
            jobs.sort_by(|a, b| a.script.sql.cmp(&b.script.sql));
            self.settle(jobs).await;
        }
        serving.ends();
    }

    /// Runs jobs, all together or in parts, and tells each.
    async fn settle(&self, jobs: Vec<Job>) {
        let (mut parts, mut failures) = (vec![jobs], 0);
        while let Some(mut jobs) = parts.pop() {
            match self.run(&jobs).await.map_err(Arc::new) {
                Ok(Some(rows)) => tell(jobs, rows.into_iter().map(|rows| Ok(Some(rows)))),
                Ok(None) if jobs.len() > 1 && failures < MAX_FAILURES => {
                    failures += 1;
                    let others = jobs.split_off(jobs.len() / 2);
                    parts.extend([others, jobs]);
                }
                Ok(None) => tell(jobs, std::iter::repeat_with(|| Ok(None))),
                Err(cause) => tell(
                    jobs,
                    std::iter::repeat_with(|| Err(DbError::Shared(Arc::clone(&cause)))),
                ),
            }
        }
    }

    /// The rows of each of them; `None` where they cannot be done together.
    async fn run(&self, jobs: &[Job]) -> Result<Option<Vec<Vec<Row>>>, DbError> {
        let mut lent = self.writer.begin().await?;
        let mut all = Vec::with_capacity(jobs.len());
        for alike in jobs.chunk_by(|a, b| a.script.sql == b.script.sql) {
            let mut rest = alike;
            while let Some(log) = rest.len().min(MAX_ALIKE).checked_ilog2() {
                let (some, others) = rest.split_at(1 << log);
                match together(&mut lent, some).await {
                    Ok(rows) => all.extend(rows),
                    Err(cause) => {
                        tracing::debug!(%cause, "writes go on in halves");
                        return Ok(None);
                    }
                }
                rest = others;
            }
        }
        let hold = jobs
            .iter()
            .zip(&all)
            .all(|(job, rows)| (job.script.holds)(rows));
        if !hold || all.len() != jobs.len() {
            return Ok(None);
        }
        lent.commit().await?;
        Ok(Some(all))
    }
}

/// Serves the line. If it does not come to its end, those who wait are sent away, and whoever comes
/// next begins again.
struct Serving<'a>(Option<&'a Inner>);

impl Serving<'_> {
    /// Nobody waits, and [`Inner::next`] has said so.
    fn ends(mut self) {
        self.0 = None;
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        if let Some(inner) = self.0 {
            *inner.line() = Line::default();
        }
    }
}

fn tell(jobs: Vec<Job>, outcomes: impl Iterator<Item = Outcome>) {
    for (job, outcome) in jobs.into_iter().zip(outcomes) {
        // One that has left learns nothing any more.
        let _ = job.told.send(outcome);
    }
}

/// Runs scripts that are the same but for their values.
async fn together(lent: &mut Lent, some: &[Job]) -> Result<Vec<Vec<Row>>, sqlx::Error> {
    let Some(Job { script, .. }) = some.first() else {
        return Ok(Vec::new());
    };
    let sql = AssertSqlSafe(script.sql.repeat(some.len()));
    let (connection, sql) = lent.reading(sql)?;
    let values = some.iter().flat_map(|job| &job.script.values);
    let query = values.fold(sqlx::query::<Sqlite>(sql), |query, value| match value {
        Owned::Null => query.bind(None::<i64>),
        Owned::Text(text) => query.bind(text.as_str()),
        Owned::Integer(integer) => query.bind(*integer),
        Owned::Real(number) => query.bind(*number),
        Owned::Bytes(bytes) => query.bind(bytes.as_slice()),
    });
    let done = statements(connection.fetch_many(query)).await;
    let mut ended = lent.done(done)?;
    // What began the transaction comes before them.
    let first = ended
        .len()
        .saturating_sub(script.statements.saturating_mul(some.len()));
    ended.drain(..first);
    let mut ended = ended.into_iter();
    Ok(some
        .iter()
        .map(|_| ended.by_ref().take(script.statements).flatten().collect())
        .collect())
}

/// The rows of each statement.
async fn statements(
    mut items: impl futures_util::TryStream<
        Ok = Either<sqlx::sqlite::SqliteQueryResult, SqliteRow>,
        Error = sqlx::Error,
    > + Unpin,
) -> Result<Vec<Vec<Row>>, sqlx::Error> {
    let (mut ended, mut rows) = (Vec::new(), Vec::new());
    while let Some(item) = items.try_next().await? {
        match item {
            Either::Left(_) => ended.push(mem::take(&mut rows)),
            Either::Right(row) => rows.push(Row::Sqlite(row)),
        }
    }
    Ok(ended)
}
