//! Table `refresh_token`: exchanged in one transaction, remembered afterwards.

use super::{
    Db, DbError, Device, User,
    batch::Script,
    pool::{Pool, Write, restored, retried, stored},
    query::{Query, Row, query},
    session::{End, Proofs, end_those, touch},
    user,
};
use gapura_shared::time::UnixMillis;

/// A refresh token for its successor.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// SHA-256 of the token that came.
    pub token_hash: [u8; 32],
    /// SHA-256 of its successor.
    pub successor_hash: [u8; 32],
    /// Until when the successor can be exchanged.
    pub successor_expires: UnixMillis,
    /// For how many milliseconds after its first exchange a token still gets
    /// the same successor.
    pub grace_ms: u64,
    /// From where it came.
    pub device: &'a Device,
}

/// How an exchange ended.
#[derive(Debug)]
pub enum Rotation {
    /// The successor is good now.
    Exchanged {
        /// Whose session it is.
        user: Box<User>,
        /// The session.
        session: String,
        /// How its owner proved who they are.
        proofs: Proofs,
    },
    /// It had been exchanged before the grace; its session has been ended.
    Reused {
        /// Whose session it was.
        user: String,
        /// The session.
        session: String,
    },
    /// Its time, or its session, is over.
    Expired,
    /// Its account may not log in for now.
    Banned,
    /// Nobody was given this token.
    Unknown,
}

struct Found {
    session: String,
    user: String,
    proofs: Proofs,
    ended: bool,
    expires: UnixMillis,
    used: Option<UnixMillis>,
}

impl Db {
    /// Exchanges a token. Concurrent exchanges of one token wait for each
    /// other and get the same successor.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed then.
    pub async fn exchange(
        &self,
        exchange: &Exchange<'_>,
        now: UnixMillis,
    ) -> Result<Rotation, DbError> {
        if let Some(rotation) = retried(|| self.exchange_at_once(exchange, now)).await? {
            return Ok(rotation);
        }
        retried(|| self.try_exchange(exchange, now)).await
    }

    /// What nearly every exchange comes to, with as few words as the engine needs. `None`: nothing
    /// has changed, and it is to be found out why.
    async fn exchange_at_once(
        &self,
        exchange: &Exchange<'_>,
        now: UnixMillis,
    ) -> Result<Option<Rotation>, DbError> {
        let row = match &self.pool {
            Pool::Sqlite(pools) => {
                let done = pools
                    .batch
                    .run(Script::of(&in_sqlite(exchange, now)))
                    .await?;
                done.and_then(|rows| rows.into_iter().next())
            }
            Pool::Postgres(_) => {
                in_postgres(exchange, now)
                    .optional(self.connection().await?.on())
                    .await?
            }
            Pool::MySql(_) => return in_mysql(self.write().await?, exchange, now).await,
        };
        row.as_ref().map(rotated).transpose()
    }

    async fn try_exchange(
        &self,
        exchange: &Exchange<'_>,
        now: UnixMillis,
    ) -> Result<Rotation, DbError> {
        let mut write = self.write().await?;
        let Some(found) = find(&mut write, &exchange.token_hash).await? else {
            return Ok(Rotation::Unknown);
        };
        let user = user::owner(&mut write, &found.user).await?;
        if user.is_banned(now) {
            return Ok(Rotation::Banned);
        }
        match found.used {
            _ if found.ended || found.proofs.ends <= now => return Ok(Rotation::Expired),
            Some(earlier) if now.0.saturating_sub(earlier.0) > exchange.grace_ms => {
                let one = End::One(&found.session);
                end_those(&mut write, &self.outbox, &found.user, one, now).await?;
                write.commit().await?;
                self.outbox.wake();
                return Ok(Rotation::Reused {
                    user: found.user,
                    session: found.session,
                });
            }
            _ if found.expires <= now => return Ok(Rotation::Expired),
            Some(_) => write.commit().await?,
            None => {
                let last = replacement(exchange, &found, now);
                write.commit_with(last).await?;
            }
        }
        Ok(Rotation::Exchanged {
            user: Box::new(user),
            session: found.session,
            proofs: found.proofs,
        })
    }
}

