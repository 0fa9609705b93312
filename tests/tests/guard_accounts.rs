//! What an account refuses: who is charged for it, and that nobody keeps its owner out.

use gapura_tests::{Answers, Edge, EdgeConfig, Origin, Request, Weir, token};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Logins that nothing but a lock refuses.
const WIDE: &str = "\n[classes.login]\nlimit = 100\nwindow_s = 60\nstrict = true\non_error = \"closed\"\n\
    [jails.login]\nkinds = [\"login-failed\"]\nstrikes = 1000\nwindow_s = 600\nban_s = 60\n";

fn log_in(client: &str, body: &Value) -> Request {
    Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(body)
        .from(client)
}

#[test]
fn what_an_account_refuses_is_the_addresss() {
    const NARROW: &str = "\n[classes.account]\nlimit = 1\nwindow_s = 60\nsubject = \"account\"\n\
        strict = true\non_error = \"closed\"\n";
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, NARROW);
    let body = json!({"email": "owner@example.test", "password": "wrong horse"});
    assert_eq!(edge.send(&log_in("192.0.2.1", &body)).status, 400);
    let before = edge.asked().0;
    let flood = log_in("192.0.2.2", &body);
    let refused = edge.send(&flood);
    assert_eq!(
        (refused.status, refused.problem()),
        (429, "rate-limited".into())
    );
    for _ in 0..40 {
        assert!(matches!(edge.send(&flood).status, 429 | 403));
    }
    // Five until its own window is full; and then what its strikes lead to.
    let asked = edge.asked().0 - before;
    assert!(asked <= 15, "{asked} questions for 41 refusals");
    assert_eq!(edge.send(&flood).problem(), "banned");
}

#[test]
fn what_names_an_account_and_guesses_nothing_is_a_failed_login() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let body = json!({"email": "owner@example.test"});
    for _ in 0..5 {
        assert_eq!(edge.send(&log_in("192.0.2.3", &body)).status, 400);
    }
    edge.await_log("\"BAN_ADDED\"");
    let read = Request::new("GET", "/echo/a");
    assert_eq!(edge.send(&read.from("192.0.2.3")).problem(), "banned");
}

#[test]
fn a_class_counts_each_of_a_requests_subjects_once() {
    const BOTH: &str = "\n[classes.both]\nlimit = 4\nwindow_s = 60\nsubject = \"ip+user\"\nstrict = true\n\
        on_error = \"closed\"\n\
        [classes.named]\nlimit = 2\nwindow_s = 60\nsubject = \"account\"\nstrict = true\non_error = \"closed\"\n\
        [[route]]\nname = \"both\"\npath = \"/both\"\nrewrite = \"/echo/both\"\ntoken = \"optional\"\n\
        classes = [\"both\"]\n\
        [[route]]\nname = \"named\"\nmethods = [\"POST\"]\npath = \"/named\"\nrewrite = \"/echo/named\"\n\
        token = \"none\"\nclasses = [\"named\"]\naccount = [\"email\"]\n\
        [route.refused]\nstatus = 400\ncontent_type = \"text/plain\"\nbody = \"no\"\n";
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, BOTH);
    // A token that names no user: the address is asked about once.
    let mut claims = token::claims();
    claims.as_object_mut().unwrap().remove("user_id");
    let nobody = Request::new("GET", "/both")
        .from("192.0.2.4")
        .bearer(&token::token(&claims));
    let statuses: Vec<u16> = (0..5).map(|_| edge.send(&nobody).status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 429]);
    // A body that names no account counts by its address.
    for body in [Some(json!({"x": 1})), None] {
        let client = if body.is_some() {
            "192.0.2.5"
        } else {
            "192.0.2.6"
        };
        let named = Request::new("POST", "/named").from(client);
        let named = body.map_or_else(|| named.clone(), |body| named.clone().json(&body));
        let statuses: Vec<u16> = (0..3).map(|_| edge.send(&named).status).collect();
        assert_eq!(statuses, [200, 200, 429]);
    }
}

/// The way to the origin is a part of how long a wrong password takes: a locked login, which never
/// goes there, takes as long all the same.
#[test]
fn a_locked_login_takes_as_long_as_a_wrong_one_however_far_the_origin_is() {
    const FAR: Duration = Duration::from_millis(700);
    let mut origin = Origin::start();
    let weir = Weir::start(origin.address);
    let config = EdgeConfig {
        origin_url: format!("http://{}", weir.address),
        ..EdgeConfig::with_tokens(&origin, WIDE)
    };
    let mut edge = Edge::start(&config);
    weir.set(Answers::Late(FAR));
    let body = json!({"email": "owner@example.test", "password": "wrong horse"});
    let wrong = log_in("192.0.2.1", &body);
    for _ in 0..5 {
        assert_eq!(edge.send(&wrong).status, 400);
    }
    origin.stop();
    let locked = |edge: &Edge| {
        let start = Instant::now();
        assert_eq!(edge.send(&wrong).status, 400);
        assert!(start.elapsed() >= FAR, "{:?}", start.elapsed());
    };
    locked(&edge);
    // Also by an isolate that saw no other login, and that is not slow for being new.
    edge.restart();
    let _ = edge.send(&Request::new("GET", "/.well-known/security.txt"));
    locked(&edge);
}

/// The lock began while the origin was near: what counts is how long wrong logins take now.
#[test]
fn a_locked_login_takes_as_long_as_wrong_ones_have_taken_lately() {
    const FAR: Duration = Duration::from_millis(1_500);
    let origin = Origin::start();
    let weir = Weir::start(origin.address);
    let config = EdgeConfig {
        origin_url: format!("http://{}", weir.address),
        ..EdgeConfig::with_tokens(&origin, WIDE)
    };
    let mut edge = Edge::start(&config);
    let wrong = |email: &str| log_in("192.0.2.1", &json!({"email": email, "password": "wrong"}));
    for _ in 0..5 {
        assert_eq!(edge.send(&wrong("owner@example.test")).status, 400);
    }
    // What this isolate saw is of then as well.
    edge.restart();
    weir.set(Answers::Late(FAR));
    assert_eq!(edge.send(&wrong("other@example.test")).status, 400);
    let start = Instant::now();
    assert_eq!(edge.send(&wrong("owner@example.test")).status, 400);
    assert!(start.elapsed() >= FAR, "{:?}", start.elapsed());
}
