//! The Guard's decisions: functions of (state, request, now). One state belongs
//! to one client; the Durable Object around it only reads, calls and writes.
//!
//! Guarantees: a request passes only if every class that its route names admits
//! it; one that is refused by any class is counted in none.

mod state;
mod window;
mod wire;

pub use state::{BadState, State};
pub use window::Window;
pub use wire::{Ask, AskedClass, BadMessage};

use gapura_shared::address::Network;
use std::net::IpAddr;

/// How one class stands after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Admissions left in the current window.
    pub remaining: u32,
    /// Milliseconds until the next admission leaves the window: until one more
    /// is possible when none is left. Zero when the window is empty.
    pub reset_ms: u64,
}

/// The Guard's answer: one standing per asked class, in the order of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the request may pass.
    pub admitted: bool,
    /// How each class stands.
    pub standings: Vec<Standing>,
}

/// The name of the object that counts a client.
#[must_use]
pub fn subject(client: IpAddr) -> String {
    format!("ip:{}", Network::of_client(client))
}
