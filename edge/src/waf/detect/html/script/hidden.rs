//! Code without the names it calls, and without brackets.

use crate::waf::detect::{Hit, Hits};
use crate::waf::rules::html as rules;
use crate::waf::scan::{
    Needles, at, before, find, is_word, skip_space, span, stands, word, word_before,
};

/// Bytes around a sign looked at.
const REACH: usize = 96;
/// Longest name of a variable read backwards.
const MAX_NAME: usize = 32;

pub(in crate::waf::detect::html) static SIGNS: Needles<'static> = Needles::numbered(
    1,
    &[
        b"[]['",
        b"[][\"",
        b"[][`",
        b"[][(",
        b"[]+[]",
        b"[+[]]",
        b"[+!+[]]",
        b"(![]+",
        b"(![] []",
        b"[ ! []]",
        b"+!![]",
        b"+!+[]",
        b"~[];",
        b"constructor.constructor",
        b"['constructor']",
        b"[\"constructor\"]",
        b"[`constructor`]",
        b".source+/",
        b"hasinstance]",
        b"$event.view",
        b"$event.path",
        b"$event.composedpath",
        b"${alert",
        b"${prompt",
        b"${confirm",
        b"${eval",
        b"throw onerror=",
        b"onerror=",
        b"[alert]",
        b"[eval]",
        b"(alert)",
        b"(eval)",
        b"(confirm)",
        b"(prompt)",
        b"=alert",
        b"=eval",
        b"=prompt",
        b"=confirm",
        b"globaleval",
        b"new image().src",
        b"..tostring(3",
        b"reflect.apply(alert",
        b"reflect.apply(eval",
        b"reflect.construct(function",
        b"orderby:'",
        b"orderby:\"",
        b"document)[",
        b"with(document)",
        b"onerror:alert",
        b"onerror:eval",
        b"'onerror',alert",
        b".action='//",
        b".action=\"//",
        b".action=`//",
        b":alert}",
        b"location='java",
        b"location=\"java",
        b"location=`java",
    ],
);

/// Finds them in one pass.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    while let Some((start, sign)) = hits.absent.find(&SIGNS, text, index) {
        let end = start + sign.len();
        index = start + 1;
        if counts(text, start, end, sign) {
            hits.push(Hit::new(&rules::OBFUSCATED, start, end));
            index = end;
        }
    }
}

fn counts(text: &[u8], start: usize, end: usize, sign: &[u8]) -> bool {
    match sign {
        b"(alert)" | b"(eval)" | b"(confirm)" | b"(prompt)" => passes(text, start, end),
        b"=alert" | b"=eval" | b"=prompt" | b"=confirm" => renames(text, start, end),
        // `onerror=alert;throw 1`: the thrown value reaches the handler.
        b"onerror=" => find(span(text, end, end + REACH), b"throw", 0)
            .is_some_and(|throw| !is_word(before(text, end + throw))),
        b"constructor.constructor" => {
            matches!(at(text, skip_space(text, end)), b'(' | b'`' | b'\'' | b')')
        }
        b"${alert" | b"${prompt" | b"${confirm" | b"${eval" => {
            matches!(at(text, end), b'}' | b'(' | b'`')
        }
        // PHP's `$steps[]['type']` appends; `[][(,;]` is a class of a regular expression.
        b"[]['" | b"[][\"" | b"[][`" => {
            !is_word(before(text, start)) && !matches!(before(text, start), b']' | b')')
        }
        b"[][(" => matches!(at(text, end), b'!' | b'+' | b'[' | b'\'' | b'"' | b'('),
        // `* OK [ALERT] Mailbox is full`, `at [eval]:5:15`.
        b"[alert]" | b"[eval]" => matches!(
            at(text, end),
            b'[' | b'(' | b'.' | b'`' | b',' | b';' | b')' | b'=' | b'?' | 0
        ),
        // The type of a class: `(typeof editor)['constructor'] & Other`.
        b"['constructor']" | b"[\"constructor\"]" => {
            let next = skip_space(text, end);
            !matches!(at(text, next), b'&' | b':' | b'|' | b'<' | b'>')
        }
        // `{a:alert}.a(1)`
        b":alert}" => matches!(at(text, end), b'.' | b'['),
        b"~[];" => before(text, start) == b'=',
        _ => true,
    }
}

/// `[1].map(alert)`: a function handed to another that calls it; `(alert)(1)` is a call.
fn passes(text: &[u8], start: usize, end: usize) -> bool {
    let caller = word_before(text, start);
    // `new Promise(alert)` hands it over as well.
    let is_new = caller == b"promise";
    let is_caller = is_new
        || before(text, start.saturating_sub(caller.len())) == b'.'
            && matches!(
                caller,
                b"map"
                    | b"find"
                    | b"foreach"
                    | b"some"
                    | b"every"
                    | b"filter"
                    | b"findindex"
                    | b"then"
                    | b"call"
                    | b"flatmap"
                    | b"reduce"
                    | b"sort"
                    | b"replace"
                    | b"bind"
                    | b"any"
            );
    is_caller || (caller.is_empty() && matches!(at(text, end), b'(' | b'`'))
}

/// `a=alert,a(1)`, `[a=alert](1)`.
fn renames(text: &[u8], start: usize, end: usize) -> bool {
    let letters = span(text, start.saturating_sub(MAX_NAME), start)
        .iter()
        .rev()
        .take_while(|byte| is_word(**byte) || **byte >= 0x80);
    let name = span(text, start - letters.count(), start);
    if name.is_empty() || is_word(at(text, end)) {
        return false;
    }
    let rest = span(text, end, end + REACH);
    let mut index = 0;
    while let Some(found) = find(rest, name, index) {
        index = found + name.len();
        if !is_word(before(rest, found)) && matches!(at(rest, index), b'(' | b'`') {
            return true;
        }
    }
    // `(a=alert)(1)`
    at(text, end) == b')' && matches!(at(text, end + 1), b'(' | b'`')
        || (stands(text, end, b",") && matches!(word(text, end + 1), b"throw"))
}
