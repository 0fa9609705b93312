//! Table `session`.

use super::{
    Db, DbError, User,
    batch::Script,
    lockout::{GoodLogin, succeeded, success},
    outbox::Outbox,
    pool::{On, Pool, Write, restored, retried, stored},
    query::{Query, Row, at_once, query},
    user,
};
use gapura_shared::time::UnixMillis;

/// A session as it starts.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// UUID.
    pub id: &'a str,
    /// Whose it is.
    pub user: &'a str,
    /// SHA-256 of its first refresh token.
    pub token_hash: [u8; 32],
    /// Until when that token can be exchanged.
    pub expires: UnixMillis,
    /// When the session ends, whatever happens.
    pub ends: UnixMillis,
    /// Where it is.
    pub device: &'a Device,
    /// How its owner proved who they are.
    pub method: &'a str,
    /// The last change of the account that they are known to be the owner of.
    pub seen: UnixMillis,
    /// The counted login that it is opened by, to be taken back with it.
    pub attempt: Option<GoodLogin<'a>>,
}

/// What a session stands on: how its owner proved who they are, and until when that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proofs {
    /// `password` and so on.
    pub method: String,
    /// When.
    pub at: UnixMillis,
    /// The second factor, and when.
    pub second: Option<(String, UnixMillis)>,
    /// When the session ends, whatever happens: no token outlives it.
    pub ends: UnixMillis,
}

impl Proofs {
    /// Reads them from a row that has them.
    pub(super) fn read(row: &Row) -> Result<Self, sqlx::Error> {
        let method: Option<String> = row.get("second_method")?;
        let at: Option<i64> = row.get("second_at")?;
        Ok(Self {
            method: row.get("method")?,
            at: restored(row.get("opened_at")?),
            second: method.zip(at.map(restored)),
            ends: restored(row.get("ends_at")?),
        })
    }
}

/// From where a session was last used, for its owner to know it by. Nothing is decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent` field, cut off at 256 bytes; empty when there was none.
    pub user_agent: String,
    /// The client's address.
    pub address: String,
}

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// UUID.
    pub id: String,
    /// The login.
    pub created: UnixMillis,
    /// The login or the last refresh.
    pub last_seen: UnixMillis,
    /// When it ends, whatever happens.
    pub ends: UnixMillis,
    /// Where it was last seen.
    pub device: Device,
}

/// A session that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// UUID.
    pub id: String,
    /// Since when it has been given no access token.
    pub last_seen: UnixMillis,
}

/// Most sessions of an account that are listed: the last ones used.
pub(super) const MAX_LISTED: u32 = 100;

/// Rows that one statement deletes, so that nobody waits long for it.
const SWEEP: i64 = 500;

/// Which sessions of a user end.
#[derive(Debug, Clone, Copy)]
pub enum End<'a> {
    /// Every one.
    All,
    /// This one.
    One(&'a str),
    /// Every other one.
    AllBut(&'a str),
    /// Every one that stands on one factor.
    Weak,
}

impl<'a> End<'a> {
    pub(super) const fn one(self) -> Option<&'a str> {
        match self {
            Self::One(id) => Some(id),
            Self::All | Self::AllBut(_) | Self::Weak => None,
        }
    }

    pub(super) const fn all_but(self) -> Option<&'a str> {
        match self {
            Self::AllBut(id) => Some(id),
            Self::All | Self::One(_) | Self::Weak => None,
        }
    }

    /// 1 or 0.
    pub(super) const fn only_weak(self) -> i64 {
        matches!(self, Self::Weak) as i64
    }
}

