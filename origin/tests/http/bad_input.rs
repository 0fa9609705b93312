//! Every endpoint for accounts that takes a body, with everything that it must not take.

use crate::{
    auth::text,
    client::Call,
    engines::{Engine, on_every_engine},
    harness::Origin,
    person::{Person, operator},
};
use serde_json::{Value, json};

on_every_engine!(
    bodies_that_are_not_asked_for_change_nothing,
    paths_and_queries_that_name_nothing_are_refused,
    no_text_with_a_nul_reaches_the_database,
);

/// Method, path and bodies that are JSON but not what is asked for. `{id}` is an account's.
const OWN: [(&str, &str, &[&str]); 2] = [
    (
        "PUT",
        "/auth/v1/user",
        &[
            r#"{"data":1}"#,
            r#"{"data":[]}"#,
            r#"{"password":["a"]}"#,
            r#"{"password":{"$ne":""}}"#,
            r#"{"email":"nobody"}"#,
            r#"{"email":7}"#,
            r#"{"data":{},"data":{}}"#,
            r#"{"id":"x"}"#,
            r#"{"ban_duration":"none"}"#,
        ],
    ),
    (
        "PUT",
        "/auth/v1/tenants",
        &["{}", r#"{"tenant_id":1}"#, r#"{"tenant":null}"#],
    ),
];
/// Of who has no session; those that send mail have a table of their own in `one_time`.
const PUBLIC: [(&str, &str, &[&str]); 6] = [
    ("POST", "/auth/v1/signup", SIGN_UP),
    ("POST", "/auth/v1/simple/register", SIGN_UP),
    ("POST", "/auth/v1/token?grant_type=password", PASSWORD),
    ("POST", "/auth/v1/simple/login", PASSWORD),
    ("POST", "/auth/v1/token?grant_type=refresh_token", REFRESH),
    ("POST", "/auth/v1/simple/refresh", REFRESH),
];
const SIGN_UP: &[&str] = &[
    "{}",
    r#"{"email":"a@b.co"}"#,
    r#"{"email":"nobody","password":"another horse"}"#,
    r#"{"email":{"$ne":""},"password":"another horse"}"#,
    r#"{"email":"a@b.co","password":["another horse"]}"#,
    r#"{"email":"a@b.co","password":"another horse","role":"admin"}"#,
    r#"{"email":"a@b.co","email":"a@c.co","password":"another horse"}"#,
];
const PASSWORD: &[&str] = &[
    "{}",
    r#"{"email":"made@example.com"}"#,
    r#"{"email":"made@example.com","password":{"$ne":""}}"#,
    r#"{"email":["made@example.com"],"password":"x"}"#,
    r#"{"email":"made@example.com","password":"x","aal":"aal2"}"#,
];
const REFRESH: &[&str] = &[
    "{}",
    r#"{"refresh_token":1}"#,
    r#"{"refresh_token":["x"]}"#,
    r#"{"refresh_token":"x","role":"admin"}"#,
];
const ADMIN: [(&str, &str, &[&str]); 4] = [
    (
        "POST",
        "/auth/v1/admin/users",
        &[
            "{}",
            r#"{"email":"nobody"}"#,
            r#"{"email":null}"#,
            r#"{"email":"a@b.co","role":"nosuch"}"#,
            r#"{"email":"a@b.co","role":1}"#,
            r#"{"email":"a@b.co","ban_duration":"1d"}"#,
            r#"{"email":"a@b.co","password_hash":"md5"}"#,
            r#"{"email":"a@b.co","id":"1"}"#,
            r#"{"email":"a@b.co","phone":"1"}"#,
            r#"{"email":"a@b.co","email_confirm":"yes"}"#,
            r#"{"email":"a@b.co","password":"correct horse","password_hash":"x"}"#,
        ],
    ),
    (
        "PUT",
        "/auth/v1/admin/users/{id}",
        &[
            r#"{"role":"nosuch"}"#,
            r#"{"role":"anon"}"#,
            r#"{"email":"x"}"#,
            r#"{"ban_duration":"soon"}"#,
            r#"{"user_metadata":"x"}"#,
            r#"{"app_metadata":[1]}"#,
            r#"{"id":"other"}"#,
            r#"{"password":1}"#,
            r#"{"unknown":true}"#,
        ],
    ),
    (
        "PUT",
        "/auth/v1/admin/roles/support",
        &[
            "{}",
            r#"{"permissions":"users.read"}"#,
            r#"{"permissions":["everything"]}"#,
            r#"{"permissions":[],"more":1}"#,
        ],
    ),
    (
        "POST",
        "/auth/v1/admin/tenants",
        &[
            "{}",
            r#"{"name":""}"#,
            r#"{"name":" "}"#,
            r#"{"name":1}"#,
            r#"{"name":"a\u0000"}"#,
        ],
    ),
];

fn bodies_that_are_not_asked_for_change_nothing(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, "made@example.com");
    let before = person.user();
    let public = PUBLIC.iter().map(|endpoint| (None, endpoint));
    let own = OWN.iter().map(|endpoint| (Some(&person), endpoint));
    let others = ADMIN.iter().map(|endpoint| (Some(&admin), endpoint));
    for (who, (method, target, bodies)) in public.chain(own).chain(others) {
        let target = target.replace("{id}", &person.id);
        refuses(&origin, who, method, &target, bodies);
    }
    let long = json!({ "name": "x".repeat(101) });
    admin.sees(
        "POST",
        "/auth/v1/admin/tenants",
        &long,
        400,
        "validation_failed",
    );
    assert_eq!(person.user(), before);
    assert!(person.is_in());
    let listed = admin.ask("GET", "/auth/v1/admin/users", &Value::Null);
    assert_eq!(listed.headers["x-total-count"], "2");
    let tenants = admin.ask("GET", "/auth/v1/admin/tenants", &Value::Null);
    assert_eq!(tenants.json()["tenants"], json!([]));
}

