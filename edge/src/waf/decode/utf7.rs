//! UTF-7 (RFC 2152): `+ADw-script+AD4-`, which old browsers and mail readers sniffed.

use super::{Spelled, Step, Unit, base64};
use crate::waf::scan::{at, from, span};

/// Most base64 characters of a shift read here: three code units. Longer ones are runs of base64.
const MAX_SHIFT: usize = 8;

/// The shift that starts at `index`, where a plus sign stands, if it spells ASCII and not a word.
pub(super) fn decode(text: &[u8], index: usize) -> Option<Unit> {
    let count = from(text, index + 1)
        .iter()
        .take(MAX_SHIFT + 1)
        .take_while(|byte| base64::is_standard(**byte))
        .count();
    if !matches!(count, 3 | 6 | 8) {
        return None;
    }
    let bits = span(text, index + 1, index + 1 + count)
        .iter()
        .filter_map(|byte| base64::sextet(*byte))
        .fold(0_u64, |bits, sextet| (bits << 6) | u64::from(sextet));
    // Sixteen bits each, and up to four of padding, which are zero.
    let (units, padding) = (count * 6 / 16, count * 6 % 16);
    let mut characters = [0; 4];
    for (position, character) in characters.iter_mut().take(units).enumerate() {
        let unit = (bits >> (padding + 16 * (units - 1 - position))) & 0xffff;
        *character = u8::try_from(unit)
            .ok()
            .filter(|byte| (1..0x80).contains(byte))?;
    }
    let is_word = characters
        .iter()
        .all(|byte| *byte == 0 || byte.is_ascii_alphanumeric());
    if is_word || bits & ((1 << padding) - 1) != 0 {
        return None;
    }
    let length = 1 + count + usize::from(at(text, index + 1 + count) == b'-');
    Some((Spelled::Ascii(characters), length, Step::Utf7))
}
