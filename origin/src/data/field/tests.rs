//! Refusals first; then formats that must stay readable.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use gapura_shared::keys::Keys;
use proptest::prelude::*;

const TEXT: &str = "+62 812-3456-7890";
const PLACE: Place<'_> = Place {
    table: "notes",
    column: "phone",
    row: "row-1",
};
const IV: [u8; IV_BYTES] = *b"defghijklmno";

/// Made with `cryptography` 48 (Python), KEK bytes 0 to 31, tenant `tenant-1`:
/// `PBKDF2HMAC(SHA256(), 32, b"tenant-1", 100000)`, then `AESGCM(key).encrypt(IV, TEXT, None)`.
const VERSION_ONE: &str =
    "ENC[1:ZGVmZ2hpamtsbW5v:5DJ7XMvRTrwVGpCqntr+f64=:KX9salqMQV7W6dAuqycZmA==]";
/// Likewise, `HKDF(SHA256(), 32, None, info)` and `AESGCM(key).encrypt(IV, TEXT, aad)`, where each part of
/// `info` (`gapura field encryption v2`, tenant) and `aad` (`2`, table, column, row) stands behind its length in
/// eight bytes.
const VERSION_TWO: &str =
    "ENC[2:ZGVmZ2hpamtsbW5v:tn5YWLGdQkmnxrBa7ndYOVs=:hz/2RiGoekbgfuAgtkfk6A==]";
/// Likewise, HMAC-SHA256 of `café` in NFC, info `gapura blind index v1`, tenant, table, column.
const BLIND_INDEX: &str = "GY9J4Oz-12m0cxE29SicPg";
/// Likewise, info `gapura field key check v1`.
const KEY_CHECK: &str = "aQRId3Jf7SbR5bAW1c06Um2OX5aUPfBg5bT0npxtjvs";
/// Bytes 32 to 63.
const APP_KEY: &str = "base64:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
/// Made with OpenSSL 3.0 in Laravel's form: `openssl enc -aes-256-cbc -K … -iv 00…0f`, both in base64, then
/// `openssl dgst -sha256 -mac HMAC` of one behind the other.
const LARAVEL: &str = "eyJpdiI6IkFBRUNBd1FGQmdjSUNRb0xEQTBPRHc9PSIsInZhbHVlIjoibVJNK2dRbDRqWEhWNHgvRkNFYUh4aXdNT2FBMHkrZVpkTHEvcmloZ2N0RT0iLCJtYWMiOiI1YmVlNjA0OTVhZmM2ZDM5ZWI4MmIyNTNmOThlOWE0MmE1ZGNjMWU0ZDc2ZGFhMjExOTQ1ZTAzMDlhZWI1ZDg3IiwidGFnIjoiIn0=";

/// `AAEC…`: bytes 0 to 31.
const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const OTHER: &str = "k2:AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn fields(keys: &str) -> Fields {
    Fields::new(Keys::parse(keys).unwrap(), None)
}

fn open(
    fields: &Fields,
    tenant: &str,
    place: &Place<'_>,
    stored: &str,
) -> Result<Opened, FieldError> {
    fields.tenant(tenant).open(place, stored)
}

fn opened(text: &str, needs_rewrite: bool) -> Opened {
    Opened {
        text: text.into(),
        needs_rewrite,
    }
}

#[test]
fn opens_in_its_place_alone() {
    let keys = fields(KEY);
    let sealed = keys.tenant("tenant-1").seal(&PLACE, TEXT, IV).unwrap();
    assert_eq!(
        open(&keys, "tenant-1", &PLACE, &sealed),
        Ok(opened(TEXT, false))
    );
    for place in [
        Place {
            table: "note",
            ..PLACE
        },
        Place {
            column: "phone2",
            ..PLACE
        },
        Place {
            row: "row-2",
            ..PLACE
        },
        // The same letters, parted elsewhere.
        Place {
            table: "notesp",
            column: "hone",
            ..PLACE
        },
    ] {
        assert_eq!(
            open(&keys, "tenant-1", &place, &sealed),
            Err(FieldError::Unopened)
        );
    }
    assert_eq!(
        open(&keys, "tenant-2", &PLACE, &sealed),
        Err(FieldError::Unopened)
    );
    assert_eq!(
        open(&fields(OTHER), "tenant-1", &PLACE, &sealed),
        Err(FieldError::Unopened)
    );
}

#[test]
fn versions_do_not_pass_for_each_other() {
    let keys = fields(KEY);
    for (stored, from, to) in [
        (VERSION_ONE, "[1", "[2"),
        (VERSION_TWO, "[2", "[1"),
        (VERSION_TWO, "[2", "[3"),
    ] {
        let stored = stored.replace(from, to);
        assert_eq!(
            open(&keys, "tenant-1", &PLACE, &stored),
            Err(FieldError::Unopened)
        );
    }
}

