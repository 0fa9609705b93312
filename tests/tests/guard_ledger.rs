//! Lockout and revocation: what the origin decides, the edge enforces by itself.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use engines::{Engine, on_every_engine};
use gapura_shared::outcome::AccountId;
use gapura_tests::{Answers, Edge, EdgeConfig, Origin, Request, Response, Weir, token};
use serde_json::{Value, json};
use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

on_every_engine!(
    a_session_that_ended_is_refused_at_once_and_elsewhere_within_two_seconds,
    a_new_password_ends_other_devices_at_once_and_elsewhere_within_two_seconds,
    what_an_operator_ends_at_the_origin_is_pushed_to_the_gate,
    a_logout_whose_answer_never_comes_reaches_the_gate,
    who_recovers_by_mail_is_unlocked_at_the_gate,
);

const PASSWORD: &str = "correct horse battery staple";

/// Wide windows, so that the lockout alone stops a guesser; and no ban for it.
const WIDE: &str = "\n[classes.login]\nlimit = 100\nwindow_s = 60\nstrict = true\non_error = \"closed\"\n\
    [classes.account]\nlimit = 100\nwindow_s = 60\nsubject = \"account\"\nstrict = true\non_error = \"closed\"\n\
    [jails.login]\nkinds = [\"login-failed\"]\nstrikes = 1000\nwindow_s = 600\nban_s = 60\n";

fn login(edge: &Edge, email: &str, password: &str, client: &str) -> Response {
    let body = json!({"email": email, "password": password});
    edge.send(
        &Request::new("POST", "/auth/v1/token?grant_type=password")
            .json(&body)
            .from(client),
    )
}

fn sign_up(edge: &Edge, email: &str) {
    let body = json!({"email": email, "password": PASSWORD});
    let done = edge.send(&Request::new("POST", "/auth/v1/signup").json(&body));
    assert_eq!(done.status, 200, "{}", done.text());
}

/// All that a client can tell answers by.
fn shape(response: &Response) -> (u16, Vec<String>, String) {
    let names = response.headers.iter().map(|(name, _)| name.clone());
    let mut names: Vec<String> = names.filter(|name| name != "date").collect();
    names.sort();
    let mut body = response.json();
    body["instance"] = json!(null);
    (response.status, names, body.to_string())
}

#[test]
fn a_lock_is_enforced_without_the_origin_and_looks_like_a_wrong_password() {
    let mut origin = Origin::start();
    let edge = Edge::instrumented(&origin, WIDE);
    sign_up(&edge, "owner@example.test");
    let wrong = login(&edge, "owner@example.test", "wrong password", "192.0.2.1");
    assert_eq!(wrong.status, 400);
    for _ in 0..5 {
        assert_eq!(
            login(&edge, "owner@example.test", "wrong password", "192.0.2.1").status,
            400
        );
    }
    origin.stop();
    // The origin is away: whoever is answered was answered by the edge alone.
    let start = Instant::now();
    let locked = login(&edge, "owner@example.test", PASSWORD, "192.0.2.1");
    assert_eq!(shape(&locked), shape(&wrong));
    assert!(
        start.elapsed() >= Duration::from_millis(5),
        "as slow as a wrong password"
    );
    let elsewhere = login(&edge, "owner@example.test", PASSWORD, "192.0.2.2");
    assert_eq!(
        elsewhere.status, 502,
        "another source is for the origin to decide"
    );
}

/// All that a client can tell answers by, and the values of headers, but for the seconds that a window
/// has left.
fn told(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let per_request = ["date", "x-request-id", "traceparent"];
    let headers = response.headers.iter();
    let headers = headers.filter(|(name, _)| !per_request.contains(&name.as_str()));
    let value = |name: &str, value: &str| {
        let windows = value
            .split(", ")
            .map(|window| match window.split_once(";t=") {
                Some((window, _)) if name == "ratelimit" => window,
                _ => window,
            });
        windows.collect::<Vec<_>>().join(", ")
    };
    let mut headers: Vec<_> = headers
        .map(|(name, text)| (name.clone(), value(name, text)))
        .collect();
    headers.sort();
    let (status, _, body) = shape(response);
    (status, headers, body)
}

