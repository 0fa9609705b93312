//! Every refusal, by a token that is right but for the one thing.

use super::{
    ALGORITHMS, NOW, changed, check, claims, encoded, good, header, keys, private, settings, sign,
    signed, vectors, with_claims, with_header,
};
use crate::token::{Settings, TokenError, verify};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::time::UnixSeconds;
use jwt_compact::alg::{Hs256, Hs256Key};
use serde_json::json;

fn refused(token: &str) -> TokenError {
    check(token).unwrap_err()
}

#[test]
fn refuses_algorithm_none() {
    for alg in ["none", "None", "NONE", ""] {
        let header = changed(header("HS256"), json!({"alg": alg})).to_string();
        let unsigned = format!("{}.{}.", encoded(header), encoded(claims().to_string()));
        assert_eq!(refused(&unsigned), TokenError::Algorithm);
        // With a signature that would do, too.
        assert_eq!(
            refused(&with_header(json!({"alg": alg}))),
            TokenError::Algorithm
        );
    }
}

#[test]
fn refuses_an_hmac_keyed_with_a_public_key() {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let point = [vec![4], bytes(vectors::P256_X), bytes(vectors::P256_Y)].concat();
    for (kid, key) in [
        ("RS256", bytes(vectors::RSA_N)),
        ("ES256", point),
        ("EdDSA", bytes(vectors::ED25519_X)),
    ] {
        for alg in ["HS256", kid] {
            let header = changed(header(kid), json!({"alg": alg})).to_string();
            let message = format!("{}.{}", encoded(header), encoded(claims().to_string()));
            let signature = sign(&Hs256, &Hs256Key::new(&key), &message);
            let fault = refused(&format!("{message}.{signature}"));
            let expected = if alg == "HS256" {
                TokenError::Algorithm
            } else {
                TokenError::Signature
            };
            assert_eq!(fault, expected, "{kid} {alg}");
        }
    }
}

#[test]
fn refuses_any_other_algorithm_than_the_keys_own() {
    for key in ALGORITHMS {
        for alg in ALGORITHMS.into_iter().filter(|alg| *alg != key) {
            // Signed by the very key, as its own algorithm does.
            let header = changed(header(key), json!({"alg": alg})).to_string();
            let token = signed(key, &header, &claims().to_string());
            assert_eq!(refused(&token), TokenError::Algorithm, "{key} {alg}");
        }
    }
    for alg in ["HS384", "hs256", "PS256", "RS512", "ES384", "Ed25519"] {
        assert_eq!(
            refused(&with_header(json!({"alg": alg}))),
            TokenError::Algorithm,
            "{alg}"
        );
    }
}

#[test]
fn an_unknown_algorithm_is_no_reason_to_fetch_keys() {
    let token = with_header(json!({"alg": "none", "kid": "unknown"}));
    assert_eq!(refused(&token), TokenError::Algorithm);
}

#[test]
fn refuses_unknown_keys() {
    for kid in ["unknown", "", "hs256", "../HS256"] {
        assert_eq!(
            refused(&with_header(json!({"kid": kid}))),
            TokenError::UnknownKey
        );
    }
    assert_eq!(
        refused(&with_header(json!({"kid": null}))),
        TokenError::UnknownKey
    );
}

#[test]
fn refuses_a_forged_signature() {
    for alg in ALGORITHMS {
        let token = good(alg);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let forged = format!("{message}.{}", encoded(&bytes));
        assert_eq!(refused(&forged), TokenError::Signature, "{alg}");
        let short = format!("{message}.{}", encoded(&bytes[1..]));
        assert_eq!(refused(&short), TokenError::Signature, "{alg}");
        assert_eq!(
            refused(&format!("{message}.")),
            TokenError::Signature,
            "{alg}"
        );
    }
}

#[test]
fn refuses_claims_that_were_not_signed() {
    let token = good("ES256");
    let parts: Vec<_> = token.split('.').collect();
    let other = encoded(changed(claims(), json!({"sub": "u-2"})).to_string());
    let forged = format!("{}.{other}.{}", parts[0], parts[2]);
    assert_eq!(refused(&forged), TokenError::Signature);
}

