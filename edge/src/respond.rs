//! From a stop to what the client sees: the one place that knows statuses.

use crate::{
    cors,
    facts::Facts,
    pipeline::Decision,
    policy::{Policy, Route},
    ratelimit::Notice,
    token::{TokenError, challenge::challenge},
    verdict::{BodyBound, Stop},
};
use gapura_shared::{ids::RequestId, problem::Problem};

/// An answer of the gate itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// Headers beyond those of every answer.
    pub headers: Vec<(&'static str, String)>,
    /// The problem document.
    pub body: Vec<u8>,
}

/// The answer to a stop. Its detail names a limit and its value, never what a
/// parser saw, which rule matched or why a token failed.
#[must_use]
pub fn refuse(stop: &Stop, request: Option<&RequestId>) -> Refusal {
    let (status, title) = status(stop);
    let mut problem = Problem::new(stop.reason(), title, status);
    if let Some(detail) = detail(stop) {
        problem = problem.detail(detail);
    }
    if let Some(id) = request {
        problem = problem.request(id);
    }
    if let Some(code) = code(stop) {
        problem = problem
            .with("code", code)
            .with("error_code", code)
            .with("msg", title);
    }
    Refusal {
        status,
        headers: headers(stop),
        body: problem.to_json(),
    }
}

const fn status(stop: &Stop) -> (u16, &'static str) {
    match stop {
        Stop::UrlTooLong { .. } => (414, "The URL is too long."),
        Stop::HeadersTooLarge { .. } => (431, "The headers are too large."),
        Stop::BodyTooLarge { .. } => (413, "The body is too large."),
        Stop::BodyUnreadable => (400, "The body ended early."),
        Stop::UnsupportedEncoding => (415, "This body encoding is not accepted."),
        Stop::Malformed(_) => (400, "The request is malformed."),
        Stop::MethodNotAllowed { .. } => (405, "This method is not allowed here."),
        Stop::UnknownHost => (421, "This host is not served here."),
        Stop::NotFound => (404, "There is nothing here."),
        Stop::Denied => (403, "Access is denied."),
        Stop::TokenMissing => (401, "A token is needed."),
        Stop::TokenRefused(_) | Stop::TokenRevoked(_) => (401, "The token is not valid."),
        Stop::TokenKeysUnavailable | Stop::LedgerUnavailable => {
            (503, "Tokens cannot be checked at the moment.")
        }
        Stop::CrossSite => (403, "A request from another site is not accepted here."),
        Stop::Forbidden => (403, "Your role does not allow this."),
        Stop::AssuranceRequired => (403, "This needs a second factor."),
        Stop::ChallengeRequired => (403, "A browser must be checked first."),
        Stop::ChallengeFailed(_) => (403, "The solution does not hold."),
        Stop::RateLimited { .. } => (429, "Too many requests."),
        Stop::Banned { .. } => (403, "Access is refused for now."),
        // For a route without `refused`, which says it better.
        Stop::Locked { .. } => (400, "Invalid login credentials."),
        Stop::GuardUnavailable => (503, "Requests cannot be counted at the moment."),
        Stop::WafBlocked { .. } => (403, "The request was stopped."),
        Stop::IdentityUnsealable => (400, "The request cannot be identified."),
        Stop::OriginUnreachable => (502, "The origin cannot be reached."),
        Stop::OriginTimeout => (504, "The origin did not answer in time."),
        Stop::OriginRefusedSeal => (502, "The origin did not accept the gate."),
        Stop::OriginRestarted => (503, "The origin restarted; please send it again."),
        Stop::Misconfigured => (503, "The gate is not configured."),
        Stop::Internal => (500, "The gate failed."),
    }
}

/// By what supabase-js tells refusals apart that its callers act on.
fn code(stop: &Stop) -> Option<&'static str> {
    match stop {
        Stop::TokenMissing => Some("no_authorization"),
        // Its session is over: supabase-js forgets it by this code alone.
        Stop::TokenRevoked("session" | "user") => Some("session_not_found"),
        Stop::TokenRefused(_) | Stop::TokenRevoked(_) => Some("bad_jwt"),
        Stop::Forbidden => Some("not_admin"),
        Stop::AssuranceRequired => Some("insufficient_aal"),
        Stop::RateLimited { .. } => Some("over_request_rate_limit"),
        _ => None,
    }
}

fn detail(stop: &Stop) -> Option<String> {
    match stop {
        Stop::UrlTooLong { limit, length } => Some(format!(
            "The path and query have {length} bytes; at most {limit} are allowed."
        )),
        Stop::HeadersTooLarge { limit, length } => Some(format!(
            "The headers have {length} bytes; at most {limit} are allowed."
        )),
        Stop::BodyTooLarge { limit, bound } => Some(match bound {
            BodyBound::Length => format!("At most {limit} bytes are allowed."),
            BodyBound::Inspection => {
                format!("At most {limit} bytes are allowed, for they are inspected as a whole.")
            }
        }),
        Stop::Malformed(how) => Some(format!("In this request {how}.")),
        Stop::MethodNotAllowed { allow } => Some(format!("Allowed are {}.", allow.join(", "))),
        Stop::RateLimited {
            class,
            retry_after_s,
            ..
        } => Some(format!(
            "The limit of class `{class}` is reached. Try again in {retry_after_s} s."
        )),
        Stop::ChallengeRequired => {
            Some("Send a token, or open a page of this site in a browser first.".to_owned())
        }
        Stop::UnsupportedEncoding => Some("Send the body without Content-Encoding.".to_owned()),
        _ => None,
    }
}