/// A name that nobody has is locked as one that somebody has: so that a login is locked, however long that takes
/// to say, tells nothing of an account.
#[test]
fn locked_unknown_and_wrong_are_told_alike_for_every_name() {
    let mut origin = Origin::start();
    let edge = Edge::instrumented(&origin, WIDE);
    sign_up(&edge, "owner@example.test");
    // Each the sixth login of its address.
    let sixth = |client: &str, name: &str, is_locked: bool| {
        for n in 0..5 {
            let other = format!("{client}-{n}@example.test");
            let name = if is_locked { name } else { &other };
            assert_eq!(login(&edge, name, "wrong password", client).status, 400);
        }
        login(&edge, name, "wrong password", client)
    };
    let wrong = told(&sixth("192.0.2.1", "owner@example.test", false));
    let unknown = told(&sixth("192.0.2.2", "nobody@example.test", false));
    let locked = told(&sixth("192.0.2.3", "owner@example.test", true));
    let locked_unknown = told(&sixth("192.0.2.4", "nobody@example.test", true));
    assert!(
        wrong.1.iter().any(|(name, _)| name == "ratelimit"),
        "{wrong:?}"
    );
    assert_eq!(unknown, wrong);
    assert_eq!(locked, wrong);
    assert_eq!(locked_unknown, wrong);
    // The origin is away: both locks are the edge's own answers, the others' logins are not.
    origin.stop();
    for (client, name, status) in [
        ("192.0.2.3", "owner@example.test", 400),
        ("192.0.2.4", "nobody@example.test", 400),
        ("192.0.2.1", "owner@example.test", 502),
        ("192.0.2.2", "nobody@example.test", 502),
    ] {
        assert_eq!(
            login(&edge, name, PASSWORD, client).status,
            status,
            "{client}"
        );
    }
}

/// The lock of an account for everywhere: the origin's alone, since it alone knows whom that spares.
#[test]
fn guesses_from_everywhere_lock_strangers_out_and_not_the_owner() {
    let origin = Origin::configured("", &[("lockout_ceiling = 100", "lockout_ceiling = 10")]);
    let config = EdgeConfig::with_tokens(&origin, WIDE);
    let edge = Edge::start(&config.instrumented());
    sign_up(&edge, "owner@example.test");
    let owner = |client: &str| login(&edge, "owner@example.test", PASSWORD, client).status;
    assert_eq!(owner("192.0.2.1"), 200);
    assert_eq!(owner("198.51.100.1"), 200);
    for n in 0..10 {
        // Never so many from one network that it is locked by itself.
        let client = format!("203.0.113.{}", n / 4);
        let guess = login(&edge, "owner@example.test", "wrong password", &client);
        assert_eq!(guess.status, 400);
    }
    assert_eq!(owner("198.51.100.77"), 400, "a stranger, with the password");
    assert_eq!(owner("192.0.2.1"), 200, "where the owner was before");
    let account = AccountId::of("owner@example.test");
    let operator = token::token(&token::claims_with("role", json!("admin")));
    let path = format!("/_gapura/v1/subjects/account:{}", account.as_str());
    let state = edge
        .send(&Request::new("GET", &path).bearer(&operator))
        .json();
    assert_eq!(state["shard"]["locks"], json!([]), "{state}");
}

