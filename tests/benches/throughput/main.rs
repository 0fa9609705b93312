//! `./scripts/bench`: what a request costs at each half, as Markdown tables.
//!
//! Both halves run as in production builds, on this machine, with a load
//! generator beside them: rates depend on how the cores are shared, CPU time
//! per request of the measured process much less.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench that cannot run ends with a message; it prints its result"
)]

mod auth;
mod connection;
mod data;
mod edge;
#[path = "../../../origin/tests/support/engines.rs"]
#[expect(unused_macros, unused_imports, reason = "a bench has no tests")]
mod engines;
mod load;
mod origin;
mod process;
mod table;
mod uniform;

use engines::Engine;
use gapura_tests::{Edge, EdgeConfig, Origin, Request, Stack};
use serde_json::json;

/// What the gate's rows need beside the policy: routes that it answers by itself
/// after the first stages, and windows that the load does not fill.
const OVERLAY: &str = r#"
[classes.general]
limit = 1000
on_error = "closed"

[[route]]
name = "bench-token"
methods = ["GET"]
path = "/bench/token"
token = "required"
classes = []
waf = "off"
answer = { status = 200, content_type = "text/plain", body = "token\n" }

[[route]]
name = "bench-guard"
methods = ["GET"]
path = "/bench/guard"
token = "required"
classes = ["general"]
waf = "off"
answer = { status = 200, content_type = "text/plain", body = "token and Guard\n" }

[[route]]
name = "bench-waf"
methods = ["GET"]
path = "/bench/waf"
token = "required"
classes = ["general"]
answer = { status = 200, content_type = "text/plain", body = "token, Guard and WAF\n" }

[classes.lease]
limit = 1000000
window_s = 60
on_error = "open"

# Else a flood beyond the limit is one of a banned client after ten requests.
[jails.limit]
kinds = []

[classes.few]
limit = 1
window_s = 3600
on_error = "open"

[[route]]
name = "bench-lease"
methods = ["GET"]
path = "/bench/lease"
token = "none"
classes = ["lease"]
waf = "off"
answer = { status = 200, content_type = "text/plain", body = "leased\n" }

[[route]]
name = "bench-few"
methods = ["GET"]
path = "/bench/few"
token = "none"
classes = ["few"]
waf = "off"
answer = { status = 200, content_type = "text/plain", body = "one an hour\n" }
"#;

fn main() {
    // `cargo bench` adds a `--bench` of its own.
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let wants = |name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!("On {}.\n", process::machine());
    if arguments.iter().any(|argument| argument == "auth") {
        return auth::run();
    }
    if arguments.iter().any(|argument| argument == "data") {
        return data::run();
    }
    let stack = start();
    let token = log_in(&stack);
    if wants("edge") {
        edge::run(&stack, &token);
    }
    if wants("origin") {
        origin::run(&stack.origin, &token);
    }
}

/// Room for two minutes of 60,000 requests a second.
const NONCES: (&str, &str) = ("\nmax_nonces = 1048576", "\nmax_nonces = 8388608");

/// An origin on each engine, one after the other.
fn origins() -> impl Iterator<Item = (&'static str, Origin)> {
    let engines = [
        ("SQLite", Engine::Sqlite),
        ("PostgreSQL", Engine::Postgres),
        ("MariaDB", Engine::MySql),
    ];
    engines.into_iter().map(|(name, engine)| {
        let origin = match engine {
            Engine::Sqlite => Origin::configured("", &[NONCES]),
            _ => Origin::configured(&engine.home().url, &[NONCES]),
        };
        (name, origin)
    })
}

fn start() -> Stack {
    let origin = Origin::configured("", &[NONCES]);
    Stack {
        edge: start_edge(&origin),
        origin,
    }
}

fn start_edge(origin: &Origin) -> Edge {
    Edge::start(&EdgeConfig {
        overlay: format!("version = 1\n{OVERLAY}"),
        ..EdgeConfig::for_origin(origin)
    })
}

/// Signs somebody up through the gate and logs in.
fn log_in(stack: &Stack) -> String {
    let credentials =
        json!({"email": "bench@example.test", "password": "correct horse battery staple"});
    let post = |target| {
        let request = Request::new("POST", target)
            .json(&credentials)
            .from("192.0.2.1");
        let answer = stack.edge.send(&request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    post("/auth/v1/signup");
    let session = post("/auth/v1/token?grant_type=password");
    session["access_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}
