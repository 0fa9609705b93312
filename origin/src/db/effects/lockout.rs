use super::{NOW, World, after};
use crate::{
    db::{Attempt, GoodLogin, Locks, LoginAttempt, Rung},
    engines::{Engine, on_every_engine},
};
use gapura_shared::time::UnixMillis;

on_every_engine!(async
    a_failure_counts_from_where_it_comes_and_for_its_account,
    a_good_login_takes_back_its_own_and_leaves_others,
    locks_are_lifted_of_one_account,
    what_may_come_in_useful_is_not_forgotten,
);

const LADDER: [Rung; 1] = [Rung {
    failures: 3,
    lock_ms: 1_000,
}];

const fn attempt<'a>(account: &'a str, source: &'a str, counts_refusal: bool) -> LoginAttempt<'a> {
    LoginAttempt {
        account,
        source,
        ladder: &LADDER,
        ceiling: Rung {
            failures: 5,
            lock_ms: 9_000,
        },
        forget_ms: 1_000_000,
        known_ms: 1_000_000,
        counts_refusal,
    }
}

async fn fail(world: &World, account: &str, source: &str, now: UnixMillis) -> Attempt {
    let attempt = attempt(account, source, true);
    world.db.count_login(&attempt, now).await.unwrap()
}

/// Failures of `A` and `B` from two sources each.
async fn failed(engine: Engine) -> World {
    let mut world = World::new(engine).await;
    for account in ["A", "B"] {
        for source in ["m", "n"] {
            fail(&world, account, source, NOW).await;
        }
    }
    let made = ["A ", "A m", "A n", "B ", "B m", "B n"].map(|row| format!("login_failure {row} +"));
    assert_eq!(world.changes().await, made);
    world
}

async fn a_failure_counts_from_where_it_comes_and_for_its_account(engine: Engine) {
    let mut world = failed(engine).await;
    // All alike: it is by their names that rows are told apart.
    world.execute("UPDATE login_failure SET failures = 1").await;
    fail(&world, "A", "m", after(1)).await;
    let counted = [
        "login_failure A  failures",
        "login_failure A  last_at",
        "login_failure A m failures",
        "login_failure A m last_at",
    ];
    assert_eq!(world.changes().await, counted);
    let locked = fail(&world, "A", "m", after(2)).await;
    let until = Some(after(1_002));
    assert_eq!(
        locked,
        Attempt::Counted(Locks {
            source: until,
            anywhere: None
        })
    );
    let mut counted = counted.to_vec();
    counted.push("login_failure A m locked_until");
    assert_eq!(world.changes().await, counted);
    // One that meets the lock counts as that, or not at all.
    fail(&world, "A", "m", after(3)).await;
    assert_eq!(world.changes().await, ["login_failure A m refused"]);
    let silent = attempt("A", "m", false);
    world.db.count_login(&silent, after(4)).await.unwrap();
    assert_eq!(world.changes().await, [""; 0]);
    assert_eq!(world.db.login_failures("A", "m").await.unwrap(), (3, 1));
    assert_eq!(world.db.login_failures("B", "m").await.unwrap(), (1, 0));
    assert_eq!(world.db.login_failures("A", "n").await.unwrap(), (1, 0));
}

async fn a_good_login_takes_back_its_own_and_leaves_others(engine: Engine) {
    let mut world = failed(engine).await;
    let good = async |world: &World, source, began, now| {
        let login = GoodLogin {
            account: "A",
            source,
            began,
        };
        world.db.login_succeeded(login, now).await.unwrap();
    };
    // One of its account's failures was its own.
    good(&world, "m", Locks::default(), after(1)).await;
    let taken_back = [
        "login_failure A  failures",
        "login_failure A m failures",
        "login_failure A m succeeded_at",
    ];
    assert_eq!(world.changes().await, taken_back);
    assert_eq!(
        world.value("login_failure A ", "failures").as_deref(),
        Some("1")
    );
    // What was refused from there is forgotten, what was refused from everywhere is not; nor is a lock that others began.
    world
        .execute("UPDATE login_failure SET refused = 2, locked_until = 1700000009000 WHERE account_id = 'A'")
        .await;
    good(&world, "m", Locks::default(), after(2)).await;
    let forgiven = [
        "login_failure A  failures",
        "login_failure A m locked_until",
        "login_failure A m refused",
        "login_failure A m succeeded_at",
    ];
    assert_eq!(world.changes().await, forgiven);
    let own = Locks {
        source: None,
        anywhere: Some(after(9_000)),
    };
    good(&world, "m", own, after(2)).await;
    assert_eq!(
        world.changes().await,
        ["login_failure A  locked_until"],
        "not below none"
    );
}

async fn locks_are_lifted_of_one_account(engine: Engine) {
    let mut world = failed(engine).await;
    world
        .execute("UPDATE login_failure SET failures = 3, refused = 1, locked_until = 1700000001000 WHERE source = 'm'")
        .await;
    let lifted = world.db.lift_locks("A", NOW).await.unwrap();
    assert_eq!(lifted, [Some("m".to_owned())]);
    let changed = [
        "login_failure A  failures",
        "login_failure A m failures",
        "login_failure A m locked_until",
        "login_failure A m refused",
        "login_failure A n failures",
    ];
    assert_eq!(world.changes().await, changed);
    assert!(
        world
            .db
            .lift_locks("B", after(1_000))
            .await
            .unwrap()
            .is_empty(),
        "it is over"
    );
    world.changes().await;
    assert!(world.db.unlock("B").await.unwrap());
    let gone = ["B ", "B m", "B n"].map(|row| format!("login_failure {row} -"));
    assert_eq!(world.changes().await, gone);
}

async fn what_may_come_in_useful_is_not_forgotten(engine: Engine) {
    let mut world = World::new(engine).await;
    let (old, new) = (NOW.0 - 1, NOW.0);
    world
        .execute(&format!(
            "INSERT INTO login_failure (account_id, source, failures, last_at, locked_until, succeeded_at) VALUES \
             ('A', 'old', 1, {old}, {old}, {old}), ('A', 'failed', 1, {new}, {old}, {old}), \
             ('A', 'locked', 1, {old}, {new}, {old}), ('A', 'known', 1, {old}, {old}, {new})"
        ))
        .await;
    world.db.forget_login_failures(NOW).await.unwrap();
    assert_eq!(world.changes().await, ["login_failure A old -"]);
}
