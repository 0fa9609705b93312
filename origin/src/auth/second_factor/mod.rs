//! The second factor: what a person has besides the password.
//!
//! The pure core of the factor endpoints, which keep its state: what a code answers
//! ([`challenge`]), codes by time ([`totp`]), the picture that brings a secret into an authenticator ([`qr`]), and the codes for the day when
//! the authenticator is lost ([`recovery`]).
//!
//! Guarantees: no clock, no randomness, no database here; codes are compared in constant time. Leaves to its callers: a
//! bound on attempts (six digits are guessed in a million), keeping the last used step and taking
//! away used codes in the transaction that accepts them.

pub mod challenge;
pub mod qr;
pub mod recovery;
pub mod totp;
