//! Single SQL tokens: strings, quoted names, numbers, words and operators of the five dialects.

use super::keyword::{joined, keyword};
use super::token::{Kind, Token};
use crate::waf::scan::{
    at, before, find, from, is_one_of, is_word, position, skip_while, span, stands,
};

/// Longest name in MSSQL's brackets.
const MAX_BRACKETED: usize = 64;
/// Longest tag of a string in dollar signs, and how far its end is looked for, in bytes.
const MAX_TAG: usize = 16;
const MAX_TAGGED: usize = 80;
/// Longest comment between the halves of one keyword.
const MAX_SPLICE: usize = 16;

const fn new(kind: Kind, start: usize, end: usize) -> Token {
    Token { kind, start, end }
}

/// The token that starts at `start`, where neither white space nor a comment that vanishes is.
pub(super) fn token(text: &[u8], start: usize) -> Token {
    let one = |kind| new(kind, start, start + 1);
    let next = at(text, start + 1);
    match at(text, start) {
        quote @ (b'\'' | b'"') => new(
            Kind::Str,
            start,
            string_end(text, start + 1, quote, true).unwrap_or(text.len()),
        ),
        b'`' => backtick(text, start),
        b'[' => bracketed(text, start),
        b'0'..=b'9' => number(text, start),
        b'.' if next.is_ascii_digit() => number(text, start),
        // `1$$ or ...` ends a value that stands in PostgreSQL's quotes.
        b'$' if next == b'$' && before(text, start).is_ascii_digit() => {
            new(Kind::Close, start, start + 2)
        }
        // `$$;select ...` does so where the value was empty.
        b'$' if next == b'$' && start == 0 && matches!(at(text, 2), b';' | b')') => {
            new(Kind::Close, start, start + 2)
        }
        b'$' if next == b'$' => dollars(text, start),
        b'$' if let Some(end) = tagged(text, start) => new(Kind::Str, start, end),
        byte if is_word(byte) || byte >= 0x80 => word(text, start),
        b'@' if next == b'>' => new(Kind::Cmp, start, start + 2),
        b'@' => variable(text, start),
        b'-' if next == b'>' => {
            let end = start + 2 + usize::from(at(text, start + 2) == b'>');
            new(Kind::Arith, start, end)
        }
        b'#' => new(Kind::Comment, start, text.len()),
        b'-' if next == b'-' => new(Kind::Comment, start, text.len()),
        b'/' if next == b'*' => new(Kind::Comment, start, text.len()),
        b'(' => one(Kind::Open),
        b')' => one(Kind::Close),
        b',' => one(Kind::Comma),
        b';' => one(Kind::Semi),
        b'.' => one(Kind::Dot),
        b'\\' if next == b'n' && !is_word(at(text, start + 2)) => {
            new(Kind::Const, start, start + 2)
        }
        b'\\' if stands(text, start + 1, b"nunion") => new(Kind::Const, start, start + 2),
        b':' if next == b':' => new(Kind::Cast, start, start + 2),
        b':' if next == b'=' => new(Kind::Cmp, start, start + 2),
        b'|' | b'&' | b'<' | b'>' | b'=' | b'!' | b'+' | b'-' | b'*' | b'/' | b'%' | b'^'
        | b'~' => operator(text, start),
        _ => one(Kind::Other),
    }
}

/// End of the string whose text starts at `start`: after its quote, doubled ones and, where it
/// `escapes`, those behind a backslash skipped. `None` when it is not closed.
pub(super) fn string_end(text: &[u8], start: usize, quote: u8, escapes: bool) -> Option<usize> {
    let escape = if escapes { b'\\' } else { quote };
    let is_mark = |byte| is_one_of(byte, [quote, escape]);
    let mut index = start;
    loop {
        let mark = position(text, index, is_mark)?;
        let is_escape = at(text, mark) != quote;
        if !(is_escape || at(text, mark + 1) == quote && mark > start) {
            return Some(mark + 1);
        }
        index = mark + 2;
    }
}

/// MySQL's quoted identifier; a lone backtick is nothing.
fn backtick(text: &[u8], start: usize) -> Token {
    let end = skip_while(text, start + 1, |byte| {
        is_word(byte) || matches!(byte, b'.' | b'$')
    });
    if at(text, end) == b'`' {
        new(Kind::Ident, start, end + 1)
    } else {
        new(Kind::Other, start, start + 1)
    }
}

/// MSSQL's quoted identifier.
fn bracketed(text: &[u8], start: usize) -> Token {
    let window = span(text, 0, start + MAX_BRACKETED);
    let end = skip_while(window, start + 1, |byte| is_word(byte) || byte == b' ');
    let is_name = at(text, end) == b']' && !at(text, start + 1).is_ascii_digit() && end > start + 1;
    if is_name {
        new(Kind::Ident, start, end + 1)
    } else {
        new(Kind::Other, start, start + 1)
    }
}

/// PostgreSQL's `$$text$$`.
fn dollars(text: &[u8], start: usize) -> Token {
    match find(text, b"$$", start + 2) {
        Some(end) => new(Kind::Str, start, end + 2),
        // What closes the application's.
        None if start == 0 => new(Kind::Close, start, start + 2),
        None => new(Kind::Other, start, text.len().min(start + 2)),
    }
}

/// PostgreSQL's `$tag$text$tag$`: where it ends.
fn tagged(text: &[u8], start: usize) -> Option<usize> {
    let name = skip_while(span(text, 0, start + MAX_TAG), start + 1, |byte| {
        byte.is_ascii_lowercase()
    });
    let tag = span(text, start, name + 1);
    let is_tag = name > start + 1 && at(text, name) == b'$';
    let end = || find(span(text, 0, name + MAX_TAGGED), tag, name + 1);
    end().filter(|_| is_tag).map(|end| end + tag.len())
}

