//! Table `session`.

use super::{
    Db, DbError,
    pool::{Write, restored, retried, stored},
    query::{Row, query},
    refresh_token::insert_token,
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
    /// How its owner proved who they are.
    pub method: &'a str,
}

/// How the owner of a session proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proofs {
    /// `password` and so on.
    pub method: String,
    /// When.
    pub at: UnixMillis,
    /// The second factor, and when.
    pub second: Option<(String, UnixMillis)>,
}

impl Proofs {
    /// Reads them from a row that has them.
    pub(super) fn read(row: &Row) -> Result<Self, sqlx::Error> {
        let method: Option<String> = row.get("second_method")?;
        let at: Option<i64> = row.get("second_at")?;
        Ok(Self {
            method: row.get("method")?,
            at: restored(row.get("created_at")?),
            second: method.zip(at.map(restored)),
        })
    }
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
        retried(|| self.try_end_sessions(user, which, now)).await
    }

    async fn try_end_sessions(
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
        let mut write = self.write().await?;
        // MySQL tells nobody which rows an UPDATE changed.
        let rows = query(
            "SELECT session_id FROM session WHERE user_account_id = $1 AND ended_at IS NULL \
             AND ($2 IS NULL OR session_id = $2) AND ($3 IS NULL OR session_id <> $3) \
             ORDER BY session_id",
        )
        .for_update()
        .bind(user)
        .bind(one)
        .bind(all_but)
        .all(write.on())
        .await?;
        let ended: Vec<String> = rows
            .iter()
            .map(|row| row.get("session_id"))
            .collect::<Result<_, _>>()?;
        for session in &ended {
            end_session(&mut write, session, now).await?;
        }
        write.commit().await?;
        Ok(ended)
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
        retried(|| self.try_open_session(session, now)).await
    }

    async fn try_open_session(
        &self,
        session: &NewSession<'_>,
        now: UnixMillis,
    ) -> Result<(), DbError> {
        let mut write = self.write().await?;
        // The account's row first: a row that refers to it takes a weaker lock, which two
        // logins at once could not both make stronger.
        query("UPDATE user_account SET last_sign_in_at = $1 WHERE user_account_id = $2")
            .bind(stored(now))
            .bind(session.user)
            .execute(write.on())
            .await?;
        query(
            "INSERT INTO session (session_id, user_account_id, created_at, method) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(session.id)
        .bind(session.user)
        .bind(stored(now))
        .bind(session.method)
        .execute(write.on())
        .await?;
        insert_token(&mut write, &session.token_hash, session.id, session.expires).await?;
        write.commit().await
    }
}

pub(super) async fn end_session(
    write: &mut Write,
    session: &str,
    now: UnixMillis,
) -> Result<(), DbError> {
    query("UPDATE session SET ended_at = $1 WHERE session_id = $2")
        .bind(stored(now))
        .bind(session)
        .execute(write.on())
        .await?;
    Ok(())
}