#[test]
fn refuses_an_all_zero_ecdsa_signature() {
    let token = good("ES256");
    let (message, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", encoded([0; 64]));
    assert_eq!(refused(&forged), TokenError::Signature);
}

#[test]
fn refuses_an_embedded_key() {
    let token = with_header(json!({"jwk": private("HS256")}));
    assert_eq!(refused(&token), TokenError::Header("jwk"));
}

#[test]
fn refuses_a_key_set_url() {
    let token = with_header(json!({"jku": "https://evil.example/keys"}));
    assert_eq!(refused(&token), TokenError::Header("jku"));
}

#[test]
fn refuses_a_certificate_url() {
    let token = with_header(json!({"x5u": "https://evil.example/cert"}));
    assert_eq!(refused(&token), TokenError::Header("x5u"));
}

#[test]
fn refuses_embedded_certificates() {
    assert_eq!(
        refused(&with_header(json!({"x5c": ["MII="]}))),
        TokenError::Header("x5c")
    );
}

#[test]
fn refuses_critical_extensions() {
    for crit in [json!(["b64"]), json!([]), json!("exp")] {
        let token = with_header(json!({"crit": crit, "b64": true}));
        assert_eq!(refused(&token), TokenError::Header("crit"));
    }
}

#[test]
fn refuses_nested_content() {
    assert_eq!(
        refused(&with_header(json!({"cty": "JWT"}))),
        TokenError::Header("cty")
    );
}

#[test]
fn refuses_other_types_in_the_header() {
    for typ in [
        "refresh+jwt",
        "rt+jwt",
        "id+jwt",
        "dpop+jwt",
        "logout+jwt",
        "at+jwt2",
        "",
    ] {
        assert_eq!(
            refused(&with_header(json!({"typ": typ}))),
            TokenError::Type,
            "{typ}"
        );
    }
}

#[test]
fn refuses_a_refresh_token_as_access_token() {
    for value in [
        json!("refresh"),
        json!("Access"),
        json!(["access"]),
        json!(1),
    ] {
        assert_eq!(
            refused(&with_claims(json!({"token_type": value}))),
            TokenError::Type
        );
    }
}

#[test]
fn refuses_a_refresh_token_by_the_claim_that_the_policy_names() {
    let mut settings = settings();
    settings.claims.token_type = "use".into();
    let ask = |token: &str| verify(token, &keys(), &settings, NOW);
    assert_eq!(
        ask(&with_claims(json!({"use": "refresh"}))),
        Err(TokenError::Type)
    );
    assert!(
        ask(&with_claims(
            json!({"use": "access", "token_type": "refresh"})
        ))
        .is_ok()
    );
}

#[test]
fn refuses_a_token_without_expiry() {
    assert_eq!(
        refused(&with_claims(json!({"exp": null}))),
        TokenError::Claim("exp")
    );
}

#[test]
fn refuses_times_that_are_no_numbers() {
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!("1700000900"),
            json!(true),
            json!([NOW.0 + 900]),
            json!(1e300),
        ] {
            assert_eq!(
                refused(&with_claims(json!({name: value}))),
                TokenError::Malformed
            );
        }
    }
    let text = claims()
        .to_string()
        .replace(&(NOW.0 + 900).to_string(), "null");
    let token = signed("HS256", &header("HS256").to_string(), &text);
    assert_eq!(
        refused(&token),
        TokenError::Malformed,
        "a null is not a missing `exp`"
    );
}

#[test]
fn refuses_an_expired_token_at_the_end_of_leeway() {
    assert!(check(&with_claims(json!({"exp": NOW.0 - 29}))).is_ok());
    for exp in [json!(NOW.0 - 30), json!(NOW.0 - 31), json!(0), json!(-1)] {
        assert_eq!(
            refused(&with_claims(json!({"exp": exp}))),
            TokenError::Expired
        );
    }
}

#[test]
fn refuses_a_token_before_its_time() {
    for name in ["nbf", "iat"] {
        assert!(check(&with_claims(json!({name: NOW.0 + 30}))).is_ok());
        let early = with_claims(json!({name: NOW.0 + 31}));
        assert_eq!(refused(&early), TokenError::NotYetValid, "{name}");
    }
}

#[test]
fn extreme_times_do_not_overflow() {
    // The first and the last second that chrono knows.
    let (first, last) = (-8_334_601_228_800_i64, 8_210_266_876_799_i64);
    assert!(
        check(&with_claims(
            json!({"nbf": first, "iat": first, "exp": last})
        ))
        .is_ok()
    );
    assert_eq!(
        refused(&with_claims(json!({"exp": first}))),
        TokenError::Expired
    );
    assert_eq!(
        refused(&with_claims(json!({"nbf": last}))),
        TokenError::NotYetValid
    );
    for now in [0, u64::MAX] {
        assert!(verify(&good("HS256"), &keys(), &settings(), UnixSeconds(now)).is_err());
    }
}

#[test]
fn leeway_is_at_most_two_minutes() {
    let wide = Settings {
        leeway_s: u64::MAX,
        ..settings()
    };
    let ask = |exp: u64| verify(&with_claims(json!({"exp": exp})), &keys(), &wide, NOW);
    assert!(ask(NOW.0 - 119).is_ok());
    assert_eq!(ask(NOW.0 - 120), Err(TokenError::Expired));
    let none = Settings {
        leeway_s: 0,
        ..settings()
    };
    let ask = |exp: u64| verify(&with_claims(json!({"exp": exp})), &keys(), &none, NOW);
    assert_eq!(ask(NOW.0), Err(TokenError::Expired));
    assert!(ask(NOW.0 + 1).is_ok());
}

#[test]
fn refuses_other_issuers() {
    for iss in [
        json!("https://evil.example"),
        json!("https://id.example/"),
        json!(1),
        json!(null),
    ] {
        assert_eq!(
            refused(&with_claims(json!({"iss": iss}))),
            TokenError::Issuer
        );
    }
    assert_eq!(
        refused(&with_claims(json!({"iss": ["https://id.example"]}))),
        TokenError::Issuer
    );
}

