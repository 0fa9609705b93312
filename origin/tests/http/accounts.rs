//! One's own account and devices.

use crate::{
    auth::{credentials, login, session_of, text},
    client::Call,
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    person::{PASSWORD, Person, revoked},
};
use gapura_shared::{outcome::Login, push};
use serde_json::{Value, json};

on_every_engine!(
    a_new_password_ends_every_other_session,
    an_old_login_needs_the_current_password,
    wrong_current_passwords_count_as_logins,
    metadata_is_merged_and_bounded,
    changes_at_once_lose_nothing,
    devices_are_listed_and_ended,
    clients_learn_the_settings_and_whether_all_is_well,
);

fn a_new_password_ends_every_other_session(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let here = Person::new(&origin, "made@example.com");
    let there = here.again();
    let body = json!({ "password": "battery staple" }).to_string();
    let (answer, outcome) = here.told("PUT", "/auth/v1/user", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        revoked(&outcome),
        [(push::Kind::Session, there.session.clone())]
    );
    assert!(here.is_in() && !there.is_in());
    assert_eq!(login(&origin, &here.email, PASSWORD).status, 400);
    assert_eq!(login(&origin, &here.email, "battery staple").status, 200);
    let change = |body: Value, status, code| here.sees("PUT", "/auth/v1/user", &body, status, code);
    change(
        json!({ "password": "battery staple" }),
        422,
        "same_password",
    );
    change(json!({ "password": "password" }), 422, "weak_password");
    // Whose session has ended changes nothing, although the gate may not know it yet.
    there.sees(
        "PUT",
        "/auth/v1/user",
        &json!({ "data": {} }),
        403,
        "session_not_found",
    );
}

fn an_old_login_needs_the_current_password(engine: Engine) {
    let config = CONFIG.replace("[auth]", "[auth]\nreauthenticate_s = 0");
    let site = Site::on(engine, &config);
    let origin = site.start();
    let person = Person::new(&origin, "made@example.com");
    let change =
        |body: Value, status, code| person.sees("PUT", "/auth/v1/user", &body, status, code);
    change(
        json!({ "password": "battery staple" }),
        400,
        "reauthentication_needed",
    );
    change(
        json!({ "password": "battery staple", "current_password": "wrong horse" }),
        400,
        "invalid_credentials",
    );
    change(
        json!({ "password": "battery staple", "current_password": PASSWORD }),
        200,
        "",
    );
    assert_eq!(login(&origin, &person.email, "battery staple").status, 200);
}

fn wrong_current_passwords_count_as_logins(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let person = Person::new(&origin, "made@example.com");
    let guess = |current: &str| {
        let body = json!({ "password": "battery staple", "current_password": current });
        person.told("PUT", "/auth/v1/user", &body.to_string())
    };
    for _ in 0..5 {
        let (answer, outcome) = guess("wrong horse");
        assert_eq!((answer.status, outcome.login), (400, Some(Login::Failed)));
    }
    // Locked: the right one is not looked at, here or at a login.
    assert_eq!(guess(PASSWORD).0.status, 400);
    assert_eq!(login(&origin, &person.email, PASSWORD).status, 400);
}

fn metadata_is_merged_and_bounded(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let person = Person::new(&origin, "made@example.com");
    let put = |data: Value| person.ask("PUT", "/auth/v1/user", &json!({ "data": data }));
    assert_eq!(put(json!({ "name": "Made", "n": [1, null] })).status, 200);
    let answer = put(json!({ "n": null, "city": "Ubud 🌴 \u{0}" }));
    let kept = json!({ "name": "Made", "city": "Ubud 🌴 \u{0}" });
    assert_eq!(answer.json()["user_metadata"], kept);
    assert_eq!(put(json!({ "long": "x".repeat(17_000) })).status, 400);
    assert_eq!(person.user()["user_metadata"], kept);
    // Nor at a sign-up, and what is the application's is not the person's.
    let long = json!({ "email": "b@example.com", "password": PASSWORD, "data": { "long": "x".repeat(17_000) } });
    assert_eq!(
        origin.post("/auth/v1/signup", &long.to_string()).status,
        400
    );
    person.sees(
        "PUT",
        "/auth/v1/user",
        &json!({ "app_metadata": {} }),
        400,
        "validation_failed",
    );
    person.sees(
        "PUT",
        "/auth/v1/user",
        &json!({ "role": "admin" }),
        400,
        "validation_failed",
    );
}

fn devices_are_listed_and_ended(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let (here, other) = (
        Person::new(&origin, "made@example.com"),
        Person::new(&origin, "kadek@example.com"),
    );
    let body = credentials(&here.email, PASSWORD);
    let call = Call::post("/auth/v1/token?grant_type=password", &body);
    let long = "Firefox ".repeat(60);
    let there = origin
        .send(&call.seal(&origin).with("user-agent", &long))
        .json();
    let there = session_of(&text(&there["access_token"]));
    let list = |who: &Person<'_>| who.ask("GET", "/auth/v1/sessions", &Value::Null).json();
    let listed = list(&here);
    let found = |id: &str| {
        let sessions = listed["sessions"].as_array().unwrap();
        sessions.iter().find(|one| one["id"] == id).unwrap().clone()
    };
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(found(&here.session)["current"], true);
    let device = found(&there);
    assert_eq!(
        (&device["current"], &device["address"]),
        (&json!(false), &json!("192.0.2.1"))
    );
    assert_eq!(device["user_agent"], long[..256]);
    for time in ["created_at", "last_seen_at", "expires_at"] {
        assert!(device[time].is_string(), "{time}");
    }

    // Nobody ends a session of others, nor one twice.
    let target = format!("/auth/v1/sessions/{there}");
    other.sees("DELETE", &target, &Value::Null, 404, "not_found");
    let (answer, outcome) = here.told("DELETE", &target, "");
    assert_eq!(
        (answer.status, revoked(&outcome)),
        (204, vec![(push::Kind::Session, there)])
    );
    here.sees("DELETE", &target, &Value::Null, 404, "not_found");
    assert_eq!(list(&here)["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(list(&other)["sessions"].as_array().unwrap().len(), 1);
    here.sees(
        "POST",
        "/auth/v1/sessions",
        &Value::Null,
        405,
        "method_not_allowed",
    );
    assert_eq!(origin.get("/auth/v1/sessions").status, 401);
}

fn clients_learn_the_settings_and_whether_all_is_well(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let settings = origin.get("/auth/v1/settings").json();
    assert_eq!(
        (&settings["external"]["email"], &settings["disable_signup"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(origin.get("/auth/v1/health").json()["name"], "Gapura");
    assert_eq!(origin.post("/auth/v1/health", "{}").status, 405);
}

fn changes_at_once_lose_nothing(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let person = Person::new(&origin, "made@example.com");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let data = json!({ "data": { format!("n{number}"): number } });
            let person = &person;
            scope.spawn(move || assert_eq!(person.ask("PUT", "/auth/v1/user", &data).status, 200));
        }
    });
    let kept = person.user()["user_metadata"].as_object().unwrap().len();
    assert_eq!(kept, 8);
}
