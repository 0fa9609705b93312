//! Text that no language compiles: words of a sentence stand side by side in it, outside of strings
//! and comments. What has to be a program as a whole, from its first byte to its last, does nothing there.

use super::line::plain_word;
use super::within::is_balanced;
use super::words::TERMS;
use super::{SEVERE, closing};
use crate::waf::detect::Hit;
use crate::waf::scan::{Needles, at, before, is_space, is_word, skip_space, span};

/// Rules about what is compiled, or read as JSON, as a whole.
const WHOLE: &[&str] = &[
    "php-002",
    "php-003",
    "java-001",
    "node-001",
    "python-001",
    "code-001",
    "code-002",
    "xss-006",
    "xss-007",
    "nosqli-002",
    "nosqli-003",
    "proto-pollution-001",
    "rce-006",
];

/// Longest value that is read.
const MAX_VALUE: usize = 4096;

/// Words that languages put beside others.
const KEYWORDS: &[&[u8]] = &[
    b"abstract",
    b"and",
    b"as",
    b"assert",
    b"async",
    b"await",
    b"begin",
    b"bool",
    b"boolean",
    b"byte",
    b"call",
    b"case",
    b"catch",
    b"char",
    b"class",
    b"const",
    b"def",
    b"default",
    b"del",
    b"delete",
    b"do",
    b"double",
    b"echo",
    b"elif",
    b"else",
    b"elseif",
    b"end",
    b"enum",
    b"eval",
    b"exec",
    b"export",
    b"extends",
    b"final",
    b"finally",
    b"float",
    b"for",
    b"foreach",
    b"from",
    b"func",
    b"function",
    b"global",
    b"goto",
    b"if",
    b"implements",
    b"import",
    b"in",
    b"include",
    b"instanceof",
    b"int",
    b"interface",
    b"is",
    b"lambda",
    b"let",
    b"local",
    b"long",
    b"module",
    b"my",
    b"namespace",
    b"new",
    b"not",
    b"object",
    b"of",
    b"or",
    b"package",
    b"print",
    b"private",
    b"protected",
    b"public",
    b"puts",
    b"raise",
    b"require",
    b"rescue",
    b"return",
    b"short",
    b"static",
    b"string",
    b"struct",
    b"super",
    b"switch",
    b"then",
    b"throw",
    b"throws",
    b"try",
    b"type",
    b"typeof",
    b"unless",
    b"until",
    b"use",
    b"using",
    b"var",
    b"void",
    b"when",
    b"where",
    b"while",
    b"with",
    b"xor",
    b"yield",
];

/// What is evaluated within any text, or starts markup.
static EVALUATED: Needles<'static> = Needles::new(&[
    b"${",
    b"#{",
    b"%{",
    b"*{",
    b"{{",
    b"{%",
    b"<%",
    b"<",
    b"[[",
    b"{$",
    b"javascript:",
    b"!!",
]);

/// What ends a program, so that words may follow it.
static ENDING: Needles<'static> =
    Needles::new(&[b"?>", b"__halt_compiler", b"__end__", b"__data__"]);

/// Whether the text holds what attacks are after, besides a call that only tells of PHP.
fn is_severe(text: &[u8]) -> bool {
    let mut index = 0;
    while let Some((start, goal)) = SEVERE.find(text, index) {
        if goal != b"phpinfo" {
            return true;
        }
        index = start + goal.len();
    }
    false
}

/// Whether words stand side by side where a program would have something between them.
pub(in crate::waf) fn is_uncompiled(text: &[u8]) -> bool {
    if text.len() > MAX_VALUE
        || EVALUATED.find(text, 0).is_some()
        || ENDING.find(text, 0).is_some()
        || is_severe(text)
    {
        return false;
    }
    let (mut index, mut open) = (0, 0);
    // The last token, where it is a word of a sentence.
    let mut previous: Option<&[u8]> = None;
    // Words in a row, of languages too, of which the first is none.
    let mut run = 0_usize;
    let mut is_found = false;
    while index < text.len() {
        let byte = at(text, index);
        match byte {
            b'\n' => (open, previous, run) = (0, None, 0),
            b'\\' => index += 1,
            b'\'' | b'"' | b'`' if open == byte => open = 0,
            b'\'' | b'"' | b'`' if open == 0 => {
                let is_letter = |byte: u8| is_word(byte) || byte >= 0x80;
                let (last, next) = (before(text, index), at(text, index + 1));
                // `x'.f()` ends a string that began before the text.
                let is_free = matches!(last, 0 | b' ')
                    && matches!(next, b' ' | b';' | b')' | b',' | b'+' | b'|' | b'&' | b'%');
                if is_free
                    || matches!(last, b'.' | b'?' | b'!')
                    || is_letter(last) && !is_letter(next)
                {
                    return false;
                }
                if !is_letter(last) {
                    open = byte;
                }
            }
            _ if open != 0 => {}
            b'/' if matches!(at(text, index + 1), b'/' | b'*') && before(text, index) != b':' => {
                return is_found;
            }
            b'#' => return is_found,
            b'-' if at(text, index + 1) == b'-' && is_space(at(text, index + 2)) => {
                return is_found;
            }
            _ if byte.is_ascii_alphabetic()
                && (is_space(before(text, index)) || before(text, index) == 0) =>
            {
                let token = token(text, index);
                let word = word(token);
                let is_plain = plain_word(token).is_some_and(|word| word.len() > 1);
                run = usize::from(is_plain && (run > 0 || word.is_some())) * (run + 1);
                let is_sentence = previous.is_some() && word.is_some() || run >= MIN_RUN;
                is_found |= is_sentence && ends(text, index + token.len());
                is_found |= is_said(text, index);
                // A mark ends the sentence's part: what follows stands beside nothing.
                previous = word.filter(|word| word.len() == token.len());
                index += if is_plain { token.len() - 1 } else { 0 };
            }
            _ if !is_space(byte) => (previous, run) = (None, 0),
            _ => {}
        }
        index += 1;
    }
    is_found
}

