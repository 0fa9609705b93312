//! `Idempotency-Key`: what is sent again is not written again.

use super::{ADA, BOB, Who, notes};
use crate::{
    client::Answer,
    engines::{Engine, on_every_engine},
};
use serde_json::{Value, json};
use std::thread;

const REPLAYED: &str = "idempotency-replayed";

/// A note under a key, answered with its rows.
fn post(who: Who<'_>, key: &str, rows: &Value) -> Answer {
    let headers = [
        ("idempotency-key", key),
        ("prefer", "return=representation"),
    ];
    who.ask("POST", "/rest/v1/notes", rows, &headers)
}

fn titles(who: Who<'_>) -> usize {
    let rows = who.rows("/rest/v1/notes?select=title");
    rows.as_array().unwrap().len()
}

fn what_is_sent_again_is_written_once(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let rows = json!([{ "title": "a", "phone": "+62811" }, { "title": "b", "phone": null }]);
    let first = post(ada, "k", &rows);
    assert_eq!(first.status, 201, "{first:?}\n{}", origin.log());
    assert!(!first.headers.contains_key(REPLAYED));
    let again = post(ada, "k", &rows);
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(again.headers[REPLAYED], "true");
    assert_eq!(titles(ada), 2);
    // Rows are shown as they are now; one that is gone is not.
    let id = first.json()[0]["id"].as_str().unwrap().to_owned();
    let of = format!("/rest/v1/notes?id=eq.{id}");
    ada.ask("PATCH", &of, &json!({ "title": "changed" }), &[]);
    ada.ask("DELETE", "/rest/v1/notes?title=eq.b", &Value::Null, &[]);
    let rows_now = post(ada, "k", &rows).json();
    assert_eq!(rows_now.as_array().unwrap().len(), 1);
    assert_eq!(rows_now[0]["title"], "changed");
    assert_eq!(rows_now[0]["phone"], "+62811");
    // The answer may be empty, too.
    let minimal = |key| {
        let key = [("idempotency-key", key)];
        ada.ask("POST", "/rest/v1/notes", &json!({ "title": "c" }), &key)
    };
    assert_eq!(minimal("m").status, 201);
    let again = minimal("m");
    assert_eq!((again.status, again.body.len()), (201, 0));
    assert_eq!(again.headers[REPLAYED], "true");
    assert_eq!(titles(ada), 2);
}

fn a_key_belongs_to_one_request_of_one_caller(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let row = json!({ "title": "a" });
    post(ada, "k", &row);
    let other = post(ada, "k", &json!({ "title": "b" }));
    assert_eq!(
        (other.status, other.json()["code"].as_str()),
        (422, Some("GAPURA422"))
    );
    for (target, prefer) in [
        ("/rest/v1/notes?select=title", "return=representation"),
        ("/rest/v1/notes", "return=minimal"),
    ] {
        let headers = [("idempotency-key", "k"), ("prefer", prefer)];
        assert_eq!(ada.ask("POST", target, &row, &headers).status, 422);
    }
    let of_bob = post(bob, "k", &row);
    assert_eq!(of_bob.status, 201);
    assert!(!of_bob.headers.contains_key(REPLAYED));
    assert_eq!(of_bob.json()[0]["user_id"], BOB);
    assert_eq!((titles(ada), titles(bob)), (1, 1));
    for bad in ["x".repeat(256).as_str(), "a b"] {
        let answer = post(ada, bad, &row);
        assert_eq!(answer.status, 400, "{bad}");
    }
}

fn what_was_not_written_uses_up_no_key(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    assert_eq!(post(ada, "k", &json!({ "title": null })).status, 400);
    assert_eq!(
        post(ada, "k", &json!({ "title": "a", "user_id": BOB })).status,
        403
    );
    let rehearsal = ada.ask(
        "POST",
        "/rest/v1/notes",
        &json!({ "title": "a" }),
        &[("idempotency-key", "k"), ("prefer", "tx=rollback")],
    );
    assert_eq!(rehearsal.status, 201);
    let written = post(ada, "k", &json!({ "title": "a" }));
    assert_eq!(written.status, 201);
    assert!(!written.headers.contains_key(REPLAYED));
    assert_eq!(titles(ada), 1);
}

/// As a client does: what was not answered for lack of a connection is sent again.
fn twenty_at_once_write_once(engine: Engine) {
    const TRIES: usize = 100;
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let row = json!({ "title": "a" });
    let answers: Vec<Answer> = thread::scope(|scope| {
        let until_answered = || {
            let mut answers = (0..TRIES).map(|_| post(ada, "k", &row));
            answers.find(|answer| answer.status != 503).unwrap()
        };
        let posts: Vec<_> = (0..20).map(|_| scope.spawn(until_answered)).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    let first = answers[0].json();
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (201, first.clone()));
    }
    let again = |answer: &&Answer| answer.headers.contains_key(REPLAYED);
    assert!(answers.iter().filter(again).count() >= 19);
    assert_eq!(titles(ada), 1, "{}", origin.log());
}

on_every_engine!(
    what_is_sent_again_is_written_once,
    a_key_belongs_to_one_request_of_one_caller,
    what_was_not_written_uses_up_no_key,
    twenty_at_once_write_once,
);
