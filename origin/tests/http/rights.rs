//! Roles, what they permit, and tenants.

use crate::{
    auth::{login, text},
    client::claims_of,
    engines::{Engine, on_every_engine},
    harness::Origin,
    person::{PASSWORD, Person, operator, revoked},
};
use gapura_shared::push;
use serde_json::{Value, json};

on_every_engine!(
    a_role_permits_what_it_is_granted_and_no_more,
    nobody_raises_themselves,
    members_act_for_one_of_their_tenants,
);

fn a_role_permits_what_it_is_granted_and_no_more(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let support = operator(&site, &origin, "support@example.com", "support");
    let person = Person::new(&origin, "made@example.com");
    let one = format!("/auth/v1/admin/users/{}", person.id);
    let role = |permissions: Value| {
        let body = json!({ "permissions": permissions });
        assert_eq!(
            admin
                .ask("PUT", "/auth/v1/admin/roles/support", &body)
                .status,
            200
        );
    };
    for who in [&support, &person] {
        who.sees("GET", &one, &Value::Null, 403, "not_admin");
    }
    role(json!(["users.read"]));
    support.sees("GET", &one, &Value::Null, 200, "");
    support.sees(
        "PUT",
        &one,
        &json!({ "ban_duration": "1h" }),
        403,
        "not_admin",
    );
    support.sees(
        "DELETE",
        &format!("{one}/sessions"),
        &Value::Null,
        403,
        "not_admin",
    );
    role(json!(["users.read", "sessions.end"]));
    support.sees("DELETE", &format!("{one}/sessions"), &Value::Null, 204, "");
    assert!(!person.is_in());
    role(json!([]));
    support.sees("GET", &one, &Value::Null, 403, "not_admin");

    let roles = admin
        .ask("GET", "/auth/v1/admin/roles", &Value::Null)
        .json();
    let named: Vec<_> = roles["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["role"]))
        .collect();
    assert!(
        ["admin", "support", "user"]
            .iter()
            .all(|name| named.contains(&(*name).into())),
        "{named:?}"
    );
    let delete = |name: &str| {
        admin
            .ask(
                "DELETE",
                &format!("/auth/v1/admin/roles/{name}"),
                &Value::Null,
            )
            .status
    };
    assert_eq!(delete("support"), 409, "somebody has it");
    assert_eq!(delete("admin"), 400);
    assert_eq!(
        admin
            .ask(
                "PUT",
                "/auth/v1/admin/roles/guest",
                &json!({ "permissions": [] })
            )
            .status,
        200
    );
    assert_eq!(delete("guest"), 204);
}

fn nobody_raises_themselves(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let clerk = operator(&site, &origin, "clerk@example.com", "clerk");
    let granted =
        json!({ "permissions": ["users.write", "users.read", "roles.read", "tenants.write"] });
    assert_eq!(
        admin
            .ask("PUT", "/auth/v1/admin/roles/clerk", &granted)
            .status,
        200
    );
    let users = "/auth/v1/admin/users";
    let of = |who: &Person<'_>| format!("{users}/{}", who.id);
    let person = Person::new(&origin, "made@example.com");
    let refused = |method: &str, target: &str, body: Value| {
        clerk.sees(method, target, &body, 403, "not_admin");
    };
    refused("PUT", &of(&person), json!({ "role": "admin" }));
    refused("PUT", &of(&clerk), json!({ "role": "admin" }));
    refused("PUT", &of(&admin), json!({ "password": "battery staple" }));
    refused("PUT", &of(&clerk), json!({ "password": "battery staple" }));
    refused("DELETE", &of(&admin), Value::Null);
    refused(
        "POST",
        users,
        json!({ "email": "x@example.com", "role": "clerk" }),
    );
    refused(
        "PUT",
        "/auth/v1/admin/roles/clerk",
        json!({ "permissions": [] }),
    );
    clerk.sees(
        "PUT",
        &of(&person),
        &json!({ "password": "battery staple" }),
        200,
        "",
    );
    // An admin's own account is in no danger from its owner.
    let own = |body: Value| admin.sees("PUT", &of(&admin), &body, 400, "validation_failed");
    own(json!({ "role": "user" }));
    own(json!({ "ban_duration": "1h" }));
    admin.sees(
        "DELETE",
        &of(&admin),
        &Value::Null,
        400,
        "validation_failed",
    );
    // The database says who is one, not the token: its role is gone here.
    assert_eq!(clerk.ask("GET", users, &Value::Null).status, 200);
    assert_eq!(
        admin
            .ask("PUT", &of(&clerk), &json!({ "role": "user" }))
            .status,
        200
    );
    clerk.sees("GET", users, &Value::Null, 403, "session_not_found");
}

fn members_act_for_one_of_their_tenants(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, "made@example.com");
    let tenants = "/auth/v1/admin/tenants";
    let [first, second] = ["Warung Made", "Toko Ubud"].map(|name| {
        let tenant = admin.ask("POST", tenants, &json!({ "name": name }));
        text(&tenant.json()["id"])
    });
    let member = |tenant: &str| format!("{tenants}/{tenant}/members/{}", person.id);
    let token = || text(&login(&origin, &person.email, PASSWORD).json()["access_token"]);
    assert_eq!(tenant_of(&token()), Value::Null);
    person.sees(
        "PUT",
        "/auth/v1/tenants",
        &json!({ "tenant_id": first }),
        404,
        "not_found",
    );
    for tenant in [&first, &second, &second] {
        admin.sees("PUT", &member(tenant), &Value::Null, 204, "");
    }
    assert_eq!(
        tenant_of(&token()),
        json!(first),
        "the first one counts until another is chosen"
    );
    let chosen = person
        .ask("PUT", "/auth/v1/tenants", &json!({ "tenant_id": second }))
        .json();
    assert_eq!(
        (
            &chosen["active"],
            chosen["tenants"].as_array().unwrap().len()
        ),
        (&json!(second), 2)
    );
    assert_eq!(tenant_of(&token()), json!(second));
    let members = admin
        .ask("GET", &format!("{tenants}/{second}/members"), &Value::Null)
        .json();
    assert_eq!(members["members"], json!([person.id]));

    // Out of a tenant: tokens that name it hold no longer.
    let (answer, outcome) = admin.told("DELETE", &member(&second), "");
    assert_eq!(
        (answer.status, revoked(&outcome)),
        (204, vec![(push::Kind::User, person.id.clone())])
    );
    assert_eq!(tenant_of(&token()), Value::Null);
    admin.sees("DELETE", &member(&second), &Value::Null, 404, "not_found");
    person.sees(
        "PUT",
        "/auth/v1/tenants",
        &json!({ "tenant_id": second }),
        404,
        "not_found",
    );
    person.sees(
        "PUT",
        "/auth/v1/tenants",
        &json!({ "tenant_id": first }),
        200,
        "",
    );
    let (answer, outcome) = admin.told("DELETE", &format!("{tenants}/{first}"), "");
    assert_eq!(
        (answer.status, revoked(&outcome)),
        (204, vec![(push::Kind::Tenant, first)])
    );
    assert_eq!(tenant_of(&token()), Value::Null);
    let left = person.ask("GET", "/auth/v1/tenants", &Value::Null).json();
    assert_eq!(left, json!({ "tenants": [], "active": null }));
    person.sees(
        "PUT",
        "/auth/v1/tenants",
        &json!({ "tenant_id": null }),
        200,
        "",
    );
    person.sees("GET", tenants, &Value::Null, 403, "not_admin");
}

fn tenant_of(token: &str) -> Value {
    claims_of(token)["tenant_id"].clone()
}
