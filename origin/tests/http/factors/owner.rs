//! Whose factors they are: bounds, bad input, and operators.

use super::{
    EMAIL, Factor, ask, claims, enrol, enrolled, login, principal, recovery, refresh, register,
};
use crate::{
    client::{Call, told},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    person::operator,
};
use serde_json::{Value, json};
use std::thread;

on_every_engine!(
    factors_are_bounded_and_their_owners_alone,
    challenges_are_for_their_factor_and_session,
    bad_input_about_factors_changes_nothing,
    operators_take_factors_away_and_nobody_else_does,
    who_lost_the_phone_is_let_in_by_operators,
);

fn factors_are_bounded_and_their_owners_alone(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    assert_eq!(enrol(&origin, &session, "phone").status, 200);
    let conflict = enrol(&origin, &session, "phone");
    assert_eq!(told(&conflict), (422, "mfa_factor_name_conflict".into()));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| enrol(&origin, &session, "").status))
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        9,
        "{statuses:?}"
    );
    let full = enrol(&origin, &session, "");
    assert_eq!(told(&full), (422, "too_many_enrolled_mfa_factors".into()));

    let user = ask(&origin, &session, "GET", "/user", &Value::Null).json();
    let first = user["factors"][0]["id"].as_str().unwrap();
    let stranger = register(&origin, "other@example.com");
    for (method, path) in [
        ("POST", format!("/factors/{first}/challenge")),
        ("DELETE", format!("/factors/{first}")),
    ] {
        let refused = ask(&origin, &stranger, method, &path, &Value::Null);
        assert_eq!(
            told(&refused),
            (404, "mfa_factor_not_found".into()),
            "{path}"
        );
    }
    // What was never verified goes without a second factor.
    let path = format!("/factors/{first}");
    assert_eq!(
        ask(&origin, &session, "DELETE", &path, &Value::Null).status,
        200
    );
    let user = ask(&origin, &session, "GET", "/user", &Value::Null).json();
    assert_eq!(user["factors"].as_array().unwrap().len(), 9);
}

fn challenges_are_for_their_factor_and_session(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let (one, two) = (enrolled(&origin, &session), enrolled(&origin, &session));
    let challenge = one.challenge(&origin, &session);
    let expired = (422, "mfa_challenge_expired".to_owned());
    let other = two.answer(&origin, &session, &challenge, &two.code(0));
    assert_eq!(told(&other), expired);
    let elsewhere = login(&origin);
    assert_eq!(
        told(&one.answer(&origin, &elsewhere, &challenge, &one.code(0))),
        expired
    );
    assert_eq!(
        told(&one.answer(&origin, &session, "1.AAAA", &one.code(0))),
        expired
    );
    assert_eq!(
        one.answer(&origin, &session, &challenge, &one.code(0))
            .status,
        200
    );
}

