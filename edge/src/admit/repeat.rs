//! Which refusals out of memory the platform may repeat by itself, without asking here: a flood.
//!
//! Guarantees: what is repeated is what would be answered here; it ends where a refusal would be
//! logged or strikes would be reported, so neither is late; and after [`LONGEST_MS`], so that a
//! ban that was lifted or another mode is felt that much later at most.

use super::jails;
use crate::{
    facts::Facts,
    gate::Gate,
    guard::{Refusal, Repetition, Subject, Verdict},
    policy::{GuardMode, StrikeKind},
};
use gapura_shared::time::UnixMillis;

/// Whoever was refused so often floods.
const FLOOD: u32 = 10;
/// Longest time for which a refusal is repeated.
const LONGEST_MS: u64 = 1_000;

/// A refusal to be repeated to the address that asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Repeat {
    /// How often at most.
    pub times: u32,
    /// Until when.
    pub until: UnixMillis,
    /// Whether it is the answer to every request but those to the operator's API, or only to this
    /// method and URL, whatever its query.
    pub everywhere: bool,
    /// Where refusals are counted.
    counted: Counted,
}

/// Where refusals are counted.
#[derive(Debug, PartialEq, Eq)]
enum Counted {
    /// With the ban of this subject.
    Banned(Subject),
    /// With the operator's ban that stops this client.
    Barred(Subject),
    /// With the class that this client has used up.
    Exhausted(Subject, String),
}

impl Repeat {
    /// As [`Repeat::of`], of a refusal by an operator's ban.
    pub(super) fn of_barred(
        gate: &Gate,
        facts: &Facts,
        refusal: &Refusal,
        now: UnixMillis,
    ) -> Option<Self> {
        let repeat = Self::of(gate, facts, refusal, now)?;
        let counted = Counted::Barred(Subject::client(facts.client));
        Some(Self { counted, ..repeat })
    }

    /// How a refusal can be repeated; `None`: it is not one of a flood, or speaks of its request.
    pub(super) fn of(
        gate: &Gate,
        facts: &Facts,
        refusal: &Refusal,
        now: UnixMillis,
    ) -> Option<Self> {
        let is_read_by_pages = facts.header("origin").is_some();
        if is_read_by_pages || gate.policy.guard.mode == GuardMode::Detect || refusal.count < FLOOD
        {
            return None;
        }
        let class = refusal.class.as_ref().map(|(class, _)| class.clone());
        let everywhere = class.is_none();
        let counted = match (&refusal.verdict, &class) {
            (Verdict::Banned { target, .. }, _) => Counted::Banned(target.clone()),
            (_, Some(class)) if !gate.policy.tells_by_query(&facts.host, &facts.path) => {
                Counted::Exhausted(Subject::client(facts.client), class.clone())
            }
            _ => return None,
        };
        let strikes = jails(gate, &[StrikeKind::RateLimited]).into_iter();
        let reported = strikes.map(|jail| jail.strikes.saturating_sub(1));
        let reported = reported.filter(|_| class.is_some());
        let noted = refusal
            .count
            .checked_ilog10()
            .map(|digits| 10_u32.saturating_pow(digits + 1));
        let next = reported
            .chain(noted)
            .filter(|next| *next > refusal.count)
            .min()?;
        let times = next - refusal.count - 1;
        let until = UnixMillis(now.0 + refusal.same_ms.min(LONGEST_MS));
        (times > 0 && until > now).then_some(Self {
            times,
            until,
            everywhere,
            counted,
        })
    }

    /// Notes that the platform repeats it from now on.
    pub fn begun(self, gate: &Gate, repetition: Repetition) {
        let mut memory = gate.memory.guard.borrow_mut();
        match &self.counted {
            Counted::Banned(subject) => memory.repeat(subject, None, repetition),
            Counted::Barred(client) => memory.repeat_barred(client, repetition),
            Counted::Exhausted(client, class) => memory.repeat(client, Some(class), repetition),
        }
    }
}
