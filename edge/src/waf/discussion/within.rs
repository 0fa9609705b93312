//! Code that a text about software shows within its sentences: whole statements and calls, markup
//! and templates that do no harm; a text that explains at length shows anything. Nothing is shown
//! that a separator behind a sentence starts: that goes on where the application's text stopped.

use super::line::{holds_statement, plain_word};
use super::subject::Subject;
use super::words::{ASKING, FUNCTION};
use super::{EXPRESSIONS, MAX_INDENT, SHOWN, STATEMENTS};
use crate::waf::detect::Hit;
use crate::waf::scan::{
    Needles, at, before, find, from, is_space, last_before, span, trim, word_before,
};

/// Bytes of markup, and of a line before a finding, that are looked at.
const REACH: usize = 400;

/// Shortest name of a function.
const MIN_NAME: usize = 3;
/// Words that tell a sentence's end.
const SENTENCE_END: usize = 4;

/// What a script does in attacks, and in the examples of those who ask about them.
pub(super) static HOSTILE: Needles<'static> = Needles::new(&[
    b"alert",
    b"prompt",
    b"document.cookie",
    b"document[",
    b"eval",
    b"fromcharcode",
    b"atob",
    b"srcdoc",
    b"javascript:",
    b"=//",
    b"='//",
    b"=\"//",
    b"fetch",
    b"import(",
    b"src=http",
    b"src=\"http",
    b"src='http",
    b"data:",
    b"window[",
    b"top[",
    b"this[",
    b"parent[",
    b"frames[",
    b"globalthis",
    b"confirm`",
    b"print(",
    b"location=",
    b"innerhtml=",
    b"self[",
    b"constructor",
    b"throw ",
    b"&#",
    b"\\u0",
    b"\\x",
]);

/// What a template does in attacks.
static HOSTILE_TEMPLATE: Needles<'static> = Needles::new(&[
    b"__",
    b"7*",
    b"7 *",
    b"*7",
    b"exec",
    b"system",
    b"popen",
    b"runtime",
    b"process",
    b"import",
    b"eval",
    b"class",
    b"read",
    b"open",
    b"file",
    b"cycler",
    b"joiner",
    b"lipsum",
    b"self",
    b"request",
    b"subclasses",
    b"constructor",
    b"getattr",
    b"attr(",
    b"|map",
    b"|filter",
    b"|sort",
    b"|reduce",
    b"registerundefined",
    b"include",
    b"source(",
    b"script",
    b"env",
    b"secret",
    b"passwd",
    b"new(",
    b"\\x",
]);

/// Rules about scripts that need none of these words.
const DISGUISED: &[&str] = &["xss-004", "xss-008", "xss-009", "xss-010"];
/// Rules about what is only named in prose.
const MENTIONED: &[&str] = &["xss-002", "probe-005", "session-003"];
/// Rules about expressions that templates evaluate.
const TEMPLATES: &[&str] = &["ssti-001", "ssti-002"];
/// Rules about functions that a statement calls.
const TIMERS: &[&str] = &["sqli-010", "sqli-012"];
/// Rules about what acts only at the start of a value.
const LED: &[&str] = &["rce-004", "ssrf-004"];

/// Whether the finding on the line from `start` is shown.
/// Beside what attacks are after, only whole statements and calls are, or anything that is
/// explained at length.
pub(super) fn shows(
    subject: Subject,
    is_severe: bool,
    text: &[u8],
    hit: &Hit,
    start: usize,
) -> bool {
    if !subject.is_software() {
        return !is_severe && subject.is_prose() && is_harmless_markup(text, hit);
    }
    let is_one_of = |rules: &[&str]| rules.contains(&hit.rule.id);
    let is_near = hit.start <= start + REACH;
    let start = start.max(hit.start.saturating_sub(REACH));
    let lead = span(text, start, hit.start);
    if subject.is_essay() {
        return !follows_sentence(text, start, hit.start);
    }
    if is_one_of(TIMERS) && is_mentioned(lead) {
        return true;
    }
    if is_one_of(STATEMENTS) || is_one_of(TIMERS) {
        return holds_statement(span(text, start, hit.start + REACH), lead.len());
    }
    if is_one_of(SHOWN) {
        return !follows_sentence(text, start, hit.start);
    }
    if is_severe {
        return false;
    }
    let template = || span(text, hit.start, hit.end + MAX_INDENT);
    is_one_of(MENTIONED)
        || is_one_of(EXPRESSIONS) && is_near && is_balanced(span(text, start, hit.end))
        || is_one_of(TEMPLATES) && HOSTILE_TEMPLATE.find(template(), 0).is_none()
        || is_one_of(LED) && !trim(lead).is_empty()
        || is_harmless_markup(text, hit)
        || hit.rule.tags.first() == Some(&"xss") && is_argument(lead)
}

