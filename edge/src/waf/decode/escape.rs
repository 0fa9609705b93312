//! `%uXXXX` (IIS) and backslash escapes (JavaScript, JSON, C).

use super::Unit;
use crate::waf::scan::{at, from, span};

/// Most hexadecimal digits of `\u{...}`.
const MAX_CODE_DIGITS: usize = 6;

/// Exactly `count` hexadecimal digits at `index`.
pub(super) fn hex(text: &[u8], index: usize, count: usize) -> Option<u32> {
    let digits = text.get(index..index.checked_add(count)?)?;
    digits.iter().try_fold(0_u32, |value, digit| {
        Some(value * 16 + char::from(*digit).to_digit(16)?)
    })
}

/// `%u003c`.
pub(super) fn percent_u(text: &[u8], index: usize) -> Option<Unit> {
    if !matches!(at(text, index + 1), b'u' | b'U') {
        return None;
    }
    let code = hex(text, index + 2, 4)?;
    Some((Some(fold(code)?), 6))
}

/// `\x3c`, `\u003c`, `\u{3c}` and octal `\074`. Letters such as `\n` stay: in honest text they
/// are Windows paths more often than line breaks.
pub(super) fn backslash(text: &[u8], index: usize) -> Option<Unit> {
    match at(text, index + 1) {
        b'x' => Some((Some(fold(hex(text, index + 2, 2)?)?), 4)),
        b'u' if at(text, index + 2) == b'{' => braced(text, index),
        b'u' => Some((Some(fold(hex(text, index + 2, 4)?)?), 6)),
        b'0'..=b'1' => octal(text, index),
        _ => None,
    }
}

fn braced(text: &[u8], index: usize) -> Option<Unit> {
    let window = span(text, index + 3, index + 4 + MAX_CODE_DIGITS);
    let digits = window
        .iter()
        .position(|byte| *byte == b'}')
        .filter(|count| *count > 0)?;
    Some((Some(fold(hex(text, index + 3, digits)?)?), digits + 4))
}

fn octal(text: &[u8], index: usize) -> Option<Unit> {
    let digits = from(text, index + 1).get(..3)?;
    let code = digits.iter().try_fold(0_u32, |value, digit| {
        Some(value * 8 + char::from(*digit).to_digit(8)?)
    })?;
    Some((Some(char::from_u32(code)?), 4))
}

/// The character of a code point, full-width forms folded. `None` for surrogates, so that their
/// escapes stay as they are.
pub(super) fn fold(code: u32) -> Option<char> {
    match code {
        0xff01..=0xff5e => char::from_u32(code - 0xfee0),
        0x02bc => Some('\''),
        0x2044 | 0x2215 => Some('/'),
        _ => char::from_u32(code),
    }
}
