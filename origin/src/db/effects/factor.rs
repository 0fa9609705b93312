use super::{NOW, World, after, hash};
use crate::{
    db::{Enrolment, NewFactor, SecondProof, StepUp, SteppedUp},
    engines::{Engine, on_every_engine},
};
use gapura_shared::time::UnixMillis;

on_every_engine!(async
    factors_and_sessions_are_their_owners,
    a_code_raises_one_session_and_spends_itself_alone,
    what_is_removed_is_one_accounts,
    what_was_not_verified_in_time_is_swept_alone,
);

async fn enrol(world: &World, user: &str, id: &str, now: UnixMillis) {
    let new = NewFactor {
        id,
        user,
        friendly_name: "",
        secret: "sealed",
        is_stepped_up: true,
        most: 10,
    };
    let enrolled = world.db.enrol_factor(&new, now).await.unwrap();
    assert_eq!(enrolled, Enrolment::Done);
}

async fn step_up(
    world: &World,
    session: &str,
    proof: SecondProof<'_>,
    token: &str,
    now: UnixMillis,
) -> SteppedUp {
    let up = StepUp {
        user: &session[..1],
        session,
        proof,
        method: "totp",
        token_hash: hash(token),
        expires: after(100_000),
        grace_ms: 1_000,
    };
    world.db.step_up(&up, now).await.unwrap()
}

const fn step(factor: &str, step: u64) -> SecondProof<'_> {
    SecondProof::Step {
        factor,
        step,
        recovery_codes: &[],
    }
}

/// The factors `Af`, verified by `A1`, and `Ag`, which is not, with two recovery codes; and `B`'s alike. Of `B` there
/// are later sessions, too.
async fn enrolled(engine: Engine) -> World {
    let mut world = World::new(engine).await;
    for (user, first, token) in [("A", "A1", "AF"), ("B", "B1", "BF")] {
        let factor = format!("{user}f");
        enrol(&world, user, &factor, NOW).await;
        let codes = ["1", "2"].map(str::to_owned);
        let proof = SecondProof::Step {
            factor: &factor,
            step: 7,
            recovery_codes: &codes,
        };
        let raised = step_up(&world, first, proof, token, NOW).await;
        assert!(matches!(raised, SteppedUp::Done { .. }), "{raised:?}");
        enrol(&world, user, &format!("{user}g"), NOW).await;
        world
            .open(&format!("{user}3"), after(100_000), after(200_000), NOW)
            .await;
    }
    world.changes().await;
    world
}

async fn factors_and_sessions_are_their_owners(engine: Engine) {
    let world = enrolled(engine).await;
    let secret = async |user, factor| {
        let found = world.db.factor_secret(user, factor).await.unwrap();
        found.map(|found| (found.verified, found.last_step))
    };
    assert_eq!(secret("A", "Af").await, Some((true, Some(7))));
    assert_eq!(secret("A", "Ag").await, Some((false, None)));
    assert_eq!(secret("A", "Bf").await, None, "somebody else's");
    let proofs = async |user, session| {
        let found = world.db.session_proofs(user, session).await.unwrap();
        found.map(|found| found.second.is_some())
    };
    assert_eq!(proofs("A", "A1").await, Some(true));
    assert_eq!(proofs("A", "A3").await, Some(false));
    // The first factor has ended the one that stood on the password alone.
    for other in ["B1", "A2", "C1"] {
        assert_eq!(proofs("A", other).await, None, "{other}");
    }
    assert_eq!(world.db.recovery_codes("A").await.unwrap(), ["1", "2"]);
}

