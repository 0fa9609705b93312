//! URLs that browsers execute.

use super::script::{is_code, is_hostile, is_keyword};
use crate::waf::detect::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::html as rules;
use crate::waf::scan::{
    at, before, find, from, is_space, is_word, position, skip_space, skip_while, span, stands,
    trim, word, word_before,
};

/// Bytes of a URL looked at.
const REACH: usize = 400;
/// White space and control characters skipped between two letters of a scheme.
const MAX_SKIPPED: usize = 32;

const SCHEMES: &[&[u8]] = &[
    b"javascript",
    b"vbscript",
    b"livescript",
    b"jscript",
    b"vbs",
];

/// Finds script and data URLs.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    schemes(text, hits);
    data(text, hits);
}

/// `javascript:` and its like, white space inside as browsers allow it.
fn schemes(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    while let Some(colon) = position(text, index, |byte| byte == b':') {
        index = colon + 1;
        let start = SCHEMES
            .iter()
            .find_map(|scheme| ends_with(text, colon, scheme));
        let Some(start) = start else { continue };
        if !hits.meter.pays(price::SCHEME) {
            return;
        }
        if runs(text, start, colon) {
            hits.push(Hit::new(&rules::SCHEME, start, colon + 1));
        }
    }
}

fn runs(text: &[u8], start: usize, colon: usize) -> bool {
    let code = span(text, colon + 1, colon + 1 + REACH);
    // `JavaScript: `return x`` is a list's label.
    let is_label = is_space(at(code, 0)) && at(code, skip_space(code, 0)) == b'`';
    if is_word(before(text, start)) || is_idle(code) || is_label || is_sentence(code) {
        return false;
    }
    let next = at(text, colon + 1);
    let is_attribute = matches!(before(text, start), b'=' | b'"' | b'\'' | b'(')
        && !is_space(next)
        && !matches!(
            next,
            b'"' | b'\'' | b'`' | b')' | b']' | b',' | b'.' | b'>' | 0
        );
    let is_comment = start == 0 && matches!(trim(code), [b'/', b'/' | b'*', ..]);
    is_code(code) || is_attribute || is_comment
}

/// "the link is a javascript: link. In these cases": a word that no bracket follows.
fn is_sentence(code: &[u8]) -> bool {
    let first = word(code, skip_space(code, 0));
    let rest = from(code, skip_space(code, 0) + first.len());
    is_space(at(code, 0))
        && !first.is_empty()
        && !is_keyword(first)
        && matches!(rest, [b'.' | b',' | b' ', b' ' | b'a'..=b'z', ..])
        && !matches!(rest, [b'.', b'a'..=b'z', ..])
}

/// What pages write where they need a link that does nothing.
fn is_idle(code: &[u8]) -> bool {
    let code = trim(code);
    let rest = [
        &b"void(0)"[..],
        b"void 0",
        b"history.back()",
        b"history.go(-1)",
        b"window.print()",
        b"print()",
        b"return false",
        b"",
    ]
    .iter()
    .find_map(|idle| code.strip_prefix(*idle))
    .unwrap_or_default();
    let rest = rest.strip_prefix(b";").unwrap_or(rest);
    // Behind its quotation mark an attribute is over: what others do is judged by itself.
    let is_closed = matches!(rest, [b'"' | b'\'', b' ' | b'>', ..]);
    matches!(at(rest, 0), 0 | b'"' | b'\'' | b'>' | b')' | b' ')
        && (is_closed || !is_hostile(span(rest, 0, 80)))
}

/// Start of `scheme` when it ends before `end`, control characters inside skipped.
fn ends_with(text: &[u8], end: usize, scheme: &[u8]) -> Option<usize> {
    let mut index = end;
    let mut skipped = 0;
    for letter in scheme.iter().rev() {
        while is_space(before(text, index)) && skipped < MAX_SKIPPED {
            index -= 1;
            skipped += 1;
        }
        if before(text, index) != *letter {
            return None;
        }
        index -= 1;
    }
    Some(index)
}

/// `data:text/html` and other types that browsers run.
fn data(text: &[u8], hits: &mut Hits) {
    let kinds = [
        &b"text/html"[..],
        b"application/xhtml",
        b"text/xml",
        b"application/xml",
        b"text/javascript",
        b"application/javascript",
        b"application/x-javascript",
        b"text/vbscript",
    ];
    let mut index = 0;
    while let Some(start) = find(text, b"data:", index) {
        index = start + 5;
        hits.look();
        if !word_before(text, start).is_empty() {
            continue;
        }
        let media = skip_space(text, index);
        let is_url = || {
            let head = span(text, media, media + 100);
            head.contains(&b',') || find(head, b"base64", 0).is_some()
        };
        // What a picture holds is searched for several signs.
        if stands(text, media, b"image/svg") && !hits.meter.pays(price::PICTURE) {
            return;
        }
        let runs = kinds.iter().any(|kind| stands(text, media, kind)) && is_url();
        if runs || is_active_image(text, start, media) || is_bare_code(text, media) {
            hits.push(Hit::new(&rules::DATA_URL, start, media + 10));
        }
    }
}

/// `script`, `onload` and `onerror` in base64, at each of the three alignments, in lower case.
const ENCODED: &[&[u8]] = &[
    b"c2nyaxb0",
    b"njcmlwd",
    b"zy3jpch",
    b"b25sb2fk",
    b"9ubg9hz",
    b"vbmxvyw",
    b"b25lcnjvc",
    b"9uzxjyb3",
    b"vbmvycm9y",
];

/// SVG that holds a script. Icons and avatars are SVG as well, and no script of theirs runs where
/// pages show them, so that alone is no attack.
fn is_active_image(text: &[u8], start: usize, media: usize) -> bool {
    if !stands(text, media, b"image/svg") {
        return false;
    }
    let head = span(text, media, media + 60);
    let start_of_data = find(head, b"base64,", 0).map_or(media, |comma| media + comma + 7);
    let window = span(text, start_of_data, start_of_data + 2048);
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let content = span(window, 0, skip_while(window, 0, is_base64));
    let is_loaded = matches!(before(text, start), b'=' | b'"' | b'\'')
        && [&b"<object"[..], b"<embed", b"<iframe", b"<use"]
            .iter()
            .any(|element| find(span(text, start.saturating_sub(80), start), element, 0).is_some());
    is_loaded || ENCODED.iter().any(|sign| find(content, sign, 0).is_some())
}

/// `data:,alert(1)`, as the source of a script.
fn is_bare_code(text: &[u8], media: usize) -> bool {
    at(text, media) == b',' && is_hostile(span(text, media + 1, media + 80))
}
