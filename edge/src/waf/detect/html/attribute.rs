//! Attributes that run: event handlers inside a tag, and those with which a value breaks out of the
//! attribute that it was put into.

use std::borrow::Cow;

use super::event::is_event;
use super::script::{assigns_own_page, is_code, is_hostile};
use super::tag::value;
use crate::waf::detect::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::html as rules;
use crate::waf::scan::{
    at, before, find, from, is_space, is_word, last_before, skip_space, skip_while, span, stands,
    word, word_before,
};

/// Bytes of a handler looked at.
const REACH: usize = 240;
/// Longest name of a directive.
const MAX_NAME: usize = 64;
/// Plain words that make a text prose about handlers rather than one of them.
const MIN_PROSE: usize = 6;

/// Finds event attributes.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    let mut tag_open = false;
    let mut known_prose = None;
    let mut index = 0;
    while index < text.len() {
        match at(text, index) {
            b'<' => {
                let next = at(text, index + 1);
                tag_open |= next.is_ascii_alphabetic() || matches!(next, b'!' | b'?' | b'/');
            }
            b'>' => tag_open = false,
            b'o' if at(text, index + 1) == b'n' && !is_word(before(text, index)) => {
                let prose = || *known_prose.get_or_insert_with(|| is_prose(text, MIN_PROSE));
                if let Some(end) = handler(text, index, tag_open, prose, hits) {
                    hits.push(Hit::new(&rules::HANDLER, index, end));
                    index = end;
                    continue;
                }
            }
            b'x' | b'v' | b'h' | b'd' if tag_open && is_space(before(text, index)) => {
                if let Some(end) = directive(text, index) {
                    hits.push(Hit::new(&rules::HANDLER, index, end));
                    index = end;
                    continue;
                }
            }
            _ => {}
        }
        index += 1;
    }
}

/// End of an attribute in which a front end's framework finds code: `x-init=alert(1)`,
/// `v-on:click=`, `hx-on::load=`.
fn directive(text: &[u8], start: usize) -> Option<usize> {
    let is_known = [
        &b"x-init"[..],
        b"x-on:",
        b"x-data",
        b"x-html",
        b"v-on:",
        b"v-html",
        b"hx-on",
        b"data-bind",
    ]
    .iter()
    .any(|name| stands(text, start, name));
    if !is_known {
        return None;
    }
    let end = span(text, start, start + MAX_NAME)
        .iter()
        .position(|byte| !is_word(*byte) && !matches!(byte, b'-' | b':' | b'.'))?;
    let equals = start + end;
    if at(text, equals) != b'=' {
        return None;
    }
    let value = value(span(text, 0, equals + 1 + REACH), equals + 1);
    is_hostile(value).then_some(equals + 1 + value.len())
}

/// End of the handler that starts at `start`.
fn handler(
    text: &[u8],
    start: usize,
    tag_open: bool,
    is_prose: impl FnOnce() -> bool,
    hits: &mut Hits,
) -> Option<usize> {
    hits.look();
    let name = word(text, start);
    let after = start + name.len();
    // `[\x0b]` and the like between name and sign: filters strip it, browsers ignore it.
    let after = if at(text, after) == b'[' && tag_open {
        hits.meter.charge(1, price::HANDLER);
        let reach = span(text, 0, after + MAX_NAME);
        skip_while(reach, after, |byte| byte != b'=' && !is_space(byte))
    } else {
        after
    };
    let equals = skip_space(text, after);
    if at(text, equals) != b'=' || name.len() < 4 || at(text, equals + 1) == b'=' {
        return None;
    }
    hits.meter.charge(1, price::HANDLER);
    // `data-onload=`, `android:onClick=` and `el.onload =` are no attributes of HTML.
    if matches!(before(text, start), b'-' | b':' | b'@' | b'$' | b'.') {
        return None;
    }
    let value = value(span(text, 0, equals + 1 + REACH), equals + 1);
    if value.is_empty() || is_component(value) || asks_only(value) {
        return None;
    }
    let is_known = is_event(from(name, 2));
    let is_quoted = matches!(at(text, skip_space(text, equals + 1)), b'"' | b'\'');
    // `var onKeyDown = function () {`.
    let declares = matches!(
        word_before(text, last_before(text, start).map_or(0, |last| last + 1)),
        b"var" | b"let" | b"const"
    );
    if declares && !tag_open && at(text, start - 1) == b' ' && at(text, equals + 1) == b' ' {
        return None;
    }
    let event = from(name, 2);
    let is_control = answers_user(event) || (event == b"load" && in_body(text, start));
    if is_quoted && is_control && calls_page(&without_templates(value)) {
        return None;
    }
    let runs = if tag_open {
        is_known || is_code(value)
    } else {
        is_known && breaks_out(text, start, value, is_prose)
    };
    runs.then_some(equals + 1 + value.len())
}

