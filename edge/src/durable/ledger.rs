//! The Ledger: one object for the whole site.
//!
//! Invariant: what a message changes is stored before it is answered. Rows: one per entry, and
//! the version. Rows that cannot be read make every answer an error: a Ledger without what was
//! revoked is worse than none. Lifetime: an alarm deletes what has ended.

use super::set_alarm;
use crate::{
    ledger::{Ledger, Write},
    platform,
};
use std::cell::RefCell;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, durable_object,
};

/// The key of the row with the version; no entry has it.
const VERSION_KEY: &str = "version";

/// The object's shell.
#[durable_object(alarm)]
struct LedgerObject {
    storage: worker::State,
    /// `None` until the rows were read, and after a write failed.
    ledger: RefCell<Option<Ledger>>,
}

impl DurableObject for LedgerObject {
    fn new(storage: worker::State, _env: Env) -> Self {
        Self {
            storage,
            ledger: RefCell::new(None),
        }
    }

    /// `main.js` exports `ask` and `alarm` alone.
    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("the Ledger is asked by RPC", 404)
    }

    async fn alarm(&self) -> Result<Response> {
        self.with_ledger(|ledger| {
            let ended = ledger.expire(platform::now().seconds());
            let gone = |key| Write { key, row: None };
            Ok((String::new(), ended.into_iter().map(gone).collect()))
        })?;
        Response::empty()
    }
}

#[wasm_bindgen]
impl LedgerObject {
    /// Answers a message, by RPC.
    ///
    /// # Errors
    /// For a message without an answer and when storage fails.
    #[expect(unreachable_pub, reason = "wasm-bindgen exports public items alone")]
    pub fn ask(&self, message: &str) -> std::result::Result<String, JsValue> {
        let answer = self.with_ledger(|ledger| {
            let step = ledger.receive(message, platform::now());
            step.map(|step| (step.answer, step.writes))
                .map_err(|fault| worker::Error::RustError(fault.to_string()))
        })?;
        Ok(answer)
    }
}

impl LedgerObject {
    /// Reads, decides, writes. Storage calls are synchronous: no other request comes in
    /// between. Memory that is ahead of storage is thrown away.
    fn with_ledger(
        &self,
        step: impl FnOnce(&mut Ledger) -> Result<(String, Vec<Write>)>,
    ) -> Result<String> {
        let mut held = self.ledger.borrow_mut();
        let ledger = match &mut *held {
            Some(ledger) => ledger,
            empty => empty.insert(self.load()?),
        };
        let (answer, writes) = step(ledger)?;
        if writes.is_empty() {
            return Ok(answer);
        }
        let end_ms = ledger.next_expiry().map(|end| end.0.saturating_mul(1000));
        let stored = self
            .store(&writes, ledger.version())
            .and_then(|()| set_alarm(&self.storage, end_ms));
        if let Err(fault) = stored {
            *held = None;
            return Err(fault);
        }
        Ok(answer)
    }

    fn load(&self) -> Result<Ledger> {
        let rows = self
            .table()?
            .exec("SELECT key, row FROM ledger", None)?
            .to_array::<Row>()?;
        let (version, rows): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| row.key == VERSION_KEY);
        let version = version.first().and_then(|row| row.row.parse().ok());
        let rows = rows.into_iter().map(|row| (row.key, row.row));
        Ledger::load(version.unwrap_or(0), rows)
            .map_err(|fault| worker::Error::RustError(fault.to_string()))
    }

    fn table(&self) -> Result<SqlStorage> {
        let sql = self.storage.storage().sql();
        sql.exec(
            "CREATE TABLE IF NOT EXISTS ledger (key TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID",
            None,
        )?;
        Ok(sql)
    }

    /// A batch is stored as a whole: the runtime commits what is written in one go at once.
    fn store(&self, writes: &[Write], version: u64) -> Result<()> {
        let sql = self.storage.storage().sql();
        let put = |key: &str, row: &str| {
            let values = [key, row].map(|text| SqlStorageValue::String(text.to_owned()));
            sql.exec(
                "INSERT INTO ledger (key, row) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET row = excluded.row",
                Some(values.to_vec()),
            )
        };
        for write in writes {
            match &write.row {
                Some(row) => put(&write.key, row)?,
                None => sql.exec(
                    "DELETE FROM ledger WHERE key = ?",
                    vec![SqlStorageValue::String(write.key.clone())],
                )?,
            };
        }
        put(VERSION_KEY, &version.to_string())?;
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Row {
    key: String,
    row: String,
}
