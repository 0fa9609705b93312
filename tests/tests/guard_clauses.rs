//! Whom the Guard bans for what, when it is asked, and who may tell it what.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response, push, token};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

const PASSWORD: &str = "correct horse battery staple";

fn read(client: &str) -> Request {
    Request::new("GET", "/echo/a").from(client)
}

fn login(client: &str, email: &str, password: &str) -> Request {
    Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({"email": email, "password": password}))
        .from(client)
}

fn operator() -> String {
    token::token(&token::claims_with("role", json!("admin")))
}

fn bans() -> Request {
    Request::new("GET", "/_gapura/v1/bans")
}

fn about<'a>(kind: &'a str, client: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["event"] == kind && event["client"] == client
}

#[test]
fn a_jail_for_one_class_of_attack_takes_no_other() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        "[jails.waf]\nkinds = []\n[jails.sql]\nkinds = [\"waf:sqli\"]\nstrikes = 2\nwindow_s = 600\nban_s = 600\n",
    );
    let script = Request::new("GET", "/echo/?q=%3Cscript%3Ealert(1)%3C/script%3E");
    let sql = Request::new(
        "GET",
        "/echo/?q=1'%20UNION%20SELECT%20password%20FROM%20users--",
    );
    for _ in 0..6 {
        assert_eq!(
            edge.send(&script.clone().from("192.0.2.1")).problem(),
            "waf-blocked"
        );
    }
    assert_eq!(
        edge.send(&sql.clone().from("192.0.2.1")).problem(),
        "waf-blocked"
    );
    assert_eq!(edge.send(&read("192.0.2.1")).status, 200);
    assert_eq!(edge.send(&sql.from("192.0.2.1")).problem(), "waf-blocked");
    let added = edge.await_events(about("BAN_ADDED", "192.0.2.1"), 1);
    assert_eq!(added[0]["reason"], "sql: 600 s");
    assert_eq!(edge.send(&read("192.0.2.1")).problem(), "banned");
}

#[test]
fn five_wrong_passwords_ban_the_address_as_the_policy_is_shipped() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    for n in 0..5 {
        assert_eq!(edge.send(&read("192.0.2.2")).status, 200, "{n}");
        let wrong = login("192.0.2.2", &format!("u{n}@example.test"), "wrong horse");
        assert_eq!(edge.send(&wrong).status, 400);
    }
    let added = edge.await_events(about("BAN_ADDED", "192.0.2.2"), 1);
    assert_eq!(added[0]["reason"], "login: 1800 s");
    assert_eq!(edge.send(&read("192.0.2.2")).problem(), "banned");
    assert_eq!(edge.send(&read("192.0.2.3")).status, 200);
}

