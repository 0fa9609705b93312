//! Which key sets are taken.

use super::{ALGORITHMS, private, public, set, vectors};
use crate::token::{BadKeySet, KeyFault, KeyOrigin, KeySet, MAX_KEYS, key::VerifyingKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jwt_compact::{Algorithm, AlgorithmSignature, alg::Ed25519};
use serde_json::{Value, json};

fn with(mut key: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => key.as_object_mut().unwrap().remove(name),
        value => key.as_object_mut().unwrap().insert(name.into(), value),
    };
    key
}

/// The fault in a secret, and whether a URL's set goes on without the key.
#[track_caller]
fn refused(key: &Value, fault: KeyFault, passed_over: bool) {
    let keys = [public("ES256"), key.clone()];
    let whole = BadKeySet::Key { index: 1, fault };
    assert_eq!(set(&keys, KeyOrigin::Secret).unwrap_err(), whole);
    match set(&keys, KeyOrigin::Url) {
        Ok(taken) => {
            assert!(passed_over && taken.find(Some("ES256")).is_some());
            let kid = key["kid"].as_str().unwrap_or("none");
            assert!(taken.find(Some(kid)).is_none());
        }
        Err(error) => assert!(!passed_over && error == whole),
    }
}

#[test]
fn refuses_weak_rsa_keys() {
    let weak = with(public("RS256"), "n", json!(vectors::WEAK_RSA_N));
    refused(&weak, KeyFault::Weak, true);
}

#[test]
fn refuses_short_hs256_keys() {
    let of_length = |n: usize| {
        with(
            public("HS256"),
            "k",
            json!(URL_SAFE_NO_PAD.encode(vec![7; n])),
        )
    };
    let whole = BadKeySet::Key {
        index: 0,
        fault: KeyFault::Weak,
    };
    assert_eq!(set(&[of_length(31)], KeyOrigin::Secret).unwrap_err(), whole);
    assert!(set(&[of_length(32)], KeyOrigin::Secret).is_ok());
}

#[test]
fn refuses_published_symmetric_keys() {
    let keys = [public("ES256"), with(public("HS256"), "use", json!("enc"))];
    let whole = BadKeySet::Key {
        index: 1,
        fault: KeyFault::Published,
    };
    assert_eq!(set(&keys, KeyOrigin::Url).unwrap_err(), whole);
}

#[test]
fn refuses_private_keys() {
    for alg in ["EdDSA", "RS256"] {
        refused(&private(alg), KeyFault::Private, false);
    }
}

#[test]
fn refuses_keys_for_other_purposes() {
    let key = || public("EdDSA");
    refused(&with(key(), "use", json!("enc")), KeyFault::Use, true);
    refused(
        &with(key(), "key_ops", json!(["sign"])),
        KeyFault::Use,
        true,
    );
    for (name, value) in [("use", json!("sig")), ("key_ops", json!(["verify"]))] {
        assert!(set(&[with(key(), name, value)], KeyOrigin::Url).is_ok());
    }
}

#[test]
fn refuses_other_algorithms_and_curves() {
    for key in [
        with(public("RS256"), "alg", Value::Null),
        with(public("RS256"), "alg", json!("PS256")),
        with(public("RS256"), "alg", json!("HS256")),
        with(public("EdDSA"), "alg", json!("ES256")),
        with(public("EdDSA"), "crv", json!("X25519")),
        with(
            with(public("ES256"), "crv", json!("secp256k1")),
            "kid",
            json!("k"),
        ),
        with(
            with(public("ES256"), "alg", json!("HS256")),
            "kid",
            json!("k"),
        ),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AA"}),
    ] {
        refused(&key, KeyFault::Algorithm, true);
    }
    let unbound = with(public("HS256"), "alg", Value::Null);
    let whole = BadKeySet::Key {
        index: 0,
        fault: KeyFault::Algorithm,
    };
    assert_eq!(set(&[unbound], KeyOrigin::Secret).unwrap_err(), whole);
}

#[test]
fn refuses_what_is_no_key() {
    for key in [
        json!({"kid": "k"}),
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "AA"}),
        json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": vectors::P256_X, "y": vectors::P256_X}),
        json!({"kty": "RSA", "alg": "RS256", "kid": "k", "n": "", "e": "AQAB"}),
        json!({"kty": "RSA", "alg": "RS256", "kid": "k", "n": vectors::RSA_N, "e": "AQ"}),
        with(public("EdDSA"), "kid", json!(1)),
    ] {
        refused(&key, KeyFault::Malformed, true);
    }
}

#[test]
fn refuses_keys_that_cannot_be_told_apart() {
    refused(
        &with(public("EdDSA"), "kid", Value::Null),
        KeyFault::NoId,
        false,
    );
    let same = with(public("EdDSA"), "kid", json!("ES256"));
    let keys = [public("ES256"), same];
    for origin in [KeyOrigin::Secret, KeyOrigin::Url] {
        let whole = BadKeySet::Key {
            index: 1,
            fault: KeyFault::SameId,
        };
        assert_eq!(set(&keys, origin).unwrap_err(), whole);
    }
}

#[test]
fn refuses_texts_that_are_no_sets() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]"#] {
        assert_eq!(
            KeySet::from_jwks(text, KeyOrigin::Url).unwrap_err(),
            BadKeySet::Syntax
        );
    }
    let blank = format!("{}{{\"keys\":[]}}", " ".repeat(64 * 1024));
    assert_eq!(
        KeySet::from_jwks(&blank, KeyOrigin::Url).unwrap_err(),
        BadKeySet::TooLarge
    );
    assert_eq!(set(&[], KeyOrigin::Secret).unwrap_err(), BadKeySet::Empty);
    let unusable = with(public("EdDSA"), "use", json!("enc"));
    assert_eq!(
        set(&[unusable], KeyOrigin::Url).unwrap_err(),
        BadKeySet::Empty
    );
}

#[test]
fn refuses_too_many_keys() {
    let keys = |n: usize| -> Vec<_> {
        (0..n)
            .map(|i| with(public("EdDSA"), "kid", json!(i.to_string())))
            .collect()
    };
    assert!(set(&keys(MAX_KEYS), KeyOrigin::Url).is_ok());
    assert_eq!(
        set(&keys(MAX_KEYS + 1), KeyOrigin::Url).unwrap_err(),
        BadKeySet::TooMany
    );
}

#[test]
fn verifies_the_signature_of_rfc_8037() {
    let keys = set(&[public("EdDSA")], KeyOrigin::Url).unwrap();
    let Some(VerifyingKey::EdDsa(key)) = keys.find(None) else {
        panic!("no EdDSA key")
    };
    let (message, signature) = vectors::EDDSA_JWS.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signature = AlgorithmSignature::try_from_slice(&signature).unwrap();
    assert!(Ed25519.verify_signature(&signature, key, message.as_bytes()));
    assert!(!Ed25519.verify_signature(&signature, key, b"x"));
}

#[test]
fn debug_shows_ids_and_algorithms_alone() {
    let shown = format!(
        "{:?}",
        set(&ALGORITHMS.map(public), KeyOrigin::Secret).unwrap()
    );
    assert!(shown.contains("HS256") && shown.len() < 300, "{shown}");
}
