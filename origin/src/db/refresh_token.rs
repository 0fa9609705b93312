//! Table `refresh_token`: exchanged in one transaction, remembered afterwards.

use super::{
    Db, DbError, Device, User,
    pool::{Write, restored, retried, stored},
    query::{Query, Row, query},
    session::{Proofs, end_session, touch},
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
        retried(|| self.try_exchange(exchange, now)).await
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
                end_session(&mut write, &found.session, now).await?;
                write.commit().await?;
                return Ok(Rotation::Reused {
                    user: found.user,
                    session: found.session,
                });
            }
            Some(_) => write.commit().await?,
            None if found.expires <= now => return Ok(Rotation::Expired),
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

/// Both rows are held: neither an exchange nor the end of the session comes in between.
async fn find(write: &mut Write, token_hash: &[u8; 32]) -> Result<Option<Found>, DbError> {
    let row = query(
        "SELECT t.session_id, t.expires_at, t.used_at, s.user_account_id, s.ended_at, \
         s.method, s.created_at, s.second_method, s.second_at, \
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
