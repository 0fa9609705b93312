//! What the Guard does when its objects fail, are slow, are evicted, and what it costs.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};

fn read(client: &str) -> Request {
    Request::new("GET", "/echo/a").from(client)
}

fn login(client: &str, email: &str) -> Request {
    Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({"email": email, "password": "wrong password"}))
        .from(client)
}

const BUSY: &str = "\n[classes.busy]\nlimit = 3000\nwindow_s = 60\non_error = \"open\"\n\
    [[route]]\nname = \"busy\"\npath = \"/busy\"\ntoken = \"none\"\nclasses = [\"busy\"]\n\
    [route.answer]\nstatus = 200\ncontent_type = \"text/plain\"\nbody = \"ok\"\n";

/// For how long an isolate lets a Ledger alone that failed.
const PATIENCE_MS: i64 = 1_000;

#[test]
fn at_fifty_requests_a_second_a_tenth_of_them_asks_at_most() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, BUSY);
    let busy = Request::new("GET", "/busy").from("192.0.2.1");
    let (before, start) = (edge.asked().0, Instant::now());
    let mut admitted = 0_u64;
    while start.elapsed() < Duration::from_secs(6) {
        assert_eq!(edge.send(&busy).status, 200);
        admitted += 1;
        let due = Duration::from_millis(20 * admitted);
        thread::sleep(due.saturating_sub(start.elapsed()));
    }
    let asked = edge.asked().0 - before;
    assert!(admitted >= 150, "{admitted}");
    assert!(
        asked * 10 <= admitted,
        "{asked} questions for {admitted} requests"
    );
}

#[test]
fn a_flood_beyond_the_limit_asks_once_and_never_gets_more() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, &BUSY.replace("3000", "40"));
    let busy = Request::new("GET", "/busy").from("192.0.2.2");
    let admitted = (0..60).filter(|_| edge.send(&busy).status == 200).count();
    assert!((30..=40).contains(&admitted), "{admitted}");
    let before = edge.asked().0;
    let again = (0..100).filter(|_| edge.send(&busy).status == 200).count();
    assert_eq!(again, 0);
    assert!(
        edge.asked().0 - before <= 1,
        "but for the one report of its strikes"
    );
}

