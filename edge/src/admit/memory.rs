//! Refusals out of the isolate's memory: a flood of them costs no question.

use super::{jails, shard, stop, subject};
use crate::{
    admin,
    facts::Facts,
    gate::Gate,
    guard::{Banned, Message, Order, Refusal, Subject, Verdict},
    policy::{Found, GuardMode, Route, StrikeKind, SubjectKind},
    ratelimit::{self, Notice, Told},
    record,
    runtime::{Object, Runtime},
    verdict::Stop,
};
use gapura_shared::event::{self, Event};

/// A request that is refused before anything is done with it.
#[derive(Debug)]
pub struct Remembered<'g> {
    /// The route, where it was looked for.
    pub route: Option<&'g Route>,
    /// How its windows stand.
    pub notice: Option<Notice>,
    /// Why.
    pub stop: Stop,
    /// Whether it is worth a line in the log: the first, the tenth, the hundredth.
    pub noted: bool,
}

/// Whether memory refuses a request. Of `facts`, method, URL and address alone are looked at.
/// The operator's API is never refused here: it is where bans are lifted.
pub fn remembered<'g, R: Runtime>(
    gate: &'g Gate,
    facts: &Facts,
    runtime: &R,
) -> Option<Remembered<'g>> {
    let guard = &gate.policy.guard;
    if facts.path.starts_with(admin::PREFIX) {
        return None;
    }
    let spared = guard.mode == GuardMode::Detect
        || guard
            .never_ban
            .iter()
            .any(|network| network.contains(facts.client));
    let client = Subject::client(facts.client);
    let now = runtime.now();
    tell_over(gate, facts, runtime);
    let mut memory = gate.memory.guard.borrow_mut();
    if !memory.knows(&client) {
        return None;
    }
    let banned = memory.banned(&client, now.0).filter(|_| !spared);
    if let Some(refusal) = banned {
        return Some(Remembered {
            route: None,
            notice: None,
            stop: stop(&refusal.verdict, None),
            noted: is_noted(refusal.count),
        });
    }
    let found = gate
        .policy
        .route(&facts.method, &facts.host, &facts.path, &facts.query);
    let Found::Route(route) = found else {
        return None;
    };
    let replica = &gate.memory.ledger.borrow().replica;
    let under_attack = replica.under_attack(now.seconds());
    let asked = |(class, cost)| subject::asked(class, cost, under_attack);
    let counted = subject::counted(gate, route, &[SubjectKind::Ip]);
    let classes: Vec<_> = counted.into_iter().map(asked).collect();
    let refusal = memory.exhausted(&client, &classes, now.0)?;
    drop(memory);
    repeated(gate, &client, facts, &refusal, runtime);
    let told = classes.iter().map(|class| Told {
        class,
        standing: refusal
            .class
            .as_ref()
            .filter(|(name, _)| *name == class.name)
            .map(|held| held.1),
    });
    Some(Remembered {
        route: Some(route),
        notice: ratelimit::notice(&told.collect::<Vec<_>>()),
        stop: stop(&refusal.verdict, refusal.class.as_ref()),
        noted: is_noted(refusal.count),
    })
}

/// Logs the denials that are over, each once: how many requests it refused.
pub(super) fn tell_over<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) {
    let now = runtime.now();
    let over = gate.memory.guard.borrow_mut().over(now.0);
    for over in &over {
        runtime.log(&record::denied(over, &facts.request_id, now));
    }
}

/// Whether a refusal out of memory is logged at once.
const fn is_noted(count: u32) -> bool {
    matches!(count, 1 | 10 | 100 | 1_000 | 10_000 | 100_000 | 1_000_000)
}

/// Who goes on asking while a class is exhausted strikes with every request. They are reported
/// once in a denial: when they are as many as a jail bears.
pub(super) fn repeated<R: Runtime>(
    gate: &Gate,
    client: &Subject,
    facts: &Facts,
    refusal: &Refusal,
    runtime: &R,
) {
    if refusal.class.is_none() || !matches!(client, Subject::Ip(_)) {
        return;
    }
    let jails = jails(gate, &[StrikeKind::RateLimited]);
    // The shard's own refusal was the first strike.
    if jails
        .iter()
        .any(|jail| jail.strikes == refusal.count.saturating_add(1))
    {
        strike(gate, facts, refusal.count, jails, runtime);
    }
}

/// Reports strikes of the client after the answer; a ban that follows is remembered and logged.
pub fn strike<R: Runtime>(
    gate: &Gate,
    facts: &Facts,
    times: u32,
    jails: Vec<crate::guard::Jail>,
    runtime: &R,
) {
    let never = &gate.policy.guard.never_ban;
    if jails.is_empty() || never.iter().any(|network| network.contains(facts.client)) {
        return;
    }
    let client = Subject::client(facts.client);
    let name = shard(gate, &client, runtime);
    let order = Order::Strike { times, jails };
    let message = Message::Order(client, order).to_text();
    let (memory, now) = (gate.memory.clone(), runtime.now());
    let (id, address) = (facts.request_id.clone(), facts.client);
    runtime.tell(Object::Guard(&name), &message, move |answer| {
        let Banned(verdict) = Banned::parse(&answer?).ok()?;
        let verdict = verdict?;
        memory.guard.borrow_mut().ban(&verdict, now.0, now.0);
        let Verdict::Banned {
            for_ms,
            target,
            reason,
        } = verdict
        else {
            return None;
        };
        memory.refuses_for(now.0, for_ms);
        let event = Event {
            at_ms: now,
            event: event::Kind::BanAdded,
            request_id: id,
            client: Some(address),
            actor: None,
            action: "BAN".to_owned(),
            target: target.to_string(),
            outcome: 0,
            reason: format!("{reason}: {} s", for_ms.div_ceil(1000)),
        };
        serde_json::to_string(&event).ok()
    });
}
