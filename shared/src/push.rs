//! What the origin tells the edge's Ledger: which sessions and tokens hold no longer.
//! One JSON object, posted to [`PATH`] under a seal of its own purpose.

use crate::{limits::MAX_IDENTITY_VALUE_BYTES, time::UnixSeconds};
use serde::{Deserialize, Serialize};

/// Where it is posted to, at the edge.
pub const PATH: &str = "/_gapura/v1/ledger";

/// Most revocations in one push.
pub const MAX_REVOCATIONS: usize = 10_000;

/// Longest push, in bytes: revocations of ordinary ids, many times over.
pub const MAX_PUSH_BYTES: usize = 4 * 1024 * 1024;

/// A push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// All of them count, or none.
    pub revocations: Vec<Revocation>,
}

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// What `id` names.
    pub kind: Kind,
    /// 1 to 256 bytes without control characters.
    pub id: String,
    /// When the last token that this is about expires by itself; the edge adds its leeway.
    pub until: UnixSeconds,
    /// Tokens issued before do not hold; for users, tenants and keys, and for these alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixSeconds>,
}

impl Revocation {
    /// Whether its id is one that a token can carry.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        (1..=MAX_IDENTITY_VALUE_BYTES).contains(&self.id.len())
            && !self.id.chars().any(char::is_control)
    }
}

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A session.
    Session,
    /// A token, by its `jti`.
    Token,
    /// All tokens of a user.
    User,
    /// All tokens of a tenant.
    Tenant,
    /// All tokens signed with a key, by its `kid`.
    Key,
}

#[cfg(test)]
mod tests {
    use super::{Kind, Push, Revocation};
    use crate::time::UnixSeconds;

    #[test]
    fn json_format_unchanged() {
        let revocation = |kind, id: &str, not_before: Option<u64>| Revocation {
            kind,
            id: id.into(),
            until: UnixSeconds(90),
            not_before: not_before.map(UnixSeconds),
        };
        let push = Push {
            revocations: vec![
                revocation(Kind::Session, "s", None),
                revocation(Kind::User, "u", Some(50)),
            ],
        };
        let json = r#"{"revocations":[{"kind":"session","id":"s","until":90},{"kind":"user","id":"u","until":90,"not_before":50}]}"#;
        assert_eq!(serde_json::to_string(&push).unwrap(), json);
        assert_eq!(serde_json::from_str::<Push>(json).unwrap(), push);
    }
}
