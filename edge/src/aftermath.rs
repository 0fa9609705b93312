//! What follows from a request besides its answer: strikes of the client, and what the
//! origin told of logins, locks and sessions that ended.

use crate::{
    admin, admit,
    challenge::Unsolved,
    facts::Facts,
    forward::Forwarded,
    gate::Gate,
    guard::{self, Message, Order},
    ledger::{self, Batch, Change, Values, message},
    pace::MAX_DELAY_MS,
    pipeline::Decision,
    policy::StrikeKind,
    record,
    runtime::{Object, Runtime, ignored},
    token::TokenError,
    verdict::Stop,
    waf,
};
use gapura_shared::{
    outcome::{self, Login, Outcome},
    push::Revocation,
    time::UnixMillis,
};

/// How long the Ledger may take to store a revocation before the client is answered.
const STORE_MS: u32 = 2_000;
/// The tag of the rules for what only scanners ask for.
const PROBE_TAG: &str = "probe";

/// Reports the strikes of a request, all in one message and after the answer.
pub fn report<R: Runtime>(
    gate: &Gate,
    facts: &Facts,
    decision: &Decision<'_>,
    stop: Option<&Stop>,
    outcome: &Outcome,
    runtime: &R,
) {
    let mut kinds = stop
        .filter(|_| !is_sent_by_another_site(facts))
        .map(|stop| of_stop(stop, decision.report.as_ref()))
        .unwrap_or_default();
    if outcome.login == Some(Login::Failed) || matches!(stop, Some(Stop::Locked { .. })) {
        kinds.push(StrikeKind::LoginFailed);
    }
    if !matches!(stop, Some(Stop::Banned { .. })) && forges_seal(facts) {
        kinds.push(StrikeKind::BadSeal);
    }
    if !kinds.is_empty() {
        admit::strike(gate, facts, admit::jails(gate, &kinds), runtime);
    }
}

/// What a client did wrong that was stopped for it. Exhausted windows were counted where they
/// were found. A token that has expired is everybody's, and so is one whose key was retired or that
/// is another site's: programs keep them for long. A solution is a sealed text as a token is.
#[must_use]
pub fn of_stop(stop: &Stop, report: Option<&waf::Report>) -> Vec<StrikeKind> {
    match stop {
        // Who is slow, or sends a solution twice, forged nothing.
        Stop::TokenRefused(
            TokenError::Expired
            | TokenError::NotYetValid
            | TokenError::UnknownKey
            | TokenError::Issuer
            | TokenError::Audience,
        )
        | Stop::ChallengeFailed(Unsolved::Expired | Unsolved::Spent) => Vec::new(),
        Stop::TokenRefused(_) | Stop::ChallengeFailed(_) => vec![StrikeKind::BadToken],
        Stop::WafBlocked { .. } => {
            let findings = report.iter().flat_map(|report| &report.findings);
            let mut kinds: Vec<StrikeKind> = Vec::new();
            for finding in findings {
                let kind = match finding.tags.first() {
                    Some(&PROBE_TAG) => StrikeKind::Probe,
                    Some(tag) => StrikeKind::Waf(Some((*tag).to_owned())),
                    None => StrikeKind::Waf(None),
                };
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            if kinds.is_empty() {
                vec![StrikeKind::Waf(None)]
            } else {
                kinds
            }
        }
        _ => Vec::new(),
    }
}

/// Whether a browser says that another site's page had it send the request: an image, a frame, a
/// link. Its user did nothing, and must not be banned for an address in a foreign page. A program that
/// says so too is stopped as ever and counts in its windows.
fn is_sent_by_another_site(facts: &Facts) -> bool {
    facts.header("sec-fetch-site") == Some("cross-site")
        && matches!(facts.header("sec-fetch-mode"), Some("no-cors" | "navigate"))
}

/// Whether a client sends headers that only the edge writes.
fn forges_seal(facts: &Facts) -> bool {
    facts
        .headers
        .iter()
        .any(|(name, _)| name.starts_with("gapura-"))
}

/// Takes over what the origin told: locks to the accounts' shards, revocations to the Ledger
/// and at once to this isolate. The answer waits for it, so that whoever has it can rely on it; a
/// revocation that the Ledger does not take is told again after the answer, and logged if it is lost.
pub async fn take_over<R: Runtime, T>(
    gate: &Gate,
    facts: &Facts,
    forwarded: &Forwarded<T>,
    runtime: &R,
) {
    let Outcome {
        login,
        locks,
        revoked,
    } = &forwarded.outcome;
    // One that meets or begins a lock is answered when that is stored: it takes longer.
    if *login == Some(Login::Failed) && locks.is_empty() {
        gate.memory.logins.borrow_mut().note(forwarded.took_ms);
    }
    let told: Vec<_> = locks
        .iter()
        .map(|lock| tell_lock(gate, lock, forwarded.took_ms, runtime))
        .collect();
    let stored = (!revoked.is_empty()).then(|| revoke(gate, facts, revoked, runtime));
    for told in told {
        told.await;
    }
    if let Some(stored) = stored {
        stored.await;
    }
}

fn tell_lock<'a, R: Runtime>(
    gate: &Gate,
    lock: &outcome::Lock,
    took_ms: u32,
    runtime: &'a R,
) -> impl Future<Output = Option<String>> + use<'a, R> {
    let subject = admit::account(&lock.account);
    let order = Order::Lock(guard::Lock {
        source: lock
            .source
            .as_deref()
            .and_then(|source| source.parse().ok()),
        until_ms: lock.until_ms.0,
        // The origin does not know the way to it.
        delay_ms: lock.delay_ms.max(took_ms).min(MAX_DELAY_MS),
    });
    let name = admit::shard(gate, &subject, runtime);
    let message = Message::Order(subject, order).to_text();
    runtime.ask(Object::Guard(&name), &message, STORE_MS, ignored())
}

