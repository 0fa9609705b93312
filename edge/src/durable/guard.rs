//! The Guard: one object per client.
//!
//! Invariant: an admission is stored before it is answered, for strict classes.
//! Key: one row `state` in SQLite, the stored form of `guard::State`. Lifetime:
//! an alarm deletes everything once the last strict window has emptied; windows
//! of other classes live in memory alone and may be lost on eviction.

use crate::{
    guard::{Answer, Ask, State},
    platform,
};
use std::{
    cell::RefCell,
    pin::pin,
    task::{Context, Poll, Waker},
};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, durable_object,
};

/// The object's shell.
#[durable_object(alarm)]
struct Guard {
    storage: worker::State,
    /// `None` until the stored state was read.
    state: RefCell<Option<State>>,
}

impl DurableObject for Guard {
    fn new(storage: worker::State, _env: Env) -> Self {
        Self {
            storage,
            state: RefCell::new(None),
        }
    }

    /// `main.js` exports `ask` and `alarm` alone.
    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("the Guard is asked by RPC", 404)
    }

    /// What is still in memory stays: it may hold windows that are not stored.
    /// An admission may have come in while the alarm was on its way.
    async fn alarm(&self) -> Result<Response> {
        let keep_until_ms = self.with_state(|state| Ok(state.keep_until_ms()))?;
        if keep_until_ms > platform::now().0 {
            self.delete_at(keep_until_ms)?;
        } else {
            self.storage.storage().delete_all().await?;
        }
        Response::empty()
    }
}

#[wasm_bindgen]
impl Guard {
    /// Answers a question, by RPC.
    ///
    /// # Errors
    /// For a malformed question and when storage fails. The caller then has no answer.
    #[expect(unreachable_pub, reason = "wasm-bindgen exports public items alone")]
    pub fn ask(&self, ask: &str) -> std::result::Result<String, JsValue> {
        let ask = Ask::parse(ask).map_err(|fault| JsValue::from_str(&fault.to_string()))?;
        let (answer, keep_until_ms) = self.decide(&ask, platform::now().0)?;
        if let Some(keep_until_ms) = keep_until_ms {
            self.delete_at(keep_until_ms)?;
        }
        Ok(answer.to_text())
    }
}

impl Guard {
    /// Reads, decides, writes. Storage calls are synchronous: no other request
    /// comes in between. The time is when what was stored may be deleted.
    fn decide(&self, ask: &Ask, now_ms: u64) -> Result<(Answer, Option<u64>)> {
        self.with_state(|state| {
            let mut next = state.clone();
            let answer = next.admit(ask, now_ms);
            let stored = answer.admitted.then(|| next.to_stored(ask)).flatten();
            if let Some(stored) = &stored {
                self.store(stored)?;
            }
            *state = next;
            Ok((answer, stored.map(|_| state.keep_until_ms())))
        })
    }

    /// The state, read from storage by whoever needs it first.
    fn with_state<T>(&self, step: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut held = self.state.borrow_mut();
        let state = match &mut *held {
            Some(state) => state,
            empty => empty.insert(self.load()?),
        };
        step(state)
    }

    fn load(&self) -> Result<State> {
        let sql = self.table()?;
        let rows = sql
            .exec("SELECT state FROM guard", None)?
            .to_array::<Row>()?;
        match rows.first() {
            None => Ok(State::default()),
            Some(row) => State::from_stored(&row.state)
                .map_err(|fault| worker::Error::RustError(fault.to_string())),
        }
    }

    /// The table, also after an alarm deleted it.
    fn table(&self) -> Result<SqlStorage> {
        let sql = self.storage.storage().sql();
        sql.exec(
            "CREATE TABLE IF NOT EXISTS guard (state TEXT NOT NULL)",
            None,
        )?;
        Ok(sql)
    }

    fn store(&self, state: &str) -> Result<()> {
        let sql = self.table()?;
        sql.exec("DELETE FROM guard", None)?;
        let value = vec![SqlStorageValue::String(state.to_owned())];
        sql.exec("INSERT INTO guard (state) VALUES (?)", value)
            .map(|_| ())
    }

    /// Sets the alarm without waiting for it: the object's output gate holds the
    /// answer back until what was written is confirmed.
    fn delete_at(&self, keep_until_ms: u64) -> Result<()> {
        let wait_ms = keep_until_ms.saturating_sub(platform::now().0);
        let wait_ms = i64::try_from(wait_ms).unwrap_or(i64::MAX);
        let storage = self.storage.storage();
        let set = pin!(storage.set_alarm(wait_ms));
        match set.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(fault)) => Err(fault),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }
}

#[derive(serde::Deserialize)]
struct Row {
    state: String,
}