#[test]
fn the_guard_is_asked_before_the_body_is_there_and_heard_before_the_waf() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        "[classes.one]\nlimit = 1\nwindow_s = 600\nstrict = true\non_error = \"closed\"\n[jails.limit]\nkinds = []\n\
         [[route]]\nname = \"one\"\nmethods = [\"POST\"]\npath = \"/one\"\nrewrite = \"/echo/one\"\n\
         token = \"none\"\nclasses = [\"one\"]\n",
    );
    let attack = "q=1' UNION SELECT password FROM users--";
    let sent = |client: &str, between: &dyn Fn()| {
        let request = Request::new("POST", "/one").from(client);
        let request = request.body("application/x-www-form-urlencoded", attack);
        let bytes = request.bytes("gate.example.test");
        let (head, body) = bytes.split_at(bytes.len() - attack.len());
        let mut stream = TcpStream::connect(edge.address).unwrap();
        stream.write_all(head).unwrap();
        stream.flush().unwrap();
        between();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    // While the body is still to come, the object is asked and has answered.
    let before = edge.asked().0;
    let answer = sent("192.0.2.4", &|| {
        for _ in 0..1_200 {
            if edge.asked().0 > before {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("the object is not asked");
    });
    assert!(answer.contains("waf-blocked"), "{answer}");
    // Its answer is waited for, however long the WAF knew: the window was used up by the first one.
    edge.fault("guard", "700");
    let before = edge.answered();
    let answer = sent("192.0.2.4", &|| {});
    assert!(answer.contains("rate-limited"), "{answer}");
    assert!(edge.answered() > before);
}

#[test]
fn the_operators_api_is_there_for_its_addresses_alone() {
    let origin = Origin::start();
    let mut config = EdgeConfig::with_tokens(&origin, "").instrumented();
    let allow = "[admin]\nallow = [\"192.0.2.0/28\", \"2001:db8::/32\"]\n";
    config.overlay = config.overlay.replace("[admin]\n", allow);
    let edge = Edge::start(&config);
    let ask = |client: &str| edge.send(&bans().bearer(&operator()).from(client)).status;
    assert_eq!(ask("192.0.2.15"), 200);
    assert_eq!(ask("2001:db8::7"), 200);
    for client in ["192.0.2.16", "2001:db9::7"] {
        assert_eq!(ask(client), 404, "{client}");
        let _ = edge.await_events(about("ACCESS_DENIED", client), 1);
    }
}

#[test]
fn the_operators_api_may_ask_for_two_factors() {
    let origin = Origin::start();
    let mut config = EdgeConfig::with_tokens(&origin, "").instrumented();
    config.overlay = config
        .overlay
        .replace("[admin]\n", "[admin]\naal = \"aal2\"\n");
    let edge = Edge::start(&config);
    let mut claims = token::claims_with("role", json!("admin"));
    let one = edge.send(&bans().bearer(&token::token(&claims)).from("192.0.2.1"));
    assert_eq!(
        (one.status, one.problem()),
        (403, "insufficient-aal".into())
    );
    let denied = edge.await_events(about("ACCESS_DENIED", "192.0.2.1"), 1);
    assert_eq!(denied[0]["reason"], "insufficient-aal");
    claims["aal"] = json!("aal2");
    assert_eq!(
        edge.send(&bans().bearer(&token::token(&claims))).status,
        200
    );
}

#[test]
fn what_the_origin_sealed_is_done_once() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let told = |method: &str, path: &str, body: Option<&Value>, nonce: u8| {
        let path = format!("/_gapura/v1/{path}");
        edge.send(&push::sealed(&origin, &edge, method, &path, body, nonce))
    };
    let ban = json!({"target": "198.51.100.0/24", "reason": "a test", "seconds": 600});
    let added = told("POST", "bans", Some(&ban), 1);
    assert_eq!(added.status, 201, "{}", added.text());
    assert_eq!(
        told("POST", "bans", Some(&ban), 2).status,
        200,
        "it is there"
    );
    let id = "bans/ip:198.51.100.0%2F24";
    assert_eq!(told("DELETE", id, None, 3).status, 204);
    // Whoever recorded them brings nothing back, and takes nothing away.
    let again = told("POST", "bans", Some(&ban), 1);
    assert_eq!((again.status, again.problem()), (409, "replayed".into()));
    let listed = edge.send(&bans().bearer(&operator())).json();
    assert_eq!(listed["bans"], json!([]), "{listed}");
    assert_eq!(told("POST", "bans", Some(&ban), 4).status, 201);
    assert_eq!(told("DELETE", id, None, 3).status, 409);
    let listed = edge.send(&bans().bearer(&operator())).json();
    assert_eq!(listed["bans"].as_array().unwrap().len(), 1, "{listed}");
}

#[test]
fn a_token_by_its_id_and_a_tenants_tokens_are_taken_back() {
    let origin = Origin::start();
    let edge = Edge::start(
        &EdgeConfig::with_tokens(&origin, STRICT)
            .instrumented()
            .second(),
    );
    let now = token::now();
    let with = |name: &str, value: Value| {
        let mut claims = token::claims_with(name, value);
        claims["iat"] = json!(now - 10);
        Request::new("GET", "/money").bearer(&token::token(&claims))
    };
    let (taken, kept) = (with("jti", json!("j-1")), with("jti", json!("j-2")));
    let (ours, theirs) = (
        with("tenant_id", json!("t-7")),
        with("tenant_id", json!("t-8")),
    );
    let all = [&taken, &kept, &ours, &theirs];
    for request in all {
        assert_eq!(edge.elsewhere(request).status, 200);
    }
    let revocations = json!({"revocations": [
        {"kind": "token", "id": "j-1", "until": now + 600},
        {"kind": "tenant", "id": "t-7", "not_before": now, "until": now + 600},
    ]});
    let pushed = push::sealed(
        &origin,
        &edge,
        "POST",
        "/_gapura/v1/ledger",
        Some(&revocations),
        9,
    );
    let pushed = edge.send(&pushed);
    assert_eq!(pushed.status, 200, "{}", pushed.text());
    assert_eq!(pushed.json()["revoked"], 2);
    for isolate in [Edge::send, Edge::elsewhere] {
        let statuses = all.map(|request| isolate(&edge, request).status);
        assert_eq!(statuses, [401, 200, 401, 200]);
    }
    // A token of the tenant from after that holds.
    let mut claims = token::claims_with("tenant_id", json!("t-7"));
    claims["iat"] = json!(now + 1);
    claims["nbf"] = json!(now);
    let later = Request::new("GET", "/money").bearer(&token::token(&claims));
    assert_eq!(edge.send(&later).status, 200);
}

/// A route that asks the Ledger at each request.
const STRICT: &str = "\n[[route]]\nname = \"money\"\npath = \"/money\"\nrewrite = \"/echo/money\"\n\
    token = \"required\"\nclasses = []\nrevocation = \"strict\"\n";

#[test]
fn an_account_that_others_use_up_is_open_to_a_device_of_its_owner() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        "[classes.account]\nlimit = 3\nwindow_s = 600\nsubject = \"account\"\nstrict = true\non_error = \"closed\"\n",
    );
    let (email, body) = (
        "agung@example.test",
        json!({"email": "agung@example.test", "password": PASSWORD}),
    );
    let done = edge.send(&Request::new("POST", "/auth/v1/signup").json(&body));
    assert_eq!(done.status, 200, "{}", done.text());
    let first = edge.send(&login("192.0.2.1", email, PASSWORD));
    let cookies = first
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    let device = cookies
        .map(|(_, cookie)| cookie)
        .find(|cookie| cookie.starts_with("__Host-gapura-device="));
    let (device, _) = device.expect("a device").split_once(';').unwrap();
    for n in 2..4 {
        let wrong = login(&format!("192.0.2.{n}"), email, "wrong horse");
        assert_eq!(edge.send(&wrong).status, 400);
    }
    let owner = |cookie: &str| -> Response {
        edge.send(&login("192.0.2.5", email, PASSWORD).header("Cookie", cookie))
    };
    assert_eq!(owner("x=1").problem(), "rate-limited");
    let forged = device.replace("device=", "device=0");
    assert_eq!(owner(&forged).problem(), "rate-limited");
    assert_eq!(owner(device).status, 200);
}
