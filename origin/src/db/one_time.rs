//! Table `one_time_token`: good once, in one transaction with what it lets happen.

use super::{
    Db, DbError, ProfileRow, User,
    pool::{Write, restored, retried, stored},
    query::{Query, Row, query},
    user,
};
use gapura_shared::{outcome::AccountId, time::UnixMillis};
use std::sync::Arc;

/// A token about to go out.
#[derive(Debug)]
pub struct NewOneTime<'a> {
    /// The id from which the token is derived.
    pub id: &'a str,
    /// `gapura_shared::outcome::AccountId` of the address that it goes to.
    pub account: &'a str,
    /// What it is good for.
    pub kind: &'static str,
    /// SHA-256 of it.
    pub token_hash: [u8; 32],
    /// Whose it is; `None` where the address has no account.
    pub user: Option<&'a str>,
    /// JSON: what it is for.
    pub content: &'a str,
    /// Until when it is good.
    pub expires: UnixMillis,
}

/// A token that was found.
#[derive(Debug)]
pub struct OneTime {
    /// Its id.
    pub id: String,
    /// What it is good for.
    pub kind: String,
    /// Whose it is.
    pub user: Option<String>,
    /// JSON.
    pub content: String,
    /// Until when it is good.
    pub expires: UnixMillis,
    /// When it was used.
    pub used: Option<UnixMillis>,
}

/// What happens together with the use of a token.
#[derive(Debug)]
pub enum Effect<'a> {
    /// Nothing.
    Nothing,
    /// The address of an account is confirmed.
    Confirm {
        /// The account.
        user: &'a str,
        /// Whether the password that was chosen before is nobody's: it is, too, if sign-ups disagreed about it.
        unproven: bool,
        /// The hash that takes its place; for an account that waits for its confirmation.
        no_password: Option<&'a str>,
    },
    /// An account comes into being.
    Create(&'a User),
    /// One of the two addresses of a change has agreed.
    ChangeEmail {
        /// The account.
        user: &'a str,
        /// Its address to be.
        email: &'a str,
    },
}

/// How the use of a token ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Use {
    /// It was good, and is not any more.
    Done,
    /// The same, and the other address of a change has yet to agree.
    HalfDone,
    /// It was used or its time was over; nothing has changed.
    Refused,
    /// The address has another account; nothing has changed.
    Taken,
}

impl Db {
    /// Keeps a token in the place of the one before of its kind. The same one again gets its time
    /// anew; `false` when it was used meanwhile.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn issue_one_time(&self, token: &NewOneTime<'_>) -> Result<bool, DbError> {
        retried(|| self.try_issue(token)).await
    }

    async fn try_issue(&self, token: &NewOneTime<'_>) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        query(
            "DELETE FROM one_time_token \
             WHERE account_id = $1 AND kind = $2 AND one_time_token_id <> $3",
        )
        .bind(token.account)
        .bind(token.kind)
        .bind(token.id)
        .execute(write.on())
        .await?;
        let known = query("SELECT * FROM one_time_token WHERE one_time_token_id = $1")
            .for_update()
            .bind(token.id)
            .optional(write.on())
            .await?;
        if let Some(known) = known.as_ref().map(read).transpose()? {
            query("UPDATE one_time_token SET expires_at = $1 WHERE one_time_token_id = $2")
                .bind(stored(token.expires))
                .bind(token.id)
                .execute(write.on())
                .await?;
            write.commit().await?;
            return Ok(known.used.is_none());
        }
        query(
            "INSERT INTO one_time_token (one_time_token_id, account_id, kind, token_hash, \
             user_account_id, content, expires_at, attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
        )
        .bind(token.id)
        .bind(token.account)
        .bind(token.kind)
        .bind(&token.token_hash)
        .bind(token.user)
        .bind(token.content)
        .bind(stored(token.expires))
        .execute(write.on())
        .await?;
        write.commit().await?;
        Ok(true)
    }

    /// The token of a hash, good or not.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn one_time_by_hash(&self, hash: &[u8; 32]) -> Result<Option<OneTime>, DbError> {
        let found = query("SELECT * FROM one_time_token WHERE token_hash = $1").bind(hash);
        self.one_time(found).await
    }

    /// The token of a kind that went to an address, good or not.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn one_time_of(&self, account: &str, kind: &str) -> Result<Option<OneTime>, DbError> {
        let found = query("SELECT * FROM one_time_token WHERE account_id = $1 AND kind = $2");
        self.one_time(found.bind(account).bind(kind)).await
    }

    /// An account, and the content of the token of this kind that went to its address, used or not,
    /// as long as that is good. Tokens of the account that went to other addresses do not count:
    /// whether there are any depends on whose those are.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn user_with_token(
        &self,
        id: &str,
        kind: &str,
        now: UnixMillis,
    ) -> Result<Option<(Arc<ProfileRow>, Option<String>)>, DbError> {
        // Alone: it would fail for all who share its statement.
        if id.contains('\0') {
            return Err(DbError::NulText);
        }
        let Some(shown) = self.accounts.get(id).await? else {
            return Ok(None);
        };
        if shown.token_expires.is_none_or(|until| until <= now) {
            return Ok(Some((shown, None)));
        }
        let account = AccountId::of(shown.profile()?.email);
        let found = self.one_time_of(account.as_str(), kind).await?;
        let found = found.filter(|token| token.expires > now);
        Ok(Some((shown, found.map(|token| token.content))))
    }

    /// Counts a code that is about to be compared; the token that it may belong to, unless that was
    /// used, is over, or has been guessed at `max` times.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn count_code(
        &self,
        account: &str,
        kind: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<Option<OneTime>, DbError> {
        let counted = query(
            "UPDATE one_time_token SET attempts = attempts + 1 WHERE account_id = $1 AND kind = $2 \
             AND used_at IS NULL AND expires_at > $3 AND attempts < $4",
        )
        .bind(account)
        .bind(kind)
        .bind(stored(now))
        .bind(i64::from(max))
        .execute(self.writer().await?.on())
        .await?;
        // Asked for in any case: a token that is there takes no longer than one that is not.
        let found = self.one_time_of(account, kind).await?;
        Ok(found.filter(|_| counted == 1))
    }

    async fn one_time(&self, which: Query<'_>) -> Result<Option<OneTime>, DbError> {
        let row = which.optional(self.connection().await?.on()).await?;
        row.as_ref().map(read).transpose()
    }

    /// Uses a token, once.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed then.
    pub async fn use_one_time(
        &self,
        id: &str,
        effect: &Effect<'_>,
        now: UnixMillis,
    ) -> Result<Use, DbError> {
        match retried(|| self.try_use(id, effect, now)).await {
            Err(error) if error.is_taken() => Ok(Use::Taken),
            done => done,
        }
    }

    async fn try_use(
        &self,
        id: &str,
        effect: &Effect<'_>,
        now: UnixMillis,
    ) -> Result<Use, DbError> {
        let mut write = self.write().await?;
        if let Effect::ChangeEmail { user, .. } = effect {
            // Both addresses may agree at once: the second one must see the first.
            query("SELECT user_account_id FROM user_account WHERE user_account_id = $1")
                .for_update()
                .bind(*user)
                .optional(write.on())
                .await?;
        }
        let changed = query(
            "UPDATE one_time_token SET used_at = $1 \
             WHERE one_time_token_id = $2 AND used_at IS NULL AND expires_at > $1",
        )
        .bind(stored(now))
        .bind(id)
        .execute(write.on())
        .await?;
        if changed != 1 {
            return Ok(Use::Refused);
        }
        let done = match effect {
            Effect::Nothing => Use::Done,
            Effect::Confirm {
                user,
                unproven,
                no_password,
            } => {
                confirm(&mut write, user, *unproven, *no_password, now).await?;
                Use::Done
            }
            Effect::Create(user) => {
                user::insert(&mut write, user).await?;
                Use::Done
            }
            Effect::ChangeEmail { user, email } => {
                change_email(&mut write, user, email, id, now).await?
            }
        };
        write.commit().await?;
        Ok(done)
    }

    /// Deletes what was sent to an account: it holds no longer.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn revoke_one_time(&self, user: &str) -> Result<(), DbError> {
        query("DELETE FROM one_time_token WHERE user_account_id = $1")
            .bind(user)
            .execute(self.writer().await?.on())
            .await?;
        Ok(())
    }
}

