//! Reading: columns, tables within tables, filters, order, pages, counts, forms.

use super::{ADA, BOB, NOTES, Who, collision::told, config, notes};
use crate::{
    engines::{Engine, on_every_engine},
    harness::Site,
};
use serde_json::{Value, json};

fn titles(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["title"].as_str().unwrap()).collect()
}

fn rows_are_the_callers_own(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    ada.note("of ada");
    bob.note("of bob");
    assert_eq!(titles(&ada.rows("/rest/v1/notes")), ["of ada"]);
    assert_eq!(titles(&bob.rows("/rest/v1/notes")), ["of bob"]);
    let all = Who::admin(&origin).rows("/rest/v1/notes?order=title");
    assert_eq!(titles(&all), ["of ada", "of bob"]);
    // Nobody in particular may do nothing, and is told to log in.
    Who::anon(&origin).refused("GET", "/rest/v1/notes", &Value::Null, 401, "42501");
}

fn what_is_not_declared_does_not_exist(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    for table in [
        "user_account",
        "sqlite_master",
        "pg_class",
        "Notes",
        "notes/1",
        "notes\"",
        "/",
    ] {
        ada.refused(
            "GET",
            &format!("/rest/v1/{table}"),
            &Value::Null,
            404,
            "PGRST205",
        );
    }
    for query in [
        "select=phone_index",
        "phone_index=eq.x",
        "order=phone_index",
        "select=nope",
    ] {
        ada.refused(
            "GET",
            &format!("/rest/v1/notes?{query}"),
            &Value::Null,
            400,
            "42703",
        );
    }
    ada.refused(
        "GET",
        "/rest/v1/notes?select=*,user_account(*)",
        &Value::Null,
        400,
        "PGRST200",
    );
}

fn a_row_looks_the_same_on_every_engine(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let note = ada.note("a");
    let row = &ada.rows("/rest/v1/notes")[0];
    let names: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["id", "user_id", "title", "body", "phone", "created_at"]
    );
    assert_eq!(row["id"], json!(note));
    assert_eq!(row["user_id"], json!(ADA));
    assert_eq!(row["body"], Value::Null);
    let at = row["created_at"].as_str().unwrap();
    assert!(
        at.starts_with("20") && at.contains('T') && at.ends_with("+00:00"),
        "{at}"
    );
    let short = ada.rows("/rest/v1/notes?select=heading:title,no:created_at::text");
    assert_eq!(short[0]["heading"], "a");
}

fn tables_are_embedded_two_levels_deep(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let first = ada.note("first");
    ada.note("second");
    ada.add(
        "note_tags",
        &json!([
            { "note_id": first, "tag": "b" },
            { "note_id": first, "tag": "a" },
            { "note_id": first, "tag": "c" },
        ]),
    );
    let rows = ada.rows("/rest/v1/notes?select=title,note_tags(tag)&order=title&note_tags.order=tag.desc&note_tags.limit=2");
    assert_eq!(
        rows,
        json!([
            { "title": "first", "note_tags": [{ "tag": "c" }, { "tag": "b" }] },
            { "title": "second", "note_tags": [] },
        ])
    );
    let rows = ada.rows("/rest/v1/note_tags?select=tag,note:notes(title,note_tags(tag))&tag=eq.a&note.note_tags.order=tag");
    assert_eq!(
        rows,
        json!([{ "tag": "a", "note": { "title": "first", "note_tags": [{ "tag": "a" }, { "tag": "b" }, { "tag": "c" }] } }])
    );
    let rows = ada.rows("/rest/v1/notes?select=title,note_tags!inner(tag)&note_tags.tag=eq.b");
    assert_eq!(
        rows,
        json!([{ "title": "first", "note_tags": [{ "tag": "b" }] }])
    );
}

