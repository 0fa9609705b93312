//! Windows and bans of every kind of subject, by real objects.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response, token};
use serde_json::{Value, json};
use std::{thread, time::Duration};

/// Routes that count users, tenants and keys; strict, so that no lease blurs the figures. Who
/// comes without a token is not challenged.
const SUBJECTS: &str = r#"
[challenge]
mode = "off"

[classes.user]
limit = 3
window_s = 60
subject = "user"
strict = true
on_error = "closed"

[classes.tenant]
limit = 5
window_s = 60
subject = "tenant"
strict = true
on_error = "closed"

[classes.key]
limit = 2
window_s = 60
subject = "key"
strict = true
on_error = "closed"

[classes.siege]
limit = 6
attack_limit = 2
window_s = 60
strict = true
on_error = "closed"

[[route]]
name = "by-user"
path = "/by-user"
rewrite = "/echo/user"
token = "required"
classes = ["user"]

[[route]]
name = "by-tenant"
path = "/by-tenant"
rewrite = "/echo/tenant"
token = "required"
classes = ["tenant"]

[[route]]
name = "by-key"
path = "/by-key"
rewrite = "/echo/key"
token = "required"
classes = ["key"]

[[route]]
name = "by-both"
path = "/by-both"
rewrite = "/echo/both"
token = "required"
classes = ["user", "tenant"]

[[route]]
name = "siege"
path = "/siege"
rewrite = "/echo/siege"
token = "none"
classes = ["siege"]
"#;

fn config(origin: &Origin) -> EdgeConfig {
    let config = EdgeConfig::with_tokens(origin, "");
    config.overlay(SUBJECTS).instrumented()
}

/// A token of this user, tenant and id.
fn bearer(user: &str, tenant: &str, id: &str) -> String {
    let mut claims = token::claims();
    claims["user_id"] = json!(user);
    claims["tenant_id"] = json!(tenant);
    claims["jti"] = json!(id);
    token::token(&claims)
}

/// A request of such a bearer, each from an address of its own: addresses must not matter.
fn ask(path: &str, n: u32, user: &str, tenant: &str, id: &str) -> Request {
    Request::new("GET", path)
        .bearer(&bearer(user, tenant, id))
        .from(&format!("192.0.2.{n}"))
}

fn api(edge: &Edge, method: &str, path: &str, body: &Value) -> Response {
    let operator = token::token(&token::claims_with("role", json!("admin")));
    let request = Request::new(method, &format!("/_gapura/v1/{path}")).bearer(&operator);
    edge.send(&match body {
        Value::Null => request,
        body => request.json(body),
    })
}

/// Sends until the status is the wanted one: an isolate's copy of the Ledger may be 30 s old for
/// who shows no token, and is renewed when it is half that old.
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

#[test]
fn users_tenants_and_keys_have_windows_wherever_they_come_from() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    for (path, limit, own, other) in [
        ("/by-user", 3, ["ana", "t-1", "k-1"], ["budi", "t-1", "k-1"]),
        (
            "/by-tenant",
            5,
            ["ana", "t-2", "k-1"],
            ["ana", "t-3", "k-1"],
        ),
        ("/by-key", 2, ["ana", "t-1", "k-2"], ["ana", "t-1", "k-3"]),
    ] {
        let send = |n, [user, tenant, id]: [&str; 3]| edge.send(&ask(path, n, user, tenant, id));
        for n in 0..limit {
            assert_eq!(send(n, own).status, 200, "{path} {n}");
        }
        let refused = send(limit, own);
        assert_eq!(
            (refused.status, refused.problem()),
            (429, "rate-limited".into()),
            "{path}"
        );
        assert!(refused.header("ratelimit").unwrap().contains(";r=0;"));
        assert_eq!(send(0, other).status, 200, "{path}: another one");
    }
}

