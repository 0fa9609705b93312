//! UTF-8 as lenient decoders read it: overlong forms, and stray bytes that are white space.

use super::{Spelled, Step, Unit, confusable};
use crate::waf::scan::{at, before, span};

/// The character at `index`, whose byte is no ASCII, when it reads as something else.
pub(super) fn decode(text: &[u8], index: usize) -> Option<Unit> {
    let lead = at(text, index);
    if is_plain(lead) {
        return None;
    }
    let length = match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    };
    let character = std::str::from_utf8(span(text, index, index + length))
        .ok()
        .and_then(|character| character.chars().next());
    if let Some(character) = character {
        let (spelled, step) = confusable::fold(character)?;
        return Some((spelled, length, step));
    }
    overlong(text, index).or_else(|| stray(text, index))
}

/// Whether no character that starts with this byte reads as another: most of Latin, Greek and
/// Cyrillic, and what Asia writes. Nor does the byte mean anything without its character.
const fn is_plain(lead: u8) -> bool {
    matches!(
        lead,
        0xc3 | 0xc6..=0xc9 | 0xcc | 0xce..=0xd7 | 0xd9..=0xdf | 0xe4..=0xec
    )
}

/// An ASCII character in two to six bytes (RFC 3629 §3 forbids it; old decoders read it). The
/// shortest form is read even if its second byte is none that continues, as IIS did.
fn overlong(text: &[u8], index: usize) -> Option<Unit> {
    let lead = at(text, index);
    let (high, length) = match lead {
        0xc0 | 0xc1 => (lead & 0x1f, 2),
        0xe0 => (0, 3),
        0xf0 => (0, 4),
        0xf8 => (0, 5),
        0xfc => (0, 6),
        _ => return None,
    };
    let is_continued = (1..length).all(|offset| at(text, index + offset) & 0xc0 == 0x80);
    let is_lenient = length == 2 && matches!(at(text, index + 1), 1..0x80);
    if !is_continued && !is_lenient {
        return None;
    }
    let mut code = u32::from(high);
    for offset in 1..length {
        code = (code << 6) | u32::from(at(text, index + offset) & 0x3f);
    }
    let character = char::from_u32(code).filter(char::is_ascii)?;
    Some((Spelled::Char(character), length, Step::Overlong))
}

/// A byte that is white space in single-byte character sets, in none of UTF-8's sequences.
fn stray(text: &[u8], index: usize) -> Option<Unit> {
    let is_stray = matches!(at(text, index), 0x85 | 0xa0) && before(text, index) < 0x80;
    // GBK reads it and the backslash that an application puts before the quote as one character.
    if at(text, index) == 0xbf
        && before(text, index) < 0x80
        && matches!(at(text, index + 1), b'\'' | b'"' | b'\\')
    {
        return Some((Spelled::Nothing, 1, Step::Confusable));
    }
    is_stray.then_some((Spelled::Char(' '), 1, Step::Confusable))
}
