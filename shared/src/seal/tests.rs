use super::{
    CONTENT_DIGEST, CONTENT_STREAM, Content, Headers, INSTANCE, Keys, Message, PromisedBody,
    SIGNATURE, SIGNATURE_INPUT, SealError, Sealed, Target, digest, sign, sign_push, verify,
    verify_push,
};
use crate::{identity, time::UnixSeconds};
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);
const INSTANCE_ID: &str = "0123abcd";
const IDENTITY: &str = r#"rid="07070707070707070707070707070707", ip="192.0.2.1", host="h""#;

/// A request on its way, open to tampering.
#[derive(Debug, Clone)]
struct Wire {
    method: String,
    authority: String,
    path: String,
    query: String,
    headers: BTreeMap<&'static str, String>,
}

impl Headers for Wire {
    fn one(&self, name: &'static str) -> Result<Option<&str>, SealError> {
        Ok(self.headers.get(name).map(String::as_str))
    }
}

fn key(letter: &str) -> String {
    // The last digit of 43 carries four padding bits, which must be zero.
    letter.repeat(42) + "A"
}

fn keys(text: &str) -> Keys {
    Keys::parse(text).unwrap()
}

fn our_keys() -> Keys {
    keys(&format!("k1:{}", key("A")))
}

fn message(content: Content<'_>) -> Message<'_> {
    Message {
        method: "POST",
        authority: "127.0.0.1:9080",
        path: "/auth/v1/token",
        query: "grant_type=password",
        identity: IDENTITY,
        instance: INSTANCE_ID,
        content,
    }
}

fn digest_of(body: &[u8]) -> Content<'static> {
    Content::Digest {
        digest: digest::sha256(body).into(),
        content_type: Some("application/json"),
    }
}

fn wire(message: &Message<'_>, keys: &Keys, now: UnixSeconds) -> Wire {
    let seal = sign(message, keys, now, [9; 16]);
    let mut headers = BTreeMap::from([
        (SIGNATURE_INPUT, seal.signature_input),
        (SIGNATURE, seal.signature),
        (INSTANCE, format!("\"{}\"", message.instance)),
        (identity::HEADER, message.identity.to_owned()),
    ]);
    let content_type = match &message.content {
        Content::Empty => None,
        Content::Digest {
            digest,
            content_type,
        } => {
            headers.insert(CONTENT_DIGEST, digest.to_string());
            *content_type
        }
        Content::Stream {
            max_bytes,
            content_type,
        } => {
            headers.insert(CONTENT_STREAM, max_bytes.to_string());
            *content_type
        }
    };
    if let Some(content_type) = content_type {
        headers.insert("content-type", content_type.to_owned());
    }
    Wire {
        method: message.method.into(),
        authority: message.authority.into(),
        path: message.path.into(),
        query: message.query.into(),
        headers,
    }
}

fn check(wire: &Wire, keys: &Keys, now: UnixSeconds) -> Result<Sealed, SealError> {
    let target = Target {
        method: &wire.method,
        authority: &wire.authority,
        path: &wire.path,
        query: &wire.query,
    };
    verify(&target, wire, keys, INSTANCE_ID, now)
}

#[test]
fn a_push_and_a_request_do_not_pass_for_each_other() {
    let (message, keys) = (message(digest_of(b"{}")), our_keys());
    let request = wire(&message, &keys, NOW);
    let seal = sign_push(&message, &keys, NOW, [9; 16]);
    let mut push = request.clone();
    push.headers.insert(SIGNATURE_INPUT, seal.signature_input);
    push.headers.insert(SIGNATURE, seal.signature);
    let target = Target {
        method: &push.method,
        authority: &push.authority,
        path: &push.path,
        query: &push.query,
    };
    let sealed = verify_push(&target, &push, &keys, NOW).unwrap();
    assert_eq!(sealed.nonce, [9; 16]);
    let malformed = SealError::Malformed(SIGNATURE_INPUT);
    assert_eq!(check(&push, &keys, NOW), Err(malformed));
    assert_eq!(verify_push(&target, &request, &keys, NOW), Err(malformed));
    let input = request.headers[SIGNATURE_INPUT].replace("\"gapura\"", "\"gapura-push\"");
    push.headers.insert(SIGNATURE_INPUT, input);
    push.headers
        .insert(SIGNATURE, request.headers[SIGNATURE].clone());
    let relabelled = verify_push(&target, &push, &keys, NOW);
    assert_eq!(relabelled, Err(SealError::Signature));
}

