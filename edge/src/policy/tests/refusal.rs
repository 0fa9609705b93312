//! Every rule, refusing.

use super::{behind, refuses, with, with_route};
use crate::policy::OnError;

/// Faulty tables, and what is said of them.
const COMMON: &[(&str, &str)] = &[
    (
        "[limits]\nurl_bytes = 255",
        "limits.url_bytes must be 256 to 16384, is 255",
    ),
    (
        "[limits]\nurl_bytes = 16385",
        "must be 256 to 16384, is 16385",
    ),
    (
        "[limits]\nurl_bytes = \"a\"",
        "must be an integer, is of type string",
    ),
    (
        "[limits]\nurl_bytes = 0x8000_0000_0000_0000",
        "is beyond 64 bits",
    ),
    ("[limits]\nurl_bytes = -300", "is -300"),
    (
        "[limits]\nheader_bytes = 1023",
        "must be 1024 to 131072, is 1023",
    ),
    (
        "[limits]\nbody_bytes = 10485761",
        "must be 0 to 10485760, is 10485761",
    ),
    ("[limits]\nmethods = []", "limits.methods must not be empty"),
    (
        "[limits]\nmethods = [\"get\"]",
        "limits.methods[0] must be one of GET, HEAD",
    ),
    ("[limits]\nmethods = [\"TRACE\"]", "is \"TRACE\""),
    (
        "[limits]\nmethods = [\"GET\", \"GET\"]",
        "limits.methods[1] is listed twice: \"GET\"",
    ),
    (
        "[limits]\nhosts = [\"A.example\"]",
        "limits.hosts[0] must be a host name",
    ),
    (
        "[limits]\nhosts = \"a.example\"",
        "must be an array, is of type string",
    ),
    (
        "[access]\nallow = [\"10.0.0.1/8\"]",
        "access.allow[0] must be a network",
    ),
    (
        "[access]\ndeny = [\"a\"]",
        "access.deny[0] must be a network",
    ),
    (
        "[access]\ndeny_countries = [\"id\"]",
        "must be two capital letters",
    ),
    ("[token]\nissuer = \"a\\n\"", "token.issuer must be"),
    ("[token]\naudience = 1", "token.audience must be a string"),
    (
        "[token]\njwks = \"http://a.example/\"",
        "token.jwks must be",
    ),
    (
        "[token]\njwks = \"http://127.0.0.1/\"",
        "token.jwks must be",
    ),
    ("[token]\njwks = \"origin:a\"", "token.jwks must be"),
    ("[token]\njwks_lifetime_s = 9", "must be 10 to 86400, is 9"),
    ("[token]\njwks_cooldown_s = 0", "must be 1 to 3600, is 0"),
    ("[token]\nleeway_s = 121", "must be 0 to 120, is 121"),
    ("[token]\nmax_bytes = 255", "must be 256 to 16384, is 255"),
    ("[token]\ncookie = \"a;b\"", "token.cookie must be"),
    (
        "[token]\nrefresh_cookie = \"a b\"",
        "token.refresh_cookie must be",
    ),
    (
        "[token]\naccepted_types = []",
        "token.accepted_types must not be empty",
    ),
    (
        "[token.claims]\nsubject = []",
        "token.claims.subject must not be empty",
    ),
    (
        "[token.claims]\nrole = \"\"",
        "token.claims.role must be 1 to 256",
    ),
    (
        "[upstream]\ntimeout_ms = 99",
        "must be 100 to 120000, is 99",
    ),
    (
        "[upstream]\ntimeout_ms = 120001",
        "must be 100 to 120000, is 120001",
    ),
    (
        "[cors]\norigins = [\"*\"]",
        "cors.origins[0] must be an origin",
    ),
    (
        "[cors]\norigins = [\"https://a.example/\"]",
        "cors.origins[0] must be an origin",
    ),
    (
        "[cors]\nmethods = [\"X\"]",
        "cors.methods[0] must be one of",
    ),
    (
        "[cors]\nheaders = [\"X-A\"]",
        "cors.headers[0] must be a header's name",
    ),
    (
        "[cors]\nexpose = [\"a b\"]",
        "cors.expose[0] must be a header's name",
    ),
    ("[cors]\nmax_age_s = 86401", "must be 0 to 86400, is 86401"),
    (
        "[headers]\nX-A = \"b\"",
        "headers.X-A must be a header's name",
    ),
    (
        "[headers]\nx-a = \"b\\r\\nc: d\"",
        "headers.x-a must be printable ASCII",
    ),
    (
        "[development]\nclient_address = \"127.0.0.1\"",
        "allowed in an overlay alone",
    ),
];

#[test]
fn every_rule_of_the_common_tables_refuses() {
    for (lines, wanted) in COMMON {
        refuses(with(lines), wanted);
    }
}

