//! Strikes, bans and how they end, by real objects; and the operator's API.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response, Stack, harness::counted, token};
use serde_json::{Value, json};
use std::{thread, time::Duration};

fn attack(client: &str) -> Request {
    Request::new("GET", "/echo/?q=%3Cscript%3Ealert(1)%3C/script%3E").from(client)
}

fn read(client: &str) -> Request {
    Request::new("GET", "/echo/a").from(client)
}

fn operator() -> String {
    token::token(&token::claims_with("role", json!("admin")))
}

fn api(edge: &Edge, method: &str, path: &str, body: Option<&Value>) -> Response {
    let mut request = Request::new(method, &format!("/_gapura/v1/{path}")).bearer(&operator());
    if let Some(body) = body {
        request = request.json(body);
    }
    edge.send(&request)
}

/// Sends until the status is the wanted one, for at most two seconds.
fn await_status(edge: &Edge, request: &Request, status: u16) -> Response {
    for _ in 0..40 {
        let response = edge.send(request);
        if response.status == status {
            return response;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{status} does not come: {}", edge.send(request).text());
}

#[test]
fn attacks_lead_to_a_ban_that_outlives_everything_and_is_lifted_by_the_api() {
    let origin = Origin::start();
    let mut edge = Edge::instrumented(&origin, "");
    for _ in 0..5 {
        assert_eq!(edge.send(&attack("192.0.2.1")).problem(), "waf-blocked");
    }
    edge.await_log("BAN_ADDED");
    let refused = edge.send(&read("192.0.2.1"));
    assert_eq!((refused.status, refused.problem()), (403, "banned".into()));
    assert!(!refused.text().contains("waf"), "{}", refused.text());
    assert_eq!(edge.send(&read("192.0.2.2")).status, 200);
    edge.await_log("BAN_ENFORCED");

    // A flood of refusals asks no object and is logged sparsely.
    let before = edge.asked().0;
    for _ in 0..99 {
        assert_eq!(edge.send(&read("192.0.2.1")).status, 403);
    }
    assert_eq!(edge.asked().0, before);
    assert!(edge.log().matches("BAN_ENFORCED").count() <= 4);

    edge.evict();
    edge.restart();
    assert_eq!(edge.send(&read("192.0.2.1")).problem(), "banned");

    let list = api(&edge, "GET", "bans?q=192.0.2.1", None).json();
    assert_eq!(list["bans"][0]["id"], "ip:192.0.2.1", "{list}");
    assert_eq!(list["bans"][0]["source"], "jail:waf");
    let shown = api(&edge, "GET", "subjects/ip:192.0.2.1", None).json();
    assert_eq!(shown["shard"]["bans"][0]["reason"], "waf", "{shown}");
    assert_eq!(api(&edge, "DELETE", "bans/ip:192.0.2.1", None).status, 204);
    edge.await_log("BAN_LIFTED");
    assert_eq!(edge.send(&read("192.0.2.1")).status, 200);
    assert_eq!(api(&edge, "DELETE", "bans/ip:192.0.2.1", None).status, 404);
}

#[test]
fn each_further_ban_is_twice_as_long_up_to_the_cap() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        "\n[jails.probe]\nstrikes = 1\nwindow_s = 60\nban_s = 1\ncap_s = 3\n",
    );
    let probe = Request::new("GET", "/.env").from("192.0.2.15");
    let added = || events(&edge, "BAN_ADDED", "192.0.2.15");
    for _ in 0..600 {
        if added().len() >= 4 {
            break;
        }
        assert_eq!(edge.send(&probe).status, 403);
        thread::sleep(Duration::from_millis(25));
    }
    let reasons: Vec<_> = added()
        .iter()
        .map(|event| event["reason"].clone())
        .collect();
    let wanted = ["probe: 1 s", "probe: 2 s", "probe: 3 s", "probe: 3 s"];
    assert_eq!(reasons, wanted);
}

