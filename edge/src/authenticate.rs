//! The token stage's shell: find the token, have the keys, verify, check the role.
//! The decisions are in `token`; here they meet the clock, the memory and the key source.

use crate::{
    facts::Facts,
    forward::{self, Sealable, SealableBody},
    gate::Gate,
    policy::{JwksSource, Route, TokenNeed},
    runtime::{Outbound, OutboundBody, Received, Runtime},
    token::{
        self, KeyOrigin, KeySet, TokenError, Verified,
        candidate::{Candidate, Carrier, candidate},
        csrf,
        jwks::{Decision, FETCH_TIMEOUT_S, FetchError, Need},
    },
    verdict::Stop,
};
use gapura_shared::{identity::Identity, parse::cookie};

/// How long a request waits for keys that another one is fetching, in all.
const MAX_WAITS: u32 = 250;
const WAIT_MS: u32 = 20;

/// A token that was sent and holds by itself; whether it is revoked is another question.
#[derive(Debug)]
pub struct Shown {
    /// What it proves.
    pub verified: Verified,
    /// The request passes without it, too: it is in a cookie, which browsers send unasked, and
    /// none is needed. Who was logged out elsewhere has one, and must get to the login.
    pub is_spare: bool,
}

/// What the request's token proves; `None` where none is needed and none was sent, or a cookie whose
/// token does not hold.
///
/// # Errors
/// [`Stop::TokenMissing`], [`Stop::TokenRefused`], [`Stop::TokenKeysUnavailable`],
/// [`Stop::CrossSite`], [`Stop::Forbidden`], [`Stop::AssuranceRequired`].
pub async fn check<R: Runtime>(
    gate: &Gate,
    route: &Route,
    facts: &Facts,
    runtime: &R,
) -> Result<Option<Shown>, Stop> {
    let Some(found) = find(gate, route, facts)? else {
        return Ok(None);
    };
    let is_spare = route.token == TokenNeed::Optional && found.carrier == Carrier::Cookie;
    let verified = match verified(gate, facts, found.token, runtime).await {
        Err(Stop::TokenRefused(_)) if is_spare => return Ok(None),
        verified => verified?,
    };
    if !route.roles.is_empty() && !route.roles.contains(&verified.principal.role) {
        return Err(Stop::Forbidden);
    }
    if verified.principal.assurance < route.assurance {
        return Err(Stop::AssuranceRequired);
    }
    Ok(Some(Shown { verified, is_spare }))
}

/// What the token of the `Authorization` header proves; a cookie does not count.
///
/// # Errors
/// [`Stop::TokenMissing`], [`Stop::TokenRefused`], [`Stop::TokenKeysUnavailable`].
pub async fn bearer<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) -> Result<Verified, Stop> {
    let found = candidate(|name| facts.header(name), None).map_err(Stop::TokenRefused)?;
    let found = found.ok_or(Stop::TokenMissing)?;
    verified(gate, facts, found.token, runtime).await
}

/// The request's token, wherever it comes: nobody has looked at it.
///
/// # Errors
/// Those of [`candidate`].
pub fn sent<'f>(gate: &Gate, facts: &'f Facts) -> Result<Option<Candidate<'f>>, TokenError> {
    let name = Some(gate.policy.token.cookie.as_str()).filter(|name| !name.is_empty());
    candidate(|name| facts.header(name), name)
}

/// Whether a token comes along, or what may be taken for one.
#[must_use]
pub fn bears_token(gate: &Gate, facts: &Facts) -> bool {
    !matches!(sent(gate, facts), Ok(None))
}

fn find<'f>(gate: &Gate, route: &Route, facts: &'f Facts) -> Result<Option<Candidate<'f>>, Stop> {
    let header = |name: &str| facts.header(name);
    if route.token == TokenNeed::None {
        return Ok(None);
    }
    let found = match (route.token, sent(gate, facts)) {
        // Another scheme is for the application behind the gate, not for us.
        (TokenNeed::Optional, Err(TokenError::Scheme)) => return Ok(None),
        (_, found) => found.map_err(Stop::TokenRefused)?,
    };
    let by_cookie = found.is_some_and(|found| found.carrier == Carrier::Cookie);
    if by_cookie || bears_refresh_cookie(gate, facts) {
        let mut allowed = gate.policy.cors.origins.clone();
        allowed.push(facts.own_origin.clone());
        csrf::check(&facts.method, header, &allowed).map_err(|_| Stop::CrossSite)?;
    }
    match (&found, route.token) {
        (None, TokenNeed::Required) => Err(Stop::TokenMissing),
        _ => Ok(found),
    }
}

/// Whether the origin may take the request for somebody's by a cookie that no token comes with. A
/// foreign page cannot add `Authorization` unless a preflight allows it.
fn bears_refresh_cookie(gate: &Gate, facts: &Facts) -> bool {
    let name = gate.policy.token.refresh_cookie.as_str();
    !name.is_empty()
        && facts.header("authorization").is_none()
        && facts
            .header("cookie")
            .is_some_and(|cookies| cookie::pairs(cookies).any(|(known, _)| known == name))
}

