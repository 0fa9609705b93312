//! The one way from text to a proven bearer.

use super::{
    claims, error::TokenError, header, keys::KeySet, members::Members, settings::Settings,
};
use gapura_shared::{identity::Principal, time::UnixSeconds};
use jwt_compact::{ParseError, UntrustedToken};

/// Role of an account whose token names none.
pub const DEFAULT_ROLE: &str = "user";

/// Accepted algorithms (RFC 8725 §3.1). `none` is not among them.
const ALGORITHMS: [&str; 4] = ["HS256", "ES256", "EdDSA", "RS256"];

/// What a token proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The bearer.
    pub principal: Principal,
    /// `exp`, without leeway.
    pub expires: UnixSeconds,
    /// `iat`, where the token has one.
    pub issued_at: Option<UnixSeconds>,
    /// The id of the key that signed it, where the token names one.
    pub key_id: Option<String>,
}

/// Verifies an access token: form, header, signature, times, purpose, bearer,
/// in this order (RFC 7519 §7.2, RFC 8725 §3).
///
/// # Errors
/// [`TokenError`]; [`TokenError::UnknownKey`] alone is worth another try with
/// keys fetched again.
pub fn verify(
    token: &str,
    keys: &KeySet,
    settings: &Settings,
    now: UnixSeconds,
) -> Result<Verified, TokenError> {
    let (limit, length) = (settings.max_bytes, token.len());
    if length > limit {
        return Err(TokenError::TooLarge { limit, length });
    }
    let untrusted = parse(token)?;
    header::check(&untrusted)?;
    // Before the key is looked up: a senseless algorithm must not cause a fetch.
    if !ALGORITHMS.contains(&untrusted.algorithm()) {
        return Err(TokenError::Algorithm);
    }
    let kid = untrusted.header().key_id.as_deref();
    let claims = keys
        .find(kid)
        .ok_or(TokenError::UnknownKey)?
        .verify(&untrusted)?;
    let expires = claims::check_times(&claims, settings.leeway_s, now)?;
    claims::check_purpose(&claims.custom, settings)?;
    Ok(Verified {
        principal: claims::principal(&claims.custom, &settings.claims)?,
        expires,
        issued_at: claims
            .issued_at
            .and_then(|time| u64::try_from(time.timestamp()).ok())
            .map(UnixSeconds),
        key_id: kid.map(str::to_owned),
    })
}

fn parse(token: &str) -> Result<UntrustedToken<'_, Members>, TokenError> {
    UntrustedToken::try_from(token).map_err(|fault| match fault {
        ParseError::UnsupportedContentType(_) => TokenError::Header("cty"),
        _ => TokenError::Malformed,
    })
}
