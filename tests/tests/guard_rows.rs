//! What the objects' rows cost: an object that wakes reads those that its message is about, however
//! many there are, and deletes those that ended without reading them.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response, token};
use serde_json::json;
use std::{thread, time::Duration};

const PASSWORD: &str = "correct horse battery staple";
const DAY_MS: u64 = 86_400_000;
/// More than any shard of a small site has, and what an attack of a day leaves.
const MANY: u32 = 20_000;

fn login(client: &str, email: &str, password: &str) -> Request {
    Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({"email": email, "password": password}))
        .from(client)
}

fn read(client: &str) -> Request {
    Request::new("GET", "/echo/a").from(client)
}

fn sign_up(edge: &Edge, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let done = edge.send(&Request::new("POST", "/auth/v1/signup").json(&body));
    assert_eq!(done.status, 200, "{}", done.text());
    let session = edge.send(&login("192.0.2.200", email, PASSWORD)).json();
    session["access_token"].as_str().unwrap().to_owned()
}

fn operate(edge: &Edge, method: &str, path: &str) -> Response {
    let operator = token::token(&token::claims_with("role", json!("admin")));
    let request = Request::new(method, &format!("/_gapura/v1/{path}"));
    edge.send(&request.bearer(&operator))
}

/// A strike, as it is stored, of clients of 10.0.0.0/8.
fn fill_strikes(edge: &Edge) {
    let now_ms = token::now() * 1_000;
    let row = format!(r#"{{"v":2,"at_ms":{now_ms},"strikes":{{"probe":[{DAY_MS},[{now_ms}]]}}}}"#);
    edge.fill("guard", "ip:10.", &row, now_ms + DAY_MS, MANY);
}

#[test]
fn a_login_after_an_idle_spell_reads_its_own_rows() {
    let origin = Origin::start();
    let mut config = EdgeConfig::with_tokens(&origin, "").instrumented();
    // As shipped, but for a loaded machine's patience where silence refuses.
    config.overlay = config
        .overlay
        .replace("\nbudget_ms = 2_000", "\nbudget_ms = 50");
    let edge = Edge::start(&config);
    // Each shard has its table.
    assert_eq!(operate(&edge, "GET", "bans").status, 200);
    fill_strikes(&edge);
    for _ in 0..2 {
        edge.evict();
        let before = edge.rows_read();
        let wrong = login("192.0.2.1", "owner@example.test", "wrong horse");
        assert_eq!(edge.send(&wrong).status, 400);
        assert_eq!(edge.send(&read("2001:db8:1:2::1")).status, 200);
        let rows = edge.rows_read() - before;
        assert!(rows <= 40, "{rows} rows read");
    }
    // What is stored counts: one probe more of who made one.
    edge.evict();
    let probe = Request::new("GET", "/.env").from("10.0.1.2");
    assert_eq!(edge.send(&probe).status, 403);
    edge.await_log("\"BAN_ADDED\"");
    assert_eq!(edge.send(&read("10.0.1.2")).problem(), "banned");
    edge.evict();
    let listed = operate(&edge, "GET", "bans").json();
    assert_eq!(listed["bans"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["bans"][0]["id"], "ip:10.0.1.2");
}

#[test]
fn a_logout_reads_few_rows_of_a_long_list() {
    let origin = Origin::start();
    let edge = Edge::start(&EdgeConfig::with_tokens(&origin, "").instrumented().second());
    let bearer = sign_up(&edge, "dewi@example.test");
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    assert_eq!(operate(&edge, "PUT", "mode").status, 400);
    edge.fill(
        "ledger",
        "ban:ip:10.",
        r#"{"v":1,"until":null}"#,
        1 << 52,
        MANY,
    );
    edge.evict();
    // Both isolates have a copy of it all, the first one when what it had is too old.
    edge.shift_clock(2_500);
    edge.shift_clock_elsewhere(2_500);
    for isolate in [Edge::send, Edge::elsewhere] {
        assert_eq!(isolate(&edge, &user).status, 200);
        assert_eq!(isolate(&edge, &read("10.0.3.4")).problem(), "banned");
    }
    edge.evict();
    let before = edge.rows_read();
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    assert_eq!(edge.send(&logout).status, 204);
    for isolate in [Edge::send, Edge::elsewhere] {
        await_status(|| isolate(&edge, &user), 401);
        assert_eq!(isolate(&edge, &read("10.0.3.4")).problem(), "banned");
    }
    let rows = edge.rows_read() - before;
    assert!(rows <= 60, "{rows} rows read");
}

/// Sends until the status is the wanted one.
fn await_status(send: impl Fn() -> Response, status: u16) -> Response {
    for _ in 0..1_400 {
        let response = send();
        if response.status == status {
            return response;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("{status} does not come: {}", send().text());
}

#[test]
fn what_has_ended_is_deleted_and_the_rest_stays() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    assert_eq!(operate(&edge, "GET", "bans").status, 200);
    fill_strikes(&edge);
    let ban = json!({"target": "198.51.100.0/24", "reason": "a test", "permanent": true});
    let operator = token::token(&token::claims_with("role", json!("admin")));
    let add = Request::new("POST", "/_gapura/v1/bans").json(&ban);
    assert_eq!(edge.send(&add.bearer(&operator)).status, 201);
    for _ in 0..2 {
        assert_eq!(
            edge.send(&Request::new("GET", "/.env").from("192.0.2.7"))
                .status,
            403
        );
    }
    edge.await_log("\"BAN_ADDED\"");
    assert!(edge.stored() >= u64::from(MANY));
    edge.ring();
    assert!(edge.stored() >= u64::from(MANY), "nothing has ended");
    edge.evict();
    edge.shift_clock(i64::try_from(DAY_MS).unwrap() + 60_000);
    let before = edge.rows_read();
    edge.ring();
    let rows = edge.rows_read() - before;
    // Told apart by their ends where they lie; those left: the lasting ban, and who was banned before.
    assert!(rows < u64::from(MANY) * 9, "{rows} rows read");
    assert_eq!(edge.stored(), 2);
    assert_eq!(
        await_status(|| edge.send(&read("198.51.100.9")), 403).problem(),
        "banned"
    );
}

#[test]
fn rows_of_the_earlier_layout_are_taken_over() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let bearer = sign_up(&edge, "made@example.test");
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    for _ in 0..2 {
        let probe = Request::new("GET", "/.env").from("192.0.2.7");
        assert_eq!(edge.send(&probe).status, 403);
    }
    edge.await_log("\"BAN_ADDED\"");
    let wrong = login("192.0.2.8", "made@example.test", "wrong horse");
    for _ in 0..3 {
        assert_eq!(edge.send(&wrong).status, 400);
    }
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    assert_eq!(edge.send(&logout).status, 204);
    // Every object has its table.
    assert_eq!(operate(&edge, "GET", "bans").status, 200);
    let stored = edge.stored();
    edge.downgrade();
    edge.evict();
    assert_eq!(operate(&edge, "GET", "bans").status, 200);
    assert_eq!(edge.stored(), stored);
    assert_eq!(edge.send(&read("192.0.2.7")).problem(), "banned");
    let statuses: Vec<u16> = (0..3).map(|_| edge.send(&wrong).status).collect();
    assert_eq!(statuses[..2], [400, 400]);
    assert!(matches!(statuses[2], 429 | 403), "{statuses:?}");
    assert_eq!(edge.send(&user).status, 401);
}
