//! The order of the stages, on one screen; the sole maker of a [`Pass`].

use crate::{
    access, account, admit, authenticate, body, challenge, cors,
    facts::Facts,
    gate::Gate,
    limits,
    policy::{Answer, Found, Route},
    ratelimit::Notice,
    record, revocation,
    runtime::{Inspection, Runtime},
    verdict::Stop,
    waf,
};
use gapura_shared::{event::Event, identity::Principal, time::UnixMillis};

/// What the gate decided about a request.
#[derive(Debug)]
pub struct Decision<'g> {
    /// The route, as soon as one fitted.
    pub route: Option<&'g Route>,
    /// How the client's rate windows stand, as soon as they were asked.
    pub notice: Option<Notice>,
    /// What the WAF found, also when it only logs.
    pub report: Option<waf::Report>,
    /// The end of it.
    pub verdict: Verdict<'g>,
}

/// How a request ends at the gate.
#[derive(Debug)]
pub enum Verdict<'g> {
    /// It goes to the origin.
    Pass(Pass<'g>),
    /// The gate answers by itself.
    Answer(&'g Answer),
    /// The gate tells a browser what it may ask (CORS).
    Preflight,
    /// A browser is to prove work, or has.
    Challenge(challenge::Reply),
    /// It goes no further.
    Stop(Stop),
}

/// Proof that a request went through every stage. Only this module makes one.
#[derive(Debug)]
pub struct Pass<'g> {
    facts: &'g Facts,
    route: &'g Route,
    principal: Option<Principal>,
    body: Body,
}

/// A body after the gate looked at it.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// Read and inspected.
    Read {
        /// As it was sent, and goes on.
        bytes: Vec<u8>,
        /// As it is inspected, where that is another text: inflated.
        inflated: Option<Vec<u8>>,
    },
    /// To be passed on as it comes, inspected in passing unless the route's WAF is off.
    Stream(Option<Inspection>),
}

impl<'g> Pass<'g> {
    /// What is known of the request.
    #[must_use]
    pub const fn facts(&self) -> &'g Facts {
        self.facts
    }

    /// The route that fitted.
    #[must_use]
    pub const fn route(&self) -> &'g Route {
        self.route
    }

    /// Whom the token names.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// What was found so far in a body that streams, and in the rest of its request.
    #[must_use]
    pub fn streamed(&self) -> Option<waf::Report> {
        match &self.body {
            Body::Stream(Some(inspection)) => Some(inspection.report()),
            _ => None,
        }
    }

    /// Notes that the answer began with this status: a body that is still on its way may be
    /// stopped after it, and then its inspection tells. The event, if it was stopped just now.
    #[must_use]
    pub fn answered(&self, status: u16, now: UnixMillis) -> Option<Event> {
        let Body::Stream(Some(inspection)) = &self.body else {
            return None;
        };
        inspection.answered(record::late(self.facts, status));
        inspection.late(now)
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }
}

/// Takes a request through all stages.
pub async fn run<'g, R: Runtime>(gate: &'g Gate, facts: &'g Facts, runtime: &R) -> Decision<'g> {
    let mut decision = Decision {
        route: None,
        notice: None,
        report: None,
        verdict: Verdict::Preflight,
    };
    decision.verdict = stages(gate, facts, runtime, &mut decision)
        .await
        .unwrap_or_else(Verdict::Stop);
    decision
}

