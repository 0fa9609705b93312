//! The policy's own rules.

use super::{Spot, look, put};
use crate::waf::{
    Custom, Effect, Exclusion, Matcher, Mode, Part, PathPattern, Regex, Request, Settings, Subnet,
    Verdict, inspect,
};

fn rule(id: &str, effect: Effect) -> Custom {
    Custom {
        id: id.into(),
        name: "own".into(),
        effect,
        path: None,
        networks: Vec::new(),
        header: None,
        value: None,
        parameter: None,
    }
}

fn with(rules: Vec<Custom>) -> Settings {
    Settings {
        rules: rules.into(),
        ..Settings::default()
    }
}

#[test]
fn a_literal_is_found_in_every_part_and_encoding() {
    let settings = with(vec![Custom {
        value: Matcher::new(Some("Forbidden"), None),
        ..rule("own", Effect::Block)
    }]);
    for spot in super::SPOTS {
        for text in ["forbidden", "so FORBIDDEN a fruit", "%2566orbidden"] {
            let report = put(&settings, spot, text);
            assert_eq!(report.verdict, Verdict::Blocked, "{spot:?} {text}");
        }
        assert_eq!(put(&settings, spot, "allowed").verdict, Verdict::Clean);
    }
    let report = put(&settings, Spot::Query, "so %2546orbidden a fruit");
    assert_eq!(
        report.to_string(),
        "blocked (score 5 of 5)\n  own own (critical block) in query parameter `q`: \
         \"so «Forbidden» a fruit\" after percent"
    );
}

#[test]
fn actions_block_add_to_the_score_or_log() {
    let judged = |effect, mode| {
        let settings = Settings {
            mode,
            ..with(vec![Custom {
                value: Matcher::new(None, Regex::parse("^x[0-9]+$").ok()),
                parameter: Some("q".into()),
                ..rule("own", effect)
            }])
        };
        put(&settings, Spot::Query, "x12").verdict
    };
    for (effect, mode, wanted) in [
        (Effect::Block, Mode::Normal, Verdict::Blocked),
        (Effect::Block, Mode::Relaxed, Verdict::Blocked),
        (Effect::Block, Mode::Detect, Verdict::Logged),
        (Effect::Block, Mode::Off, Verdict::Clean),
        (Effect::Score(5), Mode::Normal, Verdict::Blocked),
        (Effect::Score(3), Mode::Normal, Verdict::Logged),
        (Effect::Score(3), Mode::Strict, Verdict::Blocked),
        (Effect::Score(0), Mode::Strict, Verdict::Logged),
    ] {
        assert_eq!(judged(effect, mode), wanted, "{effect:?} {mode:?}");
    }
}

#[test]
fn everything_that_is_given_must_hold() {
    let own = Custom {
        path: Some(PathPattern("/api/**".into())),
        networks: vec![Subnet {
            base: "192.0.2.0".parse().unwrap(),
            prefix: 24,
        }],
        header: Some(("x-app".into(), Matcher::new(Some("1."), None))),
        ..rule("old-app", Effect::Block)
    };
    let settings = with(vec![own]);
    let judged = |path, client: &str, version: &str| {
        let headers = [("x-app".to_owned(), version.to_owned())];
        let request = Request {
            client: client.parse().ok(),
            method: "GET",
            path,
            query: "",
            headers: &headers,
            body: crate::waf::Body::None,
        };
        inspect(&request, &settings)
    };
    let report = judged("/api/a", "192.0.2.9", "1.2");
    assert_eq!(report.verdict, Verdict::Blocked);
    let finding = report.findings.first().unwrap();
    assert_eq!(
        (finding.target.part, finding.decoded.as_str()),
        (Part::HeaderValue, "")
    );
    for (path, client, version) in [
        ("/app", "192.0.2.9", "1.2"),
        ("/api/a", "192.0.3.9", "1.2"),
        ("/api/a", "", "1.2"),
        ("/api/a", "192.0.2.9", "2"),
    ] {
        assert_eq!(judged(path, client, version).verdict, Verdict::Clean);
    }
}

#[test]
fn an_exclusion_may_name_it_and_a_secret_is_not_shown() {
    let mut settings = with(vec![Custom {
        header: Some(("authorization".into(), None)),
        ..rule("own", Effect::Block)
    }]);
    let headers = [("authorization", "Bearer hunter2")];
    let report = look(&settings, "/", "", &headers, None);
    assert_eq!(report.verdict, Verdict::Blocked);
    assert!(!format!("{report:?}").contains("hunter2"));
    settings.exclusions = vec![Exclusion {
        rule: Some("own".into()),
        ..Exclusion::default()
    }];
    assert_eq!(
        look(&settings, "/", "", &headers, None).verdict,
        Verdict::Clean
    );
}
