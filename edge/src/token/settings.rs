//! What the policy says about tokens.

use gapura_shared::claims::ACCESS_TOKEN_TYPE;

/// Most that the policy may tolerate of clocks that differ, in seconds.
pub const MAX_LEEWAY_S: u64 = 120;

/// How tokens are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Expected `iss`; `None`: not checked.
    pub issuer: Option<String>,
    /// Audience that `aud` must name; `None`: not checked.
    pub audience: Option<String>,
    /// Tolerated difference of clocks; at most [`MAX_LEEWAY_S`] has an effect. Default 30.
    pub leeway_s: u64,
    /// Longest token, in bytes. Default 8,192.
    pub max_bytes: usize,
    /// Accepted values of the token type claim. Default `access`.
    pub accepted_types: Vec<String>,
    /// Which claim says what.
    pub claims: ClaimNames,
}

/// Which claim says what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// The account: the first of these that is there. Default `sub`, `user_id`.
    pub subject: Vec<String>,
    /// The role. Default `role`.
    pub role: String,
    /// The tenant. Default `tenant_id`.
    pub tenant: String,
    /// The session. Default `session_id`.
    pub session: String,
    /// The token's own id. Default `jti`.
    pub token_id: String,
    /// The token's type. Default `token_type`.
    pub token_type: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            leeway_s: 30,
            max_bytes: 8192,
            accepted_types: vec![ACCESS_TOKEN_TYPE.into()],
            claims: ClaimNames::default(),
        }
    }
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            subject: vec!["sub".into(), "user_id".into()],
            role: "role".into(),
            tenant: "tenant_id".into(),
            session: "session_id".into(),
            token_id: "jti".into(),
            token_type: "token_type".into(),
        }
    }
}
