//! Transactions that are in each other's way: real ones, each engine's own kind. A write is tried five
//! times, then refused with when to ask again.

use super::{ADA, BOB, CONFIG, NOTES, Who, config, past};
use crate::{client::Answer, engines::Engine, harness::Site};
use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, SqliteConnection, raw_sql,
};
use std::{
    collections::HashMap,
    thread::{self, Scope, ScopedJoinHandle},
    time::Duration,
};

const TRIES: usize = 5;
/// `InnoDB` looks at its transactions anew when nobody has asked for a tenth of a second.
const LOOK: Duration = Duration::from_millis(150);

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap().block_on(test);
}

macro_rules! session {
    ($name:ident, $kind:ty) => {
        async fn $name(connection: &mut $kind, sql: &str) {
            let done = connection.execute(raw_sql(AssertSqlSafe(sql.to_owned())));
            done.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    };
}
session!(postgres, PgConnection);
session!(mariadb, MySqlConnection);
session!(sqlite, SqliteConnection);

/// Statements that wait for a lock, once there are as many; `false`: the request was answered before.
macro_rules! wait {
    ($watch:expr, $sql:expr, $many:expr, $request:expr) => {{
        let mut is_waiting = false;
        for _ in 0..400 {
            tokio::time::sleep(LOOK).await;
            let waiting: i64 = sqlx::query_scalar($sql).fetch_one($watch).await.unwrap();
            is_waiting = waiting == $many;
            if is_waiting || $request.is_finished() {
                break;
            }
        }
        assert!(is_waiting || $request.is_finished(), "nobody waits");
        is_waiting
    }};
}

/// The request that is in the way of others.
fn patch<'s>(
    scope: &'s Scope<'s, '_>,
    who: Who<'s>,
    target: &'s str,
) -> ScopedJoinHandle<'s, Answer> {
    scope.spawn(move || who.ask("PATCH", target, &json!({ "title": "b" }), &[]))
}

fn answered(request: ScopedJoinHandle<'_, Answer>) -> (u16, String) {
    let answer = request.join().unwrap();
    if answer.status == 204 {
        return (204, String::new());
    }
    assert_eq!(answer.headers["retry-after"], "1");
    (
        answer.status,
        answer.json()["code"].as_str().unwrap().to_owned(),
    )
}

/// What a write is answered that is broken off so many times, if it comes to that; how often it was.
const fn after(times: usize) -> (u16, &'static str, usize) {
    if times < TRIES {
        (204, "", times)
    } else {
        (503, "40001", TRIES)
    }
}

/// Two transactions at `repeatable read` change one row: who comes second cannot go on. As many rows
/// are held as the request is to be broken off: whichever it comes to first, its holder goes on then.
#[test]
fn postgres_cannot_serialize() {
    const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    const WAITED_FOR: &str = "SELECT (pg_blocking_pids(pid))[1] FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    // The request's statements wait until this test has looked.
    let config = config().replace("[database]", "[database]\nstatement_s = 600");
    let site = Site::on(
        Engine::Postgres,
        &format!("{config}notes = true\n{NOTES}").replace("acquire_s = 20", "acquire_s = 60"),
    );
    let url = site.home.url.as_str();
    let (_, name) = url.rsplit_once('/').unwrap();
    past::sql(
        &site,
        &format!("ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"),
    );
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let ids: Vec<_> = (0..TRIES).map(|_| ada.note("a")).collect();
    let of = format!("/rest/v1/notes?id=in.({})", ids.join(","));
    for times in [1, TRIES - 1, TRIES] {
        thread::scope(|scope| {
            run(async {
                let connect = async || PgConnection::connect(url).await.unwrap();
                let mut watch = connect().await;
                let mut holders = HashMap::new();
                for id in ids.iter().take(times) {
                    let mut holder = connect().await;
                    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
                        .fetch_one(&mut holder)
                        .await
                        .unwrap();
                    let change = format!("BEGIN; UPDATE notes SET body = 'x' WHERE id = '{id}'");
                    postgres(&mut holder, &change).await;
                    holders.insert(pid, holder);
                }
                let request = patch(scope, ada, &of);
                let mut collided = 0;
                while collided < times && wait!(&mut watch, WAITING, 1, request) {
                    collided += 1;
                    let pid: i32 = sqlx::query_scalar(WAITED_FOR)
                        .fetch_one(&mut watch)
                        .await
                        .unwrap();
                    postgres(&mut holders.remove(&pid).unwrap(), "COMMIT").await;
                }
                let (status, code) = answered(request);
                assert_eq!((status, code.as_str(), collided), after(times));
            });
        });
    }
}

