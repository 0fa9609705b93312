//! Which headers are inspected, and how: values as text, `Referer` as the URL it is, `Cookie` as
//! its pairs.

use super::body::{self, form};
use super::field::Sink;
use super::{Part, decode, rules};

/// Headers left out, because the gate or the platform interprets them by a strict grammar of its
/// own and applications do not read them as text (`authorization` and `apikey` hold a token that
/// is verified; the rest is negotiation), and because their honest syntax (`;q=0.8`,
/// `"Not A;Brand"`, entity tags) is what attacks look like.
const SKIPPED: &[&str] = &[
    "apikey",
    "authorization",
    "proxy-authorization",
    "connection",
    "content-length",
    "content-digest",
    "cache-control",
    "pragma",
    "date",
    "dnt",
    "expect",
    "host",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "keep-alive",
    "priority",
    "range",
    "save-data",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "signature",
    "signature-input",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "x-request-id",
];

/// Families left out for the same reason.
const SKIPPED_PREFIXES: &[&str] = &["accept", "sec-ch-", "sec-fetch-", "access-control-request-"];

fn is_skipped(name: &str) -> bool {
    SKIPPED.contains(&name)
        || SKIPPED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Hands every header that an application could read to the sink.
pub(super) fn read(headers: &[(String, String)], sink: &mut impl Sink) {
    for (name, value) in headers {
        if name == "content-type" && body::hides_text(value) {
            sink.broken(
                &rules::protocol::CHARSET,
                Part::HeaderValue,
                "charset that hides text",
            );
        }
        match name.as_str() {
            "cookie" => cookies(value, sink),
            "referer" if is_web(value) => referer(value, sink),
            name if is_skipped(name) && !looks_hostile(value) => {}
            _ => sink.field(Part::HeaderValue, name, value.as_bytes()),
        }
    }
}

/// Even a header that is left out is read when it cannot be what it claims to be: none of them
/// holds these in honest requests, and frameworks echo and log them all (JNDI came in `Accept`).
fn looks_hostile(value: &str) -> bool {
    ["${", "() {", "<script", "%3cscript"]
        .iter()
        .any(|sign| value.to_ascii_lowercase().contains(sign))
}

fn is_web(value: &str) -> bool {
    value.starts_with("https://") || value.starts_with("http://")
}

/// The page a user came from: its query is another request's query and is read as one, so that
/// its separators are not taken for operators.
fn referer(value: &str, sink: &mut impl Sink) {
    let (url, query) = value.split_once('?').unwrap_or((value, ""));
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let host = url.split('/').nth(2).unwrap_or_default();
    sink.field(Part::HeaderValue, "referer", host.as_bytes());
    sink.field(Part::HeaderValue, "referer", path.as_bytes());
    for (name, value) in form::pairs(query.as_bytes()) {
        sink.field(Part::HeaderValue, "referer", &decode::form(name));
        sink.field(Part::HeaderValue, "referer", &decode::form(value));
    }
}

/// Pairs of a `Cookie` header (RFC 6265 §5.4), leniently: what has no `=` is a value.
fn cookies(header: &str, sink: &mut impl Sink) {
    for pair in header
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let value = value.trim_matches('"');
        sink.field(Part::CookieName, name, name.as_bytes());
        sink.field(Part::Cookie, name, value.as_bytes());
    }
    // A semicolon inside an attack cuts it in two; read the header as a whole as well.
    if header
        .bytes()
        .any(|byte| matches!(byte, b'<' | b'\'' | b'(' | b'`'))
    {
        sink.field(Part::Cookie, "", header.as_bytes());
    }
}
