//! Table `session`.

use super::{Db, DbError, pool::stored, refresh_token::insert_token};
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
}

/// Which sessions of a user end.
#[derive(Debug, Clone, Copy)]
pub enum End<'a> {
    /// Every one.
    All,
    /// This one.
    One(&'a str),
    /// Every other one.
    AllBut(&'a str),
}

impl Db {
    /// Ends sessions; the ids of those that ended now. Their refresh tokens are good no more.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end_sessions(
        &self,
        user: &str,
        which: End<'_>,
        now: UnixMillis,
    ) -> Result<Vec<String>, DbError> {
        let (one, all_but) = match which {
            End::All => (None, None),
            End::One(id) => (Some(id), None),
            End::AllBut(id) => (None, Some(id)),
        };
        Ok(sqlx::query_scalar(
            "UPDATE session SET ended_at = ? WHERE user_account_id = ? AND ended_at IS NULL \
             AND (? IS NULL OR session_id = ?) AND (? IS NULL OR session_id <> ?) \
             RETURNING session_id",
        )
        .bind(stored(now))
        .bind(user)
        .bind(one)
        .bind(one)
        .bind(all_but)
        .bind(all_but)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Opens a session with its first refresh token and notes the login.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn open_session(
        &self,
        session: &NewSession<'_>,
        now: UnixMillis,
    ) -> Result<(), DbError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO session (session_id, user_account_id, created_at) VALUES (?, ?, ?)",
        )
        .bind(session.id)
        .bind(session.user)
        .bind(stored(now))
        .execute(&mut *write)
        .await?;
        insert_token(&mut write, &session.token_hash, session.id, session.expires).await?;
        sqlx::query("UPDATE user_account SET last_sign_in_at = ? WHERE user_account_id = ?")
            .bind(stored(now))
            .bind(session.user)
            .execute(&mut *write)
            .await?;
        Ok(write.commit().await?)
    }
}
