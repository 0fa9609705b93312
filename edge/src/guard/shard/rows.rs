//! What is read of the rows, and when: of a message's subject and the networks around it, once
//! while they are in memory. So a cold shard costs what its message needs, however many rows it has.

use super::{Shard, admin::covers};
use crate::guard::{Message, Order, SKEW_MS, Subject, jail::FOREVER_MS, stored};
use std::collections::BTreeMap;

/// Rows are swept on the full hour: those that have passed count nothing and may wait.
const SWEEP_MS: u64 = 3_600_000;

/// The stored rows, as the shell reads them. It keeps of each when it ends
/// ([`Change::until_ms`](super::Change::until_ms)) and deletes those that have ended at the alarm.
pub trait Rows {
    /// The row of a key.
    ///
    /// # Errors
    /// [`Unread`].
    fn row(&self, key: &str) -> Result<Option<String>, Unread>;

    /// Whether there are none.
    ///
    /// # Errors
    /// [`Unread`].
    fn is_empty(&self) -> Result<bool, Unread>;

    /// Hands over keys and rows, one after another.
    ///
    /// # Errors
    /// [`Unread`].
    fn each(&self, part: Part, take: &mut dyn FnMut(&str, &str)) -> Result<(), Unread>;
}

/// Which rows are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that hold a ban: [`stored::BANS`] tell them.
    Bans,
    /// Those of IPv6 networks: their keys have a `/`.
    Networks,
}

/// The rows could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shard's rows cannot be read")]
pub struct Unread;

impl Part {
    fn has(self, key: &str, row: &str) -> bool {
        match self {
            Self::Bans => stored::BANS.iter().any(|mark| row.contains(mark)),
            Self::Networks => key.contains('/'),
        }
    }
}

/// Rows in memory, for tests and simulations.
impl Rows for BTreeMap<String, String> {
    fn row(&self, key: &str) -> Result<Option<String>, Unread> {
        Ok(self.get(key).cloned())
    }

    fn is_empty(&self) -> Result<bool, Unread> {
        Ok(Self::is_empty(self))
    }

    fn each(&self, part: Part, take: &mut dyn FnMut(&str, &str)) -> Result<(), Unread> {
        for (key, row) in self.iter().filter(|(key, row)| part.has(key, row)) {
            take(key, row);
        }
        Ok(())
    }
}

/// When to sweep, the first row ending then; `None`: no row does.
#[must_use]
pub fn next_sweep(first_end_ms: u64, now_ms: u64) -> Option<u64> {
    let due_ms = first_end_ms.max(now_ms.saturating_add(1));
    (first_end_ms < FOREVER_MS).then(|| due_ms.next_multiple_of(SWEEP_MS))
}

impl Shard {
    /// Brings what a message is about into memory.
    pub(super) fn fetch(
        &mut self,
        message: &Message,
        rows: &impl Rows,
        now_ms: u64,
    ) -> Result<(), Unread> {
        let subject = match message {
            Message::Ask(ask) => &ask.subject,
            Message::Order(subject, _) => subject,
            Message::List { .. } => return Ok(()),
        };
        self.current.clear();
        self.current.push(subject.clone());
        self.current.extend(subject.networks());
        for subject in self.current.clone() {
            if self.is_known(&subject) {
                continue;
            }
            match rows.row(&subject.to_string())? {
                Some(row) => self.read(subject, &row, now_ms),
                None => self.miss(subject),
            }
        }
        if let (Message::Order(_, Order::Lift), Subject::Ip(network)) = (message, subject) {
            if network.parts().1 >= 64 {
                return Ok(());
            }
            rows.each(Part::Networks, &mut |key, row| match key.parse() {
                Ok(subject) if !self.is_known(&subject) => {
                    if let Subject::Ip(inner) = subject
                        && covers(*network, inner)
                    {
                        self.read(subject, row, now_ms);
                    }
                }
                _ => {}
            })?;
        }
        Ok(())
    }

    fn is_known(&self, subject: &Subject) -> bool {
        self.records.contains_key(subject)
            || self.absent.contains(subject)
            || self.unreadable.contains(subject)
    }

    /// Notes that a subject has no row.
    fn miss(&mut self, subject: Subject) {
        if self.absent.len() >= self.max_subjects {
            self.absent.clear();
        }
        self.absent.insert(subject);
    }

    fn read(&mut self, subject: Subject, row: &str, now_ms: u64) {
        let Ok((mut record, at_ms)) = stored::from_row(row) else {
            self.unreadable.insert(subject);
            return;
        };
        // The clock stepped back while nothing was in memory: it is as if it were written now. After
        // a slip time stands still until it has caught up.
        let ahead_ms = at_ms.saturating_sub(now_ms);
        if ahead_ms > SKEW_MS {
            record.rewind(ahead_ms);
        }
        record.forgot_ms = self.forgot_ms;
        self.entries = self.entries.saturating_add(record.weight());
        self.joins(&subject, false);
        self.joins(&subject, true);
        self.records.insert(subject, record);
    }
}

#[cfg(test)]
mod tests {
    use super::{SWEEP_MS, next_sweep};
    use crate::guard::jail::FOREVER_MS;

    #[test]
    fn sweeps_on_the_full_hour_when_something_ends() {
        assert_eq!(next_sweep(FOREVER_MS, 5), None);
        assert_eq!(next_sweep(1, 5), Some(SWEEP_MS));
        assert_eq!(next_sweep(SWEEP_MS, SWEEP_MS), Some(2 * SWEEP_MS));
        assert_eq!(next_sweep(24 * SWEEP_MS, 5), Some(24 * SWEEP_MS));
        assert_eq!(next_sweep(24 * SWEEP_MS + 1, 5), Some(25 * SWEEP_MS));
    }
}
