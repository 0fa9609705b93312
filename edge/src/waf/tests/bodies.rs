//! Bodies of every kind, and their bounds.

use super::{look, percent};
use crate::waf::{Settings, Verdict};
use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

#[test]
fn bounds_that_are_exceeded_stop_the_request() {
    let settings = Settings::default();
    let form = "a=1&".repeat(1001);
    let deep = "[".repeat(65);
    let parts = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n".repeat(300);
    for (kind, body) in [
        ("application/x-www-form-urlencoded", form.as_str()),
        ("application/json", &deep),
        ("multipart/form-data; boundary=XX", &parts),
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=YY", &parts),
    ] {
        let report = look(&settings, "/", "", &[], Some((kind, body.as_bytes())));
        assert_eq!(report.verdict, Verdict::Blocked, "{kind}");
        assert!(
            report
                .findings
                .iter()
                .any(|finding| finding.rule.starts_with("proto-0")),
            "{report}"
        );
    }
}

#[test]
fn bodies_whose_type_lies_or_is_missing_are_read() {
    let attack = br#"{"q":"' or '1'='1"}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "image/png",
        "",
        "application/unknown",
    ] {
        let report = look(&Settings::default(), "/", "", &[], Some((kind, attack)));
        assert_eq!(report.verdict, Verdict::Blocked, "{kind}");
    }
    let xml = b"<a><b>1' or '1'='1</b></a>";
    assert_eq!(
        look(&Settings::default(), "/", "", &[], Some(("text/xml", xml))).verdict,
        Verdict::Blocked
    );
}

#[test]
fn keys_operators_and_uploads_are_inspected() {
    let stopped = |kind: &str, body: &[u8]| {
        look(&Settings::default(), "/", "", &[], Some((kind, body))).verdict == Verdict::Blocked
    };
    assert!(stopped("application/json", br#"{"user":{"$ne":null}}"#));
    assert!(stopped("application/json", br#"{"__proto__":{"a":1}}"#));
    assert!(stopped(
        "application/json",
        br#"{"constructor":{"prototype":{"a":1}}}"#
    ));
    assert!(stopped(
        "application/json",
        br#"{"a":"{\"b\":\"' or 1=1--\"}"}"#
    ));
    assert!(!stopped(
        "application/json",
        br#"{"$schema":"x","$ref":"y"}"#
    ));
}

#[test]
fn strings_of_json_that_was_encoded_are_read_as_such() {
    // Between the quotation marks of JSON, this closes nothing; for whoever parses it, it does.
    let json = r#"{"theme":["1' UNION SELECT name, password FROM users-- -"]}"#;
    for value in [json, &percent(json), &STANDARD.encode(json)] {
        let form = format!("a={}", percent(value));
        let xml = format!("<a>{value}</a>");
        let cookie = format!("prefs={value}");
        let stopped = |headers: &[(&str, &str)], body: Option<(&str, &[u8])>| {
            let report = look(&Settings::default(), "/", "", headers, body);
            assert_eq!(report.verdict, Verdict::Blocked, "{headers:?} {body:?}");
        };
        stopped(&[("x-state", value)], None);
        stopped(&[("cookie", &cookie)], None);
        stopped(
            &[],
            Some(("application/x-www-form-urlencoded", form.as_bytes())),
        );
        stopped(&[], Some(("text/xml", xml.as_bytes())));
    }
}
