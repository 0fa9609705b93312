//! The process is killed while rows are written in every way there is, again and again: what it
//! acknowledged is there as it was last written, and no half of a request is. On a server this ends the
//! origin alone: what the server itself keeps is its own affair.

use super::{NOTES, Who, config};
use crate::{
    client::{Answer, Call},
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufReader, Write},
    net::TcpStream,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

on_every_engine!(what_was_written_is_there_after_a_kill);

const KILLS: u32 = 20;
/// Who writes at once: on SQLite they share commits, and single rows the way there.
const CLIENTS: u32 = 8;
/// Rows of a bulk.
const BULK: u32 = 20;
/// What must be acknowledged of each kind between two kills.
const PROGRESS: u32 = 10;
/// How often a client asks again that is told to.
const PATIENCE: u32 = 20;

/// What a client does.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A single row.
    Insert,
    /// Rows of one request.
    Bulk,
    /// Rows under an `Idempotency-Key`.
    Once,
    /// New values for the last bulk: its encrypted ones are a statement each.
    Update,
    /// A row that is there and one that is not.
    Upsert,
    /// Two rows at once.
    Delete,
}

/// In turn; each client begins somewhere else.
const STEPS: [Step; 8] = [
    Step::Insert,
    Step::Bulk,
    Step::Update,
    Step::Insert,
    Step::Upsert,
    Step::Once,
    Step::Insert,
    Step::Delete,
];
const KINDS: usize = 6;

/// Titles and what stands in both the body and the encrypted phone. No title is there twice.
type Rows = BTreeMap<String, String>;

/// A request, and the rows when it is done.
struct Work {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Value,
    status: u16,
    after: Rows,
}

fn row(title: &str, value: &str) -> Value {
    json!({ "title": title, "body": value, "phone": value })
}

fn post(titles: &[String], value: &str, rows: &Rows) -> Work {
    let mut after = rows.clone();
    after.extend(titles.iter().map(|title| (title.clone(), value.into())));
    Work {
        method: "POST",
        target: "/rest/v1/notes".into(),
        headers: Vec::new(),
        body: titles.iter().map(|title| row(title, value)).collect(),
        status: 201,
        after,
    }
}

impl Step {
    fn work(self, client: &Client, number: usize) -> Work {
        let rows = &client.rows;
        let value = format!("value {number}");
        let begin = |start: &str| {
            let titles = rows.keys().filter(|title| title.starts_with(start));
            titles.cloned().collect::<Vec<_>>()
        };
        match self {
            Self::Insert => {
                let mut work = post(&[format!("one-{number:04}")], &value, rows);
                work.body = work.body[0].take();
                work
            }
            Self::Bulk => {
                let titles = (0..BULK).map(|at| format!("bulk-{number:04}-{at:02}"));
                post(&titles.collect::<Vec<_>>(), &value, rows)
            }
            Self::Once => {
                let titles = ["a", "b"].map(|at| format!("once-{number:04}-{at}"));
                let mut work = post(&titles, &value, rows);
                work.headers = vec![("idempotency-key", format!("key-{number}"))];
                work
            }
            Self::Update => {
                let last = begin("bulk-").pop().unwrap_or_default();
                let bulk = last.rsplit_once('-').map_or("none", |(bulk, _)| bulk);
                Work {
                    method: "PATCH",
                    target: format!("/rest/v1/notes?title=like.{bulk}-*"),
                    body: json!({ "body": value, "phone": value }),
                    status: 204,
                    ..post(&begin(&format!("{bulk}-")), &value, rows)
                }
            }
            Self::Upsert => {
                let titles = ["up".to_owned(), format!("up-{number:04}")];
                let mut work = post(&titles, &value, rows);
                work.headers = vec![("prefer", "resolution=merge-duplicates".into())];
                for (at, id) in [(0, 0), (1, number)] {
                    work.body[at]["id"] = json!(client.uuid(id));
                }
                work
            }
            Self::Delete => {
                let gone = [begin("one-"), begin("once-")].map(|titles| titles.first().cloned());
                let gone: Vec<String> = gone.into_iter().flatten().collect();
                let mut work = post(&[], &value, rows);
                work.after.retain(|title, _| !gone.contains(title));
                Work {
                    method: "DELETE",
                    target: format!("/rest/v1/notes?title=in.({})", gone.join(",")),
                    body: Value::Null,
                    status: 204,
                    ..work
                }
            }
        }
    }
}

/// Somebody who writes, and what they know of it.
struct Client {
    life: u32,
    number: u32,
    /// As they were acknowledged.
    rows: Rows,
    /// As they are if that was done which was not acknowledged any more.
    pending: Rows,
    /// The last request under a key, and the last that was acknowledged.
    once: [Option<usize>; 2],
}