#[test]
fn few_refusals_in_each_of_many_short_windows_ban_as_well() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        &counted(
            "few",
            "limit = 1\nwindow_s = 1\nstrict = true\non_error = \"closed\"",
        ),
    );
    edge.stop_clock();
    let few = Request::new("GET", "/few").from("192.0.2.25");
    for second in 0..3 {
        edge.shift_clock(2_000 * second);
        let statuses: Vec<u16> = (0..5).map(|_| edge.send(&few).status).collect();
        assert_eq!(statuses, [200, 429, 429, 429, 429], "{second}");
    }
    // Of twelve refusals ten are a ban, however they fell; the last denial is over, too.
    edge.shift_clock(6_000);
    // A route that counts nothing brings to light that it is over.
    assert_eq!(edge.get("/.well-known/security.txt").status, 200);
    await_count(&edge, "BAN_ADDED", "192.0.2.25", 1);
    assert_eq!(edge.send(&few).problem(), "banned");
}

#[test]
fn a_ban_that_begins_with_a_refusal_is_logged_once() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        &(counted(
            "few",
            "limit = 1\nwindow_s = 60\nstrict = true\non_error = \"closed\"",
        ) + "[jails.limit]\nstrikes = 1\n"),
    );
    let few = Request::new("GET", "/few").from("192.0.2.26");
    assert_eq!(edge.send(&few).status, 200);
    for _ in 0..4 {
        assert_eq!(edge.send(&few).problem(), "banned");
    }
    let added = await_count(&edge, "BAN_ADDED", "192.0.2.26", 1);
    assert_eq!(added.len(), 1, "{added:?}");
    assert_eq!(added[0]["reason"], "limit: 600 s");
}

/// The events of a kind about a client, once there are so many.
fn await_count(edge: &Edge, kind: &str, client: &str, count: usize) -> Vec<Value> {
    for _ in 0..200 {
        let found = events(edge, kind, client);
        if found.len() >= count {
            return found;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("no {count} {kind} about {client}:\n{}", edge.log());
}

#[test]
fn an_operator_bans_a_network_and_a_country_exports_and_lifts_them() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let from = |country: &str| read("198.51.100.9").header("CF-IPCountry", country);
    assert_eq!(edge.send(&from("ID")).status, 200);
    for target in ["198.51.100.0/24", "country:KP"] {
        let ban = json!({"target": target, "reason": "a test", "seconds": 600});
        let added = api(&edge, "POST", "bans", Some(&ban));
        assert_eq!(added.status, 201, "{}", added.text());
    }
    edge.await_log("BAN_ADDED");
    assert_eq!(await_status(&edge, &from("ID"), 403).problem(), "banned");
    let korea = read("203.0.113.5").header("CF-IPCountry", "KP");
    assert_eq!(edge.send(&korea).problem(), "banned");
    assert_eq!(edge.send(&read("203.0.113.5")).status, 200);
    let export = api(&edge, "GET", "export?format=cidr", None);
    assert_eq!(export.text().trim(), "198.51.100.0/24");
    assert_eq!(
        api(&edge, "DELETE", "bans/ip:198.51.100.0%2F24", None).status,
        204
    );
    assert_eq!(await_status(&edge, &from("ID"), 200).status, 200);

    let list = "203.0.113.64/28\n203.0.113.128/28\n";
    let import = Request::new("POST", "/_gapura/v1/import?list=drop")
        .bearer(&operator())
        .body("text/plain", list);
    assert_eq!(edge.send(&import).json()["added"], 2);
    assert_eq!(
        await_status(&edge, &read("203.0.113.65"), 403).problem(),
        "banned"
    );
}

#[test]
fn the_api_is_for_operators_alone() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    let ask = |request: Request| edge.send(&request).status;
    let bans = || Request::new("GET", "/_gapura/v1/bans");
    assert_eq!(ask(bans()), 401);
    assert_eq!(ask(bans().bearer(&token::token(&token::claims()))), 403);
    assert_eq!(ask(bans().header("Signature-Input", "gapura=()")), 404);
    assert_eq!(ask(bans().bearer(&operator())), 200);
    let own = json!({"target": "127.0.0.0/8", "reason": "oops", "seconds": 60});
    assert_eq!(api(&edge, "POST", "bans", Some(&own)).status, 409);
    edge.fault("ledger", "fail");
    assert_eq!(
        ask(bans().bearer(&operator())),
        503,
        "no revocation can be seen"
    );
}

