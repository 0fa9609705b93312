//! Structured logs: one line per request, one per security event. Neither
//! ever holds a query, a body, a header, an e-mail address or a secret.

use crate::{admission::Admitted, admission::Refusal, clock, config, random};
use gapura_shared::{
    event::{Event, Kind},
    ids::RequestId,
};
use http::{Method, Request, StatusCode, Uri};
use std::{io, io::IsTerminal, net::IpAddr, time::Instant};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Target of security events.
const SECURITY: &str = "security";
/// Longest path in a log line: an attacker chooses it.
const MAX_PATH_BYTES: usize = 512;

/// Starts logging to standard error. A second call changes nothing.
pub fn start(settings: config::Log) {
    let filter = Targets::new()
        .with_target("gapura_origin", settings.level)
        .with_target(SECURITY, LevelFilter::INFO)
        .with_default(LevelFilter::WARN);
    let registry = tracing_subscriber::registry().with(filter);
    // Fails only when a subscriber is there already.
    let _ = match settings.format {
        config::Format::Json => registry
            .with(fmt::layer().json().with_writer(io::stderr))
            .try_init(),
        config::Format::Pretty => registry
            .with(
                fmt::layer()
                    .with_ansi(io::stderr().is_terminal())
                    .with_writer(io::stderr),
            )
            .try_init(),
    };
}

/// What the line of one request needs, kept while the request is answered.
#[derive(Debug)]
pub struct Line {
    method: Method,
    uri: Uri,
    started: Instant,
}

impl Line {
    /// Notes a request that came at `started`.
    pub fn of<B>(request: &Request<B>, started: Instant) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            started,
        }
    }

    /// Writes it.
    pub fn write(&self, request_id: &RequestId, status: StatusCode) {
        let duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            %request_id,
            method = self.method.as_str(),
            path = shortened(self.uri.path()),
            status = status.as_u16(),
            duration_us,
            "request"
        );
    }
}

/// Writes an event of an admitted request.
pub fn security(
    request: &Admitted,
    kind: Kind,
    actor: Option<&str>,
    outcome: u16,
    reason: &'static str,
) {
    let identity = request.identity();
    write(&Event {
        at_ms: clock::now(),
        event: kind,
        request_id: identity.request_id.clone(),
        client: Some(identity.client),
        actor: actor.map(str::to_owned),
        action: request.method().as_str().to_owned(),
        target: shortened(request.path()).to_owned(),
        outcome,
        reason: reason.to_owned(),
    });
}

/// Writes what somebody did to something else than the path names: what they made.
pub fn security_on(
    request: &Admitted,
    kind: Kind,
    actor: &str,
    target: &str,
    outcome: u16,
    reason: &'static str,
) {
    let identity = request.identity();
    write(&Event {
        at_ms: clock::now(),
        event: kind,
        request_id: identity.request_id.clone(),
        client: Some(identity.client),
        actor: Some(actor.to_owned()),
        action: request.method().as_str().to_owned(),
        target: shortened(target).to_owned(),
        outcome,
        reason: reason.to_owned(),
    });
}

/// Writes why a seal was refused, which the client is not told.
pub fn seal_refused(line: &Line, peer: IpAddr, refusal: &Refusal) {
    write(&Event {
        at_ms: clock::now(),
        event: Kind::SealRefused,
        request_id: refusal.request_id.clone(),
        client: Some(peer),
        actor: None,
        action: line.method.as_str().to_owned(),
        target: shortened(line.uri.path()).to_owned(),
        outcome: refusal.error.shape().status,
        reason: refusal.kind.to_owned(),
    });
}

/// Writes what an operator did on this machine.
pub fn operator(kind: Kind, actor: &str, action: &str) {
    operator_on(kind, actor, action, "");
}

/// Writes what an operator did on this machine, and to what.
pub fn operator_on(kind: Kind, actor: &str, action: &str, target: &str) {
    write(&Event {
        at_ms: clock::now(),
        event: kind,
        request_id: random::request_id(),
        client: None,
        actor: Some(actor.to_owned()),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: 0,
        reason: "operator".to_owned(),
    });
}

fn write(event: &Event) {
    // Text and numbers: nothing here can fail to serialise.
    let event = serde_json::to_string(event).unwrap_or_default();
    tracing::info!(target: SECURITY, %event);
}

fn shortened(path: &str) -> &str {
    path.get(..path.floor_char_boundary(MAX_PATH_BYTES))
        .unwrap_or_default()
}
