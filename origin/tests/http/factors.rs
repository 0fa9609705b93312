//! The second factor over HTTP, as `supabase.auth.mfa` asks for it.

use crate::{
    client::{Answer, Call, keys, now, told},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    person::operator,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_origin::auth::second_factor::totp::{STEP_S, TotpSecret};
use gapura_shared::{
    claims::Assurance,
    identity::Principal,
    outcome::{self, Login, Outcome},
};
use serde_json::{Value, json};
use std::thread;

on_every_engine!(
    a_second_factor_raises_the_session_and_stays,
    nothing_is_added_or_taken_without_the_second_factor,
    a_code_is_good_once_however_many_come_at_once,
    wrong_codes_lock_and_recovery_codes_have_a_count_of_their_own,
    who_guesses_codes_elsewhere_keeps_no_owner_out,
    recovery_codes_are_good_once_and_can_be_renewed,
    the_first_factor_ends_the_sessions_that_had_none,
    no_refresh_token_from_before_gets_behind_the_second_factor,
    factors_are_bounded_and_their_owners_alone,
    the_last_factor_takes_the_second_level_with_it,
    challenges_are_for_their_factor_and_session,
    bad_input_about_factors_changes_nothing,
    operators_take_factors_away_and_nobody_else_does,
    who_lost_the_phone_is_let_in_by_operators,
    who_has_two_factors_changes_the_password_with_both,
    another_token_key_opens_what_was_sealed_under_the_old_one,
    a_wrong_code_is_a_strike_like_a_wrong_password,
);

const EMAIL: &str = "made@example.com";
const PASSWORD: &str = "correct horse";

/// What a token says.
fn claims(session: &Value) -> Value {
    let token = session["access_token"].as_str().unwrap();
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Whom the edge would name for it.
fn principal(session: &Value) -> Principal {
    let claims = claims(session);
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    Principal {
        subject: text("sub"),
        role: text("role").unwrap(),
        tenant: text("tenant_id"),
        session: text("session_id"),
        token_id: text("jti"),
        assurance: Assurance::of_claim(claims["aal"].as_str().unwrap()),
    }
}

fn ask(origin: &Origin, session: &Value, method: &str, path: &str, body: &Value) -> Answer {
    ask_from(origin, "192.0.2.1", session, method, path, body)
}

fn ask_from(
    origin: &Origin,
    client: &str,
    session: &Value,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let target = format!("/auth/v1{path}");
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let call = Call {
        method,
        principal: Some(principal(session)),
        client,
        ..Call::post(&target, &text)
    };
    origin.send(&call.seal(origin))
}

fn login_as(origin: &Origin, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    let session = origin.post("/auth/v1/token?grant_type=password", &body);
    assert_eq!(session.status, 200, "{session:?}");
    session.json()
}

fn login(origin: &Origin) -> Value {
    login_as(origin, EMAIL)
}

fn register(origin: &Origin, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    assert_eq!(origin.post("/auth/v1/signup", &body).status, 200);
    login_as(origin, email)
}

fn refresh(origin: &Origin, session: &Value) -> Answer {
    let body = json!({ "refresh_token": session["refresh_token"] }).to_string();
    origin.post("/auth/v1/token?grant_type=refresh_token", &body)
}

/// A factor and its secret.
struct Factor {
    id: String,
    secret: TotpSecret,
    answer: Value,
}

fn enrol(origin: &Origin, session: &Value, name: &str) -> Answer {
    let body = json!({ "factor_type": "totp", "friendly_name": name });
    ask(origin, session, "POST", "/factors", &body)
}

fn enrolled(origin: &Origin, session: &Value) -> Factor {
    let answer = enrol(origin, session, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    Factor {
        id: answer["id"].as_str().unwrap().into(),
        secret: TotpSecret::from_base32(answer["totp"]["secret"].as_str().unwrap()).unwrap(),
        answer,
    }
}

impl Factor {
    /// Codes of this step and the next one are both good, also when the clock moves on by one meanwhile.
    fn code(&self, ahead: u64) -> String {
        self.secret.code(now().0 / STEP_S + ahead)
    }

    fn challenge(&self, origin: &Origin, session: &Value) -> String {
        let path = format!("/factors/{}/challenge", self.id);
        let answer = ask(
            origin,
            session,
            "POST",
            &path,
            &json!({ "factorId": self.id }),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["id"].as_str().unwrap().into()
    }

    fn answer(&self, origin: &Origin, session: &Value, challenge: &str, code: &str) -> Answer {
        let path = format!("/factors/{}/verify", self.id);
        let body = json!({ "challenge_id": challenge, "code": code });
        ask(origin, session, "POST", &path, &body)
    }

    fn verify(&self, origin: &Origin, session: &Value, code: &str) -> Answer {
        let challenge = self.challenge(origin, session);
        self.answer(origin, session, &challenge, code)
    }

    fn proven(&self, origin: &Origin, session: &Value, ahead: u64) -> Value {
        let raised = self.verify(origin, session, &self.code(ahead));
        assert_eq!(raised.status, 200, "{raised:?}");
        raised.json()
    }
}

fn recovery(origin: &Origin, session: &Value, code: &Value) -> Answer {
    let body = json!({ "code": code });
    ask(
        origin,
        session,
        "POST",
        "/factors/recovery-codes/verify",
        &body,
    )
}

fn a_second_factor_raises_the_session_and_stays(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    assert_eq!(claims(&session)["aal"], "aal1");
    assert_eq!(claims(&session)["amr"][0]["method"], "password");
    assert_eq!(session["user"].get("factors"), None);

    let factor = enrolled(&origin, &session);
    let totp = &factor.answer["totp"];
    assert!(totp["qr_code"].as_str().unwrap().starts_with("<svg "));
    let uri = totp["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/app.example:made%40example.com?secret="),
        "{uri}"
    );
    let user = ask(&origin, &session, "GET", "/user", &Value::Null).json();
    assert_eq!(user["factors"][0]["status"], "unverified");
    assert_eq!(user["factors"][0]["factor_type"], "totp");

    let wrong = factor.verify(&origin, &session, "000000x");
    assert_eq!(told(&wrong), (422, "mfa_verification_failed".into()));
    let code = factor.code(0);
    let raised = factor.verify(&origin, &session, &code);
    assert_eq!(raised.status, 200, "{raised:?}");
    let raised = raised.json();
    assert_eq!(raised["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(raised["user"]["factors"][0]["status"], "verified");
    let said = claims(&raised);
    assert_eq!(
        (&said["aal"], &said["session_id"]),
        (&json!("aal2"), &claims(&session)["session_id"])
    );
    assert_eq!(said["amr"][0]["method"], "totp");
    assert_eq!(said["amr"][1]["method"], "password");
    assert!(
        said["amr"][0]["timestamp"].as_u64().unwrap()
            >= said["amr"][1]["timestamp"].as_u64().unwrap()
    );

    // It lasts over refreshes, and another login starts below.
    let refreshed = refresh(&origin, &raised).json();
    assert_eq!(claims(&refreshed)["aal"], "aal2");
    assert_eq!(claims(&refreshed)["amr"], said["amr"]);
    let other = login(&origin);
    assert_eq!(claims(&other)["aal"], "aal1");
    assert_eq!(other["user"]["factors"][0]["status"], "verified");
    // A code that was used is good for nobody.
    let again = factor.verify(&origin, &other, &code);
    assert_eq!(told(&again), (422, "mfa_verification_failed".into()));
    let proven = factor.proven(&origin, &other, 1);
    assert_eq!(proven.get("recovery_codes"), None, "shown once");

    // Whoever has the database has no secret.
    if engine == Engine::Sqlite {
        let secret = factor.secret.base32();
        let path = site.home.url.strip_prefix("sqlite:").unwrap().to_owned();
        for file in [path.clone(), format!("{path}-wal")] {
            let bytes = std::fs::read(file).unwrap_or_default();
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes())
            );
        }
    }
}

fn nothing_is_added_or_taken_without_the_second_factor(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    let raised = factor.proven(&origin, &session, 0);
    let thief = login(&origin);
    let refused = (403, "insufficient_aal".to_owned());
    assert_eq!(told(&enrol(&origin, &thief, "theirs")), refused);
    let path = format!("/factors/{}", factor.id);
    let remove = |session: &Value| ask(&origin, session, "DELETE", &path, &Value::Null);
    assert_eq!(told(&remove(&thief)), refused);
    // An older token of the raised session stands on one factor, as it says.
    assert_eq!(told(&remove(&session)), refused);
    let renew = |session: &Value| {
        ask(
            &origin,
            session,
            "POST",
            "/factors/recovery-codes",
            &Value::Null,
        )
    };
    assert_eq!(told(&renew(&thief)), refused);
    // A claim of two factors on a session of one does not hold here either.
    let mut forged = principal(&thief);
    forged.assurance = Assurance::Aal2;
    let target = format!("/auth/v1{path}");
    let call = Call {
        method: "DELETE",
        principal: Some(forged),
        ..Call::get(&target)
    };
    assert_eq!(told(&origin.send(&call.seal(&origin))), refused);

    assert_eq!(enrol(&origin, &raised, "second").status, 200);
    assert_eq!(remove(&raised).json(), json!({ "id": factor.id }));
}

fn a_code_is_good_once_however_many_come_at_once(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    let (challenge, code) = (factor.challenge(&origin, &session), factor.code(0));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let verify = || factor.answer(&origin, &session, &challenge, &code).status;
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(verify)).collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let good = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(good, 1, "{statuses:?}");
}

fn wrong_codes_lock_and_recovery_codes_have_a_count_of_their_own(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    let codes = factor.proven(&origin, &session, 0)["recovery_codes"].clone();
    let thief = login(&origin);
    let challenge = factor.challenge(&origin, &thief);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let guess = || factor.answer(&origin, &thief, &challenge, "00000x");
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(guess)).collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let with = |status: u16| answers.iter().filter(|one| one.status == status).count();
    assert_eq!((with(422), with(429)), (5, 15));
    let locked = factor.verify(&origin, &thief, &factor.code(1));
    assert_eq!(told(&locked), (429, "over_request_rate_limit".into()));
    let wait: u64 = locked.headers["retry-after"].parse().unwrap();
    assert!((800..=900).contains(&wait), "{wait}");
    // Neither another session nor the password's own lock matters.
    let owner = login(&origin);
    assert_eq!(factor.verify(&origin, &owner, &factor.code(1)).status, 429);
    let saved = recovery(&origin, &owner, &codes[0]);
    assert_eq!(claims(&saved.json())["aal"], "aal2");

    // And guesses of recovery codes end as well.
    for _ in 0..5 {
        let wrong = recovery(&origin, &thief, &json!("AAAA-AAAA-AAAA"));
        assert_eq!(told(&wrong), (422, "mfa_verification_failed".into()));
    }
    assert_eq!(recovery(&origin, &thief, &codes[1]).status, 429);
}

fn who_guesses_codes_elsewhere_keeps_no_owner_out(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    let codes = factor.proven(&origin, &session, 0)["recovery_codes"].clone();
    // Somebody has the password, and many networks.
    let thief = login(&origin);
    let challenge = factor.challenge(&origin, &thief);
    let verify = format!("/factors/{}/verify", factor.id);
    let recover = "/factors/recovery-codes/verify";
    let guess = |client: &str, path: &str| {
        let wrong = if path == recover {
            json!({ "code": "AAAA-AAAA-AAAA" })
        } else {
            json!({ "challenge_id": challenge, "code": "00000x" })
        };
        ask_from(&origin, client, &thief, "POST", path, &wrong).status
    };
    for path in [verify.as_str(), recover] {
        for network in 1..=4 {
            let client = format!("203.0.113.{network}");
            for _ in 0..5 {
                assert_eq!(guess(&client, path), 422);
            }
            assert_eq!(guess(&client, path), 429, "a network's own count");
        }
        assert_eq!(guess("203.0.113.5", path), 429, "of all together");
    }
    // Where a code of either kind was right of late, both are good.
    let owner = login(&origin);
    assert_eq!(recovery(&origin, &owner, &codes[0]).status, 200);
    factor.proven(&origin, &login(&origin), 1);
}

fn recovery_codes_are_good_once_and_can_be_renewed(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let without = recovery(&origin, &session, &json!("AAAA-AAAA-AAAA"));
    assert_eq!(without.status, 422);
    let factor = enrolled(&origin, &session);
    let first = factor.proven(&origin, &session, 0)["recovery_codes"].clone();
    let other = login(&origin);
    let used: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| recovery(&origin, &other, &first[0]).status))
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(
        used.iter().filter(|status| **status == 200).count(),
        1,
        "{used:?}"
    );
    let lower = json!(first[1].as_str().unwrap().to_lowercase().replace('-', ""));
    let raised = recovery(&origin, &other, &lower);
    let said = claims(&raised.json());
    assert_eq!(
        (&said["aal"], &said["amr"][0]["method"]),
        (&json!("aal2"), &json!("recovery_code"))
    );
    origin.await_log("RECOVERY_CODE_USED");

    let path = "/factors/recovery-codes";
    let renewed = ask(&origin, &raised.json(), "POST", path, &Value::Null).json();
    let third = login(&origin);
    assert_eq!(recovery(&origin, &third, &first[2]).status, 422);
    assert_eq!(
        recovery(&origin, &third, &renewed["recovery_codes"][9]).status,
        200
    );
}

