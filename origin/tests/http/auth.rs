//! `/auth/v1` over HTTP.

use crate::{
    client::{Answer, Call, Wire, claims_of, keys},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
};
use gapura_shared::{
    outcome::{self, AccountId, Login, Outcome},
    push,
};
use serde_json::{Value, json};

on_every_engine!(
    a_wrong_password_and_an_unknown_account_look_alike,
    a_signup_tells_nobody_whether_the_address_is_taken,
    a_signup_may_log_in_at_once_where_configured,
    bad_input_has_its_code_and_changes_nothing,
    unknown_paths_and_methods_are_told_apart,
    a_session_has_what_supabase_js_reads,
    the_user_is_whom_the_identity_names,
    the_key_set_verifies_the_tokens,
    refreshes_at_once_get_the_same_successor,
    accounts_and_sessions_survive_a_kill,
    users_add_makes_accounts_that_can_log_in,
    keys_anon_prints_a_token_and_nothing_else,
    the_fifth_wrong_password_locks_and_looks_like_the_first,
    a_device_that_logged_in_before_is_not_locked_out,
    a_logout_ends_sessions_here_and_at_the_edge,
);

const EMAIL: &str = "made@example.com";
const PASSWORD: &str = "correct horse";

pub(crate) fn credentials(email: &str, password: &str) -> String {
    json!({ "email": email, "password": password }).to_string()
}

fn signup(origin: &Origin) -> Answer {
    origin.post("/auth/v1/signup", &credentials(EMAIL, PASSWORD))
}

pub(crate) fn login(origin: &Origin, email: &str, password: &str) -> Answer {
    origin.post(
        "/auth/v1/token?grant_type=password",
        &credentials(email, password),
    )
}

pub(crate) fn refresh(origin: &Origin, token: &str) -> Answer {
    let body = json!({ "refresh_token": token }).to_string();
    origin.post("/auth/v1/token?grant_type=refresh_token", &body)
}

