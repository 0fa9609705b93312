//! What an isolate remembers: leases that it may spend, and stops that need no question.
//!
//! Bound: [`MAX_SUBJECTS`] subjects with at most [`MAX_CLASSES`](crate::guard::MAX_CLASSES) classes each. A stop is remembered for at most
//! [`REMEMBER_MS`], so that a ban that was lifted is lifted everywhere by then: a flood costs
//! one question a minute in each isolate. A lease that is forgotten counts as spent. How many requests a stop
//! refused is told once it is over.

mod held;
mod known;
mod over;
mod refused;

use crate::guard::{
    LEASE_MS, SKEW_MS, Subject,
    wire::{Answer, AskedClass, Return, Standing, Verdict},
};
use known::{Known, Stop};
pub use over::Denied;
use over::Over;
use refused::Refused;
pub use refused::Repetition;
use std::collections::HashMap;

/// Subjects that an isolate remembers.
pub const MAX_SUBJECTS: usize = 20_000;
/// How long a stop is remembered at most.
pub const REMEMBER_MS: u64 = 60_000;

/// What memory says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recall {
    /// It passes, and was counted when it was lent: how each class stands, and the lease that
    /// was spent of, by which it can be given back.
    Admitted(Vec<(Standing, u64)>),
    /// It is refused.
    Refused(Refusal),
    /// The shard must be asked, and gets these leases back.
    Ask(Vec<Return>),
}

/// A stop out of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Banned, locked or exhausted, with the time that is left.
    pub verdict: Verdict,
    /// The exhausted class, and its standing.
    pub class: Option<(String, Standing)>,
    /// How many requests were refused out of memory since the shard's answer, this one included.
    pub count: u32,
    /// For how long a request like this one gets the same answer.
    pub same_ms: u64,
}

impl Refusal {
    /// Whether it is one of many that the log is told together: not the first, the tenth, the hundredth.
    #[must_use]
    pub const fn is_again(&self) -> bool {
        !matches!(
            self.count,
            1 | 10 | 100 | 1_000 | 10_000 | 100_000 | 1_000_000
        )
    }

    /// How these classes stand, as far as it says.
    #[must_use]
    pub fn standings(&self, classes: &[AskedClass]) -> Vec<Option<Standing>> {
        let standing = |class: &AskedClass| {
            let held = self.class.as_ref().filter(|(name, _)| *name == class.name);
            held.map(|held| held.1)
        };
        classes.iter().map(standing).collect()
    }
}

/// The memory of an isolate.
#[derive(Debug)]
pub struct Memory {
    subjects: HashMap<Subject, Known>,
    clock_ms: u64,
    max_subjects: usize,
    over: Over,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(MAX_SUBJECTS)
    }
}

impl Memory {
    /// A memory of so many subjects.
    #[must_use]
    pub fn new(max_subjects: usize) -> Self {
        Self {
            subjects: HashMap::new(),
            clock_ms: 0,
            max_subjects: max_subjects.max(4),
            over: Over::default(),
        }
    }

    /// How many subjects are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// Whether a ban is remembered on the subject or a network around it: all that is looked at
    /// before anything else is done with a request.
    pub fn banned(&mut self, subject: &Subject, now_ms: u64) -> Option<Refusal> {
        let now_ms = self.reckon(now_ms);
        if let Some(refusal) = self
            .subjects
            .get_mut(subject)
            .and_then(|known| known.stopped(now_ms))
        {
            return Some(refusal);
        }
        let networks = subject.networks();
        networks
            .iter()
            .find_map(|network| self.subjects.get_mut(network)?.stopped(now_ms))
    }

    /// The same ban, of a request that it does not refuse: nothing is counted.
    pub fn held(&mut self, subject: &Subject, now_ms: u64) -> Option<Verdict> {
        let now_ms = self.reckon(now_ms);
        let own = self.subjects.get(subject).into_iter();
        let networks = subject.networks();
        let around = networks
            .iter()
            .filter_map(|network| self.subjects.get(network));
        own.chain(around).find_map(|known| known.held(now_ms))
    }