/// However much is embedded, counted fields, casts and all: the database makes the rows of it at once.
fn an_answer_is_one_statement(engine: Engine) {
    let config = config();
    let site = Site::on(
        engine,
        &format!("{config}notes = true\n[log]\nlevel = \"debug\"\n{NOTES}"),
    );
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let (first, second) = (ada.note("first"), ada.note("second"));
    ada.add(
        "note_tags",
        &json!([
            { "note_id": first, "tag": "a" }, { "note_id": first, "tag": "b" }, { "note_id": second, "tag": "c" },
        ]),
    );
    // PostgreSQL is told whom it is for.
    let before = usize::from(engine == Engine::Postgres);
    for (target, rows) in [
        (
            "notes?order=title&select=title",
            json!([{ "title": "first" }, { "title": "second" }]),
        ),
        (
            "notes?order=title&select=title,phone,tags:note_tags(tag,notes(title))&tags.order=tag.desc",
            json!([
                { "title": "first", "phone": null, "tags": [
                    { "tag": "b", "notes": { "title": "first" } }, { "tag": "a", "notes": { "title": "first" } },
                ] },
                { "title": "second", "phone": null, "tags": [{ "tag": "c", "notes": { "title": "second" } }] },
            ]),
        ),
        (
            "note_tags?tag=eq.c&select=tag,notes!inner(title,note_tags(tag))&notes.title=like.s*",
            json!([{ "tag": "c", "notes": { "title": "second", "note_tags": [{ "tag": "c" }] } }]),
        ),
    ] {
        let (status, text, statements) = told(ada, ("GET", target, ""), &Value::Null);
        let shown: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, shown), (200, rows), "{target}");
        assert_eq!(statements, vec!["SELECT"; before + 1], "{target}");
    }
    // One more counts them.
    let counted = ("GET", "notes?select=title,note_tags(tag)", "count=exact");
    let (_, _, statements) = told(ada, counted, &Value::Null);
    assert_eq!(statements, vec!["SELECT"; before + 2]);
    // What is counted for HEAD is not read.
    let (status, text, statements) =
        told(ada, ("HEAD", "notes?limit=1", "count=exact"), &Value::Null);
    assert_eq!((status, text.as_str()), (206, ""));
    assert_eq!(statements, vec!["SELECT"; before + 1]);
}

/// `table=is.null`: rows with nothing of a table that is embedded in them.
fn rows_are_found_by_what_is_embedded(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let (first, second) = (ada.note("first"), ada.note("second"));
    ada.note("third");
    ada.add(
        "note_tags",
        &json!([{ "note_id": first, "tag": "a" }, { "note_id": second, "tag": "b" }]),
    );
    let of_bob = bob.note("of bob");
    bob.add("note_tags", &json!({ "note_id": of_bob, "tag": "a" }));
    for (filter, found) in [
        ("note_tags=is.null", &["third"][..]),
        ("note_tags=not.is.null", &["first", "second"]),
        ("note_tags=is.null&note_tags.tag=eq.a", &["second", "third"]),
        ("or=(note_tags.is.null,title.eq.first)", &["first", "third"]),
        ("not.or=(note_tags.is.null,title.eq.first)", &["second"]),
    ] {
        let target = format!("/rest/v1/notes?select=title,note_tags()&order=title&{filter}");
        let rows = found.iter().map(|title| json!({ "title": title }));
        assert_eq!(ada.rows(&target), rows.collect::<Value>(), "{filter}");
    }
    // By its name in the answer, beside what is shown of it, and within another one.
    let rows = ada.rows("/rest/v1/notes?select=title,of:note_tags(tag)&of=not.is.null&order=title");
    assert_eq!(
        rows[1],
        json!({ "title": "second", "of": [{ "tag": "b" }] })
    );
    let target = "/rest/v1/note_tags?select=tag,notes(title,note_tags())&order=tag\
        &notes.note_tags=not.is.null&notes.note_tags.tag=eq.a";
    assert_eq!(
        ada.rows(target),
        json!([{ "tag": "a", "notes": { "title": "first" } }, { "tag": "b", "notes": null }])
    );
    // What is not embedded is no column either.
    for target in [
        "/rest/v1/notes?note_tags=is.null",
        "/rest/v1/notes?select=note_tags()&note_tags=eq.a",
    ] {
        ada.refused("GET", target, &Value::Null, 400, "42703");
    }
    let none = "/rest/v1/notes?select=title,note_tags()&note_tags=is.null";
    let shown = [("prefer", "return=representation")];
    let changed = ada.ask("PATCH", none, &json!({ "title": "none" }), &shown);
    assert_eq!(
        (changed.status, changed.json()),
        (200, json!([{ "title": "none" }]))
    );
    let gone = ada.ask("DELETE", none, &Value::Null, &shown);
    assert_eq!(
        (gone.status, gone.json()),
        (200, json!([{ "title": "none" }]))
    );
    assert_eq!(bob.rows(none), json!([]));
}

