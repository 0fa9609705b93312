//! Table `revocation`: what the gate is to hear, written in one transaction with what it is about.
//!
//! Guarantee: what was committed is told, whether or not its answer arrived, and by another origin if this one
//! ends. Told twice it is the same: a revocation says what holds no longer, not what happened.

use super::{
    Db, DbError,
    pool::{Write, retried, stored},
    query::{Row, query},
    session::End,
};
use crate::{clock, random};
use gapura_shared::{
    push::{Kind, Revocation},
    time::{UnixMillis, UnixSeconds},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// By which clocks may differ, and what a statement may wait for before it writes.
const LEEWAY: Duration = Duration::from_mins(2);

/// Where changes put what the gate is to hear; `None` where it is told by answers alone.
#[derive(Clone, Default)]
pub(super) struct Outbox(Option<Arc<Waiting>>);

struct Waiting {
    /// How long an access token holds, clocks apart.
    lifetime: Duration,
    /// Something was put in, by this process.
    changed: Notify,
}

/// Revocations that are ours to tell until the lease ends.
#[derive(Debug)]
pub struct Untold {
    /// What to tell; without what has expired by itself.
    pub revocations: Vec<Revocation>,
    batch: String,
}

impl Outbox {
    /// What ends with sessions of an account, before it is written. The account's row is held.
    pub(super) async fn put_sessions(
        &self,
        write: &mut Write,
        user: &str,
        which: End<'_>,
        now: UnixMillis,
    ) -> Result<(), DbError> {
        let Some(waiting) = &self.0 else {
            return Ok(());
        };
        let lifetime_ms = u64::try_from(waiting.lifetime.as_millis()).unwrap_or(u64::MAX);
        let live_since = UnixMillis(now.0.saturating_sub(lifetime_ms));
        query(
            "INSERT INTO revocation (revocation_id, kind, subject_id, until_s, due_at) \
             SELECT session_id, 'session', session_id, $4, $5 FROM session \
             WHERE user_account_id = $1 AND ended_at IS NULL AND last_seen_at > $7 \
             AND ($2 IS NULL OR session_id = $2) AND ($3 IS NULL OR session_id <> $3) \
             AND ($6 = 0 OR second_at IS NULL)",
        )
        .bind(user)
        .bind(which.one())
        .bind(which.all_but())
        .bind(seconds(waiting.until()))
        .bind(stored(now))
        .bind(which.only_weak())
        .bind(stored(live_since))
        .execute(write.on())
        .await?;
        Ok(())
    }

    /// What was issued to a user or for a tenant until now. The row is held that no token is issued without.
    pub(super) async fn put_all_of(
        &self,
        write: &mut Write,
        kind: Kind,
        id: &str,
    ) -> Result<(), DbError> {
        let Some(waiting) = &self.0 else {
            return Ok(());
        };
        // The time of now, not of when somebody began to wait for the row.
        let now = clock::now();
        query(
            "INSERT INTO revocation \
             (revocation_id, kind, subject_id, not_before_s, until_s, due_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(random::uuid().as_str())
        .bind(name(kind))
        .bind(id)
        .bind(seconds(now.seconds().after(1)))
        .bind(seconds(waiting.until()))
        .bind(stored(now))
        .execute(write.on())
        .await?;
        Ok(())
    }

    /// What was put in is there to be told.
    pub(super) fn wake(&self) {
        if let Some(waiting) = &self.0 {
            waiting.changed.notify_one();
        }
    }
}

impl Waiting {
    fn until(&self) -> UnixSeconds {
        clock::now().seconds().after(self.lifetime.as_secs())
    }
}

impl Db {
    /// Notes from now on what the gate is to hear: revocations of access tokens, which hold for so long.
    #[must_use]
    pub fn with_outbox(mut self, access_lifetime: Duration) -> Self {
        self.outbox = Outbox(Some(Arc::new(Waiting {
            lifetime: access_lifetime + LEEWAY,
            changed: Notify::new(),
        })));
        self
    }

    /// Waits until this process has something to tell.
    pub async fn has_untold(&self) {
        match &self.outbox.0 {
            Some(waiting) => waiting.changed.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Takes up to `limit` revocations that are due; nobody else gets them for `lease_ms`, unless
    /// both come at once. `None` when there is none.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn take_untold(
        &self,
        limit: u32,
        lease_ms: u64,
        now: UnixMillis,
    ) -> Result<Option<Untold>, DbError> {
        let batch = random::uuid();
        let lease = UnixMillis(now.0.saturating_add(lease_ms));
        let taken = retried(|| async {
            // The inner query of its own: MySQL takes no LIMIT beside IN.
            let taken = query(
                "UPDATE revocation SET taken_by = $1, due_at = $2 WHERE revocation_id IN \
                 (SELECT revocation_id FROM (SELECT revocation_id FROM revocation \
                 WHERE due_at <= $3 ORDER BY due_at LIMIT $4) AS due)",
            )
            .bind(batch.as_str())
            .bind(stored(lease))
            .bind(stored(now))
            .bind(i64::from(limit));
            Ok(taken.execute(self.writer().await?.on()).await?)
        });
        if taken.await? == 0 {
            return Ok(None);
        }
        let rows = query(
            "SELECT kind, subject_id, not_before_s, until_s FROM revocation \
             WHERE due_at = $1 AND taken_by = $2 AND until_s > $3",
        )
        .bind(stored(lease))
        .bind(batch.as_str())
        .bind(seconds(now.seconds()))
        .all(self.connection().await?.on())
        .await?;
        let read = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Untold {
            revocations: read.into_iter().flatten().collect(),
            batch,
        }))
    }

    /// Notes that the gate has them.
    ///
    /// # Errors
    /// [`DbError`]: they are told again.
    pub async fn told(&self, untold: &Untold) -> Result<(), DbError> {
        retried(|| async {
            query("DELETE FROM revocation WHERE taken_by = $1")
                .bind(untold.batch.as_str())
                .execute(self.writer().await?.on())
                .await?;
            Ok(())
        })
        .await
    }
}

fn read(row: &Row) -> Result<Option<Revocation>, sqlx::Error> {
    let kind: String = row.get("kind")?;
    let id: String = row.get("subject_id")?;
    let not_before: Option<i64> = row.get("not_before_s")?;
    let until: i64 = row.get("until_s")?;
    let time = |at: i64| UnixSeconds(u64::try_from(at).unwrap_or_default());
    let known = [Kind::Session, Kind::User, Kind::Tenant];
    let kind = known.into_iter().find(|one| name(*one) == kind);
    let revocation = kind.map(|kind| Revocation {
        kind,
        id,
        until: time(until),
        not_before: not_before.map(time),
    });
    // One that no token could name would have the gate refuse all that it is told with.
    Ok(revocation.filter(Revocation::is_bounded))
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Session => "session",
        Kind::Token => "token",
        Kind::User => "user",
        Kind::Tenant => "tenant",
        Kind::Key => "key",
    }
}

/// As the engine stores it.
fn seconds(at: UnixSeconds) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}