    /// Counts a refusal by a ban that the Ledger's copy holds, which is asked each time.
    pub fn bar(&mut self, subject: &Subject, why: &str, now_ms: u64) -> Refusal {
        let now_ms = self.reckon(now_ms);
        let banned = Verdict::Banned {
            for_ms: 0,
            target: subject.clone(),
            reason: why.to_owned(),
            began: false,
        };
        let (refusal, ended) = self.known(subject, now_ms).bar(banned, now_ms);
        self.over.note(subject, ended);
        self.over.expect(now_ms.saturating_add(REMEMBER_MS));
        refusal
    }

    /// Whether such refusals are being counted.
    #[must_use]
    pub fn is_barred(&self, subject: &Subject) -> bool {
        let known = self.subjects.get(subject);
        known.is_some_and(|known| known.barred.is_some())
    }

    /// Notes that such a refusal is repeated from now on.
    pub fn repeat_barred(&mut self, subject: &Subject, repetition: Repetition) {
        let known = self.subjects.get_mut(subject);
        if let Some(stop) = known.and_then(|known| known.barred.as_mut()) {
            stop.refused.repeat(repetition);
        }
    }

    /// Ends what is counted of such bans, and repeated: an operator changed them.
    pub fn unbar(&mut self) {
        for (subject, known) in &mut self.subjects {
            let ended = known.barred.take().and_then(Stop::ended);
            self.over.note(subject, ended);
        }
    }

    /// Whether anything may be remembered of a client: a quick look before all others.
    #[must_use]
    pub fn knows(&self, subject: &Subject) -> bool {
        self.subjects.contains_key(subject)
            || subject
                .networks()
                .iter()
                .any(|network| self.subjects.contains_key(network))
    }

    /// Whether a class is remembered to be exhausted. Nothing is spent.
    pub fn exhausted(
        &mut self,
        subject: &Subject,
        classes: &[AskedClass],
        now_ms: u64,
    ) -> Option<Refusal> {
        let now_ms = self.reckon(now_ms);
        let known = self.subjects.get_mut(subject)?;
        known.seen_ms = now_ms;
        known.denied(classes, now_ms)
    }

    /// How many refusals for want of a class are to be reported as strikes now.
    pub fn report(&mut self, subject: &Subject, class: &str) -> u32 {
        let known = self.subjects.get_mut(subject);
        let mut classes = known.into_iter().flat_map(|known| &mut known.classes);
        let held = classes.find(|known| *known.0 == *class);
        held.map_or(0, |(_, held)| held.report())
    }

    /// Notes that a refusal is repeated from now on: of the subject that is banned, or of one to
    /// which a class is denied.
    pub fn repeat(&mut self, subject: &Subject, class: Option<&str>, repetition: Repetition) {
        if let Some(known) = self.subjects.get_mut(subject) {
            known.repeat(class, repetition);
        }
    }

    /// Bans that began with an answer that was learnt; each is told once.
    pub fn begun(&mut self) -> Vec<Verdict> {
        self.over.take_begun()
    }

    /// Whether the request may pass without a question. Spends leases if so. When it must be asked,
    /// the leases go back with the question: nothing is spent of them any more.
    pub fn recall(&mut self, subject: &Subject, classes: &[AskedClass], now_ms: u64) -> Recall {
        match self.banned(subject, now_ms) {
            Some(refusal) => Recall::Refused(refusal),
            None => self.recall_windows(subject, classes, now_ms),
        }
    }

    /// As [`Memory::recall`], of a request that no ban refuses.
    pub fn recall_windows(
        &mut self,
        subject: &Subject,
        classes: &[AskedClass],
        now_ms: u64,
    ) -> Recall {
        let now_ms = self.reckon(now_ms);
        let Some(known) = self.subjects.get_mut(subject) else {
            return Recall::Ask(Vec::new());
        };
        known.seen_ms = now_ms;
        if let Some(refusal) = known.denied(classes, now_ms) {
            return Recall::Refused(refusal);
        }
        if classes.is_empty() && now_ms < known.free_ms {
            return Recall::Admitted(Vec::new());
        }
        let lent = |class: &AskedClass| {
            known
                .find(class)
                .is_some_and(|held| held.covers(class, now_ms))
        };
        if !classes.is_empty() && classes.iter().all(lent) {
            let spend = |class: &AskedClass| known.find_mut(class)?.spend(class, now_ms);
            return Recall::Admitted(classes.iter().filter_map(spend).collect());
        }
        let lends = lends(classes);
        let back = |class: &AskedClass| known.give_back(class, lends, now_ms);
        Recall::Ask(classes.iter().flat_map(back).collect())
    }

