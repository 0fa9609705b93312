//! The shipped texts and the documentation.

use super::{shown, taken_by};
use crate::policy::{Guard, keys, parse};

const BASE: &str = include_str!("../../../policy.toml");
const OVERLAY: &str = include_str!("../../../policy.dev.toml");
const DOC: &str = include_str!("../../../../docs/policy.md");

#[test]
fn shipped_policy_sends_requests_where_they_belong() {
    let policy = shown(parse(BASE, None)).unwrap();
    for (method, path, query, wanted) in [
        ("POST", "/auth/v1/token", "", "404"),
        (
            "POST",
            "/auth/v1/token",
            "grant_type=x&grant_type=password",
            "404",
        ),
        ("POST", "/auth/v1/token", "%ff=1&grant_type=password", "404"),
        ("POST", "/auth/v1/token", "grant_type=%", "404"),
        ("GET", "/auth/v1/token", "grant_type=password", "405 POST"),
        ("DELETE", "/auth/v1/user", "", "405 GET,HEAD,PUT"),
        ("PUT", "/auth/v1/user", "", "user-change"),
        ("DELETE", "/auth/v1/sessions/a", "", "session-end"),
        ("DELETE", "/auth/v1/sessions", "", "405 GET,HEAD"),
        ("PUT", "/auth/v1/admin/users/a", "", "auth-admin"),
        ("GET", "/auth/v1/user/", "", "404"),
        ("GET", "/auth/v1//user", "", "404"),
        ("GET", "/echo/a", "", "404"),
        ("POST", "/auth/v1/token", "grant_type=password", "login"),
        (
            "POST",
            "/auth/v1/%74oken",
            "a&grant%5ftype=passwor%64",
            "login",
        ),
        (
            "POST",
            "/auth/v1/token",
            "grant_type=refresh_token",
            "refresh",
        ),
        ("HEAD", "/auth/v1/user", "x=%", "user"),
    ] {
        assert_eq!(
            taken_by(&policy, method, path, query),
            wanted,
            "{method} {path}?{query}"
        );
    }
}

#[test]
fn shipped_overlay_opens_echo_for_development() {
    let policy = shown(parse(BASE, Some(OVERLAY))).unwrap();
    assert_eq!(policy.routes[0].name, "echo");
    assert_eq!(taken_by(&policy, "DELETE", "/echo", ""), "echo");
    let development = policy.development.unwrap();
    assert!(development.explain && development.client_address.is_loopback());
    assert!(parse(BASE, None).unwrap().development.is_none());
}

#[test]
fn what_the_shipped_policy_says_is_the_default() {
    let (shipped, empty) = (
        parse(BASE, None).unwrap(),
        parse("version = 1", None).unwrap(),
    );
    assert_eq!(
        format!("{:?}", shipped.limits),
        format!("{:?}", empty.limits)
    );
    assert_eq!(
        format!("{:?}", shipped.access),
        format!("{:?}", empty.access)
    );
    assert_eq!(format!("{:?}", shipped.token), format!("{:?}", empty.token));
    assert_eq!(
        format!("{:?}", shipped.upstream),
        format!("{:?}", empty.upstream)
    );
    // Where there is no class, nothing can be counted in one.
    let classes = shipped.guard.classes.iter();
    let classes: Vec<_> = classes
        .map(|counted| shipped.classes[counted.class].name.as_str())
        .collect();
    assert_eq!(classes, ["gate"]);
    let guard = Guard {
        classes: Vec::new(),
        ..shipped.guard
    };
    assert_eq!(guard, empty.guard);
    assert_eq!((&shipped.admin, &empty.admin), (&None, &None));
    assert_eq!(format!("{:?}", shipped.cors), format!("{:?}", empty.cors));
    assert_eq!(shipped.headers, empty.headers);
}

/// Section and first two cells of every row in the documentation whose first cell is a
/// key: (`limits`, `url_bytes`, the row).
fn documented() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut section = "";
    let mut rows = Vec::new();
    for line in DOC.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.trim_matches(['`', '[', ']']);
        } else if let Some(cell) = line.strip_prefix("| `") {
            rows.push((section, cell.split('`').next().unwrap(), line));
        }
    }
    rows
}

#[test]
fn documentation_names_exactly_the_known_keys() {
    let mut documented: Vec<_> = documented()
        .iter()
        .map(|(table, key, _)| (*table, *key))
        .collect();
    let known = |(table, keys): &(&'static str, &'static [&'static str])| {
        let table = if table.is_empty() { &"The file" } else { table };
        keys.iter().map(|key| (*table, *key)).collect::<Vec<_>>()
    };
    let mut wanted: Vec<_> = keys::TABLES.iter().flat_map(known).collect();
    documented.retain(|(table, _)| *table != "headers");
    documented.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(documented, wanted);
}

#[test]
fn documentation_shows_the_defaults() {
    let mut section = "";
    let rows = documented();
    for line in BASE.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        } else if let Some((key, value)) = line.split_once(" = ") {
            let wanted = format!("`{}`", value.trim_matches('"'));
            if [
                "limits",
                "access",
                "token",
                "token.claims",
                "upstream",
                "guard",
                "cors",
                "headers",
            ]
            .contains(&section)
            {
                let row = rows
                    .iter()
                    .find(|(table, name, _)| (*table, *name) == (section, key));
                let (.., row) = row.unwrap_or_else(|| panic!("{section}.{key} has no row"));
                assert!(row.contains(&wanted), "{row} lacks {wanted}");
            }
        }
    }
}

#[test]
fn the_examples_in_the_documentation_are_valid() {
    let blocks = DOC.split("```toml\n").skip(1);
    let mut count = 0;
    for example in blocks.map(|block| block.split("```").next().unwrap()) {
        let version = if example.contains("version =") {
            ""
        } else {
            "version = 1\n"
        };
        shown(parse(BASE, Some(&format!("{version}{example}")))).unwrap();
        count += 1;
    }
    assert!(count >= 2);
}
