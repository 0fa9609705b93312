//! Clocks that step, deployments and evictions, while windows are half used.

use gapura_tests::{Edge, EdgeConfig, Origin, Request};
use std::{
    thread,
    time::{Duration, Instant},
};

const HOUR_MS: i64 = 3_600_000;

/// A strict class, and one with leases.
const CLASSES: &str = r#"
[classes.few]
limit = 2
window_s = 2
strict = true
on_error = "closed"

[classes.busy]
limit = 40
window_s = 60
on_error = "open"

[jails.limit]
kinds = []
strikes = 10
window_s = 600
ban_s = 600

[[route]]
name = "few"
path = "/few"
token = "none"
classes = ["few"]
[route.answer]
status = 200
content_type = "text/plain"
body = "ok"

[[route]]
name = "busy"
path = "/busy"
token = "none"
classes = ["busy"]
[route.answer]
status = 200
content_type = "text/plain"
body = "ok"
"#;

fn config(origin: &Origin) -> EdgeConfig {
    let config = EdgeConfig::with_tokens(origin, "");
    config.overlay(CLASSES).instrumented()
}

fn request(path: &str, client: &str) -> Request {
    Request::new("GET", path).from(client)
}

fn admitted(edge: &Edge, request: &Request, times: u32) -> usize {
    (0..times)
        .filter(|_| edge.send(request).status == 200)
        .count()
}

/// Asks for `few` until so many were admitted: when each was sent, and when it was answered.
fn spans(edge: &Edge, client: &str, wanted: usize) -> Vec<(Instant, Instant)> {
    let (few, start) = (request("/few", client), Instant::now());
    let mut spans = Vec::new();
    while spans.len() < wanted {
        let sent = Instant::now();
        match edge.send(&few).status {
            200 => spans.push((sent, Instant::now())),
            429 => thread::sleep(Duration::from_millis(50)),
            other => panic!("{other}"),
        }
        assert!(start.elapsed() < Duration::from_mins(1), "it hangs");
    }
    spans
}

#[test]
fn a_clock_that_steps_back_stops_no_window_and_opens_none() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    let mut all = spans(&edge, "192.0.2.1", 2);
    for shift_ms in [-HOUR_MS, 0, -24 * HOUR_MS] {
        edge.shift_clock(shift_ms.min(0));
        // A step back, the way back, and a longer step: a step forward may open a window early.
        if shift_ms == 0 {
            all.clear();
        }
        all.extend(spans(&edge, "192.0.2.1", 4));
        for three in all.windows(3) {
            let window = three[2].1 - three[0].0;
            assert!(window >= Duration::from_secs(2), "{window:?}");
        }
    }
}

#[test]
fn a_clock_that_steps_ahead_opens_windows_once_and_they_close_again() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    let busy = request("/busy", "192.0.2.2");
    let before = admitted(&edge, &busy, 60);
    assert!((30..=40).contains(&before), "{before}");
    edge.shift_clock(HOUR_MS);
    let after = admitted(&edge, &busy, 60);
    assert!((20..=40).contains(&after), "{after}");
    assert_eq!(admitted(&edge, &busy, 10), 0);
}

#[test]
fn leases_give_no_more_than_the_limit_whatever_the_isolates_clocks_do() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin).second());
    let busy = request("/busy", "192.0.2.4");
    let mut count = 0;
    for shift_ms in [0, -HOUR_MS, HOUR_MS, -24 * HOUR_MS, 0] {
        edge.shift_clock_elsewhere(shift_ms);
        for _ in 0..12 {
            count += usize::from(edge.send(&busy).status == 200);
            count += usize::from(edge.elsewhere(&busy).status == 200);
        }
    }
    // All of it takes far less than a window.
    assert!((20..=40).contains(&count), "{count}");
}

#[test]
fn a_deployment_keeps_what_was_counted() {
    let origin = Origin::start();
    let config = EdgeConfig {
        overlay: config(&origin)
            .overlay
            .replace("window_s = 2\n", "window_s = 300\n"),
        ..config(&origin)
    };
    let mut edge = Edge::start(&config);
    let (few, busy) = (request("/few", "192.0.2.5"), request("/busy", "192.0.2.5"));
    assert_eq!(edge.send(&few).status, 200);
    let before = admitted(&edge, &busy, 20);
    assert_eq!(before, 20);
    // A wider strict window, one more class on the route, a narrower window of leases.
    let next = config
        .overlay
        .replace("limit = 2\n", "limit = 3\n")
        .replace("limit = 40\n", "limit = 30\n")
        .replace("classes = [\"few\"]", "classes = [\"few\", \"sensitive\"]");
    edge.deploy(&next);
    assert_eq!(admitted(&edge, &few, 5), 2, "one of three was used");
    let after = admitted(&edge, &busy, 30);
    assert!(before + after <= 30, "{after}");
    edge.deploy(&config.overlay);
    assert_eq!(admitted(&edge, &few, 3), 0, "three of two are used");
}

