//! The state of one shard object: many subjects, and what must be stored of them.
//!
//! The shell hands over messages and the rows to read ([`Shard::receive`]), writes the changes of a [`Step`] before
//! it gives the answer away, and sets the alarm, at which it deletes the rows that have ended. When a write fails
//! it must drop the shard and open it anew: memory is then ahead of storage. Only rows that a
//! message is about are read.
//!
//! *Stored* are strict windows, strikes, bans and locks at each change, and another window at
//! each admission once a quarter of its limit (or burst) is used. *Forgotten* at eviction and under memory
//! pressure are the windows that are quieter: a subject that comes new to memory within a window
//! after that is taken to have used that quarter. When memory was lost is known to the
//! minute, from the heartbeat row: that is written at most once a minute while the shard works.
//!
//! *Bounds*: [`MAX_SUBJECTS`] subjects in memory, [`MAX_ENTRIES`] log entries. When full, those seen longest ago
//! leave it: what is stored is read again when they come back, and nothing of it is lost. Only if
//! that has just been done, or does not help, [`Unanswered::Full`]. Of one IPv6 /48 come
//! at most 256 stored subjects and 4,096 in all; new clients of it are then counted by their /56.

mod admin;
mod admit;
mod rows;
mod space;

pub use rows::{Part, Rows, Unread, next_sweep};

use super::{
    BadMessage, Message, SKEW_MS, Subject,
    jail::FOREVER_MS,
    record::Record,
    stored::{self, HEARTBEAT_KEY, Heartbeat},
    wire::{Banned, Order, Verdict},
};
use admin::list;
use space::Members;
use std::collections::{HashMap, HashSet};

/// Subjects that a shard holds.
pub const MAX_SUBJECTS: usize = 50_000;
/// Log entries of all subjects together.
pub const MAX_ENTRIES: usize = 2_000_000;
/// Greatest age of the heartbeat row while the shard works.
pub const HEARTBEAT_MS: u64 = 60_000;

/// A row to be written, or deleted when `row` is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The row.
    pub row: Option<String>,
    /// From then on it says nothing and may be deleted; [`FOREVER_MS`]: never.
    pub until_ms: u64,
}

/// What follows from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The answer, to be given once the changes are written.
    pub answer: String,
    /// Rows to be written first.
    pub changes: Vec<Change>,
    /// The alarm to be set, if any.
    pub alarm_ms: Option<u64>,
}

