//! Every reason to refuse a request. `respond` turns each into an answer, once.

use crate::{challenge::Unsolved, token::TokenError};
use gapura_shared::event::Kind;

/// The bounds on a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyBound {
    /// `body_bytes`: what is taken at all.
    Length,
    /// `inspection_bytes`: what is inspected as a whole, on a route that does not stream.
    Inspection,
}

/// Why a request goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Path and query together are longer than the policy allows.
    UrlTooLong {
        /// The bound in bytes.
        limit: usize,
        /// What was sent.
        length: usize,
    },
    /// The headers together are larger than the policy allows.
    HeadersTooLarge {
        /// The bound in bytes.
        limit: usize,
        /// What was sent.
        length: usize,
    },
    /// The body is longer than the route allows.
    BodyTooLarge {
        /// The bound in bytes.
        limit: u64,
        /// Which bound.
        bound: BodyBound,
    },
    /// The client stopped sending before the body's end.
    BodyUnreadable,
    /// A body encoding that the WAF cannot look into.
    UnsupportedEncoding,
    /// The request contradicts HTTP; the text says how.
    Malformed(&'static str),
    /// A method that the policy or the route does not know.
    MethodNotAllowed {
        /// The methods that it knows.
        allow: Vec<String>,
    },
    /// A host that is not served here.
    UnknownHost,
    /// No route fits.
    NotFound,
    /// An access list refuses the client.
    Denied,
    /// No token where one is needed.
    TokenMissing,
    /// A token that does not hold; why is for the log alone.
    TokenRefused(TokenError),
    /// No keys to check tokens with: the key source does not answer.
    TokenKeysUnavailable,
    /// A cookie session asked from another site (CSRF).
    CrossSite,
    /// The bearer has none of the route's roles.
    Forbidden,
    /// The route wants a second factor, and the token was given for one alone.
    AssuranceRequired,
    /// The challenge is on, and the client has neither a token nor a clearance.
    ChallengeRequired,
    /// A solution of the challenge that does not hold; why is for the log alone.
    ChallengeFailed(Unsolved),
    /// A rate window is exhausted.
    RateLimited {
        /// The class that refused.
        class: String,
        /// Whole seconds to wait.
        retry_after_s: u64,
        /// One of many out of memory, which the log is told together.
        again: bool,
    },
    /// A jail or the operator banned the client.
    Banned {
        /// The jail or the ban's target: to the log alone.
        why: String,
        /// One of many out of memory, which the log is told together.
        again: bool,
    },
    /// The account is locked: it gets the answer of a wrong login.
    Locked {
        /// How long a wrong login takes.
        delay_ms: u32,
    },
    /// What the token rests on was taken back; what that is, to the log alone.
    TokenRevoked(&'static str),
    /// The Ledger could not be asked and the route must know.
    LedgerUnavailable,
    /// The Guard could not be asked and a class of the route fails closed.
    GuardUnavailable,
    /// The WAF refuses it; ids of the rules, to the log alone.
    WafBlocked {
        /// Rule ids joined by commas.
        rules: String,
    },
    /// A claim or header that cannot be put into the identity field.
    IdentityUnsealable,
    /// The origin could not be reached.
    OriginUnreachable,
    /// The origin did not answer in time.
    OriginTimeout,
    /// The origin refused our seal: keys or clocks differ.
    OriginRefusedSeal,
    /// The origin restarted while a body was on its way; nothing was done.
    OriginRestarted,
    /// The policy or a binding is broken; nothing passes.
    Misconfigured,
    /// The platform handed over something unreadable.
    Internal,
}

impl Stop {
    /// A stable label: the `type` of the problem document, the `reason` of the event.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UrlTooLong { .. } => "url-too-long",
            Self::HeadersTooLarge { .. } => "headers-too-large",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::BodyUnreadable => "body-unreadable",
            Self::UnsupportedEncoding => "unsupported-encoding",
            Self::Malformed(_) => "malformed-request",
            Self::MethodNotAllowed { .. } => "method-not-allowed",
            Self::UnknownHost => "unknown-host",
            Self::NotFound => "not-found",
            Self::Denied => "access-denied",
            Self::TokenMissing => "token-missing",
            Self::TokenRefused(_) | Self::TokenRevoked(_) => "token-invalid",
            Self::TokenKeysUnavailable => "token-keys-unavailable",
            Self::CrossSite => "cross-site",
            Self::Forbidden => "role-required",
            Self::AssuranceRequired => "insufficient-aal",
            Self::ChallengeRequired => "challenge-required",
            Self::ChallengeFailed(_) => "challenge-failed",
            Self::RateLimited { .. } => "rate-limited",
            Self::Banned { .. } => "banned",
            Self::Locked { .. } => "account-locked",
            // To the bearer it is like any other token that does not hold.
            Self::LedgerUnavailable => "ledger-unavailable",
            Self::GuardUnavailable => "guard-unavailable",
            Self::WafBlocked { .. } => "waf-blocked",
            Self::IdentityUnsealable => "identity-unsealable",
            Self::OriginUnreachable => "origin-unreachable",
            Self::OriginTimeout => "origin-timeout",
            Self::OriginRefusedSeal => "origin-refused-seal",
            Self::OriginRestarted => "origin-restarted",
            Self::Misconfigured => "misconfigured",
            Self::Internal => "internal",
        }
    }

    /// What the log adds to the reason: never sent to the client.
    #[must_use]
    pub fn log_detail(&self) -> Option<&str> {
        match self {
            Self::TokenRefused(fault) => Some(fault.kind()),
            Self::Malformed(how) => Some(how),
            Self::ChallengeFailed(why) => Some(why.kind()),
            Self::WafBlocked { rules } => Some(rules),
            Self::RateLimited { class, .. } => Some(class),
            Self::Banned { why, .. } => Some(why),
            Self::TokenRevoked(what) => Some(what),
            _ => None,
        }
    }

    /// The security event that it raises; `None` where nobody did anything wrong to us, and for one
    /// of many.
    #[must_use]
    pub const fn event(&self) -> Option<Kind> {
        match self {
            Self::UrlTooLong { .. }
            | Self::HeadersTooLarge { .. }
            | Self::BodyTooLarge { .. }
            | Self::UnsupportedEncoding
            | Self::Malformed(_)
            | Self::MethodNotAllowed { .. }
            | Self::UnknownHost
            | Self::ChallengeFailed(_)
            | Self::IdentityUnsealable => Some(Kind::RequestRefused),
            Self::TokenMissing
            | Self::TokenRefused(_)
            | Self::TokenRevoked(_)
            | Self::Locked { .. } => Some(Kind::AuthFailed),
            Self::Banned { again: false, .. } => Some(Kind::BanEnforced),
            Self::Denied | Self::CrossSite | Self::Forbidden | Self::AssuranceRequired => {
                Some(Kind::AccessDenied)
            }
            Self::RateLimited { again: false, .. } => Some(Kind::RateLimitExceeded),
            Self::WafBlocked { .. } => Some(Kind::WafBlocked),
            Self::OriginRefusedSeal => Some(Kind::SealRefused),
            Self::Banned { .. }
            | Self::RateLimited { .. }
            | Self::BodyUnreadable
            | Self::NotFound
            | Self::ChallengeRequired
            | Self::TokenKeysUnavailable
            | Self::GuardUnavailable
            | Self::LedgerUnavailable
            | Self::OriginUnreachable
            | Self::OriginTimeout
            | Self::OriginRestarted
            | Self::Misconfigured
            | Self::Internal => None,
        }
    }
}
