//! What one request may cost, and who may ask what.

use super::{ADA, BOB, NOTES, Who, config, past};
use crate::{
    engines::{Engine, Home, Server, on_every_engine},
    harness::{Origin, Site, peak_memory_kib},
};
use gapura_shared::claims::Assurance;
use serde_json::{Value, json};
use std::fs;

fn bounded(engine: Engine, data: &str) -> (Site, Origin) {
    let site = Site::on(
        engine,
        &format!("{}notes = true\n[data]\n{data}\n{NOTES}", config()),
    );
    let origin = site.start();
    (site, origin)
}

fn no_list_is_longer_than_its_table_says(engine: Engine) {
    let (_site, origin) = bounded(engine, "max_rows = 5");
    let ada = Who::user(&origin, ADA);
    let id = ada.note("0");
    for some in [1..4, 4..8] {
        let titles: Vec<Value> = some
            .clone()
            .map(|n| json!({ "title": n.to_string() }))
            .collect();
        ada.add("notes", &json!(titles));
        let tags: Vec<Value> = some
            .map(|n| json!({ "note_id": id, "tag": n.to_string() }))
            .collect();
        ada.add("note_tags", &json!(tags));
    }
    for query in ["", "?limit=6", "?limit=9223372036854775807", "?offset=1"] {
        let rows = ada.rows(&format!("/rest/v1/notes{query}"));
        assert_eq!(rows.as_array().unwrap().len(), 5, "{query}");
    }
    assert_eq!(
        ada.rows("/rest/v1/notes?offset=6")
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let counted = ada.ask(
        "GET",
        "/rest/v1/notes",
        &Value::Null,
        &[("prefer", "count=exact")],
    );
    assert_eq!(
        (counted.status, counted.headers["content-range"].as_str()),
        (206, "0-4/8")
    );
    let lines = ada.send(
        "GET",
        "/rest/v1/notes?select=title",
        "",
        &[("accept", "text/csv")],
    );
    assert_eq!(String::from_utf8(lines.body).unwrap().lines().count(), 6);
    for query in ["", "&note_tags.limit=100"] {
        let target = format!("/rest/v1/notes?id=eq.{id}&select=note_tags(tag){query}");
        assert_eq!(
            ada.rows(&target)[0]["note_tags"].as_array().unwrap().len(),
            5
        );
    }
    // Rows within rows within rows.
    let rows = ada.rows("/rest/v1/note_tags?select=notes(note_tags(tag))");
    assert_eq!(rows.as_array().unwrap().len(), 5);
    assert_eq!(rows[0]["notes"]["note_tags"].as_array().unwrap().len(), 5);
}

/// Three hundred notes with three hundred tags each: ten megabytes in one answer.
fn no_embedding_makes_an_answer_without_end(engine: Engine) {
    const SIDE: usize = 300;
    let (site, origin) = bounded(engine, "max_answer_bytes = 1048576");
    let ada = Who::user(&origin, ADA);
    let (uuid, of_note) = match engine {
        Engine::Sqlite => (
            "printf('00000000-0000-4000-8000-%012d', n)",
            "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4000-8000-' || hex(randomblob(6))), o.id",
        ),
        Engine::Postgres => (
            "CAST('00000000-0000-4000-8000-' || lpad(n::text, 12, '0') AS uuid)",
            "gen_random_uuid(), o.id",
        ),
        Engine::MySql => (
            "CONCAT('00000000-0000-4000-8000-', LPAD(n, 12, '0'))",
            "UUID(), o.id",
        ),
    };
    let numbers = format!(
        "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {SIDE}) SELECT n FROM c)"
    );
    past::sql(
        &site,
        &format!(
            "INSERT INTO notes (id, user_id, title, created_at) SELECT {uuid}, '{ADA}', 'x', \
             '2026-01-01 00:00:00' FROM {numbers} numbers"
        ),
    );
    past::sql(
        &site,
        &format!(
            "INSERT INTO note_tags (id, note_id, tag) SELECT {of_note}, 'x' FROM notes o, {numbers} n"
        ),
    );
    ada.rows("/rest/v1/notes?limit=1&select=note_tags(*)");
    let before = origin.peak_memory_kib();
    for target in [
        "/rest/v1/notes?select=*,note_tags(*)",
        "/rest/v1/note_tags?select=*,notes(*,note_tags(*))",
    ] {
        ada.refused("GET", target, &Value::Null, 400, "GAPURA400");
    }
    let grown = origin.peak_memory_kib() - before;
    assert!(grown < 16 * 1024, "{grown} KiB");
    // A smaller page of it is to be had.
    let some = ada.rows("/rest/v1/notes?select=*,note_tags(*)&limit=20");
    assert_eq!(some[19]["note_tags"].as_array().unwrap().len(), SIDE);
}

/// What a write answers embeds one large note many times.
fn no_write_answers_without_end(engine: Engine) {
    let (_site, origin) = bounded(engine, "max_answer_bytes = 1048576");
    let ada = Who::user(&origin, ADA);
    let id = ada.note("large");
    let body = json!({ "body": "x".repeat(900_000) });
    let of = format!("/rest/v1/notes?id=eq.{id}");
    assert_eq!(ada.ask("PATCH", &of, &body, &[]).status, 204);
    let tags: Vec<Value> = (0..60)
        .map(|n| json!({ "note_id": id, "tag": n.to_string() }))
        .collect();
    let before = origin.peak_memory_kib();
    let target = "/rest/v1/note_tags?select=notes(body)";
    let shown = [("prefer", "return=representation")];
    let answer = ada.ask("POST", target, &json!(tags), &shown);
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (400, Some("GAPURA400"))
    );
    let grown = origin.peak_memory_kib() - before;
    assert!(grown < 24 * 1024, "{grown} KiB");
    assert_eq!(ada.rows("/rest/v1/note_tags"), json!([]));
}

