//! Tokens at the gate: every way to forge one is a 401, through the real Worker. Most are signed here: no
//! database has a part in them.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use engines::{Engine, on_every_engine};
use gapura_tests::{
    Edge, EdgeConfig, KeyServer, Origin, Request, Response, Stack,
    token::{self, HS256_KEY, Signer},
};
use serde_json::{Value, json};

on_every_engine!(
    keys_and_cookies_carry_tokens_too,
    the_origins_own_tokens_hold_after_it_restarted,
    requests_that_wait_for_keys_together_are_all_answered,
);

/// Routes that show at `/echo` whom the token named.
const ROUTES: &str = r#"
[[route]]
name = "members"
path = "/members/**"
rewrite = "/echo/**"
token = "required"
classes = []

[[route]]
name = "admins"
path = "/admins/**"
rewrite = "/echo/**"
token = "required"
roles = ["ADMIN", "admin"]
classes = []

[[route]]
name = "guests"
path = "/guests/**"
rewrite = "/echo/**"
token = "optional"
classes = []
"#;

fn with(edge: &Edge, target: &str, token: &str) -> Response {
    edge.send(&Request::new("GET", target).bearer(token))
}

fn identity(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["headers"]["gapura-identity"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_token_that_holds_names_its_bearer() {
    let stack = Stack::start(ROUTES);
    let named = identity(&with(
        &stack.edge,
        "/members/a",
        &token::token(&token::claims()),
    ));
    for part in ["sub=\"u-1\"", "ten=\"t-1\"", "role=\"PREMIUM\""] {
        assert!(named.contains(part), "{named}");
    }
}

#[test]
fn forged_tokens_are_refused() {
    let stack = Stack::start(ROUTES);
    let edge = &stack.edge;
    let claims = token::claims();
    let header = |name: &str, value: Value| {
        let mut header = token::header();
        header[name] = value;
        token::signed(&header, &claims, HS256_KEY)
    };
    let claim = |name: &str, value: Value| token::token(&token::claims_with(name, value));
    let now = token::now();
    let good = token::token(&claims);
    let unsigned = good.rsplit_once('.').unwrap().0.to_owned();
    let jwk = json!({"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"});
    let cases = [
        (
            "alg none",
            token::signed(&json!({"alg": "none"}), &claims, b""),
        ),
        (
            "alg none, no signature",
            format!(
                "{}.",
                token::signed(&json!({"alg": "none"}), &claims, b"")
                    .rsplit_once('.')
                    .unwrap()
                    .0
            ),
        ),
        ("another algorithm", header("alg", json!("RS256"))),
        ("HS512", header("alg", json!("HS512"))),
        ("unknown kid", header("kid", json!("other"))),
        ("jwk", header("jwk", jwk)),
        (
            "jku",
            header("jku", json!("https://evil.example/jwks.json")),
        ),
        ("x5u", header("x5u", json!("https://evil.example/cert.pem"))),
        ("x5c", header("x5c", json!(["AAAA"]))),
        ("crit", header("crit", json!(["exp"]))),
        ("a refresh token", claim("token_type", json!("refresh"))),
        ("another type", header("typ", json!("rt+jwt"))),
        ("no exp", claim("exp", Value::Null)),
        ("expired", claim("exp", json!(now - 60))),
        ("not yet", claim("nbf", json!(now + 120))),
        ("issued in the future", claim("iat", json!(now + 120))),
        ("another issuer", claim("iss", json!("evil"))),
        ("no issuer", claim("iss", Value::Null)),
        ("another audience", claim("aud", json!("other"))),
        (
            "another key",
            token::signed(
                &token::header(),
                &claims,
                b"ffffffffffffffffffffffffffffffff",
            ),
        ),
        ("no signature", unsigned.clone()),
        ("empty signature", format!("{unsigned}.")),
        ("cut", good[..good.len() - 2].to_owned()),
        ("four parts", format!("{good}.x")),
        ("no token", "x".to_owned()),
        ("too large", claim("filler", json!("f".repeat(5000)))),
    ];
    for (what, forged) in cases {
        let refused = with(edge, "/members/a", &forged);
        assert_eq!(
            (refused.status, refused.problem()),
            (401, "token-invalid".into()),
            "{what}"
        );
        assert_eq!(
            refused.header("www-authenticate"),
            Some("Bearer realm=\"gapura\", error=\"invalid_token\""),
            "{what}: nothing more is told"
        );
        let guest = with(edge, "/guests/a", &forged);
        assert_eq!(guest.status, 401, "{what}: a bad token is no missing one");
    }
    assert_eq!(
        with(edge, "/members/a", &good).status,
        200,
        "the good one still holds"
    );
    assert!(!edge.log().contains(&unsigned), "no token is logged");
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let signer = Signer::new("k-1", 7);
    let keys = KeyServer::start(&[&signer]);
    let Stack {
        edge,
        origin: _origin,
    } = stack_with_keys(&keys);
    assert_eq!(
        with(&edge, "/members/a", &signer.token(&token::claims())).status,
        200
    );
    for key in [
        signer.public().to_vec(),
        signer.public_text().into_bytes(),
        signer.jwk().to_string().into_bytes(),
    ] {
        let header = json!({"alg": "HS256", "kid": "k-1", "typ": "JWT"});
        let confused = token::signed(&header, &token::claims(), &key);
        assert_eq!(with(&edge, "/members/a", &confused).status, 401);
    }
}

/// An edge that takes its keys from this server and hardly ever asks again.
fn stack_with_keys(keys: &KeyServer) -> Stack {
    let jwks = format!(
        "\n[token]\njwks = \"{}\"\njwks_cooldown_s = 3600\n",
        keys.url()
    );
    Stack::start(&format!("{ROUTES}{jwks}"))
}

#[test]
fn a_new_key_is_fetched_once_and_a_flood_of_unknown_ones_fetches_nothing() {
    let (first, second) = (Signer::new("k-1", 1), Signer::new("k-2", 2));
    let keys = KeyServer::start(&[&first]);
    let Stack {
        edge,
        origin: _origin,
    } = stack_with_keys(&keys);
    let claims = token::claims();
    assert_eq!(with(&edge, "/members/a", &first.token(&claims)).status, 200);
    for n in 0..20 {
        let unknown = Signer::new(&format!("bogus-{n}"), 9);
        assert_eq!(
            with(&edge, "/members/a", &unknown.token(&claims)).status,
            401
        );
    }
    keys.publish(&[&first, &second]);
    assert_eq!(
        with(&edge, "/members/a", &second.token(&claims)).status,
        401,
        "cool-down"
    );
    assert_eq!(
        keys.hits(),
        1,
        "within the cool-down nothing is fetched again"
    );
}

#[test]
fn rotation_is_followed_and_failures_are_ridden_out() {
    let (first, second) = (Signer::new("k-1", 1), Signer::new("k-2", 2));
    let keys = KeyServer::start(&[&first]);
    let origin = Origin::start();
    let jwks = format!(
        "\n[token]\njwks = \"{}\"\njwks_cooldown_s = 1\n",
        keys.url()
    );
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(&format!("{ROUTES}{jwks}")));
    let claims = token::claims();
    assert_eq!(with(&edge, "/members/a", &first.token(&claims)).status, 200);

    // The key server fails just when a new key is asked for: the old one goes on.
    keys.fail();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert_eq!(
        with(&edge, "/members/a", &second.token(&claims)).status,
        401
    );
    assert_eq!(keys.hits(), 2, "one refetch for the unknown key");
    assert_eq!(
        with(&edge, "/members/a", &first.token(&claims)).status,
        200,
        "stale on error"
    );

    keys.publish(&[&second]);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert_eq!(
        with(&edge, "/members/a", &second.token(&claims)).status,
        200,
        "rotated"
    );
    assert_eq!(
        with(&edge, "/members/b", &first.token(&claims)).status,
        401,
        "retired"
    );
}

#[test]
fn without_any_keys_nothing_is_taken_on_trust() {
    let keys = KeyServer::start(&[]);
    keys.fail();
    let origin = Origin::start();
    let overlay = format!("{ROUTES}\n[token]\njwks = \"{}\"\n", keys.url());
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(&overlay));
    let refused = with(
        &edge,
        "/members/a",
        &Signer::new("k", 1).token(&token::claims()),
    );
    assert_eq!(
        (refused.status, refused.problem()),
        (503, "token-keys-unavailable".into())
    );
}

