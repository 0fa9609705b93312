//! What a route is when little or much is said, and who takes a request.

use super::{behind, taken_by, with, with_route};
use crate::{
    policy::{BodyUse, Found, TokenNeed},
    waf,
};
use gapura_shared::claims::Assurance;

#[test]
fn a_route_says_little_and_gets_the_defaults() {
    let policy = with_route("").unwrap();
    let route = &policy.routes[0];
    assert_eq!(route.methods, policy.limits.methods);
    assert_eq!(
        (route.token, route.body),
        (TokenNeed::Required, BodyUse::Read)
    );
    assert_eq!(policy.classes[route.classes[0].class].name, "general");
    assert_eq!((route.waf.mode, route.waf.paranoia), (waf::Mode::Normal, 1));
    assert_eq!((route.body_bytes, route.timeout_ms), (10_485_760, 30_000));
    assert!(route.headers.is_empty() && route.answer.is_none() && route.rewrite.is_none());
    let no_general = with("[[route]]\nname = \"a\"\npath = \"/\"").unwrap();
    assert!(no_general.routes[0].classes.is_empty());
}

#[test]
fn a_route_gets_what_it_says() {
    let policy = with_route(
        "methods = [\"POST\"]\nhost = \"h\"\nquery = { a = \"b\" }\nroles = [\"ADMIN\"]\naal = \"aal2\"\n\
         classes = [\"login\"]\nwaf = \"strict\"\nparanoia = 4\nexclude = [{ tag = \"xss\", parameter = \"q\" }]\n\
         body = \"stream\"\nbody_bytes = 5\naccess = { allow = [\"10.0.0.0/8\"], deny_countries = [\"T1\"] }\n\
         rewrite = \"/b/**\"\ntimeout_ms = 100\nheaders = { x-frame-options = \"SAMEORIGIN\" }",
    )
    .unwrap();
    let route = &policy.routes[0];
    assert_eq!(
        (route.methods[0].as_str(), route.host.as_deref()),
        ("POST", Some("h"))
    );
    assert_eq!(route.query, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(route.roles, ["ADMIN"]);
    assert_eq!(route.assurance, Assurance::Aal2);
    assert_eq!(policy.classes[route.classes[0].class].name, "login");
    assert_eq!((route.waf.mode, route.waf.paranoia), (waf::Mode::Strict, 4));
    assert_eq!(route.waf.exclusions[0].tag.as_deref(), Some("xss"));
    assert_eq!(
        (route.body, route.body_bytes, route.timeout_ms),
        (BodyUse::Stream, 5, 100)
    );
    assert_eq!(route.access.allow.len(), 1);
    assert_eq!(route.access.deny_countries, ["T1"]);
    let rewritten = route.rewrite.as_ref().unwrap().rewrite(&route.path, "/a/x");
    assert_eq!(rewritten.as_deref(), Some("/b/x"));
    let own = ("x-frame-options".to_owned(), "SAMEORIGIN".to_owned());
    assert_eq!(route.headers, [own]);
}

#[test]
fn a_routes_url_may_be_longer_or_shorter_than_others() {
    let limits = "[limits]\nurl_bytes = 1000\n[[route]]\nname = \"a\"\npath = \"/a\"\n";
    let route = |line| with(&format!("{limits}{line}")).unwrap();
    for (line, own, longest) in [
        ("", 1_000, 1_000),
        ("url_bytes = 300", 300, 1_000),
        ("url_bytes = 16384", 16_384, 16_384),
    ] {
        let policy = route(line);
        assert_eq!(policy.routes[0].url_bytes, own);
        assert_eq!(policy.longest_url(), longest);
    }
}

#[test]
fn an_empty_common_header_is_taken_away() {
    let policy = with("[headers]\nx-frame-options = \"\"\nx-a = \"b\"").unwrap();
    assert!(
        policy
            .headers
            .iter()
            .all(|(name, _)| name != "x-frame-options")
    );
    assert!(policy.headers.contains(&("x-a".to_owned(), "b".to_owned())));
}

#[test]
fn head_fits_where_get_does_and_hosts_are_told_apart() {
    let policy = behind(
        "path = \"/x\"\nmethods = [\"GET\"]\nhost = \"g\"",
        "path = \"/x\"\nmethods = [\"GET\"]\nhost = \"h\"",
    )
    .unwrap();
    assert_eq!(taken_by(&policy, "HEAD", "/x", ""), "b");
    assert_eq!(taken_by(&policy, "POST", "/x", ""), "405 GET,HEAD");
    assert!(matches!(policy.route("GET", "i", "/x", ""), Found::None));
}
