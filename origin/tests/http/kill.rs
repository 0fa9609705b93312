//! The process is killed under load, again and again: nothing that it acknowledged is lost.

use crate::{
    client::{Answer, Call},
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::json;
use std::{
    io::{BufReader, Write},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

on_every_engine!(what_was_acknowledged_is_there_after_a_kill);

/// Hashes that cost next to nothing: the load is on the database.
const CONFIG: &str = "
[auth]
argon2_memory_kib = 128
argon2_iterations = 1
lockout_ceiling = 1000000
";
const PASSWORD: &str = "correct horse";
/// Of sign-ups, of refreshes, of lockouts.
const CLIENTS: u32 = 2;
/// What must be acknowledged of each kind between two kills.
const PROGRESS: u32 = 3;
/// Wrong passwords that lock.
const FAILURES: usize = 5;

const KILLS: u32 = 20;

/// What was acknowledged.
#[derive(Default)]
struct Known {
    /// Addresses of accounts that nothing happened to since.
    accounts: Vec<String>,
    /// The last token that each session was given.
    tokens: Vec<String>,
    /// Addresses of accounts that are locked.
    locked: Vec<String>,
}

impl Known {
    fn add(&mut self, more: Self) {
        self.accounts.extend(more.accounts);
        self.tokens.extend(more.tokens);
        self.locked.extend(more.locked);
    }
}

fn credentials(email: &str, password: &str) -> String {
    json!({ "email": email, "password": password }).to_string()
}

/// Like [`Origin::post`], but the server may be gone: then there is no answer.
fn try_post(origin: &Origin, target: &str, body: &str) -> Option<Answer> {
    let mut stream = std::net::TcpStream::connect(origin.address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    let wire = Call::post(target, body).seal(origin);
    stream.write_all(&wire.bytes()).ok()?;
    let answer = Answer::try_read(&mut BufReader::new(stream)).ok()?;
    (answer.status != 0).then_some(answer)
}

fn signup(origin: &Origin, email: &str) -> Option<Answer> {
    try_post(origin, "/auth/v1/signup", &credentials(email, PASSWORD))
}

fn login(origin: &Origin, email: &str, password: &str) -> Option<Answer> {
    let body = credentials(email, password);
    try_post(origin, "/auth/v1/token?grant_type=password", &body)
}

fn refresh(origin: &Origin, token: &str) -> Option<Answer> {
    let body = json!({ "refresh_token": token }).to_string();
    try_post(origin, "/auth/v1/token?grant_type=refresh_token", &body)
}

fn token_of(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

/// Signs up one account after the other until the server is gone.
fn signs_up(origin: &Origin, name: &str, done: &AtomicU32) -> Known {
    let mut known = Known::default();
    for number in 0.. {
        let email = format!("{name}-{number}@example.com");
        let Some(answer) = signup(origin, &email) else {
            break;
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        known.accounts.push(email);
        done.fetch_add(1, Ordering::Relaxed);
    }
    known
}

/// Exchanges the tokens of one session until the server is gone.
fn refreshes(origin: &Origin, mut token: String, done: &AtomicU32) -> Known {
    while let Some(answer) = refresh(origin, &token) {
        assert_eq!(answer.status, 200, "{answer:?}");
        token = token_of(&answer);
        done.fetch_add(1, Ordering::Relaxed);
    }
    Known {
        tokens: vec![token],
        ..Known::default()
    }
}

/// Locks one account after the other until the server is gone.
fn locks(origin: &Origin, name: &str, done: &AtomicU32) -> Known {
    let mut known = Known::default();
    'gone: for number in 0.. {
        let email = format!("{name}-{number}@example.com");
        if signup(origin, &email).is_none() {
            break;
        }
        for _ in 0..FAILURES {
            let Some(answer) = login(origin, &email, "wrong horse") else {
                break 'gone;
            };
            assert_eq!(answer.status, 400, "{answer:?}");
        }
        known.locked.push(email);
        done.fetch_add(1, Ordering::Relaxed);
    }
    known
}

/// One life of the server, ended by SIGKILL as soon as each kind of client has got somewhere.
#[expect(clippy::needless_pass_by_value, reason = "it ends here")]
fn life(origin: Origin, round: u32, tokens: Vec<String>) -> Known {
    let counts: Vec<AtomicU32> = (0..3).map(|_| AtomicU32::new(0)).collect();
    let (origin, counts) = (&origin, &counts);
    thread::scope(|scope| {
        let mut clients = Vec::new();
        for client in 0..CLIENTS {
            let name = format!("up-{round}-{client}");
            clients.push(scope.spawn(move || signs_up(origin, &name, &counts[0])));
            let name = format!("lock-{round}-{client}");
            clients.push(scope.spawn(move || locks(origin, &name, &counts[2])));
        }
        for token in tokens {
            clients.push(scope.spawn(move || refreshes(origin, token, &counts[1])));
        }
        while counts
            .iter()
            .any(|count| count.load(Ordering::Relaxed) < PROGRESS)
            && clients.iter().all(|client| !client.is_finished())
        {
            thread::sleep(Duration::from_millis(2));
        }
        origin.kill();
        let mut known = Known::default();
        for client in clients {
            known.add(client.join().unwrap());
        }
        known
    })
}

fn what_was_acknowledged_is_there_after_a_kill(engine: Engine) {
    let site = Site::on(engine, CONFIG);
    let mut origin = site.start();
    let mut tokens: Vec<String> = (0..CLIENTS)
        .map(|client| {
            let email = format!("session-{client}@example.com");
            assert_eq!(signup(&origin, &email).unwrap().status, 200);
            token_of(&login(&origin, &email, PASSWORD).unwrap())
        })
        .collect();
    for round in 0..KILLS {
        let known = life(origin, round, tokens);
        origin = site.start();
        for email in &known.accounts {
            let answer = login(&origin, email, PASSWORD).unwrap();
            assert_eq!(answer.status, 200, "{email} is lost: {answer:?}");
        }
        for email in &known.locked {
            let answer = login(&origin, email, PASSWORD).unwrap();
            assert_eq!(answer.status, 400, "the lock of {email} is lost");
        }
        // An exchange that was under way was made or was not: its token is good either way, within
        // the grace.
        tokens = known
            .tokens
            .iter()
            .map(|token| {
                let answer = refresh(&origin, token).unwrap();
                assert_eq!(answer.status, 200, "a session is lost: {answer:?}");
                token_of(&answer)
            })
            .collect();
    }
}