fn the_first_factor_ends_the_sessions_that_had_none(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let other = register(&origin, EMAIL);
    let session = login(&origin);
    let factor = enrolled(&origin, &session);
    let challenge = factor.challenge(&origin, &session);
    let path = format!("/auth/v1/factors/{}/verify", factor.id);
    let body = json!({ "challenge_id": challenge, "code": factor.code(0) }).to_string();
    let call = Call {
        principal: Some(principal(&session)),
        ..Call::post(&path, &body)
    };
    let wire = call.seal(&origin);
    let answer = origin.send(&wire);
    let told = outcome::open(
        &answer.headers["gapura-outcome"],
        &keys(),
        &wire.nonce(),
        200,
    );
    let revoked = told.unwrap().revoked;
    assert_eq!(revoked.len(), 1);
    assert_eq!(json!(revoked[0].id), claims(&other)["session_id"]);
    assert_eq!(refresh(&origin, &other).json()["code"], "session_expired");
    assert_eq!(refresh(&origin, &answer.json()).status, 200);
    // A later step-up ends nobody's session.
    let (third, fourth) = (login(&origin), login(&origin));
    factor.proven(&origin, &third, 1);
    assert_eq!(refresh(&origin, &fourth).status, 200);
}

fn no_refresh_token_from_before_gets_behind_the_second_factor(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let first = register(&origin, EMAIL);
    let factor = enrolled(&origin, &first);
    factor.proven(&origin, &first, 0);
    let session = login(&origin);
    // A thief has the login's refresh token, and what came of it.
    let second = refresh(&origin, &session).json();
    let third = refresh(&origin, &second).json();
    let raised = factor.proven(&origin, &session, 1);
    for stolen in [&third, &second, &session] {
        let refused = refresh(&origin, stolen);
        assert_eq!(told(&refused), (400, "session_expired".into()));
    }
    let next = refresh(&origin, &raised);
    assert_eq!(claims(&next.json())["aal"], "aal2");
}

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

