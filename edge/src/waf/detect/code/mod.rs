//! Server code, serialised objects and look-ups that literals alone cannot tell from prose.

mod arguments;
mod call;
mod functions;
mod java;
mod lookup;
mod php;
mod reading;
mod serialized;
mod statement;

pub(super) use self::serialized::starts_object;

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::rules::code as rules;
use crate::waf::scan::{Needles, at, before, find, from, is_word, last_before, span};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "(",
    "exec ",
    "print ",
    "echo ",
    "puts ",
    "popen ",
    "spawn ",
    "passthru ",
    "$_",
    "__type",
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
    "abaaaa/////w",
    "aaqaaap////8b",
    "[exec ",
    "jdk.",
    "gasv",
    "gawv",
    "gajj",
    "ganj",
    "bahv",
    "bahb",
    "^o",
    "json_class",
    "py/",
    "::",
    "ch.qos.",
    "sun.",
    "'.'",
    "\".\"",
    "'+'",
    "\"+\"",
    "y29zcn",
    "y3bvc2l4c",
    "%x{",
    "%x[",
    "%x/",
    "qx{",
    "warn ",
    "raise ",
    "abort ",
    "p `",
    "eval ",
    "qx/",
    "`",
    "com.",
    "org.",
    "oracle.",
    "env[",
    "env.",
    "dir[",
];

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[
    &java::ACTING,
    &java::KEYS,
    &serialized::KEYS,
    &serialized::HEADS,
    &OPENINGS,
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        // A body with NULs is read as a file; PHP writes them around the names of private members.
        serialized::php_file(text.lower, hits);
        return;
    }
    call::detect(text.lower, hits);
    statement::detect(text.lower, hits);
    reading::detect(text.lower, hits);
    java::detect(text, hits);
    lookup::detect(text.lower, hits);
    serialized::detect(text, hits);
    php::detect(text.lower, hits);
    quoted_commands(text.lower, hits);
}

/// What such a command starts with.
static OPENINGS: Needles<'static> = Needles::numbered(
    9,
    &[
        b"%x{", b"%x(", b"%x[", b"%x/", b"qx{", b"qx(", b"qx/", b"qx`", b"qx'", b"[exec ",
    ],
);

/// Ruby's `%x{id}`, Perl's `qx/id/` and Tcl's `[exec id]` where an expression stands, with nothing after them.
fn quoted_commands(text: &[u8], hits: &mut Hits) {
    let Some((first, _)) = hits.absent.find(&OPENINGS, text, 0) else {
        return;
    };
    for open in OPENINGS.all() {
        let Some(start) = find(text, open, first) else {
            continue;
        };
        let close = match open.last() {
            Some(b'{') => b'}',
            Some(b'(') => b')',
            Some(b'[' | b' ') => b']',
            same => same.copied().unwrap_or_default(),
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
            ) || statement::prints_before(text, last + 1)
        });
        let after = at(body, length + 1);
        let names = span(body, 0, length).iter().any(u8::is_ascii_alphabetic);
        if stands_alone && names && !is_word(after) {
            hits.push(Hit::new(&rules::RUBY, start, start + open.len() + length));
            return;
        }
    }
}
