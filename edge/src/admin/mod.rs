//! The operator's API below [`PREFIX`]: from a request to an operation, and from what
//! came of it to an answer and a security event.
//!
//! Guarantees: nothing is read of a request before [`permit`] has let it in; every
//! change has an actor and makes an event; without `[admin]` in the policy nothing but
//! the origin's push exists. Leaves to the shell: the token, the seal, reading the body
//! (at most [`Endpoint::body_bytes`]), and carrying operations out.

mod access;
mod answer;
mod body;
mod endpoint;
mod error;
mod operation;
mod record;
#[cfg(test)]
mod tests;

pub use access::{Actor, Caller, permit};
pub use answer::{Outcome, Reply, SubjectState, reply};
pub use endpoint::{Endpoint, PREFIX, find};
pub use error::AdminError;
pub use operation::{Context, Operation, operation, revoked};
pub use record::event;
