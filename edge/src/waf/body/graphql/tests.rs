use super::*;
use crate::waf::field::tests::Seen;

#[test]
fn literals_and_comments_are_the_values() {
    let text = b"query Q($id: ID! = \"1\") { a: user(id: $id, name: \"O'Brien \\\"x\\\"\", f: {t: [\"y\"]}) { ...F } } # note\nfragment F on User @include(if: true) { bio(text: \"\"\"long\"\"\") }";
    let shape = Shape::of(text).unwrap();
    assert_eq!(
        shape,
        Shape {
            depth: 2,
            aliases: 1,
            repeats: 1,
            ..Shape::default()
        }
    );
    let mut seen = Seen::default();
    read(text, Part::Json, &mut seen);
    assert_eq!(
        seen.fields,
        [
            "JSON value ID=1",
            "JSON value name=O'Brien \"x\"",
            "JSON value t=y",
            "JSON value comment= note",
            "JSON value text=long",
        ]
    );
}

#[test]
fn other_texts_are_no_documents() {
    for text in [
        "",
        "select 1",
        "{{7*7}}",
        "{ cat, /etc/passwd }",
        "query about <b>",
        "{\"a\": 1}",
        "{ a }}",
        "query",
        "{ a",
        "{system('id')}",
        "queryish { a }",
    ] {
        assert_eq!(Shape::of(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn what_the_policy_forbids_is_told() {
    let limits = Graphql {
        depth: 2,
        aliases: 2,
        introspection: false,
    };
    let broken = |text: &str| {
        let mut seen = Seen::default();
        Shape::of(text.as_bytes())
            .unwrap()
            .check(&limits, 0, &mut seen);
        seen.broken
    };
    assert_eq!(broken("{ a { b } }").len(), 0);
    assert_eq!(broken("{ a { b { c } } }"), ["GraphQL selections too deep"]);
    assert_eq!(broken("{ a: x b: x c: x }"), ["too many GraphQL aliases"]);
    assert_eq!(broken("{ __schema { types } }"), ["GraphQL introspection"]);
    assert_eq!(broken("{ a { __typename } }").len(), 0);
    let flood = ["GraphQL repetition, cycle or endless page"];
    assert_eq!(broken("{ a(first: 100000) { b } }"), flood);
    assert_eq!(broken("{ a(limit: 99999999999999999999) { b } }"), flood);
    assert_eq!(broken("mutation { a(limit: 5000000) { b } }").len(), 0);
    assert_eq!(
        broken(&format!("{{ a {} }}", "@b(c: 1) ".repeat(20))),
        flood
    );
    assert_eq!(broken(&format!("{{ {} }}", "id ".repeat(20))), flood);
    assert_eq!(
        broken("query { ...A } fragment A on Q { ...B } fragment B on Q { ...A }"),
        flood
    );
    let chain = "query { ...A } fragment A on Q { ...B } fragment B on Q { ...C ...D } fragment C on Q { a } fragment D on Q { a }";
    assert_eq!(broken(chain).len(), 0);
}
