//! An isolate's copy of the Ledger, and how old it is.
//!
//! Guarantees: a copy is taken for no younger than it is for requests with a token, however the isolate's
//! clock steps: besides by the clock it ages by a timer of the platform, which no step moves. (Where the
//! platform ends a request before its timer rings, the clock alone says.)

use crate::ledger::{Key, Replica, Update, Values};
use gapura_shared::time::UnixMillis;
use std::{cell::Cell, rc::Rc};

/// How long the Ledger is let alone after it did not answer.
const PATIENCE_MS: u64 = 1_000;

/// An isolate's copy.
#[derive(Debug, Default)]
pub struct Held {
    /// What is known.
    pub replica: Replica,
    /// The latest question that was answered; `None`: none was, or the next request is to ask.
    known: Option<Sent>,
    /// Whether there ever was one.
    has_copy: bool,
    /// How many were sent.
    sent: u64,
    /// When it was last asked for in passing.
    asked_ms: u64,
    /// When it did not answer, and within which time.
    failed: Option<(u64, u32)>,
}

/// A question to the Ledger: what its answer tells is as old as this.
#[derive(Debug, Clone)]
pub struct Sent {
    number: u64,
    at_ms: u64,
    timer_ms: u64,
    rang: Rc<Cell<bool>>,
}

impl Sent {
    /// To be called by a timer: it is past the age that it was sent with.
    pub fn ring(&self) {
        self.rang.set(true);
    }

    /// Its age; `None` after a step back of the clock: nobody can say.
    fn age_ms(&self, now: UnixMillis) -> Option<u64> {
        let age_ms = now.0.checked_sub(self.at_ms)?;
        let least_ms = if self.rang.get() {
            self.timer_ms.saturating_add(1)
        } else {
            0
        };
        Some(age_ms.max(least_ms))
    }
}

/// What a request needs of the Ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The copy will do.
    Nothing,
    /// The copy will do, but one of the next would wait.
    Renewal,
    /// An answer.
    Answer,
}

impl Held {
    /// Has this isolate know at once what it tells the Ledger.
    pub fn anticipate(&mut self, changes: Vec<(Key, Option<Values>)>, now: UnixMillis) {
        let update = Update {
            version: self.replica.version(),
            whole: false,
            changes,
        };
        // It was written a moment ago and can be read.
        let _ = self.replica.update(&update.to_text(), now.seconds());
    }

    /// What a request needs that takes a copy of this age; `None`: the Ledger's own word.
    #[must_use]
    pub fn need(&self, max_ms: Option<u64>, now: UnixMillis) -> Need {
        match max_ms.zip(self.age_ms(now)) {
            Some((max_ms, age_ms)) if age_ms <= max_ms => {
                // A quarter is left for the answer: under steady traffic nobody waits.
                if age_ms > max_ms / 4 * 3 && !is_recent(self.asked_ms, now) {
                    Need::Renewal
                } else {
                    Need::Nothing
                }
            }
            _ => Need::Answer,
        }
    }

    /// Notes a question. Its [`Sent::ring`] is to be called in `timer_ms`.
    pub fn send(&mut self, timer_ms: u32, now: UnixMillis) -> Sent {
        self.sent = self.sent.saturating_add(1);
        Sent {
            number: self.sent,
            at_ms: now.0,
            timer_ms: timer_ms.into(),
            rang: Rc::default(),
        }
    }

    /// Notes that it is asked for in passing.
    pub const fn renews(&mut self, now: UnixMillis) {
        self.asked_ms = now.0;
    }

    /// Takes over what the Ledger answered to a question; whether it did.
    pub fn learn(&mut self, answer: Option<&str>, sent: &Sent) -> bool {
        let now = UnixMillis(sent.at_ms);
        let learnt = answer.is_some_and(|text| {
            // Another request may have learnt newer things while this one waited.
            version(text).is_some_and(|version| version < self.replica.version())
                || self.replica.update(text, now.seconds()).is_ok()
        });
        if learnt {
            if self
                .known
                .as_ref()
                .is_none_or(|known| known.number < sent.number)
            {
                self.known = Some(sent.clone());
            }
            self.has_copy = true;
            self.failed = None;
        }
        learnt
    }

    /// Whether there ever was a copy.
    #[must_use]
    pub const fn has_copy(&self) -> bool {
        self.has_copy
    }

    /// Notes that the Ledger did not answer within this time.
    pub(super) const fn missed(&mut self, now: UnixMillis, budget_ms: u32) {
        self.failed = Some((now.0, budget_ms));
    }

    /// Whether the Ledger is let alone by who would wait for it that long: it failed a moment ago
    /// somebody who was as patient.
    pub(super) fn is_given_up(&self, now: UnixMillis, budget_ms: u32) -> bool {
        self.failed.is_some_and(|(failed_ms, within_ms)| {
            within_ms >= budget_ms && is_recent(failed_ms, now)
        })
    }

    /// Has the next request ask.
    pub fn outdate(&mut self) {
        self.known = None;
        self.failed = None;
    }

