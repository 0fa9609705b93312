//! `limit`, `offset` and the `Range` header: which of the rows that match.

use super::{
    DialectError,
    error::{BadRange, shortened},
};

/// Some of the rows, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// So many are left out first; at most `i64::MAX`, as all engines can count.
    pub offset: u64,
    /// At most so many; `None` for all, and at most `i64::MAX`.
    pub limit: Option<u64>,
}

const MOST: u64 = i64::MAX.unsigned_abs();

impl Window {
    /// Reads a `Range` header in the unit `items`: `0-24` or `5-`. What is in another unit or no
    /// range is left unheeded (RFC 9110 §14.2).
    ///
    /// # Errors
    /// A range that ends before it begins.
    pub fn from_range(header: &str) -> Result<Option<Self>, DialectError> {
        let text = header.trim();
        let text = text.strip_prefix("items=").unwrap_or(text);
        let Some((first, last)) = text.split_once('-') else {
            return Ok(None);
        };
        let Some(offset) = digits(first) else {
            return Ok(None);
        };
        let limit = match digits(last) {
            Some(last) if last < offset => return Err(DialectError::Range(BadRange::Backwards)),
            Some(last) => Some(last.saturating_sub(offset).saturating_add(1).min(MOST)),
            None if last.is_empty() => None,
            None => return Ok(None),
        };
        Ok(Some(Self { offset, limit }))
    }

    /// The rows that are in both: `Range` holds beside `limit` and `offset`.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        let offset = self.offset.max(other.offset);
        let ends = [self.end(), other.end()].into_iter().flatten().min();
        Self {
            offset,
            limit: ends.map(|end| end.saturating_sub(offset)),
        }
    }

    /// The row behind the last one.
    fn end(self) -> Option<u64> {
        self.limit.map(|limit| self.offset.saturating_add(limit))
    }
}

/// The value of `limit=`.
pub(super) fn limit(text: &str) -> Result<u64, DialectError> {
    count("limit", text, BadRange::NegativeLimit)
}

/// The value of `offset=`.
pub(super) fn offset(text: &str) -> Result<u64, DialectError> {
    count("offset", text, BadRange::NegativeOffset)
}

fn count(part: &'static str, text: &str, negative: BadRange) -> Result<u64, DialectError> {
    if text.strip_prefix('-').and_then(digits).is_some() {
        return Err(DialectError::Range(negative));
    }
    digits(text).ok_or_else(|| DialectError::Syntax {
        part,
        text: shortened(text),
        column: 1,
        unexpected: text.chars().next(),
        expected: "a whole number",
    })
}

/// More than can be counted is as many as can be.
fn digits(text: &str) -> Option<u64> {
    let all = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().map_or(MOST, |number: u64| number.min(MOST)))
}
