//! The body stage: read it within its limit, or leave it to stream.

use crate::{
    facts::Facts,
    pipeline::Body,
    policy::{BodyUse, Route},
    runtime::{BodyFault, Runtime},
    verdict::Stop,
};

/// Up to this length a body is read while the Guard is still being asked;
/// longer ones wait for its verdict, so that a client that is refused anyway
/// cannot fill the isolate's memory.
const OVERLAP_MAX_BYTES: u64 = 64 * 1024;

/// Whether the body is, or may turn out to be, longer than is read beside the
/// Guard's answer. A body without a declared length may be of any.
#[must_use]
pub fn may_be_large(facts: &Facts) -> bool {
    facts.has_body()
        && facts
            .content_length()
            .is_none_or(|length| length > OVERLAP_MAX_BYTES)
}

/// Reads the body as the route says.
///
/// # Errors
/// [`Stop::BodyTooLarge`], [`Stop::BodyUnreadable`], [`Stop::UnsupportedEncoding`].
pub async fn read<R: Runtime>(route: &Route, facts: &Facts, runtime: &R) -> Result<Body, Stop> {
    if !facts.has_body() {
        return Ok(Body::Empty);
    }
    if route.body == BodyUse::Stream {
        return Ok(Body::Stream);
    }
    // What is compressed cannot be inspected, and inflating it is an attack of its own.
    if facts
        .header("content-encoding")
        .is_some_and(|e| !e.trim().eq_ignore_ascii_case("identity"))
    {
        return Err(Stop::UnsupportedEncoding);
    }
    match runtime.read_body(route.body_bytes).await {
        Ok(bytes) if bytes.is_empty() => Ok(Body::Empty),
        Ok(bytes) => Ok(Body::Read(bytes)),
        Err(BodyFault::TooLong) => Err(Stop::BodyTooLarge {
            limit: route.body_bytes,
        }),
        Err(BodyFault::Ended) => Err(Stop::BodyUnreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::may_be_large;
    use crate::facts::tests::facts;

    #[test]
    fn a_body_of_unknown_length_counts_as_large() {
        let post = |name, value| may_be_large(&facts("POST", "http://h/", &[(name, value)]));
        assert!(post("transfer-encoding", "chunked"));
        assert!(post("content-length", "65537"));
        assert!(!post("content-length", "65536"));
        assert!(!post("accept", "*/*"));
    }
}
