//! Fields that stay encrypted in the database.
//!
//! A field is held as `ENC[version:iv:ciphertext:tag]`, AES-256-GCM (NIST SP 800-38D):
//!
//! | Version | Key | Associated data | |
//! |---|---|---|---|
//! | 1 | PBKDF2-SHA256 of the KEK, salt tenant, 100,000 rounds | none | read alone: data that exists |
//! | 2 | HKDF-SHA256 of the KEK, info purpose and tenant | version, table, column, row | what is written |
//!
//! Guarantees: what was sealed in version 2 opens for its own tenant, table, column and row alone, and
//! nothing that was changed by a bit opens. Whatever does not open is one error, whatever the reason.
//! Initialisation vectors are random, which is safe for 2³² of them under one key, that is for one
//! tenant until its key is rotated.
//!
//! Limits: version 1 and Laravel's payloads are not bound to their row, as those systems wrote them:
//! who writes to the database can move or bring back such a value until it is rewritten. The length of
//! a field shows in its ciphertext, and equal fields of one column in their blind indexes.
//!
//! Pure: randomness is an argument, keys come from [`gapura_shared::keys::Keys`].

mod blind;
mod envelope;
mod fields;
mod keys;
mod laravel;
mod limit;
#[cfg(test)]
mod tests;
mod version_one;

pub use envelope::IV_BYTES;
pub use fields::{Fields, Tenant};
pub use keys::{BadLaravelKey, LaravelKey};
pub use limit::MAX_FIELD_BYTES;

use std::fmt;

/// Where a field stands. A name or id that changes makes its fields unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The key of the row, as text.
    pub row: &'a str,
}

/// An opened field.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// What was sealed.
    pub text: String,
    /// It is not in version 2 under the current key: to be sealed again, and its blind index made
    /// again.
    pub needs_rewrite: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} bytes)", self.text.len())
    }
}

/// Why there is no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Tampered with, sealed under another key or for another row, or never sealed.
    #[error("an encrypted field cannot be opened")]
    Unopened,
    /// Over [`MAX_FIELD_BYTES`].
    #[error("an encrypted field holds at most {MAX_FIELD_BYTES} bytes")]
    TooLong,
}
