//! The process is killed while rows are written, again and again: every write that it acknowledged
//! is there, and no half of a bulk insert is.

use super::{ADA, CONFIG, NOTES, Who};
use crate::{
    client::{Answer, Call},
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    io::{BufReader, Write},
    net::TcpStream,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

on_every_engine!(what_was_written_is_there_after_a_kill);

/// Rows of one request.
const BULK: usize = 20;
/// Who writes at once: on SQLite they share commits.
const CLIENTS: u32 = 4;
/// What must be acknowledged between two kills.
const PROGRESS: u32 = 6;

/// A server's durability is its own: there a kill ends no more than connections.
const fn kills(engine: Engine) -> u32 {
    match engine {
        Engine::Sqlite => 20,
        Engine::Postgres | Engine::MySql => 5,
    }
}

/// Adds rows of one title; `None` when the server is gone.
fn add(origin: &Origin, title: &str) -> Option<Answer> {
    let rows = vec![json!({ "title": title, "phone": "+62 811" }); BULK];
    let body = json!(rows).to_string();
    let mut stream = TcpStream::connect(origin.address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    let wire = Call::post("/rest/v1/notes", &body)
        .subject(Some(ADA))
        .seal(origin);
    stream.write_all(&wire.bytes()).ok()?;
    let answer = Answer::try_read(&mut BufReader::new(stream)).ok()?;
    (answer.status != 0).then_some(answer)
}

/// Writes until the server is gone: the titles that were tried, and those that were acknowledged.
fn writes(origin: &Origin, name: &str, done: &AtomicU32) -> (Vec<String>, HashSet<String>) {
    let (mut tried, mut known) = (Vec::new(), HashSet::new());
    for number in 0.. {
        let title = format!("{name}-{number}");
        tried.push(title.clone());
        let Some(answer) = add(origin, &title) else {
            break;
        };
        assert_eq!(answer.status, 201, "{answer:?}");
        known.insert(title);
        done.fetch_add(1, Ordering::Relaxed);
    }
    (tried, known)
}

fn what_was_written_is_there_after_a_kill(engine: Engine) {
    let site = Site::on(engine, &format!("{CONFIG}notes = true\n{NOTES}"));
    let (mut tried, mut known) = (Vec::new(), HashSet::new());
    for round in 0..kills(engine) {
        let origin = &site.start();
        let done = &AtomicU32::new(0);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let name = format!("bulk-{round}-{client}");
                    scope.spawn(move || writes(origin, &name, done))
                })
                .collect();
            while done.load(Ordering::Relaxed) < PROGRESS
                && clients.iter().all(|client| !client.is_finished())
            {
                thread::sleep(Duration::from_millis(2));
            }
            origin.kill();
            for client in clients {
                let (more_tried, more_known) = client.join().unwrap();
                tried.extend(more_tried);
                known.extend(more_known);
            }
        });
    }
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let (whole, none) = (format!("0-{}/{BULK}", BULK - 1), "*/0".to_owned());
    for title in tried {
        let target = format!("/rest/v1/notes?title=eq.{title}");
        let answer = ada.ask("HEAD", &target, &Value::Null, &[("prefer", "count=exact")]);
        let rows = &answer.headers["content-range"];
        let is_known = known.contains(&title);
        assert!(
            *rows == whole || (*rows == none && !is_known),
            "{title}: {rows}, acknowledged: {is_known}"
        );
    }
    assert!(known.len() >= usize::try_from(kills(engine) * PROGRESS).unwrap());
}
