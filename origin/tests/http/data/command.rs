//! `gapura-origin data`, and the document at `/rest/v1/`.

use super::{ADA, NOTES, Who, notes};
use crate::{
    engines::{Engine, execute, on_every_engine},
    harness::{CONFIG, Site},
};
use serde_json::{Value, json};
use std::process::Output;

fn run(site: &Site, args: &[&str]) -> Output {
    site.command(args).output().unwrap()
}

fn told(site: &Site, args: &[&str]) -> Value {
    let output = run(site, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn check_tells_what_is_served(engine: Engine) {
    let (site, _origin) = notes(engine);
    // PostgreSQL alone needs no index.
    let (searchable, line) = match engine {
        Engine::Postgres => (
            vec!["note_tags.tag", "notes.title", "notes.body"],
            "full-text search: note_tags.tag, notes.title, notes.body\n",
        ),
        Engine::Sqlite | Engine::MySql => (vec![], ""),
    };
    assert_eq!(
        told(&site, &["--json", "data", "check"]),
        json!({ "tables": ["note_tags", "notes"], "searchable": searchable, "warnings": [] })
    );
    let output = run(&site, &["data", "check"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines, format!("served: note_tags, notes\n{line}"));
}

fn check_lists_every_fault(engine: Engine) {
    let faulty = NOTES
        .replace("\"title\", ", "\"titel\", ")
        .replace(
            "select = \"user_id = auth.uid()\"",
            "select = \"nobody = 1\"",
        )
        .replace("[data.tables.note_tags", "[data.tables.note_tag");
    let site = Site::on(engine, &format!("{CONFIG}\n{faulty}"));
    assert!(run(&site, &["data", "notes"]).status.success());
    let output = run(&site, &["data", "check"]);
    assert_eq!(output.status.code(), Some(64));
    let errors = String::from_utf8(output.stderr).unwrap();
    for fault in [
        "data.tables.notes: columns: the table has no column titel",
        "data.tables.notes.roles.user.select: ",
        "data.tables.note_tag: the database has no such table",
    ] {
        assert!(errors.contains(fault), "{fault}: {errors}");
    }
}

fn policies_are_shown_as_a_table(engine: Engine) {
    let (site, _origin) = notes(engine);
    let output = run(&site, &["data", "policies"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let cells = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = text.lines().map(cells).collect();
    assert_eq!(lines.len(), 1 + 2 * 2 * 5, "{text}");
    for line in [
        "note_tags admin delete -",
        "note_tags admin select 1 = 1",
        "notes user delete user_id = auth.uid()",
    ] {
        assert!(lines.contains(&cells(line)), "{line}: {text}");
    }
    let rights = told(&site, &["--json", "data", "policies"]);
    assert_eq!(rights.as_array().unwrap().len(), 20);
    assert_eq!(rights[0]["condition"], "1 = 1");
}

fn the_document_is_for_administrators(engine: Engine) {
    let (site, origin) = notes(engine);
    let admin = Who::admin(&origin);
    let answer = admin.get("/rest/v1/");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/openapi+json");
    let document = answer.json();
    assert_eq!(document, told(&site, &["data", "openapi"]));
    assert_eq!(document["openapi"], "3.1.0");
    let notes = &document["paths"]["/notes"];
    assert!(notes["post"]["requestBody"].is_object());
    assert!(!document.to_string().contains("phone_index"));
    let head = admin.ask("HEAD", "/rest/v1/", &Value::Null, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let user = Who::user(&origin, ADA);
    user.refused("GET", "/rest/v1/", &Value::Null, 403, "42501");
    Who::anon(&origin).refused("GET", "/rest/v1/", &Value::Null, 401, "42501");
    admin.refused("POST", "/rest/v1/", &json!({}), 405, "PGRST117");
}

on_every_engine!(
    check_tells_what_is_served,
    check_lists_every_fault,
    check_refuses_a_name_that_is_no_column,
    policies_are_shown_as_a_table,
    the_document_is_for_administrators,
);

#[test]
fn check_warns_of_texts_without_case() {
    let config = "[data.tables.words]\ncolumns = [\"id\", \"word\"]\n\
                  [data.tables.words.roles.user]\nselect = \"owner = auth.uid()\"\n";
    let site = Site::on(Engine::MySql, &format!("{CONFIG}\n{config}"));
    let made = "CREATE TABLE words (id INT PRIMARY KEY, word VARCHAR(9), owner VARCHAR(36), \
                other VARCHAR(9)) COLLATE utf8mb4_general_ci";
    execute(&site.home.url, made).unwrap();
    let warnings = told(&site, &["--json", "data", "check"])["warnings"].to_string();
    assert!(warnings.contains("words: word: in filters"), "{warnings}");
    assert!(
        warnings.contains("words: owner: in a policy of user"),
        "{warnings}"
    );
    assert!(!warnings.contains("other"), "{warnings}");
    let origin = site.start();
    origin.await_log("words: word: in filters");
}

/// Writes share a commit there: one could fail those of everybody else.
#[test]
fn check_refuses_keys_that_are_looked_at_when_all_is_written() {
    let (site, origin) = notes(Engine::Sqlite);
    drop(origin);
    let made = "CREATE TABLE later (id TEXT PRIMARY KEY, note_id TEXT REFERENCES notes (id) \
                DEFERRABLE INITIALLY DEFERRED)";
    execute(&site.home.url, made).unwrap();
    let output = site.command(&["data", "check"]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{errors}");
    assert!(
        errors.contains("the table later has a foreign key that is DEFERRABLE"),
        "{errors}"
    );
}

/// One write would take all others back, or the place of a row that its writer may not see.
#[test]
fn check_refuses_what_takes_others_back() {
    let (site, origin) = notes(Engine::Sqlite);
    drop(origin);
    for made in [
        "CREATE TABLE taken (code TEXT UNIQUE ON CONFLICT REPLACE)",
        "CREATE TRIGGER never BEFORE INSERT ON notes WHEN NEW.title = 'no' \
         BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    ] {
        execute(&site.home.url, made).unwrap();
    }
    let output = site.command(&["data", "check"]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{errors}");
    for fault in [
        "the table taken has an ON CONFLICT REPLACE",
        "the trigger never has a ROLLBACK",
    ] {
        assert!(errors.contains(fault), "{errors}");
    }
}

/// SQLite alone would take a name that is none for a text.
fn check_refuses_a_name_that_is_no_column(engine: Engine) {
    let quoted = if engine == Engine::MySql {
        "`archvied`"
    } else {
        "\\\"archvied\\\""
    };
    let own = "select = \"user_id = auth.uid()\"";
    let slip = format!("select = \"{quoted} IS NOT NULL\"");
    let faulty = NOTES.replacen(own, &slip, 1);
    let site = Site::on(engine, &format!("{CONFIG}\n{faulty}"));
    assert!(run(&site, &["data", "notes"]).status.success());
    let output = run(&site, &["data", "check"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{errors}");
    assert!(errors.contains("roles.user.select"), "{errors}");
}
