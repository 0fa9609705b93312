//! Accounts and sessions as supabase-js reads them.

use crate::db::{Factor, Metadata, Profile, Session, Tenant, User};
use chrono::{DateTime, Datelike, SecondsFormat, Timelike};
use gapura_shared::time::UnixMillis;
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// An account, without what nobody needs to see.
#[derive(Serialize)]
pub(super) struct UserView<'a> {
    id: &'a str,
    aud: &'a str,
    role: &'a str,
    email: &'a str,
    /// The address to be, while both have yet to agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_email: Option<&'a str>,
    phone: &'static str,
    email_confirmed_at: Option<Timestamp>,
    confirmed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    banned_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Timestamp>,
    last_sign_in_at: Option<Timestamp>,
    app_metadata: Metadata<'a>,
    user_metadata: Metadata<'a>,
    identities: Vec<IdentityView<'a>>,
    #[serde(
        skip_serializing_if = "<[_]>::is_empty",
        serialize_with = "factor_views"
    )]
    factors: Cow<'a, [Factor]>,
    created_at: Timestamp,
    updated_at: Timestamp,
    is_anonymous: bool,
}

impl<'a> UserView<'a> {
    pub(super) fn new(user: &'a User, audience: &'a str) -> Self {
        Self::of(user.into(), audience)
    }

    pub(super) fn of(user: Profile<'a>, audience: &'a str) -> Self {
        let confirmed = user.email_confirmed_at.map(Timestamp);
        Self {
            id: user.id,
            aud: audience,
            role: user.role,
            email: user.email,
            new_email: None,
            phone: "",
            confirmed_at: confirmed,
            email_confirmed_at: confirmed,
            banned_until: user.banned_until.map(Timestamp),
            deleted_at: user.deleted_at.map(Timestamp),
            last_sign_in_at: user.last_sign_in_at.map(Timestamp),
            app_metadata: user.app_metadata,
            user_metadata: user.user_metadata,
            identities: IdentityView::of(&user),
            factors: user.factors,
            created_at: Timestamp(user.created_at),
            updated_at: Timestamp(user.updated_at),
            is_anonymous: false,
        }
    }

    pub(super) const fn changing_to(mut self, new_email: Option<&'a str>) -> Self {
        self.new_email = new_email;
        self
    }
}

/// By what an account is logged in to: its address, the only way there is. The same in the answer to a
/// sign-up whether the address was free or taken.
#[derive(Serialize)]
struct IdentityView<'a> {
    identity_id: &'a str,
    id: &'a str,
    user_id: &'a str,
    identity_data: IdentityData<'a>,
    provider: &'static str,
    email: &'a str,
    last_sign_in_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct IdentityData<'a> {
    sub: &'a str,
    email: &'a str,
    email_verified: bool,
    phone_verified: bool,
}

impl<'a> IdentityView<'a> {
    fn of(user: &Profile<'a>) -> Vec<Self> {
        if user.deleted_at.is_some() {
            return Vec::new();
        }
        vec![Self {
            identity_id: user.id,
            id: user.id,
            user_id: user.id,
            identity_data: IdentityData {
                sub: user.id,
                email: user.email,
                email_verified: user.email_confirmed_at.is_some(),
                phone_verified: false,
            },
            provider: "email",
            email: user.email,
            last_sign_in_at: user.last_sign_in_at.map(Timestamp),
            created_at: Timestamp(user.created_at),
            updated_at: Timestamp(user.updated_at),
        }]
    }
}

/// A session as its owner looks through devices.
#[derive(Serialize)]
pub(super) struct DeviceView<'a> {
    id: &'a str,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    user_agent: &'a str,
    address: &'a str,
    /// Whether it is the one that asks.
    current: bool,
}

impl<'a> DeviceView<'a> {
    pub(super) fn new(session: &'a Session, current: bool) -> Self {
        Self {
            id: &session.id,
            created_at: Timestamp(session.created),
            last_seen_at: Timestamp(session.last_seen),
            expires_at: Timestamp(session.ends),
            user_agent: &session.device.user_agent,
            address: &session.device.address,
            current,
        }
    }
}

