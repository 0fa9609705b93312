//! What the policy says about counting and banning: subjects, jails, the Guard's
//! own settings, and who may operate it.

use super::Pattern;
use gapura_shared::{address::Network, claims::Assurance};
use std::fmt;

/// Whom a class counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// The client's address: one IPv4 address, or an IPv6 /64.
    Ip,
    /// The token's subject.
    User,
    /// The token's tenant.
    Tenant,
    /// The token itself: its id, or else its session.
    Key,
    /// The account that the body names.
    Account,
}

impl SubjectKind {
    /// Every kind under its name in the policy.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("ip", Self::Ip),
        ("user", Self::User),
        ("tenant", Self::Tenant),
        ("key", Self::Key),
        ("account", Self::Account),
    ];

    /// Its name in the policy, which is also what subjects of this kind begin with.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::User => "user",
            Self::Tenant => "tenant",
            Self::Key => "key",
            Self::Account => "account",
        }
    }
}

/// A class that a route counts in, and how much of it one request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Index into [`super::Policy::classes`].
    pub class: usize,
    /// Admissions that one request takes; 1 or more.
    pub cost: u32,
}

/// The Guard's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// How many objects share the subjects of a region.
    pub shards: u32,
    /// Whether every continent has shards of its own.
    pub regional: bool,
    /// Whether bans are enforced or only logged.
    pub mode: GuardMode,
    /// Networks that no jail and no operator can ban.
    pub never_ban: Vec<Network>,
    /// The classes that count what is asked of the gate itself: the operator's API, unless the
    /// origin's seal holds, and answers to challenges.
    pub classes: Vec<Counted>,
    /// How old a copy of the Ledger may be for a request with a token.
    pub ledger_ms: u32,
    /// How long an object may take until it counts as unreachable.
    pub budget_ms: u32,
    /// The same of an object whose silence refuses the request: of a class that is closed then, and
    /// of the Ledger where a token is to be believed.
    pub closed_budget_ms: u32,
}

/// What becomes of a ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardMode {
    /// It is enforced.
    Enforce,
    /// It is logged and nothing else.
    Detect,
}

/// How often who may do what before the gate closes for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jail {
    /// Its name in logs.
    pub name: String,
    /// What counts as a strike here; empty: the jail is off.
    pub kinds: Vec<StrikeKind>,
    /// Strikes within the window that make a ban.
    pub strikes: u32,
    /// The window.
    pub window_s: u32,
    /// The first ban.
    pub ban_s: u32,
    /// Each further ban doubles, up to this.
    pub cap_s: u32,
    /// After so long without a ban the next one is a first one.
    pub forget_s: u32,
}

impl Jail {
    /// Whether a strike of this kind counts here; a jail for `waf` takes every class of attack.
    #[must_use]
    pub fn takes(&self, kind: &StrikeKind) -> bool {
        let any_waf = matches!(kind, StrikeKind::Waf(_));
        self.kinds
            .iter()
            .any(|own| own == kind || (any_waf && *own == StrikeKind::Waf(None)))
    }
}

/// What a client did wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StrikeKind {
    /// The origin refused its credentials.
    LoginFailed,
    /// It used up a class.
    RateLimited,
    /// The firewall stopped it; the class of attack (a tag such as `sqli`), `None` for any.
    Waf(Option<String>),
    /// It asked for what only scanners ask for.
    Probe,
    /// Its token does not hold.
    BadToken,
    /// It sent headers of a seal that is none.
    BadSeal,
}

impl StrikeKind {
    /// The kinds without a class, under their names.
    pub const NAMED: [(&'static str, Self); 6] = [
        ("login-failed", Self::LoginFailed),
        ("rate-limited", Self::RateLimited),
        ("waf", Self::Waf(None)),
        ("probe", Self::Probe),
        ("bad-token", Self::BadToken),
        ("bad-seal", Self::BadSeal),
    ];

    /// Reads a name such as `probe` or `waf:sqli`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("waf:") {
            Some("") => None,
            Some(tag) => Some(Self::Waf(Some(tag.to_owned()))),
            None => Self::NAMED
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, kind)| kind.clone()),
        }
    }
}

impl fmt::Display for StrikeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoginFailed => "login-failed",
            Self::RateLimited => "rate-limited",
            Self::Waf(None) => "waf",
            Self::Waf(Some(tag)) => return write!(f, "waf:{tag}"),
            Self::Probe => "probe",
            Self::BadToken => "bad-token",
            Self::BadSeal => "bad-seal",
        })
    }
}

/// Who may use the operator's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Networks that it can be used from; empty: all.
    pub allow: Vec<Network>,
    /// Roles of which the token must have one.
    pub roles: Vec<String>,
    /// For how many factors it must have been given.
    pub assurance: Assurance,
}

/// When a browser must prove work before it is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// When.
    pub mode: ChallengeMode,
    /// Leading zero bits that a solution's digest must have: each doubles the work.
    pub bits: u8,
    /// How long a solution is good.
    pub lifetime_s: u32,
    /// Paths that are never challenged.
    pub exempt: Vec<Pattern>,
}

/// When browsers are challenged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeMode {
    /// Never.
    Off,
    /// While the operator says that the site is under attack.
    Attack,
    /// Always.
    Always,
}