fn headers(stop: &Stop) -> Vec<(&'static str, String)> {
    let challenged = |fault: &TokenError| vec![("www-authenticate", challenge(fault).to_owned())];
    match stop {
        Stop::TokenMissing => challenged(&TokenError::Missing),
        Stop::TokenRefused(fault) => challenged(fault),
        Stop::TokenRevoked(_) => challenged(&TokenError::Expired),
        Stop::MethodNotAllowed { allow } => vec![("allow", allow.join(", "))],
        Stop::RateLimited { retry_after_s, .. } => {
            vec![("retry-after", retry_after_s.to_string())]
        }
        Stop::GuardUnavailable
        | Stop::LedgerUnavailable
        | Stop::TokenKeysUnavailable
        | Stop::OriginRestarted
        | Stop::Misconfigured => vec![("retry-after", "1".to_owned())],
        _ => Vec::new(),
    }
}

/// The security headers of an answer: the route's, else the policy's. `sent` are
/// the headers that the origin set; its own stay.
pub fn security<'a>(
    policy: &'a Policy,
    route: Option<&'a Route>,
    sent: &'a [(&'a str, &'a str)],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let routes = route.map_or(&[][..], |route| &route.headers);
    let is_routes = |name: &str| routes.iter().any(|(known, _)| known == name);
    let is_sent = |name: &str| sent.iter().any(|(known, _)| *known == name);
    policy
        .headers
        .iter()
        .filter(move |(name, _)| !is_routes(name))
        .chain(routes)
        .filter(move |(name, _)| !is_sent(name))
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

/// The headers that speak of this request: cross-origin access, the client's
/// windows, the request's name.
#[must_use]
pub fn personal(
    policy: &Policy,
    facts: &Facts,
    decision: &Decision<'_>,
) -> Vec<(&'static str, String)> {
    let mut headers = cors::headers(facts, &policy.cors);
    headers.extend(decision.notice.iter().flat_map(rate_limit));
    headers.push(("x-request-id", facts.request_id.to_string()));
    headers
}

fn rate_limit(notice: &Notice) -> [(&'static str, String); 2] {
    [
        ("ratelimit-policy", notice.policy.clone()),
        ("ratelimit", notice.limit.clone()),
    ]
}

/// Whether the gate alone may set this header: what the origin says of it is dropped.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    name.starts_with("access-control-")
        || ["ratelimit", "ratelimit-policy", "x-request-id"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::{refuse, security};
    use crate::{gate::tests::policy, token::TokenError, verdict::Stop};
    use gapura_shared::ids::RequestId;

    fn text(stop: &Stop) -> String {
        let id = RequestId::from_random([5; 16]);
        String::from_utf8(refuse(stop, Some(&id)).body).unwrap()
    }

    #[test]
    fn tells_a_client_nothing_that_helps_an_attack() {
        let waf = text(&Stop::WafBlocked {
            rules: "sqli-001".into(),
        });
        assert!(!waf.contains("sqli"), "{waf}");
        let expired = refuse(&Stop::TokenRefused(TokenError::Expired), None);
        assert_eq!(
            expired,
            refuse(&Stop::TokenRefused(TokenError::Signature), None)
        );
    }

    #[test]
    fn says_to_supabase_js_what_its_callers_act_on() {
        let limited = Stop::RateLimited {
            class: "login".into(),
            retry_after_s: 7,
            again: false,
        };
        for (stop, code) in [
            (Stop::TokenRefused(TokenError::Expired), "bad_jwt"),
            (Stop::AssuranceRequired, "insufficient_aal"),
            (limited, "over_request_rate_limit"),
        ] {
            let told = text(&stop);
            for member in ["code", "error_code"] {
                assert!(told.contains(&format!(r#""{member}":"{code}""#)), "{told}");
            }
        }
        assert!(!text(&Stop::NotFound).contains("error_code"));
    }

    #[test]
    fn names_limit_value_and_request() {
        let long = text(&Stop::UrlTooLong {
            limit: 2048,
            length: 3000,
        });
        for part in [
            "2048",
            "3000",
            "urn:gapura:problem:url-too-long",
            &"05".repeat(16),
        ] {
            assert!(long.contains(part), "{long}");
        }
    }

    #[test]
    fn an_origin_keeps_its_own_security_header_and_no_other_is_doubled() {
        let policy = policy();
        let sent = [("content-security-policy", "default-src 'self'")];
        let names: Vec<&str> = security(&policy, None, &sent)
            .map(|(name, _)| name)
            .collect();
        assert!(!names.contains(&"content-security-policy"), "{names:?}");
        assert!(names.contains(&"strict-transport-security"), "{names:?}");
    }

    #[test]
    fn says_how_to_come_back() {
        let header = |stop: &Stop| refuse(stop, None).headers;
        let limited = Stop::RateLimited {
            class: "login".into(),
            retry_after_s: 42,
            again: false,
        };
        assert_eq!(header(&limited), [("retry-after", "42".to_owned())]);
        let (name, challenge) = header(&Stop::TokenMissing).remove(0);
        assert_eq!(
            (name, challenge.contains("error")),
            ("www-authenticate", false)
        );
        let (_, challenge) = header(&Stop::TokenRefused(TokenError::Issuer)).remove(0);
        assert!(challenge.contains("error=\"invalid_token\""));
    }
}
