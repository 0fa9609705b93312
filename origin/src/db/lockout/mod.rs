//! Table `login_failure`: the count of failed logins, taken before a password is looked at.

use super::{
    Db, DbError,
    pool::{Pool, Write, restored, retried, stored},
    query::{Query, Row, query},
    user::{self, User},
};
use gapura_shared::time::UnixMillis;
use sqlx::error::ErrorKind;

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

/// A counted attempt that was right after all.
#[derive(Debug, Clone, Copy)]
pub struct GoodLogin<'a> {
    /// As [`LoginAttempt::account`].
    pub account: &'a str,
    /// As [`LoginAttempt::source`].
    pub source: &'a str,
    /// What began with it.
    pub began: Locks,
}

/// The unit of `login_failure.last_day`.
const DAY_MS: i64 = 86_400_000;

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
    /// It may, and is counted as failed until [`Db::login_succeeded`], or a session that is opened by
    /// it, says otherwise.
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
        match self.count_undisturbed(kept(attempt), attempt, now).await {
            Ok(Some((counted, _))) => return Ok(counted),
            Err(error) if !error.is_collision() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        retried(|| self.count_held(attempt, now)).await
    }

    /// As [`Self::count_login`], and the account of an address besides: by the same words, where the engine
    /// is a server.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn count_login_of(
        &self,
        email: &str,
        attempt: &LoginAttempt<'_>,
        now: UnixMillis,
    ) -> Result<(Attempt, Option<User>), DbError> {
        let both = kept_beside_account(attempt, email);
        match self.count_undisturbed(both, attempt, now).await {
            Ok(Some((counted, rows))) => {
                let user = rows.first().map(user::read_joined).transpose()?;
                return Ok((counted, user.flatten()));
            }
            Err(error) if !error.is_collision() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        // First: who finds the database away has not failed.
        let user = self.user_by_email(email).await?;
        let counted = retried(|| self.count_held(attempt, now)).await?;
        Ok((counted, user))
    }

    /// Counts without holding the rows: what was decided by what they said is written if they still say so, in one
    /// statement. Nearly always nobody else is at an account, and this is two round trips instead of four or
    /// five. `None`: somebody was, or the rows are not there yet. SQLite has none to save.
    async fn count_undisturbed(
        &self,
        kept: Query<'_>,
        attempt: &LoginAttempt<'_>,
        now: UnixMillis,
    ) -> Result<Option<(Attempt, Vec<Row>)>, DbError> {
        if matches!(self.pool, Pool::Sqlite(_)) {
            return Ok(None);
        }
        let mut connection = self.connection().await?;
        let rows = kept.all(connection.on()).await?;
        let Some(seen) = Standing::read(&rows)? else {
            return Ok(None);
        };
        let counted = match seen.verdict(attempt, now) {
            Verdict::Locked(locks) => {
                refused(attempt).execute(connection.on()).await?;
                Some(Attempt::Locked(locks))
            }
            Verdict::Open { counted, began } => {
                let counted = counted.write_if(&seen, attempt, now);
                let done = counted.execute(connection.on()).await;
                is_whole(&self.pool, done)?.then_some(Attempt::Counted(began))
            }
        };
        Ok(counted.map(|counted| (counted, rows)))
    }

    async fn count_held(
        &self,
        attempt: &LoginAttempt<'_>,
        now: UnixMillis,
    ) -> Result<Attempt, DbError> {
        let mut write = self.write().await?;
        let standing = held(&mut write, attempt, now).await?;
        Ok(match standing.verdict(attempt, now) {
            Verdict::Locked(locks) => {
                write.commit_with([refused(attempt)]).await?;
                Attempt::Locked(locks)
            }
            Verdict::Open { counted, began } => {
                write.commit_with([counted.write(attempt, now)]).await?;
                Attempt::Counted(began)
            }
        })
    }

    /// Takes a counted attempt back: the password was right. What failed from this source is
    /// forgotten, the source is known from now on, and the lock that the attempt itself began ends.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn login_succeeded(
        &self,
        login: GoodLogin<'_>,
        now: UnixMillis,
    ) -> Result<(), DbError> {
        retried(|| async {
            // A statement is a transaction by itself.
            succeeded(login, now)
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
             WHERE last_day <= $2 AND last_at < $1 AND locked_until < $1 AND succeeded_at < $1",
        )
        .bind(stored(before))
        .bind(stored(before) / DAY_MS)
        .execute(self.writer().await?.on())
        .await?;
        Ok(())
    }
}

/// A row.
#[derive(Clone, Copy)]
struct Count {
    failures: i64,
    last: UnixMillis,
    locked_until: UnixMillis,
    succeeded: UnixMillis,
}

/// What an account has done from everywhere, and from one source.
#[derive(Clone, Copy)]
struct Standing {
    all: Count,
    here: Count,
}