#[test]
fn what_was_not_sealed_does_not_open() {
    let keys = Fields::new(
        Keys::parse(KEY).unwrap(),
        Some(LaravelKey::parse(APP_KEY).unwrap()),
    );
    for stored in [
        "",
        TEXT,
        "ENC[]",
        "ENC[2:::]",
        "ENC[2:ZGVmZ2hpamtsbW5v::]",
        // No padding, base64url, spaces, more parts, nothing behind.
        &VERSION_TWO.replace("OVs=", "OVs"),
        &VERSION_TWO.replace('/', "_"),
        &VERSION_TWO.replace("[2:", "[2: "),
        &VERSION_TWO.replace(']', ":]"),
        &format!("{VERSION_TWO} "),
        &format!(" {VERSION_TWO}"),
        &STANDARD.encode("{}"),
        &STANDARD.encode(r#"{"iv":"","value":"","mac":""}"#),
    ] {
        assert_ne!(stored, VERSION_TWO);
        assert_eq!(
            open(&keys, "tenant-1", &PLACE, stored),
            Err(FieldError::Unopened),
            "{stored}"
        );
    }
}

/// What other tools made opens, and what is made is what they make.
#[test]
fn format_unchanged() {
    let keys = fields(KEY);
    let tenant = keys.tenant("tenant-1");
    assert_eq!(tenant.open(&PLACE, VERSION_ONE), Ok(opened(TEXT, true)));
    assert_eq!(tenant.seal(&PLACE, TEXT, IV).as_deref(), Ok(VERSION_TWO));
    assert_eq!(
        tenant.blind_index("notes", "phone", "cafe\u{301}"),
        BLIND_INDEX
    );
    assert_eq!(
        keys.key_checks().collect::<Vec<_>>(),
        [("k1", KEY_CHECK.to_owned())]
    );
}

#[test]
fn version_one_opens_for_its_tenant_and_key_alone() {
    let keys = fields(KEY);
    assert_eq!(
        open(&keys, "tenant-2", &PLACE, VERSION_ONE),
        Err(FieldError::Unopened)
    );
    assert_eq!(
        open(&fields(OTHER), "tenant-1", &PLACE, VERSION_ONE),
        Err(FieldError::Unopened)
    );
    let both = fields(&format!("{OTHER},{KEY}"));
    assert_eq!(
        open(&both, "tenant-1", &PLACE, VERSION_ONE),
        Ok(opened(TEXT, true))
    );
}

#[test]
fn version_one_is_costly_once_for_a_tenant() {
    let keys = fields(KEY);
    let tenant = keys.tenant("tenant-1");
    assert!(!tenant.is_costly(VERSION_TWO));
    assert!(tenant.is_costly(VERSION_ONE));
    tenant.open(&PLACE, VERSION_ONE).unwrap();
    assert!(!tenant.is_costly(VERSION_ONE));
    assert!(keys.tenant("tenant-2").is_costly(VERSION_ONE));
}

#[test]
fn both_keys_open_and_the_current_one_seals() {
    let (old, both, new) = (
        fields(KEY),
        fields(&format!("{OTHER},{KEY}")),
        fields(OTHER),
    );
    assert_eq!(
        open(&both, "tenant-1", &PLACE, VERSION_TWO),
        Ok(opened(TEXT, true))
    );
    let sealed = both.tenant("tenant-1").seal(&PLACE, TEXT, IV).unwrap();
    assert_eq!(
        open(&both, "tenant-1", &PLACE, &sealed),
        Ok(opened(TEXT, false))
    );
    assert_eq!(
        open(&new, "tenant-1", &PLACE, &sealed),
        Ok(opened(TEXT, false))
    );
    assert_eq!(
        open(&old, "tenant-1", &PLACE, &sealed),
        Err(FieldError::Unopened)
    );

    let index = |fields: &Fields| fields.tenant("t").blind_index("a", "b", TEXT);
    let both_indexes: Vec<_> = both.tenant("t").blind_indexes("a", "b", TEXT).collect();
    assert_eq!(both_indexes, [index(&new), index(&old)]);
    assert_eq!(index(&both), index(&new));
    let checks: Vec<_> = both.key_checks().map(|(id, _)| id.to_owned()).collect();
    assert_eq!(checks, ["k2", "k1"]);
}

#[test]
fn laravels_payloads_open_with_its_key_alone() {
    let keys = |laravel| Fields::new(Keys::parse(KEY).unwrap(), laravel);
    let key = LaravelKey::parse(APP_KEY).unwrap();
    assert_eq!(
        open(&keys(Some(key)), "any", &PLACE, LARAVEL),
        Ok(opened(TEXT, true))
    );
    assert_eq!(
        open(&keys(None), "any", &PLACE, LARAVEL),
        Err(FieldError::Unopened)
    );
    let other = LaravelKey::parse(&APP_KEY.replace("ICE", "ICA")).unwrap();
    assert_eq!(
        open(&keys(Some(other)), "any", &PLACE, LARAVEL),
        Err(FieldError::Unopened)
    );
}

#[test]
fn a_changed_laravel_payload_does_not_open() {
    let key = LaravelKey::parse(APP_KEY).unwrap();
    let keys = Fields::new(Keys::parse(KEY).unwrap(), Some(key));
    let json = String::from_utf8(STANDARD.decode(LARAVEL).unwrap()).unwrap();
    for (from, to) in [
        ("AAEC", "AQEC"),
        ("mRM+", "mRM/"),
        ("5bee", "5bef"),
        ("5bee", "5BEE"),
        ("\"5bee", "\""),
        ("\"tag\"", "\"tag"),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json);
        let stored = STANDARD.encode(changed);
        assert_eq!(
            open(&keys, "any", &PLACE, &stored),
            Err(FieldError::Unopened),
            "{from}"
        );
    }
    assert!(open(&keys, "any", &PLACE, &STANDARD.encode(&json)).is_ok());
}

