//! What a login takes, one at a time, by what becomes of it: to whoever does not know the password, an address
//! without an account, a wrong password and a lock must take the same.

use crate::{connection::Connection, load, origin::Sealer};
use gapura_tests::Origin;
use serde_json::json;
use std::time::{Duration, Instant};

const PASSWORD: &str = "correct horse battery staple";
/// Guesses at one address before another one is tried: one more would lock it.
const GUESSES: usize = 4;
/// Logins of each kind.
const TURNS: usize = 40 * GUESSES;
/// Failures that lock, by `auth::lockout::LADDER`.
const LOCKING: usize = 5;

/// Names of the columns.
pub(crate) const KINDS: [&str; 6] = [
    "right",
    "wrong",
    "unknown",
    "locked",
    "locked, unknown",
    "disabled",
];

/// Median and 99th percentile in milliseconds of each of [`KINDS`].
pub(crate) fn measure(origin: &Origin) -> Vec<(f64, f64)> {
    let mut logins = Logins {
        sealer: Sealer::of(origin, None),
        connection: Connection::open(origin.address),
        // Beside those of the other figures.
        number: 1 << 40,
    };
    logins.prepare();
    origin.run(
        &["users", "disable", "--email", &address("disabled", 0)],
        "",
    );
    let mut times = vec![Vec::with_capacity(TURNS); KINDS.len()];
    for turn in 0..TURNS {
        // What one kind leaves behind falls on another one each time.
        for at in 0..KINDS.len() {
            let kind = (at + turn) % KINDS.len();
            times[kind].push(logins.one(kind, turn));
        }
    }
    let quantiles = |mut times: Vec<Duration>| {
        times.sort_unstable();
        (
            load::quantile_ms(&times, 0.5),
            load::quantile_ms(&times, 0.99),
        )
    };
    times.into_iter().map(quantiles).collect()
}

struct Logins {
    sealer: Sealer,
    connection: Connection,
    number: u64,
}

impl Logins {
    /// The accounts and locks that there are to be.
    fn prepare(&mut self) {
        let wrong = (0..TURNS / GUESSES).map(|at| address("wrong", at));
        let others = ["right", "locked", "disabled"].map(|name| address(name, 0));
        for email in wrong.chain(others) {
            assert_eq!(self.post("/auth/v1/signup", &email, PASSWORD).0, 200);
        }
        for name in ["locked", "locked, unknown"] {
            for _ in 0..LOCKING {
                self.log_in(&address(name, 0), "another horse", 400);
            }
        }
    }

    fn one(&mut self, kind: usize, turn: usize) -> Duration {
        let name = KINDS[kind];
        let (at, password, status) = match name {
            "right" => (0, PASSWORD, 200),
            "wrong" | "unknown" => (turn / GUESSES, "another horse", 400),
            _ => (0, PASSWORD, 400),
        };
        self.log_in(&address(name, at), password, status)
    }

    fn log_in(&mut self, email: &str, password: &str, expected: u16) -> Duration {
        let (status, took) = self.post("/auth/v1/token?grant_type=password", email, password);
        assert_eq!(status, expected, "{email}");
        took
    }

    fn post(&mut self, target: &str, email: &str, password: &str) -> (u16, Duration) {
        self.number += 1;
        let body = json!({ "email": email, "password": password }).to_string();
        let request = self.sealer.post(target, &body, self.number);
        let sent = Instant::now();
        let (status, _) = self.connection.exchange(&request);
        (status, sent.elapsed())
    }
}

/// As long as each other.
fn address(name: &str, at: usize) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    format!("{name:x<15}-{at:03}@example.test")
}
