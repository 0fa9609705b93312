//! Mails that arrive at a real server, once the ways to it are open.

use crate::{
    client::Call,
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    mailbox::MailServer,
};
use serde_json::json;

on_every_engine!(
    mails_speak_the_language_of_their_reader,
    no_address_tells_whether_it_has_an_account,
    one_mail_a_minute_goes_to_an_address,
    what_is_not_taken_now_is_sent_later,
    what_is_refused_for_good_is_not_tried_again,
    mails_outlive_the_process,
    a_mail_cut_off_is_the_same_mail_again,
    two_origins_send_each_mail_once,
    a_full_queue_takes_no_more,
    tls_is_not_optional,
    without_a_server_nothing_is_promised,
);

pub(crate) const EMAIL: &str = "made@example.com";
pub(crate) const PASSWORD: &str = "correct horse";

/// A site with a mail server, and an origin on it.
pub(crate) fn site(engine: Engine, server: &MailServer, auth: &str) -> (Site, Origin) {
    let config = CONFIG.replace("[auth]", &format!("[auth]\n{auth}"));
    let site = Site::on(engine, &(config + &server.settings()));
    let origin = site.start();
    (site, origin)
}

pub(crate) fn sign_up(origin: &Origin, email: &str) {
    let body = json!({ "email": email, "password": PASSWORD });
    assert_eq!(
        origin.post("/auth/v1/signup", &body.to_string()).status,
        200
    );
}

pub(crate) fn recover(origin: &Origin, email: &str) -> u16 {
    let body = json!({ "email": email }).to_string();
    origin.post("/auth/v1/recover", &body).status
}

fn mails_speak_the_language_of_their_reader(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    for (n, (lang, accepts, indonesian)) in [
        (json!({}), "en-US,en;q=0.9", false),
        (json!({}), "id,en;q=0.5", true),
        (json!({ "lang": "id" }), "en", true),
        (json!({ "lang": "en" }), "id", false),
        (json!({ "lang": ["id"] }), "fr", false),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("reader{n}@example.com");
        let body = json!({ "email": email, "password": PASSWORD, "data": lang }).to_string();
        assert_eq!(origin.post("/auth/v1/signup", &body).status, 200);
        let body = json!({ "email": email }).to_string();
        let call = Call::post("/auth/v1/recover", &body);
        let answer = origin.send(&call.seal(&origin).with("accept-language", accepts));
        assert_eq!((answer.status, answer.json()), (200, json!({})));
        let mail = server.await_mail(&email, 1);
        let (subject, tag) = if indonesian {
            ("Buat kata sandi baru di Gapura", "<html lang=\"id\">")
        } else {
            ("Choose a new password at Gapura", "<html lang=\"en\">")
        };
        assert_eq!(mail.subject(), subject);
        let html = mail.0["html"].as_str().unwrap();
        assert!(html.contains(tag) && html.contains(&mail.token()) && html.contains(&mail.code()));
        assert!(
            !mail.0["headers"]
                .as_array()
                .unwrap()
                .contains(&json!("bcc"))
        );
    }
    let log = origin.log();
    assert!(!log.contains("example.com"), "no address in {log}");
}

fn no_address_tells_whether_it_has_an_account(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    let unknown = "nobody@example.com";
    for path in ["recover", "otp", "magiclink", "resend"] {
        let appearance = |email: &str| {
            let kind = (path == "resend").then_some("signup");
            let body = match kind {
                Some(kind) => json!({ "email": email, "type": kind }),
                None if path == "recover" => json!({ "email": email }),
                None => json!({ "email": email, "create_user": false }),
            };
            let answer = origin.post(&format!("/auth/v1/{path}"), &body.to_string());
            (
                answer.status,
                answer.json(),
                answer.headers.into_keys().collect::<Vec<_>>(),
            )
        };
        assert_eq!(appearance(unknown), appearance(EMAIL), "{path}");
        assert_eq!(
            appearance(unknown),
            appearance(EMAIL),
            "{path}, at once again"
        );
    }
    // Guesses look alike, too.
    let guess = |email: &str| {
        let body = json!({ "type": "recovery", "email": email, "token": "000000" });
        let answer = origin.post("/auth/v1/verify", &body.to_string());
        let mut told = answer.json();
        told["instance"] = json!(null);
        (answer.status, told)
    };
    server.await_mail(EMAIL, 2);
    assert_eq!(guess(unknown), guess(EMAIL));
    assert_eq!(guess(EMAIL).1["code"], "otp_expired");
    // What was asked for after it has arrived: nothing went to nobody.
    sign_up(&origin, "last@example.com");
    recover(&origin, "last@example.com");
    server.await_mail("last@example.com", 1);
    assert_eq!(server.mails(unknown).len(), 0);
}

