//! How long a request waits for objects that are far away: for those whose silence refuses it,
//! longer than for the others.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, token};
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";
/// Farther away than the shipped `budget_ms`, and nearer than what is waited for.
const FAR_MS: &str = "400";

/// A route that asks the Ledger at each request.
const STRICT: &str = "\n[[route]]\nname = \"money\"\npath = \"/money\"\nrewrite = \"/echo/money\"\n\
    token = \"required\"\nclasses = []\nrevocation = \"strict\"\n";

/// With the budgets as shipped, but for a loaded machine's patience with what is waited for.
fn shipped(origin: &Origin) -> Edge {
    shipped_with(origin, STRICT)
}

fn shipped_with(origin: &Origin, overlay: &str) -> Edge {
    let config = EdgeConfig::with_tokens(origin, overlay);
    let mut config = config.instrumented().second();
    config.overlay = config
        .overlay
        .replace("closed_budget_ms = 2_000", "closed_budget_ms = 5_000")
        .replace("\nbudget_ms = 2_000", "\nbudget_ms = 50");
    Edge::start(&config)
}

fn sign_up(edge: &Edge, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let done = edge.send(&Request::new("POST", "/auth/v1/signup").json(&body));
    assert_eq!(done.status, 200, "{}", done.text());
    let login = Request::new("POST", "/auth/v1/token?grant_type=password").json(&body);
    let session = edge.send(&login.from("192.0.2.2")).json();
    session["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_far_ledger_is_waited_for_where_a_token_is_to_be_believed() {
    let origin = Origin::start();
    let edge = shipped(&origin);
    edge.fault("ledger", FAR_MS);
    let bearer = sign_up(&edge, "dewi@example.test");
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    let money = Request::new("GET", "/money").bearer(&bearer);
    assert_eq!(edge.send(&user).status, 200);
    assert_eq!(edge.send(&money).status, 200, "a strict route");
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    assert_eq!(edge.send(&logout).status, 204);
    // Who shows no token waits no longer than before, and learns nothing for the next one.
    let read = Request::new("GET", "/echo/a");
    assert_eq!(edge.elsewhere(&read).status, 200);
    assert_eq!(
        edge.elsewhere(&user).status,
        401,
        "an isolate without a copy"
    );
    let operator = token::token(&token::claims_with("role", json!("admin")));
    let bans = Request::new("GET", "/_gapura/v1/bans").bearer(&operator);
    assert_eq!(edge.send(&bans).status, 200);
}

#[test]
fn a_token_is_not_believed_by_an_isolate_that_never_heard_of_the_ledger() {
    let origin = Origin::start();
    let edge = shipped(&origin);
    let bearer = sign_up(&edge, "made@example.test");
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    assert_eq!(edge.send(&user).status, 200);
    edge.fault("ledger", "fail");
    assert_eq!(edge.elsewhere(&user).problem(), "ledger-unavailable");
    assert_eq!(edge.elsewhere(&Request::new("GET", "/echo/a")).status, 200);
    assert_eq!(edge.send(&user).status, 200, "an older copy serves on");
    edge.fault("ledger", "");
    assert_eq!(edge.elsewhere(&user).status, 200);
}

/// What the object says of the second request would refuse it: it has passed by then.
#[test]
fn a_far_shard_is_not_waited_for_where_its_silence_lets_pass() {
    const FEW: &str = "\n[classes.few]\nlimit = 1\nwindow_s = 60\non_error = \"open\"\n\
        [[route]]\nname = \"few\"\npath = \"/few\"\ntoken = \"none\"\nclasses = [\"few\"]\n\
        [route.answer]\nstatus = 200\ncontent_type = \"text/plain\"\nbody = \"ok\"\n";
    let origin = Origin::start();
    let edge = shipped_with(&origin, FEW);
    let few = Request::new("GET", "/few").from("192.0.2.3");
    edge.fault("guard", "4000");
    assert_eq!([0; 2].map(|_| edge.send(&few).status), [200, 200]);
    // The same where it is near.
    edge.fault("guard", "");
    let near = Request::new("GET", "/few").from("192.0.2.4");
    assert_eq!([0; 2].map(|_| edge.send(&near).status), [200, 429]);
}

#[test]
fn a_far_shard_is_waited_for_where_its_silence_refuses() {
    let origin = Origin::start();
    let edge = shipped(&origin);
    edge.fault("guard", FAR_MS);
    let body = json!({"email": "ana@example.test", "password": "wrong horse"});
    let login = Request::new("POST", "/auth/v1/token?grant_type=password").json(&body);
    assert_eq!(edge.send(&login.from("192.0.2.1")).status, 400);
}