pub(crate) fn text(value: &Value) -> String {
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

fn a_wrong_password_and_an_unknown_account_look_alike(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    signup(&origin);
    let wrong = login(&origin, EMAIL, "wrong horse");
    let unknown = login(&origin, "nobody@example.com", PASSWORD);
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.status, 400);
        assert!(answer.headers.contains_key("gapura-outcome"));
        assert_eq!(answer.json()["code"], "invalid_credentials");
    }
    let named = |answer: &Answer| {
        let mut told = answer.json();
        told["instance"] = Value::Null;
        (told, answer.headers.keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(named(&wrong), named(&unknown));
}

fn a_signup_tells_nobody_whether_the_address_is_taken(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
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

fn a_signup_may_log_in_at_once_where_configured(engine: Engine) {
    let site = Site::on(
        engine,
        &CONFIG.replace("[auth]", "[auth]\nsignup_session = true"),
    );
    let origin = site.start();
    let session = signup(&origin).json();
    assert_eq!(session["token_type"], "bearer");
    let taken = signup(&origin);
    assert_eq!(
        (taken.status, &taken.json()["code"]),
        (422, &json!("user_already_exists"))
    );
}

fn bad_input_has_its_code_and_changes_nothing(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
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
        (
            r#"{"email":"a@b.co","password":"12345678"}"#,
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

fn unknown_paths_and_methods_are_told_apart(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    assert_eq!(origin.get("/auth/v1/nothing").status, 404);
    assert_eq!(origin.get("/healthz").status, 404);
    let wrong = origin.get("/auth/v1/token");
    assert_eq!(
        (wrong.status, wrong.headers["allow"].as_str()),
        (405, "POST")
    );
    let site = Site::on(engine, "[auth]\nargon2_memory_kib = 128\n");
    assert_eq!(site.start().get("/echo/a").status, 404);
}

fn a_session_has_what_supabase_js_reads(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
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
        (&user["aud"], &user["identities"][0]["user_id"]),
        (&json!("authenticated"), &user["id"])
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

fn the_user_is_whom_the_identity_names(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
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

fn the_key_set_verifies_the_tokens(engine: Engine) {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jwt_compact::{AlgorithmExt, UntrustedToken, alg::Es256, alg::VerifyingKey};
    let (_site, origin) = Origin::on(engine);
    signup(&origin);
    let set = origin.get("/auth/v1/.well-known/jwks.json");
    assert!(set.headers["cache-control"].contains("max-age"));
    let key = &set.json()["keys"][0];
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(text(&key[name])).unwrap();
    // SEC 1: not compressed.
    let public = [vec![4], coordinate("x"), coordinate("y")].concat();
    let session = login(&origin, EMAIL, PASSWORD).json();
    let token = text(&session["access_token"]);
    let token = UntrustedToken::new(&token).unwrap();
    assert_eq!(token.header().key_id, Some(text(&key["kid"])));
    let public = VerifyingKey::<Es256>::from_slice(&public).unwrap();
    let token = Es256.validator::<Value>(&public).validate(&token).unwrap();
    assert_eq!(token.claims().custom["sub"], session["user"]["id"]);
    assert_eq!(token.claims().custom["token_type"], "access");
}

fn refreshes_at_once_get_the_same_successor(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
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

fn accounts_and_sessions_survive_a_kill(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    signup(&origin);
    let token = text(&login(&origin, EMAIL, PASSWORD).json()["refresh_token"]);
    drop(origin);
    assert_eq!(refresh(&site.start(), &token).status, 200);
}

fn users_add_makes_accounts_that_can_log_in(engine: Engine) {
    let site = Site::on(engine, CONFIG);
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

fn keys_anon_prints_a_token_and_nothing_else(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let output = site.command(&["keys", "anon"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.trim().split('.').count(), 3, "{told}");
    assert_eq!(told.lines().count(), 1);
}

/// As the edge reads it; every client call seals with the nonce that it says.
pub(crate) fn outcome(wire: &Wire, answer: &Answer) -> Outcome {
    let field = answer.headers.get("gapura-outcome");
    field.map_or_else(Outcome::default, |field| {
        outcome::open(field, &keys(), &wire.nonce(), answer.status).unwrap()
    })
}

fn told(origin: &Origin, call: &Call<'_>) -> (Answer, Outcome) {
    let wire = call.seal(origin);
    let answer = origin.send(&wire);
    let outcome = outcome(&wire, &answer);
    (answer, outcome)
}

fn login_told(origin: &Origin, email: &str, password: &str) -> (Answer, Outcome) {
    let body = credentials(email, password);
    told(
        origin,
        &Call::post("/auth/v1/token?grant_type=password", &body),
    )
}

fn the_fifth_wrong_password_locks_and_looks_like_the_first(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    signup(&origin);
    for email in [EMAIL, "nobody@example.com"] {
        let (first, told) = login_told(&origin, email, "wrong horse");
        assert_eq!((told.login, told.locks.len()), (Some(Login::Failed), 0));
        for _ in 0..3 {
            assert!(login_told(&origin, email, "wrong horse").1.locks.is_empty());
        }
        let (fifth, told) = login_told(&origin, email, "wrong horse");
        let lock = told.locks.first().expect("a lock").clone();
        assert_eq!(lock.account, AccountId::of(email));
        // The right password does not open a lock, nor does it move its end.
        let (locked, told) = login_told(&origin, email, PASSWORD);
        assert_eq!(told.locks[0].until_ms, lock.until_ms);
        for answer in [&fifth, &locked] {
            assert_eq!(answer.status, first.status);
            let appearance = |answer: &Answer| {
                let mut body = answer.json();
                body["instance"] = Value::Null;
                (body, answer.headers.keys().cloned().collect::<Vec<_>>())
            };
            assert_eq!(appearance(answer), appearance(&first));
        }
    }
    origin.await_log("locked");
    let unlock = |email: &str| {
        let output = site
            .command(&["users", "unlock", "--email", email])
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(unlock(" MADE@example.com").starts_with("unlocked"));
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
    assert!(unlock("other@example.com").starts_with("no failed logins"));
}

fn a_device_that_logged_in_before_is_not_locked_out(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    signup(&origin);
    let good = login(&origin, EMAIL, PASSWORD);
    let cookie = good.headers["set-cookie"]
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert!(good.headers["set-cookie"].contains("HttpOnly"));
    for _ in 0..6 {
        assert_eq!(login(&origin, EMAIL, "wrong horse").status, 400);
    }
    assert_eq!(
        login(&origin, EMAIL, PASSWORD).status,
        400,
        "a stranger is locked out"
    );
    let body = credentials(EMAIL, PASSWORD);
    let with = |cookie: &str| {
        let call = Call::post("/auth/v1/token?grant_type=password", &body);
        let wire = call.seal(&origin).with("cookie", cookie);
        origin.send(&wire).status
    };
    assert_eq!(with(&cookie), 200, "the owner is not");
    let (name, value) = cookie.split_once('=').unwrap();
    let (device, tag) = value.split_once('.').unwrap();
    for bad in [
        format!("{name}={}.{tag}", "0".repeat(32)),
        format!("{name}={device}.{}", "A".repeat(43)),
        format!("{name}={device}"),
    ] {
        assert_eq!(with(&bad), 400, "{bad}");
    }
}

fn a_logout_ends_sessions_here_and_at_the_edge(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let user = text(&signup(&origin).json()["id"]);
    let sessions: Vec<(String, String)> = (0..3)
        .map(|_| {
            let body = login(&origin, EMAIL, PASSWORD).json();
            let claims = text(&body["access_token"]);
            (session_of(&claims), text(&body["refresh_token"]))
        })
        .collect();
    let logout = |scope: &str, session: &str| {
        let target = format!("/auth/v1/logout{scope}");
        let call = Call::post(&target, "")
            .subject(Some(&user))
            .session(session);
        let (answer, told) = told(&origin, &call);
        let mut ended: Vec<String> = told
            .revoked
            .into_iter()
            .map(|revocation| {
                assert_eq!(revocation.kind, push::Kind::Session);
                revocation.id
            })
            .collect();
        ended.sort();
        (answer.status, ended)
    };
    assert_eq!(logout("?scope=planet", &sessions[0].0).0, 400);
    assert_eq!(
        logout("?scope=local", &sessions[0].0),
        (204, vec![sessions[0].0.clone()])
    );
    assert_eq!(refresh(&origin, &sessions[0].1).status, 400);
    assert_eq!(
        logout("?scope=others", &sessions[2].0),
        (204, vec![sessions[1].0.clone()])
    );
    assert_eq!(
        logout("", &sessions[2].0),
        (204, vec![sessions[2].0.clone()])
    );
    assert_eq!(refresh(&origin, &sessions[2].1).status, 400);
    assert_eq!(origin.post("/auth/v1/logout", "").status, 401);
}

pub(crate) fn session_of(token: &str) -> String {
    text(&claims_of(token)["session_id"])
}