fn filters_mean_the_same_everywhere(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    ada.add(
        "notes",
        &json!([
            { "title": "Apple", "body": "100%" },
            { "title": "apple pie", "body": null },
            { "title": "Böhm's *[x]", "body": "a_b" },
            { "title": "zoo, (the)", "body": "axb" },
        ]),
    );
    for (filter, expected) in [
        ("title=eq.Apple", vec!["Apple"]),
        ("title=eq.apple", vec![]),
        (
            "title=neq.Apple",
            vec!["Böhm's *[x]", "apple pie", "zoo, (the)"],
        ),
        ("title=gt.b", vec!["zoo, (the)"]),
        ("title=like.A*", vec!["Apple"]),
        ("title=ilike.a*", vec!["Apple", "apple pie"]),
        ("title=like.*[x]", vec!["Böhm's *[x]"]),
        ("body=like.a\\_b", vec!["Böhm's *[x]"]),
        ("body=like.a_b", vec!["Böhm's *[x]", "zoo, (the)"]),
        ("body=is.null", vec!["apple pie"]),
        (
            "body=not.is.null",
            vec!["Apple", "Böhm's *[x]", "zoo, (the)"],
        ),
        (
            "title=in.(Apple,\"zoo, (the)\")",
            vec!["Apple", "zoo, (the)"],
        ),
        ("title=in.()", vec![]),
        (
            "title=not.in.(Apple)&body=not.is.null",
            vec!["Böhm's *[x]", "zoo, (the)"],
        ),
        (
            "or=(title.eq.Apple,and(body.eq.axb,title.like.zoo*))",
            vec!["Apple", "zoo, (the)"],
        ),
        (
            "not.or=(title.eq.Apple,body.is.null)",
            vec!["Böhm's *[x]", "zoo, (the)"],
        ),
        (
            "created_at=gt.2020-01-01T00:00:00Z",
            vec!["Apple", "Böhm's *[x]", "apple pie", "zoo, (the)"],
        ),
        ("created_at=lt.2020-01-01", vec![]),
    ] {
        let rows = ada.rows(&format!("/rest/v1/notes?select=title&{filter}"));
        let mut found = titles(&rows);
        found.sort_unstable();
        assert_eq!(found, expected, "{filter}");
    }
    ada.refused("GET", "/rest/v1/notes?id=eq.1", &Value::Null, 400, "22P02");
    // What a last backslash stands for, no two engines agree on.
    for pattern in ["title=like.*\\", "title=ilike.a\\\\\\"] {
        let target = format!("/rest/v1/notes?{pattern}");
        ada.refused("GET", &target, &Value::Null, 400, "22P02");
    }
    assert_eq!(ada.rows("/rest/v1/notes?title=like.*\\\\"), json!([]));
    ada.refused(
        "GET",
        "/rest/v1/notes?created_at=gt.yesterday",
        &Value::Null,
        400,
        "22P02",
    );
    ada.refused(
        "GET",
        "/rest/v1/notes?title=nope.1",
        &Value::Null,
        400,
        "PGRST100",
    );
}

