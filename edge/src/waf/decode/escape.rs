//! Backslash escapes: JavaScript (ECMA-262 §12.9.4), JSON, C, and CSS (Syntax §4.3.7).

use super::{Spelled, Step, Unit, confusable};
use crate::waf::scan::{at, before, from, is_space, span};

/// Most hexadecimal digits of `\u{...}`; leading zeros are allowed.
const MAX_CODE_DIGITS: usize = 8;

/// Exactly `count` hexadecimal digits at `index`; at most eight.
pub(super) fn hex(text: &[u8], index: usize, count: usize) -> Option<u32> {
    let digits = text.get(index..index.checked_add(count)?)?;
    digits.iter().try_fold(0_u32, |value, digit| {
        Some((value << 4) | char::from(*digit).to_digit(16)?)
    })
}

/// The escape that starts at `index`, where a backslash stands: `\x3c`, `\u003c`, `\u{3c}`,
/// `\074` and `\00003c `. Letters such as `\n` stay: in honest text they are Windows paths more
/// often than line breaks.
pub(super) fn decode(text: &[u8], index: usize) -> Option<Unit> {
    let named = |code: u32, length: usize| Some((fold(code)?, length, Step::JavaScript));
    match at(text, index + 1) {
        b'x' | b'X' => named(hex(text, index + 2, 2)?, 4),
        b'u' if at(text, index + 2) == b'{' => braced(text, index),
        b'u' => {
            let (character, length) = utf16(text, index)?;
            named(u32::from(character), length)
        }
        b'U' => named(hex(text, index + 2, 8)?, 10),
        b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => digits(text, index),
        _ => None,
    }
}

/// `\u003c`, or two that form a surrogate pair.
pub(super) fn utf16(text: &[u8], index: usize) -> Option<(char, usize)> {
    let unit = |index: usize| u16::try_from(hex(text, index + 2, 4)?).ok();
    let first = unit(index)?;
    let is_pair = (0xd800..0xdc00).contains(&first) && at(text, index + 6) == b'\\';
    let second = if is_pair { unit(index + 6) } else { None };
    let character = char::decode_utf16([first, second.unwrap_or(0)])
        .next()?
        .ok()?;
    Some((character, 6 * character.len_utf16()))
}

fn braced(text: &[u8], index: usize) -> Option<Unit> {
    let window = span(text, index + 3, index + 4 + MAX_CODE_DIGITS);
    let digits = window
        .iter()
        .position(|byte| *byte == b'}')
        .filter(|count| *count > 0)?;
    let code = hex(text, index + 3, digits)?;
    Some((fold(code)?, digits + 4, Step::JavaScript))
}

/// A backslash and digits are octal in JavaScript and shells, hexadecimal in CSS. `\74` is a
/// bracket in one and a `t` in the other: between letters it continues a word.
fn digits(text: &[u8], index: usize) -> Option<Unit> {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic();
    let in_word = |(_, length, _): &Unit| {
        is_letter(before(text, index)) && is_letter(at(text, index + length))
    };
    match (octal(text, index), css(text, index)) {
        (Some(octal), Some(css)) => Some(if in_word(&css) { css } else { octal }),
        (octal, css) => octal.or(css),
    }
}

/// Two or three octal digits that spell ASCII.
fn octal(text: &[u8], index: usize) -> Option<Unit> {
    let digits = from(text, index + 1)
        .iter()
        .take(3)
        .take_while(|byte| matches!(byte, b'0'..=b'7'))
        .count();
    // Longer ones are CSS, in which leading zeros are usual.
    let is_longer = at(text, index + 1 + digits).is_ascii_hexdigit();
    if digits < 2 || (digits == 3 && is_longer && at(text, index + 2) == b'0') {
        return None;
    }
    let code = span(text, index + 1, index + 1 + digits)
        .iter()
        .fold(0, |value, digit| value * 8 + u32::from(digit - b'0'));
    Some((ascii(code)?, digits + 1, Step::JavaScript))
}

/// Two to six hexadecimal digits that spell printable ASCII, and the white space that ends them.
fn css(text: &[u8], index: usize) -> Option<Unit> {
    let count = from(text, index + 1)
        .iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    if count < 2 {
        return None;
    }
    let end = index + 1 + count;
    let spelled = ascii(hex(text, index + 1, count)?).filter(
        |spelled| matches!(spelled, Spelled::Char(character) if !character.is_ascii_control()),
    )?;
    let ends = usize::from(is_space(at(text, end)));
    Some((spelled, count + 1 + ends, Step::Css))
}

fn ascii(code: u32) -> Option<Spelled> {
    char::from_u32(code)
        .filter(char::is_ascii)
        .map(Spelled::Char)
}

/// The character of a code point, confusable ones folded. `None` for surrogates, so that their
/// escapes stay as they are.
pub(super) fn fold(code: u32) -> Option<Spelled> {
    let character = char::from_u32(code)?;
    Some(confusable::fold(character).map_or(Spelled::Char(character), |(spelled, _)| spelled))
}
