//! What the edge and the origin must agree on, and nothing else.
//!
//! Guarantees: pure functions of their arguments. No clock, no randomness, no
//! I/O, no async runtime, no platform: it builds for Wasm and natively.

pub mod address;
pub mod claims;
pub mod device;
pub mod event;
pub mod identity;
pub mod ids;
pub mod keys;
pub mod limits;
pub mod outcome;
pub mod parse;
pub mod problem;
pub mod push;
pub mod seal;
pub mod secret;
pub mod time;
