//! JavaScript in text: calls and properties where only code has them.

use crate::waf::detect::Hit;
use crate::waf::rules::html as rules;
use crate::waf::scan::{
    at, before, find_any, from, is_space, is_word, skip_space, skip_while, span, stands, trim, word,
};

/// Functions that attacks call.
const CALLS: &[&[u8]] = &[
    b"alert",
    b"prompt",
    b"confirm",
    b"eval",
    b"settimeout",
    b"setinterval",
    b"atob",
    b"fetch",
    b"import",
    b"execscript",
    b"print",
    b"function",
    b"open",
];

/// Of these, the ones whose name alone is no proof even where code could stand.
const COMMON: &[&[u8]] = &[b"print", b"function", b"open", b"fetch", b"import"];

const DOCUMENT: &[&[u8]] = &[
    b"cookie",
    b"location",
    b"write",
    b"writeln",
    b"domain",
    b"defaultview",
    b"execcommand",
];

const WINDOW: &[&[u8]] = &[
    b"location",
    b"name",
    b"open",
    b"alert",
    b"eval",
    b"onerror",
    b"document",
    b"atob",
    b"localstorage",
    b"opener",
    b"parent",
];

/// Global objects whose indexing by a string hides a call.
const GLOBALS: &[&[u8]] = &[
    b"window",
    b"self",
    b"top",
    b"parent",
    b"this",
    b"frames",
    b"globalthis",
    b"document",
];

/// Finds code.
pub(super) fn detect(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    let (mut called, mut reached, mut indexed) = (false, false, false);
    while index < text.len() {
        if !is_word(at(text, index)) {
            index += 1;
            continue;
        }
        let name = word(text, index);
        if !called && calls(text, index, name) {
            hits.push(Hit::new(&rules::CALL, index, index + name.len() + 1));
            called = true;
        } else if !reached && reaches_dom(text, index, name) {
            hits.push(Hit::new(&rules::DOM, index, index + name.len() + 10));
            reached = true;
        } else if !indexed && indexes_global(text, index, name) {
            hits.push(Hit::new(&rules::OBFUSCATED, index, index + name.len() + 1));
            indexed = true;
        }
        index += name.len();
    }
    obfuscated(text, hits);
}

/// Whether code could start at `index`: the start, or after an operator, a quote or a bracket.
/// After a word and a space it is prose: "call alert(1) to test".
fn starts_expression(text: &[u8], index: usize) -> bool {
    let previous = before(text, index);
    if matches!(
        previous,
        0 | b';'
            | b'='
            | b'('
            | b','
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'\''
            | b'"'
            | b'>'
            | b'{'
            | b'}'
            | b':'
            | b'!'
            | b'~'
            | b'?'
            | b'&'
            | b'|'
            | b'['
            | b'^'
            | b'%'
    ) {
        return true;
    }
    if !is_space(previous) {
        return false;
    }
    let last = span(text, 0, index)
        .iter()
        .rev()
        .take(32)
        .find(|byte| !is_space(**byte));
    last.is_none_or(|last| matches!(last, b';' | b'=' | b'{' | b'}' | b'>' | b'|' | b'&' | b'+'))
}

/// `alert(1)`, `` prompt`1` ``, `(alert)(1)`, `alert?.(1)`.
fn calls(text: &[u8], index: usize, name: &[u8]) -> bool {
    if !CALLS.contains(&name) {
        return false;
    }
    let end = index + name.len();
    if COMMON.contains(&name) {
        return stands(text, end, b"(")
            && before(text, index) != 0
            && !is_space(before(text, index))
            && starts_expression(text, index)
            && !matches!(before(text, index), b'/' | b'-')
            && has_argument(text, end)
            && matches!(before(text, index), b';' | b'"' | b'\'' | b'>' | b'=');
    }
    looks_called(text, end)
        && (starts_expression(text, index)
            || (before(text, index) == b'.' && is_member(text, index)))
}

/// `window.alert`, `top.eval`.
fn is_member(text: &[u8], index: usize) -> bool {
    let object = crate::waf::scan::word_before(text, index.saturating_sub(1));
    GLOBALS.contains(&object)
}

/// Whether what ends at `end` is called, with an argument that is one: `alert(1)`, not `alert (red)`.
pub(super) fn looks_called(text: &[u8], end: usize) -> bool {
    let end = if stands(text, end, b"?.") {
        end + 2
    } else {
        end
    };
    let end = if stands(text, end, b")") {
        end + 1
    } else {
        end
    };
    match at(text, end) {
        b'`' => from(text, end + 1)
            .iter()
            .take(200)
            .any(|byte| *byte == b'`'),
        b'(' => has_argument(text, end),
        b'.' => [&b"call"[..], b"apply", b"bind"].contains(&word(text, end + 1)),
        b' ' | b'\t' | b'\n' => {
            let open = skip_space(text, end);
            at(text, open) == b'('
                && matches!(
                    at(text, skip_space(text, open + 1)),
                    b'0'..=b'9' | b'\'' | b'"' | b'`' | b'/'
                )
        }
        _ => false,
    }
}

