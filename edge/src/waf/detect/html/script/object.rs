//! Objects of the browser that attacks read, write or index.

use super::context::{Context, goes_on};
use crate::waf::scan::{
    at, before, find, find_any, from, is_word, skip_space, skip_while, span, word,
};

/// Bytes of an index looked at.
const REACH: usize = 64;

/// Global objects.
pub(super) const GLOBALS: &[&[u8]] = &[
    b"window",
    b"self",
    b"top",
    b"parent",
    b"this",
    b"frames",
    b"globalthis",
    b"document",
];

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
    b"onerror",
    b"document",
    b"localstorage",
    b"opener",
];

/// `document.cookie` where code could run.
pub(super) fn is_reached(text: &[u8], index: usize, name: &[u8], context: &Context) -> bool {
    let members = match name {
        b"document" => DOCUMENT,
        b"window" | b"top" | b"parent" => WINDOW,
        // Python, Ruby and Rust call the object itself so.
        b"self" => {
            if is_assigned_text(text, index + 4) {
                WINDOW
            } else {
                &[&b"document"[..], b"localstorage", b"onerror", b"opener"]
            }
        }
        b"localstorage" | b"sessionstorage" => &[&b"getitem"[..], b"setitem"],
        b"location" => &[&b"href"[..], b"hash", b"replace", b"assign", b"search"],
        b"string" => &[&b"fromcharcode"[..]],
        b"navigator" => &[&b"sendbeacon"[..]],
        _ => return false,
    };
    let dot = index + name.len();
    if at(text, dot) != b'.' || before(text, index) == b'.' {
        return false;
    }
    let member = word(text, dot + 1);
    let end = dot + 1 + member.len();
    if !(members.contains(&member) || (name == b"document" && writes(text, end, member))) {
        return false;
    }
    if context.is_outside(text, index) || context.is_attribute(text, index) {
        return true;
    }
    // One character at a time is how programs count columns; an attack spells words.
    if name == b"string" && !spells(span(text, end, end + REACH)) {
        return false;
    }
    let is_storage = name.ends_with(b"storage");
    if is_storage || !context.is_raw(text, index) {
        // `x?c='+document.cookie` was cut out of code by prose before it.
        return matches!(before(text, index), b'+' | b'(' | b'{')
            && member == b"cookie"
            && !goes_on(text, end)
            && is_joined(text, index);
    }
    let chain = skip_while(text, end, |byte| is_word(byte) || byte == b'.');
    let names_location = name == b"location" || member == b"location";
    if names_location && assigns_own_page(from(text, chain)) {
        return false;
    }
    !goes_on(text, chain) && !is_called_in_prose(text, end)
}

/// `= '/login?next=' + page`: an assignment of a place on the page's own site.
pub(in crate::waf::detect::html) fn assigns_own_page(code: &[u8]) -> bool {
    let quote = skip_space(code, skip_space(code, 0) + 1);
    let url = from(code, quote + 1);
    let is_path =
        |byte: u8| is_word(byte) || matches!(byte, b'/' | b'.' | b'-' | b'?' | b'=' | b'&' | b'#');
    let end = skip_while(url, 0, is_path);
    at(code, skip_space(code, 0)) == b'='
        && matches!(at(code, quote), b'\'' | b'"')
        && span(url, 0, end)
            .iter()
            .any(|byte| matches!(byte, b'/' | b'.'))
        && at(url, end) == at(code, quote)
        && !url.starts_with(b"//")
}

/// `.location='...'`, `.name="..."`.
fn is_assigned_text(text: &[u8], dot: usize) -> bool {
    let member = word(text, dot + 1);
    let equals = skip_space(text, dot + 1 + member.len());
    at(text, equals) == b'='
        && matches!(at(text, skip_space(text, equals + 1)), b'\'' | b'"' | b'`')
}

/// `(88,83,83)`: several numbers.
fn spells(arguments: &[u8]) -> bool {
    let first = skip_space(arguments, 1);
    let end = skip_while(arguments, first, |byte| byte.is_ascii_alphanumeric());
    at(arguments, 0) != b'('
        || (at(arguments, first).is_ascii_digit()
            && at(arguments, skip_space(arguments, end)) == b',')
}

/// Whether the operand before is joined to something without a space.
fn is_joined(text: &[u8], index: usize) -> bool {
    before(text, index) != b'(' || is_word(before(text, index - 1))
}

/// "`document.write()` breaks my page".
fn is_called_in_prose(text: &[u8], end: usize) -> bool {
    at(text, end) == b'('
        && span(text, end, end + REACH)
            .iter()
            .position(|byte| *byte == b')')
            .is_some_and(|close| goes_on(text, end + close + 1))
}

/// `document.body.innerHTML=`, `document.getElementsByTagName('body')[0].innerHTML`.
fn writes(text: &[u8], end: usize, member: &[u8]) -> bool {
    let rest = span(text, end, end + REACH);
    match member {
        b"body" | b"documentelement" | b"getelementsbytagname" | b"getelementbyid" | b"head" => {
            [
                &b".innerhtml"[..],
                b".outerhtml",
                b".appendchild(document.create",
                b".insertadjacenthtml",
            ]
            .iter()
            .any(|sign| find(rest, sign, 0).is_some())
                && (matches!(member, b"body" | b"documentelement" | b"head")
                    || find(rest, b"tagname", 0).is_some()
                    || member == b"getelementsbytagname")
        }
        b"createelement" => rest.starts_with(b"('script") || rest.starts_with(b"(\"script"),
        _ => false,
    }
}

/// `window['al'+'ert']`, `top[/al/.source]`, `self[name](1)`: an index that hides a function.
pub(super) fn is_indexed(text: &[u8], index: usize, name: &[u8]) -> bool {
    let end = index + name.len();
    // `(document)["cookie"]`
    let open = if at(text, end) == b')' { end + 1 } else { end };
    if at(text, open) != b'[' || !GLOBALS.contains(&name) || is_word(before(text, index)) {
        return false;
    }
    let inner = span(text, open + 1, open + 1 + REACH);
    let close = skip_while(inner, 0, |byte| byte != b']');
    let is_called = matches!(at(inner, close + 1), b'(' | b'`');
    let inner = span(inner, 0, close);
    let first = at(inner, skip_space(inner, 0));
    match first {
        b'\'' | b'"' | b'`' => {
            let joins = inner.contains(&b'+') || inner.contains(&b'\\');
            let key = word(inner, skip_space(inner, 0) + 1);
            let builds = is_called && inner.contains(&b'(');
            joins || builds || (super::call::is_strong(key) || is_telling(name, key))
        }
        b'/' => find(inner, b".source", 0).is_some(),
        b'(' | b'!' | b'+' => is_called,
        _ => {
            let makers: [&[u8]; 5] = [
                b"tostring(",
                b"atob(",
                b"object.keys(",
                b"propertynames(",
                b".filter(",
            ];
            is_called && find_any(inner, &makers).is_some() || is_whole_call(name, inner, is_called)
        }
    }
}

fn is_telling(object: &[u8], key: &[u8]) -> bool {
    match object {
        b"document" => DOCUMENT.contains(&key),
        b"this" => key == b"document",
        _ => matches!(
            key,
            b"document" | b"location" | b"function" | b"settimeout" | b"atob" | b"localstorage"
        ),
    }
}

/// `window[name](1)`.
fn is_whole_call(object: &[u8], inner: &[u8], is_called: bool) -> bool {
    is_called && object != b"this" && matches!(inner, b"name" | b"x" | b"a")
}
