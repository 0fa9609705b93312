//! Statements without parentheses, as Ruby, Perl and PHP take them, where a value is nothing else.

use super::arguments::{is_program, starts_program};
use crate::waf::detect::{Hit, Hits};
use crate::waf::rules::code as rules;
use crate::waf::scan::{
    at, from, is_space, is_word, skip_space, skip_while, span, trim, word, word_before,
};

/// How far a statement is read, in bytes.
const MAX_STATEMENT: usize = 120;

/// Names the rule that the statement breaks with which the value begins or that it breaks out to.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    let start = skip_while(span(text, 0, 8), 0, |byte| {
        is_space(byte) || matches!(byte, b'\'' | b'"' | b';' | b')' | b'}' | b'.')
    });
    let name = word(text, start);
    let rest = trim(span(
        text,
        start + name.len(),
        start + name.len() + MAX_STATEMENT,
    ));
    let is_spaced = is_space(at(text, start + name.len()));
    let acts = match name {
        b"system" | b"exec" | b"popen" | b"spawn" | b"passthru" | b"shell_exec" => {
            let command = rest.strip_prefix(b"(").unwrap_or(rest);
            is_spaced
                && (matches!(at(command, 0), b'"' | b'\'') && starts_program(command)
                    || command.len() < rest.len() && runs(command))
        }
        // PHP's `${`id`}` and Ruby's `` `id`.lines `` within a string or alone.
        b"" => {
            let code = from(text, start);
            code.strip_prefix(b"${").is_some_and(runs) || is_asked(code)
        }
        b"echo" | b"print" | b"print_r" | b"var_dump" | b"printf" | b"puts" | b"die" | b"exit"
        | b"return" | b"warn" | b"raise" | b"abort" | b"p" | b"pp" => {
            is_sum(rest) || runs(rest.strip_prefix(b"(").unwrap_or(rest))
        }
        // Ruby's `` eval "`id`" ``.
        b"eval" | b"instance_eval" | b"class_eval" => {
            is_spaced && matches!(at(rest, 0), b'"' | b'\'') && runs(from(rest, 1))
        }
        _ => false,
    };
    if acts {
        hits.push(Hit::new(&rules::PHP_CALL, start, start + name.len()));
    }
}

/// `7*191;` and nothing after it.
fn is_sum(rest: &[u8]) -> bool {
    let first = skip_while(rest, 0, |byte| byte.is_ascii_digit());
    let star = skip_space(rest, first);
    let second = skip_space(rest, star + 1);
    let end = skip_while(rest, second, |byte| byte.is_ascii_digit());
    first > 0
        && at(rest, star) == b'*'
        && end > second
        && matches!(trim(from(rest, end)), b"" | b";" | b";//" | b";#")
}

/// `` `id`; `` and nothing after it.
fn runs(rest: &[u8]) -> bool {
    let close = skip_while(rest, 1, |byte| byte != b'`');
    at(rest, 0) == b'`'
        && at(rest, close) == b'`'
        && (is_program(word(rest, 1)) || at(rest, 1) == b'/')
        && !is_word(at(rest, skip_space(rest, close + 1)))
}

/// `` `id`.lines ``: what a command prints is asked for something.
fn is_asked(code: &[u8]) -> bool {
    let close = skip_while(span(code, 0, MAX_STATEMENT), 1, |byte| byte != b'`');
    at(code, 0) == b'`'
        && (is_program(word(code, 1)) || at(code, 1) == b'/')
        && at(code, close + 1) == b'.'
        && at(code, close + 2).is_ascii_alphabetic()
}

/// Whether a statement that prints or returns ends before `end`.
pub(super) fn prints_before(text: &[u8], end: usize) -> bool {
    matches!(
        word_before(text, end),
        b"print" | b"echo" | b"puts" | b"return" | b"die" | b"eval"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(text: &str) -> bool {
        let mut hits = Hits::default();
        detect(text.as_bytes(), &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn finds_statements_that_act() {
        for attack in [
            "exec \"id\";",
            "';system 'cat /etc/passwd'",
            "echo `id`;",
            "print 7*191",
            "\";echo 7*7;//",
            "exit(`id`);",
            "${`id`}",
            "`id`.lines.first",
        ] {
            assert!(is_found(attack), "{attack}");
        }
    }

    #[test]
    fn leaves_sentences_alone() {
        for honest in [
            "echo `date` to the terminal",
            "print 3*4 inch photos",
            "system \"design\" interview",
            "exec 'sp_help'",
            "return `x` of the function",
            "`id`. It prints the user",
            "${`a`}",
            "the system 'id' column",
        ] {
            assert!(!is_found(honest), "{honest}");
        }
    }
}
