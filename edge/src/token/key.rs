//! One verifying key and the one algorithm that it is for (RFC 8725 §3.1).

use super::{error::TokenError, members::Members};
use jwt_compact::{
    Algorithm, AlgorithmExt, Claims, UntrustedToken, ValidationError,
    alg::{Ed25519, Es256, Hs256, Hs256Key, Rsa, RsaPublicKey, StrongKey},
    jwk::JsonWebKey,
};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// Shortest HS256 key: the hash's output (RFC 7518 §3.2).
const MIN_HS256_BYTES: usize = 32;

/// Members of a JWK that are private (RFC 7518 §6.2.2, §6.3.2).
const PRIVATE: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];

/// Why a JWK is not a key for us. Never quotes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not a JWK, or its numbers are not a key.
    #[error("not a valid JWK of its type")]
    Malformed,
    /// Not for HS256, ES256, EdDSA or RS256, or `alg` is missing and not implied.
    #[error("`kty`, `crv` and `alg` do not name one of HS256, ES256, EdDSA, RS256")]
    Algorithm,
    /// `use` or `key_ops` say that it is not for verifying.
    #[error("`use` or `key_ops` do not allow verification")]
    Use,
    /// An RSA key of other than 2,048, 3,072 or 4,096 bits; an HS256 key below 32 bytes.
    #[error("too weak: RSA keys have 2048, 3072 or 4096 bits, HS256 keys at least 32 bytes")]
    Weak,
    /// It holds private parts, which have no business at a verifier.
    #[error("a private key where a public one belongs")]
    Private,
    /// A symmetric key at a URL: whoever reads it can sign.
    #[error("a published symmetric key")]
    Published,
    /// Without `kid` beside other keys.
    #[error("without `kid` beside other keys")]
    NoId,
    /// The `kid` of another key.
    #[error("the same `kid` as another key")]
    SameId,
}

/// A verifying key, bound to its algorithm.
#[derive(Clone)]
pub(super) enum VerifyingKey {
    Hs256(Hs256Key),
    Es256(<Es256 as Algorithm>::VerifyingKey),
    EdDsa(<Ed25519 as Algorithm>::VerifyingKey),
    Rs256(StrongKey<RsaPublicKey>),
}

/// The JWK members that say what a key is for (RFC 7517 §4).
#[derive(Deserialize)]
pub(super) struct Purpose {
    pub(super) kty: String,
    pub(super) kid: Option<String>,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
}

impl Purpose {
    pub(super) fn read(jwk: &Value) -> Result<Self, KeyFault> {
        Self::deserialize(jwk).map_err(|_| KeyFault::Malformed)
    }

    fn is_verifying(&self) -> bool {
        let verify = |ops: &Vec<String>| ops.iter().any(|op| op == "verify");
        self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(verify)
    }
}

impl VerifyingKey {
    /// Reads a JWK whose purpose is known.
    pub(super) fn read(jwk: &Value, purpose: &Purpose) -> Result<Self, KeyFault> {
        if PRIVATE.iter().any(|name| jwk.get(name).is_some()) {
            return Err(KeyFault::Private);
        }
        if !purpose.is_verifying() {
            return Err(KeyFault::Use);
        }
        let alg = purpose.alg.as_deref();
        match (purpose.kty.as_str(), purpose.crv.as_deref(), alg) {
            ("oct", None, Some("HS256")) => hs256(jwk),
            ("EC", Some("P-256"), None | Some("ES256")) => Ok(Self::Es256(material(jwk)?)),
            ("OKP", Some("Ed25519"), None | Some("EdDSA")) => Ok(Self::EdDsa(material(jwk)?)),
            ("RSA", None, Some("RS256")) => rs256(jwk),
            _ => Err(KeyFault::Algorithm),
        }
    }

    /// Name of the one algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
    pub(super) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256(_) => "HS256",
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
            Self::Rs256(_) => "RS256",
        }
    }

    /// The token's claims, once algorithm and signature are proven.
    pub(super) fn verify(
        &self,
        token: &UntrustedToken<'_, Members>,
    ) -> Result<Claims<Members>, TokenError> {
        match self {
            Self::Hs256(key) => integrity(&Hs256, key, token),
            Self::Es256(key) => integrity(&Es256, key, token),
            Self::EdDsa(key) => integrity(&Ed25519, key, token),
            Self::Rs256(key) => integrity(&Rsa::rs256(), key.as_ref(), token),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm())
    }
}

fn integrity<A: Algorithm>(
    algorithm: &A,
    key: &A::VerifyingKey,
    token: &UntrustedToken<'_, Members>,
) -> Result<Claims<Members>, TokenError> {
    match algorithm.validator(key).validate(token) {
        Ok(token) => Ok(token.into_parts().1),
        Err(ValidationError::AlgorithmMismatch { .. }) => Err(TokenError::Algorithm),
        Err(ValidationError::MalformedClaims(_)) => Err(TokenError::Malformed),
        Err(_) => Err(TokenError::Signature),
    }
}

fn hs256(jwk: &Value) -> Result<VerifyingKey, KeyFault> {
    let key: Hs256Key = material(jwk)?;
    if key.as_ref().len() < MIN_HS256_BYTES {
        return Err(KeyFault::Weak);
    }
    Ok(VerifyingKey::Hs256(key))
}

fn rs256(jwk: &Value) -> Result<VerifyingKey, KeyFault> {
    let key: RsaPublicKey = material(jwk)?;
    let strong = StrongKey::try_from(key).map_err(|_| KeyFault::Weak)?;
    Ok(VerifyingKey::Rs256(strong))
}

fn material<K: for<'a, 'b> TryFrom<&'a JsonWebKey<'b>>>(jwk: &Value) -> Result<K, KeyFault> {
    let jwk = JsonWebKey::deserialize(jwk).map_err(|_| KeyFault::Malformed)?;
    K::try_from(&jwk).map_err(|_| KeyFault::Malformed)
}
