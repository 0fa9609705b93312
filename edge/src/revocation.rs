//! The Ledger as a request sees it: this isolate's copy, how old it may be, and what
//! it says of the request.
//!
//! Guarantees: nothing is decided by a copy that is older than the policy's `ledger_ms` for a
//! request with a token, or [`ANONYMOUS_MS`] without one, unless the Ledger cannot be asked; then a token
//! is refused by an isolate that has no copy at all, and by every one where a route asks for the Ledger's
//! own word. A request with a token waits for a Ledger that is far away, one without does not. Under
//! steady traffic nobody waits: a copy is renewed after an answer once it has half that age.

use crate::{
    authenticate,
    facts::Facts,
    gate::Gate,
    guard::{self, Kind, Refusal, Subject},
    ledger::{Bearer, Client, Key, Replica, Target, Update, Values, message::Message},
    policy::{GuardMode, Route},
    runtime::{Late, Object, Runtime},
    token::Verified,
    verdict::Stop,
};
use gapura_shared::time::UnixMillis;
use std::{pin::Pin, rc::Rc};

/// How old a copy may be for a request without a token.
pub const ANONYMOUS_MS: u64 = 30_000;
/// How long the Ledger is let alone after it did not answer.
const PATIENCE_MS: u64 = 1_000;
/// How long it may take for the operator.
const OPERATOR_MS: u32 = 5_000;

/// An isolate's copy.
#[derive(Debug, Default)]
pub struct Held {
    /// What is known.
    pub replica: Replica,
    /// When the question was sent that the last answer was for; `None`: there was none.
    known_ms: Option<u64>,
    /// Whether there ever was one.
    has_copy: bool,
    /// When it was last asked for in passing.
    asked_ms: u64,
    /// When it did not answer, and within which time.
    failed: Option<(u64, u32)>,
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

/// A look at the Ledger, under way or done.
pub struct Look<'a> {
    gate: &'a Gate,
    asked: Option<Asked<'a>>,
    is_fresh: bool,
    /// The operator's ban that would have refused the request, were bans enforced.
    spared: Option<String>,
}

struct Asked<'a> {
    sent: UnixMillis,
    budget_ms: u32,
    answer: Pin<Box<dyn Future<Output = Option<String>> + 'a>>,
}

impl std::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look")
            .field("is_fresh", &self.is_fresh)
            .finish_non_exhaustive()
    }
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
        match max_ms.zip(self.age_ms(now.0)) {
            Some((max_ms, age_ms)) if age_ms <= max_ms => {
                if age_ms > max_ms / 2 && !is_recent(self.asked_ms, now) {
                    Need::Renewal
                } else {
                    Need::Nothing
                }
            }
            _ => Need::Answer,
        }
    }

    /// Notes that it is asked for in passing.
    pub const fn renews(&mut self, now: UnixMillis) {
        self.asked_ms = now.0;
    }

    /// Takes over what the Ledger answered to a question of this time; whether it did.
    pub fn learn(&mut self, answer: Option<&str>, sent: UnixMillis) -> bool {
        let learnt = answer.is_some_and(|text| {
            // Another request may have learnt newer things while this one waited.
            version(text).is_some_and(|version| version < self.replica.version())
                || self.replica.update(text, sent.seconds()).is_ok()
        });
        if learnt {
            self.known_ms = Some(sent.0);
            self.has_copy = true;
            self.failed = None;
        }
        learnt
    }

    /// Notes that the Ledger did not answer within this time.
    const fn missed(&mut self, now: UnixMillis, budget_ms: u32) {
        self.failed = Some((now.0, budget_ms));
    }

    /// Whether the Ledger is let alone by who would wait for it that long: it failed a moment ago
    /// somebody who was as patient.
    fn is_given_up(&self, now: UnixMillis, budget_ms: u32) -> bool {
        self.failed.is_some_and(|(failed_ms, within_ms)| {
            within_ms >= budget_ms && is_recent(failed_ms, now)
        })
    }

    /// Has the next request ask.
    pub const fn outdate(&mut self) {
        self.known_ms = None;
        self.failed = None;
    }

    const fn age_ms(&self, now_ms: u64) -> Option<u64> {
        match self.known_ms {
            // After a step back of the clock nobody can say how old it is.
            Some(known_ms) => now_ms.checked_sub(known_ms),
            None => None,
        }
    }
}

fn version(update: &str) -> Option<u64> {
    let (head, _) = update.split_once('\n')?;
    head.get(1..)?.parse().ok()
}

