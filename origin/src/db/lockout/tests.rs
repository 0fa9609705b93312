use super::{
    Attempt, GoodLogin, Locks, LoginAttempt, Rung, Standing, Verdict, is_whole, kept, lock_ms,
};
use crate::{
    auth::new_user,
    db::{Db, Device, End, NewSession, query::query, tests::fresh},
    engines::{Engine, on_every_engine},
};
use gapura_shared::time::UnixMillis;

on_every_engine!(async a_locks_end_does_not_move_and_the_ladder_goes_on_behind_it, others_are_not_locked_out_until_the_ceiling_and_known_ones_never, a_good_login_forgets_what_failed_from_there, a_hundred_at_once_count_a_hundred, forgets_after_a_day, counts_with_the_account_or_without, a_session_takes_its_login_back_once, a_session_that_fails_leaves_its_login_counted);

/// SQLite's writers come one after the other.
mod of_servers {
    use super::what_changed_meanwhile_is_not_written_over;
    use crate::engines::on_engine;

    on_engine!(postgres, Postgres, async what_changed_meanwhile_is_not_written_over);
    on_engine!(mysql, MySql, async what_changed_meanwhile_is_not_written_over);
}

/// MySQL has no compound statement: what it is asked instead, of a server that has them.
mod without_compounds {
    use crate::{
        db::{Db, pool::Pool, tests::fresh},
        engines::{Engine, Home},
    };

    async fn plain() -> (Db, Home) {
        let (mut db, home) = fresh(Engine::MySql).await;
        if let Pool::MySql(server) = &db.pool {
            db.pool = Pool::MySql(server.without_compounds());
        }
        (db, home)
    }

    #[tokio::test]
    async fn a_session_takes_its_login_back_once() {
        super::takes_its_login_back_once(&plain().await.0).await;
    }

    #[tokio::test]
    async fn a_session_that_fails_leaves_its_login_counted() {
        super::leaves_its_login_counted(&plain().await.0).await;
    }
}

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

const fn good(source: &str, began: Locks) -> GoodLogin<'_> {
    GoodLogin {
        account: "a",
        source,
        began,
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
    let home = good("home", Locks::default());
    db.login_succeeded(home, NOW).await.unwrap();
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
    db.login_succeeded(good("n", began), NOW).await.unwrap();
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
    let right = good("n", Locks::default());
    db.login_succeeded(right, NOW).await.unwrap();
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

/// A session of an account, opened by a login from `n`.
fn session<'a>(user: &'a str, id: &'a str, token: u8, device: &'a Device) -> NewSession<'a> {
    NewSession {
        id,
        user,
        token_hash: [token; 32],
        expires: after(DAY_MS),
        ends: after(DAY_MS),
        device,
        method: "password",
        seen: NOW,
        attempt: Some(good("n", Locks::default())),
    }
}

/// Those from `n` and those from everywhere.
async fn failures(db: &Db) -> (u32, u32) {
    let of = async |source| db.login_failures("a", source).await.unwrap().0;
    (of("n").await, of("").await)
}

async fn counts_with_the_account_or_without(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    // Locks of another source and of another account, which are none of its own.
    let elsewhere = LoginAttempt {
        account: "b",
        ..from("n")
    };
    for other in [from("z"), elsewhere] {
        for _ in 0..5 {
            db.count_login(&other, NOW).await.unwrap();
        }
    }
    // The first finds no counts yet.
    for failures in 1..=3 {
        let attempt = from("n");
        let (counted, found) = db.count_login_of("a@b.co", &attempt, NOW).await.unwrap();
        assert_eq!(counted, Attempt::Counted(Locks::default()));
        let found = found.unwrap();
        assert_eq!(
            (found.id, found.password_hash),
            (user.id.clone(), "$x".into())
        );
        assert_eq!(db.login_failures("a", "n").await.unwrap(), (failures, 0));
    }
    let nobody = db.count_login_of("c@d.co", &from("n"), NOW).await.unwrap();
    assert!(nobody.1.is_none());
    let (fifth, _) = db.count_login_of("a@b.co", &from("n"), NOW).await.unwrap();
    assert_eq!(fifth, Attempt::Counted(here(NOW.0 + 900_000)));
    let (locked, found) = db.count_login_of("a@b.co", &from("n"), NOW).await.unwrap();
    assert_eq!(locked, Attempt::Locked(here(NOW.0 + 900_000)));
    assert!(found.is_some());
    assert_eq!(db.login_failures("a", "n").await.unwrap(), (5, 1));
}

async fn a_session_takes_its_login_back_once(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    takes_its_login_back_once(&db).await;
}

