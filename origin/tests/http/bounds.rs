//! What a login costs tells nothing about the account, and what the origin takes of the database has a bound.

use crate::{
    auth::{credentials, login, refresh},
    client::Answer,
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    mail::EMAIL,
    past,
    person::{PASSWORD, Person},
};
use serde_json::Value;
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

on_every_engine!(
    unknown_wrong_and_locked_take_as_many_hashes,
    there_are_never_more_connections_than_configured,
);

const TOKEN: &str = "/auth/v1/token?grant_type=password";

/// How often a text is in the log once a request has been written there.
fn counted(origin: &Origin, text: &str, request: impl Fn() -> Answer) -> (Answer, usize) {
    let lines = |text: &str| {
        let log = origin.log();
        log.lines().filter(|line| line.contains(text)).count()
    };
    let line = "\"message\":\"request\"";
    let (before, written) = (lines(text), lines(line));
    let answer = request();
    for _ in 0..2_000 {
        if lines(line) > written {
            return (answer, lines(text) - before);
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("no line of the request:\n{}", origin.log());
}

fn unknown_wrong_and_locked_take_as_many_hashes(engine: Engine) {
    let site = Site::on(engine, &format!("{CONFIG}[log]\nlevel = \"debug\"\n"));
    let origin = site.start();
    Person::new(&origin, EMAIL);
    let tried = |email: &str, password: &str| {
        let body = credentials(email, password);
        let (answer, hashes) = counted(&origin, "\"hashing\"", || origin.post(TOKEN, &body));
        let mut told = answer.json();
        told["instance"] = Value::Null;
        (answer.status, told, hashes)
    };
    let wrong = tried(EMAIL, "wrong horse");
    assert_eq!((wrong.0, wrong.2), (400, 1), "{wrong:?}");
    assert_eq!(tried("nobody@example.com", "wrong horse"), wrong);
    for _ in 0..4 {
        assert_eq!(tried(EMAIL, "wrong horse"), wrong);
        assert_eq!(tried("nobody@example.com", "wrong horse"), wrong);
    }
    // Both are locked now; the right password, too.
    assert_eq!(tried(EMAIL, "wrong horse"), wrong);
    assert_eq!(tried(EMAIL, PASSWORD), wrong);
    assert_eq!(tried("nobody@example.com", "wrong horse"), wrong);
}

/// Connections of the origin to its database; of one that is looked through.
fn connections(site: &Site, origin: &Origin, done: &AtomicBool) -> Vec<u64> {
    if let Some(file) = site.home.url.strip_prefix("sqlite:") {
        let mut seen = Vec::new();
        while !done.load(Relaxed) {
            let open = fs::read_dir(format!("/proc/{}/fd", origin.id())).unwrap();
            let links = open.flatten().flat_map(|one| fs::read_link(one.path()));
            seen.push(links.filter(|link| link.as_os_str() == file).count() as u64);
            thread::sleep(Duration::from_millis(5));
        }
        return seen;
    }
    let sql = if site.home.url.starts_with("postgres") {
        "SELECT CAST(COUNT(*) AS CHAR(9)) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()"
    } else {
        "SELECT CAST(COUNT(*) AS CHAR(9)) FROM information_schema.processlist \
         WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    };
    let seen = past::seen(site, sql, done);
    seen.iter()
        .map(|count| count.trim().parse().unwrap())
        .collect()
}

fn there_are_never_more_connections_than_configured(engine: Engine) {
    let settings = "acquire_s = 20\nmax_connections = 3";
    let site = Site::on(engine, &CONFIG.replace("acquire_s = 1", settings));
    let origin = site.start();
    let person = Person::new(&origin, EMAIL);
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let seen = scope.spawn(|| connections(&site, &origin, &done));
        let clients: Vec<_> = (0..16)
            .map(|client| {
                let (origin, person) = (&origin, &person);
                scope.spawn(move || {
                    let other = format!("other{client}@example.com");
                    for _ in 0..5 {
                        assert_eq!(login(origin, &other, PASSWORD).status, 400);
                        assert_eq!(login(origin, EMAIL, PASSWORD).status, 200);
                        assert_eq!(refresh(origin, &person.refresh_token).status, 200);
                        assert!(person.user()["id"].is_string());
                    }
                })
            })
            .collect();
        let ended: Vec<_> = clients
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Relaxed);
        assert!(ended.iter().all(Result::is_ok));
        seen.join().unwrap()
    });
    // SQLite has one that writes, besides.
    let most = if engine == Engine::Sqlite { 4 } else { 3 };
    assert_eq!(seen.iter().max(), Some(&most), "{seen:?}");
}
