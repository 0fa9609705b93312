//! What operators do to accounts.

use crate::{
    auth::{login, refresh, text},
    client::Answer,
    engines::{Engine, on_every_engine},
    harness::Origin,
    person::{PASSWORD, Person, operator, revoked},
};
use gapura_shared::push;
use serde_json::{Value, json};

on_every_engine!(
    a_banned_account_is_told_after_its_password_alone,
    operators_create_change_and_delete_accounts,
    a_forgotten_account_leaves_its_id_alone,
    accounts_are_listed_in_pages,
    every_change_by_an_operator_is_an_event,
);

fn a_banned_account_is_told_after_its_password_alone(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, "made@example.com");
    let target = format!("/auth/v1/admin/users/{}", person.id);
    let body = json!({ "ban_duration": "24h" }).to_string();
    let (answer, outcome) = admin.told("PUT", &target, &body);
    assert!(answer.json()["banned_until"].is_string(), "{answer:?}");
    assert_eq!(
        revoked(&outcome),
        [(push::Kind::Session, person.session.clone())]
    );

    let named = |answer: &Answer| {
        let mut told = answer.json();
        told["instance"] = Value::Null;
        told
    };
    let wrong = login(&origin, &person.email, "wrong horse");
    let unknown = login(&origin, "nobody@example.com", "wrong horse");
    assert_eq!(
        (wrong.status, named(&wrong)),
        (unknown.status, named(&unknown))
    );
    let right = login(&origin, &person.email, PASSWORD);
    assert_eq!(
        (right.status, &right.json()["code"]),
        (400, &json!("user_banned"))
    );
    let refreshed = refresh(&origin, &person.refresh_token);
    assert_eq!(refreshed.json()["code"], "user_banned");
    person.sees("GET", "/auth/v1/user", &Value::Null, 400, "user_banned");

    // Lifted, the account is as before; its sessions stay ended.
    assert_eq!(
        admin
            .ask("PUT", &target, &json!({ "ban_duration": "none" }))
            .status,
        200
    );
    assert_eq!(
        refresh(&origin, &person.refresh_token).json()["code"],
        "session_expired"
    );
    assert!(person.again().is_in());
}