/// Whether a handler outside a tag could end the attribute it stands in.
fn breaks_out(text: &[u8], start: usize, value: &[u8], is_prose: impl FnOnce() -> bool) -> bool {
    let last = last_before(text, start).map_or(0, |last| at(text, last));
    match last {
        b'"' | b'\'' | b'`' => true,
        b'/' | b'>' => is_code(value),
        // Names of parameters: `api.js?onload=ready&render=explicit`.
        b'?' | b'&' => is_hostile(value),
        _ => is_code(value) && (is_hostile(value) || !is_prose()),
    }
}

/// A handler of JSX, which is a reference, a function or a call of the page's own.
fn is_component(value: &[u8]) -> bool {
    let Some(inner) = value.strip_prefix(b"{") else {
        return false;
    };
    let path = skip_while(inner, 0, |byte| {
        is_word(byte) || matches!(byte, b'.' | b'?' | b'$')
    });
    if path > 0 && at(inner, path) == b'}' {
        return true;
    }
    let parameters = if at(inner, 0) == b'(' {
        skip_while(inner, 0, |byte| byte != b')') + 1
    } else {
        path
    };
    let arrow = skip_space(inner, parameters);
    let is_function = at(inner, arrow) == b'=' && at(inner, arrow + 1) == b'>';
    // An unquoted value ends at a space: `{(e)` or `{async` goes on outside.
    let is_cut = !value.contains(&b'}') && (parameters >= inner.len());
    is_function || is_cut || (path > 0 && at(inner, path) == b'(' && !is_hostile(inner))
}

/// `return confirm('Delete it?')`, and what else pages write into their links.
fn asks_only(value: &[u8]) -> bool {
    let code = value.strip_suffix(b";").unwrap_or(value);
    let question = code
        .strip_prefix(b"return confirm(")
        .and_then(|rest| rest.strip_suffix(b")"))
        .unwrap_or_default();
    let quote = at(question, 0);
    let is_text =
        |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b" ?!.,".contains(byte);
    let asks = matches!(quote, b'\'' | b'"')
        && question.len() > 3
        && span(question, 1, question.len() - 1).iter().all(is_text)
        && question.ends_with(&[quote]);
    asks || moves_on(code)
        || matches!(
            code,
            b"return false"
                | b"return true"
                | b"history.back()"
                | b"history.go(-1)"
                | b"window.history.back()"
                | b"window.print()"
                | b"this.form.submit()"
                | b"this.select()"
                | b"this.blur()"
                | b"this.focus()"
                | b"document.location.reload()"
                | b"location.reload()"
                | b"window.location.reload()"
        )
}

/// `location.href='edit.php?id='+id`, `this.src='none.png'`: a page of the same site.
fn moves_on(code: &[u8]) -> bool {
    let target = code.strip_prefix(b"window.").unwrap_or(code);
    let target = target.strip_prefix(b"document.").unwrap_or(target);
    [&b"location.href"[..], b"location", b"this.src"]
        .iter()
        .filter_map(|name| target.strip_prefix(*name))
        .any(|rest| {
            let close = rest.iter().rposition(|byte| matches!(byte, b'\'' | b'"'));
            let tail = close.map_or(rest, |close| from(rest, close + 1));
            let is_joined = tail
                .iter()
                .all(|byte| is_word(*byte) || matches!(byte, b' ' | b'+'));
            assigns_own_page(rest) && is_joined
        })
}

