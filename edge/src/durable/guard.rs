//! The Guard: one object per shard of subjects.
//!
//! Invariant: what a message changes is stored before it is answered, all of it or none. Rows: one per
//! subject and one of the shard's own, in the form of `guard::stored`; a message has those read that it is
//! about. Lifetime: an alarm deletes the rows that have passed, without reading them.

use super::{
    set_alarm,
    table::{Layout, Row, Table},
    tell_full,
    transaction::Transactions,
};
use crate::{
    guard::{Change, Part, Rows, Shard, Step, Unanswered, Unread, next_sweep, stored},
    platform,
};
use std::cell::{Cell, RefCell};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{DurableObject, Env, Request, Response, Result, console_error, durable_object};

const LAYOUT: Layout = Layout {
    name: "subjects",
    earlier: "guard",
    until_ms: stored::until_ms,
};

/// The object's shell.
#[durable_object(alarm)]
struct Guard {
    storage: worker::State,
    transactions: Transactions,
    /// `None` until it was asked, and after a write failed.
    shard: RefCell<Option<(Table, Shard)>>,
    /// When it was logged last that there is no room.
    told_ms: Cell<u64>,
}

impl DurableObject for Guard {
    fn new(storage: worker::State, _env: Env) -> Self {
        let (storage, transactions) = Transactions::of(storage);
        Self {
            storage,
            transactions,
            shard: RefCell::new(None),
            told_ms: Cell::new(0),
        }
    }

    /// `main.js` exports `ask` and `alarm` alone.
    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("the Guard is asked by RPC", 404)
    }

    async fn alarm(&self) -> Result<Response> {
        let now_ms = platform::now().0;
        let first_end_ms = match &mut *self.shard.borrow_mut() {
            Some((table, shard)) => {
                shard.alarm(now_ms);
                table.sweep(now_ms)?
            }
            None => Table::open(&self.storage, &LAYOUT)?.sweep(now_ms)?,
        };
        let next_ms = first_end_ms.and_then(|end_ms| next_sweep(end_ms, now_ms));
        set_alarm(&self.storage, next_ms)?;
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
        let answered = self.answer(ask);
        if let Err(fault) = &answered {
            console_error!("{fault}");
        }
        Ok(answered?)
    }
}

impl Guard {
    /// Reads, decides, writes. Storage calls are synchronous: no other request comes in
    /// between. Memory that is ahead of storage is thrown away.
    fn answer(&self, ask: &str) -> Result<String> {
        let now_ms = platform::now().0;
        let mut held = self.shard.borrow_mut();
        let (table, shard) = match &mut *held {
            Some(opened) => opened,
            empty => empty.insert(self.open(now_ms)?),
        };
        let step = shard.receive(ask, table, now_ms).map_err(|fault| {
            if fault == Unanswered::Full {
                tell_full(&self.told_ms, "guard", &fault.to_string());
            }
            worker::Error::RustError(fault.to_string())
        })?;
        let Step {
            answer,
            changes,
            alarm_ms,
        } = step;
        let stored = if changes.len() > 1 {
            self.transactions.all(|| store(table, &changes))
        } else {
            store(table, &changes)
        };
        let stored = stored.and_then(|()| set_alarm(&self.storage, alarm_ms));
        if let Err(fault) = stored {
            *held = None;
            return Err(fault);
        }
        Ok(answer)
    }

    fn open(&self, now_ms: u64) -> Result<(Table, Shard)> {
        let table = Table::open(&self.storage, &LAYOUT)?;
        let shard = Shard::open(&table, now_ms)
            .map_err(|fault| worker::Error::RustError(fault.to_string()))?;
        Ok((table, shard))
    }
}

fn store(table: &Table, changes: &[Change]) -> Result<()> {
    for change in changes {
        match &change.row {
            Some(row) => table.put(&change.key, row, change.until_ms)?,
            None => table.delete_all(&[&change.key])?,
        }
    }
    Ok(())
}

impl Rows for Table {
    fn row(&self, key: &str) -> std::result::Result<Option<String>, Unread> {
        self.row(key).map_err(|fault| unread(&fault))
    }

    fn is_empty(&self) -> std::result::Result<bool, Unread> {
        self.is_empty().map_err(|fault| unread(&fault))
    }

    fn each(
        &self,
        part: Part,
        take: &mut dyn FnMut(&str, &str),
    ) -> std::result::Result<(), Unread> {
        let found = match part {
            Part::Bans => {
                let marks = stored::BANS.map(Into::into).to_vec();
                self.where_("instr(row, ?) OR instr(row, ?)", marks)
            }
            Part::Networks => self.where_("instr(key, '/')", Vec::new()),
        };
        for row in found.map_err(|fault| unread(&fault))?.next::<Row>() {
            let Row { key, row } = row.map_err(|fault| unread(&fault))?;
            take(&key, &row);
        }
        Ok(())
    }
}

fn unread(fault: &worker::Error) -> Unread {
    console_error!("{fault}");
    Unread
}