async fn takes_its_login_back_once(db: &Db) {
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    let device = Device::default();
    for source in ["m", "n", "n"] {
        db.count_login(&from(source), NOW).await.unwrap();
    }
    assert_eq!(failures(db).await, (2, 3));
    let first = session(&user.id, "1", 1, &device);
    assert_eq!(db.open_session(&first, NOW).await.unwrap(), Some(1));
    assert_eq!(failures(db).await, (0, 2));
    // Where the account has changed there is no session, but the password was right.
    db.count_login(&from("n"), NOW).await.unwrap();
    let changed = NewSession {
        seen: UnixMillis(1),
        ..session(&user.id, "2", 2, &device)
    };
    assert_eq!(db.open_session(&changed, NOW).await.unwrap(), None);
    assert_eq!(failures(db).await, (0, 2));
    let other = NewSession {
        attempt: None,
        ..session(&user.id, "3", 3, &device)
    };
    assert_eq!(db.open_session(&other, NOW).await.unwrap(), Some(2));
    assert_eq!(failures(db).await, (0, 2));
    // Sessions of others and those that have ended do not count.
    let somebody = new_user("b@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&somebody).await.unwrap());
    let theirs = NewSession {
        attempt: None,
        ..session(&somebody.id, "4", 4, &device)
    };
    assert_eq!(db.open_session(&theirs, NOW).await.unwrap(), Some(1));
    let ended = db.end_sessions(&user.id, End::One("3"), NOW).await;
    assert_eq!(ended.unwrap().len(), 1);
    let last = NewSession {
        attempt: None,
        ..session(&user.id, "5", 5, &device)
    };
    assert_eq!(db.open_session(&last, NOW).await.unwrap(), Some(2));
    let sessions = db.sessions(&user.id, UnixMillis(0), NOW).await.unwrap();
    assert_eq!(sessions.len(), 2);
    for token in [1, 5] {
        let found = db.session_of_token(&[token; 32], 0, NOW).await.unwrap();
        assert_eq!(found, Some((user.id.clone(), token.to_string())));
    }
    assert!(
        db.user_by_id(&user.id)
            .await
            .unwrap()
            .unwrap()
            .last_sign_in_at
            == Some(NOW)
    );
}

async fn a_session_that_fails_leaves_its_login_counted(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    leaves_its_login_counted(&db).await;
}

async fn leaves_its_login_counted(db: &Db) {
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    let device = Device::default();
    let first = session(&user.id, "1", 1, &device);
    db.open_session(&first, NOW).await.unwrap().unwrap();
    db.count_login(&from("n"), NOW).await.unwrap();
    // Its token is there: the last of what it writes fails.
    let second = session(&user.id, "2", 1, &device);
    db.open_session(&second, NOW).await.unwrap_err();
    assert_eq!(failures(db).await, (1, 1));
    let sessions = db.sessions(&user.id, UnixMillis(0), NOW).await.unwrap();
    assert_eq!(sessions.len(), 1);
    let third = session(&user.id, "3", 3, &device);
    assert_eq!(db.open_session(&third, NOW).await.unwrap(), Some(2));
    assert_eq!(failures(db).await, (0, 0));
}

/// Account, source, failures, last and locked until.
async fn counters(db: &Db) -> Vec<(String, String, [i64; 3])> {
    let rows = query("SELECT * FROM login_failure ORDER BY account_id, source")
        .all(db.connection().await.unwrap().on())
        .await
        .unwrap();
    let text = |row: &super::Row, name| row.get::<String>(name).unwrap();
    let counts = ["failures", "last_at", "locked_until"];
    rows.iter()
        .map(|row| {
            let counts = counts.map(|name| row.get(name).unwrap());
            (text(row, "account_id"), text(row, "source"), counts)
        })
        .collect()
}

async fn what_changed_meanwhile_is_not_written_over(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let attempt = from("n");
    // One that is seen, and others that are like what is not there.
    let other = LoginAttempt {
        account: "b",
        ..attempt
    };
    for one in [attempt, from("m"), from("m"), other, other] {
        db.count_login(&one, NOW).await.unwrap();
    }
    let before = counters(&db).await;
    let mut connection = db.connection().await.unwrap();
    let rows = kept(&attempt).all(connection.on()).await.unwrap();
    let seen = Standing::read(&rows).unwrap().unwrap();
    let Verdict::Open { counted, .. } = seen.verdict(&attempt, after(7)) else {
        panic!("a lock after one failure");
    };
    let changes: [fn(&mut Standing); 6] = [
        |seen| seen.all.failures -= 1,
        |seen| seen.all.last = UnixMillis(1),
        |seen| seen.all.locked_until = UnixMillis(1),
        |seen| seen.here.failures += 1,
        |seen| seen.here.last = UnixMillis(1),
        |seen| seen.here.locked_until = UnixMillis(1),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut otherwise = seen;
        change(&mut otherwise);
        let write = counted.write_if(&otherwise, &attempt, after(7));
        let done = write.execute(connection.on()).await;
        assert!(!is_whole(&db.pool, done).unwrap(), "{at}");
        assert_eq!(counters(&db).await, before, "{at}");
    }
    let write = counted.write_if(&seen, &attempt, after(7));
    let done = write.execute(connection.on()).await;
    assert!(is_whole(&db.pool, done).unwrap());
    let wanted = before.into_iter().map(|(account, source, counts)| {
        let is_counted = account == "a" && source != "m";
        let [failures, _, locked_until] = counts;
        let more = [
            failures + 1,
            i64::try_from(after(7).0).unwrap(),
            locked_until,
        ];
        (account, source, if is_counted { more } else { counts })
    });
    assert_eq!(counters(&db).await, wanted.collect::<Vec<_>>());
}
