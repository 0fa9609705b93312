//! Refuses every request without a valid, fresh, unused seal; the sole maker
//! of [`Admitted`].
//!
//! Guarantees: what a handler sees was sealed by a holder of the key for this
//! very process, within the clock window, is seen once, and carries the body
//! that was promised. No database write is needed for that: an instance's id
//! is 16 random bytes drawn when the process starts, so what was sealed before
//! a restart, or for a second process, names another instance and is refused;
//! within one process the nonces are kept in memory for as long as a seal
//! could pass. Relies on [`gapura_shared::seal`] for the signature and on the
//! caller for the time.
//!
//! Refusals of seals that are not authentic look all the same; only the log
//! says why. An authentic seal for another instance is answered with our id,
//! so that the edge can seal again, once.

mod nonce;

use crate::{
    http::{
        ApiError, Bytes, Incoming,
        body::{self, Body, BodyError, Stream},
    },
    random,
};
use gapura_shared::{
    identity::Identity,
    ids::{RequestId, hex},
    limits::MAX_BODY_BYTES,
    outcome::{self, Outcome},
    seal::{self, Headers, Keys, PromisedBody, SealError, Sealed, Target},
    time::UnixSeconds,
};
use http::{HeaderMap, HeaderValue, Method, Request, header::CONTENT_TYPE, request::Parts};
use nonce::{NonceError, Nonces};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, mem, time::Duration};
use subtle::ConstantTimeEq;

/// A request that came through the gate.
#[derive(Debug)]
pub struct Admitted {
    identity: Identity,
    parts: Parts,
    body: Body,
    /// Of its seal: the answer's outcome is bound to it.
    nonce: [u8; 16],
    outcome: Outcome,
}

impl Admitted {
    /// Who the request is from.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The path as sent.
    #[must_use]
    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }

    /// The query as sent, without `?`.
    #[must_use]
    pub fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// All headers. Only those that the seal covers are proven.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// Whether the body is called JSON; the seal covers that header.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
    }

    /// What the edge is to be told with the answer.
    pub const fn outcome(&mut self) -> &mut Outcome {
        &mut self.outcome
    }

    /// The body; empty the second time.
    pub const fn take_body(&mut self) -> Body {
        mem::replace(&mut self.body, Body::Whole(Bytes::new()))
    }
}

/// Why a request was not admitted.
#[derive(Debug)]
pub struct Refusal {
    /// What the client is told.
    pub error: ApiError,
    /// What the log is told.
    pub kind: &'static str,
    /// Whether a key holder made the request.
    pub authentic: bool,
    /// The edge's name for the request, or a new one.
    pub request_id: RequestId,
}

impl Refusal {
    fn forged(kind: &'static str) -> Self {
        Self {
            error: ApiError::Seal,
            kind,
            authentic: false,
            request_id: random::request_id(),
        }
    }

    fn authentic(error: ApiError, request_id: RequestId) -> Self {
        Self {
            error,
            kind: error.shape().reason,
            authentic: true,
            request_id,
        }
    }
}

impl From<SealError> for Refusal {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Instance => Self::authentic(ApiError::SealInstance, random::request_id()),
            SealError::Header(_)
            | SealError::Malformed(_)
            | SealError::Components
            | SealError::UnknownKey
            | SealError::Signature
            | SealError::Clock => Self::forged(error.kind()),
        }
    }
}

/// The check.
#[derive(Debug)]
pub struct Admission {
    keys: Keys,
    instance: String,
    instance_field: HeaderValue,
    nonces: Nonces,
    body_read: Duration,
}

impl Admission {
    /// A new instance with an id of its own.
    #[must_use]
    pub fn new(keys: Keys, max_nonces: usize, body_read: Duration) -> Self {
        let instance = hex(&random::bytes::<16>());
        // Quotes and hex digits are always a field value.
        let instance_field = HeaderValue::try_from(format!("\"{instance}\""))
            .unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self {
            keys,
            instance,
            instance_field,
            nonces: Nonces::new(max_nonces),
            body_read,
        }
    }

