//! A shard that is full, with as many clients as the real one holds, in workerd.

use gapura_tests::{Edge, EdgeConfig, Origin, Request};
use serde_json::{Value, json};
use std::fs;

/// As many as a shard holds: `guard::shard::MAX_SUBJECTS`.
const MAX_SUBJECTS: u32 = 50_000;
/// What the platform gives an isolate.
const ISOLATE_BYTES: u64 = 128 << 20;

fn login(client: &str) -> Request {
    Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({"email": format!("{client}@example.test"), "password": "wrong password"}))
        .from(client)
}

fn read(client: &str) -> Request {
    Request::new("GET", "/echo/a").from(client)
}

fn is_full(event: &Value) -> bool {
    event["event"] == "GUARD_FULL" && event["target"] == "guard"
}

fn resident_bytes(edge: &Edge) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", edge.process_id()));
    let status = status.expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.expect("its memory").split_whitespace().nth(1);
    words.expect("a number").parse::<u64>().expect("kilobytes") * 1_024
}

#[test]
fn a_full_shard_refuses_logins_for_a_moment_says_so_and_forgets_nothing_that_is_stored() {
    let origin = Origin::start();
    let mut config = EdgeConfig::with_tokens(&origin, "").instrumented();
    config.overlay = config.overlay.replace("[guard]\n", "[guard]\nshards = 1\n");
    let edge = Edge::start(&config);
    // Stored before: a ban, and three logins of five.
    for _ in 0..2 {
        let probe = Request::new("GET", "/.env").from("192.0.2.66");
        assert_eq!(edge.send(&probe).status, 403);
    }
    edge.await_log("\"BAN_ADDED\"");
    for _ in 0..3 {
        assert_eq!(edge.send(&login("192.0.2.1")).status, 400);
    }
    // Time stands still: so much comes at once.
    edge.stop_clock();
    assert_eq!(edge.send(&read("10.9.9.9")).status, 200);
    let before = resident_bytes(&edge);
    let mut first = 0;
    // What was quiet makes room once in a second, for as many as there were.
    while edge.crowd("10.9.9.9", first, 5_000) == 5_000 {
        first += 5_000;
        assert!(first <= 2 * MAX_SUBJECTS, "it has no bound");
    }
    assert!(first >= MAX_SUBJECTS, "{first}");
    let grown = resident_bytes(&edge).saturating_sub(before);
    assert!(grown <= ISOLATE_BYTES, "{grown} bytes");

    // Whoever is new is not counted: a class that is closed refuses, one that is open does not.
    let refused = edge.send(&login("192.0.2.2"));
    assert_eq!(
        (refused.status, refused.problem()),
        (503, "guard-unavailable".into())
    );
    assert_eq!(edge.send(&read("192.0.2.3")).status, 200);
    assert_eq!(edge.send(&read("192.0.2.66")).problem(), "banned");
    let told = edge.await_events(is_full, 1);
    assert_eq!(told.len(), 1, "once a minute: {told:?}");

    edge.shift_clock(1_100);
    assert_eq!(edge.send(&login("192.0.2.2")).status, 400);
    edge.evict();
    for _ in 0..2 {
        assert_eq!(edge.send(&login("192.0.2.1")).status, 400);
    }
    let sixth = edge.send(&login("192.0.2.1"));
    assert!(matches!(sixth.status, 429 | 403), "{}", sixth.status);
}
