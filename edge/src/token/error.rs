//! Why a token is refused.

/// Why a token is refused. For logs and metrics; the client learns from
/// [`super::challenge`] only that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The route needs a token and none was sent.
    #[error("no token was sent")]
    Missing,
    /// `Authorization` holds another scheme than `Bearer`.
    #[error("the Authorization header is not of the Bearer scheme")]
    Scheme,
    /// Not a signed JWT in compact form (RFC 7519 §7.2), or sent ambiguously.
    #[error("the token is malformed")]
    Malformed,
    /// Longer than the policy allows; nothing of it was read.
    #[error("the token has {length} bytes, more than {limit}")]
    TooLarge {
        /// Allowed bytes.
        limit: usize,
        /// Bytes sent.
        length: usize,
    },
    /// A header parameter that is never accepted.
    #[error("the token's header parameter `{0}` is refused")]
    Header(&'static str),
    /// Not one of the four algorithms, or not the key's own (RFC 8725 §3.1).
    #[error("the token's algorithm is not its key's")]
    Algorithm,
    /// No key of this id. The one refusal that is worth fetching the keys again.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is not the expected one.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` does not name us.
    #[error("the token is for another audience")]
    Audience,
    /// Not an access token, by its `typ` or its token type claim.
    #[error("the token is of another type")]
    Type,
    /// A claim is missing, of the wrong JSON type, empty or too long.
    #[error("the token's claim for `{0}` is unusable")]
    Claim(&'static str),
}

impl TokenError {
    /// A stable label for logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Scheme => "scheme",
            Self::Malformed => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::Header(_) => "header",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Type => "type",
            Self::Claim(_) => "claim",
        }
    }
}
