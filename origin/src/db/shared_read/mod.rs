//! Reads that share a statement. Who asks while one is under way waits for the next one, which reads
//! for all who have come by then: under load a row costs a part of a statement. Where a crowd waits a
//! second one goes on beside, so that the database and we work at the same time.
//!
//! Guarantees: an answer is of no state before the question, for its statement begins after that; one
//! who gives up takes nobody else down; where a statement fails, each that it was for is told. A
//! statement that takes its time keeps nobody from asking beside it.

#[cfg(test)]
mod tests;

use super::DbError;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, task::yield_now, time::timeout};

/// So many are read by one statement, however many wait.
const MAX_KEYS: usize = 64;
/// Statements at a time.
const LANES: usize = 2;
/// So many that wait are worth a statement of their own beside another one.
const CROWD: usize = MAX_KEYS / 2;
/// Nobody waits longer for a statement that is not for them. Far beyond what one takes beside a full
/// load: then of all times they must go on sharing.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// From where things are read by their keys.
pub(super) trait Source: Send + Sync + 'static {
    type Found: Send + Sync + 'static;

    /// What there is of some keys, at least one of them and at most [`MAX_KEYS`], by one statement; each
    /// with its key.
    fn read(
        &self,
        keys: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, Self::Found)>, DbError>> + Send;
}

/// `None`: there is nothing of this key. Two who ask for the same share it.
type Outcome<S> = Result<Option<Arc<<S as Source>::Found>>, DbError>;

/// Where those who ask wait for each other.
pub(super) struct SharedRead<S: Source>(Arc<Inner<S>>);

struct Inner<S: Source> {
    source: S,
    patience: Duration,
    line: Mutex<Line<S>>,
}

struct Line<S: Source> {
    waiting: Vec<Job<S>>,
    /// How many read for them.
    lanes: usize,
}

struct Job<S: Source> {
    key: String,
    told: oneshot::Sender<Outcome<S>>,
}

impl<S: Source> Clone for SharedRead<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Source> SharedRead<S> {
    pub(super) fn new(source: S, patience: Duration) -> Self {
        let line = Line {
            waiting: Vec::new(),
            lanes: 0,
        };
        Self(Arc::new(Inner {
            source,
            patience,
            line: Mutex::new(line),
        }))
    }

    pub(super) async fn get(&self, key: &str) -> Outcome<S> {
        let (told, waits) = oneshot::channel();
        let key = key.to_owned();
        if self.0.enter(Job { key, told }) {
            // Not by this task: who asked may hang up, the others may not.
            tokio::spawn(Arc::clone(&self.0).serve());
        }
        // Nobody tells when the runtime ends.
        waits
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }
}

impl<S: Source> Inner<S> {
    fn line(&self) -> MutexGuard<'_, Line<S>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody must begin to serve.
    fn enter(&self, job: Job<S>) -> bool {
        let mut line = self.line();
        line.waiting.push(job);
        let is_crowded = line.waiting.len() >= CROWD && line.lanes < LANES;
        let begins = line.lanes == 0 || is_crowded;
        line.lanes += usize::from(begins);
        begins
    }

    fn next(&self) -> Option<Vec<Job<S>>> {
        let mut line = self.line();
        // Who has hung up wants nothing any more.
        line.waiting.retain(|job| !job.told.is_closed());
        let some = line.waiting.len().min(MAX_KEYS);
        // Who reads beside goes when the crowd has gone.
        if some == 0 || (some < CROWD && line.lanes > 1) {
            line.lanes -= 1;
            return None;
        }
        Some(line.waiting.drain(..some).collect())
    }

    async fn serve(self: Arc<Self>) {
        loop {
            // Who is about to ask comes along.
            yield_now().await;
            let Some(jobs) = self.next() else { break };
            let inner = Arc::clone(&self);
            let mut reading = Box::pin(async move { inner.read(jobs).await });
            if timeout(self.patience, &mut reading).await.is_err() {
                tokio::spawn(reading);
            }
        }
    }

    async fn read(&self, jobs: Vec<Job<S>>) {
        let mut keys: Vec<String> = jobs.iter().map(|job| job.key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        let outcome = match self.source.read(keys).await {
            Ok(found) => Ok(found
                .into_iter()
                .map(|(key, found)| (key, Arc::new(found)))
                .collect::<HashMap<_, _>>()),
            Err(cause) => Err(Arc::new(cause)),
        };
        for job in jobs {
            let own = match &outcome {
                Ok(found) => Ok(found.get(&job.key).map(Arc::clone)),
                Err(cause) => Err(DbError::Shared(Arc::clone(cause))),
            };
            // One that has left learns nothing any more.
            let _ = job.told.send(own);
        }
    }
}
