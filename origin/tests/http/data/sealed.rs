//! Encrypted columns of rows that the database finishes by itself: what is sealed can be opened.

use super::{ADA, Who, config, past};
use crate::{
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::{Value, json};

const TABLES: &str = r#"
[data.tables.made]
columns = ["id", "tenant_id", "secret", "note"]
types = { id = "text" }
encrypted = ["secret", "note"]
tenant = "tenant_id"
roles.user = { select = "1 = 1", insert = "1 = 1", update = "1 = 1" }
[data.tables.counted]
columns = ["id", "tenant_id", "secret"]
types = { id = "uuid" }
encrypted = ["secret"]
tenant = "tenant_id"
defaults = { id = "uuid()" }
roles.user = { select = "1 = 1", insert = "1 = 1", update = "1 = 1" }
"#;

/// `made` has a tenant by default and a key that loses its blanks, or that the database changes.
fn serve(engine: Engine, tables: &str, key: &str) -> (Site, Origin) {
    let site = Site::on(engine, &format!("{}notes = true\n{tables}", config()));
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    let end = match engine {
        Engine::MySql => " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        _ => "",
    };
    for sql in [
        format!(
            "CREATE TABLE made (id {key} PRIMARY KEY NOT NULL, tenant_id VARCHAR(64) NOT NULL \
             DEFAULT 'main', secret VARCHAR(4096), note VARCHAR(4096) DEFAULT 'plain')"
        ),
        "CREATE TABLE counted (id CHAR(36) PRIMARY KEY NOT NULL, tenant_id BIGINT NOT NULL, \
         secret VARCHAR(4096))"
            .to_owned(),
    ] {
        past::sql(&site, &format!("{sql}{end}"));
    }
    let origin = site.start();
    (site, origin)
}

fn key_that_changes(engine: Engine) -> &'static str {
    match engine {
        // It makes a number of `01`, and a text of that again.
        Engine::Sqlite => "NUMERIC",
        Engine::Postgres | Engine::MySql => "CHAR(8)",
    }
}

fn what_the_database_makes_of_a_row_can_be_opened(engine: Engine) {
    let (site, origin) = serve(engine, TABLES, key_that_changes(engine));
    let ada = Who::user(&origin, ADA);
    let changed = if engine == Engine::Sqlite { "01" } else { "a " };
    // Sealed for another tenant, or another key, than the row would have.
    for row in [
        json!({ "id": "a", "secret": "x" }),
        json!({ "id": changed, "tenant_id": "main", "secret": "x" }),
    ] {
        ada.refused("POST", "/rest/v1/made", &row, 400, "PGRST100");
        let merged = ada.ask(
            "POST",
            "/rest/v1/made",
            &row,
            &[("prefer", "resolution=merge-duplicates")],
        );
        assert_eq!(merged.status, 400, "{merged:?}");
    }
    assert_eq!(ada.rows("/rest/v1/made"), json!([]));
    // Without a value there is nothing to open; a default of the database would be in plain sight.
    let answer = ada.ask("POST", "/rest/v1/made", &json!({ "id": "b" }), &[]);
    assert_eq!(answer.status, 201, "{answer:?}");
    let many = json!([
        { "id": "c", "tenant_id": "main", "secret": "1" },
        { "id": "d", "tenant_id": "other", "secret": "2" },
    ]);
    let answer = ada.ask("POST", "/rest/v1/made", &many, &[]);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(
        ada.rows("/rest/v1/made?order=id&select=tenant_id,secret,note"),
        json!([
            { "tenant_id": "main", "secret": null, "note": null },
            { "tenant_id": "main", "secret": "1", "note": null },
            { "tenant_id": "other", "secret": "2", "note": null },
        ])
    );
    let plain = past::sql(&site, "SELECT note FROM made WHERE note IS NOT NULL");
    assert!(plain.is_empty(), "{plain:?}");
    let all = json!({ "secret": "3" });
    let answer = ada.ask("PATCH", "/rest/v1/made?secret=not.is.null", &all, &[]);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(
        ada.rows("/rest/v1/made?id=eq.d&select=secret")[0]["secret"],
        "3"
    );
}

fn a_tenant_may_be_a_number(engine: Engine) {
    let (_site, origin) = serve(engine, TABLES, "VARCHAR(64)");
    let ada = Who::user(&origin, ADA);
    for row in [
        json!({ "tenant_id": 5, "secret": "x" }),
        json!([{ "tenant_id": 5, "secret": "x" }, { "tenant_id": 6, "secret": "x" }]),
    ] {
        let answer = ada.ask("POST", "/rest/v1/counted", &row, &[]);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let rows = ada.rows("/rest/v1/counted?select=secret");
    assert_eq!(rows, Value::Array(vec![json!({ "secret": "x" }); 3]));
}

/// A key that is not known when the row is encrypted.
fn a_key_that_the_database_makes_is_a_fault(engine: Engine) {
    let tables = TABLES.split("[data.tables.counted]").next().unwrap();
    let site = Site::on(engine, &format!("{}notes = true\n{tables}", config()));
    let notes = site.command(&["data", "notes"]).status().unwrap();
    assert!(notes.success());
    let default = match engine {
        Engine::Sqlite => "(lower(hex(randomblob(16))))",
        Engine::Postgres => "(gen_random_uuid()::text)",
        Engine::MySql => "(UUID())",
    };
    past::sql(
        &site,
        &format!(
            "CREATE TABLE made (id VARCHAR(64) PRIMARY KEY NOT NULL DEFAULT {default}, \
             tenant_id VARCHAR(64), secret VARCHAR(4096), note VARCHAR(4096))"
        ),
    );
    let check = site.command(&["data", "check"]).output().unwrap();
    let told = String::from_utf8_lossy(&check.stderr);
    assert_eq!(check.status.code(), Some(64), "{told}");
    assert!(
        told.contains("data.tables.made: encrypted: the database makes the key id"),
        "{told}"
    );
}

on_every_engine!(
    what_the_database_makes_of_a_row_can_be_opened,
    a_tenant_may_be_a_number,
    a_key_that_the_database_makes_is_a_fault,
);
