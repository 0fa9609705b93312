//! The event handler: load the gate, read facts, run the pipeline, forward, answer.

use crate::{
    admin, admit, aftermath, cors,
    facts::{Facts, Random},
    forward::{self, headers},
    gate::Gate,
    limits, operate,
    pipeline::{self, Decision, Verdict},
    platform::{self, WorkerRuntime},
    record,
    respond::{self, Refusal},
    runtime::{Received, Runtime},
    verdict::Stop,
    waf,
};
use gapura_shared::problem;
use std::{cell::OnceCell, net::IpAddr, rc::Rc};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{Env, console_error, console_log, console_warn};

/// The headers of every problem document.
const PROBLEM: [(&str, &str); 2] = [
    ("content-type", problem::CONTENT_TYPE),
    ("cache-control", "no-store"),
];

type Loaded = Rc<Result<Gate, Vec<String>>>;

thread_local! {
    /// Bindings do not change within an isolate: loaded with its first request.
    static GATE: OnceCell<Loaded> = const { OnceCell::new() };
}

/// The Worker's handler; `main.js` calls it. The crate's `event` macro would make
/// a promise of every answer, also of those that are ready at once.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "wasm-bindgen exports public items alone")]
pub fn fetch(request: web_sys::Request, env: Env, context: JsValue) -> Result<JsValue, JsValue> {
    let gate = GATE.with(|gate| gate.get_or_init(|| load(&env)).clone());
    let Ok(known) = gate.as_ref() else {
        return Ok(unfounded(&Stop::Misconfigured).into());
    };
    // Before anything is set up that could wait: of a flood there are many.
    if let Some(refused) = refuse(known, &request, &env, &context) {
        return Ok(refused.into());
    }
    platform::begin(async move { Ok(handle(&gate, &request, &env, &context).await.into()) })
}

async fn handle(
    gate: &Result<Gate, Vec<String>>,
    request: &web_sys::Request,
    env: &Env,
    context: &JsValue,
) -> web_sys::Response {
    let Ok(gate) = gate else {
        return unfounded(&Stop::Misconfigured);
    };
    let runtime = WorkerRuntime {
        request,
        env,
        context,
    };
    match Facts::read(&platform::facts(request), random(), fallback(gate)) {
        Ok(facts) if facts.path.starts_with(admin::PREFIX) => {
            operated(gate, &facts, &runtime).await
        }
        Ok(facts) => serve(gate, &facts, &runtime).await,
        Err(fault) => {
            console_error!("{fault}");
            unfounded(&Stop::Internal)
        }
    }
}

/// Builds the gate; its faults go to the log, once per isolate.
fn load(env: &Env) -> Loaded {
    let gate = Gate::load(&platform::bindings(env));
    for fault in gate.as_ref().err().into_iter().flatten() {
        console_error!("gate refuses everything: {fault}");
    }
    Rc::new(gate)
}

