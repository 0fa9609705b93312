//! Links that operators hand over.

use crate::{
    auth::{login, text},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    person::{PASSWORD, Person, operator},
};
use serde_json::{Value, json};

on_every_engine!(
    a_link_does_what_its_mail_would,
    a_link_is_for_operators_and_accounts_that_they_may_change,
    no_link_outlives_a_change_of_its_account_by_command,
);

const LINK: &str = "/auth/v1/admin/generate_link";
const EMAIL: &str = "made@example.com";

fn site(engine: Engine) -> (Site, Origin) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    (site, origin)
}

fn made(admin: &Person<'_>, body: &Value) -> Value {
    let answer = admin.ask("POST", LINK, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let made = answer.json();
    assert_eq!(made["verification_type"], body["type"]);
    let link = text(&made["action_link"]);
    assert!(link.contains(&text(&made["hashed_token"])), "{link}");
    made
}

/// The account that a token of the type lets in.
fn verified(origin: &Origin, kind: &str, made: &Value) -> Value {
    let body = json!({ "type": kind, "token_hash": made["hashed_token"] }).to_string();
    let answer = origin.post("/auth/v1/verify", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(origin.post("/auth/v1/verify", &body).status, 403, "once");
    answer.json()["user"].clone()
}

fn a_link_does_what_its_mail_would(engine: Engine) {
    let (site, origin) = site(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, EMAIL);
    for kind in ["recovery", "magiclink"] {
        let link = made(
            &admin,
            &json!({ "type": kind, "email": " Made@example.com" }),
        );
        assert_eq!(link["id"], json!(person.id), "{kind}");
        assert_eq!(verified(&origin, kind, &link)["id"], json!(person.id));
    }
    let by_code = made(&admin, &json!({ "type": "magiclink", "email": EMAIL }));
    let body = json!({ "type": "magiclink", "email": EMAIL, "token": by_code["email_otp"] });
    assert_eq!(
        origin.post("/auth/v1/verify", &body.to_string()).status,
        200
    );

    let body = json!({ "type": "signup", "email": "new@x.id", "password": PASSWORD,
        "data": { "name": "Ni" } });
    let link = made(&admin, &body);
    assert!(link["email_confirmed_at"].is_null());
    let user = verified(&origin, "signup", &link);
    assert_eq!(
        (&user["id"], &user["user_metadata"]["name"]),
        (&link["id"], &json!("Ni"))
    );
    assert!(user["email_confirmed_at"].is_string());
    assert_eq!(login(&origin, "new@x.id", PASSWORD).status, 200);
    admin.sees("POST", LINK, &body, 422, "email_exists");

    let body = json!({ "type": "invite", "email": "guest@x.id" });
    let link = made(&admin, &body);
    assert_eq!(
        made(&admin, &body)["id"],
        link["id"],
        "again until it is followed"
    );
    let link = made(&admin, &body);
    assert_eq!(verified(&origin, "invite", &link)["id"], link["id"]);

    let change = |kind: &str| {
        let body = json!({ "type": kind, "email": EMAIL, "new_email": "moved@x.id" });
        made(&admin, &body)["hashed_token"].clone()
    };
    let (old, new) = (change("email_change_current"), change("email_change_new"));
    for token in [old, new] {
        let body = json!({ "type": "email_change", "token_hash": token }).to_string();
        assert_eq!(origin.post("/auth/v1/verify", &body).status, 200);
    }
    assert_eq!(login(&origin, "moved@x.id", PASSWORD).status, 200);
}

fn a_link_is_for_operators_and_accounts_that_they_may_change(engine: Engine) {
    let (site, origin) = site(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let clerk = operator(&site, &origin, "clerk@example.com", "clerk");
    let permits = json!({ "permissions": ["users.write"] });
    assert_eq!(
        admin
            .ask("PUT", "/auth/v1/admin/roles/clerk", &permits)
            .status,
        200
    );
    let person = Person::new(&origin, EMAIL);
    let link = json!({ "type": "recovery", "email": EMAIL });
    person.sees("POST", LINK, &link, 403, "not_admin");
    clerk.sees("POST", LINK, &link, 200, "");
    let link = json!({ "type": "recovery", "email": "admin@example.com" });
    clerk.sees("POST", LINK, &link, 403, "not_admin");
    for (body, status, code) in [
        (
            json!({ "type": "recovery", "email": "nobody@x.id" }),
            404,
            "user_not_found",
        ),
        (
            json!({ "type": "sms", "email": EMAIL }),
            400,
            "validation_failed",
        ),
        (
            json!({ "type": "signup", "email": "a@x.id" }),
            400,
            "validation_failed",
        ),
        (
            json!({ "type": "email_change_new", "email": EMAIL }),
            400,
            "validation_failed",
        ),
        (
            json!({ "type": "email_change_new", "email": EMAIL, "new_email": EMAIL }),
            422,
            "email_exists",
        ),
        (
            json!({ "type": "signup", "email": "a@x.id", "password": "12345678" }),
            422,
            "weak_password",
        ),
        (
            json!({ "type": "recovery", "email": EMAIL, "x": 1 }),
            400,
            "validation_failed",
        ),
    ] {
        admin.sees("POST", LINK, &body, status, code);
    }
    let count = admin
        .ask("GET", "/auth/v1/admin/users", &Value::Null)
        .json();
    assert_eq!(count["users"].as_array().map(Vec::len), Some(3));
}

fn no_link_outlives_a_change_of_its_account_by_command(engine: Engine) {
    let (site, origin) = site(engine);
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, EMAIL);
    let run = |change: &[&str]| {
        let args = [&["users"], change, &["--email", EMAIL]].concat();
        let output = site.command(&args).output().unwrap();
        assert!(output.status.success(), "{args:?}");
    };
    let changes: [&[&[&str]]; 2] = [
        &[&["role", "--role", "editor", "--make-missing"]],
        &[&["disable"], &["enable"]],
    ];
    for change in changes {
        let link = made(&admin, &json!({ "type": "recovery", "email": EMAIL }));
        for command in change {
            run(command);
        }
        let body = json!({ "type": "recovery", "token_hash": link["hashed_token"] });
        let refused = origin.post("/auth/v1/verify", &body.to_string());
        let told = (refused.status, text(&refused.json()["error_code"]));
        assert_eq!(told, (403, "otp_expired".to_owned()), "{change:?}");
        let link = made(&admin, &json!({ "type": "recovery", "email": EMAIL }));
        assert_eq!(verified(&origin, "recovery", &link)["id"], json!(person.id));
    }
}
