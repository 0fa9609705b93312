//! Table `mail`: the queue. At most one mail of a kind waits for an address, and none is asked for again
//! too soon; whether the address has an account changes nothing about either.

use super::{
    Db, DbError,
    pool::{Write, restored, retried, stored},
    query::{Query, Row, query},
    user::insert,
};
use crate::db::User;
use gapura_shared::time::UnixMillis;

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// Mails of a kind to an address in a row; then one an hour, until there was none for a day. Codes
/// have six digits: so few of them can be guessed at.
const MAX_RECENT: i64 = 10;

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// UUID.
    pub id: String,
    /// `gapura_shared::outcome::AccountId` of the address.
    pub account: String,
    /// Its kind; one of each waits for an address.
    pub kind: &'static str,
    /// JSON.
    pub content: String,
    /// Milliseconds between two mails of this kind to this address.
    pub gap_ms: u64,
}

/// Whether mails were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// Each will be sent, unless the like of it went to that address a moment ago.
    Taken,
    /// As many wait as may; nothing has changed.
    Full,
}

/// The mails of a sign-up.
#[derive(Debug)]
pub struct SignUpMails<'a> {
    /// To the address of a new account.
    pub confirmation: Option<&'a NewMail>,
    /// To that of one that was there before.
    pub notice: Option<&'a NewMail>,
    /// As many may wait.
    pub max: u32,
}

/// How a sign-up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// The account is there.
    Created,
    /// The address has an account; it is as it was.
    Existing,
    /// As many mails wait as may; nothing has changed.
    QueueFull,
}

/// A mail whose time has come, ours to send until the lease ends.
#[derive(Debug)]
pub struct DueMail {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// JSON.
    pub content: String,
    /// When it was asked for.
    pub created: UnixMillis,
    /// Attempts before this one.
    pub attempts: u32,
}

impl Db {
    /// Puts mails into a queue of at most `max` that wait.
    ///
    /// # Errors
    /// [`DbError`]; none is there then.
    pub async fn queue_mail(
        &self,
        mails: &[NewMail],
        max: u32,
        now: UnixMillis,
    ) -> Result<Queued, DbError> {
        retried(|| async {
            let mut write = self.write().await?;
            if is_full(&mut write, max).await? {
                return Ok(Queued::Full);
            }
            for mail in mails {
                put(&mut write, mail, now).await?;
            }
            write.commit().await?;
            Ok(Queued::Taken)
        })
        .await
    }

