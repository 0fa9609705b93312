//! What somebody else's address is good for: nothing.

use crate::{
    auth::{credentials, login, outcome, session_of, text},
    client::{Answer, Call, told},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    mail::{EMAIL, PASSWORD, site},
    mailbox::MailServer,
    person::{Person, operator},
};
use gapura_shared::outcome::Login;
use serde_json::{Value, json};
use std::{thread, time::Duration};

on_every_engine!(
    a_sign_up_takes_no_account_that_an_operator_made,
    a_sign_up_is_confirmed_with_nobody_elses_password,
    a_login_after_a_refused_sign_up_tells_nothing,
    a_sign_up_makes_no_guess_free,
    sign_ups_that_disagree_leave_no_password,
    who_signs_up_twice_keeps_the_password,
    a_right_password_that_does_not_help_is_a_failure,
    a_change_of_address_by_an_operator_ends_what_went_to_the_old_one,
    what_a_mail_is_asked_with_has_a_limit,
    every_refusal_costs_the_same_hashes,
    where_nobody_signs_up_operators_make_accounts,
    a_change_that_finds_no_room_for_its_mail_changes_nothing,
    a_refused_password_does_not_use_up_the_code,
    a_site_without_mail_keeps_its_accounts_too,
);

const STRANGE: &str = "stranger horse";

fn sign_up(origin: &Origin, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    origin.post("/auth/v1/signup", &body.to_string())
}

fn invalid() -> (u16, String) {
    (400, "invalid_credentials".into())
}

/// Accounts that nobody has confirmed: by the admin API, by invitation, by import.
fn unconfirmed(site: &Site, admin: &Person<'_>) -> [&'static str; 3] {
    let [made, invited, imported] = ["boss@x.id", "invited@x.id", "imported@x.id"];
    let body = json!({ "email": made, "password": PASSWORD, "role": "admin",
        "user_metadata": { "name": "Boss" } });
    let created = admin.ask("POST", "/auth/v1/admin/users", &body);
    assert_eq!(created.status, 200, "{created:?}");
    let invitation = admin.ask("POST", "/auth/v1/invite", &json!({ "email": invited }));
    assert_eq!(invitation.status, 200, "{invitation:?}");
    let file = site.dir.path().join("users.json");
    let hash = "$2y$04$nuIbRGWyAVscncuJ9iZizuDVq7i8QkT6y.nBtMBpzpdYcMZ45dL2S";
    let record = json!([{ "email": imported, "password_hash": hash, "email_confirmed_at": null }]);
    std::fs::write(&file, record.to_string()).unwrap();
    let args = ["users", "import", file.to_str().unwrap()];
    assert!(site.command(&args).output().unwrap().status.success());
    [made, invited, imported]
}

fn a_sign_up_takes_no_account_that_an_operator_made(engine: Engine) {
    let server = MailServer::start();
    for settings in ["", "signup_session = true", "confirm_email = true"] {
        let (site, origin) = site(engine, &server, settings);
        let admin = operator(&site, &origin, "admin@x.id", "admin");
        let accounts = unconfirmed(&site, &admin);
        let seen = || {
            let users = admin.ask("GET", "/auth/v1/admin/users", &Value::Null);
            let users = users.json()["users"].as_array().unwrap().clone();
            let kept = |user: &Value| (text(&user["email"]), user["user_metadata"].clone());
            users.iter().map(kept).collect::<Vec<_>>()
        };
        let before = seen();
        for email in accounts {
            sign_up(&origin, email, STRANGE);
            let tried = login(&origin, email, STRANGE);
            assert_eq!(tried.status, 400, "{settings} {email}: {tried:?}");
        }
        assert_eq!(seen(), before, "{settings}");
        let owner = told(&login(&origin, "boss@x.id", PASSWORD));
        if settings == "confirm_email = true" {
            assert_eq!(owner, (400, "email_not_confirmed".into()));
        } else {
            assert_eq!(owner.0, 200, "{settings}");
        }
    }
}

fn a_sign_up_is_confirmed_with_nobody_elses_password(engine: Engine) {
    let server = MailServer::start();
    let (site, origin) = site(engine, &server, "confirm_email = true");
    let admin = operator(&site, &origin, "admin@x.id", "admin");
    let body = json!({ "email": "boss@x.id", "password": PASSWORD, "role": "admin" });
    assert_eq!(admin.ask("POST", "/auth/v1/admin/users", &body).status, 200);
    // A sign-up that an operator has had to do with is nobody else's any more either.
    let pending = text(&sign_up(&origin, "pending@x.id", PASSWORD).json()["id"]);
    let target = format!("/auth/v1/admin/users/{pending}");
    let body = json!({ "role": "admin" });
    assert_eq!(admin.ask("PUT", &target, &body).status, 200);
    for (email, mails) in [("boss@x.id", 1), ("pending@x.id", 2)] {
        sign_up(&origin, email, STRANGE);
        let token = server.await_mail(email, mails).token();
        let body = json!({ "type": "signup", "token_hash": token }).to_string();
        assert_eq!(origin.post("/auth/v1/verify", &body).status, 200);
        assert_ne!(login(&origin, email, STRANGE).status, 200, "{email}");
        assert_eq!(login(&origin, email, PASSWORD).status, 200, "{email}");
    }
}

