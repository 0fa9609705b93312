//! The clearance: a cookie that says until when a network is let in.
//!
//! Guarantees: made by this gate, for this network, not yet expired. It ends at a
//! time that follows from the puzzle alone: whoever redeems one solution at many
//! isolates gets the same cookie everywhere.

use super::puzzle::{Solved, parse_tag};
use crate::facts::Facts;
use gapura_shared::{
    address::Network, ids::hex, parse::cookie, seal::DerivedKeys, time::UnixSeconds,
};

/// The cookie. The prefix binds it to the host and to TLS (RFC 6265bis §4.1.3.2).
const NAME: &str = "__Host-gapura-clearance";
/// The cookie where there is no TLS, as in development: browsers would drop the other one.
const PLAIN_NAME: &str = "gapura-clearance";
/// Most cookies of the name that are looked at: a neighbouring host can plant some.
const MAX_COPIES: usize = 4;

/// The `Set-Cookie` value for the client who solved a puzzle.
pub(super) fn cookie(
    facts: &Facts,
    solved: &Solved,
    lifetime_s: u32,
    keys: &DerivedKeys,
) -> String {
    let expires = solved.issued.after(u64::from(lifetime_s));
    let tag = hex(&keys.tag(&sealed(expires, facts)));
    let secure = if is_plain(facts) { "" } else { "; Secure" };
    format!(
        "{}={}.{tag}; Path=/; Max-Age={lifetime_s}{secure}; HttpOnly; SameSite=Lax",
        name(facts),
        expires.0
    )
}

/// Whether the client has a clearance that holds.
pub(super) fn is_held(facts: &Facts, keys: &DerivedKeys, now: UnixSeconds) -> bool {
    let name = name(facts);
    cookie::pairs(facts.header("cookie").unwrap_or_default())
        .filter(|(known, _)| *known == name)
        .take(MAX_COPIES)
        .any(|(_, value)| holds(value, facts, keys, now).is_some())
}

fn holds(value: &str, facts: &Facts, keys: &DerivedKeys, now: UnixSeconds) -> Option<()> {
    let (expires, tag) = value.split_once('.')?;
    let expires = UnixSeconds(expires.parse().ok()?);
    let tag = parse_tag(tag)?;
    // The clock first: it costs nothing.
    (now < expires && keys.verifies(&sealed(expires, facts), &tag)).then_some(())
}

/// What is sealed. Its first word keeps it apart from a puzzle.
fn sealed(expires: UnixSeconds, facts: &Facts) -> String {
    let network = Network::of_client(facts.client);
    format!("clearance\n{}\n{network}", expires.0)
}

fn name(facts: &Facts) -> &'static str {
    if is_plain(facts) { PLAIN_NAME } else { NAME }
}

fn is_plain(facts: &Facts) -> bool {
    facts.own_origin.starts_with("http://")
}
