//! Headers and codes beside the rows, and the ways from table to table.

use super::{
    ADA, Who, notes,
    stock::{contact, stock},
};
use crate::engines::{Engine, on_every_engine};
use serde_json::{Value, json};

const OBJECT: (&str, &str) = ("accept", "application/vnd.pgrst.object+json");

fn a_row_is_told_where_it_is(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let told = [("prefer", "return=headers-only")];
    let id = "00000000-0000-4000-8000-000000000001";
    let row = json!({ "id": id, "title": "a" });
    let one = ada.ask("POST", "/rest/v1/notes", &row, &told);
    assert_eq!((one.status, one.body.len()), (201, 0));
    let location = one.headers["location"].clone();
    assert_eq!(location, format!("/rest/v1/notes?id=eq.{id}"));
    assert_eq!(one.headers["preference-applied"], "return=headers-only");
    assert_eq!(ada.rows(&location)[0]["title"], "a");
    let rows = json!([{ "title": "b" }, { "title": "c" }]);
    let two = ada.ask("POST", "/rest/v1/notes", &rows, &told);
    assert_eq!(two.status, 201);
    assert!(!two.headers.contains_key("location"));
    let silent = ada.ask("POST", "/rest/v1/notes", &json!({ "title": "d" }), &[]);
    assert!(!silent.headers.contains_key("location"));
}

fn what_was_heeded_is_told_and_nothing_else(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let all = "return=representation,resolution=merge-duplicates,missing=default,count=planned,\
               tx=rollback,handling=lenient,max-affected=1";
    let applied = |method: &str, target: &str, body: &Value| {
        let answer = ada.ask(method, target, body, &[("prefer", all)]);
        assert!(answer.status < 300, "{answer:?}");
        answer.headers.get("preference-applied").cloned()
    };
    let of = "/rest/v1/notes?title=eq.a";
    assert_eq!(
        applied("GET", of, &Value::Null).as_deref(),
        Some("count=exact, handling=lenient")
    );
    assert_eq!(
        applied("POST", "/rest/v1/notes", &json!({ "title": "a" })).as_deref(),
        Some(
            "resolution=merge-duplicates, missing=default, return=representation, count=exact, tx=rollback, handling=lenient"
        )
    );
    assert_eq!(
        applied("PATCH", of, &json!({ "title": "b" })).as_deref(),
        Some("return=representation, count=exact, tx=rollback, handling=lenient")
    );
    let plain = ada.ask("GET", of, &Value::Null, &[("prefer", "return=minimal")]);
    assert!(!plain.headers.contains_key("preference-applied"));
    // More than it may touch.
    ada.note("a");
    ada.note("a");
    let strict = ("prefer", "handling=strict,max-affected=1,return=minimal");
    for (method, body) in [("PATCH", json!({ "title": "b" })), ("DELETE", Value::Null)] {
        let refused = ada.ask(method, of, &body, &[strict]);
        assert_eq!(
            (refused.status, refused.json()["code"].as_str()),
            (400, Some("PGRST124"))
        );
    }
    assert_eq!(ada.rows(of).as_array().unwrap().len(), 2);
}

fn refusals_say_what_helps(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    ada.note("a");
    let beyond = ada.ask(
        "GET",
        "/rest/v1/notes?offset=5",
        &Value::Null,
        &[("prefer", "count=exact")],
    );
    assert_eq!(
        (beyond.status, beyond.headers["content-range"].as_str()),
        (416, "*/1")
    );
    let nobody = Who::anon(&origin).get("/rest/v1/notes");
    assert_eq!(nobody.status, 401);
    assert!(nobody.headers["www-authenticate"].starts_with("Bearer"));
    let not_allowed = ada.ask("PUT", "/rest/v1/notes", &json!({}), &[]);
    assert_eq!(not_allowed.status, 405);
    // One object cannot be two, nor none: nothing is written then.
    let two = json!([{ "title": "b" }, { "title": "c" }]);
    for rows in [two, json!([])] {
        let refused = ada.ask("POST", "/rest/v1/notes", &rows, &[OBJECT]);
        assert_eq!(
            (refused.status, refused.json()["code"].as_str()),
            (406, Some("PGRST116")),
            "{rows}"
        );
    }
    let rows = ada.rows("/rest/v1/notes?select=title");
    assert_eq!(rows, json!([{ "title": "a" }]));
}

/// A proxy that compresses an answer weakens its tag.
fn a_weak_tag_names_the_same_row(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let of = format!("/rest/v1/notes?id=eq.{}", ada.note("a"));
    let tag = || ada.send("GET", &of, "", &[OBJECT]).headers["etag"].clone();
    let seen = tag();
    let weak = format!("W/{seen}");
    for known in [weak.clone(), format!("\"x\", {weak}"), "*".to_owned()] {
        let same = ada.send("GET", &of, "", &[OBJECT, ("if-none-match", &known)]);
        assert_eq!(
            (same.status, same.headers["etag"].as_str()),
            (304, seen.as_str())
        );
    }
    let change = |tag: &str| {
        let body = json!({ "title": "b" });
        ada.ask("PATCH", &of, &body, &[("if-match", tag)]).status
    };
    assert_eq!([change(&weak), change(&weak)], [204, 412]);
    let weak = format!("W/{}", tag());
    let gone = ada.ask("DELETE", &of, &Value::Null, &[("if-match", &weak)]);
    assert_eq!(gone.status, 204);
}

