//! How accounts and sessions begin by mail.

use super::{by_code, by_link, email_of, expired, login, otp};
use crate::{
    client::{Call, keys, told},
    engines::{Engine, on_every_engine},
    harness::Origin,
    mail::{EMAIL, PASSWORD, sign_up, site},
    mailbox::MailServer,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::{
    outcome::{self, AccountId},
    time::UnixMillis,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};

on_every_engine!(
    nobody_is_in_before_the_address_is_confirmed,
    a_stranger_who_signed_up_first_gains_nothing,
    a_taken_address_is_told_to_its_owner_alone,
    an_account_begins_with_the_use_of_a_link,
    a_browser_goes_where_it_may,
    a_code_for_a_session_is_for_who_asked,
    an_owner_who_is_locked_out_gets_in_by_mail,
);

fn nobody_is_in_before_the_address_is_confirmed(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(
        engine,
        &server,
        "confirm_email = true\nsignup_session = true",
    );
    let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
    let made = origin.post("/auth/v1/signup", &body).json();
    assert_eq!(
        (&made["access_token"], &made["confirmed_at"]),
        (&Value::Null, &Value::Null)
    );
    // Only who knows the password learns that there is something to confirm.
    assert_eq!(
        told(&login(&origin, EMAIL, "wrong horse")),
        (400, "invalid_credentials".into())
    );
    for _ in 0..3 {
        assert_eq!(
            told(&login(&origin, EMAIL, PASSWORD)),
            (400, "email_not_confirmed".into())
        );
    }
    let first = server.await_mail(EMAIL, 1);
    assert!(first.subject().starts_with("Confirm"));
    let resend = json!({ "email": EMAIL, "type": "signup" }).to_string();
    while server.mails(EMAIL).len() < 2 {
        assert_eq!(origin.post("/auth/v1/resend", &resend).status, 200);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let session = by_link(&origin, "signup", &server.await_mail(EMAIL, 2).token());
    assert!(session.json()["user"]["email_confirmed_at"].is_string());
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
}

fn a_stranger_who_signed_up_first_gains_nothing(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "confirm_email = true");
    // The owner never signs up, but asks to get in: a stranger's password is gone.
    sign_up(&origin, EMAIL);
    server.await_mail(EMAIL, 1);
    otp(&origin, &json!({ "email": EMAIL }));
    let token = server.await_mail(EMAIL, 2).token();
    assert_eq!(email_of(&by_link(&origin, "magiclink", &token)), EMAIL);
    assert_eq!(
        told(&login(&origin, EMAIL, PASSWORD)),
        (400, "invalid_credentials".into())
    );
    // The owner signs up after the stranger: it is nobody's password that is confirmed.
    let other = "kadek@example.com";
    sign_up(&origin, other);
    let strangers = server.await_mail(other, 1).token();
    let body = json!({ "email": other, "password": "another horse" }).to_string();
    assert_eq!(origin.post("/auth/v1/signup", &body).status, 200);
    let owners = server.await_mail(other, 2).token();
    assert_eq!(told(&by_link(&origin, "signup", &strangers)), expired());
    assert_eq!(by_link(&origin, "signup", &owners).status, 200);
    assert_eq!(login(&origin, other, PASSWORD).status, 400);
    assert_eq!(login(&origin, other, "another horse").status, 400);
}

fn a_taken_address_is_told_to_its_owner_alone(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    sign_up(&origin, EMAIL);
    let notice = server.await_mail(EMAIL, 1);
    assert_eq!(notice.subject(), "You have an account at Gapura");
    assert!(!notice.text().contains("token="), "{}", notice.text());
    // One notice, however often others try.
    sign_up(&origin, EMAIL);
    sign_up(&origin, "last@example.com");
    sign_up(&origin, "last@example.com");
    server.await_mail("last@example.com", 1);
    assert_eq!(server.mails(EMAIL).len(), 1);
}

fn an_account_begins_with_the_use_of_a_link(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "confirm_email = true");
    otp(
        &origin,
        &json!({ "email": EMAIL, "data": { "name": "Made" } }),
    );
    let mail = server.await_mail(EMAIL, 1);
    // Not before.
    sign_up(&origin, "other@example.com");
    let session = by_code(&origin, "email", EMAIL, &mail.code());
    assert_eq!(email_of(&session), EMAIL);
    let user = &session.json()["user"];
    assert_eq!(
        (&user["user_metadata"]["name"], &user["role"]),
        (&json!("Made"), &json!("user"))
    );
    assert!(user["email_confirmed_at"].is_string());
    assert_eq!(
        told(&by_link(&origin, "magiclink", &mail.token())),
        expired()
    );
    // The second time it is that account.
    while server.mails(EMAIL).len() < 2 {
        otp(&origin, &json!({ "email": EMAIL, "create_user": false }));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let again = by_link(&origin, "magiclink", &server.await_mail(EMAIL, 2).token());
    assert_eq!(again.json()["user"]["id"], user["id"]);
}

/// Of an answer that has no body whatever its length says.
fn status_alone(origin: &Origin, call: &Call<'_>) -> u16 {
    let mut stream = origin.connect();
    stream.write_all(&call.seal(origin).bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Where the link of a new mail sends a browser.
fn follow(origin: &Origin, link: &str) -> String {
    let answer = origin.get(link);
    assert_eq!(
        (answer.status, answer.headers["cache-control"].as_str()),
        (303, "no-store")
    );
    answer.headers["location"].clone()
}

fn a_browser_goes_where_it_may(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    for (n, (asked, place)) in [
        ("", "https://app.example#"),
        (
            "?redirect_to=https%3A%2F%2Fapp.example%2Fin%2Fa%3Fb%3Dc",
            "https://app.example/in/a?b=c#",
        ),
        (
            "?redirect_to=https%3A%2F%2Fevil.example%2F",
            "https://app.example#",
        ),
        (
            "?redirect_to=https%3A%2F%2Fapp.example.evil.example",
            "https://app.example#",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("reader{n}@example.com");
        sign_up(&origin, &email);
        let body = json!({ "email": email }).to_string();
        assert_eq!(
            origin
                .post(&format!("/auth/v1/recover{asked}"), &body)
                .status,
            200
        );
        let link = server.await_mail(&email, 1).link();
        assert!(!link.contains("evil"), "{link}");
        // Who only looks does not use it up.
        let mut head = Call::get(&link);
        head.method = "HEAD";
        assert_eq!(status_alone(&origin, &head), 405);
        // What was added on the way counts for no more than what was asked for.
        let added = format!("{link}&redirect_to=https%3A%2F%2Fevil.example%2F");
        let reached = follow(&origin, &added);
        assert!(reached.starts_with(place), "{reached}");
        assert!(reached.contains("access_token=") && reached.ends_with("&type=recovery"));
        let reached = follow(&origin, &link);
        assert!(
            reached.starts_with(place) && reached.contains("error_code=otp_expired"),
            "{reached}"
        );
        assert!(!reached.contains("access_token="));
    }
}

fn a_code_for_a_session_is_for_who_asked(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    let verifier = "v".repeat(56);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let exchange = |code: &str, verifier: &str| {
        let body = json!({ "auth_code": code, "code_verifier": verifier }).to_string();
        origin.post("/auth/v1/token?grant_type=pkce", &body)
    };
    let code_for = |email: &str| {
        let body = json!({
            "email": email, "code_challenge": challenge, "code_challenge_method": "s256",
        });
        otp(&origin, &body);
        let reached = follow(&origin, &server.await_mail(email, 1).link());
        assert!(!reached.contains("access_token"), "{reached}");
        reached.split_once("?code=").unwrap().1.to_owned()
    };
    let code = code_for(EMAIL);
    assert_eq!(email_of(&exchange(&code, &verifier)), EMAIL);
    assert_eq!(
        told(&exchange(&code, &verifier)),
        (404, "flow_state_not_found".into())
    );
    // A thief of the link has no verifier, and one guess.
    let code = code_for("other@example.com");
    let guess = exchange(&code, &"w".repeat(56));
    assert_eq!(told(&guess), (400, "bad_code_verifier".into()));
    assert_eq!(
        told(&exchange(&code, &verifier)),
        (404, "flow_state_not_found".into())
    );
    // It is no link either.
    assert_eq!(
        told(&by_link(&origin, "email", &code_for("third@example.com"))),
        expired()
    );
}

fn an_owner_who_is_locked_out_gets_in_by_mail(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    for email in [EMAIL, "nobody@example.com"] {
        for _ in 0..5 {
            assert_eq!(login(&origin, email, "wrong horse").status, 400);
        }
    }
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 400, "locked");
    let mail = server.await_mail(EMAIL, 1);
    assert!(mail.subject().contains("locked"), "{}", mail.subject());
    assert_eq!(server.mails("nobody@example.com").len(), 0);
    let body = json!({ "type": "recovery", "token_hash": mail.token() }).to_string();
    let wire = Call::post("/auth/v1/verify", &body).seal(&origin);
    let answer = origin.send(&wire);
    assert_eq!(email_of(&answer), EMAIL);
    // The edge is told that its locks are over.
    let field = &answer.headers["gapura-outcome"];
    let outcome = outcome::open(field, &keys(), &wire.nonce(), answer.status).unwrap();
    let lifted = outcome.locks.first().expect("a lock");
    assert_eq!(
        (lifted.account.clone(), lifted.until_ms),
        (AccountId::of(EMAIL), UnixMillis(0))
    );
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
    assert_eq!(login(&origin, "nobody@example.com", PASSWORD).status, 400);
}
