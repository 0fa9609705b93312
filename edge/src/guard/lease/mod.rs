//! Leases: admissions that a shard counts at once and an isolate spends without a call.
//!
//! A lease stands in the log at its expiry, given + [`LEASE_MS`](super::LEASE_MS) +
//! [`SKEW_MS`](super::SKEW_MS): whatever is spent under it is counted a whole window
//! later still. What an isolate returns is taken out, and what it spent stands from then on at the
//! time of the return, which is later than any spending.
//!
//! *Size*: who returns a lease that is used up gets twice as much, else what was spent of it: it should
//! last about as long as it lives. The first lease is for an isolate that asked several times within [`LEASE_MS`](super::LEASE_MS)
//! (it tells how much as the return of lease 0), in one question at a time: what an isolate gets that sees a
//! client now and then, or what comes to it ten times over, would be lost to all others for a window.
//! A busy isolate asks for the next lease in passing, before the last one is used up or over: else all
//! requests of one round trip would ask one by one. Such a question counts nothing.
//!
//! Bound: all that is out or was never returned is at most limit/4 of a window and burst/4 of a second.

mod memory;

pub use memory::{Denied, MAX_SUBJECTS, Memory, REMEMBER_MS, Recall, Refusal, Repetition};

/// Leases of one class of one subject that may be out; with more the isolates just ask.
pub(super) const MAX_LEASES: usize = 256;

/// The id under which an isolate returns what it asked for one by one. No lease has it.
pub(super) const NO_LEASE: u64 = 0;

/// Admissions lent to an isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Unique in the shard for ever.
    pub id: u64,
    /// How much cost it covers.
    pub size: u32,
}
