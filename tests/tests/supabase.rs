//! `@supabase/supabase-js`, unchanged, against both halves on every engine.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use engines::{Engine, Home, on_every_engine};
use gapura_tests::{Edge, EdgeConfig, Origin, node};

on_every_engine!(
    accounts_and_sessions,
    operators_and_what_they_change,
    second_factors,
    mails_and_what_they_let_people_do,
    rows_of_tables,
    claims_that_a_client_verifies,
    signatures_that_any_browser_verifies,
);

fn signatures_that_any_browser_verifies(engine: Engine) {
    let algorithm = ("token_algorithm = \"ES256\"", "token_algorithm = \"EdDSA\"");
    run(engine, "signatures", &[algorithm]);
}

/// One client address does what many would: limits are other tests' matter.
const WIDE: &str = r#"
[classes.login]
limit = 1000
[classes.account]
limit = 1000
[classes.register]
limit = 1000
[classes.sensitive]
limit = 1000
[classes.general]
limit = 1000

[[route]]
name = "vault"
path = "/vault/**"
rewrite = "/echo/**"
token = "required"
aal = "aal2"
classes = []
"#;

/// Cheap hashes.
const SETTINGS: [(&str, &str); 2] = [
    ("argon2_memory_kib = 19456", "argon2_memory_kib = 128"),
    ("argon2_iterations = 2", "argon2_iterations = 1"),
];

fn run(engine: Engine, program: &str, settings: &[(&str, &str)]) {
    run_on(&engine.home(), engine, program, settings);
}

fn run_on(home: &Home, engine: Engine, program: &str, settings: &[(&str, &str)]) {
    let origin = Origin::configured(&home.url, &[&SETTINGS, settings].concat());
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(WIDE));
    let mut environment = node::accounts(&edge, &origin);
    environment.push(("DATABASE", format!("{engine:?}").to_lowercase()));
    node::run(program, &environment);
}

fn accounts_and_sessions(engine: Engine) {
    run(engine, "accounts", &[]);
}

fn operators_and_what_they_change(engine: Engine) {
    run(engine, "admin", &[]);
}

fn second_factors(engine: Engine) {
    run(engine, "factors", &[]);
}

fn claims_that_a_client_verifies(engine: Engine) {
    run(engine, "claims", &[]);
}

/// Tables with what the development stack's lack: JSON, numbers, a unique column, a default of the
/// database, one that nobody reads, one that is searched; two ways from one to the other; tenants.
const PAPERS: &str = r#"
[data.tables.papers]
columns = ["id", "user_id", "code", "number", "price", "meta", "state", "pin", "abstract"]
types = { id = "uuid", user_id = "uuid", meta = "json" }
write_only = ["pin"]
defaults = { id = "uuid()", user_id = "auth.uid()" }
[data.tables.papers.roles.user]
select = "user_id = auth.uid()"
insert = "user_id = auth.uid()"
update = "user_id = auth.uid()"
delete = "user_id = auth.uid()"
[data.tables.cites]
columns = ["id", "from_id", "to_id"]
types = { id = "uuid", from_id = "uuid", to_id = "uuid" }
defaults = { id = "uuid()" }
roles.user = { select = "1 = 1", insert = "1 = 1", delete = "1 = 1" }
[data.tables.letters]
columns = ["id", "tenant_id", "secret"]
types = { id = "uuid" }
encrypted = ["secret"]
blind_index = { secret = "secret_index" }
tenant = "tenant_id"
defaults = { id = "uuid()", tenant_id = "auth.tenant()" }
[data.tables.letters.roles.user]
select = "tenant_id = auth.tenant()"
insert = "tenant_id = auth.tenant()"
update = "tenant_id = auth.tenant()"
"#;

fn rows_of_tables(engine: Engine) {
    let home = engine.home();
    let (json, text, url) = match engine {
        // It makes the file.
        Engine::Sqlite => ("TEXT", "TEXT", format!("{}?mode=rwc", home.url)),
        Engine::Postgres => ("JSONB", "TEXT", home.url.clone()),
        Engine::MySql => (
            "LONGTEXT",
            "VARCHAR(64) COLLATE utf8mb4_bin",
            home.url.clone(),
        ),
    };
    // An index for full-text search, where the engine needs one.
    let (in_table, beside) = match engine {
        Engine::Sqlite => (
            "",
            "CREATE VIRTUAL TABLE papers_fts USING fts5(abstract); \
             CREATE TRIGGER papers_added AFTER INSERT ON papers BEGIN \
             INSERT INTO papers_fts (rowid, abstract) VALUES (new.rowid, new.abstract); END; \
             CREATE TRIGGER papers_changed AFTER UPDATE ON papers BEGIN \
             UPDATE papers_fts SET abstract = new.abstract WHERE rowid = old.rowid; END; \
             CREATE TRIGGER papers_gone AFTER DELETE ON papers BEGIN \
             DELETE FROM papers_fts WHERE rowid = old.rowid; END",
        ),
        Engine::Postgres => ("", "SELECT 1"),
        Engine::MySql => (", FULLTEXT (abstract)", "SELECT 1"),
    };
    for sql in [
        format!(
            "CREATE TABLE papers (id CHAR(36) PRIMARY KEY NOT NULL, user_id CHAR(36) NOT NULL, \
             code {text} UNIQUE, number INTEGER, price NUMERIC(10, 2), meta {json}, \
             state VARCHAR(9) DEFAULT 'new', pin VARCHAR(9), abstract TEXT{in_table})"
        ),
        beside.to_owned(),
        "CREATE TABLE cites (id CHAR(36) PRIMARY KEY NOT NULL, from_id CHAR(36), to_id CHAR(36), \
         FOREIGN KEY (from_id) REFERENCES papers (id), FOREIGN KEY (to_id) REFERENCES papers (id))"
            .to_owned(),
        format!(
            "CREATE TABLE letters (id CHAR(36) PRIMARY KEY NOT NULL, tenant_id {text} NOT NULL, \
             secret VARCHAR(4096), secret_index {text})"
        ),
    ] {
        engines::execute(&url, &sql).expect("a table");
    }
    let notes = "\n[data.tables.notes]\n";
    run_on(
        &home,
        engine,
        "data",
        &[(notes, &format!("{PAPERS}{notes}"))],
    );
}

fn mails_and_what_they_let_people_do(engine: Engine) {
    run(
        engine,
        "mail",
        &[
            ("confirm_email = false", "confirm_email = true"),
            ("resend_s = 60", "resend_s = 1"),
        ],
    );
}