fn one_mail_a_minute_goes_to_an_address(engine: Engine) {
    let server = MailServer::start();
    let settings = server.settings().replace("resend_s = 1", "resend_s = 60");
    let site = Site::on(engine, &format!("{CONFIG}{settings}"));
    let origin = site.start();
    for email in [EMAIL, "last@example.com"] {
        sign_up(&origin, email);
    }
    for _ in 0..3 {
        assert_eq!(recover(&origin, EMAIL), 200);
    }
    server.await_mail(EMAIL, 1);
    assert_eq!(recover(&origin, EMAIL), 200);
    assert_eq!(recover(&origin, "last@example.com"), 200);
    server.await_mail("last@example.com", 1);
    assert_eq!(server.mails(EMAIL).len(), 1);
}

fn what_is_not_taken_now_is_sent_later(engine: Engine) {
    let mut server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    server.order("later");
    recover(&origin, EMAIL);
    server.await_told(|told| told["put_off"] == EMAIL, 2);
    assert_eq!(server.mails(EMAIL).len(), 0);
    server.order("accept");
    let token = server.await_mail(EMAIL, 1).token();
    let body = json!({ "type": "recovery", "token_hash": token });
    assert_eq!(
        origin.post("/auth/v1/verify", &body.to_string()).status,
        200
    );
    let log = origin.log();
    assert!(log.contains("SMTP 451") && !log.contains(EMAIL), "{log}");
}

