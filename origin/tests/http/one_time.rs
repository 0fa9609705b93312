//! What links and codes let people do: once, for a while, and nothing else.

use crate::{
    client::{Answer, Call, keys, told},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    mail::{EMAIL, PASSWORD, recover, sign_up, site},
    mailbox::MailServer,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_origin::{
    clock, config,
    db::{Db, NewOneTime},
};
use gapura_shared::{
    outcome::{self, AccountId},
    time::UnixMillis,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};

on_every_engine!(
    a_link_is_good_once,
    a_code_is_good_once_and_few_are_tried,
    guesses_are_counted_for_the_address_whatever_was_mailed,
    a_newer_one_takes_the_place_of_the_older,
    what_has_expired_is_refused_and_changes_nothing,
    bad_input_has_its_code_and_changes_nothing,
    nobody_is_in_before_the_address_is_confirmed,
    a_stranger_who_signed_up_first_gains_nothing,
    a_taken_address_is_told_to_its_owner_alone,
    an_account_begins_with_the_use_of_a_link,
    a_browser_goes_where_it_may,
    a_code_for_a_session_is_for_who_asked,
    an_owner_who_is_locked_out_gets_in_by_mail,
    an_address_changes_when_both_have_agreed,
    a_new_password_ends_what_is_out_and_is_told,
    what_cannot_be_confirmed_is_not_asked_for,
);

fn verify(origin: &Origin, body: &Value) -> Answer {
    origin.post("/auth/v1/verify", &body.to_string())
}

fn by_link(origin: &Origin, kind: &str, token: &str) -> Answer {
    verify(origin, &json!({ "type": kind, "token_hash": token }))
}

fn by_code(origin: &Origin, kind: &str, email: &str, code: &str) -> Answer {
    by_code_from(origin, "192.0.2.1", kind, email, code)
}

fn by_code_from(origin: &Origin, client: &str, kind: &str, email: &str, code: &str) -> Answer {
    let body = json!({ "type": kind, "email": email, "token": code }).to_string();
    let call = Call {
        client,
        ..Call::post("/auth/v1/verify", &body)
    };
    origin.send(&call.seal(origin))
}

fn login(origin: &Origin, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password }).to_string();
    origin.post("/auth/v1/token?grant_type=password", &body)
}

fn otp(origin: &Origin, body: &Value) {
    let answer = origin.post("/auth/v1/otp", &body.to_string());
    assert_eq!((answer.status, answer.json()), (200, json!({})));
}

fn expired() -> (u16, String) {
    (403, "otp_expired".into())
}

fn email_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    answer.json()["user"]["email"].as_str().unwrap().to_owned()
}

fn a_link_is_good_once(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    recover(&origin, EMAIL);
    let token = server.await_mail(EMAIL, 1).token();
    // Not for anything else.
    assert_eq!(told(&by_link(&origin, "magiclink", &token)), expired());
    // Of many at once one is in.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sends: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| by_link(&origin, "recovery", &token).status))
            .collect();
        sends.into_iter().map(|send| send.join().unwrap()).collect()
    });
    let good = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(good, 1, "{statuses:?}");
    assert_eq!(told(&by_link(&origin, "recovery", &token)), expired());
    assert_eq!(
        told(&by_link(&origin, "recovery", &"A".repeat(43))),
        expired()
    );
}

