use super::{
    As, DataFault, Db, DbError, Device, End, NewSession, Statement, User, pool::Write, query::query,
};
use crate::{
    auth::new_user,
    config,
    engines::{self, Engine, Home, PASSWORD, Server, on_every_engine},
    http::ApiError,
};
use futures_util::future::join_all;
use gapura_shared::time::UnixMillis;
use std::{
    future::poll_fn,
    os::unix::fs::PermissionsExt,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn settings(dir: &TempDir) -> config::Database {
    config::Database {
        url: format!("sqlite:{}", dir.path().join("g.db").display()),
        max_connections: 2,
        acquire: Duration::from_millis(200),
        statement: Duration::from_secs(10),
        durable: false,
    }
}

/// Four connections, long waits.
fn patient(home: &Home) -> config::Database {
    config::Database {
        url: home.url.clone(),
        max_connections: 4,
        acquire: Duration::from_secs(20),
        statement: Duration::from_secs(20),
        durable: false,
    }
}

/// An empty database that lives as long as its home.
pub(crate) async fn fresh(engine: Engine) -> (Db, Home) {
    let home = engine.home();
    (Db::open(&patient(&home)).await.unwrap(), home)
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_before_anything_changes() {
    let server = Server::start_with(Engine::MySql, &["--version=10.5.23-MariaDB"]);
    let home = Home::on(&server);
    let refused = Db::open(&patient(&home)).await.unwrap_err();
    assert!(matches!(refused, DbError::TooOld(_)), "{refused}");
    assert!(engines::execute(&home.url, "CREATE TABLE user_account (id INT)").is_ok());
}

#[tokio::test]
async fn a_locked_database_is_unavailable_for_as_long_as_it_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&settings(&dir)).await.unwrap();
    let elsewhere = Db::open(&settings(&dir)).await.unwrap();
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);

    let mut lock = elsewhere.write().await.unwrap();
    assert!(read_one(&mut lock).await);
    let refused = db.insert_user(&user).await.unwrap_err();
    assert!(matches!(refused, DbError::Unavailable(_)), "{refused}");
    assert_eq!(ApiError::from(refused), ApiError::DatabaseUnavailable);
    // Readers do not wait for writers.
    db.ping().await.unwrap();
    drop(lock);
    assert!(db.insert_user(&user).await.unwrap());
}

async fn read_one(write: &mut Write) -> bool {
    let row = query("SELECT 1 AS one").optional(write.on()).await;
    row.unwrap().is_some()
}

async fn poll_once<F: Future>(future: F) {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
}

/// What was given up in the middle leaves nothing behind, and its connection, of which there is
/// one, is good for the next one.
async fn what_is_dropped_is_rolled_back_before_anybody_else_comes(engine: Engine) {
    let home = engine.home();
    let settings = config::Database {
        max_connections: 1,
        ..patient(&home)
    };
    let db = Db::open(&settings).await.unwrap();
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    let role = "UPDATE user_account SET role = 'lost'";

    // A transaction with and without a statement, and one statement that is not waited for.
    drop(db.write().await.unwrap());
    let mut write = db.write().await.unwrap();
    assert_eq!(query(role).execute(write.on()).await.unwrap(), 1);
    drop(write);
    let mut write = db.write().await.unwrap();
    poll_once(query(role).execute(write.on())).await;
    drop(write);
    let slow = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300000) \
                SELECT COUNT(*) AS one FROM c";
    let mut connection = db.writer().await.unwrap();
    poll_once(query(slow).optional(connection.on())).await;
    drop(connection);

    let mut write = db.write().await.unwrap();
    assert!(read_one(&mut write).await);
    write.commit().await.unwrap();
    let kept = db.user_by_id(&user.id).await.unwrap().unwrap();
    assert_eq!(kept.role, "user");
    assert!(db.delete_user(&user.id, NOW).await.unwrap());
}

