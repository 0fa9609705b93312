//! Tables `role` and `role_permission`.

use super::{
    Db, DbError,
    pool::{retried, stored},
    query::query,
};
use gapura_shared::time::UnixMillis;
use std::collections::BTreeMap;

impl Db {
    /// Every role with its permissions, in the order of their names.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn roles(&self) -> Result<BTreeMap<String, Vec<String>>, DbError> {
        let rows = query(
            "SELECT r.role, p.permission FROM role r \
             LEFT JOIN role_permission p ON p.role = r.role ORDER BY r.role, p.permission",
        )
        .all(self.connection().await?.on())
        .await?;
        let mut roles = BTreeMap::<String, Vec<String>>::new();
        for row in &rows {
            let permissions = roles.entry(row.get("role")?).or_default();
            permissions.extend(row.get::<Option<String>>("permission")?);
        }
        Ok(roles)
    }

    /// The permissions of a role; `None` when there is no such role.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn permissions(&self, role: &str) -> Result<Option<Vec<String>>, DbError> {
        let rows = query(
            "SELECT p.permission FROM role r \
             LEFT JOIN role_permission p ON p.role = r.role WHERE r.role = $1",
        )
        .bind(role)
        .all(self.connection().await?.on())
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let granted = rows.iter().map(|row| row.get("permission"));
        let granted = granted.collect::<Result<Vec<Option<String>>, _>>()?;
        Ok(Some(granted.into_iter().flatten().collect()))
    }

    /// Has a role permit this and nothing else; it need not be there before.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn set_role(
        &self,
        role: &str,
        permissions: &[&str],
        now: UnixMillis,
    ) -> Result<(), DbError> {
        retried(|| self.try_set_role(role, permissions, now)).await
    }

    async fn try_set_role(
        &self,
        role: &str,
        permissions: &[&str],
        now: UnixMillis,
    ) -> Result<(), DbError> {
        let mut write = self.write().await?;
        query(
            "INSERT INTO role (role, created_at) VALUES ($1, $2) \
             ON CONFLICT (role) DO UPDATE SET created_at = role.created_at",
        )
        .mysql_as(
            "INSERT INTO role (role, created_at) VALUES ($1, $2) \
             ON DUPLICATE KEY UPDATE created_at = role.created_at",
        )
        .bind(role)
        .bind(stored(now))
        .execute(write.on())
        .await?;
        query("DELETE FROM role_permission WHERE role = $1")
            .bind(role)
            .execute(write.on())
            .await?;
        for permission in permissions {
            query("INSERT INTO role_permission (role, permission) VALUES ($1, $2)")
                .bind(role)
                .bind(*permission)
                .execute(write.on())
                .await?;
        }
        write.commit().await
    }

    /// Deletes a role that no account has. `false` when it is not there or in use.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn delete_role(&self, role: &str) -> Result<bool, DbError> {
        let deleted = query(
            "DELETE FROM role WHERE role = $1 \
             AND NOT EXISTS (SELECT 1 FROM user_account u WHERE u.role = $1)",
        )
        .bind(role)
        .execute(self.writer().await?.on())
        .await?;
        Ok(deleted > 0)
    }
}
