//! Which headers are inspected, and how: values as text, `Referer` as the URL it is, `Cookie` as
//! its pairs.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

use super::body::{self, form, json};
use super::field::Sink;
use super::{Part, decode, rules};

/// Headers left out where they keep to their grammar, because the gate or the platform interprets
/// them and applications do not read them as text (`authorization` and `apikey` hold a token that
/// is verified; the rest is negotiation), and because their honest syntax (`;q=0.8`,
/// `"Not A;Brand"`, entity tags) is what attacks look like. Frameworks echo and log them all.
const SKIPPED: &[&str] = &[
    "apikey",
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
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !name.bytes().all(is_plain) {
            sink.field(Part::HeaderName, name, name.as_bytes());
        }
        match name.as_str() {
            "cookie" => cookies(value, sink),
            "referer" if is_web(value) => referer(value, sink),
            "authorization" => authorization(value, sink),
            name if is_skipped(name) && keeps_grammar(name, value) => {}
            _ => sink.field(Part::HeaderValue, name, value.as_bytes()),
        }
    }
}

/// Whether a value is what negotiation looks like: tokens with parameters and quoted strings
/// between commas. Two words side by side, and bytes that no such header has, are read as text.
fn keeps_grammar(name: &str, value: &str) -> bool {
    if matches!(name, "date" | "if-modified-since" | "if-unmodified-since") {
        return value.len() <= 40
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b" ,:+-".contains(&byte));
    }
    if name.starts_with("accept") && value.contains("..") {
        return false;
    }
    let (mut is_quoted, mut is_token, mut is_parted) = (false, false, false);
    value.bytes().all(|byte| {
        let is_space = matches!(byte, b' ' | b'\t');
        let token =
            !is_quoted && (byte.is_ascii_alphanumeric() || b"*/+-._~:!#@[]?&".contains(&byte));
        let is_word_pair = token && is_parted;
        is_quoted ^= byte == b'"';
        is_parted = !is_quoted && is_space && (is_token || is_parted);
        is_token = token;
        let is_known = token
            || is_space
            || b"\",;=".contains(&byte)
            || (is_quoted && (byte.is_ascii_alphanumeric() || b"()/.:?_-&@+*~!#".contains(&byte)))
            || (name.starts_with("signature") && b"()".contains(&byte));
        is_known && !is_word_pair
    })
}

/// Credentials (RFC 9110 §11.4): a token or parameters that keep to the grammar are the gate's; a
/// user's name under Basic is text, a password may be any.
fn authorization(value: &str, sink: &mut impl Sink) {
    let (scheme, credentials) = value.split_once(' ').unwrap_or(("", value));
    if scheme.eq_ignore_ascii_case("basic")
        && let Ok(pair) = STANDARD.decode(credentials.trim())
    {
        let user = pair.split(|byte| *byte == b':').next().unwrap_or_default();
        return sink.field(Part::HeaderValue, "authorization", user);
    }
    // A token in three parts, of which the last is empty.
    if credentials.trim_end().ends_with('.') {
        return sink.field(Part::HeaderValue, "authorization", value.as_bytes());
    }
    if !keeps_grammar("authorization", scheme) || !keeps_grammar("authorization", credentials) {
        sink.field(Part::HeaderValue, "authorization", value.as_bytes());
    }
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
        // What scripts keep as `encodeURIComponent(JSON.stringify(…))`: its own escapes are not ours to undo.
        let decoded = decode::form(value.as_bytes());
        let is_json = json::is_json(&decoded);
        let value = if is_json { &decoded } else { value.as_bytes() };
        sink.field(Part::Cookie, name, value);
    }
    // A semicolon inside an attack cuts it in two; read the header as a whole as well.
    if header
        .bytes()
        .any(|byte| matches!(byte, b'<' | b'\'' | b'(' | b'`'))
    {
        sink.field(Part::Cookie, "", header.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::field::tests::Seen;

    fn seen(name: &str, value: &str) -> Vec<String> {
        let mut seen = Seen::default();
        read(&[(name.to_owned(), value.to_owned())], &mut seen);
        seen.fields
    }

    #[test]
    fn negotiation_is_left_out_and_what_only_claims_to_be_that_is_read() {
        for (name, value) in [
            (
                "accept",
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            ),
            (
                "accept",
                "application/signed-exchange;v=b3;q=0.7, text/*; charset=\"utf-8\"",
            ),
            ("accept-language", "id-ID,id;q=0.9, en-US;q=0.8"),
            (
                "sec-ch-ua",
                "\" Not A;Brand\";v=\"99\", \"Not/A)Brand\";v=\"8\", \"Google Chrome\";v=\"126\"",
            ),
            ("if-none-match", "W/\"abc--gzip\", \"5f3c:1a+b/c=\""),
            ("if-modified-since", "Sat, 29 Oct 1994 19:43:31 GMT"),
            ("keep-alive", "timeout=5, max=1000"),
            ("host", "[::1]:8080"),
            (
                "signature-input",
                "sig1=(\"@method\" \"@authority\");created=1618884473;keyid=\"test\"",
            ),
            (
                "authorization",
                "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.a_b-c",
            ),
            (
                "authorization",
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir\"",
            ),
            ("apikey", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.a_b-c"),
        ] {
            assert_eq!(seen(name, value), Vec::<String>::new(), "{name}: {value}");
        }
        for (name, value) in [
            ("accept", "1 union select password from users"),
            ("accept-language", "en' or '1'='1"),
            ("accept-encoding", "${jndi:ldap://x/a}"),
            ("sec-ch-ua", "\"<script>alert(1)</script>\""),
            ("if-modified-since", "<svg onload=alert(1)>"),
            ("authorization", "Bearer ' or 1=1--"),
            ("host", "a`id`.example"),
        ] {
            assert_eq!(seen(name, value), [format!("header {name}={value}")]);
        }
    }

    #[test]
    fn a_users_name_is_read_and_a_password_is_not() {
        // `o'x:' or 1=1`
        assert_eq!(
            seen("authorization", "Basic byd4Oicgb3IgMT0x"),
            ["header authorization=o'x"]
        );
    }

    #[test]
    fn odd_header_names_are_read() {
        assert!(seen("x-a`id`", "1").contains(&"header name x-a`id`=x-a`id`".to_owned()));
    }
}