/// Two transactions lock the same rows in opposite orders: the one that has done less is broken off.
#[test]
fn mariadb_ends_a_deadlock() {
    const WAITING: &str = "SELECT COUNT(*) FROM information_schema.innodb_trx t \
        JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
        WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'";
    let site = Site::on(Engine::MySql, &format!("{}notes = true\n{NOTES}", config()));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let id = |number: usize| format!("00000000-0000-4000-8000-{number:012}");
    let rows = (0..=TRIES).map(|number| json!({ "id": id(number), "title": "a" }));
    ada.add("notes", &rows.collect::<Value>());
    let of = (0..=TRIES).map(id).collect::<Vec<_>>().join(",");
    let of = format!("/rest/v1/notes?id=in.({of})");
    for times in [1, TRIES - 1, TRIES] {
        thread::scope(|scope| {
            run(async {
                let connect = async || MySqlConnection::connect(url_of(&site)).await.unwrap();
                let (mut watch, mut other) = (connect().await, connect().await);
                let lock = |number| {
                    let id = id(number);
                    format!("SELECT 1 FROM notes WHERE id = '{id}' FOR UPDATE")
                };
                let much = format!(
                    "BEGIN; INSERT INTO notes (id, user_id, title, created_at) \
             SELECT UUID(), '{BOB}', 'x', NOW() FROM seq_1_to_500"
                );
                mariadb(&mut other, &much).await;
                mariadb(&mut other, &lock(TRIES)).await;
                let request = patch(scope, ada, &of);
                let mut collided = 0;
                while collided < times && wait!(&mut watch, WAITING, 1, request) {
                    collided += 1;
                    mariadb(&mut other, &lock(TRIES - collided)).await;
                }
                mariadb(&mut other, "ROLLBACK").await;
                let (status, code) = answered(request);
                assert_eq!((status, code.as_str(), collided), after(times));
            });
        });
    }
}

fn url_of(site: &Site) -> &str {
    &site.home.url
}

/// SQLite has one writer. While that is another program, a write waits for as long as for a connection.
#[test]
fn sqlite_is_busy() {
    let site = Site::on(Engine::Sqlite, &format!("{CONFIG}notes = true\n{NOTES}"));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let note = ada.note("a");
    let of = format!("/rest/v1/notes?id=eq.{note}");
    run(async {
        let mut other = SqliteConnection::connect(url_of(&site)).await.unwrap();
        sqlite(&mut other, "BEGIN IMMEDIATE; UPDATE notes SET body = 'x'").await;
        for (method, target, body) in [
            ("POST", "/rest/v1/notes", json!({ "title": "b" })),
            (
                "POST",
                "/rest/v1/notes",
                json!([{ "title": "b" }, { "title": "c" }]),
            ),
            ("PATCH", &of, json!({ "title": "b" })),
            ("DELETE", &of, Value::Null),
        ] {
            let answer = ada.ask(method, target, &body, &[]);
            let code = answer.json()["code"].clone();
            assert_eq!((answer.status, code.as_str()), (503, Some("PGRST000")));
            assert_eq!(answer.headers["retry-after"], "5");
        }
        // Who reads is in nobody's way.
        let seen = ada.rows("/rest/v1/notes?select=title,body");
        assert_eq!(seen, json!([{ "title": "a", "body": null }]));
        sqlite(&mut other, "COMMIT").await;
    });
    ada.note("b");
    assert_eq!(ada.rows("/rest/v1/notes").as_array().unwrap().len(), 2);
}
