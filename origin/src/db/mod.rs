//! The origin's own tables. All SQL lives here, one file per table; nothing
//! outside sees which engine answers. Statements are written once; `query` fits
//! them to the engine, `connect` the engine to us.
//!
//! Guarantees: bound parameters only; every wait has an end.

mod batch;
mod connect;
pub(crate) mod data;
#[cfg(test)]
mod effects;
mod error;
mod factor;
mod field_key;
mod group;
mod inspect;
mod lockout;
mod mail;
mod one_time;
mod operator;
mod outbox;
mod pool;
mod profile;
mod query;
mod refresh_token;
mod reseal;
mod role;
mod server;
mod session;
mod shared_read;
mod sqlite;
mod tenant;
#[cfg(test)]
pub(crate) mod tests;
mod token_key;
pub(crate) mod url;
mod user;

pub(crate) use connect::{is_too_old, numbers};
pub(crate) use data::search_table;
pub use data::{
    As, Before, Bound, CatalogColumn, DataFault, DataTransaction, Filling, ForeignKey,
    IdempotencyKey, Relation, Spoiler, Statement, TextRow,
};
pub use error::DbError;
pub use factor::{Enrolment, Factor, FactorSecret, NewFactor, SecondProof, StepUp, SteppedUp};
pub use inspect::{Engine, Inspection};
pub use lockout::{Attempt, GoodLogin, Locks, LoginAttempt, Rung};
pub use mail::{DueMail, NewMail, Queued, SignUp, SignUpMails};
pub use one_time::{Effect, NewOneTime, OneTime, Use};
pub use operator::{Import, ImportHow};
pub use outbox::Untold;
pub(crate) use pool::rest;
pub use pool::{Db, ExportTurn};
pub use profile::{Metadata, Profile, ProfileRow};
pub use refresh_token::{Exchange, Rotation};
pub use reseal::Sealed;
pub use session::{Device, End, Ended, NewSession, Proofs, Session};
pub use tenant::Tenant;
pub use token_key::StoredKey;
pub use user::{Changed, User};