/// One large note has a hundred tags, each of which shows it: ninety megabytes in one row. The note's id.
fn add_large(who: Who<'_>) -> String {
    let id = who.note("large");
    let body = json!({ "body": "x".repeat(900_000) });
    let of = format!("/rest/v1/notes?id=eq.{id}");
    assert_eq!(who.ask("PATCH", &of, &body, &[]).status, 204);
    let tags: Vec<Value> = (0..100)
        .map(|n| json!({ "note_id": id, "tag": n.to_string() }))
        .collect();
    who.add("note_tags", &json!(tags));
    id
}

/// That row is never put together.
fn no_row_is_without_end(engine: Engine) {
    // MariaDB reads a list to its end, whatever it has room for.
    let config = config().replace("[database]", "[database]\nstatement_s = 120");
    let data = "notes = true\n[data]\nmax_answer_bytes = 4194304";
    let site = Site::on(engine, &format!("{config}{data}\n{NOTES}"));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let id = add_large(ada);
    let of = format!("/rest/v1/notes?id=eq.{id}");
    ada.rows("/rest/v1/notes?select=note_tags(notes(title))");
    let before = origin.peak_memory_kib();
    let large = "select=note_tags(notes(body))";
    for query in [
        large,
        "select=a:note_tags(notes(body)),b:note_tags(notes(body))",
        "select=note_tags(notes(body))&limit=1&note_tags.limit=5",
    ] {
        let target = format!("/rest/v1/notes?{query}");
        ada.refused("GET", &target, &Value::Null, 400, "GAPURA400");
    }
    let target = "/rest/v1/note_tags?select=notes(body)";
    ada.refused("GET", target, &Value::Null, 400, "GAPURA400");
    let shown = [("prefer", "return=representation")];
    let answer = ada.ask(
        "PATCH",
        &format!("{of}&{large}"),
        &json!({ "title": "b" }),
        &shown,
    );
    let told = answer.json();
    assert_eq!((answer.status, &told["code"]), (400, &json!("GAPURA400")));
    assert!(
        told["message"].as_str().unwrap().contains("2097152"),
        "{told}"
    );
    let grown = origin.peak_memory_kib() - before;
    assert!(grown < 64 * 1024, "{grown} KiB");
    // What fits is whole, however uneven: two notes take nearly all of a table's share.
    let two = "/rest/v1/notes?select=title,note_tags(tag,notes(body))&note_tags.limit=2";
    let rows = ada.rows(two);
    assert_eq!(rows[0]["title"], "large");
    for at in 0..2 {
        let body = rows[0]["note_tags"][at]["notes"]["body"].as_str();
        assert_eq!(body.map(str::len), Some(900_000), "{at}");
    }
    let answer = ada.ask(
        "PATCH",
        two.replace('?', &format!("?id=eq.{id}&")).as_str(),
        &json!({ "title": "c" }),
        &shown,
    );
    assert_eq!(
        (answer.status, &answer.json()[0]["title"]),
        (200, &json!("c"))
    );
    let all = ada.rows("/rest/v1/notes?select=note_tags(tag)");
    assert_eq!(all[0]["note_tags"].as_array().unwrap().len(), 100);
}