#[test]
fn every_rule_of_a_class_refuses() {
    let class = |lines: &str| with(&format!("[classes.a]\n{lines}"));
    refuses(
        class("window_s = 1"),
        "policy.toml:2:10: classes.a.limit is missing",
    );
    refuses(class("limit = 1"), "classes.a.window_s is missing");
    refuses(
        class("limit = 0\nwindow_s = 1"),
        "classes.a.limit must be 1 to 1000000, is 0",
    );
    refuses(
        class("limit = 1000001\nwindow_s = 1"),
        "must be 1 to 1000000, is 1000001",
    );
    refuses(
        class("limit = 1001\nwindow_s = 1\nstrict = true"),
        "must be 1 to 1000 in a class with strict = true, is 1001",
    );
    refuses(class("limit = 1\nwindow_s = 0"), "must be 1 to 86400, is 0");
    refuses(
        class("limit = 1\nwindow_s = 86401"),
        "must be 1 to 86400, is 86401",
    );
    refuses(
        class("limit = 1\nwindow_s = 1\nstrict = 1"),
        "must be true or false",
    );
    refuses(
        class("limit = 1\nwindow_s = 1\non_error = \"x\""),
        "one of \"open\", \"closed\"",
    );
    refuses(
        with("[classes.\"a b\"]\nlimit = 1\nwindow_s = 1"),
        "must have a name of",
    );
    refuses(
        with("classes = 1"),
        "classes must be a table, is of type integer",
    );
}

#[test]
fn a_strict_class_never_fails_open() {
    let class = "[classes.login]\nlimit = 1\nwindow_s = 1\nstrict = true\n";
    refuses(
        with(&format!("{class}on_error = \"open\"")),
        "must be \"closed\"",
    );
    assert_eq!(with(class).unwrap().classes[0].on_error, OnError::Closed);
}

#[test]
fn every_rule_of_a_route_refuses() {
    for (lines, wanted) in [
        ("methods = []", "route[0].methods must not be empty"),
        ("methods = [\"BREW\"]", "must be one of limits.methods"),
        ("host = \"a:80\"", "route[0].host must be a host name"),
        ("query = { a = 1 }", "route[0].query.a must be a string"),
        ("query = { \"\" = \"b\" }", "must have a name"),
        (
            "token = \"maybe\"",
            "must be one of \"none\", \"optional\", \"required\"",
        ),
        (
            "roles = [\"ADMIN\"]\ntoken = \"none\"",
            "needs token = \"required\"",
        ),
        (
            "roles = [\"ADMIN\"]\ntoken = \"optional\"",
            "needs token = \"required\"",
        ),
        ("roles = [\"\"]", "route[0].roles[0] must be 1 to 256"),
        (
            "aal = \"aal3\"",
            "route[0].aal must be one of \"aal1\", \"aal2\"",
        ),
        (
            "aal = \"aal2\"\ntoken = \"optional\"",
            "without a token there is no factor",
        ),
        (
            "classes = [\"x\"]",
            "must be one of the classes (general, login), is \"x\"",
        ),
        ("classes = [\"login\", \"login\"]", "is listed twice"),
        (
            "waf = \"on\"",
            "must be one of \"strict\", \"normal\", \"relaxed\", \"detect\", \"off\"",
        ),
        ("paranoia = 0", "must be 1 to 4, is 0"),
        ("paranoia = 5", "must be 1 to 4, is 5"),
        (
            "exclude = [{}]",
            "must have one of rule, tag, path, parameter",
        ),
        (
            "exclude = [{ rule = \"sqli-1\" }]",
            "exclude[0].rule is not known; the nearest is `sqli-001`, is \"sqli-1\"",
        ),
        (
            "exclude = [{ tag = \"sql\" }]",
            "exclude[0].tag is not known; the nearest is `sqli`",
        ),
        (
            "exclude = [{ path = \"a\" }]",
            "exclude[0].path must start with `/`",
        ),
        (
            "exclude = [{ parameter = \"\" }]",
            "exclude[0].parameter must be 1 to 256",
        ),
        (
            "exclude = [{ rule = \"sqli-001\", id = \"b\" }]",
            "exclude[0].id is not a known key",
        ),
        (
            "inspection_bytes = 1023",
            "must be 1024 to 10485760, is 1023",
        ),
        (
            "oversize = \"pass\"",
            "must be one of \"refuse\", \"stream\"",
        ),
        (
            "compressed_bodies = true",
            "must be a string, is of type boolean",
        ),
        (
            "graphql = { depth = 0 }",
            "route[0].graphql.depth must be 1 to 1000, is 0",
        ),
        (
            "graphql = { introspection = \"no\" }",
            "must be true or false",
        ),
        ("body = \"skip\"", "must be one of \"read\", \"stream\""),
        ("url_bytes = 16385", "must be 256 to 16384, is 16385"),
        (
            "body_bytes = 10485761",
            "must be 0 to 10485760 (limits.body_bytes), is 10485761",
        ),
        ("timeout_ms = 99", "must be 100 to 120000, is 99"),
        (
            "access = { allow = [\"x\"] }",
            "route[0].access.allow[0] must be a network",
        ),
        ("rewrite = \"/b\"", "must have as many `*` as path"),
        ("rewrite = \"b/**\"", "must start with `/`"),
        (
            "rewrite = \"/b/**\"\nanswer = { status = 200 }",
            "has no effect beside answer",
        ),
        (
            "headers = { x-a = \"\" }",
            "route[0].headers.x-a must be printable",
        ),
        (
            "answer = { body = \"a\" }",
            "route[0].answer.status is missing",
        ),
        ("answer = { status = 199 }", "must be 200 to 599, is 199"),
        ("answer = { status = 600 }", "must be 200 to 599, is 600"),
        ("answer = { status = 204, body = \"a\" }", "must be empty"),
        (
            "answer = { status = 200, content_type = \"\" }",
            "answer.content_type must be",
        ),
        (
            "clases = []",
            "route[0].clases is not a known key; the nearest is `classes`",
        ),
    ] {
        refuses(with_route(lines), wanted);
    }
}

