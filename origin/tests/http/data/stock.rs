//! Tables with what the development stack's lack: unique columns, tenants, triggers, JSON.

use super::{ADA, Who, config, past};
use crate::{engines::Engine, harness::Origin, harness::Site};
use serde_json::{Value, json};

const TABLES: &str = r#"
[data.tables.contact]
columns = ["id", "user_id", "code", "a", "b", "title", "phone", "more", "amount"]
types = { id = "uuid", more = "json" }
encrypted = ["phone"]
blind_index = { phone = "phone_index" }
defaults = { id = "uuid()", user_id = "auth.uid()" }
[data.tables.contact.roles.user]
select = "user_id = auth.uid()"
insert = "user_id = auth.uid()"
update = "user_id = auth.uid()"
delete = "user_id = auth.uid()"
[data.tables.part]
columns = ["id", "contact_id", "body"]
roles.user = { select = "1 = 1", insert = "1 = 1" }
[data.tables.badge]
columns = ["id", "contact_id", "giver_id"]
roles.user = { select = "1 = 1", insert = "1 = 1" }
[data.tables.letter]
columns = ["id", "tenant_id", "code", "secret"]
types = { id = "uuid" }
encrypted = ["secret"]
tenant = "tenant_id"
defaults = { id = "uuid()" }
roles.user = { select = "1 = 1", insert = "1 = 1", update = "1 = 1" }
"#;

const SQL: [&str; 4] = [
    "CREATE TABLE contact (id CHAR(36) PRIMARY KEY NOT NULL, user_id CHAR(36) NOT NULL, code VARCHAR(64) UNIQUE, \
     a INTEGER, b INTEGER, title VARCHAR(64), phone VARCHAR(4096), phone_index VARCHAR(64), more {json}, \
     amount NUMERIC(30, 10), UNIQUE (a, b))",
    "CREATE TABLE part (id INTEGER PRIMARY KEY, contact_id CHAR(36) NOT NULL, body {text}, \
     FOREIGN KEY (contact_id) REFERENCES contact (id) ON DELETE RESTRICT)",
    "CREATE TABLE badge (id INTEGER PRIMARY KEY, contact_id CHAR(36) NOT NULL UNIQUE, giver_id CHAR(36), \
     FOREIGN KEY (contact_id) REFERENCES contact (id), FOREIGN KEY (giver_id) REFERENCES contact (id))",
    "CREATE TABLE letter (id CHAR(36) PRIMARY KEY NOT NULL, tenant_id VARCHAR(64) NOT NULL, \
     code VARCHAR(64) UNIQUE, secret VARCHAR(4096))",
];

/// Says no to a contact of that title.
const TRIGGER: [&str; 3] = [
    "CREATE TRIGGER refuses BEFORE INSERT ON contact WHEN NEW.title = 'refused' \
     BEGIN SELECT RAISE(ABORT, 'told by the trigger'); END",
    "CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     IF NEW.title = 'refused' THEN RAISE EXCEPTION 'told by the trigger'; END IF; RETURN NEW; END $$; \
     CREATE TRIGGER refuses BEFORE INSERT ON contact FOR EACH ROW EXECUTE FUNCTION refuses()",
    "CREATE TRIGGER refuses BEFORE INSERT ON contact FOR EACH ROW IF NEW.title = 'refused' THEN \
     SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'told by the trigger'; END IF",
];

/// An origin that serves contacts, their parts, and letters.
pub(super) fn stock(engine: Engine) -> (Site, Origin) {
    let site = Site::on(engine, &format!("{}notes = true\n{TABLES}", config()));
    // It makes the file.
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    let (json, text, end, trigger) = match engine {
        Engine::Sqlite => ("TEXT", "TEXT", "", TRIGGER[0]),
        Engine::Postgres => ("JSONB", "TEXT", "", TRIGGER[1]),
        Engine::MySql => (
            "LONGTEXT",
            "LONGTEXT",
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            TRIGGER[2],
        ),
    };
    for sql in SQL {
        let sql = sql.replace("{json}", json).replace("{text}", text);
        past::sql(&site, &format!("{sql}{end}"));
    }
    past::sql(&site, trigger);
    let origin = site.start();
    (site, origin)
}

/// Adds a contact; its id.
pub(super) fn contact(who: Who<'_>, row: &Value) -> String {
    let rows = who.add("contact", row);
    rows[0]["id"].as_str().unwrap().to_owned()
}

/// What a bulk of text is embedded in.
pub(super) fn parts(origin: &Origin, of: &str, count: usize, bytes: usize) {
    let ada = Who::user(origin, ADA);
    let ids: Vec<usize> = (0..count).collect();
    for some in ids.chunks(100) {
        let row = |id: &usize| json!({ "id": id, "contact_id": of, "body": "x".repeat(bytes) });
        let rows: Vec<Value> = some.iter().map(row).collect();
        let answer = ada.ask("POST", "/rest/v1/part", &json!(rows), &[]);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}
