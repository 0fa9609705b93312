use super::{Attempt, Locks, LoginAttempt, Rung, lock_ms};
use crate::{
    db::tests::fresh,
    engines::{Engine, on_every_engine},
};
use gapura_shared::time::UnixMillis;

on_every_engine!(async a_locks_end_does_not_move_and_the_ladder_goes_on_behind_it, others_are_not_locked_out_until_the_ceiling_and_known_ones_never, a_good_login_forgets_what_failed_from_there, a_hundred_at_once_count_a_hundred, forgets_after_a_day);

const LADDER: [Rung; 3] = [
    Rung {
        failures: 5,
        lock_ms: 900_000,
    },
    Rung {
        failures: 10,
        lock_ms: 3_600_000,
    },
    Rung {
        failures: 20,
        lock_ms: 86_400_000,
    },
];
const DAY_MS: u64 = 86_400_000;
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn from(source: &str) -> LoginAttempt<'_> {
    LoginAttempt {
        account: "a",
        source,
        ladder: &LADDER,
        ceiling: Rung {
            failures: 12,
            lock_ms: 900_000,
        },
        forget_ms: DAY_MS,
        known_ms: 30 * DAY_MS,
        counts_refusal: true,
    }
}

const fn here(until: u64) -> Locks {
    Locks {
        source: Some(UnixMillis(until)),
        anywhere: None,
    }
}

const fn after(ms: u64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

#[test]
fn climbs_the_ladder() {
    for (failures, lock) in [
        (4, None),
        (5, Some(900_000)),
        (6, None),
        (10, Some(3_600_000)),
        (19, None),
        (20, Some(86_400_000)),
        (21, Some(86_400_000)),
    ] {
        assert_eq!(lock_ms(&LADDER, failures), lock, "{failures}");
    }
}

async fn a_locks_end_does_not_move_and_the_ladder_goes_on_behind_it(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    for _ in 0..4 {
        let counted = db.count_login(&from("n"), NOW).await.unwrap();
        assert_eq!(counted, Attempt::Counted(Locks::default()));
    }
    let until = NOW.0 + 900_000;
    let fifth = db.count_login(&from("n"), NOW).await.unwrap();
    assert_eq!(fifth, Attempt::Counted(here(until)));
    for second in 1..=3 {
        let refused = db.count_login(&from("n"), after(second * 1000)).await;
        assert_eq!(refused.unwrap(), Attempt::Locked(here(until)));
    }
    assert_eq!(db.login_failures("a", "n").await.unwrap(), (5, 3));
    for failure in 6..=10 {
        let counted = db.count_login(&from("n"), UnixMillis(until)).await.unwrap();
        let lock = if failure == 10 {
            here(until + 3_600_000)
        } else {
            Locks::default()
        };
        assert_eq!(counted, Attempt::Counted(lock), "{failure}");
    }
}

async fn others_are_not_locked_out_until_the_ceiling_and_known_ones_never(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    db.count_login(&from("home"), NOW).await.unwrap();
    db.login_succeeded("a", "home", Locks::default(), NOW)
        .await
        .unwrap();
    for source in ["n", "m"] {
        for _ in 0..5 {
            let attempt = db.count_login(&from(source), NOW).await.unwrap();
            assert!(matches!(attempt, Attempt::Counted(_)), "{source}");
        }
        let sixth = db.count_login(&from(source), NOW).await.unwrap();
        assert!(matches!(sixth, Attempt::Locked(_)), "{source}");
    }
    db.count_login(&from("k"), NOW).await.unwrap();
    let twelfth = db.count_login(&from("k"), NOW).await.unwrap();
    let ceiling = Locks {
        source: None,
        anywhere: Some(after(900_000)),
    };
    assert_eq!(twelfth, Attempt::Counted(ceiling));
    let stranger = db.count_login(&from("x"), NOW).await.unwrap();
    assert_eq!(stranger, Attempt::Locked(ceiling));
    let owner = db.count_login(&from("home"), NOW).await.unwrap();
    assert!(matches!(owner, Attempt::Counted(_)));
    let later = after(31 * DAY_MS);
    let again = db.count_login(&from("home"), later).await.unwrap();
    assert!(
        matches!(again, Attempt::Counted(_)),
        "and that lock is over"
    );
}

async fn a_good_login_forgets_what_failed_from_there(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let mut began = Locks::default();
    for _ in 0..5 {
        if let Attempt::Counted(locks) = db.count_login(&from("n"), NOW).await.unwrap() {
            began = locks;
        }
    }
    db.login_succeeded("a", "n", began, NOW).await.unwrap();
    assert_eq!(db.login_failures("a", "n").await.unwrap(), (0, 0));
    assert_eq!(db.login_failures("a", "").await.unwrap(), (4, 0));
    let again = db.count_login(&from("n"), NOW).await.unwrap();
    assert_eq!(again, Attempt::Counted(Locks::default()));
    assert!(db.unlock("a").await.unwrap());
    assert!(!db.unlock("a").await.unwrap());
}

async fn a_hundred_at_once_count_a_hundred(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    // Its rows are there: whoever comes reads them before the others have written.
    db.count_login(&from("n"), NOW).await.unwrap();
    let none = Locks::default();
    db.login_succeeded("a", "n", none, NOW).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let db = db.clone();
        tasks.spawn(async move { db.count_login(&from("n"), NOW).await.unwrap() });
    }
    let attempts = tasks.join_all().await;
    let looked_at = attempts
        .iter()
        .filter(|attempt| matches!(attempt, Attempt::Counted(_)))
        .count();
    assert_eq!(looked_at, 5, "passwords that are compared at all");
    assert_eq!(db.login_failures("a", "n").await.unwrap(), (5, 95));
}

async fn forgets_after_a_day(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    for _ in 0..4 {
        db.count_login(&from("n"), NOW).await.unwrap();
    }
    let fifth = db.count_login(&from("n"), after(DAY_MS)).await.unwrap();
    assert_eq!(fifth, Attempt::Counted(Locks::default()));
    db.forget_login_failures(after(DAY_MS + 1)).await.unwrap();
    assert_eq!(db.login_failures("a", "n").await.unwrap(), (0, 0));
}
