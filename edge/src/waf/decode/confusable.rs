//! Characters that normalisation (Unicode NFKC), case mapping and best-fit conversion to a
//! single-byte character set turn into ASCII, white space of all kinds, and what parsers drop.

use super::{Spelled, Step};

/// What the character is read as, if that differs.
pub(super) fn fold(character: char) -> Option<(Spelled, Step)> {
    let code = u32::from(character);
    if code < 0x80 {
        return None;
    }
    if is_invisible(code) {
        return Some((Spelled::Nothing, Step::Invisible));
    }
    let spelled = dots(code).or_else(|| ascii(code).map(Spelled::Char));
    spelled.map(|spelled| (spelled, Step::Confusable))
}

/// Format characters, variation selectors and joiners, which take no space.
const fn is_invisible(code: u32) -> bool {
    matches!(
        code,
        0xad | 0x34f
            | 0x61c
            | 0x115f..=0x1160
            | 0x17b4..=0x17b5
            | 0x180b..=0x180e
            | 0x200b..=0x200f
            | 0x202a..=0x202e
            | 0x2060..=0x206f
            | 0xfe00..=0xfe0f
            | 0xfeff
            | 0xfff9..=0xfffb
            | 0xe0000..=0xe0fff
    )
}

/// Leaders of two and three dots.
const fn dots(code: u32) -> Option<Spelled> {
    match code {
        0x2025 => Some(Spelled::Ascii(*b"..\0\0")),
        0x2026 => Some(Spelled::Ascii(*b"...\0")),
        _ => None,
    }
}

/// The ASCII character that this one becomes.
fn ascii(code: u32) -> Option<char> {
    let folded = match code {
        // Full-width forms, then the mathematical alphabets, thirteen of 52 letters each.
        0xff01..=0xff5e => code - 0xfee0,
        0x1d400..=0x1d6a3 => letter((code - 0x1d400) % 52),
        0x1d7ce..=0x1d7ff => 0x30 + (code - 0x1d7ce) % 10,
        // Circled, squared and raised ones.
        0x24b6..=0x24cf => 0x41 + code - 0x24b6,
        0x24d0..=0x24e9 => 0x61 + code - 0x24d0,
        0x1f130..=0x1f149 => 0x41 + code - 0x1f130,
        0x2460..=0x2468 => 0x31 + code - 0x2460,
        0x24ea | 0x2070 | 0x2080 => 0x30,
        0x2074..=0x2079 => 0x34 + code - 0x2074,
        0x2081..=0x2089 => 0x31 + code - 0x2081,
        _ => return single(code),
    };
    char::from_u32(folded)
}

const fn letter(position: u32) -> u32 {
    if position < 26 {
        0x41 + position
    } else {
        0x61 + position - 26
    }
}

/// Those that follow no pattern.
const fn single(code: u32) -> Option<char> {
    Some(match code {
        0x85 | 0xa0 | 0x1680 | 0x2000..=0x200a | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000 => ' ',
        // Apostrophes and primes, which best-fit conversion makes quotes; typographic quotes stay.
        0x2b9 | 0x2bb..=0x2bd | 0x2c8 | 0x2ca | 0x2cb | 0x2032 | 0x2035 => '\'',
        0x2ba | 0x2dd | 0x2033 | 0x301e => '"',
        0x2039 | 0x2329 | 0x3008 | 0xfe64 => '<',
        0x203a | 0x232a | 0x3009 | 0xfe65 => '>',
        0x2044 | 0x2215 => '/',
        0x2216 | 0xfe68 => '\\',
        0x2024 | 0x3002 | 0xfe52 | 0xff61 => '.',
        0x2223 => '|',
        0x2236 | 0xfe55 => ':',
        0x37e | 0xfe54 => ';',
        0xfe50 => ',',
        0xfe56 => '?',
        0xfe57 => '!',
        0x207d | 0x208d | 0xfe59 => '(',
        0x207e | 0x208e | 0xfe5a => ')',
        0xfe5b => '{',
        0xfe5c => '}',
        0xfe5f => '#',
        0xfe60 => '&',
        0x2217 | 0xfe61 => '*',
        0x207a | 0x208a | 0xfe62 => '+',
        0x207b | 0x208b | 0x2212 | 0xfe63 => '-',
        0x207c | 0x208c | 0xfe66 => '=',
        0xfe69 => '$',
        0xfe6a => '%',
        0xfe6b => '@',
        0x1fef => '`',
        // What upper or lower case turns into ASCII, Roman numerals, and letters used as symbols.
        0x17f => 's',
        0x131 | 0x2071 | 0x2148 | 0x2170 => 'i',
        0x130 | 0x2110 | 0x2111 | 0x2160 => 'I',
        0x212a => 'K',
        0x207f => 'n',
        0xb9 => '1',
        0xb2 => '2',
        0xb3 => '3',
        0xaa => 'a',
        0xba | 0x2134 => 'o',
        0x210a => 'g',
        0x210e => 'h',
        0x2112 | 0x216c => 'L',
        0x2113 | 0x217c => 'l',
        0x2115 => 'N',
        0x2119 => 'P',
        0x211a => 'Q',
        0x2102 | 0x212d => 'C',
        0x2124 | 0x2128 => 'Z',
        0x212c => 'B',
        0x212f | 0x2147 => 'e',
        0x2130 => 'E',
        0x2131 => 'F',
        0x2133 => 'M',
        0x2164 => 'V',
        0x2169 => 'X',
        0x2174 => 'v',
        0x2179 => 'x',
        0x217d => 'c',
        0x217e => 'd',
        0x217f => 'm',
        _ => return None,
    })
}