fn operators_create_change_and_delete_accounts(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let users = "/auth/v1/admin/users";
    let created = admin.ask(
        "POST",
        users,
        &json!({
            "email": "Made@Example.com", "password": PASSWORD, "email_confirm": true,
            "user_metadata": { "name": "Made" }, "app_metadata": { "plan": "PREMIUM" },
        }),
    );
    assert_eq!(created.status, 200, "{created:?}");
    let made = created.json();
    assert_eq!(
        (&made["email"], &made["role"]),
        (&json!("made@example.com"), &json!("user"))
    );
    assert_eq!(made["app_metadata"]["provider"], "email");
    assert_eq!(made["app_metadata"]["plan"], "PREMIUM");
    admin.sees(
        "POST",
        users,
        &json!({ "email": "made@example.com" }),
        422,
        "email_exists",
    );
    let person = Person::known(&origin, "made@example.com", PASSWORD);
    let one = format!("{users}/{}", person.id);
    assert_eq!(
        admin.ask("GET", &one, &Value::Null).json()["email"],
        person.email
    );

    // Another password, another role: each ends what was open.
    let put = |body: Value| admin.ask("PUT", &one, &body);
    assert_eq!(put(json!({ "password": "battery staple" })).status, 200);
    assert!(!person.is_in());
    let person = Person::known(&origin, &person.email, "battery staple");
    assert_eq!(put(json!({ "role": "admin" })).json()["role"], "admin");
    assert!(!person.is_in());
    let person = Person::known(&origin, &person.email, "battery staple");
    assert_eq!(
        put(json!({ "role": "admin", "user_metadata": { "name": null } })).status,
        200
    );
    assert!(person.is_in(), "nothing of weight has changed");
    assert_eq!(
        put(json!({ "email": "admin@example.com" })).json()["code"],
        "email_exists"
    );
    assert_eq!(
        put(json!({ "email": "i@example.com" })).json()["email"],
        "i@example.com"
    );

    // Another system's hash, and no password at all.
    let bcrypt = "$2y$04$abcdefghijklmnopqrstuu5Lwyl8MGCxTIhi0sLcNFcLDPJTCG1e6";
    let imported = json!({ "email": "php@example.com", "password_hash": bcrypt });
    assert_eq!(admin.ask("POST", users, &imported).status, 200);
    let without = json!({ "email": "none@example.com" });
    assert!(admin.ask("POST", users, &without).json()["email_confirmed_at"].is_null());
    for password in ["!", ""] {
        assert_eq!(login(&origin, "none@example.com", password).status, 400);
    }

    let (answer, outcome) = admin.told("DELETE", &one, r#"{"should_soft_delete":false}"#);
    assert_eq!(answer.status, 200);
    assert_eq!(revoked(&outcome), [(push::Kind::User, person.id.clone())]);
    assert!(!person.is_in());
    admin.sees("GET", &one, &Value::Null, 404, "user_not_found");
    admin.sees("DELETE", &one, &Value::Null, 404, "user_not_found");
}

fn accounts_are_listed_in_pages(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    for number in 0..4 {
        let body = json!({ "email": format!("u{number}@example.com") });
        assert_eq!(admin.ask("POST", "/auth/v1/admin/users", &body).status, 200);
    }
    let page =
        |query: &str| admin.ask("GET", &format!("/auth/v1/admin/users{query}"), &Value::Null);
    let mut seen = Vec::new();
    for number in 1..=3 {
        let answer = page(&format!("?page={number}&per_page=2"));
        assert_eq!(answer.headers["x-total-count"], "5");
        assert_eq!(answer.headers["link"].contains("rel=\"next\""), number < 3);
        let users = answer.json()["users"].as_array().unwrap().clone();
        seen.extend(users.iter().map(|user| text(&user["email"])));
    }
    let wanted = ["admin", "u0", "u1", "u2", "u3"].map(|name| format!("{name}@example.com"));
    seen.sort();
    assert_eq!(seen, wanted);
    assert_eq!(
        page("?page=&per_page=").json()["users"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    assert_eq!(page("?page=9").json()["users"], json!([]));
    for bad in [
        "?page=0",
        "?page=x",
        "?page=-1",
        "?per_page=501",
        "?per_page=0",
        "?page=%ff",
        "?page=4294967295&per_page=500",
        "?page=99999999999999999999",
    ] {
        assert_eq!(page(bad).status, 400, "{bad}");
    }
}

fn a_forgotten_account_leaves_its_id_alone(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, "made@example.com");
    let data = json!({ "data": { "name": "Made" } });
    assert_eq!(person.ask("PUT", "/auth/v1/user", &data).status, 200);
    let one = format!("/auth/v1/admin/users/{}", person.id);
    let soft = r#"{"should_soft_delete":true}"#;
    let (answer, outcome) = admin.told("DELETE", &one, soft);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(revoked(&outcome), [(push::Kind::User, person.id.clone())]);
    assert!(!person.is_in());
    person.sees("GET", "/auth/v1/user", &Value::Null, 403, "user_not_found");
    let left = admin.ask("GET", &one, &Value::Null).json();
    assert_eq!(left["id"], json!(person.id));
    assert!(left["deleted_at"].is_string());
    for gone in ["made@example.com", "Made"] {
        assert!(!left.to_string().contains(gone), "{left}");
    }
    let kept = &left["deleted_at"];
    assert_eq!(
        admin.told("DELETE", &one, soft).0.json()["deleted_at"],
        *kept
    );
    let password = json!({ "password": PASSWORD, "email": "made@example.com" });
    admin.sees("PUT", &one, &password, 404, "user_not_found");
    assert_eq!(login(&origin, "made@example.com", PASSWORD).status, 400);

    // The address is free, and its next owner is somebody else.
    let next = Person::new(&origin, "made@example.com");
    assert_ne!(next.id, person.id);
    let mut export = site.command(&["users", "export", "--format", "jsonl"]);
    let told = String::from_utf8(export.output().unwrap().stdout).unwrap();
    assert!(
        told.contains(&next.id) && !told.contains(&person.id),
        "{told}"
    );
    assert_eq!(admin.told("DELETE", &one, "").0.status, 200);
    admin.sees("GET", &one, &Value::Null, 404, "user_not_found");
}

fn every_change_by_an_operator_is_an_event(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let users = "/auth/v1/admin/users";
    let made = admin
        .ask("POST", users, &json!({ "email": "made@example.com" }))
        .json();
    let one = format!("{users}/{}", text(&made["id"]));
    let put = |body: Value| assert_eq!(admin.ask("PUT", &one, &body).status, 200);
    put(json!({ "password": PASSWORD }));
    put(json!({ "role": "admin" }));
    put(json!({ "ban_duration": "1h" }));
    put(json!({ "ban_duration": "none" }));
    admin.ask("DELETE", &format!("{one}/sessions"), &Value::Null);
    admin.ask(
        "PUT",
        "/auth/v1/admin/roles/support",
        &json!({ "permissions": [] }),
    );
    let support = "/auth/v1/admin/roles/support";
    let tenants = "/auth/v1/admin/tenants";
    let tenant = admin
        .ask("POST", tenants, &json!({ "name": "Warung" }))
        .json();
    let tenant = format!("{tenants}/{}", text(&tenant["id"]));
    let member = format!("{tenant}/members/{}", text(&made["id"]));
    for (method, target) in [
        ("PUT", &member),
        ("DELETE", &member),
        ("DELETE", &tenant),
        ("DELETE", &support.to_owned()),
        ("DELETE", &one),
    ] {
        let status = admin.ask(method, target, &Value::Null).status;
        assert!(matches!(status, 200 | 204), "{method} {target}: {status}");
    }
    for (kind, reason, target) in [
        ("ACCOUNT_CREATED", "admin", one.as_str()),
        ("PASSWORD_CHANGED", "admin", &one),
        ("ACCESS_CHANGED", "admin-role", &one),
        ("ACCOUNT_CHANGED", "admin-ban", &one),
        ("ACCOUNT_CHANGED", "admin-unban", &one),
        ("SESSION_ENDED", "admin", &format!("{one}/sessions")),
        ("ACCESS_CHANGED", "role", support),
        ("ACCESS_CHANGED", "role-deleted", support),
        ("ACCESS_CHANGED", "tenant", &tenant),
        ("ACCESS_CHANGED", "member", &member),
        ("ACCESS_CHANGED", "member-removed", &member),
        ("ACCESS_CHANGED", "tenant-deleted", &tenant),
        ("ACCOUNT_DELETED", "admin", &one),
    ] {
        origin.await_log(&one);
        let events = origin.log();
        let event = events.lines().filter_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            serde_json::from_str::<Value>(line["fields"]["event"].as_str()?).ok()
        });
        let mut matching = event.filter(|event| {
            event["event"] == kind && event["reason"] == reason && event["target"] == target
        });
        let event = matching
            .next()
            .unwrap_or_else(|| panic!("no {kind} {reason}: {events}"));
        assert_eq!(event["actor"], admin.id, "{event}");
    }
}
