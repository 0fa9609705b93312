//! Texts that set a cookie in a visitor's browser: session fixation by script or by meta element,
//! also where an attack brings the tail of one alone.

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::rules::protocol as rules;
use crate::waf::scan::{at, find, is_word, skip_while, span, stands, word};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &["cookie"];

/// Longest value that is such a tail and no source code.
const MAX_TAIL: usize = 120;

/// Cookies that a page keeps for itself, and that are no session.
const PREFERENCES: &[&[u8]] = &[
    b"theme",
    b"lang",
    b"locale",
    b"consent",
    b"cookieconsent",
    b"currency",
    b"font",
    b"layout",
    b"visited",
    b"seen",
    b"darkmode",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    let lower = text.lower;
    if text.part == Part::File || lower.len() > MAX_TAIL || lower.contains(&b'\n') {
        return;
    }
    let Some(start) = find(lower, b"cookie", 0) else {
        return;
    };
    let end = start + b"cookie".len();
    if sets_attribute(lower, start, end) || sets_header(lower, start) {
        hits.push(Hit::new(&rules::SET_COOKIE, start, end));
    }
}

/// `.cookie;expires=`, `x.cookie; domain=`: no sentence, and no assignment, which scripts are read for.
fn sets_attribute(text: &[u8], start: usize, end: usize) -> bool {
    let is_member = start == 0 || text.get(start - 1) == Some(&b'.');
    let is_token =
        skip_while(text, 0, |byte| is_word(byte) || matches!(byte, b'.' | b'[')) >= start;
    let Some(semicolon) = find(text, b";", end) else {
        return false;
    };
    let name = skip_while(text, semicolon + 1, |byte| !is_word(byte));
    let value = skip_while(text, end, |byte| !is_word(byte));
    is_member
        && !PREFERENCES.contains(&word(text, value))
        && is_token
        && !is_word(at(text, end))
        && [&b"expires"[..], b"domain", b"path", b"max"]
            .iter()
            .any(|attribute| stands(text, name, attribute))
        && span(text, name, name + 12).contains(&b'=')
}

/// `http-equiv="set-cookie"`, which begins the text or an element's attributes.
fn sets_header(text: &[u8], start: usize) -> bool {
    const EQUIV: &[u8] = b"http-equiv";
    let Some(equiv) = find(span(text, 0, start), EQUIV, 0) else {
        return false;
    };
    let between = span(text, equiv + EQUIV.len(), start);
    let is_lead = span(text, 0, equiv)
        .iter()
        .all(|byte| !byte.is_ascii_alphanumeric() || equiv < 12);
    is_lead
        && between.contains(&b'=')
        && between
            .strip_suffix(b"set-")
            .is_some_and(|mark| mark.iter().all(|byte| !is_word(*byte)))
}