async fn verified<R: Runtime>(
    gate: &Gate,
    facts: &Facts,
    token: &str,
    runtime: &R,
) -> Result<Verified, Stop> {
    let now = runtime.now().seconds();
    let generation = gate.memory.keys.borrow().generation();
    // Keys that are to be fetched anew come first: theirs may be gone.
    let is_due = gate.policy.token.jwks != JwksSource::None
        && gate.memory.keys.borrow().decide(now, Need::Fresh) != Decision::Use;
    if !is_due && let Some(known) = gate.memory.tokens.borrow_mut().get(token, now, generation) {
        return Ok(known.clone());
    }
    have_keys(gate, facts, Need::Fresh, runtime).await?;
    let mut outcome = verify(gate, token, runtime)?;
    if outcome == Err(TokenError::UnknownKey) {
        have_keys(gate, facts, Need::UnknownKid, runtime).await?;
        outcome = verify(gate, token, runtime)?;
    }
    let verified = outcome.map_err(Stop::TokenRefused)?;
    let generation = gate.memory.keys.borrow().generation();
    gate.memory
        .tokens
        .borrow_mut()
        .put(token, verified.clone(), now, generation);
    Ok(verified)
}

/// Verifies with the keys at hand: those fetched (which include the secret's), else the secret's.
fn verify<R: Runtime>(
    gate: &Gate,
    token: &str,
    runtime: &R,
) -> Result<Result<Verified, TokenError>, Stop> {
    let now = runtime.now().seconds();
    let source = gate.memory.keys.borrow();
    let keys = source.keys(now).unwrap_or(&gate.secret_keys);
    if keys.is_empty() {
        return Err(Stop::TokenKeysUnavailable);
    }
    Ok(token::verify(token, keys, &gate.policy.token.settings, now))
}

/// Fetches keys if the need asks for it and the source's pace allows it.
async fn have_keys<R: Runtime>(
    gate: &Gate,
    facts: &Facts,
    need: Need,
    runtime: &R,
) -> Result<(), Stop> {
    if gate.policy.token.jwks == JwksSource::None {
        return Ok(());
    }
    for _ in 0..MAX_WAITS {
        let now = runtime.now().seconds();
        let decision = gate.memory.keys.borrow().decide(now, need);
        match decision {
            Decision::Use | Decision::Unavailable => return Ok(()),
            Decision::Wait => runtime.pause(WAIT_MS).await,
            Decision::Fetch => {
                gate.memory.keys.borrow_mut().started(now);
                let fetched = fetch(gate, facts, runtime).await;
                let keys = fetched.map(|keys| gate.secret_keys.merged(&keys));
                gate.memory
                    .keys
                    .borrow_mut()
                    .fetched(keys, runtime.now().seconds());
                return Ok(());
            }
        }
    }
    Err(Stop::TokenKeysUnavailable)
}

async fn fetch<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) -> Result<KeySet, FetchError> {
    let received = ask(gate, facts, runtime)
        .await
        .ok_or(FetchError::Unreachable)?;
    if received.status != 200 {
        return Err(FetchError::Status(received.status));
    }
    let limit = u64::try_from(token::MAX_KEY_SET_BYTES).unwrap_or(u64::MAX);
    let json = runtime
        .text(received.response, limit)
        .await
        .ok_or(FetchError::Unreachable)?;
    Ok(KeySet::from_jwks(&json, KeyOrigin::Url)?)
}

async fn ask<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) -> Option<Received<R::Response>> {
    let timeout_ms = u32::try_from(FETCH_TIMEOUT_S * 1000).unwrap_or(u32::MAX);
    match &gate.policy.token.jwks {
        JwksSource::None => None,
        JwksSource::Url(url) => {
            let outbound = Outbound {
                method: "GET",
                url: url.clone(),
                headers: vec![("accept", "application/json".to_owned())],
                body: OutboundBody::Empty,
                timeout_ms,
            };
            runtime.send(&outbound).await.ok()
        }
        JwksSource::Origin(path) => {
            let sealable = Sealable {
                method: "GET",
                path: path.into(),
                query: "",
                headers: vec![("accept", "application/json")],
                identity: Identity {
                    request_id: facts.request_id.clone(),
                    client: facts.client,
                    host: facts.host.clone(),
                    principal: None,
                },
                body: SealableBody::Empty,
                timeout_ms,
            };
            let forwarded = forward::exchange(gate, &sealable, runtime).await.ok()?;
            Some(forwarded.received)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::bears_token;
    use crate::{
        facts::tests::facts,
        gate::{Gate, tests::bindings},
    };

    #[test]
    fn a_token_is_one_in_every_header_that_is_looked_at() {
        let gate = Gate::load(&bindings()).unwrap();
        let bears =
            |headers: &[(&str, &str)]| bears_token(&gate, &facts("GET", "http://h/", headers));
        for header in [
            ("authorization", "Bearer a.b.c"),
            ("authorization", "Basic dTpw"),
            ("apikey", "a.b.c"),
            ("cookie", "__Host-gapura-access=a.b.c"),
        ] {
            assert!(bears(&[header]), "{header:?}");
        }
        for header in [("apikey", ""), ("cookie", "theme=dark"), ("accept", "a")] {
            assert!(!bears(&[header]), "{header:?}");
        }
    }
}
