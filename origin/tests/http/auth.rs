//! `/auth/v1` over HTTP.

use crate::{
    client::{Answer, Call},
    harness::{CONFIG, Origin, Site},
};
use serde_json::{Value, json};

const EMAIL: &str = "made@example.com";
const PASSWORD: &str = "correct horse";

fn credentials(email: &str, password: &str) -> String {
    json!({ "email": email, "password": password }).to_string()
}

fn signup(origin: &Origin) -> Answer {
    origin.post("/auth/v1/signup", &credentials(EMAIL, PASSWORD))
}

fn login(origin: &Origin, email: &str, password: &str) -> Answer {
    origin.post(
        "/auth/v1/token?grant_type=password",
        &credentials(email, password),
    )
}

fn refresh(origin: &Origin, token: &str) -> Answer {
    let body = json!({ "refresh_token": token }).to_string();
    origin.post("/auth/v1/token?grant_type=refresh_token", &body)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Names and types of the members, without their values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(n, v)| (n.clone(), shape(v))).collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

#[test]
fn a_wrong_password_and_an_unknown_account_look_alike() {
    let (_site, origin) = Origin::fresh();
    signup(&origin);
    let wrong = login(&origin, EMAIL, "wrong horse");
    let unknown = login(&origin, "nobody@example.com", PASSWORD);
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.status, 400);
        assert_eq!(answer.headers["gapura-outcome"], "login-failed");
        assert_eq!(answer.json()["code"], "invalid_credentials");
    }
    let named = |answer: &Answer| {
        let mut told = answer.json();
        told["instance"] = Value::Null;
        (told, answer.headers.keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(named(&wrong), named(&unknown));
}

#[test]
fn a_signup_tells_nobody_whether_the_address_is_taken() {
    let (_site, origin) = Origin::fresh();
    let first = signup(&origin);
    let second = origin.post("/auth/v1/signup", &credentials(EMAIL, "another password"));
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(shape(&first.json()), shape(&second.json()));
    assert_ne!(first.json()["id"], second.json()["id"]);
    // And nothing has changed.
    assert_eq!(login(&origin, EMAIL, "another password").status, 400);
    let session = login(&origin, EMAIL, PASSWORD).json();
    assert_eq!(session["user"]["id"], first.json()["id"]);
}

#[test]
fn a_signup_may_log_in_at_once_where_configured() {
    let site = Site::new(&CONFIG.replace("[auth]", "[auth]\nsignup_session = true"));
    let origin = site.start();
    let session = signup(&origin).json();
    assert_eq!(session["token_type"], "bearer");
    let taken = signup(&origin);
    assert_eq!(
        (taken.status, &taken.json()["code"]),
        (422, &json!("user_already_exists"))
    );
}

#[test]
fn bad_input_has_its_code_and_changes_nothing() {
    let (_site, origin) = Origin::fresh();
    for (body, status, code) in [
        ("{", 400, "bad_json"),
        ("[]", 400, "validation_failed"),
        (
            r#"{"email":1,"password":"12345678"}"#,
            400,
            "validation_failed",
        ),
        (
            r#"{"email":"a@b.co","password":"12345678","role":"admin"}"#,
            400,
            "validation_failed",
        ),
        (
            r#"{"email":"nobody","password":"12345678"}"#,
            400,
            "validation_failed",
        ),
        (
            r#"{"email":"a@b.co","password":"1234567"}"#,
            422,
            "weak_password",
        ),
    ] {
        let answer = origin.post("/auth/v1/signup", body);
        assert_eq!(
            (answer.status, text(&answer.json()["code"])),
            (status, code.into()),
            "{body}"
        );
    }
    assert_eq!(login(&origin, "a@b.co", "12345678").status, 400);
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(65_536));
    assert_eq!(origin.post("/auth/v1/signup", &large).status, 413);
    let mut call = Call::post("/auth/v1/signup", "{}");
    call.content_type = Some("text/plain");
    assert_eq!(origin.send(&call.seal(&origin)).status, 415);
    for grant in ["", "?grant_type=magic", "?grant_type=%ff"] {
        let target = format!("/auth/v1/token{grant}");
        assert_eq!(origin.post(&target, "{}").status, 400, "{grant}");
    }
}

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    let (_site, origin) = Origin::fresh();
    assert_eq!(origin.get("/auth/v1/nothing").status, 404);
    assert_eq!(origin.get("/healthz").status, 404);
    let wrong = origin.get("/auth/v1/token");
    assert_eq!(
        (wrong.status, wrong.headers["allow"].as_str()),
        (405, "POST")
    );
    let site = Site::new("[auth]\nargon2_memory_kib = 128\n");
    assert_eq!(site.start().get("/echo/a").status, 404);
}

