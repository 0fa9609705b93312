//! All that an access token says, in one token, as a library of others verifies it and as the gate does.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use engines::{Engine, on_every_engine};
use gapura_tests::{Edge, EdgeConfig, Origin, Request, harness, token};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};

on_every_engine!(a_token_says_whom_it_names_and_who_signed_it_and_for_how_long);

const EMAIL: &str = "made@example.test";
const PASSWORD: &str = "benar kuda baterai";
const ROUTES: &str = r#"
[classes.login]
limit = 1000

[[route]]
name = "members"
path = "/members/**"
rewrite = "/echo/**"
token = "required"
classes = []
"#;

/// What `PyJWT` reads in it, or its name of the fault: `tests/clients/verify_token.py`.
fn verified(edge: &Edge, token: &str, audience: &str) -> Result<Value, String> {
    let python = harness::root().join(".tools/python/bin/python");
    assert!(python.exists(), "run ./scripts/setup tests");
    let mut child = Command::new(python)
        .arg(harness::root().join("tests/clients/verify_token.py"))
        .arg(format!(
            "http://{}/auth/v1/.well-known/jwks.json",
            edge.address
        ))
        .args(["gapura", audience])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(token.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    Err(String::from_utf8(output.stderr).unwrap().trim().to_owned())
}

fn post(edge: &Edge, target: &str, body: &Value, bearer: Option<&str>) -> Value {
    let request = Request::new("POST", target).json(body);
    let answer = edge.send(&bearer.into_iter().fold(request, Request::bearer));
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json()
}

fn log_in(edge: &Edge, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD });
    post(edge, "/auth/v1/token?grant_type=password", &body, None)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// An account that acts for a tenant; the tenant.
fn member(origin: &Origin, edge: &Edge) -> String {
    let admin = "admin@example.test";
    for (email, role) in [(admin, "admin"), (EMAIL, "user")] {
        let add = [
            "users",
            "add",
            "--email",
            email,
            "--role",
            role,
            "--password-stdin",
        ];
        origin.run(&add, PASSWORD);
    }
    let admin = log_in(edge, admin);
    let bearer = text(&admin["access_token"]);
    let name = json!({ "name": "Gudang" });
    let tenant = post(edge, "/auth/v1/admin/tenants", &name, Some(bearer));
    let tenant = text(&tenant["id"]).to_owned();
    let member = log_in(edge, EMAIL);
    let target = format!(
        "/auth/v1/admin/tenants/{tenant}/members/{}",
        text(&member["user"]["id"])
    );
    let joined = edge.send(&Request::new("PUT", &target).bearer(bearer));
    assert!(joined.status < 300, "{}", joined.text());
    tenant
}

/// The ten that the gate and applications behind it read, and those of time.
fn says_all(edge: &Edge, session: &Value, tenant: &str, lifetime_s: u64) {
    let token = text(&session["access_token"]);
    let read = verified(edge, token, "authenticated").unwrap();
    let (header, claims) = (&read["header"], &read["claims"]);
    let keys = edge.get("/auth/v1/.well-known/jwks.json").json();
    let known = keys["keys"].as_array().unwrap();
    assert!(
        known.iter().any(|key| key["kid"] == header["kid"]),
        "{header}"
    );
    assert_eq!(header["alg"], "ES256");
    for (name, value) in [
        ("iss", json!("gapura")),
        ("aud", json!("authenticated")),
        ("sub", session["user"]["id"].clone()),
        ("role", json!("user")),
        ("tenant_id", json!(tenant)),
        ("aal", json!("aal1")),
    ] {
        assert_eq!(claims[name], value, "{name}: {claims}");
    }
    for name in ["session_id", "jti"] {
        assert_eq!(text(&claims[name]).len(), 36, "{name}: {claims}");
    }
    let issued = claims["iat"].as_u64().unwrap();
    let [proof] = claims["amr"].as_array().unwrap().as_slice() else {
        panic!("{claims}");
    };
    assert_eq!(proof["method"], "password");
    // The login; a refreshed token was issued later.
    assert!(proof["timestamp"].as_u64().unwrap() <= issued, "{claims}");
    assert!(issued <= token::now(), "{claims}");
    assert_eq!(claims["exp"].as_u64().unwrap() - issued, lifetime_s);
    assert_eq!(session["expires_in"], lifetime_s);

    // The gate reads the same in it.
    let passed = edge.send(&Request::new("GET", "/members/a").bearer(token));
    assert_eq!(passed.status, 200, "{}", passed.text());
    let passed = passed.json();
    let identity = text(&passed["headers"]["gapura-identity"]);
    for (member, claim) in [
        ("sub", "sub"),
        ("role", "role"),
        ("ten", "tenant_id"),
        ("sid", "session_id"),
        ("jti", "jti"),
    ] {
        let named = format!("{member}=\"{}\"", text(&claims[claim]));
        assert!(identity.contains(&named), "{named} is not in {identity}");
    }

    assert!(
        !identity.contains("aal="),
        "one factor goes without saying: {identity}"
    );

    // Neither takes one that says anything else.
    let mut other = claims.clone();
    other["role"] = json!("admin");
    let parts: Vec<&str> = token.split('.').collect();
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    let forged = [parts[0], &other, parts[2]].join(".");
    assert_eq!(
        verified(edge, &forged, "authenticated"),
        Err("InvalidSignatureError".into())
    );
    assert_eq!(
        edge.send(&Request::new("GET", "/members/a").bearer(&forged))
            .status,
        401
    );
    assert_eq!(
        verified(edge, token, "another"),
        Err("InvalidAudienceError".into())
    );
}

fn a_token_says_whom_it_names_and_who_signed_it_and_for_how_long(engine: Engine) {
    let home = engine.home();
    let mut origin = Origin::configured(&home.url, &[]);
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(ROUTES));
    let tenant = member(&origin, &edge);
    says_all(&edge, &log_in(&edge, EMAIL), &tenant, 900);
    // The reference systems' seven days.
    origin.set(&[("access_lifetime_s = 900", "access_lifetime_s = 604800")]);
    origin.restart();
    let session = log_in(&edge, EMAIL);
    says_all(&edge, &session, &tenant, 604_800);
    // A refreshed one holds as long.
    let held = json!({ "refresh_token": session["refresh_token"] });
    let renewed = post(
        &edge,
        "/auth/v1/token?grant_type=refresh_token",
        &held,
        None,
    );
    says_all(&edge, &renewed, &tenant, 604_800);
}