    /// Whether the queue of at most `max` takes another mail.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn has_mail_room(&self, max: u32) -> Result<bool, DbError> {
        let beyond = beyond(max).optional(self.connection().await?.on()).await?;
        Ok(beyond.is_none())
    }

    /// Adds an account together with its mail; where the address has one already, that one's
    /// notice instead. An account that a sign-up made, that nobody confirmed and nobody else has had to
    /// do with gets the password and the metadata of the last one, and loses both when it is confirmed if
    /// sign-ups had different passwords: any of them may be a stranger's.
    /// Any other account stays as it is, but for the password that it refused.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed then.
    pub async fn sign_up(
        &self,
        user: &User,
        mails: &SignUpMails<'_>,
        now: UnixMillis,
    ) -> Result<SignUp, DbError> {
        match retried(|| self.try_sign_up(user, mails, now)).await {
            Err(error) if error.is_taken() => {
                retried(|| self.try_sign_up_again(user, mails, now)).await
            }
            done => done,
        }
    }

    /// Adds an account together with the mail that invites its owner.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed then.
    pub async fn invite(
        &self,
        user: &User,
        mail: &NewMail,
        max: u32,
        now: UnixMillis,
    ) -> Result<SignUp, DbError> {
        let mails = SignUpMails {
            confirmation: Some(mail),
            notice: None,
            max,
        };
        match retried(|| self.try_sign_up(user, &mails, now)).await {
            Err(error) if error.is_taken() => Ok(SignUp::Existing),
            done => done,
        }
    }

    async fn try_sign_up_again(
        &self,
        user: &User,
        mails: &SignUpMails<'_>,
        now: UnixMillis,
    ) -> Result<SignUp, DbError> {
        let mut write = self.write().await?;
        // Otherwise nobody asks for a confirmation: whoever has the account is in.
        if mails.confirmation.is_some() {
            sign_up_again(&mut write, user, now).await?;
        }
        if let Some(notice) = mails.notice {
            if is_full(&mut write, mails.max).await? {
                return Ok(SignUp::QueueFull);
            }
            put(&mut write, notice, now).await?;
        }
        write.commit().await?;
        Ok(SignUp::Existing)
    }

    async fn try_sign_up(
        &self,
        user: &User,
        mails: &SignUpMails<'_>,
        now: UnixMillis,
    ) -> Result<SignUp, DbError> {
        let mut write = self.write().await?;
        insert(&mut write, user).await?;
        if let Some(mail) = mails.confirmation {
            if is_full(&mut write, mails.max).await? {
                return Ok(SignUp::QueueFull);
            }
            put(&mut write, mail, now).await?;
        }
        write.commit().await?;
        Ok(SignUp::Created)
    }

    /// Takes up to `limit` mails that are due; nobody else gets them for `lease_ms`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn due_mail(
        &self,
        limit: u32,
        lease_ms: u64,
        now: UnixMillis,
    ) -> Result<Vec<DueMail>, DbError> {
        let mut connection = self.writer().await?;
        let rows = query(
            "SELECT mail_id, kind, content, created_at, next_at, attempts FROM mail \
             WHERE done_at IS NULL AND next_at <= $1 ORDER BY next_at LIMIT $2",
        )
        .bind(stored(now))
        .bind(i64::from(limit))
        .all(connection.on())
        .await?;
        let lease = stored(UnixMillis(now.0.saturating_add(lease_ms)));
        let mut ours = Vec::new();
        for row in &rows {
            let (due, seen) = read(row)?;
            // Of two that saw it, one still finds it so.
            let taken = query(
                "UPDATE mail SET next_at = $1, attempts = attempts + 1 \
                 WHERE mail_id = $2 AND next_at = $3 AND done_at IS NULL",
            )
            .bind(lease)
            .bind(due.id.as_str())
            .bind(seen)
            .execute(connection.on())
            .await?;
            if taken == 1 {
                ours.push(due);
            }
        }
        Ok(ours)
    }

    /// Notes that nothing more happens to a mail, and forgets what it said.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn mail_done(&self, id: &str, now: UnixMillis) -> Result<(), DbError> {
        query("UPDATE mail SET done_at = $1, content = '' WHERE mail_id = $2")
            .bind(stored(now))
            .bind(id)
            .execute(self.writer().await?.on())
            .await?;
        Ok(())
    }

    /// Puts a mail off until then.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn mail_later(&self, id: &str, next: UnixMillis) -> Result<(), DbError> {
        query("UPDATE mail SET next_at = $1 WHERE mail_id = $2 AND done_at IS NULL")
            .bind(stored(next))
            .bind(id)
            .execute(self.writer().await?.on())
            .await?;
        Ok(())
    }

    /// Deletes mails that were done before a day, and tokens whose time was over then.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn forget_mail(&self, now: UnixMillis) -> Result<(), DbError> {
        let before = stored(UnixMillis(now.0.saturating_sub(DAY_MS)));
        let mut connection = self.writer().await?;
        query("DELETE FROM mail WHERE done_at < $1 AND created_at < $1")
            .bind(before)
            .execute(connection.on())
            .await?;
        query("DELETE FROM one_time_token WHERE expires_at < $1")
            .bind(before)
            .execute(connection.on())
            .await?;
        Ok(())
    }
}

