//! Shell commands by their grammar: a separator or a substitution, then a command that exists, then
//! arguments that commands have and prose does not.

mod argument;
mod command;
mod context;
mod follow;
mod glob;
mod lead;
mod resume;
mod scanner;
mod signs;
mod spelled;
mod table;
mod whole;
mod word;

use self::scanner::Scanner;
use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::scan::{Needles, skip_space, span};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    ";",
    "|",
    "&",
    "`",
    "$",
    "\n",
    "<(",
    ">(",
    "<<<",
    "/",
    "\\",
    "'",
    "\"",
    "^",
    "?",
    "*",
    " -",
    "{",
    "%",
    "cmd",
    "powershell",
    "net user",
    "n^et",
    "--",
    "-o",
    "-exec",
    "invoke-",
    "iex",
    "whoami",
    "ping ",
    "nslookup ",
    "expr ",
    "getent ",
    "wget ",
    "curl ",
    "dir ",
    "ls ",
    "cat ",
    "() ",
    ":!",
    "!/bin",
    "opt=-",
    "_options=-j",
    "startup=/",
    "_command=",
    "ld_pre",
    "ld_lib",
    "bash_env=",
    "+!",
    "1e ",
    ".system ",
    ".shell ",
    "shell=",
    ":r!",
    ":r !",
];

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[&signs::WINDOWS];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    let first = hits.len();
    let mut scanner = scanner(text.lower, text);
    scanner.separated(hits);
    scanner.whole(hits);
    if hits.len() == first {
        for (start, end) in resume::parts(text.lower) {
            let first = hits.len();
            let mut part = self::scanner(span(text.lower, start, end), text);
            part.separated(hits);
            for hit in hits.iter_mut().skip(first) {
                hit.start += start;
                hit.end += start;
            }
        }
    }
    signs::detect(text.lower, &mut scanner.prose, hits);
    glob::detect(text.lower, hits);
}

/// A scanner of the text, or of a part of it.
fn scanner<'t>(lower: &'t [u8], text: &Text<'t>) -> Scanner<'t> {
    Scanner {
        text: lower,
        part: text.part,
        name: text.name,
        first: skip_space(lower, 0),
        prose: None,
        severe: None,
        fed: None,
        tame: None,
    }
}

/// Whether the text reads as written by a person for people.
pub(super) fn reads_as_prose(text: &[u8]) -> bool {
    context::is_prose(text)
}

/// Whether the text is prose; read once, when the first command asks.
fn is_prose(text: &[u8], known: &mut Option<bool>) -> bool {
    *known.get_or_insert_with(|| context::is_prose(text))
}
