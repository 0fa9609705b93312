//! Refusals out of the isolate's memory: a flood of them costs no question.

use super::{Repeat, jails, settle::stop, shard, subject};
use crate::{
    admin,
    facts::Facts,
    gate::Gate,
    guard::{Banned, Jail, Message, Order, Refusal, Subject, Verdict},
    policy::{Counted, Found, GuardMode, Route, StrikeKind, SubjectKind},
    ratelimit::{self, Notice, Told},
    record, revocation,
    runtime::{Object, Runtime},
    verdict::Stop,
};
use gapura_shared::{ids::RequestId, seal};
use std::net::IpAddr;

/// A request that is refused before anything is done with it.
#[derive(Debug)]
pub struct Remembered<'g> {
    /// The route, where it was looked for.
    pub route: Option<&'g Route>,
    /// How its windows stand.
    pub notice: Option<Notice>,
    /// Why.
    pub stop: Stop,
    /// How the platform can repeat it.
    pub repeat: Option<Repeat>,
}

/// Whether memory refuses a request. Of `facts`, method, URL, address, country and whether a token
/// may come along are looked at.
pub fn remembered<'g, R: Runtime>(
    gate: &'g Gate,
    facts: &Facts,
    runtime: &R,
) -> Option<Remembered<'g>> {
    let guard = &gate.policy.guard;
    let client = Subject::client(facts.client);
    let now = runtime.now();
    tell_over(gate, facts, runtime);
    let mut memory = gate.memory.guard.borrow_mut();
    if !memory.knows(&client) {
        return None;
    }
    if facts.path.starts_with(admin::PREFIX) {
        // Bans stop nobody where they are lifted, and the origin is not counted.
        if facts.header(seal::SIGNATURE_INPUT).is_some() {
            return None;
        }
        drop(memory);
        let refused = exhausted(gate, None, &guard.classes, facts, runtime)?;
        return Some(Remembered {
            repeat: None,
            ..refused
        });
    }
    let mut never = guard.never_ban.iter();
    let spared =
        guard.mode == GuardMode::Detect || never.any(|network| network.contains(facts.client));
    if !spared && let Some(refusal) = memory.banned(&client, now.0) {
        return Some(Remembered {
            route: None,
            notice: None,
            stop: stop(&refusal.verdict, None, refusal.is_again()),
            repeat: Repeat::of(gate, facts, &refusal, now),
        });
    }
    let is_barred = memory.is_barred(&client);
    drop(memory);
    if is_barred && let Some(refusal) = revocation::barred(gate, facts, runtime) {
        return Some(Remembered {
            route: None,
            notice: None,
            stop: stop(&refusal.verdict, None, refusal.is_again()),
            repeat: Repeat::of_barred(gate, facts, &refusal, now),
        });
    }
    let found = gate
        .policy
        .route(&facts.method, &facts.host, &facts.path, &facts.query);
    let Found::Route(route) = found else {
        return None;
    };
    exhausted(gate, Some(route), &route.classes, facts, runtime)
}

/// Whether one of these classes is remembered to have no room for the client.
fn exhausted<'g, R: Runtime>(
    gate: &'g Gate,
    route: Option<&'g Route>,
    classes: &[Counted],
    facts: &Facts,
    runtime: &R,
) -> Option<Remembered<'g>> {
    let client = Subject::client(facts.client);
    let now = runtime.now();
    let replica = &gate.memory.ledger.borrow().replica;
    let under_attack = replica.under_attack(now.seconds());
    let asked = |(class, cost)| subject::asked(class, cost, under_attack);
    let counted = subject::counted(gate, classes, &[SubjectKind::Ip]);
    let classes: Vec<_> = counted.into_iter().map(asked).collect();
    let mut memory = gate.memory.guard.borrow_mut();
    let refusal = memory.exhausted(&client, &classes, now.0)?;
    drop(memory);
    repeated(gate, &client, facts, &refusal, runtime);
    let told = classes.iter().zip(refusal.standings(&classes));
    let told = told.map(|(class, standing)| Told { class, standing });
    Some(Remembered {
        route,
        notice: ratelimit::notice(&told.collect::<Vec<_>>()),
        stop: stop(&refusal.verdict, refusal.class.as_ref(), refusal.is_again()),
        repeat: Repeat::of(gate, facts, &refusal, now),
    })
}

