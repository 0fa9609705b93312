//! What the origin tells the edge by itself, not as an answer: revocations that an operator
//! or a job makes, and locks that an operator lifts. A sealed request each.
//!
//! Guarantees: a push is sent whole or an error says that it was not taken; no wait is without an end.

mod outbox;

pub use outbox::run;

use crate::{clock, config::EdgeUrl, random};
use gapura_shared::{
    identity::{self, Identity},
    limits::MAX_CLOCK_SKEW_S,
    outcome::AccountId,
    push::{self, MAX_REVOCATIONS, Push, Revocation},
    seal::{self, Content, Keys, Message, digest},
};
use rustls::pki_types::{
    CertificateDer,
    pem::{self, PemObject},
};
use std::{net::Ipv4Addr, path::PathBuf, time::Duration};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long the edge may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Where the edge's API has bans and locks, by what they are on.
const BANS: &str = "/_gapura/v1/bans/";
const CONTENT_TYPE: &str = "application/json";

/// Why the edge was not told.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// More than one push takes.
    #[error("{count} revocations are more than the {MAX_REVOCATIONS} of a push")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// It could not be written.
    #[error("the push cannot be written")]
    Form,
    /// `edge.ca_file` cannot be read, or has no certificate in it.
    #[error("edge.ca_file: {}: {error}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        error: pem::Error,
    },
    /// No answer.
    #[error("the edge does not answer: {0}")]
    Unreachable(#[source] Box<ureq::Error>),
    /// It refused.
    #[error("the edge answered {0}; seal keys or clocks (by {MAX_CLOCK_SKEW_S} s) may differ")]
    Refused(u16),
}

/// Sends revocations; when this returns, the edge's Ledger has them. Waits: not for an async thread.
///
/// # Errors
/// [`PushError`].
pub fn push(edge: &EdgeUrl, keys: &Keys, revocations: Vec<Revocation>) -> Result<(), PushError> {
    let count = revocations.len();
    if count > MAX_REVOCATIONS {
        return Err(PushError::TooMany { count });
    }
    let body = serde_json::to_vec(&Push { revocations }).map_err(|_| PushError::Form)?;
    let answered = send(edge, keys, "POST", push::PATH, &body)?;
    accepted(answered)
}

/// Lifts the locks of a login name that the edge mirrors, or finds none. Waits: not for an async thread.
///
/// # Errors
/// [`PushError`].
pub fn lift_locks(edge: &EdgeUrl, keys: &Keys, account: &AccountId) -> Result<(), PushError> {
    let path = format!("{BANS}account:{}", account.as_str());
    match send(edge, keys, "DELETE", &path, &[])? {
        404 => Ok(()),
        answered => accepted(answered),
    }
}

fn accepted(status: u16) -> Result<(), PushError> {
    if (200..300).contains(&status) {
        Ok(())
    } else {
        Err(PushError::Refused(status))
    }
}

/// Sends a sealed request; the status of the answer. JSON, if there is a body.
fn send(
    edge: &EdgeUrl,
    keys: &Keys,
    method: &'static str,
    path: &str,
    body: &[u8],
) -> Result<u16, PushError> {
    let identity = Identity {
        request_id: random::request_id(),
        client: Ipv4Addr::LOCALHOST.into(),
        host: edge.authority.clone(),
        principal: None,
    }
    .to_field()
    .map_err(|_| PushError::Form)?;
    let digest = digest::sha256(body);
    let content = if body.is_empty() {
        Content::Empty
    } else {
        Content::Digest {
            digest: digest.as_str().into(),
            content_type: Some(CONTENT_TYPE),
        }
    };
    let message = Message {
        method,
        authority: &edge.authority,
        path,
        query: "",
        identity: &identity,
        instance: "",
        content,
    };
    let seal = seal::sign_push(&message, keys, clock::now().seconds(), random::bytes());
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("{}://{}{path}", edge.scheme, edge.authority))
        .header(seal::INSTANCE, "\"\"")
        .header(identity::HEADER, &identity)
        .header(seal::SIGNATURE_INPUT, &seal.signature_input)
        .header(seal::SIGNATURE, &seal.signature);
    if !body.is_empty() {
        request = request
            .header("content-type", CONTENT_TYPE)
            .header(seal::CONTENT_DIGEST, &digest);
    }
    let agent = agent(edge)?;
    let answer = if body.is_empty() {
        agent.run(request.body(()).map_err(|_| PushError::Form)?)
    } else {
        agent.run(request.body(body).map_err(|_| PushError::Form)?)
    };
    let answer = answer.map_err(|error| PushError::Unreachable(Box::new(error)))?;
    Ok(answer.status().as_u16())
}

/// What asks the gate: not for longer than [`TIMEOUT`], and whom `edge.ca_file` vouches for where that is set.
///
/// # Errors
/// [`PushError::Authority`].
pub(crate) fn agent(edge: &EdgeUrl) -> Result<ureq::Agent, PushError> {
    let mut config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0);
    if let Some(authorities) = authorities(edge)? {
        let certificates = authorities
            .iter()
            .map(|one| Certificate::from_der(one).to_owned());
        let tls = TlsConfig::builder().root_certs(RootCerts::from(certificates));
        config = config.tls_config(tls.build());
    }
    Ok(config.build().into())
}

/// The authorities of `edge.ca_file`, which take the place of the public ones.
///
/// # Errors
/// [`PushError::Authority`].
pub(crate) fn authorities(
    edge: &EdgeUrl,
) -> Result<Option<Vec<CertificateDer<'static>>>, PushError> {
    let Some(path) = &edge.ca_file else {
        return Ok(None);
    };
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.and_then(|all| {
        if all.is_empty() {
            return Err(pem::Error::NoItemsFound);
        }
        Ok(all)
    });
    read.map(Some).map_err(|error| PushError::Authority {
        path: path.clone(),
        error,
    })
}
