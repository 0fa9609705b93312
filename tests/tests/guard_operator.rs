//! The operator's API: what it does, what it leaves in the log, and that it is guarded as well.

use gapura_tests::{Edge, Origin, Request, Response, token};
use serde_json::{Value, json};
use std::{thread, time::Duration};

fn read(client: &str) -> Request {
    Request::new("GET", "/echo/a").from(client)
}

fn page(client: &str) -> Request {
    read(client).header("accept", "text/html")
}

fn operator() -> String {
    let mut claims = token::claims_with("role", json!("admin"));
    claims["user_id"] = json!("op-1");
    token::token(&claims)
}

fn api(method: &str, path: &str) -> Request {
    Request::new(method, &format!("/_gapura/v1/{path}"))
}

fn operate(edge: &Edge, method: &str, path: &str, body: &Value) -> Response {
    let request = api(method, path).bearer(&operator());
    edge.send(&match body {
        Value::Null => request,
        body => request.json(body),
    })
}

fn import(edge: &Edge, path: &str, content_type: &str, list: &str) -> Response {
    let request = api("POST", path).bearer(&operator());
    edge.send(&request.body(content_type, list))
}

/// Sends until the status is the wanted one: a copy of the Ledger may be 30 s old for who
/// shows no token.
fn await_status(edge: &Edge, request: &Request, status: u16) -> Response {
    for _ in 0..700 {
        let response = edge.send(request);
        if response.status == status {
            return response;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{status} does not come: {}", edge.send(request).text());
}

/// The events of a kind, once there are so many.
fn await_events(edge: &Edge, kind: &str, count: usize) -> Vec<Value> {
    for _ in 0..200 {
        let log = edge.log();
        let lines = log.lines();
        let events =
            lines.filter_map(|line| serde_json::from_str(line.get(line.find('{')?..)?).ok());
        let found: Vec<Value> = events
            .filter(|event: &Value| event["event"] == kind)
            .collect();
        if found.len() >= count {
            return found;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("no {count} {kind}:\n{}", edge.log());
}

#[test]
fn under_attack_the_policy_as_shipped_is_tighter_and_challenges_browsers() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let user = |client: &str| {
        let request = Request::new("GET", "/auth/v1/user").from(client);
        edge.send(&request.bearer(&token::token(&token::claims())))
    };
    let quota = |response: &Response| response.header("ratelimit-policy").map(str::to_owned);
    let switch = |mode: &Value| {
        let done = operate(&edge, "PUT", "mode", mode);
        assert_eq!(done.status, 200, "{}", done.text());
    };
    assert_eq!(edge.send(&page("192.0.2.1")).status, 200);
    assert_eq!(quota(&user("192.0.2.1")).unwrap(), "\"general\";q=100;w=60");
    switch(&json!({"under_attack": true, "seconds": 600}));
    // From the very first request on.
    assert_eq!(quota(&user("192.0.2.2")).unwrap(), "\"general\";q=30;w=60");
    assert_eq!(edge.send(&page("192.0.2.1")).status, 503);
    assert_eq!(
        edge.send(&read("192.0.2.1")).problem(),
        "challenge-required"
    );
    let statuses = (0..40).map(|_| user("192.0.2.3").status);
    assert_eq!(statuses.filter(|status| *status != 429).count(), 30);
    switch(&json!({"under_attack": false}));
    assert_eq!(edge.send(&page("192.0.2.1")).status, 200);
    assert_eq!(quota(&user("192.0.2.4")).unwrap(), "\"general\";q=100;w=60");
}

#[test]
fn every_change_names_its_actor() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let ban = json!({"target": "198.51.100.0/24", "reason": "a test", "seconds": 600});
    assert_eq!(operate(&edge, "POST", "bans", &ban).status, 201);
    // Bans are found by who made them, too.
    let list = operate(&edge, "GET", "bans?q=OP-1", &json!(null)).json();
    assert_eq!(list["bans"][0]["id"], "ip:198.51.100.0/24", "{list}");
    let ban = "bans/ip:198.51.100.0%2F24";
    assert_eq!(operate(&edge, "DELETE", ban, &json!(null)).status, 204);
    let mode = json!({"under_attack": true, "seconds": 60});
    assert_eq!(operate(&edge, "PUT", "mode", &mode).status, 200);
    assert_eq!(
        import(&edge, "import?list=a", "text/plain", "203.0.113.9\n").status,
        200
    );
    for kind in [
        "BAN_ADDED",
        "BAN_LIFTED",
        "MODE_CHANGED",
        "BLOCK_LIST_IMPORTED",
    ] {
        let event = await_events(&edge, kind, 1).remove(0);
        assert_eq!(event["actor"], "user:op-1", "{event}");
    }
}

#[test]
fn lists_of_every_format_come_in_and_go_out() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let crowdsec = r#"[{"decisions":[
        {"duration":"4h","scenario":"crowdsecurity/ssh-bf","scope":"Ip","type":"ban","value":"203.0.113.7"},
        {"duration":"4h","scope":"Ip","type":"captcha","value":"203.0.113.8"}]}]"#;
    let csv = "duration,scope,value,reason\n24h,range,203.0.113.16/28,\"a, b\"\n";
    let firehol = "# firehol_level1\n# Entries: 2\n203.0.113.64/28\n203.0.113.129 # one, or two\n";
    // A comment with a comma makes no CSV of it.
    let plain = "203.0.113.200 # one, two\n";
    for (list, content_type, text, added) in [
        ("crowdsec", "application/json", crowdsec, 1),
        ("csv", "text/csv", csv, 1),
        ("firehol", "text/plain", firehol, 2),
        ("plain", "text/plain", plain, 1),
    ] {
        let done = import(&edge, &format!("import?list={list}"), content_type, text);
        assert_eq!(done.status, 200, "{list}: {}", done.text());
        assert_eq!(done.json()["added"], added, "{list}");
    }
    for client in [
        "203.0.113.7",
        "203.0.113.17",
        "203.0.113.65",
        "203.0.113.129",
        "203.0.113.200",
    ] {
        assert_eq!(await_status(&edge, &read(client), 403).problem(), "banned");
    }
    assert_eq!(
        edge.send(&read("203.0.113.8")).status,
        200,
        "a captcha is no ban"
    );
    let export = |format: &str| {
        let out = operate(
            &edge,
            "GET",
            &format!("export?format={format}"),
            &json!(null),
        );
        assert_eq!(out.status, 200, "{format}");
        out.text()
    };
    let networks = "203.0.113.129\n203.0.113.16/28\n203.0.113.200\n203.0.113.64/28\n203.0.113.7\n";
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines.join("\n") + "\n"
    };
    assert_eq!(sorted(&export("cidr")), networks);
    assert_eq!(sorted(&export("firehol")), networks);
    let decisions: Value = serde_json::from_str(&export("crowdsec")).unwrap();
    assert_eq!(decisions.as_array().unwrap().len(), 5, "{decisions}");
    // What went out comes in elsewhere.
    let other = Edge::instrumented(&origin, "");
    let out = export("crowdsec-csv");
    assert_eq!(
        import(&other, "import?list=b", "text/csv", &out).json()["added"],
        5
    );
    assert_eq!(
        await_status(&other, &read("203.0.113.17"), 403).problem(),
        "banned"
    );
}