/// A tenant.
#[derive(Serialize)]
pub(super) struct TenantView<'a> {
    id: &'a str,
    name: &'a str,
    created_at: Timestamp,
}

impl<'a> TenantView<'a> {
    pub(super) fn new(tenant: &'a Tenant) -> Self {
        Self {
            id: &tenant.id,
            name: &tenant.name,
            created_at: Timestamp(tenant.created),
        }
    }
}

/// A session with its two tokens.
#[derive(Serialize)]
pub(super) struct SessionView<'a> {
    /// Absent where it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) access_token: Option<&'a str>,
    pub(super) token_type: &'static str,
    /// Seconds.
    pub(super) expires_in: u64,
    /// Seconds since 1970.
    pub(super) expires_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<&'a str>,
    pub(super) user: UserView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recovery_codes: Option<&'a [String]>,
}

/// A factor, without its secret.
#[derive(Serialize)]
pub(super) struct FactorView<'a> {
    id: &'a str,
    friendly_name: &'a str,
    factor_type: &'static str,
    status: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn factor_views<S: Serializer>(factors: &[Factor], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(factors.iter().map(FactorView::new))
}

impl<'a> FactorView<'a> {
    pub(super) fn new(factor: &'a Factor) -> Self {
        Self {
            id: &factor.id,
            friendly_name: &factor.friendly_name,
            factor_type: "totp",
            status: if factor.verified {
                "verified"
            } else {
                "unverified"
            },
            created_at: Timestamp(factor.created_at),
            updated_at: Timestamp(factor.updated_at),
        }
    }
}

/// A time as [`timestamp`] writes it.
#[derive(Clone, Copy)]
struct Timestamp(UnixMillis);

impl Timestamp {
    /// Digit by digit, which is a fraction of a formatter's work; an account has seven of them. `None` for a
    /// year that takes more than four.
    fn digits(self) -> Option<[u8; 24]> {
        let at = DateTime::from_timestamp_millis(i64::try_from(self.0.0).ok()?)?;
        let year = u32::try_from(at.year())
            .ok()
            .filter(|year| *year < 10_000)?;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (place, mut number) in [
            (0..4, year),
            (5..7, at.month()),
            (8..10, at.day()),
            (11..13, at.hour()),
            (14..16, at.minute()),
            (17..19, at.second()),
            (20..23, at.timestamp_subsec_millis()),
        ] {
            for digit in text.get_mut(place)?.iter_mut().rev() {
                *digit |= u8::try_from(number % 10).ok()?;
                number /= 10;
            }
        }
        Some(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.digits();
        match digits.as_ref().and_then(|text| str::from_utf8(text).ok()) {
            Some(text) => serializer.serialize_str(text),
            None => serializer.serialize_str(&timestamp(self.0)),
        }
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn timestamp(at: UnixMillis) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, UserView, timestamp};
    use crate::auth::new_user;
    use gapura_shared::time::UnixMillis;

    #[test]
    fn never_shows_the_hash() {
        let user = new_user("a@b.co".into(), "$argon2id$x".into(), "user", UnixMillis(0));
        let shown = serde_json::to_value(UserView::new(&user, "authenticated")).unwrap();
        assert!(!shown.to_string().contains("argon2"));
        let identity = &shown["identities"][0];
        assert_eq!(
            (&identity["id"], &identity["identity_data"]["email"]),
            (&shown["id"], &shown["email"])
        );
        assert_eq!(shown["app_metadata"]["provider"], "email");
    }

    #[test]
    fn writes_times_as_rfc_3339() {
        assert_eq!(
            timestamp(UnixMillis(1_700_000_000_123)),
            "2023-11-14T22:13:20.123Z"
        );
    }

    #[test]
    fn answers_have_the_same_times() {
        let mut at = 0;
        // Beyond the year 9999, and what no date is.
        while at < 300_000_000_000_000 {
            let shown = serde_json::to_value(Timestamp(UnixMillis(at))).unwrap();
            assert_eq!(shown, timestamp(UnixMillis(at)));
            at += 86_399_999 * 7 + 3_661_007;
        }
        let never = serde_json::to_value(Timestamp(UnixMillis(u64::MAX))).unwrap();
        assert_eq!(never, timestamp(UnixMillis(u64::MAX)));
    }
}