#[test]
fn a_token_counts_as_one_in_whichever_header_it_comes() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    for (path, limit, own) in [
        ("/by-user", 3, ["agus", "t-4", "k-4"]),
        ("/by-tenant", 5, ["agus", "t-5", "k-4"]),
        ("/by-key", 2, ["agus", "t-4", "k-5"]),
    ] {
        let [user, tenant, id] = own;
        let by_key = |n| {
            let request = Request::new("GET", path).header("apikey", &bearer(user, tenant, id));
            edge.send(&request.from(&format!("192.0.2.{n}")))
        };
        for n in 0..limit {
            assert_eq!(by_key(n).status, 200, "{path} {n}");
        }
        assert_eq!(by_key(limit).status, 429, "{path}");
        let other = edge.send(&ask(path, limit + 1, user, tenant, id));
        assert_eq!(other.status, 429, "{path}: the same window");
    }
}

#[test]
fn a_ban_holds_where_no_class_counts_the_address() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin).second());
    for _ in 0..2 {
        let _ = edge.send(&Request::new("GET", "/.env").from("192.0.2.77"));
    }
    // Known to the objects alone: the second isolate must ask them.
    let mut n = 0;
    let banned = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(25));
        n += 1;
        let by_key = ask("/by-key", 77, "dewi", "t-6", &format!("k-{n}"));
        edge.send(&by_key).status == 403
    });
    assert!(banned, "two probes ban");
    let elsewhere = |n| edge.elsewhere(&ask("/by-user", n, "dewi", "t-6", "k-6"));
    assert_eq!(elsewhere(77).problem(), "banned");
    assert_eq!(elsewhere(78).status, 200, "the user is not");
}

#[test]
fn two_subjects_are_asked_about_at_once() {
    const SLOW_MS: u64 = 1_500;
    let origin = Origin::start();
    let mut config = config(&origin);
    config.overlay = config
        .overlay
        .replace("budget_ms = 2_000", "budget_ms = 5_000");
    let edge = Edge::start(&config);
    let both = |n| edge.send(&ask("/by-both", n, "ana", "t-7", "k-7"));
    assert_eq!(both(1).status, 200);
    // Two objects at least, or one that takes both questions at once: each answers this late.
    edge.fault("guard", &SLOW_MS.to_string());
    let least = (0..3)
        .map(|_| {
            let start = std::time::Instant::now();
            assert!(matches!(both(1).status, 200 | 429));
            start.elapsed()
        })
        .filter(|elapsed| *elapsed >= Duration::from_millis(SLOW_MS))
        .min();
    let least = least.expect("it waits for the objects");
    assert!(
        least < Duration::from_millis(2 * SLOW_MS),
        "one after the other: {least:?}"
    );
}

#[test]
fn what_a_user_may_no_longer_do_is_given_back_to_the_tenant() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    let before = edge.asked().0;
    let send = |n, user: &str| edge.send(&ask("/by-both", n, user, "t-9", "k-9"));
    for n in 0..3 {
        assert_eq!(send(n, "ana").status, 200);
    }
    // The tenant has room and counts it; the user has none.
    assert_eq!(send(3, "ana").status, 429);
    // Three questions for each of four, the address's for its bans, and what was counted for nothing goes back after the answer.
    for _ in 0..200 {
        if edge.asked().0 - before >= 13 {
            break;
        }
        thread::sleep(Duration::from_millis(25));
    }
    assert_eq!(edge.asked().0 - before, 13);
    assert_eq!(send(4, "budi").status, 200);
    assert_eq!(send(5, "budi").status, 200, "five of the tenant in all");
    assert_eq!(send(6, "budi").status, 429, "the tenant is used up");
}

#[test]
fn who_was_refused_for_what_is_given_back_is_let_in_again() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    for n in 0..3 {
        assert_eq!(
            edge.send(&ask("/by-user", n, "ana", "t-8", "k-8")).status,
            200
        );
    }
    // At once: five that the tenant's window admits and the user's does not, and one more.
    edge.fault("guard", "200");
    let refused: Vec<u16> = thread::scope(|scope| {
        let edge = &edge;
        let send = |n| move || edge.send(&ask("/by-both", n, "ana", "t-8", "k-8")).status;
        let all: Vec<_> = (3..9).map(|n| scope.spawn(send(n))).collect();
        all.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(refused, [429; 6]);
    edge.fault("guard", "");
    let let_in = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(25));
        edge.send(&ask("/by-both", 9, "budi", "t-8", "k-8")).status == 200
    });
    assert!(
        let_in,
        "refused though nothing was counted:\n{}",
        edge.log()
    );
}