#[test]
fn a_route_needs_a_name_of_its_own_and_a_path() {
    refuses(
        with("[[route]]\npath = \"/a\""),
        "policy.toml:2:1: route[0].name is missing",
    );
    refuses(with("[[route]]\nname = \"a\""), "route[0].path is missing");
    refuses(
        with("[[route]]\nname = \"A\"\npath = \"/a\""),
        "route[0].name must be",
    );
    refuses(
        with("[[route]]\nname = \"a\"\npath = \"/{a}\""),
        "route[0].path must hold letters",
    );
    let two = "[[route]]\nname = \"a\"\npath = \"/a\"\n[[route]]\nname = \"a\"\npath = \"/b\"";
    refuses(with(two), "route[1].name is the name of another route");
}

#[test]
fn a_route_keeps_within_the_limits() {
    let limits = "[limits]\nbody_bytes = 9\nmethods = [\"GET\"]\nhosts = [\"a.example\"]\n";
    let route = |line| {
        with(&format!(
            "{limits}[[route]]\nname = \"a\"\npath = \"/a\"\n{line}"
        ))
    };
    refuses(
        route("body_bytes = 10"),
        "must be 0 to 9 (limits.body_bytes), is 10",
    );
    refuses(
        route("methods = [\"POST\"]"),
        "must be one of limits.methods (GET), is \"POST\"",
    );
    refuses(
        route("host = \"b.example\""),
        "must be one of limits.hosts (a.example)",
    );
    assert_eq!(route("").unwrap().routes[0].body_bytes, 9);
}

#[test]
fn refuses_a_route_that_is_never_reached() {
    for (first, second) in [
        ("path = \"/x\"", "path = \"/x\""),
        (
            "path = \"/x/**\"",
            "path = \"/x/*/y\"\nmethods = [\"POST\"]",
        ),
        (
            "path = \"/x\"\nmethods = [\"GET\"]",
            "path = \"/x\"\nmethods = [\"HEAD\"]",
        ),
        ("path = \"/x\"\nhost = \"h\"", "path = \"/x\"\nhost = \"h\""),
        (
            "path = \"/x\"",
            "path = \"/x\"\nhost = \"h\"\nquery = { a = \"b\" }",
        ),
    ] {
        refuses(
            behind(first, second),
            "is never reached: route `a` takes all of it",
        );
    }
}

#[test]
fn accepts_a_route_that_is_reached_at_times() {
    for (first, second) in [
        ("path = \"/x/*\"", "path = \"/x/**\""),
        ("path = \"/x\"\nmethods = [\"GET\"]", "path = \"/x\""),
        ("path = \"/x\"\nhost = \"h\"", "path = \"/x\""),
        (
            "path = \"/x\"\nquery = { a = \"b\" }",
            "path = \"/x\"\nquery = { a = \"c\" }",
        ),
        ("path = \"/x\"\nquery = { a = \"b\" }", "path = \"/x\""),
    ] {
        assert!(behind(first, second).is_ok(), "{first} {second}");
    }
}

#[test]
fn refuses_too_long_a_text_and_too_many_routes() {
    refuses(
        with(&"#".repeat(256 * 1024)),
        "the text must be at most 262144 bytes",
    );
    let route = |n: usize| format!("[[route]]\nname = \"r{n}\"\npath = \"/{n}\"");
    let routes = |count: usize| (0..count).map(route).collect::<Vec<_>>().join("\n");
    refuses(
        with(&routes(501)),
        "route must be at most 500 routes, is 501",
    );
    assert_eq!(with(&routes(500)).unwrap().routes.len(), 500);
}