async fn a_code_raises_one_session_and_spends_itself_alone(engine: Engine) {
    let mut world = enrolled(engine).await;
    // A factor of somebody else, and a step that was used.
    for proof in [step("Bf", 9), step("Af", 7)] {
        let refused = step_up(&world, "A3", proof, "AA", after(1)).await;
        assert!(matches!(refused, SteppedUp::Used), "{refused:?}");
        assert_eq!(world.changes().await, [""; 0]);
    }
    // Of tokens that were exchanged those are good again that were so a moment ago.
    world
        .execute("UPDATE refresh_token SET used_at = 1700000000000 WHERE session_id = 'A1'")
        .await;
    let raised = step_up(&world, "A3", step("Af", 8), "AA", after(1)).await;
    assert!(matches!(raised, SteppedUp::Done { .. }), "{raised:?}");
    let mut changed = vec![
        "factor Af last_step",
        "refresh_token A3 expires_at",
        "refresh_token AA +",
        "session A3 last_seen_at",
        "session A3 second_at",
        "session A3 second_method",
    ];
    assert_eq!(world.changes().await, changed);
    world
        .execute("UPDATE refresh_token SET used_at = 1700000000000 WHERE session_id = 'A3'")
        .await;
    let raised = step_up(&world, "A1", SecondProof::Recovery("1"), "AB", after(1_000)).await;
    assert!(matches!(raised, SteppedUp::Done { .. }), "{raised:?}");
    changed = vec![
        "recovery_code A 1 -",
        "refresh_token AB +",
        "session A1 last_seen_at",
        "session A1 second_at",
    ];
    assert_eq!(
        world.changes().await,
        changed,
        "too long ago to be good again"
    );
    world
        .execute("UPDATE refresh_token SET expires_at = 1 WHERE token_hash IS NOT NULL AND session_id = 'A1'")
        .await;
    let again = step_up(&world, "A1", SecondProof::Recovery("1"), "AC", after(2_000)).await;
    assert!(matches!(again, SteppedUp::Used), "{again:?}");
    assert_eq!(world.changes().await, [""; 0]);
    // The first code of another factor takes those away that were never verified, of its own account.
    enrol(&world, "A", "Ah", NOW).await;
    world.changes().await;
    let raised = step_up(&world, "A1", step("Ah", 1), "AD", after(2_000)).await;
    assert!(matches!(raised, SteppedUp::Done { .. }), "{raised:?}");
    let mut factors = world.changes().await;
    factors.retain(|change| change.starts_with("factor") || change.starts_with("user_account"));
    changed = vec![
        "factor Ag -",
        "factor Ah last_step",
        "factor Ah updated_at",
        "factor Ah verified_at",
        "user_account A factors",
    ];
    assert_eq!(factors, changed);
}

async fn what_is_removed_is_one_accounts(engine: Engine) {
    let mut world = enrolled(engine).await;
    assert_eq!(world.db.remove_factor("A", "Bf").await.unwrap(), None);
    assert_eq!(world.changes().await, [""; 0]);
    assert_eq!(
        world.db.remove_factor("A", "Ag").await.unwrap(),
        Some(false)
    );
    assert_eq!(
        world.changes().await,
        ["factor Ag -", "user_account A factors"]
    );
    let codes = ["3".to_owned()];
    assert!(world.db.renew_recovery_codes("A", &codes).await.unwrap());
    let renewed = [
        "recovery_code A 1 -",
        "recovery_code A 2 -",
        "recovery_code A 3 +",
    ];
    assert_eq!(world.changes().await, renewed);
    assert_eq!(world.db.remove_factor("A", "Af").await.unwrap(), Some(true));
    let last = [
        "factor Af -",
        "recovery_code A 3 -",
        "session A1 second_at",
        "session A1 second_method",
        "user_account A factors",
    ];
    assert_eq!(world.changes().await, last);
    enrol(&world, "A", "Ai", NOW).await;
    world.changes().await;
    assert_eq!(world.db.remove_factors("B").await.unwrap(), 2);
    let all = [
        "factor Bf -",
        "factor Bg -",
        "recovery_code B 1 -",
        "recovery_code B 2 -",
        "session B1 second_at",
        "session B1 second_method",
        "user_account B factors",
    ];
    assert_eq!(world.changes().await, all);
}

async fn what_was_not_verified_in_time_is_swept_alone(engine: Engine) {
    let mut world = enrolled(engine).await;
    enrol(&world, "B", "Bh", after(1)).await;
    world.changes().await;
    world.db.sweep_factors(after(1)).await.unwrap();
    let swept = [
        "factor Ag -",
        "factor Bg -",
        "user_account A factors",
        "user_account B factors",
    ];
    assert_eq!(world.changes().await, swept);
}
