//! The Ledger: what the whole site must know about bearers and clients within
//! seconds. One object holds it; every isolate has a copy.
//!
//! Guarantees: a revocation or ban that was answered is stored; copies that asked
//! after it have it; entries leave by themselves when they no longer matter; at most
//! [`MAX_ENTRIES`] of them. Relies on the shell to write rows before it answers, and
//! to ask again when a copy is too old. Knows no clock, storage or policy.

mod entry;
mod import;
mod key;
pub mod list;
pub mod message;
mod networks;
mod replica;
mod rows;
mod search;
mod state;
#[cfg(test)]
mod tests;
mod wire;

pub use entry::{BadRow, Entry, Note};
pub use import::{PART_CHANGES, Part, parts};
pub(crate) use key::checked;
pub use key::{BadKey, Key, Target};
pub use replica::{Bearer, Client, Replica};
pub use rows::Needs;
pub use search::{Ban, Page, Search, merge};
pub use state::{Applied, Batch, Change, Ledger, LedgerError, Write};
pub use wire::{BadUpdate, Update, Values};

/// Most entries of all kinds: about 20 MB in the object, 10 MB in each isolate.
pub const MAX_ENTRIES: usize = 100_000;

/// How many there may be after a list was imported: the rest is for revocations, which an
/// operator's lists must not keep out.
pub const MAX_WITH_LISTS: usize = 80_000;

/// The list of what is imported without the name of one. It is never replaced, only added to.
pub const ADDED_LIST: &str = "import";

/// Longest id, reason, actor or name of a list, in bytes.
pub const MAX_TEXT_BYTES: usize = 256;

/// How much longer a revocation is kept than its token is good for: the greatest
/// leeway of a token check (120 s) and the skew of the clocks (30 s).
pub const GRACE_S: u64 = 150;