/// Names of the members and fields, without what differs from one to the next.
fn appearance(answer: &Answer) -> (u16, Value, Vec<String>) {
    let mut body = answer.json();
    body["instance"] = Value::Null;
    let names = answer.headers.keys().cloned().collect();
    (answer.status, body, names)
}

fn a_login_after_a_refused_sign_up_tells_nothing(engine: Engine) {
    let server = MailServer::start();
    let (site, origin) = site(engine, &server, "confirm_email = true");
    let admin = operator(&site, &origin, "admin@x.id", "admin");
    let body = json!({ "email": "taken@x.id", "password": PASSWORD, "email_confirm": true });
    assert_eq!(admin.ask("POST", "/auth/v1/admin/users", &body).status, 200);
    let body = json!({ "email": "waits@x.id", "password": PASSWORD });
    assert_eq!(admin.ask("POST", "/auth/v1/admin/users", &body).status, 200);
    let seen = |email: &str| {
        sign_up(&origin, email, STRANGE);
        let mut seen = vec![
            appearance(&login(&origin, email, STRANGE)),
            appearance(&login(&origin, email, "neither of them")),
        ];
        // The last one counts, as it does for an address that was free.
        sign_up(&origin, email, "another horse");
        seen.push(appearance(&login(&origin, email, "another horse")));
        seen.push(appearance(&login(&origin, email, STRANGE)));
        seen
    };
    let free = seen("free@x.id");
    assert_eq!(free[0].1["code"], "email_not_confirmed");
    assert_eq!(free[2].1["code"], "email_not_confirmed");
    assert_eq!(free[3].1["code"], "invalid_credentials");
    for email in ["taken@x.id", "waits@x.id"] {
        assert_eq!(seen(email), free, "{email}");
    }
    assert_eq!(login(&origin, "taken@x.id", PASSWORD).status, 200);
}

/// Else a guess would be signed up with before it is tried: the answer tells whether it is right.
fn a_sign_up_makes_no_guess_free(engine: Engine) {
    let server = MailServer::start();
    let (site, origin) = site(engine, &server, "confirm_email = true");
    let admin = operator(&site, &origin, "admin@x.id", "admin");
    let body = json!({ "email": "taken@x.id", "password": PASSWORD, "email_confirm": true });
    assert_eq!(admin.ask("POST", "/auth/v1/admin/users", &body).status, 200);
    for email in ["taken@x.id", "free@x.id"] {
        for n in 0..5 {
            let guess = format!("{STRANGE} {n}");
            sign_up(&origin, email, &guess);
            let call = credentials(email, &guess);
            let wire = Call::post("/auth/v1/token?grant_type=password", &call).seal(&origin);
            let answer = origin.send(&wire);
            assert_eq!(told(&answer), (400, "email_not_confirmed".into()), "{n}");
            let outcome = outcome(&wire, &answer);
            assert_eq!(outcome.login, Some(Login::Failed));
            assert_eq!(outcome.locks.len(), usize::from(n == 4), "{n}");
        }
        sign_up(&origin, email, PASSWORD);
        assert_eq!(told(&login(&origin, email, PASSWORD)), invalid(), "{email}");
    }
}

/// Follows the newest link of a sign-up.
fn confirmed(origin: &Origin, server: &MailServer, mails: usize) -> Answer {
    let token = server.await_mail(EMAIL, mails).token();
    let body = json!({ "type": "signup", "token_hash": token }).to_string();
    let session = origin.post("/auth/v1/verify", &body);
    assert_eq!(session.status, 200, "{session:?}");
    session
}

