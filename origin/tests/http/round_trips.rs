//! How often a request waits for the database: what a login costs beside its hash, and what reading an
//! account does, is round trips before anything else.

use crate::{
    auth::credentials,
    engines::Engine,
    harness::{CONFIG, Origin, Site},
    mail::EMAIL,
    person::{PASSWORD, Person},
};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// The way to a database server. Both protocols ask and wait for an answer: what is read of a client at
/// once is one question.
struct Way {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
}

impl Way {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let questions = Arc::new(AtomicUsize::new(0));
        let asked = Arc::clone(&questions);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let asked = Arc::clone(&asked);
                thread::spawn(move || {
                    pass(client, server, || {
                        asked.fetch_add(1, SeqCst);
                    });
                });
                thread::spawn(move || pass(back.0, back.1, || {}));
            }
        });
        Self { address, questions }
    }

    /// The fewest round trips of some times: what else goes on meanwhile, and what is done for the first
    /// time, is none of it.
    fn fewest(&self, mut request: impl FnMut()) -> usize {
        let mut one = || {
            let before = self.questions.load(SeqCst);
            request();
            self.questions.load(SeqCst) - before
        };
        (0..8).map(|_| one()).min().unwrap()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut tell: impl FnMut()) {
    let mut buffer = [0; 8_192];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        tell();
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn counts(engine: Engine, login: usize) {
    let mut home = engine.home();
    let (start, rest) = home.url.rsplit_once('@').unwrap();
    let (server, database) = rest.split_once('/').unwrap();
    let way = Way::to(server.parse().unwrap());
    home.url = format!("{start}@{}/{database}", way.address);
    let site = Site::at(home, CONFIG);
    let origin = site.start();
    let person = Person::new(&origin, EMAIL);
    let post = |origin: &Origin, target: &str, body: &str| {
        assert_eq!(origin.post(target, body).status, 200);
    };
    let body = credentials(EMAIL, PASSWORD);
    let target = "/auth/v1/token?grant_type=password";
    assert_eq!(way.fewest(|| post(&origin, target, &body)), login);
    let user = || assert_eq!(person.ask("GET", "/auth/v1/user", &Value::Null).status, 200);
    assert_eq!(way.fewest(user), 1);
}

/// The account and its counts; one failure more; and less, with all of the session, and how many there are.
#[test]
fn of_postgres() {
    counts(Engine::Postgres, 3);
}

/// The same.
#[test]
fn of_mysql() {
    counts(Engine::MySql, 3);
}
