//! Identifiers that cross the wire.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one request in headers, problem documents and logs of both halves:
/// 32 lower-case hex digits. The gate draws it; a client cannot choose it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

/// A text that is not 32 lower-case hex digits, or is all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a request id has 32 lower-case hex digits, not all zero")]
pub struct BadRequestId;

impl RequestId {
    /// Makes an id from 16 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(hex(&bytes))
    }

    /// Takes an id that came from outside.
    ///
    /// # Errors
    /// [`BadRequestId`] unless it has the one accepted form.
    pub fn parse(text: &str) -> Result<Self, BadRequestId> {
        let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let well_formed = text.len() == 32 && text.bytes().all(digits);
        if well_formed && text.bytes().any(|b| b != b'0') {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadRequestId)
        }
    }

    /// The 32 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RequestId {
    type Error = BadRequestId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

/// Lower-case hex of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble & 15), 16).unwrap_or('0');
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(*byte));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{BadRequestId, RequestId, hex};

    #[test]
    fn refuses_other_forms() {
        for bad in ["", "0", &"0".repeat(32), &"A".repeat(32), &"a".repeat(33)] {
            assert_eq!(RequestId::parse(bad), Err(BadRequestId), "{bad}");
        }
    }

    #[test]
    fn writes_bytes_as_lower_case_hex() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }
}
