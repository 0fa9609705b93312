//! To the origin: seal, send, and send again once when the origin says that it
//! is another instance by now.
//!
//! Takes only a [`Pass`]: what has not gone through the pipeline cannot be sent.

pub mod headers;

use crate::{
    gate::Gate,
    pipeline::{Body, Pass},
    record,
    runtime::{Inspection, Outbound, OutboundBody, Received, Runtime, SendFault},
    verdict::{BodyBound, Stop},
};
use gapura_shared::{
    identity::{self, Identity},
    outcome::{self, Outcome},
    seal::{self, Content, Message, digest},
};
use std::borrow::Cow;

/// A request as it is sealed, once per attempt.
#[derive(Debug)]
pub(crate) struct Sealable<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: Cow<'a, str>,
    pub(crate) query: &'a str,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) identity: Identity,
    pub(crate) body: SealableBody<'a>,
    pub(crate) timeout_ms: u32,
}

/// A body as the seal names it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SealableBody<'a> {
    Empty,
    Read(&'a [u8]),
    Stream {
        max_bytes: u64,
        inspection: Option<&'a Inspection>,
    },
}

/// The origin's answer, and what it told the gate with it.
#[derive(Debug)]
pub struct Forwarded<R> {
    /// For the client.
    pub received: Received<R>,
    /// For the gate; empty where the origin said nothing that can be believed.
    pub outcome: Outcome,
    /// How long it took, with the way there and back.
    pub took_ms: u32,
}

/// Sends what passed the gate to the origin.
///
/// # Errors
/// [`Stop`] for an identity that cannot be written and for every way in which
/// the origin can fail to answer.
pub async fn forward<R: Runtime>(
    gate: &Gate,
    pass: &Pass<'_>,
    runtime: &R,
) -> Result<Forwarded<R::Response>, Stop> {
    let facts = pass.facts();
    let route = pass.route();
    let rewritten = route
        .rewrite
        .as_ref()
        .and_then(|to| to.rewrite(&route.path, &facts.path));
    let sealable = Sealable {
        method: &facts.method,
        path: rewritten.map_or(Cow::Borrowed(facts.path.as_str()), Cow::Owned),
        query: &facts.query,
        headers: headers::to_origin(facts)
            .chain([
                ("x-request-id", facts.request_id.as_str()),
                ("traceparent", facts.trace.as_str()),
            ])
            .collect(),
        identity: Identity {
            request_id: facts.request_id.clone(),
            client: facts.client,
            host: facts.host.clone(),
            principal: pass.principal().cloned(),
        },
        body: match pass.body() {
            Body::Empty => SealableBody::Empty,
            Body::Read { bytes, .. } => SealableBody::Read(bytes),
            Body::Stream(inspection) => SealableBody::Stream {
                max_bytes: route.body_bytes,
                inspection: inspection.as_ref(),
            },
        },
        timeout_ms: route.timeout_ms,
    };
    exchange(gate, &sealable, runtime).await
}

/// Seals and sends, at most twice.
pub(crate) async fn exchange<R: Runtime>(
    gate: &Gate,
    sealable: &Sealable<'_>,
    runtime: &R,
) -> Result<Forwarded<R::Response>, Stop> {
    let streams = matches!(sealable.body, SealableBody::Stream { .. });
    if streams && gate.memory.instance.borrow().is_empty() {
        // A stream can be sent but once: learn first whom to seal it for.
        let probe = Sealable {
            method: "GET",
            path: "/readyz".into(),
            query: "",
            headers: Vec::new(),
            identity: sealable.identity.clone(),
            body: SealableBody::Empty,
            timeout_ms: sealable.timeout_ms,
        };
        attempt(gate, &probe, runtime).await?;
    }
    match attempt(gate, sealable, runtime).await? {
        Attempt::Answered(forwarded) => Ok(forwarded),
        Attempt::Stale if streams => Err(Stop::OriginRestarted),
        Attempt::Stale => match attempt(gate, sealable, runtime).await? {
            Attempt::Answered(forwarded) => Ok(forwarded),
            // It restarted twice within one request, or does not tell the truth.
            Attempt::Stale => Err(Stop::OriginRestarted),
        },
    }
}

enum Attempt<T> {
    Answered(Forwarded<T>),
    /// Sealed for an instance that is gone; the new one is known now.
    Stale,
}

