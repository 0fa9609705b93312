//! Rate windows, kept by real Durable Objects.

use gapura_tests::{Edge, Request, Response, Stack, harness::counted};
use serde_json::json;
use std::time::Instant;

fn login(client: &str) -> Request {
    Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({"email": "nobody@example.test", "password": "wrong password"}))
        .from(client)
}

fn remaining(response: &Response, class: &str) -> u32 {
    let limit = response.header("ratelimit").unwrap();
    let rest = limit
        .strip_prefix(&format!("\"{class}\";r="))
        .unwrap_or_else(|| panic!("{limit}"));
    rest.split(';').next().unwrap().parse().unwrap()
}

fn seconds(response: &Response) -> u64 {
    response.header("retry-after").unwrap().parse().unwrap()
}

#[test]
fn the_hundred_and_first_request_is_refused_and_others_are_not() {
    let stack = Stack::start("");
    let ask = |client: &str| {
        stack
            .edge
            .send(&Request::new("GET", "/echo/a").from(client))
    };
    for n in 0..100 {
        let admitted = ask("192.0.2.1");
        assert_eq!(
            (admitted.status, remaining(&admitted, "general")),
            (200, 99 - n)
        );
    }
    let refused = ask("192.0.2.1");
    assert_eq!(
        (refused.status, refused.problem()),
        (429, "rate-limited".into())
    );
    // The first of them leaves after the window and at most one slot of it (1/256).
    let wait = seconds(&refused);
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(remaining(&refused, "general"), 0);
    stack.edge.await_log("RATE_LIMIT_EXCEEDED");
    assert_eq!(ask("192.0.2.2").status, 200);
}

#[test]
fn sign_ups_and_token_refreshes_have_their_own_windows() {
    let stack = Stack::start("");
    let sign_up = |n: u32| {
        let body = json!({"email": format!("u{n}@example.test"), "password": "a long password"});
        stack.edge.send(
            &Request::new("POST", "/auth/v1/signup")
                .json(&body)
                .from("192.0.2.9"),
        )
    };
    let start = Instant::now();
    for n in 0..3 {
        assert_eq!(sign_up(n).status, 200);
    }
    let fourth = sign_up(3);
    let passed = start.elapsed().as_secs() + 1;
    assert_eq!(fourth.status, 429);
    let wait = seconds(&fourth);
    assert!((300 - passed..=300).contains(&wait), "{wait}");

    let refresh = Request::new("POST", "/auth/v1/token?grant_type=refresh_token")
        .json(&json!({"refresh_token": "unknown"}))
        .from("192.0.2.10");
    for _ in 0..20 {
        assert_eq!(stack.edge.send(&refresh).status, 400);
    }
    assert_eq!(stack.edge.send(&refresh).status, 429);
}

#[test]
fn strict_windows_survive_the_loss_of_every_isolate() {
    let mut stack = Stack::start("");
    for _ in 0..5 {
        assert_eq!(stack.edge.send(&login("192.0.2.3")).status, 400);
    }
    stack.edge.restart();
    // Its fifth failure bans it as well, if that was stored by then.
    let sixth = stack.edge.send(&login("192.0.2.3")).status;
    assert!(matches!(sixth, 429 | 403), "{sixth}");
    assert_eq!(stack.edge.send(&login("192.0.2.4")).status, 400);
}

#[test]
fn an_ipv6_client_is_its_64() {
    let stack = Stack::start("");
    let ask = |client: &str| {
        stack
            .edge
            .send(&Request::new("GET", "/echo/a").from(client))
            .status
    };
    for n in 0..100 {
        assert_eq!(ask(&format!("2001:db8:1:2::{n}")), 200);
    }
    assert_eq!(ask("2001:db8:1:2:ffff::1"), 429);
    assert_eq!(ask("2001:db8:1:3::1"), 200);
}

#[test]
fn refused_requests_count() {
    let stack = Stack::start("");
    // Of an address that is never banned: others are, long before the window is used up.
    let guess = Request::new("GET", "/auth/v1/user").bearer("guess");
    for _ in 0..100 {
        assert_eq!(stack.edge.send(&guess).status, 401);
    }
    assert_eq!(
        stack.edge.send(&guess).status,
        429,
        "tokens cannot be guessed at leisure"
    );

    let stack = Stack::start("");
    let attack = Request::new("GET", "/echo/?q=%3Cscript%3Ealert(1)%3C/script%3E");
    for _ in 0..100 {
        assert_eq!(stack.edge.send(&attack).status, 403);
    }
    assert_eq!(stack.edge.send(&attack).status, 429);
}

#[test]
fn parallel_logins_are_counted_exactly() {
    let stack = Stack::start("");
    let edge: &Edge = &stack.edge;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..30)
            .map(|_| scope.spawn(|| edge.send(&login("192.0.2.7")).status))
            .collect();
        asked
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 400).count(),
        5,
        "{statuses:?}"
    );
    // Whoever is late finds itself banned: five wrong logins, or ten refusals.
    let refused = statuses
        .iter()
        .filter(|status| matches!(**status, 429 | 403));
    assert_eq!(refused.count(), 25, "{statuses:?}");
}

#[test]
fn a_short_window_empties_and_a_long_one_outlives_its_alarm() {
    let mut stack = Stack::start(
        &(counted(
            "brief",
            "limit = 2\nwindow_s = 1\nstrict = true\non_error = \"closed\"",
        ) + &counted(
            "long",
            "limit = 1\nwindow_s = 300\nstrict = true\non_error = \"closed\"",
        )),
    );
    assert_eq!(stack.edge.get("/long").status, 200);
    for _ in 0..2 {
        assert_eq!(stack.edge.get("/brief").status, 200);
    }
    assert_eq!(stack.edge.get("/brief").status, 429);
    // Behind the brief window, and behind an alarm at its end if there were one.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    // Nothing is asked in between: what is in memory must not be stored anew.
    stack.edge.restart();
    assert_eq!(
        stack.edge.get("/long").status,
        429,
        "it was stored and is not forgotten"
    );
    assert_eq!(stack.edge.get("/brief").status, 200);
}
