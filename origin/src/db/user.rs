//! Table `user_account`.

use super::{
    Db, DbError, End, Ended, Factor,
    pool::{Write, restored, retried, stored},
    query::{Query, Row, query},
    session::end_those,
};
use gapura_shared::{push, time::UnixMillis};
use serde_json::{Map, Value};

/// An account.
#[derive(Clone)]
pub struct User {
    /// UUID.
    pub id: String,
    /// Trimmed and lower case.
    pub email: String,
    /// PHC string.
    pub password_hash: String,
    /// Whether somebody signed up for it and nobody else has had to do with it since: as long as its
    /// address is not confirmed, a stranger may have chosen its password.
    pub signed_up: bool,
    /// PHC string: the password of a sign-up that found the address taken. Opens nothing.
    pub refused_hash: Option<String>,
    /// The one role.
    pub role: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// What applications keep about the account.
    pub app_metadata: Map<String, Value>,
    /// What the person keeps.
    pub user_metadata: Map<String, Value>,
    /// The factors besides the password; written by `db::factor` alone.
    pub factors: Vec<Factor>,
    /// When the address was confirmed.
    pub email_confirmed_at: Option<UnixMillis>,
    /// Until when it may not log in.
    pub banned_until: Option<UnixMillis>,
    /// Since when it is nobody's any more.
    pub deleted_at: Option<UnixMillis>,
    /// The last login.
    pub last_sign_in_at: Option<UnixMillis>,
    /// When it came into being.
    pub created_at: UnixMillis,
    /// The last change.
    pub updated_at: UnixMillis,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl User {
    /// Whether it may not log in now.
    #[must_use]
    pub fn is_banned(&self, now: UnixMillis) -> bool {
        self.banned_until.is_some_and(|until| until > now)
    }
}

/// How a change of an account ended.
#[derive(Debug)]
pub enum Changed {
    /// The account as it is now, and the sessions that ended with the change.
    Done {
        /// The account.
        user: Box<User>,
        /// The sessions.
        ended: Vec<Ended>,
    },
    /// Another account has the address; nothing has changed.
    Taken,
    /// There is no such account.
    Gone,
}

impl Db {
    /// Changes an account as `change` does, and ends those of its sessions, in one transaction.
    /// What `change` sees stays as it is until then; its error changes nothing. It may be asked
    /// more than once, and cannot change the id or when the account was made.
    ///
    /// # Errors
    /// Those of `change`, and [`DbError`].
    pub async fn change_user<E: From<DbError> + Send>(
        &self,
        id: &str,
        ends: Option<End<'_>>,
        now: UnixMillis,
        change: impl Fn(&mut User) -> Result<(), E> + Send + Sync,
    ) -> Result<Changed, E> {
        retried(|| self.try_change_user(id, ends, now, &change)).await?
    }

    async fn try_change_user<E: Send>(
        &self,
        id: &str,
        ends: Option<End<'_>>,
        now: UnixMillis,
        change: &(impl Fn(&mut User) -> Result<(), E> + Sync),
    ) -> Result<Result<Changed, E>, DbError> {
        let mut write = self.write().await?;
        let row = query("SELECT * FROM user_account WHERE user_account_id = $1")
            .for_update()
            .bind(id)
            .optional(write.on())
            .await?;
        let Some(mut user) = row.as_ref().map(read).transpose()? else {
            return Ok(Ok(Changed::Gone));
        };
        if let Err(refusal) = change(&mut user) {
            return Ok(Err(refusal));
        }
        // Two changes never look like one to who has read the account in between.
        user.updated_at = now.max(UnixMillis(user.updated_at.0.saturating_add(1)));
        match update(&mut write, &user).await {
            Err(error) if error.is_taken() => return Ok(Ok(Changed::Taken)),
            done => done?,
        }
        let ended = match ends {
            Some(which) => end_those(&mut write, &self.outbox, id, which, now).await?,
            None => Vec::new(),
        };
        write.commit().await?;
        self.outbox.wake();
        let user = Box::new(user);
        Ok(Ok(Changed::Done { user, ended }))
    }

