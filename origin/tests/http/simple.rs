//! Log in, register and refresh in plain JSON.

use crate::{
    client::{Answer, claims_of},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
};
use serde_json::{Value, json};

on_every_engine!(
    registers_logs_in_and_refreshes,
    refuses_as_the_other_endpoints_do
);

const EMAIL: &str = "made@example.com";
const PASSWORD: &str = "correct horse";

fn post(origin: &Origin, name: &str, body: &Value) -> Answer {
    origin.post(&format!("/auth/v1/simple/{name}"), &body.to_string())
}

fn credentials(password: &str) -> Value {
    json!({ "email": EMAIL, "password": password })
}

fn claims(token: &Value) -> Value {
    claims_of(token.as_str().unwrap())
}

fn registers_logs_in_and_refreshes(engine: Engine) {
    let settings = "[auth]\naccess_lifetime_s = 604800\nuser_id_claim = true";
    let site = Site::on(engine, &CONFIG.replace("[auth]", settings));
    let origin = site.start();
    let made = post(&origin, "register", &credentials(PASSWORD));
    assert_eq!(made.status, 201);
    let id = made.json()["user"]["id"].clone();
    let session = post(&origin, "login", &credentials(PASSWORD)).json();
    let mut names: Vec<&String> = session.as_object().unwrap().keys().collect();
    names.sort();
    let all = [
        "access_token",
        "expires_in",
        "refresh_token",
        "token_type",
        "user",
    ];
    assert_eq!(names, all);
    assert_eq!(
        (&session["token_type"], &session["expires_in"]),
        (&json!("bearer"), &json!(604_800))
    );
    let user = json!({ "id": id, "email": EMAIL, "role": "user", "tenant_id": null });
    assert_eq!(session["user"], user);
    let told = claims(&session["access_token"]);
    assert_eq!((&told["user_id"], &told["sub"]), (&id, &id));
    assert_eq!(
        (&told["email"], &told["token_type"]),
        (&json!(EMAIL), &json!("access"))
    );
    let token = json!({ "refresh_token": session["refresh_token"] });
    let next = post(&origin, "refresh", &token);
    assert_eq!(next.status, 200);
    assert_ne!(next.json()["refresh_token"], session["refresh_token"]);
    assert_eq!(claims(&next.json()["access_token"])["user_id"], id);
}

fn refuses_as_the_other_endpoints_do(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    post(&origin, "register", &credentials(PASSWORD));
    let taken = post(&origin, "register", &credentials("another horse"));
    assert_eq!(taken.status, 201, "nobody learns which addresses are taken");
    for _ in 0..5 {
        let wrong = post(&origin, "login", &credentials("wrong horse"));
        assert_eq!(
            (wrong.status, wrong.reason().as_str()),
            (400, "invalid-credentials")
        );
    }
    assert_eq!(
        post(&origin, "login", &credentials(PASSWORD)).status,
        400,
        "locked"
    );
    let weak = post(
        &origin,
        "register",
        &json!({ "email": "a@b.co", "password": "12345678" }),
    );
    assert_eq!(weak.status, 422);
    for body in [
        json!([]),
        json!({ "email": EMAIL }),
        json!({ "email": EMAIL, "password": PASSWORD, "role": "admin" }),
    ] {
        assert_eq!(post(&origin, "login", &body).status, 400, "{body}");
    }
    assert_eq!(
        post(&origin, "refresh", &json!({ "refresh_token": "x" })).status,
        400
    );
    assert_eq!(origin.get("/auth/v1/simple/login").status, 405);
}
