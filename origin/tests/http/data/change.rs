//! Which rows a change is of, and what is shown of them afterwards.

use super::{ADA, BOB, Who, notes, past};
use crate::engines::{Engine, on_every_engine};
use serde_json::{Value, json};
use std::{thread, time::Duration};

const OBJECT: (&str, &str) = ("accept", "application/vnd.pgrst.object+json");

const REPRESENTATION: (&str, &str) = ("prefer", "return=representation");

fn titles(who: Who<'_>) -> Vec<String> {
    let rows = who.rows("/rest/v1/notes?select=title&order=title");
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["title"].as_str().unwrap().to_owned())
        .collect()
}

/// `update({ status: 'paid' }).eq('status', 'pending').select()`: the commonest change there is.
fn a_row_that_no_longer_meets_its_filter_is_shown(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    ada.note("a");
    ada.note("other");
    let of = "/rest/v1/notes?title=eq.a&select=title,note_tags(tag)";
    let changed = ada.ask("PATCH", of, &json!({ "title": "b" }), &[REPRESENTATION]);
    assert_eq!(
        (changed.status, changed.json()),
        (200, json!([{ "title": "b", "note_tags": [] }])),
    );
    let again = ada.ask("PATCH", of, &json!({ "title": "c" }), &[REPRESENTATION]);
    assert_eq!((again.status, again.json()), (200, json!([])));
    assert_eq!(titles(ada), ["b", "other"]);
    // What a new row embeds decides nothing of whether it was written.
    let target = "/rest/v1/notes?select=title,note_tags!inner(tag)";
    let added = ada.ask("POST", target, &json!({ "title": "n" }), &[REPRESENTATION]);
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(titles(ada), ["b", "n", "other"]);
    // What it embeds is filtered as ever.
    let id = ada.note("tagged");
    let tags = json!([{ "note_id": id, "tag": "x" }, { "note_id": id, "tag": "y" }]);
    ada.add("note_tags", &tags);
    let target = "/rest/v1/notes?title=eq.tagged&select=title,note_tags(tag)&note_tags.tag=eq.x";
    let changed = ada.ask("PATCH", target, &json!({ "title": "t" }), &[REPRESENTATION]);
    assert_eq!(
        changed.json(),
        json!([{ "title": "t", "note_tags": [{ "tag": "x" }] }])
    );
    // Nor does it show what may not be seen.
    let bob = Who::user(&origin, BOB);
    let of_bob = bob.ask("PATCH", of, &json!({ "title": "c" }), &[REPRESENTATION]);
    assert_eq!((of_bob.status, of_bob.json()), (200, json!([])));
}

fn a_page_of_rows_is_changed_and_no_other(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let rows: Vec<Value> = (0..10).map(|n| json!({ "title": n.to_string() })).collect();
    ada.add("notes", &json!(rows));
    let page = "/rest/v1/notes?title=gte.0&order=title&offset=5&limit=3";
    let gone = ada.ask("DELETE", page, &Value::Null, &[REPRESENTATION]);
    assert_eq!(gone.status, 200, "{gone:?}");
    assert_eq!(titles(ada), ["0", "1", "2", "3", "4", "8", "9"]);
    let changed = ada.ask("PATCH", page, &json!({ "title": "new" }), &[]);
    assert_eq!(changed.status, 204);
    assert_eq!(titles(ada), ["0", "1", "2", "3", "4", "new", "new"]);
    // A start without an end.
    let rest = "/rest/v1/notes?title=gte.0&order=title&offset=6";
    assert_eq!(ada.ask("DELETE", rest, &Value::Null, &[]).status, 204);
    assert_eq!(titles(ada), ["0", "1", "2", "3", "4", "new"]);
}

/// Somebody else's change of a row is committed between the look at it and its deletion.
fn what_changed_meanwhile_is_not_deleted_unseen(engine: Engine) {
    if engine != Engine::Postgres {
        // It is locked from the first look on.
        return;
    }
    let (site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let deleted = |filter: &str, is_seen: bool| {
        let id = ada.note("a");
        let of = format!("/rest/v1/notes?id=eq.{id}");
        let one = ada.send("GET", &of, "", &[OBJECT]);
        let etag = one.headers["etag"].clone();
        let here = "(SELECT oid FROM pg_database WHERE datname = current_database())";
        let change = format!(
            "BEGIN; UPDATE notes SET title = 'b' WHERE id = '{id}'; SELECT pg_advisory_xact_lock(7); \
             DO $$ BEGIN LOOP PERFORM pg_stat_clear_snapshot(); EXIT WHEN EXISTS (SELECT 1 FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'); PERFORM pg_sleep(0.01); \
             END LOOP; END $$; COMMIT"
        );
        let held =
            format!("SELECT 'x' FROM pg_locks WHERE locktype = 'advisory' AND database = {here}");
        thread::scope(|scope| {
            scope.spawn(|| past::sql(&site, &change));
            while past::sql(&site, &held).is_empty() {
                thread::sleep(Duration::from_millis(10));
            }
            let mut headers = vec![("prefer", "count=exact")];
            headers.extend(is_seen.then_some(("if-match", etag.as_str())));
            let answer = ada.ask("DELETE", &format!("{of}{filter}"), &Value::Null, &headers);
            let is_there = ada.rows(&of) != json!([]);
            (answer.status, is_there)
        })
    };
    assert_eq!(deleted("", true), (412, true));
    assert_eq!(deleted("&title=eq.a", false), (204, true));
    // What is still asked for is deleted all the same.
    assert_eq!(deleted("", false), (204, false));
    assert_eq!(deleted("&title=in.(a,b)", false), (204, false));
}

on_every_engine!(
    what_changed_meanwhile_is_not_deleted_unseen,
    a_row_that_no_longer_meets_its_filter_is_shown,
    a_page_of_rows_is_changed_and_no_other,
);
