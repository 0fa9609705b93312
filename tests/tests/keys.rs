//! Keys of tokens rotate while the edge serves; routes that want a second factor; sessions in
//! cookies, and what a foreign page makes of them.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use engines::{Engine, Home, on_every_engine};
use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response, Stack, token};
use serde_json::{Value, json};
use std::{thread, time::Duration};

on_every_engine!(
    keys_rotate_while_the_edge_serves,
    an_edge_that_is_told_refuses_a_retired_key_at_once,
    a_session_in_cookies_lives_and_ends_by_them,
    cookies_that_do_not_hold_any_more_are_none,
    eddsa_signs_where_it_is_set_and_the_edge_verifies,
    hs256_signs_while_something_else_still_checks_it,
    a_foreign_page_changes_nothing_by_cookies,
    without_the_guard_a_foreign_page_renews_the_session,
    sessions_come_in_cookies_only_where_that_is_switched_on,
);

const EMAIL: &str = "made@example.test";
const PASSWORD: &str = "benar kuda baterai";

/// One client does what many would; the key set is young.
const WIDE: &str = "
[classes.login]
limit = 1000
[classes.account]
limit = 1000
[classes.sensitive]
limit = 1000
[classes.general]
limit = 1000
";

const YOUNG: &str = "
[token]
jwks_lifetime_s = 10
jwks_cooldown_s = 1
";

/// A route that wants two factors.
const VAULT: &str = r#"
[[route]]
name = "vault"
path = "/vault/**"
rewrite = "/echo/**"
token = "required"
aal = "aal2"
classes = []
"#;

fn account(origin: &Origin) {
    let add = ["users", "add", "--email", EMAIL, "--password-stdin"];
    origin.run(&add, PASSWORD);
}

