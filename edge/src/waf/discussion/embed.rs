//! Code that is a part of a sentence: words of the same sentence lead to it and go on behind it.
//!
//! Who pads an attack puts sentences beside it; a sentence that speaks of code reads on through it.
//! Padding ends before the attack, or begins anew behind it with a capital letter.

use super::line::plain_word;
use super::mention::is_predicate;
use super::words::{ASKING, FUNCTION, TERMS};
use crate::waf::scan::{is_space, span};

/// Bytes on either side of a finding in which its sentence is looked for.
const REACH: usize = 400;
/// Pieces of code before the finding that belong to it: `bash -i >& /dev/tcp/...`.
const MAX_CODE: usize = 4;
/// Words of the sentence behind the code.
const MIN_FOLLOWING: usize = 2;
/// Words of a sentence before the code.
const MIN_PREFACE: usize = 4;
/// Words looked at behind the code, one of which joins the others.
const MAX_FOLLOWING: usize = 6;

/// Words that join others in a sentence, and that languages have too.
const JOINING: &[&[u8]] = &[
    b"as", b"at", b"before", b"by", b"even", b"for", b"from", b"if", b"in", b"inside", b"into",
    b"on", b"so", b"through", b"when", b"while", b"without",
];
/// Words that go on with a query rather than a sentence.
const CLAUSES: &[&[u8]] = &[
    b"from", b"where", b"and", b"or", b"union", b"select", b"into", b"order", b"group", b"having",
    b"limit", b"like", b"not", b"null",
];
/// What somebody is told to do with the code that follows.
const IMPERATIVES: &[&[u8]] = &[
    b"add",
    b"avoid",
    b"call",
    b"coba",
    b"ganti",
    b"hapus",
    b"include",
    b"insert",
    b"isi",
    b"jalankan",
    b"ketik",
    b"masukkan",
    b"pakai",
    b"paste",
    b"put",
    b"remove",
    b"replace",
    b"run",
    b"taruh",
    b"tambahkan",
    b"try",
    b"tulis",
    b"type",
    b"use",
    b"write",
];

/// Whether a sentence reads on through the code from `index` to `last` or beyond, on the line from
/// `start` to `end`. `written` is the text as it was sent.
pub(super) fn is_embedded(
    text: &[u8],
    written: &[u8],
    (index, last): (usize, usize),
    (start, end): (usize, usize),
    is_query: bool,
) -> bool {
    let start = start.max(index.saturating_sub(REACH));
    let first = first_byte(text, index, start);
    !resumes(span(text, first, end))
        && leads(span(text, start, first))
        && is_followed(text, written, last, (start, end), is_query)
}

/// Whether a sentence leads to the code from `index` to `last` and ends with it: `for <b>x</b>.`
pub(super) fn is_ended(
    text: &[u8],
    (index, last): (usize, usize),
    (start, end): (usize, usize),
) -> bool {
    let start = start.max(index.saturating_sub(REACH));
    let first = first_byte(text, index, start);
    let rest = span(text, token_start(text, last, start), end.min(last + REACH));
    let ends = |token: &[u8]| {
        let code = token
            .split_last()
            .filter(|(mark, _)| b".?,!".contains(mark));
        code.is_some_and(|(_, code)| plain_word(code).is_none() && is_closed(code))
    };
    !resumes(span(text, first, end)) && leads(span(text, start, first)) && tokens(rest).any(ends)
}

/// Whether words of a sentence lead to the code at `index`.
pub(super) fn is_led(text: &[u8], index: usize, start: usize) -> bool {
    let start = start.max(index.saturating_sub(REACH));
    leads(span(text, start, first_byte(text, index, start)))
}

/// Whether a sentence goes on behind the code at `index`.
pub(super) fn is_followed(
    text: &[u8],
    written: &[u8],
    index: usize,
    (start, end): (usize, usize),
    is_query: bool,
) -> bool {
    let start = start.max(index.saturating_sub(REACH));
    let first = token_start(text, index, start);
    let end = end.min(index + REACH);
    let mut tokens = tokens(span(text, first, end)).zip(tokens(span(written, first, end)));
    while let Some((token, _)) = tokens.next() {
        if is_closed(token) && reads_on(tokens.clone(), is_query) {
            return true;
        }
    }
    false
}

/// Whether a sentence stands on the line before the code at `index`.
pub(super) fn is_prefaced(text: &[u8], index: usize, start: usize) -> bool {
    let start = start.max(index.saturating_sub(REACH));
    let words = || tokens(span(text, start, index)).filter_map(plain_word);
    words().count() >= MIN_PREFACE && words().any(|word| FUNCTION.contains(word))
}

fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    text.split(|byte| is_space(*byte))
        .filter(|token| !token.is_empty())
}

/// Where the token around `index` starts, on a line that starts there.
fn token_start(text: &[u8], index: usize, start: usize) -> usize {
    let length = span(text, start, index)
        .iter()
        .rev()
        .take_while(|byte| !is_space(**byte))
        .count();
    index - length
}

/// Where the code that the finding is in starts: its tag, or its token.
fn first_byte(text: &[u8], index: usize, start: usize) -> usize {
    let head = span(text, start, index);
    let tag = head.iter().rposition(|byte| matches!(byte, b'<' | b'>'));
    let tag = tag.filter(|tag| head.get(*tag) == Some(&b'<'));
    token_start(text, tag.map_or(index, |tag| start + tag), start)
}