fn variable(text: &[u8], start: usize) -> Token {
    let end = skip_while(text, start, |byte| {
        is_word(byte) || matches!(byte, b'@' | b'.' | b'$' | b'`')
    });
    new(Kind::Var, start, end)
}

fn number(text: &[u8], start: usize) -> Token {
    let digits = |start| skip_while(text, start, |byte: u8| byte.is_ascii_digit());
    if at(text, start) == b'0' && matches!(at(text, start + 1), b'x' | b'b') {
        let is_hex = at(text, start + 1) == b'x';
        let is_digit = |byte: u8| {
            if is_hex {
                byte.is_ascii_hexdigit()
            } else {
                matches!(byte, b'0' | b'1')
            }
        };
        let end = skip_while(text, start + 2, is_digit);
        if end > start + 2 || is_hex {
            return new(Kind::Number, start, end);
        }
    }
    let mut end = digits(start);
    if at(text, end) == b'.' && at(text, end + 1) != b'.' {
        end = digits(end + 1);
    }
    if at(text, end) == b'e' {
        let sign = usize::from(matches!(at(text, end + 1), b'+' | b'-'));
        if at(text, end + 1 + sign).is_ascii_digit() {
            end = digits(end + 1 + sign);
        }
    }
    // Oracle's `1d` and `1f`, which need no space after them.
    if matches!(at(text, end), b'd' | b'f') && stands(text, end + 1, b"union") {
        end += 1;
    }
    new(Kind::Number, start, end)
}

/// End of `1.e`, which MySQL reads as nothing before a name, a call or a delimiter.
pub(super) fn empty_exponent(text: &[u8], start: usize) -> Option<usize> {
    if !at(text, start).is_ascii_digit() || is_word(before(text, start)) {
        return None;
    }
    let digits = |start| skip_while(text, start, |byte: u8| byte.is_ascii_digit());
    let dot = digits(start);
    if at(text, dot) != b'.' {
        return None;
    }
    let end = digits(dot + 1);
    let is_empty = at(text, end) == b'e' && !is_word(at(text, end + 1));
    (is_empty && !matches!(at(text, end + 1), b'+' | b'-' | 0)).then(|| {
        let next = end + 1;
        next + usize::from(at(text, next) == b'.')
    })
}

/// Whether a no-break space in one byte stands here: MySQL and old decoders take it for a space.
pub(super) fn is_latin_space(text: &[u8], index: usize) -> bool {
    let previous = before(text, index);
    at(text, index) == 0xa0 && (previous < 0x80 || previous == 0xa0)
}

fn word(text: &[u8], start: usize) -> Token {
    let goes_on = |index: usize, byte: u8| {
        is_word(byte) || byte == b'$' || byte >= 0x80 && !is_latin_space(text, index)
    };
    let bytes = from(text, start).iter().zip(start..);
    let length = bytes
        .take_while(|(byte, index)| goes_on(*index, **byte))
        .count();
    let end = start + length.max(1);
    let word = span(text, start, end);
    // `x'41'`, `n'a'`, `_utf8'a'`: a prefix of the string.
    let is_prefix = matches!(word, b"x" | b"n" | b"b" | b"e" | b"q" | b"r")
        || word.starts_with(b"_utf8")
        || word.starts_with(b"_latin1")
        || word == b"_binary";
    if is_prefix && at(text, end) == b'\'' {
        let close = string_end(text, end + 1, b'\'', true);
        return new(Kind::Str, start, close.unwrap_or(text.len()));
    }
    let kind = keyword(word);
    if kind == Kind::Ident
        && let Some((kind, end)) = spliced(text, word, end)
    {
        return new(kind, start, end);
    }
    new(kind, start, end)
}

/// `uni/**/on`, `sel<>ect`: what a filter that deletes comments or operators leaves.
fn spliced(text: &[u8], head: &[u8], splice: usize) -> Option<(Kind, usize)> {
    let window = span(text, 0, splice + MAX_SPLICE);
    let tail = match (at(text, splice), at(text, splice + 1)) {
        (b'/', b'*') => find(window, b"*/", splice + 2)? + 2,
        (b'<', b'>') => splice + 2,
        // A vertical tab, which filters delete.
        (0x0b, _) => splice + 1,
        _ => return None,
    };
    let end = skip_while(text, tail, is_word);
    joined(head, span(text, tail, end)).map(|kind| (kind, end))
}

fn operator(text: &[u8], start: usize) -> Token {
    let is_symbol = |byte| matches!(byte, b'|' | b'&' | b'<' | b'>' | b'=' | b'!');
    // No operator is longer than three; an unbounded run would make `&&&&...` quadratic.
    let run = skip_while(span(text, 0, start + 3), start, is_symbol);
    match span(text, start, run) {
        b"<" if at(text, run) == b'@' => new(Kind::Cmp, start, run + 1),
        b"||" | b"&&" => new(Kind::Logic, start, run),
        b"=" | b"==" | b"<" | b">" | b"<=" | b">=" | b"<>" | b"!=" | b"<=>" | b"!<" | b"!>" => {
            new(Kind::Cmp, start, run)
        }
        b"|" | b"&" | b"<<" | b">>" => new(Kind::Arith, start, run),
        b"!" | b"!!" => new(Kind::Not, start, run),
        b"" if at(text, start) == b'~' => new(Kind::Not, start, start + 1),
        b"" => new(Kind::Arith, start, start + 1),
        // `=!1`, `&&!0`: the operator, then a negation.
        [b'=', b'!', ..] => new(Kind::Cmp, start, start + 1),
        [b'&', b'&', ..] | [b'|', b'|', ..] => new(Kind::Logic, start, start + 2),
        _ => new(Kind::Other, start, run),
    }
}
