//! Server-side and edge-side includes.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::ssi as rules;
use crate::waf::scan::{at, find, skip_space, span, stands, trim, word};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &["<!--", "<#exec", "<esi:", "$(http_", "$(query_string"];

/// Longest directive looked at.
const REACH: usize = 200;

const DIRECTIVES: &[&[u8]] = &[
    b"exec",
    b"include",
    b"echo",
    b"config",
    b"set",
    b"fsize",
    b"flastmod",
    b"if",
    b"elif",
    b"odbc",
    b"perl",
    b"email",
    b"block",
    b"geo",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    let lower = text.lower;
    let mut index = 0;
    while let Some(start) = find(lower, b"<!--", index) {
        index = start + 4;
        if is_directive(lower, index) {
            hits.push(Hit::new(&rules::SSI, start, index));
        }
    }
    let mut index = 0;
    while let Some(start) = find(lower, b"<esi:", index) {
        index = start + 5;
        // `<esi:remove>` and `<esi:comment>` only leave out.
        let name = word(lower, index);
        if !name.is_empty() && !matches!(name, b"remove" | b"comment") {
            hits.push(Hit::new(&rules::ESI, start, index));
        }
    }
    if let Some(start) = find(lower, b"<#exec ", 0) {
        hits.push(Hit::new(&rules::SSI, start, start + 6));
    }
    for variable in [&b"$(http_"[..], b"$(query_string"] {
        if let Some(start) = find(lower, variable, 0) {
            hits.push(Hit::new(&rules::ESI, start, start + variable.len()));
        }
    }
}

/// `#exec cmd=`, `#printenv`, `esi`: what a server reads in a comment.
fn is_directive(text: &[u8], start: usize) -> bool {
    if stands(text, start, b"esi") && matches!(at(text, start + 3), b' ' | b'\n' | b'\t') {
        // `<!--esi ... -->` is how manuals name it.
        return !stands(text, skip_space(text, start + 3), b"...");
    }
    let sign = skip_space(text, start);
    if at(text, sign) != b'#' {
        return false;
    }
    let name = word(text, skip_space(text, sign + 1));
    let rest = span(text, sign, sign + REACH);
    let rest = span(rest, 0, find(rest, b"-->", 0).unwrap_or(rest.len()));
    matches!(name, b"printenv" | b"endif")
        || name == b"else" && trim(rest).len() < 8
        || (DIRECTIVES.contains(&name) && rest.contains(&b'='))
}
