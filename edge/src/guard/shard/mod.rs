//! The state of one shard object: many subjects, and what must be stored of them.
//!
//! The shell reads all rows ([`Shard::load`]), hands over messages ([`Shard::receive`]), writes the
//! changes of a [`Step`] before it gives the answer away, and sets the alarm. When a write fails
//! it must drop the shard and load it anew: memory is then ahead of storage.
//!
//! *Stored* are strict windows, strikes, bans and locks at each change, and another window at
//! each admission once a quarter of its limit (or burst) is used. *Forgotten* at eviction and under memory
//! pressure are the windows that are quieter: a subject that comes new to memory within a window
//! after that is taken to have used that quarter. When memory was lost is known to the
//! minute, from the heartbeat row: that is written at most once a minute while the shard works.
//!
//! *Bounds*: [`MAX_SUBJECTS`] subjects, [`MAX_ENTRIES`] log entries. When full, the quiet
//! subjects that were seen longest ago are forgotten, then strikes, then bans by jails; stored windows,
//! locks and an operator's bans stay: when that does not help, [`Unanswered::Full`]. Of one IPv6 /48 come
//! at most 256 stored subjects and 4,096 in all; new clients of it are then counted by their /56.

mod admin;
mod admit;
mod space;

use super::{
    BadMessage, Message, SKEW_MS, Subject,
    record::Record,
    stored::{self, HEARTBEAT_KEY, Heartbeat},
    wire::{Banned, Order, Verdict},
};
use space::Members;
use std::collections::{HashMap, HashSet};

/// Subjects that a shard holds.
pub const MAX_SUBJECTS: usize = 50_000;
/// Log entries of all subjects together.
pub const MAX_ENTRIES: usize = 2_000_000;
/// Greatest age of the heartbeat row while the shard works.
pub const HEARTBEAT_MS: u64 = 60_000;
/// Least time between two alarms.
const SWEEP_MS: u64 = 60_000;

/// A row to be written, or deleted when `row` is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The row.
    pub row: Option<String>,
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
}

/// The state of a shard.
#[derive(Debug, Clone)]
pub struct Shard {
    records: HashMap<Subject, Record>,
    unreadable: HashSet<String>,
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
    /// When the first row may be deleted; not later than that since the last alarm, and the
    /// largest number when nobody looked.
    due_ms: u64,
    /// When room was looked for last.
    crowded_ms: u64,
    entries: usize,
    /// How many subjects of an IPv6 /48 there are, at least.
    families: HashMap<Subject, Members>,
    pub(super) max_subjects: usize,
}

impl Shard {
    /// The shard of these rows (key, row).
    #[must_use]
    pub fn load(rows: impl IntoIterator<Item = (String, String)>, now_ms: u64) -> Self {
        let mut shard = Self {
            records: HashMap::new(),
            unreadable: HashSet::new(),
            clock_ms: now_ms,
            ahead_ms: 0,
            forgot_ms: 0,
            heartbeat: Heartbeat::default(),
            started: false,
            leases: 0,
            alarm_ms: None,
            due_ms: u64::MAX,
            crowded_ms: 0,
            entries: 0,
            families: HashMap::new(),
            max_subjects: MAX_SUBJECTS,
        };
        let mut heartbeat = None;
        let mut any = false;
        for (key, row) in rows {
            any = true;
            if key == HEARTBEAT_KEY {
                heartbeat = Heartbeat::from_row(&row).ok();
            } else {
                shard.read(key, &row);
            }
        }
        match heartbeat {
            Some(known) => {
                shard.clock_ms = shard.clock_ms.max(known.at_ms);
                // The clock may have stepped back since: what was lost may lie ahead of it.
                let ahead_ms = shard.clock_ms.saturating_add(SKEW_MS);
                shard.forgot_ms = ahead_ms.min(known.at_ms.saturating_add(HEARTBEAT_MS));
                shard.heartbeat = Heartbeat::new(known.at_ms, known.starts.saturating_add(1));
            }
            None if any => {
                // The row is lost: the worst is assumed, and a number that no start has had.
                shard.forgot_ms = shard.clock_ms.saturating_add(SKEW_MS);
                let starts = u32::try_from(shard.clock_ms / 1000).unwrap_or(u32::MAX);
                shard.heartbeat = Heartbeat::new(0, starts);
            }
            None => {}
        }
        for record in shard.records.values_mut() {
            record.forgot_ms = shard.forgot_ms;
        }
        shard.count_families();
        shard
    }

