//! CSV of many rows: sent as it comes, whole or broken off.

use super::{ADA, NOTES, Who, config, past};
use crate::{
    client::{Answer, Call},
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use gapura_shared::{claims::Assurance, identity::Principal};
use std::{
    io::{BufReader, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

const ROWS: usize = 100_000;

/// A hundred thousand notes of ada, numbered, of some 300 bytes each.
fn many(engine: Engine, database: &str, others: &str) -> (Site, Origin) {
    let config = config().replace("[database]", &format!("[database]\n{database}"));
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

fn many_rows_come_in_chunks_and_in_little_memory(engine: Engine) {
    let (site, origin) = many(engine, "", "");
    let ada = Who::user(&origin, ADA);
    ada.rows("/rest/v1/notes?limit=1");
    let before = origin.peak_memory_kib();
    let csv = ("accept", "text/csv");
    let target = "/rest/v1/notes?select=id,title,phone&order=id";
    let answer = ada.send("GET", target, "", &[csv]);
    assert_eq!(answer.status, 200, "{:?}", answer.headers);
    assert_eq!(answer.headers["transfer-encoding"], "chunked");
    assert!(!answer.headers.contains_key("content-range"));
    let text = String::from_utf8(answer.body).unwrap();
    assert_eq!(text.lines().count(), ROWS + 1);
    for (line, id) in text.lines().skip(1).zip(0..) {
        assert!(line.starts_with(&format!("00000000-0000-4000-8000-{id:012},x")));
    }
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
    let (_site, origin) = many(engine, "max_connections = 1\nstatement_s = 600", "");
    let stream = ask(&origin, "/rest/v1/notes?select=id,title&order=id");
    // It is being sent.
    assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
    let ada = Who::user(&origin, ADA);
    let rows = ada.rows("/rest/v1/notes?limit=1");
    assert_eq!(rows.as_array().unwrap().len(), 1);
    let answer = Answer::try_read(&mut BufReader::new(stream)).unwrap();
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.body).unwrap();
    assert_eq!(text.lines().count(), ROWS + 1);
    for (line, id) in text.lines().skip(1).zip(0..) {
        assert!(line.starts_with(&format!("00000000-0000-4000-8000-{id:012},x")));
    }
}

on_every_engine!(
    many_rows_come_in_chunks_and_in_little_memory,
    a_slow_client_holds_no_statement_up,
);

#[test]
fn who_takes_nothing_is_hung_up_on() {
    let settings = "[listen]\nbody_write_s = 1\n[log]\nlevel = \"debug\"";
    let (_site, origin) = many(Engine::Sqlite, "", settings);
    let stream = ask(&origin, "/rest/v1/notes?select=id,title&order=id");
    let began = Instant::now();
    while !origin.log().contains("connection timed out") {
        assert!(began.elapsed() < Duration::from_mins(1), "{}", origin.log());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(Answer::try_read(&mut BufReader::new(stream)).is_err());
}
