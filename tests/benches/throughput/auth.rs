//! `./scripts/bench origin auth`: logins against what their hash allows, refreshes, accounts that are
//! read, and what such a reader feels of logins. Logins are counted without that reader, whose work
//! on the same cores is none of theirs; load and database run on these cores all the time. And what one login
//! takes by what becomes of it.

use crate::{
    connection::Connection,
    load::{self, Row},
    origin::{Sealer, principal},
    process, uniform,
};
use gapura_tests::Origin;
use serde_json::{Value, json};
use std::{
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

const PASSWORD: &str = "correct horse battery staple";
/// Accounts: so many that none comes to `auth.max_sessions`.
const ACCOUNTS: u64 = 64;
/// Connections that log in; more than hashes run at once.
const LOGINS: usize = 16;
/// Connections that read accounts: as many as `origin data` has writers.
const READERS: usize = 64;
/// Sessions that are refreshed at once.
const REFRESHES: usize = 8;
const MEASURED: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;

/// What one engine came to.
struct Figures {
    idle_mb: f64,
    hashes: f64,
    logins: f64,
    refreshes: f64,
    refresh_p99_ms: f64,
    floor: f64,
    user: f64,
    quiet_p99_ms: f64,
    busy_p99_ms: f64,
    busy_mb: f64,
}

pub(crate) fn run() {
    println!("### Auth\n");
    println!(
        "| | hash alone/s | logins/s | of it | refreshes/s | p99 ms | sealed constant/s | user/s | of it \
         | p99 ms of others, quiet | while logging in | RSS MB idle | while logging in |"
    );
    println!("|---|{}", "---:|".repeat(12));
    let mut alone = Vec::new();
    for (name, origin) in crate::origins() {
        let f = measure(&origin);
        alone.push((name, uniform::measure(&origin)));
        println!(
            "| {name} | {:.1} | {:.1} | {:.0} % | {:.0} | {:.1} | {:.0} | {:.0} | {:.0} % | {:.1} | {:.1} | {:.0} | {:.0} |",
            f.hashes,
            f.logins,
            f.logins / f.hashes * 100.0,
            f.refreshes,
            f.refresh_p99_ms,
            f.floor,
            f.user,
            f.user / f.floor * 100.0,
            f.quiet_p99_ms,
            f.busy_p99_ms,
            f.idle_mb,
            f.busy_mb,
        );
    }
    println!("\nMedians of {ROUNDS} rounds in turns; load and database run on the same cores.");
    println!("\n### One login at a time, in turns: median (p99) in ms\n");
    println!("| | {} |", uniform::KINDS.join(" | "));
    println!("|---|{}", "---:|".repeat(uniform::KINDS.len()));
    for (name, times) in alone {
        let shown = times
            .iter()
            .map(|(median, p99)| format!("{median:.2} ({p99:.1})"));
        println!("| {name} | {} |", shown.collect::<Vec<_>>().join(" | "));
    }
}

fn measure(origin: &Origin) -> Figures {
    let process = process::child("gapura-origin");
    let idle_mb = process::rss_mb(process);
    let bench = Bench::new(origin);
    let rounds: Vec<Figures> = (0..ROUNDS).map(|_| bench.round(process)).collect();
    let of = |figure: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(figure).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Figures {
        idle_mb,
        hashes: of(|f| f.hashes),
        logins: of(|f| f.logins),
        refreshes: of(|f| f.refreshes),
        refresh_p99_ms: of(|f| f.refresh_p99_ms),
        floor: of(|f| f.floor),
        user: of(|f| f.user),
        quiet_p99_ms: of(|f| f.quiet_p99_ms),
        busy_p99_ms: of(|f| f.busy_p99_ms),
        busy_mb: of(|f| f.busy_mb),
    }
}

struct Bench<'a> {
    origin: &'a Origin,
    nobody: Sealer,
    /// Everybody who can log in.
    everybody: Vec<Sealer>,
    numbers: AtomicU64,
}

impl<'a> Bench<'a> {
    fn new(origin: &'a Origin) -> Self {
        let nobody = Sealer::of(origin, None);
        let mut bench = Self {
            origin,
            nobody,
            everybody: Vec::new(),
            numbers: AtomicU64::new(0),
        };
        let mut connection = Connection::open(origin.address);
        for account in 0..ACCOUNTS {
            let request = bench.post("/auth/v1/signup", &credentials(account));
            assert_eq!(connection.exchange(&request).0, 200);
            let session = bench.log_in(&mut connection, account);
            let token = session["access_token"].as_str().expect("a token");
            let sealer = Sealer::of(origin, Some(principal(token)));
            bench.everybody.push(sealer);
        }
        bench
    }

