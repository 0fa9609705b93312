//! What counts as one client: IPv4 in its IPv6 form, and IPv6 networks whose hosts misbehave.

use gapura_tests::{Edge, Origin, Request, Response, token};
use serde_json::{Value, json};
use std::{thread, time::Duration};

fn read(client: &str) -> Request {
    Request::new("GET", "/echo/a").from(client)
}

fn probe(edge: &Edge, client: &str) {
    let _ = edge.send(&Request::new("GET", "/.env").from(client));
}

fn api(edge: &Edge, method: &str, path: &str, body: Option<&Value>) -> Response {
    let operator = token::token(&token::claims_with("role", json!("admin")));
    let request = Request::new(method, &format!("/_gapura/v1/{path}")).bearer(&operator);
    edge.send(&match body {
        Some(body) => request.json(body),
        None => request,
    })
}

/// Waits until a client is banned, on a route that counts nothing, and looks at one that does.
fn await_ban(edge: &Edge, client: &str) {
    let uncounted = Request::new("GET", "/.well-known/security.txt").from(client);
    for _ in 0..200 {
        if edge.send(&uncounted).status == 403 {
            break;
        }
        thread::sleep(Duration::from_millis(25));
    }
    let refused = edge.send(&read(client));
    assert_eq!((refused.status, refused.problem()), (403, "banned".into()));
}

#[test]
fn an_ipv4_client_is_one_in_both_of_its_forms() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    probe(&edge, "192.0.2.1");
    probe(&edge, "::ffff:192.0.2.1");
    for client in ["192.0.2.1", "::ffff:192.0.2.1"] {
        await_ban(&edge, client);
    }
    assert_eq!(edge.send(&read("::ffff:192.0.2.2")).status, 200);

    let ban = json!({"target": "::ffff:198.51.100.7", "reason": "a test", "seconds": 600});
    let added = api(&edge, "POST", "bans", Some(&ban));
    assert_eq!(added.status, 201, "{}", added.text());
    for client in ["198.51.100.7", "::ffff:198.51.100.7"] {
        assert_eq!(edge.send(&read(client)).problem(), "banned", "{client}");
    }
    let list = api(&edge, "GET", "bans?q=198.51.100.7", None).json();
    assert_eq!(list["bans"][0]["id"], "ip:198.51.100.7", "{list}");
    let lifted = api(&edge, "DELETE", "bans/ip:::ffff:198.51.100.7", None);
    assert_eq!(lifted.status, 204, "{}", lifted.text());
    assert_eq!(edge.send(&read("198.51.100.7")).status, 200);
}

#[test]
fn sixteen_banned_hosts_of_a_48_ban_it() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "\n[jails.probe]\nstrikes = 1\n");
    for n in 0..16 {
        let client = format!("2001:db8:8:{n:x}00::1");
        assert_eq!(edge.send(&read(&client)).status, 200, "{n}");
        probe(&edge, &client);
        await_ban(&edge, &client);
    }
    await_ban(&edge, "2001:db8:8:ffff::1");
    assert_eq!(edge.send(&read("2001:db8:9:ffff::1")).status, 200);

    // Who would lift the ban of a host in it is told that it would change nothing.
    let inside = api(&edge, "DELETE", "bans/ip:2001:db8:8:100::1", None);
    assert_eq!(inside.status, 409, "{}", inside.text());
    assert!(
        inside.text().contains("2001:db8:8::/48"),
        "{}",
        inside.text()
    );
    await_ban(&edge, "2001:db8:8:100::1");
    let whole = api(&edge, "DELETE", "bans/ip:2001:db8:8::%2F48", None);
    assert_eq!(whole.status, 204, "{}", whole.text());
    assert_eq!(edge.send(&read("2001:db8:8:ffff::1")).status, 200);
}

#[test]
fn who_strikes_once_from_each_of_many_hosts_is_banned_with_the_network() {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, "");
    // A host alone may probe once; a /56 eight times in all.
    for n in 0..7 {
        probe(&edge, &format!("2001:db8:a:{n:x}::1"));
    }
    assert_eq!(edge.send(&read("2001:db8:a:50::1")).status, 200);
    probe(&edge, "2001:db8:a:7::1");
    await_ban(&edge, "2001:db8:a:51::1");
    assert_eq!(edge.send(&read("2001:db8:a:100::1")).status, 200);
    let shown = api(&edge, "GET", "subjects/ip:2001:db8:a:51::1", None).json();
    let ban = &shown["shard"]["bans"][0];
    assert_eq!(ban["subject"], "ip:2001:db8:a::/56", "{shown}");
    edge.await_log("ip:2001:db8:a::/56");
}
