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
