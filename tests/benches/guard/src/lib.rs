//! The Guard at scale, by simulation: its real core (`gapura_edge::guard`: shards, the memory of
//! isolates, the texts between them), and a model of what is around it.
//!
//! The model: clients belong to a location and there to an isolate, which serves nine in ten of their
//! requests; the others go to another isolate of the location, one in fifty to
//! another location. A question takes half the object latency each way, jittered (0.8 of it and an
//! exponential rest), and waits in line before an object, which works on one at a time. Objects
//! leave memory after ten idle seconds; an isolate in twenty starts anew each minute and all clocks of
//! isolates move by up to half a second; half-way everything is deployed anew. A class that is open on
//! error is waited for 50 ms (not by the naive way), what is closed and the Ledger of a token for two seconds.
//!
//! With tokens an isolate's copy of the Ledger is as old as the gate allows (`gapura_edge::revocation::Held`),
//! and one request in 200 ends its session. The attack's requests are wrong logins that name accounts: each
//! asks about the address and the account, is a strike, and the fifth locks and bans. As in the policy as
//! shipped every route counts, so bans need no question of their own.

pub mod price;
pub mod random;
mod request;
pub mod run;
pub mod tally;
pub mod traffic;
mod world;

/// Microseconds, the unit of simulated time.
pub const SECOND_US: u64 = 1_000_000;

/// A count as a number to divide.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
#[must_use]
pub const fn fraction(count: u64) -> f64 {
    count as f64
}

/// Rounded down; zero if negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "that is what it is for"
)]
#[must_use]
pub const fn whole(number: f64) -> u64 {
    number as u64
}
