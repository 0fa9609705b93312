//! The request language of `/rest/v1`: that of `PostgREST` 12, as far as three engines can serve it.
//!
//! Guarantees: pure and total, every input ends in a value or a [`DialectError`], and every size is
//! bounded by [`limit`]. What it yields is plain data that knows nothing of tables: names are any
//! text of at most 63 bytes without NUL, values any text. Leaves to others whether they exist,
//! whether they may be seen, and how they get into SQL.

mod error;
mod filter;
pub mod limit;
mod media;
mod order;
mod prefer;
mod query;
mod scan;
mod select;
#[cfg(test)]
mod tests;
mod value;
mod window;

pub(crate) use error::check_profile;
pub use error::{BadRange, DialectError};
pub use filter::{Comparison, Condition, Filter, Is, Search, Test};
pub use media::{Accept, ContentType};
pub use order::{Nulls, Order};
pub use prefer::{Count, Handling, Missing, Prefer, Resolution, Returning, Tx};
pub use query::{Query, Read};
pub use scan::{Field, Step};
pub use select::{Embed, Item, Join};
pub use window::Window;
