//! Tokens made for the tests: one that is right, and changes to it.

mod good;
mod keys;
mod properties;
mod refusals;
mod vectors;

use super::{KeyOrigin, KeySet, Settings, TokenError, Verified, verify};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::time::UnixSeconds;
use jwt_compact::{
    Algorithm, AlgorithmSignature,
    alg::{Ed25519, Es256, Hs256, Hs256Key, Rsa, RsaPrivateKey},
    jwk::JsonWebKey,
};
use serde_json::{Value, json};

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

/// Ids of the keys in [`keys`], which are the names of their algorithms.
const ALGORITHMS: [&str; 4] = ["HS256", "ES256", "EdDSA", "RS256"];

/// The private key of an algorithm, with `kid` like its name.
fn private(alg: &str) -> Value {
    match alg {
        "HS256" => json!({"kty": "oct", "alg": alg, "kid": alg, "k": vectors::HS256_K}),
        "ES256" => json!({"kty": "EC", "crv": "P-256", "kid": alg, "x": vectors::P256_X,
            "y": vectors::P256_Y, "d": vectors::P256_D}),
        "EdDSA" => json!({"kty": "OKP", "crv": "Ed25519", "kid": alg, "x": vectors::ED25519_X,
            "d": vectors::ED25519_D}),
        _ => json!({"kty": "RSA", "alg": "RS256", "kid": "RS256", "n": vectors::RSA_N,
            "e": "AQAB", "d": vectors::RSA_D, "p": vectors::RSA_P, "q": vectors::RSA_Q}),
    }
}

/// The same without its private parts (the symmetric one has no other).
fn public(alg: &str) -> Value {
    let mut key = private(alg);
    key.as_object_mut()
        .unwrap()
        .retain(|name, _| !["d", "p", "q"].contains(&name.as_str()));
    key
}

fn set(keys: &[Value], origin: KeyOrigin) -> Result<KeySet, super::BadKeySet> {
    KeySet::from_jwks(&json!({ "keys": keys }).to_string(), origin)
}

fn keys() -> KeySet {
    set(&ALGORITHMS.map(public), KeyOrigin::Secret).unwrap()
}

fn settings() -> Settings {
    Settings {
        issuer: Some("https://id.example".into()),
        audience: Some("app".into()),
        ..Settings::default()
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "aud": "app", "sub": "u-1", "role": "admin",
        "tenant_id": "t-1", "session_id": "s-1", "jti": "j-1", "token_type": "access",
        "aal": "aal2", "iat": NOW.0 - 10, "nbf": NOW.0 - 10, "exp": NOW.0 + 900,
    })
}

fn header(alg: &str) -> Value {
    json!({"alg": alg, "kid": alg, "typ": "at+jwt"})
}

/// `base` with some members set, or left out where the change is `null`.
fn changed(mut base: Value, change: Value) -> Value {
    let members = base.as_object_mut().unwrap();
    if let Value::Object(change) = change {
        members.extend(change);
    }
    members.retain(|_, value| !value.is_null());
    base
}

/// A token signed by the private key of `alg`, whatever its header says.
fn signed(alg: &str, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let jwk = private(alg);
    let jwk: JsonWebKey = serde::Deserialize::deserialize(&jwk).unwrap();
    let signature = match alg {
        "HS256" => sign(&Hs256, &Hs256Key::try_from(&jwk).unwrap(), &message),
        "ES256" => sign(&Es256, &(&jwk).try_into().unwrap(), &message),
        "EdDSA" => sign(&Ed25519, &(&jwk).try_into().unwrap(), &message),
        _ => sign(
            &Rsa::rs256(),
            &RsaPrivateKey::try_from(&jwk).unwrap(),
            &message,
        ),
    };
    format!("{message}.{signature}")
}

fn sign<A: Algorithm>(algorithm: &A, key: &A::SigningKey, message: &str) -> String {
    encoded(algorithm.sign(key, message.as_bytes()).as_bytes())
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A right token of this algorithm.
fn good(alg: &str) -> String {
    signed(alg, &header(alg).to_string(), &claims().to_string())
}

/// A token of our HS256 key with these changes to the right header.
fn with_header(change: Value) -> String {
    let header = changed(header("HS256"), change).to_string();
    signed("HS256", &header, &claims().to_string())
}

/// A token of our HS256 key with these changes to the right claims.
fn with_claims(change: Value) -> String {
    let claims = changed(claims(), change).to_string();
    signed("HS256", &header("HS256").to_string(), &claims)
}

fn check(token: &str) -> Result<Verified, TokenError> {
    verify(token, &keys(), &settings(), NOW)
}
