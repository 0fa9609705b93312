//! Percent-encoding (RFC 3986 §2.1), `%uXXXX` (IIS), and what lenient decoders made of bad digits.

use super::escape::{fold, hex};
use super::{Spelled, Step, Unit};
use crate::waf::scan::{at, from, stands};

/// The escape that starts at `index`, where a percent sign stands.
pub(super) fn decode(text: &[u8], index: usize) -> Option<Unit> {
    if let Some(byte) = byte(text, index) {
        let (byte, length) = nested(text, index).unwrap_or((byte, 3));
        return Some((Spelled::Byte(byte), length, Step::Percent));
    }
    if matches!(at(text, index + 1), b'u' | b'U')
        && let Some(code) = hex(text, index + 2, 4)
    {
        return Some((fold(code)?, 6, Step::PercentU));
    }
    lenient(text, index).or_else(|| dropped(text, index))
}

/// `%S%E%L%E%C%T`: ASP drops a percent sign that no digits follow. One in front of every letter of
/// a run was put there.
fn dropped(text: &[u8], index: usize) -> Option<Unit> {
    let is_pair =
        |start: usize| at(text, start) == b'%' && at(text, start + 1).is_ascii_alphabetic();
    let follows = is_pair(index + 2) || index.checked_sub(2).is_some_and(is_pair);
    (is_pair(index) && follows).then_some((Spelled::Nothing, 1, Step::Percent))
}

/// `%41`.
pub(super) fn byte(text: &[u8], index: usize) -> Option<u8> {
    u8::try_from(hex(text, index + 1, 2)?).ok()
}

/// `%25252e`: a percent sign that was encoded over and over counts as one round, and so does one
/// that spells itself: `%2525{`.
fn nested(text: &[u8], index: usize) -> Option<(u8, usize)> {
    let mut end = index + 1;
    while stands(text, end, b"25") {
        end += 2;
    }
    if end == index + 1 {
        return None;
    }
    let Some(code) = hex(text, end, 2) else {
        return Some((b'%', end - index));
    };
    Some((u8::try_from(code).ok()?, end + 2 - index))
}

/// `%9v` after `%c0` reads as `%af`: old decoders took any letter for a digit, and the escape
/// that completes an overlong slash was written so to pass filters.
fn lenient(text: &[u8], index: usize) -> Option<Unit> {
    let lead = index.checked_sub(3)?;
    if !matches!(byte(text, lead), Some(0xc0 | 0xc1)) {
        return None;
    }
    let &[high, low] = from(text, index + 1).get(..2)? else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(36);
    let value = digit(high)? * 16 + digit(low)?;
    let byte = u8::try_from(value & 0xff).ok()?;
    Some((Spelled::Byte(byte), 3, Step::Percent))
}
