//! Table `idempotency_key`: what was written under which key, in one transaction with what it wrote.
//!
//! Guarantees: of two requests with one key the second waits until the first has ended; a
//! transaction that is dropped leaves no key behind; no row is kept here, only which ones they were.

use super::{As, Bound, DataTransaction, Kind, Statement};
use crate::db::{
    Db, DbError, Engine,
    pool::{restored, stored},
    query::query,
};
use gapura_shared::time::UnixMillis;

/// How long a key is remembered.
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// A request under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// SHA-256 of whose it is and of the key.
    pub key_hash: [u8; 32],
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// When the request came.
    pub now: UnixMillis,
}

/// What a key was used for before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Nothing that is remembered: the key is taken now.
    Nothing,
    /// The same request: the keys of the rows that it wrote, as JSON.
    Same(String),
    /// Another request.
    Other,
}

impl Db {
    /// As [`Db::data_write`], with a key that is taken before anything is written. Waits for
    /// another transaction with the same key.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn data_write_once(
        &self,
        whom: &As,
        key: &IdempotencyKey,
    ) -> Result<(DataTransaction, Before), DbError> {
        let mut transaction = DataTransaction(Kind::Whole(self.write().await?));
        // The table is ours: a role of the application may not touch it.
        let before = transaction.take(key).await?;
        if self.engine() == Engine::Postgres {
            transaction.become_one(whom).await?;
        }
        Ok((transaction, before))
    }

    /// Deletes keys that are remembered no longer.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn forget_idempotency_keys(&self, now: UnixMillis) -> Result<(), DbError> {
        query("DELETE FROM idempotency_key WHERE created_at < $1")
            .bind(stored(forgotten_before(now)))
            .execute(self.writer().await?.on())
            .await?;
        Ok(())
    }
}

const fn forgotten_before(now: UnixMillis) -> UnixMillis {
    UnixMillis(now.0.saturating_sub(KEPT_MS))
}

impl DataTransaction {
    async fn take(&mut self, key: &IdempotencyKey) -> Result<Before, DbError> {
        // Sets nothing anew, but locks: a lock that is shared first would end in deadlocks.
        query(
            "INSERT INTO idempotency_key (key_hash, request_hash, row_keys, created_at) \
             VALUES ($1, $2, '', $3) \
             ON CONFLICT (key_hash) DO UPDATE SET created_at = idempotency_key.created_at",
        )
        .mysql_as(
            "INSERT INTO idempotency_key (key_hash, request_hash, row_keys, created_at) \
             VALUES ($1, $2, '', $3) ON DUPLICATE KEY UPDATE created_at = idempotency_key.created_at",
        )
        .bind(&key.key_hash)
        .bind(&key.request_hash)
        .bind(stored(key.now))
        .execute(self.on()?)
        .await?;
        let found = query(
            "SELECT request_hash, row_keys, created_at FROM idempotency_key WHERE key_hash = $1",
        )
        .for_update()
        .bind(&key.key_hash)
        .optional(self.on()?)
        .await?
        .ok_or(sqlx::Error::RowNotFound)?;
        let row_keys: String = found.get("row_keys")?;
        let is_over = restored(found.get("created_at")?) < forgotten_before(key.now);
        // Nothing is committed without them: without them it is our own.
        Ok(if row_keys.is_empty() || is_over {
            Before::Nothing
        } else if found.get::<Vec<u8>>("request_hash")? == key.request_hash {
            Before::Same(row_keys)
        } else {
            Before::Other
        })
    }

    /// Remembers what was written under a key that was taken with [`Db::data_write_once`].
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn remember(
        &mut self,
        whom: &As,
        key: &IdempotencyKey,
        row_keys: &str,
    ) -> Result<(), DbError> {
        if whom.role.is_some() {
            self.set_role("none").await?;
        }
        query(
            "UPDATE idempotency_key SET request_hash = $2, row_keys = $3, created_at = $4 \
             WHERE key_hash = $1",
        )
        .bind(&key.key_hash)
        .bind(&key.request_hash)
        .bind(row_keys)
        .bind(stored(key.now))
        .execute(self.on()?)
        .await?;
        // What the end of the transaction sets off is the application's again.
        match &whom.role {
            Some(role) => self.set_role(role).await,
            None => Ok(()),
        }
    }

    async fn set_role(&mut self, role: &str) -> Result<(), DbError> {
        let statement = Statement {
            sql: "SELECT set_config('role', $1, true)".to_owned(),
            values: vec![Bound::Text(role.to_owned())],
        };
        self.rows(&statement).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::{As, Before, IdempotencyKey, KEPT_MS, UnixMillis};
    use crate::{
        db::{Db, tests::fresh},
        engines::{Engine, on_every_engine},
    };

    const THEN: u64 = 1_700_000_000_000;

    const fn key(request: u8, now: u64) -> IdempotencyKey {
        IdempotencyKey {
            key_hash: [7; 32],
            request_hash: [request; 32],
            now: UnixMillis(now),
        }
    }

    /// What was before; the request is done now unless it was.
    async fn run(db: &Db, key: &IdempotencyKey) -> Before {
        let whom = As {
            role: None,
            claims: "{}".into(),
        };
        let (mut transaction, before) = db.data_write_once(&whom, key).await.unwrap();
        if before == Before::Nothing {
            transaction.remember(&whom, key, "[]").await.unwrap();
        }
        transaction.commit().await.unwrap();
        before
    }

    async fn a_key_is_remembered_for_its_time(engine: Engine) {
        let (db, _home) = fresh(engine).await;
        assert_eq!(run(&db, &key(1, THEN)).await, Before::Nothing);
        let last = THEN + KEPT_MS;
        db.forget_idempotency_keys(UnixMillis(last)).await.unwrap();
        assert_eq!(run(&db, &key(1, last)).await, Before::Same("[]".into()));
        assert_eq!(run(&db, &key(2, last)).await, Before::Other);
        // From then on it is another request's, whether it was swept or not.
        assert_eq!(run(&db, &key(2, last + 1)).await, Before::Nothing);
        assert_eq!(run(&db, &key(1, last + 1)).await, Before::Other);
        let after = UnixMillis(last + KEPT_MS + 2);
        db.forget_idempotency_keys(after).await.unwrap();
        assert_eq!(run(&db, &key(3, THEN)).await, Before::Nothing);
    }

    on_every_engine!(async a_key_is_remembered_for_its_time);
}
