//! The lock of an account as a whole: whom it keeps out, and whom not.

use crate::{
    auth::{credentials, outcome},
    client::{Answer, Call, told},
    engines::{Engine, on_every_engine},
    harness::Origin,
    mail::{EMAIL, PASSWORD, recover, sign_up, site},
    mailbox::MailServer,
};
use gapura_shared::outcome::Outcome;
use serde_json::json;

on_every_engine!(
    guesses_from_everywhere_keep_no_known_owner_out,
    who_recovers_by_mail_stays_in_from_there,
);

/// A login from an address.
fn login(origin: &Origin, client: &str, password: &str) -> (Answer, Outcome) {
    let body = credentials(EMAIL, password);
    let call = Call {
        client,
        ..Call::post("/auth/v1/token?grant_type=password", &body)
    };
    let wire = call.seal(origin);
    let answer = origin.send(&wire);
    let outcome = outcome(&wire, &answer);
    (answer, outcome)
}

/// As many as lock the account from everywhere, from a few addresses.
fn guess(origin: &Origin, net: &str) {
    for n in 0..10 {
        let client = format!("{net}.{}", n / 4);
        let (answer, outcome) = login(origin, &client, "wrong horse");
        assert_eq!(answer.status, 400);
        // The gate does not know whom this lock spares: it is not told of it.
        assert_eq!(outcome.locks, [], "{n}");
    }
}

fn guesses_from_everywhere_keep_no_known_owner_out(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "lockout_ceiling = 10");
    sign_up(&origin, EMAIL);
    assert_eq!(login(&origin, "192.0.2.1", PASSWORD).0.status, 200);
    guess(&origin, "203.0.113");
    let (stranger, outcome) = login(&origin, "198.51.100.1", PASSWORD);
    assert_eq!(told(&stranger), (400, "invalid_credentials".into()));
    assert_eq!(outcome.locks, []);
    assert_eq!(login(&origin, "192.0.2.1", PASSWORD).0.status, 200);
}

fn who_recovers_by_mail_stays_in_from_there(engine: Engine) {
    let server = MailServer::start();
    let (_site, origin) = site(engine, &server, "lockout_ceiling = 10");
    sign_up(&origin, EMAIL);
    guess(&origin, "203.0.113");
    assert_eq!(login(&origin, "192.0.2.1", PASSWORD).0.status, 400);
    recover(&origin, EMAIL);
    let token = server.await_mail(EMAIL, 2).token();
    let body = json!({ "type": "recovery", "token_hash": token }).to_string();
    assert_eq!(origin.post("/auth/v1/verify", &body).status, 200);
    guess(&origin, "203.0.113");
    assert_eq!(login(&origin, "198.51.100.1", PASSWORD).0.status, 400);
    assert_eq!(login(&origin, "192.0.2.1", PASSWORD).0.status, 200);
}
