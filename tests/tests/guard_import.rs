//! A block list of real size, through the real object: what it costs to bring it in, that it holds,
//! that the others are answered meanwhile, and that bringing it in again writes little.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response, token};
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

const NETWORKS: u32 = 80_000;

/// Of addresses that are on the Internet: 32.0.0.0 and every 101st from there.
fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x2000_0000 + n * 101)
}

/// A route that asks the Ledger at each request.
const STRICT: &str = "\n[[route]]\nname = \"money\"\npath = \"/money\"\nrewrite = \"/echo/money\"\n\
    token = \"required\"\nclasses = []\nrevocation = \"strict\"\n";

fn is_full(event: &Value) -> bool {
    event["event"] == "GUARD_FULL" && event["target"] == "ledger"
}

fn list(numbers: impl Iterator<Item = u32>) -> String {
    let lines: Vec<_> = numbers.map(|n| address(n).to_string()).collect();
    lines.join("\n")
}

fn operator() -> String {
    token::token(&token::claims_with("role", json!("admin")))
}

/// With a reason as long as one may be, so that it is more than fits into one message.
fn import(edge: &Edge, list: &str) -> Response {
    let path = format!("/_gapura/v1/import?list=big&reason={}", "r".repeat(250));
    let request = Request::new("POST", &path).bearer(&operator());
    edge.send(&request.body("text/plain", list))
}

fn of_user(client: &str) -> Request {
    let request = Request::new("GET", "/echo/a").from(client);
    request.bearer(&token::token(&token::claims()))
}

/// A copy of the Ledger may be two seconds old.
fn until(holds: impl Fn() -> bool) {
    for _ in 0..300 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("it does not come");
}

#[test]
fn eighty_thousand_networks_come_in_hold_and_come_in_again_for_little() {
    let origin = Origin::start();
    let mut config = EdgeConfig::with_tokens(&origin, STRICT);
    config.overlay = config
        .overlay
        .replace("closed_budget_ms = 2_000", "closed_budget_ms = 5_000");
    let edge = Edge::start(&config.instrumented().second());
    assert_eq!(edge.send(&of_user("192.0.2.1")).status, 200);

    let bearer = token::token(&token::claims());
    let mut slowest = Duration::ZERO;
    let done = thread::scope(|scope| {
        let begun = Instant::now();
        let importing = scope.spawn(|| import(&edge, &list(0..NETWORKS)));
        // Everybody else is served meanwhile.
        for n in (0..250).cycle() {
            if importing.is_finished() {
                break;
            }
            let sent = Instant::now();
            // With the Ledger's own word, each time.
            let money = Request::new("GET", "/money").from(&format!("192.0.2.{n}"));
            let answer = edge.elsewhere(&money.bearer(&bearer));
            slowest = slowest.max(sent.elapsed());
            assert_eq!(answer.status, 200, "{}", answer.text());
            thread::sleep(Duration::from_millis(100));
        }
        println!(
            "{NETWORKS} networks: {:?}, another waited {slowest:?} at most",
            begun.elapsed()
        );
        importing.join().unwrap()
    });
    assert!(edge.events(is_full).is_empty());
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["added"], NETWORKS);

    for n in [0, 1, NETWORKS / 2, NETWORKS - 1] {
        let request = of_user(&address(n).to_string());
        let is_banned = |answer: &Response| answer.status == 403 && answer.problem() == "banned";
        until(|| is_banned(&edge.send(&request)));
        until(|| is_banned(&edge.elsewhere(&request)));
    }
    assert_eq!(edge.send(&of_user("192.0.2.3")).status, 200);

    // One more than there is room for before the other has gone.
    let too_long = import(&edge, &list(1..=NETWORKS));
    assert_eq!(too_long.status, 507, "{}", too_long.text());
    let told = edge.await_events(is_full, 1);
    assert_eq!(told.len(), 1, "{told:?}");
    // The next day: one has left.
    let told = import(&edge, &list(1..NETWORKS)).json();
    assert_eq!(
        (&told["added"], &told["changed"], &told["lifted"]),
        (&json!(0), &json!(0), &json!(1))
    );
    let lifted = of_user(&address(0).to_string());
    until(|| edge.elsewhere(&lifted).status == 200);

    let out = Request::new("GET", "/_gapura/v1/export?format=cidr").bearer(&operator());
    let out = edge.send(&out);
    assert_eq!(out.status, 200, "{}", out.text());
    let networks = out
        .text()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .count();
    assert_eq!(networks, 79_999);
}
