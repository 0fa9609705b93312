//! What the origin tells the edge by itself, sealed by hand: to send it twice.

use crate::{Edge, Origin, Request, token};
use gapura_shared::{
    identity::{self, Identity},
    ids::RequestId,
    seal::{self, Content, Keys, Message, digest},
    time::UnixSeconds,
};
use serde_json::Value;
use std::net::Ipv4Addr;

/// A request that the origin sealed with this nonce, which is good once.
#[must_use]
pub fn sealed(
    origin: &Origin,
    edge: &Edge,
    method: &str,
    path: &str,
    body: Option<&Value>,
    nonce: u8,
) -> Request {
    let authority = edge.address.to_string();
    let identity = Identity {
        request_id: RequestId::from_random([nonce; 16]),
        client: Ipv4Addr::LOCALHOST.into(),
        host: authority.clone(),
        principal: None,
    };
    let identity = identity.to_field().expect("an identity");
    let text = body.map(Value::to_string).unwrap_or_default();
    let digest = digest::sha256(text.as_bytes());
    let content = match body {
        None => Content::Empty,
        Some(_) => Content::Digest {
            digest: digest.as_str().into(),
            content_type: Some("application/json"),
        },
    };
    let message = Message {
        method,
        authority: &authority,
        path,
        query: "",
        identity: &identity,
        instance: "",
        content,
    };
    let keys = Keys::parse(&origin.seal_keys).expect("keys");
    let seal = seal::sign_push(&message, &keys, UnixSeconds(token::now()), [nonce; 16]);
    let request = Request::new(method, path)
        .header(seal::INSTANCE, "\"\"")
        .header(identity::HEADER, &identity)
        .header(seal::SIGNATURE_INPUT, &seal.signature_input)
        .header(seal::SIGNATURE, &seal.signature);
    match body {
        None => request,
        Some(_) => request
            .body("application/json", text)
            .header(seal::CONTENT_DIGEST, &digest),
    }
}
