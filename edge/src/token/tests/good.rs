//! What passes, and what it says then.

use super::{
    ALGORITHMS, NOW, check, good, keys, public, set, settings, vectors, with_claims, with_header,
};
use crate::token::{KeyOrigin, KeySet, Settings, TokenError, verify};
use gapura_shared::{claims::Assurance, identity::Principal, time::UnixSeconds};
use serde_json::{Value, json};

#[test]
fn verifies_all_four_algorithms() {
    for alg in ALGORITHMS {
        let verified = check(&good(alg)).unwrap();
        let text = |text: &str| Some(text.to_owned());
        let principal = Principal {
            subject: text("u-1"),
            role: "admin".into(),
            tenant: text("t-1"),
            session: text("s-1"),
            token_id: text("j-1"),
            assurance: Assurance::Aal2,
        };
        assert_eq!(verified.principal, principal);
        assert_eq!(verified.expires, UnixSeconds(NOW.0 + 900));
    }
}

#[test]
fn accepts_access_token_types_in_any_case() {
    for typ in [
        "JWT",
        "jwt",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/JWT",
    ] {
        assert!(check(&with_header(json!({"typ": typ}))).is_ok(), "{typ}");
    }
    assert!(check(&with_header(json!({"typ": null}))).is_ok());
    assert!(check(&with_claims(json!({"token_type": null}))).is_ok());
}

#[test]
fn ignores_header_parameters_that_it_need_not_understand() {
    assert!(check(&with_header(json!({"ver": "1", "x": [1]}))).is_ok());
}

#[test]
fn finds_its_audience_in_a_list() {
    assert!(check(&with_claims(json!({"aud": ["other", "app"]}))).is_ok());
}

#[test]
fn checks_issuer_and_audience_only_if_the_policy_names_them() {
    let token = with_claims(json!({"iss": null, "aud": null}));
    assert!(verify(&token, &keys(), &Settings::default(), NOW).is_ok());
}

#[test]
fn reads_the_claims_that_the_policy_names() {
    let mut settings = settings();
    settings.claims.subject = vec!["uid".into(), "sub".into()];
    settings.claims.role = "grp".into();
    settings.claims.tenant = "org".into();
    settings.claims.session = "sid".into();
    settings.claims.token_id = "tid".into();
    let token = with_claims(json!({"uid": 42, "grp": "g", "org": "o", "sid": "s", "tid": "t"}));
    let principal = verify(&token, &keys(), &settings, NOW).unwrap().principal;
    assert_eq!(
        principal.subject.as_deref(),
        Some("42"),
        "whole numbers are ids"
    );
    assert_eq!(principal.role, "g");
    assert_eq!(principal.tenant.as_deref(), Some("o"));
    assert_eq!(principal.session.as_deref(), Some("s"));
    assert_eq!(principal.token_id.as_deref(), Some("t"));
    let token = with_claims(json!({"grp": "g"}));
    let principal = verify(&token, &keys(), &settings, NOW).unwrap().principal;
    assert_eq!(
        principal.subject.as_deref(),
        Some("u-1"),
        "the next name counts"
    );
}

#[test]
fn the_first_subject_claim_wins() {
    let subject = |change| check(&with_claims(change)).unwrap().principal.subject;
    assert_eq!(subject(json!({"user_id": "u-2"})).as_deref(), Some("u-1"));
    assert_eq!(
        subject(json!({"sub": null, "user_id": "u-2"})).as_deref(),
        Some("u-2")
    );
    assert_eq!(subject(json!({"sub": null})), None);
}

#[test]
fn without_a_role_an_account_is_a_user_and_nobody_is_anon() {
    let role = |change| check(&with_claims(change)).unwrap().principal.role;
    assert_eq!(role(json!({"role": null})), "user");
    assert_eq!(role(json!({"role": null, "sub": null})), "anon");
    assert_eq!(role(json!({"role": "editor", "sub": null})), "editor");
}

#[test]
fn a_token_without_kid_means_the_only_key() {
    let token = with_header(json!({"kid": null}));
    let only = set(&[public("HS256")], KeyOrigin::Secret).unwrap();
    assert!(verify(&token, &only, &settings(), NOW).is_ok());
    let mut nameless = public("HS256");
    nameless.as_object_mut().unwrap().remove("kid");
    let nameless = set(&[nameless], KeyOrigin::Secret).unwrap();
    assert!(verify(&token, &nameless, &settings(), NOW).is_ok());
    assert_eq!(
        verify(&good("HS256"), &nameless, &settings(), NOW),
        Err(TokenError::UnknownKey)
    );
}

fn rfc(key: Value, token: &str, now: u64) -> Result<Option<String>, TokenError> {
    let keys = set(&[key], KeyOrigin::Secret).unwrap();
    let settings = Settings {
        issuer: Some("joe".into()),
        ..Settings::default()
    };
    let verified = verify(token, &keys, &settings, UnixSeconds(now))?;
    Ok(verified.principal.subject)
}

#[test]
fn verifies_the_tokens_of_rfc_7515() {
    const EXP: u64 = 1_300_819_380;
    for (alg, token) in [
        ("HS256", vectors::HS256_TOKEN),
        ("RS256", vectors::RS256_TOKEN),
        ("ES256", vectors::ES256_TOKEN),
    ] {
        assert_eq!(rfc(public(alg), token, EXP), Ok(None), "{alg}");
        assert_eq!(
            rfc(public(alg), token, EXP + 30),
            Err(TokenError::Expired),
            "{alg}"
        );
        let other = public(if alg == "HS256" { "ES256" } else { "HS256" });
        assert_eq!(rfc(other, token, EXP), Err(TokenError::Algorithm), "{alg}");
    }
}

#[test]
fn merged_keys_serve_both_and_configured_ones_win() {
    let secret = set(&[public("HS256")], KeyOrigin::Secret).unwrap();
    let mut usurper = public("EdDSA");
    usurper["kid"] = json!("HS256");
    let url = set(&[public("ES256"), usurper], KeyOrigin::Url).unwrap();
    let both = secret.merged(&url);
    for alg in ["HS256", "ES256"] {
        assert!(verify(&good(alg), &both, &settings(), NOW).is_ok(), "{alg}");
    }
    assert!(
        verify(
            &good("HS256"),
            &KeySet::default().merged(&secret),
            &settings(),
            NOW
        )
        .is_ok()
    );
}
