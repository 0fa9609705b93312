//! The product's story, from the first sign-up to the attack that fails.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use engines::{Engine, on_every_engine};
use gapura_shared::outcome::AccountId;
use gapura_tests::{Edge, EdgeConfig, Origin, Request, token};
use serde_json::{Value, json};

const EMAIL: &str = "dewi@example.test";
const PASSWORD: &str = "correct horse battery staple";

fn credentials(password: &str) -> Value {
    json!({"email": EMAIL, "password": password})
}

fn login(password: &str, client: &str) -> Request {
    Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&credentials(password))
        .from(client)
}

fn log_out_and_stay_locked(edge: &Edge, bearer: &str) {
    // Who logs out has no token any more.
    let out = edge.send(&Request::new("POST", "/auth/v1/logout").bearer(bearer));
    assert_eq!(out.status, 204, "{}", out.text());
    let user = edge.send(&Request::new("GET", "/auth/v1/user").bearer(bearer));
    assert_eq!((user.status, user.problem()), (401, "token-invalid".into()));

    // A minute later the guesser's window is open again, and the lock holds: with the right password, too.
    edge.shift_clock(61_000);
    let locked = edge.send(&login(PASSWORD, "127.0.0.1"));
    assert_eq!(locked.status, 400, "{}", locked.text());
    assert_eq!(locked.json()["error_code"], "invalid_credentials");
}

on_every_engine!(sign_up_log_in_read_attack_and_be_stopped);

fn sign_up_log_in_read_attack_and_be_stopped(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let config = EdgeConfig::with_tokens(&origin, "");
    let edge = &Edge::start(&config.instrumented());

    // Sign up, log in, read with the token.
    let signed_up =
        edge.send(&Request::new("POST", "/auth/v1/signup").json(&credentials(PASSWORD)));
    assert_eq!(signed_up.status, 200, "{}", signed_up.text());
    let session = edge.send(&login(PASSWORD, "192.0.2.1"));
    assert_eq!(session.status, 200, "{}", session.text());
    let bearer = session.json()["access_token"].as_str().unwrap().to_owned();
    let user = edge.send(&Request::new("GET", "/auth/v1/user").bearer(&bearer));
    assert_eq!((user.status, &user.json()["email"]), (200, &json!(EMAIL)));

    // The session goes on with its refresh token.
    let refresh = json!({"refresh_token": session.json()["refresh_token"]});
    let renewed =
        edge.send(&Request::new("POST", "/auth/v1/token?grant_type=refresh_token").json(&refresh));
    assert_eq!(renewed.status, 200, "{}", renewed.text());

    // An attack is stopped; the client learns nothing, the log says why.
    let attack = "/echo/search?q=1%27%20UNION%20SELECT%20password%20FROM%20users--";
    let stopped = edge.get(attack);
    assert_eq!(
        (stopped.status, stopped.problem()),
        (403, "waf-blocked".into())
    );
    let id = stopped.header("x-request-id").unwrap();
    assert!(stopped.json()["instance"].as_str().unwrap().ends_with(id));
    assert!(
        !stopped.text().to_lowercase().contains("union"),
        "{}",
        stopped.text()
    );
    edge.await_log("WAF_BLOCKED");
    edge.await_log("query parameter `q`");
    assert!(edge.log().contains(id));
    assert!(!origin.log().contains(id), "it never reached the origin");

    // The sixth login of one client within a minute.
    for attempt in 1..=5 {
        // From an address that cannot be banned: for others the fifth is the last.
        let wrong = edge.send(&login("wrong password", "127.0.0.1"));
        assert_eq!(wrong.status, 400, "attempt {attempt}: {}", wrong.text());
        assert_eq!(wrong.json()["error_code"], "invalid_credentials");
    }
    let sixth = edge.send(&login(PASSWORD, "127.0.0.1"));
    assert_eq!(
        (sixth.status, sixth.problem()),
        (429, "rate-limited".into())
    );
    let wait: u64 = sixth.header("retry-after").unwrap().parse().unwrap();
    assert!(
        (50..=60).contains(&wait),
        "five logins took seconds, the window is a minute: {wait}"
    );
    assert_eq!(
        sixth.header("ratelimit-policy"),
        Some("\"login\";q=5;w=60, \"general\";q=100;w=60, \"account\";q=100;w=60")
    );
    assert!(
        sixth
            .header("ratelimit")
            .unwrap()
            .starts_with("\"login\";r=0;t=")
    );
    let elsewhere = edge.send(&login(PASSWORD, "192.0.2.3"));
    assert_eq!(elsewhere.status, 200, "others are not affected");

    // A wrong token, and no token.
    let forged = format!("{bearer}x");
    let refused = edge.send(&Request::new("GET", "/auth/v1/user").bearer(&forged));
    assert_eq!(
        (refused.status, refused.problem()),
        (401, "token-invalid".into())
    );
    assert!(
        refused
            .header("www-authenticate")
            .unwrap()
            .contains("invalid_token")
    );
    assert_eq!(edge.get("/auth/v1/user").problem(), "token-missing");

    // The account is locked for the guesser by now, and the edge says so to nobody.
    let shown = |path: &str| {
        let operator = token::token(&token::claims_with("role", json!("admin")));
        edge.send(&Request::new("GET", &format!("/_gapura/v1/{path}")).bearer(&operator))
    };
    let account = AccountId::of(EMAIL);
    let state = shown(&format!("subjects/account:{}", account.as_str())).json();
    assert_eq!(state["shard"]["locks"][0][0], "127.0.0.1", "{state}");

    // Attacks from one address end in a ban; the operator lifts it.
    let guesser = |target: &str| edge.send(&Request::new("GET", target).from("192.0.2.9"));
    for _ in 0..5 {
        assert_eq!(guesser(attack).problem(), "waf-blocked");
    }
    edge.await_log("BAN_ADDED");
    assert_eq!(guesser("/echo/a").problem(), "banned");
    let operator = token::token(&token::claims_with("role", json!("admin")));
    let lift = Request::new("DELETE", "/_gapura/v1/bans/ip:192.0.2.9").bearer(&operator);
    assert_eq!(edge.send(&lift).status, 204);
    assert_eq!(guesser("/echo/a").status, 200);

    log_out_and_stay_locked(edge, &bearer);

    // The origin, asked directly, with the very token that the gate accepts.
    let direct = Request::new("GET", "/auth/v1/user")
        .bearer(&bearer)
        .send(origin.address);
    assert_eq!(direct.status, 401, "{}", direct.text());
}