fn pages_are_counted_and_ordered(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let rows: Vec<Value> = (0..7)
        .map(|n| json!({ "title": format!("n{n}"), "body": (n < 2).then_some("x") }))
        .collect();
    ada.add("notes", &json!(rows));
    Who::user(&origin, BOB).note("not to be counted");
    let all = "/rest/v1/notes?select=title&order=title";
    let page = ada.ask(
        "GET",
        all,
        &Value::Null,
        &[
            ("range-unit", "items"),
            ("range", "2-3"),
            ("prefer", "count=exact"),
        ],
    );
    assert_eq!(
        (page.status, page.headers["content-range"].as_str()),
        (206, "2-3/7")
    );
    assert_eq!(titles(&page.json()), ["n2", "n3"]);
    assert_eq!(page.headers["preference-applied"], "count=exact");
    let page = ada.get(&format!("{all}.desc&limit=2&offset=1"));
    assert_eq!(
        (page.status, page.headers["content-range"].as_str()),
        (200, "1-2/*")
    );
    assert_eq!(titles(&page.json()), ["n5", "n4"]);
    let none = ada.ask(
        "GET",
        &format!("{all}&offset=9"),
        &Value::Null,
        &[("prefer", "count=exact")],
    );
    assert_eq!(none.status, 416);
    let head = ada.ask("HEAD", all, &Value::Null, &[("prefer", "count=exact")]);
    assert_eq!(
        (head.status, head.headers["content-range"].as_str()),
        (200, "0-6/7")
    );
    // As GET counts them, of any page, and refused as it is refused.
    let csv = ("accept", "text/csv");
    let counted = ("prefer", "count=exact");
    for (query, headers) in [
        ("limit=2&offset=3", &[counted][..]),
        ("limit=2&offset=6", &[counted]),
        ("offset=7", &[counted]),
        ("offset=8", &[counted]),
        ("title=eq.none", &[counted]),
        ("limit=2", &[counted, csv]),
        ("limit=0", &[counted]),
        (
            "title=eq.n1",
            &[counted, ("accept", "application/vnd.pgrst.object+json")],
        ),
        (
            "title=gt.n1",
            &[counted, ("accept", "application/vnd.pgrst.object+json")],
        ),
        ("select=nope", &[counted]),
    ] {
        let target = format!("/rest/v1/notes?{query}");
        let get = ada.ask("GET", &target, &Value::Null, headers);
        let head = ada.ask("HEAD", &target, &Value::Null, headers);
        for name in [
            "content-range",
            "content-type",
            "preference-applied",
            "etag",
        ] {
            assert_eq!(
                head.headers.get(name),
                get.headers.get(name),
                "{query} {name}"
            );
        }
        assert_eq!(head.status, get.status, "{query}");
    }
    // Nulls count as largest.
    for (order, first) in [
        ("body", "n0"),
        ("body.nullsfirst", "n2"),
        ("body.desc", "n2"),
        ("body.desc.nullslast", "n0"),
    ] {
        let rows = ada.rows(&format!(
            "/rest/v1/notes?select=title&order={order},title&limit=1"
        ));
        assert_eq!(titles(&rows), [first], "{order}");
    }
}

fn an_answer_may_be_one_object_or_csv(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let object = [("accept", "application/vnd.pgrst.object+json")];
    let none = ada.ask("GET", "/rest/v1/notes", &Value::Null, &object);
    assert_eq!(
        (none.status, none.json()["code"].as_str()),
        (406, Some("PGRST116"))
    );
    assert!(none.json()["details"].as_str().unwrap().contains("0 rows"));
    ada.add(
        "notes",
        &json!([{ "title": "a,\"b\"", "body": "x\ny", "phone": "+62 811" }]),
    );
    let one = ada.ask("GET", "/rest/v1/notes?select=title", &Value::Null, &object);
    assert_eq!(
        (one.status, one.json()),
        (200, json!({ "title": "a,\"b\"" }))
    );
    let csv = ada.ask(
        "GET",
        "/rest/v1/notes?select=title,body,phone",
        &Value::Null,
        &[("accept", "text/csv")],
    );
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        csv.body,
        b"title,body,phone\n\"a,\"\"b\"\"\",\"x\ny\",+62 811\n"
    );
    let other = ada.ask(
        "GET",
        "/rest/v1/notes",
        &Value::Null,
        &[("accept", "image/png")],
    );
    assert_eq!(
        (other.status, other.json()["code"].as_str()),
        (406, Some("PGRST107"))
    );
}

on_every_engine!(
    rows_are_the_callers_own,
    what_is_not_declared_does_not_exist,
    a_row_looks_the_same_on_every_engine,
    tables_are_embedded_two_levels_deep,
    an_answer_is_one_statement,
    rows_are_found_by_what_is_embedded,
    filters_mean_the_same_everywhere,
    pages_are_counted_and_ordered,
    an_answer_may_be_one_object_or_csv,
);
