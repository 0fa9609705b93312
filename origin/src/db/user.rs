//! Table `user_account`.

use super::{
    Db, DbError,
    pool::{restored, stored},
};
use gapura_shared::time::UnixMillis;
use serde_json::{Map, Value};
use sqlx::{Row, sqlite::SqliteRow};

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
        let done = sqlx::query(
            "INSERT INTO user_account (user_account_id, email, password_hash, role, tenant_id, \
             app_metadata, user_metadata, email_confirmed_at, last_sign_in_at, created_at, updated_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO NOTHING",
        )
        .bind(&user.id)
        .bind(&user.email)
        .bind(&user.password_hash)
        .bind(&user.role)
        .bind(&user.tenant)
        .bind(Value::Object(user.app_metadata.clone()).to_string())
        .bind(Value::Object(user.user_metadata.clone()).to_string())
        .bind(user.email_confirmed_at.map(stored))
        .bind(user.last_sign_in_at.map(stored))
        .bind(stored(user.created_at))
        .bind(stored(user.updated_at))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
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
        let done = sqlx::query(
            "UPDATE user_account SET password_hash = ? \
             WHERE user_account_id = ? AND password_hash = ?",
        )
        .bind(new)
        .bind(user)
        .bind(old)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The account of an address.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, DbError> {
        let row = sqlx::query("SELECT * FROM user_account WHERE email = ?")
            .bind(email)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The account of an id.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn user_by_id(&self, id: &str) -> Result<Option<User>, DbError> {
        let row = sqlx::query("SELECT * FROM user_account WHERE user_account_id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<User, DbError> {
    let time = |name| {
        row.try_get::<Option<i64>, _>(name)
            .map(|at| at.map(restored))
    };
    Ok(User {
        id: row.try_get("user_account_id")?,
        email: row.try_get("email")?,
        password_hash: row.try_get("password_hash")?,
        role: row.try_get("role")?,
        tenant: row.try_get("tenant_id")?,
        app_metadata: object(row, "app_metadata")?,
        user_metadata: object(row, "user_metadata")?,
        email_confirmed_at: time("email_confirmed_at")?,
        last_sign_in_at: time("last_sign_in_at")?,
        created_at: restored(row.try_get("created_at")?),
        updated_at: restored(row.try_get("updated_at")?),
    })
}

fn object(row: &SqliteRow, name: &str) -> Result<Map<String, Value>, DbError> {
    let text: &str = row.try_get(name)?;
    serde_json::from_str(text)
        .map_err(|error| DbError::Unexpected(sqlx::Error::Decode(error.into())))
}
