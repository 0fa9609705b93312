//! One account as a file has it: what `users export` writes and `users import` reads.

use crate::{
    auth::{
        self, ROLE_USER, email,
        password::{Hasher, Unusable},
        timestamp,
    },
    db::User,
};
use chrono::DateTime;
use gapura_shared::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The columns of a CSV file, the members of a JSON object. Only the address is required.
pub(in crate::cli::users) const COLUMNS: [&str; 11] = [
    "id",
    "email",
    "password_hash",
    "role",
    "tenant_id",
    "email_confirmed_at",
    "banned_until",
    "last_sign_in_at",
    "created_at",
    "user_metadata",
    "app_metadata",
];

/// Nobody has the password of an account without a hash.
const NO_PASSWORD: &str = "!";
const MAX_METADATA_BYTES: usize = 16 * 1024;

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::cli::users) struct Record {
    pub(super) id: Option<String>,
    pub(super) email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_hash: Option<String>,
    pub(super) role: Option<String>,
    pub(super) tenant_id: Option<String>,
    /// Times: RFC 3339. Of an address that was never confirmed this one is there and empty (in JSON:
    /// `null`); where it is not there at all, the address counts as confirmed.
    #[serde(skip_serializing_if = "Option::is_none", with = "confirmed")]
    pub(super) email_confirmed_at: Option<String>,
    pub(super) banned_until: Option<String>,
    pub(super) last_sign_in_at: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) user_metadata: Option<Map<String, Value>>,
    pub(super) app_metadata: Option<Map<String, Value>>,
}

