//! The Guard's decisions: functions of (state, question, now), in milliseconds.
//!
//! A *shard* holds many *subjects*; a subject has one home, so that its limits are
//! exact. A subject is counted in *classes*, each with a window; an isolate may hold
//! a *lease* on admissions that were counted when they were lent.
//!
//! Guarantees, by the shard's clock, which never runs backwards:
//! - No window of a class's length holds more admissions than its limit, and no second
//!   more than its burst, whatever isolates, leases, returns, refunds, evictions and
//!   memory pressure do, as long as the clocks of shard and isolate slip against each other by
//!   no more than [`SKEW_MS`] while a lease lives. By true time a shard clock that
//!   jumps ahead by `d` shortens the windows around the jump by `d`. One that steps back shortens none, and
//!   stops none for longer than [`SKEW_MS`]: time goes on from where it was. An isolate whose
//!   clock steps back by more than that forgets its leases and stops.
//! - A strict class refuses nobody below its limit, and its admissions are stored before they are answered. The
//!   shard is exact to the millisecond of its clock, and counts what is to be taken back until it hears of it. An isolate goes on
//!   refusing out of memory until the window has room by its own clock: too long by what that slipped back, at most
//!   [`SKEW_MS`], and by up to [`lease::REMEMBER_MS`] where an admission was taken back meanwhile.
//! - Another class refuses too early only when the admissions of the last
//!   window + window/256 + [`LEASE_MS`] + [`SKEW_MS`], and what is out on lease or was not returned
//!   (at most limit/4), and, within a window after the shard lost memory, limit/4, reach the limit. The same holds of
//!   a burst, with a second and 10 ms in place of the window. What was taken back may count until it would have left.
//! - A request that is refused by any class is counted in none.

pub mod jail;
pub mod lease;
pub mod lock;
pub mod shard;
pub mod stored;
pub mod subject;
pub mod window;
pub mod wire;

mod counter;
mod family;
mod record;
mod text;

pub use jail::{Ban, Jail};
pub use lease::{Memory, Recall, Refusal, Repetition};
pub use lock::Lock;
pub use shard::{Change, Part, Rows, Shard, Step, Unanswered, Unread, next_sweep};
pub use subject::{Kind, Subject};
pub use wire::{
    Answer, Ask, AskedClass, BadMessage, Banned, Message, Order, Return, Standing, Verdict,
};

/// How long an isolate may spend a lease, by its own clock, from when it sent the question.
pub const LEASE_MS: u64 = 5_000;
/// How far the clocks of an isolate and of the shard may slip against each other while
/// a lease lives.
pub const SKEW_MS: u64 = 2_000;
/// Highest limit of a strict class.
pub const MAX_STRICT_LIMIT: u32 = 1_000;
/// Highest limit of any class.
pub const MAX_LIMIT: u32 = 1_000_000;
/// Longest window: 31 days.
pub const MAX_WINDOW_S: u32 = 31 * 86_400;
/// Classes that one question may name.
pub const MAX_CLASSES: usize = 16;

#[cfg(test)]
mod tests;
