//! Bounds and well-formedness, before anything else looks at a request.

use crate::{
    facts::Facts,
    policy::Limits,
    verdict::{BodyBound, Stop},
};
use gapura_shared::parse::percent;

/// Headers of which a second copy makes a request ambiguous. The platform joins
/// copies with a comma, which none of them may contain.
const SINGLE: [&str; 3] = ["host", "content-length", "authorization"];

/// Refuses what is too long, of an unknown method, for an unknown host, or malformed. The URL may have
/// `url_bytes`: of a request whose route is not known yet, what the most generous route takes, which
/// bounds the search for it.
///
/// # Errors
/// [`Stop`] with the first bound that is broken.
pub fn check(facts: &Facts, limits: &Limits, url_bytes: usize) -> Result<(), Stop> {
    url_length(facts, url_bytes)?;
    header_size(facts, limits.header_bytes)?;
    if !limits.methods.contains(&facts.method) {
        return Err(Stop::MethodNotAllowed {
            allow: limits.methods.clone(),
        });
    }
    if !limits.hosts.is_empty() && !limits.hosts.contains(&facts.host) {
        return Err(Stop::UnknownHost);
    }
    if let Some(name) = SINGLE.into_iter().find(|name| is_doubled(facts, name)) {
        return Err(Stop::Malformed(match name {
            "host" => "the Host header is repeated",
            "content-length" => "the Content-Length header is repeated or not a number",
            _ => "the Authorization header is repeated",
        }));
    }
    // RFC 9112 §6.1: two framings of one body are the start of a smuggled request.
    if facts.header("content-length").is_some() && facts.header("transfer-encoding").is_some() {
        return Err(Stop::Malformed(
            "both Content-Length and Transfer-Encoding are sent",
        ));
    }
    well_formed(&facts.path)?;
    well_formed(&facts.query)?;
    declared_body(facts, limits.body_bytes)
}

/// Refuses a body that is declared to be longer than `limit`.
///
/// # Errors
/// [`Stop::BodyTooLarge`].
pub fn declared_body(facts: &Facts, limit: u64) -> Result<(), Stop> {
    match facts.content_length() {
        Some(length) if length > limit => Err(Stop::BodyTooLarge {
            limit,
            bound: BodyBound::Length,
        }),
        _ => Ok(()),
    }
}

/// Refuses a path and query that are together longer than `limit`.
///
/// # Errors
/// [`Stop::UrlTooLong`].
pub fn url_length(facts: &Facts, limit: usize) -> Result<(), Stop> {
    let length = facts.path.len() + facts.query.len() + usize::from(!facts.query.is_empty());
    if length > limit {
        return Err(Stop::UrlTooLong { limit, length });
    }
    Ok(())
}

fn header_size(facts: &Facts, limit: usize) -> Result<(), Stop> {
    let size = |(name, value): &(String, String)| name.len() + value.len();
    let length: usize = facts.headers.iter().map(size).sum();
    if length > limit {
        return Err(Stop::HeadersTooLarge { limit, length });
    }
    Ok(())
}

fn is_doubled(facts: &Facts, name: &str) -> bool {
    facts.header(name).is_some_and(|value| {
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        value.contains(',') || (name == "content-length" && !digits)
    })
}

fn well_formed(text: &str) -> Result<(), Stop> {
    let decoded = percent::decode(text)
        .map_err(|_| Stop::Malformed("the URL has malformed percent-encoding"))?;
    match std::str::from_utf8(&decoded) {
        Ok(_) => Ok(()),
        Err(_) => Err(Stop::Malformed("the URL is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{facts::tests::facts, gate::tests::policy, policy::Limits, verdict::Stop};

    fn limits() -> Limits {
        policy().limits
    }

    fn refused(method: &str, url: &str, headers: &[(&str, &str)]) -> Stop {
        check(&facts(method, url, headers), &limits(), 2048).unwrap_err()
    }

    fn passes(method: &str, url: &str, headers: &[(&str, &str)]) -> bool {
        check(&facts(method, url, headers), &limits(), 2048).is_ok()
    }

    #[test]
    fn refuses_a_url_one_byte_too_long() {
        let url = |length: usize| format!("http://h/{}", "a".repeat(length - 1));
        assert!(passes("GET", &url(2048), &[]));
        let fault = refused("GET", &url(2049), &[]);
        assert!(matches!(
            fault,
            Stop::UrlTooLong {
                limit: 2048,
                length: 2049
            }
        ));
        let query = format!("http://h/?{}", "a".repeat(2047));
        assert!(matches!(
            refused("GET", &query, &[]),
            Stop::UrlTooLong { .. }
        ));
    }

    #[test]
    fn refuses_headers_one_byte_too_large() {
        // 25 bytes are `cf-connecting-ip` and the test client's address, 1 is `x`.
        let value = |length: usize| "a".repeat(length - 26);
        assert!(passes("GET", "http://h/", &[("x", &value(8192))]));
        let fault = refused("GET", "http://h/", &[("x", &value(8193))]);
        assert!(matches!(
            fault,
            Stop::HeadersTooLarge {
                limit: 8192,
                length: 8193
            }
        ));
    }

    #[test]
    fn refuses_a_declared_body_one_byte_too_long() {
        let declared = |length: &str| [("content-length", length.to_owned())];
        let limit = 10 * 1024 * 1024;
        let [(name, exact)] = declared(&format!("{limit}"));
        assert!(passes("POST", "http://h/", &[(name, &exact)]));
        let [(name, over)] = declared(&format!("{}", limit + 1));
        assert!(matches!(
            refused("POST", "http://h/", &[(name, &over)]),
            Stop::BodyTooLarge { limit: l, .. } if l == limit
        ));
    }

    #[test]
    fn refuses_unknown_methods_and_hosts() {
        for method in ["TRACE", "PROPFIND", "get", "CONNECT"] {
            assert!(matches!(
                refused(method, "http://h/", &[]),
                Stop::MethodNotAllowed { .. }
            ));
        }
        let only = Limits {
            hosts: vec!["app.example".into()],
            ..limits()
        };
        let ask = |url| check(&facts("GET", url, &[]), &only, 2048);
        assert!(matches!(
            ask("http://evil.example/"),
            Err(Stop::UnknownHost)
        ));
        assert!(ask("http://app.example:8080/").is_ok());
    }

    #[test]
    fn refuses_repeated_headers() {
        for (name, value) in [
            ("host", "a, b"),
            ("content-length", "1, 1"),
            ("content-length", "+1"),
            ("authorization", "Bearer a, Bearer b"),
        ] {
            let fault = refused("GET", "http://h/", &[(name, value)]);
            assert!(matches!(fault, Stop::Malformed(_)), "{name}: {value}");
        }
    }

    #[test]
    fn refuses_two_framings_of_one_body() {
        let both = [("content-length", "5"), ("transfer-encoding", "chunked")];
        assert!(matches!(
            refused("POST", "http://h/", &both),
            Stop::Malformed(_)
        ));
        assert!(passes("POST", "http://h/", &both[..1]) && passes("POST", "http://h/", &both[1..]));
    }

    #[test]
    fn refuses_malformed_encodings() {
        for url in [
            "http://h/%",
            "http://h/%zz",
            "http://h/?a=%f",
            "http://h/%ff",
            "http://h/?%c0%af",
        ] {
            assert!(
                matches!(refused("GET", url, &[]), Stop::Malformed(_)),
                "{url}"
            );
        }
        assert!(passes("GET", "http://h/%C3%BC?%25", &[]));
    }
}
