//! Row policies and grants of PostgreSQL itself, as Supabase's applications have them: they hold
//! beside ours, for the role and the claims of whoever asks.

use super::{ADA, BOB, Who, notes};
use crate::{
    engines::{Engine, execute},
    harness::{CONFIG, Origin, Site},
};
use serde_json::{Value, json};

/// The DDL of an application that was written for Supabase, unchanged.
const SIDARSIH: &str = include_str!("sidarsih.sql");

/// Ours allow everything: what is refused, the database refuses. One connection: whatever a
/// request leaves behind on it, the next one meets.
const TABLES: &str = r#"
[data]
database_roles = { user = "authenticated", anon = "anon" }
[data.tables.users]
columns = ["id", "email", "name", "phone", "role", "created_at", "updated_at"]
roles.user = { select = "1 = 1", insert = "1 = 1", update = "1 = 1", delete = "1 = 1" }
roles.anon = { select = "1 = 1", insert = "1 = 1" }
[data.tables.user_sessions]
columns = ["id", "user_id", "session_id", "whatsapp_number", "status", "connected_at", "metadata"]
roles.user = { select = "1 = 1", insert = "1 = 1", update = "1 = 1", delete = "1 = 1" }
roles.anon = { select = "1 = 1" }
[data.tables.message_logs]
columns = ["id", "user_id", "session_id", "from_number", "to_number", "message_content"]
roles.user = { select = "1 = 1", insert = "1 = 1", update = "1 = 1" }
[data.tables.session_logs]
columns = ["id", "session_id", "event_type", "event_data", "created_at"]
roles.user = { select = "1 = 1", insert = "1 = 1" }
[data.tables.caller]
columns = ["id", "uid", "role", "tenant", "runs_as"]
roles.user = { select = "1 = 1", insert = "1 = 1" }
roles.admin = { select = "1 = 1", insert = "1 = 1" }
[data.tables.trash]
columns = ["id", "note"]
roles.user = { select = "1 = 1", update = "1 = 1", delete = "note = 'a'" }
[data.tables.list]
columns = ["id", "tags", "numbers"]
roles.user = { select = "1 = 1", insert = "1 = 1", update = "1 = 1" }
"#;

/// Roles belong to the whole server, where another test may just be making them.
const ROLES: &str = "
DO $$ BEGIN CREATE ROLE authenticated; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
DO $$ BEGIN CREATE ROLE anon; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
DO $$ BEGIN GRANT authenticated, anon TO gapura; EXCEPTION WHEN unique_violation THEN END $$;
";

/// Remembers whom a request ran as.
const CALLER: &str = "
CREATE TABLE caller (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid     uuid DEFAULT auth.uid(),
    role    text DEFAULT auth.role(),
    tenant  text DEFAULT auth.tenant(),
    runs_as text DEFAULT current_user
);
GRANT SELECT, INSERT ON caller TO authenticated;
CREATE TABLE trash (id bigint PRIMARY KEY, note text);
CREATE TABLE list (id bigint PRIMARY KEY, tags text[], numbers int[][]);
GRANT ALL ON list TO authenticated;
INSERT INTO trash VALUES (1, 'a'), (2, 'b');
GRANT SELECT, DELETE ON trash TO authenticated;
";

