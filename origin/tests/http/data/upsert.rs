//! Upserts: what tells that a row is there already, and what becomes of it.

use super::{
    ADA, BOB, Who,
    stock::{contact, stock},
};
use crate::engines::{Engine, on_every_engine};
use serde_json::{Value, json};

const MERGE: (&str, &str) = (
    "prefer",
    "resolution=merge-duplicates,return=representation",
);
const IGNORE: (&str, &str) = (
    "prefer",
    "resolution=ignore-duplicates,return=representation",
);
const ROW: &str = "00000000-0000-4000-8000-000000000001";

fn nothing_but_what_is_unique_tells_rows_apart(engine: Engine) {
    let (_site, origin) = stock(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    contact(
        ada,
        &json!({ "code": "k", "a": 1, "b": 1, "title": "secret" }),
    );
    for target in [
        "title",
        "user_id",
        "a",
        "b",
        "code,title",
        "a,b,code",
        "id,code",
    ] {
        let target = format!("/rest/v1/contact?on_conflict={target}");
        for who in [ada, bob] {
            for title in ["secret", "other"] {
                for how in [MERGE, IGNORE] {
                    let row = json!({ "code": "l", "a": 2, "b": 2, "title": title });
                    let answer = who.ask("POST", &target, &row, &[how]);
                    assert_eq!(
                        (answer.status, answer.json()["code"].as_str()),
                        (400, Some("42P10")),
                        "{target} {title} {answer:?}"
                    );
                }
            }
        }
    }
    // A whole unique index does, in any order, and the primary key.
    for (target, row) in [
        ("code", json!({ "code": "k", "title": "1" })),
        ("a,b", json!({ "a": 1, "b": 1, "title": "2" })),
        ("b,a", json!({ "a": 1, "b": 1, "title": "3" })),
    ] {
        let target = format!("/rest/v1/contact?on_conflict={target}");
        let merged = ada.ask("POST", &target, &row, &[MERGE]);
        assert_eq!(merged.status, 201, "{merged:?}");
        assert_eq!(merged.json()[0]["title"], row["title"], "{target}");
        // That it is taken is all that somebody else learns, as by any other insert.
        let refused = bob.ask("POST", &target, &row, &[MERGE]);
        assert_eq!(
            (refused.status, refused.json()["code"].as_str()),
            (403, Some("42501"))
        );
        let left = bob.ask("POST", &target, &row, &[IGNORE]);
        assert_eq!((left.status, left.json()), (201, json!([])));
    }
    let seen = ada.rows("/rest/v1/contact?select=title");
    assert_eq!(seen, json!([{ "title": "3" }]));
    // NULL is no two times the same.
    for _ in 0..2 {
        let row = json!({ "code": null, "title": "none" });
        let added = ada.ask("POST", "/rest/v1/contact?on_conflict=code", &row, &[MERGE]);
        assert_eq!(added.status, 201, "{added:?}");
    }
    let seen = ada.rows("/rest/v1/contact?select=id&title=eq.none");
    assert_eq!(seen.as_array().unwrap().len(), 2);
    assert_eq!(bob.rows("/rest/v1/contact"), json!([]));
}

fn a_field_is_sealed_for_the_row_that_is_there(engine: Engine) {
    let (_site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    contact(ada, &json!({ "code": "k", "title": "a" }));
    let row = json!([{ "code": "k", "phone": "+62" }, { "code": "l", "phone": "+63" }]);
    let merged = ada.ask("POST", "/rest/v1/contact?on_conflict=code", &row, &[MERGE]);
    assert_eq!(merged.status, 201, "{merged:?}");
    let rows = merged.json();
    assert_eq!(
        (&rows[0]["title"], &rows[0]["phone"], &rows[1]["phone"]),
        (&json!("a"), &json!("+62"), &json!("+63"))
    );
    let seen = ada.rows("/rest/v1/contact?select=code,phone&order=code");
    assert_eq!(seen, row);
    let seen = ada.rows("/rest/v1/contact?select=code&phone=eq.+62");
    assert_eq!(seen, json!([{ "code": "k" }]));
}

fn a_sealed_row_stays_with_its_tenant(engine: Engine) {
    let (_site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    let row = json!({ "id": ROW, "tenant_id": "one", "code": "k", "secret": "s" });
    ada.add("letter", &row);
    for (target, given) in [
        ("", json!({ "id": ROW, "tenant_id": "two" })),
        (
            "",
            json!({ "id": ROW, "tenant_id": "two", "secret": "other" }),
        ),
        (
            "?on_conflict=code",
            json!({ "code": "k", "tenant_id": "two", "secret": "x" }),
        ),
    ] {
        let target = format!("/rest/v1/letter{target}");
        let refused = ada.ask("POST", &target, &given, &[MERGE]);
        assert_eq!(
            (refused.status, refused.json()["code"].as_str()),
            (400, Some("PGRST100")),
            "{given} {refused:?}"
        );
        assert_eq!(ada.rows("/rest/v1/letter"), json!([row]), "{given}");
    }
    // The same one again is no move.
    let given = json!({ "code": "k", "tenant_id": "one", "secret": "t" });
    let target = "/rest/v1/letter?on_conflict=code";
    let merged = ada.ask("POST", target, &given, &[MERGE]);
    assert_eq!(merged.status, 201, "{merged:?}");
    assert_eq!(
        ada.rows("/rest/v1/letter?select=id,secret"),
        json!([{ "id": ROW, "secret": "t" }])
    );
}

fn a_whole_row_is_sent_back(engine: Engine) {
    let (_site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    let id = contact(ada, &json!({ "code": "k", "title": "a", "phone": "+62" }));
    let of = format!("/rest/v1/contact?id=eq.{id}");
    let mut row = ada.rows(&of)[0].clone();
    row["title"] = json!("b");
    row["id"] = json!(id.to_uppercase());
    let changed = ada.ask("PATCH", &of, &row, &[("prefer", "return=representation")]);
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(
        (&changed.json()[0]["title"], &changed.json()[0]["phone"]),
        (&json!("b"), &json!("+62"))
    );
    // Another key is a move, also where one of several rows has it.
    ada.refused("PATCH", &of, &json!({ "id": ROW }), 400, "PGRST100");
    contact(ada, &json!({ "code": "l", "title": "c" }));
    let all = "/rest/v1/contact?title=not.is.null";
    let moved = json!({ "id": id, "title": "d" });
    ada.refused("PATCH", all, &moved, 400, "PGRST100");
    assert_eq!(
        ada.rows("/rest/v1/contact?select=title&order=title"),
        json!([{ "title": "b" }, { "title": "c" }])
    );
    ada.add(
        "letter",
        &json!({ "id": ROW, "tenant_id": "one", "secret": "s" }),
    );
    let of = format!("/rest/v1/letter?id=eq.{ROW}");
    let same = json!({ "id": ROW, "tenant_id": "one", "secret": "t" });
    assert_eq!(ada.ask("PATCH", &of, &same, &[]).status, 204);
    assert_eq!(ada.rows(&of)[0]["secret"], "t");
    let two = json!({ "tenant_id": "two" });
    ada.refused("PATCH", &of, &two, 400, "PGRST100");
    ada.refused("PATCH", &of, &json!({ "id": Value::Null }), 400, "PGRST100");
}

on_every_engine!(
    nothing_but_what_is_unique_tells_rows_apart,
    a_field_is_sealed_for_the_row_that_is_there,
    a_sealed_row_stays_with_its_tenant,
    a_whole_row_is_sent_back,
);
