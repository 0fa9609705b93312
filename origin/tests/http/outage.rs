//! The database server dies and comes back while the origin runs.

use crate::{
    client::Answer,
    engines::{Engine, Home, PASSWORD, Server},
    harness::{CONFIG, Origin, Site},
};
use serde_json::json;
use std::{
    io::{BufRead, Write},
    time::{Duration, Instant},
};

impl Server {
    fn tell(&self, order: &str) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.0.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut answer = String::new();
        keeper.1.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{order}");
    }
}

fn login(origin: &Origin) -> Answer {
    let body = json!({ "email": "made@example.com", "password": "correct horse" });
    origin.post("/auth/v1/token?grant_type=password", &body.to_string())
}

fn carries_on_after_an_outage(engine: Engine) {
    let server = Server::start(engine);
    let site = Site::at(Home::on(&server), CONFIG);
    let origin = site.start();
    let body = json!({ "email": "made@example.com", "password": "correct horse" });
    let made = origin.post("/auth/v1/signup", &body.to_string());
    assert_eq!((made.status, login(&origin).status), (200, 200));

    server.tell("stop");
    for _ in 0..3 {
        let refused = login(&origin);
        assert_eq!(
            (refused.status, refused.reason().as_str()),
            (503, "database")
        );
        assert_eq!(refused.headers["retry-after"], "5");
        let health = origin.get("/auth/v1/health");
        assert_eq!((health.status, health.reason().as_str()), (503, "database"));
        assert_eq!(health.headers["retry-after"], "5");
    }

    // And nobody can start an origin on it, which says so and tells no secret.
    let output = site.command(&["serve"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the database is not available"), "{told}");
    assert!(!told.contains(PASSWORD), "{told}");

    server.tell("start");
    let revived = Instant::now();
    while login(&origin).status != 200 {
        assert!(revived.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(origin.get("/auth/v1/health").status, 200);
    let log = origin.log();
    assert!(log.contains("the database is not available"), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
}

#[test]
fn of_postgres() {
    carries_on_after_an_outage(Engine::Postgres);
}

#[test]
fn of_mysql() {
    carries_on_after_an_outage(Engine::MySql);
}
