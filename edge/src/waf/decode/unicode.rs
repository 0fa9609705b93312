//! Characters that parsers fold into ASCII or skip: overlong UTF-8, full-width forms, look-alike
//! angle brackets, invisible ones.

use super::{Unit, escape};
use crate::waf::scan::{at, span};

/// The character at `index` when it reads as something else.
pub(super) fn fold(text: &[u8], index: usize) -> Option<Unit> {
    overlong(text, index).or_else(|| confusable(text, index))
}

/// An ASCII character in two or three bytes (RFC 3629 §3 forbids it; old decoders read it).
fn overlong(text: &[u8], index: usize) -> Option<Unit> {
    let continued = |offset: usize| {
        let byte = at(text, index + offset);
        (byte & 0xc0 == 0x80).then_some(u32::from(byte & 0x3f))
    };
    let lead = at(text, index);
    let (code, length) = match lead {
        0xc0 | 0xc1 => ((u32::from(lead & 0x1f) << 6) | continued(1)?, 2),
        0xe0 if at(text, index + 1) < 0xa0 => ((continued(1)? << 6) | continued(2)?, 3),
        _ => return None,
    };
    Some((Some(char::from_u32(code).filter(char::is_ascii)?), length))
}

fn confusable(text: &[u8], index: usize) -> Option<Unit> {
    let length = match at(text, index) {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => return None,
    };
    let character = std::str::from_utf8(span(text, index, index + length))
        .ok()?
        .chars()
        .next()?;
    let folded = match character {
        // Soft hyphen, zero-width characters and the byte order mark are skipped by many parsers.
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => None,
        '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{3000}' => Some(' '),
        '\u{fe64}' => Some('<'),
        '\u{fe65}' => Some('>'),
        '\u{ff01}'..='\u{ff5e}' | '\u{2bc}' | '\u{2044}' | '\u{2215}' => {
            escape::fold(u32::from(character))
        }
        _ => return None,
    };
    Some((folded, length))
}