    /// A request of one after the other.
    fn get(&self, path: &str) -> Vec<u8> {
        let number = self.number();
        let whose = usize::try_from(number).map_or(0, |number| number % self.everybody.len());
        self.everybody[whose].get(path, number)
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn post(&self, target: &str, body: &str) -> Vec<u8> {
        self.nobody.post(target, body, self.number())
    }

    fn login(&self, account: u64) -> Vec<u8> {
        self.post("/auth/v1/token?grant_type=password", &credentials(account))
    }

    fn log_in(&self, connection: &mut Connection, account: u64) -> Value {
        let (status, answer) = connection.exchange(&self.login(account));
        assert_eq!(status, 200);
        json_of(answer)
    }

    fn round(&self, process: u32) -> Figures {
        let hashes = hashes();
        let (refreshes, refresh_p99_ms) = self.refresh();
        let row = |path: &'static str| Row {
            name: path,
            server: self.origin.address,
            process,
            status: 200,
            request: Box::new(move |_| self.get(path)),
        };
        let per_second = |path| {
            let times = load::drive_by(&row(path), &AtomicU64::new(0), MEASURED, READERS);
            count(times.len()) / MEASURED.as_secs_f64()
        };
        let floor = per_second("/auth/v1/.well-known/jwks.json");
        let user = per_second("/auth/v1/user");
        let quiet_p99_ms = p99(self.others(|| thread::sleep(MEASURED)));
        let (logins, busy_mb) = self.saturate(process);
        let others = self.others(|| {
            self.saturate(process);
        });
        Figures {
            idle_mb: 0.0,
            hashes,
            logins,
            refreshes,
            refresh_p99_ms,
            floor,
            user,
            quiet_p99_ms,
            busy_p99_ms: p99(others),
            busy_mb,
        }
    }

    /// Refreshes of as many sessions at once, each token got by the one before.
    fn refresh(&self) -> (f64, f64) {
        let mut first = Connection::open(self.origin.address);
        let tokens: Vec<String> = (0..REFRESHES)
            .map(|account| token_of(&self.log_in(&mut first, account as u64)))
            .collect();
        let mut times: Vec<Duration> = thread::scope(|scope| {
            let drivers: Vec<_> = tokens
                .into_iter()
                .map(|token| scope.spawn(|| self.refresh_one(token)))
                .collect();
            drivers
                .into_iter()
                .flat_map(|driver| driver.join().expect("no driver fails"))
                .collect()
        });
        times.sort_unstable();
        let per_second = count(times.len()) / MEASURED.as_secs_f64();
        (per_second, load::quantile_ms(&times, 0.99))
    }

    fn refresh_one(&self, mut token: String) -> Vec<Duration> {
        let until = Instant::now() + MEASURED;
        let mut connection = Connection::open(self.origin.address);
        let mut times = Vec::new();
        while Instant::now() < until {
            let body = json!({ "refresh_token": token }).to_string();
            let request = self.post("/auth/v1/token?grant_type=refresh_token", &body);
            let sent = Instant::now();
            let (status, answer) = connection.exchange(&request);
            times.push(sent.elapsed());
            assert_eq!(status, 200);
            token = token_of(&json_of(answer));
        }
        times
    }

    /// Logs in on every connection; logins per second, and memory in between.
    fn saturate(&self, process: u32) -> (f64, f64) {
        let done = AtomicU64::new(0);
        let began = Instant::now();
        let until = began + MEASURED;
        let rss_mb = thread::scope(|scope| {
            for _ in 0..LOGINS {
                let done = &done;
                scope.spawn(move || {
                    let mut connection = Connection::open(self.origin.address);
                    while Instant::now() < until {
                        let account = self.number() % ACCOUNTS;
                        let (status, _) = connection.exchange(&self.login(account));
                        assert_eq!(status, 200);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            thread::sleep(MEASURED / 2);
            process::rss_mb(process)
        });
        let logins = u32::try_from(done.into_inner()).map_or(f64::MAX, f64::from);
        (logins / began.elapsed().as_secs_f64(), rss_mb)
    }

    /// What one that asks for its account now and then waits for each answer, while `load` runs.
    fn others(&self, load: impl FnOnce()) -> Vec<Duration> {
        let ends = AtomicBool::new(false);
        thread::scope(|scope| {
            let others = scope.spawn(|| {
                let mut connection = Connection::open(self.origin.address);
                let mut times = Vec::new();
                while !ends.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(2));
                    let request = self.get("/auth/v1/user");
                    let sent = Instant::now();
                    assert_eq!(connection.exchange(&request).0, 200);
                    times.push(sent.elapsed());
                }
                times
            });
            load();
            ends.store(true, Ordering::Relaxed);
            others.join().expect("no driver fails")
        })
    }
}

/// Hashes per second of the same parameters on every core, without a server
/// (`origin/examples/hashes.rs`).
fn hashes() -> f64 {
    let seconds = MEASURED.as_secs().to_string();
    let output = Command::new(crate::origin::example("hashes"))
        .arg(seconds)
        .output()
        .expect("cargo build --release -p gapura-origin --examples has run");
    let told = String::from_utf8_lossy(&output.stdout);
    told.trim().parse().expect("a number")
}

fn credentials(account: u64) -> String {
    json!({ "email": format!("bench-{account}@example.test"), "password": PASSWORD }).to_string()
}

fn token_of(session: &Value) -> String {
    let token = session["refresh_token"].as_str();
    token.expect("a refresh token").to_owned()
}

fn json_of(answer: &[u8]) -> Value {
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n");
    serde_json::from_slice(&answer[at.expect("a body") + 4..]).expect("JSON")
}

fn p99(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    load::quantile_ms(&times, 0.99)
}

fn count(requests: usize) -> f64 {
    u32::try_from(requests).map_or(f64::MAX, f64::from)
}