/// Whether the code is glued to the end of a sentence: `please.' or 1=1`.
fn resumes(code: &[u8]) -> bool {
    let letters = code
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let rest = span(code, letters, letters + 2);
    letters > 0
        && matches!(rest.first(), Some(b'.' | b'?' | b'!'))
        && !rest.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether words of a sentence that has not ended lead to what follows.
fn leads(lead: &[u8]) -> bool {
    let mut tokens = lead
        .rsplit(|byte| is_space(*byte))
        .filter(|token| !token.is_empty())
        .peekable();
    for _ in 0..MAX_CODE {
        let is_code = |token: &&[u8]| plain_word(token).is_none() && !is_end(token);
        if tokens.next_if(is_code).is_none() {
            break;
        }
    }
    let last = tokens.next().unwrap_or_default();
    let Some(word) = plain_word(last).filter(|_| !is_end(last)) else {
        return false;
    };
    let previous = tokens.next().filter(|token| !is_end(token));
    if last.ends_with(b":") {
        return previous.is_some() || TERMS.contains(word);
    }
    match previous {
        Some(previous) => {
            plain_word(previous).is_some()
                || ASKING.contains(word)
                || FUNCTION.contains(word)
                || JOINING.contains(&word)
        }
        None => IMPERATIVES.contains(&word) || ASKING.contains(word) || FUNCTION.contains(word),
    }
}

/// Whether the token ends a sentence.
fn is_end(token: &[u8]) -> bool {
    let token = token
        .strip_suffix(b"\"")
        .or_else(|| token.strip_suffix(b")"))
        .unwrap_or(token);
    matches!(token.last(), Some(b'.' | b'?' | b'!')) && token != b"e.g." && token != b"i.e."
}

/// Whether the token ends a piece of code: no string or tag goes on behind it.
fn is_closed(token: &[u8]) -> bool {
    let is_even = |quote: u8| token.split(|byte| *byte == quote).count() % 2 == 1;
    let is_open = token.contains(&b'<') && !token.contains(&b'>');
    plain_word(token).is_none()
        && (matches!(token.last(), Some(b')' | b'>' | b'}' | b';' | b'`'))
            || token.len() > 1 && matches!(token.last(), Some(b'"' | b'\''))
            || is_even(b'\'') && is_even(b'"') && !is_open)
}

/// Whether words of a sentence follow that has begun before.
fn reads_on<'t>(tokens: impl Iterator<Item = (&'t [u8], &'t [u8])>, is_query: bool) -> bool {
    let is_capital =
        |written: &[u8]| written.len() > 1 && written.iter().all(u8::is_ascii_uppercase);
    let is_dash = |token: &[u8]| {
        matches!(
            token,
            b"-" | b"--" | b"\xe2\x80\x94" | b"->" | b"=>" | b"<-"
        )
    };
    let mut tokens = tokens
        .skip_while(|(token, written)| is_capital(written) || is_dash(token))
        .take(MAX_FOLLOWING)
        .peekable();
    // `from t takes a second`.
    while is_query
        && tokens
            .next_if(|(token, _)| CLAUSES.contains(token))
            .is_some()
    {
        tokens.next();
    }
    let (mut words, mut is_joined, mut ends) = (0_usize, false, false);
    let mut last: &[u8] = b"";
    for (token, written) in tokens {
        let Some(word) = plain_word(token) else {
            // `<p> vs <div>`, `{{ x }} printed 3`.
            let is_compared = matches!(last, b"vs" | b"vs." | b"versus" | b"atau" | b"or");
            return words == 1 && (is_compared || last.ends_with(b"ed")) && !is_query
                || is_joined && words >= MIN_FOLLOWING;
        };
        last = word;
        if words == 0 && written.iter().any(u8::is_ascii_uppercase) {
            return false;
        }
        words += 1;
        let is_clause = is_query && CLAUSES.contains(&word);
        is_joined |= !is_clause && JOINING.contains(&word)
            || word.len() > 1 && FUNCTION.contains(word)
            || ASKING.contains(word)
            || is_predicate(word)
            || token.ends_with(b"?");
        ends = is_end(token);
        if ends {
            break;
        }
    }
    is_joined && (words >= MIN_FOLLOWING || ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embeds(text: &str, code: &str) -> bool {
        let lower = text.to_ascii_lowercase();
        let index = text.find(code).unwrap();
        let line = (0, text.len());
        is_embedded(
            lower.as_bytes(),
            text.as_bytes(),
            (index, index),
            line,
            true,
        )
    }

    #[test]
    fn sentences_read_on_through_code() {
        for (text, code) in [
            ("Someone posted <b>x</b> in our guestbook.", "<b>"),
            ("I get an error with ' or 1=1-- as the name", "'"),
            ("kenapa <b onclick=x()> jalan di komentar?", "<b"),
            (
                "The string x'); drop table y;-- is all they talk about",
                "x'",
            ),
        ] {
            assert!(embeds(text, code), "{text}");
        }
        for (text, code) in [
            ("This is what I like. <b>x</b> Hello there, it is", "<b>"),
            ("This is what I like <b>x</b> Hello there, it is", "<b>"),
            ("This is what I like.' or 1=1-- and so it is", ".'"),
            ("I like ' union select name, password from users--", "'"),
            ("<b>x</b> in our guestbook is what I have", "<b>"),
        ] {
            assert!(!embeds(text, code), "{text}");
        }
    }

    #[test]
    fn sentences_end_with_code() {
        let ends = |text: &str| {
            let index = text.find('<').unwrap();
            is_ended(text.as_bytes(), (index, index), (0, text.len()))
        };
        assert!(ends("nothing is found for <b x=y>. why?"));
        assert!(!ends("nothing is found. <b x=y>."));
        assert!(!ends("nothing is found for <b x=y>"));
    }
}
