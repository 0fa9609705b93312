//! Session fixation (CWE-384).

use super::smuggling;
use crate::waf::body::form;
use crate::waf::field::Sink;
use crate::waf::rules::protocol as rules;
use crate::waf::{Body, Part, Request, decode};

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
    "jsessionidsso",
    "express.sid",
    "sails.sid",
    "flask_session",
    "play_session",
    "cakephp",
    "_rails_session",
];

/// Names that no page but a server's own would use, and that servers take when nothing else is set.
const OTHER_NAMES: &[&str] = &[
    "phpsessionid",
    "aspsession",
    "sess_id",
    "_session_id",
    "user_session",
    "siteserver",
    "oscsid",
    "zenid",
];

/// A session id in the URL or a form that no page of this site has put there.
pub(super) fn read(
    request: &Request<'_>,
    from: Option<&str>,
    host: Option<&str>,
    sink: &mut impl Sink,
) {
    let from = from.and_then(|url| url.split('/').nth(2));
    if let (Some(from), Some(host)) = (from, host)
        && !smuggling::is_foreign(from, host)
    {
        return;
    }
    let path = request.path.to_ascii_lowercase();
    let is_chosen = |name: &str, value: &[u8]| {
        is_session(name)
            || is_plain_session(name, value) && (from.is_some() || is_program(&path))
            || from.is_some() && is_other_session(name, value, &path)
    };
    let in_pairs = |text: &[u8]| {
        text.split(|byte| *byte == b';')
            .flat_map(form::pairs)
            .map(|(name, value)| (plain_name(name), value))
            .find(|(name, value)| is_chosen(name, value))
            .map(|(name, _)| name)
    };
    let in_body = || match request.body {
        Body::Read {
            content_type: Some(kind),
            bytes,
        } if is_form(kind) => form::pairs(bytes)
            .map(|(name, _)| plain_name(name))
            .find(|name| is_session(name)),
        _ => None,
    };
    // In the path it is how old servers write links; a stranger's link is still an attack.
    let in_path = || {
        SESSION_NAMES
            .iter()
            .chain(&["sid"])
            .find(|name| path.contains(&format!(";{name}=")))
            .map(|name| (*name).to_owned())
            .filter(|_| from.is_some())
    };
    if let Some(name) = in_pairs(request.query.as_bytes())
        .or_else(in_path)
        .or_else(in_body)
    {
        sink.broken(&rules::SESSION, Part::QueryName, &name);
    }
}

/// Decoded, in lower case, and without the `[]` of lists.
fn plain_name(name: &[u8]) -> String {
    let name = decode::form(name);
    let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
    name.split('[').next().unwrap_or_default().to_owned()
}

fn is_form(kind: &str) -> bool {
    const FORM: &str = "application/x-www-form-urlencoded";
    kind.get(..FORM.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(FORM))
}

/// Whether a page of an old kind is asked, or one where people log in.
fn is_program(path: &str) -> bool {
    super::PROGRAMS.iter().any(|ending| path.ends_with(ending))
        || ["/login", "/signin", "/account", "/auth"]
            .iter()
            .any(|page| path.ends_with(page))
}

/// Classic ASP appends letters of its own to the name.
fn is_session(name: &str) -> bool {
    SESSION_NAMES.contains(&name)
        || name
            .strip_prefix("aspsessionid")
            .is_some_and(|rest| (4..=8).contains(&rest.len()))
}

/// `session_id` is a payment's too, whose value has a prefix; a server's own is bare hexadecimal.
fn is_plain_session(name: &str, value: &[u8]) -> bool {
    matches!(
        name,
        "session_id" | "session-id" | "sessionid" | "sessid" | "session"
    ) && is_hexadecimal(value)
}

/// Names that mean other things as well, from a stranger's page alone.
fn is_other_session(name: &str, value: &[u8], path: &str) -> bool {
    let is_token = value.len() >= 8 && value.iter().all(u8::is_ascii_alphanumeric);
    OTHER_NAMES.contains(&name) && is_token
        || matches!(name, "sid" | "s_id" | "_sid" | "csid")
            && is_hexadecimal(value)
            && is_program(path)
}

fn is_hexadecimal(value: &[u8]) -> bool {
    value.len() >= 12 && value.iter().all(u8::is_ascii_hexdigit)
}
