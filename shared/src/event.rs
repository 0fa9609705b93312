//! Security events: who did what to what, and how it ended.
//!
//! The names of the reference systems are kept verbatim (`AUTH_FAILED`, …), so
//! that their dashboards and alerts go on working.

use crate::{ids::RequestId, time::UnixMillis};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Wrong credentials, or a token that does not hold.
    AuthFailed,
    /// Somebody logged in.
    AuthSuccess,
    /// An account came into being.
    AccountCreated,
    /// An account was changed: by its owner, or by an operator.
    AccountChanged,
    /// An operator deleted an account.
    AccountDeleted,
    /// A password was changed: by its owner, or by an operator.
    PasswordChanged,
    /// An operator changed what roles permit, or who belongs to a tenant.
    AccessChanged,
    /// A refresh token was exchanged.
    TokenRefresh,
    /// A refresh token was used again after it had been exchanged; its session ended.
    TokenReuse,
    /// An operator lifted the lockout of a login name.
    AccountUnlocked,
    /// Somebody logged out: their sessions ended.
    SessionEnded,
    /// A client used up a rate window.
    RateLimitExceeded,
    /// The WAF stopped a request.
    WafBlocked,
    /// The WAF found something and the route only logs.
    WafDetected,
    /// An access list, a role or a tenant did not allow it.
    AccessDenied,
    /// A request broke a limit or the protocol.
    RequestRefused,
    /// A request reached the origin without a valid, fresh, unused seal.
    SealRefused,
    /// A jail or the operator banned somebody.
    BanAdded,
    /// The operator lifted a ban.
    BanLifted,
    /// A request was refused because of a ban.
    BanEnforced,
    /// A ban would have refused a request, and the Guard only looks (mode `detect`).
    BanDetected,
    /// The operator switched the under-attack mode.
    ModeChanged,
    /// The operator imported a block list.
    BlockListImported,
    /// Sessions or tokens were taken back.
    Revoked,
    /// What was taken back could not be stored: other isolates pass it until it expires.
    RevocationLost,
    /// The Ledger or a shard of the Guard had no room for what it was told.
    GuardFull,
    /// Somebody asked for a mail with a link or a code.
    MailRequested,
    /// An account got another address, to which both had agreed.
    EmailChanged,
    /// Too many failed logins locked an account.
    AccountLocked,
    /// Somebody asked for a secret for an authenticator.
    FactorEnrolled,
    /// Somebody took a factor off their account.
    FactorRemoved,
    /// An operator took factors off an account.
    FactorsReset,
    /// A recovery code stood in for a lost authenticator.
    RecoveryCodeUsed,
    /// Somebody had new recovery codes made.
    RecoveryCodesRenewed,
    /// A new key signs access tokens, now or soon.
    TokenKeyRotated,
    /// Tokens of a key hold no longer.
    TokenKeyRetired,
    /// The secrets in the database were sealed under another key.
    SecretsResealed,
    /// Encrypted fields are being encrypted anew under the current key.
    FieldRotationBegun,
    /// They have been, as far as the event says.
    FieldRotationEnded,
}

/// One event, as it is logged and sent (one JSON object).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, by the clock of the half that saw it.
    pub at_ms: UnixMillis,
    /// What.
    pub event: Kind,
    /// The request that caused it.
    pub request_id: RequestId,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The account, where one is known.
    pub actor: Option<String>,
    /// The method, such as `POST`.
    pub action: String,
    /// The path, without its query: queries carry secrets.
    pub target: String,
    /// The status that was answered.
    pub outcome: u16,
    /// The reason by its stable label, such as `rate-limited` or a list of rule ids.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::{Event, Kind};
    use crate::{ids::RequestId, time::UnixMillis};

    #[test]
    fn names_of_bans_and_revocations_unchanged() {
        let kinds = [
            (Kind::BanAdded, "BAN_ADDED"),
            (Kind::BanLifted, "BAN_LIFTED"),
            (Kind::BanEnforced, "BAN_ENFORCED"),
            (Kind::BanDetected, "BAN_DETECTED"),
            (Kind::ModeChanged, "MODE_CHANGED"),
            (Kind::BlockListImported, "BLOCK_LIST_IMPORTED"),
            (Kind::Revoked, "REVOKED"),
            (Kind::MailRequested, "MAIL_REQUESTED"),
            (Kind::EmailChanged, "EMAIL_CHANGED"),
            (Kind::AccountLocked, "ACCOUNT_LOCKED"),
            (Kind::FactorEnrolled, "FACTOR_ENROLLED"),
            (Kind::FactorRemoved, "FACTOR_REMOVED"),
            (Kind::FactorsReset, "FACTORS_RESET"),
            (Kind::RecoveryCodeUsed, "RECOVERY_CODE_USED"),
            (Kind::RecoveryCodesRenewed, "RECOVERY_CODES_RENEWED"),
            (Kind::TokenKeyRotated, "TOKEN_KEY_ROTATED"),
            (Kind::TokenKeyRetired, "TOKEN_KEY_RETIRED"),
            (Kind::SecretsResealed, "SECRETS_RESEALED"),
            (Kind::FieldRotationBegun, "FIELD_ROTATION_BEGUN"),
            (Kind::FieldRotationEnded, "FIELD_ROTATION_ENDED"),
            (Kind::RevocationLost, "REVOCATION_LOST"),
            (Kind::GuardFull, "GUARD_FULL"),
            (Kind::AccountChanged, "ACCOUNT_CHANGED"),
            (Kind::AccountDeleted, "ACCOUNT_DELETED"),
            (Kind::PasswordChanged, "PASSWORD_CHANGED"),
            (Kind::AccessChanged, "ACCESS_CHANGED"),
        ];
        for (kind, name) in kinds {
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
        }
    }

    #[test]
    fn json_format_unchanged() {
        let event = Event {
            at_ms: UnixMillis(1_700_000_000_123),
            event: Kind::WafBlocked,
            request_id: RequestId::from_random([1; 16]),
            client: "192.0.2.7".parse().ok(),
            actor: None,
            action: "GET".into(),
            target: "/a".into(),
            outcome: 403,
            reason: "sqli-001".into(),
        };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"at_ms":1700000000123,"event":"WAF_BLOCKED","request_id":"01010101010101010101010101010101","client":"192.0.2.7","actor":null,"action":"GET","target":"/a","outcome":403,"reason":"sqli-001"}"#
        );
    }
}