async fn stages<'g, R: Runtime>(
    gate: &'g Gate,
    facts: &'g Facts,
    runtime: &R,
    decision: &mut Decision<'g>,
) -> Result<Verdict<'g>, Stop> {
    let policy = &gate.policy;
    limits::check(facts, &policy.limits, policy.longest_url())?;
    access::check(facts, &policy.access)?;
    revocation::early(gate, facts, runtime)?;
    if cors::is_preflight(facts) {
        return Ok(Verdict::Preflight);
    }
    if challenge::is_answer(gate, facts) {
        let mut admission = admit::own(gate, facts, runtime);
        admission.settle(&mut decision.notice).await?;
        let reply = challenge::take(gate, facts, runtime).await?;
        return Ok(Verdict::Challenge(reply));
    }
    let found = find_route(gate, facts);
    let url_bytes = found
        .as_ref()
        .map_or(policy.limits.url_bytes, |route| route.url_bytes);
    limits::url_length(facts, url_bytes)?;
    let route = match found {
        Ok(route) => route,
        Err(stop) => {
            let (_, report) = inspect(&policy.waf, facts, Body::Empty);
            return Err(blocked(report, decision).unwrap_or(stop));
        }
    };
    decision.route = Some(route);
    access::check(facts, &route.access)?;
    limits::declared_body(facts, route.body_bytes)?;

    // The Guard is on its way while the token is checked, the body read and the
    // WAF at work; its verdict comes first, so that refused requests count too.
    let mut ledger = revocation::look(gate, Some(route), facts, runtime);
    let mut admission = admit::start(gate, route, facts, runtime);
    let now = runtime.now();
    let under_attack = async || ledger.under_attack(runtime).await;
    let token = challenge::Token::Unchecked;
    let challenged = challenge::check(gate, route, facts, token, now, under_attack).await;
    if !matches!(challenged, Ok(None)) {
        admission.settle(&mut decision.notice).await?;
    }
    if let Some(reply) = challenged? {
        return Ok(Verdict::Challenge(reply));
    }
    if body::may_be_large(facts) {
        admission.settle(&mut decision.notice).await?;
    }
    let shown = authenticate::check(gate, route, facts, runtime).await;
    // A cookie that proves nothing clears no challenge either.
    if matches!(shown, Ok(None)) && authenticate::bears_token(gate, facts) {
        let under_attack = async || ledger.under_attack(runtime).await;
        let token = challenge::Token::None;
        let challenged = challenge::check(gate, route, facts, token, now, under_attack).await;
        if !matches!(challenged, Ok(None)) {
            admission.settle(&mut decision.notice).await?;
        }
        if let Some(reply) = challenged? {
            return Ok(Verdict::Challenge(reply));
        }
    }
    let token = shown.as_ref().ok().and_then(Option::as_ref);
    let bearer = token.map(|token| &token.verified);
    admission.identify(bearer.map(|verified| &verified.principal));
    let body = match shown {
        Ok(_) => body::read(route, facts, runtime).await,
        Err(_) => Ok(Body::Empty),
    };
    let account = match &body {
        Ok(Body::Read { bytes, inflated }) => {
            account::named(route, inflated.as_deref().unwrap_or(bytes))
        }
        _ => None,
    };
    admission.name_account(account.as_ref());
    let inspected = body.map(|body| inspect(&route.waf, facts, body));

    let admitted = admission.settle(&mut decision.notice).await;
    // What the Ledger answered is learnt also from a request that is refused.
    let checked = ledger.check(route, facts, bearer, runtime).await;
    admitted?;
    let is_revoked = match checked {
        Err(Stop::TokenRevoked(_)) if token.is_some_and(|token| token.is_spare) => true,
        checked => {
            checked?;
            false
        }
    };
    if let Some(why) = admission.spared().or_else(|| ledger.spared()) {
        runtime.log(&record::spared(facts, why, runtime.now()));
    }
    let token = shown?.filter(|_| !is_revoked);
    let principal = token.map(|token| token.verified.principal);
    let (body, report) = inspected?;
    if let Some(stop) = blocked(report, decision) {
        return Err(stop);
    }
    Ok(match &route.answer {
        Some(answer) => Verdict::Answer(answer),
        None => Verdict::Pass(Pass {
            facts,
            route,
            principal,
            body,
        }),
    })
}

fn find_route<'g>(gate: &'g Gate, facts: &Facts) -> Result<&'g Route, Stop> {
    match gate
        .policy
        .route(&facts.method, &facts.host, &facts.path, &facts.query)
    {
        Found::Route(route) => Ok(route),
        Found::Method { allow } => Err(Stop::MethodNotAllowed {
            allow: allow.into_iter().map(str::to_owned).collect(),
        }),
        Found::None => Err(Stop::NotFound),
    }
}

/// Keeps what the WAF found; the stop, if it says so. A request that fits no route is judged as
/// well: a probe is an attack, wherever it looks.
fn blocked(report: waf::Report, decision: &mut Decision<'_>) -> Option<Stop> {
    let is_blocked = report.verdict == waf::Verdict::Blocked;
    let rules = record::rules(&report);
    decision.report = Some(report);
    is_blocked.then_some(Stop::WafBlocked { rules })
}

/// What the WAF says of all that is there, and the body with what it needs on its way.
fn inspect(settings: &waf::Settings, facts: &Facts, body: Body) -> (Body, waf::Report) {
    let mut request = waf::Request {
        client: Some(facts.client),
        method: &facts.method,
        path: &facts.path,
        query: &facts.query,
        headers: &facts.headers,
        body: waf::Body::None,
    };
    match body {
        Body::Empty => (Body::Empty, waf::inspect(&request, settings)),
        Body::Read { bytes, inflated } => {
            request.body = waf::Body::Read {
                content_type: facts.header("content-type"),
                bytes: inflated.as_deref().unwrap_or(&bytes),
            };
            let report = waf::inspect(&request, settings);
            (
                Body::Read {
                    bytes,
                    inflated: None,
                },
                report,
            )
        }
        Body::Stream(_) => {
            request.body = waf::Body::Streamed;
            let report = waf::inspect(&request, settings);
            let inspection = (settings.mode != waf::Mode::Off)
                .then(|| Inspection::new(waf::Stream::new(&request, settings, report.clone())));
            (Body::Stream(inspection), report)
        }
    }
}
