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

impl Db {
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