fn the_last_factor_takes_the_second_level_with_it(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    let raised = factor.proven(&origin, &session, 0);
    let path = format!("/factors/{}", factor.id);
    assert_eq!(
        ask(&origin, &raised, "DELETE", &path, &Value::Null).status,
        200
    );
    let after = refresh(&origin, &raised).json();
    assert_eq!(claims(&after)["aal"], "aal1");
    assert_eq!(after["user"].get("factors"), None);
    assert_eq!(
        recovery(&origin, &after, &raised["recovery_codes"][0]).status,
        422
    );
    // The token that is still out says two factors, but its session does not.
    let renew = ask(
        &origin,
        &raised,
        "POST",
        "/factors/recovery-codes",
        &Value::Null,
    );
    assert_eq!(told(&renew), (403, "insufficient_aal".into()));
    origin.await_log("FACTOR_REMOVED");
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

fn a_wrong_code_is_a_strike_like_a_wrong_password(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    let challenge = factor.challenge(&origin, &session);
    let path = format!("/auth/v1/factors/{}/verify", factor.id);
    let body = json!({ "challenge_id": challenge, "code": "00000x" }).to_string();
    let call = Call {
        principal: Some(principal(&session)),
        ..Call::post(&path, &body)
    };
    let wire = call.seal(&origin);
    let answer = origin.send(&wire);
    let told: Outcome = outcome::open(
        &answer.headers["gapura-outcome"],
        &keys(),
        &wire.nonce(),
        422,
    )
    .unwrap();
    assert_eq!(told.login, Some(Login::Failed));
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

fn who_has_two_factors_changes_the_password_with_both(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let raised = enrolled(&origin, &session).proven(&origin, &session, 0);
    let change = |session: &Value| {
        let body = json!({ "password": "battery staple", "current_password": PASSWORD });
        ask(&origin, session, "PUT", "/user", &body)
    };
    let single = login(&origin);
    let refused = (403, "insufficient_aal".into());
    assert_eq!(told(&change(&single)), refused);
    // What a token claims, its session must have too.
    let mut forged = principal(&single);
    forged.assurance = Assurance::Aal2;
    let body = json!({ "password": "battery staple", "current_password": PASSWORD }).to_string();
    let call = Call {
        method: "PUT",
        principal: Some(forged),
        ..Call::post("/auth/v1/user", &body)
    };
    assert_eq!(told(&origin.send(&call.seal(&origin))), refused);
    login(&origin);
    assert_eq!(change(&raised).status, 200);
}

fn another_token_key_opens_what_was_sealed_under_the_old_one(engine: Engine) {
    let (mut site, origin) = Origin::on(engine);
    let session = register(&origin, EMAIL);
    let factor = enrolled(&origin, &session);
    factor.proven(&origin, &session, 0);
    let jwks = |origin: &Origin| origin.get("/auth/v1/.well-known/jwks.json").json();
    let before = jwks(&origin);
    drop(origin);
    let other = |byte: u8| URL_SAFE_NO_PAD.encode([byte; 32]);
    let reseal = |site: &Site, old: &str| {
        let args = ["keys", "reseal", "--json"];
        let mut command = site.command(&args);
        let output = command.env("GAPURA_OLD_TOKEN_KEY", old).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!format!("{told}{error}").contains(old), "no secret is told");
        (
            output.status.code(),
            serde_json::from_str::<Value>(&told).ok(),
        )
    };
    let old = std::mem::replace(&mut site.token_key, other(3));

    // Not by the wrong one: nothing changes then.
    assert_eq!(reseal(&site, &other(2)), (Some(1), None));
    assert_eq!(reseal(&site, "hunter2").0, Some(64));
    assert_eq!(
        reseal(&site, &old),
        (Some(0), Some(json!({ "secrets": 2, "resealed": 2 })))
    );
    // Again: there is nothing left to do.
    assert_eq!(
        reseal(&site, &old),
        (Some(0), Some(json!({ "secrets": 2, "resealed": 0 })))
    );

    let origin = site.start();
    assert_eq!(jwks(&origin), before, "tokens from before hold");
    let session = login(&origin);
    let raised = factor.proven(&origin, &session, 1);
    assert_eq!(claims(&raised)["aal"], "aal2");
    drop(origin);
    site.token_key = old;
    let output = site.command(&["serve"]).output().unwrap();
    assert!(
        !output.status.success(),
        "the old one opens nothing any more"
    );
}