/// The last statements of a transaction take effect together or not at all, on every engine.
async fn a_transaction_ends_with_its_last_statements(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    let role = |role| {
        query("UPDATE user_account SET role = $2 WHERE user_account_id = $1")
            .bind(user.id.as_str())
            .bind(role)
    };
    let twice = || {
        query("INSERT INTO role (role, created_at) VALUES ($1, $2)")
            .bind("other")
            .bind(0)
    };
    // With a statement before and without one.
    for begun in [true, false] {
        let mut write = db.write().await.unwrap();
        assert!(!begun || read_one(&mut write).await);
        let refused = write.commit_with([role("lost"), twice(), twice()]).await;
        assert!(refused.unwrap_err().is_taken());
        let kept = db.user_by_id(&user.id).await.unwrap().unwrap();
        assert_eq!(kept.role, "user");
    }
    for (begun, next) in [(true, "other"), (false, "third")] {
        let mut write = db.write().await.unwrap();
        assert!(!begun || read_one(&mut write).await);
        write.commit_with([role("lost"), role(next)]).await.unwrap();
        let kept = db.user_by_id(&user.id).await.unwrap().unwrap();
        assert_eq!(kept.role, next);
    }
}

async fn a_closed_database_is_unavailable(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    db.close().await;
    assert!(matches!(db.ping().await, Err(DbError::Unavailable(_))));
}

#[tokio::test]
async fn a_database_that_cannot_be_made_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = config::Database {
        url: format!("sqlite:{}", dir.path().join("no/such/g.db").display()),
        ..settings(&dir)
    };
    assert!(matches!(
        Db::open(&nowhere).await,
        Err(DbError::Unavailable(_))
    ));
}

on_every_engine!(async what_is_dropped_is_rolled_back_before_anybody_else_comes,
    a_snapshot_sees_one_state,
    who_waits_for_a_turn_gives_up_in_time,
    a_closed_database_is_unavailable,
    a_transaction_ends_with_its_last_statements,
    an_address_has_one_account,
    texts_compare_byte_by_byte,
    an_account_is_read_as_it_was_written,
    who_asks_together_gets_an_account_of_their_own,
    an_account_is_read_as_it_is_when_somebody_asks,
    sessions_end_once_and_only_those_meant,
    all_sessions_of_an_account_are_deleted_however_many,
    what_waits_for_a_row_gives_up_in_time,
    a_statement_has_its_time,
);

async fn an_address_has_one_account(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    let again = new_user("a@b.co".into(), "$y".into(), "admin", NOW);
    assert!(!db.insert_user(&again).await.unwrap());
    let kept = db.user_by_email("a@b.co").await.unwrap().unwrap();
    assert_eq!((kept.id, kept.role), (user.id, "user".into()));
}

