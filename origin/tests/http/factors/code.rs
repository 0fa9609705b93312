//! Codes: each good once, and few guesses.

use super::{EMAIL, Factor, ask, ask_from, claims, enrolled, login, principal, recovery, register};
use crate::{
    client::{Answer, Call, keys, told},
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::outcome::{self, Login, Outcome};
use serde_json::{Value, json};
use std::thread;

on_every_engine!(
    a_code_is_good_once_however_many_come_at_once,
    wrong_codes_lock_and_recovery_codes_have_a_count_of_their_own,
    who_guesses_codes_elsewhere_keeps_no_owner_out,
    recovery_codes_are_good_once_and_can_be_renewed,
    a_wrong_code_is_a_strike_like_a_wrong_password,
    another_token_key_opens_what_was_sealed_under_the_old_one,
);

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

/// A factor of an account, its recovery codes, and a session of somebody who has the password alone.
fn robbed(origin: &Origin) -> (Factor, Value, Value) {
    let session = register(origin, EMAIL);
    let factor = enrolled(origin, &session);
    let codes = factor.proven(origin, &session, 0)["recovery_codes"].clone();
    (factor, codes, login(origin))
}

fn wrong_codes_lock_and_recovery_codes_have_a_count_of_their_own(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let (factor, codes, thief) = robbed(&origin);
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
    // Who has the password has many networks as well.
    let (factor, codes, thief) = robbed(&origin);
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