    /// The keys that both halves have in common.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// This instance's id, as the field [`seal::INSTANCE`] has it.
    #[must_use]
    pub const fn instance_field(&self) -> &HeaderValue {
        &self.instance_field
    }

    /// The field that tells the edge how an answer with `status` came about; `None` when there is
    /// nothing to tell, or more than may be told.
    #[must_use]
    pub fn outcome_field(&self, request: &Admitted, status: u16) -> Option<HeaderValue> {
        if request.outcome.is_empty() {
            return None;
        }
        outcome::seal(&request.outcome, &self.keys, &request.nonce, status)
            .map_err(|fault| tracing::error!(%fault, "the edge is not told an outcome"))
            .ok()
            .and_then(|field| HeaderValue::try_from(field).ok())
    }

    /// Checks the seal, then the nonce, then the body.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn admit(
        &self,
        request: Request<Incoming>,
        now: UnixSeconds,
    ) -> Result<Admitted, Refusal> {
        let (parts, incoming) = request.into_parts();
        let sealed = self.verify(&parts, now)?;
        self.nonces
            .remember(sealed.nonce, sealed.expires, now)
            .map_err(|error| match error {
                NonceError::Used => Refusal::forged("seal-replayed"),
                NonceError::Full => {
                    Refusal::authentic(ApiError::SealMemoryFull, sealed.identity.request_id.clone())
                }
            })?;
        let body = self.promised(incoming, &sealed).await?;
        Ok(Admitted {
            identity: sealed.identity,
            parts,
            body,
            nonce: sealed.nonce,
            outcome: Outcome::default(),
        })
    }

    fn verify(&self, parts: &Parts, now: UnixSeconds) -> Result<Sealed, Refusal> {
        let uri = &parts.uri;
        // Origin form alone (RFC 9112 §3.2.1): any other names a second authority.
        if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
            return Err(Refusal::forged("seal-target"));
        }
        let fields = Fields(&parts.headers);
        let target = Target {
            method: parts.method.as_str(),
            authority: &lower_case(fields.required("host")?),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
        };
        Ok(seal::verify(
            &target,
            &fields,
            &self.keys,
            &self.instance,
            now,
        )?)
    }

    /// The body, if it is the promised one.
    async fn promised(&self, incoming: Incoming, sealed: &Sealed) -> Result<Body, Refusal> {
        let failed =
            |error: BodyError| Refusal::authentic(error.into(), sealed.identity.request_id.clone());
        match sealed.body {
            PromisedBody::Empty => match body::read(incoming, 0, self.body_read).await {
                Err(BodyError::TooLarge { .. }) => Err(Refusal::forged("seal-body")),
                empty => empty.map(Body::Whole).map_err(failed),
            },
            PromisedBody::Sha256(digest) => {
                let whole = body::read(incoming, MAX_BODY_BYTES, self.body_read).await;
                match whole.map_err(failed)? {
                    whole if same(&whole, &digest) => Ok(Body::Whole(whole)),
                    _ => Err(Refusal::forged("seal-body")),
                }
            }
            PromisedBody::Stream { max_bytes } => {
                let max_bytes = max_bytes.min(MAX_BODY_BYTES);
                let stream = Stream::new(incoming, max_bytes, self.body_read);
                Ok(Body::Stream(stream))
            }
        }
    }
}

fn same(body: &[u8], digest: &[u8; 32]) -> bool {
    let actual: [u8; 32] = Sha256::digest(body).into();
    actual.ct_eq(digest).into()
}

fn lower_case(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        host.to_ascii_lowercase().into()
    } else {
        host.into()
    }
}

/// The headers as the seal reads them: once each, visible ASCII.
struct Fields<'a>(&'a HeaderMap);

impl Headers for Fields<'_> {
    fn one(&self, name: &'static str) -> Result<Option<&str>, SealError> {
        let mut values = self.0.get_all(name).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(SealError::Header(name));
        }
        value
            .to_str()
            .map(Some)
            .map_err(|_| SealError::Header(name))
    }
}
