//! Operators ask people in by mail.

use crate::{
    engines::{Engine, on_every_engine},
    mail::{EMAIL, PASSWORD, site},
    mailbox::MailServer,
    person::{Person, operator},
};
use serde_json::{Value, json};

on_every_engine!(
    who_is_invited_gets_in_by_mail_alone,
    an_invitation_is_for_operators_and_new_addresses,
);

const INVITE: &str = "/auth/v1/invite";

fn who_is_invited_gets_in_by_mail_alone(engine: Engine) {
    let server = MailServer::start();
    let (site, origin) = site(engine, &server, "");
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let body = json!({ "email": "Made@Example.com", "data": { "name": "Made", "lang": "id" } });
    let answer = admin.ask("POST", INVITE, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let made = answer.json();
    assert_eq!(
        (
            &made["email"],
            &made["role"],
            &made["user_metadata"]["name"]
        ),
        (&json!(EMAIL), &json!("user"), &json!("Made"))
    );
    assert!(made["email_confirmed_at"].is_null());
    origin.await_log("invite");

    let mail = server.await_mail(EMAIL, 1);
    assert!(mail.subject().contains("Undangan"), "{}", mail.subject());
    let body = json!({ "type": "invite", "token_hash": mail.token() }).to_string();
    let accepted = origin.post("/auth/v1/verify", &body);
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let user = &accepted.json()["user"];
    assert_eq!(user["id"], made["id"]);
    assert!(user["email_confirmed_at"].is_string());
    assert_eq!(origin.post("/auth/v1/verify", &body).status, 403);

    // Confirmed, there is nobody left to invite.
    admin.sees(
        "POST",
        INVITE,
        &json!({ "email": EMAIL }),
        422,
        "email_exists",
    );
}

fn an_invitation_is_for_operators_and_new_addresses(engine: Engine) {
    let server = MailServer::start();
    let (site, origin) = site(engine, &server, "");
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, EMAIL);
    person.sees(
        "POST",
        INVITE,
        &json!({ "email": "b@example.com" }),
        403,
        "not_admin",
    );
    admin.sees(
        "POST",
        INVITE,
        &json!({ "email": EMAIL }),
        422,
        "email_exists",
    );
    for bad in [
        json!({}),
        json!({ "email": "nobody" }),
        json!({ "email": "b@example.com", "role": "admin" }),
        json!({ "email": "b@example.com", "data": "x" }),
        json!({ "email": "b@example.com", "data": { "x": "y".repeat(17_000) } }),
    ] {
        admin.sees("POST", INVITE, &bad, 400, "validation_failed");
    }
    let users = || {
        admin
            .ask("GET", "/auth/v1/admin/users", &Value::Null)
            .json()["users"]
            .clone()
    };
    assert_eq!(users().as_array().unwrap().len(), 2);

    // Until somebody follows it, it can be sent again: the same account, as it is.
    let first = admin.ask(
        "POST",
        INVITE,
        &json!({ "email": "b@example.com", "data": { "n": 1 } }),
    );
    let again = admin.ask(
        "POST",
        INVITE,
        &json!({ "email": "b@example.com", "data": { "n": 2 } }),
    );
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(again.json()["user_metadata"], json!({ "n": 1 }));
    assert_eq!(users().as_array().unwrap().len(), 3);
    let nobody = json!({ "email": "b@example.com", "password": PASSWORD }).to_string();
    let login = origin.post("/auth/v1/token?grant_type=password", &nobody);
    assert_eq!(login.json()["code"], "invalid_credentials");
}