/// `<body onload="init()">`: the page's own start.
fn in_body(text: &[u8], start: usize) -> bool {
    let head = span(text, start.saturating_sub(80), start);
    let tag = head.iter().rposition(|byte| *byte == b'<');
    tag.is_some_and(|tag| word(head, tag + 1) == b"body")
}

/// Whether the event comes from what somebody does to a control, and not by itself.
fn answers_user(event: &[u8]) -> bool {
    matches!(
        event,
        b"click"
            | b"change"
            | b"submit"
            | b"input"
            | b"keyup"
            | b"keydown"
            | b"keypress"
            | b"dblclick"
            | b"blur"
            | b"select"
            | b"reset"
    )
}

/// Functions that a page has not defined itself, and short names that stand for them in attacks.
const NOT_PAGES: &[&[u8]] = &[
    b"write",
    b"writeln",
    b"print",
    b"open",
    b"fetch",
    b"import",
    b"settimeout",
    b"setinterval",
    b"function",
    b"msgbox",
    b"constructor",
    b"call",
    b"apply",
    b"bind",
    b"name",
    b"cookie",
    b"innerhtml",
    b"outerhtml",
    b"atob",
    b"xss",
    b"top",
    b"self",
    b"parent",
    b"frames",
    b"globalthis",
    b"eval",
    b"alert",
    b"prompt",
    b"confirm",
    b"window",
    b"location",
    b"href",
    b"src",
    b"action",
    b"localstorage",
    b"sessionstorage",
    b"execscript",
    b"javascript",
    b"vbscript",
    b"importscripts",
    b"domain",
    b"navigator",
    b"xmlhttprequest",
    b"image",
    b"string",
    b"concat",
    b"fromcharcode",
    b"unescape",
    b"decodeuri",
    b"decodeuricomponent",
    b"proxy",
    b"reflect",
    b"ownerdocument",
    b"defaultview",
];

/// The handler without what a server fills in: `edit(<?= $id ?>)`, `edit(<%= id %>)`.
fn without_templates(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'<') {
        return Cow::Borrowed(value);
    }
    let mut rest = value;
    let mut plain = Vec::new();
    while let Some(open) = find(rest, b"<?=", 0).or_else(|| find(rest, b"<%=", 0)) {
        let close = [at(rest, open + 1), b'>'];
        let Some(end) = find(rest, &close, open) else {
            break;
        };
        plain.extend_from_slice(span(rest, 0, open));
        rest = from(rest, end + close.len());
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// Whether a handler only calls what its page defines: `toggle('menu'); return false;`.
fn calls_page(value: &[u8]) -> bool {
    let mut calls = 0;
    let mut index = 0;
    let mut last: &[u8] = b"";
    while index < value.len() {
        let name = word(value, index);
        if name.is_empty() {
            let is_plain = matches!(
                at(value, index),
                b' ' | b'(' | b')' | b'\'' | b'"' | b',' | b'.' | b';' | b'-' | b'#' | b'$' | b':'
            ) || at(value, index) >= 0x80;
            if !is_plain {
                return false;
            }
            index += 1;
            continue;
        }
        index += name.len();
        // `document.getElementById('x')` finds what a function of the page's own is given.
        let is_lookup = name == b"document"
            && [&b".getelementbyid("[..], b".queryselector("]
                .iter()
                .any(|call| from(value, index).starts_with(call));
        if NOT_PAGES.contains(&name) || (name == b"document" && !is_lookup) {
            return false;
        }
        if at(value, index) == b'(' {
            let is_lookup = matches!(name, b"getelementbyid" | b"queryselector");
            if name.len() < 4 && last != b"this" {
                return false;
            }
            calls += usize::from(!is_lookup);
        }
        last = name;
    }
    calls > 0
}

/// Whether the text has this many plain words.
pub(super) fn is_prose(text: &[u8], count: usize) -> bool {
    text.split(|byte| is_space(*byte) || matches!(byte, b'<' | b'>'))
        .filter(|token| {
            token.len() > 1
                && token.iter().all(|byte| {
                    byte.is_ascii_alphabetic() || matches!(byte, b',' | b'.' | b'?' | b'!' | b':')
                })
        })
        .nth(count - 1)
        .is_some()
}