/// `supabase.schema('…')`: the client library names the usual one unasked.
fn there_is_one_schema(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let notes = "/rest/v1/notes?title=eq.a";
    for (method, body, name, served) in [
        ("GET", Value::Null, "accept-profile", 200),
        ("HEAD", Value::Null, "accept-profile", 200),
        ("POST", json!({ "title": "a" }), "content-profile", 201),
        ("PATCH", json!({ "body": "b" }), "content-profile", 204),
        ("DELETE", Value::Null, "content-profile", 204),
    ] {
        for profile in ["other", "Public", ""] {
            let refused = ada.ask(method, notes, &body, &[(name, profile)]);
            assert_eq!(refused.status, 406, "{method} {profile}: {refused:?}");
            if method != "HEAD" {
                assert_eq!(refused.json()["code"], "PGRST106");
            }
        }
        let answer = ada.ask(method, notes, &body, &[(name, "public")]);
        assert_eq!(answer.status, served, "{method}: {answer:?}");
    }
    assert_eq!(ada.rows(notes), json!([]));
}

fn a_foreign_key_is_named_alike(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let id = ada.note("a");
    ada.add("note_tags", &json!({ "note_id": id, "tag": "x" }));
    for hint in ["note_tags_note_id_fkey", "note_id"] {
        assert_eq!(
            ada.rows(&format!(
                "/rest/v1/notes?select=title,note_tags!{hint}(tag)"
            )),
            json!([{ "title": "a", "note_tags": [{ "tag": "x" }] }])
        );
        assert_eq!(
            ada.rows(&format!(
                "/rest/v1/note_tags?select=tag,notes!{hint}!inner(title)"
            )),
            json!([{ "tag": "x", "notes": { "title": "a" } }])
        );
    }
    // Two levels, each with an order and a length of its own.
    ada.add("note_tags", &json!({ "note_id": id, "tag": "y" }));
    assert_eq!(
        ada.rows(
            "/rest/v1/note_tags?select=tag,notes(title,note_tags(tag))&order=tag\
             &notes.note_tags.order=tag.desc&notes.note_tags.limit=1&notes.note_tags.offset=1"
        )[0],
        json!({ "tag": "x", "notes": { "title": "a", "note_tags": [{ "tag": "x" }] } })
    );
}

fn two_ways_are_told_apart(engine: Engine) {
    let (_site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    let id = contact(ada, &json!({ "title": "a" }));
    ada.add(
        "badge",
        &json!({ "id": 1, "contact_id": id, "giver_id": id }),
    );
    ada.refused(
        "GET",
        "/rest/v1/contact?select=badge(id)",
        &Value::Null,
        300,
        "PGRST201",
    );
    // Of a column that is unique there is one row at most.
    for (hint, embedded) in [
        ("contact_id", json!({ "id": 1 })),
        ("badge_contact_id_fkey", json!({ "id": 1 })),
        ("giver_id", json!([{ "id": 1 }])),
        ("badge_giver_id_fkey", json!([{ "id": 1 }])),
    ] {
        assert_eq!(
            ada.rows(&format!("/rest/v1/contact?select=badge!{hint}(id)")),
            json!([{ "badge": embedded }]),
            "{hint}"
        );
    }
    contact(ada, &json!({ "title": "b" }));
    let none = ada.rows("/rest/v1/contact?title=eq.b&select=badge!contact_id(id)");
    assert_eq!(none, json!([{ "badge": null }]));
}

/// `numeric` has more digits than a float.
fn numbers_keep_their_digits(engine: Engine) {
    const AMOUNT: &str = "12345678901234567.0123456789";
    let (_site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    let body = format!(r#"{{"title": "a", "phone": "+62", "amount": {AMOUNT}}}"#);
    assert_eq!(ada.send("POST", "/rest/v1/contact", &body, &[]).status, 201);
    // Within JSON, too: it is kept as it is written.
    let more =
        format!(r#"{{"title": "j", "more": {{"n": {AMOUNT}, "of": [1.10, 9007199254740993]}}}}"#);
    assert_eq!(ada.send("POST", "/rest/v1/contact", &more, &[]).status, 201);
    let within = ada.get("/rest/v1/contact?select=more,phone&title=eq.j");
    let text = String::from_utf8(within.body).unwrap();
    assert!(
        text.contains(AMOUNT) && text.contains("1.10") && text.contains("9007199254740993"),
        "{text}"
    );
    let all = ada.get("/rest/v1/contact?select=amount,phone&title=eq.a");
    let text = String::from_utf8(all.body).unwrap();
    if engine == Engine::Sqlite {
        // It has no such type: a float is what it keeps.
        assert!(
            text.contains("1.2345678901234567e+16") || text.contains("12345678901234568"),
            "{text}"
        );
        return;
    }
    assert_eq!(text, format!(r#"[{{"amount":{AMOUNT},"phone":"+62"}}]"#));
    let found = |filter: &str| {
        let rows = ada.rows(&format!("/rest/v1/contact?select=title&amount={filter}"));
        rows.as_array().unwrap().len()
    };
    assert_eq!(found(&format!("eq.{AMOUNT}")), 1);
    assert_eq!(found("eq.12345678901234567.0123456788"), 0);
    assert_eq!(found("gt.12345678901234567.0123456788"), 1);
    assert_eq!(found(&format!("gt.{AMOUNT}")), 0);
    let changed = ada.send(
        "PATCH",
        "/rest/v1/contact?title=eq.a",
        "{\"amount\": 98765432109876543.1}",
        &[],
    );
    assert_eq!(changed.status, 204);
    assert_eq!(found("eq.98765432109876543.1"), 1);
}

on_every_engine!(
    a_row_is_told_where_it_is,
    what_was_heeded_is_told_and_nothing_else,
    refusals_say_what_helps,
    a_weak_tag_names_the_same_row,
    there_is_one_schema,
    a_foreign_key_is_named_alike,
    two_ways_are_told_apart,
    numbers_keep_their_digits,
);