/// Logs the denials that are over, each once, with how many requests it refused, and reports
/// what of them are strikes that were not reported yet.
pub(super) fn tell_over<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) {
    let now = runtime.now();
    tell_begun(gate, facts, runtime);
    let over = gate.memory.guard.borrow_mut().over(now.0);
    for over in &over {
        runtime.log(&record::denied(over, &facts.request_id, now));
        if let (Subject::Ip(network), 1..) = (&over.subject, over.unreported) {
            let struck = Struck {
                client: over.subject.clone(),
                address: network.parts().0,
                request_id: facts.request_id.clone(),
                shared: false,
            };
            let jails = jails(gate, &[StrikeKind::RateLimited]);
            report(gate, struck, over.unreported, jails, runtime);
        }
    }
}

/// Logs the bans that began with an answer.
pub(super) fn tell_begun<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) {
    let begun = gate.memory.guard.borrow_mut().begun();
    for verdict in &begun {
        // One that came late may be of another client than the one that is here now.
        let client = match verdict {
            Verdict::Banned {
                target: Subject::Ip(network),
                ..
            } if !network.contains(facts.client) => network.parts().0,
            _ => facts.client,
        };
        let now = runtime.now();
        if let Some(event) = record::ban_added(verdict, client, &facts.request_id, now) {
            runtime.log(&event);
        }
    }
}

/// Who goes on asking while a class is exhausted strikes with every request. They are reported
/// when they are as many as a jail bears, and what is left of them once the denial is over.
pub(super) fn repeated<R: Runtime>(
    gate: &Gate,
    client: &Subject,
    facts: &Facts,
    refusal: &Refusal,
    runtime: &R,
) {
    let (Some((class, _)), Subject::Ip(_)) = (&refusal.class, client) else {
        return;
    };
    let jails = jails(gate, &[StrikeKind::RateLimited]);
    // The shard's own refusal was the first strike.
    if jails
        .iter()
        .any(|jail| jail.strikes == refusal.count.saturating_add(1))
    {
        let times = gate.memory.guard.borrow_mut().report(client, class);
        report(gate, Struck::of(facts, false), times, jails, runtime);
    }
}

/// Reports what a client did wrong after the answer; a ban that follows is remembered and logged.
pub fn strike<R: Runtime>(gate: &Gate, facts: &Facts, jails: Vec<Jail>, runtime: &R) {
    report(gate, Struck::of(facts, true), 1, jails, runtime);
}

/// Whose strikes are reported.
struct Struck {
    client: Subject,
    address: IpAddr,
    /// The request that led to it, or with which it was noticed.
    request_id: RequestId,
    /// Whether the IPv6 networks around it answer for it, too. Not for asking too often: of
    /// a carrier's network thousands of honest clients may.
    shared: bool,
}

impl Struck {
    fn of(facts: &Facts, shared: bool) -> Self {
        Self {
            client: Subject::client(facts.client),
            address: facts.client,
            request_id: facts.request_id.clone(),
            shared,
        }
    }

    fn is_exempt(&self, gate: &Gate) -> bool {
        let Subject::Ip(client) = &self.client else {
            return false;
        };
        let never = &gate.policy.guard.never_ban;
        never
            .iter()
            .any(|net| net.contains(self.address) || client.contains(net.parts().0))
    }
}

fn report<R: Runtime>(gate: &Gate, struck: Struck, times: u32, jails: Vec<Jail>, runtime: &R) {
    if jails.is_empty() || times == 0 || struck.is_exempt(gate) {
        return;
    }
    // In a region's shard it is the region of who is served now: an isolate serves its neighbours.
    let name = shard(gate, &struck.client, runtime);
    let order = Order::Strike {
        times,
        jails,
        shared: struck.shared,
    };
    let message = Message::Order(struck.client, order).to_text();
    let (memory, sent) = (gate.memory.clone(), runtime.now());
    let (id, address) = (struck.request_id, struck.address);
    runtime.tell(Object::Guard(&name), &message, move |answer, now| {
        let Banned(verdict) = Banned::parse(&answer?).ok()?;
        let verdict = verdict?;
        memory.guard.borrow_mut().ban(&verdict, sent.0, now.0);
        if let Verdict::Banned { for_ms, .. } = &verdict {
            memory.refuses_for(sent.0, *for_ms);
        }
        let event = record::ban_added(&verdict, address, &id, now)?;
        serde_json::to_string(&event).ok()
    });
}
