//! The Guard: one object per shard of subjects.
//!
//! Invariant: what a message changes is stored before it is answered. Rows: one per
//! subject and one of the shard's own, in the form of `guard::stored`. Lifetime: an alarm
//! deletes the rows that have passed.

use super::set_alarm;
use crate::{
    guard::{Change, Shard, Step},
    platform,
};
use std::cell::RefCell;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, durable_object,
};

/// The object's shell.
#[durable_object(alarm)]
struct Guard {
    storage: worker::State,
    /// `None` until the rows were read, and after a write failed.
    shard: RefCell<Option<Shard>>,
}

impl DurableObject for Guard {
    fn new(storage: worker::State, _env: Env) -> Self {
        Self {
            storage,
            shard: RefCell::new(None),
        }
    }

    /// `main.js` exports `ask` and `alarm` alone.
    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("the Guard is asked by RPC", 404)
    }

    async fn alarm(&self) -> Result<Response> {
        self.with_shard(|shard| Ok(shard.alarm(platform::now().0)))?;
        Response::empty()
    }
}

#[wasm_bindgen]
impl Guard {
    /// Answers a message, by RPC.
    ///
    /// # Errors
    /// For a message without an answer and when storage fails.
    #[expect(unreachable_pub, reason = "wasm-bindgen exports public items alone")]
    pub fn ask(&self, ask: &str) -> std::result::Result<String, JsValue> {
        let step = self.with_shard(|shard| {
            let step = shard.receive(ask, platform::now().0);
            step.map_err(|fault| worker::Error::RustError(fault.to_string()))
        })?;
        Ok(step.answer)
    }
}

impl Guard {
    /// Reads, decides, writes. Storage calls are synchronous: no other request comes in
    /// between. Memory that is ahead of storage is thrown away.
    fn with_shard(&self, step: impl FnOnce(&mut Shard) -> Result<Step>) -> Result<Step> {
        let mut held = self.shard.borrow_mut();
        let shard = match &mut *held {
            Some(shard) => shard,
            empty => empty.insert(self.load()?),
        };
        let step = step(shard)?;
        let stored = self
            .store(&step.changes)
            .and_then(|()| set_alarm(&self.storage, step.alarm_ms));
        if let Err(fault) = stored {
            *held = None;
            return Err(fault);
        }
        Ok(step)
    }

    fn load(&self) -> Result<Shard> {
        let rows = self
            .table()?
            .exec("SELECT key, row FROM guard", None)?
            .to_array::<Row>()?;
        let rows = rows.into_iter().map(|row| (row.key, row.row));
        Ok(Shard::load(rows, platform::now().0))
    }

    fn table(&self) -> Result<SqlStorage> {
        let sql = self.storage.storage().sql();
        sql.exec(
            "CREATE TABLE IF NOT EXISTS guard (key TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID",
            None,
        )?;
        Ok(sql)
    }

    fn store(&self, changes: &[Change]) -> Result<()> {
        let sql = self.storage.storage().sql();
        for change in changes {
            let key = SqlStorageValue::String(change.key.clone());
            match &change.row {
                Some(row) => sql.exec(
                    "INSERT INTO guard (key, row) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET row = excluded.row",
                    vec![key, SqlStorageValue::String(row.clone())],
                )?,
                None => sql.exec("DELETE FROM guard WHERE key = ?", vec![key])?,
            };
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Row {
    key: String,
    row: String,
}