fn login(edge: &Edge, query: &str) -> Response {
    let target = format!("/auth/v1/token?grant_type=password{query}");
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = edge.send(&Request::new("POST", &target).json(&body));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn access_token(edge: &Edge) -> String {
    login(edge, "").json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn user(edge: &Edge, token: &str) -> u16 {
    edge.send(&Request::new("GET", "/auth/v1/user").bearer(token))
        .status
}

/// What `keys` prints, a line each.
fn keys(origin: &Origin, arguments: &[&str]) -> Vec<Value> {
    let told = origin.run(&[&["keys"], arguments].concat(), "");
    told.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What a token's header says.
fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// Origins and edges look for keys every ten seconds.
fn eventually(what: &str, mut probe: impl FnMut() -> bool) {
    for _ in 0..300 {
        if probe() {
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("{what}");
}

fn keys_rotate_while_the_edge_serves(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(&format!("{YOUNG}{WIDE}")));
    account(&origin);
    let old = access_token(&edge);
    assert_eq!(user(&edge, &old), 200);
    let first = keys(&origin, &["list"])[0]["kid"]
        .as_str()
        .unwrap()
        .to_owned();

    // The next key is published while the first one signs.
    let next = keys(&origin, &["rotate", "--lead-s", "0"])[0]["kid"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut new = String::new();
    eventually("no token of the next key", || {
        new = access_token(&edge);
        header(&new)["kid"] == next
    });
    assert_eq!((user(&edge, &old), user(&edge, &new)), (200, 200));
    let jwks = |etag: &str| {
        let jwks = Request::new("GET", "/auth/v1/.well-known/jwks.json");
        edge.send(&jwks.header("If-None-Match", etag))
    };
    let set = jwks("\"other\"");
    assert_eq!(set.json()["keys"].as_array().unwrap().len(), 2);
    assert!(set.header("cache-control").unwrap().contains("max-age=600"));
    let etag = set.header("etag").unwrap();
    assert_eq!(jwks(etag).status, 304);

    // A retired key's tokens are refused when the edge has fetched the keys again: it is told nothing.
    origin.run(&["keys", "retire", &first, "--force"], "");
    eventually("a token of a retired key holds", || {
        user(&edge, &old) == 401
    });
    assert_eq!(user(&edge, &new), 200);
    assert_ne!(jwks(etag).status, 304);
    let states = keys(&origin, &["list"]);
    assert_eq!(
        (&states[0]["state"], &states[1]["state"]),
        (&json!("retired"), &json!("signing"))
    );
}

fn an_edge_that_is_told_refuses_a_retired_key_at_once(engine: Engine) {
    let home = engine.home();
    let mut origin = Origin::configured(&home.url, &[]);
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(WIDE));
    origin.tell(&edge);
    account(&origin);
    let old = access_token(&edge);
    let first = keys(&origin, &["list"])[0]["kid"]
        .as_str()
        .unwrap()
        .to_owned();
    keys(&origin, &["rotate", "--lead-s", "0"]);
    origin.restart();
    let new = access_token(&edge);
    assert_eq!((user(&edge, &old), user(&edge, &new)), (200, 200));
    // The key set in the edge has it for ten minutes; the Ledger refuses it.
    origin.run(&["keys", "retire", &first, "--force"], "");
    eventually("a token of a retired key holds", || {
        user(&edge, &old) == 401
    });
    assert_eq!(user(&edge, &new), 200);
}

fn eddsa_signs_where_it_is_set_and_the_edge_verifies(engine: Engine) {
    let home = engine.home();
    let mut origin = Origin::configured(
        &home.url,
        &[("token_algorithm = \"ES256\"", "token_algorithm = \"EdDSA\"")],
    );
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(WIDE));
    account(&origin);
    let token = access_token(&edge);
    assert_eq!(header(&token)["alg"], "EdDSA");
    assert_eq!(user(&edge, &token), 200);
    assert_eq!(keys(&origin, &["list"])[0]["algorithm"], "EdDSA");
    // Its key is in the database: another setting is for the keys to come.
    origin.set(&[("token_algorithm = \"EdDSA\"", "token_algorithm = \"ES256\"")]);
    origin.restart();
    assert_eq!(header(&access_token(&edge))["alg"], "EdDSA");
}

fn hs256_signs_while_something_else_still_checks_it(engine: Engine) {
    let home = engine.home();
    let mut origin = Origin::configured(&home.url, &[]);
    let secret = URL_SAFE_NO_PAD.encode(token::HS256_KEY);
    let shared = json!({ "keys": [{ "kty": "oct", "kid": "hs256", "alg": "HS256", "k": secret }] });
    let config = EdgeConfig {
        token_keys: shared.to_string(),
        ..EdgeConfig::for_origin(&origin).overlay(WIDE)
    };
    let edge = Edge::start(&config);
    account(&origin);
    let before = access_token(&edge);
    origin.set(&[("token_algorithm = \"ES256\"", "token_algorithm = \"HS256\"")]);
    origin.add_secret("GAPURA_TOKEN_HS256_KEY", &secret);
    origin.restart();
    let now = access_token(&edge);
    assert_eq!(header(&now)["alg"], "HS256");
    // What was signed before still holds, and the shared secret is published nowhere.
    assert_eq!((user(&edge, &before), user(&edge, &now)), (200, 200));
    let set = edge.get("/auth/v1/.well-known/jwks.json").json();
    assert_eq!(set["keys"].as_array().unwrap().len(), 1);
    assert_eq!(set["keys"][0]["alg"], "ES256");
}

#[test]
fn a_route_may_want_a_second_factor() {
    let stack = Stack::start(VAULT);
    let ask = |aal: Value| {
        let token = token::token(&token::claims_with("aal", aal));
        stack
            .edge
            .send(&Request::new("GET", "/vault/a").bearer(&token))
    };
    for weak in [Value::Null, json!("aal1"), json!("AAL2"), json!("2")] {
        let refused = ask(weak);
        assert_eq!(
            (refused.status, refused.problem()),
            (403, "insufficient-aal".into())
        );
        assert_eq!(refused.json()["code"], "insufficient_aal");
    }
    let passed = ask(json!("aal2"));
    assert_eq!(passed.status, 200);
    let identity = passed.json()["headers"]["gapura-identity"].to_string();
    assert!(identity.contains("aal="), "{identity}");
}

/// A browser's two cookies, as `Set-Cookie` brought them.
fn cookies(answer: &Response) -> [String; 2] {
    ["__Host-gapura-access=", "__Host-gapura-refresh="].map(|name| {
        let set = answer.headers.iter().find_map(|(header, value)| {
            (header == "set-cookie" && value.starts_with(name)).then_some(value)
        });
        let set = set.unwrap_or_else(|| panic!("{name} in {:?}", answer.headers));
        for part in ["; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite="] {
            assert!(set.contains(part), "{set}");
        }
        assert!(!set.contains("Domain"), "{set}");
        set.split(';').next().unwrap().to_owned()
    })
}

fn with_cookies(engine: Engine, overlay: &str) -> (Home, Origin, Edge) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[("cookies = false", "cookies = true")]);
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(&format!("{overlay}{WIDE}")));
    account(&origin);
    (home, origin, edge)
}

const RENEW: &str = "/auth/v1/token?grant_type=refresh_token&cookies=true";
const FOREIGN: &str = "https://evil.example";

fn a_session_in_cookies_lives_and_ends_by_them(engine: Engine) {
    let (_home, _origin, edge) = with_cookies(engine, "");
    let answer = login(&edge, "&cookies=true");
    let body = answer.json();
    assert_eq!(
        (body.get("access_token"), body.get("refresh_token")),
        (None, None)
    );
    assert_eq!(body["user"]["email"], EMAIL);
    let [access, refresh] = cookies(&answer);
    let both = format!("{access}; {refresh}");
    let ask = |method: &str, target: &str, cookie: &str| {
        let own = ("Sec-Fetch-Site", "same-origin");
        edge.send(
            &Request::new(method, target)
                .header("Cookie", cookie)
                .header(own.0, own.1),
        )
    };
    assert_eq!(ask("GET", "/auth/v1/user", &access).json()["email"], EMAIL);
    // Renewed without a body, also when the browser has dropped the access token.
    let renewed = ask("POST", RENEW, &both);
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let [_, next] = cookies(&renewed);
    assert_ne!(next, refresh);
    let again = ask("POST", RENEW, &next);
    assert_eq!(again.status, 200, "{}", again.text());
    let [access, refresh] = cookies(&again);
    assert_eq!(
        ask("POST", RENEW, "a=b").json()["code"],
        "refresh_token_not_found"
    );

    let out = ask("POST", "/auth/v1/logout", &format!("{access}; {refresh}"));
    assert_eq!(out.status, 204);
    assert_eq!(
        cookies(&out),
        ["__Host-gapura-access=", "__Host-gapura-refresh="]
    );
    assert_eq!(
        ask("POST", RENEW, &refresh).json()["code"],
        "session_expired"
    );
}