/// Why a record is not taken. No text of it is quoted: there may be a hash in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::cli::users) enum Bad {
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    #[error("it is not UTF-8")]
    NotText,
    #[error("it is not readable as {0}")]
    Form(&'static str),
    #[error("it has another number of fields than the first line")]
    Fields,
    #[error("a member is missing, unknown or of the wrong type")]
    Members,
    #[error("{0} is unknown (--ignore-unknown leaves it out)")]
    Unknown(String),
    #[error("the e-mail address is not valid")]
    Email,
    #[error("password_hash: {0}")]
    Hash(Unusable),
    #[error("a role has 1 to 32 lower-case letters, digits, `-` or `_`")]
    Role,
    #[error("{0} is not a text of 1 to {1} bytes")]
    Text(&'static str, usize),
    #[error("{0} is not a time such as 2026-11-21T08:00:00Z")]
    Time(&'static str),
    #[error("{0} is not a JSON object of at most {MAX_METADATA_BYTES} bytes")]
    Metadata(&'static str),
    #[error("there is no such role (--make-missing makes it)")]
    NoRole,
    #[error("there is no such tenant (--make-missing makes it)")]
    NoTenant,
    #[error("the address or the id has an account already")]
    Taken,
}

impl Record {
    pub(in crate::cli::users) fn of(user: User, with_hash: bool) -> Self {
        Self {
            id: Some(user.id),
            email: user.email,
            password_hash: with_hash.then_some(user.password_hash),
            role: Some(user.role),
            tenant_id: user.tenant,
            email_confirmed_at: Some(user.email_confirmed_at.map(timestamp).unwrap_or_default()),
            banned_until: user.banned_until.map(timestamp),
            last_sign_in_at: user.last_sign_in_at.map(timestamp),
            created_at: Some(timestamp(user.created_at)),
            user_metadata: Some(user.user_metadata),
            app_metadata: Some(user.app_metadata),
        }
    }

    /// The account, if all of it is as it must be.
    pub(super) fn check(self, hasher: &Hasher, now: UnixMillis) -> Result<User, Bad> {
        let email = email::normalise(&self.email).ok_or(Bad::Email)?;
        let hash = given(self.password_hash);
        if let Some(hash) = hash.as_deref().filter(|hash| *hash != NO_PASSWORD) {
            bounded("password_hash", hash, 1024)?;
            hasher.judge(hash).map_err(Bad::Hash)?;
        }
        let role = given(self.role).unwrap_or_else(|| ROLE_USER.to_owned());
        let role = super::super::role(&role).map_err(|_| Bad::Role)?;
        let hash = hash.unwrap_or_else(|| NO_PASSWORD.to_owned());
        let mut user = auth::new_user(email, hash, &role, now);
        if let Some(id) = given(self.id) {
            bounded("id", &id, 64)?;
            user.id = id;
        }
        if let Some(tenant) = given(self.tenant_id) {
            bounded("tenant_id", &tenant, 64)?;
            user.tenant = Some(tenant);
        }
        if self.email_confirmed_at.is_some() {
            user.email_confirmed_at = time("email_confirmed_at", self.email_confirmed_at)?;
        }
        user.banned_until = time("banned_until", self.banned_until)?;
        user.last_sign_in_at = time("last_sign_in_at", self.last_sign_in_at)?;
        if let Some(at) = time("created_at", self.created_at)? {
            user.created_at = at;
        }
        user.user_metadata = metadata("user_metadata", self.user_metadata)?.unwrap_or_default();
        if let Some(object) = metadata("app_metadata", self.app_metadata)? {
            user.app_metadata = object;
        }
        Ok(user)
    }
}

/// In JSON, what is empty is `null`.
mod confirmed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(at: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
        at.as_ref().filter(|at| !at.is_empty()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<String>, D::Error> {
        let at: Option<String> = Deserialize::deserialize(from)?;
        Ok(Some(at.unwrap_or_default()))
    }
}

/// CSV has no other word for "absent" than an empty field.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn bounded(name: &'static str, text: &str, max_bytes: usize) -> Result<(), Bad> {
    let fits = (1..=max_bytes).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then_some(()).ok_or(Bad::Text(name, max_bytes))
}

fn time(name: &'static str, text: Option<String>) -> Result<Option<UnixMillis>, Bad> {
    let Some(text) = given(text) else {
        return Ok(None);
    };
    let at = DateTime::parse_from_rfc3339(&text).map_err(|_| Bad::Time(name))?;
    let at = u64::try_from(at.timestamp_millis()).map_err(|_| Bad::Time(name))?;
    Ok(Some(UnixMillis(at)))
}

type Object = Map<String, Value>;

fn metadata(name: &'static str, object: Option<Object>) -> Result<Option<Object>, Bad> {
    let length = object.as_ref().map_or(Ok(0), |object| {
        serde_json::to_string(object).map(|text| text.len())
    });
    match length {
        Ok(length) if length <= MAX_METADATA_BYTES => Ok(object),
        _ => Err(Bad::Metadata(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Bad, Record};
    use crate::{
        auth::password::{Hasher, Unusable},
        config,
    };
    use gapura_shared::time::UnixMillis;
    use serde_json::json;

    fn check(record: serde_json::Value) -> Result<crate::db::User, Bad> {
        let text = "[auth]\nargon2_memory_kib = 128\nargon2_iterations = 1";
        let hasher = Hasher::new(&config::parse(text, &|_| None).unwrap().auth).unwrap();
        let record: Record = serde_json::from_value(record).unwrap();
        record.check(&hasher, UnixMillis(1_700_000_000_000))
    }

    #[test]
    fn refuses_what_no_account_has() {
        for (record, bad) in [
            (json!({}), Bad::Email),
            (json!({ "email": "nobody" }), Bad::Email),
            (
                json!({ "email": "a@b.co", "password_hash": "hunter2" }),
                Bad::Hash(Unusable::Unknown),
            ),
            (json!({ "email": "a@b.co", "role": "two words" }), Bad::Role),
            (
                json!({ "email": "a@b.co", "id": "a\u{0}" }),
                Bad::Text("id", 64),
            ),
            (
                json!({ "email": "a@b.co", "created_at": "yesterday" }),
                Bad::Time("created_at"),
            ),
            (
                json!({ "email": "a@b.co", "created_at": "1969-01-01T00:00:00Z" }),
                Bad::Time("created_at"),
            ),
            (
                json!({ "email": "a@b.co", "user_metadata": { "x": "x".repeat(16_384) } }),
                Bad::Metadata("user_metadata"),
            ),
        ] {
            assert_eq!(check(record.clone()).unwrap_err(), bad, "{record}");
        }
    }

    #[test]
    fn an_exported_account_comes_back_as_it_was() {
        let before = check(json!({
            "id": "7", "email": "A@b.co", "role": "premium", "tenant_id": "t-1",
            "password_hash": "$2y$12$nuIbRGWyAVscncuJ9iZizuDVq7i8QkT6y.nBtMBpzpdYcMZ45dL2S",
            "created_at": "2020-01-01T00:00:00.123Z", "user_metadata": { "name": "Made" },
        }))
        .unwrap();
        let record = serde_json::to_value(Record::of(before.clone(), true)).unwrap();
        let after = check(record).unwrap();
        assert_eq!(
            (after.id, after.email, after.role),
            ("7".into(), "a@b.co".into(), "premium".into())
        );
        assert_eq!(after.password_hash, before.password_hash);
        assert_eq!(after.created_at, before.created_at);
        assert_eq!(
            (after.tenant, after.user_metadata),
            (before.tenant.clone(), before.user_metadata.clone())
        );
        assert_eq!(after.email_confirmed_at, before.email_confirmed_at);
        assert!(before.email_confirmed_at.is_some(), "nobody said otherwise");
        let unconfirmed = crate::db::User {
            email_confirmed_at: None,
            ..before.clone()
        };
        let record = serde_json::to_value(Record::of(unconfirmed, true)).unwrap();
        assert_eq!(record["email_confirmed_at"], json!(null));
        assert_eq!(check(record).unwrap().email_confirmed_at, None);
        let without = serde_json::to_string(&Record::of(before, false)).unwrap();
        assert!(!without.contains("$2y$"), "{without}");
    }
}
