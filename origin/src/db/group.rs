//! Group commit of SQLite: transactions that wait for the one writer share a commit, and with it the
//! disk's time.
//!
//! Each member runs within a savepoint of its own: one that fails takes back what it did and nothing
//! else. Nobody is told that its write lasts before the commit that holds it has come back.
//!
//! Guarantees: members run one after the other; a member that is dropped in the middle is taken
//! back; a group never waits for members to come: it commits as soon as nobody stands in line. Those
//! who are done wait neither for an old group to grow nor for one that may take a while.

use super::{
    DbError,
    sqlite::{Lent, Shelf},
};
use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard, oneshot},
    time::timeout,
};

/// A group of so many commits, however many wait.
const MAX_MEMBERS: usize = 128;
/// A group that is so old commits: others wait for the writer, too.
pub(super) const MAX_AGE: Duration = Duration::from_millis(20);

const FIRST: &str = "BEGIN IMMEDIATE;SAVEPOINT member";
/// The last member's savepoint ends where the next one's begins.
const NEXT: &str = "RELEASE member;SAVEPOINT member";
const AFTER_FAILURE: &str = "SAVEPOINT member";
const TAKE_BACK: &str = "ROLLBACK TO member;RELEASE member";

/// Where in a group a transaction may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind others.
    Any,
    /// At its head: those before it commit first.
    First,
}

/// The writers of one file.
#[derive(Clone)]
pub(super) struct Group(Arc<Inner>);

struct Inner {
    writer: Shelf,
    /// For one's turn.
    patience: Duration,
    state: Arc<Mutex<State>>,
    /// Who stands in line for the state.
    waiting: AtomicUsize,
}

/// What the members leave to each other.
#[derive(Default)]
struct State {
    open: Option<Open>,
}

struct Open {
    lent: Lent,
    began: Instant,
    /// A finished member's savepoint has not ended yet.
    has_savepoint: bool,
    /// Members that wait for the commit.
    members: Vec<oneshot::Sender<Result<(), DbError>>>,
}

/// A transaction that shares its commit.
pub(super) struct Member {
    group: Arc<Inner>,
    /// Gone when it is finished.
    state: Option<OwnedMutexGuard<State>>,
}

/// Stands in line. One that leaves it may leave behind a group that waits for nobody else.
struct Waiting<'a>(&'a Arc<Inner>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Group {
    pub(super) fn new(writer: Shelf, patience: Duration) -> Self {
        Self(Arc::new(Inner {
            writer,
            patience,
            state: Arc::default(),
            waiting: AtomicUsize::new(0),
        }))
    }

    /// A transaction, as soon as it is its turn.
    pub(super) async fn join(&self, place: Place) -> Result<Member, DbError> {
        let early = Left(Some(&self.0));
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(&self.0);
        let turn = Arc::clone(&self.0.state).lock_owned();
        let mut state = timeout(self.0.patience, turn)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        let is_due = |open: &Open| {
            !open.members.is_empty() && (place == Place::First || open.began.elapsed() >= MAX_AGE)
        };
        if state.open.as_ref().is_some_and(is_due) {
            // Not by this task: see `Member::commit`.
            let committed = tokio::spawn(async move {
                if let Some(mut open) = state.open.take() {
                    let failed = open.commit().await;
                    open.end(failed);
                }
                state
            });
            state = committed.await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        }
        if state.open.is_none() {
            let lent = self.0.writer.acquire().await?;
            state.open = Some(Open {
                lent,
                began: Instant::now(),
                has_savepoint: false,
                members: Vec::new(),
            });
        }
        drop(waiting);
        early.stays();
        if let Some(open) = &mut state.open {
            open.lent
                .begin_by(match (open.lent.is_open(), open.has_savepoint) {
                    (false, _) => FIRST,
                    (true, true) => NEXT,
                    (true, false) => AFTER_FAILURE,
                });
        }
        Ok(Member {
            group: Arc::clone(&self.0),
            state: Some(state),
        })
    }
}

/// Commits what is left behind by one who leaves the line early.
struct Left<'a>(Option<&'a Arc<Inner>>);

impl Left<'_> {
    fn stays(mut self) {
        self.0 = None;
    }
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if let (Some(group), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            let group = Arc::clone(group);
            runtime.spawn(async move {
                let state = Arc::clone(&group.state).lock_owned().await;
                group.pass_on(state).await;
            });
        }
    }
}

impl Inner {
    /// Whether somebody comes next who will commit.
    fn goes_on(&self, state: &State) -> bool {
        state.open.as_ref().is_some_and(|open| {
            self.waiting.load(Ordering::SeqCst) > 0
                && open.members.len() < MAX_MEMBERS
                && open.began.elapsed() < MAX_AGE
        })
    }

    /// Commits, unless somebody comes next who will.
    async fn pass_on(&self, mut state: OwnedMutexGuard<State>) {
        if self.goes_on(&state) {
            return;
        }
        let Some(mut open) = state.open.take() else {
            return;
        };
        let failed = open.commit().await;
        // The next group may begin before its members are told of this one.
        let members = mem::take(&mut open.members);
        drop((open, state));
        tell(members, failed);
    }
}

impl Open {
    async fn commit(&mut self) -> Option<DbError> {
        let failed = self.lent.commit().await.err().map(DbError::from);
        if let Some(cause) = &failed {
            tracing::warn!(%cause, "a group of writes was not committed");
        }
        failed
    }

    fn end(self, failed: Option<DbError>) {
        let Self { lent, members, .. } = self;
        drop(lent);
        tell(members, failed);
    }
}

fn tell(members: Vec<oneshot::Sender<Result<(), DbError>>>, failed: Option<DbError>) {
    let failed = failed.map(Arc::new);
    for member in members {
        let failed = failed.as_ref().map(Arc::clone).map(DbError::Shared);
        // One that has left learns nothing any more.
        let _ = member.send(failed.map_or(Ok(()), Err));
    }
}

impl Member {
    /// Where its statements run.
    pub(super) fn lent(&mut self) -> Option<&mut Lent> {
        let open = self.state.as_mut()?.open.as_mut()?;
        Some(&mut open.lent)
    }

    /// Makes it last, with whatever else the group holds.
    pub(super) async fn commit(mut self) -> Result<(), DbError> {
        let Some(mut state) = self.state.take() else {
            return Ok(());
        };
        let (told, waits) = oneshot::channel();
        if let Some(open) = &mut state.open {
            open.has_savepoint |= open.lent.settle();
            open.members.push(told);
        }
        if self.group.goes_on(&state) {
            drop(state);
        } else {
            let group = Arc::clone(&self.group);
            // Not by this task: who asked may hang up, the others may not.
            tokio::spawn(async move { group.pass_on(state).await });
        }
        // Nobody tells when the runtime ends.
        waits
            .await
            .unwrap_or(Err(sqlx::Error::WorkerCrashed.into()))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let (Some(mut state), Ok(runtime)) = (self.state.take(), Handle::try_current()) else {
            return;
        };
        let group = Arc::clone(&self.group);
        runtime.spawn(async move {
            if let Some(open) = &mut state.open {
                match open.lent.take_back(TAKE_BACK).await {
                    Ok(began) => open.has_savepoint &= !began,
                    // SQLite has rolled everything back because of something worse.
                    Err(_) => drop(mem::take(&mut state.open)),
                }
            }
            group.pass_on(state).await;
        });
    }
}
