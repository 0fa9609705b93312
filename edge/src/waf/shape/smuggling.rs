//! Request smuggling (RFC 9112 §6.3 and §11.2): what two servers would read apart.

use crate::waf::field::Sink;
use crate::waf::rules::protocol as rules;
use crate::waf::{Body, Part, Request};

/// Longest name that DNS has, with a port.
const MAX_HOST: usize = 260;

/// Headers from which frameworks take the host, too. Not those that a proxy in front of the client
/// sets by itself (`X-Forwarded-Host`): the forwarder drops them all.
const HOST_OVERRIDES: &[&str] = &["x-host", "x-http-host-override", "x-original-host"];

/// Hands what is wrong with lengths, host and the body's frame to the sink.
pub(super) fn read(request: &Request<'_>, sink: &mut impl Sink) {
    let all = |name: &'static str| {
        request
            .headers
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    };
    if are_odd(all("content-length"), all("transfer-encoding")) {
        sink.broken(&rules::LENGTHS, Part::HeaderName, "content-length");
    }
    if all("host").any(is_no_host) || all("host").nth(1).is_some() {
        sink.broken(&rules::HOST, Part::HeaderName, "host");
    }
    let host = all("host").next();
    if request
        .headers
        .iter()
        .any(|(name, _)| is_length_disguised(name))
    {
        sink.broken(&rules::LENGTHS, Part::HeaderName, "content-length");
    }
    for (name, value) in request.headers {
        let is_override = HOST_OVERRIDES.contains(&name.as_str());
        if is_override && host.is_some_and(|host| is_foreign(value, host)) {
            sink.broken(&rules::HOST, Part::HeaderName, name);
        }
    }
    // Over TLS, HTTP/2 is negotiated; the header opens a tunnel past a proxy.
    let is_h2c = |value: &str| {
        value
            .split(',')
            .any(|name| name.trim().eq_ignore_ascii_case("h2c"))
    };
    if all("upgrade").any(is_h2c) || all("http2-settings").next().is_some() {
        sink.broken(&rules::DROPPED, Part::HeaderName, "upgrade");
    }
    if all("content-encoding").any(|value| value.contains(',')) {
        sink.broken(&rules::TYPE, Part::HeaderName, "content-encoding");
    }
    // A target such as `@evil.example/` makes another host of what a proxy joins it to.
    if !request.path.is_empty() && !request.path.starts_with(['/', '*']) {
        sink.broken(&rules::HOST, Part::Path, request.path);
    }
    let query = request.query.to_ascii_lowercase();
    if query.contains("http/1.1%0d%0a") || query.contains("http/1.0%0d%0a") {
        sink.broken(&rules::SMUGGLED, Part::Query, request.query);
    }
    if let Body::Read {
        content_type,
        bytes,
    } = request.body
        && (holds_request(content_type, bytes)
            || is_unexpected(request.method, content_type, bytes))
    {
        sink.broken(&rules::SMUGGLED, Part::Text, "request within a body");
    }
}

/// Both lengths, several, or an encoding that only one of two servers would recognise.
fn are_odd<'a>(
    mut lengths: impl Iterator<Item = &'a str>,
    mut encodings: impl Iterator<Item = &'a str>,
) -> bool {
    let (length, encoding) = (lengths.next(), encodings.next());
    let is_odd_length = |value: &str| {
        !(1..=15).contains(&value.len()) || !value.bytes().all(|byte| byte.is_ascii_digit())
    };
    let differs = lengths.any(|other| Some(other) != length);
    differs
        || length.is_some() && encoding.is_some()
        || length.is_some_and(is_odd_length)
        || encoding.is_some_and(|value| !value.eq_ignore_ascii_case("chunked"))
        || encodings.next().is_some()
}