#[test]
fn a_session_has_what_supabase_js_reads() {
    let (_site, origin) = Origin::fresh();
    signup(&origin);
    let answer = login(&origin, " MADE@example.com ", PASSWORD);
    assert_eq!(
        (answer.status, answer.headers["cache-control"].as_str()),
        (200, "no-store")
    );
    let session = answer.json();
    assert_eq!(
        (&session["token_type"], &session["expires_in"]),
        (&json!("bearer"), &json!(900))
    );
    let user = &session["user"];
    assert_eq!(
        (&user["email"], &user["role"]),
        (&json!(EMAIL), &json!("user"))
    );
    assert_eq!(
        (&user["aud"], &user["identities"]),
        (&json!("authenticated"), &json!([]))
    );
    for name in [
        "id",
        "created_at",
        "updated_at",
        "confirmed_at",
        "email_confirmed_at",
        "last_sign_in_at",
    ] {
        assert!(user[name].is_string(), "{name}");
    }
}

#[test]
fn the_user_is_whom_the_identity_names() {
    let (_site, origin) = Origin::fresh();
    let id = text(&signup(&origin).json()["id"]);
    let ask = |call: Call<'_>| origin.send(&call.seal(&origin));
    let call = || Call::get("/auth/v1/user");
    let none = ask(call());
    assert_eq!(
        (none.status, none.headers["www-authenticate"].as_str()),
        (401, "Bearer")
    );
    assert_eq!(ask(call().subject(None)).status, 403);
    assert_eq!(ask(call().subject(Some("no-such-id"))).status, 403);
    let found = ask(call().subject(Some(&id)));
    assert_eq!(
        (found.status, text(&found.json()["email"])),
        (200, EMAIL.into())
    );
}

#[test]
fn the_key_set_verifies_the_tokens() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jwt_compact::{AlgorithmExt, UntrustedToken, alg::Ed25519, alg::VerifyingKey};
    let (_site, origin) = Origin::fresh();
    signup(&origin);
    let set = origin.get("/auth/v1/.well-known/jwks.json");
    assert!(set.headers["cache-control"].contains("max-age"));
    let key = &set.json()["keys"][0];
    let public = URL_SAFE_NO_PAD.decode(text(&key["x"])).unwrap();
    let session = login(&origin, EMAIL, PASSWORD).json();
    let token = text(&session["access_token"]);
    let token = UntrustedToken::new(&token).unwrap();
    assert_eq!(token.header().key_id, Some(text(&key["kid"])));
    let public = VerifyingKey::<Ed25519>::from_slice(&public).unwrap();
    let token = Ed25519
        .validator::<Value>(&public)
        .validate(&token)
        .unwrap();
    assert_eq!(token.claims().custom["sub"], session["user"]["id"]);
    assert_eq!(token.claims().custom["token_type"], "access");
}

#[test]
fn refreshes_at_once_get_the_same_successor() {
    let (_site, origin) = Origin::fresh();
    signup(&origin);
    let token = text(&login(&origin, EMAIL, PASSWORD).json()["refresh_token"]);
    let successors: Vec<String> = std::thread::scope(|scope| {
        let sends: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| text(&refresh(&origin, &token).json()["refresh_token"])))
            .collect();
        sends.into_iter().map(|send| send.join().unwrap()).collect()
    });
    assert!(
        successors
            .iter()
            .all(|one| *one == successors[0] && *one != token)
    );
    assert_eq!(refresh(&origin, &successors[0]).status, 200);
    for unknown in ["", "x", &"A".repeat(43)] {
        let answer = refresh(&origin, unknown);
        assert_eq!(
            answer.json()["code"],
            "refresh_token_not_found",
            "{unknown}"
        );
    }
}

#[test]
fn accounts_and_sessions_survive_a_kill() {
    let site = Site::new(CONFIG);
    let origin = site.start();
    signup(&origin);
    let token = text(&login(&origin, EMAIL, PASSWORD).json()["refresh_token"]);
    drop(origin);
    assert_eq!(refresh(&site.start(), &token).status, 200);
}

#[test]
fn users_add_makes_accounts_that_can_log_in() {
    let site = Site::new(CONFIG);
    let add = |flags: &[&str]| {
        let args = [
            &[
                "users",
                "add",
                "--email",
                "Admin@example.com",
                "--role",
                "admin",
            ],
            flags,
        ]
        .concat();
        let output = site.command(&args).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, told) = add(&[]);
    assert_eq!(code, Some(0));
    let password = told
        .lines()
        .find_map(|line| line.strip_prefix("password: "))
        .unwrap();
    assert_eq!(add(&[]).0, Some(64));
    assert_eq!(add(&["--if-missing"]).0, Some(0));
    let session = login(&site.start(), "admin@example.com", password);
    assert_eq!(session.json()["user"]["role"], "admin");
}

#[test]
fn keys_anon_prints_a_token_and_nothing_else() {
    let site = Site::new(CONFIG);
    let output = site.command(&["keys", "anon"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.trim().split('.').count(), 3, "{told}");
    assert_eq!(told.lines().count(), 1);
}