impl Db {
    /// Ends sessions; those that ended now. Their refresh tokens are good no more.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end_sessions(
        &self,
        user: &str,
        which: End<'_>,
        now: UnixMillis,
    ) -> Result<Vec<Ended>, DbError> {
        retried(|| self.try_end_sessions(user, which, now)).await
    }

    async fn try_end_sessions(
        &self,
        user: &str,
        which: End<'_>,
        now: UnixMillis,
    ) -> Result<Vec<Ended>, DbError> {
        let mut write = self.write().await?;
        // Nobody logs in between.
        query("SELECT user_account_id FROM user_account WHERE user_account_id = $1")
            .for_update()
            .bind(user)
            .optional(write.on())
            .await?;
        let ended = end_those(&mut write, &self.outbox, user, which, now).await?;
        write.commit().await?;
        self.outbox.wake();
        Ok(ended)
    }

    /// An account and one of its sessions, if that goes on.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn user_in_session(
        &self,
        user: &str,
        session: &str,
        now: UnixMillis,
    ) -> Result<Option<(User, Session)>, DbError> {
        let found = query(
            "SELECT u.*, s.session_id, s.created_at AS opened_at, s.last_seen_at, \
             s.expires_at AS ends_at, s.user_agent, s.address \
             FROM session s JOIN user_account u ON u.user_account_id = s.user_account_id \
             WHERE s.session_id = $1 AND s.user_account_id = $2 \
             AND s.ended_at IS NULL AND s.expires_at > $3",
        )
        .bind(session)
        .bind(user)
        .bind(stored(now))
        .optional(self.connection().await?.on())
        .await?;
        let read = |row: &Row| Ok((user::read(row)?, read(row)?));
        found.as_ref().map(read).transpose()
    }

    /// The sessions of an account that go on, the last used first; at most 100.
    /// Those that nobody used since `idle_since` can be used no more.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn sessions(
        &self,
        user: &str,
        idle_since: UnixMillis,
        now: UnixMillis,
    ) -> Result<Vec<Session>, DbError> {
        let rows = query(
            "SELECT session_id, created_at AS opened_at, last_seen_at, expires_at AS ends_at, \
             user_agent, address FROM session WHERE user_account_id = $1 AND ended_at IS NULL \
             AND expires_at > $2 AND last_seen_at > $3 \
             ORDER BY last_seen_at DESC, session_id LIMIT $4",
        )
        .bind(user)
        .bind(stored(now))
        .bind(stored(idle_since))
        .bind(i64::from(MAX_LISTED))
        .all(self.connection().await?.on())
        .await?;
        rows.iter().map(read).collect()
    }

    /// Ends the sessions of an account that are more than `keep`, those that nobody used for the longest time.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end_excess_sessions(
        &self,
        user: &str,
        keep: u32,
        now: UnixMillis,
    ) -> Result<Vec<Ended>, DbError> {
        let excess = query(
            "SELECT session_id FROM session WHERE user_account_id = $1 AND ended_at IS NULL \
             ORDER BY last_seen_at DESC, session_id LIMIT $2 OFFSET $3",
        )
        .bind(user)
        .bind(SWEEP)
        .bind(i64::from(keep))
        .all(self.connection().await?.on())
        .await?;
        let mut ended = Vec::new();
        for row in &excess {
            let id: String = row.get("session_id")?;
            ended.extend(self.end_sessions(user, End::One(&id), now).await?);
        }
        Ok(ended)
    }

    /// Whose session it is, whether it goes on or not.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn owner_of_session(&self, session: &str) -> Result<Option<String>, DbError> {
        let row = query("SELECT user_account_id FROM session WHERE session_id = $1")
            .bind(session)
            .optional(self.connection().await?.on())
            .await?;
        Ok(row.map(|row| row.get("user_account_id")).transpose()?)
    }

    /// Deletes sessions that ended before `before`, or were last seen before `idle_before`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn sweep_sessions(
        &self,
        before: UnixMillis,
        idle_before: UnixMillis,
    ) -> Result<(), DbError> {
        // The inner query of its own: MySQL takes no LIMIT beside IN.
        let sessions = || {
            query(
                "DELETE FROM session WHERE session_id IN (SELECT session_id FROM \
                 (SELECT session_id FROM session \
                 WHERE ended_at < $1 OR expires_at < $1 OR last_seen_at < $2 LIMIT $3) AS old)",
            )
            .bind(stored(before))
            .bind(stored(idle_before))
            .bind(SWEEP)
        };
        while sessions().execute(self.writer().await?.on()).await? > 0 {}
        Ok(())
    }

    /// Deletes refresh tokens that were exchanged before `before`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn sweep_used_tokens(&self, before: UnixMillis) -> Result<(), DbError> {
        let tokens = || {
            query(
                "DELETE FROM refresh_token WHERE token_hash IN (SELECT token_hash FROM \
                 (SELECT token_hash FROM refresh_token WHERE used_at < $1 LIMIT $2) AS old)",
            )
            .bind(stored(before))
            .bind(SWEEP)
        };
        while tokens().execute(self.writer().await?.on()).await? > 0 {}
        Ok(())
    }

    /// Ends an account's sessions and deletes them with their refresh tokens, a few at a time.
    pub(super) async fn delete_sessions(&self, user: &str, now: UnixMillis) -> Result<(), DbError> {
        self.end_sessions(user, End::All, now).await?;
        let tokens = || {
            query(
                "DELETE FROM refresh_token WHERE token_hash IN (SELECT token_hash FROM \
                 (SELECT t.token_hash FROM refresh_token t \
                 JOIN session s ON s.session_id = t.session_id \
                 WHERE s.user_account_id = $1 LIMIT $2) AS old)",
            )
            .bind(user)
            .bind(SWEEP)
        };
        while tokens().execute(self.writer().await?.on()).await? > 0 {}
        let sessions = || {
            query(
                "DELETE FROM session WHERE session_id IN (SELECT session_id FROM \
                 (SELECT session_id FROM session WHERE user_account_id = $1 LIMIT $2) AS old)",
            )
            .bind(user)
            .bind(SWEEP)
        };
        while sessions().execute(self.writer().await?.on()).await? > 0 {}
        Ok(())
    }

    /// Opens a session with its first refresh token and notes the login; how many sessions of the account go
    /// on then, but for those that others open at the same moment. `None` when the account has changed since it
    /// was read: who it was then may not be who may log in now. The attempt is taken back all the same.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed then.
    pub async fn open_session(
        &self,
        session: &NewSession<'_>,
        now: UnixMillis,
    ) -> Result<Option<u32>, DbError> {
        let row = match &self.pool {
            Pool::Sqlite(pools) => {
                let script = Script::of(&opening(session, now));
                match pools.batch.run(script).await? {
                    Some(rows) => rows.into_iter().next(),
                    None => retried(|| self.open_alone(session, now)).await?,
                }
            }
            Pool::Postgres(pool) => {
                retried(|| async {
                    let opened = in_postgres(session, now);
                    Ok(opened
                        .optional(On::Postgres(&mut pool.acquire().await?))
                        .await?)
                })
                .await?
            }
            Pool::MySql(pool) => {
                retried(|| async {
                    let mut hired = pool.acquire().await?;
                    if pool.compounds() {
                        return Ok(in_mariadb(session, now).transaction(&mut hired).await?);
                    }
                    let rows = at_once(&opening(session, now), &mut hired).await?;
                    Ok(rows.into_iter().next())
                })
                .await?
            }
        };
        let sessions = |row: Row| row.get::<i64>("sessions");
        let sessions = row.map(sessions).transpose()?;
        Ok(sessions.map(|sessions| u32::try_from(sessions).unwrap_or(u32::MAX)))
    }

    async fn open_alone(
        &self,
        session: &NewSession<'_>,
        now: UnixMillis,
    ) -> Result<Option<Row>, DbError> {
        let mut write = self.write().await?;
        let mut last = None;
        for statement in opening(session, now) {
            last = statement.all(write.on()).await?.into_iter().next();
        }
        write.commit().await?;
        Ok(last)
    }
}

