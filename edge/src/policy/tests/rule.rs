//! The firewall's rules that a policy adds.

use super::{refuses, with};
use crate::waf::{Effect, PathPattern};

#[test]
fn refuses_faulty_rules() {
    for (lines, wanted) in [
        ("literal = \"a\"\naction = \"log\"", "rule[0].id is missing"),
        (
            "id = \"A\"\nliteral = \"a\"\naction = \"log\"",
            "rule[0].id must be 1 to 64",
        ),
        (
            "id = \"sqli-001\"\nliteral = \"a\"\naction = \"log\"",
            "is the id of another rule too",
        ),
        ("id = \"a\"\nliteral = \"a\"", "rule[0].action is missing"),
        (
            "id = \"a\"\nliteral = \"a\"\naction = \"stop\"",
            "must be one of \"block\", \"score\", \"log\"",
        ),
        (
            "id = \"a\"\nliteral = \"a\"\naction = \"score\"",
            "rule[0].score is missing",
        ),
        (
            "id = \"a\"\nliteral = \"a\"\naction = \"score\"\nscore = 0",
            "must be 1 to 100, is 0",
        ),
        (
            "id = \"a\"\nliteral = \"a\"\naction = \"log\"\nscore = 1",
            "rule[0].score needs action = \"score\"",
        ),
        (
            "id = \"a\"\naction = \"log\"",
            "rule[0] must have one of path, networks, header, literal, regex",
        ),
        (
            "id = \"a\"\nliteral = \"\"\naction = \"log\"",
            "rule[0].literal must be 1 to 256",
        ),
        (
            "id = \"a\"\nregex = \"a(\"\naction = \"log\"",
            "rule[0].regex is no regex",
        ),
        (
            "id = \"a\"\nregex = \"(a{1000}){1000}\"\naction = \"log\"",
            "rule[0].regex is no regex",
        ),
        (
            "id = \"a\"\nregex = \"a*\"\naction = \"log\"",
            "must not match the empty text",
        ),
        (
            "id = \"a\"\nnetworks = [\"10.0.0.1/8\"]\naction = \"log\"",
            "rule[0].networks[0] must be a network",
        ),
        (
            "id = \"a\"\nnetworks = []\naction = \"log\"",
            "rule[0].networks must not be empty",
        ),
        (
            "id = \"a\"\nheader = {}\naction = \"log\"",
            "rule[0].header.name is missing",
        ),
        (
            "id = \"a\"\nheader = { name = \"A\" }\naction = \"log\"",
            "rule[0].header.name must be",
        ),
        (
            "id = \"a\"\nheader = { name = \"a\", regex = \"(\" }\naction = \"log\"",
            "rule[0].header.regex is no regex",
        ),
        (
            "id = \"a\"\npath = \"a\"\naction = \"log\"",
            "rule[0].path must start with `/`",
        ),
        (
            "id = \"a\"\npath = \"/a\"\nparameter = \"q\"\naction = \"log\"",
            "rule[0].parameter needs literal or regex",
        ),
    ] {
        refuses(with(&format!("[[rule]]\n{lines}")), wanted);
    }
    let rule = |n: usize| format!("[[rule]]\nid = \"r{n}\"\npath = \"/\"\naction = \"log\"");
    let rules = |count: usize| (0..count).map(rule).collect::<Vec<_>>().join("\n");
    refuses(with(&rules(65)), "rule must be at most 64 rules, is 65");
    assert!(with(&rules(64)).is_ok());
    refuses(
        with(&format!("{}\n{}", rule(1), rule(1))),
        "rule[1].id is the id of another rule",
    );
}

#[test]
fn a_rule_says_what_it_looks_for_and_does() {
    let policy = with(
        "[[rule]]\nid = \"a\"\nname = \"old\"\npath = \"/a/**\"\nnetworks = [\"192.0.2.0/24\", \"::1\"]\n\
         header = { name = \"x-a\", literal = \"1\" }\nliteral = \"x\"\nregex = \"x[0-9]\"\n\
         parameter = \"q\"\naction = \"score\"\nscore = 3\n\
         [[rule]]\nid = \"b\"\npath = \"/b\"\naction = \"block\"\n[[route]]\nname = \"r\"\npath = \"/**\"\n\
         exclude = [{ rule = \"b\", path = \"/b/*\" }]",
    )
    .unwrap();
    let settings = &policy.routes[0].waf;
    let [a, b] = &settings.rules[..] else {
        panic!("{settings:?}")
    };
    assert_eq!(
        (a.id.as_str(), a.name.as_str(), a.effect),
        ("a", "old", Effect::Score(3))
    );
    assert_eq!(a.networks.len(), 2);
    assert!(a.header.is_some() && a.value.is_some());
    assert_eq!(a.parameter.as_deref(), Some("q"));
    assert_eq!(a.path, Some(PathPattern("/a/**".into())));
    assert_eq!((b.name.as_str(), b.effect), ("b", Effect::Block));
    assert!(b.value.is_none() && b.networks.is_empty());
    assert_eq!(
        settings.exclusions[0].path,
        Some(PathPattern("/b/*".into()))
    );
}
