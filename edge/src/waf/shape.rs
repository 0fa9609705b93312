//! What only the request as a whole shows: a session that another site chose, a method or path
//! that a header swaps after the gate has judged it, lengths that two servers would read apart.

use super::field::Sink;
use super::rules::protocol as rules;
use super::rules::scanner;
use super::{Part, Request};

/// Most ranges of one `Range` header; a video player asks for one (CVE-2011-3192).
const MAX_RANGES: usize = 8;

/// Names under which servers take a session id from the URL. `session_id` is not among them:
/// payment pages return with it.
const SESSION_NAMES: &[&str] = &[
    "jsessionid",
    "jservsession",
    "jwsession",
    "phpsessid",
    "phpsession",
    "aspsessionid",
    "asp.net_sessionid",
    "weblogicsession",
    "cfid",
    "cftoken",
    "cfsid",
];

/// Headers that name another URL than the one that the gate has judged.
/// The last skips a framework's own checks (CVE-2025-29927).
const URL_OVERRIDES: &[&str] = &[
    "x-original-url",
    "x-rewrite-url",
    "x-middleware-subrequest",
    "x-override-url",
];

/// Headers that replace the method.
const METHOD_OVERRIDES: &[&str] = &[
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// Methods that an override may name.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Headers that scanners put on all they send.
const SCANNER_HEADERS: &[&str] = &[
    "x-scanner",
    "x-scan-memo",
    "x-wipp",
    "x-ratproxy-loop",
    "x-request-memo",
    "x-requestmanager-memo",
    "x-wvs-id",
    "x-arachni-scan-seed",
    "acunetix-product",
    "acunetix-user-agreement",
    "acunetix-scanning-agreement",
];

/// Methods that echo a request or switch debugging on.
const DEBUG_METHODS: &[&str] = &["TRACE", "TRACK", "DEBUG", "CONNECT"];

/// Parameters through which web shells take their commands.
const SHELL_PARAMETERS: &[&str] = &["cmd", "exec", "command", "execute", "shell", "c", "system"];

/// What is tried first on a web shell.
const SHELL_COMMANDS: &[&str] = &[
    "id", "whoami", "ls", "cat", "uname", "pwd", "dir", "ipconfig", "ifconfig", "netstat",
    "phpinfo", "wget", "curl",
];

/// Programs that a server runs by their ending.
const PROGRAMS: &[&str] = &[
    ".php", ".jsp", ".jspx", ".asp", ".aspx", ".cgi", ".pl", ".cfm",
];

/// Hands what is wrong with the request's shape to the sink.
pub(super) fn read(request: &Request<'_>, sink: &mut impl Sink) {
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    };
    session(request, header("referer"), header("host"), sink);
    lengths(header("content-length"), header("transfer-encoding"), sink);
    if DEBUG_METHODS.contains(&request.method) {
        sink.broken(&rules::METHOD, Part::HeaderName, request.method);
    }
    programs(request, sink);
    for (name, value) in request.headers {
        one_header(name, value, sink);
    }
}

/// Whether the client holds a login of WordPress: it edits its site and probes for none. A forged
/// cookie spares it nothing but the probes' rule.
pub(super) fn has_wordpress_session(request: &Request<'_>) -> bool {
    request
        .headers
        .iter()
        .any(|(name, value)| name == "cookie" && value.contains("wordpress_logged_in_"))
}

fn one_header(name: &str, value: &str, sink: &mut impl Sink) {
    let rule = if METHOD_OVERRIDES.contains(&name) {
        let is_known = METHODS
            .iter()
            .any(|known| value.trim().eq_ignore_ascii_case(known));
        (!is_known).then_some(&rules::METHOD_OVERRIDE)
    } else if URL_OVERRIDES.contains(&name) {
        Some(&rules::URL_OVERRIDE)
    } else if name == "proxy" {
        Some(&rules::PROXY)
    } else if name == "range" || name == "request-range" {
        is_range_attack(value).then_some(&rules::RANGES)
    } else {
        SCANNER_HEADERS.contains(&name).then_some(&scanner::HEADER)
    };
    if let Some(rule) = rule {
        sink.broken(rule, Part::HeaderName, name);
    }
}

/// Many ranges, or one that ends where 64-bit arithmetic does (CVE-2015-1635).
fn is_range_attack(value: &str) -> bool {
    value.split(',').count() > MAX_RANGES || value.contains("18446744073709551615")
}

