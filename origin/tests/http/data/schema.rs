//! What the database's schema decides: who writes a column, where a foreign key leads, which names
//! there are.

use super::{ADA, BOB, Who, config, past};
use crate::{
    engines::{Engine, execute, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::{Value, json};

const REPRESENTATION: (&str, &str) = ("prefer", "return=representation");

/// An origin that serves `tables`, which these statements make.
fn serve(engine: Engine, tables: &str, sql: &[&str]) -> (Site, Origin) {
    let site = Site::on(engine, &format!("{}notes = true\n{tables}", config()));
    // It makes the file.
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    let end = match engine {
        Engine::MySql => " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        _ => "",
    };
    for sql in sql {
        past::sql(&site, &format!("{sql}{end}"));
    }
    let origin = site.start();
    (site, origin)
}

/// What a command prints about what it was asked.
fn printed(site: &Site, args: &[&str]) -> Value {
    let output = site.command(args).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

const PRICES: &str = r#"
[data.tables.price]
columns = ["id", "net", "gross"]
roles.user = { select = "1 = 1", insert = "1 = 1", update = "net < 100", update_check = "gross > 0 AND net < 1000" }
"#;

fn a_column_that_is_computed_is_read_only(engine: Engine) {
    let key = match engine {
        Engine::Sqlite => "INTEGER PRIMARY KEY",
        Engine::Postgres => "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        Engine::MySql => "INTEGER AUTO_INCREMENT PRIMARY KEY",
    };
    let table = format!(
        "CREATE TABLE price (id {key}, net INTEGER NOT NULL, \
         gross INTEGER GENERATED ALWAYS AS (net * 2) STORED)"
    );
    let (site, origin) = serve(engine, PRICES, &[&table]);
    let ada = Who::user(&origin, ADA);
    let added = &ada.add("price", &json!({ "net": 5 }))[0];
    assert_eq!((&added["net"], &added["gross"]), (&json!(5), &json!(10)));
    let of = format!("/rest/v1/price?id=eq.{}", added["id"]);
    assert_eq!(
        ada.rows("/rest/v1/price?gross=eq.10&select=gross"),
        json!([{ "gross": 10 }])
    );
    let row = json!({ "net": 1, "gross": 2 });
    ada.refused("POST", "/rest/v1/price", &row, 403, "42501");
    ada.refused("PATCH", &of, &json!({ "gross": 2 }), 403, "42501");
    // A row is judged by what is computed of it, and not by what was.
    let changed = ada.ask("PATCH", &of, &json!({ "net": 99 }), &[REPRESENTATION]);
    assert_eq!(
        (changed.status, &changed.json()[0]["gross"]),
        (200, &json!(198)),
        "{changed:?}"
    );
    ada.refused("PATCH", &of, &json!({ "net": -1 }), 403, "42501");
    past::sql(&site, "UPDATE price SET net = -500");
    assert_eq!(ada.ask("PATCH", &of, &json!({ "net": 7 }), &[]).status, 204);
    // Its key may be sent along where it is that of the row, whoever made it.
    let whole = json!({ "id": added["id"], "net": 8 });
    assert_eq!(ada.ask("PATCH", &of, &whole, &[]).status, 204);
    let other = json!({ "id": 77, "net": 8 });
    ada.refused("PATCH", &of, &other, 400, "PGRST100");
    // Who looks after it is told.
    let warnings = printed(&site, &["--json", "data", "check"])["warnings"].to_string();
    assert!(
        warnings.contains("price: gross: nobody but the database writes it"),
        "{warnings}"
    );
    let keys_are_made = warnings.contains("price: id: nobody but the database writes it");
    assert_eq!(keys_are_made, engine == Engine::Postgres, "{warnings}");
    let schemas = &printed(&site, &["data", "openapi"])["components"]["schemas"];
    assert_eq!(schemas["price"]["properties"]["gross"]["readOnly"], true);
    for schema in ["price.insert", "price.update"] {
        assert_eq!(schemas[schema]["properties"].get("gross"), None, "{schema}");
    }
}

fn what_is_computed_gets_no_other_value(engine: Engine) {
    let tables = PRICES.replace(
        "[\"id\", \"net\", \"gross\"]",
        "[\"id\", \"net\", \"gross\"]\nwrite_only = [\"gross\"]",
    );
    let site = Site::on(engine, &format!("{}notes = true\n{tables}", config()));
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    past::sql(
        &site,
        "CREATE TABLE price (id INTEGER PRIMARY KEY, net INTEGER, gross INTEGER GENERATED ALWAYS AS (net * 2) STORED)",
    );
    // Neither the command nor the server.
    for args in [&["data", "check"][..], &["serve"]] {
        let output = site.command(args).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{args:?}: {errors}");
        let fault = "data.tables.price: nobody but the database writes gross";
        assert!(errors.contains(fault), "{args:?}: {errors}");
    }
}

const BOOKS: &str = r#"
[data.tables.shelf]
columns = ["id", "label"]
roles.user = { select = "owner = auth.uid()", insert = "1 = 1" }
[data.tables.book]
columns = ["id", "title"]
roles.user = { select = "1 = 1", insert = "1 = 1" }
"#;

/// By a unique column that nobody is shown; and not by another's row.
fn a_table_is_embedded_by_columns_that_are_hidden(engine: Engine) {
    let (site, origin) = serve(
        engine,
        BOOKS,
        &[
            "CREATE TABLE shelf (id INTEGER PRIMARY KEY, label VARCHAR(9), code VARCHAR(9) NOT NULL UNIQUE, owner CHAR(36))",
            "CREATE TABLE book (id INTEGER PRIMARY KEY, title VARCHAR(9), shelf_code VARCHAR(9), \
             FOREIGN KEY (shelf_code) REFERENCES shelf (code))",
        ],
    );
    past::sql(
        &site,
        &format!("INSERT INTO shelf VALUES (1, 'a', 'x', '{ADA}'), (2, 'b', 'y', '{BOB}')"),
    );
    past::sql(
        &site,
        "INSERT INTO book VALUES (1, 'one', 'x'), (2, 'two', 'y'), (3, 'three', NULL)",
    );
    let ada = Who::user(&origin, ADA);
    assert_eq!(
        ada.rows("/rest/v1/book?select=title,shelf(label)&order=id"),
        json!([
            { "title": "one", "shelf": { "label": "a" } },
            { "title": "two", "shelf": null },
            { "title": "three", "shelf": null },
        ])
    );
    assert_eq!(
        ada.rows("/rest/v1/shelf?select=label,book(title)"),
        json!([{ "label": "a", "book": [{ "title": "one" }] }])
    );
    for query in [
        "book?select=shelf_code",
        "shelf?select=code",
        "shelf?code=eq.x",
    ] {
        ada.refused(
            "GET",
            &format!("/rest/v1/{query}"),
            &Value::Null,
            400,
            "42703",
        );
    }
    // What is told of a row that is added embeds no other's either.
    let target = "/rest/v1/book?select=title,shelf(label)";
    let added = ada.ask(
        "POST",
        target,
        &json!({ "id": 4, "title": "new" }),
        &[REPRESENTATION],
    );
    assert_eq!(
        (added.status, added.json()),
        (201, json!([{ "title": "new", "shelf": null }]))
    );
}

const WORDS: &str = r#"
[data.tables.order]
columns = ["id", "group", "select", "from"]
roles.user = { select = "1 = 1", insert = "1 = 1", update = "1 = 1", delete = "1 = 1" }
[data.tables.leave]
columns = ["id", "condition"]
roles.user = { select = "1 = 1", insert = "1 = 1" }
"#;

fn words_of_sql_are_names_as_well(engine: Engine) {
    let mark = if engine == Engine::MySql { '`' } else { '"' };
    let sql = [
        "CREATE TABLE 'order' (id INTEGER PRIMARY KEY, 'group' VARCHAR(9) UNIQUE, 'select' VARCHAR(9), 'from' INTEGER)",
        "CREATE TABLE 'leave' (id INTEGER PRIMARY KEY, 'condition' INTEGER, FOREIGN KEY ('condition') REFERENCES 'order' (id))",
    ]
    .map(|sql| sql.replace('\'', &mark.to_string()));
    let (_site, origin) = serve(engine, WORDS, &[&sql[0], &sql[1]]);
    let ada = Who::user(&origin, ADA);
    let rows = json!([{ "id": 1, "group": "a", "select": "x", "from": 1 }, { "id": 2, "group": "b", "select": "y", "from": 2 }]);
    ada.add("order", &rows);
    ada.add("leave", &json!({ "id": 1, "condition": 1 }));
    assert_eq!(
        ada.rows("/rest/v1/order?select=group,leave(condition)&from=gt.0&order=select.desc&leave.order=condition"),
        json!([{ "group": "b", "leave": [] }, { "group": "a", "leave": [{ "condition": 1 }] }])
    );
    assert_eq!(
        ada.rows("/rest/v1/leave?select=id,order!inner(select)&order.group=eq.a"),
        json!([{ "id": 1, "order": { "select": "x" } }])
    );
    let of = "/rest/v1/order?select=select&group=eq.b&order=from&limit=1";
    let changed = ada.ask("PATCH", of, &json!({ "select": "z" }), &[REPRESENTATION]);
    assert_eq!(
        (changed.status, changed.json()),
        (200, json!([{ "select": "z" }])),
        "{changed:?}"
    );
    let merged = ada.ask(
        "POST",
        "/rest/v1/order?on_conflict=group&select=select,from",
        &json!({ "id": 2, "group": "b", "from": 9 }),
        &[(
            "prefer",
            "resolution=merge-duplicates,return=representation",
        )],
    );
    assert_eq!(
        (merged.status, merged.json()),
        (201, json!([{ "select": "z", "from": 9 }])),
        "{merged:?}"
    );
    let gone = ada.ask("DELETE", of, &Value::Null, &[REPRESENTATION]);
    assert_eq!(
        (gone.status, gone.json()),
        (200, json!([{ "select": "z" }])),
        "{gone:?}"
    );
}

const VISITS: &str = r#"
[data.tables.person]
columns = ["id", "name"]
roles.user = { select = "1 = 1" }
[data.tables.visit]
columns = ["id", "person_id"]
roles.user = { select = "1 = 1" }
"#;

/// SQLite has one schema alone.
fn a_key_to_another_schema_is_no_way_to_a_table_of_that_name(engine: Engine) {
    let elsewhere = match engine {
        Engine::Sqlite => return,
        Engine::Postgres => "elsewhere".to_owned(),
        Engine::MySql => format!("elsewhere_{}", std::process::id()),
    };
    let site = Site::on(engine, &format!("{}notes = true\n{VISITS}", config()));
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    for sql in [
        format!("CREATE SCHEMA {elsewhere}"),
        format!("CREATE TABLE {elsewhere}.person (id INTEGER PRIMARY KEY)"),
        "CREATE TABLE person (id INTEGER PRIMARY KEY, name VARCHAR(9))".to_owned(),
        format!(
            "CREATE TABLE visit (id INTEGER PRIMARY KEY, person_id INTEGER, \
             FOREIGN KEY (person_id) REFERENCES {elsewhere}.person (id))"
        ),
        format!("INSERT INTO {elsewhere}.person VALUES (1)"),
        "INSERT INTO person VALUES (1, 'other')".to_owned(),
        "INSERT INTO visit VALUES (1, 1)".to_owned(),
    ] {
        execute(&site.home.url, &sql).unwrap();
    }
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    assert_eq!(
        ada.rows("/rest/v1/visit"),
        json!([{ "id": 1, "person_id": 1 }])
    );
    for target in [
        "/rest/v1/visit?select=id,person(name)",
        "/rest/v1/visit?select=id,person_id(name)",
        "/rest/v1/person?select=id,visit(id)",
    ] {
        ada.refused("GET", target, &Value::Null, 400, "PGRST200");
    }
}

on_every_engine!(
    a_column_that_is_computed_is_read_only,
    what_is_computed_gets_no_other_value,
    a_table_is_embedded_by_columns_that_are_hidden,
    words_of_sql_are_names_as_well,
    a_key_to_another_schema_is_no_way_to_a_table_of_that_name,
);