impl Db {
    /// The account and the session of a refresh token that could be exchanged, or again within `grace_ms`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn session_of_token(
        &self,
        token_hash: &[u8; 32],
        grace_ms: u64,
        now: UnixMillis,
    ) -> Result<Option<(String, String)>, DbError> {
        let row = query(
            "SELECT s.user_account_id, s.session_id FROM refresh_token t \
             JOIN session s ON s.session_id = t.session_id WHERE t.token_hash = $1 \
             AND t.expires_at > $2 AND (t.used_at IS NULL OR t.used_at >= $3) \
             AND s.ended_at IS NULL AND s.expires_at > $2",
        )
        .bind(token_hash)
        .bind(stored(now))
        .bind(stored(UnixMillis(now.0.saturating_sub(grace_ms))))
        .optional(self.connection().await?.on())
        .await?;
        let read = |row: &Row| Ok((row.get("user_account_id")?, row.get("session_id")?));
        row.as_ref()
            .map(read)
            .transpose()
            .map_err(|error: sqlx::Error| error.into())
    }
}

/// Both rows are held: neither an exchange nor the end of the session comes in between.
async fn find(write: &mut Write, token_hash: &[u8; 32]) -> Result<Option<Found>, DbError> {
    let row = query(
        "SELECT t.session_id, t.expires_at, t.used_at, s.user_account_id, s.ended_at, \
         s.method, s.created_at AS opened_at, s.second_method, s.second_at, \
         s.expires_at AS ends_at \
         FROM refresh_token t JOIN session s ON s.session_id = t.session_id \
         WHERE t.token_hash = $1",
    )
    .for_update()
    .bind(token_hash)
    .optional(write.on())
    .await?;
    let read = |row: &Row| -> Result<Found, sqlx::Error> {
        Ok(Found {
            session: row.get("session_id")?,
            user: row.get("user_account_id")?,
            proofs: Proofs::read(row)?,
            ended: row.get::<Option<i64>>("ended_at")?.is_some(),
            expires: restored(row.get("expires_at")?),
            used: row.get::<Option<i64>>("used_at")?.map(restored),
        })
    };
    Ok(row.as_ref().map(read).transpose()?)
}

/// What makes the successor of a token good, and the token a used one.
fn replacement<'q>(
    exchange: &'q Exchange<'_>,
    found: &'q Found,
    now: UnixMillis,
) -> [Query<'q>; 3] {
    let expires = exchange.successor_expires.min(found.proofs.ends);
    [
        touch(&found.session, exchange.device, now),
        query("UPDATE refresh_token SET used_at = $1 WHERE token_hash = $2")
            .bind(stored(now))
            .bind(&exchange.token_hash),
        new_token(&exchange.successor_hash, &found.session, expires),
    ]
}

pub(super) fn new_token<'q>(
    token_hash: &'q [u8; 32],
    session: &'q str,
    expires: UnixMillis,
) -> Query<'q> {
    query("INSERT INTO refresh_token (token_hash, session_id, expires_at) VALUES ($1, $2, $3)")
        .bind(token_hash)
        .bind(session)
        .bind(stored(expires))
}

/// Of one that may be exchanged: `t`, its session `s` and whose that is, `u`, at `$1`.
macro_rules! due {
    () => {
        "FROM refresh_token t JOIN session s ON s.session_id = t.session_id \
         JOIN user_account u ON u.user_account_id = s.user_account_id \
         WHERE t.used_at IS NULL AND t.expires_at > $1 AND s.ended_at IS NULL \
         AND s.expires_at > $1 AND (u.banned_until IS NULL OR u.banned_until <= $1) \
         AND t.token_hash = $2"
    };
}

/// What [`rotated`] reads.
macro_rules! rotated {
    () => {
        "SELECT u.*, s.session_id, s.method, s.created_at AS opened_at, s.second_method, \
         s.second_at, s.expires_at AS ends_at "
    };
}

fn rotated(row: &Row) -> Result<Rotation, DbError> {
    Ok(Rotation::Exchanged {
        user: Box::new(user::read(row)?),
        session: row.get("session_id")?,
        proofs: Proofs::read(row)?,
    })
}