/// Nor does a server hold more of it: MariaDB makes each list at once.
#[test]
fn mariadb_makes_no_list_without_end() {
    let server = Server::start(Engine::MySql);
    let data = "notes = true\n[data]\nmax_answer_bytes = 4194304";
    let config = config().replace("[database]", "[database]\nstatement_s = 120");
    let site = Site::at(Home::on(&server), &format!("{config}{data}\n{NOTES}"));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    add_large(ada);
    let target = "/rest/v1/notes?select=note_tags(notes(body))";
    ada.rows(&format!("{target}&note_tags.limit=2"));
    let file = past::one(&site, "SELECT @@pid_file").unwrap();
    let pid = fs::read_to_string(file).unwrap().trim().parse().unwrap();
    let before = peak_memory_kib(pid);
    // 90 MB.
    ada.refused("GET", target, &Value::Null, 400, "GAPURA400");
    let grown = peak_memory_kib(pid) - before;
    assert!(grown < 32 * 1024, "{grown} KiB");
}

/// Wherever an engine would cut it off, be it between two of its rows.
fn a_list_is_whole_or_refused(engine: Engine) {
    const TAGS: usize = 1000;
    // Half of it is one byte less than a multiple of many lengths of a row and a comma.
    let (_site, origin) = bounded(engine, "max_answer_bytes = 10078");
    let ada = Who::user(&origin, ADA);
    let id = ada.note("a");
    let tags: Vec<Value> = (0..TAGS)
        .map(|_| json!({ "note_id": id, "tag": "t" }))
        .collect();
    let answer = ada.ask("POST", "/rest/v1/note_tags", &json!(tags), &[]);
    assert_eq!(answer.status, 201);
    for length in 1..40 {
        let label = "x".repeat(length);
        let both = format!("select=a:note_tags({label}:tag),b:note_tags(tag)&b.limit=1");
        let target = format!("/rest/v1/notes?{both}&a.limit=");
        ada.refused(
            "GET",
            &format!("{target}{TAGS}"),
            &Value::Null,
            400,
            "GAPURA400",
        );
        let rows = ada.rows(&format!("{target}50"));
        assert_eq!(rows[0]["a"], json!(vec![json!({ label: "t" }); 50]));
    }
}

/// One call of the function that compares patterns is one step of SQLite's machine, however long it is.
fn no_pattern_outlasts_its_time(engine: Engine) {
    let settings = config().replace("acquire_s = 20", "acquire_s = 20\nstatement_s = 1");
    let site = Site::on(engine, &format!("{settings}notes = true\n{NOTES}"));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    for filter in [
        format!("body=like.*{}*", "a".repeat(257)),
        format!("or=(body.like.*{0}*,body.ilike.*{0}*)", "a".repeat(129)),
        format!("body=like(any).{{*{0}*,{0}}}", "a".repeat(129)),
    ] {
        let target = format!("/rest/v1/notes?{filter}");
        ada.refused("GET", &target, &Value::Null, 400, "PGRST100");
    }
    if engine != Engine::Sqlite {
        return;
    }
    past::sql(
        &site,
        &format!(
            "INSERT INTO notes (id, user_id, title, body, created_at) \
             WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60) \
             SELECT printf('00000000-0000-4000-8000-%012d', n), '{ADA}', 'x', \
             replace(hex(zeroblob(450000)), '0', 'a'), '2026-01-01 00:00:00' FROM c"
        ),
    );
    let target = format!("/rest/v1/notes?body=like.*{}b*", "a".repeat(240));
    ada.refused("GET", &target, &Value::Null, 503, "57014");
    ada.note("served");
}

