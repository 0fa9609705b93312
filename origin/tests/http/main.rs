//! The real origin over HTTP: its binary, a free port, a database of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test without its fixture should panic"
)]

mod accounts;
mod admission;
mod auth;
mod bad_input;
mod bounds;
mod ceiling;
mod client;
mod command;
mod data;
#[path = "../support/engines.rs"]
mod engines;
mod factors;
mod harness;
mod invite;
mod kill;
mod link;
mod mail;
mod mailbox;
mod one_time;
mod operators;
mod outage;
mod outbox;
mod parallel;
mod password;
#[path = "../support/past.rs"]
mod past;
mod person;
mod push;
mod rights;
mod round_trips;
mod server;
mod session;
mod simple;
mod stranger;
