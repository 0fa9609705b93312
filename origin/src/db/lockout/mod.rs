//! Table `login_failure`: the count of failed logins, taken before a password is looked at.

use super::{
    Db, DbError,
    pool::{Write, restored, retried, stored},
    query::{Query, Row, query},
};
use gapura_shared::time::UnixMillis;

/// A login about to be tried, and by which bounds.
#[derive(Debug, Clone, Copy)]
pub struct LoginAttempt<'a> {
    /// `gapura_shared::outcome::AccountId`.
    pub account: &'a str,
    /// Where it comes from; not empty.
    pub source: &'a str,
    /// Locks of the account from this source, by failures, ascending.
    pub ladder: &'a [Rung],
    /// Lock of the account from everywhere.
    pub ceiling: Rung,
    /// Failures older than this are forgotten, in milliseconds.
    pub forget_ms: u64,
    /// A source of a good login within this time is not held to the ceiling.
    pub known_ms: u64,
    /// Whether an attempt that meets a lock is counted as refused.
    pub counts_refusal: bool,
}

/// The source that stands for all sources.
const ANYWHERE: &str = "";

/// A step of a lockout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Failures.
    pub failures: u32,
    /// Milliseconds.
    pub lock_ms: u64,
}

/// Whether a login may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It may, and is counted as failed until [`Db::login_succeeded`] says otherwise.
    Counted(Locks),
    /// A lock stands. The attempt was counted as refused; no lock has moved.
    Locked(Locks),
}

/// The ends of locks that began with an attempt, or that it met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Locks {
    /// Of the account from the attempt's source.
    pub source: Option<UnixMillis>,
    /// Of the account from everywhere.
    pub anywhere: Option<UnixMillis>,
}

