//! Template injection: what stands between the delimiters computes or reaches into objects, where
//! honest placeholders only name a variable.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::Rule;
use crate::waf::rules::template as rules;
use crate::waf::scan::{
    at, find, find_any, from, is_word, skip_space, skip_while, span, stands, trim,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "{{", "${", "#{", "<%", "{%", "*{", "#set", "<#", "[[${", "@(", "@{", "~{", "{php}", "{if",
    "[%", "{system", "{$smarty",
];

const DELIMITERS: &[(&[u8], &[u8])] = &[
    (b"{{", b"}}"),
    (b"${", b"}"),
    (b"#{", b"}"),
    (b"<%", b"%>"),
    (b"*{", b"}"),
    (b"@(", b")"),
    (b"@{", b"}"),
    (b"~{", b"}"),
    (b"[%", b"%]"),
    (b"{%", b"%}"),
];

/// Names and members that only an attack reaches for.
const OBJECTS: &[&[u8]] = &[
    b"__",
    b"config.",
    b"config}",
    b"config|",
    b"self.",
    b"request.application",
    b"request[",
    b"request|attr",
    b"lipsum",
    b"cycler",
    b"joiner",
    b"_self",
    b"getfilter",
    b"registerundefinedfiltercallback",
    b"constructor",
    b"runtime",
    b"processbuilder",
    b"getclass",
    b"getresource",
    b"forname",
    b"system(",
    b"exec(",
    b"eval(",
    b"popen",
    b"require(",
    b"process.",
    b"global.",
    b"settings.secret",
    b"range.constructor",
    b"file.open",
    b"file.read",
    b"io.popen",
    b"dir.entries",
    b"system ",
    b"|filter(",
    b"|map(",
    b"|sort(",
    b"|reduce(",
    b"'id'",
    b"app.request",
    b"dump(app",
    b"debug_toolbar",
    b"url_for.",
    b"get_flashed_messages",
    b"@java",
    b"t(java",
    b"= `",
    b"phpinfo",
    b"passthru",
    b"#root",
    b"class.inspect",
    b"product.getclass",
    b"include ",
    b"import os",
    b"$on.",
    b"'a'.constructor",
    b"handler.settings",
    b"self}",
    b"system.diagnostics",
    b"session.",
    b"applicationscope",
];

const DIRECTIVES: &[&[u8]] = &[
    b"<#assign",
    b"<#include",
    b"<#list",
    b"<#if",
    b"#set(",
    b"#set (",
    b"#include(",
    b"#parse(",
    b"#foreach(",
    b"{php}",
    b"{system",
    b"{$smarty",
    b"{if phpinfo",
    b"{if system",
    b"{literal}",
    b"[[${",
    b"#evaluate(",
];

/// Longest expression looked at.
const REACH: usize = 512;

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    let lower = text.lower;
    if let Some((start, directive)) = find_any(lower, DIRECTIVES) {
        hits.push(Hit::new(&rules::DIRECTIVE, start, start + directive.len()));
    }
    // Where each delimiter closes next, looked up once per closing: linear however many open.
    let mut closings = [0; DELIMITERS.len()];
    let mut index = 0;
    while index < lower.len() {
        let opened = DELIMITERS
            .iter()
            .zip(closings.iter_mut())
            .find(|((open, _), _)| stands(lower, index, open));
        let Some(((open, close), closing)) = opened else {
            index += 1;
            continue;
        };
        let start = index + open.len();
        if *closing < start {
            *closing = find(lower, close, start).unwrap_or(lower.len());
        }
        if *closing >= lower.len().min(start + REACH) {
            index += 1;
            continue;
        }
        let inner = span(lower, start, *closing + 1);
        if let Some(rule) = judge(inner).or_else(|| judge(innermost(inner, open))) {
            hits.push(Hit::new(rule, index, *closing + close.len()));
            return;
        }
        index = *closing;
    }
}

/// What follows the last opening delimiter.
fn innermost<'a>(inner: &'a [u8], open: &[u8]) -> &'a [u8] {
    let last = inner.windows(open.len()).rposition(|window| window == open);
    last.map_or(&[], |last| from(inner, last + open.len()))
}

fn judge(inner: &[u8]) -> Option<&'static Rule> {
    if computes(inner) {
        return Some(&rules::EXPRESSION);
    }
    find_any(inner, OBJECTS).map(|_| &rules::OBJECTS)
}

/// Arithmetic on constants: `7*7`, `=7*7`, `'7'*7`, `7*'7'`, `"a".concat("b")`.
fn computes(inner: &[u8]) -> bool {
    let inner = trim(inner.strip_prefix(b"=").unwrap_or(inner));
    let inner = inner
        .strip_prefix(b"{")
        .or_else(|| inner.strip_prefix(b"("))
        .unwrap_or(inner);
    let operand = |start: usize| {
        skip_while(inner, start, |byte| {
            byte.is_ascii_digit() || matches!(byte, b'\'' | b'"' | b'.')
        })
    };
    let first = operand(0);
    let operator = skip_space(inner, first);
    let second = skip_space(inner, operator + 1);
    let multiplies = first > 0
        && matches!(at(inner, operator), b'*' | b'+' | b'-' | b'%' | b'/')
        && operand(second) > second;
    let calls_constant = matches!(at(inner, 0), b'\'' | b'"')
        && find(inner, b"\".", 1)
            .or_else(|| find(inner, b"'.", 1))
            .is_some_and(|dot| is_word(at(inner, dot + 2)) && find(inner, b"(", dot).is_some());
    multiplies || calls_constant
}
