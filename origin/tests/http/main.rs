//! The real origin over HTTP: its binary, a free port, a database of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test without its fixture should panic"
)]

mod admission;
mod auth;
mod client;
#[path = "../support/engines.rs"]
mod engines;
mod factors;
mod harness;
mod outage;
mod password;
mod push;
mod server;