#[test]
fn who_guesses_at_the_api_is_counted_logged_and_banned() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let guess = |n: u32| {
        api("GET", "bans")
            .bearer(&format!("guess{n}"))
            .from("192.0.2.70")
    };
    let statuses: Vec<u16> = (0..70).map(|n| edge.send(&guess(n)).status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        60,
        "{statuses:?}"
    );
    let refused = edge.send(&guess(99));
    assert_eq!(
        (refused.status, refused.problem()),
        (429, "rate-limited".into())
    );
    assert!(
        refused
            .header("ratelimit")
            .unwrap()
            .starts_with("\"gate\";r=0;")
    );
    let event = await_events(&edge, "AUTH_FAILED", 60).remove(0);
    assert_eq!(
        (&event["client"], &event["target"]),
        (&json!("192.0.2.70"), &json!("/_gapura/v1/bans"))
    );
    assert_eq!(
        await_status(&edge, &read("192.0.2.70"), 403).problem(),
        "banned"
    );
    // The operator elsewhere is not concerned, nor one whose own address is banned.
    assert_eq!(operate(&edge, "GET", "bans", &json!(null)).status, 200);
    let ban = json!({"target": "192.0.2.71", "reason": "a test", "seconds": 600});
    assert_eq!(operate(&edge, "POST", "bans", &ban).status, 201);
    await_status(&edge, &read("192.0.2.71"), 403);
    let own = api("DELETE", "bans/ip:192.0.2.71").bearer(&operator());
    assert_eq!(edge.send(&own.from("192.0.2.71")).status, 204);
}

