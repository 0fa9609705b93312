//! Declared tables under `/rest/v1`.

pub mod dialect;
pub mod field;