/// As long as there was nothing but sign-ups, the last one's password is that of the account that waits, and
/// whether all had the same is noted.
async fn sign_up_again(write: &mut Write, user: &User, now: UnixMillis) -> Result<(), DbError> {
    let user_metadata = serde_json::Value::Object(user.user_metadata.clone()).to_string();
    let taken_over = query(
        "UPDATE user_account SET \
         contested = CASE WHEN password_hash = $1 THEN contested ELSE 1 END, \
         password_hash = $1, user_metadata = $2, updated_at = $3 \
         WHERE email = $4 AND signed_up = 1 AND email_confirmed_at IS NULL \
         AND last_sign_in_at IS NULL",
    )
    .bind(user.password_hash.as_str())
    .bind(user_metadata.as_str())
    .bind(stored(now))
    .bind(user.email.as_str())
    .execute(write.on())
    .await?;
    if taken_over == 0 {
        query("UPDATE user_account SET refused_hash = $1 WHERE email = $2")
            .bind(user.password_hash.as_str())
            .bind(user.email.as_str())
            .execute(write.on())
            .await?;
    }
    Ok(())
}

async fn is_full(write: &mut Write, max: u32) -> Result<bool, DbError> {
    Ok(beyond(max).optional(write.on()).await?.is_some())
}

/// The mail that is one too many.
fn beyond(max: u32) -> Query<'static> {
    query("SELECT mail_id FROM mail WHERE done_at IS NULL LIMIT 1 OFFSET $1")
        .bind(i64::from(max.saturating_sub(1)))
}

/// Puts a mail into the queue, in the place of the one before of its kind, unless that is too young.
pub(super) async fn put(write: &mut Write, mail: &NewMail, now: UnixMillis) -> Result<(), DbError> {
    let before = |ms: u64| stored(UnixMillis(now.0.saturating_sub(ms)));
    query(
        "INSERT INTO mail (mail_id, account_id, kind, content, created_at, next_at, attempts, recent) \
         VALUES ($1, $2, $3, $4, $5, $5, 0, 1) \
         ON CONFLICT (account_id, kind) DO UPDATE SET mail_id = excluded.mail_id, \
         content = excluded.content, created_at = excluded.created_at, next_at = excluded.next_at, \
         attempts = 0, done_at = NULL, \
         recent = CASE WHEN mail.created_at <= $6 THEN 1 ELSE mail.recent + 1 END \
         WHERE mail.created_at <= $7 AND (mail.recent < $8 OR mail.created_at <= $9)",
    )
    // Assigned in this order: the first decides for the others.
    .mysql_as(
        "INSERT INTO mail (mail_id, account_id, kind, content, created_at, next_at, attempts, recent) \
         VALUES ($1, $2, $3, $4, $5, $5, 0, 1) ON DUPLICATE KEY UPDATE \
         mail_id = IF(created_at <= $7 AND (recent < $8 OR created_at <= $9), VALUES(mail_id), mail_id), \
         content = IF(mail_id = VALUES(mail_id), VALUES(content), content), \
         next_at = IF(mail_id = VALUES(mail_id), VALUES(next_at), next_at), \
         attempts = IF(mail_id = VALUES(mail_id), 0, attempts), \
         done_at = IF(mail_id = VALUES(mail_id), NULL, done_at), \
         recent = IF(mail_id = VALUES(mail_id), IF(created_at <= $6, 1, recent + 1), recent), \
         created_at = IF(mail_id = VALUES(mail_id), VALUES(created_at), created_at)",
    )
    .bind(mail.id.as_str())
    .bind(mail.account.as_str())
    .bind(mail.kind)
    .bind(mail.content.as_str())
    .bind(stored(now))
    .bind(before(DAY_MS))
    .bind(before(mail.gap_ms))
    .bind(MAX_RECENT)
    .bind(before(mail.gap_ms.max(HOUR_MS)))
    .execute(write.on())
    .await?;
    Ok(())
}

/// The mail, and when it was due.
fn read(row: &Row) -> Result<(DueMail, i64), DbError> {
    let due = DueMail {
        id: row.get("mail_id")?,
        kind: row.get("kind")?,
        content: row.get("content")?,
        created: restored(row.get("created_at")?),
        attempts: u32::try_from(row.get::<i64>("attempts")?).unwrap_or(u32::MAX),
    };
    Ok((due, row.get("next_at")?))
}