    /// After a request that [`Memory::recall`] admitted: what to tell the shard with a question
    /// ahead of need ([`Ask::ahead`](crate::guard::Ask::ahead)), if one is due.
    pub fn ahead(
        &mut self,
        subject: &Subject,
        classes: &[AskedClass],
        now_ms: u64,
    ) -> Option<Vec<Return>> {
        let now_ms = self.reckon(now_ms);
        let known = self.subjects.get_mut(subject)?;
        let is_due = |class| {
            let held = known.find(class);
            held.is_some_and(|held| held.runs_low(class, now_ms))
        };
        let is_due = classes.iter().any(is_due);
        is_due.then(|| known.ask_ahead(classes, now_ms))
    }

    /// Takes back what [`Memory::recall`] spent: another subject refused the request.
    pub fn refund(&mut self, subject: &Subject, classes: &[AskedClass], spent: &[(Standing, u64)]) {
        let Some(known) = self.subjects.get_mut(subject) else {
            return;
        };
        for (class, (_, lease)) in classes.iter().zip(spent) {
            if let Some(held) = known.find_mut(class) {
                held.refund(class.cost, *lease);
            }
        }
    }

    /// Forgets that these classes are exhausted: the shard took an admission back.
    pub fn reopen(&mut self, subject: &Subject, classes: &[AskedClass]) {
        let Some(known) = self.subjects.get_mut(subject) else {
            return;
        };
        for (name, held) in &mut known.classes {
            if classes.iter().any(|class| *class.name == **name) {
                self.over.note(subject, held.end_denial(name));
            }
        }
    }

    /// Denials that are over and in which requests were refused, a few at a time; each is told once.
    pub fn over(&mut self, now_ms: u64) -> Vec<Denied> {
        let now_ms = self.reckon(now_ms);
        self.over.look(&mut self.subjects, now_ms);
        self.over.take()
    }

    /// Learns from an answer to a question that was sent at `sent_ms`.
    pub fn learn(
        &mut self,
        subject: &Subject,
        classes: &[AskedClass],
        answer: &Answer,
        sent_ms: u64,
        now_ms: u64,
    ) {
        if sent_ms > now_ms.saturating_add(SKEW_MS) {
            // The clock stepped back by more since: what it says of when it ends can no longer be told.
            self.reckon(now_ms);
            return;
        }
        // By the clock as it is: a step back since the question makes everything end sooner.
        let sent_ms = sent_ms.min(now_ms);
        let now_ms = self.reckon(now_ms);
        match &answer.verdict {
            Verdict::Banned { for_ms, target, .. } => {
                self.over.begin(&answer.verdict);
                self.stop(&target.clone(), answer.verdict.clone(), *for_ms, sent_ms);
            }
            // A lock holds for a source and a device: it is asked about.
            Verdict::Locked { .. } => {}
            Verdict::Admitted if classes.is_empty() && matches!(subject, Subject::Ip(_)) => {
                self.known(subject, now_ms).free_ms = sent_ms.saturating_add(LEASE_MS);
            }
            Verdict::Admitted | Verdict::Exhausted => {
                let useful = |class: &AskedClass, n: usize| {
                    lends(classes)
                        || answer.leases.get(n).is_some_and(Option::is_some)
                        || (!answer.admitted()
                            && answer.standings.get(n).is_some_and(|s| s.wait_ms > 0))
                        || self
                            .subjects
                            .get(subject)
                            .is_some_and(|known| known.find(class).is_some())
                };
                if !classes
                    .iter()
                    .enumerate()
                    .any(|(n, class)| useful(class, n))
                {
                    return;
                }
                self.known(subject, now_ms);
                let Some(known) = self.subjects.get_mut(subject) else {
                    return;
                };
                let told = answer.standings.iter().zip(&answer.leases);
                for (class, (standing, lease)) in classes.iter().zip(told) {
                    let ended = known.learn(class, *standing, *lease, answer.admitted(), sent_ms);
                    self.over.note(subject, ended);
                }
                self.over.expect(known.denied_until_ms());
            }
        }
    }

