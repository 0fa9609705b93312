//! The origin's own tables. All SQL lives here, one file per table; nothing
//! outside sees which engine answers.
//!
//! Guarantees: bound parameters only; every wait has an end.

mod error;
mod pool;
mod refresh_token;
mod session;
#[cfg(test)]
mod tests;
mod user;

pub use error::DbError;
pub use pool::Db;
pub use refresh_token::{Exchange, Rotation};
pub use session::NewSession;
pub use user::User;
