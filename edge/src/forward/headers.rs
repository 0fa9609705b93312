//! Which headers go through the gate, in both directions.

use crate::facts::Facts;
use gapura_shared::{identity, seal};

/// Meant for one connection (RFC 9110 §7.6.1), whether `Connection` names them or not.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// By these an application behind the origin would believe something about the
/// client that only the gate may say. Whole families are in [`is_forgeable`].
const FORGEABLE: [&str; 8] = [
    "forwarded",
    "true-client-ip",
    "client-ip",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-request-id",
    "traceparent",
];

/// Written anew by whoever sends the request.
const PER_MESSAGE: [&str; 3] = ["host", "content-length", "expect"];

/// Never told to a client.
const ORIGIN_PRIVATE: [&str; 2] = ["server", "x-powered-by"];

/// The client's headers that the origin gets to see.
pub fn to_origin(facts: &Facts) -> impl Iterator<Item = (&str, &str)> {
    let connection = facts.header("connection").unwrap_or_default();
    facts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(move |(name, _)| {
            !(is_hop_by_hop(name, connection) || is_forgeable(name) || PER_MESSAGE.contains(name))
        })
}

/// The origin's headers that the client gets to see.
pub fn to_client(headers: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    let connection = headers
        .iter()
        .find(|(name, _)| name == "connection")
        .map_or("", |(_, value)| value.as_str());
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(move |(name, _)| {
            let private = ORIGIN_PRIVATE.contains(name) || name.starts_with("gapura-");
            !(private || is_hop_by_hop(name, connection))
        })
}

fn is_hop_by_hop(name: &str, connection: &str) -> bool {
    HOP_BY_HOP.contains(&name)
        || connection
            .split(',')
            .any(|named| named.trim().eq_ignore_ascii_case(name))
}

/// Some servers read `X_Real_IP` as `X-Real-IP`: both count.
fn is_forgeable(name: &str) -> bool {
    let name = name.replace('_', "-");
    [
        "gapura-",
        "x-gapura-",
        "cf-",
        "x-forwarded-",
        "x-original-",
        "x-rewrite-",
    ]
    .iter()
    .any(|family| name.starts_with(family))
        || FORGEABLE.contains(&name.as_str())
        || seal::HEADERS.contains(&name.as_str())
        || name == identity::HEADER
}

#[cfg(test)]
mod tests {
    use super::{to_client, to_origin};
    use crate::facts::tests::facts;

    fn passes(name: &str) -> bool {
        let facts = facts(
            "GET",
            "http://h/",
            &[("connection", "close, x-hop"), (name, "v")],
        );
        to_origin(&facts).any(|(passed, _)| passed == name)
    }

    #[test]
    fn drops_what_a_client_could_forge() {
        for name in [
            "gapura-identity",
            "gapura-instance",
            "gapura-stream",
            "signature",
            "signature-input",
            "content-digest",
            "x-forwarded-for",
            "x-forwarded-host",
            "forwarded",
            "x-real-ip",
            "x_real_ip",
            "gapura_identity",
            "cf-connecting-ip",
            "true-client-ip",
            "x-original-url",
            "x-rewrite-url",
            "x-request-id",
            "traceparent",
        ] {
            assert!(!passes(name), "{name}");
        }
    }

    #[test]
    fn drops_what_is_meant_for_one_connection() {
        for name in [
            "connection",
            "x-hop",
            "te",
            "transfer-encoding",
            "upgrade",
            "host",
            "expect",
        ] {
            assert!(!passes(name), "{name}");
        }
    }

    #[test]
    fn passes_what_applications_read() {
        for name in [
            "accept",
            "authorization",
            "cookie",
            "content-type",
            "range",
            "if-match",
            "x-custom",
        ] {
            assert!(passes(name), "{name}");
        }
    }

    #[test]
    fn hides_the_origin_from_the_client() {
        let sent: Vec<(String, String)> = [
            "server",
            "x-powered-by",
            "gapura-instance",
            "gapura-outcome",
            "keep-alive",
            "etag",
        ]
        .iter()
        .map(|name| ((*name).to_owned(), "v".to_owned()))
        .collect();
        assert_eq!(to_client(&sent).collect::<Vec<_>>(), [("etag", "v")]);
    }
}
