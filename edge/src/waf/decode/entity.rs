//! HTML character references (HTML §13.2.5.72): decimal, hexadecimal, and the named ones that
//! spell ASCII. The semicolon is optional where browsers read on without it.

use super::{Spelled, Step, Unit, escape};
use crate::waf::scan::{at, skip_while, span};

/// Longest name in the table.
const MAX_NAME: usize = 24;

/// The reference that starts at `index`, where an ampersand stands.
pub(super) fn decode(text: &[u8], index: usize) -> Option<Unit> {
    if at(text, index + 1) == b'#' {
        numeric(text, index)
    } else {
        named(text, index)
    }
}

/// `&#60;`, `&#x3c`, with any number of leading zeros.
fn numeric(text: &[u8], index: usize) -> Option<Unit> {
    let is_hex = matches!(at(text, index + 2), b'x' | b'X');
    let (start, radix) = if is_hex {
        (index + 3, 16)
    } else {
        (index + 2, 10)
    };
    let mut code: u32 = 0;
    let mut end = start;
    while let Some(digit) = char::from(at(text, end)).to_digit(radix) {
        code = code.saturating_mul(radix).saturating_add(digit);
        end += 1;
    }
    if end == start {
        return None;
    }
    let spelled = escape::fold(code)?;
    end += usize::from(at(text, end) == b';');
    Some((spelled, end - index, Step::Entity))
}

fn named(text: &[u8], index: usize) -> Option<Unit> {
    let start = index + 1;
    let window = span(text, start, start + MAX_NAME);
    let count = window
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let name = span(window, 0, count);
    if at(text, start + count) == b';' {
        let character = long(name).or_else(|| long(&name.to_ascii_lowercase()))?;
        return Some((spelled(character), count + 2, Step::Entity));
    }
    let (old, character) = OLD.iter().find(|(old, _)| {
        name.get(..old.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(old))
    })?;
    // `&number=5` and `&lt_token=` are parameters.
    let ends = skip_while(text, start + count, |byte| {
        matches!(byte, b'_' | b'-' | b'.' | b'[')
    });
    let is_parameter = ends > start + count || at(text, ends) == b'=';
    (!is_parameter).then_some((spelled(*character), old.len() + 1, Step::Entity))
}

/// Names that browsers read without a semicolon, the longest first where one starts another.
const OLD: &[(&[u8], char)] = &[
    (b"quot", '"'),
    (b"nbsp", ' '),
    (b"amp", '&'),
    (b"shy", '\u{ad}'),
    (b"lt", '<'),
    (b"gt", '>'),
];

fn spelled(character: char) -> Spelled {
    if character == '\u{ad}' {
        Spelled::Nothing
    } else {
        Spelled::Char(character)
    }
}

/// Names of ASCII characters and of those that are dropped or are spaces.
fn long(name: &[u8]) -> Option<char> {
    Some(match name {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        b"newline" => '\n',
        b"tab" => '\t',
        b"excl" => '!',
        b"num" => '#',
        b"dollar" => '$',
        b"percnt" => '%',
        b"lpar" => '(',
        b"rpar" => ')',
        b"ast" | b"midast" => '*',
        b"plus" => '+',
        b"comma" => ',',
        b"period" => '.',
        b"sol" => '/',
        b"colon" => ':',
        b"semi" => ';',
        b"equals" => '=',
        b"quest" => '?',
        b"commat" => '@',
        b"lsqb" | b"lbrack" => '[',
        b"bsol" => '\\',
        b"rsqb" | b"rbrack" => ']',
        b"hat" => '^',
        b"lowbar" | b"underbar" => '_',
        b"grave" | b"diacriticalgrave" => '`',
        b"lcub" | b"lbrace" => '{',
        b"vert" | b"verbar" | b"verticalline" => '|',
        b"rcub" | b"rbrace" => '}',
        b"dash" | b"hyphen" => '-',
        b"nbsp" | b"nonbreakingspace" | b"ensp" | b"emsp" | b"thinsp" | b"hairsp" => ' ',
        b"shy" | b"zerowidthspace" | b"zwj" | b"zwnj" | b"nobreak" | b"lrm" | b"rlm" => '\u{ad}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(long(b"NewLine"), None);
        assert_eq!(
            decode(b"&NewLine;", 0),
            Some((Spelled::Char('\n'), 9, Step::Entity))
        );
    }
}