/// Words behind which a program's own output stands.
const PRINTING: &[&[u8]] = &[b"echo", b"print", b"return", b"puts"];

/// Whether what follows is a string that is handed to a function, or printed: `clean('<b>`.
pub(super) fn is_argument(lead: &[u8]) -> bool {
    let tag = lead.iter().rposition(|byte| *byte == b'<');
    let lead = tag.map_or(lead, |tag| span(lead, 0, tag));
    let call = lead.strip_suffix(b"'").or_else(|| lead.strip_suffix(b"\""));
    if call.is_some_and(|call| PRINTING.contains(&word_before(call, trim(call).len()))) {
        return true;
    }
    call.and_then(|call| call.strip_suffix(b"("))
        .is_some_and(|name| word_before(name, name.len()).len() >= MIN_NAME)
}

/// Whether a word of a sentence leads to what follows: `why does sleep(5)`.
fn is_mentioned(lead: &[u8]) -> bool {
    let word = word_before(
        lead,
        last_before(lead, lead.len()).map_or(0, |last| last + 1),
    );
    !matches!(word, b"not" | b"no") && (FUNCTION.contains(word) || ASKING.contains(word))
}

/// Whether the finding is markup that does what pages do to themselves.
pub(super) fn is_harmless_markup(text: &[u8], hit: &Hit) -> bool {
    let markup = span(text, hit.start, hit.start + REACH);
    hit.rule.tags.first() == Some(&"xss")
        && !DISGUISED.contains(&hit.rule.id)
        && HOSTILE.find(markup, 0).is_none()
        && is_replaced(markup)
}

/// Whether all that happens to a picture that cannot be loaded is that another takes its place.
fn is_replaced(markup: &[u8]) -> bool {
    let mut index = 0;
    while let Some(found) = find(markup, b"onerror=", index) {
        index = found + b"onerror=".len();
        let code = from(markup, index);
        let quoted = code.strip_prefix(b"\"").or_else(|| code.strip_prefix(b"'"));
        if !code.starts_with(b"null") && !quoted.is_some_and(|code| code.starts_with(b"this.")) {
            return false;
        }
    }
    true
}

/// Whether a separator at or before `index` stands behind a sentence: a command of its own stands
/// behind another, or behind a colon.
fn follows_sentence(text: &[u8], start: usize, index: usize) -> bool {
    let is_separator = |byte: u8| matches!(byte, b';' | b'|' | b'&');
    let lead = span(
        text,
        start,
        index + usize::from(is_separator(at(text, index))),
    );
    let Some(last) = lead.iter().rposition(|byte| !is_space(*byte)) else {
        return false;
    };
    if !is_separator(at(lead, last)) {
        return false;
    }
    let Some(end) = lead
        .iter()
        .rposition(|byte| !is_space(*byte) && !is_separator(*byte))
    else {
        return true;
    };
    let head = span(lead, 0, end + 1);
    let mut words = head
        .rsplit(|byte| is_space(*byte))
        .take(SENTENCE_END)
        .map(plain_word);
    matches!(at(head, end), b'.' | b'?' | b'!' | b',')
        || words.clone().all(|word| word.is_some())
            && words.any(|word| word.is_some_and(|word| FUNCTION.contains(word)))
}

/// Whether the line closes no bracket that it did not open, but in a quotation.
pub(super) fn is_balanced(line: &[u8]) -> bool {
    let mut depth = 0_usize;
    line.iter().enumerate().all(|(index, byte)| {
        match byte {
            b'"' | b'`' if is_space(before(line, index)) => depth += line.len(),
            b'(' => depth += 1,
            b')' if depth == 0 => return false,
            b')' => depth -= 1,
            _ => {}
        }
        true
    })
}
