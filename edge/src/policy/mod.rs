//! The policy: what may pass, as one value.
//!
//! Guarantees: a [`Policy`] exists only if the whole text was valid; every fault
//! is reported together with the others and its place. The same code reads it
//! at build, in tests and when the Worker starts.

mod document;
mod guard;
mod keys;
mod overlay;
mod pattern;
mod read;
mod route;
mod syntax;
mod table;
#[cfg(test)]
mod tests;

pub use document::{Fault, File};
pub use guard::{
    Admin, Challenge, ChallengeMode, Counted, Guard, GuardMode, Jail, StrikeKind, SubjectKind,
};
pub use pattern::{BadPattern, Pattern};
pub use read::parse;
pub use route::Found;

use crate::{token, waf};
use gapura_shared::{address::Network, claims::Assurance, ids::RequestId};
use std::net::IpAddr;

/// The whole policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Bounds on every request.
    pub limits: Limits,
    /// Who may come at all.
    pub access: Access,
    /// How tokens are checked.
    pub token: Token,
    /// How the origin is asked.
    pub upstream: Upstream,
    /// Rate classes; routes refer to them by index.
    pub classes: Vec<Class>,
    /// How clients are counted and banned.
    pub guard: Guard,
    /// What makes a ban.
    pub jails: Vec<Jail>,
    /// Who may use the operator's API; `None`: nobody, there is none.
    pub admin: Option<Admin>,
    /// When a browser must prove work first.
    pub challenge: Challenge,
    /// Cross-origin access.
    pub cors: Cors,
    /// Headers set on every answer, lower-case names.
    pub headers: Vec<(String, String)>,
    /// What the firewall is told of a request that no route fits.
    pub waf: waf::Settings,
    /// Routes in the order in which they are asked.
    pub routes: Vec<Route>,
    /// Set in a development stack alone.
    pub development: Option<Development>,
}

/// Bounds on every request.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest path and query, in bytes (414); a route may have a bound of its own.
    pub url_bytes: usize,
    /// Names and values of all headers together, in bytes (431).
    pub header_bytes: usize,
    /// Longest body, in bytes (413); a route may lower it.
    pub body_bytes: u64,
    /// Known methods (405).
    pub methods: Vec<String>,
    /// Answered host names, lower case, without port; empty: all.
    pub hosts: Vec<String>,
}

/// An access list.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Unless empty, nobody else is let in.
    pub allow: Vec<Network>,
    /// Refused, also when allowed.
    pub deny: Vec<Network>,
    /// Refused countries, ISO 3166-1 alpha-2.
    pub deny_countries: Vec<String>,
}

/// Where keys come from besides the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksSource {
    /// Nowhere: the secret alone.
    None,
    /// A path at the origin, asked through the seal.
    Origin(String),
    /// An `https:` URL.
    Url(String),
}

/// How tokens are checked, and with which keys.
#[derive(Debug, Clone)]
pub struct Token {
    /// What a token must say.
    pub settings: token::Settings,
    /// Where keys come from.
    pub jwks: JwksSource,
    /// How long fetched keys are fresh.
    pub jwks_lifetime_s: u64,
    /// Least time between two fetches.
    pub jwks_cooldown_s: u64,
    /// Cookie that may carry the token, unless empty.
    pub cookie: String,
    /// Cookie that the origin renews a session by, unless empty; the gate looks at where requests
    /// that bear it come from, and no further.
    pub refresh_cookie: String,
}

/// How the origin is asked.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// How long until its answer begins.
    pub timeout_ms: u32,
}

/// A rate class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its name in headers and logs.
    pub name: String,
    /// Admissions in any window; 1 to 1,000 if strict, else to 1,000,000.
    pub limit: u32,
    /// The window.
    pub window_s: u32,
    /// Admissions in any second, at most `limit`; `None`: no bound of its own.
    pub burst: Option<u32>,
    /// The limit while the site is under attack, at most `limit`; `None`: the same.
    pub attack_limit: Option<u32>,
    /// Whom it counts: each of these by itself, at least one, none twice.
    pub subjects: Vec<SubjectKind>,
    /// Whether the window is exact and survives the object's eviction.
    pub strict: bool,
    /// What happens when the Guard cannot be asked.
    pub on_error: OnError,
}

/// What happens when the Guard cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The request passes.
    Open,
    /// The request is refused (503).
    Closed,
}

/// Cross-origin access.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// Exact origins.
    pub origins: Vec<String>,
    /// Allowed methods.
    pub methods: Vec<String>,
    /// Allowed request headers, lower case.
    pub headers: Vec<String>,
    /// Response headers that scripts may read.
    pub expose: Vec<String>,
    /// How long a browser may keep a preflight's answer.
    pub max_age_s: u32,
}

/// One rule: what a path needs.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name in logs.
    pub name: String,
    /// Methods that it fits; empty: all.
    pub methods: Vec<String>,
    /// Host that it fits, lower case; `None`: all.
    pub host: Option<String>,
    /// Paths that it fits.
    pub path: Pattern,
    /// Query parameters (name, value) that must be there, decoded.
    pub query: Vec<(String, String)>,
    /// Whether a token is needed.
    pub token: TokenNeed,
    /// Roles of which the bearer must have one; empty: any.
    pub roles: Vec<String>,
    /// How many factors the token must have been given for.
    pub assurance: Assurance,
    /// Whether a revocation must count at once: the Ledger itself is asked, not a copy of it.
    pub strict_revocation: bool,
    /// The classes that it is counted in.
    pub classes: Vec<Counted>,
    /// Fields of the body of which the first that is there names the account.
    pub account: Vec<String>,
    /// How the WAF looks at it.
    pub waf: waf::Settings,
    /// What becomes of the body.
    pub body: BodyUse,
    /// Longest path and query, in bytes.
    pub url_bytes: usize,
    /// Longest body, in bytes.
    pub body_bytes: u64,
    /// Access list of this route.
    pub access: Access,
    /// Path at the origin instead of the one asked for.
    pub rewrite: Option<Pattern>,
    /// How long the origin may take.
    pub timeout_ms: u32,
    /// Headers set on this route's answers instead of the common ones.
    pub headers: Vec<(String, String)>,
    /// An answer from the gate itself; the origin is not asked.
    pub answer: Option<Answer>,
    /// What the login of a locked account gets: what the origin answers to a wrong one.
    pub refused: Option<Answer>,
}

/// Whether a token is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenNeed {
    /// It is not even looked at.
    None,
    /// Without one the request is anonymous; a bad one is refused.
    Optional,
    /// Without one the request is refused.
    Required,
}

/// What becomes of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyUse {
    /// Read, inspected, digested.
    Read,
    /// Passed on as it comes, bounded but not inspected.
    Stream,
}

/// A constant answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status, 200 to 599.
    pub status: u16,
    /// Media type.
    pub content_type: String,
    /// Body; in [`Route::refused`] `{request_id}` stands for the request's id.
    pub body: String,
}

impl Answer {
    /// The body for one request.
    #[must_use]
    pub fn body_for(&self, request_id: &RequestId) -> String {
        self.body.replace("{request_id}", request_id.as_str())
    }
}

/// What only a development stack has.
#[derive(Debug, Clone)]
pub struct Development {
    /// The address of a client that arrives without one.
    pub client_address: IpAddr,
    /// Whether the log says why a request was stopped.
    pub explain: bool,
}