#[test]
fn who_goes_on_asking_beyond_the_limit_is_banned() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        &counted("few", "limit = 2\nwindow_s = 30\non_error = \"open\""),
    );
    let few = Request::new("GET", "/few").from("192.0.2.20");
    let statuses: Vec<u16> = (0..3).map(|_| edge.send(&few).status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let remembered = edge.send(&few);
    assert_eq!(
        (remembered.status, remembered.problem()),
        (429, "rate-limited".into())
    );
    assert!(remembered.header("retry-after").is_some());
    assert_eq!(
        remembered.header("ratelimit-policy"),
        Some("\"few\";q=2;w=30")
    );
    assert!(
        remembered
            .header("ratelimit")
            .unwrap()
            .starts_with("\"few\";r=0;t=")
    );
    assert!(remembered.header("x-content-type-options").is_some());
    let before = edge.asked().0;
    for _ in 0..12 {
        assert!(matches!(edge.send(&few).status, 429 | 403));
    }
    assert_eq!(await_status(&edge, &few, 403).problem(), "banned");
    assert_eq!(edge.asked().0 - before, 1, "its strikes, in one message");
    // Another class of the same client is refused as well: it is banned.
    assert_eq!(edge.send(&read("192.0.2.20")).status, 403);
}

#[test]
fn many_bans_in_an_ipv6_network_ban_the_network() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    for n in 0..4 {
        let client = format!("2001:db8:7:{n}::1");
        for _ in 0..2 {
            let probe = Request::new("GET", "/.env").from(&client);
            let _ = edge.send(&probe);
        }
        await_status(&edge, &read(&client), 403);
    }
    let neighbour = await_status(&edge, &read("2001:db8:7:ff::1"), 403);
    assert_eq!(neighbour.problem(), "banned");
    assert_eq!(
        edge.send(&read("2001:db8:7:100::1")).status,
        200,
        "another /56"
    );
}

#[test]
fn forged_seals_and_tokens_are_strikes() {
    let stack = Stack::start("");
    let forged = read("192.0.2.30").header("Gapura-Identity", "rid=\"x\"");
    for _ in 0..20 {
        let _ = stack.edge.send(&forged);
    }
    assert_eq!(
        await_status(&stack.edge, &read("192.0.2.30"), 403).problem(),
        "banned"
    );
    let guess = Request::new("GET", "/auth/v1/user")
        .bearer("a.b.c")
        .from("192.0.2.31");
    for _ in 0..20 {
        let _ = stack.edge.send(&guess);
    }
    assert_eq!(
        await_status(&stack.edge, &read("192.0.2.31"), 403).problem(),
        "banned"
    );
}

#[test]
fn who_can_never_be_banned_is_not() {
    let stack = Stack::start("");
    for _ in 0..8 {
        assert_eq!(
            stack.edge.send(&attack("127.0.0.1")).problem(),
            "waf-blocked"
        );
    }
    thread::sleep(Duration::from_millis(200));
    assert_eq!(stack.edge.send(&read("127.0.0.1")).status, 200);
}

/// Bans are recorded and seen, and refuse nobody.
const DETECT: &str =
    "\n[guard]\nmode = \"detect\"\nnever_ban = [\"127.0.0.1\"]\nbudget_ms = 2000\n";

/// The development overlay with these settings of the Guard in place of its own.
fn detecting(origin: &Origin) -> Edge {
    let config = EdgeConfig::for_origin(origin);
    let (before, rest) = config.overlay.split_once("\n[guard]\n").unwrap();
    let after = rest.split_once("\n\n").unwrap().1;
    let config = EdgeConfig {
        token_keys: token::key_set(),
        overlay: format!("{before}{DETECT}\n{after}"),
        ..config
    };
    Edge::start(&config.instrumented())
}

/// The events of a kind about a client.
fn events(edge: &Edge, kind: &str, client: &str) -> Vec<Value> {
    let log = edge.log();
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok());
    events
        .filter(|event| event["event"] == kind && event["client"] == client)
        .collect()
}

