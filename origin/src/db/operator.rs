//! What an operator's commands ask beyond what requests do.

use super::{
    Db, DbError, User,
    pool::{Write, retried},
    query::query,
    user,
};

/// What became of an account that was to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// It is there now.
    Added,
    /// Its address or its id has an account already; nothing has changed.
    Taken,
}

impl Db {
    /// Accounts by address, from behind `after`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn users_after(&self, after: &str, limit: u32) -> Result<Vec<User>, DbError> {
        let rows = query(
            "SELECT * FROM user_account WHERE email > $1 AND deleted_at IS NULL \
             ORDER BY email LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .all(self.connection().await?.on())
        .await?;
        rows.iter().map(user::read).collect()
    }

    /// Adds accounts in one transaction, except those whose address or id is taken; what became of
    /// each, in their order. A `dry_run` says so and changes nothing.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed then.
    pub async fn import_users(
        &self,
        users: &[User],
        dry_run: bool,
    ) -> Result<Vec<Import>, DbError> {
        match retried(|| self.try_import(users, dry_run)).await {
            // Somebody took an address meanwhile: now it is seen.
            Err(error) if error.is_taken() => retried(|| self.try_import(users, dry_run)).await,
            done => done,
        }
    }

    async fn try_import(&self, users: &[User], dry_run: bool) -> Result<Vec<Import>, DbError> {
        let mut write = self.write().await?;
        let mut became = Vec::with_capacity(users.len());
        for user in users {
            became.push(import(&mut write, user).await?);
        }
        if !dry_run {
            write.commit().await?;
        }
        Ok(became)
    }
}

async fn import(write: &mut Write, user: &User) -> Result<Import, DbError> {
    let there =
        query("SELECT user_account_id FROM user_account WHERE email = $1 OR user_account_id = $2")
            .bind(user.email.as_str())
            .bind(user.id.as_str())
            .all(write.on())
            .await?;
    if !there.is_empty() {
        return Ok(Import::Taken);
    }
    user::insert(write, user).await?;
    Ok(Import::Added)
}