#[test]
fn an_operator_bans_a_system_a_country_and_a_user() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    let from = |asn| {
        Request::new("GET", "/siege")
            .from("203.0.113.9")
            .placed("AS", asn)
    };
    let korea = Request::new("GET", "/siege")
        .from("203.0.113.10")
        .header("CF-IPCountry", "KP");
    let ana = ask("/by-user", 1, "ana", "t-1", "k-1");
    for request in [&from(64_500), &korea, &ana] {
        assert_eq!(edge.send(request).status, 200);
    }
    for target in ["AS64500", "country:KP", "user:ana"] {
        let ban = json!({"target": target, "reason": "a test", "seconds": 600});
        let added = api(&edge, "POST", "bans", &ban);
        assert_eq!(added.status, 201, "{}", added.text());
    }
    for request in [&from(64_500), &korea, &ana] {
        assert_eq!(await_status(&edge, request, 403).problem(), "banned");
    }
    assert_eq!(edge.send(&from(64_501)).status, 200, "another system");
    let budi = ask("/by-user", 1, "budi", "t-1", "k-1");
    assert_eq!(edge.send(&budi).status, 200, "another user of that address");
    for id in ["asn:64500", "country:KP", "user:ana"] {
        let lifted = api(&edge, "DELETE", &format!("bans/{id}"), &json!(null));
        assert_eq!(lifted.status, 204, "{}", lifted.text());
    }
    for request in [&from(64_500), &korea, &ana] {
        assert_eq!(await_status(&edge, request, 200).status, 200);
    }
}

#[test]
fn each_continent_has_shards_of_its_own_for_addresses_and_one_set_for_names() {
    let origin = Origin::start();
    let mut config = config(&origin).second();
    config.overlay = config
        .overlay
        .replace("\n[guard]\n", "\n[guard]\nregional = true\n");
    let edge = Edge::start(&config);
    let at = |continent| {
        Request::new("GET", "/siege")
            .from("203.0.113.20")
            .placed(continent, 64_500)
    };
    for _ in 0..6 {
        assert_eq!(edge.send(&at("EU")).status, 200);
    }
    assert_eq!(edge.send(&at("EU")).status, 429);
    // The second isolate remembers nothing: the objects alone tell the two apart.
    assert_eq!(edge.elsewhere(&at("NA")).status, 200, "other objects");
    assert_eq!(edge.elsewhere(&at("EU")).status, 429, "the same objects");
    let ana = |continent| ask("/by-user", 1, "ana", "t-1", "k-1").placed(continent, 64_500);
    for _ in 0..3 {
        assert_eq!(edge.send(&ana("EU")).status, 200);
    }
    assert_eq!(
        edge.elsewhere(&ana("NA")).status,
        429,
        "a user is one everywhere"
    );
}

#[test]
fn under_attack_the_tighter_limits_hold() {
    let origin = Origin::start();
    let edge = Edge::start(&config(&origin));
    let siege = |client: &str| edge.send(&Request::new("GET", "/siege").from(client));
    let count = |client: &str| (0..8).filter(|_| siege(client).status == 200).count();
    assert_eq!(count("192.0.2.1"), 6);
    let mode = |mode: &Value| {
        let set = api(&edge, "PUT", "mode", mode);
        assert_eq!(set.status, 200, "{}", set.text());
    };
    mode(&json!({"under_attack": true, "seconds": 600}));
    let policy = |client: &str| siege(client).header("ratelimit-policy").map(str::to_owned);
    let mut n = 10;
    let mut await_policy = |wanted: &str| {
        for _ in 0..700 {
            n = 10 + (n + 1) % 200;
            if policy(&format!("198.51.100.{n}")).as_deref() == Some(wanted) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{wanted} does not come");
    };
    await_policy("\"siege\";q=2;w=60");
    assert_eq!(count("192.0.2.2"), 2);
    mode(&json!({"under_attack": false}));
    await_policy("\"siege\";q=6;w=60");
    assert_eq!(count("192.0.2.3"), 6);
}
