use super::{NOW, World, after};
use crate::{
    db::Tenant,
    engines::{Engine, on_every_engine},
};

on_every_engine!(async
    members_are_of_their_tenant,
    a_membership_ends_alone,
    a_tenant_goes_with_what_is_its_own,
    roles_permit_what_is_theirs,
);

/// `A` is a member of `S` and `T` and acts for `S`, `B` of `T` alone; `U` has no members.
async fn joined(engine: Engine) -> World {
    let mut world = World::new(engine).await;
    for id in ["S", "T", "U"] {
        let tenant = Tenant {
            id: id.into(),
            name: id.into(),
            created: NOW,
        };
        world.db.insert_tenant(&tenant).await.unwrap();
    }
    world.execute("UPDATE user_account SET signed_up = 1").await;
    for (tenant, user, changed) in [
        (
            "S",
            "A",
            &[
                "membership S A +",
                "user_account A signed_up",
                "user_account A tenant_id",
            ][..],
        ),
        ("T", "A", &["membership T A +"]),
        (
            "T",
            "B",
            &[
                "membership T B +",
                "user_account B signed_up",
                "user_account B tenant_id",
            ],
        ),
        // Once more is not twice.
        ("T", "B", &[]),
    ] {
        assert!(world.db.add_member(tenant, user, after(1)).await.unwrap());
        assert_eq!(world.changes().await, changed, "{tenant} {user}");
    }
    world
}

async fn members_are_of_their_tenant(engine: Engine) {
    let mut world = joined(engine).await;
    let tenants = async |user| {
        let tenants = world.db.tenants_of(user).await.unwrap();
        tenants
            .into_iter()
            .map(|tenant| tenant.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(tenants("A").await, ["S", "T"]);
    assert_eq!(tenants("B").await, ["T"]);
    for (tenant, members) in [
        ("S", Some(vec!["A".to_owned()])),
        ("T", Some(vec!["A".into(), "B".into()])),
        ("U", Some(Vec::new())),
        ("V", None),
    ] {
        assert_eq!(world.db.members(tenant).await.unwrap(), members, "{tenant}");
    }
    for (user, tenant, is_done, changed) in [
        ("A", Some("T"), true, &["user_account A tenant_id"][..]),
        ("A", None, true, &["user_account A tenant_id"]),
        // Somebody else is a member, and nobody.
        ("B", Some("S"), false, &[]),
        ("B", Some("U"), false, &[]),
    ] {
        let done = world.db.act_for(user, tenant).await.unwrap();
        assert_eq!(done, is_done, "{user} {tenant:?}");
        assert_eq!(world.changes().await, changed, "{user} {tenant:?}");
    }
}

async fn a_membership_ends_alone(engine: Engine) {
    let mut world = joined(engine).await;
    for (tenant, user, was_one, changed) in [
        // One that is not acted for, one that is, and none.
        ("T", "A", true, &["membership T A -"][..]),
        (
            "S",
            "A",
            true,
            &[
                "membership S A -",
                "user_account A tenant_id",
                "user_account A updated_at",
            ],
        ),
        ("S", "B", false, &[]),
    ] {
        assert_eq!(world.db.remove_member(tenant, user).await.unwrap(), was_one);
        assert_eq!(world.changes().await, changed, "{tenant} {user}");
    }
}

async fn a_tenant_goes_with_what_is_its_own(engine: Engine) {
    let mut world = joined(engine).await;
    assert!(!world.db.delete_tenant("V").await.unwrap());
    assert!(world.db.delete_tenant("T").await.unwrap());
    let gone = [
        "membership T A -",
        "membership T B -",
        "tenant T -",
        "user_account B tenant_id",
        "user_account B updated_at",
    ];
    assert_eq!(world.changes().await, gone);
}

async fn roles_permit_what_is_theirs(engine: Engine) {
    let mut world = World::new(engine).await;
    let set = async |world: &World, role, permissions: &[&str]| {
        world.db.set_role(role, permissions, NOW).await.unwrap();
    };
    set(&world, "clerk", &["users.read", "users.write"]).await;
    set(&world, "guest", &["users.read"]).await;
    world.changes().await;
    set(&world, "clerk", &["roles.read"]).await;
    let changed = [
        "role_permission clerk roles.read +",
        "role_permission clerk users.read -",
        "role_permission clerk users.write -",
    ];
    assert_eq!(world.changes().await, changed);
    let permitted = world.db.permissions("guest").await.unwrap();
    assert_eq!(permitted, Some(vec!["users.read".to_owned()]));
    assert_eq!(world.db.permissions("nobody").await.unwrap(), None);
    assert_eq!(world.db.roles().await.unwrap()["clerk"], ["roles.read"]);
    world
        .execute("UPDATE user_account SET role = 'clerk' WHERE user_account_id = 'A'")
        .await;
    for (role, is_gone, changed) in [
        ("clerk", false, &[][..]),
        ("nobody", false, &[]),
        (
            "guest",
            true,
            &["role guest -", "role_permission guest users.read -"],
        ),
    ] {
        assert_eq!(world.db.delete_role(role).await.unwrap(), is_gone, "{role}");
        assert_eq!(world.changes().await, changed, "{role}");
    }
}
