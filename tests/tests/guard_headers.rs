//! `RateLimit`, `RateLimit-Policy` and `Retry-After` of classes of every shape, by real objects.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response, token};
use serde_json::json;

const CLASSES: &str = r#"
[classes.slow]
limit = 1
window_s = 10
strict = true
on_error = "closed"

[classes.by-user]
limit = 1
window_s = 300
subject = "user"
strict = true
on_error = "closed"

[classes.spiky]
limit = 10
window_s = 60
burst = 2
strict = true
on_error = "closed"

[classes.dear]
limit = 10
window_s = 60
strict = true
on_error = "closed"

[[route]]
name = "by-user"
path = "/by-user"
rewrite = "/echo/user"
token = "required"
classes = ["by-user", "general"]

[[route]]
name = "both"
path = "/both"
rewrite = "/echo/both"
token = "required"
classes = ["slow", "by-user"]

[[route]]
name = "spiky"
path = "/spiky"
rewrite = "/echo/spiky"
token = "none"
classes = ["spiky"]

[[route]]
name = "cheap"
path = "/cheap"
rewrite = "/echo/cheap"
token = "none"
classes = ["dear"]

[[route]]
name = "dear"
path = "/dear"
rewrite = "/echo/dear"
token = "none"
classes = [{ class = "dear", cost = 4 }]
"#;

fn edge(origin: &Origin) -> Edge {
    let config = EdgeConfig::with_tokens(origin, "");
    Edge::start(&config.overlay(CLASSES).instrumented())
}

fn bearer(user: &str) -> String {
    token::token(&token::claims_with("user_id", json!(user)))
}

fn ask(edge: &Edge, path: &str, client: &str) -> Response {
    let request = Request::new("GET", path).bearer(&bearer("ana"));
    edge.send(&request.from(client))
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.header(name).unwrap_or_default()
}

/// A number behind `;<key>=` in a header's first item.
fn number(text: &str, key: &str) -> u64 {
    let (_, rest) = text.split_once(&format!(";{key}=")).unwrap();
    let digits = rest.split([';', ',']).next().unwrap();
    digits.parse().unwrap()
}

fn retry_after(response: &Response) -> u64 {
    header(response, "retry-after").parse().unwrap()
}

#[test]
fn a_refusal_out_of_memory_says_as_much_as_the_objects_own() {
    let origin = Origin::start();
    let edge = edge(&origin);
    assert_eq!(ask(&edge, "/by-user", "192.0.2.1").status, 200);
    let policy = "\"by-user\";q=1;w=300, \"general\";q=100;w=60";
    for n in 0..3 {
        let refused = ask(&edge, "/by-user", &format!("192.0.2.{}", 2 + n));
        assert_eq!(refused.status, 429);
        let limit = header(&refused, "ratelimit");
        assert!(limit.starts_with("\"by-user\";r=0;t="), "{n}: {limit}");
        let told: Vec<_> = header(&refused, "ratelimit-policy").split(", ").collect();
        for class in policy.split(", ") {
            assert!(told.contains(&class), "{n}: {told:?}");
        }
    }
}

#[test]
fn no_window_is_said_to_be_longer_than_it_is() {
    let origin = Origin::start();
    let mut edge = edge(&origin);
    let first = ask(&edge, "/echo/a", "192.0.2.10");
    assert_eq!(number(header(&first, "ratelimit"), "r"), 99);
    assert!(number(header(&first, "ratelimit"), "t") <= 60);
    // What is taken to have been used before lies ahead.
    edge.restart();
    let second = ask(&edge, "/echo/a", "192.0.2.10");
    assert!(number(header(&second, "ratelimit"), "t") <= 60);
}

#[test]
fn who_waits_as_long_as_the_answer_says_is_refused_by_none_of_its_classes() {
    let origin = Origin::start();
    let edge = edge(&origin);
    assert_eq!(ask(&edge, "/both", "192.0.2.20").status, 200);
    let refused = ask(&edge, "/both", "192.0.2.20");
    assert_eq!(refused.status, 429);
    assert!(retry_after(&refused) > 200, "{}", retry_after(&refused));
    assert!(header(&refused, "ratelimit").contains(";r=0;"));
}

#[test]
fn a_burst_is_a_window_of_a_second_and_is_told_as_one() {
    let origin = Origin::start();
    let edge = edge(&origin);
    edge.stop_clock();
    let policy = "\"spiky\";q=10;w=60, \"spiky-burst\";q=2;w=1";
    for left in [1, 0] {
        let admitted = ask(&edge, "/spiky", "192.0.2.30");
        assert_eq!(admitted.status, 200);
        assert_eq!(header(&admitted, "ratelimit-policy"), policy);
        let limit = format!("\"spiky-burst\";r={left};t=1");
        assert_eq!(header(&admitted, "ratelimit"), limit);
    }
    for _ in 0..2 {
        let refused = ask(&edge, "/spiky", "192.0.2.30");
        assert_eq!((refused.status, retry_after(&refused)), (429, 1));
        assert_eq!(header(&refused, "ratelimit"), "\"spiky-burst\";r=0;t=1");
        assert_eq!(header(&refused, "ratelimit-policy"), policy);
    }
    for second in 1..5 {
        edge.shift_clock(1_000 * second);
        let statuses: Vec<_> = (0..3)
            .map(|_| ask(&edge, "/spiky", "192.0.2.30").status)
            .collect();
        assert_eq!(statuses, [200, 200, 429], "{second}");
    }
    edge.shift_clock(5_000);
    let refused = ask(&edge, "/spiky", "192.0.2.30");
    assert_eq!((refused.status, retry_after(&refused)), (429, 55));
    assert_eq!(header(&refused, "ratelimit"), "\"spiky\";r=0;t=55");
}

#[test]
fn a_route_may_cost_more_of_a_class() {
    let origin = Origin::start();
    let edge = edge(&origin);
    for left in [6, 2] {
        let admitted = ask(&edge, "/dear", "192.0.2.40");
        assert_eq!(admitted.status, 200);
        assert_eq!(number(header(&admitted, "ratelimit"), "r"), left);
    }
    let refused = ask(&edge, "/dear", "192.0.2.40");
    assert_eq!(refused.status, 429);
    assert_eq!(number(header(&refused, "ratelimit"), "r"), 2);
    let statuses: Vec<_> = (0..3)
        .map(|_| ask(&edge, "/cheap", "192.0.2.40").status)
        .collect();
    assert_eq!(statuses, [200, 200, 429], "two of the ten are left");
}