fn a_slow_request_has_its_time(engine: Engine) {
    let slow = match engine {
        Engine::Sqlite => {
            "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000) \
             SELECT COUNT(*) FROM c) > 0"
        }
        Engine::Postgres => "(SELECT 1 FROM pg_sleep(60)) = 1",
        Engine::MySql => "(SELECT SLEEP(60)) = 0",
    };
    let tables = NOTES.replace(
        "[data.tables.notes.roles.admin]\nselect = \"1 = 1\"",
        &format!("[data.tables.notes.roles.admin]\nselect = \"{slow}\""),
    );
    assert_ne!(tables, NOTES);
    let settings = config().replace("acquire_s = 20", "acquire_s = 20\nstatement_s = 1");
    let site = Site::on(engine, &format!("{settings}notes = true\n{tables}"));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    ada.note("a");
    let admin = Who::admin(&origin);
    // One of their own, which they may change: it is looked for among those that they see.
    let own = json!({ "title": "a" });
    assert_eq!(admin.ask("POST", "/rest/v1/notes", &own, &[]).status, 201);
    for (method, body) in [
        ("GET", Value::Null),
        ("PATCH", json!({ "title": "b" })),
        ("DELETE", Value::Null),
    ] {
        admin.refused(method, "/rest/v1/notes?title=eq.a", &body, 503, "57014");
    }
    // Others are served as ever.
    assert_eq!(
        ada.rows("/rest/v1/notes?select=title"),
        json!([{ "title": "a" }])
    );
    ada.note("c");
}

const MEMOS: &str = r#"
[data.tables.memo]
columns = ["id", "tenant_id", "of_role", "made_by", "title"]
types = { id = "uuid" }
defaults = { id = "uuid()", tenant_id = "auth.tenant()", of_role = "auth.role()", made_by = "auth.claim('sub')" }
[data.tables.memo.roles.user]
select = "tenant_id = auth.tenant()"
insert = "tenant_id = auth.tenant() AND of_role = auth.role()"
update = "tenant_id = auth.tenant() AND made_by = auth.uid()"
delete = "tenant_id = auth.tenant() AND auth.claim('aal') = 'aal2'"
[data.tables.memo.roles.admin]
select = "of_role = auth.claim('role') AND tenant_id = auth.claim('tenant_id')"
insert = "1 = 1"
"#;