async fn serve(gate: &Gate, facts: &Facts, runtime: &WorkerRuntime<'_>) -> web_sys::Response {
    let mut decision = pipeline::run(gate, facts, runtime).await;
    let forwarded = match &decision.verdict {
        Verdict::Pass(pass) => Some(forward::forward(gate, pass, runtime).await),
        _ => None,
    };
    if let Some(Ok(forwarded)) = &forwarded {
        aftermath::take_over(gate, facts, forwarded, runtime).await;
    }
    // What was found while a body passed is known only now.
    if let Verdict::Pass(pass) = &decision.verdict
        && let Some(report) = pass.streamed()
    {
        decision.report = Some(report);
    }
    log_detection(facts, &decision, runtime);
    let told = forwarded
        .as_ref()
        .and_then(|forwarded| forwarded.as_ref().ok());
    let outcome = told.map(|told| told.outcome.clone()).unwrap_or_default();
    let stop = match (&decision.verdict, &forwarded) {
        (Verdict::Stop(stop), _) | (_, Some(Err(stop))) => Some(stop),
        _ => None,
    };
    aftermath::report(gate, facts, &decision, stop, &outcome, runtime);
    let stop = match &decision.verdict {
        Verdict::Pass(pass) => match forwarded {
            Some(Ok(forwarded)) => {
                let status = forwarded.received.status;
                if let Some(event) = pass.answered(status, runtime.now()) {
                    console_warn!("{}", serde_json::to_string(&event).unwrap_or_default());
                }
                return relay(gate, facts, &decision, &forwarded.received);
            }
            Some(Err(stop)) => stop,
            None => Stop::Internal,
        },
        Verdict::Answer(constant) => {
            let own = [("content-type", constant.content_type.as_str())];
            let body = Some(constant.body.as_bytes());
            return answer(gate, facts, &decision, constant.status, &own, &[], body);
        }
        Verdict::Challenge(reply) => {
            let body = reply.body.as_deref().map(str::as_bytes);
            return answer(
                gate,
                facts,
                &decision,
                reply.status,
                reply.fixed,
                &reply.own,
                body,
            );
        }
        Verdict::Preflight => return answer(gate, facts, &decision, 204, &[], &[], None),
        Verdict::Stop(stop) => stop.clone(),
    };
    if let Stop::Locked { delay_ms } = stop
        && let Some(wrong) = decision.route.and_then(|route| route.refused.as_ref())
    {
        log(gate, facts, &decision, &stop, wrong.status, runtime);
        let [chance] = runtime.random();
        let like_wrong_ms = gate.memory.logins.borrow().like_one(chance);
        runtime.pause(like_wrong_ms.unwrap_or(delay_ms)).await;
        let own = [
            ("content-type", wrong.content_type.as_str()),
            ("cache-control", "no-store"),
        ];
        let body = wrong.body_for(&facts.request_id);
        let body = Some(body.as_bytes());
        return answer(gate, facts, &decision, wrong.status, &own, &[], body);
    }
    let refusal = respond::refuse(&stop, Some(&facts.request_id));
    log(gate, facts, &decision, &stop, refusal.status, runtime);
    answer_refusal(gate, facts, &decision, &refusal)
}

/// Refuses a client that memory refuses, as cheaply as can be.
fn refuse(
    gate: &Gate,
    request: &web_sys::Request,
    env: &Env,
    context: &JsValue,
) -> Option<web_sys::Response> {
    let runtime = WorkerRuntime {
        request,
        env,
        context,
    };
    if !gate.memory.refuses(runtime.now().0) {
        return None;
    }
    let facts = Facts::read(&platform::brief(request), random(), fallback(gate)).ok()?;
    let refused = admit::remembered(gate, &facts, &runtime)?;
    let refusal = respond::refuse(&refused.stop, Some(&facts.request_id));
    let decision = Decision {
        route: refused.route,
        notice: refused.notice,
        report: None,
        verdict: Verdict::Stop(refused.stop),
    };
    if let Verdict::Stop(stop) = &decision.verdict {
        log(gate, &facts, &decision, stop, refusal.status, &runtime);
    }
    let response = answer_refusal(gate, &facts, &decision, &refusal);
    if let Some(repeat) = refused.repeat
        && let Some(repetition) =
            platform::repeat(request, &response, &refusal, &repeat, runtime.now())
    {
        repeat.begun(gate, repetition);
    }
    Some(response)
}

fn random() -> Random {
    Random {
        id: platform::random(),
        span: platform::random(),
    }
}

/// The client's address where the platform gives none.
fn fallback(gate: &Gate) -> Option<IpAddr> {
    let development = gate.policy.development.as_ref();
    development.map(|dev| dev.client_address)
}

/// The operator's API.
async fn operated(gate: &Gate, facts: &Facts, runtime: &WorkerRuntime<'_>) -> web_sys::Response {
    let mut decision = Decision {
        route: None,
        notice: None,
        report: None,
        verdict: Verdict::Preflight,
    };
    if let Err(stop) = limits::check(facts, &gate.policy.limits, gate.policy.limits.url_bytes) {
        let refusal = respond::refuse(&stop, Some(&facts.request_id));
        return answer_refusal(gate, facts, &decision, &refusal);
    }
    let sealed = operate::sealed(gate, facts, runtime.now());
    if !matches!(sealed, Some(Ok(_))) {
        let mut admission = admit::operated(gate, facts, runtime);
        if let Err(stop) = admission.settle(&mut decision.notice).await {
            let refusal = respond::refuse(&stop, Some(&facts.request_id));
            log(gate, facts, &decision, &stop, refusal.status, runtime);
            return answer_refusal(gate, facts, &decision, &refusal);
        }
    }
    let done = operate::handle(gate, facts, sealed, runtime).await;
    admit::strike(gate, facts, admit::jails(gate, &done.strikes), runtime);
    if let Some(event) = &done.event {
        console_warn!("{}", serde_json::to_string(event).unwrap_or_default());
    }
    let reply = &done.reply;
    let mut fixed = vec![("cache-control", "no-store")];
    if !reply.content_type.is_empty() {
        fixed.push(("content-type", reply.content_type));
    }
    let body = Some(reply.body.as_slice()).filter(|body| !body.is_empty());
    answer(
        gate,
        facts,
        &decision,
        reply.status,
        &fixed,
        &reply.headers,
        body,
    )
}