#[tokio::test]
async fn nobody_else_on_the_machine_reads_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&settings(&dir)).await.unwrap();
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    db.insert_user(&user).await.unwrap();
    for name in ["g.db", "g.db-wal", "g.db-shm"] {
        let mode = std::fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// No case, no accent and no trailing space is the same as another one.
async fn texts_compare_byte_by_byte(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    for email in ["a@b.co", "A@b.co", "á@b.co"] {
        let user = new_user(email.into(), "$x".into(), "user", NOW);
        assert!(db.insert_user(&user).await.unwrap(), "{email}");
        let found = db.user_by_email(email).await.unwrap().unwrap();
        assert_eq!(found.id, user.id, "{email}");
    }
}

async fn an_account_is_read_as_it_was_written(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let mut user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    user.tenant = Some("𝒯 ' \" \\ %".into());
    user.user_metadata = serde_json::from_str(r#"{"name":"Zoë 🦜 O'Brien","n":[1,null]}"#).unwrap();
    user.last_sign_in_at = None;
    assert!(db.insert_user(&user).await.unwrap());
    let read = db.user_by_id(&user.id).await.unwrap().unwrap();
    assert_eq!(read.tenant, user.tenant);
    assert_eq!(read.user_metadata, user.user_metadata);
    assert_eq!(read.app_metadata, user.app_metadata);
    assert_eq!(read.created_at, NOW);
    assert_eq!(read.last_sign_in_at, None);
    assert_eq!(read.email_confirmed_at, user.email_confirmed_at);
    assert!(db.user_by_id("nobody").await.unwrap().is_none());
}

async fn accounts(db: &Db, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let user = new_user(format!("{number}@b.co"), "$x".into(), "user", NOW);
        assert!(db.insert_user(&user).await.unwrap());
        ids.push(user.id);
    }
    ids
}

async fn who_asks_together_gets_an_account_of_their_own(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let ids = accounts(&db, 64).await;
    let ask = |id| db.user_with_token(id, "email_change", NOW);
    let found = join_all(ids.iter().map(|id| ask(id))).await;
    for (number, (id, found)) in ids.iter().zip(found).enumerate() {
        let (shown, token) = found.unwrap().unwrap();
        let user = shown.profile().unwrap();
        assert_eq!((user.id, user.email), (&**id, &*format!("{number}@b.co")));
        assert!(token.is_none());
    }
    // What nobody has, and what no engine takes, is so for who asks for it alone.
    let (nobody, refused, found) = tokio::join!(ask("nobody"), ask("a\0"), ask(&ids[0]));
    assert!(nobody.unwrap().is_none());
    assert!(matches!(refused, Err(DbError::NulText)));
    assert_eq!(found.unwrap().unwrap().0.profile().unwrap().id, ids[0]);
    db.close().await;
    for refused in join_all([ask(&ids[0]), ask(&ids[1])]).await {
        let refused = refused.map(|_| ()).unwrap_err();
        assert_eq!(ApiError::from(refused), ApiError::DatabaseUnavailable);
    }
}

/// However many others ask meanwhile: what was answered before a question is in its answer.
async fn an_account_is_read_as_it_is_when_somebody_asks(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let ids = accounts(&db, 16).await;
    let change_and_look = async |id: &str| {
        for round in 0..10_u32 {
            let change = |user: &mut User| {
                user.role = round.to_string();
                Ok::<_, DbError>(())
            };
            db.change_user(id, None, NOW, change).await.unwrap();
            let seen = db.user_with_token(id, "email_change", NOW).await;
            let (seen, _) = seen.unwrap().unwrap();
            assert_eq!(seen.profile().unwrap().role, round.to_string());
        }
        assert!(db.delete_user(id, NOW).await.unwrap());
        let gone = db.user_with_token(id, "email_change", NOW).await;
        assert!(gone.unwrap().is_none());
    };
    join_all(ids.iter().map(|id| change_and_look(id))).await;
}

async fn sessions_end_once_and_only_those_meant(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let mut users = Vec::new();
    for email in ["a@b.co", "c@d.co"] {
        let user = new_user(email.into(), "$x".into(), "user", NOW);
        db.insert_user(&user).await.unwrap();
        for number in 0..3_u8 {
            let session = NewSession {
                seen: NOW,
                attempt: None,
                id: &format!("{email} {number}"),
                user: &user.id,
                token_hash: [number + 3 * u8::try_from(users.len()).unwrap(); 32],
                expires: NOW,
                ends: NOW,
                device: &Device::default(),
                method: "password",
            };
            db.open_session(&session, NOW).await.unwrap();
        }
        users.push(user.id);
    }
    let end = async |user: &str, which: End<'_>| -> Vec<String> {
        let ended = db.end_sessions(user, which, NOW).await.unwrap();
        ended.into_iter().map(|ended| ended.id).collect()
    };
    let owner = users[0].as_str();
    assert_eq!(end(owner, End::One("c@d.co 0")).await, [""; 0]);
    assert_eq!(end(owner, End::One("a@b.co 1")).await, ["a@b.co 1"]);
    assert_eq!(end(owner, End::AllBut("a@b.co 2")).await, ["a@b.co 0"]);
    assert_eq!(end(owner, End::All).await, ["a@b.co 2"]);
    assert_eq!(end(owner, End::All).await, [""; 0]);
    assert_eq!(end(&users[1], End::All).await.len(), 3);
}

async fn all_sessions_of_an_account_are_deleted_however_many(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    // One more than a statement deletes.
    for number in 0..501_u16 {
        let mut token_hash = [0; 32];
        token_hash[..2].copy_from_slice(&number.to_be_bytes());
        let session = NewSession {
            seen: NOW,
            attempt: None,
            id: &number.to_string(),
            user: &user.id,
            token_hash,
            expires: NOW,
            ends: NOW,
            device: &Device::default(),
            method: "password",
        };
        assert!(db.open_session(&session, NOW).await.unwrap().is_some());
    }
    db.delete_sessions(&user.id, NOW).await.unwrap();
    for left in [
        "SELECT session_id FROM session",
        "SELECT session_id FROM refresh_token",
    ] {
        let mut connection = db.connection().await.unwrap();
        assert!(
            query(left)
                .optional(connection.on())
                .await
                .unwrap()
                .is_none(),
            "{left}"
        );
    }
}

/// Two connections, short waits.
async fn impatient(home: &Home) -> Db {
    let settings = config::Database {
        max_connections: 2,
        acquire: Duration::from_secs(1),
        statement: Duration::from_secs(2),
        ..patient(home)
    };
    Db::open(&settings).await.unwrap()
}