/// `Transfer_Encoding`, `Content-Length `: what some servers take for the names they resemble.
fn is_length_disguised(name: &str) -> bool {
    let plain: String = name
        .trim()
        .chars()
        .map(|character| match character {
            '_' | ' ' => '-',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    plain != name && matches!(plain.as_str(), "transfer-encoding" | "content-length")
}

/// A host has letters, digits and few marks; an `@` or a quote makes it another one, or an attack.
/// Nor is it a cloud's metadata service.
pub(super) fn is_no_host(value: &str) -> bool {
    let value = value.trim();
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-' | b'_')
    };
    let (name, port) = match value.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').unwrap_or_default();
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return true;
            }
            (address, rest)
        }
        None => value.split_at(value.find(':').unwrap_or(value.len())),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok());
    let is_name = name.contains(':') || name.bytes().all(fits);
    value.len() > MAX_HOST
        || name.is_empty()
        || !is_name
        || !is_port
        || name.contains("..")
        || name.starts_with(['.', '-'])
        || matches!(name, "169.254.169.254" | "metadata.google.internal")
}

/// Whether two hosts belong to different sites: their last two labels, or three where the second is
/// as short as a registry's (`co.id`), differ.
pub(super) fn is_foreign(value: &str, host: &str) -> bool {
    let site = |host: &str| {
        let name = host.split([':', ',']).next().unwrap_or_default().trim();
        let mut labels = name.rsplit('.').skip(1);
        let count = if labels.next().is_some_and(|second| second.len() <= 3) {
            3
        } else {
            2
        };
        let labels: Vec<_> = name.rsplit('.').take(count).collect();
        labels.join(".").to_ascii_lowercase()
    };
    let (first, second) = (site(value), site(host));
    !first.is_empty() && first != second
}

/// A last chunk with something behind it, or the line of a request in a form, whose own line
/// breaks are encoded.
fn holds_request(content_type: Option<&str>, body: &[u8]) -> bool {
    let is_ended = [&b"0\r\n\r\n"[..], b"0\n\n"]
        .iter()
        .any(|end| body.len() > end.len() && body.starts_with(end));
    let is_form = content_type.is_some_and(|value| {
        value
            .to_ascii_lowercase()
            .starts_with("application/x-www-form-urlencoded")
    });
    is_ended
        || (is_form || content_type.is_none())
            && body.split(|byte| *byte == b'\n').any(is_request_line)
}

/// A body that only one of two servers expects: searches by GET send JSON.
fn is_unexpected(method: &str, content_type: Option<&str>, body: &[u8]) -> bool {
    let is_form = |kind: &str| kind.to_ascii_lowercase().contains("form-urlencoded");
    matches!(method, "GET" | "HEAD") && !body.is_empty() && content_type.is_none_or(is_form)
}

/// `GET /admin HTTP/1.1`.
fn is_request_line(line: &[u8]) -> bool {
    const VERSION: &[u8] = b" HTTP/";
    let method = line
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    (3..=10).contains(&method)
        && line.get(method) == Some(&b' ')
        && line.windows(VERSION.len()).any(|window| window == VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_two_servers_read_apart_are_odd() {
        let odd = |lengths: &[&'static str], encodings: &[&'static str]| {
            are_odd(lengths.iter().copied(), encodings.iter().copied())
        };
        assert!(odd(&["5"], &["chunked"]));
        assert!(odd(&["5", "40"], &[]));
        assert!(odd(&["+5"], &[]));
        assert!(odd(&[], &["chunked", "cow"]));
        assert!(odd(&[], &["\u{b}chunked"]));
        assert!(!odd(&["5"], &[]));
        assert!(!odd(&["5", "5"], &[]));
        assert!(!odd(&[], &["Chunked"]));
        assert!(!odd(&[], &[]));
    }

    #[test]
    fn requests_within_bodies_are_told() {
        let form = Some("application/x-www-form-urlencoded");
        assert!(holds_request(form, b"0\r\n\r\nGET /admin HTTP/1.1\r\n"));
        assert!(holds_request(None, b"0\r\n\r\nG"));
        assert!(holds_request(form, b"a=x\r\n\r\nGPOST / HTTP/1.1\r\n"));
        assert!(!holds_request(form, b"a=GET+/admin+HTTP/1.1"));
        assert!(!holds_request(
            Some("text/plain"),
            b"so:\r\nGET /a HTTP/1.1\r\nHost: x"
        ));
        assert!(!holds_request(None, b"0"));
    }
}