/// The attempt is taken back in any case. Then each does something only if the one before did, and the last
/// tells. The account's row comes before the session's: a row that refers to it takes a weaker lock, which two
/// logins at once could not both make stronger.
fn opening<'q>(session: &'q NewSession<'_>, now: UnixMillis) -> Vec<Query<'q>> {
    let taken_back = session.attempt.map(|login| succeeded(login, now));
    let opened = [
        query(
            "UPDATE user_account SET last_sign_in_at = $1 \
             WHERE user_account_id = $2 AND updated_at = $3",
        )
        .bind(stored(now))
        .bind(session.user)
        .bind(stored(session.seen)),
        query(
            "INSERT INTO session (session_id, user_account_id, created_at, last_seen_at, \
             expires_at, user_agent, address, method) \
             SELECT $1, $2, $3, $3, $4, $5, $6, $7 WHERE changes() = 1",
        )
        .mysql_as(
            "INSERT INTO session (session_id, user_account_id, created_at, last_seen_at, \
             expires_at, user_agent, address, method) \
             SELECT $1, $2, $3, $3, $4, $5, $6, $7 FROM DUAL WHERE ROW_COUNT() = 1",
        )
        .bind(session.id)
        .bind(session.user)
        .bind(stored(now))
        .bind(stored(session.ends))
        .bind(session.device.user_agent.as_str())
        .bind(session.device.address.as_str())
        .bind(session.method),
        query(
            "INSERT INTO refresh_token (token_hash, session_id, expires_at) \
             SELECT $1, $2, $3 WHERE changes() = 1",
        )
        .mysql_as(
            "INSERT INTO refresh_token (token_hash, session_id, expires_at) \
             SELECT $1, $2, $3 FROM DUAL WHERE ROW_COUNT() = 1",
        )
        .bind(&session.token_hash)
        .bind(session.id)
        .bind(stored(session.expires)),
        query(
            "SELECT (SELECT COUNT(*) FROM session s \
             WHERE s.user_account_id = $2 AND s.ended_at IS NULL) AS sessions \
             FROM session WHERE session_id = $1",
        )
        .bind(session.id)
        .bind(session.user),
    ];
    taken_back.into_iter().chain(opened).collect()
}

