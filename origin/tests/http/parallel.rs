//! Logins of one account at once: a right password is never taken for a wrong one.

use crate::{
    auth::{credentials, login},
    client::Call,
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
};
use std::{
    collections::BTreeMap,
    io::Write,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

on_every_engine!(
    a_full_queue_locks_nobody_out,
    right_passwords_at_once_are_all_right,
    wrong_passwords_at_once_are_all_wrong,
    what_a_client_does_not_wait_for_is_counted_as_what_it_is,
);

const EMAIL: &str = "made@example.com";
const PASSWORD: &str = "correct horse";

fn sign_up(origin: &Origin) {
    let body = credentials(EMAIL, PASSWORD);
    assert_eq!(origin.post("/auth/v1/signup", &body).status, 200);
}

/// How often each status came.
fn at_once(origin: &Origin, count: usize, password: &str) -> BTreeMap<u16, usize> {
    let body = credentials(EMAIL, password);
    let barrier = Barrier::new(count);
    let one = || {
        let wire = Call::post("/auth/v1/token?grant_type=password", &body).seal(origin);
        barrier.wait();
        origin.send(&wire).status
    };
    let mut seen = BTreeMap::new();
    thread::scope(|scope| {
        let all: Vec<_> = (0..count).map(|_| scope.spawn(one)).collect();
        for answer in all {
            *seen.entry(answer.join().unwrap()).or_default() += 1;
        }
    });
    seen
}

fn a_full_queue_locks_nobody_out(engine: Engine) {
    let settings = "[auth]\nhash_concurrency = 1\nhash_queue = 1";
    // Slow enough for a place in the queue to be rare.
    let config = CONFIG
        .replace("[auth]", settings)
        .replace("memory_kib = 128", "memory_kib = 16384");
    let site = Site::on(engine, &config);
    let origin = site.start();
    sign_up(&origin);
    let others_stop = AtomicBool::new(false);
    let tried = thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !others_stop.load(Relaxed) {
                    login(&origin, "nobody@example.com", PASSWORD);
                }
            });
        }
        // As many in a row as would lock, none of which was looked at.
        let (mut tried, mut in_a_row) = (Vec::new(), 0);
        while in_a_row < 6 && tried.len() < 2000 {
            let status = login(&origin, EMAIL, PASSWORD).status;
            in_a_row = if status == 503 { in_a_row + 1 } else { 0 };
            tried.push(status);
        }
        others_stop.store(true, Relaxed);
        tried
    });
    assert!(tried.ends_with(&[503; 6]), "{tried:?}");
    assert!(!tried.contains(&400), "{tried:?}");
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
}

fn right_passwords_at_once_are_all_right(engine: Engine) {
    let site = Site::on(engine, &CONFIG.replace("acquire_s = 1", "acquire_s = 20"));
    let origin = site.start();
    sign_up(&origin);
    for wrong in [0, 3, 4] {
        for _ in 0..wrong {
            assert_eq!(login(&origin, EMAIL, "wrong horse").status, 400);
        }
        assert_eq!(
            at_once(&origin, 40, PASSWORD),
            [(200, 40)].into(),
            "{wrong}"
        );
    }
}

fn wrong_passwords_at_once_are_all_wrong(engine: Engine) {
    let site = Site::on(engine, &CONFIG.replace("acquire_s = 1", "acquire_s = 20"));
    let origin = site.start();
    sign_up(&origin);
    assert_eq!(at_once(&origin, 40, "wrong horse"), [(400, 40)].into());
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 400, "locked");
}

/// Sends a login and hangs up as soon as its password is looked at.
fn give_up(origin: &Origin, password: &str) {
    let looked_at = || origin.log().matches("\"hashing\"").count();
    let before = looked_at();
    let body = credentials(EMAIL, password);
    let wire = Call::post("/auth/v1/token?grant_type=password", &body).seal(origin);
    let mut stream = origin.connect();
    stream.write_all(&wire.bytes()).unwrap();
    for _ in 0..800 {
        if looked_at() > before {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("not looked at:\n{}", origin.log());
}

fn what_a_client_does_not_wait_for_is_counted_as_what_it_is(engine: Engine) {
    // Slow enough to hang up on.
    let config = CONFIG
        .replace(
            "memory_kib = 128",
            "memory_kib = 65536\nhash_concurrency = 1",
        )
        .replace("acquire_s = 1", "acquire_s = 20");
    let site = Site::on(engine, &format!("{config}[log]\nlevel = \"debug\"\n"));
    let origin = site.start();
    sign_up(&origin);
    for _ in 0..6 {
        give_up(&origin, PASSWORD);
    }
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 200);
    for _ in 0..5 {
        give_up(&origin, "wrong horse");
    }
    assert_eq!(login(&origin, EMAIL, PASSWORD).status, 400, "locked");
}
