//! What settings change.

use super::{Spot, look, put};
use crate::waf::{Exclusion, Mode, Settings, Verdict};

#[test]
fn modes_and_exclusions_decide() {
    let report = |settings: &Settings| put(settings, Spot::Query, "' or '1'='1");
    let with = |mode| Settings {
        mode,
        ..Settings::default()
    };
    assert_eq!(report(&with(Mode::Strict)).verdict, Verdict::Blocked);
    assert_eq!(report(&with(Mode::Relaxed)).verdict, Verdict::Blocked);
    assert_eq!(report(&with(Mode::Detect)).verdict, Verdict::Logged);
    assert_eq!(report(&with(Mode::Off)).verdict, Verdict::Clean);
    let exclusion = Exclusion {
        tag: Some("sqli".into()),
        parameter: Some("q".into()),
        ..Exclusion::default()
    };
    let excluded = Settings {
        exclusions: vec![exclusion],
        ..Settings::default()
    };
    assert_eq!(report(&excluded).verdict, Verdict::Clean);
}

#[test]
fn relaxed_spares_passwords_alone() {
    let relaxed = Settings {
        mode: Mode::Relaxed,
        ..Settings::default()
    };
    let body = |json: &str| {
        look(
            &relaxed,
            "/auth/v1/token",
            "",
            &[],
            Some(("application/json", json.as_bytes())),
        )
        .verdict
    };
    assert_eq!(
        body(r#"{"email":"a@example.com","password":"' or 1=1--<script>"}"#),
        Verdict::Clean
    );
    assert_eq!(
        body(r#"{"email":"' or 1=1--","password":"x"}"#),
        Verdict::Blocked
    );
}
