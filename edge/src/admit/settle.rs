//! Hearing the answers: what becomes of the request, what is learnt, and what is given back.

use super::{Admission, Asked, End, Place, Refunds, State, memory, subject::shard};
use crate::{
    gate::Memory,
    guard::{Answer, AskedClass, Message, Order, Standing, Subject, Verdict},
    ratelimit::{self, Notice, Told},
    runtime::{Object, Runtime},
    verdict::Stop,
};
use std::cmp::Reverse;

impl<'a, R: Runtime> Admission<'a, R> {
    /// Awaits the answers to all that was asked so far, and notes how the windows stand.
    ///
    /// # Errors
    /// [`Stop::Banned`], [`Stop::RateLimited`], [`Stop::GuardUnavailable`], [`Stop::Locked`].
    pub async fn settle(&mut self, notice: &mut Option<Notice>) -> Result<(), Stop> {
        for index in 0..self.asked.len() {
            self.settle_one(index).await;
        }
        let told: Vec<Told<'_>> = self.asked.iter().flat_map(Asked::told).collect();
        *notice = ratelimit::notice(&told);
        let stops = self.asked.iter().filter_map(Asked::stop);
        let Some(stop) = stops.min_by_key(|stop| rank(stop)).cloned() else {
            return Ok(());
        };
        if matches!(stop, Stop::RateLimited { .. } | Stop::GuardUnavailable) {
            let is_names = |asked: &Asked<'_>| match asked.stop() {
                Some(Stop::GuardUnavailable) => false,
                Some(_) => matches!(asked.subject, Subject::Named(..)),
                None => true,
            };
            let is_names = self.asked.iter().all(is_names);
            self.refund(if is_names {
                Refunds::Names
            } else {
                Refunds::All
            });
        }
        Err(stop)
    }

    async fn settle_one(&mut self, index: usize) {
        while let Some(asked) = self.asked.get_mut(index)
            && let State::Waiting { sent_ms, answer } = &mut asked.state
        {
            let sent_ms = *sent_ms;
            let text = answer.await;
            let answer = text.and_then(|text| Answer::parse(&text, asked.classes.len()).ok());
            if let Some(answer) = &answer {
                learn(
                    &self.gate.memory,
                    &asked.subject,
                    &asked.classes,
                    answer,
                    sent_ms,
                    self.runtime.now().0,
                );
                memory::tell_begun(self.gate, self.facts, self.runtime);
            }
            let banned = answer
                .as_ref()
                .filter(|answer| matches!(answer.verdict, Verdict::Banned { .. }));
            let spared = banned.filter(|_| !self.enforces_bans());
            if let Some(answer) = spared {
                self.spare(&answer.verdict);
            }
            let again = spared.is_some();
            let Some(asked) = self.asked.get(index) else {
                return;
            };
            let state = if again {
                // The ban is on record; the windows hold all the same.
                self.question(asked, Vec::new(), true)
            } else {
                self.settled(asked, answer)
            };
            if let Some(asked) = self.asked.get_mut(index) {
                asked.state = state;
            }
        }
    }

    fn settled(&self, asked: &Asked<'_>, answer: Option<Answer>) -> State<'a> {
        let Some(answer) = answer else {
            return State::settled(if asked.closed {
                End::Stopped(Stop::GuardUnavailable)
            } else {
                End::Unanswered
            });
        };
        let exhausted = asked.classes.iter().zip(&answer.standings);
        let exhausted = exhausted
            .filter(|(_, standing)| standing.wait_ms > 0)
            .max_by_key(|(_, standing)| standing.wait_ms)
            .map(|(class, standing)| (class.name.clone(), *standing));
        let end = match &answer.verdict {
            Verdict::Admitted => End::Admitted,
            // The origin counts such a device for itself.
            Verdict::Locked { .. } if self.knows_device() => End::Unanswered,
            verdict => End::Stopped(stop(verdict, exhausted.as_ref(), false)),
        };
        // What was lent is left to the client as well.
        let mut standings = answer.standings;
        for (standing, lease) in standings.iter_mut().zip(&answer.leases) {
            let lent = lease.map_or(0, |lease| lease.size);
            standing.remaining = standing.remaining.saturating_add(lent);
            standing.burst = standing.burst.map(|burst| burst.saturating_add(lent));
        }
        State::Settled {
            end,
            standings: standings.into_iter().map(Some).collect(),
            counted: Place::Shard(answer.at_ms),
        }
    }

    /// Whether the login comes from a device that logged in to the account before.
    pub(super) fn knows_device(&self) -> bool {
        let cookies = self.facts.header("cookie").unwrap_or_default();
        let known = |account| self.gate.devices.known(cookies, account);
        self.account.as_ref().and_then(known).is_some()
    }

    /// Gives back what was admitted of a request that another subject refused. Whoever was refused
    /// meanwhile for want of it is asked about anew.
    fn refund(&self, refunds: Refunds) {
        if self.refunds.replace(refunds) != Refunds::Nobody {
            return;
        }
        let refused = |asked: &&Asked<'_>| refunds.reach(&asked.subject);
        for asked in self.asked.iter().filter(refused) {
            let State::Settled {
                end: End::Admitted,
                counted,
                ..
            } = &asked.state
            else {
                continue;
            };
            if asked.classes.is_empty() {
                continue;
            }
            let at_ms = match counted {
                Place::Shard(at_ms) => *at_ms,
                Place::Leases(spent) => {
                    let mut memory = self.gate.memory.guard.borrow_mut();
                    memory.refund(&asked.subject, &asked.classes, spent);
                    continue;
                }
                Place::Nowhere => continue,
            };
            let message = refund(asked.subject.clone(), asked.classes.clone(), at_ms);
            let name = shard(self.gate, &asked.subject, self.runtime);
            let memory = self.gate.memory.clone();
            let (subject, classes) = (asked.subject.clone(), asked.classes.clone());
            self.runtime
                .tell(Object::Guard(&name), &message, move |_, _| {
                    memory.guard.borrow_mut().reopen(&subject, &classes);
                    None
                });
        }
    }
}