fn what_is_refused_for_good_is_not_tried_again(engine: Engine) {
    let mut server = MailServer::start();
    let (_site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    server.order("refuse");
    recover(&origin, EMAIL);
    origin.await_log("a mail is not delivered");
    server.order("accept");
    // A retry would have come before the second of these two.
    for n in 1..3 {
        let other = format!("other{n}@example.com");
        sign_up(&origin, &other);
        server.order("later");
        recover(&origin, &other);
        server.await_told(|told| told["put_off"] == *other, 1);
        server.order("accept");
        server.await_mail(&other, 1);
    }
    assert_eq!(
        server.await_told(|told| told["refused"] == EMAIL, 1).len(),
        1
    );
    assert_eq!(server.mails(EMAIL).len(), 0);
}

fn mails_outlive_the_process(engine: Engine) {
    let mut server = MailServer::start();
    let (site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    server.order("later");
    assert_eq!(recover(&origin, EMAIL), 200);
    server.await_told(|told| told["put_off"] == EMAIL, 1);
    drop(origin);
    server.order("accept");
    assert_eq!(server.mails(EMAIL).len(), 0);
    let origin = site.start();
    let code = server.await_mail(EMAIL, 1).code();
    let body = json!({ "type": "recovery", "email": EMAIL, "token": code });
    assert_eq!(
        origin.post("/auth/v1/verify", &body.to_string()).status,
        200
    );
}

/// Killed after the server had the mail and before it said so: sent again, as the same mail, whose
/// link is good in both.
fn a_mail_cut_off_is_the_same_mail_again(engine: Engine) {
    let mut server = MailServer::start();
    let (site, origin) = site(engine, &server, "");
    sign_up(&origin, EMAIL);
    server.order("hang");
    recover(&origin, EMAIL);
    let first = server.await_mail(EMAIL, 1);
    drop(origin);
    server.order("accept");
    let origin = site.start();
    let second = server.await_mail(EMAIL, 2);
    assert_eq!(
        (&first.0["id"], first.token()),
        (&second.0["id"], second.token())
    );
    let body = json!({ "type": "recovery", "token_hash": first.token() });
    assert_eq!(
        origin.post("/auth/v1/verify", &body.to_string()).status,
        200
    );
}

fn two_origins_send_each_mail_once(engine: Engine) {
    const MAILS: usize = 24;
    let server = MailServer::start();
    let (site, one) = site(engine, &server, "");
    let two = site.start();
    let address = |n: usize| format!("reader{n}@example.com");
    (0..MAILS).for_each(|n| sign_up(&one, &address(n)));
    for n in 0..MAILS {
        assert_eq!(
            recover(if n % 2 == 0 { &one } else { &two }, &address(n)),
            200
        );
    }
    (0..MAILS).for_each(|n| drop(server.await_mail(&address(n), 1)));
    // The queue is empty when a further one has arrived.
    recover(&two, EMAIL);
    sign_up(&one, "last@example.com");
    recover(&one, "last@example.com");
    server.await_mail("last@example.com", 1);
    for n in 0..MAILS {
        assert_eq!(server.mails(&address(n)).len(), 1, "{n}");
    }
}

fn a_full_queue_takes_no_more(engine: Engine) {
    let mut server = MailServer::start();
    server.order("later");
    let settings = server
        .settings()
        .replace("retry_s = 1", "retry_s = 3600\nmax_queue = 2");
    let config = CONFIG.replace("[auth]", "[auth]\nconfirm_email = true");
    let site = Site::on(engine, &format!("{config}{settings}"));
    let origin = site.start();
    for n in 0..2 {
        sign_up(&origin, &format!("reader{n}@example.com"));
    }
    for email in ["reader0@example.com", "nobody@example.com"] {
        let body = json!({ "email": email }).to_string();
        let answer = origin.post("/auth/v1/recover", &body);
        assert_eq!(
            (answer.status, answer.headers["retry-after"].as_str()),
            (503, "1")
        );
    }
    let body = json!({ "email": "new@example.com", "password": PASSWORD }).to_string();
    assert_eq!(origin.post("/auth/v1/signup", &body).status, 503);
    // And nothing has changed: the same sign-up is a new one later.
    let count = origin.log().matches("ACCOUNT_CREATED").count();
    assert_eq!(count, 2);
}

/// A password goes to nobody but the server of the certificate, and never in clear.
fn tls_is_not_optional(engine: Engine) {
    let dir = tempfile::tempdir().unwrap();
    for mode in ["starttls", "implicit"] {
        let server = MailServer::with_tls(mode, dir.path());
        let ca = format!("ca_file = \"{}\"\n", dir.path().join("ca.pem").display());
        let settings = server
            .settings()
            .replace("\"none\"", &format!("\"{mode}\""));
        let settings = settings.replace("\"127.0.0.1\"", "\"localhost\"") + "user = \"gapura\"\n";
        let start = |settings: &str| {
            let site = Site::on(engine, &format!("{CONFIG}{settings}"));
            let origin = site.start();
            sign_up(&origin, EMAIL);
            recover(&origin, EMAIL);
            (site, origin)
        };
        // An authority that nobody knows.
        let (_site, origin) = start(&settings);
        origin.await_log("a mail waits");
        assert_eq!(server.mails(EMAIL).len(), 0, "{mode}");
        let (_site, _origin) = start(&(settings + &ca));
        let mail = server.await_mail(EMAIL, 1);
        assert_eq!(
            (&mail.0["tls"], &mail.0["user"]),
            (&json!(true), &json!("gapura")),
            "{mode}"
        );
    }
    // A server without TLS gets nothing at all.
    let server = MailServer::start();
    let settings = server.settings().replace("\"none\"", "\"starttls\"");
    let site = Site::on(engine, &format!("{CONFIG}{settings}"));
    let origin = site.start();
    sign_up(&origin, EMAIL);
    recover(&origin, EMAIL);
    origin.await_log("a mail waits");
    assert_eq!(server.mails(EMAIL).len(), 0);
}

fn without_a_server_nothing_is_promised(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    origin.await_log("no mail is sent");
    for path in ["recover", "otp", "resend"] {
        let answer = origin.post(&format!("/auth/v1/{path}"), "{\"email\":\"a@b.co\"}");
        let code = answer.json()["code"].clone();
        assert_eq!(
            (answer.status, code),
            (422, json!("email_provider_disabled")),
            "{path}"
        );
    }
    // In development a person reads them in the log, as they are.
    let config = CONFIG.replace("echo = true", "echo = true\nmail_log = true");
    let site = Site::on(
        engine,
        &(config + "[mail]\nurl = \"https://gate.example\"\n"),
    );
    let origin = site.start();
    sign_up(&origin, EMAIL);
    recover(&origin, EMAIL);
    origin.await_log("https://gate.example/auth/v1/verify?token=");
}
