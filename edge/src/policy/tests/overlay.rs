//! What an overlay may do, and where its faults are shown.

use super::{refuses, shown};
use crate::policy::{File, JwksSource, parse};

#[test]
fn development_is_checked_too() {
    let overlay = |lines: &str| {
        shown(parse(
            "version = 1",
            Some(&format!("version = 1\n[development]\n{lines}")),
        ))
    };
    refuses(
        overlay("explain = true"),
        "development.client_address is missing",
    );
    refuses(
        overlay("client_address = \"localhost\""),
        "must be an IPv4 or IPv6 address",
    );
    let policy = overlay("client_address = \"::1\"").unwrap();
    assert!(!policy.development.unwrap().explain);
}

#[test]
fn plain_http_keys_need_a_development_stack() {
    let overlay = "version = 1\n[development]\nclient_address = \"::1\"\n[token]\n";
    let local = format!("{overlay}jwks = \"http://127.0.0.1:9/jwks\"");
    let policy = parse("version = 1", Some(&local)).unwrap();
    assert_eq!(
        policy.token.jwks,
        JwksSource::Url("http://127.0.0.1:9/jwks".into())
    );
    let other = format!("{overlay}jwks = \"http://a.example/jwks\"");
    refuses(
        shown(parse("version = 1", Some(&other))),
        "overlay:5:8: token.jwks must be",
    );
}

#[test]
fn overlay_merges_tables_and_replaces_values() {
    let base = "version = 1\n[limits]\nurl_bytes = 1000\nheader_bytes = 2000\nhosts = [\"a\"]\n\
                [classes.a]\nlimit = 1\nwindow_s = 2\n";
    let overlay =
        "version = 1\n[limits]\nurl_bytes = 3000\nhosts = [\"b\"]\n[classes.a]\nlimit = 9\n";
    let policy = parse(base, Some(overlay)).unwrap();
    assert_eq!(policy.limits.url_bytes, 3_000);
    assert_eq!(policy.limits.header_bytes, 2_000);
    assert_eq!(policy.limits.hosts, ["b"]);
    assert_eq!(
        (policy.classes[0].limit, policy.classes[0].window_s),
        (9, 2)
    );
}

#[test]
fn overlay_routes_are_asked_first() {
    let route = |name, path| format!("[[route]]\nname = \"{name}\"\npath = \"{path}\"\n");
    let base = format!("version = 1\n{}{}", route("a", "/a"), route("b", "/b"));
    let overlay = format!("version = 1\n{}", route("own-a", "/a"));
    let policy = parse(&base, Some(&overlay)).unwrap();
    let names: Vec<_> = policy
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    assert_eq!(names, ["own-a", "a", "b"]);
    let same_name = format!("version = 1\n{}", route("a", "/c"));
    refuses(
        shown(parse(&base, Some(&same_name))),
        "policy.toml:3:8: route[0].name is the name",
    );
}

#[test]
fn places_stay_right_in_either_text() {
    let base = "version = 1\n[limits]\nurl_bytes = 1\nheader_bytes = 1\n[[route]]\nname = \"b\"\n";
    let overlay = "version = 1\n\n[[route]]\npath = \"/a\"\n[limits]\nurl_bytes = 2\n";
    let faults = parse(base, Some(overlay)).unwrap_err();
    let places: Vec<_> = faults
        .iter()
        .map(|f| (f.file, f.line, f.key.as_str()))
        .collect();
    let wanted = [
        (File::Base, 4, "limits.header_bytes"),
        (File::Base, 5, "route[0].path"),
        (File::Overlay, 3, "route[0].name"),
        (File::Overlay, 6, "limits.url_bytes"),
    ];
    assert_eq!(places, wanted);
}

#[test]
fn overlay_adds_rules_and_exclusions() {
    let rule = |id: &str| format!("[[rule]]\nid = \"{id}\"\nliteral = \"x\"\naction = \"log\"\n");
    let exclude = |id: &str| format!("[[exclude]]\nrule = \"{id}\"\n");
    let base = format!(
        "version = 1\n{}{}[[route]]\nname = \"a\"\npath = \"/a\"\nexclude = [{{ tag = \"custom\" }}]\n",
        rule("below"),
        exclude("below")
    );
    let overlay = format!("version = 1\n{}{}", rule("above"), exclude("below"));
    let policy = parse(&base, Some(&overlay)).unwrap();
    let settings = &policy.routes[0].waf;
    let ids: Vec<_> = settings.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["above", "below"]);
    assert_eq!(settings.exclusions.len(), 3);
    let faulty = format!("version = 1\n{}", exclude("nothing"));
    refuses(
        shown(parse(&base, Some(&faulty))),
        "overlay:3:8: exclude[0].rule is not known",
    );
}
