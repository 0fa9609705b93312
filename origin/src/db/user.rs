//! Table `user_account`.

use super::{
    Db, DbError, Factor,
    pool::{restored, stored},
    query::{Query, Row, query},
};
use gapura_shared::time::UnixMillis;
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

impl Db {
    /// Adds an account. `false` when the address has one already; then nothing changes.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn insert_user(&self, user: &User) -> Result<bool, DbError> {
        let app_metadata = Value::Object(user.app_metadata.clone()).to_string();
        let user_metadata = Value::Object(user.user_metadata.clone()).to_string();
        let done = query(
            "INSERT INTO user_account (user_account_id, email, password_hash, role, tenant_id, \
             app_metadata, user_metadata, email_confirmed_at, last_sign_in_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(user.id.as_str())
        .bind(user.email.as_str())
        .bind(user.password_hash.as_str())
        .bind(user.role.as_str())
        .bind(user.tenant.as_deref())
        .bind(app_metadata.as_str())
        .bind(user_metadata.as_str())
        .bind(user.email_confirmed_at.map(stored))
        .bind(user.last_sign_in_at.map(stored))
        .bind(stored(user.created_at))
        .bind(stored(user.updated_at))
        .execute(self.connection().await?.on())
        .await
        .map_err(DbError::from);
        match done {
            Ok(_) => Ok(true),
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
        .execute(self.connection().await?.on())
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

pub(super) fn read(row: &Row) -> Result<User, DbError> {
    let time = |name| row.get::<Option<i64>>(name).map(|at| at.map(restored));
    Ok(User {
        id: row.get("user_account_id")?,
        email: row.get("email")?,
        password_hash: row.get("password_hash")?,
        role: row.get("role")?,
        tenant: row.get("tenant_id")?,
        app_metadata: object(row, "app_metadata")?,
        user_metadata: object(row, "user_metadata")?,
        factors: factors(row)?,
        email_confirmed_at: time("email_confirmed_at")?,
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
