//! The token stage: whom a request is from.
//!
//! Guarantees: a [`Verified`] comes from [`verify`] alone, after the signature
//! was checked by the one algorithm that its key is bound to (RFC 8725 §3.1)
//! and every claim against the policy at a given `now`. Keys are never taken
//! from the token itself.
//!
//! Relies on jwt-compact for the signatures. Leaves to others: fetching keys
//! (the platform layer asks [`jwks::Source`] when to), revocation, and what the
//! role may do.

pub mod cache;
pub mod candidate;
pub mod challenge;
mod claims;
pub mod csrf;
mod error;
mod header;
pub mod jwks;
mod key;
mod keys;
mod members;
mod settings;
#[cfg(test)]
mod tests;
mod verify;

pub use error::TokenError;
pub use key::KeyFault;
pub use keys::{BadKeySet, KeyOrigin, KeySet, MAX_KEY_SET_BYTES, MAX_KEYS};
pub use settings::{ClaimNames, MAX_LEEWAY_S, Settings};
pub use verify::{DEFAULT_ROLE, Verified, verify};