fn bad_input_about_factors_changes_nothing(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    let verify = format!("/factors/{}/verify", factor.id);
    for (method, path, body, status, code) in [
        ("POST", "/factors", "{", 400, "bad_json"),
        ("POST", "/factors", "{}", 400, "validation_failed"),
        (
            "POST",
            "/factors",
            r#"{"factor_type":"phone"}"#,
            400,
            "validation_failed",
        ),
        (
            "POST",
            "/factors",
            r#"{"factor_type":"totp","x":1}"#,
            400,
            "validation_failed",
        ),
        ("POST", &verify, "{}", 400, "validation_failed"),
        (
            "POST",
            &verify,
            r#"{"challenge_id":"x","code":123456}"#,
            400,
            "validation_failed",
        ),
        (
            "POST",
            "/factors/recovery-codes/verify",
            r#"{"code":[]}"#,
            400,
            "validation_failed",
        ),
        (
            "POST",
            "/factors/none/challenge",
            "{}",
            404,
            "mfa_factor_not_found",
        ),
        ("DELETE", "/factors/none", "", 404, "mfa_factor_not_found"),
        ("GET", "/factors", "", 405, "method_not_allowed"),
        ("POST", "/factors/a/b/c", "{}", 404, "not_found"),
        ("POST", "/factors/", "{}", 405, "method_not_allowed"),
    ] {
        let target = format!("/auth/v1{path}");
        let call = Call {
            method,
            principal: Some(principal(&session)),
            ..Call::post(&target, body)
        };
        let answer = origin.send(&call.seal(&origin));
        assert_eq!(
            told(&answer),
            (status, code.into()),
            "{method} {path} {body}"
        );
    }
    let anonymous = origin.post("/auth/v1/factors", r#"{"factor_type":"totp"}"#);
    assert_eq!(told(&anonymous), (401, "no_authorization".into()));
    let user = ask(&origin, &session, "GET", "/user", &Value::Null).json();
    assert_eq!(user["factors"].as_array().unwrap().len(), 1);
    assert_eq!(user["factors"][0]["status"], "unverified");
}

fn operators_take_factors_away_and_nobody_else_does(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    let raised = factor.proven(&origin, &session, 0);
    let id = claims(&session)["sub"].as_str().unwrap().to_owned();
    let path = format!("/auth/v1/admin/users/{id}/factors");
    let listed = admin.ask("GET", &path, &Value::Null).json();
    assert_eq!(listed[0]["id"], json!(factor.id));
    assert_eq!(listed[0].get("secret"), None);

    let stranger = register(&origin, "other@example.com");
    for (method, path) in [
        ("GET", format!("/admin/users/{id}/factors")),
        ("DELETE", format!("/admin/users/{id}/factors")),
        ("DELETE", format!("/admin/users/{id}/factors/{}", factor.id)),
    ] {
        let refused = ask(&origin, &stranger, method, &path, &Value::Null);
        assert_eq!(told(&refused), (403, "not_admin".into()), "{method} {path}");
    }
    let none = admin.ask("DELETE", &format!("{path}/none"), &Value::Null);
    assert_eq!(told(&none), (404, "mfa_factor_not_found".into()));
    for _ in 0..5 {
        factor.verify(&origin, &raised, "00000x");
    }
    assert_eq!(factor.verify(&origin, &raised, "00000x").status, 429);

    // Its owner begins anew: no factor, no codes, no lock, no session.
    assert_eq!(admin.ask("DELETE", &path, &Value::Null).status, 204);
    origin.await_log("FACTORS_RESET");
    assert_eq!(refresh(&origin, &raised).json()["code"], "session_expired");
    let session = login(&origin);
    assert_eq!(session["user"].get("factors"), None);
    assert_eq!(
        recovery(&origin, &session, &raised["recovery_codes"][0]).status,
        422
    );
    let factor = enrolled(&origin, &session);
    factor.proven(&origin, &session, 0);
    let one = format!("{path}/{}", factor.id);
    assert_eq!(
        admin.ask("DELETE", &one, &Value::Null).json(),
        json!({ "id": factor.id })
    );
    assert_eq!(login(&origin)["user"].get("factors"), None);
}

fn who_lost_the_phone_is_let_in_by_operators(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@x.id", "admin");
    let session = register(&origin, EMAIL);
    let locked = |session: &Value, factor: &Factor| {
        for _ in 0..5 {
            let wrong = factor.verify(&origin, session, "00000x");
            assert_eq!(told(&wrong), (422, "mfa_verification_failed".into()));
        }
        let refused = factor.verify(&origin, session, &factor.code(1));
        assert_eq!(told(&refused).0, 429);
    };
    let command = |args: &[&str]| {
        let args = [&["users"], args, &["--json", "--email", EMAIL]].concat();
        let output = site.command(&args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let factor = enrolled(&origin, &session);
    factor.proven(&origin, &session, 0);
    let session = login(&origin);
    locked(&session, &factor);
    command(&["unlock"]);
    factor.proven(&origin, &session, 1);

    locked(&session, &factor);
    let user = session["user"]["id"].as_str().unwrap();
    let target = format!("/auth/v1/admin/users/{user}/factors/{}", factor.id);
    assert_eq!(admin.ask("DELETE", &target, &Value::Null).status, 200);
    let session = login(&origin);
    let factor = enrolled(&origin, &session);
    factor.proven(&origin, &session, 0);

    locked(&session, &factor);
    let password = command(&["reset", "--factors"])["password"].clone();
    let body = json!({ "email": EMAIL, "password": password }).to_string();
    let session = origin.post("/auth/v1/token?grant_type=password", &body);
    let factor = enrolled(&origin, &session.json());
    factor.proven(&origin, &session.json(), 0);
}
