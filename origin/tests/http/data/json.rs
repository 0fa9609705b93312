//! Paths into JSON: the same rows, in the same order, on every engine.

use super::{
    ADA, Who, past,
    stock::{contact, stock},
};
use crate::{
    client::Call,
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::{Value, json};

fn documents(engine: Engine) -> (Site, Origin) {
    let (site, origin) = stock(engine);
    let ada = Who::user(&origin, ADA);
    for (code, more) in [
        (
            "a",
            json!({ "n": 1, "flag": true, "x": null, "s": "x", "deep": { "list": [5, "six"] } }),
        ),
        ("b", json!({ "n": 2, "flag": false, "x": 1, "s": "y" })),
        ("c", json!({ "n": 10, "s": "3", "deep": { "list": [8] } })),
        ("d", json!({ "n": 20.5 })),
        ("e", json!({ "n": "7" })),
        ("f", Value::Null),
    ] {
        contact(ada, &json!({ "code": code, "more": more }));
    }
    (site, origin)
}

fn codes(ada: Who<'_>, query: &str) -> String {
    let rows = ada.rows(&format!("/rest/v1/contact?select=code&{query}"));
    let codes = rows.as_array().unwrap().iter();
    codes.map(|row| row["code"].as_str().unwrap()).collect()
}

fn a_path_finds_by_what_it_leads_to(engine: Engine) {
    let (_site, origin) = documents(engine);
    let ada = Who::user(&origin, ADA);
    for (filter, found) in [
        // As JSON: numbers are numbers, and nothing else is one.
        ("more->n=gt.3", "cd"),
        ("more->n=lte.10", "abc"),
        ("more->n=eq.2", "b"),
        ("more->n=eq.20.5", "d"),
        ("more->n=neq.2", "acde"),
        ("more->n=not.eq.2", "acde"),
        ("more->n=in.(1,20.5)", "ad"),
        ("more->n=eq.\"7\"", "e"),
        ("more->n=gt.\"3\"", "e"),
        ("more->flag=eq.true", "a"),
        ("more->flag=neq.true", "b"),
        ("more->x=eq.null", "a"),
        ("more->x=is.null", "cdef"),
        ("more->x=not.is.null", "ab"),
        ("more->deep->list->0=gte.5", "ac"),
        ("more->deep->list->-1=eq.\"six\"", "a"),
        ("more->deep->list->-2=eq.5", "a"),
        ("more->deep->list->-1=eq.8", "c"),
        // As text: texts.
        ("more->>n=gt.3", "e"),
        ("more->>n=eq.10", "c"),
        ("more->>flag=eq.true", "a"),
        ("more->>flag=in.(false,1)", "b"),
        ("more->>x=is.null", "acdef"),
        ("more->>s=like.*", "abc"),
        ("more->deep->list->>1=ilike.SI*", "a"),
    ] {
        assert_eq!(
            codes(ada, &format!("{filter}&order=code")),
            found,
            "{filter}"
        );
    }
    for (filter, code) in [
        ("more->n=eq.abc", "22P02"),
        ("more->n=gt.", "22P02"),
        ("more->n=eq.{\"a\":1}", "PGRST100"),
        ("more->n=in.(1,[])", "PGRST100"),
        ("more->n=like.1*", "PGRST100"),
        ("more->n=is.true", "22P02"),
    ] {
        let target = format!("/rest/v1/contact?{filter}");
        ada.refused("GET", &target, &Value::Null, 400, code);
    }
}

fn a_path_is_shown_and_ordered_alike(engine: Engine) {
    let (_site, origin) = documents(engine);
    let ada = Who::user(&origin, ADA);
    for (order, found) in [
        ("more->n,code", "eabcdf"),
        ("more->n.desc,code", "fdcbae"),
        ("more->n.desc.nullslast,code", "dcbaef"),
        ("more->x,code", "abcdef"),
        ("more->flag,code", "bacdef"),
        ("more->>n,code", "acbdef"),
        ("more->>n.nullsfirst,code", "facbde"),
    ] {
        assert_eq!(codes(ada, &format!("order={order}")), found, "{order}");
    }
    let select =
        "more->>flag,more->>x,more->>n,f:more->flag,y:more->x,m:more->n,l:more->deep->list";
    let rows = ada.rows(&format!("/rest/v1/contact?order=code&select={select}"));
    let none = Value::Null;
    for (row, shown) in rows.as_array().unwrap().iter().zip([
        json!(["true", none, "1", true, none, 1, [5, "six"]]),
        json!(["false", "1", "2", false, 1, 2, none]),
        json!([none, none, "10", none, none, 10, [8]]),
        json!([none, none, "20.5", none, none, 20.5, none]),
        json!([none, none, "7", none, none, "7", none]),
        json!([none, none, none, none, none, none, none]),
    ]) {
        let values: Vec<_> = row.as_object().unwrap().values().collect();
        assert_eq!(json!(values), shown);
    }
    let cast = ada.rows("/rest/v1/contact?select=i:more->n::integer,t:more->flag::text,d:more->>n::numeric&code=eq.b");
    assert_eq!(
        (&cast[0]["i"], &cast[0]["t"], cast[0]["d"].as_f64()),
        (&json!(2), &json!("false"), Some(2.0))
    );
    let lines = ada.send(
        "GET",
        "/rest/v1/contact?select=more->>flag,y:more->x,m:more->n&order=code&limit=2",
        "",
        &[("accept", "text/csv")],
    );
    assert_eq!(
        String::from_utf8(lines.body).unwrap(),
        "flag,y,m\ntrue,,1\nfalse,1,2\n"
    );
}

/// As an engine may hold it that has no type for JSON: somebody else wrote it.
fn what_is_no_json_fails_nobodys_request(engine: Engine) {
    let (site, origin) = documents(engine);
    let ada = Who::user(&origin, ADA);
    if engine != Engine::Postgres {
        past::sql(
            &site,
            "UPDATE contact SET more = '{\"n\": 1, broken' WHERE code = 'f'",
        );
    }
    for (query, found) in [
        ("more->n=gte.1&order=code", "abcd"),
        ("more->>n=eq.1", "a"),
        ("more->n=is.null", "f"),
        ("more->>n=is.null", "f"),
        ("order=more->n.nullsfirst,code", "feabcd"),
        ("order=more->>n.nullsfirst,code&limit=1", "f"),
    ] {
        assert_eq!(codes(ada, query), found, "{query}");
    }
    let shown = ada.rows("/rest/v1/contact?select=n:more->n,t:more->>n&code=eq.f");
    assert_eq!(shown, json!([{ "n": null, "t": null }]));
}

/// The longest list, at the end of the longest path; and more values than a statement takes.
fn lists_have_a_length_that_every_engine_takes(engine: Engine) {
    let (_site, origin) = documents(engine);
    let ada = Who::user(&origin, ADA);
    let list = format!("({}2)", "7,".repeat(999));
    assert_eq!(codes(ada, &format!("more->n=in.{list}")), "b");
    let path = format!("more{}", "->a".repeat(10));
    assert_eq!(codes(ada, &format!("{path}=in.{list}")), "");
    let (lists, most) = match engine {
        Engine::Sqlite => (11, 32_766),
        Engine::Postgres => (4, 65_535),
        Engine::MySql => (22, 65_535),
    };
    // As short as can be: an address has 64 KB at most.
    let filter = format!("more{}=in.{list}", "-%3Ea".repeat(10));
    let target = format!("/rest/v1/contact?{}", vec![filter; lists].join("&"));
    let refused = origin.send(&Call::get(&target).subject(Some(ADA)).seal(&origin));
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (400, Some("54000")),
        "{refused:?}"
    );
    let told = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(told.ends_with(&format!("which takes {most}")), "{told}");
    assert!(!origin.log().contains("ERROR"), "{}", origin.log());
}

on_every_engine!(
    a_path_finds_by_what_it_leads_to,
    a_path_is_shown_and_ordered_alike,
    what_is_no_json_fails_nobodys_request,
    lists_have_a_length_that_every_engine_takes,
);
