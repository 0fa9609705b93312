//! The Ledger: one object for the whole site.
//!
//! Invariant: what a message changes is stored before it is answered, all of it or none. Rows: one per entry, and
//! the Ledger's own; a message has those read that it needs. Rows that cannot be read make its answer an
//! error: a Ledger without what was revoked is worse than none. Lifetime: an alarm deletes what has
//! ended, without reading it.

use super::{
    set_alarm,
    table::{Layout, Table},
    tell_full,
    transaction::Transactions,
};
use crate::{
    guard::{jail::FOREVER_MS, next_sweep},
    ledger::{
        Entry, Ledger, LedgerError, Needs, Write,
        message::{self, Message, Step},
    },
    ordered::ordered,
    platform,
};
use gapura_shared::time::UnixSeconds;
use std::cell::{Cell, RefCell};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{DurableObject, Env, Request, Response, Result, console_error, durable_object};

/// The key of the Ledger's own row; no entry has it.
const OWN_KEY: &str = "version";

const LAYOUT: Layout = Layout {
    name: "entries",
    earlier: "ledger",
    until_ms,
};

/// The object's shell.
#[durable_object(alarm)]
struct LedgerObject {
    storage: worker::State,
    transactions: Transactions,
    /// `None` until it was asked, and after a write failed.
    ledger: RefCell<Option<Opened>>,
    /// When it was logged last that there is no room.
    told_ms: Cell<u64>,
}

struct Opened {
    table: Table,
    ledger: Ledger,
    /// The alarm that was set last.
    alarm_ms: u64,
}

impl DurableObject for LedgerObject {
    fn new(storage: worker::State, _env: Env) -> Self {
        let (storage, transactions) = Transactions::of(storage);
        Self {
            storage,
            transactions,
            ledger: RefCell::new(None),
            told_ms: Cell::new(0),
        }
    }

    /// `main.js` exports `ask` and `alarm` alone.
    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("the Ledger is asked by RPC", 404)
    }

    async fn alarm(&self) -> Result<Response> {
        self.with_ledger(|opened, now_ms| {
            let first_end_ms = opened.table.sweep(now_ms)?;
            let _ = opened.ledger.expire(UnixSeconds(now_ms / 1_000));
            let rows = opened.table.len()?;
            opened
                .ledger
                .recount(rows.saturating_sub(usize::from(rows > 0)));
            if rows > 0 {
                let own = opened.ledger.own_row();
                opened.table.put(OWN_KEY, &own, FOREVER_MS)?;
            }
            let next_ms = first_end_ms.and_then(|end_ms| next_sweep(end_ms, now_ms));
            opened.alarm_ms = next_ms.unwrap_or(0);
            set_alarm(&self.storage, next_ms)
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
        let answered = self.with_ledger(|opened, now_ms| {
            let asked = Message::parse(message).map_err(fault)?;
            opened.read(&asked)?;
            let step = opened.ledger.handle(asked, platform::now());
            if let Ok(Err(full @ LedgerError::Full { .. })) = message::applied(&step.answer) {
                tell_full(&self.told_ms, "ledger", &full.to_string());
            }
            opened.store(&step, &self.transactions)?;
            opened.wake(&step, now_ms, &self.storage)?;
            Ok(step.answer)
        });
        if let Err(fault) = &answered {
            console_error!("{fault}");
        }
        Ok(answered?)
    }
}

impl LedgerObject {
    /// Reads, decides, writes. Storage calls are synchronous: no other request comes in
    /// between. Memory that may be ahead of storage is thrown away.
    fn with_ledger<T>(&self, step: impl FnOnce(&mut Opened, u64) -> Result<T>) -> Result<T> {
        let mut held = self.ledger.borrow_mut();
        let opened = match &mut *held {
            Some(opened) => opened,
            empty => empty.insert(Opened::new(&self.storage)?),
        };
        let done = step(opened, platform::now().0);
        if done.is_err() {
            *held = None;
        }
        done
    }
}

impl Opened {
    fn new(storage: &worker::State) -> Result<Self> {
        let table = Table::open(storage, &LAYOUT)?;
        let own = table.row(OWN_KEY)?;
        let ledger = Ledger::open(own.as_deref()).map_err(fault)?;
        Ok(Self {
            table,
            ledger,
            alarm_ms: 0,
        })
    }

    /// Brings what a message needs into memory.
    fn read(&mut self, message: &Message) -> Result<()> {
        match self.ledger.needs(message) {
            Needs::Keys(keys) => {
                for key in keys {
                    if let Some(row) = self.table.row(&key)? {
                        self.ledger.take(key, &row).map_err(fault)?;
                    }
                }
            }
            Needs::All => {
                let mut last = String::new();
                while let Some(rows) = self.table.after(&last)? {
                    for (key, row) in rows {
                        last.clone_from(&key);
                        if key != OWN_KEY {
                            self.ledger.take(key, &row).map_err(fault)?;
                        }
                    }
                }
                self.ledger.taken();
            }
        }
        Ok(())
    }

    /// A batch is stored as a whole.
    fn store(&self, step: &Step, transactions: &Transactions) -> Result<()> {
        if step.writes.is_empty() {
            return Ok(());
        }
        // What was written last of a key is what it is.
        let last = ordered(step.writes.iter().map(|write| (&write.key, write)));
        let (mut put, mut gone) = (Vec::new(), Vec::new());
        for Write { key, row, until } in last.into_values() {
            match row {
                Some(row) => put.push((key.as_str(), row.as_str(), end_ms(*until))),
                None => gone.push(key.as_str()),
            }
        }
        transactions.all(|| {
            self.table.put_all(&put)?;
            self.table.delete_all(&gone)?;
            self.table.put(OWN_KEY, &self.ledger.own_row(), FOREVER_MS)
        })
    }

    /// Sees to it that an alarm will go off, once something is stored.
    fn wake(&mut self, step: &Step, now_ms: u64, storage: &worker::State) -> Result<()> {
        if step.writes.is_empty() || now_ms < self.alarm_ms {
            return Ok(());
        }
        let next_ms = next_sweep(now_ms, now_ms);
        self.alarm_ms = next_ms.unwrap_or(0);
        set_alarm(storage, next_ms)
    }
}

fn fault(fault: impl std::error::Error) -> worker::Error {
    worker::Error::RustError(fault.to_string())
}

fn end_ms(until: Option<UnixSeconds>) -> u64 {
    until.map_or(FOREVER_MS, |until| {
        until.0.saturating_mul(1_000).min(FOREVER_MS)
    })
}

fn until_ms(row: &str) -> u64 {
    Entry::from_row(row).map_or(FOREVER_MS, |entry| end_ms(entry.until))
}