enum Verdict {
    Locked(Locks),
    /// It may be tried: the counts with it, and the locks that begin.
    Open {
        counted: Standing,
        began: Locks,
    },
}

impl Count {
    fn read(row: &Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            failures: row.get("failures")?,
            last: restored(row.get("last_at")?),
            locked_until: restored(row.get("locked_until")?),
            succeeded: restored(row.get("succeeded_at")?),
        })
    }

    fn lock_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        Some(self.locked_until).filter(|until| *until > now)
    }

    /// With one failure more; the end of the lock that this began. A lock's end is fixed here, once.
    fn counted(
        self,
        ladder: &[Rung],
        forget_ms: u64,
        now: UnixMillis,
    ) -> (Self, Option<UnixMillis>) {
        let is_forgotten = now.0.saturating_sub(self.last.0) >= forget_ms;
        let failures = if is_forgotten { 0 } else { self.failures }.saturating_add(1);
        let begun = lock_ms(ladder, u32::try_from(failures).unwrap_or(u32::MAX))
            .map(|lock_ms| UnixMillis(now.0.saturating_add(lock_ms)));
        let counted = Self {
            failures,
            locked_until: begun.unwrap_or(self.locked_until),
            ..self
        };
        (counted, begun)
    }
}

impl Standing {
    /// `None` without both rows.
    fn read(rows: &[Row]) -> Result<Option<Self>, sqlx::Error> {
        let (mut all, mut here) = (None, None);
        for row in rows {
            let is_all = row.get::<String>("source")? == ANYWHERE;
            let count = if is_all { &mut all } else { &mut here };
            *count = Some(Count::read(row)?);
        }
        Ok(all.zip(here).map(|(all, here)| Self { all, here }))
    }

    fn verdict(self, attempt: &LoginAttempt<'_>, now: UnixMillis) -> Verdict {
        let Self { all, here } = self;
        let known =
            here.succeeded.0 > 0 && now.0.saturating_sub(here.succeeded.0) < attempt.known_ms;
        let locks = Locks {
            source: here.lock_at(now),
            anywhere: all.lock_at(now).filter(|_| !known),
        };
        if locks != Locks::default() {
            return Verdict::Locked(locks);
        }
        let (all, anywhere) = all.counted(&[attempt.ceiling], attempt.forget_ms, now);
        let (here, source) = here.counted(attempt.ladder, attempt.forget_ms, now);
        Verdict::Open {
            counted: Self { all, here },
            began: Locks { source, anywhere },
        }
    }

    /// Writes it over rows that are held.
    fn write<'q>(&self, attempt: &LoginAttempt<'q>, now: UnixMillis) -> Query<'q> {
        self.bound(
            query(
                "UPDATE login_failure SET last_at = $1, \
                 failures = CASE source WHEN '' THEN $2 ELSE $3 END, \
                 locked_until = CASE source WHEN '' THEN $4 ELSE $5 END \
                 WHERE account_id = $6 AND source IN ('', $7)",
            ),
            attempt,
            now,
        )
    }

    /// Writes it where both rows are as they were seen; none is met otherwise. Whoever changes a source's row changes the
    /// account's first, and waits for it here.
    fn write_if<'q>(&self, seen: &Self, attempt: &LoginAttempt<'q>, now: UnixMillis) -> Query<'q> {
        let counted = query(
            "WITH whole AS (UPDATE login_failure AS whole \
             SET last_at = $1, failures = $2, locked_until = $4 FROM login_failure AS here \
             WHERE whole.account_id = $6 AND whole.source = '' AND whole.failures = $8 \
             AND whole.last_at = $9 AND whole.locked_until = $10 \
             AND here.account_id = $6 AND here.source = $7 AND here.failures = $11 \
             AND here.last_at = $12 AND here.locked_until = $13 RETURNING whole.account_id) \
             UPDATE login_failure AS here SET last_at = $1, failures = $3, locked_until = $5 \
             FROM whole WHERE here.account_id = whole.account_id AND here.source = $7",
        )
        // A join with itself would have MariaDB make a table for the rows that it changes, which costs more than all
        // else. A row that is not as it was seen gets no count here, which its column refuses: then neither changes.
        .mysql_as(
            "UPDATE login_failure SET failures = CASE \
             WHEN source = '' AND failures = $8 AND last_at = $9 AND locked_until = $10 THEN $2 \
             WHEN source = $7 AND failures = $11 AND last_at = $12 AND locked_until = $13 THEN $3 END, \
             last_at = $1, locked_until = CASE source WHEN '' THEN $4 ELSE $5 END \
             WHERE account_id = $6 AND source IN ('', $7)",
        );
        let counted = self.bound(counted, attempt, now);
        [seen.all, seen.here]
            .iter()
            .fold(counted, |counted, count| {
                counted
                    .bind(count.failures)
                    .bind(stored(count.last))
                    .bind(stored(count.locked_until))
            })
    }

    fn bound<'q>(
        &self,
        counted: Query<'q>,
        attempt: &LoginAttempt<'q>,
        now: UnixMillis,
    ) -> Query<'q> {
        counted
            .bind(stored(now))
            .bind(self.all.failures)
            .bind(self.here.failures)
            .bind(stored(self.all.locked_until))
            .bind(stored(self.here.locked_until))
            .bind(attempt.account)
            .bind(attempt.source)
    }
}