    /// Remembers a ban that a strike led to.
    pub fn ban(&mut self, verdict: &Verdict, sent_ms: u64, now_ms: u64) {
        let sent_ms = sent_ms.min(now_ms);
        self.reckon(now_ms);
        if let Verdict::Banned { for_ms, target, .. } = verdict {
            self.stop(&target.clone(), verdict.clone(), *for_ms, sent_ms);
        }
    }

    /// Forgets the stops of a subject: an operator lifted them.
    pub fn lift(&mut self, subject: &Subject) {
        if let Some(known) = self.subjects.get_mut(subject) {
            let ended = known.stop.take().and_then(Stop::ended);
            self.over.note(subject, ended);
        }
    }

    fn stop(&mut self, target: &Subject, mut verdict: Verdict, for_ms: u64, sent_ms: u64) {
        if let Verdict::Banned { began, .. } = &mut verdict {
            *began = false;
        }
        let believed_ms = sent_ms.saturating_add(for_ms.min(REMEMBER_MS));
        let known = self.known(target, sent_ms);
        let (refused, ended) = match known.stop.take() {
            // Told again of a ban that it remembers.
            Some(stop) if sent_ms < stop.believed_ms => (stop.refused, None),
            stop => (Refused::default(), stop.and_then(Stop::ended)),
        };
        // Whatever else the client is told again and again, it is told of the ban now.
        for (_, held) in &mut known.classes {
            held.refused.count();
        }
        if let Some(barred) = &mut known.barred {
            barred.refused.count();
        }
        known.stop = Some(Stop {
            verdict,
            until_ms: sent_ms.saturating_add(for_ms),
            believed_ms,
            refused,
        });
        self.over.note(target, ended);
        self.over.expect(believed_ms);
    }

    /// Time does not run backwards for leases. When the clock stepped back, what is denied to strict
    /// classes is asked again rather than refused for too long; after a step beyond the skew, all is.
    fn reckon(&mut self, now_ms: u64) -> u64 {
        if now_ms.saturating_add(SKEW_MS) < self.clock_ms {
            // When leases and stops end can no longer be told.
            for (subject, known) in &mut self.subjects {
                self.over.end(subject, known, u64::MAX);
            }
            self.subjects.clear();
            self.clock_ms = now_ms;
        } else if now_ms < self.clock_ms {
            for (subject, known) in &mut self.subjects {
                for (name, held) in known.classes.iter_mut().filter(|class| class.1.strict) {
                    self.over.note(subject, held.end_denial(name));
                }
            }
        }
        self.clock_ms = self.clock_ms.max(now_ms);
        self.clock_ms
    }

    fn known(&mut self, subject: &Subject, now_ms: u64) -> &mut Known {
        if self.subjects.len() >= self.max_subjects && !self.subjects.contains_key(subject) {
            self.make_room(now_ms);
        }
        let known = self.subjects.entry(subject.clone()).or_default();
        known.seen_ms = known.seen_ms.max(now_ms);
        known
    }

    /// Forgets what has passed, and then the quarter that was seen longest ago.
    fn make_room(&mut self, now_ms: u64) {
        self.over.look(&mut self.subjects, now_ms);
        self.subjects.retain(|_, known| known.is_useful(now_ms));
        if self.subjects.len() < self.max_subjects {
            return;
        }
        let mut seen: Vec<u64> = self.subjects.values().map(|known| known.seen_ms).collect();
        let quarter = seen.len() / 4;
        let (_, last, _) = seen.select_nth_unstable(quarter);
        let last_ms = *last;
        self.subjects.retain(|subject, known| {
            let keeps = known.seen_ms > last_ms;
            if !keeps {
                self.over.end(subject, known, u64::MAX);
            }
            keeps
        });
    }
}

/// Whether a lease can be used for these classes: with a strict one among them each request is asked about.
fn lends(classes: &[AskedClass]) -> bool {
    classes.iter().all(|class| !class.strict)
}
