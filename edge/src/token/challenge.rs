//! The `WWW-Authenticate` value of a 401 (RFC 6750 §3).

use super::TokenError;

/// What a client is told: whether it sent a token, and nothing more precise.
#[must_use]
pub const fn challenge(fault: &TokenError) -> &'static str {
    match fault {
        // RFC 6750 §3.1: no error code for a request without a token.
        TokenError::Missing | TokenError::Scheme => "Bearer realm=\"gapura\"",
        _ => "Bearer realm=\"gapura\", error=\"invalid_token\"",
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenError, challenge};

    #[test]
    fn tells_nothing_but_whether_a_token_came() {
        let invalid = "Bearer realm=\"gapura\", error=\"invalid_token\"";
        for fault in [
            TokenError::Malformed,
            TokenError::UnknownKey,
            TokenError::Signature,
            TokenError::Expired,
            TokenError::Claim("role"),
        ] {
            assert_eq!(challenge(&fault), invalid);
        }
        assert_eq!(challenge(&TokenError::Missing), "Bearer realm=\"gapura\"");
        assert_eq!(challenge(&TokenError::Scheme), "Bearer realm=\"gapura\"");
    }
}