#[test]
fn refuses_other_audiences() {
    for aud in [
        json!("other"),
        json!(["other", "apps"]),
        json!([]),
        json!({"app": 1}),
        json!(null),
    ] {
        assert_eq!(
            refused(&with_claims(json!({"aud": aud}))),
            TokenError::Audience
        );
    }
}

#[test]
fn refuses_identity_values_that_are_too_long_or_empty() {
    for (claim, label) in [
        ("sub", "subject"),
        ("role", "role"),
        ("tenant_id", "tenant"),
        ("session_id", "session"),
        ("jti", "token_id"),
        ("aal", "aal"),
    ] {
        assert!(check(&with_claims(json!({claim: "x".repeat(256)}))).is_ok());
        for value in ["x".repeat(257), "ä".repeat(129), String::new()] {
            let token = with_claims(json!({claim: value}));
            assert_eq!(refused(&token), TokenError::Claim(label), "{claim}");
        }
    }
}

#[test]
fn refuses_identity_values_of_other_types() {
    for value in [json!(["admin"]), json!({"a": 1}), json!(true), json!(1.5)] {
        for (claim, label) in [
            ("role", "role"),
            ("sub", "subject"),
            ("tenant_id", "tenant"),
        ] {
            let token = with_claims(json!({claim: value}));
            assert_eq!(refused(&token), TokenError::Claim(label));
        }
    }
}

#[test]
fn an_unusable_subject_does_not_give_way_to_the_next() {
    let token = with_claims(json!({"sub": "", "user_id": "u-2"}));
    assert_eq!(refused(&token), TokenError::Claim("subject"));
}

#[test]
fn refuses_an_oversized_token_unread() {
    let padding = |length: usize| with_claims(json!({"pad": "x".repeat(length)}));
    // The third of base64 shifts with the length: find the longest that fits.
    let fits = (5500..6000)
        .rev()
        .map(padding)
        .find(|token| token.len() <= 8192)
        .unwrap();
    assert!(fits.len() > 8188 && check(&fits).is_ok());
    let over = (5500..6000)
        .map(padding)
        .find(|token| token.len() > 8192)
        .unwrap();
    let length = over.len();
    assert_eq!(
        refused(&over),
        TokenError::TooLarge {
            limit: 8192,
            length
        }
    );
    let small = Settings {
        max_bytes: 100,
        ..settings()
    };
    let fault = verify(&good("HS256"), &keys(), &small, NOW).unwrap_err();
    assert!(matches!(fault, TokenError::TooLarge { limit: 100, .. }));
}

#[test]
fn refuses_malformed_tokens() {
    let token = good("HS256");
    for malformed in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        format!("{token}."),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        token.replacen('.', "..", 1),
        token.rsplit_once('.').unwrap().0.into(),
        token.replacen('e', "+", 1),
        "\u{e9}.\u{1f600}.".into(),
    ] {
        assert_eq!(refused(&malformed), TokenError::Malformed, "{malformed}");
    }
}

#[test]
fn refuses_headers_and_claims_that_are_no_json_objects() {
    let right = (header("HS256").to_string(), claims().to_string());
    for wrong in [
        "",
        "null",
        "[]",
        "1",
        "\"x\"",
        "{",
        "{}x",
        "{\"a\":}",
        "\u{feff}{}",
    ] {
        let token = signed("HS256", wrong, &right.1);
        assert_eq!(refused(&token), TokenError::Malformed, "{wrong}");
        let token = signed("HS256", &right.0, wrong);
        assert_eq!(refused(&token), TokenError::Malformed, "{wrong}");
    }
    let header = changed(header("HS256"), json!({"alg": null})).to_string();
    assert_eq!(
        refused(&signed("HS256", &header, &right.1)),
        TokenError::Malformed
    );
}

#[test]
fn refuses_a_name_that_appears_twice() {
    let twice = |json: String, extra: &str| json.replacen('{', &format!("{{{extra},"), 1);
    for extra in [
        r#""kid":"x""#,
        r#""alg":"none""#,
        r#""typ":"JWT""#,
        r#""a":1,"a":1"#,
    ] {
        let header = twice(header("HS256").to_string(), extra);
        let token = signed("HS256", &header, &claims().to_string());
        assert_eq!(refused(&token), TokenError::Malformed, "{extra}");
    }
    for extra in [
        r#""role":"user""#,
        r#""exp":1"#,
        r#""sub":"u-2""#,
        r#""\u0073ub":"u-2""#,
    ] {
        let claims = twice(claims().to_string(), extra);
        let token = signed("HS256", &header("HS256").to_string(), &claims);
        assert_eq!(refused(&token), TokenError::Malformed, "{extra}");
    }
}

#[test]
fn refuses_deep_nesting_without_a_stack_overflow() {
    let deep = format!("{}{}", "[".repeat(2500), "]".repeat(2500));
    let claims = claims()
        .to_string()
        .replacen('{', &format!("{{\"a\":{deep},"), 1);
    let token = signed("HS256", &header("HS256").to_string(), &claims);
    assert_eq!(refused(&token), TokenError::Malformed);
}