/// How old the copy may be; `None`: the Ledger itself must be asked.
fn max_age_ms(gate: &Gate, route: Option<&Route>, facts: &Facts) -> Option<u64> {
    if route.is_some_and(|route| route.strict_revocation) {
        return None;
    }
    Some(if authenticate::bears_token(gate, facts) {
        gate.policy.guard.ledger_ms.into()
    } else {
        ANONYMOUS_MS
    })
}

/// Looks at the copy, or asks the Ledger if that is too old.
pub fn look<'a, R: Runtime>(
    gate: &'a Gate,
    route: Option<&Route>,
    facts: &Facts,
    runtime: &'a R,
) -> Look<'a> {
    let now = runtime.now();
    let held = gate.memory.ledger.borrow();
    let question = Message::Since(held.replica.version()).to_text();
    let max_ms = max_age_ms(gate, route, facts);
    let need = held.need(max_ms, now);
    let bears_token = authenticate::bears_token(gate, facts);
    let budget_ms = if max_ms.is_none() || bears_token {
        gate.policy.guard.closed_budget_ms
    } else {
        gate.policy.guard.budget_ms
    };
    // Who would be refused for want of an answer asks.
    let is_spared = max_ms.is_some() && (held.has_copy || !bears_token);
    let given_up = is_spared && held.is_given_up(now, budget_ms);
    drop(held);
    if need == Need::Renewal {
        gate.memory.ledger.borrow_mut().renews(now);
        let held = Rc::clone(&gate.memory.ledger);
        runtime.tell(Object::Ledger, &question, move |answer| {
            held.borrow_mut().learn(answer.as_deref(), now);
            None
        });
    }
    let asks = need == Need::Answer && !given_up;
    let asked = asks.then(|| Asked {
        sent: now,
        budget_ms,
        answer: Box::pin(runtime.ask(Object::Ledger, &question, budget_ms, late(gate, now))),
    });
    Look {
        gate,
        asked,
        is_fresh: need != Need::Answer,
        spared: None,
    }
}

/// Whether something happened within [`PATIENCE_MS`]. After a step back of the clock nobody can
/// say, and it is asked again.
fn is_recent(at_ms: u64, now: UnixMillis) -> bool {
    now.0
        .checked_sub(at_ms)
        .is_some_and(|gone_ms| gone_ms < PATIENCE_MS)
}

/// Has the isolate learn what came too late for the request that asked.
fn late(gate: &Gate, sent: UnixMillis) -> Late {
    let held = Rc::clone(&gate.memory.ledger);
    Box::new(move |answer, _| {
        held.borrow_mut().learn(Some(answer), sent);
        None
    })
}

impl Look<'_> {
    /// Awaits the Ledger's answer, if it was asked; whether the copy is fresh enough now.
    async fn settle<R: Runtime>(&mut self, runtime: &R) -> bool {
        if let Some(asked) = self.asked.take() {
            let answer = asked.answer.await;
            let mut held = self.gate.memory.ledger.borrow_mut();
            self.is_fresh = held.learn(answer.as_deref(), asked.sent);
            if !self.is_fresh {
                held.missed(runtime.now(), asked.budget_ms);
            }
        }
        self.is_fresh
    }

    /// Whether the site is under attack.
    pub async fn under_attack<R: Runtime>(&mut self, runtime: &R) -> bool {
        self.settle(runtime).await;
        let held = self.gate.memory.ledger.borrow();
        held.replica.under_attack(runtime.now().seconds())
    }

    /// What the Ledger says of a request whose token, if it bears one, was verified.
    ///
    /// # Errors
    /// [`Stop::Banned`], [`Stop::TokenRevoked`], [`Stop::LedgerUnavailable`].
    pub async fn check<R: Runtime>(
        &mut self,
        route: &Route,
        facts: &Facts,
        bearer: Option<&Verified>,
        runtime: &R,
    ) -> Result<(), Stop> {
        let is_fresh = self.settle(runtime).await;
        let has_copy = self.gate.memory.ledger.borrow().has_copy;
        let needs_word = route.strict_revocation || (bearer.is_some() && !has_copy);
        if !is_fresh && needs_word {
            return Err(Stop::LedgerUnavailable);
        }
        if let Some(target) = banned(self.gate, facts, bearer, runtime) {
            if self.gate.policy.guard.mode == GuardMode::Enforce {
                return Err(refused(&bar(self.gate, facts, &target, runtime), &target));
            }
            self.spared = Some(target.to_string());
        }
        bearer.map_or(Ok(()), |bearer| holds(self.gate, bearer, runtime))
    }

    /// The operator's ban that would have refused the request, had it been enforced.
    #[must_use]
    pub fn spared(&self) -> Option<&str> {
        self.spared.as_deref()
    }

    /// Whether a token holds by the Ledger's own word.
    ///
    /// # Errors
    /// [`Stop::TokenRevoked`], [`Stop::LedgerUnavailable`].
    pub async fn confirm<R: Runtime>(
        gate: &Gate,
        bearer: &Verified,
        runtime: &R,
    ) -> Result<(), Stop> {
        let now = runtime.now();
        let question = Message::Since(gate.memory.ledger.borrow().replica.version()).to_text();
        let answer = runtime
            .ask(Object::Ledger, &question, OPERATOR_MS, late(gate, now))
            .await;
        if !gate
            .memory
            .ledger
            .borrow_mut()
            .learn(answer.as_deref(), now)
        {
            return Err(Stop::LedgerUnavailable);
        }
        holds(gate, bearer, runtime)
    }
}

