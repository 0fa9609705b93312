//! Lines that no shell runs any command of, since it reads a line to its end first and this one has none: an
//! apostrophe of a sentence opens a string that nothing closes (`ls -la; if it's empty, look in the log`), or a
//! condition goes on that nothing began (`run the tests first; then cat report.txt`).
//!
//! Within a string of the application's own, separators separate nothing until a quotation mark closes it, so
//! that none but that apostrophe may stand in the text.

use super::SEVERE;
use crate::waf::detect::Hit;
use crate::waf::scan::{at, before, from, is_space, skip_space, skip_while, span};

/// Commands that Windows, where an apostrophe opens nothing, has not.
const UNIX: &[&[u8]] = &[
    b"awk", b"cat", b"chmod", b"chown", b"cp", b"cut", b"df", b"du", b"free", b"grep", b"head",
    b"htop", b"ls", b"mv", b"ps", b"pwd", b"rm", b"sed", b"service", b"ss", b"sudo", b"tail",
    b"top", b"touch", b"uptime", b"wc",
];
/// Words before such a line goes on: an application's own loop may hold the value.
const MIN_WORDS: usize = 3;
/// Words that go on with what `if`, `for` or `while` began.
const CONTINUING: &[&[u8]] = &[b"then", b"do", b"else", b"elif", b"fi", b"done"];
const OPENING: &[&[u8]] = &[b"if", b"for", b"while", b"until", b"select", b"case"];

/// Whether the finding is of a command behind a separator, in a line that no shell runs.
pub(super) fn is_unparsed(text: &[u8], hit: &Hit) -> bool {
    let is_separator = |byte: u8| matches!(byte, b';' | b'|' | b'&');
    let start = skip_while(text, hit.start, is_separator);
    let first = skip_space(text, start);
    let name = word(text, first);
    start > hit.start
        && !text.iter().any(|byte| b"#$\\\"\n".contains(byte))
        && SEVERE.find(text, 0).is_none()
        && (UNIX.contains(&name) && opens_string(text, start)
            || CONTINUING.contains(&name)
                && words(span(text, 0, hit.start)) >= MIN_WORDS
                && !text.contains(&b'\'')
                && !span(text, 0, hit.start)
                    .split(|byte| is_space(*byte))
                    .any(|word| OPENING.contains(&word)))
}

fn words(text: &[u8]) -> usize {
    text.split(|byte| is_space(*byte))
        .filter(|word| word.iter().any(u8::is_ascii_alphabetic))
        .count()
}

fn word(text: &[u8], start: usize) -> &[u8] {
    span(
        text,
        start,
        skip_while(text, start, |byte| byte.is_ascii_lowercase()),
    )
}

/// Whether the only apostrophe stands in a word of the line behind the command, outside of backticks.
fn opens_string(text: &[u8], start: usize) -> bool {
    let mut apostrophes = (0..text.len()).filter(|index| at(text, *index) == b'\'');
    let Some(index) = apostrophes.next() else {
        return false;
    };
    let ticks = span(text, 0, index).iter().filter(|byte| **byte == b'`');
    index > start
        && apostrophes.next().is_none()
        && before(text, index).is_ascii_alphabetic()
        && at(text, index + 1).is_ascii_alphabetic()
        && ticks.count() % 2 == 0
        && !from(text, index).contains(&b'`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::rules::shell;

    #[test]
    fn a_line_that_does_not_end_runs_nothing() {
        let is_fault = |text: &str| {
            let start = text.find([';', '|', '&']).unwrap();
            is_unparsed(
                text.as_bytes(),
                &Hit::new(&shell::COMMAND, start, start + 4),
            )
        };
        for text in [
            "cd .. && ls -la; if it's empty, look in /var/log/nginx/error.log",
            "127.0.0.1; ls -la, that's all",
            "run `npm ci` first; then cat dist/index.html",
        ] {
            assert!(is_fault(text), "{text}");
        }
        for text in [
            "127.0.0.1; ls -la",
            "127.0.0.1; ls -la # it's a comment",
            "127.0.0.1'; ls -la; echo it's",
            "127.0.0.1; ls -la; echo it's what isn't",
            "127.0.0.1; ls -la; echo it\\'s",
            "127.0.0.1; ls -la; echo \"it's\"",
            "127.0.0.1; ls -la; `it's`",
            "127.0.0.1; ls -la\nit's",
            "it's 127.0.0.1; ls -la",
            "127.0.0.1 & dir & it's",
            "127.0.0.1; whoami; it's",
            "if true; then cat x; fi",
            "x'; then cat x; '",
            "; do ls -la",
            "127.0.0.1; do ls -la",
        ] {
            assert!(!is_fault(text), "{text}");
        }
    }
}