async fn attempt<R: Runtime>(
    gate: &Gate,
    sealable: &Sealable<'_>,
    runtime: &R,
) -> Result<Attempt<R::Response>, Stop> {
    let sealed_for = gate.memory.instance.borrow().clone();
    let nonce = runtime.random();
    let outbound = seal(gate, sealable, &sealed_for, nonce, runtime)?;
    let sent_ms = runtime.now().0;
    let received = runtime
        .send(&outbound)
        .await
        .map_err(|fault| stop(fault, sealable.body))?;
    // The origin names itself to holders of the key alone: an answer without the
    // name is a refusal of our seal, or comes from somebody else.
    let instance = received
        .header(seal::INSTANCE)
        .map(|value| value.trim_matches('"').to_owned())
        .ok_or(Stop::OriginRefusedSeal)?;
    if instance == sealed_for {
        let outcome = received.header(outcome::HEADER).map(|told| {
            outcome::open(told, &gate.seal_keys, &nonce, received.status).unwrap_or_default()
        });
        let outcome = outcome.unwrap_or_default();
        let took_ms = runtime.now().0.saturating_sub(sent_ms);
        return Ok(Attempt::Answered(Forwarded {
            received,
            outcome,
            took_ms: u32::try_from(took_ms).unwrap_or(u32::MAX),
        }));
    }
    *gate.memory.instance.borrow_mut() = instance;
    Ok(Attempt::Stale)
}

fn stop(fault: SendFault, body: SealableBody<'_>) -> Stop {
    let (limit, report) = match body {
        SealableBody::Stream {
            max_bytes,
            inspection,
        } => (max_bytes, inspection.map(Inspection::report)),
        _ => (0, None),
    };
    match fault {
        SendFault::Unreachable => Stop::OriginUnreachable,
        SendFault::Timeout => Stop::OriginTimeout,
        SendFault::Ended => Stop::BodyUnreadable,
        SendFault::TooLong => Stop::BodyTooLarge {
            limit,
            bound: BodyBound::Length,
        },
        SendFault::Blocked => Stop::WafBlocked {
            rules: report.as_ref().map(record::rules).unwrap_or_default(),
        },
    }
}

fn seal<'a, R: Runtime>(
    gate: &Gate,
    sealable: &'a Sealable<'_>,
    instance: &str,
    nonce: [u8; 16],
    runtime: &R,
) -> Result<Outbound<'a>, Stop> {
    let identity = sealable
        .identity
        .to_field()
        .map_err(|_| Stop::IdentityUnsealable)?;
    let content_type = sealable
        .headers
        .iter()
        .find(|(name, _)| *name == "content-type")
        .map(|(_, value)| *value);
    let (content, body) = match sealable.body {
        SealableBody::Empty => (Content::Empty, OutboundBody::Empty),
        SealableBody::Read(bytes) => {
            let digest = digest::sha256(bytes).into();
            (
                Content::Digest {
                    digest,
                    content_type,
                },
                OutboundBody::Bytes(bytes),
            )
        }
        SealableBody::Stream {
            max_bytes,
            inspection,
        } => {
            let promised = max_bytes.to_string().into();
            (
                Content::Stream {
                    max_bytes: promised,
                    content_type,
                },
                OutboundBody::Stream {
                    max_bytes,
                    inspection,
                },
            )
        }
    };
    let message = Message {
        method: sealable.method,
        authority: &gate.origin.authority,
        path: &sealable.path,
        query: sealable.query,
        identity: &identity,
        instance,
        content,
    };
    let seal = seal::sign(&message, &gate.seal_keys, runtime.now().seconds(), nonce);
    let mut headers: Vec<(&str, String)> = sealable
        .headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    headers.push((seal::SIGNATURE_INPUT, seal.signature_input));
    headers.push((seal::SIGNATURE, seal.signature));
    headers.push((seal::INSTANCE, format!("\"{instance}\"")));
    match &message.content {
        Content::Empty => {}
        Content::Digest { digest, .. } => headers.push((seal::CONTENT_DIGEST, digest.to_string())),
        Content::Stream { max_bytes, .. } => {
            headers.push((seal::CONTENT_STREAM, max_bytes.to_string()));
        }
    }
    let query = if sealable.query.is_empty() { "" } else { "?" };
    let url = format!(
        "{}{}{query}{}",
        gate.origin.base, sealable.path, sealable.query
    );
    drop(message);
    headers.push((identity::HEADER, identity));
    Ok(Outbound {
        method: sealable.method,
        url,
        headers,
        body,
        timeout_ms: sealable.timeout_ms,
    })
}
