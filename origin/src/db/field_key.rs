//! Table `field_key`: the keys that fields may be encrypted with, by their checks; never a key.

use super::{
    Db, DbError,
    pool::stored,
    query::{Row, query},
};
use gapura_shared::time::UnixMillis;

impl Db {
    /// The id and the check of each.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn field_keys(&self) -> Result<Vec<(String, String)>, DbError> {
        let rows = query("SELECT key_id, key_check FROM field_key ORDER BY created_at, key_id")
            .all(self.connection().await?.on())
            .await?;
        let read = |row: &Row| Ok((row.get("key_id")?, row.get("key_check")?));
        Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Adds one; where there is one of that id, nothing changes.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn add_field_key(
        &self,
        id: &str,
        check: &str,
        now: UnixMillis,
    ) -> Result<(), DbError> {
        let done =
            query("INSERT INTO field_key (key_id, key_check, created_at) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(check)
                .bind(stored(now))
                .execute(self.writer().await?.on())
                .await
                .map_err(DbError::from);
        match done {
            Err(error) if !error.is_taken() => Err(error),
            _ => Ok(()),
        }
    }

    /// Forgets every one but this, under which everything is encrypted now.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn forget_other_field_keys(&self, id: &str) -> Result<(), DbError> {
        query("DELETE FROM field_key WHERE key_id <> $1")
            .bind(id)
            .execute(self.writer().await?.on())
            .await?;
        Ok(())
    }
}
