//! The Ledger as a request sees it: this isolate's copy, how old it may be, and what
//! it says of the request.
//!
//! Guarantees: nothing is decided by a copy that is older than the policy's `ledger_ms` for a
//! request with a token, or [`ANONYMOUS_MS`] without one, unless the Ledger cannot be asked; then a token
//! is refused by an isolate that has no copy at all, and by every one where a route asks for the Ledger's
//! own word. A request with a token waits for a Ledger that is far away, one without does not. Under
//! steady traffic nobody waits: a copy is renewed after an answer once it has three quarters of that age.

mod held;

pub use held::{Held, Need, Sent};

use crate::{
    authenticate,
    facts::Facts,
    gate::Gate,
    guard::{self, Kind, Refusal, Subject},
    ledger::{Bearer, Client, Target, message::Message},
    policy::{GuardMode, Route},
    runtime::{Late, Object, Runtime},
    token::Verified,
    verdict::Stop,
};
use std::{pin::Pin, rc::Rc};

/// How old a copy may be for a request without a token.
pub const ANONYMOUS_MS: u64 = 30_000;
/// How long it may take for the operator.
const OPERATOR_MS: u32 = 5_000;

/// A look at the Ledger, under way or done.
pub struct Look<'a> {
    gate: &'a Gate,
    asked: Option<Asked<'a>>,
    is_fresh: bool,
    /// The operator's ban that would have refused the request, were bans enforced.
    spared: Option<String>,
}

struct Asked<'a> {
    sent: Sent,
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
    let is_spared = max_ms.is_some() && (held.has_copy() || !bears_token);
    let given_up = is_spared && held.is_given_up(now, budget_ms);
    drop(held);
    if need == Need::Renewal {
        gate.memory.ledger.borrow_mut().renews(now);
        let (held, sent) = (Rc::clone(&gate.memory.ledger), sends(gate, runtime));
        runtime.tell(Object::Ledger, &question, move |answer, _| {
            held.borrow_mut().learn(answer.as_deref(), &sent);
            None
        });
    }
    let asks = need == Need::Answer && !given_up;
    let asked = asks.then(|| {
        let sent = sends(gate, runtime);
        let late = late(gate, sent.clone());
        Asked {
            sent,
            budget_ms,
            answer: Box::pin(runtime.ask(Object::Ledger, &question, budget_ms, late)),
        }
    });
    Look {
        gate,
        asked,
        is_fresh: need != Need::Answer,
        spared: None,
    }
}

/// Notes a question, and has a timer tell when what is answered to it is too old for a token.
fn sends<R: Runtime>(gate: &Gate, runtime: &R) -> Sent {
    let timer_ms = gate.policy.guard.ledger_ms;
    let sent = gate
        .memory
        .ledger
        .borrow_mut()
        .send(timer_ms, runtime.now());
    let rings = sent.clone();
    runtime.after(timer_ms, move || rings.ring());
    sent
}

/// Has the isolate learn what came too late for the request that asked.
fn late(gate: &Gate, sent: Sent) -> Late {
    let held = Rc::clone(&gate.memory.ledger);
    Box::new(move |answer, _| {
        held.borrow_mut().learn(Some(answer), &sent);
        None
    })
}

/// Asks the Ledger what is new; whether it answered.
async fn renew<R: Runtime>(gate: &Gate, budget_ms: u32, runtime: &R) -> bool {
    let sent = sends(gate, runtime);
    let question = Message::Since(gate.memory.ledger.borrow().replica.version()).to_text();
    let late = late(gate, sent.clone());
    let answer = runtime
        .ask(Object::Ledger, &question, budget_ms, late)
        .await;
    let mut held = gate.memory.ledger.borrow_mut();
    held.learn(answer.as_deref(), &sent)
}

impl Look<'_> {
    /// Awaits the Ledger's answer, if it was asked; whether the copy is fresh enough now.
    async fn settle<R: Runtime>(&mut self, runtime: &R) -> bool {
        if let Some(asked) = self.asked.take() {
            let answer = asked.answer.await;
            let mut held = self.gate.memory.ledger.borrow_mut();
            self.is_fresh = held.learn(answer.as_deref(), &asked.sent);
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
        let mut is_fresh = self.settle(runtime).await;
        let ledger_ms = self.gate.policy.guard.ledger_ms.into();
        let age_ms = self.gate.memory.ledger.borrow().age_ms(runtime.now());
        if is_fresh && bearer.is_some() && age_ms.is_none_or(|age_ms| age_ms > ledger_ms) {
            // It was fresh when the request came, which took its time.
            is_fresh = renew(self.gate, self.gate.policy.guard.closed_budget_ms, runtime).await;
        }
        let has_copy = self.gate.memory.ledger.borrow().has_copy();
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
        if !renew(gate, OPERATOR_MS, runtime).await {
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
    let age_ms = gate.memory.ledger.borrow().age_ms(runtime.now());
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
