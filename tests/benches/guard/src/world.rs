//! Objects and isolates.

use crate::{SECOND_US, fraction, price::Usage};
use gapura_edge::guard::{Change, Memory, Shard, Unanswered};
use std::collections::HashMap;

/// When the simulation begins, by all clocks.
pub(crate) const START_MS: u64 = 1_790_000_000_000;
/// How long an idle object stays in memory.
const IDLE_US: u64 = 10 * SECOND_US;
/// CPU time of a call to an object in memory and of a first call, as measured in workerd.
const WARM_US: u64 = 75;
const COLD_US: u64 = 1_600;

/// A Durable Object: rows, and a shard while it is in memory.
#[derive(Debug, Default)]
pub(crate) struct Object {
    shard: Option<Shard>,
    rows: HashMap<String, String>,
    /// When it will have done what it was asked.
    free_us: u64,
    pub(crate) alarm_us: Option<u64>,
    usage: Usage,
    /// Most subjects and log entries at once.
    pub(crate) most: (usize, usize),
}

impl Object {
    /// A call arrives: when it will be worked on. Objects do one thing after another.
    pub(crate) fn queue(&mut self, now_us: u64) -> u64 {
        let idle_us = now_us.saturating_sub(self.free_us);
        if idle_us > IDLE_US {
            self.forget();
        }
        if self.usage.calls > 0.0 {
            self.usage.resident_s += seconds(idle_us.min(IDLE_US));
        }
        self.usage.calls += 1.0;
        let work_us = if self.shard.is_some() {
            WARM_US
        } else {
            COLD_US
        };
        let begin_us = now_us.max(self.free_us);
        self.free_us = begin_us + work_us;
        self.usage.busy_s += seconds(work_us);
        self.usage.resident_s += seconds(work_us);
        begin_us
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
            shard, rows, usage, ..
        } = self;
        shard.get_or_insert_with(|| {
            usage.rows_read += fraction(rows.len() as u64);
            let rows = rows.iter().map(|(key, row)| (key.clone(), row.clone()));
            Shard::load(rows, time_ms(now_us))
        })
    }

    fn write(&mut self, changes: Vec<Change>, alarm_ms: Option<u64>) {
        for Change { key, row } in changes {
            self.usage.rows_written += 1.0;
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
        if let Some(alarm_ms) = alarm_ms {
            self.usage.rows_written += 1.0;
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
        let idle_us = end_us.saturating_sub(self.free_us).min(IDLE_US);
        Usage {
            resident_s: self.usage.resident_s + seconds(idle_us),
            ..self.usage
        }
    }
}

/// An isolate of the Worker.
#[derive(Debug, Default)]
pub(crate) struct Isolate {
    pub(crate) memory: Memory,
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
        self.starts += 1;
    }
}

pub(crate) const fn time_ms(now_us: u64) -> u64 {
    START_MS + now_us / 1000
}

fn seconds(span_us: u64) -> f64 {
    fraction(span_us) / 1e6
}
