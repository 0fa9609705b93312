//! Server code and markup that literals alone cannot tell from prose.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::code as rules;
use crate::waf::scan::{at, before, find, from, is_word, skip_space, span, stands, word};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "system(",
    "exec(",
    "popen(",
    "assert(",
    "$_",
    "o:",
    "a:",
    "printf(",
    "eval(",
    "include(",
    "require(",
    "readfile(",
    "fopen(",
    "md5(",
    "gasv",
];

const CALLS: &[&[u8]] = &[
    b"system",
    b"exec",
    b"popen",
    b"assert",
    b"eval",
    b"include",
    b"require",
    b"readfile",
    b"fopen",
    b"unserialize",
    b"include_once",
    b"require_once",
];
const GLOBALS: &[&[u8]] = &[
    b"_get",
    b"_post",
    b"_request",
    b"_server",
    b"_cookie",
    b"_files",
    b"_session",
    b"_env",
    b"globals",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    calls(text.lower, hits);
    globals(text.lower, hits);
    serialized(text.lower, hits);
}

/// `system('id')`, where a statement could start, with a string or a variable as its argument.
fn calls(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    while let Some(open) = from(text, index).iter().position(|byte| *byte == b'(') {
        let open = index + open;
        index = open + 1;
        let name = crate::waf::scan::word_before(text, open);
        let start = open - name.len();
        let argument = at(text, skip_space(text, open + 1));
        let is_argument = matches!(argument, b'\'' | b'"' | b'$' | b'`');
        let may_start = matches!(
            before(text, start),
            0 | b';'
                | b'{'
                | b'}'
                | b'='
                | b'@'
                | b'\''
                | b'"'
                | b'('
                | b'\\'
                | b','
                | b'|'
                | b'&'
                | b'>'
                | b':'
        );
        if CALLS.contains(&name) && is_argument && may_start {
            hits.push(Hit::new(&rules::PHP_CALL, start, open + 1));
            return;
        }
    }
}

/// `$_GET['c']`, `$GLOBALS[`.
fn globals(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    while let Some(dollar) = from(text, index).iter().position(|byte| *byte == b'$') {
        index += dollar + 1;
        let name = word(text, index);
        if GLOBALS.contains(&name) && matches!(at(text, index + name.len()), b'[' | b'{') {
            hits.push(Hit::new(&rules::PHP_GLOBAL, index - 1, index + name.len()));
            return;
        }
    }
}

/// PHP's `O:8:"stdClass":1:{` and `a:1:{s:`.
fn serialized(text: &[u8], hits: &mut Vec<Hit>) {
    // Pickle's protocol 4 in base64; shorter, it is a German word.
    let is_base64 = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
    };
    if text.starts_with(b"gasv") && text.len() > 24 && text.iter().all(is_base64) {
        hits.push(Hit::new(&rules::SERIALIZED, 0, 24));
    }
    let mut index = 0;
    while let Some(colon) = from(text, index).iter().position(|byte| *byte == b':') {
        let colon = index + colon;
        index = colon + 1;
        let is_object = matches!(before(text, colon), b'o' | b'c')
            && colon >= 1
            && !is_word(before(text, colon - 1));
        let digits = from(text, index)
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if is_object && digits > 0 && stands(text, index + digits, b":\"") {
            hits.push(Hit::new(&rules::SERIALIZED, colon - 1, index + digits + 2));
            return;
        }
    }
}