/// Each does something only if the one before did.
fn in_sqlite<'q>(exchange: &'q Exchange<'_>, now: UnixMillis) -> [Query<'q>; 4] {
    [
        query(concat!(
            "INSERT INTO refresh_token (token_hash, session_id, expires_at) \
             SELECT $3, t.session_id, MIN($4, s.expires_at) ",
            due!()
        ))
        .bind(stored(now))
        .bind(&exchange.token_hash)
        .bind(&exchange.successor_hash)
        .bind(stored(exchange.successor_expires)),
        query("UPDATE refresh_token SET used_at = $1 WHERE token_hash = $2 AND changes() = 1")
            .bind(stored(now))
            .bind(&exchange.token_hash),
        query(
            "UPDATE session SET last_seen_at = $1, user_agent = $2, address = $3 \
             WHERE changes() = 1 AND session_id = \
             (SELECT session_id FROM refresh_token WHERE token_hash = $4)",
        )
        .bind(stored(now))
        .bind(exchange.device.user_agent.as_str())
        .bind(exchange.device.address.as_str())
        .bind(&exchange.token_hash),
        query(concat!(
            rotated!(),
            "FROM refresh_token t JOIN session s ON s.session_id = t.session_id \
             JOIN user_account u ON u.user_account_id = s.user_account_id \
             WHERE changes() = 1 AND t.token_hash = $1"
        ))
        .bind(&exchange.token_hash),
    ]
}

/// One statement, and so one transaction. Rows are read as they are when they are held.
fn in_postgres<'q>(exchange: &'q Exchange<'_>, now: UnixMillis) -> Query<'q> {
    query(concat!(
        "WITH due AS (SELECT t.token_hash, t.session_id, s.expires_at ",
        due!(),
        " FOR UPDATE OF t, s), \
         used AS (UPDATE refresh_token r SET used_at = $1 FROM due \
         WHERE r.token_hash = due.token_hash), \
         touched AS (UPDATE session x SET last_seen_at = $1, user_agent = $5, address = $6 FROM due \
         WHERE x.session_id = due.session_id), \
         issued AS (INSERT INTO refresh_token (token_hash, session_id, expires_at) \
         SELECT $3, due.session_id, LEAST($4, due.expires_at) FROM due) ",
        rotated!(),
        "FROM due JOIN session s ON s.session_id = due.session_id \
         JOIN user_account u ON u.user_account_id = s.user_account_id"
    ))
    .bind(stored(now))
    .bind(&exchange.token_hash)
    .bind(&exchange.successor_hash)
    .bind(stored(exchange.successor_expires))
    .bind(exchange.device.user_agent.as_str())
    .bind(exchange.device.address.as_str())
}

/// Both rows are held by being changed. The account's is not: who holds that one may want these.
async fn in_mysql(
    mut write: Write,
    exchange: &Exchange<'_>,
    now: UnixMillis,
) -> Result<Option<Rotation>, DbError> {
    let met = query(
        "UPDATE refresh_token t JOIN session s ON s.session_id = t.session_id \
         SET t.used_at = $1, s.last_seen_at = $1, s.user_agent = $3, s.address = $4 \
         WHERE t.token_hash = $2 AND t.used_at IS NULL AND t.expires_at > $1 \
         AND s.ended_at IS NULL AND s.expires_at > $1",
    )
    .bind(stored(now))
    .bind(&exchange.token_hash)
    .bind(exchange.device.user_agent.as_str())
    .bind(exchange.device.address.as_str())
    .execute(write.on())
    .await?;
    if met == 0 {
        return Ok(None);
    }
    let row = query(concat!(
        rotated!(),
        "FROM refresh_token t JOIN session s ON s.session_id = t.session_id \
         JOIN user_account u ON u.user_account_id = s.user_account_id WHERE t.token_hash = $1"
    ))
    .bind(&exchange.token_hash)
    .optional(write.on())
    .await?;
    let Some(Rotation::Exchanged {
        user,
        session,
        proofs,
    }) = row.as_ref().map(rotated).transpose()?
    else {
        return Ok(None);
    };
    if user.is_banned(now) {
        return Ok(None);
    }
    let expires = exchange.successor_expires.min(proofs.ends);
    let issued = new_token(&exchange.successor_hash, &session, expires);
    write.commit_with([issued]).await?;
    Ok(Some(Rotation::Exchanged {
        user,
        session,
        proofs,
    }))
}