/// One statement, and so one transaction. It counts what was there before it, and itself.
fn in_postgres<'q>(session: &'q NewSession<'_>, now: UnixMillis) -> Query<'q> {
    macro_rules! opening {
        ($($first:literal, $taken_back:expr, $next:literal)?) => {
            concat!(
                "WITH ",
                $($first, $taken_back, $next,)?
                "login AS (UPDATE user_account SET last_sign_in_at = $1 \
                 WHERE user_account_id = $2 AND updated_at = $3 RETURNING user_account_id), \
                 opened AS (INSERT INTO session (session_id, user_account_id, created_at, last_seen_at, \
                 expires_at, user_agent, address, method) \
                 SELECT $4, user_account_id, $1, $1, $5, $6, $7, $8 FROM login RETURNING session_id), \
                 issued AS (INSERT INTO refresh_token (token_hash, session_id, expires_at) \
                 SELECT $9, session_id, $10 FROM opened RETURNING session_id) \
                 SELECT 1 + (SELECT COUNT(*) FROM session s \
                 WHERE s.user_account_id = $2 AND s.ended_at IS NULL) AS sessions FROM issued"
            )
        };
    }
    const ALONE: &str = opening!();
    const WITH_ATTEMPT: &str = opening!(
        "taken_back AS (",
        success!("$11", "$12", "$1", "$13"),
        "), "
    );
    bound([ALONE, WITH_ATTEMPT], session, now)
}

