//! Writing: rows that are added, changed and deleted.

use super::{ADA, BOB, Who, notes};
use crate::engines::{Engine, on_every_engine};
use serde_json::{Value, json};
use std::{sync::Barrier, thread};

/// Requests that race each other.
const AT_ONCE: usize = 8;
const REPRESENTATION: [(&str, &str); 1] = [("prefer", "return=representation")];

fn rows_are_added_with_what_identity_gives(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let minimal = ada.ask("POST", "/rest/v1/notes", &json!({ "title": "a" }), &[]);
    assert_eq!(
        (minimal.status, minimal.body.len()),
        (201, 0),
        "{minimal:?}"
    );
    let rows = ada.add("notes", &json!([{ "title": "b" }, { "title": "c" }]));
    assert_eq!(rows[0]["title"], "b");
    assert_eq!(rows[1]["user_id"], ADA);
    assert_eq!(ada.rows("/rest/v1/notes").as_array().unwrap().len(), 3);
    let mixed = json!([{ "title": "d" }, { "title": "e", "body": "x" }]);
    ada.refused("POST", "/rest/v1/notes", &mixed, 400, "PGRST102");
    let named = ada.ask(
        "POST",
        "/rest/v1/notes?columns=title,body",
        &mixed,
        &REPRESENTATION,
    );
    assert_eq!(named.status, 201, "{named:?}");
    assert_eq!(named.json()[0]["body"], Value::Null);
    let csv = ada.send(
        "POST",
        "/rest/v1/notes",
        "title,body\nf,NULL\n",
        &[("content-type", "text/csv")],
    );
    assert_eq!(csv.status, 201, "{csv:?}");
}

fn rows_are_changed_and_deleted_by_filter(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let id = ada.note("a");
    ada.note("b");
    let of = format!("/rest/v1/notes?id=eq.{id}");
    let changed = ada.ask("PATCH", &of, &json!({ "body": "x" }), &REPRESENTATION);
    assert_eq!(
        (changed.status, &changed.json()[0]["body"]),
        (200, &json!("x"))
    );
    assert_eq!(
        ada.ask("PATCH", &of, &json!({ "body": "y" }), &[]).status,
        204
    );
    assert_eq!(ada.rows(&of)[0]["body"], "y");
    ada.refused(
        "PATCH",
        "/rest/v1/notes",
        &json!({ "body": "z" }),
        400,
        "21000",
    );
    ada.refused("DELETE", "/rest/v1/notes", &Value::Null, 400, "21000");
    ada.refused(
        "PATCH",
        &of,
        &json!({ "created_at": "2020-01-01" }),
        403,
        "42501",
    );
    ada.refused("PATCH", &of, &json!({ "nope": 1 }), 400, "PGRST204");
    let gone = ada.ask("DELETE", &of, &Value::Null, &REPRESENTATION);
    assert_eq!((gone.status, &gone.json()[0]["id"]), (200, &json!(id)));
    assert_eq!(ada.rows("/rest/v1/notes").as_array().unwrap().len(), 1);
}

fn upserts_change_or_leave_what_is_there(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let id = ada.note("a");
    ada.ask(
        "PATCH",
        &format!("/rest/v1/notes?id=eq.{id}"),
        &json!({ "body": "kept" }),
        &[],
    );
    let new = "00000000-0000-4000-8000-000000000001";
    let rows = json!([{ "id": id, "title": "changed" }, { "id": new, "title": "new" }]);
    let merge = ada.ask(
        "POST",
        "/rest/v1/notes",
        &rows,
        &[(
            "prefer",
            "resolution=merge-duplicates,return=representation",
        )],
    );
    assert_eq!(merge.status, 201, "{merge:?}");
    assert_eq!(merge.json()[0]["title"], "changed");
    assert_eq!(merge.json()[0]["body"], "kept");
    assert_eq!(merge.json()[1]["id"], new);
    let rows = json!([{ "id": id, "title": "ignored" }]);
    let ignore = ada.ask(
        "POST",
        "/rest/v1/notes",
        &rows,
        &[(
            "prefer",
            "resolution=ignore-duplicates,return=representation",
        )],
    );
    assert_eq!((ignore.status, ignore.json()), (201, json!([])));
    ada.refused("POST", "/rest/v1/notes", &rows, 409, "23505");
    assert_eq!(ada.rows("/rest/v1/notes?title=eq.ignored"), json!([]));
}

fn half_of_a_bulk_insert_is_nothing(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let rows = json!([{ "title": "a" }, { "title": null }]);
    ada.refused("POST", "/rest/v1/notes", &rows, 400, "23502");
    assert_eq!(ada.rows("/rest/v1/notes"), json!([]));
}

fn a_row_to_refer_to_is_the_callers_or_is_not(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let tag = json!({ "note_id": ADA, "tag": "x" });
    // There is no such note, which is told as if it were somebody else's.
    let bob = Who::user(&origin, BOB);
    let of_bob = json!({ "note_id": bob.note("b"), "tag": "x" });
    let tell = |tag: &Value| {
        let answer = ada.ask("POST", "/rest/v1/note_tags", tag, &[]);
        (answer.status, answer.json())
    };
    assert_eq!(tell(&tag), tell(&of_bob));
    assert_eq!(tell(&tag).0, 403);
    let id = ada.note("own");
    ada.add("note_tags", &json!({ "note_id": id, "tag": "own" }));
    let tell = |tag: &Value| {
        let to = "/rest/v1/note_tags?tag=eq.own";
        let answer = ada.ask("PATCH", to, tag, &[]);
        (answer.status, answer.json())
    };
    let (nowhere, elsewhere) = (
        json!({ "note_id": ADA }),
        json!({ "note_id": of_bob["note_id"] }),
    );
    assert_eq!(tell(&nowhere), tell(&elsewhere));
    assert_eq!(tell(&nowhere).0, 403);
}

