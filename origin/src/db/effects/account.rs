use super::{NOW, World, after};
use crate::{
    auth::new_user,
    db::{Changed, DbError, Import, ImportHow, User},
    engines::{Engine, on_every_engine},
};

on_every_engine!(async
    an_account_changes_alone,
    a_forgotten_account_keeps_nobodys_password,
    an_account_goes_with_what_is_its_own,
    an_import_takes_what_is_nobodys,
);

async fn change(world: &World, change: impl Fn(&mut User) + Send + Sync) -> bool {
    let changed = world.db.change_user("A", None, after(1), |user| {
        change(user);
        Ok::<_, DbError>(())
    });
    matches!(changed.await.unwrap(), Changed::Done { .. })
}

async fn an_account_changes_alone(engine: Engine) {
    let mut world = World::new(engine).await;
    world
        .execute("UPDATE user_account SET signed_up = 1, refused_hash = '$r'")
        .await;
    assert!(change(&world, |user| user.role = "admin".into()).await);
    let changed =
        ["role", "signed_up", "updated_at"].map(|column| format!("user_account A {column}"));
    assert_eq!(world.changes().await, changed);
    for (user, old, is_done, changed) in [
        ("A", "$old", false, &[][..]),
        ("C", "$x", false, &[]),
        ("A", "$x", true, &["user_account A password_hash"]),
    ] {
        let done = world.db.set_password_hash(user, old, "$new").await.unwrap();
        assert_eq!(done, is_done);
        assert_eq!(world.changes().await, changed, "{user} {old}");
    }
    let found = world.db.user_by_email("b@b.co").await.unwrap();
    assert_eq!(found.unwrap().id, "B");
    assert!(world.db.user_by_id("C").await.unwrap().is_none());
}

async fn a_forgotten_account_keeps_nobodys_password(engine: Engine) {
    let mut world = World::new(engine).await;
    world
        .execute("UPDATE user_account SET refused_hash = '$r'")
        .await;
    assert!(change(&world, |user| user.deleted_at = Some(NOW)).await);
    let changed = ["deleted_at", "refused_hash", "updated_at"]
        .map(|column| format!("user_account A {column}"));
    assert_eq!(world.changes().await, changed);
    // Nor is it listed for a command.
    let listed = async |after: &str| {
        let listed = world.db.users_after(after, 9).await.unwrap();
        listed.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ["B"]);
    assert_eq!(listed("b@b.co").await, [""; 0]);
}

async fn an_account_goes_with_what_is_its_own(engine: Engine) {
    let mut world = World::new(engine).await;
    assert!(!world.db.delete_user("C", NOW).await.unwrap());
    assert_eq!(world.changes().await, [""; 0]);
    assert!(world.db.delete_user("A", NOW).await.unwrap());
    let gone = [
        "refresh_token A1 -",
        "refresh_token A2 -",
        "session A1 -",
        "session A2 -",
        "user_account A -",
    ];
    assert_eq!(world.changes().await, gone);
}

async fn an_import_takes_what_is_nobodys(engine: Engine) {
    let mut world = World::new(engine).await;
    let user = |id: &str, email: &str| {
        let mut user = new_user(email.into(), "$y".into(), "user", NOW);
        user.id = id.into();
        user
    };
    let mut stranger = user("E", "e@b.co");
    stranger.role = "nobody".into();
    let mut tenant = user("F", "f@b.co");
    tenant.tenant = Some("nowhere".into());
    let users = [
        user("C", "a@b.co"),
        user("A", "c@b.co"),
        user("D", "d@b.co"),
        stranger,
        tenant,
    ];
    let import = async |world: &World, how| world.db.import_users(&users, how, NOW).await.unwrap();
    let became = [
        Import::Taken,
        Import::Taken,
        Import::Added,
        Import::NoRole,
        Import::NoTenant,
    ];
    let dry = ImportHow {
        dry_run: true,
        make_missing: false,
    };
    assert_eq!(import(&world, dry).await, became);
    assert_eq!(world.changes().await, [""; 0]);
    assert_eq!(import(&world, ImportHow::default()).await, became);
    assert_eq!(world.changes().await, ["user_account D +"]);
}