async fn confirm(
    write: &mut Write,
    user: &str,
    unproven: bool,
    no_password: Option<&str>,
    now: UnixMillis,
) -> Result<(), DbError> {
    query(
        "UPDATE user_account SET password_hash = CASE WHEN $1 = 1 OR contested = 1 \
         THEN COALESCE($2, password_hash) ELSE password_hash END, \
         user_metadata = CASE WHEN contested = 1 THEN '{}' ELSE user_metadata END, \
         contested = 0, updated_at = $3, email_confirmed_at = $3 \
         WHERE user_account_id = $4 AND email_confirmed_at IS NULL",
    )
    .bind(i64::from(unproven))
    .bind(no_password)
    .bind(stored(now))
    .bind(user)
    .execute(write.on())
    .await?;
    Ok(())
}

/// Changes the address if the token sent to the other one was used for the same change.
async fn change_email(
    write: &mut Write,
    user: &str,
    email: &str,
    id: &str,
    now: UnixMillis,
) -> Result<Use, DbError> {
    let both = query(
        "SELECT o.one_time_token_id FROM one_time_token o JOIN one_time_token t \
         ON t.user_account_id = o.user_account_id AND t.kind = o.kind AND t.content = o.content \
         WHERE t.one_time_token_id = $1 AND o.one_time_token_id <> $1 AND o.used_at IS NOT NULL",
    )
    .bind(id)
    .optional(write.on())
    .await?;
    if both.is_none() {
        return Ok(Use::HalfDone);
    }
    query(
        "UPDATE user_account SET email = $1, email_confirmed_at = $2, updated_at = $2 \
         WHERE user_account_id = $3",
    )
    .bind(email)
    .bind(stored(now))
    .bind(user)
    .execute(write.on())
    .await?;
    // What was sent to the old address lets nobody in any more.
    query("DELETE FROM one_time_token WHERE user_account_id = $1")
        .bind(user)
        .execute(write.on())
        .await?;
    Ok(Use::Done)
}

fn read(row: &Row) -> Result<OneTime, DbError> {
    Ok(OneTime {
        id: row.get("one_time_token_id")?,
        kind: row.get("kind")?,
        user: row.get("user_account_id")?,
        content: row.get("content")?,
        expires: restored(row.get("expires_at")?),
        used: row.get::<Option<i64>>("used_at")?.map(restored),
    })
}
