//! Table `token_key`: the keys that sign access tokens, of all origins on this database.

use super::{
    Db, DbError,
    pool::{restored, stored},
    query::{Row, query},
};
use gapura_shared::time::UnixMillis;

/// A key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its id in tokens and in the key set.
    pub kid: String,
    /// The algorithm by its JOSE name.
    pub algorithm: String,
    /// The private key, sealed; empty once it is retired.
    pub secret: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it begins to sign, until another one does.
    pub signs_from: UnixMillis,
    /// Since when its tokens hold no longer.
    pub retired_at: Option<UnixMillis>,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey")
            .field("kid", &self.kid)
            .field("signs_from", &self.signs_from)
            .field("retired_at", &self.retired_at)
            .finish_non_exhaustive()
    }
}

impl Db {
    /// Every key, the retired ones too, in the order in which they begin to sign.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn token_keys(&self) -> Result<Vec<StoredKey>, DbError> {
        let rows = query("SELECT * FROM token_key ORDER BY signs_from, created_at, kid")
            .all(self.connection().await?.on())
            .await?;
        let read = |row: &Row| -> Result<StoredKey, sqlx::Error> {
            Ok(StoredKey {
                kid: row.get("kid")?,
                algorithm: row.get("algorithm")?,
                secret: row.get("secret")?,
                created_at: restored(row.get("created_at")?),
                signs_from: restored(row.get("signs_from")?),
                retired_at: row.get::<Option<i64>>("retired_at")?.map(restored),
            })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Adds a key. `false` when there is one of that id; then nothing changes.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn add_token_key(&self, key: &StoredKey) -> Result<bool, DbError> {
        let done = query(
            "INSERT INTO token_key (kid, algorithm, secret, created_at, signs_from) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(key.kid.as_str())
        .bind(key.algorithm.as_str())
        .bind(key.secret.as_str())
        .bind(stored(key.created_at))
        .bind(stored(key.signs_from))
        .execute(self.writer().await?.on())
        .await
        .map_err(DbError::from);
        match done {
            Ok(_) => Ok(true),
            Err(error) if error.is_taken() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Retires a key and forgets its private half. `false` when there is no such key, or it was
    /// retired before.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn retire_token_key(&self, kid: &str, now: UnixMillis) -> Result<bool, DbError> {
        let changed = query(
            "UPDATE token_key SET retired_at = $1, secret = '' \
             WHERE kid = $2 AND retired_at IS NULL",
        )
        .bind(stored(now))
        .bind(kid)
        .execute(self.writer().await?.on())
        .await?;
        Ok(changed == 1)
    }
}
