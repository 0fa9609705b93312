use super::{Enrolment, NewFactor, SecondProof, StepUp, SteppedUp};
use crate::{
    auth::new_user,
    db::{Db, Device, End, NewSession, tests::fresh},
    engines::{Engine, on_every_engine},
};
use gapura_shared::time::UnixMillis;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const LATER: UnixMillis = UnixMillis(1_700_000_060_000);

on_every_engine!(async
    what_was_never_verified_is_swept,
    a_step_and_those_before_it_are_good_no_more,
    an_ended_session_is_not_raised,
);

async fn enrol(db: &Db, user: &str, id: &str, now: UnixMillis) {
    let new = NewFactor {
        id,
        user,
        friendly_name: "",
        secret: "sealed",
        is_stepped_up: true,
        most: 10,
    };
    assert_eq!(db.enrol_factor(&new, now).await.unwrap(), Enrolment::Done);
}

/// An account with the factor `f` and the session `s`.
async fn account(db: &Db) -> String {
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    let session = NewSession {
        attempt: None,
        seen: NOW,
        id: "s",
        user: &user.id,
        token_hash: [0; 32],
        expires: LATER,
        ends: LATER,
        device: &Device::default(),
        method: "password",
    };
    db.open_session(&session, NOW).await.unwrap();
    enrol(db, &user.id, "f", NOW).await;
    user.id
}

async fn step_up(db: &Db, user: &str, step: u64, token: u8) -> SteppedUp {
    let up = StepUp {
        user,
        session: "s",
        proof: SecondProof::Step {
            factor: "f",
            step,
            recovery_codes: &["code".into()],
        },
        method: "totp",
        token_hash: [token; 32],
        expires: LATER,
        grace_ms: 0,
    };
    db.step_up(&up, NOW).await.unwrap()
}

async fn names(db: &Db, user: &str) -> Vec<String> {
    let user = db.user_by_id(user).await.unwrap().unwrap();
    user.factors.into_iter().map(|factor| factor.id).collect()
}

async fn what_was_never_verified_is_swept(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let user = account(&db).await;
    assert!(matches!(
        step_up(&db, &user, 7, 1).await,
        SteppedUp::Done { .. }
    ));
    enrol(&db, &user, "old", NOW).await;
    enrol(&db, &user, "young", LATER).await;
    db.sweep_factors(LATER).await.unwrap();
    assert_eq!(names(&db, &user).await, ["f", "young"]);
}

async fn a_step_and_those_before_it_are_good_no_more(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let user = account(&db).await;
    let first = step_up(&db, &user, 7, 1).await;
    assert!(
        matches!(
            first,
            SteppedUp::Done {
                kept_recovery_codes: true,
                ..
            }
        ),
        "{first:?}"
    );
    for step in [7, 6, 0] {
        let again = step_up(&db, &user, step, 2).await;
        assert!(matches!(again, SteppedUp::Used), "{step}: {again:?}");
    }
    let next = step_up(&db, &user, 8, 3).await;
    assert!(
        matches!(
            next,
            SteppedUp::Done {
                kept_recovery_codes: false,
                ..
            }
        ),
        "{next:?}"
    );
    assert_eq!(db.recovery_codes(&user).await.unwrap(), ["code"]);
}

async fn an_ended_session_is_not_raised(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let user = account(&db).await;
    db.end_sessions(&user, End::All, NOW).await.unwrap();
    assert!(matches!(step_up(&db, &user, 7, 1).await, SteppedUp::Gone));
    // The code is not used up by it.
    let secret = db.factor_secret(&user, "f").await.unwrap().unwrap();
    assert_eq!((secret.verified, secret.last_step), (false, None));
}
