use super::{NOW, World, after, hash};
use crate::{
    auth::new_user,
    db::{Effect, NewOneTime, OneTime, Profile, Use},
    engines::{Engine, on_every_engine},
};
use futures_util::future::join_all;
use gapura_shared::{outcome::AccountId, time::UnixMillis};

on_every_engine!(async
    a_newer_token_takes_the_place_of_its_like_alone,
    a_code_is_counted_for_its_token_while_that_is_good,
    a_token_is_used_once_and_in_time,
    a_confirmation_changes_one_account_that_waits_for_it,
    an_address_changes_when_the_same_change_was_agreed_to,
    what_goes_to_an_address_is_told_of_as_long_as_it_is_good,
    an_account_is_shown_to_who_has_its_very_id,
    what_is_shown_is_what_is_kept,
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
    // The same again is good for longer; codes that were tried for it stay counted, and what was used stays so.
    let longer = |ms| NewOneTime {
        expires: after(ms),
        ..token("A3", "A", "recovery")
    };
    let counted = world.db.count_code("A", "recovery", 2, NOW).await.unwrap();
    assert_eq!(id(counted).as_deref(), Some("A3"));
    assert_eq!(world.changes().await, ["one_time_token A3 attempts"]);
    assert!(world.db.issue_one_time(&longer(2_000)).await.unwrap());
    assert_eq!(world.changes().await, ["one_time_token A3 expires_at"]);
    let used = world.db.use_one_time("A3", &Effect::Nothing, NOW).await;
    assert_eq!(used.unwrap(), Use::Done);
    world.changes().await;
    assert!(!world.db.issue_one_time(&longer(3_000)).await.unwrap());
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

/// In whichever order an account's tokens are read.
async fn what_goes_to_an_address_is_told_of_as_long_as_it_is_good(engine: Engine) {
    let world = World::new(engine).await;
    let kinds = ["signup", "email_change", "recovery"];
    for (id, at) in [("A", 0), ("B", 2)] {
        let account = AccountId::of(&format!("{}@b.co", id.to_lowercase()));
        for (number, kind) in kinds.into_iter().enumerate() {
            let name = format!("{id}{number}");
            let ends = 1_000 + 1_000 * u64::try_from(number.abs_diff(at)).unwrap();
            let token = NewOneTime {
                account: account.as_str(),
                kind,
                user: Some(id),
                content: kind,
                expires: after(ends),
                ..token(&name, &name, kind)
            };
            assert!(world.db.issue_one_time(&token).await.unwrap());
        }
    }
    // `recovery` of A and `signup` of B are good until 3 s, `email_change` of both until 2 s.
    for (id, last) in [("A", "recovery"), ("B", "signup")] {
        for (kind, until) in [(last, 3_000), ("email_change", 2_000)] {
            for (now, told) in [(until - 1, Some(kind)), (until, None)] {
                let found = world.db.user_with_token(id, kind, after(now)).await;
                let (shown, content) = found.unwrap().unwrap();
                assert_eq!(shown.profile().unwrap().id, id);
                assert_eq!(content.as_deref(), told, "{id} {kind} {now}");
            }
        }
    }
}

async fn an_account_is_shown_to_who_has_its_very_id(engine: Engine) {
    let world = World::new(engine).await;
    let full = "x".repeat(64);
    let strange = ["a\"]\\", "é", "e\u{301}", "\u{1f99c}", "1", "$1", "\u{1}"];
    let mut ids: Vec<String> = strange.map(String::from).into();
    ids.push(full.clone());
    for (number, id) in ids.iter().enumerate() {
        let mut user = new_user(format!("{number}@b.co"), "$x".into(), "user", NOW);
        user.id.clone_from(id);
        assert!(world.db.insert_user(&user).await.unwrap(), "{id}");
    }
    let others = ["a", "A ", " A", "", "null", "[]", "\"", "E\u{301}"].map(String::from);
    let others = others.into_iter().chain([full + "x", "A".repeat(3_000)]);
    let expected = ids.iter().cloned().map(|id| (id, true));
    let asked: Vec<_> = expected.chain(others.map(|id| (id, false))).collect();
    let ask = |id| world.db.user_with_token(id, "signup", NOW);
    // All at once: what nobody has spoils nothing for who shares the statement.
    let found = join_all(asked.iter().map(|(id, _)| ask(id))).await;
    for ((id, is_there), found) in asked.iter().zip(found) {
        let found = found.unwrap();
        let shown = found.as_ref().map(|(shown, _)| shown.profile().unwrap().id);
        assert_eq!(shown, is_there.then_some(&**id), "{id}");
    }
}

async fn what_is_shown_is_what_is_kept(engine: Engine) {
    let mut world = World::new(engine).await;
    let columns = [
        "email_confirmed_at",
        "banned_until",
        "deleted_at",
        "last_sign_in_at",
        "created_at",
        "updated_at",
    ];
    for (at, column) in columns.iter().enumerate() {
        // Each has a time of its own, and A's is another than B's.
        world
            .execute(&format!(
                "UPDATE user_account SET {column} = 1{at} WHERE user_account_id = 'A'"
            ))
            .await;
    }
    let factor =
        r#"{"id":"f","friendly_name":"Zoë","verified":true,"created_at":1,"updated_at":2}"#;
    world
        .execute(&format!(
            "UPDATE user_account SET role = 'r', factors = '[{factor}]', app_metadata = '{{\"a\":1}}', \
             user_metadata = '{{\"name\":\"🦜\",\"b\":[1,null]}}' WHERE user_account_id = 'A'"
        ))
        .await;
    let whole = |profile: Profile<'_>| {
        serde_json::json!([
            profile.id,
            profile.email,
            profile.role,
            profile.app_metadata,
            profile.user_metadata,
            profile.factors,
            [
                profile.email_confirmed_at,
                profile.banned_until,
                profile.deleted_at,
                profile.last_sign_in_at,
                Some(profile.created_at),
                Some(profile.updated_at),
            ]
        ])
    };
    for id in ["A", "B"] {
        let (shown, _) = world
            .db
            .user_with_token(id, "signup", NOW)
            .await
            .unwrap()
            .unwrap();
        let kept = world.db.user_by_id(id).await.unwrap().unwrap();
        assert_eq!(whole(shown.profile().unwrap()), whole((&kept).into()));
    }
}
