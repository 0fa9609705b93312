//! The puzzle: a sealed text, and a number that makes a digest of its tag begin
//! with zeros.
//!
//! Guarantees: a solution holds for one puzzle that this gate made, for the network
//! it was made for, within [`LIFETIME_MS`]. Nobody can work ahead: the tag is not
//! known before.

use crate::facts::Facts;
use gapura_shared::{
    address::Network,
    ids::hex,
    seal::DerivedKeys,
    time::{UnixMillis, UnixSeconds},
};
use sha2::{Digest, Sha256};
use std::fmt;

/// How long a puzzle can be solved.
pub(super) const LIFETIME_MS: u64 = 120_000;
/// Hex digits of a tag.
const TAG_DIGITS: usize = 64;

/// A puzzle as it travels: `bits.issued.salt.tag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Puzzle {
    bits: u8,
    issued: UnixMillis,
    /// Makes it unlike any other of the same client in the same millisecond.
    salt: String,
    tag: [u8; 32],
}

/// Proof that a puzzle was solved, in time, by the network that it was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Solved {
    /// When the puzzle was made.
    pub(super) issued: UnixSeconds,
    /// Until when it can be solved.
    pub(super) expires: UnixMillis,
    /// Tells it from all other puzzles.
    pub(super) tag: [u8; 32],
}

/// Why a solution does not hold; for the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsolved {
    /// Not a puzzle and a number.
    Form,
    /// A puzzle that the gate did not make, or for another network.
    Forged,
    /// Too late.
    Expired,
    /// The digest does not begin with enough zeros.
    Wrong,
    /// It was taken already.
    Spent,
}

impl Unsolved {
    /// A stable label for logs.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Wrong => "wrong",
            Self::Spent => "spent",
        }
    }
}

impl Puzzle {
    /// A new puzzle for this client; its salt is the request's id.
    pub(super) fn new(facts: &Facts, bits: u8, now: UnixMillis, keys: &DerivedKeys) -> Self {
        let salt = facts.request_id.to_string();
        let tag = keys.tag(&sealed(bits, now, &salt, facts));
        Self {
            bits,
            issued: now,
            salt,
            tag,
        }
    }

    /// Reads what [`fmt::Display`] writes. Nothing is checked yet.
    pub(super) fn parse(text: &str) -> Result<Self, Unsolved> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(Unsolved::Form);
        let puzzle = Self {
            bits: number(part()?)?,
            issued: UnixMillis(number(part()?)?),
            salt: part()?.to_owned(),
            tag: parse_tag(part()?).ok_or(Unsolved::Form)?,
        };
        parts
            .next()
            .is_none()
            .then_some(puzzle)
            .ok_or(Unsolved::Form)
    }

    /// Checks a solution: a decimal number.
    pub(super) fn solved_by(
        self,
        number_text: &str,
        facts: &Facts,
        keys: &DerivedKeys,
        now: UnixMillis,
    ) -> Result<Solved, Unsolved> {
        let message = sealed(self.bits, self.issued, &self.salt, facts);
        if !keys.verifies(&message, &self.tag) {
            return Err(Unsolved::Forged);
        }
        let expires = UnixMillis(self.issued.0.saturating_add(LIFETIME_MS));
        if now >= expires {
            return Err(Unsolved::Expired);
        }
        if !is_solution(&self.tag, number(number_text)?, self.bits) {
            return Err(Unsolved::Wrong);
        }
        Ok(Solved {
            issued: self.issued.seconds(),
            expires,
            tag: self.tag,
        })
    }
}

impl fmt::Display for Puzzle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bits, issued, salt, ..
        } = self;
        write!(f, "{bits}.{}.{salt}.{}", issued.0, hex(&self.tag))
    }
}

/// What is sealed. Its first word keeps it apart from a clearance.
fn sealed(bits: u8, issued: UnixMillis, salt: &str, facts: &Facts) -> String {
    let network = Network::of_client(facts.client);
    format!("puzzle\n{bits}\n{}\n{salt}\n{network}", issued.0)
}

/// Whether SHA-256 of tag and number (32 bits, big-endian) begins with so many zero bits.
pub(super) fn is_solution(tag: &[u8; 32], number: u32, bits: u8) -> bool {
    let mut digest = Sha256::new();
    digest.update(tag);
    digest.update(number.to_be_bytes());
    let [a, b, c, d, ..]: [u8; 32] = digest.finalize().into();
    u32::from_be_bytes([a, b, c, d]).leading_zeros() >= u32::from(bits)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Unsolved> {
    text.parse().map_err(|_| Unsolved::Form)
}

/// A tag in the hex digits that [`hex`] writes.
pub(super) fn parse_tag(text: &str) -> Option<[u8; 32]> {
    let mut digits = text.bytes().map(|byte| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    });
    let mut tag = [0; 32];
    for byte in &mut tag {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    (text.len() == TAG_DIGITS).then_some(tag)
}
