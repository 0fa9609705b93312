//! The claims of an access token as the origin issues them (RFC 7519 §4,
//! RFC 9068 §2.2). The edge reads them through the policy's claim names, so
//! that tokens of other issuers fit as well.

use crate::time::UnixSeconds;
use serde::{Deserialize, Serialize};

/// `typ` header of an access token (RFC 9068 §2.1).
pub const ACCESS_TYP: &str = "at+jwt";

/// `token_type` claim of an access token, as the reference systems name it.
pub const ACCESS_TOKEN_TYPE: &str = "access";

/// Role of a request without a person behind it.
pub const ROLE_ANON: &str = "anon";

/// How sure we are of who the bearer is: one factor or two (the levels of NIST SP 800-63B, named
/// as supabase names them).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Assurance {
    /// One factor.
    #[default]
    Aal1,
    /// Two.
    Aal2,
}

impl Assurance {
    /// What a claim says; what nobody here knows proves no second factor.
    #[must_use]
    pub fn of_claim(text: &str) -> Self {
        match text {
            // Other issuers may know of hardware keys: that is two factors too.
            "aal2" | "aal3" => Self::Aal2,
            _ => Self::Aal1,
        }
    }

    /// The claim's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }
}

/// One proof of who the bearer is: an entry of `amr`, with its time, as supabase has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// `password`, `totp`, and so on.
    pub method: String,
    /// When, in seconds since 1970.
    pub timestamp: UnixSeconds,
}

/// What an access token says besides `iat`, `nbf` and `exp`, which the JWT
/// library writes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Issuer, as configured on both sides.
    pub iss: String,
    /// Audience, as configured on both sides.
    pub aud: String,
    /// The account; absent in a public (anon) key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The same, for applications that read it by this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The one role.
    pub role: String,
    /// The tenant, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The session that this token belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// This token's own id.
    pub jti: String,
    /// Always [`ACCESS_TOKEN_TYPE`].
    pub token_type: String,
    /// Assurance level; absent in a public (anon) key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aal: Option<Assurance>,
    /// How the bearer proved who they are, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<Proof>,
    /// E-mail address, for clients that show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Assurance;

    #[test]
    fn what_nobody_knows_proves_no_second_factor() {
        for (text, level) in [
            ("aal1", Assurance::Aal1),
            ("aal2", Assurance::Aal2),
            ("aal3", Assurance::Aal2),
            ("AAL2", Assurance::Aal1),
            ("", Assurance::Aal1),
            ("aal22", Assurance::Aal1),
        ] {
            assert_eq!(Assurance::of_claim(text), level, "{text}");
        }
        for level in [Assurance::Aal1, Assurance::Aal2] {
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
    }
}
