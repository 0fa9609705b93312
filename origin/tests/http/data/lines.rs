//! CSV of many rows: sent as it comes, whole or broken off.

use super::{ADA, NOTES, Who, config, past};
use crate::{
    client::{Answer, Call},
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use gapura_shared::{claims::Assurance, identity::Principal};
use std::{
    fs,
    io::{BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

const ROWS: usize = 100_000;

/// A hundred thousand notes of ada, numbered, of some 300 bytes each.
fn many(engine: Engine, database: &str, others: &str) -> (Site, Origin) {
    // However long a loaded machine takes for so many rows.
    let database = format!("[database]\nstatement_s = 600\n{database}");
    let config = config().replace("[database]", &database);
    let config = format!("{config}notes = true\n{others}\n[data]\nmax_rows = 1000000\n{NOTES}");
    let site = Site::on(engine, &config);
    let origin = site.start();
    let id = match engine {
        Engine::Sqlite => "printf('00000000-0000-4000-8000-%012d', n)",
        Engine::Postgres => "CAST('00000000-0000-4000-8000-' || lpad(n::text, 12, '0') AS uuid)",
        Engine::MySql => "CONCAT('00000000-0000-4000-8000-', LPAD(n, 12, '0'))",
    };
    let digit = "SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL \
                 SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL \
                 SELECT 8 UNION ALL SELECT 9";
    let title = "'x'".replace('x', &"x".repeat(200));
    past::sql(
        &site,
        &format!(
            "INSERT INTO notes (id, user_id, title, created_at) \
             SELECT {id}, '{ADA}', {title}, '2026-01-01 00:00:00' FROM \
             (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n FROM \
             ({digit}) a, ({digit}) b, ({digit}) c, ({digit}) e, ({digit}) f) numbers"
        ),
    );
    (site, origin)
}

/// Asks as ada, and reads nothing.
fn ask(origin: &Origin, target: &str) -> TcpStream {
    let mut call = Call::get(target);
    call.principal = Some(Principal {
        subject: Some(ADA.into()),
        role: "user".into(),
        tenant: None,
        session: None,
        token_id: None,
        assurance: Assurance::Aal1,
    });
    let mut wire = call.seal(origin);
    wire.add("accept", "text/csv");
    let mut stream = origin.connect();
    stream.write_all(&wire.bytes()).unwrap();
    stream
}

/// All notes are in it, one line each.
fn is_whole(body: Vec<u8>) {
    let text = String::from_utf8(body).unwrap();
    assert_eq!(text.lines().count(), ROWS + 1);
    for (line, id) in text.lines().skip(1).zip(0..) {
        assert!(line.starts_with(&format!("00000000-0000-4000-8000-{id:012},x")));
    }
}

fn many_rows_come_in_chunks_and_in_little_memory(engine: Engine) {
    let (site, origin) = many(engine, "", "");
    let ada = Who::user(&origin, ADA);
    let csv = ("accept", "text/csv");
    let target = "/rest/v1/notes?select=id,title,phone&order=id";
    // A twentieth of it: whatever threads and buffers there are, are there before and after.
    let some = format!("{target}&limit={}", ROWS / 20);
    assert_eq!(ada.send("GET", &some, "", &[csv]).status, 200);
    let before = origin.peak_memory_kib();
    let answer = ada.send("GET", target, "", &[csv]);
    assert_eq!(answer.status, 200, "{:?}", answer.headers);
    assert_eq!(answer.headers["transfer-encoding"], "chunked");
    assert!(!answer.headers.contains_key("content-range"));
    is_whole(answer.body);
    // The answer is 24 MB.
    let grown = origin.peak_memory_kib() - before;
    assert!(grown < 8 * 1024, "{grown} KiB");
    // Counted, it is known which rows they are.
    let counted = ada.send("GET", target, "", &[csv, ("prefer", "count=exact")]);
    assert_eq!(counted.headers["content-range"], "0-99999/100000");
    // What fits into a chunk is as it always was.
    let short = ada.send("GET", &format!("{target}&limit=2"), "", &[csv]);
    assert_eq!(short.headers["content-range"], "0-1/*");
    assert!(short.headers.contains_key("content-length"));
    // A fault at its end breaks it off.
    past::sql(
        &site,
        "UPDATE notes SET phone = 'x' WHERE id = '00000000-0000-4000-8000-000000099999'",
    );
    let stream = ask(&origin, target);
    assert!(Answer::try_read(&mut BufReader::new(stream)).is_err());
    origin.await_log("FIELD_TAMPERED");
}

/// There is one connection to the database: others get it before the client has taken anything.
fn a_slow_client_holds_no_statement_up(engine: Engine) {
    let (_site, origin) = many(
        engine,
        "max_connections = 1",
        "[listen]\nbody_write_s = 600",
    );
    let stream = ask(&origin, "/rest/v1/notes?select=id,title&order=id");
    // It is being sent.
    assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
    let ada = Who::user(&origin, ADA);
    let is_served = || ada.get("/rest/v1/notes?limit=1").status == 200;
    // Each of them waits for a connection as long as `acquire_s` says.
    assert!((0..15).any(|_| is_served()), "{}", origin.log());
    let answer = Answer::try_read(&mut BufReader::new(stream)).unwrap();
    assert_eq!(answer.status, 200);
    is_whole(answer.body);
}

/// Where the database has to wait for the client, some connections are kept from such answers.
fn exports_leave_connections_to_others(engine: Engine) {
    let (mut site, origin) = many(engine, "max_connections = 3", "");
    drop(origin);
    site.env = vec![("TMPDIR", "/nowhere".into())];
    let config = site.dir.path().join("gapura.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("acquire_s = 20", "acquire_s = 2");
    fs::write(&config, format!("{text}\n[listen]\nbody_write_s = 600")).unwrap();
    let origin = site.start();
    let target = "/rest/v1/notes?select=id,title&order=id";
    let first = ask(&origin, target);
    assert_eq!(first.peek(&mut [0]).unwrap(), 1);
    let ada = Who::user(&origin, ADA);
    let answer = ada.send("GET", target, "", &[("accept", "text/csv")]);
    assert_eq!(answer.status, 503, "{}", origin.log());
    assert_eq!(answer.json()["code"], "PGRST000");
    for _ in 0..3 {
        ada.rows("/rest/v1/notes?limit=1");
        ada.note("a");
    }
    // When the first one has gone, it is the next one's turn.
    drop(first);
    let is_served = || {
        let some = format!("{target}&limit=1");
        ada.send("GET", &some, "", &[("accept", "text/csv")]).status == 200
    };
    assert!((0..30).any(|_| is_served()), "{}", origin.log());
}

on_every_engine!(
    many_rows_come_in_chunks_and_in_little_memory,
    a_slow_client_holds_no_statement_up,
    exports_leave_connections_to_others,
);

#[test]
fn who_takes_nothing_is_hung_up_on() {
    let settings = "[listen]\nbody_write_s = 1\n[log]\nlevel = \"debug\"";
    let (_site, origin) = many(Engine::Sqlite, "", settings);
    let stream = ask(&origin, "/rest/v1/notes?select=id,title&order=id");
    let began = Instant::now();
    while !origin.log().contains("connection timed out") {
        assert!(began.elapsed() < Duration::from_mins(5), "{}", origin.log());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(Answer::try_read(&mut BufReader::new(stream)).is_err());
}

/// It takes something all the time, and so much of it at once that no wait is long.
#[test]
fn who_takes_too_little_is_hung_up_on() {
    const AT_ONCE: usize = 2 << 20;
    let settings =
        "[listen]\nbody_write_s = 12\nbody_write_rate = 1073741824\n[log]\nlevel = \"debug\"";
    let (_site, origin) = many(Engine::Sqlite, "", settings);
    // 65 MB, far more than any buffer on the way.
    let target = "/rest/v1/notes?select=id,title,a:title,b:title&order=id";
    let mut stream = ask(&origin, target);
    let mut some = vec![0; AT_ONCE];
    while !origin.log().contains("connection timed out") {
        stream.read_exact(&mut some).unwrap();
        thread::sleep(Duration::from_secs(3));
    }
    assert!(
        origin.log().contains("too little is taken"),
        "{}",
        origin.log()
    );
}
