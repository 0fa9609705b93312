//! Whatever comes: no panic, and nothing verifies but what was signed.

use super::{ALGORITHMS, check, encoded, good, header, signed};
use crate::token::{KeyOrigin, KeySet};
use proptest::prelude::*;
use std::sync::LazyLock;

/// ECDSA signatures have a random part: signed once, so that a failure can be repeated.
static GOOD: LazyLock<[String; 4]> = LazyLock::new(|| ALGORITHMS.map(good));

/// A JSON object with times and names of many forms, sometimes malformed.
const CLAIMS: &str = r#"\{("(exp|nbf|iat|sub|aud)":(-?[0-9]{1,20}|""|null|\[\]),?){0,5}\}"#;

proptest! {
    #[test]
    fn arbitrary_text_never_verifies(text in ".{0,200}") {
        prop_assert!(check(&text).is_err());
    }

    #[test]
    fn arbitrary_parts_never_verify(header in ".{0,60}", claims in ".{0,60}", rest in ".{0,60}") {
        let token = [&header, &claims, &rest].map(encoded).join(".");
        prop_assert!(check(&token).is_err());
    }

    #[test]
    fn arbitrary_signed_claims_never_panic(claims in CLAIMS) {
        let _ = check(&signed("HS256", &header("HS256").to_string(), &claims));
    }

    #[test]
    fn a_changed_token_never_verifies(
        alg in 0..4_usize,
        place: prop::sample::Index,
        with in "[A-Za-z0-9_.=+-]",
    ) {
        let token = &GOOD[alg];
        let at = place.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &with);
        prop_assume!(changed != *token);
        prop_assert!(check(&changed).is_err(), "{at} {with}");
    }

    #[test]
    fn arbitrary_key_sets_never_panic(
        text in "\\PC{0,200}",
        kty in "(oct|EC|OKP|RSA)",
        value in "[A-Za-z0-9_-]{0,50}",
    ) {
        let _ = KeySet::from_jwks(&text, KeyOrigin::Url);
        let jwk = format!(r#"{{"keys":[{{"kty":"{kty}","alg":"RS256","crv":"P-256","k":"{value}",
            "n":"{value}","e":"{value}","x":"{value}","y":"{value}"}}]}}"#);
        let _ = KeySet::from_jwks(&jwk, KeyOrigin::Secret);
    }
}