/// Why a logout did not come to the Ledger is in the log.
#[test]
fn a_full_ledger_is_an_event() {
    let origin = Origin::start();
    let edge = Edge::start(&EdgeConfig::with_tokens(&origin, WIDE).instrumented());
    sign_up(&edge, "owner@example.test");
    let session = login(&edge, "owner@example.test", PASSWORD, "192.0.2.1").json();
    let bearer = session["access_token"].as_str().unwrap();
    let until_ms = (token::now() + 3_600) * 1_000;
    let row = format!(r#"{{"v":1,"until":{}}}"#, until_ms / 1_000);
    edge.fill("ledger", "session:10.", &row, until_ms, 100_000);
    edge.evict();
    let begun = Instant::now();
    let user = Request::new("GET", "/auth/v1/user").bearer(bearer);
    assert_eq!(edge.send(&user).status, 200);
    println!(
        "an isolate that begins copies 100,000 entries: {:?}",
        begun.elapsed()
    );
    let logout = Request::new("POST", "/auth/v1/logout").bearer(bearer);
    assert_eq!(edge.send(&logout).status, 204);
    let full = |event: &Value| event["event"] == "GUARD_FULL" && event["target"] == "ledger";
    let events = edge.await_events(full, 1);
    assert!(
        events[0]["reason"]
            .as_str()
            .unwrap()
            .contains("100000 are held"),
        "{events:?}"
    );
}

#[test]
fn an_account_locked_for_a_network_is_open_there_to_devices_that_the_origin_knows() {
    let mut origin = Origin::configured("", &[]);
    let edge = Edge::instrumented(&origin, WIDE);
    origin.tell(&edge);
    origin.restart();
    sign_up(&edge, "agung@example.test");
    sign_up(&edge, "other@example.test");
    let device = |email: &str, cookie: &str| {
        let body = json!({"email": email, "password": PASSWORD});
        let request = Request::new("POST", "/auth/v1/token?grant_type=password").json(&body);
        let response = edge.send(&request.from("192.0.2.1").header("Cookie", cookie));
        let cookies = response.headers.iter();
        let mut cookies = cookies.filter(|(name, _)| name == "set-cookie");
        let cookie = cookies.find(|(_, cookie)| cookie.starts_with("__Host-gapura-device="));
        let (pair, _) = cookie.expect("a device").1.split_once(';').unwrap();
        pair.to_owned()
    };
    let (known, of_another) = (
        device("agung@example.test", "x=1"),
        device("other@example.test", "x=1"),
    );
    // The device itself is what logs in from its second time on.
    assert_eq!(device("agung@example.test", &known), known);
    for _ in 0..5 {
        let wrong = login(&edge, "agung@example.test", "wrong password", "192.0.2.99");
        assert_eq!(wrong.status, 400);
    }
    let body = json!({"email": "agung@example.test", "password": PASSWORD});
    let log_in = |cookie: &str| {
        let request = Request::new("POST", "/auth/v1/token?grant_type=password");
        let request = request.json(&body).from("192.0.2.99");
        edge.send(&request.header("Cookie", cookie)).status
    };
    assert_eq!(log_in("x=1"), 400, "locked");
    assert_eq!(log_in(&known), 200);
    origin.stop();
    // The origin is away: 400 is the edge's own answer, 502 says that it would have been asked.
    let (id, _) = known.split_once('.').unwrap();
    for forged in ["x=1", &of_another, &format!("{id}.{}", "b".repeat(43))] {
        assert_eq!(log_in(forged), 400, "{forged}");
    }
    assert_eq!(log_in(&known), 502);

    origin.restart();
    let email = ["--email", "agung@example.test"];
    let told = origin.run(&[&["users", "unlock"][..], &email].concat(), "");
    assert!(told.contains("the edge knows"), "{told}");
    assert_eq!(log_in("x=1"), 200);
}

/// A route that asks the Ledger at each request.
const STRICT: &str = "\n[[route]]\nname = \"money\"\npath = \"/money\"\nrewrite = \"/echo/money\"\n\
    token = \"required\"\nclasses = []\nrevocation = \"strict\"\n";

/// How old an isolate's copy of the Ledger may be: `guard.ledger_ms` of the policy as shipped.
const COPY: Duration = Duration::from_secs(2);

fn bearer(edge: &Edge, email: &str) -> String {
    let session = login(edge, email, PASSWORD, "192.0.2.1").json();
    session["access_token"].as_str().unwrap().to_owned()
}

fn pair(origin: &Origin) -> Edge {
    let config = EdgeConfig::with_tokens(origin, &format!("{WIDE}{STRICT}"));
    Edge::start(&config.instrumented().second())
}

fn a_session_that_ended_is_refused_at_once_and_elsewhere_within_two_seconds(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let edge = pair(&origin);
    sign_up(&edge, "dewi@example.test");
    let bearer = bearer(&edge, "dewi@example.test");
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    let money = Request::new("GET", "/money").bearer(&bearer);
    assert_eq!(edge.send(&user).status, 200);
    assert_eq!(edge.elsewhere(&user).status, 200);
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    assert_eq!(edge.send(&logout).status, 204);
    let ended = Instant::now();
    let refused = edge.send(&user);
    assert_eq!(
        (refused.status, refused.problem()),
        (401, "token-invalid".into())
    );
    assert!(refused.header("www-authenticate").is_some());
    assert_eq!(
        edge.elsewhere(&money).status,
        401,
        "a strict route asks and knows at once"
    );
    thread::sleep(COPY.saturating_sub(ended.elapsed()));
    assert_eq!(edge.elsewhere(&user).status, 401);
    edge.await_log("token-invalid: session");
    assert!(!edge.log().contains(&bearer));
}

#[test]
fn a_token_that_comes_as_a_key_is_revoked_as_soon() {
    let origin = Origin::start();
    let edge = pair(&origin);
    sign_up(&edge, "kadek@example.test");
    let bearer = bearer(&edge, "kadek@example.test");
    let user = Request::new("GET", "/auth/v1/user").header("apikey", &bearer);
    assert_eq!(edge.elsewhere(&user).status, 200);
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    assert_eq!(edge.send(&logout).status, 204);
    let ended = Instant::now();
    assert_eq!(edge.send(&user).status, 401);
    thread::sleep(COPY.saturating_sub(ended.elapsed()));
    assert_eq!(edge.elsewhere(&user).status, 401);
}

#[test]
fn what_the_ledger_holds_outlives_its_object_and_every_isolate() {
    let origin = Origin::start();
    let mut edge = Edge::instrumented(&origin, &format!("{WIDE}{STRICT}"));
    sign_up(&edge, "nyoman@example.test");
    let bearer = bearer(&edge, "nyoman@example.test");
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    assert_eq!(edge.send(&logout).status, 204);
    let operator = token::token(&token::claims_with("role", json!("admin")));
    let ban = json!({"target": "198.51.100.0/24", "reason": "a test", "seconds": 600});
    let add = Request::new("POST", "/_gapura/v1/bans").json(&ban);
    assert_eq!(edge.send(&add.bearer(&operator)).status, 201);
    edge.evict();
    edge.restart();
    assert_eq!(edge.send(&user).status, 401);
    let banned = Request::new("GET", "/echo/a").from("198.51.100.7");
    assert_eq!(edge.send(&banned).problem(), "banned");
}

fn a_new_password_ends_other_devices_at_once_and_elsewhere_within_two_seconds(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let edge = pair(&origin);
    sign_up(&edge, "komang@example.test");
    let [own, other] = [(); 2].map(|()| bearer(&edge, "komang@example.test"));
    let user = Request::new("GET", "/auth/v1/user");
    for isolate in [Edge::send, Edge::elsewhere] {
        assert_eq!(isolate(&edge, &user.clone().bearer(&other)).status, 200);
    }
    let body = json!({ "password": "sembilan kuda hijau" });
    let change = Request::new("PUT", "/auth/v1/user")
        .json(&body)
        .bearer(&own);
    assert_eq!(edge.send(&change).status, 200);
    let answered = Instant::now();
    assert_eq!(edge.send(&user.clone().bearer(&other)).status, 401);
    // What is sent two seconds after the answer is refused, however slow the machine is.
    loop {
        let sent = answered.elapsed();
        if edge.elsewhere(&user.clone().bearer(&other)).status == 401 {
            break;
        }
        assert!(sent < COPY, "{sent:?} after the answer it still holds");
        thread::sleep(Duration::from_millis(25));
    }
    for isolate in [Edge::send, Edge::elsewhere] {
        assert_eq!(isolate(&edge, &user.clone().bearer(&own)).status, 200);
    }
}

fn what_an_operator_ends_at_the_origin_is_pushed_to_the_gate(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let edge = pair(&origin);
    origin.tell(&edge);
    sign_up(&edge, "made@example.test");
    let bearer = bearer(&edge, "made@example.test");
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    let money = Request::new("GET", "/money").bearer(&bearer);
    for isolate in [Edge::send, Edge::elsewhere] {
        assert_eq!(isolate(&edge, &user).status, 200);
        assert_eq!(isolate(&edge, &money).status, 200);
    }
    let told = origin.run(&["users", "logout", "--email", "made@example.test"], "");
    assert!(told.contains("the edge knows"), "{told}");
    let pushed = Instant::now();
    for isolate in [Edge::send, Edge::elsewhere] {
        assert_eq!(isolate(&edge, &money).status, 401);
    }
    thread::sleep(COPY.saturating_sub(pushed.elapsed()));
    for isolate in [Edge::send, Edge::elsewhere] {
        assert_eq!(isolate(&edge, &user).status, 401);
    }
}

#[test]
fn what_an_operator_unlocks_is_unlocked_at_the_gate() {
    let origin = Origin::start();
    let edge = pair(&origin);
    origin.tell(&edge);
    sign_up(&edge, "made@example.test");
    let log_in = |password: &str| login(&edge, "made@example.test", password, "192.0.2.1").status;
    let email = ["--email", "made@example.test"];
    for (command, input) in [
        (&["users", "unlock"][..], ""),
        (&["users", "reset", "--password-stdin"], PASSWORD),
    ] {
        for _ in 0..5 {
            assert_eq!(log_in("wrong horse"), 400);
        }
        assert_eq!(log_in(PASSWORD), 400, "locked");
        let told = origin.run(&[command, &email].concat(), input);
        assert!(told.contains("the edge knows"), "{told}");
        assert_eq!(log_in(PASSWORD), 200, "{command:?}");
    }
}

#[test]
fn a_strict_route_is_closed_while_the_ledger_is_away() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, &format!("{WIDE}{STRICT}"));
    sign_up(&edge, "wayan@example.test");
    let bearer = bearer(&edge, "wayan@example.test");
    let money = Request::new("GET", "/money").bearer(&bearer);
    assert_eq!(edge.send(&money).status, 200);
    edge.fault("ledger", "fail");
    assert_eq!(edge.send(&money).problem(), "ledger-unavailable");
    edge.fault("ledger", "");
    assert_eq!(edge.send(&money).status, 200);
}