    /// How old the copy is; `None`: nobody can say.
    #[must_use]
    pub fn age_ms(&self, now: UnixMillis) -> Option<u64> {
        self.known.as_ref()?.age_ms(now)
    }
}

fn version(update: &str) -> Option<u64> {
    let (head, _) = update.split_once('\n')?;
    head.get(1..)?.parse().ok()
}

/// Whether something happened within [`PATIENCE_MS`]. After a step back of the clock nobody can
/// say, and it is asked again.
fn is_recent(at_ms: u64, now: UnixMillis) -> bool {
    now.0
        .checked_sub(at_ms)
        .is_some_and(|gone_ms| gone_ms < PATIENCE_MS)
}

#[cfg(test)]
mod tests {
    use super::{Held, Need, Sent};
    use crate::ledger::{Batch, Bearer, Change, Entry, Key, Ledger};
    use gapura_shared::time::UnixMillis;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// As shipped.
    const LEDGER_MS: u32 = 2_000;
    const START_MS: u64 = 1_700_000_000_000;

    enum Event {
        Decides(Sent, u64, u64),
        Answered(Sent, String),
        Rings(Sent),
    }

    /// An isolate whose clock steps, and the Ledger, by true time.
    struct World {
        held: Held,
        ahead_ms: u64,
        ledger: Ledger,
        /// When each session ended.
        ended: Vec<u64>,
        now_ms: u64,
        events: BTreeMap<(u64, usize), Event>,
        count: usize,
    }

    impl World {
        fn at(&mut self, after_ms: u64, event: Event) {
            self.count += 1;
            self.events
                .insert((self.now_ms + after_ms, self.count), event);
        }

        fn clock(&self) -> UnixMillis {
            UnixMillis(self.now_ms + self.ahead_ms)
        }

        fn pass(&mut self, gap_ms: u64) {
            let end_ms = self.now_ms + gap_ms;
            while let Some(next) = self.events.first_entry()
                && next.key().0 <= end_ms
            {
                self.now_ms = next.key().0;
                match next.remove() {
                    Event::Decides(sent, version, back_ms) => {
                        let now = UnixMillis(self.now_ms);
                        let answer = self.ledger.since(version, now.seconds());
                        self.at(back_ms, Event::Answered(sent, answer));
                    }
                    Event::Answered(sent, answer) => {
                        assert!(self.held.learn(Some(&answer), &sent));
                    }
                    Event::Rings(sent) => sent.ring(),
                }
            }
            self.now_ms = end_ms;
        }

        /// A request with a token; it passes at once where the copy will do.
        fn request(&mut self, there_ms: u64, back_ms: u64) {
            let now = self.clock();
            let need = self.held.need(Some(LEDGER_MS.into()), now);
            if need != Need::Answer {
                for (n, ended_ms) in self.ended.iter().enumerate() {
                    let session = n.to_string();
                    let bearer = Bearer {
                        session: Some(&session),
                        ..Bearer::default()
                    };
                    let passes = self.held.replica.revoked(&bearer, now.seconds()).is_none();
                    let for_ms = self.now_ms - ended_ms;
                    assert!(!passes || for_ms <= LEDGER_MS.into(), "{for_ms} ms later");
                }
            }
            if need == Need::Nothing {
                return;
            }
            self.held.renews(now);
            let sent = self.held.send(LEDGER_MS, now);
            let version = self.held.replica.version();
            self.at(LEDGER_MS.into(), Event::Rings(sent.clone()));
            self.at(there_ms, Event::Decides(sent, version, back_ms));
        }

        fn end_session(&mut self) {
            let key = Key::Session(self.ended.len().to_string());
            let batch = Batch {
                changes: vec![Change::Put(key, Entry::default())],
                list: None,
            };
            self.ledger.apply(batch, UnixMillis(self.now_ms)).unwrap();
            self.ended.push(self.now_ms);
        }
    }

    #[derive(Debug, Clone)]
    enum Act {
        Request(u64, u64),
        EndSession,
        Clock(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        let flight = || prop_oneof![4 => 0u64..100, 1 => 0u64..4_000];
        prop_oneof![
            8 => (flight(), flight()).prop_map(|(there, back)| Act::Request(there, back)),
            2 => Just(Act::EndSession),
            1 => (0u64..10_000).prop_map(Act::Clock),
        ]
    }

    proptest! {
        /// However the isolate's clock steps, and whatever answers come late or out of order.
        #[test]
        fn nothing_passes_by_a_copy_of_more_than_two_seconds(
            acts in prop::collection::vec((prop_oneof![0u64..100, 0u64..2_500], act()), 1..80),
        ) {
            let mut world = World {
                held: Held::default(), ahead_ms: 0, ledger: Ledger::default(), ended: Vec::new(),
                now_ms: START_MS, events: BTreeMap::new(), count: 0,
            };
            for (gap_ms, act) in acts {
                world.pass(gap_ms);
                match act {
                    Act::Request(there_ms, back_ms) => world.request(there_ms, back_ms),
                    Act::EndSession => world.end_session(),
                    Act::Clock(ahead_ms) => world.ahead_ms = ahead_ms,
                }
            }
        }
    }
}