#[test]
fn roles_open_routes() {
    let stack = Stack::start(ROUTES);
    let refused = with(&stack.edge, "/admins/a", &token::token(&token::claims()));
    assert_eq!(
        (refused.status, refused.problem()),
        (403, "role-required".into())
    );
    let admin = token::token(&token::claims_with("role", json!("ADMIN")));
    assert_eq!(with(&stack.edge, "/admins/a", &admin).status, 200);
    assert_eq!(stack.edge.get("/admins/a").problem(), "token-missing");
}

fn keys_and_cookies_carry_tokens_too(engine: Engine) {
    let home = engine.home();
    let stack = Stack::on(&home.url, ROUTES);
    let edge = &stack.edge;
    let anon = stack.origin.run(&["keys", "anon"], "");
    let named = identity(&edge.send(&Request::new("GET", "/guests/a").header("apikey", &anon)));
    assert!(
        named.contains("role=\"anon\"") && !named.contains("sub="),
        "{named}"
    );
    assert!(
        !identity(&edge.get("/guests/a")).contains("role="),
        "nobody"
    );

    let cookie = format!("__Host-gapura-access={}", token::token(&token::claims()));
    let ask = |method: &str| Request::new(method, "/members/a").header("Cookie", &cookie);
    assert_eq!(edge.send(&ask("GET")).status, 200);
    let foreign = edge.send(&ask("POST").header("Origin", "https://evil.example"));
    assert_eq!(
        (foreign.status, foreign.problem()),
        (403, "cross-site".into())
    );
    assert_eq!(
        edge.send(&ask("POST")).problem(),
        "cross-site",
        "no word of where it is from"
    );
    assert_eq!(
        edge.send(&ask("POST").header("Sec-Fetch-Site", "same-origin"))
            .status,
        200
    );
    let own = format!("http://{}", edge.address);
    assert_eq!(edge.send(&ask("POST").header("Origin", &own)).status, 200);
}

fn the_origins_own_tokens_hold_after_it_restarted(engine: Engine) {
    let home = engine.home();
    let mut stack = Stack::on(&home.url, ROUTES);
    stack.origin.run(
        &[
            "users",
            "add",
            "--email",
            "a@example.test",
            "--role",
            "admin",
            "--password-stdin",
        ],
        "a long password",
    );
    let login = Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({"email": "a@example.test", "password": "a long password"}));
    let session = stack.edge.send(&login);
    assert_eq!(session.status, 200, "{}", session.text());
    let token = session.json()["access_token"].as_str().unwrap().to_owned();
    stack.origin.restart();
    assert_eq!(with(&stack.edge, "/admins/a", &token).status, 200);
}

fn requests_that_wait_for_keys_together_are_all_answered(engine: Engine) {
    let home = engine.home();
    let stack = Stack::on(&home.url, ROUTES);
    let anon = stack.origin.run(&["keys", "anon"], "");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || with(&stack.edge, "/members/a", &anon).status;
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        asked
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(statuses, [200; 12], "one of them fetched the keys");
}