fn revoke<'a, R: Runtime>(
    gate: &Gate,
    facts: &Facts,
    revoked: &[Revocation],
    runtime: &'a R,
) -> impl Future<Output = ()> + use<'a, R> {
    // What the origin says was sealed; what cannot be read is nothing that a token could name.
    let changes: Vec<Change> = revoked
        .iter()
        .filter_map(|revoked| admin::revoked(revoked).ok())
        .collect();
    let values = |change: &Change| match change {
        Change::Put(key, entry) => {
            let until = entry.until.map(|until| until.after(ledger::GRACE_S));
            (
                key.clone(),
                Some(Values {
                    until,
                    not_before: entry.not_before,
                }),
            )
        }
        Change::Lift(key) => (key.clone(), None),
    };
    let now: UnixMillis = runtime.now();
    let mut held = gate.memory.ledger.borrow_mut();
    held.anticipate(changes.iter().map(values).collect(), now);
    drop(held);
    let message = message::Message::Apply(Batch {
        changes,
        list: None,
    })
    .to_text();
    let asked = runtime.ask(Object::Ledger, &message, STORE_MS, ignored());
    let lost = record::revocation_lost(facts, revoked.len(), now);
    let is_stored = |answer: &str| matches!(message::applied(answer), Ok(Ok(_)));
    async move {
        if !asked.await.is_some_and(|answer| is_stored(&answer)) {
            runtime.insist(Object::Ledger, &message, is_stored, lost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Unsolved, forges_seal, is_sent_by_another_site, of_stop};
    use crate::{facts::tests::facts, policy::StrikeKind, token::TokenError, verdict::Stop};

    #[test]
    fn an_expired_token_is_no_strike_and_a_forged_one_is() {
        assert!(of_stop(&Stop::TokenRefused(TokenError::Expired), None).is_empty());
        assert!(of_stop(&Stop::TokenMissing, None).is_empty());
        assert!(of_stop(&Stop::TokenRefused(TokenError::UnknownKey), None).is_empty());
        let forged = of_stop(&Stop::TokenRefused(TokenError::Signature), None);
        assert_eq!(forged, [StrikeKind::BadToken]);
        let solution = |why| of_stop(&Stop::ChallengeFailed(why), None);
        assert_eq!(solution(Unsolved::Wrong), [StrikeKind::BadToken]);
        assert!(solution(Unsolved::Spent).is_empty());
        let blocked = of_stop(
            &Stop::WafBlocked {
                rules: String::new(),
            },
            None,
        );
        assert_eq!(blocked, [StrikeKind::Waf(None)]);
    }

    #[test]
    fn what_a_foreign_page_asks_for_is_no_strike_of_its_visitor() {
        let sent = |site, mode| {
            let headers = [("sec-fetch-site", site), ("sec-fetch-mode", mode)];
            is_sent_by_another_site(&facts("GET", "http://h/.env", &headers))
        };
        assert!(sent("cross-site", "no-cors") && sent("cross-site", "navigate"));
        assert!(!sent("same-origin", "no-cors") && !sent("none", "navigate"));
        assert!(!sent("cross-site", "cors"));
        assert!(!is_sent_by_another_site(&facts(
            "GET",
            "http://h/.env",
            &[]
        )));
    }

    #[test]
    fn headers_of_the_seal_are_nobodys_to_send() {
        assert!(forges_seal(&facts(
            "GET",
            "http://h/",
            &[("gapura-identity", "x")]
        )));
        assert!(!forges_seal(&facts(
            "GET",
            "http://h/",
            &[("x-request-id", "x")]
        )));
    }
}
