//! Table `login_failure`: the count of failed logins, taken before a password is looked at.

use super::{
    Db, DbError,
    pool::{restored, stored},
};
use gapura_shared::time::UnixMillis;
use sqlx::{Row, Sqlite, Transaction};

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
        let ceiling = [attempt.ceiling];
        let mut transaction = self.write().await?;
        let here = read(&mut transaction, attempt, attempt.source, now).await?;
        let known =
            here.succeeded.0 > 0 && now.0.saturating_sub(here.succeeded.0) < attempt.known_ms;
        let all = read(&mut transaction, attempt, ANYWHERE, now).await?;
        let locks = Locks {
            source: here.lock_at(now),
            anywhere: all.lock_at(now).filter(|_| !known),
        };
        let outcome = if locks == Locks::default() {
            Attempt::Counted(Locks {
                source: count(
                    &mut transaction,
                    attempt,
                    attempt.source,
                    &here,
                    attempt.ladder,
                    now,
                )
                .await?,
                anywhere: count(&mut transaction, attempt, ANYWHERE, &all, &ceiling, now).await?,
            })
        } else {
            refuse(&mut transaction, attempt.account, attempt.source, now).await?;
            Attempt::Locked(locks)
        };
        transaction.commit().await?;
        Ok(outcome)
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
        let mut transaction = self.write().await?;
        sqlx::query(
            "INSERT INTO login_failure (account_id, source, failures, last_at, succeeded_at) \
             VALUES (?, ?, 0, ?, ?) ON CONFLICT (account_id, source) DO UPDATE SET \
             failures = 0, refused = 0, locked_until = 0, succeeded_at = excluded.succeeded_at",
        )
        .bind(account)
        .bind(source)
        .bind(stored(now))
        .bind(stored(now))
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "UPDATE login_failure SET failures = max(failures - 1, 0), \
             locked_until = CASE WHEN locked_until = ? THEN 0 ELSE locked_until END \
             WHERE account_id = ? AND source = ''",
        )
        .bind(began.anywhere.map_or(-1, stored))
        .bind(account)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Lifts every lock of an account and forgets its failures.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unlock(&self, account: &str) -> Result<bool, DbError> {
        let done = sqlx::query("DELETE FROM login_failure WHERE account_id = ?")
            .bind(account)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Failures and refused attempts of a counter.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn login_failures(&self, account: &str, source: &str) -> Result<(u32, u32), DbError> {
        let row = sqlx::query(
            "SELECT failures, refused FROM login_failure WHERE account_id = ? AND source = ?",
        )
        .bind(account)
        .bind(source)
        .fetch_optional(&self.pool)
        .await?;
        row.map_or(Ok((0, 0)), |row| {
            Ok((row.try_get("failures")?, row.try_get("refused")?))
        })
    }

    /// Deletes what nothing happened to since `before`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn forget_login_failures(&self, before: UnixMillis) -> Result<(), DbError> {
        sqlx::query("DELETE FROM login_failure WHERE max(last_at, locked_until, succeeded_at) < ?")
            .bind(stored(before))
            .execute(&self.pool)
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
}

async fn read(
    transaction: &mut Transaction<'static, Sqlite>,
    attempt: &LoginAttempt<'_>,
    source: &str,
    now: UnixMillis,
) -> Result<Standing, DbError> {
    let row = sqlx::query(
        "SELECT failures, last_at, locked_until, succeeded_at FROM login_failure \
         WHERE account_id = ? AND source = ?",
    )
    .bind(attempt.account)
    .bind(source)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(row) = row else {
        return Ok(Standing {
            failures: 0,
            locked_until: UnixMillis(0),
            succeeded: UnixMillis(0),
        });
    };
    let last = restored(row.try_get("last_at")?);
    let is_forgotten = now.0.saturating_sub(last.0) >= attempt.forget_ms;
    Ok(Standing {
        failures: if is_forgotten {
            0
        } else {
            row.try_get("failures")?
        },
        locked_until: restored(row.try_get("locked_until")?),
        succeeded: restored(row.try_get("succeeded_at")?),
    })
}

