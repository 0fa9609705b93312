//! Leases: admissions that a shard counts at once and an isolate spends without a call.
//!
//! A lease stands in the log at its expiry, given + [`LEASE_MS`](super::LEASE_MS) +
//! [`SKEW_MS`](super::SKEW_MS): whatever is spent under it is counted a whole window
//! later still. What an isolate returns is taken out, and what it spent stands from then on at the
//! time of the return, which is later than any spending.
//!
//! Bound: all that is out or was never returned is at most limit/4 of a window and burst/4 of a second.

mod memory;

pub use memory::{MAX_SUBJECTS, Memory, REMEMBER_MS, Recall, Refusal};

/// Leases of one class of one subject that may be out; with more the isolates just ask.
pub(super) const MAX_LEASES: usize = 32;

/// Admissions lent to an isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Unique in the shard for ever.
    pub id: u64,
    /// How much cost it covers.
    pub size: u32,
}

/// How much to lend in one asking after another: nothing to who asks rarely, else 1, 2, 4, …
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pace {
    asked_ms: u64,
    admissions: u32,
    /// Whether the lease that came back last was not used up.
    slack: bool,
}

impl Pace {
    /// Notes a lease that came back.
    pub(super) fn returned(&mut self, size: u32, spent: u32) {
        self.slack = spent < size;
        if spent <= size / 2 {
            self.admissions /= 2;
        }
    }

    /// Notes an asking; how many admissions are wanted ahead.
    pub(super) fn ask(&mut self, now_ms: u64) -> u32 {
        self.admissions = if now_ms.saturating_sub(self.asked_ms) > super::LEASE_MS {
            0
        } else if self.slack {
            self.admissions.max(1)
        } else {
            self.admissions.saturating_mul(2).clamp(1, super::MAX_LIMIT)
        };
        self.slack = false;
        self.asked_ms = now_ms;
        self.admissions
    }
}