fn policies_know_tenant_role_and_claims(engine: Engine) {
    let site = Site::on(engine, &format!("{}notes = true\n{MEMOS}", config()));
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    past::sql(
        &site,
        "CREATE TABLE memo (id CHAR(36) PRIMARY KEY NOT NULL, tenant_id VARCHAR(64) NOT NULL, \
         of_role VARCHAR(64), made_by VARCHAR(64), title VARCHAR(64))",
    );
    let origin = site.start();
    let of = |id, tenant| Who {
        tenant,
        ..Who::user(&origin, id)
    };
    let (ada, bob, eve) = (
        of(ADA, Some("one")),
        of(BOB, Some("one")),
        of(BOB, Some("two")),
    );
    let admin = Who {
        tenant: Some("one"),
        ..Who::admin(&origin)
    };
    let memo = &ada.add("memo", &json!({ "title": "a" }))[0];
    assert_eq!(
        (&memo["tenant_id"], &memo["of_role"], &memo["made_by"]),
        (&json!("one"), &json!("user"), &json!(ADA))
    );
    bob.add("memo", &json!({ "title": "b" }));
    eve.add("memo", &json!({ "title": "e" }));
    admin.add("memo", &json!({ "title": "x" }));
    let titles = |who: Who<'_>| who.rows("/rest/v1/memo?select=title&order=title");
    let list = |titles: &[&str]| {
        json!(
            titles
                .iter()
                .map(|title| json!({ "title": title }))
                .collect::<Vec<_>>()
        )
    };
    assert_eq!(titles(ada), list(&["a", "b", "x"]));
    assert_eq!(titles(eve), list(&["e"]));
    assert_eq!(titles(admin), list(&["x"]));
    // Without a tenant there is no row, and none can be made.
    let nowhere = of(ADA, None);
    assert_eq!(titles(nowhere), json!([]));
    nowhere.refused(
        "POST",
        "/rest/v1/memo",
        &json!({ "title": "n" }),
        403,
        "42501",
    );
    // For another tenant, or another role, than one's own.
    for row in [
        json!({ "title": "f", "tenant_id": "two" }),
        json!({ "title": "f", "of_role": "admin" }),
    ] {
        ada.refused("POST", "/rest/v1/memo", &row, 403, "42501");
    }
    let all = "/rest/v1/memo?title=not.is.null";
    let change = |who: Who<'_>, body: &Value| {
        who.ask("PATCH", all, body, &[("prefer", "return=representation")])
    };
    assert_eq!(
        change(bob, &json!({ "title": "b" }))
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let moved = change(bob, &json!({ "tenant_id": "two" }));
    assert_eq!(moved.status, 403, "{moved:?}");
    // Who logged in with a second factor.
    let delete = |who: Who<'_>| {
        let gone = who.ask(
            "DELETE",
            "/rest/v1/memo?title=eq.b",
            &Value::Null,
            &[("prefer", "count=exact")],
        );
        gone.headers["content-range"].clone()
    };
    assert_eq!(delete(ada), "*/0");
    assert_eq!(
        delete(Who {
            assurance: Assurance::Aal2,
            ..eve
        }),
        "*/0"
    );
    assert_ne!(
        delete(Who {
            assurance: Assurance::Aal2,
            ..ada
        }),
        "*/0"
    );
    assert_eq!(titles(ada), list(&["a", "x"]));
    // What no condition is given for, nobody may, whatever is logged in.
    for (method, body) in [("PATCH", json!({ "title": "y" })), ("DELETE", Value::Null)] {
        admin.refused(method, all, &body, 403, "42501");
    }
}

/// Makes the first attempts of a write fail as others that go first do.
fn what_collided_is_tried_again(engine: Engine) {
    if engine == Engine::Sqlite {
        // One writer at a time: nothing collides.
        return;
    }
    let site = Site::on(engine, &format!("{}notes = true\n{NOTES}", config()));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    // Sequences know of no rollback.
    past::sql(&site, "CREATE SEQUENCE attempts");
    if engine == Engine::Postgres {
        past::sql(
            &site,
            "CREATE FUNCTION collides() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('attempts') % 5 <> 0 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; \
             RETURN NEW; END $$; \
             CREATE TRIGGER collides BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION collides()",
        );
    } else {
        past::sql(
            &site,
            "CREATE TRIGGER collides BEFORE INSERT ON notes FOR EACH ROW IF NEXTVAL(attempts) % 5 <> 0 \
             THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF",
        );
    }
    let post = || ada.ask("POST", "/rest/v1/notes", &json!({ "title": "a" }), &[]);
    // The fifth attempt is the last one.
    assert_eq!(post().status, 201, "{}", origin.log());
    assert_eq!(ada.rows("/rest/v1/notes").as_array().unwrap().len(), 1);
    // No end of it is told, with when to ask again.
    past::sql(
        &site,
        "ALTER SEQUENCE attempts INCREMENT BY 5 RESTART WITH 6",
    );
    let given_up = post();
    assert_eq!(
        (given_up.status, given_up.json()["code"].as_str()),
        (503, Some("40001")),
        "{given_up:?}"
    );
    assert_eq!(given_up.headers["retry-after"], "1");
    assert_eq!(ada.rows("/rest/v1/notes").as_array().unwrap().len(), 1);
}

on_every_engine!(
    no_list_is_longer_than_its_table_says,
    no_embedding_makes_an_answer_without_end,
    no_write_answers_without_end,
    no_row_is_without_end,
    a_list_is_whole_or_refused,
    no_pattern_outlasts_its_time,
    a_slow_request_has_its_time,
    policies_know_tenant_role_and_claims,
    what_collided_is_tried_again,
);
