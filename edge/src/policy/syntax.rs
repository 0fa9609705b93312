//! What single values of a policy must look like.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Methods that a policy may name (RFC 9110 §9.3, RFC 5789). CONNECT and TRACE
/// never reach a Worker.
pub(super) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A name in logs, headers and object names: 1 to 64 of `a-z 0-9 . _ -`.
pub(super) fn is_name(text: &str) -> bool {
    let known = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(known)
}

/// 1 to 256 printable characters: a role, a claim, a type of token.
pub(super) fn is_label(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// An HTTP token (RFC 9110 §5.6.2): a cookie's name.
pub(super) fn is_token(text: &str) -> bool {
    let mark = |b| b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || mark(b))
}

/// A header's name in lower case.
pub(super) fn is_header_name(text: &str) -> bool {
    is_token(text) && !text.bytes().any(|b| b.is_ascii_uppercase())
}

/// A header's value: printable ASCII, spaces inside, no line break or other
/// control character (RFC 9110 §5.5).
pub(super) fn is_header_value(text: &str) -> bool {
    text.trim() == text && text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// A host name in lower case or an IPv4 address, without port.
pub(super) fn is_host(text: &str) -> bool {
    let known = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(known)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A country as the platform reports it: ISO 3166-1 alpha-2, `T1` for Tor.
pub(super) fn is_country(text: &str) -> bool {
    text == "T1" || (text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()))
}

/// An origin as browsers send it (RFC 6454 §6.2): scheme, host, and the port
/// unless it is the scheme's own.
pub(super) fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let default_port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    is_scheme(scheme)
        && host_and_port(authority).is_some_and(|(_, port)| port.is_none() || port != default_port)
}

fn is_scheme(text: &str) -> bool {
    let known = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.');
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(known)
}

/// Splits `host[:port]`, the host possibly an IPv6 address in brackets.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if authority.starts_with('[') {
        let (host, port) = authority.split_at(authority.find(']')?.checked_add(1)?);
        (
            host,
            if port.is_empty() {
                None
            } else {
                Some(port.strip_prefix(':')?)
            },
        )
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let v6 = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'));
    let fits = v6.map_or_else(|| is_host(host), |inner| inner.parse::<Ipv6Addr>().is_ok());
    let port = match port {
        None => None,
        Some(digits) => Some(port_number(digits)?),
    };
    fits.then_some((host, port))
}

/// 1 to 65535 without sign or leading zero.
fn port_number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

/// A path in a URL: `/` and visible ASCII, neither query nor fragment, not two
/// slashes first, which URL parsers take for a host.
pub(super) fn is_path(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_graphic() && !b"?#\\\"<>^`{|}".contains(&b);
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(known)
}

/// An `https:` URL; also `http:` of this machine where `development` is set.
pub(super) fn is_key_url(text: &str, development: bool) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    host_and_port(authority).is_some_and(|(host, _)| match scheme {
        "https" => true,
        "http" => development && is_loopback(host),
        _ => false,
    }) && is_path(path)
        && query.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse() == Ok(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn only(fits: impl Fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in bad {
            assert!(!fits(text), "{text:?} must be refused");
        }
        for text in good {
            assert!(fits(text), "{text:?} must be accepted");
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        let long = "a".repeat(65);
        only(
            is_name,
            &["login", "security.txt", "a-b_1"],
            &["", "A", "a b", "a/b", "é", &long],
        );
        only(
            is_label,
            &["ADMIN", "user id", "é"],
            &["", "a\nb", &"a".repeat(257)],
        );
    }

    #[test]
    fn headers_cannot_be_split() {
        only(
            is_header_name,
            &["x-a", "etag"],
            &["", "X-A", "x a", "x:", "x\r", "é"],
        );
        let bad = [
            "a\r\nb: c",
            "a\nb",
            "a\0",
            "a\tb",
            " a",
            "a ",
            "é",
            "\u{7f}",
        ];
        only(is_header_value, &["", "a b", "default-src 'none'; x"], &bad);
    }

    #[test]
    fn hosts_have_no_port_and_no_capitals() {
        let bad = [
            "",
            "a:80",
            "A.example",
            "*.example",
            "a..b",
            "-a",
            "a-",
            "a.",
            "a/b",
            "[::1]",
        ];
        only(
            is_host,
            &["a.example", "localhost", "127.0.0.1", "xn--a"],
            &bad,
        );
    }

    #[test]
    fn countries_are_two_capitals() {
        only(
            is_country,
            &["ID", "T1"],
            &["", "id", "I", "IDN", "I1", "ÄÖ"],
        );
    }

    #[test]
    fn origins_are_exact() {
        let good = [
            "https://a.example",
            "http://127.0.0.1:5173",
            "https://[::1]:8443",
        ];
        let bad = [
            "*",
            "null",
            "https://*",
            "https://*.a.example",
            "https://a.example/",
            "a.example",
            "https://a.example/x",
            "https://a.example:443",
            "http://a.example:80",
            "https://",
            "https://a.example:0",
            "https://a.example:70000",
            "https://a.example:+1",
            "https://A.example",
            "https://u@a.example",
            "https://a.example?x",
            "HTTPS://a.example",
            "https://[::1",
            "https://[::1]8",
            "https://a:",
        ];
        only(is_origin, &good, &bad);
        only(
            is_origin,
            &["capacitor://localhost", "https://a.example:80"],
            &["1a://b", "://b"],
        );
    }

    #[test]
    fn keys_come_over_https_alone() {
        let good = [
            "https://a.example/jwks.json",
            "https://a.example:8443",
            "https://a.example/j?x=1",
        ];
        let bad = [
            "http://a.example/",
            "http://127.0.0.1:9/",
            "http://localhost/",
            "ftp://a.example/",
            "https:///x",
            "https://u:p@a.example/",
            "https://a.example/#x",
            "https://a.example/ x",
            "https://a.example?x",
            "jwks.json",
            "https://a.example//x",
            "https://a.example/?a#b",
        ];
        only(|text| is_key_url(text, false), &good, &bad);
        let local = ["http://127.0.0.1:9/jwks", "http://localhost:9/jwks"];
        let others = [
            "http://a.example/",
            "http://127.0.0.1.example/",
            "http://10.0.0.1/",
        ];
        only(|text| is_key_url(text, true), &local, &others);
    }

    #[test]
    fn cookies_and_paths_have_their_characters() {
        only(
            is_token,
            &["__Host-gapura-access"],
            &["", "a b", "a;b", "a=b"],
        );
        only(
            is_path,
            &["/", "/a/b.json"],
            &["", "a", "//a", "/a?b", "/a#b", "/a b", "/\\a", "/é"],
        );
    }
}
