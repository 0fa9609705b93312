//! Good once, for a while, and few are tried.

use super::{by_code, by_code_from, by_link, email_of, expired, otp};
use crate::{
    client::{Call, told},
    engines::{Engine, on_every_engine},
    mail::{EMAIL, recover, sign_up, site},
    mailbox::MailServer,
};
use gapura_origin::{
    clock, config,
    db::{Db, NewOneTime},
};
use gapura_shared::{outcome::AccountId, time::UnixMillis};
use serde_json::json;
use sha2::{Digest, Sha256};

on_every_engine!(
    a_link_is_good_once,
    a_code_is_good_once_and_few_are_tried,
    guesses_are_counted_for_the_address_whatever_was_mailed,
    a_newer_one_takes_the_place_of_the_older,
    what_has_expired_is_refused_and_changes_nothing,
    bad_input_has_its_code_and_changes_nothing,
);

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
