//! The rules of the policy, each with what it refuses, and what ties the shipped
//! texts and the documentation to the code.

mod guard;
mod overlay;
mod refusal;
mod route;
mod rule;
mod shipped;

use super::{Fault, Found, Policy, keys, parse};

/// A small policy with `lines` behind its first one.
fn with(lines: &str) -> Result<Policy, Vec<String>> {
    shown(parse(&format!("version = 1\n{lines}\n"), None))
}

/// A policy with two classes and one route that has `lines`.
fn with_route(lines: &str) -> Result<Policy, Vec<String>> {
    with(&format!(
        "[classes]\ngeneral = {{ limit = 9, window_s = 9 }}\nlogin = {{ limit = 1, window_s = 9 }}\n\
         [[route]]\nname = \"r\"\npath = \"/a/**\"\n{lines}"
    ))
}

fn shown(result: Result<Policy, Vec<Fault>>) -> Result<Policy, Vec<String>> {
    result.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// That exactly one fault is found, and that it says so.
#[track_caller]
fn refuses(result: Result<Policy, Vec<String>>, wanted: &str) {
    let faults = result.expect_err(wanted);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(faults[0].contains(wanted), "{} lacks {wanted}", faults[0]);
}

/// Two routes, of which the second must never be reached (or must be).
fn behind(first: &str, second: &str) -> Result<Policy, Vec<String>> {
    with(&format!(
        "[[route]]\nname = \"a\"\n{first}\n[[route]]\nname = \"b\"\n{second}"
    ))
}

/// The path, method and query of a request; which route takes it.
#[track_caller]
fn taken_by(policy: &Policy, method: &str, path: &str, query: &str) -> String {
    match policy.route(method, "h", path, query) {
        Found::Route(route) => route.name.clone(),
        Found::Method { allow } => format!("405 {}", allow.join(",")),
        Found::None => "404".to_owned(),
    }
}

#[test]
fn reports_every_fault_at_once_in_order() {
    let text = "version = 2\n[limits]\nurl_bytes = 1\nbody_byte = 2\n[classes.a]\nlimit = 0\n\
                window_s = 1\n[[route]]\nname = \"a\"\npath = \"a\"\nclasses = [\"é\", \"b\"]\n";
    let faults: Vec<_> = parse(text, None)
        .unwrap_err()
        .iter()
        .map(|f| (f.line, f.column, f.key.clone()))
        .collect();
    let wanted = [
        (1, 11, "version"),
        (3, 13, "limits.url_bytes"),
        (4, 1, "limits.body_byte"),
        (6, 9, "classes.a.limit"),
        (10, 8, "route[0].path"),
        (11, 12, "route[0].classes[0]"),
        (11, 17, "route[0].classes[1]"),
    ];
    assert_eq!(
        faults,
        wanted.map(|(line, column, key)| (line, column, key.to_owned()))
    );
}

#[test]
fn reports_what_is_not_toml_in_both_texts() {
    let faults = shown(parse("version = \n", Some("a = 1\na = 2\n"))).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(faults[0].starts_with("policy.toml:1:"), "{}", faults[0]);
    assert!(
        faults[1].starts_with("overlay:2:1: duplicate key"),
        "{}",
        faults[1]
    );
    let deep = format!("{}a = 1", "a.".repeat(100_000));
    assert!(parse(&deep, None).is_err());
}

#[test]
fn each_text_says_its_version() {
    refuses(
        shown(parse("", None)),
        "policy.toml:1:1: version is missing",
    );
    refuses(
        shown(parse("version = 1", Some(""))),
        "overlay:1:1: version is missing",
    );
    refuses(
        shown(parse("version = 2", Some("version = 1"))),
        "policy.toml:1:11: version must be",
    );
}

#[test]
fn unknown_and_misplaced_keys_are_refused_everywhere() {
    for (table, _) in keys::TABLES {
        let text = match *table {
            "" => "extra = 1".to_owned(),
            "classes.<name>" => "[classes.a]\nlimit = 1\nwindow_s = 1\nextra = 1".to_owned(),
            "jails.<name>" => {
                "[jails.a]\nkinds = []\nstrikes = 1\nwindow_s = 1\nban_s = 1\nextra = 1".to_owned()
            }
            "route.classes" => {
                "[classes.c]\nlimit = 1\nwindow_s = 1\n[[route]]\nname = \"a\"\npath = \"/\"\n\
                 classes = [{ class = \"c\", extra = 1 }]"
                    .to_owned()
            }
            "route.refused" => "[[route]]\nname = \"a\"\npath = \"/\"\naccount = [\"email\"]\n\
                 refused = { status = 400, extra = 1 }"
                .to_owned(),
            "route" => "[[route]]\nname = \"a\"\npath = \"/\"\nextra = 1".to_owned(),
            "rule" => {
                "rule = [{ id = \"a\", literal = \"a\", action = \"log\", extra = 1 }]".to_owned()
            }
            "rule.header" => {
                "rule = [{ id = \"a\", header = { name = \"a\", extra = 1 }, action = \"log\" }]"
                    .to_owned()
            }
            "exclude" => "exclude = [{ tag = \"sqli\", extra = 1 }]".to_owned(),
            "route.graphql" => {
                "[[route]]\nname = \"a\"\npath = \"/\"\ngraphql = { extra = 1 }".to_owned()
            }
            "route.answer" => {
                "[[route]]\nname = \"a\"\npath = \"/\"\nanswer = { status = 200, extra = 1 }"
                    .to_owned()
            }
            "development" => continue,
            other => format!("[{other}]\nextra = 1"),
        };
        refuses(with(&text), "extra is not a known key; the nearest is");
    }
    let overlay = "version = 1\n[development]\nclient_address = \"::1\"\nextra = 1";
    refuses(
        shown(parse("version = 1", Some(overlay))),
        "overlay:4:1: development.extra is not",
    );
}