fn sealed() -> Wire {
    wire(&message(digest_of(b"{}")), &our_keys(), NOW)
}

fn refused(change: impl FnOnce(&mut Wire)) -> SealError {
    let mut wire = sealed();
    change(&mut wire);
    check(&wire, &our_keys(), NOW).unwrap_err()
}

type Alteration = Box<dyn FnOnce(&mut Wire)>;

#[test]
fn refuses_any_alteration_of_what_is_covered() {
    let set = |name: &'static str, value: &str| {
        let value = value.to_owned();
        move |w: &mut Wire| drop(w.headers.insert(name, value))
    };
    let alterations: Vec<Alteration> = vec![
        Box::new(|w| w.method = "PUT".into()),
        Box::new(|w| w.authority = "evil:9080".into()),
        Box::new(|w| w.path = "/auth/v1/user".into()),
        Box::new(|w| w.query = "grant_type=refresh_token".into()),
        Box::new(|w| w.query = String::new()),
        Box::new(set(CONTENT_DIGEST, &digest::sha256(b"[]"))),
        Box::new(set("content-type", "text/plain")),
        Box::new(set(INSTANCE, "\"ffff\"")),
        Box::new(set(
            identity::HEADER,
            &format!("{IDENTITY}, role=\"admin\""),
        )),
    ];
    for (index, alteration) in alterations.into_iter().enumerate() {
        assert_eq!(
            refused(alteration),
            SealError::Signature,
            "alteration {index}"
        );
    }
}

#[test]
fn refuses_a_seal_with_a_part_missing() {
    for name in [SIGNATURE_INPUT, SIGNATURE, INSTANCE, identity::HEADER] {
        assert_eq!(
            refused(|w| drop(w.headers.remove(name))),
            SealError::Header(name)
        );
    }
    for name in [CONTENT_DIGEST, "content-type"] {
        assert_eq!(
            refused(|w| drop(w.headers.remove(name))),
            SealError::Components
        );
    }
}

#[test]
fn refuses_a_seal_that_covers_less() {
    for component in [
        "@method",
        "@authority",
        "@path",
        "@query",
        "gapura-identity",
        "content-digest",
    ] {
        let fault = refused(|w| {
            let input = w.headers.get_mut(SIGNATURE_INPUT).unwrap();
            let shorter = input
                .replacen(&format!("\"{component}\""), "", 1)
                .replace("( ", "(")
                .replace("  ", " ")
                .replace(" )", ")");
            assert_ne!(*input, shorter);
            *input = shorter;
        });
        assert_eq!(fault, SealError::Components, "{component}");
    }
}

#[test]
fn refuses_other_forms_of_the_signature_input() {
    for (from, to) in [
        ("gapura=(", "other=("),
        ("hmac-sha256", "rsa-v1_5-sha256"),
        ("tag=\"gapura\"", "tag=\"other\""),
        (";tag=\"gapura\"", ""),
        (";expires=1700000030", ""),
        ("created=1700000000", "created=\"1700000000\""),
        ("created=1700000000", "created=-5"),
        ("\"@path\"", "\"@path\";req"),
        (";created", ";extra=1;created"),
        ("gapura=(", "x=1, gapura=("),
        ("gapura=(", "gapura=((("),
    ] {
        let fault = refused(|w| {
            let input = w.headers.get_mut(SIGNATURE_INPUT).unwrap();
            let other = input.replacen(from, to, 1);
            assert_ne!(*input, other, "{from}");
            *input = other;
        });
        assert_eq!(
            fault,
            SealError::Malformed(SIGNATURE_INPUT),
            "{from} -> {to}"
        );
    }
}

#[test]
fn refuses_an_unknown_key_and_the_wrong_secret() {
    let stranger = wire(
        &message(Content::Empty),
        &keys(&format!("k9:{}", key("A"))),
        NOW,
    );
    assert_eq!(
        check(&stranger, &our_keys(), NOW),
        Err(SealError::UnknownKey)
    );
    let forger = wire(
        &message(Content::Empty),
        &keys(&format!("k1:{}", key("B"))),
        NOW,
    );
    assert_eq!(check(&forger, &our_keys(), NOW), Err(SealError::Signature));
}