/// Whether [`Standing::write_if`] met both rows as they were seen.
fn is_whole(pool: &Pool, done: Result<u64, sqlx::Error>) -> Result<bool, sqlx::Error> {
    match done {
        Ok(met) => Ok(met >= if matches!(pool, Pool::MySql(_)) { 2 } else { 1 }),
        Err(sqlx::Error::Database(error)) if error.kind() == ErrorKind::NotNullViolation => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// One that meets a lock.
fn refused<'q>(attempt: &LoginAttempt<'q>) -> Query<'q> {
    query(
        "UPDATE login_failure SET refused = refused + $3 \
         WHERE account_id = $1 AND source = $2",
    )
    .bind(attempt.account)
    .bind(attempt.source)
    .bind(i64::from(attempt.counts_refusal))
}

/// Both rows, as far as they are there.
fn kept<'q>(attempt: &LoginAttempt<'q>) -> Query<'q> {
    query(
        "SELECT source, failures, last_at, locked_until, succeeded_at FROM login_failure \
         WHERE account_id = $1 AND source IN ('', $2)",
    )
    .bind(attempt.account)
    .bind(attempt.source)
}

/// Both rows, as far as they are there, and in each the account of an address, if it has one.
fn kept_beside_account<'q>(attempt: &LoginAttempt<'q>, email: &'q str) -> Query<'q> {
    query(
        "SELECT u.*, f.source, f.failures, f.last_at, f.locked_until, f.succeeded_at \
         FROM login_failure f LEFT JOIN user_account u ON u.email = $3 \
         WHERE f.account_id = $1 AND f.source IN ('', $2)",
    )
    .bind(attempt.account)
    .bind(attempt.source)
    .bind(email)
}

/// One failure less from everywhere, and without the lock that began with it; none from here, and the
/// source is known. Where there is no row, one that says so. By its placeholders: the account, the source,
/// now, and the lock that began.
macro_rules! success {
    ($taken:literal, $account:literal, $source:literal, $now:literal, $began:literal) => {
        concat!(
            "INSERT INTO login_failure (account_id, source, failures, last_at, succeeded_at) VALUES (",
            concat!($account, ", '', 0, ", $now, ", 0), ("),
            concat!($account, ", ", $source, ", 0, ", $now, ", ", $now, ") "),
            $taken,
            " failures = CASE WHEN login_failure.source <> '' OR login_failure.failures = 0 \
             THEN 0 ELSE login_failure.failures - 1 END, \
             refused = CASE login_failure.source WHEN '' THEN login_failure.refused ELSE 0 END, \
             locked_until = CASE WHEN login_failure.source <> '' OR login_failure.locked_until = ",
            $began,
            " THEN 0 ELSE login_failure.locked_until END, succeeded_at = CASE login_failure.source \
             WHEN '' THEN login_failure.succeeded_at ELSE ",
            $now,
            " END"
        )
    };
    ($account:literal, $source:literal, $now:literal, $began:literal) => {
        $crate::db::lockout::success!(
            "ON CONFLICT (account_id, source) DO UPDATE SET",
            $account,
            $source,
            $now,
            $began
        )
    };
}
pub(super) use success;

pub(super) fn succeeded(login: GoodLogin<'_>, now: UnixMillis) -> Query<'_> {
    query(success!("$1", "$2", "$3", "$4"))
        .mysql_as(success!("ON DUPLICATE KEY UPDATE", "$1", "$2", "$3", "$4"))
        .bind(login.account)
        .bind(login.source)
        .bind(stored(now))
        .bind(login.lock())
}

impl GoodLogin<'_> {
    /// The lock that began with it, as it is stored; of none, what is no lock's end.
    pub(super) fn lock(&self) -> i64 {
        self.began.anywhere.map_or(-1, stored)
    }
}

/// Makes the rows that are not there, and keeps others from them until the transaction ends; the account's own
/// first: whoever has it has the account.
async fn held(
    write: &mut Write,
    attempt: &LoginAttempt<'_>,
    now: UnixMillis,
) -> Result<Standing, DbError> {
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
        kept(attempt).all(write.on()).await?
    } else {
        hold.all(write.on()).await?
    };
    Ok(Standing::read(&rows)?.ok_or(sqlx::Error::RowNotFound)?)
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