/// Counts one; the end of the lock that this began. A lock's end is fixed here, once.
async fn count(
    transaction: &mut Transaction<'static, Sqlite>,
    attempt: &LoginAttempt<'_>,
    source: &str,
    standing: &Standing,
    ladder: &[Rung],
    now: UnixMillis,
) -> Result<Option<UnixMillis>, DbError> {
    let failures = standing.failures.saturating_add(1);
    let begun = lock_ms(ladder, failures).map(|lock_ms| UnixMillis(now.0.saturating_add(lock_ms)));
    sqlx::query(
        "INSERT INTO login_failure (account_id, source, failures, last_at, locked_until) \
         VALUES (?, ?, ?, ?, ?) ON CONFLICT (account_id, source) DO UPDATE SET \
         failures = excluded.failures, last_at = excluded.last_at, \
         locked_until = excluded.locked_until",
    )
    .bind(attempt.account)
    .bind(source)
    .bind(failures)
    .bind(stored(now))
    .bind(stored(begun.unwrap_or(standing.locked_until)))
    .execute(&mut **transaction)
    .await?;
    Ok(begun)
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

async fn refuse(
    transaction: &mut Transaction<'static, Sqlite>,
    account: &str,
    source: &str,
    now: UnixMillis,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO login_failure (account_id, source, failures, refused, last_at) \
         VALUES (?, ?, 0, 1, ?) \
         ON CONFLICT (account_id, source) DO UPDATE SET refused = refused + 1",
    )
    .bind(account)
    .bind(source)
    .bind(stored(now))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Locks, LoginAttempt, Rung, lock_ms};
    use crate::db::tests::fresh;
    use gapura_shared::time::UnixMillis;

    const LADDER: [Rung; 3] = [
        Rung {
            failures: 5,
            lock_ms: 900_000,
        },
        Rung {
            failures: 10,
            lock_ms: 3_600_000,
        },
        Rung {
            failures: 20,
            lock_ms: 86_400_000,
        },
    ];
    const DAY_MS: u64 = 86_400_000;
    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn from(source: &str) -> LoginAttempt<'_> {
        LoginAttempt {
            account: "a",
            source,
            ladder: &LADDER,
            ceiling: Rung {
                failures: 12,
                lock_ms: 900_000,
            },
            forget_ms: DAY_MS,
            known_ms: 30 * DAY_MS,
        }
    }

    const fn here(until: u64) -> Locks {
        Locks {
            source: Some(UnixMillis(until)),
            anywhere: None,
        }
    }

    const fn after(ms: u64) -> UnixMillis {
        UnixMillis(NOW.0 + ms)
    }

    #[test]
    fn climbs_the_ladder() {
        for (failures, lock) in [
            (4, None),
            (5, Some(900_000)),
            (6, None),
            (10, Some(3_600_000)),
            (19, None),
            (20, Some(86_400_000)),
            (21, Some(86_400_000)),
        ] {
            assert_eq!(lock_ms(&LADDER, failures), lock, "{failures}");
        }
    }

    #[tokio::test]
    async fn a_locks_end_does_not_move_and_the_ladder_goes_on_behind_it() {
        let (db, _dir) = fresh().await;
        for _ in 0..4 {
            let counted = db.count_login(&from("n"), NOW).await.unwrap();
            assert_eq!(counted, Attempt::Counted(Locks::default()));
        }
        let until = NOW.0 + 900_000;
        let fifth = db.count_login(&from("n"), NOW).await.unwrap();
        assert_eq!(fifth, Attempt::Counted(here(until)));
        for second in 1..=3 {
            let refused = db.count_login(&from("n"), after(second * 1000)).await;
            assert_eq!(refused.unwrap(), Attempt::Locked(here(until)));
        }
        assert_eq!(db.login_failures("a", "n").await.unwrap(), (5, 3));
        for failure in 6..=10 {
            let counted = db.count_login(&from("n"), UnixMillis(until)).await.unwrap();
            let lock = if failure == 10 {
                here(until + 3_600_000)
            } else {
                Locks::default()
            };
            assert_eq!(counted, Attempt::Counted(lock), "{failure}");
        }
    }

    #[tokio::test]
    async fn others_are_not_locked_out_until_the_ceiling_and_known_ones_never() {
        let (db, _dir) = fresh().await;
        db.count_login(&from("home"), NOW).await.unwrap();
        db.login_succeeded("a", "home", Locks::default(), NOW)
            .await
            .unwrap();
        for source in ["n", "m"] {
            for _ in 0..5 {
                let attempt = db.count_login(&from(source), NOW).await.unwrap();
                assert!(matches!(attempt, Attempt::Counted(_)), "{source}");
            }
            let sixth = db.count_login(&from(source), NOW).await.unwrap();
            assert!(matches!(sixth, Attempt::Locked(_)), "{source}");
        }
        db.count_login(&from("k"), NOW).await.unwrap();
        let twelfth = db.count_login(&from("k"), NOW).await.unwrap();
        let ceiling = Locks {
            source: None,
            anywhere: Some(after(900_000)),
        };
        assert_eq!(twelfth, Attempt::Counted(ceiling));
        let stranger = db.count_login(&from("x"), NOW).await.unwrap();
        assert_eq!(stranger, Attempt::Locked(ceiling));
        let owner = db.count_login(&from("home"), NOW).await.unwrap();
        assert!(matches!(owner, Attempt::Counted(_)));
        let later = after(31 * DAY_MS);
        let again = db.count_login(&from("home"), later).await.unwrap();
        assert!(
            matches!(again, Attempt::Counted(_)),
            "and that lock is over"
        );
    }

    #[tokio::test]
    async fn a_good_login_forgets_what_failed_from_there() {
        let (db, _dir) = fresh().await;
        let mut began = Locks::default();
        for _ in 0..5 {
            if let Attempt::Counted(locks) = db.count_login(&from("n"), NOW).await.unwrap() {
                began = locks;
            }
        }
        db.login_succeeded("a", "n", began, NOW).await.unwrap();
        assert_eq!(db.login_failures("a", "n").await.unwrap(), (0, 0));
        assert_eq!(db.login_failures("a", "").await.unwrap(), (4, 0));
        let again = db.count_login(&from("n"), NOW).await.unwrap();
        assert_eq!(again, Attempt::Counted(Locks::default()));
        assert!(db.unlock("a").await.unwrap());
        assert!(!db.unlock("a").await.unwrap());
    }

    #[tokio::test]
    async fn a_hundred_at_once_count_a_hundred() {
        let (db, _dir) = fresh().await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let db = db.clone();
            tasks.spawn(async move { db.count_login(&from("n"), NOW).await.unwrap() });
        }
        let attempts = tasks.join_all().await;
        let looked_at = attempts
            .iter()
            .filter(|attempt| matches!(attempt, Attempt::Counted(_)))
            .count();
        assert_eq!(looked_at, 5, "passwords that are compared at all");
        assert_eq!(db.login_failures("a", "n").await.unwrap(), (5, 95));
    }

    #[tokio::test]
    async fn forgets_after_a_day() {
        let (db, _dir) = fresh().await;
        for _ in 0..4 {
            db.count_login(&from("n"), NOW).await.unwrap();
        }
        let fifth = db.count_login(&from("n"), after(DAY_MS)).await.unwrap();
        assert_eq!(fifth, Attempt::Counted(Locks::default()));
        db.forget_login_failures(after(DAY_MS + 1)).await.unwrap();
        assert_eq!(db.login_failures("a", "n").await.unwrap(), (0, 0));
    }
}