fn what_was_written_is_told_as_csv(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let told = |method, target: &str, body: &Value, status| {
        let headers = [("prefer", "return=representation"), ("accept", "text/csv")];
        let answer = ada.ask(method, target, body, &headers);
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
        String::from_utf8(answer.body).unwrap()
    };
    let rows = json!([{ "title": "b,", "phone": "+62 811" }, { "title": "a", "phone": null }]);
    let target = "/rest/v1/notes?select=title,phone,body";
    // In the order in which they came.
    assert_eq!(
        told("POST", target, &rows, 201),
        "title,phone,body\n\"b,\",+62 811,\na,,\n"
    );
    let one = format!("{target}&title=eq.a");
    assert_eq!(
        told("PATCH", &one, &json!({ "phone": "1" }), 200),
        "title,phone,body\na,1,\n"
    );
    assert_eq!(
        told("DELETE", &one, &Value::Null, 200),
        "title,phone,body\na,1,\n"
    );
    assert_eq!(
        told("DELETE", &one, &Value::Null, 200),
        "title,phone,body\n"
    );
    let nested = "/rest/v1/notes?select=title,note_tags(tag)";
    let csv = [("prefer", "return=representation"), ("accept", "text/csv")];
    let answer = ada.ask("POST", nested, &json!({ "title": "c" }), &csv);
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (400, Some("PGRST100"))
    );
    assert_eq!(
        ada.rows("/rest/v1/notes?select=title"),
        json!([{ "title": "b," }])
    );
}

fn a_rehearsal_changes_nothing(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let tried = ada.ask(
        "POST",
        "/rest/v1/notes",
        &json!({ "title": "a" }),
        &[("prefer", "tx=rollback,return=representation")],
    );
    assert_eq!(
        (tried.status, &tried.json()[0]["title"]),
        (201, &json!("a"))
    );
    assert_eq!(ada.rows("/rest/v1/notes"), json!([]));
}

fn a_row_is_changed_as_it_was_seen_or_not_at_all(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let id = ada.note("a");
    let of = format!("/rest/v1/notes?id=eq.{id}");
    let object = ("accept", "application/vnd.pgrst.object+json");
    let seen = ada.ask("GET", &of, &Value::Null, &[object]);
    let etag = seen.headers["etag"].clone();
    let same = ada.ask(
        "GET",
        &of,
        &Value::Null,
        &[object, ("if-none-match", &etag)],
    );
    assert_eq!((same.status, same.body.len()), (304, 0));
    let change = |body: &str, tag: &str| {
        ada.ask(
            "PATCH",
            &of,
            &json!({ "body": body }),
            &[("if-match", tag), object, REPRESENTATION[0]],
        )
    };
    let first = change("x", &etag);
    assert_eq!(first.status, 200, "{first:?}");
    assert_ne!(first.headers["etag"], etag);
    let second = change("y", &etag);
    assert_eq!(
        (second.status, second.json()["code"].as_str()),
        (412, Some("GAPURA412"))
    );
    assert_eq!(change("z", &first.headers["etag"]).status, 200);
    let gone = ada.ask("DELETE", &of, &Value::Null, &[("if-match", &etag)]);
    assert_eq!(gone.status, 412);
}

/// Of those who saw the same row, one changes it.
fn of_two_at_once_one_wins(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let id = ada.note("a");
    let of = format!("/rest/v1/notes?id=eq.{id}");
    let object = ("accept", "application/vnd.pgrst.object+json");
    for round in 0..10 {
        let etag = ada.ask("GET", &of, &Value::Null, &[object]).headers["etag"].clone();
        let start = Barrier::new(AT_ONCE);
        let change = |number: usize| {
            let body = json!({ "body": format!("{round} {number}") });
            start.wait();
            ada.ask("PATCH", &of, &body, &[("if-match", &etag)]).status
        };
        let change = &change;
        let mut told: Vec<u16> = thread::scope(|scope| {
            let all: Vec<_> = (0..AT_ONCE)
                .map(|number| scope.spawn(move || change(number)))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        told.sort_unstable();
        let mut expected = vec![412; AT_ONCE];
        expected[0] = 204;
        assert_eq!(told, expected, "round {round}\n{}", origin.log());
    }
}

fn a_row_of_somebody_else_is_as_if_it_were_not_there(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let id = ada.note("a");
    let of = format!("/rest/v1/notes?id=eq.{id}");
    for (method, body) in [("PATCH", json!({ "title": "b" })), ("DELETE", Value::Null)] {
        let answer = bob.ask(method, &of, &body, &REPRESENTATION);
        assert_eq!((answer.status, answer.json()), (200, json!([])), "{method}");
    }
    assert_eq!(ada.rows(&of)[0]["title"], "a");
}

on_every_engine!(
    rows_are_added_with_what_identity_gives,
    rows_are_changed_and_deleted_by_filter,
    upserts_change_or_leave_what_is_there,
    half_of_a_bulk_insert_is_nothing,
    a_row_to_refer_to_is_the_callers_or_is_not,
    what_was_written_is_told_as_csv,
    a_rehearsal_changes_nothing,
    a_row_is_changed_as_it_was_seen_or_not_at_all,
    of_two_at_once_one_wins,
    a_row_of_somebody_else_is_as_if_it_were_not_there,
);