    fn read(&mut self, key: String, row: &str) {
        match (key.parse::<Subject>(), stored::from_row(row)) {
            (Ok(subject), Ok((record, at_ms))) => {
                self.clock_ms = self.clock_ms.max(at_ms);
                self.entries = self.entries.saturating_add(record.weight());
                self.records.insert(subject, record);
            }
            _ => {
                self.unreadable.insert(key);
            }
        }
    }

    /// Takes a message.
    ///
    /// # Errors
    /// [`Unanswered`]; nothing was changed then.
    pub fn receive(&mut self, message: &str, now_ms: u64) -> Result<Step, Unanswered> {
        self.step(&Message::parse(message)?, now_ms)
    }

    /// As [`Shard::receive`], of a message already read.
    ///
    /// # Errors
    /// [`Unanswered`]; nothing was changed then.
    pub fn step(&mut self, message: &Message, now_ms: u64) -> Result<Step, Unanswered> {
        let now_ms = self.reckon(now_ms);
        let mut changes = Vec::new();
        let answer = match message {
            Message::Ask(ask) => self.ask(ask, now_ms, &mut changes)?.to_text(),
            Message::List {
                search,
                after,
                limit,
            } => self.list(search, after.as_ref(), *limit, now_ms),
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

    /// The alarm went off: deletes what has passed and says when to look again.
    pub fn alarm(&mut self, now_ms: u64) -> Step {
        let now_ms = self.reckon(now_ms);
        (self.alarm_ms, self.due_ms) = (None, u64::MAX);
        let changes = self.sweep(now_ms);
        let stored = self.records.values().any(|record| record.row_until_ms > 0);
        Step {
            answer: String::new(),
            changes,
            alarm_ms: self.next_alarm(stored, now_ms),
        }
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
                let record = self.record(subject, now_ms, changes)?;
                record.rest_mut().locks.set(lock.clone(), now_ms);
                self.store(subject, now_ms, changes);
                Ok(String::new())
            }
            Order::Spare { mark, until_ms } => {
                let record = self.record(subject, now_ms, changes)?;
                record.rest_mut().locks.spare(mark, *until_ms, now_ms);
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
        if row.is_some() {
            self.due_ms = self.due_ms.min(record.row_until_ms);
        }
        if row.is_some() && before == 0 {
            self.joins(subject, true);
        }
        changes.retain(|change| change.key != key);
        if row.is_some() || before > 0 {
            changes.push(Change { key, row });
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
        });
    }

    /// An alarm costs a row: it goes off at most once a minute, and is brought forward only for what
    /// would else stay for more than a minute after its end.
    fn next_alarm(&mut self, stored: bool, now_ms: u64) -> Option<u64> {
        if !stored {
            return None;
        }
        if self.due_ms == u64::MAX {
            let ends = self.records.values().map(|record| record.row_until_ms);
            self.due_ms = ends.filter(|until_ms| *until_ms > 0).min()?;
        }
        let alarm_ms = self.due_ms.max(now_ms.saturating_add(SWEEP_MS));
        let late = |set_ms: u64| alarm_ms.saturating_add(SWEEP_MS) < set_ms;
        if !self.alarm_ms.is_none_or(late) {
            return None;
        }
        self.alarm_ms = Some(alarm_ms);
        self.alarm_ms
    }
}
