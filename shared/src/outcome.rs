//! What the origin tells the edge about a request that it answered: how a login
//! ended, who is locked out, what is revoked. One header, sealed.
//!
//! Guarantees: an outcome that verifies was made by a holder of the seal key as
//! the answer to this very request, with this status. Nobody who sits between
//! edge and origin can lock an account, or take a revocation away unnoticed by
//! replaying another answer's. Relies on the caller for the request's nonce.

use crate::{
    limits::{MAX_IDENTITY_VALUE_BYTES, MAX_OUTCOME_BYTES, MAX_REVOCATIONS},
    push::Revocation,
    seal::{Keys, mac},
    time::UnixMillis,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::Mac;
use serde::{Deserialize, Serialize};
use sfv::{BareItem, Item, Parser};
use sha2::{Digest, Sha256};

/// The header; the edge takes it off every answer.
pub const HEADER: &str = "gapura-outcome";

/// A login name as both halves name it, without showing it: the head of the
/// SHA-256 of the trimmed, lower-cased text, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

/// Hex digits of an [`AccountId`]: 128 bits.
const ACCOUNT_ID_DIGITS: usize = 32;

impl AccountId {
    /// Of what somebody typed as login name.
    #[must_use]
    pub fn of(login: &str) -> Self {
        let digest = Sha256::digest(login.trim().to_lowercase().as_bytes());
        let mut id = crate::ids::hex(&digest);
        id.truncate(ACCOUNT_ID_DIGITS);
        Self(id)
    }

    /// The hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = BadOutcome;

    fn try_from(text: String) -> Result<Self, BadOutcome> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == ACCOUNT_ID_DIGITS && text.bytes().all(digit) {
            Ok(Self(text))
        } else {
            Err(BadOutcome::Value)
        }
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

/// What the origin has to say. Empty: nothing, and no header is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outcome {
    /// How a login ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// Lockouts that began, or that the request met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
    /// What is not good any more. At most [`MAX_REVOCATIONS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revocation>,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// The credentials were wrong: a strike.
    Failed,
    /// Somebody is in.
    Succeeded,
}

/// An account that takes no login for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Which.
    pub account: AccountId,
    /// From where alone: a client's network (see
    /// [`Network::of_client`](crate::address::Network::of_client)); `None`: from everywhere.
    pub source: Option<String>,
    /// Until when. Fixed when the lock began.
    pub until_ms: UnixMillis,
    /// How long a wrong login takes to be answered: one that the edge answers
    /// in the origin's place must not be told by its speed.
    pub delay_ms: u32,
}

/// Why an outcome is not believed or cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadOutcome {
    /// Not the form that [`seal`] writes.
    #[error("not a sealed outcome")]
    Form,
    /// A value that nobody writes, too many or too long.
    #[error(
        "an outcome holds at most {MAX_REVOCATIONS} revocations with ids of at most {MAX_IDENTITY_VALUE_BYTES} bytes, {MAX_OUTCOME_BYTES} bytes together"
    )]
    Value,
    /// No key has this id.
    #[error("unknown key id")]
    UnknownKey,
    /// Made for another request or status, or by somebody else.
    #[error("the outcome's seal does not match")]
    Seal,
}

impl Outcome {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.login.is_none() && self.locks.is_empty() && self.revoked.is_empty()
    }

    fn is_bounded(&self) -> bool {
        self.locks.len() <= MAX_REVOCATIONS
            && self.revoked.len() <= MAX_REVOCATIONS
            && self.revoked.iter().all(Revocation::is_bounded)
    }
}

/// The header's value: the answer with `status` to the request whose seal had this `nonce`.
///
/// # Errors
/// [`BadOutcome::Value`] beyond the bounds.
pub fn seal(
    outcome: &Outcome,
    keys: &Keys,
    nonce: &[u8; 16],
    status: u16,
) -> Result<String, BadOutcome> {
    let json = serde_json::to_vec(outcome).map_err(|_| BadOutcome::Value)?;
    if !outcome.is_bounded() || json.len() > MAX_OUTCOME_BYTES {
        return Err(BadOutcome::Value);
    }
    let (key_id, secret) = keys.current();
    let tag = mac(secret, &base(&json, nonce, status))
        .finalize()
        .into_bytes();
    Ok(format!(
        ":{}:;keyid=\"{key_id}\";mac=:{}:",
        STANDARD.encode(&json),
        STANDARD.encode(tag)
    ))
}