fn has_argument(text: &[u8], open: usize) -> bool {
    let argument = skip_space(text, open + 1);
    let name = word(text, argument);
    let after = skip_space(text, argument + name.len());
    match at(text, argument) {
        b'\'' | b'"' | b'`' | b'/' | b'[' | b'(' | b'\\' | b'!' | b'+' | b'{' | b')' => true,
        _ if name.is_empty() => false,
        _ => matches!(
            at(text, after),
            b')' | b'(' | b'.' | b',' | b'+' | b'[' | b'`' | b'-' | b'*' | 0
        ),
    }
}

/// `document.cookie` used as code: at the start, after an operator, assigned or called.
fn reaches_dom(text: &[u8], index: usize, name: &[u8]) -> bool {
    let members = match name {
        b"document" => DOCUMENT,
        b"window" | b"self" | b"top" | b"parent" => WINDOW,
        b"localstorage" | b"sessionstorage" => &[&b"getitem"[..], b"setitem"],
        b"location" => &[&b"href"[..], b"hash", b"replace", b"assign", b"search"],
        b"string" => &[&b"fromcharcode"[..]],
        _ => return false,
    };
    let end = index + name.len();
    let member = word(text, end + 1);
    if at(text, end) != b'.' || !members.contains(&member) {
        return false;
    }
    let after = skip_space(text, end + 1 + member.len());
    let is_used = matches!(at(text, after), b'=' | b'(' | b'[' | b'+' | b')' | b';')
        || (at(text, after) == b'.' && is_word(at(text, after + 1)));
    let is_whole = index == 0 && at(text, after) == 0 && name == b"document";
    let is_operand = matches!(
        before(text, index),
        b'=' | b'(' | b'+' | b',' | b'{' | b'\'' | b'"' | b':' | b';' | b'>' | b'/' | b'!'
    );
    is_whole
        || is_operand
        || (is_used && starts_expression(text, index))
        || (is_used && matches!(at(text, after), b'(' | b'='))
}

/// `window['al'+'ert']`, `top[/al/.source]`.
fn indexes_global(text: &[u8], index: usize, name: &[u8]) -> bool {
    let end = index + name.len();
    GLOBALS.contains(&name)
        && at(text, end) == b'['
        && matches!(
            at(text, skip_space(text, end + 1)),
            b'\'' | b'"' | b'`' | b'/' | b'(' | b'a'..=b'z' | b'8'
        )
        && starts_expression(text, index)
}

/// `[]['constructor']`, `[][(![]+[])]`, `constructor.constructor(`, `onerror=alert;throw 1`.
fn obfuscated(text: &[u8], hits: &mut Vec<Hit>) {
    const SIGNS: &[&[u8]] = &[
        b"[]['",
        b"[][\"",
        b"[][`",
        b"[][(",
        b"[]+[]",
        b"=alert,",
        b"=prompt,",
        b"=confirm,",
        b"=alert;",
        b"=eval;",
        b"(![]+",
        b"+!![]",
        b"+!+[]",
        b"constructor.constructor(",
        b"['constructor']",
        b"[\"constructor\"]",
        b";throw ",
        b"{throw ",
        b"document['",
        b"document[\"",
        b".source+",
        b"\\u{61}lert",
        b"constructor(\"",
        b"constructor('",
        b"constructor(`",
    ];
    let found = find_any(text, SIGNS).map(|(start, sign)| (start, sign.len()));
    hits.extend(found.map(|(start, length)| Hit::new(&rules::OBFUSCATED, start, start + length)));
}

/// Whether the value of a handler or of a script URL is code and not prose: something is called,
/// assigned or divided into statements without a space in between.
pub(super) fn is_code(value: &[u8]) -> bool {
    let value = trim(value);
    let mut index = 0;
    while index < value.len() {
        match at(value, index) {
            b'(' | b'`' | b'['
                if index > 0
                    && (is_word(before(value, index))
                        || matches!(before(value, index), b')' | b']')) =>
            {
                return true;
            }
            b'=' if index > 0 && is_word(before(value, index)) && at(value, index + 1) != b' ' => {
                return true;
            }
            b';' if is_word(at(value, skip_while(value, index + 1, is_space)))
                && index > 0
                && span(value, 0, index).iter().all(|byte| is_word(*byte)) =>
            {
                return true;
            }
            b'/' if at(value, index + 1) == b'/' && index > 0 => return true,
            _ => index += 1,
        }
    }
    false
}
