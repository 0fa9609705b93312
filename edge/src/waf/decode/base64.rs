//! Base64 (RFC 4648 §4 and §5) of text, both alphabets at once, padded or not.

use crate::waf::scan::{at, from, span};

use super::Step;

/// Characters decoded to find out cheaply whether the rest is worth it.
const SAMPLE: usize = 24;
/// Those of them that are decoded first.
const HEAD: usize = 8;

/// The value of each character, [`NONE`] for those of neither alphabet.
static SEXTETS: [u8; 256] = sextets();
const NONE: u8 = 0xff;

const fn sextets() -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        let character = match value {
            0..=25 => b'A' + value,
            26..=51 => b'a' + value - 26,
            52..=61 => b'0' + value - 52,
            62 => b'+',
            _ => b'/',
        };
        set(&mut table, character, value);
        value += 1;
    }
    set(&mut table, b'-', 62);
    set(&mut table, b'_', 63);
    table
}

#[expect(
    clippy::indexing_slicing,
    reason = "a byte is in range, and `get_mut` is not const"
)]
const fn set(table: &mut [u8; 256], character: u8, value: u8) {
    table[character as usize] = value;
}

/// The six bits that a character of either alphabet stands for.
pub(super) fn sextet(byte: u8) -> Option<u8> {
    SEXTETS
        .get(usize::from(byte))
        .copied()
        .filter(|value| *value != NONE)
}

/// Whether the byte is in the alphabet of RFC 4648 §4.
pub(super) const fn is_standard(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Bytes of a sample.
const SAMPLE_BYTES: usize = SAMPLE / 4 * 3;

/// What the decoded bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Utf16,
}

/// The text that the characters spell, if they spell text of this kind. A space is a plus sign of a
/// form read once too often; line breaks are skipped.
pub(super) fn text(encoded: &[u8], kind: Kind) -> Option<(Vec<u8>, Step)> {
    let mut decoded = Vec::with_capacity(encoded.len() / 4 * 3 + 3);
    decode(encoded, |byte| decoded.push(byte));
    let step = match kind {
        Kind::Text => Step::Base64,
        Kind::Utf16 => {
            decoded.retain(|byte| *byte != 0);
            Step::Utf16
        }
    };
    is_text(&decoded, true).then_some((decoded, step))
}

/// Whether the first byte that the characters spell may start a text.
fn may_start(encoded: &[u8]) -> bool {
    let (Some(first), Some(second)) = (sextet(at(encoded, 0)), sextet(at(encoded, 1))) else {
        return false;
    };
    let byte = (first << 2) | (second >> 4);
    matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0xc2..=0xf4)
}

/// What the characters start to spell, if it is text, by a sample.
pub(super) fn kind(encoded: &[u8]) -> Option<Kind> {
    if !may_start(encoded) {
        return None;
    }
    let mut buffer = [0; SAMPLE_BYTES];
    // Most that is no text ends here.
    let head = decode_start(encoded, HEAD, &mut buffer);
    if std::str::from_utf8(head).is_err_and(|error| error.error_len().is_some()) {
        return None;
    }
    let sample = decode_start(encoded, SAMPLE, &mut buffer);
    let whole = encoded.len() <= SAMPLE;
    if is_text(sample, whole) {
        return Some(Kind::Text);
    }
    if sample.len() < 8 || at(sample, 0) != 0 && at(sample, 1) != 0 {
        return None;
    }
    let zeros = |parity: usize| sample.iter().skip(parity).step_by(2).all(|byte| *byte == 0);
    let printable = |byte: &u8| matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let is_wide = zeros(0) != zeros(1) && sample.iter().all(printable);
    is_wide.then_some(Kind::Utf16)
}

/// The bytes that so many characters spell, as far as there is room for them.
fn decode_start<'b>(encoded: &[u8], count: usize, buffer: &'b mut [u8]) -> &'b [u8] {
    let start = span(encoded, 0, count);
    if let Some(length) = decode_fours(start, buffer) {
        return span(buffer, 0, length);
    }
    let mut length = 0;
    decode(start, |byte| {
        if let Some(slot) = buffer.get_mut(length) {
            *slot = byte;
            length += 1;
        }
    });
    span(buffer, 0, length)
}

/// The same where nothing but characters of the alphabets stands: four make three bytes. `None` elsewhere.
fn decode_fours(encoded: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let fours = encoded.chunks_exact(4);
    if !fours.remainder().is_empty() {
        return None;
    }
    let mut all = 0;
    for (four, three) in fours.zip(buffer.chunks_exact_mut(3)) {
        let mut bits = 0_u32;
        for byte in four {
            let value = SEXTETS.get(usize::from(*byte)).copied().unwrap_or(NONE);
            all |= value;
            bits = (bits << 6) | u32::from(value);
        }
        let [_, bytes @ ..] = bits.to_be_bytes();
        three.copy_from_slice(&bytes);
    }
    (all < 64).then_some(encoded.len() / 4 * 3)
}

fn decode(encoded: &[u8], mut push: impl FnMut(u8)) {
    let value = |byte: &u8| sextet(*byte).or((*byte == b' ').then_some(62));
    let (mut bits, mut count) = (0_u32, 0);
    for sextet in encoded.iter().filter_map(value) {
        bits = (bits << 6) | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            push(u8::try_from((bits >> count) & 0xff).unwrap_or(0));
        }
    }
}

/// Whether bytes are text: UTF-8 with a control character in sixteen bytes at most, or printable
/// ASCII with a NUL in four. Unless they are the `whole`, a character may be cut at the end.
pub(super) fn is_text(bytes: &[u8], whole: bool) -> bool {
    let is_utf8 = || match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => !whole && error.error_len().is_none(),
    };
    let (mut controls, mut zeros, mut any) = (0_usize, 0_usize, 0);
    for byte in bytes {
        controls += usize::from(matches!(byte, 0..=8 | 14..=31 | 127));
        zeros += usize::from(*byte == 0);
        any |= byte;
    }
    let allowed = if any.is_ascii() && bytes.len() >= 12 && controls == zeros {
        bytes.len() / 4
    } else {
        bytes.len() / 16
    };
    !bytes.is_empty() && controls <= allowed && (any.is_ascii() || is_utf8())
}

/// The text of an even number of hexadecimal digits; ASCII alone, since digits are everywhere.
pub(super) fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() || digits.is_empty() {
        return None;
    }
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    pairs
        .map(|pair| {
            let (high, low) = (digit(*pair.first()?)?, digit(*from(pair, 1).first()?)?);
            Some((high << 4) | low).filter(printable)
        })
        .collect()
}