fn sidarsih() -> (Site, Origin) {
    let config = CONFIG.replace("acquire_s = 1", "acquire_s = 20\nmax_connections = 1");
    assert_ne!(config, CONFIG);
    let site = Site::on(Engine::Postgres, &format!("{config}\n{TABLES}"));
    // Brings the schema up to date: `auth.uid()` is in it.
    let made = site.command(&["data", "notes"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let people = format!(
        "INSERT INTO users (id, email, name) VALUES ('{ADA}', 'ada@sidarsih.site', 'Ada'), \
         ('{BOB}', 'bob@sidarsih.site', 'Bob');"
    );
    for sql in [ROLES, SIDARSIH, CALLER, &people] {
        execute(&site.home.url, sql).unwrap();
    }
    let origin = site.start();
    (site, origin)
}

fn session(who: Who<'_>, of: &str, name: &str) -> String {
    let row = json!({ "user_id": of, "session_id": name, "metadata": { "source": "web" } });
    let rows = who.add("user_sessions", &row);
    rows[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn its_row_policies_hold() {
    let (_site, origin) = sidarsih();
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    // Own rows only.
    assert_eq!(
        ada.rows("/rest/v1/users?select=id,name,role"),
        json!([{ "id": ADA, "name": "Ada", "role": "user" }])
    );
    let of_ada = session(ada, ADA, "a");
    session(bob, BOB, "b");
    assert_eq!(
        bob.rows("/rest/v1/user_sessions?select=session_id,metadata,users(name)"),
        json!([{ "session_id": "b", "metadata": { "source": "web" }, "users": { "name": "Bob" } }])
    );
    // Not for somebody else.
    let stolen = json!({ "user_id": ADA, "session_id": "c" });
    bob.refused("POST", "/rest/v1/user_sessions", &stolen, 403, "42501");
    let message = json!({
        "user_id": BOB, "session_id": of_ada, "from_number": "1", "to_number": "2", "message_content": "x",
    });
    ada.refused("POST", "/rest/v1/message_logs", &message, 403, "42501");
    // There is no policy for adding users or logs at all.
    let row = json!({ "email": "x@y.z", "name": "x" });
    ada.refused("POST", "/rest/v1/users", &row, 403, "42501");
    let log = json!({ "session_id": of_ada, "event_type": "x" });
    ada.refused("POST", "/rest/v1/session_logs", &log, 403, "42501");
    // Somebody else's row is as if it were not there.
    let representation = [("prefer", "return=representation")];
    for (method, target, body) in [
        (
            "PATCH",
            format!("/rest/v1/users?id=eq.{ADA}"),
            json!({ "name": "B" }),
        ),
        (
            "PATCH",
            format!("/rest/v1/user_sessions?id=eq.{of_ada}"),
            json!({ "status": "ready" }),
        ),
        (
            "DELETE",
            "/rest/v1/user_sessions?session_id=eq.a".into(),
            Value::Null,
        ),
    ] {
        let answer = bob.ask(method, &target, &body, &representation);
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!([])),
            "{method} {target}"
        );
    }
    let own = format!("/rest/v1/users?id=eq.{ADA}");
    let changed = ada.ask("PATCH", &own, &json!({ "name": "A." }), &representation);
    assert_eq!(
        (changed.status, &changed.json()[0]["name"]),
        (200, &json!("A."))
    );
}

#[test]
fn what_its_policies_keep_is_not_told_as_deleted() {
    let (_site, origin) = sidarsih();
    let ada = Who::user(&origin, ADA);
    session(ada, ADA, "a");
    // A grant to delete, but no policy.
    let own = "/rest/v1/user_sessions?session_id=eq.a";
    let shown = [("prefer", "return=representation,count=exact")];
    let kept = ada.ask("DELETE", own, &Value::Null, &shown);
    assert_eq!((kept.status, kept.json()), (200, json!([])));
    assert_eq!(kept.headers["content-range"], "*/0");
    assert_eq!(
        ada.rows("/rest/v1/user_sessions?select=session_id"),
        json!([{ "session_id": "a" }])
    );
    // No grant.
    let own = format!("/rest/v1/users?id=eq.{ADA}");
    ada.refused("DELETE", &own, &Value::Null, 403, "42501");
}

#[test]
fn its_grants_hold_for_who_has_no_token() {
    let (_site, origin) = sidarsih();
    let anon = Who::anon(&origin);
    // Granted, and every row kept back by a policy.
    assert_eq!(anon.rows("/rest/v1/users"), json!([]));
    anon.refused("GET", "/rest/v1/user_sessions", &Value::Null, 401, "42501");
    let row = json!({ "email": "x@y.z", "name": "x" });
    anon.refused("POST", "/rest/v1/users", &row, 401, "42501");
}

#[test]
fn it_knows_the_caller_and_forgets_them() {
    let (_site, origin) = sidarsih();
    let (ada, bob, admin) = (
        Who::user(&origin, ADA),
        Who::user(&origin, BOB),
        Who::admin(&origin),
    );
    let seen = |who: Who<'_>| {
        let row = &who.add("caller", &json!({}))[0];
        assert_eq!(row["tenant"], Value::Null);
        json!([row["uid"], row["role"], row["runs_as"]])
    };
    let of = |who: Who<'_>, runs_as| json!([who.id, who.role, runs_as]);
    // On one connection: after a success, after a refusal, and after a failure inside.
    for _ in 0..2 {
        assert_eq!(seen(ada), of(ada, "authenticated"));
        assert_eq!(seen(admin), of(admin, "gapura"));
        ada.refused(
            "DELETE",
            &format!("/rest/v1/users?id=eq.{ADA}"),
            &Value::Null,
            403,
            "42501",
        );
        assert_eq!(seen(admin), of(admin, "gapura"));
        assert_eq!(seen(bob), of(bob, "authenticated"));
        Who::anon(&origin).rows("/rest/v1/users");
        assert_eq!(seen(admin), of(admin, "gapura"));
    }
    // Our own tables are no role's of the application: a key is kept all the same.
    let post = || {
        let headers = [
            ("idempotency-key", "k"),
            ("prefer", "return=representation"),
        ];
        ada.ask("POST", "/rest/v1/caller", &json!({}), &headers)
    };
    let first = post();
    assert_eq!(first.status, 201, "{first:?}\n{}", origin.log());
    assert_eq!(first.json()[0]["runs_as"], "authenticated");
    let again = post();
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(seen(admin), of(admin, "gapura"));
}

#[test]
fn a_search_that_is_none_is_refused() {
    let (_site, origin) = notes(Engine::Postgres);
    let ada = Who::user(&origin, ADA);
    ada.note("of ships and shoes");
    let found = |test: &str| {
        let rows = ada.rows(&format!("/rest/v1/notes?select=title&title={test}"));
        rows.as_array().unwrap().len()
    };
    assert_eq!(found("fts.ships <2> shoes"), 1);
    assert_eq!(found("fts(english).ship"), 1);
    assert_eq!(found("wfts.ships -shoes"), 0);
    assert_eq!(found("plfts.a b | !"), 0);
    for test in [
        "fts.ships shoes",
        "fts.|",
        "fts.'",
        "fts(nope).ships",
        "plfts(1).ships",
        "plfts(-).ships",
    ] {
        let target = format!("/rest/v1/notes?title={test}");
        ada.refused("GET", &target, &Value::Null, 400, "22P02");
    }
}

/// Rows are locked for those alone who may change them: the database would refuse others.
#[test]
fn who_may_delete_need_not_be_allowed_to_change() {
    let (_site, origin) = sidarsih();
    let ada = Who::user(&origin, ADA);
    let gone = ada.ask(
        "DELETE",
        "/rest/v1/trash?id=gt.0",
        &Value::Null,
        &[("prefer", "return=representation")],
    );
    assert_eq!(
        (gone.status, gone.json()),
        (200, json!([{ "id": 1, "note": "a" }]))
    );
    ada.refused(
        "PATCH",
        "/rest/v1/trash?id=eq.2",
        &json!({ "note": "a" }),
        403,
        "42501",
    );
    assert_eq!(
        ada.rows("/rest/v1/trash"),
        json!([{ "id": 2, "note": "b" }])
    );
}

#[test]
fn lists_are_arrays() {
    let (_site, origin) = sidarsih();
    let ada = Who::user(&origin, ADA);
    let row = json!({ "id": 1, "tags": ["a", "b, \"{c}\\", "", "NULL", null], "numbers": [[1, 2], [3, 4]] });
    assert_eq!(ada.add("list", &row), json!([row]));
    let changed = json!({ "tags": [], "numbers": null });
    let target = "/rest/v1/list?id=eq.1&select=tags,numbers";
    let answer = ada.ask(
        "PATCH",
        target,
        &changed,
        &[("prefer", "return=representation")],
    );
    assert_eq!((answer.status, answer.json()), (200, json!([changed])));
    // As PostgreSQL writes it, too.
    ada.add("list", &json!({ "id": 2, "tags": "{x,y}" }));
    assert_eq!(
        ada.rows("/rest/v1/list?select=tags&tags=eq.{x,y}"),
        json!([{ "tags": ["x", "y"] }])
    );
    for list in [json!(["x"]), json!([[1], [2, 3]]), json!({ "a": 1 })] {
        let row = json!({ "id": 3, "numbers": list });
        ada.refused("POST", "/rest/v1/list", &row, 400, "22P02");
    }
}

/// Whatever code an application's triggers raise, it is no failure of ours.
#[test]
fn what_a_trigger_raises_is_told_as_such() {
    let (site, origin) = notes(Engine::Postgres);
    let ada = Who::user(&origin, ADA);
    for sql in [
        "CREATE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'its own words' USING ERRCODE = NEW.title; END $$",
        "CREATE TRIGGER raises BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION raises()",
    ] {
        execute(&site.home.url, sql).unwrap();
    }
    for code in [
        "P0001", "P0002", "P0004", "PT402", "90001", "ZZ000", "U0001",
    ] {
        let row = json!({ "title": code });
        ada.refused("POST", "/rest/v1/notes", &row, 400, "P0001");
    }
    assert!(!origin.log().contains("ERROR"), "{}", origin.log());
}

/// Every policy and grant of the DDL for the rows that it lets through, beside those that it does not.
#[test]
fn logs_are_seen_by_whose_session_it_was() {
    let (site, origin) = sidarsih();
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let (of_ada, of_bob) = (session(ada, ADA, "a"), session(bob, BOB, "b"));
    for (who, id, session) in [(ada, ADA, &of_ada), (bob, BOB, &of_bob)] {
        let message = json!({
            "user_id": id, "session_id": session, "from_number": "1", "to_number": "2",
            "message_content": format!("of {id}"),
        });
        who.add("message_logs", &message);
        // The backend writes these, past every policy.
        super::past::sql(
            &site,
            &format!(
                "INSERT INTO session_logs (session_id, event_type, event_data) \
                 VALUES ('{session}', 'qr_generated', '{{\"of\": \"{id}\"}}')"
            ),
        );
    }
    for (who, id, session) in [(ada, ADA, &of_ada), (bob, BOB, &of_bob)] {
        assert_eq!(
            who.rows("/rest/v1/message_logs?select=message_content"),
            json!([{ "message_content": format!("of {id}") }])
        );
        assert_eq!(
            who.rows("/rest/v1/session_logs?select=session_id,event_data->>of"),
            json!([{ "session_id": session, "of": id }])
        );
    }
    // An UPDATE is granted, and no policy lets a row through.
    let all = "/rest/v1/message_logs?from_number=eq.1";
    let changed = ada.ask(
        "PATCH",
        all,
        &json!({ "message_content": "x" }),
        &[("prefer", "return=representation")],
    );
    assert_eq!((changed.status, changed.json()), (200, json!([])));
}