/// Words in a row that no language has, whatever they are.
const MIN_RUN: usize = 3;

/// `is dangerous, use`: what is said of code, with more behind a comma.
fn is_said(text: &[u8], index: usize) -> bool {
    let mut tokens = span(text, index, index + 80)
        .split(|byte| is_space(*byte))
        .filter(|token| !token.is_empty());
    let verb = tokens.next().unwrap_or_default();
    let state = tokens.next().unwrap_or_default();
    matches!(
        verb,
        b"is" | b"are" | b"was" | b"isn't" | b"can" | b"does" | b"doesn't" | b"will"
    ) && state.ends_with(b",")
        && word(state).is_some()
        && !matches!(state, b"none," | b"true," | b"false,")
        && tokens.next().is_some_and(|next| plain_word(next).is_some())
}

fn token(text: &[u8], start: usize) -> &[u8] {
    let rest = span(text, start, text.len());
    let length = rest.iter().position(|byte| is_space(*byte));
    span(rest, 0, length.unwrap_or(rest.len()))
}

/// The word of a sentence that the token is, and no language's.
fn word(token: &[u8]) -> Option<&[u8]> {
    plain_word(token)
        .filter(|word| word.len() > 1 && token.starts_with(word) && !KEYWORDS.contains(word))
}

/// Whether what follows makes no declaration of the two words: `Process p = ...`.
fn ends(text: &[u8], index: usize) -> bool {
    !matches!(at(text, skip_space(text, index)), b'=' | b'{' | b'(' | b';')
}

/// Rules about filters and statements, which have no labels as programs have.
const LED: &[&str] = &[
    "nosqli-002",
    "ldapi-001",
    "sqli-002",
    "sqli-003",
    "sqli-004",
    "sqli-005",
    "sqli-006",
    "sqli-007",
];

/// Whether the name of a language or a product stands before the code, as in a list of examples:
/// `ldap: (uid=x)`.
pub(in crate::waf) fn is_labelled(text: &[u8], hit: &Hit) -> bool {
    let label = text.iter().take(MAX_LABEL).position(|byte| *byte == b':');
    let name = span(text, 0, label.unwrap_or_default());
    let is_named = TERMS.contains(name) && is_space(at(text, name.len() + 1));
    is_named
        && text.len() <= MAX_TEXT
        && LED.contains(&hit.rule.id)
        && is_balanced(text)
        && closing::ranges(text).is_empty()
        && SEVERE.find(text, 0).is_none()
        && EVALUATED.find(text, 0).is_none()
}

/// Longest name of a language.
const MAX_LABEL: usize = 16;
/// Each finding asks anew, so nothing long may be read.
const MAX_TEXT: usize = 1000;

/// Whether the finding is of what has to be all there is.
pub(in crate::waf) fn needs_whole(text: &[u8], hit: &Hit) -> bool {
    let starts_program = || {
        let start = hit.start.min(text.len());
        let lead = span(text, 0, start);
        let last = lead.iter().rev().find(|byte| !is_space(**byte));
        last.is_none_or(|last| matches!(last, b';' | b'|' | b'&' | b'`' | b'(' | b'\n'))
    };
    // Commands of Redis and Memcached are words alone.
    let is_called = || text.iter().any(|byte| matches!(byte, b'(' | b'{'));
    WHOLE.contains(&hit.rule.id)
        && (hit.rule.id != "rce-006" || !starts_program())
        && (hit.rule.id != "nosqli-003" || is_called())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_side_by_side_are_no_program() {
        for text in [
            "eval(input(\"number: \")) is dangerous, better write int(input())",
            "settimeout(\"alert('hi')\", 1000) uses eval internally, so",
            "json.parse('{\"__proto__\": {\"a\": 1}}') what happens",
            "yes {\"password\": {\"$ne\": null}} matches anybody",
            "phpinfo(); on a live site shows too much, take it off",
        ] {
            assert!(is_uncompiled(text.as_bytes()), "{text}");
        }
        for text in [
            "system('ls')",
            "hello system('ls')",
            "process p = runtime.getruntime().exec(\"ls\")",
            "system('ls'); // what a nice day",
            "system('ls') # what a nice day",
            "hello there'.system('ls').'",
            "what a nice day ${system('ls')}",
            "system('ls');?> what a nice day",
            "system('ls');__halt_compiler(); what a nice day",
            "system('ls')\n__end__\nwhat a nice day",
            "echo \"what a nice day\"; system('ls')",
            "import os; os.system('ls')",
            "public static void main(string[] args)",
        ] {
            assert!(!is_uncompiled(text.as_bytes()), "{text}");
        }
    }
}