/// Whoever came last, the owner follows the newest link: it tells nothing about whose password that is.
fn sign_ups_that_disagree_leave_no_password(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "confirm_email = true");
    sign_up(&origin, EMAIL, PASSWORD);
    server.await_mail(EMAIL, 1);
    let body = json!({ "email": EMAIL, "password": STRANGE, "data": { "name": "Stranger" } });
    for password in [STRANGE, "a third horse", STRANGE] {
        let body = json!({ "password": password, "email": EMAIL, "data": body["data"] });
        assert_eq!(
            origin.post("/auth/v1/signup", &body.to_string()).status,
            200
        );
    }
    let session = confirmed(&origin, &server, 2).json();
    assert_eq!(session["user"]["user_metadata"], json!({}));
    for password in [STRANGE, "a third horse", PASSWORD] {
        assert_eq!(
            told(&login(&origin, EMAIL, password)),
            invalid(),
            "{password}"
        );
    }
    // The owner is in, and chooses one.
    let call = json!({ "password": "owner's horse" }).to_string();
    let (user, token) = (text(&session["user"]["id"]), text(&session["access_token"]));
    let call = Call {
        method: "PUT",
        ..Call::post("/auth/v1/user", &call)
    };
    let call = call.subject(Some(&user)).session(&session_of(&token));
    assert_eq!(origin.send(&call.seal(&origin)).status, 200);
    assert_eq!(login(&origin, EMAIL, "owner's horse").status, 200);
}

fn who_signs_up_twice_keeps_the_password(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "confirm_email = true");
    sign_up(&origin, EMAIL, "caf\u{e9} terbuka");
    server.await_mail(EMAIL, 1);
    sign_up(&origin, EMAIL, "cafe\u{301} terbuka");
    confirmed(&origin, &server, 2);
    assert_eq!(login(&origin, EMAIL, "caf\u{e9} terbuka").status, 200);
}

/// Otherwise a guesser would have one for every few guesses, of an account of somebody else.
fn a_right_password_that_does_not_help_is_a_failure(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "confirm_email = true");
    sign_up(&origin, EMAIL, PASSWORD);
    // Before the mail that tells of the lock, which may overtake it.
    server.await_mail(EMAIL, 1);
    for _ in 0..2 {
        assert_eq!(told(&login(&origin, EMAIL, "wrong horse")), invalid());
        let unconfirmed = told(&login(&origin, EMAIL, PASSWORD));
        assert_eq!(unconfirmed, (400, "email_not_confirmed".into()));
    }
    assert_eq!(told(&login(&origin, EMAIL, "wrong horse")), invalid());
    assert_eq!(told(&login(&origin, EMAIL, PASSWORD)), invalid(), "locked");
    confirmed(&origin, &server, 1);
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
}

fn a_change_of_address_by_an_operator_ends_what_went_to_the_old_one(engine: Engine) {
    let server = MailServer::start();
    let (site, origin) = site(engine, &server, "");
    let admin = operator(&site, &origin, "admin@x.id", "admin");
    let person = Person::new(&origin, EMAIL);
    let recover = json!({ "email": EMAIL }).to_string();
    assert_eq!(origin.post("/auth/v1/recover", &recover).status, 200);
    let token = server.await_mail(EMAIL, 1).token();
    let target = format!("/auth/v1/admin/users/{}", person.id);
    let body = json!({ "email": "new@example.com" });
    assert_eq!(admin.ask("PUT", &target, &body).status, 200);
    let body = json!({ "type": "recovery", "token_hash": token }).to_string();
    let used = origin.post("/auth/v1/verify", &body);
    assert_eq!(told(&used), (403, "otp_expired".into()));
}

fn what_a_mail_is_asked_with_has_a_limit(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    for path in ["otp", "magiclink", "recover", "resend"] {
        let body = json!({ "email": EMAIL, "type": "signup", "data": { "a": "x".repeat(17_000) } });
        let answer = origin.post(&format!("/auth/v1/{path}"), &body.to_string());
        assert_eq!(told(&answer), (400, "validation_failed".into()), "{path}");
    }
    let body = json!({ "email": EMAIL, "data": { "a": 1, "b": null } }).to_string();
    assert_eq!(origin.post("/auth/v1/otp", &body).status, 200);
    // The first mail of somebody new is that of a sign-up, as supabase has it.
    let mail = server.await_mail(EMAIL, 1);
    let body = json!({ "type": "signup", "email": EMAIL, "token": mail.code() }).to_string();
    let session = origin.post("/auth/v1/verify", &body);
    assert_eq!(session.status, 200, "{session:?}");
    assert_eq!(session.json()["user"]["user_metadata"], json!({ "a": 1 }));
}

