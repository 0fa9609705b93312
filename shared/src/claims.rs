//! The claims of an access token as the origin issues them (RFC 7519 §4,
//! RFC 9068 §2.2). The edge reads them through the policy's claim names, so
//! that tokens of other issuers fit as well.

use serde::{Deserialize, Serialize};

/// `typ` header of an access token (RFC 9068 §2.1).
pub const ACCESS_TYP: &str = "at+jwt";

/// `token_type` claim of an access token, as the reference systems name it.
pub const ACCESS_TOKEN_TYPE: &str = "access";

/// Role of a request without a person behind it.
pub const ROLE_ANON: &str = "anon";

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
    /// Assurance level: `aal1` after one factor (NIST SP 800-63B names).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aal: Option<String>,
    /// E-mail address, for clients that show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}