    /// Deletes an account with all that is its own. `false` when it was not there. Its sessions go first, a few
    /// at a time: no statement takes long, however many there are.
    ///
    /// # Errors
    /// [`DbError`]: the account is there, its sessions may have ended.
    pub async fn delete_user(&self, id: &str, now: UnixMillis) -> Result<bool, DbError> {
        self.delete_sessions(id, now).await?;
        retried(|| self.try_delete_user(id)).await
    }

    async fn try_delete_user(&self, id: &str) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        let deleted = query("DELETE FROM user_account WHERE user_account_id = $1")
            .bind(id)
            .execute(write.on())
            .await?;
        if deleted == 0 {
            return Ok(false);
        }
        let outbox = &self.outbox;
        outbox.put_all_of(&mut write, push::Kind::User, id).await?;
        write.commit().await?;
        outbox.wake();
        Ok(true)
    }

    /// A page of all accounts, the oldest first, and how many there are.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn users(&self, offset: u32, limit: u32) -> Result<(Vec<User>, u64), DbError> {
        let mut connection = self.connection().await?;
        let rows = query(
            "SELECT * FROM user_account ORDER BY created_at, user_account_id LIMIT $1 OFFSET $2",
        )
        .bind(i64::from(limit))
        .bind(i64::from(offset))
        .all(connection.on())
        .await?;
        let users = rows.iter().map(read).collect::<Result<_, _>>()?;
        let count = query("SELECT COUNT(*) AS total FROM user_account")
            .optional(connection.on())
            .await?;
        let total: i64 = count.ok_or(sqlx::Error::RowNotFound)?.get("total")?;
        Ok((users, u64::try_from(total).unwrap_or_default()))
    }

    /// Adds an account. `false` when the address has one already; then nothing changes.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn insert_user(&self, user: &User) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        match insert(&mut write, user).await {
            Ok(()) => write.commit().await.map(|()| true),
            Err(error) if error.is_taken() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Replaces the `old` hash of an account's password by a `new` one of the same password. `false`
    /// when the account or that hash is not there any more; then nothing changes.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn set_password_hash(
        &self,
        user: &str,
        old: &str,
        new: &str,
    ) -> Result<bool, DbError> {
        let changed = query(
            "UPDATE user_account SET password_hash = $1 \
             WHERE user_account_id = $2 AND password_hash = $3",
        )
        .bind(new)
        .bind(user)
        .bind(old)
        .execute(self.writer().await?.on())
        .await?;
        Ok(changed == 1)
    }

    /// The account of an address.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, DbError> {
        self.user(query("SELECT * FROM user_account WHERE email = $1").bind(email))
            .await
    }

    /// The account of an id.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn user_by_id(&self, id: &str) -> Result<Option<User>, DbError> {
        self.user(query("SELECT * FROM user_account WHERE user_account_id = $1").bind(id))
            .await
    }

    async fn user(&self, which: Query<'_>) -> Result<Option<User>, DbError> {
        let row = which.optional(self.connection().await?.on()).await?;
        row.as_ref().map(read).transpose()
    }
}