/// How many hashes a request costs; the log tells when it is over.
fn hashes(origin: &Origin, ask: impl FnOnce() -> Answer) -> (u16, usize) {
    let count = |text: &str| origin.log().matches(text).count();
    let events = || count("AUTH_FAILED") + count("ACCOUNT_CREATED");
    let (told, before) = (events(), count("\"hashing\""));
    let status = ask().status;
    for _ in 0..400 {
        if events() > told {
            return (status, count("\"hashing\"") - before);
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("no event:\n{}", origin.log());
}

/// Time tells what work was done: for whichever address, it is the same.
fn every_refusal_costs_the_same_hashes(engine: Engine) {
    for confirms in [false, true] {
        let config = CONFIG
            .replace("[auth]", &format!("[auth]\nconfirm_email = {confirms}"))
            .replace("echo = true", "echo = true\nmail_log = true");
        let site = Site::on(engine, &format!("{config}[log]\nlevel = \"debug\"\n"));
        let origin = site.start();
        let admin = operator(&site, &origin, "admin@x.id", "admin");
        let body = json!({ "email": EMAIL, "password": PASSWORD, "email_confirm": true });
        let made = admin.ask("POST", "/auth/v1/admin/users", &body);
        assert_eq!(made.status, 200);
        origin.await_log("ACCOUNT_CREATED");
        let log_in =
            |email: &str, password: &str| hashes(&origin, || login(&origin, email, password));
        for email in ["free@x.id", EMAIL] {
            let signed_up = hashes(&origin, || sign_up(&origin, email, STRANGE));
            assert_eq!(signed_up, (200, 1), "{confirms} {email}");
        }
        let each = if confirms { 2 } else { 1 };
        if confirms {
            for email in ["free@x.id", EMAIL] {
                assert_eq!(log_in(email, STRANGE), (400, each), "{email} waits");
            }
        }
        // The last of them meet the lock.
        for email in ["nobody@x.id", "free@x.id", EMAIL] {
            for attempt in 0..7 {
                let cost = log_in(email, "neither of them");
                assert_eq!(cost, (400, each), "{confirms} {email} {attempt}");
            }
        }
    }
}

fn where_nobody_signs_up_operators_make_accounts(engine: Engine) {
    let server = MailServer::start();
    let (site, origin) = site(engine, &server, "disable_signup = true");
    let admin = operator(&site, &origin, "admin@x.id", "admin");
    let settings = origin.get("/auth/v1/settings").json();
    assert_eq!(settings["disable_signup"], true);
    for email in [EMAIL, "admin@x.id"] {
        let refused = told(&sign_up(&origin, email, PASSWORD));
        assert_eq!(refused, (422, "signup_disabled".into()), "{email}");
        let body = json!({ "email": email, "create_user": true }).to_string();
        assert_eq!(origin.post("/auth/v1/otp", &body).status, 200, "{email}");
    }
    // The one that has an account has a mail; the other one's would have come before it.
    server.await_mail("admin@x.id", 1);
    assert_eq!(server.mails(EMAIL).len(), 0);
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let made = admin.ask("POST", "/auth/v1/admin/users", &body);
    assert_eq!(made.status, 200);
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
}

fn a_change_that_finds_no_room_for_its_mail_changes_nothing(engine: Engine) {
    let mut server = MailServer::start();
    server.order("later");
    let settings = server.settings();
    let settings = settings.replace("retry_s = 1", "retry_s = 3600\nmax_queue = 1");
    let site = Site::on(engine, &format!("{CONFIG}{settings}"));
    let origin = site.start();
    let person = Person::new(&origin, EMAIL);
    let recover = json!({ "email": EMAIL }).to_string();
    assert_eq!(origin.post("/auth/v1/recover", &recover).status, 200);
    let body = json!({ "email": "new@x.id", "password": "another horse", "data": { "a": 1 } });
    let refused = told(&person.ask("PUT", "/auth/v1/user", &body));
    assert_eq!(refused, (503, "over_request_rate_limit".into()));
    assert_eq!(person.user()["user_metadata"], json!({}));
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
}

fn a_refused_password_does_not_use_up_the_code(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "reauthenticate_s = 0");
    let person = Person::new(&origin, EMAIL);
    let asked = person.ask("GET", "/auth/v1/reauthenticate", &Value::Null);
    assert_eq!(asked.status, 200, "{asked:?}");
    let code = server.await_mail(EMAIL, 1).code();
    for (password, expected) in [
        (PASSWORD, (422, "same_password")),
        ("another horse", (200, "")),
        ("a third horse", (422, "reauthentication_not_valid")),
    ] {
        let body = json!({ "password": password, "nonce": code });
        let answer = told(&person.ask("PUT", "/auth/v1/user", &body));
        assert_eq!((answer.0, answer.1.as_str()), expected, "{password}");
    }
}

fn a_site_without_mail_keeps_its_accounts_too(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    let admin = operator(&site, &origin, "admin@x.id", "admin");
    let body = json!({ "email": "boss@x.id", "password": PASSWORD });
    assert_eq!(admin.ask("POST", "/auth/v1/admin/users", &body).status, 200);
    sign_up(&origin, "boss@x.id", STRANGE);
    assert_eq!(told(&login(&origin, "boss@x.id", STRANGE)), invalid());
    assert_eq!(login(&origin, "boss@x.id", PASSWORD).status, 200);
}
