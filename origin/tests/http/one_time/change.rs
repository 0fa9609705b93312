//! What owners change when mail agrees: address and password.

use super::{by_code, by_link, email_of, expired, login};
use crate::{
    client::{Answer, Call, claims_of, told},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    mail::{EMAIL, PASSWORD, recover, sign_up, site},
    mailbox::MailServer,
};
use serde_json::{Value, json};

on_every_engine!(
    an_address_changes_when_both_have_agreed,
    a_new_password_ends_what_is_out_and_is_told,
    what_cannot_be_confirmed_is_not_asked_for,
);

/// The account and the session of an answer.
fn person(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    let session = answer.json();
    let claims = claims_of(session["access_token"].as_str().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&session["user"]["id"]), text(&claims["session_id"]))
}

fn change(origin: &Origin, (user, session): &(String, String), body: &Value) -> Answer {
    let body = body.to_string();
    let call = Call {
        method: "PUT",
        ..Call::post("/auth/v1/user", &body)
    };
    origin.send(&call.subject(Some(user)).session(session).seal(origin))
}

fn seen(origin: &Origin, (user, session): &(String, String)) -> Value {
    let call = Call::get("/auth/v1/user").subject(Some(user));
    origin.send(&call.session(session).seal(origin)).json()
}

fn an_address_changes_when_both_have_agreed(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    let (new, taken, other) = ("new@example.com", "taken@example.com", "other@example.com");
    for email in [EMAIL, taken, other] {
        sign_up(&origin, email);
    }
    // Whose address is taken learns of it, who asks does not.
    let asking = person(&login(&origin, other, PASSWORD));
    let answer = change(&origin, &asking, &json!({ "email": taken }));
    assert_eq!(
        (answer.status, &answer.json()["email"]),
        (200, &json!(other))
    );
    assert_eq!(answer.json()["new_email"], taken);
    let notice = server.await_mail(taken, 1);
    assert_eq!(notice.subject(), "You have an account at Gapura");
    let made = person(&login(&origin, EMAIL, PASSWORD));
    recover(&origin, EMAIL);
    let recovery = server.await_mail(EMAIL, 1).token();
    let answer = change(&origin, &made, &json!({ "email": new }));
    assert_eq!(
        (answer.status, &answer.json()["email"]),
        (200, &json!(EMAIL))
    );
    assert_eq!(answer.json()["new_email"], new);
    let from = server.await_mail(EMAIL, 2);
    assert!(from.text().contains(new));
    // It shows while it waits, whoever has the address to be.
    let for_taken = server.await_mail(other, 1);
    assert_eq!(seen(&origin, &made)["new_email"], new);
    assert_eq!(seen(&origin, &asking)["new_email"], taken);
    let to = server.await_mail(new, 1);
    let half = by_code(&origin, "email_change", EMAIL, &from.code());
    assert_eq!((half.status, &half.json()["code"]), (200, &json!(200)));
    assert_eq!(half.json()["access_token"], Value::Null);
    let half = by_code(&origin, "email_change", other, &for_taken.code());
    assert_eq!((half.status, &half.json()["code"]), (200, &json!(200)));
    assert_eq!(seen(&origin, &made)["new_email"], new);
    assert_eq!(seen(&origin, &asking)["new_email"], taken);
    assert_eq!(
        told(&by_link(&origin, "email_change", &from.token())),
        expired()
    );
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200, "not yet");
    assert_eq!(
        email_of(&by_link(&origin, "email_change", &to.token())),
        new
    );
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 400);
    assert_eq!(login(&origin, new, PASSWORD).status, 200);
    assert_eq!(seen(&origin, &made)["new_email"], Value::Null);
    // What had gone to the old address lets nobody in.
    assert_eq!(told(&by_link(&origin, "recovery", &recovery)), expired());
    let answer = change(&origin, &made, &json!({ "email": "nobody" }));
    assert_eq!(told(&answer), (400, "validation_failed".into()));
}

fn a_new_password_ends_what_is_out_and_is_told(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    let made = person(&login(&origin, EMAIL, PASSWORD));
    recover(&origin, EMAIL);
    let recovery = server.await_mail(EMAIL, 1).token();
    let call = Call::get("/auth/v1/reauthenticate");
    assert_eq!(origin.send(&call.clone().seal(&origin)).status, 401);
    assert_eq!(
        origin
            .send(&call.subject(Some(&made.0)).seal(&origin))
            .status,
        200
    );
    let nonce = server.await_mail(EMAIL, 2);
    assert!(!nonce.text().contains("verify?"), "a code and no link");
    let nonce = nonce.code();
    let wrong = if nonce == "000000" {
        "000001"
    } else {
        "000000"
    };
    let with = |nonce: &str| {
        let body = json!({ "password": "another horse", "nonce": nonce });
        told(&change(&origin, &made, &body))
    };
    assert_eq!(with(wrong), (422, "reauthentication_not_valid".into()));
    // It lets nobody in, only on.
    assert_eq!(told(&by_code(&origin, "email", EMAIL, &nonce)), expired());
    assert_eq!(with(&nonce).0, 200);
    assert_eq!(with(&nonce), (422, "reauthentication_not_valid".into()));
    assert_eq!(told(&by_link(&origin, "recovery", &recovery)), expired());
    let notice = server.await_mail(EMAIL, 3);
    assert_eq!(notice.subject(), "Your password at Gapura was changed");
    assert_eq!(login(&origin, EMAIL, "another horse").status, 200);
}

fn what_cannot_be_confirmed_is_not_asked_for(engine: Engine) {
    let site = Site::on(
        engine,
        &CONFIG.replace("[auth]", "[auth]\nconfirm_email = true"),
    );
    let output = site.command(&["serve"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(
        told.contains("auth.confirm_email: needs mail.host"),
        "{told}"
    );
}