/// Which of several stops is answered: the one that says most about the client, of exhausted
/// windows the one that lasts longest, and that an account is locked only to who is refused for
/// nothing else.
const fn rank(stop: &Stop) -> (u8, Reverse<u64>) {
    match stop {
        Stop::Banned { .. } => (0, Reverse(0)),
        Stop::RateLimited { retry_after_s, .. } => (1, Reverse(*retry_after_s)),
        Stop::GuardUnavailable => (2, Reverse(0)),
        _ => (3, Reverse(0)),
    }
}

/// Tells a shard to take an admission back.
pub(super) fn refund(subject: Subject, classes: Vec<AskedClass>, at_ms: u64) -> String {
    Message::Order(subject, Order::Refund { classes, at_ms }).to_text()
}

/// Has the isolate remember an answer.
pub(super) fn learn(
    memory: &Memory,
    subject: &Subject,
    classes: &[AskedClass],
    answer: &Answer,
    sent_ms: u64,
    now_ms: u64,
) {
    let mut guard = memory.guard.borrow_mut();
    guard.learn(subject, classes, answer, sent_ms, now_ms);
    drop(guard);
    let waits = answer.standings.iter().map(|standing| standing.wait_ms);
    let refused_ms = match &answer.verdict {
        Verdict::Banned { for_ms, .. } => Some(*for_ms),
        Verdict::Exhausted => waits.max(),
        Verdict::Admitted | Verdict::Locked { .. } => None,
    };
    if let Some(refused_ms) = refused_ms {
        memory.refuses_for(sent_ms, refused_ms);
    }
}

/// A refusal of the Guard as a stop.
pub(super) fn stop(verdict: &Verdict, exhausted: Option<&(String, Standing)>, again: bool) -> Stop {
    match verdict {
        Verdict::Banned { reason, .. } => Stop::Banned {
            why: reason.clone(),
            again,
        },
        Verdict::Locked { delay_ms, .. } => Stop::Locked {
            delay_ms: *delay_ms,
        },
        Verdict::Admitted | Verdict::Exhausted => {
            let (class, wait_ms) = exhausted.map_or_else(
                || (String::new(), 0),
                |(class, standing)| (class.clone(), standing.wait_ms),
            );
            Stop::RateLimited {
                class,
                retry_after_s: wait_ms.div_ceil(1000).max(1),
                again,
            }
        }
    }
}