#[test]
fn refuses_outside_the_clock_window() {
    let made_at = |seconds| {
        let wire = wire(&message(Content::Empty), &our_keys(), UnixSeconds(seconds));
        check(&wire, &our_keys(), NOW).map(|_| ())
    };
    assert_eq!(made_at(NOW.0 + 31), Err(SealError::Clock));
    assert_eq!(made_at(NOW.0 + 30), Ok(()));
    assert_eq!(
        made_at(NOW.0 - 60),
        Ok(()),
        "expired 30 s ago, within the skew"
    );
    assert_eq!(made_at(NOW.0 - 61), Err(SealError::Clock));
}

#[test]
fn an_instance_is_named_as_the_reason_only_to_a_holder_of_the_key() {
    let elsewhere = Message {
        instance: "",
        ..message(Content::Empty)
    };
    let known = wire(&elsewhere, &our_keys(), NOW);
    assert_eq!(check(&known, &our_keys(), NOW), Err(SealError::Instance));
    let forged = wire(&elsewhere, &keys(&format!("k1:{}", key("B"))), NOW);
    assert_eq!(check(&forged, &our_keys(), NOW), Err(SealError::Signature));
}

#[test]
fn both_live_keys_verify_and_the_first_signs() {
    let both = keys(&format!("k2:{},k1:{}", key("B"), key("A")));
    assert!(check(&sealed(), &both, NOW).is_ok());
    let newer = wire(&message(Content::Empty), &both, NOW);
    assert!(newer.headers[SIGNATURE_INPUT].contains("keyid=\"k2\""));
    assert_eq!(check(&newer, &our_keys(), NOW), Err(SealError::UnknownKey));
}

#[test]
fn proves_identity_nonce_and_body() {
    let proven = check(&sealed(), &our_keys(), NOW).unwrap();
    assert_eq!(proven.identity.host, "h");
    assert_eq!(proven.nonce, [9; 16]);
    assert_eq!(proven.expires, UnixSeconds(NOW.0 + 60));
    let PromisedBody::Sha256(digest) = proven.body else {
        panic!("{:?}", proven.body)
    };
    assert_eq!(digest::parse_sha256(&digest::sha256(b"{}")), Some(digest));

    let stream = Content::Stream {
        max_bytes: "1000".into(),
        content_type: None,
    };
    let streamed = wire(&message(stream), &our_keys(), NOW);
    assert_eq!(
        check(&streamed, &our_keys(), NOW).unwrap().body,
        PromisedBody::Stream { max_bytes: 1000 }
    );

    let empty = wire(&message(Content::Empty), &our_keys(), NOW);
    assert_eq!(
        check(&empty, &our_keys(), NOW).unwrap().body,
        PromisedBody::Empty
    );
}

/// The wire format both halves rely on during a rolling deployment; the
/// signature was computed by another implementation (Python's `hmac`).
#[test]
fn wire_format_unchanged() {
    let wire = sealed();
    assert_eq!(
        wire.headers[SIGNATURE_INPUT],
        "gapura=(\"@method\" \"@authority\" \"@path\" \"@query\" \"gapura-identity\" \"gapura-instance\" \"content-digest\" \"content-type\");created=1700000000;expires=1700000030;nonce=\"CQkJCQkJCQkJCQkJCQkJCQ\";alg=\"hmac-sha256\";keyid=\"k1\";tag=\"gapura\""
    );
    assert_eq!(
        wire.headers[SIGNATURE],
        "gapura=:92GV7/DPIwxtGuQu87SoQHNLMnBvIulGyn3jnQSwEcA=:"
    );
}

proptest! {
    #[test]
    fn any_text_in_the_seal_headers_is_refused_without_a_panic(input in ".*", tag in ".*") {
        let mut wire = sealed();
        wire.headers.insert(SIGNATURE_INPUT, input);
        wire.headers.insert(SIGNATURE, tag);
        prop_assert!(check(&wire, &our_keys(), NOW).is_err());
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let sealed = sealed();
    let places = sealed
        .headers
        .iter()
        .flat_map(|(&name, value)| (0..value.len() * 7).map(move |bit| (name, bit / 7, bit % 7)));
    for (name, at, bit) in places {
        let mut wire = sealed.clone();
        let mut bytes = sealed.headers[name].clone().into_bytes();
        bytes[at] ^= 1 << bit;
        wire.headers.insert(name, String::from_utf8(bytes).unwrap());
        assert!(
            check(&wire, &our_keys(), NOW).is_err(),
            "bit {bit} of byte {at} of {name}"
        );
    }
}
