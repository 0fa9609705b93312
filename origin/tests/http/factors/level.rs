//! What a second factor opens, and what it closes to sessions without it.

use super::{
    EMAIL, PASSWORD, ask, claims, enrol, enrolled, login, principal, recovery, refresh, register,
};
use crate::{
    client::{Call, keys, told},
    engines::{Engine, on_every_engine},
    harness::Origin,
};
use gapura_shared::{claims::Assurance, outcome};
use serde_json::{Value, json};

on_every_engine!(
    a_second_factor_raises_the_session_and_stays,
    nothing_is_added_or_taken_without_the_second_factor,
    the_first_factor_ends_the_sessions_that_had_none,
    no_refresh_token_from_before_gets_behind_the_second_factor,
    the_last_factor_takes_the_second_level_with_it,
    who_has_two_factors_changes_the_password_with_both,
);

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
