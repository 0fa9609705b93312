//! The body stage: read it within its limit, or leave it to stream.

use crate::{
    facts::Facts,
    inflate::{Encoding, Fault, inflate},
    pipeline::Body,
    policy::{BodyUse, Route},
    runtime::{BodyFault, Runtime},
    verdict::{BodyBound, Stop},
    waf::{Compressed, Mode, Oversize},
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
/// What is read as a whole is bounded by the route's `inspection_bytes` also where the WAF is
/// off: an isolate has 128 MB for all requests at once.
///
/// # Errors
/// [`Stop::BodyTooLarge`], [`Stop::BodyUnreadable`], [`Stop::UnsupportedEncoding`].
pub async fn read<R: Runtime>(route: &Route, facts: &Facts, runtime: &R) -> Result<Body, Stop> {
    if !facts.has_body() {
        return Ok(Body::Empty);
    }
    let encoding = Encoding::of(facts.header("content-encoding"));
    if streams(route, facts.content_length()) {
        // Inflating in passing would cost more than it is worth to anybody honest.
        return match encoding {
            Encoding::Identity => Ok(Body::Stream(None)),
            _ if route.waf.mode == Mode::Off => Ok(Body::Stream(None)),
            _ => Err(Stop::UnsupportedEncoding),
        };
    }
    if encoding != Encoding::Identity && route.waf.compressed == Compressed::Refuse {
        return Err(Stop::UnsupportedEncoding);
    }
    let (limit, bound) = bound(route);
    let bytes = match runtime.read_body(limit).await {
        Ok(bytes) => bytes,
        Err(BodyFault::TooLong) => return Err(Stop::BodyTooLarge { limit, bound }),
        Err(BodyFault::Ended) => return Err(Stop::BodyUnreadable),
    };
    if bytes.is_empty() {
        return Ok(Body::Empty);
    }
    let inflated = match inflate(encoding, &bytes, limit) {
        Ok(inflated) => inflated,
        Err(Fault::TooLong) => return Err(Stop::BodyTooLarge { limit, bound }),
        Err(Fault::Malformed) => return Err(Stop::BodyUnreadable),
        Err(Fault::Unsupported) => return Err(Stop::UnsupportedEncoding),
    };
    Ok(Body::Read { bytes, inflated })
}

/// The lower of the two bounds on a body that is read.
fn bound(route: &Route) -> (u64, BodyBound) {
    if route.body_bytes <= route.waf.inspection_bytes {
        (route.body_bytes, BodyBound::Length)
    } else {
        (route.waf.inspection_bytes, BodyBound::Inspection)
    }
}

/// Whether a body of this declared length is passed on as it comes. One without a declared
/// length may be of any, so it streams where a long one would.
fn streams(route: &Route, length: Option<u64>) -> bool {
    let is_long = length.is_none_or(|length| length > route.waf.inspection_bytes);
    // What only looks, or does not look, refuses nothing for its length.
    let may_stream = route.waf.oversize == Oversize::Stream
        || matches!(route.waf.mode, Mode::Detect | Mode::Off);
    let can_be_long = route.body_bytes > route.waf.inspection_bytes;
    route.body == BodyUse::Stream || (is_long && may_stream && can_be_long)
}

#[cfg(test)]
mod tests {
    use super::{bound, may_be_large, streams};
    use crate::{
        facts::tests::facts,
        policy::{self, Route},
        verdict::BodyBound,
    };

    fn route(lines: &str) -> Route {
        let text = format!(
            "version = 1\n[[route]]\nname = \"r\"\npath = \"/\"\ntoken = \"none\"\n{lines}\n"
        );
        policy::parse(&text, None).unwrap().routes.remove(0)
    }

    #[test]
    fn what_streams_is_what_the_route_says() {
        const LIMIT: u64 = 131_072;
        let lengths = [Some(1), Some(LIMIT), Some(LIMIT + 1), None];
        for (lines, expected) in [
            ("", [false; 4]),
            ("oversize = \"stream\"", [false, false, true, true]),
            ("waf = \"detect\"", [false, false, true, true]),
            ("waf = \"off\"", [false, false, true, true]),
            ("oversize = \"stream\"\nbody_bytes = 65536", [false; 4]),
            ("body = \"stream\"", [true; 4]),
        ] {
            let route = route(lines);
            assert_eq!(
                lengths.map(|length| streams(&route, length)),
                expected,
                "{lines}"
            );
        }
    }

    #[test]
    fn the_lower_bound_holds_and_is_named() {
        assert_eq!(bound(&route("")), (131_072, BodyBound::Inspection));
        assert_eq!(bound(&route("body_bytes = 10")), (10, BodyBound::Length));
        let raised = route("body_bytes = 1000000\ninspection_bytes = 2000000");
        assert_eq!(bound(&raised), (1_000_000, BodyBound::Length));
    }

    #[test]
    fn a_body_of_unknown_length_counts_as_large() {
        let post = |name, value| may_be_large(&facts("POST", "http://h/", &[(name, value)]));
        assert!(post("transfer-encoding", "chunked"));
        assert!(post("content-length", "65537"));
        assert!(!post("content-length", "65536"));
        assert!(!post("accept", "*/*"));
    }
}