impl Db {
    /// Counts an attempt, from its source and for the account as a whole, or in neither if one
    /// is locked. Counting comes before the password is looked at: of a hundred guesses at once
    /// only those below the lock are looked at.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn count_login(
        &self,
        attempt: &LoginAttempt<'_>,
        now: UnixMillis,
    ) -> Result<Attempt, DbError> {
        retried(|| self.try_count_login(attempt, now)).await
    }

    async fn try_count_login(
        &self,
        attempt: &LoginAttempt<'_>,
        now: UnixMillis,
    ) -> Result<Attempt, DbError> {
        let mut write = self.write().await?;
        let (all, here) = standing(&mut write, attempt, now).await?;
        let known =
            here.succeeded.0 > 0 && now.0.saturating_sub(here.succeeded.0) < attempt.known_ms;
        let locks = Locks {
            source: here.lock_at(now),
            anywhere: all.lock_at(now).filter(|_| !known),
        };
        if locks != Locks::default() {
            let refused = query(
                "UPDATE login_failure SET refused = refused + $3 \
                 WHERE account_id = $1 AND source = $2",
            )
            .bind(attempt.account)
            .bind(attempt.source)
            .bind(i64::from(attempt.counts_refusal));
            write.commit_with([refused]).await?;
            return Ok(Attempt::Locked(locks));
        }
        let (all, anywhere) = all.counted(&[attempt.ceiling], now);
        let (here, source) = here.counted(attempt.ladder, now);
        let counted = query(
            "UPDATE login_failure SET last_at = $1, \
             failures = CASE source WHEN '' THEN $2 ELSE $3 END, \
             locked_until = CASE source WHEN '' THEN $4 ELSE $5 END \
             WHERE account_id = $6 AND source IN ('', $7)",
        )
        .bind(stored(now))
        .bind(i64::from(all.failures))
        .bind(i64::from(here.failures))
        .bind(stored(all.locked_until))
        .bind(stored(here.locked_until))
        .bind(attempt.account)
        .bind(attempt.source);
        write.commit_with([counted]).await?;
        Ok(Attempt::Counted(Locks { source, anywhere }))
    }

    /// Takes a counted attempt back: the password was right. What failed from this source is
    /// forgotten, the source is known from now on, and the lock that the attempt itself began ends.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn login_succeeded(
        &self,
        account: &str,
        source: &str,
        began: Locks,
        now: UnixMillis,
    ) -> Result<(), DbError> {
        retried(|| async {
            // A statement is a transaction by itself.
            succeeded(account, source, began, now)
                .execute(self.writer().await?.on())
                .await?;
            Ok(())
        })
        .await
    }

    /// Lifts every lock of an account and forgets its failures.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unlock(&self, account: &str) -> Result<bool, DbError> {
        let deleted = query("DELETE FROM login_failure WHERE account_id = $1")
            .bind(account)
            .execute(self.writer().await?.on())
            .await?;
        Ok(deleted > 0)
    }

    /// Lifts every lock of an account and forgets its failures, not from where it logged in; the
    /// sources that were locked, `None` for all of them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn lift_locks(
        &self,
        account: &str,
        now: UnixMillis,
    ) -> Result<Vec<Option<String>>, DbError> {
        let held = retried(|| self.try_lift_locks(account, now)).await?;
        let source = |row: &Row| -> Result<Option<String>, sqlx::Error> {
            let source: String = row.get("source")?;
            Ok(Some(source).filter(|source| source != ANYWHERE))
        };
        Ok(held.iter().map(source).collect::<Result<_, _>>()?)
    }

    async fn try_lift_locks(&self, account: &str, now: UnixMillis) -> Result<Vec<Row>, DbError> {
        let mut write = self.write().await?;
        let held =
            query("SELECT source FROM login_failure WHERE account_id = $1 AND locked_until > $2")
                .bind(account)
                .bind(stored(now))
                .all(write.on())
                .await?;
        query(
            "UPDATE login_failure SET failures = 0, refused = 0, locked_until = 0 \
             WHERE account_id = $1",
        )
        .bind(account)
        .execute(write.on())
        .await?;
        write.commit().await?;
        Ok(held)
    }

    /// Failures and refused attempts of a counter.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn login_failures(&self, account: &str, source: &str) -> Result<(u32, u32), DbError> {
        let row = query(
            "SELECT failures, refused FROM login_failure WHERE account_id = $1 AND source = $2",
        )
        .bind(account)
        .bind(source)
        .optional(self.connection().await?.on())
        .await?;
        row.map_or(Ok((0, 0)), |row| {
            Ok((number(&row, "failures")?, number(&row, "refused")?))
        })
    }

    /// Deletes what nothing happened to since `before`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn forget_login_failures(&self, before: UnixMillis) -> Result<(), DbError> {
        query(
            "DELETE FROM login_failure \
             WHERE last_at < $1 AND locked_until < $1 AND succeeded_at < $1",
        )
        .bind(stored(before))
        .execute(self.writer().await?.on())
        .await?;
        Ok(())
    }
}

struct Standing {
    failures: u32,
    locked_until: UnixMillis,
    succeeded: UnixMillis,
}

impl Standing {
    fn lock_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        Some(self.locked_until).filter(|until| *until > now)
    }

    fn read(row: &Row, forget_ms: u64, now: UnixMillis) -> Result<Self, DbError> {
        let last = restored(row.get("last_at")?);
        let is_forgotten = now.0.saturating_sub(last.0) >= forget_ms;
        Ok(Self {
            failures: if is_forgotten {
                0
            } else {
                number(row, "failures")?
            },
            locked_until: restored(row.get("locked_until")?),
            succeeded: restored(row.get("succeeded_at")?),
        })
    }

    /// With one failure more; the end of the lock that this began. A lock's end is fixed here, once.
    fn counted(self, ladder: &[Rung], now: UnixMillis) -> (Self, Option<UnixMillis>) {
        let failures = self.failures.saturating_add(1);
        let begun =
            lock_ms(ladder, failures).map(|lock_ms| UnixMillis(now.0.saturating_add(lock_ms)));
        let locked_until = begun.unwrap_or(self.locked_until);
        let counted = Self {
            failures,
            locked_until,
            ..self
        };
        (counted, begun)
    }
}