#[test]
fn in_detect_mode_what_a_ban_would_refuse_is_served_and_logged() {
    let origin = Origin::start();
    let mut edge = detecting(&origin);
    for _ in 0..5 {
        assert_eq!(edge.send(&attack("192.0.2.41")).problem(), "waf-blocked");
    }
    edge.await_log("BAN_ADDED");
    assert_eq!(
        edge.send(&read("192.0.2.41")).status,
        200,
        "as the isolate remembers"
    );
    await_events(&edge, "BAN_DETECTED", "192.0.2.41");
    edge.restart();
    assert_eq!(
        edge.send(&read("192.0.2.41")).status,
        200,
        "as the object says"
    );
    for _ in 0..200 {
        if events(&edge, "BAN_DETECTED", "192.0.2.41").len() == 2 {
            break;
        }
        thread::sleep(Duration::from_millis(25));
    }
    assert_eq!(events(&edge, "BAN_DETECTED", "192.0.2.41").len(), 2);
    let ban = json!({"target": "192.0.2.42", "reason": "a test", "seconds": 600});
    assert_eq!(api(&edge, "POST", "bans", Some(&ban)).status, 201);
    let network = json!({"target": "198.51.100.0/24", "reason": "a test", "seconds": 600});
    assert_eq!(api(&edge, "POST", "bans", Some(&network)).status, 201);
    for client in ["192.0.2.42", "198.51.100.7"] {
        for _ in 0..2 {
            assert_eq!(edge.send(&read(client)).status, 200, "{client}");
        }
    }
    for (client, why) in [
        ("192.0.2.41", "banned: waf"),
        ("192.0.2.42", "banned: ip:192.0.2.42"),
        ("198.51.100.7", "banned: ip:198.51.100.0/24"),
    ] {
        let seen = await_events(&edge, "BAN_DETECTED", client);
        let last = seen.last().unwrap();
        assert_eq!(last["reason"], why, "{last}");
        assert_eq!(
            (&last["outcome"], &last["target"]),
            (&json!(0), &json!("/echo/a"))
        );
        assert!(events(&edge, "BAN_ENFORCED", client).is_empty());
    }
    assert!(events(&edge, "BAN_DETECTED", "127.0.0.1").is_empty());
    // Windows hold for a banned client as for all others.
    let refused = (0..110).filter(|_| edge.send(&read("192.0.2.41")).status == 429);
    assert!(refused.count() >= 8);
}

/// The events of a kind about a client, once there are any.
fn await_events(edge: &Edge, kind: &str, client: &str) -> Vec<Value> {
    for _ in 0..200 {
        let found = events(edge, kind, client);
        if !found.is_empty() {
            return found;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("no {kind} about {client}:\n{}", edge.log());
}

#[test]
fn how_much_was_refused_from_memory_is_logged_once_when_it_is_over() {
    let origin = Origin::start();
    let edge = Edge::instrumented(
        &origin,
        &(counted("few", "limit = 2\nwindow_s = 2\non_error = \"open\"")
            + "[jails.limit]\nkinds = []\nstrikes = 10\nwindow_s = 600\nban_s = 600\n"),
    );
    edge.stop_clock();
    let few = Request::new("GET", "/few").from("192.0.2.50");
    let statuses: Vec<u16> = (0..8).map(|_| edge.send(&few).status).collect();
    assert_eq!(statuses, [200, 200, 429, 429, 429, 429, 429, 429]);
    // The first of them is the object's own.
    let from_memory = 5;
    edge.shift_clock(2_100);
    let told = || -> u64 {
        let events = events(&edge, "RATE_LIMIT_EXCEEDED", "192.0.2.50");
        let over = events.iter().filter(|event| event["action"] == "DENIED");
        let count = |event: &Value| {
            assert_eq!(
                (&event["target"], &event["outcome"]),
                (&json!("ip:192.0.2.50"), &json!(429))
            );
            let reason = event["reason"].as_str().unwrap();
            let count = reason.strip_prefix("rate-limited: few: ").unwrap();
            let count = count.strip_suffix(" refused from memory").unwrap();
            count.parse::<u64>().unwrap()
        };
        over.map(count).sum()
    };
    // Whoever comes next brings it to light.
    let visit = || edge.send(&Request::new("GET", "/.well-known/security.txt"));
    for _ in 0..400 {
        if told() == from_memory {
            break;
        }
        assert_eq!(visit().status, 200);
        thread::sleep(Duration::from_millis(25));
    }
    for _ in 0..3 {
        assert_eq!(visit().status, 200);
    }
    assert_eq!(told(), from_memory);
}
