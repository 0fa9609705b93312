//! HTML character references (HTML §13.2.5.72): decimal, hexadecimal, and the named ones that
//! spell what an attack needs. The semicolon is optional, as browsers read it.

use super::{Unit, escape};
use crate::waf::scan::{at, from, skip_while, span, stands};

/// Longest reference looked at; browsers accept any number of leading zeros.
const MAX_DIGITS: usize = 12;

/// Names of ASCII characters, longest first where one starts another.
const NAMED: &[(&[u8], char)] = &[
    (b"newline", '\n'),
    (b"period", '.'),
    (b"dollar", '$'),
    (b"equals", '='),
    (b"lowbar", '_'),
    (b"lbrace", '{'),
    (b"rbrace", '}'),
    (b"percnt", '%'),
    (b"verbar", '|'),
    (b"comma", ','),
    (b"colon", ':'),
    (b"grave", '`'),
    (b"quest", '?'),
    (b"lpar", '('),
    (b"rpar", ')'),
    (b"lsqb", '['),
    (b"rsqb", ']'),
    (b"bsol", '\\'),
    (b"excl", '!'),
    (b"semi", ';'),
    (b"quot", '"'),
    (b"apos", '\''),
    (b"nbsp", ' '),
    (b"plus", '+'),
    (b"tab", '\t'),
    (b"sol", '/'),
    (b"num", '#'),
    (b"amp", '&'),
    (b"ast", '*'),
    (b"lt", '<'),
    (b"gt", '>'),
];

/// The reference that starts at `index`, where an ampersand stands.
pub(super) fn decode(text: &[u8], index: usize) -> Option<Unit> {
    if at(text, index + 1) == b'#' {
        numeric(text, index)
    } else {
        named(text, index)
    }
}

fn numeric(text: &[u8], index: usize) -> Option<Unit> {
    let is_hex = matches!(at(text, index + 2), b'x' | b'X');
    let (start, radix) = if is_hex {
        (index + 3, 16)
    } else {
        (index + 2, 10)
    };
    let window = span(text, start, start + MAX_DIGITS);
    let count = window
        .iter()
        .take_while(|byte| char::from(**byte).is_digit(radix))
        .count();
    let digits = std::str::from_utf8(span(window, 0, count)).ok()?;
    let code = u32::from_str_radix(digits, radix).ok()?;
    let end = start + count + usize::from(at(text, start + count) == b';');
    Some((Some(escape::fold(code)?), end - index))
}

fn named(text: &[u8], index: usize) -> Option<Unit> {
    let start = index + 1;
    let word = span(from(text, start), 0, 8).to_ascii_lowercase();
    let (name, character) = NAMED.iter().find(|(name, _)| word.starts_with(name))?;
    let end = start + name.len();
    if at(text, end) == b';' {
        return Some((Some(*character), end + 1 - index));
    }
    // Without a semicolon browsers know the oldest names alone, and `&number=` is a parameter.
    let is_old = matches!(*name, b"lt" | b"gt" | b"quot" | b"amp" | b"nbsp");
    let ends = skip_while(text, end, |byte| byte.is_ascii_alphanumeric()) == end;
    (is_old && ends && !stands(text, end, b"=")).then_some((Some(*character), end - index))
}
