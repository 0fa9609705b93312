//! Passwords: which may be chosen, how they are kept, how they are checked.
//!
//! Guarantees: what is chosen has a good length and is none of the commonest ([`Policy`]); what is
//! kept is Argon2id (RFC 9106) and nothing else; at most `hash_concurrency` hashes are computed at
//! once, each with its memory, at most `hash_queue` more wait, the next is turned away ([`Hasher`]);
//! checking a password costs the same whether or not there is an account.
//!
//! Hashes that other systems made (bcrypt, Werkzeug, Django) are understood for logins and replaced
//! by ours at the first good one. As long as there are such logins, every refusal takes as long as theirs
//! do ([`Verdict::sooner`]).
//!
//! Unicode: every code point counts as one character, and passwords are hashed in the normalisation
//! form NFKC (NIST SP 800-63B-4 §3.1.1.2), so that one password typed on two
//! keyboards is one password. Hashes of other systems were made of the bytes as sent; those match
//! as well.

pub mod common;
mod hasher;
mod memory;
mod policy;
mod stored;
mod workers;

pub use hasher::{BadParameters, HashError, Hasher, Turn, Verdict};
pub use policy::{Policy, Weakness};
pub use stored::Unusable;

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// Longest password, in bytes as sent: the most characters that can be allowed, in UTF-8.
pub const MAX_BYTES: usize = 1024;

/// The form in which a password is hashed.
fn normalise(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        Cow::Borrowed(password)
    } else {
        Cow::Owned(password.nfkc().collect())
    }
}
