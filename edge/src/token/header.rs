//! What a token's header may hold (RFC 7515 §4.1). It is written by whoever
//! sends the token: it may choose among our keys and nothing else.

use super::{error::TokenError, members::Members};
use jwt_compact::UntrustedToken;

/// Parameters that bring a key along (RFC 8725 §3.10), and `crit`: no extension
/// is understood here, so a critical one is a refusal (RFC 7515 §4.1.11).
const REFUSED: [&str; 3] = ["jwk", "x5c", "crit"];

/// Types of an access token (RFC 7519 §5.1, RFC 9068 §2.1).
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// Refuses headers that bring keys, need extensions, or name another type.
///
/// # Errors
/// [`TokenError::Header`], [`TokenError::Type`].
pub(super) fn check(token: &UntrustedToken<'_, Members>) -> Result<(), TokenError> {
    let header = token.header();
    if header.key_set_url.is_some() {
        return Err(TokenError::Header("jku"));
    }
    if header.certificate_url.is_some() {
        return Err(TokenError::Header("x5u"));
    }
    if let Some(name) = REFUSED
        .into_iter()
        .find(|name| header.other_fields.contains(name))
    {
        return Err(TokenError::Header(name));
    }
    match &header.token_type {
        Some(typ) if !is_access_type(typ) => Err(TokenError::Type),
        _ => Ok(()),
    }
}

/// `application/` may be left out (RFC 7515 §4.1.9); case does not matter.
fn is_access_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    let short = typ.strip_prefix("application/").unwrap_or(&typ);
    TYPES.contains(&short)
}
