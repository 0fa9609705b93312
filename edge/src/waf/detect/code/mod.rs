//! Server code, serialised objects and look-ups that literals alone cannot tell from prose.

mod call;
mod functions;
mod java;
mod serialized;

pub(super) use self::serialized::starts_object;

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::code as rules;
use crate::waf::scan::{at, before, find, from, is_word, last_before, span, word};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "(",
    "$_",
    "$globals",
    "o:",
    "c:",
    "${",
    "java.",
    "javax.",
    "@type",
    "@class",
    "$type",
    ".execute()",
    "ro0ab",
    "aced0005",
    "kztaau",
    "cs7qaf",
    "system",
    "aaeaaad/////",
    "gasv",
    "bahv",
    "y29zcn",
    "y3bvc2l4c",
    "%x{",
    "%x[",
    "qx{",
    "qx/",
    "`",
    "com.",
    "org.",
    "oracle.",
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
    call::detect(text.lower, hits);
    java::detect(text, hits);
    serialized::detect(text.lower, hits);
    globals(text.lower, hits);
    assembled(text.lower, hits);
    quoted_commands(text.lower, hits);
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

/// PHP's `$a='sys'.'tem';$a('id')`: a name that was put together and is then called.
fn assembled(text: &[u8], hits: &mut Vec<Hit>) {
    const MAX_CALLS: usize = 8;
    // The complement of a name: `(~…)()`.
    if text.starts_with(b"(~") && find(text, b")(", 2).is_some() {
        hits.push(Hit::new(&rules::PHP_CALL, 0, 2));
        return;
    }
    let mut index = 0;
    for _ in 0..MAX_CALLS {
        let Some(found) = find(text, b"(", index) else {
            return;
        };
        index = found + 1;
        let name = crate::waf::scan::word_before(text, found);
        let start = found - name.len();
        if name.is_empty() || before(text, start) != b'$' {
            continue;
        }
        let mut assignment = span(text, start - 1, found).to_vec();
        assignment.push(b'=');
        if let Some(assigned) = find(text, &assignment, 0)
            && assigned < start
            && from(text, assigned + assignment.len())
                .iter()
                .take(80)
                .take_while(|byte| **byte != b';')
                .any(|byte| *byte == b'.')
        {
            hits.push(Hit::new(&rules::PHP_CALL, assigned, index));
            return;
        }
    }
}

/// Ruby's `%x{id}` and Perl's `qx/id/` where an expression stands, with nothing after them.
fn quoted_commands(text: &[u8], hits: &mut Vec<Hit>) {
    for (open, close) in [
        (&b"%x{"[..], b'}'),
        (b"%x(", b')'),
        (b"%x[", b']'),
        (b"qx{", b'}'),
        (b"qx(", b')'),
        (b"qx/", b'/'),
        (b"qx`", b'`'),
    ] {
        let Some(start) = find(text, open, 0) else {
            continue;
        };
        let body = from(text, start + open.len());
        let is_end = |index: &usize| at(body, *index) == close && before(body, *index) != b'\\';
        let Some(length) = (0..body.len().min(200)).find(is_end) else {
            continue;
        };
        let stands_alone = last_before(text, start).is_none_or(|last| {
            matches!(
                at(text, last),
                b'=' | b'{' | b'(' | b';' | b'#' | b'"' | b'\''
            )
        });
        let after = at(body, length + 1);
        let names = span(body, 0, length).iter().any(u8::is_ascii_alphabetic);
        if stands_alone && names && !is_word(after) {
            hits.push(Hit::new(&rules::RUBY, start, start + open.len() + length));
            return;
        }
    }
}