/// Sends until the status is the wanted one, for at most half a minute.
fn await_elsewhere(edge: &Edge, request: &Request, status: u16) {
    for _ in 0..600 {
        if edge.elsewhere(request).status == status {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{status} does not come:\n{}", edge.log());
}

#[test]
fn a_logout_that_the_ledger_misses_is_told_again() {
    let origin = Origin::start();
    let edge = pair(&origin);
    sign_up(&edge, "komang@example.test");
    let bearer = bearer(&edge, "komang@example.test");
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    assert_eq!(edge.elsewhere(&user).status, 200);
    edge.fault("ledger", "fail");
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    assert_eq!(edge.send(&logout).status, 204);
    assert_eq!(edge.send(&user).status, 401, "here it is known");
    edge.fault("ledger", "");
    await_elsewhere(&edge, &user, 401);
    assert!(!edge.log().contains("REVOCATION_LOST"), "{}", edge.log());
}

/// Both halves, and a wire between them that keeps answers back.
fn behind_a_weir(origin: &Origin) -> (Weir, Edge) {
    let weir = Weir::start(origin.address);
    let config = EdgeConfig {
        origin_url: format!("http://{}", weir.address),
        token_keys: token::key_set(),
        ..EdgeConfig::for_origin(origin).overlay(WIDE)
    };
    (weir, Edge::start(&config))
}

/// Waits until the gate refuses a token, for at most half a minute.
fn await_refusal(edge: &Edge, bearer: &str) {
    let user = Request::new("GET", "/auth/v1/user").bearer(bearer);
    for _ in 0..300 {
        if edge.send(&user).status == 401 {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("it still holds:\n{}", edge.log());
}

fn a_logout_whose_answer_never_comes_reaches_the_gate(engine: Engine) {
    let home = engine.home();
    let mut origin = Origin::configured(&home.url, &[]);
    let (weir, edge) = behind_a_weir(&origin);
    origin.tell(&edge);
    origin.restart();
    sign_up(&edge, "made@example.test");
    let bearer = bearer(&edge, "made@example.test");
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    // With the public keys at hand.
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    assert_eq!(edge.send(&user).status, 200);
    weir.set(Answers::Cut);
    assert_eq!(edge.send(&logout).status, 502);
    weir.set(Answers::Pass);
    await_refusal(&edge, &bearer);
}

#[test]
fn a_logout_whose_client_hangs_up_reaches_the_gate() {
    let origin = Origin::start();
    let (weir, edge) = behind_a_weir(&origin);
    sign_up(&edge, "made@example.test");
    let bearer = bearer(&edge, "made@example.test");
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    // With the public keys at hand.
    let user = Request::new("GET", "/auth/v1/user").bearer(&bearer);
    assert_eq!(edge.send(&user).status, 200);
    // With an answer that nobody reads the connection is reset: a mere end may be one of the request alone.
    let mut client = TcpStream::connect(edge.address).expect("an edge");
    let bytes = |request: &Request| {
        let text = request.bytes(&edge.address.to_string());
        let text = String::from_utf8(text).expect("text");
        text.replace("Connection: close\r\n", "")
    };
    let user = bytes(&user);
    client.write_all(user.as_bytes()).expect("it reads");
    client.peek(&mut [0]).expect("an answer");
    weir.set(Answers::Hold);
    client
        .write_all(bytes(&logout).as_bytes())
        .expect("it reads");
    weir.await_kept();
    drop(client);
    // An edge that ends with its client would end here.
    thread::sleep(Duration::from_millis(500));
    weir.set(Answers::Pass);
    await_refusal(&edge, &bearer);
}

fn who_recovers_by_mail_is_unlocked_at_the_gate(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let edge = Edge::instrumented(&origin, WIDE);
    sign_up(&edge, "made@example.test");
    let log_in = |password: &str| login(&edge, "made@example.test", password, "192.0.2.1").status;
    for _ in 0..5 {
        assert_eq!(log_in("wrong horse"), 400);
    }
    assert_eq!(log_in(PASSWORD), 400, "locked");
    let body = json!({ "email": "made@example.test" });
    let recover = Request::new("POST", "/auth/v1/recover").json(&body);
    assert_eq!(edge.send(&recover.from("198.51.100.7")).status, 200);
    // The notice of the lock has a link as well, which the later mail's takes the place of.
    let is_in = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(100));
        let log = origin.log();
        let links = log.split("/auth/v1/verify?").skip(1);
        let Some(query) = links.filter(|query| query.contains("type=recovery")).last() else {
            return false;
        };
        let end = query.find(|c: char| !c.is_ascii_graphic() || "\"\\<>".contains(c));
        let target = format!("/auth/v1/verify?{}", &query[..end.unwrap_or(query.len())]);
        let followed = edge.send(&Request::new("GET", &target).from("198.51.100.7"));
        followed.status == 303
            && followed
                .header("location")
                .is_some_and(|place| place.contains("access_token="))
    });
    assert!(is_in, "{}", origin.log());
    assert_eq!(log_in(PASSWORD), 200);
}

#[test]
fn a_logout_that_the_ledger_never_takes_is_an_event() {
    let origin = Origin::start();
    let edge = pair(&origin);
    sign_up(&edge, "luh@example.test");
    let bearer = bearer(&edge, "luh@example.test");
    edge.fault("ledger", "fail");
    let logout = Request::new("POST", "/auth/v1/logout").bearer(&bearer);
    assert_eq!(edge.send(&logout).status, 204);
    let lost = || edge.log().contains("REVOCATION_LOST");
    let waits = (0..1_200).map(|_| thread::sleep(Duration::from_millis(25)));
    assert!(waits.into_iter().any(|()| lost()), "{}", edge.log());
}
