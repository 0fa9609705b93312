//! Tables `tenant` and `membership`. The one tenant that an account acts for is
//! `user_account.tenant_id`, always one of its memberships.

use super::{
    Db, DbError,
    pool::{Write, restored, retried, stored},
    query::{Row, query},
};
use gapura_shared::{push::Kind, time::UnixMillis};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// UUID.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// When it came into being.
    pub created: UnixMillis,
}

/// Most tenants, or members, of one answer.
pub(super) const MAX_LISTED: i64 = 1000;

impl Db {
    /// Adds a tenant.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn insert_tenant(&self, tenant: &Tenant) -> Result<(), DbError> {
        query("INSERT INTO tenant (tenant_id, name, created_at) VALUES ($1, $2, $3)")
            .bind(tenant.id.as_str())
            .bind(tenant.name.as_str())
            .bind(stored(tenant.created))
            .execute(self.writer().await?.on())
            .await?;
        Ok(())
    }

    /// The tenants, the oldest first; at most 1,000.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn tenants(&self) -> Result<Vec<Tenant>, DbError> {
        let rows = query("SELECT * FROM tenant ORDER BY created_at, tenant_id LIMIT $1")
            .bind(MAX_LISTED)
            .all(self.connection().await?.on())
            .await?;
        rows.iter().map(read).collect()
    }

    /// The tenants that an account belongs to, the oldest first; at most 1,000.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn tenants_of(&self, user: &str) -> Result<Vec<Tenant>, DbError> {
        let rows = query(
            "SELECT t.tenant_id, t.name, t.created_at FROM tenant t \
             JOIN membership m ON m.tenant_id = t.tenant_id WHERE m.user_account_id = $1 \
             ORDER BY t.created_at, t.tenant_id LIMIT $2",
        )
        .bind(user)
        .bind(MAX_LISTED)
        .all(self.connection().await?.on())
        .await?;
        rows.iter().map(read).collect()
    }

    /// Ids of the accounts that belong to a tenant, at most 1,000; `None` when there is no such tenant.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn members(&self, tenant: &str) -> Result<Option<Vec<String>>, DbError> {
        let rows = query(
            "SELECT m.user_account_id FROM tenant t \
             LEFT JOIN membership m ON m.tenant_id = t.tenant_id WHERE t.tenant_id = $1 \
             ORDER BY m.created_at, m.user_account_id LIMIT $2",
        )
        .bind(tenant)
        .bind(MAX_LISTED)
        .all(self.connection().await?.on())
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let members = rows.iter().map(|row| row.get("user_account_id"));
        let members = members.collect::<Result<Vec<Option<String>>, _>>()?;
        Ok(Some(members.into_iter().flatten().collect()))
    }

    /// Deletes a tenant. `false` when it was not there.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn delete_tenant(&self, tenant: &str) -> Result<bool, DbError> {
        retried(|| self.try_delete_tenant(tenant)).await
    }

    async fn try_delete_tenant(&self, tenant: &str) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        // Nobody begins to act for it meanwhile.
        let found = query("SELECT tenant_id FROM tenant WHERE tenant_id = $1")
            .for_update()
            .bind(tenant)
            .optional(write.on())
            .await?;
        if found.is_none() {
            return Ok(false);
        }
        query(
            "UPDATE user_account SET tenant_id = NULL, updated_at = updated_at + 1 \
             WHERE tenant_id = $1",
        )
        .bind(tenant)
        .execute(write.on())
        .await?;
        query("DELETE FROM tenant WHERE tenant_id = $1")
            .bind(tenant)
            .execute(write.on())
            .await?;
        let outbox = &self.outbox;
        outbox.put_all_of(&mut write, Kind::Tenant, tenant).await?;
        write.commit().await?;
        outbox.wake();
        Ok(true)
    }

    /// Adds a member, who acts for this tenant from now on if for none before. `false` when
    /// there is no such tenant or no such account.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn add_member(
        &self,
        tenant: &str,
        user: &str,
        now: UnixMillis,
    ) -> Result<bool, DbError> {
        retried(|| self.try_add_member(tenant, user, now)).await
    }

    async fn try_add_member(
        &self,
        tenant: &str,
        user: &str,
        now: UnixMillis,
    ) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        if !are_there(&mut write, tenant, user).await? {
            return Ok(false);
        }
        query(
            "INSERT INTO membership (tenant_id, user_account_id, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant_id, user_account_id) DO NOTHING",
        )
        .mysql_as(
            "INSERT INTO membership (tenant_id, user_account_id, created_at) VALUES ($1, $2, $3) \
             ON DUPLICATE KEY UPDATE created_at = membership.created_at",
        )
        .bind(tenant)
        .bind(user)
        .bind(stored(now))
        .execute(write.on())
        .await?;
        query(
            "UPDATE user_account SET tenant_id = COALESCE(tenant_id, $1), signed_up = 0 \
             WHERE user_account_id = $2",
        )
        .bind(tenant)
        .bind(user)
        .execute(write.on())
        .await?;
        write.commit().await?;
        Ok(true)
    }

    /// Ends a membership. `false` when there was none.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn remove_member(&self, tenant: &str, user: &str) -> Result<bool, DbError> {
        retried(|| self.try_remove_member(tenant, user)).await
    }

    async fn try_remove_member(&self, tenant: &str, user: &str) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        hold(&mut write, user).await?;
        // Another system's tenant may stand there without a membership. A login that has read the
        // account before reads it again.
        let acted = query(
            "UPDATE user_account SET tenant_id = NULL, updated_at = updated_at + 1 \
             WHERE user_account_id = $1 AND tenant_id = $2",
        )
        .bind(user)
        .bind(tenant)
        .execute(write.on())
        .await?;
        let deleted = query("DELETE FROM membership WHERE tenant_id = $1 AND user_account_id = $2")
            .bind(tenant)
            .bind(user)
            .execute(write.on())
            .await?;
        let was_member = acted > 0 || deleted > 0;
        if was_member {
            let outbox = &self.outbox;
            outbox.put_all_of(&mut write, Kind::User, user).await?;
        }
        write.commit().await?;
        self.outbox.wake();
        Ok(was_member)
    }

    /// Has an account act for one of its tenants, or for none. `false` when it does not belong
    /// to that one; then nothing changes.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn act_for(&self, user: &str, tenant: Option<&str>) -> Result<bool, DbError> {
        retried(|| self.try_act_for(user, tenant)).await
    }

    async fn try_act_for(&self, user: &str, tenant: Option<&str>) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        let is_there = match tenant {
            Some(tenant) => are_there(&mut write, tenant, user).await?,
            None => hold(&mut write, user).await?,
        };
        if !is_there {
            return Ok(false);
        }
        let changed = query(
            "UPDATE user_account SET tenant_id = $1 WHERE user_account_id = $2 \
             AND ($1 IS NULL OR EXISTS (SELECT 1 FROM membership m \
             WHERE m.tenant_id = $1 AND m.user_account_id = $2))",
        )
        .bind(tenant)
        .bind(user)
        .execute(write.on())
        .await?;
        write.commit().await?;
        Ok(changed > 0)
    }
}

/// Nobody else changes the account's memberships, or whom it acts for, until the transaction ends.
async fn hold(write: &mut Write, user: &str) -> Result<bool, DbError> {
    let account = query("SELECT user_account_id FROM user_account WHERE user_account_id = $1")
        .for_update()
        .bind(user)
        .optional(write.on())
        .await?;
    Ok(account.is_some())
}

/// Both rows are held, so that neither goes before what refers to them is there.
async fn are_there(write: &mut Write, tenant: &str, user: &str) -> Result<bool, DbError> {
    let account = hold(write, user).await?;
    let tenant = query("SELECT tenant_id FROM tenant WHERE tenant_id = $1")
        .for_update()
        .bind(tenant)
        .optional(write.on())
        .await?;
    Ok(account && tenant.is_some())
}

fn read(row: &Row) -> Result<Tenant, DbError> {
    Ok(Tenant {
        id: row.get("tenant_id")?,
        name: row.get("name")?,
        created: restored(row.get("created_at")?),
    })
}
