//! Table `field_key`: the keys that fields may be encrypted with, by their checks; never a key.
//! `created_at` is when each came into use, for the last time: fields are encrypted with the last one.

use super::{
    Db, DbError,
    pool::{Write, restored, retried, stored},
    query::{Row, query},
};
use gapura_shared::time::UnixMillis;

impl Db {
    /// The id and the check of each, in the order in which they came into use.
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

    /// Makes one known as the last that came into use. Where there is one of that id, its check stays
    /// as it is.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn use_field_key(
        &self,
        id: &str,
        check: &str,
        now: UnixMillis,
    ) -> Result<(), DbError> {
        retried(|| self.try_use_field_key(id, check, now)).await
    }

    async fn try_use_field_key(
        &self,
        id: &str,
        check: &str,
        now: UnixMillis,
    ) -> Result<(), DbError> {
        let mut write = self.write().await?;
        let known = in_order(&mut write).await?;
        let last = known.last();
        if last.is_some_and(|(last, _)| last == id) {
            return Ok(());
        }
        // Behind the last one, whatever other origins' clocks say.
        let after = last.map_or(0, |(_, at)| at.0.saturating_add(1));
        let at = stored(UnixMillis(now.0.max(after)));
        let done = if known.iter().any(|(known, _)| known == id) {
            query("UPDATE field_key SET created_at = $2 WHERE key_id = $1")
                .bind(id)
                .bind(at)
                .execute(write.on())
                .await
        } else {
            query("INSERT INTO field_key (key_id, key_check, created_at) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(check)
                .bind(at)
                .execute(write.on())
                .await
        };
        match done.map_err(DbError::from) {
            Ok(_) => write.commit().await,
            // Another process was faster.
            Err(error) if error.is_taken() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Forgets those that came into use before this one, under which everything is encrypted now; `false`:
    /// another one came into use after it, and nothing is forgotten.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn forget_field_keys_before(&self, id: &str) -> Result<bool, DbError> {
        retried(|| self.try_forget_field_keys_before(id)).await
    }

    async fn try_forget_field_keys_before(&self, id: &str) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        let mut known = in_order(&mut write).await?;
        if known.pop().is_none_or(|(last, _)| last != id) {
            return Ok(false);
        }
        for (before, _) in known {
            query("DELETE FROM field_key WHERE key_id = $1")
                .bind(before.as_str())
                .execute(write.on())
                .await?;
        }
        write.commit().await?;
        Ok(true)
    }
}

/// Each key and when it came into use, the last one behind; nobody changes them meanwhile.
async fn in_order(write: &mut Write) -> Result<Vec<(String, UnixMillis)>, DbError> {
    let rows = query("SELECT key_id, created_at FROM field_key ORDER BY created_at, key_id")
        .for_update()
        .all(write.on())
        .await?;
    let read = |row: &Row| Ok((row.get("key_id")?, restored(row.get("created_at")?)));
    Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
}