fn answer_refusal(
    gate: &Gate,
    facts: &Facts,
    decision: &Decision<'_>,
    refusal: &Refusal,
) -> web_sys::Response {
    // No route has an empty name.
    let name = decision.route.map_or("", |route| &route.name);
    let fixed = platform::fixed_as(name, || with_security(gate, decision, &PROBLEM));
    let body = Some(refusal.body.as_slice());
    let own = personal(gate, facts, decision, &refusal.headers);
    platform::answer(refusal.status, fixed, &own, body)
}

/// An answer of the gate itself. `fixed` headers are the same for every client,
/// `own` ones speak of this request.
fn answer(
    gate: &Gate,
    facts: &Facts,
    decision: &Decision<'_>,
    status: u16,
    fixed: &[(&str, &str)],
    own: &[(&str, String)],
    body: Option<&[u8]>,
) -> web_sys::Response {
    let fixed = with_security(gate, decision, fixed);
    let own = personal(gate, facts, decision, own);
    platform::answer(status, platform::fixed(fixed.into_iter()), &own, body)
}

fn with_security<'a>(
    gate: &'a Gate,
    decision: &Decision<'a>,
    fixed: &'a [(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let security = respond::security(&gate.policy, decision.route, fixed);
    let fixed = fixed.iter().copied();
    fixed.chain(security).chain([cors::VARY]).collect()
}

/// The text of the headers that speak of this request.
fn personal(gate: &Gate, facts: &Facts, decision: &Decision<'_>, own: &[(&str, String)]) -> String {
    let personal = respond::personal(&gate.policy, facts, decision);
    let all = personal.iter().chain(own);
    platform::join(all.map(|(name, value)| (*name, value.as_str())))
}

fn relay(
    gate: &Gate,
    facts: &Facts,
    decision: &Decision<'_>,
    received: &Received<JsValue>,
) -> web_sys::Response {
    let sent: Vec<(&str, &str)> = headers::to_client(&received.headers)
        .filter(|(name, _)| !respond::is_ours(name))
        .collect();
    let security = respond::security(&gate.policy, decision.route, &sent);
    let personal = respond::personal(&gate.policy, facts, decision);
    let personal = personal.iter().map(|(name, value)| (*name, value.as_str()));
    platform::relay(
        received.status,
        platform::fixed(security.chain([cors::VARY])),
        &platform::join(sent.iter().copied().chain(personal)),
        &received.response,
    )
}

/// An answer before anything is known: no policy, no request id.
fn unfounded(stop: &Stop) -> web_sys::Response {
    let refusal = respond::refuse(stop, None);
    let own = refusal
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    platform::answer(
        refusal.status,
        platform::fixed(PROBLEM.into_iter()),
        &platform::join(own),
        Some(&refusal.body),
    )
}

/// Findings that did not stop the request: below the threshold, or the route only looks.
fn log_detection(facts: &Facts, decision: &Decision<'_>, runtime: &WorkerRuntime<'_>) {
    let found = decision.report.as_ref();
    if let Some(event) = found.and_then(|r| record::detected(facts, r, runtime.now())) {
        console_warn!("{}", serde_json::to_string(&event).unwrap_or_default());
    }
}

/// A line of JSON for a security event; in development also why, for people.
fn log(
    gate: &Gate,
    facts: &Facts,
    decision: &Decision<'_>,
    stop: &Stop,
    status: u16,
    runtime: &WorkerRuntime<'_>,
) {
    if let Some(event) = record::stopped(facts, stop, status, runtime.now()) {
        console_warn!("{}", serde_json::to_string(&event).unwrap_or_default());
    }
    let explain = gate
        .policy
        .development
        .as_ref()
        .is_some_and(|dev| dev.explain);
    if let (true, Some(report)) = (explain, &decision.report) {
        let why = waf::explain(report, &facts.path);
        console_log!("{} {}: {why}", facts.method, facts.path);
    }
}
