//! Tokens made by hand: what an attacker would send, and what another issuer would.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_compact::{KeyPair, Seed};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

/// A throw-away HS256 key, 32 bytes.
pub const HS256_KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
/// Its id.
pub const HS256_KID: &str = "partner";

/// The key as the JWK set that the edge is bound to.
#[must_use]
pub fn key_set() -> String {
    json!({"keys": [{
        "kty": "oct", "kid": HS256_KID, "alg": "HS256", "use": "sig",
        "k": URL_SAFE_NO_PAD.encode(HS256_KEY),
    }]})
    .to_string()
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

/// Claims that hold: the partner's names for subject and tenant, as in a reference system.
#[must_use]
pub fn claims() -> Value {
    json!({
        "iss": "gapura", "aud": "authenticated", "iat": now(), "nbf": now(), "exp": now() + 300,
        "user_id": "u-1", "tenant_id": "t-1", "role": "PREMIUM", "token_type": "access",
    })
}

/// The claims with one of them changed; `null` removes it.
#[must_use]
pub fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// The usual header.
#[must_use]
pub fn header() -> Value {
    json!({"alg": "HS256", "kid": HS256_KID, "typ": "JWT"})
}

/// A token signed with HS256, whatever its header says.
#[must_use]
pub fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encode(header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(input.as_bytes());
    format!(
        "{input}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

/// A token that holds, with these claims.
#[must_use]
pub fn token(claims: &Value) -> String {
    signed(&header(), claims, HS256_KEY)
}

/// Another issuer with an Ed25519 key.
#[derive(Debug)]
pub struct Signer {
    kid: String,
    key: KeyPair,
}

impl Signer {
    /// A throw-away key from a seed of this byte.
    #[must_use]
    pub fn new(kid: &str, seed: u8) -> Self {
        Self {
            kid: kid.into(),
            key: KeyPair::from_seed(Seed::new([seed; 32])),
        }
    }

    /// The public key's bytes.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.key.pk.as_ref()
    }

    /// The public key as a JWK writes it.
    #[must_use]
    pub fn public_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public())
    }

    /// The public key as a JWK.
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "alg": "EdDSA", "use": "sig", "x": self.public_text()})
    }

    /// A signed token.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": self.kid, "typ": "JWT"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.key.sk.sign(&input, None);
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
