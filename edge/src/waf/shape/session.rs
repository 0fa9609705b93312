//! Session fixation (CWE-384).

use crate::waf::field::Sink;
use crate::waf::rules::protocol as rules;
use crate::waf::{Part, Request};

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
    "ci_session",
    "laravel_session",
    "connect.sid",
    "rack.session",
    "beaker.session.id",
    "weblogicsession",
    "cfid",
    "cftoken",
    "cfsid",
];

/// A session id in the URL that no page of this site has put there.
pub(super) fn read(
    request: &Request<'_>,
    referer: Option<&str>,
    host: Option<&str>,
    sink: &mut impl Sink,
) {
    let from = referer.and_then(|referer| referer.split('/').nth(2));
    let name = request
        .query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .find(|(name, value)| is_session(name) || from.is_some() && is_plain_session(name, value))
        .map(|(name, _)| name);
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

/// Classic ASP appends letters of its own to the name.
fn is_session(name: &str) -> bool {
    SESSION_NAMES.contains(&name)
        || name
            .strip_prefix("aspsessionid")
            .is_some_and(|rest| rest.len() == 8)
}

/// `session_id` is a payment's too, whose value has a prefix; a server's own is bare hexadecimal.
fn is_plain_session(name: &str, value: &str) -> bool {
    matches!(name, "session_id" | "session-id" | "sessionid" | "sessid")
        && value.len() >= 16
        && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}