/// One compound statement, which is a transaction.
fn in_mariadb<'q>(session: &'q NewSession<'_>, now: UnixMillis) -> Query<'q> {
    macro_rules! opening {
        ($($taken_back:expr, $next:literal)?) => {
            concat!(
                "BEGIN NOT ATOMIC START TRANSACTION; ",
                $($taken_back, $next,)?
                "UPDATE user_account SET last_sign_in_at = $1 \
                 WHERE user_account_id = $2 AND updated_at = $3; \
                 IF ROW_COUNT() = 1 THEN \
                 INSERT INTO session (session_id, user_account_id, created_at, last_seen_at, \
                 expires_at, user_agent, address, method) VALUES ($4, $2, $1, $1, $5, $6, $7, $8); \
                 INSERT INTO refresh_token (token_hash, session_id, expires_at) VALUES ($9, $4, $10); \
                 SELECT COUNT(*) AS sessions FROM session \
                 WHERE user_account_id = $2 AND ended_at IS NULL; \
                 END IF; COMMIT; END"
            )
        };
    }
    const ALONE: &str = opening!();
    const WITH_ATTEMPT: &str = opening!(
        success!("ON DUPLICATE KEY UPDATE", "$11", "$12", "$1", "$13"),
        "; "
    );
    bound([ALONE, WITH_ATTEMPT], session, now)
}

/// What [`in_postgres`] and [`in_mariadb`] are told.
fn bound<'q>(
    [alone, with_attempt]: [&'static str; 2],
    session: &'q NewSession<'_>,
    now: UnixMillis,
) -> Query<'q> {
    let opened = query(session.attempt.map_or(alone, |_| with_attempt))
        .bind(stored(now))
        .bind(session.user)
        .bind(stored(session.seen))
        .bind(session.id)
        .bind(stored(session.ends))
        .bind(session.device.user_agent.as_str())
        .bind(session.device.address.as_str())
        .bind(session.method)
        .bind(&session.token_hash)
        .bind(stored(session.expires));
    match session.attempt {
        Some(login) => opened
            .bind(login.account)
            .bind(login.source)
            .bind(login.lock()),
        None => opened,
    }
}

fn read(row: &Row) -> Result<Session, DbError> {
    Ok(Session {
        id: row.get("session_id")?,
        created: restored(row.get("opened_at")?),
        last_seen: restored(row.get("last_seen_at")?),
        ends: restored(row.get("ends_at")?),
        device: Device {
            user_agent: row.get("user_agent")?,
            address: row.get("address")?,
        },
    })
}

/// Ends sessions of an account, whose row or whose session's is held; those that ended now.
pub(super) async fn end_those(
    write: &mut Write,
    outbox: &Outbox,
    user: &str,
    which: End<'_>,
    now: UnixMillis,
) -> Result<Vec<Ended>, DbError> {
    // MySQL tells nobody which rows an UPDATE changed.
    let rows = query(
        "SELECT session_id, last_seen_at FROM session \
         WHERE user_account_id = $1 AND ended_at IS NULL \
         AND ($2 IS NULL OR session_id = $2) AND ($3 IS NULL OR session_id <> $3) \
         AND ($4 = 0 OR second_at IS NULL) ORDER BY session_id",
    )
    .for_update()
    .bind(user)
    .bind(which.one())
    .bind(which.all_but())
    .bind(which.only_weak())
    .all(write.on())
    .await?;
    outbox.put_sessions(write, user, which, now).await?;
    query(
        "UPDATE session SET ended_at = $5 WHERE user_account_id = $1 AND ended_at IS NULL \
         AND ($2 IS NULL OR session_id = $2) AND ($3 IS NULL OR session_id <> $3) \
         AND ($4 = 0 OR second_at IS NULL)",
    )
    .bind(user)
    .bind(which.one())
    .bind(which.all_but())
    .bind(which.only_weak())
    .bind(stored(now))
    .execute(write.on())
    .await?;
    let ended = |row: &Row| {
        Ok(Ended {
            id: row.get("session_id")?,
            last_seen: restored(row.get("last_seen_at")?),
        })
    };
    rows.iter().map(ended).collect()
}

/// Notes where a session was used.
pub(super) fn touch<'q>(session: &'q str, device: &'q Device, now: UnixMillis) -> Query<'q> {
    query(
        "UPDATE session SET last_seen_at = $1, user_agent = $2, address = $3 WHERE session_id = $4",
    )
    .bind(stored(now))
    .bind(device.user_agent.as_str())
    .bind(device.address.as_str())
    .bind(session)
}