fn refuses(origin: &Origin, who: Option<&Person<'_>>, method: &str, target: &str, bodies: &[&str]) {
    let code = |body: &[u8], content_type: &str| {
        let mut call = Call::post(target, "");
        if let Some(who) = who {
            call = call.subject(Some(&who.id)).session(&who.session);
        }
        call.method = method;
        call.body = body.to_vec();
        call.content_type = Some(content_type);
        let answer = origin.send(&call.seal(origin));
        (answer.status, text(&answer.json()["code"]))
    };
    let json = "application/json";
    for body in bodies.iter().chain(&["[]", "null", "1", "\"x\""]) {
        let told = code(body.as_bytes(), json);
        assert_eq!(
            told,
            (400, "validation_failed".into()),
            "{method} {target} {body}"
        );
    }
    // However deep: a stack has an end.
    for deep in [
        "[".repeat(10_000),
        format!("{{\"data\":{}", "[".repeat(10_000)),
    ] {
        assert_eq!(code(deep.as_bytes(), json).0, 400, "{method} {target}");
    }
    for body in [&b"{"[..], b"", b"{}x", b"\xff\xfe", b"{\"name\":\"\xff\"}"] {
        let told = code(body, json);
        assert_eq!(told, (400, "bad_json".into()), "{method} {target} {body:?}");
    }
    assert_eq!(code(b"{}", "text/plain").0, 415, "{method} {target}");
    assert_eq!(code(&vec![b' '; 65_537], json).0, 413, "{method} {target}");
}

fn paths_and_queries_that_name_nothing_are_refused(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let grants = json!({ "permissions": [] });
    for role in ["anon", "admin", "No", "%00", "x%20y"] {
        let target = format!("/auth/v1/admin/roles/{role}");
        admin.sees("PUT", &target, &grants, 400, "validation_failed");
    }
    for path in [
        "",
        "users/",
        "users/x/y",
        "users/%00",
        "users/x/sessions",
        "tenants/x/members",
        "nothing",
    ] {
        let target = format!("/auth/v1/admin/{path}");
        assert_eq!(
            admin.ask("GET", &target, &Value::Null).status,
            404,
            "{path}"
        );
    }
    admin.sees(
        "DELETE",
        "/auth/v1/sessions/%00",
        &Value::Null,
        404,
        "not_found",
    );
    let one = format!("/auth/v1/admin/users/{}", admin.id);
    admin.sees("PATCH", &one, &json!({}), 405, "method_not_allowed");
    let person = Person::new(&origin, "made@example.com");
    let one = format!("/auth/v1/admin/users/{}", person.id);
    let bad = json!({ "should_soft_delete": "yes" });
    admin.sees("DELETE", &one, &bad, 400, "validation_failed");
    assert!(person.is_in());
}

/// PostgreSQL keeps no NUL in a text; the others would.
fn no_text_with_a_nul_reaches_the_database(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, "made@example.com");
    for (who, method, target, body) in [
        (
            &person,
            "PUT",
            "/auth/v1/tenants",
            r#"{"tenant_id":"\u0000"}"#,
        ),
        (
            &admin,
            "POST",
            "/auth/v1/admin/users",
            r#"{"email":"a@b.co","role":"a\u0000"}"#,
        ),
        (
            &admin,
            "POST",
            "/auth/v1/admin/users",
            r#"{"email":"a@b.co","password_hash":"pbkdf2:sha256:1000$a\u0000b$0000000000000000000000000000000000000000000000000000000000000000"}"#,
        ),
        (
            &admin,
            "PUT",
            &format!("/auth/v1/admin/users/{}", person.id),
            r#"{"role":"a\u0000"}"#,
        ),
        (
            &admin,
            "PUT",
            "/auth/v1/admin/tenants",
            r#"{"name":"a\u0000"}"#,
        ),
        (&admin, "GET", "/auth/v1/admin/users/%00", ""),
        (&admin, "DELETE", "/auth/v1/sessions/%00", ""),
        (&admin, "DELETE", "/auth/v1/admin/roles/%00", ""),
        (
            &person,
            "PUT",
            "/auth/v1/user",
            r#"{"password":"another horse","current_password":"\u0000"}"#,
        ),
    ] {
        let answer = who.told(method, target, body).0;
        assert!(
            (400..500).contains(&answer.status),
            "{method} {target} {body}: {answer:?}"
        );
    }
    // What is JSON to us is text without a NUL to the database, and comes back as it was.
    let body = json!({ "data": { "a": "\u{0}b" } });
    let answer = person.ask("PUT", "/auth/v1/user", &body);
    assert_eq!(answer.json()["user_metadata"]["a"], "\u{0}b");
}
