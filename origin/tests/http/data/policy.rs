//! Conditions one by one: what each of them decides, and which are refused at the start.

use super::{
    ADA, BOB, Who, config, past,
    stock::{contact, stock},
};
use crate::{
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::{Value, json};

const PARCELS: &str = r#"
[data.tables.parcel]
columns = ["id", "user_id", "state", "of_session", "of_token"]
types = { id = "uuid" }
defaults = { id = "uuid()", of_session = "auth.claim('session_id')", of_token = "auth.claim('jti')" }
unfiltered = true
[data.tables.parcel.roles.user]
select = "user_id = auth.uid()"
insert = "1 = 1"
update = "user_id = auth.uid()"
update_check = "1 = 1"
delete = "of_session = auth.claim('session_id') AND of_token = auth.claim('jti')"
"#;

const REPRESENTATION: (&str, &str) = ("prefer", "return=representation");

fn serve(engine: Engine) -> (Site, Origin) {
    let site = Site::on(engine, &format!("{}notes = true\n{PARCELS}", config()));
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    past::sql(
        &site,
        "CREATE TABLE parcel (id CHAR(36) PRIMARY KEY NOT NULL, user_id CHAR(36) NOT NULL, \
         state VARCHAR(16) DEFAULT 'new', of_session VARCHAR(64), of_token VARCHAR(64))",
    );
    let origin = site.start();
    (site, origin)
}

fn what_was_written_is_shown_to_who_may_see_it(engine: Engine) {
    let (site, origin) = serve(engine);
    let ada = Who::user(&origin, ADA);
    let (own, of_bob) = (json!({ "user_id": ADA }), json!({ "user_id": BOB }));
    let count = || past::one(&site, "SELECT CAST(COUNT(*) AS CHAR(9)) FROM parcel").unwrap();
    // It may be written, and is taken back for it may not be shown.
    for rows in [of_bob.clone(), json!([own, of_bob])] {
        let answer = ada.ask("POST", "/rest/v1/parcel", &rows, &[REPRESENTATION]);
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (403, Some("42501"))
        );
    }
    assert_eq!(count().trim(), "0");
    assert_eq!(ada.ask("POST", "/rest/v1/parcel", &of_bob, &[]).status, 201);
    assert_eq!(ada.rows("/rest/v1/parcel"), json!([]));
    ada.add("parcel", &own);
    let all = "/rest/v1/parcel";
    let given = ada.ask("PATCH", all, &of_bob, &[REPRESENTATION]);
    assert_eq!(given.status, 403, "{given:?}");
    assert_eq!(ada.rows(all).as_array().unwrap().len(), 1);
    assert_eq!(ada.ask("PATCH", all, &of_bob, &[]).status, 204);
    assert_eq!(ada.rows(all), json!([]));
}

