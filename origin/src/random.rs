//! The one place that draws randomness: the operating system's generator.

use gapura_shared::ids::RequestId;
use rand::{RngCore, rngs::OsRng};

/// `N` unpredictable bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// A new id for a row.
#[must_use]
pub fn uuid() -> String {
    uuid::Builder::from_random_bytes(bytes())
        .into_uuid()
        .to_string()
}

/// The id of a row that comes from elsewhere, in the form of ours.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<String> {
    uuid::Uuid::try_parse(text).ok().map(|id| id.to_string())
}

/// A name for a request that came without one.
#[must_use]
pub fn request_id() -> RequestId {
    RequestId::from_random(bytes())
}
