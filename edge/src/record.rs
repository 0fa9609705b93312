//! What the gate writes down about a request: one security event as a JSON line.

use crate::{
    facts::Facts,
    guard::{Subject, Verdict, lease::Denied},
    verdict::Stop,
    waf,
};
use gapura_shared::{
    event::{Event, Kind},
    ids::RequestId,
    time::UnixMillis,
};
use std::net::IpAddr;

/// The event of a stop, where it is one.
#[must_use]
pub fn stopped(facts: &Facts, stop: &Stop, status: u16, now: UnixMillis) -> Option<Event> {
    let reason = match stop.log_detail() {
        Some(detail) => format!("{}: {detail}", stop.reason()),
        None => stop.reason().to_owned(),
    };
    Some(event(facts, stop.event()?, status, reason, now))
}

/// The event of findings that did not stop the request.
#[must_use]
pub fn detected(facts: &Facts, report: &waf::Report, now: UnixMillis) -> Option<Event> {
    (report.verdict == waf::Verdict::Logged)
        .then(|| event(facts, Kind::WafDetected, 0, rules(report), now))
}

/// The event of a request that a ban would have refused, had it been enforced.
#[must_use]
pub fn spared(facts: &Facts, why: &str, now: UnixMillis) -> Event {
    event(facts, Kind::BanDetected, 0, format!("banned: {why}"), now)
}

/// The event of a ban that began now; `None` for one that held before.
#[must_use]
pub fn ban_added(
    verdict: &Verdict,
    client: IpAddr,
    request_id: &RequestId,
    now: UnixMillis,
) -> Option<Event> {
    let Verdict::Banned {
        for_ms,
        target,
        reason,
        began: true,
    } = verdict
    else {
        return None;
    };
    Some(Event {
        at_ms: now,
        event: Kind::BanAdded,
        request_id: request_id.clone(),
        client: Some(client),
        actor: None,
        action: "BAN".to_owned(),
        target: target.to_string(),
        outcome: 0,
        reason: format!("{reason}: {} s", for_ms.div_ceil(1000)),
    })
}

/// The event of a request to the operator's API that was refused.
#[must_use]
pub fn refused(facts: &Facts, kind: Kind, outcome: u16, reason: &str, now: UnixMillis) -> Event {
    event(facts, kind, outcome, reason.to_owned(), now)
}

/// The event of revocations that the Ledger did not take, though told again and again.
#[must_use]
pub fn revocation_lost(facts: &Facts, count: usize, now: UnixMillis) -> Event {
    let reason = format!("ledger-unavailable: {count} revocations");
    event(facts, Kind::RevocationLost, 0, reason, now)
}

/// The event of an object (`ledger`, `guard`) that has no room for what it was told.
#[must_use]
pub fn full(object: &str, why: &str, request_id: RequestId, now: UnixMillis) -> Event {
    Event {
        at_ms: now,
        event: Kind::GuardFull,
        request_id,
        client: None,
        actor: None,
        action: "FULL".to_owned(),
        target: object.to_owned(),
        outcome: 0,
        reason: why.to_owned(),
    }
}

/// Whether such an event is due that was told last at this time: one a minute.
#[must_use]
pub const fn is_due(told_ms: u64, now: UnixMillis) -> bool {
    now.0.abs_diff(told_ms) >= 60_000
}

/// The event of a denial that is over: how many requests an isolate refused out of memory. `noticed` is
/// the request with which that was noticed.
#[must_use]
pub fn denied(over: &Denied, noticed: &RequestId, now: UnixMillis) -> Event {
    let count = over.count;
    let (kind, outcome, reason) = match (&over.class, &over.verdict) {
        (None, Verdict::Banned { reason, .. }) => {
            (Kind::BanEnforced, 403, format!("banned: {reason}"))
        }
        (class, _) => {
            let class = class.as_deref().unwrap_or_default();
            (
                Kind::RateLimitExceeded,
                429,
                format!("rate-limited: {class}"),
            )
        }
    };
    Event {
        at_ms: now,
        event: kind,
        request_id: noticed.clone(),
        client: match &over.subject {
            Subject::Ip(network) => Some(network.parts().0),
            Subject::Named(..) => None,
        },
        actor: None,
        action: "DENIED".to_owned(),
        target: over.subject.to_string(),
        outcome,
        reason: format!("{reason}: {count} refused from memory"),
    }
}

/// The event of a stop that came after the answer had begun: the client has that `status`, the
/// origin no whole body. When and why is known once it happens.
#[must_use]
pub fn late(facts: &Facts, status: u16) -> Event {
    event(
        facts,
        Kind::WafBlocked,
        status,
        String::new(),
        UnixMillis(0),
    )
}

/// The ids of the rules that matched, joined by commas.
#[must_use]
pub fn rules(report: &waf::Report) -> String {
    report
        .findings
        .iter()
        .map(|finding| finding.rule.as_ref())
        .collect::<Vec<_>>()
        .join(",")
}

fn event(facts: &Facts, kind: Kind, outcome: u16, reason: String, now: UnixMillis) -> Event {
    Event {
        at_ms: now,
        event: kind,
        request_id: facts.request_id.clone(),
        client: Some(facts.client),
        actor: None,
        action: facts.method.clone(),
        target: facts.path.clone(),
        outcome,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::{full, is_due, stopped};
    use crate::{facts::tests::facts, token::TokenError, verdict::Stop};
    use gapura_shared::{event::Kind, ids::RequestId, time::UnixMillis};

    #[test]
    fn says_why_but_not_what_the_query_held() {
        let facts = facts(
            "GET",
            "http://h/p?token=hunter2",
            &[("authorization", "Bearer hunter2")],
        );
        let stop = Stop::TokenRefused(TokenError::Expired);
        let event = stopped(&facts, &stop, 401, UnixMillis(1)).unwrap();
        assert_eq!(
            (event.event, event.reason.as_str()),
            (Kind::AuthFailed, "token-invalid: expired")
        );
        assert!(!serde_json::to_string(&event).unwrap().contains("hunter2"));
    }

    #[test]
    fn our_own_failures_are_no_security_events() {
        let facts = facts("GET", "http://h/", &[]);
        assert_eq!(
            stopped(&facts, &Stop::OriginTimeout, 504, UnixMillis(1)),
            None
        );
    }

    #[test]
    fn an_object_without_room_is_an_event_once_a_minute() {
        let event = full(
            "ledger",
            "no",
            RequestId::from_random([1; 16]),
            UnixMillis(7),
        );
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains(r#""event":"GUARD_FULL""#) && text.contains(r#""target":"ledger""#));
        let minute = |ms: u64| is_due(1_000_000, UnixMillis(1_000_000 + ms));
        assert!(!minute(0) && !minute(59_999) && minute(60_000));
        assert!(
            is_due(1_000_000, UnixMillis(1_000)),
            "the clock stepped back"
        );
        assert!(is_due(0, UnixMillis(1_000_000)), "the first");
    }
}