fn a_code_is_good_once_and_few_are_tried(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    for email in [EMAIL, "other@example.com"] {
        sign_up(&origin, email);
        otp(&origin, &json!({ "email": email }));
    }
    let code = server.await_mail(EMAIL, 1).code();
    let other = server.await_mail("other@example.com", 1).code();
    for _ in 0..4 {
        assert_eq!(
            told(&by_code(&origin, "email", EMAIL, wrong(&code))),
            expired()
        );
    }
    // Somebody else's is a wrong one.
    assert_eq!(
        told(&by_code(&origin, "email", "third@example.com", &code)),
        expired()
    );
    assert_eq!(email_of(&by_code(&origin, "email", EMAIL, &code)), EMAIL);
    assert_eq!(told(&by_code(&origin, "email", EMAIL, &code)), expired());
    for _ in 0..5 {
        let guess = by_code(&origin, "magiclink", "other@example.com", wrong(&other));
        assert_eq!(told(&guess), expired());
    }
    let elsewhere = "198.51.100.1";
    let late = by_code_from(&origin, elsewhere, "magiclink", "other@example.com", &other);
    assert_eq!(told(&late), expired(), "the right one came too late");
    // The link is no guess.
    let token = server.await_mail("other@example.com", 1).token();
    assert_eq!(by_link(&origin, "email", &token).status, 200);
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

fn guesses_are_counted_for_the_address_whatever_was_mailed(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    otp(&origin, &json!({ "email": EMAIL }));
    let link = server.await_mail(EMAIL, 1);
    recover(&origin, EMAIL);
    let recovery = server.await_mail(EMAIL, 2);
    // An address without an account is counted alike.
    for email in [EMAIL, "nobody@example.com"] {
        let guess = |kind, code| told(&by_code(&origin, kind, email, code));
        for _ in 0..3 {
            assert_eq!(guess("email", wrong(&link.code())), expired());
        }
        for _ in 0..2 {
            assert_eq!(guess("recovery", wrong(&recovery.code())), expired());
        }
        let locked = (429, "over_request_rate_limit".to_owned());
        assert_eq!(guess("recovery", &recovery.code()), locked);
    }
    // Nor is the owner locked out by who guesses elsewhere: there is a link, after which codes are good again.
    assert_eq!(by_link(&origin, "email", &link.token()).status, 200);
    let answer = by_code(&origin, "recovery", EMAIL, &recovery.code());
    assert_eq!(email_of(&answer), EMAIL);
}

fn a_newer_one_takes_the_place_of_the_older(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    recover(&origin, EMAIL);
    let old = server.await_mail(EMAIL, 1);
    while server.mails(EMAIL).len() < 2 {
        assert_eq!(recover(&origin, EMAIL), 200);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let new = server.await_mail(EMAIL, 2);
    assert_eq!(told(&by_link(&origin, "recovery", &old.token())), expired());
    if old.code() != new.code() {
        assert_eq!(
            told(&by_code(&origin, "recovery", EMAIL, &old.code())),
            expired()
        );
    }
    assert_eq!(by_link(&origin, "recovery", &new.token()).status, 200);
}

fn what_has_expired_is_refused_and_changes_nothing(engine: Engine) {
    let server = MailServer::start();
    let (site, origin) = site(engine, &server, "confirm_email = true");
    sign_up(&origin, EMAIL);
    server.await_mail(EMAIL, 1);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let url = |name: &str| (name == "GAPURA_DATABASE_URL").then(|| site.home.url.clone());
    let settings = config::parse("", &url).unwrap().database;
    runtime.block_on(async {
        let db = Db::open(&settings).await.unwrap();
        let user = db.user_by_email(EMAIL).await.unwrap().unwrap();
        let account = AccountId::of(EMAIL);
        let token = NewOneTime {
            id: "t-1",
            account: account.as_str(),
            kind: "signup",
            token_hash: Sha256::digest("token").into(),
            user: Some(&user.id),
            content: "{\"to\":\"made@example.com\"}",
            expires: UnixMillis(clock::now().0 - 1),
        };
        assert!(db.issue_one_time(&token).await.unwrap());
        assert_eq!(told(&by_link(&origin, "signup", "token")), expired());
        let kept = db.user_by_email(EMAIL).await.unwrap().unwrap();
        assert_eq!(
            (kept.email_confirmed_at, kept.updated_at),
            (None, user.updated_at)
        );
        // Nothing but its time was wrong.
        let expires = UnixMillis(clock::now().0 + 60_000);
        assert!(
            db.issue_one_time(&NewOneTime { expires, ..token })
                .await
                .unwrap()
        );
        assert_eq!(by_link(&origin, "signup", "token").status, 200);
        let kept = db.user_by_email(EMAIL).await.unwrap().unwrap();
        assert!(kept.email_confirmed_at.is_some());
    });
}

fn bad_input_has_its_code_and_changes_nothing(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    recover(&origin, EMAIL);
    let mail = server.await_mail(EMAIL, 1);
    let long = "x".repeat(65_536);
    for (path, body, status, code) in [
        ("recover", "{", 400, "bad_json"),
        ("recover", "[]", 400, "validation_failed"),
        ("recover", "{}", 400, "validation_failed"),
        ("recover", r#"{"email":1}"#, 400, "validation_failed"),
        ("recover", r#"{"email":"nobody"}"#, 400, "validation_failed"),
        (
            "recover",
            r#"{"email":"a@b.co\r\nBcc: c@d.co"}"#,
            400,
            "validation_failed",
        ),
        (
            "recover",
            r#"{"email":"a@b.co","x":1}"#,
            400,
            "validation_failed",
        ),
        ("otp", r#"{"phone":"62811"}"#, 400, "validation_failed"),
        (
            "otp",
            r#"{"email":"a@b.co","data":[]}"#,
            400,
            "validation_failed",
        ),
        ("resend", r#"{"email":"a@b.co"}"#, 400, "validation_failed"),
        (
            "resend",
            r#"{"email":"a@b.co","type":"recovery"}"#,
            400,
            "validation_failed",
        ),
        ("verify", "null", 400, "validation_failed"),
        ("verify", r#"{"type":"recovery"}"#, 400, "validation_failed"),
        (
            "verify",
            r#"{"type":"x","token_hash":"x"}"#,
            400,
            "validation_failed",
        ),
        (
            "verify",
            r#"{"type":"recovery","token_hash":7}"#,
            400,
            "validation_failed",
        ),
        (
            "verify",
            r#"{"type":"recovery","token_hash":""}"#,
            403,
            "otp_expired",
        ),
        (
            "token?grant_type=pkce",
            r#"{"auth_code":"x"}"#,
            400,
            "validation_failed",
        ),
        (
            "token?grant_type=pkce",
            r#"{"auth_code":"x","code_verifier":"y"}"#,
            400,
            "bad_code_verifier",
        ),
        (
            "recover",
            &format!("{{\"email\":\"{long}\"}}"),
            413,
            "payload_too_large",
        ),
    ] {
        let answer = origin.post(&format!("/auth/v1/{path}"), body);
        assert_eq!(told(&answer), (status, code.into()), "{path} {body}");
    }
    let unreadable = Call {
        body: b"{\"email\":\"\xff@b.co\"}".to_vec(),
        ..Call::post("/auth/v1/recover", "")
    };
    assert_eq!(origin.send(&unreadable.seal(&origin)).status, 400);
    assert_eq!(
        origin.get("/auth/v1/verify?type=recovery&token=%ff").status,
        400
    );
    assert_eq!(origin.get("/auth/v1/recover").status, 405);
    assert_eq!(
        by_code(&origin, "recovery", EMAIL, &mail.code()).status,
        200
    );
}

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

/// The account and the session of an answer.
fn person(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    let session = answer.json();
    let token = session["access_token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
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