/// `/x.php?cmd=id` asks for a web shell, and `/x.php?-s` for PHP's own options (CVE-2012-1823).
fn programs(request: &Request<'_>, sink: &mut impl Sink) {
    let path = request.path.to_ascii_lowercase();
    if !PROGRAMS.iter().any(|ending| path.ends_with(ending)) {
        return;
    }
    let is_option = request.query.starts_with(['-']) && !request.query.contains('=')
        || request.query.to_ascii_lowercase().starts_with("-d");
    let is_command = request
        .query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .any(|(name, value)| {
            let first = value
                .split(['+', '%', ' ', ';', '|'])
                .next()
                .unwrap_or_default();
            SHELL_PARAMETERS.contains(&name) && SHELL_COMMANDS.contains(&first)
        });
    if is_option || is_command {
        sink.broken(&rules::WEB_SHELL, Part::Query, request.query);
    }
}

/// Session fixation (CWE-384): a session id in the URL that no page of this site has put there.
fn session(request: &Request<'_>, referer: Option<&str>, host: Option<&str>, sink: &mut impl Sink) {
    let name = request
        .query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, _)| name.to_ascii_lowercase())
        .find(|name| SESSION_NAMES.contains(&name.as_str()));
    let from = referer.and_then(|referer| referer.split('/').nth(2));
    // In the path it is how old servers write links; a stranger's link is still an attack.
    let path = request.path.to_ascii_lowercase();
    let in_path = || {
        SESSION_NAMES
            .iter()
            .find(|name| path.contains(&format!(";{name}=")))
            .map(|name| (*name).to_owned())
            .filter(|_| from.is_some())
    };
    if let Some(name) = name.or_else(in_path)
        && (from.is_none() || from != host)
    {
        sink.broken(&rules::SESSION, Part::QueryName, &name);
    }
}

/// Request smuggling (RFC 9112 §6.3): both lengths, several, or an encoding that only one of two
/// servers would recognise.
fn lengths(length: Option<&str>, encoding: Option<&str>, sink: &mut impl Sink) {
    let is_odd_encoding = encoding.is_some_and(|value| !value.eq_ignore_ascii_case("chunked"));
    let is_odd_length = length
        .is_some_and(|value| value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()));
    if length.is_some() && encoding.is_some() || is_odd_encoding || is_odd_length {
        sink.broken(&rules::LENGTHS, Part::HeaderName, "content-length");
    }
}

#[cfg(test)]
mod tests {
    use crate::waf::{Body, Request, Settings, Verdict, inspect};

    fn is_stopped(query: &str, headers: &[(&str, &str)]) -> bool {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request {
            client: None,
            method: "GET",
            path: "/items",
            query,
            headers: &headers,
            body: Body::None,
        };
        inspect(&request, &Settings::default()).verdict == Verdict::Blocked
    }

    #[test]
    fn a_session_from_elsewhere_is_stopped() {
        let host = ("host", "shop.example.com");
        assert!(is_stopped("PHPSESSID=abc", &[host]));
        assert!(is_stopped(
            "phpsessid=abc",
            &[host, ("referer", "https://evil.example/")]
        ));
        assert!(!is_stopped(
            "phpsessid=abc",
            &[host, ("referer", "https://shop.example.com/a")]
        ));
        assert!(!is_stopped(
            "session_id=cs_1",
            &[host, ("referer", "https://pay.example/")]
        ));
    }

    #[test]
    fn headers_that_swap_what_was_judged_are_stopped() {
        for (name, value) in [
            ("x-http-method-override", "TRACE"),
            ("x-original-url", "/admin"),
            ("x-rewrite-url", "/admin"),
            ("proxy", "http://192.0.2.1:8080"),
            ("range", "bytes=0-18446744073709551615"),
            ("range", "bytes=0-1,2-3,4-5,6-7,8-9,10-11,12-13,14-15,16-17"),
            ("transfer-encoding", "xchunked"),
            ("content-length", "5, 6"),
            ("x-scanner", "whatever"),
        ] {
            assert!(is_stopped("", &[(name, value)]), "{name}: {value}");
        }
        assert!(is_stopped(
            "",
            &[("content-length", "5"), ("transfer-encoding", "chunked")]
        ));
    }

    #[test]
    fn an_editor_of_wordpress_is_no_prober() {
        let cookie = (
            "cookie".to_owned(),
            "wordpress_logged_in_1a=budi%7C17".to_owned(),
        );
        let of = |headers: &[(String, String)]| {
            let request = Request {
                client: None,
                method: "GET",
                path: "/wp-admin/edit.php",
                query: "",
                headers,
                body: Body::None,
            };
            inspect(&request, &Settings::default()).verdict
        };
        assert_eq!(of(&[]), Verdict::Blocked);
        assert_eq!(of(&[cookie]), Verdict::Clean);
    }

    #[test]
    fn honest_headers_pass() {
        for (name, value) in [
            ("x-http-method-override", "PATCH"),
            ("range", "bytes=0-1023, -500"),
            ("transfer-encoding", "chunked"),
            ("content-length", "512"),
            ("x-forwarded-host", "shop.example.com"),
        ] {
            assert!(!is_stopped("", &[(name, value)]), "{name}: {value}");
        }
    }
}
