//! Full-text search, by the indexes that docs/data.md tells operators to make.

use super::{ADA, BOB, NOTES, Who, attack::INJECTIONS, config};
use crate::{
    engines::{Engine, execute, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::{Value, json};

/// What docs/data.md says, for an engine that needs an index.
fn indexes(engine: Engine) -> Option<&'static str> {
    let mark = match engine {
        Engine::Sqlite => "CREATE VIRTUAL TABLE",
        Engine::Postgres => return None,
        Engine::MySql => "ADD FULLTEXT INDEX",
    };
    let docs = include_str!("../../../../docs/data.md");
    let mut blocks = docs.split("```sql\n").skip(1);
    let block = blocks.find(|block| block.contains(mark));
    Some(block.unwrap().split("```").next().unwrap())
}

/// An origin whose notes can be searched.
pub(super) fn notes(engine: Engine) -> (Site, Origin) {
    let site = Site::on(engine, &format!("{}{NOTES}", config()));
    let made = site.command(&["data", "notes"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    if let Some(sql) = indexes(engine) {
        execute(&site.home.url, sql).unwrap();
    }
    let origin = site.start();
    (site, origin)
}

fn found(who: Who<'_>, filter: &str) -> Vec<String> {
    let rows = who.rows(&format!("/rest/v1/notes?select=title&order=title&{filter}"));
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["title"].as_str().unwrap().to_owned())
        .collect()
}

/// Notes of two people; those of Ada are `a` to `d`.
fn filled(origin: &Origin) -> (Who<'_>, Who<'_>) {
    let (ada, bob) = (Who::user(origin, ADA), Who::user(origin, BOB));
    ada.add(
        "notes",
        &json!([
            { "title": "a", "body": "The quick brown fox jumps" },
            { "title": "b", "body": "some lazy dog sleeps beside foxglove" },
            { "title": "c", "body": "brown dog, quick fox" },
            { "title": "d", "body": null },
        ]),
    );
    bob.add(
        "notes",
        &json!({ "title": "of bob", "body": "quick brown fox, lazy dog, marzipan" }),
    );
    (ada, bob)
}

fn searches_find_the_same_everywhere(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, _) = filled(&origin);
    for (filter, titles) in [
        ("body=plfts.quick brown", "ac"),
        ("body=plfts.brown, \"quick\"!", "ac"),
        ("body=plfts.quick lazy", ""),
        ("body=plfts.", ""),
        ("body=phfts.quick brown", "a"),
        ("body=phfts.brown quick", ""),
        ("body=wfts.jumps or lazy", "ab"),
        ("body=wfts.\"quick brown\"", "a"),
        ("body=wfts.fox -dog", "a"),
        ("body=wfts.dog -\"quick fox\"", "b"),
        ("body=wfts.jumps or dog -lazy", "ac"),
        // No text is neither with the word nor without it.
        ("body=wfts.-dog", "a"),
        ("body=fts.quick & dog", "c"),
        ("body=fts.quick & !dog", "a"),
        ("body=fts.jumps | lazy", "ab"),
        ("body=fts.(jumps | lazy) & fox", "a"),
        ("body=fts.!(jumps | lazy)", "c"),
        ("body=fts.fox:*", "abc"),
        ("body=fts.dog & fox:*", "bc"),
        ("body=fts.'quick brown' | lazy", "ab"),
        ("body=fts.quick <-> fox", "c"),
        ("body=not.plfts.quick", "b"),
        ("body=not.plfts.", "abc"),
        ("body=not.wfts.-dog", "bc"),
        ("or=(body.plfts.lazy,title.eq.d)", "bd"),
        ("and=(body.plfts.quick,body.not.phfts.quick brown)", "c"),
        ("not.or=(body.plfts.lazy,title.eq.c)", "a"),
        ("not.and=(body.plfts.quick,title.eq.a)", "bcd"),
        ("or=(body.fts.\"jumps | (lazy & dog)\",title.eq.d)", "abd"),
    ] {
        let expected: Vec<String> = titles.chars().map(String::from).collect();
        assert_eq!(found(ada, filter), expected, "{filter}");
    }
    // No ASCII; and where case counts.
    ada.add(
        "notes",
        &json!({ "title": "e", "body": "日本語 テスト, Sherry" }),
    );
    assert_eq!(found(ada, "body=plfts.日本語 テスト"), ["e"]);
    let folds = found(ada, "body=plfts.sherry") == ["e"];
    assert_eq!(folds, engine != Engine::MySql);
    // What InnoDB leaves out is in no row.
    let short = found(ada, "body=plfts.the fox") == ["a"];
    assert_eq!(short, engine != Engine::MySql);
}

/// Counts, pages, tables within tables; what is changed and deleted is found by its new words.
fn a_search_is_a_filter(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = filled(&origin);
    let ids = ada.rows("/rest/v1/notes?select=id,title&order=title");
    let tags: Vec<Value> = (0..3)
        .map(|at| json!({ "note_id": ids[at]["id"], "tag": ids[at]["title"] }))
        .collect();
    ada.add("note_tags", &json!(tags));
    let counted = [("prefer", "count=exact")];
    let page = "/rest/v1/notes?select=title&order=title&limit=1&body=plfts.quick";
    let answer = ada.ask("GET", page, &Value::Null, &counted);
    assert_eq!(
        (answer.status, answer.headers["content-range"].as_str()),
        (206, "0-0/2")
    );
    let head = ada.ask("HEAD", page, &Value::Null, &counted);
    assert_eq!(head.headers["content-range"], "0-0/2");
    for (target, expected) in [
        (
            "note_tags?select=tag,notes(title)&order=tag&notes.body=plfts.lazy",
            json!([{ "tag": "a", "notes": null }, { "tag": "b", "notes": { "title": "b" } }, { "tag": "c", "notes": null }]),
        ),
        (
            "note_tags?select=tag,notes!inner(title)&notes.body=wfts.quick -jumps",
            json!([{ "tag": "c", "notes": { "title": "c" } }]),
        ),
        (
            "notes?select=title,note_tags(tag)&body=phfts.quick brown",
            json!([{ "title": "a", "note_tags": [{ "tag": "a" }] }]),
        ),
        (
            "notes?select=title,note_tags(notes(title))&title=eq.a&note_tags.notes.body=plfts.fox",
            json!([{ "title": "a", "note_tags": [{ "notes": { "title": "a" } }] }]),
        ),
        (
            "note_tags?select=tag,notes()&notes=is.null&notes.body=plfts.quick",
            json!([{ "tag": "b" }]),
        ),
    ] {
        assert_eq!(
            ada.rows(&format!("/rest/v1/{target}")),
            expected,
            "{target}"
        );
    }
    let shown = [("prefer", "return=representation")];
    let target = "/rest/v1/notes?select=title&body=plfts.jumps";
    let changed = ada.ask("PATCH", target, &json!({ "body": "sherry" }), &shown);
    assert_eq!(
        (changed.status, changed.json()),
        (200, json!([{ "title": "a" }]))
    );
    assert_eq!(found(ada, "body=plfts.jumps"), [""; 0]);
    assert_eq!(found(ada, "body=plfts.sherry"), ["a"]);
    let target = "/rest/v1/notes?select=title&body=wfts.sherry or lazy";
    let gone = ada.ask("DELETE", target, &Value::Null, &shown);
    assert_eq!(
        (gone.status, gone.json().as_array().unwrap().len()),
        (200, 2)
    );
    assert_eq!(found(ada, "body=wfts.sherry or lazy"), [""; 0]);
    assert_eq!(found(bob, "body=wfts.sherry or lazy"), ["of bob"]);
}

/// What was taken back is not found, and what others write at the same time is.
fn an_index_is_as_its_rows(engine: Engine) {
    let (_site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let rows = json!([
        { "title": "a", "body": "marzipan", "user_id": ADA },
        { "title": "b", "body": "marzipan", "user_id": BOB },
    ]);
    ada.refused("POST", "/rest/v1/notes", &rows, 403, "42501");
    std::thread::scope(|scope| {
        for at in 0..20 {
            scope.spawn(move || {
                let row =
                    json!({ "title": format!("{at:02}"), "body": format!("marzipan number{at}"), "user_id": ADA });
                if at % 5 == 0 {
                    let taken = json!([row, { "title": "x", "body": "marzipan", "user_id": BOB }]);
                    ada.refused("POST", "/rest/v1/notes", &taken, 403, "42501");
                } else {
                    ada.add("notes", &row);
                }
            });
        }
    });
    assert_eq!(found(ada, "body=plfts.marzipan").len(), 16);
    assert_eq!(found(ada, "body=plfts.number7"), ["07"]);
    let upsert = [("prefer", "resolution=merge-duplicates")];
    let id = ada.rows("/rest/v1/notes?select=id&title=eq.07")[0]["id"].clone();
    let row = json!({ "id": id, "title": "07", "body": "sherry" });
    let merged = ada.ask("POST", "/rest/v1/notes", &row, &upsert);
    assert!(matches!(merged.status, 200 | 201), "{merged:?}");
    assert_eq!(found(ada, "body=plfts.sherry"), ["07"]);
    assert_eq!(found(ada, "body=plfts.marzipan").len(), 15);
}

/// A word that only somebody else's rows have is a word that no row has.
fn others_rows_are_not_found(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = filled(&origin);
    assert_eq!(found(bob, "body=plfts.marzipan"), ["of bob"]);
    let of_bob = bob.rows("/rest/v1/notes?select=id")[0]["id"].clone();
    bob.add("note_tags", &json!({ "note_id": of_bob, "tag": "t" }));
    for filter in [
        "body=plfts.W",
        "body=not.wfts.-W",
        "body=wfts.W or W",
        "body=fts.W:*",
        "or=(body.fts.W,body.phfts.W)",
        "not.and=(body.not.fts.W,body.not.wfts.W)",
    ] {
        for target in [
            "notes?F",
            "notes?select=title,note_tags(tag)&F",
            "note_tags?select=tag,notes!inner(title)&notes.F",
        ] {
            let [there, nowhere] = ["marzipan", "nougatine"].map(|word| {
                let target = target.replace('F', filter).replace('W', word);
                let target = format!("/rest/v1/{target}");
                let answer = ada.ask("GET", &target, &Value::Null, &[("prefer", "count=exact")]);
                (
                    answer.status,
                    answer.headers.get("content-range").cloned(),
                    String::from_utf8_lossy(&answer.body).replace(word, ""),
                )
            });
            assert_eq!(there, nowhere, "{target} {filter}");
            assert_eq!(there.0, 200, "{target} {filter}");
        }
    }
    for method in ["PATCH", "DELETE"] {
        let target = "/rest/v1/notes?body=plfts.marzipan";
        let body = if method == "PATCH" {
            json!({ "title": "taken" })
        } else {
            Value::Null
        };
        let answer = ada.ask(method, target, &body, &[("prefer", "count=exact")]);
        assert_eq!(answer.headers["content-range"], "*/0", "{method}");
    }
    assert_eq!(found(bob, "body=plfts.marzipan"), ["of bob"]);
}

/// Whatever is written where words stand, it is words, or a query of none.
fn operators_are_ours_alone(engine: Engine) {
    let (_site, origin) = notes(engine);
    let (ada, bob) = filled(&origin);
    let of_engines = [
        "marzipan\" OR title : \"a",
        "title : a",
        "{title} : a",
        "- title : a",
        "NEAR(quick brown, 5)",
        "^quick",
        "quick* OR *",
        "+quick +(brown >fox)",
        "~quick <brown",
        "\"quick brown\" @2",
        "(((",
        ")",
        "*",
        "\"",
        "''",
        "\\",
        "quick IN BOOLEAN MODE",
        "') IN BOOLEAN MODE) OR (1=1",
        "\u{201c}quick\u{201d} \u{3000} \u{ff0a} \u{2019}",
        "%' %n %s",
        "AND OR NOT",
    ];
    for text in of_engines.iter().chain(&INJECTIONS) {
        for syntax in ["plfts", "phfts", "wfts", "fts"] {
            for filter in [
                format!("body={syntax}.{text}"),
                format!("body=not.{syntax}.{text}"),
                format!(
                    "or=(body.{syntax}.\"{}\")",
                    text.replace('\\', "\\\\").replace('"', "\\\"")
                ),
            ] {
                let answer = ada.get(&format!("/rest/v1/notes?select=title&{filter}"));
                let told = String::from_utf8_lossy(&answer.body);
                let statuses: &[u16] = if syntax == "fts" { &[200, 400] } else { &[200] };
                assert!(statuses.contains(&answer.status), "{filter}: {told}");
                assert!(!told.contains("of bob"), "{filter}: {told}");
            }
        }
    }
    // A column's name is no way to another column.
    for text in ["title : a", "{title} : a", "title:a"] {
        assert_eq!(found(ada, &format!("body=plfts.{text}")), [""; 0], "{text}");
    }
    assert_eq!(bob.rows("/rest/v1/notes").as_array().unwrap().len(), 1);
}

fn what_cannot_be_searched_is_refused(engine: Engine) {
    let (site, origin) = notes(engine);
    let (ada, _) = filled(&origin);
    let refused = |filter: &str, code: &str| {
        let target = format!("/rest/v1/notes?{filter}");
        ada.refused("GET", &target, &Value::Null, 400, code);
    };
    for filter in [
        "phone=plfts.quick",
        "phone=not.plfts.quick",
        "created_at=plfts.quick",
        "body->>a=plfts.quick",
    ] {
        refused(filter, "PGRST100");
    }
    refused("phone_index=plfts.quick", "42703");
    let words = |many: usize| vec!["word"; many].join(" ");
    refused(&format!("body=plfts.{}", words(101)), "PGRST100");
    let two = format!("body=plfts.{}&title=wfts.{}", words(60), words(41));
    refused(&two, "PGRST100");
    assert_eq!(found(ada, &format!("body=plfts.{}", words(100))), [""; 0]);
    assert_eq!(found(ada, &format!("body=phfts.{}", words(100))), [""; 0]);
    refused("body=fts.quick brown", "22P02");
    if engine != Engine::Postgres {
        refused("body=fts(english).quick", "PGRST100");
        refused("body=fts.quick:A", "PGRST100");
        refused("body=fts.quick <2> fox", "PGRST100");
    }
    // What can be asked is told.
    let expected = match engine {
        Engine::Sqlite => json!(["notes.title", "notes.body"]),
        Engine::Postgres => json!(["note_tags.tag", "notes.title", "notes.body"]),
        Engine::MySql => json!(["notes.body"]),
    };
    let output = site.command(&["--json", "data", "check"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["searchable"], expected);
    let document = site.command(&["data", "openapi"]).output().unwrap();
    let document: Value = serde_json::from_slice(&document.stdout).unwrap();
    let parameters = document["paths"]["/notes"]["get"]["parameters"].clone();
    let pattern = |name: &str| {
        let all = parameters.as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == name).unwrap();
        one["schema"]["pattern"].to_string().contains("plfts")
    };
    assert_eq!((pattern("body"), pattern("created_at")), (true, false));
}

on_every_engine!(
    searches_find_the_same_everywhere,
    a_search_is_a_filter,
    an_index_is_as_its_rows,
    others_rows_are_not_found,
    operators_are_ours_alone,
    what_cannot_be_searched_is_refused,
);

/// What SQLite cannot find rows by, is no index: the rows have no `rowid`, or one of their own; it is
/// no FTS5.
#[test]
fn an_index_of_sqlite_is_one_by_rowid() {
    let tables = ["plain", "keyed", "named", "other"];
    let declared = tables.map(|table| {
        format!(
            "[data.tables.{table}]\ncolumns = [\"id\", \"body\"]\nroles.user = {{ select = \"1 = 1\" }}\n"
        )
    });
    let declared = declared.concat();
    let site = Site::on(Engine::Sqlite, &format!("{}\n{declared}", config()));
    let url = format!("{}?mode=rwc", site.home.url);
    for sql in [
        "CREATE TABLE plain (id INTEGER PRIMARY KEY, body TEXT)",
        "CREATE VIRTUAL TABLE plain_fts USING fts5(body)",
        "CREATE TABLE keyed (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID",
        "CREATE VIRTUAL TABLE keyed_fts USING fts5(body)",
        "CREATE TABLE named (id TEXT PRIMARY KEY, body TEXT, rowid TEXT)",
        "CREATE VIRTUAL TABLE named_fts USING fts5(body)",
        "CREATE TABLE other (id TEXT PRIMARY KEY, body TEXT)",
        "CREATE TABLE other_fts (body TEXT)",
        "INSERT INTO plain VALUES (7, 'quick')",
        "INSERT INTO plain_fts (rowid, body) VALUES (7, 'quick')",
    ] {
        execute(&url, sql).unwrap();
    }
    let output = site.command(&["--json", "data", "check"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["searchable"], json!(["plain.body"]));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    assert_eq!(
        ada.rows("/rest/v1/plain?body=plfts.quick"),
        json!([{ "id": 7, "body": "quick" }])
    );
}

/// SQLite keeps the numbers of rows then, where there is any index.
#[test]
fn rows_are_found_after_a_vacuum() {
    let (site, origin) = notes(Engine::Sqlite);
    let (ada, _) = filled(&origin);
    let gone = ada.ask("DELETE", "/rest/v1/notes?title=eq.a", &Value::Null, &[]);
    assert_eq!(gone.status, 204);
    execute(&site.home.url, "VACUUM").unwrap();
    assert_eq!(found(ada, "body=plfts.quick"), ["c"]);
    assert_eq!(found(ada, "body=plfts.lazy"), ["b"]);
}