/// Why a message has no answer. The classes' `on_error` then decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Not a message.
    #[error(transparent)]
    Malformed(#[from] BadMessage),
    /// Too many subjects or entries.
    #[error("the Guard's shard is full")]
    Full,
    /// A subject in too many classes.
    #[error("the subject is counted in too many classes")]
    Classes,
    /// The subject's row cannot be read.
    #[error("the subject's stored row cannot be read")]
    Unreadable,
    /// No row can.
    #[error(transparent)]
    Unread(#[from] Unread),
}

/// The state of a shard.
#[derive(Debug, Clone)]
pub struct Shard {
    records: HashMap<Subject, Record>,
    /// Subjects whose rows cannot be read, and subjects that have none: nobody looks again.
    unreadable: HashSet<Subject>,
    absent: HashSet<Subject>,
    /// Whom the message is about: nothing of it leaves memory meanwhile.
    current: Vec<Subject>,
    /// Never runs backwards.
    clock_ms: u64,
    /// How far the platform's clock stepped back behind it.
    ahead_ms: u64,
    /// Before this, quiet windows may have been lost; zero: none were.
    forgot_ms: u64,
    heartbeat: Heartbeat,
    /// Whether the heartbeat row was written since the start.
    started: bool,
    leases: u32,
    alarm_ms: Option<u64>,
    /// When room was looked for last.
    crowded_ms: u64,
    entries: usize,
    /// How many subjects of an IPv6 /48 there are, at least.
    families: HashMap<Subject, Members>,
    pub(super) max_subjects: usize,
    pub(super) max_entries: usize,
}

impl Shard {
    /// The shard of these rows.
    ///
    /// # Errors
    /// [`Unread`].
    pub fn open(rows: &impl Rows, now_ms: u64) -> Result<Self, Unread> {
        let mut shard = Self {
            records: HashMap::new(),
            unreadable: HashSet::new(),
            absent: HashSet::new(),
            current: Vec::new(),
            clock_ms: now_ms,
            ahead_ms: 0,
            forgot_ms: 0,
            heartbeat: Heartbeat::default(),
            started: false,
            leases: 0,
            alarm_ms: None,
            crowded_ms: 0,
            entries: 0,
            families: HashMap::new(),
            max_subjects: MAX_SUBJECTS,
            max_entries: MAX_ENTRIES,
        };
        let heartbeat = rows.row(HEARTBEAT_KEY)?;
        match heartbeat.and_then(|row| Heartbeat::from_row(&row).ok()) {
            Some(known) => {
                shard.clock_ms = shard.clock_ms.max(known.at_ms);
                // The clock may have stepped back since: what was lost may lie ahead of it.
                let ahead_ms = shard.clock_ms.saturating_add(SKEW_MS);
                shard.forgot_ms = ahead_ms.min(known.at_ms.saturating_add(HEARTBEAT_MS));
                shard.heartbeat = Heartbeat::new(known.at_ms, known.starts.saturating_add(1));
            }
            None if !rows.is_empty()? => {
                // The row is lost: the worst is assumed, and a number that no start has had.
                shard.forgot_ms = shard.clock_ms.saturating_add(SKEW_MS);
                let starts = u32::try_from(shard.clock_ms / 1000).unwrap_or(u32::MAX);
                shard.heartbeat = Heartbeat::new(0, starts);
            }
            None => {}
        }
        Ok(shard)
    }

    /// Takes a message.
    ///
    /// # Errors
    /// [`Unanswered`]; nothing was changed then.
    pub fn receive(
        &mut self,
        message: &str,
        rows: &impl Rows,
        now_ms: u64,
    ) -> Result<Step, Unanswered> {
        self.step(&Message::parse(message)?, rows, now_ms)
    }

    /// As [`Shard::receive`], of a message already read.
    ///
    /// # Errors
    /// [`Unanswered`]; nothing was changed then.
    pub fn step(
        &mut self,
        message: &Message,
        rows: &impl Rows,
        now_ms: u64,
    ) -> Result<Step, Unanswered> {
        let now_ms = self.reckon(now_ms);
        self.fetch(message, rows, now_ms)?;
        let mut changes = Vec::new();
        let answer = match message {
            Message::Ask(ask) => self.ask(ask, now_ms, &mut changes)?.to_text(),
            Message::List {
                search,
                after,
                limit,
            } => list(rows, search, after.as_ref(), *limit, now_ms)?,
            Message::Order(subject, order) => self.order(subject, order, now_ms, &mut changes)?,
        };
        if !matches!(
            message,
            Message::List { .. } | Message::Order(_, Order::Show)
        ) {
            self.beat(now_ms, &mut changes);
        }
        let alarm_ms = self.next_alarm(!changes.is_empty(), now_ms);
        Ok(Step {
            answer,
            changes,
            alarm_ms,
        })
    }

    /// The alarm went off: what has ended leaves memory as its rows leave the table.
    pub fn alarm(&mut self, now_ms: u64) {
        let now_ms = self.reckon(now_ms);
        self.alarm_ms = None;
        self.sweep(now_ms);
    }

    /// How many subjects are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many log entries are in memory.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.entries
    }

    fn order(
        &mut self,
        subject: &Subject,
        order: &Order,
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) -> Result<String, Unanswered> {
        match order {
            Order::Strike {
                times,
                jails,
                shared,
            } => {
                let before = self.held(subject, now_ms).is_some();
                self.strike(subject, *times, jails, now_ms, changes)?;
                // Who is banned now is noted as that.
                if *shared && self.held(subject, now_ms).is_none() {
                    self.strike_network(subject, *times, jails, now_ms, changes);
                }
                Ok(Banned(self.verdict(subject, !before, now_ms)).to_text())
            }
            Order::Refund { classes, at_ms } => {
                self.refund(subject, classes, *at_ms, now_ms, changes);
                Ok(String::new())
            }
            Order::Lock(lock) => {
                let record = self.record(subject, now_ms)?;
                record.rest_mut().locks.set(lock.clone(), now_ms);
                self.store(subject, now_ms, changes);
                Ok(String::new())
            }
            Order::Ban {
                until_ms,
                reason,
                actor,
            } => {
                let ban = super::Ban {
                    since_ms: now_ms,
                    until_ms: *until_ms,
                    reason: reason.clone(),
                    actor: actor.clone(),
                };
                self.ban(subject, ban, now_ms, changes)?;
                Ok(Banned(self.verdict(subject, false, now_ms)).to_text())
            }
            Order::Lift => Ok(self.lift(subject, now_ms, changes).to_string()),
            Order::Show => Ok(self.show(subject, now_ms)),
        }
    }

    /// The time to reckon with. A clock that stepped back must not forget or reorder what was
    /// admitted: time stands still for a slip, and goes on from where it was after a step, until the
    /// platform's clock has caught up.
    fn reckon(&mut self, now_ms: u64) -> u64 {
        if now_ms >= self.clock_ms {
            self.ahead_ms = 0;
        } else if now_ms.saturating_add(self.ahead_ms + SKEW_MS) < self.clock_ms {
            self.ahead_ms = self.clock_ms - now_ms;
        }
        self.clock_ms = self.clock_ms.max(now_ms.saturating_add(self.ahead_ms));
        self.clock_ms
    }

    /// The ban that holds on a subject: its own or that of a network around it. `began`: with
    /// this message.
    fn verdict(&self, subject: &Subject, began: bool, now_ms: u64) -> Option<Verdict> {
        let (target, ban) = self.held(subject, now_ms)?;
        Some(Verdict::Banned {
            for_ms: ban.until_ms.saturating_sub(now_ms),
            target,
            reason: ban.reason.clone(),
            began,
        })
    }

    /// Writes a subject's row, or deletes it when nothing is left.
    fn store(&mut self, subject: &Subject, now_ms: u64, changes: &mut Vec<Change>) {
        let Some(record) = self.records.get_mut(subject) else {
            return;
        };
        let (key, before) = (subject.to_string(), record.row_until_ms);
        record.expire(now_ms);
        let row = (!record.is_empty()).then(|| stored::to_row(record, now_ms));
        record.row_until_ms = if row.is_some() {
            record.until_ms().max(1)
        } else {
            0
        };
        let until_ms = record.row_until_ms.min(FOREVER_MS);
        if row.is_some() && before == 0 {
            self.joins(subject, true);
        }
        changes.retain(|change| change.key != key);
        if row.is_some() || before > 0 {
            changes.push(Change { key, row, until_ms });
        }
    }

    fn beat(&mut self, now_ms: u64, changes: &mut Vec<Change>) {
        if self.started && now_ms < self.heartbeat.at_ms.saturating_add(HEARTBEAT_MS) {
            return;
        }
        self.started = true;
        self.heartbeat = Heartbeat::new(now_ms, self.heartbeat.starts);
        changes.push(Change {
            key: HEARTBEAT_KEY.to_owned(),
            row: Some(self.heartbeat.to_row()),
            until_ms: FOREVER_MS,
        });
    }

    /// An alarm costs a row: it is set once while the shard is in memory, and to the same time by
    /// each that comes after it.
    fn next_alarm(&mut self, stored: bool, now_ms: u64) -> Option<u64> {
        if !stored || self.alarm_ms.is_some_and(|set_ms| now_ms < set_ms) {
            return None;
        }
        self.alarm_ms = next_sweep(now_ms, now_ms);
        self.alarm_ms
    }
}
