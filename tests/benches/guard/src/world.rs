//! Objects and isolates.

use crate::{SECOND_US, fraction, price::Usage};
use gapura_edge::{
    guard::{Change, Memory, Part, Rows, Shard, Unanswered, Unread, jail::FOREVER_MS, next_sweep},
    ledger::{Ledger, Needs, message::Message},
    revocation::Held,
};
use gapura_shared::time::UnixMillis;
use std::{cell::Cell, collections::BTreeMap};

/// When the simulation begins, by all clocks.
pub(crate) const START_MS: u64 = 1_790_000_000_000;
/// How long an idle object stays in memory.
const IDLE_US: u64 = 10 * SECOND_US;
/// CPU time of a call to an object in memory and of a first call, as measured in workerd.
const WARM_US: u64 = 75;
const COLD_US: u64 = 1_600;

/// What an object is to the platform: it does one thing after another and is billed for it.
#[derive(Debug, Default)]
pub(crate) struct Station {
    /// When it will have done what it was asked.
    free_us: u64,
    usage: Usage,
}

impl Station {
    /// Whether an object that is called now has left memory.
    const fn is_cold(&self, now_us: u64) -> bool {
        now_us.saturating_sub(self.free_us) > IDLE_US
    }

    /// A call arrives: when it will be worked on.
    fn queue(&mut self, now_us: u64, is_warm: bool) -> u64 {
        let idle_us = now_us.saturating_sub(self.free_us);
        if self.usage.calls > 0.0 {
            self.usage.resident_s += seconds(idle_us.min(IDLE_US));
        }
        self.usage.calls += 1.0;
        let work_us = if is_warm { WARM_US } else { COLD_US };
        let begin_us = now_us.max(self.free_us);
        self.free_us = begin_us + work_us;
        self.usage.busy_s += seconds(work_us);
        self.usage.resident_s += seconds(work_us);
        begin_us
    }

    /// What is billed until the end.
    fn usage(&self, end_us: u64) -> Usage {
        let idle_us = end_us.saturating_sub(self.free_us).min(IDLE_US);
        Usage {
            resident_s: self.usage.resident_s + seconds(idle_us),
            ..self.usage
        }
    }
}

/// Rows with their ends, and how many were read.
#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<String, String>,
    ends: BTreeMap<String, u64>,
    read: Cell<f64>,
}

impl Table {
    fn reads(&self, rows: usize) {
        self.read.set(self.read.get() + fraction(rows as u64));
    }

    fn put(&mut self, key: String, row: String, end_ms: u64) {
        self.ends.insert(key.clone(), end_ms);
        self.rows.insert(key, row);
    }

    fn delete(&mut self, key: &str) {
        self.ends.remove(key);
        self.rows.remove(key);
    }

    /// Deletes what has ended; how many they were, and when the alarm goes off again. Rows are looked
    /// through twice: for those, and for what ends next.
    fn sweep(&mut self, time_ms: u64) -> (u32, Option<u64>) {
        let before = self.ends.len();
        self.ends.retain(|_, end_ms| *end_ms > time_ms);
        let Self { rows, ends, .. } = self;
        rows.retain(|key, _| ends.contains_key(key));
        self.reads(before + self.ends.len());
        let gone = u32::try_from(before - self.ends.len()).unwrap_or(u32::MAX);
        let first = self.ends.values().min();
        (gone, first.and_then(|end_ms| next_sweep(*end_ms, time_ms)))
    }
}

impl Rows for Table {
    fn row(&self, key: &str) -> Result<Option<String>, Unread> {
        self.reads(1);
        Rows::row(&self.rows, key)
    }

    fn is_empty(&self) -> Result<bool, Unread> {
        self.reads(1);
        Rows::is_empty(&self.rows)
    }

    fn each(&self, part: Part, take: &mut dyn FnMut(&str, &str)) -> Result<(), Unread> {
        self.reads(self.rows.len());
        self.rows.each(part, take)
    }
}

/// When an alarm goes off, in the simulation's time.
const fn alarm_us(alarm_ms: u64) -> u64 {
    alarm_ms.saturating_sub(START_MS).saturating_mul(1_000)
}

/// A shard's object: rows, and the shard while it is in memory.
#[derive(Debug, Default)]
pub(crate) struct Object {
    station: Station,
    shard: Option<Shard>,
    table: Table,
    pub(crate) alarm_us: Option<u64>,
    /// Most subjects and log entries at once.
    pub(crate) most: (usize, usize),
}

impl Object {
    /// A call arrives: when it will be worked on.
    pub(crate) fn queue(&mut self, now_us: u64) -> u64 {
        if self.station.is_cold(now_us) {
            self.forget();
        }
        self.station.queue(now_us, self.shard.is_some())
    }

    /// Evicted, or deployed anew.
    pub(crate) fn forget(&mut self) {
        self.weigh();
        self.shard = None;
    }

    pub(crate) fn receive(&mut self, message: &str, now_us: u64) -> Result<String, Unanswered> {
        let time_ms = time_ms(now_us);
        let shard = match &mut self.shard {
            Some(shard) => shard,
            cold => cold.insert(Shard::open(&self.table, time_ms)?),
        };
        let step = shard.receive(message, &self.table, time_ms)?;
        self.write(step.changes, step.alarm_ms);
        Ok(step.answer)
    }

    pub(crate) fn ring(&mut self, now_us: u64) {
        self.alarm_us = None;
        let time_ms = time_ms(now_us);
        if let Some(shard) = &mut self.shard {
            shard.alarm(time_ms);
        }
        let (gone, next_ms) = self.table.sweep(time_ms);
        self.station.usage.rows_written += f64::from(gone);
        self.write(Vec::new(), next_ms);
    }