fn what_it_embeds_is_shown_to_who_may_see_it(engine: Engine) {
    let (_site, origin) = stock(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let of_ada = contact(ada, &json!({ "title": "secret", "phone": "+62" }));
    let target = "/rest/v1/part?select=id,contact(title,phone)";
    for (who, id, embedded) in [
        (bob, 1, Value::Null),
        (ada, 2, json!({ "title": "secret", "phone": "+62" })),
    ] {
        let row = json!({ "id": id, "contact_id": of_ada, "body": "x" });
        let added = who.ask("POST", target, &row, &[REPRESENTATION]);
        assert_eq!(
            (added.status, added.json()),
            (201, json!([{ "id": id, "contact": embedded }]))
        );
    }
}

fn a_session_and_a_token_are_told_apart(engine: Engine) {
    let (_site, origin) = serve(engine);
    let who = |session, token| Who {
        session: Some(session),
        token: Some(token),
        ..Who::user(&origin, ADA)
    };
    let ada = who("s", "t");
    let added = ada.add("parcel", &json!({ "user_id": ADA }));
    assert_eq!(added[0]["of_session"], "s");
    assert_eq!(added[0]["of_token"], "t");
    // No filter is needed here: all rows that may be deleted are meant.
    for (other, left) in [
        (who("other", "t"), 1),
        (who("s", "other"), 1),
        (Who::user(&origin, ADA), 1),
        (who("s", "t"), 0),
    ] {
        let gone = other.ask("DELETE", "/rest/v1/parcel", &Value::Null, &[]);
        assert_eq!(gone.status, 204, "{gone:?}");
        let rows = ada.rows("/rest/v1/parcel?select=id");
        assert_eq!(rows.as_array().unwrap().len(), left);
    }
}

fn what_is_left_out_is_null_or_its_default(engine: Engine) {
    let (_site, origin) = serve(engine);
    let ada = Who::user(&origin, ADA);
    let rows = json!([{ "user_id": ADA, "state": "sent" }, { "user_id": ADA }]);
    let target = "/rest/v1/parcel?columns=user_id,state&select=state";
    for (prefer, left_out) in [
        ("return=representation", Value::Null),
        ("return=representation,missing=default", json!("new")),
    ] {
        let added = ada.ask("POST", target, &rows, &[("prefer", prefer)]);
        assert_eq!(
            (added.status, added.json()),
            (201, json!([{ "state": "sent" }, { "state": left_out }]))
        );
    }
}

fn a_role_without_a_condition_may_nothing(engine: Engine) {
    let (_site, origin) = serve(engine);
    let guest = Who {
        role: "guest",
        ..Who::user(&origin, ADA)
    };
    let row = json!({ "user_id": ADA });
    for (method, body) in [
        ("GET", &Value::Null),
        ("POST", &row),
        ("PATCH", &row),
        ("DELETE", &Value::Null),
    ] {
        guest.refused(method, "/rest/v1/parcel", body, 403, "42501");
    }
}

/// MariaDB takes `5f3a…` for 5, and a text without digits for 0.
fn no_number_is_compared_with_a_claim(engine: Engine) {
    let tables = |condition: &str| {
        format!(
            "{}notes = true\n[data.tables.\"order\"]\ncolumns = [\"id\", \"user_id\"]\n\
             roles.user = {{ select = \"{condition}\", update = \"1 = 1\", delete = \"1 = 1\" }}\n",
            config()
        )
    };
    let table = match engine {
        Engine::MySql => "`order`",
        Engine::Sqlite | Engine::Postgres => "\"order\"",
    };
    let create = format!("CREATE TABLE {table} (id INT PRIMARY KEY, user_id INT)");
    let text = if engine == Engine::MySql {
        "CHAR"
    } else {
        "TEXT"
    };
    for (condition, is_fault) in [
        ("user_id = auth.uid()".to_owned(), engine != Engine::Sqlite),
        (
            format!(
                "auth.uid() IN (SELECT o.user_id FROM {} o)",
                table.replace('"', "\\\"")
            ),
            engine != Engine::Sqlite,
        ),
        (format!("CAST(user_id AS {text}) = auth.uid()"), false),
    ] {
        let site = Site::on(engine, &tables(&condition));
        assert!(site.command(&["data", "notes"]).status().unwrap().success());
        past::sql(&site, &create);
        past::sql(&site, &format!("INSERT INTO {table} VALUES (1, 0), (2, 5)"));
        let check = site.command(&["data", "check"]).output().unwrap();
        let told = String::from_utf8_lossy(&check.stderr);
        assert_eq!(
            check.status.code(),
            Some(if is_fault { 64 } else { 0 }),
            "{condition}: {told}"
        );
        if is_fault {
            continue;
        }
        // A name that is a word of SQL's own is one as any other.
        let origin = site.start();
        let of = |id| Who::user(&origin, id);
        assert_eq!(of("5f3a0c1e").rows("/rest/v1/order"), json!([]));
        if condition.starts_with("CAST") {
            assert_eq!(
                of("5").rows("/rest/v1/order?select=id"),
                json!([{ "id": 2 }])
            );
            let change = json!({ "user_id": 5 });
            let changed = of("5").ask("PATCH", "/rest/v1/order?id=eq.2", &change, &[]);
            assert_eq!(changed.status, 204, "{changed:?}");
            let gone = of("5").ask("DELETE", "/rest/v1/order?id=eq.2", &Value::Null, &[]);
            assert_eq!(gone.status, 204, "{gone:?}");
        }
    }
}

on_every_engine!(
    what_was_written_is_shown_to_who_may_see_it,
    what_it_embeds_is_shown_to_who_may_see_it,
    a_session_and_a_token_are_told_apart,
    what_is_left_out_is_null_or_its_default,
    a_role_without_a_condition_may_nothing,
    no_number_is_compared_with_a_claim,
);
