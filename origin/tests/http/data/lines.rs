//! CSV of many rows: sent as it comes, whole or broken off.

use super::{ADA, NOTES, Who, config, past};
use crate::{
    client::{Answer, Call},
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use gapura_shared::{claims::Assurance, identity::Principal};
use std::io::{BufReader, Write};

const ROWS: usize = 100_000;

/// A hundred thousand notes of ada, numbered, of some 300 bytes each.
fn many(engine: Engine) -> (Site, Origin) {
    let config = format!(
        "{}notes = true\n[data]\nmax_rows = 1000000\n{NOTES}",
        config()
    );
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

fn many_rows_come_in_chunks_and_in_little_memory(engine: Engine) {
    let (site, origin) = many(engine);
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
    let mut call = Call::get(target);
    call.principal = Some(Principal {
        subject: Some(ADA.into()),
        role: "user".into(),
        tenant: None,
        session: None,
        token_id: None,
        assurance: Assurance::Aal1,
    });
    let mut wire = call.seal(&origin);
    wire.add("accept", "text/csv");
    let mut stream = origin.connect();
    stream.write_all(&wire.bytes()).unwrap();
    assert!(Answer::try_read(&mut BufReader::new(stream)).is_err());
    origin.await_log("FIELD_TAMPERED");
}

on_every_engine!(many_rows_come_in_chunks_and_in_little_memory);