#[test]
fn fields_have_a_limit() {
    let keys = fields(KEY);
    let tenant = keys.tenant("t");
    let most = "x".repeat(MAX_FIELD_BYTES);
    let sealed = tenant.seal(&PLACE, &most, IV).unwrap();
    assert_eq!(tenant.open(&PLACE, &sealed), Ok(opened(&most, false)));
    assert_eq!(
        tenant.seal(&PLACE, &format!("{most}x"), IV),
        Err(FieldError::TooLong)
    );
}

/// Spaces that JSON allows, as many as a database may hold.
#[test]
fn what_is_stored_has_a_limit() {
    let key = LaravelKey::parse(APP_KEY).unwrap();
    let keys = Fields::new(Keys::parse(KEY).unwrap(), Some(key));
    let json = STANDARD.decode(LARAVEL).unwrap();
    let padded = |spaces| STANDARD.encode([json.clone(), vec![b' '; spaces]].concat());
    assert!(open(&keys, "any", &PLACE, &padded(90_000)).is_ok());
    assert_eq!(
        open(&keys, "any", &PLACE, &padded(100_000)),
        Err(FieldError::Unopened)
    );
}

#[test]
fn indexes_meet_for_the_same_text_in_the_same_column_alone() {
    let keys = fields(KEY);
    let index = |tenant, table, column, text| keys.tenant(tenant).blind_index(table, column, text);
    let one = index("t", "a", "b", TEXT);
    assert_eq!(one.len(), 22);
    assert_eq!(one, index("t", "a", "b", TEXT));
    for other in [
        index("u", "a", "b", TEXT),
        index("t", "ab", "", TEXT),
        index("t", "a", "c", TEXT),
        index("t", "a", "b", "+62 812-3456-7891"),
        fields(OTHER).tenant("t").blind_index("a", "b", TEXT),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn debug_shows_nothing() {
    let keys = Fields::new(Keys::parse(KEY).unwrap(), LaravelKey::parse(APP_KEY).ok());
    let shown = format!(
        "{keys:?} {:?} {:?} {:?}",
        keys.tenant("t"),
        opened(TEXT, true),
        (Keys::parse(KEY), LaravelKey::parse(APP_KEY)),
    );
    for secret in ["812", "[0, 1", "AAEC", "ICEi", "32, 33"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn opens_what_it_sealed(tenant in ".{0,9}", row in ".{0,9}", text in ".{0,99}", iv: [u8; IV_BYTES]) {
        let keys = fields(KEY);
        let place = Place { row: &row, ..PLACE };
        let sealed = keys.tenant(&tenant).seal(&place, &text, iv).unwrap();
        prop_assert_eq!(open(&keys, &tenant, &place, &sealed), Ok(opened(&text, false)));
    }

    #[test]
    fn no_changed_bit_opens(bit in 0..8 * VERSION_TWO.len()) {
        let mut bytes = VERSION_TWO.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = String::from_utf8(bytes) {
            let both = fields(&format!("{KEY},{OTHER}"));
            prop_assert_eq!(open(&both, "tenant-1", &PLACE, &changed), Err(FieldError::Unopened));
        }
    }

    #[test]
    fn never_panics(stored in prop_oneof![".{0,80}", "ENC\\[2:[A-Za-z0-9+/=:]{0,60}\\]"]) {
        let key = LaravelKey::parse(APP_KEY).unwrap();
        let keys = Fields::new(Keys::parse(KEY).unwrap(), Some(key));
        prop_assert_eq!(open(&keys, "t", &PLACE, &stored), Err(FieldError::Unopened));
    }
}
