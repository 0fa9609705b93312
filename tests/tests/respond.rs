//! What every answer carries, whoever gave it.

use gapura_tests::{Request, Response, Stack};

const SECURITY: [(&str, &str); 6] = [
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    (
        "permissions-policy",
        "geolocation=(), microphone=(), camera=()",
    ),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
];

fn values<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    response
        .headers
        .iter()
        .filter(|(known, _)| known == name)
        .map(|(_, v)| v.as_str())
        .collect()
}

#[test]
fn every_answer_has_the_security_headers_once_and_no_trace_of_the_origin() {
    let stack = Stack::start("");
    let edge = &stack.edge;
    for (what, status, answer) in [
        ("the origin's", 200, edge.get("/echo/a")),
        ("the gate's own", 200, edge.get("/.well-known/security.txt")),
        ("no route", 404, edge.get("/nowhere")),
        ("no token", 401, edge.get("/auth/v1/user")),
        (
            "an attack",
            403,
            edge.get("/echo/?q=%3Cscript%3Ealert(1)%3C/script%3E"),
        ),
        ("a limit", 414, edge.get(&format!("/{}", "a".repeat(3000)))),
        (
            "a method",
            405,
            edge.send(&Request::new("TRACE", "/echo/a")),
        ),
    ] {
        assert_eq!(answer.status, status, "{what}");
        for (name, value) in SECURITY {
            assert_eq!(values(&answer, name), [value], "{what}");
        }
        assert_eq!(values(&answer, "x-request-id").len(), 1, "{what}");
        for name in [
            "server",
            "x-powered-by",
            "gapura-instance",
            "gapura-outcome",
        ] {
            assert_eq!(answer.header(name), None, "{what}");
        }
        if status >= 400 {
            answer.problem();
            let id = answer.header("x-request-id").unwrap().to_owned();
            assert_eq!(
                answer.json()["instance"],
                format!("urn:gapura:request:{id}"),
                "{what}"
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        }
    }
}

#[test]
fn only_listed_origins_may_read_across() {
    let stack = Stack::start("");
    let ask = |origin: &str| {
        stack
            .edge
            .send(&Request::new("GET", "/echo/a").header("Origin", origin))
    };
    let listed = ask("http://localhost:5173");
    assert_eq!(
        listed.header("access-control-allow-origin"),
        Some("http://localhost:5173")
    );
    assert_eq!(
        listed.header("access-control-allow-credentials"),
        Some("true")
    );
    assert!(
        listed
            .header("access-control-expose-headers")
            .unwrap()
            .contains("x-request-id")
    );
    assert!(values(&listed, "vary").contains(&"Origin"));
    for origin in [
        "https://evil.example",
        "http://localhost:5173.evil.example",
        "null",
    ] {
        let foreign = ask(origin);
        assert_eq!(
            foreign.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
        assert!(values(&foreign, "vary").contains(&"Origin"));
    }
}

#[test]
fn a_preflight_is_answered_by_the_gate() {
    let stack = Stack::start("");
    let ask = |origin: &str| {
        stack.edge.send(
            &Request::new("OPTIONS", "/auth/v1/user")
                .header("Origin", origin)
                .header("Access-Control-Request-Method", "GET")
                .header("Access-Control-Request-Headers", "authorization, apikey"),
        )
    };
    let allowed = ask("http://localhost:5173");
    assert_eq!(allowed.status, 204);
    assert!(
        allowed
            .header("access-control-allow-headers")
            .unwrap()
            .contains("apikey")
    );
    assert!(
        allowed
            .header("access-control-allow-methods")
            .unwrap()
            .contains("DELETE")
    );
    assert_eq!(allowed.header("access-control-max-age"), Some("600"));
    let refused = ask("https://evil.example");
    assert_eq!(
        (
            refused.status,
            refused.header("access-control-allow-methods")
        ),
        (204, None)
    );
}

#[test]
fn access_lists_close_routes() {
    let stack = Stack::start(
        r#"
[access]
deny = ["203.0.113.0/24"]
deny_countries = ["KP"]

[[route]]
name = "office"
path = "/office/**"
rewrite = "/echo/**"
token = "none"
classes = []
access = { allow = ["198.51.100.0/24"] }
"#,
    );
    let ask =
        |target: &str, client: &str| stack.edge.send(&Request::new("GET", target).from(client));
    assert_eq!(ask("/echo/a", "203.0.113.9").problem(), "access-denied");
    assert_eq!(ask("/office/a", "192.0.2.1").problem(), "access-denied");
    assert_eq!(ask("/office/a", "198.51.100.3").status, 200);
    let country = Request::new("GET", "/echo/a").header("CF-IPCountry", "KP");
    assert_eq!(stack.edge.send(&country).problem(), "access-denied");
}
