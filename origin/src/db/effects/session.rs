use super::{NOW, World, after, hash};
use crate::{
    db::{Device, End, Exchange, Rotation},
    engines::{Engine, on_every_engine},
};
use gapura_shared::time::UnixMillis;

on_every_engine!(async
    sessions_are_found_for_their_owner_while_they_last,
    sessions_end_alone,
    those_beyond_the_bound_end_and_the_ended_do_not_count,
    a_token_is_exchanged_alone,
    no_token_is_exchanged_that_is_over_or_whose_session_is,
    what_is_swept_is_over_and_the_rest_stays,
);

const IDLE_FOR_EVER: UnixMillis = UnixMillis(0);
const GRACE_MS: u64 = 10_000;

async fn exchange(world: &World, from: &str, to: &str, now: UnixMillis) -> Rotation {
    let device = Device {
        user_agent: "Firefox".into(),
        address: "192.0.2.1".into(),
    };
    let exchange = Exchange {
        token_hash: hash(from),
        successor_hash: hash(to),
        successor_expires: after(900_000),
        grace_ms: GRACE_MS,
        device: &device,
    };
    world.db.exchange(&exchange, now).await.unwrap()
}

async fn sessions_are_found_for_their_owner_while_they_last(engine: Engine) {
    let world = World::new(engine).await;
    world
        .open("A3", after(100_000), after(200_000), after(1))
        .await;
    let found = async |user: &str, session: &str, now| {
        let found = world.db.user_in_session(user, session, now).await.unwrap();
        found.map(|(user, session)| (user.id, session.id))
    };
    assert_eq!(found("A", "A1", NOW).await, Some(("A".into(), "A1".into())));
    assert_eq!(found("A", "B1", NOW).await, None, "somebody else's");
    assert_eq!(
        found("A", "A1", after(199_999)).await,
        Some(("A".into(), "A1".into()))
    );
    assert_eq!(found("A", "A1", after(200_000)).await, None, "over");
    let listed = async |now| {
        let listed = world.db.sessions("A", IDLE_FOR_EVER, now).await.unwrap();
        listed.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(after(199_999)).await, ["A3", "A1", "A2"]);
    assert_eq!(listed(after(200_000)).await, [""; 0]);
    world
        .db
        .end_sessions("A", End::One("A1"), NOW)
        .await
        .unwrap();
    assert_eq!(found("A", "A1", NOW).await, None, "ended");
    assert_eq!(listed(NOW).await, ["A3", "A2"]);
    assert_eq!(
        world.db.owner_of_session("B2").await.unwrap(),
        Some("B".into())
    );
}

async fn sessions_end_alone(engine: Engine) {
    let mut world = World::new(engine).await;
    world
        .execute("UPDATE session SET second_at = 1 WHERE session_id = 'B1'")
        .await;
    for (user, which, ended) in [
        ("A", End::One("B1"), &[][..]),
        ("A", End::One("A1"), &["session A1 ended_at"]),
        ("A", End::AllBut("A1"), &["session A2 ended_at"]),
        ("B", End::Weak, &["session B2 ended_at"]),
        ("A", End::All, &[]),
        ("B", End::All, &["session B1 ended_at"]),
    ] {
        // Later each time: what has ended before does not end anew.
        let now = after(world.seen.len() as u64 + ended.len() as u64);
        let told = world.db.end_sessions(user, which, now).await.unwrap();
        assert_eq!(told.len(), ended.len(), "{which:?}");
        assert_eq!(world.changes().await, ended, "{which:?}");
    }
}

async fn those_beyond_the_bound_end_and_the_ended_do_not_count(engine: Engine) {
    let mut world = World::new(engine).await;
    for (at, id) in ["A3", "A4"].into_iter().enumerate() {
        world
            .open(id, after(100_000), after(200_000), after(at as u64 + 1))
            .await;
    }
    world
        .db
        .end_sessions("A", End::One("A4"), after(5))
        .await
        .unwrap();
    world.changes().await;
    world
        .db
        .end_excess_sessions("A", 3, after(9))
        .await
        .unwrap();
    assert_eq!(world.changes().await, [""; 0]);
    world
        .db
        .end_excess_sessions("A", 1, after(9))
        .await
        .unwrap();
    assert_eq!(
        world.changes().await,
        ["session A1 ended_at", "session A2 ended_at"]
    );
}

