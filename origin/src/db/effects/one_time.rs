use super::{NOW, World, after, hash};
use crate::{
    db::{Effect, NewOneTime, OneTime, Use},
    engines::{Engine, on_every_engine},
};
use gapura_shared::time::UnixMillis;

on_every_engine!(async
    a_newer_token_takes_the_place_of_its_like_alone,
    a_code_is_counted_for_its_token_while_that_is_good,
    a_token_is_used_once_and_in_time,
    a_confirmation_changes_one_account_that_waits_for_it,
    an_address_changes_when_the_same_change_was_agreed_to,
);

const ENDS: UnixMillis = after(1_000);

fn token<'a>(id: &'a str, account: &'a str, kind: &'static str) -> NewOneTime<'a> {
    NewOneTime {
        id,
        account,
        kind,
        token_hash: hash(id),
        user: Some(&account[..1]),
        content: "{}",
        expires: ENDS,
    }
}

/// `A1` and `A2` of one address and two kinds, `B1` of another address.
async fn issued(engine: Engine) -> World {
    let mut world = World::new(engine).await;
    for (id, account, kind) in [
        ("A1", "A", "recovery"),
        ("A2", "A", "magiclink"),
        ("B1", "B", "recovery"),
    ] {
        let token = token(id, account, kind);
        assert!(world.db.issue_one_time(&token).await.unwrap());
    }
    world.changes().await;
    world
}

fn id(found: Option<OneTime>) -> Option<String> {
    found.map(|token| token.id)
}

async fn a_newer_token_takes_the_place_of_its_like_alone(engine: Engine) {
    let mut world = issued(engine).await;
    world
        .db
        .issue_one_time(&token("A3", "A", "recovery"))
        .await
        .unwrap();
    assert_eq!(
        world.changes().await,
        ["one_time_token A1 -", "one_time_token A3 +"]
    );
    // The same again is good for longer.
    let longer = NewOneTime {
        expires: after(2_000),
        ..token("A3", "A", "recovery")
    };
    assert!(world.db.issue_one_time(&longer).await.unwrap());
    assert_eq!(world.changes().await, ["one_time_token A3 expires_at"]);
    for (account, kind, expected) in [
        ("A", "recovery", Some("A3")),
        ("A", "magiclink", Some("A2")),
        ("B", "recovery", Some("B1")),
        ("B", "magiclink", None),
    ] {
        let found = world.db.one_time_of(account, kind).await.unwrap();
        assert_eq!(id(found).as_deref(), expected, "{account} {kind}");
    }
    for (name, expected) in [("B1", Some("B1")), ("A1", None)] {
        let found = world.db.one_time_by_hash(&hash(name)).await.unwrap();
        assert_eq!(id(found).as_deref(), expected);
    }
    world.db.revoke_one_time("A").await.unwrap();
    assert_eq!(
        world.changes().await,
        ["one_time_token A2 -", "one_time_token A3 -"]
    );
}

async fn a_code_is_counted_for_its_token_while_that_is_good(engine: Engine) {
    let mut world = issued(engine).await;
    let count = async |world: &World, kind, now| {
        let counted = world.db.count_code("A", kind, 2, now).await.unwrap();
        id(counted)
    };
    for _ in 0..2 {
        assert_eq!(count(&world, "recovery", NOW).await.as_deref(), Some("A1"));
        assert_eq!(world.changes().await, ["one_time_token A1 attempts"]);
    }
    assert_eq!(count(&world, "recovery", NOW).await, None, "too many");
    assert_eq!(count(&world, "magiclink", ENDS).await, None, "over");
    world
        .db
        .use_one_time("A2", &Effect::Nothing, NOW)
        .await
        .unwrap();
    world.changes().await;
    assert_eq!(count(&world, "magiclink", NOW).await, None, "used");
    assert_eq!(world.changes().await, [""; 0]);
}

