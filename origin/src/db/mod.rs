//! The origin's own tables. All SQL lives here, one file per table; nothing
//! outside sees which engine answers.
//!
//! Guarantees: bound parameters only; every wait has an end.

mod error;
mod lockout;
mod pool;
mod refresh_token;
mod session;
#[cfg(test)]
mod tests;
mod user;

pub use error::DbError;
pub use lockout::{Attempt, Locks, LoginAttempt, Rung};
pub use pool::Db;
pub use refresh_token::{Exchange, Rotation};
pub use session::{End, NewSession};
pub use user::User;