async fn who_waits_for_a_turn_gives_up_in_time(engine: Engine) {
    let home = engine.home();
    // There is one turn where there are few connections.
    let db = impatient(&home).await;
    let first = db.export_turn().await.unwrap();
    let fault = db.export_turn().await.unwrap_err();
    assert_eq!(fault.data_fault(), DataFault::Unavailable);
    drop(first);
    drop(db.export_turn().await.unwrap());
}

async fn what_waits_for_a_row_gives_up_in_time(engine: Engine) {
    let home = engine.home();
    let (holder, waiter) = (impatient(&home).await, impatient(&home).await);
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    holder.insert_user(&user).await.unwrap();
    let mut held = holder.write().await.unwrap();
    query("UPDATE user_account SET role = $1")
        .bind("held")
        .execute(held.on())
        .await
        .unwrap();
    let session = NewSession {
        seen: NOW,
        attempt: None,
        id: "s",
        user: &user.id,
        token_hash: [0; 32],
        expires: NOW,
        ends: NOW,
        device: &Device::default(),
        method: "password",
    };
    let refused = waiter.open_session(&session, NOW).await.unwrap_err();
    assert!(matches!(refused, DbError::Unavailable(_)), "{refused}");
    drop(held);
    waiter.open_session(&session, NOW).await.unwrap();
    let shown = format!("{refused:?} {refused} {waiter:?}");
    assert!(!shown.contains(PASSWORD), "{shown}");
}

/// However many there are, one after the other: the time is each one's own.
#[tokio::test]
async fn short_statements_have_their_time_each() {
    let home = Engine::Sqlite.home();
    let db = impatient(&home).await;
    let began = Instant::now();
    // Longer than the two seconds that one statement has.
    while began.elapsed() < Duration::from_secs(4) {
        query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) FROM n")
            .optional(db.connection().await.unwrap().on())
            .await
            .unwrap();
    }
}

/// However often it reads.
async fn a_snapshot_sees_one_state(engine: Engine) {
    let (db, _home) = fresh(engine).await;
    let whom = As {
        role: None,
        claims: "{}".into(),
    };
    let all = Statement {
        sql: "SELECT email FROM user_account".into(),
        values: Vec::new(),
    };
    let mut snapshot = db.data_snapshot(&whom).await.unwrap();
    let before = snapshot.rows(&all).await.unwrap();
    let user = new_user("a@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
    assert_eq!(snapshot.rows(&all).await.unwrap(), before);
    if engine != Engine::Sqlite {
        let sql = "DELETE FROM user_account".into();
        let values = Vec::new();
        let written = snapshot.execute(&Statement { sql, values }).await;
        assert!(written.is_err(), "it reads alone");
    }
    drop(snapshot);
    // The next one has its own, and others of that connection are as they were.
    for _ in 0..5 {
        let mut snapshot = db.data_snapshot(&whom).await.unwrap();
        assert_ne!(snapshot.rows(&all).await.unwrap(), before);
        snapshot.commit().await.unwrap();
    }
    let user = new_user("b@b.co".into(), "$x".into(), "user", NOW);
    assert!(db.insert_user(&user).await.unwrap());
}

/// A condition of a policy may call what writes.
#[tokio::test]
async fn what_is_asked_of_postgres_changes_nothing() {
    let (db, _home) = fresh(Engine::Postgres).await;
    let whom = As {
        role: None,
        claims: "{}".into(),
    };
    let writes = Statement {
        sql: "INSERT INTO role (role, created_at) VALUES ('other', 0)".into(),
        values: Vec::new(),
    };
    let mut read = db.data_read(&whom).await.unwrap();
    let refused = read.execute(&writes).await.unwrap_err().to_string();
    assert!(refused.contains("read-only transaction"), "{refused}");
    drop(read);
    let mut write = db.data_write(&whom).await.unwrap();
    assert_eq!(write.execute(&writes).await.unwrap(), 1);
}

async fn a_statement_has_its_time(engine: Engine) {
    let home = engine.home();
    let db = impatient(&home).await;
    let sql = match engine {
        Engine::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        }
        Engine::Postgres => "SELECT pg_sleep(600)",
        Engine::MySql => "SELECT SLEEP(600)",
    };
    let refused = query(sql)
        .optional(db.connection().await.unwrap().on())
        .await
        .err();
    let refused = DbError::from(refused.unwrap());
    assert!(matches!(refused, DbError::Unavailable(_)), "{refused}");
    db.ping().await.unwrap();
}