/// Whether the copy bans the client, before anything else is done with the request. One that
/// is too old is not believed: what it says may have been lifted.
///
/// # Errors
/// [`Stop::Banned`].
pub fn early<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) -> Result<(), Stop> {
    match barring(gate, facts, runtime) {
        Some(target) => Err(refused(&bar(gate, facts, &target, runtime), &target)),
        None => Ok(()),
    }
}

/// The same refusal, counted and without anything else done with the request.
pub fn barred<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) -> Option<Refusal> {
    let target = barring(gate, facts, runtime)?;
    Some(bar(gate, facts, &target, runtime))
}

/// The ban that refuses a request by a copy that is fresh enough.
fn barring<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) -> Option<Target> {
    let age_ms = gate.memory.ledger.borrow().age_ms(runtime.now().0);
    let max_ms = max_age_ms(gate, None, facts);
    let is_fresh = age_ms
        .zip(max_ms)
        .is_some_and(|(age_ms, max_ms)| age_ms <= max_ms);
    (is_fresh && gate.policy.guard.mode == GuardMode::Enforce)
        .then(|| banned(gate, facts, None, runtime))
        .flatten()
}

/// Counts a refusal, by the client or, if it is a user who is banned, by that.
fn bar<R: Runtime>(gate: &Gate, facts: &Facts, target: &Target, runtime: &R) -> Refusal {
    let subject = match target {
        Target::User(id) => Subject::named(Kind::User, id),
        _ => Subject::client(facts.client),
    };
    let now_ms = runtime.now().0;
    gate.memory.refuses_for(now_ms, guard::lease::REMEMBER_MS);
    let mut memory = gate.memory.guard.borrow_mut();
    memory.bar(&subject, &target.to_string(), now_ms)
}

fn refused(refusal: &Refusal, target: &Target) -> Stop {
    Stop::Banned {
        why: target.to_string(),
        again: refusal.is_again(),
    }
}

/// The target of the operator's ban that holds on a request.
fn banned<R: Runtime>(
    gate: &Gate,
    facts: &Facts,
    bearer: Option<&Verified>,
    runtime: &R,
) -> Option<Target> {
    let guard = &gate.policy.guard;
    let held = gate.memory.ledger.borrow();
    if held.replica.is_empty() || guard.never_ban.iter().any(|net| net.contains(facts.client)) {
        return None;
    }
    let client = Client {
        address: facts.client,
        country: facts.country.as_deref(),
        asn: held
            .replica
            .bans_systems()
            .then(|| runtime.place().asn)
            .flatten(),
        user: bearer.and_then(|bearer| bearer.principal.subject.as_deref()),
    };
    let (target, _) = held.replica.banned(&client, runtime.now().seconds())?;
    Some(target)
}

fn holds<R: Runtime>(gate: &Gate, bearer: &Verified, runtime: &R) -> Result<(), Stop> {
    let held = gate.memory.ledger.borrow();
    if held.replica.is_empty() {
        return Ok(());
    }
    let principal = &bearer.principal;
    let named = Bearer {
        user: principal.subject.as_deref(),
        tenant: principal.tenant.as_deref(),
        session: principal.session.as_deref(),
        token_id: principal.token_id.as_deref(),
        signing_key: bearer.key_id.as_deref(),
        issued_at: bearer.issued_at,
    };
    match held.replica.revoked(&named, runtime.now().seconds()) {
        Some(key) => Err(Stop::TokenRevoked(key.kind())),
        None => Ok(()),
    }
}
