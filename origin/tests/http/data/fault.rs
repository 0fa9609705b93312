//! What a client does wrong is told to it, and is no fault of ours.

use super::{
    ADA, Who, past,
    stock::{contact, parts, stock},
};
use crate::engines::{Engine, on_every_engine};
use serde_json::{Value, json};

fn a_member_has_one_name(engine: Engine) {
    let (site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    let id = contact(ada, &json!({ "title": "a", "phone": "+62" }));
    let sealed = past::one(&site, "SELECT phone FROM contact").unwrap();
    // What somebody found in a backup, told to belong where it did.
    let more = json!({ "x": [sealed, id, ""] });
    contact(ada, &json!({ "title": "b", "more": more }));
    let stars = vec!["*"; 90].join(",");
    for select in ["*", "*,phone", "*,*", "phone,*", &stars] {
        let target = format!("/rest/v1/contact?order=title&select={select}");
        let rows = ada.rows(&target);
        assert_eq!(rows[0]["phone"], "+62", "{select}");
        assert_eq!(
            rows[0]["title"],
            if select.contains('*') {
                json!("a")
            } else {
                Value::Null
            }
        );
    }
    for select in [
        "phone,phone:title",
        "phone:title,phone",
        "phone,phone:more->x",
        "*,phone:more->x",
        "phone:more->x,phone",
        "title,title::text",
        "part(*),part:more->x",
        "part:more->x,part(*)",
        "part(id,id:body)",
        "more->x,x:more->y",
    ] {
        let target = format!("/rest/v1/contact?select={select}");
        ada.refused("GET", &target, &Value::Null, 400, "PGRST100");
        let csv = ada.send("GET", &target, "", &[("accept", "text/csv")]);
        assert_eq!(csv.status, 400, "{select}: {csv:?}");
    }
}

fn lines_have_a_column(engine: Engine) {
    let (_site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    let target = "/rest/v1/contact?select=";
    let csv = ada.send("GET", target, "", &[("accept", "text/csv")]);
    assert_eq!(
        (csv.status, csv.json()["code"].as_str()),
        (400, Some("PGRST100"))
    );
    contact(ada, &json!({ "title": "a" }));
    assert_eq!(ada.rows(target), json!([{}]));
}

fn what_the_database_refuses_is_told_as_such(engine: Engine) {
    let (_site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    let id = contact(ada, &json!({ "title": "a", "more": { "a": 1 } }));
    parts(&origin, &id, 1, 1);
    let of = format!("/rest/v1/contact?id=eq.{id}");
    ada.refused("DELETE", &of, &Value::Null, 409, "23503");
    let row = json!({ "title": "refused" });
    let refused = ada.ask("POST", "/rest/v1/contact", &row, &[]);
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (400, Some("P0001")),
        "{refused:?}"
    );
    // Its words may be of rows that the caller does not see.
    assert!(!refused.json().to_string().contains("trigger\""));
    assert_eq!(
        ada.rows("/rest/v1/contact?select=title"),
        json!([{ "title": "a" }])
    );
    assert!(!origin.log().contains("ERROR"), "{}", origin.log());
}

/// MariaDB ends lists after a megabyte unless it is told otherwise.
fn a_long_list_is_embedded_whole(engine: Engine) {
    let (_site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    let id = contact(ada, &json!({ "title": "a" }));
    parts(&origin, &id, 200, 9000);
    let rows = ada.rows("/rest/v1/contact?select=part(body)");
    let list = rows[0]["part"].as_array().unwrap();
    assert_eq!(list.len(), 200);
    assert!(
        list.iter()
            .all(|part| part["body"].as_str().unwrap().len() == 9000)
    );
}

on_every_engine!(
    a_member_has_one_name,
    lines_have_a_column,
    what_the_database_refuses_is_told_as_such,
    a_long_list_is_embedded_whole,
);