    fn write(&mut self, changes: Vec<Change>, alarm_ms: Option<u64>) {
        for change in changes {
            self.station.usage.rows_written += 1.0;
            match change.row {
                Some(row) => self.table.put(change.key, row, change.until_ms),
                None => self.table.delete(&change.key),
            }
        }
        if let Some(alarm_ms) = alarm_ms {
            self.station.usage.rows_written += 1.0;
            self.alarm_us = Some(alarm_us(alarm_ms));
        }
    }

    /// Notes how much is in memory.
    pub(crate) fn weigh(&mut self) {
        if let Some(shard) = &self.shard {
            self.most.0 = self.most.0.max(shard.len());
            self.most.1 = self.most.1.max(shard.entries());
        }
    }

    /// What is billed until the end.
    pub(crate) fn usage(&self, end_us: u64) -> Usage {
        let usage = self.station.usage(end_us);
        Usage {
            rows_read: self.table.read.get(),
            ..usage
        }
    }
}

/// The Ledger's object.
#[derive(Debug, Default)]
pub(crate) struct Book {
    station: Station,
    ledger: Option<Ledger>,
    table: Table,
    /// The Ledger's own row.
    own: Option<String>,
    pub(crate) alarm_us: Option<u64>,
    /// Versions and when they were stored.
    pub(crate) changes: Vec<(u64, u64)>,
}

impl Book {
    /// A call arrives: when it will be worked on.
    pub(crate) fn queue(&mut self, now_us: u64) -> u64 {
        if self.station.is_cold(now_us) {
            self.ledger = None;
        }
        self.station.queue(now_us, self.ledger.is_some())
    }

    /// Deployed anew.
    pub(crate) fn forget(&mut self) {
        self.ledger = None;
    }

    pub(crate) fn receive(&mut self, message: &str, now_us: u64) -> String {
        let message = Message::parse(message).expect("a message");
        let Self { ledger, table, .. } = self;
        let own = self.own.as_deref();
        let ledger = ledger.get_or_insert_with(|| {
            table.reads(1);
            Ledger::open(own).expect("a row of its own")
        });
        match ledger.needs(&message) {
            Needs::Keys(keys) => {
                for key in keys {
                    table.reads(1);
                    if let Some(row) = table.rows.get(&key) {
                        ledger.take(key, row).expect("a row of its own");
                    }
                }
            }
            Needs::All => {
                table.reads(table.rows.len());
                for (key, row) in &table.rows {
                    ledger.take(key.clone(), row).expect("a row of its own");
                }
                ledger.taken();
            }
        }
        let step = ledger.handle(message, UnixMillis(time_ms(now_us)));
        if !step.writes.is_empty() {
            self.own = Some(ledger.own_row());
            self.changes.push((ledger.version(), now_us));
            // Its own row.
            self.station.usage.rows_written += 1.0;
            self.set_alarm(next_sweep(time_ms(now_us), time_ms(now_us)));
        }
        for write in step.writes {
            self.station.usage.rows_written += 1.0;
            let end_ms = write.until.map(|until| until.0.saturating_mul(1_000));
            match write.row {
                Some(row) => self.table.put(write.key, row, end_ms.unwrap_or(FOREVER_MS)),
                None => self.table.delete(&write.key),
            }
        }
        step.answer
    }

    pub(crate) fn ring(&mut self, now_us: u64) {
        self.alarm_us = None;
        let now = UnixMillis(time_ms(now_us));
        let (gone, next_ms) = self.table.sweep(now.0);
        let own = self.own.as_deref();
        let ledger = self
            .ledger
            .get_or_insert_with(|| Ledger::open(own).expect("a row of its own"));
        let _ = ledger.expire(now.seconds());
        ledger.recount(self.table.rows.len());
        self.own = Some(ledger.own_row());
        self.station.usage.rows_written += f64::from(gone) + 1.0;
        self.set_alarm(next_ms);
    }

    fn set_alarm(&mut self, next_ms: Option<u64>) {
        if let (None, Some(next_ms)) = (self.alarm_us, next_ms) {
            self.alarm_us = Some(alarm_us(next_ms));
            self.station.usage.rows_written += 1.0;
        }
    }

    /// How long ago the first change was stored that a copy at this version lacks.
    pub(crate) fn behind_us(&self, version: u64, now_us: u64) -> u64 {
        let known = self.changes.partition_point(|change| change.0 <= version);
        let missed = self.changes.get(known);
        missed.map_or(0, |(_, stored_us)| now_us.saturating_sub(*stored_us))
    }

    /// What is billed until the end.
    pub(crate) fn usage(&self, end_us: u64) -> Usage {
        let usage = self.station.usage(end_us);
        Usage {
            rows_read: self.table.read.get(),
            ..usage
        }
    }
}

/// An isolate of the Worker.
#[derive(Debug, Default)]
pub(crate) struct Isolate {
    pub(crate) memory: Memory,
    pub(crate) ledger: Held,
    /// How far its clock is ahead.
    pub(crate) ahead_ms: u64,
    /// How often it started: an answer to an earlier one gets lost.
    pub(crate) starts: u32,
}

impl Isolate {
    pub(crate) fn now_ms(&self, now_us: u64) -> u64 {
        time_ms(now_us) + self.ahead_ms
    }

    pub(crate) fn restart(&mut self) {
        self.memory = Memory::default();
        self.ledger = Held::default();
        self.starts += 1;
    }
}

pub(crate) const fn time_ms(now_us: u64) -> u64 {
    START_MS + now_us / 1000
}

fn seconds(span_us: u64) -> f64 {
    fraction(span_us) / 1e6
}