async fn a_token_is_used_once_and_in_time(engine: Engine) {
    let mut world = issued(engine).await;
    for (id, at, done, changed) in [
        ("A1", ENDS, Use::Refused, &[][..]),
        ("A1", NOW, Use::Done, &["one_time_token A1 used_at"]),
        ("A1", after(1), Use::Refused, &[]),
        ("A3", NOW, Use::Refused, &[]),
    ] {
        let told = world
            .db
            .use_one_time(id, &Effect::Nothing, at)
            .await
            .unwrap();
        assert_eq!(told, done, "{id}");
        assert_eq!(world.changes().await, changed, "{id}");
    }
}

async fn a_confirmation_changes_one_account_that_waits_for_it(engine: Engine) {
    let mut world = issued(engine).await;
    let confirm = async |world: &mut World, token, unproven| {
        let effect = Effect::Confirm {
            user: "A",
            unproven,
            no_password: Some("$none"),
        };
        let done = world
            .db
            .use_one_time(token, &effect, after(1))
            .await
            .unwrap();
        assert_eq!(done, Use::Done);
        let mut changes = world.changes().await;
        changes.retain(|change| !change.starts_with("one_time_token"));
        changes
    };
    let metadata = "UPDATE user_account SET user_metadata = '{\"a\":1}'";
    world.execute(metadata).await;
    assert_eq!(
        confirm(&mut world, "A1", true).await,
        [""; 0],
        "it waits for nothing"
    );
    let waits = "UPDATE user_account SET email_confirmed_at = NULL, contested = 0";
    world.execute(waits).await;
    let confirmed = [
        "user_account A email_confirmed_at",
        "user_account A updated_at",
    ];
    assert_eq!(confirm(&mut world, "A2", false).await, confirmed);
    // A password that was not proven is nobody's, and what the person has told stays.
    world.execute(waits).await;
    world
        .execute("UPDATE one_time_token SET used_at = NULL")
        .await;
    world
        .execute("UPDATE user_account SET updated_at = 0")
        .await;
    let unproven = [confirmed[0], "user_account A password_hash", confirmed[1]];
    assert_eq!(confirm(&mut world, "A1", true).await, unproven);
    // Nor is one that sign-ups disagreed about, and nothing of what they told.
    world
        .execute("UPDATE user_account SET email_confirmed_at = NULL, contested = 1, password_hash = '$x', updated_at = 0")
        .await;
    let contested = [
        "user_account A contested",
        "user_account A email_confirmed_at",
        "user_account A password_hash",
        "user_account A updated_at",
        "user_account A user_metadata",
    ];
    assert_eq!(confirm(&mut world, "A2", false).await, contested);
}

/// An address is `A` and something, so that each has one token of the kind.
async fn an_address_changes_when_the_same_change_was_agreed_to(engine: Engine) {
    let mut world = World::new(engine).await;
    let change = "{\"to\":\"c@b.co\"}";
    for (id, account, kind, content) in [
        ("A1", "A old", "email_change", change),
        ("A2", "A new", "email_change", change),
        // Agreed to, and something else: another change, another kind, another account's.
        ("A3", "A other", "email_change", "{\"to\":\"d@b.co\"}"),
        ("A4", "A old", "recovery", change),
        ("B1", "B old", "email_change", change),
    ] {
        let token = NewOneTime {
            content,
            ..token(id, account, kind)
        };
        assert!(world.db.issue_one_time(&token).await.unwrap());
    }
    let spent =
        "UPDATE one_time_token SET used_at = 1 WHERE one_time_token_id IN ('A3', 'A4', 'B1')";
    world.execute(spent).await;
    let effect = Effect::ChangeEmail {
        user: "A",
        email: "c@b.co",
    };
    let half = world
        .db
        .use_one_time("A2", &effect, after(1))
        .await
        .unwrap();
    assert_eq!(half, Use::HalfDone);
    assert_eq!(world.changes().await, ["one_time_token A2 used_at"]);
    let done = world
        .db
        .use_one_time("A1", &effect, after(1))
        .await
        .unwrap();
    assert_eq!(done, Use::Done);
    let mut changed: Vec<String> = (1..=4)
        .map(|at| format!("one_time_token A{at} -"))
        .collect();
    for column in ["email", "email_confirmed_at", "updated_at"] {
        changed.push(format!("user_account A {column}"));
    }
    assert_eq!(world.changes().await, changed);
}