#[test]
fn who_forges_seals_at_the_api_is_counted_logged_and_banned() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let forged = api("POST", "ledger")
        .header("Signature-Input", "gapura=()")
        .from("192.0.2.80");
    for _ in 0..20 {
        assert_eq!(edge.send(&forged).status, 404);
    }
    await_events(&edge, "SEAL_REFUSED", 20);
    assert_eq!(
        await_status(&edge, &read("192.0.2.80"), 403).problem(),
        "banned"
    );
    let statuses: Vec<u16> = (0..45).map(|_| edge.send(&forged).status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 404).count(),
        40,
        "{statuses:?}"
    );
    // A role that may not is told apart, and no guess.
    let stranger = api("GET", "bans").bearer(&token::token(&token::claims()));
    assert_eq!(edge.send(&stranger).status, 403);
    await_events(&edge, "ACCESS_DENIED", 1);
}

#[test]
fn challenges_and_answers_to_them_are_counted() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        "\n[challenge]\nmode = \"always\"\n[classes.general]\nlimit = 5\n[classes.gate]\nlimit = 25\n",
    );
    let statuses: Vec<u16> = (0..7)
        .map(|_| edge.send(&page("192.0.2.90")).status)
        .collect();
    assert_eq!(statuses, [503, 503, 503, 503, 503, 429, 429]);
    let refused: Vec<u16> = (0..7)
        .map(|_| edge.send(&read("192.0.2.91")).status)
        .collect();
    assert_eq!(refused, [403, 403, 403, 403, 403, 429, 429]);
    let answer = Request::new("POST", "/_gapura/challenge")
        .body("text/plain;charset=UTF-8", "1.2.3.4:5")
        .from("192.0.2.92");
    for n in 0..20 {
        assert_eq!(edge.send(&answer).problem(), "challenge-failed", "{n}");
    }
    assert_eq!(await_problem(&edge, &answer, "banned").status, 403);
}

fn await_problem(edge: &Edge, request: &Request, problem: &str) -> Response {
    for _ in 0..200 {
        let response = edge.send(request);
        if response.problem() == problem {
            return response;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("{problem} does not come");
}

#[test]
fn an_account_of_the_origin_with_the_role_is_an_operator() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let (email, password) = ("op@example.test", "correct horse battery staple");
    let add = ["users", "add", "--email", email, "--role", "admin"];
    origin.run(&[&add[..], &["--password-stdin"]].concat(), password);
    let login = Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({"email": email, "password": password}));
    let session = edge.send(&login).json();
    let bearer = session["access_token"].as_str().unwrap();
    let mode = json!({"under_attack": true, "seconds": 600});
    let switch = api("PUT", "mode").json(&mode).bearer(bearer);
    assert_eq!(edge.send(&switch).status, 200);
    assert_eq!(edge.send(&page("192.0.2.5")).status, 503);
}