impl Client {
    fn new(life: u32, number: u32) -> Self {
        Self {
            life,
            number,
            rows: Rows::new(),
            pending: Rows::new(),
            once: [None; 2],
        }
    }

    /// Something of this client's.
    fn uuid(&self, of: usize) -> String {
        let (life, number) = (self.life, self.number);
        format!("{life:08x}-{of:04x}-4000-8000-{number:012x}")
    }

    fn id(&self) -> String {
        self.uuid(0xffff)
    }

    /// `None` when the server is gone.
    fn send(&self, origin: &Origin, work: &Work) -> Option<Answer> {
        let body = match &work.body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut stream = TcpStream::connect(origin.address).ok()?;
        let patience = Some(Duration::from_mins(1));
        stream.set_read_timeout(patience).ok()?;
        let mut call = Call::post(&work.target, &body).subject(Some(&self.id()));
        call.method = work.method;
        call.content_type = call.content_type.filter(|_| !body.is_empty());
        let mut wire = call.seal(origin);
        for (name, value) in &work.headers {
            wire.add(name, value);
        }
        stream.write_all(&wire.bytes()).ok()?;
        let answer = Answer::try_read(&mut BufReader::new(stream)).ok()?;
        (answer.status != 0).then_some(answer)
    }

    /// Writes until the server is gone.
    fn writes(mut self, origin: &Origin, done: &[AtomicU32; KINDS]) -> Self {
        let first = usize::try_from(self.number).unwrap();
        for number in first.. {
            let step = STEPS[number % STEPS.len()];
            let work = step.work(&self, number);
            let is_once = matches!(step, Step::Once);
            if is_once {
                self.once[0] = Some(number);
            }
            // The engine may give way to others more often than is tried: nothing is done then, and clients ask again.
            let gives_way = |answer: &Option<Answer>| {
                let answer = answer.as_ref();
                answer.is_some_and(|answer| answer.status == 503)
            };
            let mut answer = self.send(origin, &work);
            for _ in 0..PATIENCE {
                if gives_way(&answer) {
                    answer = self.send(origin, &work);
                }
            }
            self.pending = work.after;
            let Some(answer) = answer else { break };
            assert_eq!(answer.status, work.status, "{step:?}: {answer:?}");
            self.rows = self.pending.clone();
            if is_once {
                self.once[1] = Some(number);
            }
            done[step as usize].fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// What is there is what was acknowledged, perhaps with all of what was under way.
    fn is_right(&self, origin: &Origin) -> Rows {
        let id = self.id();
        let who = Who::user(origin, &id);
        let found = who.rows("/rest/v1/notes?select=title,body,phone");
        let mut rows = Rows::new();
        for row in found.as_array().unwrap() {
            assert_eq!(row["body"], row["phone"], "half of a change: {row}");
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            let other = rows.insert(text("title"), text("body"));
            assert_eq!(other, None, "twice: {row}");
        }
        assert!(
            rows == self.rows || rows == self.pending,
            "there is {rows:#?}\nacknowledged was {:#?}\nor, if done, {:#?}",
            self.rows,
            self.pending
        );
        rows
    }

    /// Sends again what has a key: it is done once.
    fn repeats(&mut self, origin: &Origin) {
        let [last, acknowledged] = self.once;
        for number in self.once.into_iter().flatten() {
            let work = Step::Once.work(self, number);
            let again = self.send(origin, &work).unwrap();
            assert_eq!(again.status, 201, "{again:?}");
            if Some(number) == acknowledged {
                assert_eq!(again.headers["idempotency-replayed"], "true");
            }
        }
        // What was under way is done now.
        if last != acknowledged {
            self.rows = self.pending.clone();
        }
    }
}

fn what_was_written_is_there_after_a_kill(engine: Engine) {
    let site = Site::on(engine, &format!("{}notes = true\n{NOTES}", config()));
    let mut origin = site.start();
    let mut everybody: Vec<Client> = Vec::new();
    for life in 0..KILLS {
        let done: [AtomicU32; KINDS] = Default::default();
        let (living, done) = (&origin, &done);
        let clients: Vec<Client> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| Client::new(life, number))
                .map(|client| scope.spawn(move || client.writes(living, done)))
                .collect();
            let has_more = |kind: &AtomicU32| kind.load(Ordering::Relaxed) < PROGRESS;
            while done.iter().any(has_more) && clients.iter().all(|client| !client.is_finished()) {
                thread::sleep(Duration::from_millis(2));
            }
            living.kill();
            clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .collect()
        });
        for kind in done {
            assert!(kind.load(Ordering::Relaxed) >= PROGRESS);
        }
        origin = site.start();
        for mut client in clients {
            client.is_right(&origin);
            client.repeats(&origin);
            client.is_right(&origin);
            everybody.push(client);
        }
    }
    // Nor did a later kill take it.
    for client in &everybody {
        client.is_right(&origin);
    }
}