#[test]
fn an_eviction_amid_a_window_costs_a_part_of_it_and_gives_nothing() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    let busy = request("/busy", "192.0.2.6");
    let mut count = admitted(&edge, &busy, 20);
    edge.evict();
    count += admitted(&edge, &busy, 5);
    edge.evict();
    count += admitted(&edge, &busy, 40);
    // A quarter of the limit may count as used, a quarter be lost on leases.
    assert!((20..=40).contains(&count), "{count}");
}

/// Less than what is stored of other classes: a strict one has each admission stored before it is told.
#[test]
fn an_eviction_forgets_nothing_of_a_strict_class() {
    let origin = Origin::start();
    let mut config = config(&origin);
    config.overlay = config
        .overlay
        .replace("limit = 2\nwindow_s = 2\n", "limit = 8\nwindow_s = 300\n");
    let edge = Edge::start(&config);
    let few = request("/few", "192.0.2.7");
    for _ in 0..2 {
        assert_eq!(admitted(&edge, &few, 1), 1);
        edge.evict();
    }
    assert_eq!(admitted(&edge, &few, 9), 6);
}

/// Each time so little that nothing of it is stored.
#[test]
fn evictions_again_and_again_admit_no_more_than_the_limit() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    let busy = request("/busy", "192.0.2.8");
    let mut count = 0;
    for _ in 0..12 {
        count += admitted(&edge, &busy, 4);
        edge.evict();
    }
    count += admitted(&edge, &busy, 40);
    assert!((20..=40).contains(&count), "{count}");
}

/// An edge with two isolates whose clocks stand still, the second one without objects.
fn stopped(config: EdgeConfig) -> Edge {
    let edge = Edge::start(&config.second());
    edge.stop_clock();
    edge.stop_clock_elsewhere();
    edge
}

#[test]
fn an_isolate_whose_clock_slips_back_refuses_no_longer_than_the_window() {
    let origin = Origin::start();
    let edge = stopped(config(&origin));
    let few = request("/few", "192.0.2.9");
    let statuses = || [(); 3].map(|()| edge.elsewhere(&few).status);
    assert_eq!(statuses(), [200, 200, 429]);
    edge.shift_clock(2_100);
    edge.shift_clock_elsewhere(-1_500);
    assert_eq!(statuses(), [200, 200, 429]);
}

#[test]
fn an_isolate_whose_clock_steps_back_spends_nothing_that_it_holds() {
    let origin = Origin::start();
    let mut config = config(&origin);
    config.overlay = config.overlay.replace("limit = 40\n", "limit = 4000\n");
    let edge = stopped(config);
    let busy = request("/busy", "192.0.2.10");
    let asks = || {
        let before = edge.asked().0;
        assert_eq!(edge.elsewhere(&busy).status, 200);
        edge.asked().0 > before
    };
    let lent = || (0..6).all(|_| !asks());
    assert!((0..60).any(|_| lent()), "nothing is lent");
    edge.shift_clock_elsewhere(-10_000);
    assert!(asks(), "what was lent would be spent ten seconds late");
}

/// Its clock goes on from its heartbeat, which is less than a minute older than its rows.
#[test]
fn a_shard_that_comes_back_to_an_earlier_clock_keeps_no_window_closed_for_long() {
    let origin = Origin::start();
    let mut edge = Edge::start(&config(&origin));
    let client = "192.0.2.11";
    let (few, busy) = (request("/few", client), request("/busy", client));
    edge.stop_clock();
    edge.shift_clock(HOUR_MS);
    assert_eq!(edge.send(&busy).status, 200);
    edge.shift_clock(HOUR_MS + 50_000);
    assert_eq!(admitted(&edge, &few, 3), 2);
    // Clocks are right again.
    edge.restart();
    edge.stop_clock();
    assert_eq!(admitted(&edge, &few, 1), 0, "what was counted is as if now");
    edge.shift_clock(2_100);
    assert_eq!(admitted(&edge, &few, 3), 2);
}
