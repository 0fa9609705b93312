//! Objects and isolates.

use crate::{SECOND_US, fraction, price::Usage};
use gapura_edge::{
    guard::{Change, Memory, Shard, Unanswered},
    ledger::Ledger,
    revocation::Held,
};
use gapura_shared::time::UnixMillis;
use std::collections::HashMap;

/// When the simulation begins, by all clocks.
pub(crate) const START_MS: u64 = 1_790_000_000_000;
/// How long an idle object stays in memory.
const IDLE_US: u64 = 10 * SECOND_US;
/// Least time between two alarms of the Ledger.
const SWEEP_US: u64 = 60 * SECOND_US;
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

/// A shard's object: rows, and the shard while it is in memory.
#[derive(Debug, Default)]
pub(crate) struct Object {
    station: Station,
    shard: Option<Shard>,
    rows: HashMap<String, String>,
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
        let step = self.shard(now_us).receive(message, time_ms(now_us))?;
        self.write(step.changes, step.alarm_ms);
        Ok(step.answer)
    }

    pub(crate) fn ring(&mut self, now_us: u64) {
        self.alarm_us = None;
        let step = self.shard(now_us).alarm(time_ms(now_us));
        self.write(step.changes, step.alarm_ms);
    }

    fn shard(&mut self, now_us: u64) -> &mut Shard {
        let Self {
            shard,
            rows,
            station,
            ..
        } = self;
        shard.get_or_insert_with(|| {
            station.usage.rows_read += fraction(rows.len() as u64);
            let rows = rows.iter().map(|(key, row)| (key.clone(), row.clone()));
            Shard::load(rows, time_ms(now_us))
        })
    }

    fn write(&mut self, changes: Vec<Change>, alarm_ms: Option<u64>) {
        for Change { key, row } in changes {
            self.station.usage.rows_written += 1.0;
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
        if let Some(alarm_ms) = alarm_ms {
            self.station.usage.rows_written += 1.0;
            self.alarm_us = Some(alarm_ms.saturating_sub(START_MS).saturating_mul(1000));
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
        self.station.usage(end_us)
    }
}

/// The Ledger's object.
#[derive(Debug, Default)]
pub(crate) struct Book {
    station: Station,
    ledger: Option<Ledger>,
    rows: HashMap<String, String>,
    version: u64,
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
        let now = UnixMillis(time_ms(now_us));
        let step = self.ledger().receive(message, now).expect("a message");
        if !step.writes.is_empty() {
            self.version = self.ledger().version();
            self.changes.push((self.version, now_us));
            // The version's row.
            self.station.usage.rows_written += 1.0;
        }
        for write in step.writes {
            self.station.usage.rows_written += 1.0;
            match write.row {
                Some(row) => self.rows.insert(write.key, row),
                None => self.rows.remove(&write.key),
            };
        }
        self.set_alarm(now_us);
        step.answer
    }

    pub(crate) fn ring(&mut self, now_us: u64) {
        self.alarm_us = None;
        for key in self.ledger().expire(UnixMillis(time_ms(now_us)).seconds()) {
            self.station.usage.rows_written += 1.0;
            self.rows.remove(&key);
        }
        self.set_alarm(now_us);
    }

    fn set_alarm(&mut self, now_us: u64) {
        let end = self.ledger().next_expiry();
        if let (None, Some(end)) = (self.alarm_us, end) {
            let end_ms = end.0.saturating_mul(1_000).saturating_sub(START_MS);
            self.alarm_us = Some(end_ms.saturating_mul(1_000).max(now_us + SWEEP_US));
            self.station.usage.rows_written += 1.0;
        }
    }

    fn ledger(&mut self) -> &mut Ledger {
        let Self {
            station,
            ledger,
            rows,
            version,
            ..
        } = self;
        ledger.get_or_insert_with(|| {
            station.usage.rows_read += fraction(rows.len() as u64) + 1.0;
            let rows = rows.iter().map(|(key, row)| (key.clone(), row.clone()));
            Ledger::load(*version, rows).expect("rows of its own")
        })
    }

    /// How long ago the first change was stored that a copy at this version lacks.
    pub(crate) fn behind_us(&self, version: u64, now_us: u64) -> u64 {
        let known = self.changes.partition_point(|change| change.0 <= version);
        let missed = self.changes.get(known);
        missed.map_or(0, |(_, stored_us)| now_us.saturating_sub(*stored_us))
    }

    /// What is billed until the end.
    pub(crate) fn usage(&self, end_us: u64) -> Usage {
        self.station.usage(end_us)
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
