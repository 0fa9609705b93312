//! What an operator's commands ask beyond what requests do.

use super::{
    Db, DbError, User,
    pool::{Write, retried, stored},
    query::query,
    user,
};
use gapura_shared::time::UnixMillis;

/// What became of an account that was to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// It is there now.
    Added,
    /// Its address or its id has an account already; nothing has changed.
    Taken,
    /// There is no such role; nothing has changed.
    NoRole,
    /// There is no such tenant; nothing has changed.
    NoTenant,
}

/// How accounts are imported.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportHow {
    /// Nothing changes.
    pub dry_run: bool,
    /// Roles and tenants that are not there are made.
    pub make_missing: bool,
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

    /// Adds accounts in one transaction, as members of the tenants that they act for, except those whose
    /// address or id is taken or whose role or tenant is not there; what became of each, in their order.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed then.
    pub async fn import_users(
        &self,
        users: &[User],
        how: ImportHow,
        now: UnixMillis,
    ) -> Result<Vec<Import>, DbError> {
        match retried(|| self.try_import(users, how, now)).await {
            // Somebody took an address meanwhile: now it is seen.
            Err(error) if error.is_taken() => retried(|| self.try_import(users, how, now)).await,
            done => done,
        }
    }

    async fn try_import(
        &self,
        users: &[User],
        how: ImportHow,
        now: UnixMillis,
    ) -> Result<Vec<Import>, DbError> {
        let mut write = self.write().await?;
        let mut became = Vec::with_capacity(users.len());
        for user in users {
            became.push(import(&mut write, user, how.make_missing, now).await?);
        }
        if !how.dry_run {
            write.commit().await?;
        }
        Ok(became)
    }
}

async fn import(
    write: &mut Write,
    user: &User,
    make_missing: bool,
    now: UnixMillis,
) -> Result<Import, DbError> {
    let there =
        query("SELECT user_account_id FROM user_account WHERE email = $1 OR user_account_id = $2")
            .bind(user.email.as_str())
            .bind(user.id.as_str())
            .all(write.on())
            .await?;
    if !there.is_empty() {
        return Ok(Import::Taken);
    }
    if !has(write, "SELECT role FROM role WHERE role = $1", &user.role).await? {
        if !make_missing {
            return Ok(Import::NoRole);
        }
        query("INSERT INTO role (role, created_at) VALUES ($1, $2)")
            .bind(user.role.as_str())
            .bind(stored(now))
            .execute(write.on())
            .await?;
    }
    if let Some(tenant) = &user.tenant
        && !has(
            write,
            "SELECT tenant_id FROM tenant WHERE tenant_id = $1",
            tenant,
        )
        .await?
    {
        if !make_missing {
            return Ok(Import::NoTenant);
        }
        // Another name it has not here.
        query("INSERT INTO tenant (tenant_id, name, created_at) VALUES ($1, $1, $2)")
            .bind(tenant.as_str())
            .bind(stored(now))
            .execute(write.on())
            .await?;
    }
    user::insert(write, user).await?;
    if let Some(tenant) = &user.tenant {
        query(
            "INSERT INTO membership (tenant_id, user_account_id, created_at) VALUES ($1, $2, $3)",
        )
        .bind(tenant.as_str())
        .bind(user.id.as_str())
        .bind(stored(now))
        .execute(write.on())
        .await?;
    }
    Ok(Import::Added)
}

async fn has(write: &mut Write, which: &'static str, name: &str) -> Result<bool, DbError> {
    let found = query(which).bind(name).optional(write.on()).await?;
    Ok(found.is_some())
}
