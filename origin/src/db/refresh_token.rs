//! Table `refresh_token`: exchanged in one transaction, remembered afterwards.

use super::{
    Db, DbError, User,
    pool::{restored, stored},
    user,
};
use gapura_shared::time::UnixMillis;
use sqlx::{Row, Sqlite, SqliteConnection, Transaction, sqlite::SqliteRow};

/// A refresh token for its successor.
#[derive(Debug)]
pub struct Exchange {
    /// SHA-256 of the token that came.
    pub token_hash: [u8; 32],
    /// SHA-256 of its successor.
    pub successor_hash: [u8; 32],
    /// Until when the successor can be exchanged.
    pub successor_expires: UnixMillis,
    /// For how many milliseconds after its first exchange a token still gets
    /// the same successor.
    pub grace_ms: u64,
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
    /// Nobody was given this token.
    Unknown,
}

struct Found {
    session: String,
    user: String,
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
        exchange: &Exchange,
        now: UnixMillis,
    ) -> Result<Rotation, DbError> {
        let mut write = self.write().await?;
        let Some(found) = find(&mut write, &exchange.token_hash).await? else {
            return Ok(Rotation::Unknown);
        };
        match found.used {
            _ if found.ended => return Ok(Rotation::Expired),
            Some(used) if now.0.saturating_sub(used.0) > exchange.grace_ms => {
                end_session(&mut write, &found.session, now).await?;
                write.commit().await?;
                return Ok(Rotation::Reused {
                    user: found.user,
                    session: found.session,
                });
            }
            Some(_) => {}
            None if found.expires <= now => return Ok(Rotation::Expired),
            None => replace(&mut write, exchange, &found.session, now).await?,
        }
        let user = owner(&mut write, &found.user).await?;
        write.commit().await?;
        Ok(Rotation::Exchanged {
            user: Box::new(user),
            session: found.session,
        })
    }
}

async fn find(
    write: &mut Transaction<'static, Sqlite>,
    token_hash: &[u8; 32],
) -> Result<Option<Found>, DbError> {
    let row = sqlx::query(
        "SELECT t.session_id, t.expires_at, t.used_at, s.user_account_id, s.ended_at \
         FROM refresh_token t JOIN session s ON s.session_id = t.session_id \
         WHERE t.token_hash = ?",
    )
    .bind(token_hash.as_slice())
    .fetch_optional(&mut **write)
    .await?;
    let read = |row: &SqliteRow| -> Result<Found, sqlx::Error> {
        Ok(Found {
            session: row.try_get("session_id")?,
            user: row.try_get("user_account_id")?,
            ended: row.try_get::<Option<i64>, _>("ended_at")?.is_some(),
            expires: restored(row.try_get("expires_at")?),
            used: row.try_get::<Option<i64>, _>("used_at")?.map(restored),
        })
    };
    Ok(row.as_ref().map(read).transpose()?)
}

async fn replace(
    write: &mut SqliteConnection,
    exchange: &Exchange,
    session: &str,
    now: UnixMillis,
) -> Result<(), DbError> {
    sqlx::query("UPDATE refresh_token SET used_at = ? WHERE token_hash = ?")
        .bind(stored(now))
        .bind(exchange.token_hash.as_slice())
        .execute(&mut *write)
        .await?;
    // What has expired can no longer be reused: it need not be remembered.
    sqlx::query("DELETE FROM refresh_token WHERE session_id = ? AND expires_at <= ?")
        .bind(session)
        .bind(stored(now))
        .execute(&mut *write)
        .await?;
    insert_token(
        write,
        &exchange.successor_hash,
        session,
        exchange.successor_expires,
    )
    .await
}

pub(super) async fn insert_token(
    write: &mut SqliteConnection,
    token_hash: &[u8; 32],
    session: &str,
    expires: UnixMillis,
) -> Result<(), DbError> {
    sqlx::query("INSERT INTO refresh_token (token_hash, session_id, expires_at) VALUES (?, ?, ?)")
        .bind(token_hash.as_slice())
        .bind(session)
        .bind(stored(expires))
        .execute(write)
        .await?;
    Ok(())
}

async fn end_session(
    write: &mut SqliteConnection,
    session: &str,
    now: UnixMillis,
) -> Result<(), DbError> {
    sqlx::query("UPDATE session SET ended_at = ? WHERE session_id = ?")
        .bind(stored(now))
        .bind(session)
        .execute(write)
        .await?;
    Ok(())
}

async fn owner(write: &mut SqliteConnection, id: &str) -> Result<User, DbError> {
    let row = sqlx::query("SELECT * FROM user_account WHERE user_account_id = ?")
        .bind(id)
        .fetch_one(write)
        .await?;
    user::read(&row)
}