/// Fails, and with it the transaction, where the address has an account.
pub(super) async fn insert(write: &mut Write, user: &User) -> Result<(), DbError> {
    let app_metadata = Value::Object(user.app_metadata.clone()).to_string();
    let user_metadata = Value::Object(user.user_metadata.clone()).to_string();
    query(
        "INSERT INTO user_account (user_account_id, email, password_hash, role, tenant_id, \
         app_metadata, user_metadata, email_confirmed_at, banned_until, last_sign_in_at, \
         created_at, updated_at, signed_up) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(user.id.as_str())
    .bind(user.email.as_str())
    .bind(user.password_hash.as_str())
    .bind(user.role.as_str())
    .bind(user.tenant.as_deref())
    .bind(app_metadata.as_str())
    .bind(user_metadata.as_str())
    .bind(user.email_confirmed_at.map(stored))
    .bind(user.banned_until.map(stored))
    .bind(user.last_sign_in_at.map(stored))
    .bind(stored(user.created_at))
    .bind(stored(user.updated_at))
    .bind(i64::from(user.signed_up))
    .execute(write.on())
    .await?;
    Ok(())
}

/// Whoever changes an account has had to do with it.
async fn update(write: &mut Write, user: &User) -> Result<(), DbError> {
    let app_metadata = Value::Object(user.app_metadata.clone()).to_string();
    let user_metadata = Value::Object(user.user_metadata.clone()).to_string();
    query(
        "UPDATE user_account SET email = $1, password_hash = $2, role = $3, tenant_id = $4, \
         app_metadata = $5, user_metadata = $6, email_confirmed_at = $7, banned_until = $8, \
         updated_at = $9, deleted_at = $10, signed_up = 0, \
         refused_hash = CASE WHEN $10 IS NULL THEN refused_hash END WHERE user_account_id = $11",
    )
    .bind(user.email.as_str())
    .bind(user.password_hash.as_str())
    .bind(user.role.as_str())
    .bind(user.tenant.as_deref())
    .bind(app_metadata.as_str())
    .bind(user_metadata.as_str())
    .bind(user.email_confirmed_at.map(stored))
    .bind(user.banned_until.map(stored))
    .bind(stored(user.updated_at))
    .bind(user.deleted_at.map(stored))
    .bind(user.id.as_str())
    .execute(write.on())
    .await?;
    Ok(())
}

/// The account that other rows of the transaction belong to.
pub(super) async fn owner(write: &mut Write, id: &str) -> Result<User, DbError> {
    let row = query("SELECT * FROM user_account WHERE user_account_id = $1")
        .bind(id)
        .optional(write.on())
        .await?;
    read(&row.ok_or(sqlx::Error::RowNotFound)?)
}

/// Of a row that others were joined to, whether there is one or not.
pub(super) fn read_joined(row: &Row) -> Result<Option<User>, DbError> {
    let id: Option<String> = row.get("user_account_id")?;
    id.map(|_| read(row)).transpose()
}

pub(super) fn read(row: &Row) -> Result<User, DbError> {
    let time = |name| row.get::<Option<i64>>(name).map(|at| at.map(restored));
    Ok(User {
        id: row.get("user_account_id")?,
        email: row.get("email")?,
        password_hash: row.get("password_hash")?,
        signed_up: row.get::<i64>("signed_up")? == 1,
        refused_hash: row.get("refused_hash")?,
        role: row.get("role")?,
        tenant: row.get("tenant_id")?,
        app_metadata: object(row, "app_metadata")?,
        user_metadata: object(row, "user_metadata")?,
        factors: factors(row)?,
        email_confirmed_at: time("email_confirmed_at")?,
        banned_until: time("banned_until")?,
        deleted_at: time("deleted_at")?,
        last_sign_in_at: time("last_sign_in_at")?,
        created_at: restored(row.get("created_at")?),
        updated_at: restored(row.get("updated_at")?),
    })
}

fn object(row: &Row, name: &str) -> Result<Map<String, Value>, DbError> {
    let text: String = row.get(name)?;
    serde_json::from_str(&text)
        .map_err(|error| DbError::Unexpected(sqlx::Error::Decode(error.into())))
}

fn factors(row: &Row) -> Result<Vec<Factor>, DbError> {
    let text: Option<String> = row.get("factors")?;
    let read = |text: String| serde_json::from_str(&text);
    text.map_or(Ok(Vec::new()), read)
        .map_err(|error| DbError::Unexpected(sqlx::Error::Decode(error.into())))
}
