//! Code that a sentence on the same line speaks of: `why does f(x) return nothing`, `f(x) is slow`.
//!
//! A word leads to it, or what it does follows it. A sentence that stands for itself beside it does
//! neither: it ends before the code, or begins behind it.

use super::line::{holds_statement, plain_word};
use super::words::{ASKING, FUNCTION};
use super::{SHOWN, STATEMENTS};
use crate::waf::detect::Hit;
use crate::waf::scan::{is_space, span};

/// Bytes behind a finding in which a word that goes on about it is looked for.
const REACH: usize = 400;
/// Words that follow the first one of what is said about code.
const MIN_FOLLOWING: usize = 2;
/// Words of a question.
const MIN_QUESTION: usize = 2;
/// Shortest verb: `runs`.
const MIN_VERB: usize = 4;

/// Classes that act within any sentence, so that one has to stand on both of their sides.
const ANYWHERE: &[&str] = &["sqli", "xss", "ssti", "jndi"];

/// What words lead to besides those of questions.
const LEADING: &[&[u8]] = &[
    b"as", b"between", b"with", b"like", b"via", b"call", b"calling", b"typed", b"typing", b"than",
    b"e.g",
];

/// What code does or is, as a sentence goes on behind it.
const PREDICATES: &[&[u8]] = &[
    b"is",
    b"isn't",
    b"are",
    b"was",
    b"wasn't",
    b"does",
    b"doesn't",
    b"doesnt",
    b"did",
    b"didn't",
    b"has",
    b"had",
    b"can",
    b"can't",
    b"cannot",
    b"could",
    b"should",
    b"will",
    b"won't",
    b"would",
    b"work",
    b"worked",
    b"still",
    b"but",
    b"in",
    b"on",
    b"under",
    b"inside",
    b"only",
    b"always",
    b"never",
    b"just",
    b"gave",
    b"said",
    b"itu",
    b"ini",
    b"kok",
    b"tidak",
    b"ga",
    b"gak",
    b"nggak",
    b"enggak",
    b"masih",
    b"malah",
    b"selalu",
    b"langsung",
    b"muncul",
    b"bisa",
    b"jalan",
    b"terus",
    b"padahal",
    b"hasilnya",
    b"tetap",
    b"error",
    b"gagal",
    b"kosong",
    b"cuma",
    b"hanya",
    b"artinya",
    b"sudah",
    b"udah",
    b"belum",
    b"buat",
    b"untuk",
    b"di",
    b"pas",
    b"kalau",
    b"yang",
];

/// Words that end like a verb and begin a sentence of their own.
const NO_VERBS: &[&[u8]] = &[
    b"thanks", b"this", b"regards", b"cheers", b"always", b"as", b"mas",
];

/// Whether the line, which starts and ends there, speaks of the code that was found.
pub(super) fn mentions(text: &[u8], hit: &Hit, start: usize, end: usize) -> bool {
    // Many findings may stand on one long line: each looks at what is near.
    let start = start.max(hit.start.saturating_sub(REACH));
    if STATEMENTS.contains(&hit.rule.id) {
        let line = span(text, start, end.min(hit.start + REACH));
        return holds_statement(line, hit.start - start);
    }
    let is_led = is_led(span(text, start, hit.start));
    let is_followed = is_followed(span(text, hit.start, end.min(hit.end + REACH)));
    let class = hit.rule.tags.first().copied().unwrap_or_default();
    if ANYWHERE.contains(&class) {
        is_led && is_followed
    } else {
        let tail = hit.start.max(end.saturating_sub(REACH));
        let is_asked = SHOWN.contains(&hit.rule.id) && asks(span(text, tail, end));
        is_led || is_followed || is_asked
    }
}

/// Whether the line ends with a question.
fn asks(rest: &[u8]) -> bool {
    let words = rest
        .rsplit(|byte| is_space(*byte))
        .filter(|token| !token.is_empty());
    rest.trim_ascii_end().ends_with(b"?")
        && words
            .take(MIN_QUESTION)
            .filter(|token| plain_word(token).is_some())
            .count()
            == MIN_QUESTION
}

/// Whether a word stands right before the token that a finding starts in, and the sentence goes on.
fn is_led(lead: &[u8]) -> bool {
    let Some(space) = lead.iter().rposition(|byte| is_space(*byte)) else {
        return false;
    };
    let mut words = span(lead, 0, space)
        .rsplit(|byte| is_space(*byte))
        .filter(|token| !token.is_empty());
    let (Some(word), Some(previous)) = (words.next(), words.next()) else {
        return false;
    };
    let is_word = !matches!(word, b"not" | b"no")
        && (FUNCTION.contains(word) || ASKING.contains(word) || LEADING.contains(&word));
    is_word && plain_word(previous).is_some()
}

/// Whether words go on about the code before them.
fn is_followed(rest: &[u8]) -> bool {
    let mut tokens = rest
        .split(|byte| is_space(*byte))
        .filter(|token| !token.is_empty());
    let mut last = tokens.next().unwrap_or_default();
    while let Some(token) = tokens.next() {
        if is_code(last) && is_predicate(token) {
            let mut following = tokens.clone().take(MIN_FOLLOWING);
            let ends = token.ends_with(b".") || token.ends_with(b"?") || token.ends_with(b",");
            let is_plain = |word: &[u8]| plain_word(word).is_some();
            if ends
                || is_verb(token)
                || following.next().is_some_and(is_plain) && following.all(is_plain)
            {
                return true;
            }
        }
        last = token;
    }
    false
}

/// Whether the token ends as code does and words do not.
fn is_code(token: &[u8]) -> bool {
    plain_word(token).is_none()
        || matches!(
            token.last(),
            Some(b')' | b']' | b'}' | b';' | b'"' | b'\'' | b'`' | b'>')
        )
}

pub(super) fn is_predicate(token: &[u8]) -> bool {
    is_verb(token) || plain_word(token).is_some_and(|word| PREDICATES.contains(&word))
}

fn is_verb(token: &[u8]) -> bool {
    plain_word(token).is_some_and(|word| {
        let is_ended = word.ends_with(b"s") && !word.ends_with(b"ss");
        word.len() >= MIN_VERB && is_ended && !NO_VERBS.contains(&word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_go_on_behind_code() {
        for text in [
            "process.mainmodule is deprecated, what now?",
            "exec(\"a | find\") doesn't. why?",
            "process.start(\"cmd.exe\", \"/c dir > x\") leaves an empty file",
            "system('cls') cuma kedip di terminal",
        ] {
            assert!(is_followed(text.as_bytes()), "{text}");
        }
        for text in [
            "system('id') hello there, this is the order",
            "system('id') why does it fail",
            "system('id') thanks for all of it",
            "{% if \"warning\" in x.__name__ %} x",
            "cat /etc/passwd",
        ] {
            assert!(!is_followed(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn words_lead_to_code() {
        for lead in ["what happens with ", "is that the same as array_map("] {
            assert!(is_led(lead.as_bytes()), "{lead}");
        }
        for lead in [
            "this is what i like. ",
            "why? ",
            "1 or ",
            "this is not ",
            "x;",
        ] {
            assert!(!is_led(lead.as_bytes()), "{lead}");
        }
    }
}
