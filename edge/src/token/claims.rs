//! The claims of a proven token (RFC 7519 §4.1), checked at a given `now`.

use super::{
    error::TokenError,
    members::Members,
    settings::{ClaimNames, MAX_LEEWAY_S, Settings},
    verify::DEFAULT_ROLE,
};
use gapura_shared::{
    claims::{Assurance, ROLE_ANON},
    identity::Principal,
    limits::MAX_IDENTITY_VALUE_BYTES,
    time::UnixSeconds,
};
use jwt_compact::Claims;
use serde_json::Value;

/// Checks the times; returns `exp`.
///
/// jwt-compact's own checks are not used: its `nbf` check overflows, and
/// panics, on the earliest date, and its `exp` check accepts the instant of
/// expiry, which RFC 7519 §4.1.4 does not.
///
/// # Errors
/// [`TokenError::Claim`], [`TokenError::Expired`], [`TokenError::NotYetValid`].
pub(super) fn check_times(
    claims: &Claims<Members>,
    leeway_s: u64,
    now: UnixSeconds,
) -> Result<UnixSeconds, TokenError> {
    let now = i64::try_from(now.0).unwrap_or(i64::MAX);
    let leeway = i64::try_from(leeway_s.min(MAX_LEEWAY_S)).unwrap_or(0);
    let expires = claims
        .expiration
        .ok_or(TokenError::Claim("exp"))?
        .timestamp();
    if now >= expires.saturating_add(leeway) {
        return Err(TokenError::Expired);
    }
    let starts = [claims.not_before, claims.issued_at].into_iter().flatten();
    if starts
        .map(|time| time.timestamp())
        .any(|time| time.saturating_sub(leeway) > now)
    {
        return Err(TokenError::NotYetValid);
    }
    u64::try_from(expires)
        .map(UnixSeconds)
        .map_err(|_| TokenError::Expired)
}

/// Checks issuer, audience and token type.
///
/// # Errors
/// [`TokenError::Issuer`], [`TokenError::Audience`], [`TokenError::Type`].
pub(super) fn check_purpose(members: &Members, settings: &Settings) -> Result<(), TokenError> {
    let is = |value: Option<&Value>, text: &String| value.and_then(Value::as_str) == Some(text);
    if settings
        .issuer
        .as_ref()
        .is_some_and(|issuer| !is(members.get("iss"), issuer))
    {
        return Err(TokenError::Issuer);
    }
    let names = |audience: &String| match members.get("aud") {
        Some(Value::Array(all)) => all.iter().any(|one| is(Some(one), audience)),
        one => is(one, audience),
    };
    if settings
        .audience
        .as_ref()
        .is_some_and(|audience| !names(audience))
    {
        return Err(TokenError::Audience);
    }
    let token_type = members.get(&settings.claims.token_type);
    let accepted = || {
        settings
            .accepted_types
            .iter()
            .any(|accepted| is(token_type, accepted))
    };
    if token_type.is_some() && !accepted() {
        return Err(TokenError::Type);
    }
    Ok(())
}

/// Reads the bearer through the policy's claim names. Without a role, an
/// account has [`DEFAULT_ROLE`] and a token without an account [`ROLE_ANON`].
///
/// # Errors
/// [`TokenError::Claim`].
pub(super) fn principal(members: &Members, names: &ClaimNames) -> Result<Principal, TokenError> {
    let subject_name = names
        .subject
        .iter()
        .find(|name| members.get(name).is_some());
    let subject = match subject_name {
        Some(name) => text(members, name, "subject")?,
        None => None,
    };
    let default_role = if subject.is_some() {
        DEFAULT_ROLE
    } else {
        ROLE_ANON
    };
    Ok(Principal {
        subject,
        role: text(members, &names.role, "role")?.unwrap_or_else(|| default_role.into()),
        tenant: text(members, &names.tenant, "tenant")?,
        session: text(members, &names.session, "session")?,
        token_id: text(members, &names.token_id, "token_id")?,
        assurance: text(members, "aal", "aal")?
            .map_or(Assurance::Aal1, |level| Assurance::of_claim(&level)),
    })
}

/// A claim as text. Whole numbers are taken too: ids of older systems are numbers.
fn text(members: &Members, name: &str, label: &'static str) -> Result<Option<String>, TokenError> {
    let text = match members.get(name) {
        None => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if !number.is_f64() => number.to_string(),
        Some(_) => return Err(TokenError::Claim(label)),
    };
    if text.is_empty() || text.len() > MAX_IDENTITY_VALUE_BYTES {
        return Err(TokenError::Claim(label));
    }
    Ok(Some(text))
}