async fn a_token_is_exchanged_alone(engine: Engine) {
    let mut world = World::new(engine).await;
    let exchanged = exchange(&world, "A1", "C1", after(1)).await;
    let Rotation::Exchanged { user, session, .. } = exchanged else {
        panic!("{exchanged:?}");
    };
    assert_eq!((user.id.as_str(), session.as_str()), ("A", "A1"));
    let changed = [
        "refresh_token A1 used_at",
        "refresh_token C1 +",
        "session A1 address",
        "session A1 last_seen_at",
        "session A1 user_agent",
    ];
    assert_eq!(world.changes().await, changed);
    // No token outlives its session.
    let ends = world.value("session A1", "expires_at");
    assert_eq!(world.value("refresh_token C1", "expires_at"), ends);
    let again = exchange(&world, "A1", "C1", after(GRACE_MS)).await;
    assert!(matches!(again, Rotation::Exchanged { .. }), "{again:?}");
    assert_eq!(world.changes().await, [""; 0]);
    // Also where nothing is left of its successor.
    let reused = exchange(&world, "A1", "C2", after(GRACE_MS + 2)).await;
    assert!(matches!(reused, Rotation::Reused { .. }), "{reused:?}");
    assert_eq!(world.changes().await, ["session A1 ended_at"]);
}

async fn no_token_is_exchanged_that_is_over_or_whose_session_is(engine: Engine) {
    let mut world = World::new(engine).await;
    // A token that is good for longer than its session.
    world.open("A3", after(5_000), after(1_000), NOW).await;
    world
        .execute("UPDATE user_account SET banned_until = 1700000001000 WHERE user_account_id = 'B'")
        .await;
    world
        .db
        .end_sessions("A", End::One("A2"), NOW)
        .await
        .unwrap();
    world.changes().await;
    let of = async |token: &str, now| {
        let found = world
            .db
            .session_of_token(&hash(token), GRACE_MS, now)
            .await
            .unwrap();
        found.map(|(user, session)| format!("{user} {session}"))
    };
    assert_eq!(of("A1", after(99_999)).await.as_deref(), Some("A A1"));
    assert_eq!(of("A3", after(999)).await.as_deref(), Some("A A3"));
    for (token, at) in [("A1", 100_000), ("A3", 1_000), ("A2", 0), ("CC", 0)] {
        assert_eq!(of(token, after(at)).await, None, "{token}");
    }
    for (token, at, expected) in [
        ("A1", 100_000, "Expired"),
        ("A3", 1_000, "Expired"),
        ("A2", 1, "Expired"),
        ("B1", 999, "Banned"),
        ("CC", 1, "Unknown"),
    ] {
        let rotation = exchange(&world, token, "C1", after(at)).await;
        assert_eq!(format!("{rotation:?}"), expected, "{token}");
        assert_eq!(world.changes().await, [""; 0], "{token}");
    }
    // A ban that is over is none.
    let rotation = exchange(&world, "B1", "C1", after(1_000)).await;
    assert!(
        matches!(rotation, Rotation::Exchanged { .. }),
        "{rotation:?}"
    );
}

async fn what_is_swept_is_over_and_the_rest_stays(engine: Engine) {
    let mut world = World::new(engine).await;
    world
        .open("A3", after(1_000), after(1_000), after(500))
        .await;
    exchange(&world, "B1", "C1", after(600)).await;
    exchange(&world, "B2", "C2", after(700)).await;
    world
        .db
        .end_sessions("B", End::One("B2"), after(700))
        .await
        .unwrap();
    world.changes().await;
    // Used before, and no others.
    world.db.sweep_used_tokens(after(601)).await.unwrap();
    assert_eq!(world.changes().await, ["refresh_token B1 -"]);
    let gone = async |world: &mut World, before, idle_before| {
        world.db.sweep_sessions(before, idle_before).await.unwrap();
        let mut changes = world.changes().await;
        changes.retain(|change| change.starts_with("session"));
        changes
    };
    assert_eq!(gone(&mut world, after(700), NOW).await, [""; 0]);
    // One that has ended, then one that is over, then those that nobody used.
    assert_eq!(gone(&mut world, after(701), NOW).await, ["session B2 -"]);
    assert_eq!(gone(&mut world, after(1_001), NOW).await, ["session A3 -"]);
    let idle = ["session A1 -", "session A2 -"];
    assert_eq!(gone(&mut world, NOW, after(1)).await, idle);
}