/// One failure less from everywhere, and without the lock that began with it; none from here, and the
/// source is known. Where there is no row, one that says so.
fn succeeded<'q>(account: &'q str, source: &'q str, began: Locks, now: UnixMillis) -> Query<'q> {
    macro_rules! rows {
        ($taken:literal) => {
            concat!(
                "INSERT INTO login_failure (account_id, source, failures, last_at, succeeded_at) \
                 VALUES ($1, '', 0, $3, 0), ($1, $2, 0, $3, $3) ",
                $taken,
                " failures = CASE WHEN login_failure.source <> '' OR login_failure.failures = 0 \
                 THEN 0 ELSE login_failure.failures - 1 END, \
                 refused = CASE login_failure.source WHEN '' THEN login_failure.refused ELSE 0 END, \
                 locked_until = CASE WHEN login_failure.source <> '' \
                 OR login_failure.locked_until = $4 THEN 0 ELSE login_failure.locked_until END, \
                 succeeded_at = CASE login_failure.source \
                 WHEN '' THEN login_failure.succeeded_at ELSE $3 END"
            )
        };
    }
    query(rows!("ON CONFLICT (account_id, source) DO UPDATE SET"))
        .mysql_as(rows!("ON DUPLICATE KEY UPDATE"))
        .bind(account)
        .bind(source)
        .bind(stored(now))
        .bind(began.anywhere.map_or(-1, stored))
}

/// What the account has done from everywhere and from here. Makes the rows that are not there, and keeps
/// others from them until the transaction ends; the account's own first: whoever has it has the account.
async fn standing(
    write: &mut Write,
    attempt: &LoginAttempt<'_>,
    now: UnixMillis,
) -> Result<(Standing, Standing), DbError> {
    let hold = query(
        "INSERT INTO login_failure (account_id, source, failures, last_at) \
         VALUES ($1, '', 0, $3), ($1, $2, 0, $3) \
         ON CONFLICT (account_id, source) DO UPDATE SET failures = login_failure.failures \
         RETURNING source, failures, last_at, locked_until, succeeded_at",
    )
    .mysql_as(
        "INSERT INTO login_failure (account_id, source, failures, last_at) \
         VALUES ($1, '', 0, $3), ($1, $2, 0, $3) \
         ON DUPLICATE KEY UPDATE failures = login_failure.failures",
    )
    .bind(attempt.account)
    .bind(attempt.source)
    .bind(stored(now));
    // MySQL tells nobody what it has kept.
    let rows = if matches!(write, Write::MySql(_)) {
        hold.execute(write.on()).await?;
        query(
            "SELECT source, failures, last_at, locked_until, succeeded_at FROM login_failure \
             WHERE account_id = $1 AND source IN ('', $2)",
        )
        .bind(attempt.account)
        .bind(attempt.source)
        .all(write.on())
        .await?
    } else {
        hold.all(write.on()).await?
    };
    let (mut all, mut here) = (None, None);
    for row in &rows {
        let standing = Some(Standing::read(row, attempt.forget_ms, now)?);
        if row.get::<String>("source")? == ANYWHERE {
            all = standing;
        } else {
            here = standing;
        }
    }
    let both = all.zip(here);
    Ok(both.ok_or(sqlx::Error::RowNotFound)?)
}

fn number(row: &Row, name: &str) -> Result<u32, DbError> {
    Ok(u32::try_from(row.get::<i64>(name)?).unwrap_or(u32::MAX))
}

/// The lock that begins with this failure: one at each rung, and with each failure beyond the last.
fn lock_ms(ladder: &[Rung], failures: u32) -> Option<u64> {
    let last = ladder.last()?;
    if failures > last.failures {
        return Some(last.lock_ms);
    }
    ladder
        .iter()
        .find(|rung| rung.failures == failures)
        .map(|rung| rung.lock_ms)
}

#[cfg(test)]
mod tests;
