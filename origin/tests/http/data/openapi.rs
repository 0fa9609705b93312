//! The document at `/rest/v1/` is `OpenAPI` 3.1 to a validator that knows nothing of us, and rows are
//! what its schemas (JSON Schema 2020-12) say.

use super::{ADA, Who, notes, types::things};
use crate::{
    engines::{Engine, on_every_engine},
    harness::Site,
};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

/// Samples: a schema, a value, and whether it is one.
fn check(site: &Site, document: &Value, samples: &Value) -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = tests.join("../.tools/python/bin/python");
    assert!(python.exists(), "run ./scripts/setup tests");
    let files = [("document.json", document), ("samples.json", samples)];
    let paths = files.map(|(name, value)| {
        let path = site.dir.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path
    });
    let mut command = Command::new(python);
    command.arg(tests.join("tests/http/data/openapi.py"));
    let output = command.args(paths).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn printed(site: &Site) -> Value {
    let output = site.command(&["data", "openapi"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn the_document_is_openapi_3_1(engine: Engine) {
    let (site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let row = json!({ "title": "a", "body": null, "phone": "1" });
    let note = &ada.add("notes", &row)[0];
    let tag = &ada.add("note_tags", &json!({ "note_id": note["id"], "tag": "t" }))[0];
    let error = ada.get("/rest/v1/notes?nope=eq.1").json();
    let samples = json!([
        ["notes", note, true],
        ["note_tags", tag, true],
        ["notes.insert", row, true],
        ["notes.insert", { "body": "no title" }, false],
        ["notes.insert", { "title": "a", "created_at": "2026-11-21T00:00:00Z" }, false],
        ["notes.update", { "body": "a" }, true],
        ["notes.update", { "body": 1 }, false],
        ["notes", { "id": "no uuid" }, false],
        ["Error", error, true],
        ["Error", { "message": "no code" }, false],
    ]);
    let document = printed(&site);
    assert_eq!(check(&site, &document, &samples), "");

    // The validator finds what is wrong.
    let mut wrong = document;
    wrong["paths"]["/notes"]["get"]["responses"] = json!({ "200": {} });
    wrong["components"]["parameters"]["limit"]["example"] = json!("ten");
    let told = check(&site, &wrong, &json!([["notes", { "title": 1 }, true]]));
    for part in ["document: ", "example: limit", "sample: notes"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

fn rows_of_every_kind_are_as_described(engine: Engine) {
    let (site, origin) = things(engine);
    let ada = Who::user(&origin, ADA);
    let full = json!({
        "id": 1, "done": true, "many": 3, "price": 12.5, "day": "2026-11-21", "at": "2026-11-21T17:00:00.25+07:00",
        "more": { "a": [null] }, "secret": "s", "code": "k1",
    });
    let rows = [full.clone(), json!({ "code": null })].map(|row| ada.add("thing", &row)[0].clone());
    let samples = json!([
        ["thing", rows[0], true],
        ["thing", rows[1], true],
        ["thing.insert", full, true],
        ["thing.insert", { "at": "yesterday" }, false],
        ["thing.insert", { "many": 1.5 }, false],
        ["thing", { "secret": "s" }, false],
    ]);
    assert_eq!(check(&site, &printed(&site), &samples), "");
}

on_every_engine!(
    the_document_is_openapi_3_1,
    rows_of_every_kind_are_as_described
);