/// Who was logged out elsewhere still has the cookies: they keep nobody from the login, and go with a logout.
fn cookies_that_do_not_hold_any_more_are_none(engine: Engine) {
    let (_home, _origin, edge) = with_cookies(engine, "");
    let [here, there] = [(); 2].map(|()| cookies(&login(&edge, "&cookies=true")));
    let ask = |method: &str, target: &str, cookie: &str| {
        let request = Request::new(method, target).header("Cookie", cookie);
        edge.send(&request.header("Sec-Fetch-Site", "same-origin"))
    };
    let others = ask("POST", "/auth/v1/logout?scope=others", &here.join("; "));
    assert_eq!(others.status, 204);
    let stale = there.join("; ");
    let user = ask("GET", "/auth/v1/user", &stale);
    assert_eq!(
        (user.status, &user.json()["code"]),
        (401, &json!("session_not_found"))
    );
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let again = Request::new("POST", "/auth/v1/token?grant_type=password&cookies=true")
        .header("Cookie", &stale)
        .header("Sec-Fetch-Site", "same-origin")
        .json(&body);
    assert_eq!(edge.send(&again).status, 200);
    for cookie in [stale.as_str(), "__Host-gapura-access=x.y.z"] {
        let renewed = ask("POST", RENEW, cookie);
        assert_eq!(renewed.status, 400, "not for the access cookie: {cookie}");
    }
    // The access cookie is over, the other one is not: out.
    let out = ask("POST", "/auth/v1/logout", &here[1]);
    assert_eq!(out.status, 204);
    assert_eq!(
        cookies(&out),
        ["__Host-gapura-access=", "__Host-gapura-refresh="]
    );
    assert_eq!(
        ask("POST", RENEW, &here[1]).json()["code"],
        "session_expired"
    );
    assert_eq!(ask("POST", "/auth/v1/logout", "a=b").status, 401);
}

fn a_foreign_page_changes_nothing_by_cookies(engine: Engine) {
    let (_home, _origin, edge) = with_cookies(engine, "");
    let [access, refresh] = cookies(&login(&edge, "&cookies=true"));
    let attack = |target: &str, cookie: &str, headers: &[(&str, &str)]| {
        let request = Request::new("POST", target).header("Cookie", cookie);
        edge.send(&headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        }))
    };
    for headers in [
        &[("Origin", FOREIGN)][..],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", FOREIGN), ("apikey", "")],
        &[],
    ] {
        for (target, cookie) in [
            ("/auth/v1/logout", access.as_str()),
            (RENEW, refresh.as_str()),
            ("/auth/v1/factors", access.as_str()),
        ] {
            let refused = attack(target, cookie, headers);
            assert_eq!(
                (refused.status, refused.problem()),
                (403, "cross-site".into()),
                "{target} {headers:?}"
            );
        }
    }
    // Nothing has happened, and the site itself goes on.
    let own = format!("http://{}", edge.address);
    assert_eq!(attack(RENEW, &refresh, &[("Origin", &own)]).status, 200);
    assert_eq!(
        attack("/auth/v1/logout", &access, &[("Origin", &own)]).status,
        204
    );
}

/// What the guard is for: without it, the same request renews the session.
fn without_the_guard_a_foreign_page_renews_the_session(engine: Engine) {
    let (_home, _origin, edge) = with_cookies(engine, "[token]\nrefresh_cookie = \"\"\n");
    let [_, refresh] = cookies(&login(&edge, "&cookies=true"));
    let attack = Request::new("POST", RENEW).header("Cookie", &refresh);
    let renewed = edge.send(&attack.header("Origin", FOREIGN));
    assert_eq!(renewed.status, 200);
    assert_ne!(cookies(&renewed)[1], refresh);
}

fn sessions_come_in_cookies_only_where_that_is_switched_on(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(WIDE));
    account(&origin);
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    for (query, on) in [("&cookies=true", false), ("&cookies=1", false), ("", true)] {
        let target = format!("/auth/v1/token?grant_type=password{query}");
        let answer = edge.send(&Request::new("POST", &target).json(&body));
        assert_eq!(answer.status, if on { 200 } else { 400 }, "{query}");
    }
}