#[test]
fn a_slow_object_is_given_up_in_time_and_the_class_decides() {
    let origin = Origin::start();
    let config = EdgeConfig::for_origin(&origin).instrumented();
    let overlay = config
        .overlay
        .replace("budget_ms = 2_000", "budget_ms = 50");
    let edge = Edge::start(&EdgeConfig { overlay, ..config });
    assert_eq!(edge.send(&read("192.0.2.3")).status, 200);
    edge.fault("guard", "3000");
    let start = Instant::now();
    assert_eq!(edge.send(&read("192.0.2.4")).status, 200, "open");
    let refused = edge.send(&login("192.0.2.4", "a@example.test"));
    assert_eq!(
        (refused.status, refused.problem()),
        (503, "guard-unavailable".into())
    );
    assert!(
        start.elapsed() < Duration::from_millis(2_500),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_login_that_was_refused_for_a_slow_object_is_not_counted() {
    let origin = Origin::start();
    let config = EdgeConfig::for_origin(&origin).instrumented();
    let overlay = config
        .overlay
        .replace("budget_ms = 2_000", "budget_ms = 500");
    let edge = Edge::start(&EdgeConfig { overlay, ..config });
    edge.fault("guard", "1500");
    let before = edge.asked().0;
    for _ in 0..5 {
        let refused = edge.send(&login("192.0.2.9", "d@example.test"));
        assert_eq!(refused.problem(), "guard-unavailable");
    }
    // The address and the account of each are asked about, and told to take it back.
    let await_asked = |count| {
        let mut asked = 0;
        for _ in 0..1_200 {
            asked = edge.asked().0 - before;
            if asked >= count {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("{asked} of {count}");
    };
    await_asked(20);
    // One that comes later, and is taken back when the others are.
    assert_eq!(
        edge.send(&login("192.0.2.10", "e@example.test")).status,
        503
    );
    await_asked(24);
    edge.fault("guard", "");
    assert_eq!(edge.send(&login("192.0.2.9", "d@example.test")).status, 400);
}

#[test]
fn a_failing_object_refuses_logins_and_comes_back() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    edge.fault("guard", "fail");
    assert_eq!(edge.send(&login("192.0.2.5", "b@example.test")).status, 503);
    assert_eq!(edge.send(&read("192.0.2.5")).status, 200);
    edge.fault("guard", "");
    assert_eq!(edge.send(&login("192.0.2.5", "b@example.test")).status, 400);
}

#[test]
fn an_evicted_object_forgets_no_strict_admission() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    for _ in 0..3 {
        assert_eq!(edge.send(&login("192.0.2.6", "c@example.test")).status, 400);
        edge.evict();
    }
    for _ in 0..2 {
        assert_eq!(edge.send(&login("192.0.2.6", "c@example.test")).status, 400);
    }
    edge.evict();
    let sixth = edge.send(&login("192.0.2.6", "c@example.test"));
    assert!(matches!(sixth.status, 429 | 403), "{}", sixth.status);
}

#[test]
fn what_one_subject_refuses_costs_the_other_nothing() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    for _ in 0..5 {
        let _ = edge.send(&login("192.0.2.7", "d@example.test"));
    }
    // Refused by its address: the account's window must stay as it is.
    for _ in 0..30 {
        let _ = edge.send(&login("192.0.2.7", "d@example.test"));
    }
    thread::sleep(Duration::from_millis(300));
    assert_eq!(edge.send(&login("192.0.2.8", "d@example.test")).status, 400);
}

#[test]
fn an_answer_that_comes_too_late_for_its_request_is_learnt_for_the_next() {
    let origin = Origin::start();
    let config = EdgeConfig::for_origin(&origin).instrumented();
    let overlay = config
        .overlay
        .replace("budget_ms = 2_000", "budget_ms = 50");
    let overlay = format!("{overlay}{}", BUSY.replace("3000", "2"));
    let edge = Edge::start(&EdgeConfig { overlay, ..config });
    let busy = Request::new("GET", "/busy").from("192.0.2.60");
    // The object is slow: nobody waits, and it counts all the same.
    edge.fault("guard", "300");
    for _ in 0..3 {
        assert_eq!(edge.send(&busy).status, 200, "open");
    }
    // It is gone: that the window is used up can only be known from an answer that came late.
    edge.fault("guard", "fail");
    let refused = await_refusal(&edge, &busy);
    assert_eq!(refused.problem(), "rate-limited");
}

fn await_refusal(edge: &Edge, request: &Request) -> Response {
    for _ in 0..200 {
        let response = edge.send(request);
        if response.status == 429 {
            return response;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("never refused");
}

/// Requests that pass without its answer do not each wait for one.
#[test]
fn a_ledger_that_failed_is_let_alone_for_a_moment() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, BUSY);
    edge.stop_clock();
    let busy = Request::new("GET", "/busy").from("192.0.2.12");
    let asks = || {
        let before = edge.asked().1;
        for _ in 0..5 {
            assert_eq!(edge.send(&busy).status, 200);
        }
        edge.asked().1 - before
    };
    assert_eq!(asks(), 1);
    edge.fault("ledger", "fail");
    // What is known of it is too old even for requests without a token.
    edge.shift_clock(31_000);
    assert_eq!(asks(), 1);
    edge.shift_clock(31_000 + PATIENCE_MS);
    assert_eq!(asks(), 1);
    edge.fault("ledger", "");
    edge.shift_clock(31_000 + 2 * PATIENCE_MS);
    assert_eq!(asks(), 1);
}
