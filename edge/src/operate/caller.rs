//! Who asks, and why somebody is refused.

use super::Operated;
use crate::{
    admin::{self, AdminError, Caller, Endpoint},
    aftermath, authenticate,
    facts::Facts,
    gate::Gate,
    policy::StrikeKind,
    record,
    revocation::Look,
    runtime::{BodyFault, Runtime},
    token::Verified,
    verdict::Stop,
};
use gapura_shared::{
    event,
    identity::Principal,
    seal::{self, PromisedBody, SealError, Sealed, digest},
    time::UnixMillis,
};

/// Whoever asked, as far as it was proven.
pub(super) enum Proven {
    Bearer(Box<Verified>),
    Origin(Box<Sealed>),
}

/// What the seal of a request to the API says, if it has one.
#[must_use]
pub fn sealed(gate: &Gate, facts: &Facts, now: UnixMillis) -> Option<Result<Sealed, SealError>> {
    facts.header(seal::SIGNATURE_INPUT)?;
    let authority = facts
        .own_origin
        .split_once("://")
        .map_or("", |(_, host)| host);
    let authority = authority.to_ascii_lowercase();
    let target = seal::Target {
        method: &facts.method,
        authority: &authority,
        path: &facts.path,
        query: &facts.query,
    };
    let sealed = seal::verify_push(&target, &Sent(facts), &gate.seal_keys, now.seconds());
    Some(sealed)
}

/// Finds out who asks. Nobody's token is looked at where there is no API for its address.
pub(super) async fn prove<R: Runtime>(
    gate: &Gate,
    endpoint: &Endpoint,
    facts: &Facts,
    sealed: Option<Sealed>,
    runtime: &R,
) -> Result<Proven, Refused> {
    if let Some(sealed) = sealed {
        return Ok(Proven::Origin(Box::new(sealed)));
    }
    let admin = gate.policy.admin.as_ref();
    match admin::permit(endpoint, admin, facts.client, Caller::Nobody) {
        Err(AdminError::Unauthenticated) => {}
        Err(AdminError::NotFound) if admin.is_some() && *endpoint != Endpoint::Push => {
            return Err(Refused::Address);
        }
        Err(why) => return Err(why.into()),
        Ok(_) => return Err(AdminError::Unauthenticated.into()),
    }
    let verified = authenticate::bearer(gate, facts, runtime).await;
    let verified = verified.map_err(|stop| match stop {
        Stop::TokenKeysUnavailable => AdminError::Unavailable.into(),
        stop => Refused::Token(stop),
    })?;
    match Look::confirm(gate, &verified, runtime).await {
        Ok(()) => Ok(Proven::Bearer(Box::new(verified))),
        Err(Stop::LedgerUnavailable) => Err(AdminError::Unavailable.into()),
        Err(stop) => Err(Refused::Token(stop)),
    }
}

impl Proven {
    pub(super) const fn caller(&self) -> Caller<'_> {
        match self {
            Self::Bearer(verified) => Caller::Bearer(&verified.principal),
            Self::Origin(sealed) => Caller::Origin {
                nonce: sealed.nonce,
                principal: match &sealed.identity.principal {
                    Some(principal) => Some(principal),
                    None => None::<&Principal>,
                },
            },
        }
    }
}

/// The headers of a push, as the seal reads them.
struct Sent<'a>(&'a Facts);

impl seal::Headers for Sent<'_> {
    fn one(&self, name: &'static str) -> Result<Option<&str>, SealError> {
        Ok(self.0.header(name))
    }
}

/// Reads the body; what the origin sealed must be what arrived.
pub(super) async fn read<R: Runtime>(
    endpoint: &Endpoint,
    proven: &Proven,
    facts: &Facts,
    runtime: &R,
) -> Result<Vec<u8>, AdminError> {
    let bytes = if facts.has_body() {
        let limit = endpoint.body_bytes();
        let read = runtime
            .read_body(u64::try_from(limit).unwrap_or(u64::MAX))
            .await;
        read.map_err(|fault| match fault {
            BodyFault::TooLong => AdminError::TooLarge(limit),
            BodyFault::Ended => AdminError::Invalid("the body ended early".to_owned()),
        })?
    } else {
        Vec::new()
    };
    if let Proven::Origin(sealed) = proven {
        let as_promised = match sealed.body {
            PromisedBody::Empty => bytes.is_empty(),
            PromisedBody::Sha256(digest) => {
                digest::parse_sha256(&digest::sha256(&bytes)) == Some(digest)
            }
            PromisedBody::Stream { .. } => false,
        };
        if !as_promised {
            return Err(AdminError::NotFound);
        }
    }
    Ok(bytes)
}

/// Why somebody is refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// The operation cannot be carried out for who asks.
    Operation(AdminError),
    /// The token does not hold; to the client it is as none.
    Token(Stop),
    /// The seal does not hold; to the client there is nothing here.
    Seal,
    /// There is no API for this address.
    Address,
}

impl<E: Into<AdminError>> From<E> for Refused {
    fn from(why: E) -> Self {
        Self::Operation(why.into())
    }
}

impl Refused {
    pub(super) fn answer(&self, facts: &Facts, now: UnixMillis) -> Operated {
        let reply = match self {
            Self::Operation(why) => why.reply(&facts.request_id),
            Self::Token(_) => AdminError::Unauthenticated.reply(&facts.request_id),
            Self::Seal | Self::Address => AdminError::NotFound.reply(&facts.request_id),
        };
        let event = |kind, reason| record::refused(facts, kind, reply.status, reason, now);
        let event = match self {
            Self::Token(stop) => record::stopped(facts, stop, reply.status, now),
            Self::Seal => Some(event(event::Kind::SealRefused, "seal-invalid")),
            Self::Address => Some(event(event::Kind::AccessDenied, "access-denied")),
            Self::Operation(AdminError::Forbidden) => {
                Some(event(event::Kind::AccessDenied, "role-required"))
            }
            Self::Operation(AdminError::Assurance) => {
                Some(event(event::Kind::AccessDenied, "insufficient-aal"))
            }
            Self::Operation(_) => None,
        };
        let strikes = match self {
            Self::Token(stop) => aftermath::of_stop(stop, None),
            Self::Seal => vec![StrikeKind::BadSeal],
            Self::Operation(_) | Self::Address => Vec::new(),
        };
        Operated {
            reply,
            event,
            strikes,
        }
    }
}