/// Reads what [`seal`] wrote.
///
/// # Errors
/// [`BadOutcome`].
pub fn open(
    value: &str,
    keys: &Keys,
    nonce: &[u8; 16],
    status: u16,
) -> Result<Outcome, BadOutcome> {
    // Base64 is a third longer than what it holds.
    if value.len() > MAX_OUTCOME_BYTES.saturating_mul(2) {
        return Err(BadOutcome::Value);
    }
    let item: Item = Parser::new(value).parse().map_err(|_| BadOutcome::Form)?;
    let BareItem::ByteSequence(json) = &item.bare_item else {
        return Err(BadOutcome::Form);
    };
    let (key_id, tag) = match (item.params.get("keyid"), item.params.get("mac")) {
        (Some(BareItem::String(id)), Some(BareItem::ByteSequence(tag))) => (id.as_str(), tag),
        _ => return Err(BadOutcome::Form),
    };
    let secret = keys.find(key_id).ok_or(BadOutcome::UnknownKey)?;
    mac(secret, &base(json, nonce, status))
        .verify_slice(tag)
        .map_err(|_| BadOutcome::Seal)?;
    let outcome: Outcome = serde_json::from_slice(json).map_err(|_| BadOutcome::Value)?;
    if outcome.is_bounded() {
        Ok(outcome)
    } else {
        Err(BadOutcome::Value)
    }
}

/// What is signed. The first line keeps it apart from a request's signature base,
/// which begins with a quoted component name (RFC 9421 §2.5).
fn base(json: &[u8], nonce: &[u8; 16], status: u16) -> String {
    format!(
        "gapura-outcome\n{}\n{status}\n{}",
        STANDARD.encode(nonce),
        STANDARD.encode(json)
    )
}

#[cfg(test)]
mod tests {
    use super::{AccountId, BadOutcome, Lock, Login, Outcome, open, seal};
    use crate::{
        push::{Kind, Revocation},
        seal::Keys,
        time::{UnixMillis, UnixSeconds},
    };
    use proptest::prelude::*;

    const NONCE: [u8; 16] = [9; 16];

    fn keys() -> Keys {
        Keys::parse(&format!("k1:{}", "A".repeat(43))).unwrap()
    }

    fn revocation(kind: Kind, id: String) -> Revocation {
        Revocation {
            kind,
            id,
            until: UnixSeconds(1_700_000_000),
            not_before: None,
        }
    }

    fn outcome() -> Outcome {
        Outcome {
            login: Some(Login::Failed),
            locks: vec![Lock {
                account: AccountId::of("Owner@Example.test "),
                source: Some("192.0.2.7".into()),
                until_ms: UnixMillis(1_700_000_900_000),
                delay_ms: 60,
            }],
            revoked: vec![revocation(Kind::Session, "s-1".into())],
        }
    }

    #[test]
    fn holds_for_one_request_and_status_alone() {
        let value = seal(&outcome(), &keys(), &NONCE, 400).unwrap();
        assert_eq!(open(&value, &keys(), &NONCE, 400), Ok(outcome()));
        assert_eq!(open(&value, &keys(), &NONCE, 200), Err(BadOutcome::Seal));
        assert_eq!(open(&value, &keys(), &[8; 16], 400), Err(BadOutcome::Seal));
        let other = Keys::parse(&format!("k1:{}", "E".repeat(43))).unwrap();
        assert_eq!(open(&value, &other, &NONCE, 400), Err(BadOutcome::Seal));
        let unknown = Keys::parse(&format!("k2:{}", "A".repeat(43))).unwrap();
        assert_eq!(
            open(&value, &unknown, &NONCE, 400),
            Err(BadOutcome::UnknownKey)
        );
    }

    #[test]
    fn refuses_what_is_too_much() {
        let one = outcome().revoked.remove(0);
        let many = Outcome {
            revoked: vec![one; 65],
            ..Outcome::default()
        };
        assert_eq!(seal(&many, &keys(), &NONCE, 200), Err(BadOutcome::Value));
        let long = Outcome {
            revoked: vec![revocation(Kind::Token, "x".repeat(257))],
            ..Outcome::default()
        };
        assert_eq!(seal(&long, &keys(), &NONCE, 200), Err(BadOutcome::Value));
    }

    #[test]
    fn an_account_is_named_alike_however_it_is_typed() {
        assert_eq!(AccountId::of(" A@B.example"), AccountId::of("a@b.EXAMPLE"));
        assert_eq!(AccountId::of("a@b.example").as_str().len(), 32);
        assert!(AccountId::try_from("../".to_owned()).is_err());
    }

    #[test]
    fn json_format_unchanged() {
        let json = serde_json::to_string(&outcome()).unwrap();
        assert_eq!(
            json,
            r#"{"login":"failed","locks":[{"account":"ACCOUNT","source":"192.0.2.7","until_ms":1700000900000,"delay_ms":60}],"revoked":[{"kind":"session","id":"s-1","until":1700000000}]}"#
                .replace("ACCOUNT", AccountId::of("owner@example.test").as_str())
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_believes_nothing_else(value in ".{0,200}") {
            prop_assert!(open(&value, &keys(), &NONCE, 200).is_err());
        }
    }
}
