//! `/echo/**`: tells what arrived. In development alone: it shows every header.

use super::{Answer, ApiError, body::Body, respond};
use crate::admission::Admitted;
use gapura_shared::ids::hex;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// 200 with the request as JSON; repeated headers are joined by `, `.
pub(super) async fn answer(request: &mut Admitted) -> Result<Answer, ApiError> {
    let mut digest = Sha256::new();
    let mut length = 0_u64;
    let mut count = |piece: &[u8]| {
        digest.update(piece);
        length = length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    };
    match request.take_body() {
        Body::Whole(bytes) => count(&bytes),
        Body::Stream(mut stream) => {
            while let Some(piece) = stream.next().await? {
                count(&piece);
            }
        }
    }
    let told = json!({
        "method": request.method().as_str(),
        "path": request.path(),
        "query": request.query(),
        "headers": headers(request),
        "body_length": length,
        "body_sha256": hex(&digest.finalize()),
    });
    Ok(respond::private_json(told.to_string()))
}

fn headers(request: &Admitted) -> Map<String, Value> {
    let mut told: Map<String, Value> = Map::new();
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        match told.get_mut(name.as_str()) {
            Some(Value::String(known)) => {
                known.push_str(", ");
                known.push_str(&value);
            }
            _ => {
                told.insert(name.as_str().to_owned(), value.into());
            }
        }
    }
    told
}
