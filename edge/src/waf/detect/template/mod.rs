//! Template injection: what stands between the delimiters computes or reaches into objects, where
//! honest placeholders only name a variable.

mod expression;
mod names;

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::template as rules;
use crate::waf::scan::{
    Needles, at, find, from, is_one_of, is_space, position, span, stands, trim,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "{{",
    "${",
    "#{",
    "<%",
    "{%",
    "*{",
    "%{",
    "!{",
    "#set",
    "#foreach",
    "#macro",
    "#evaluate",
    "#parse",
    "#include(",
    "#if(1",
    "#if (1",
    "#define($",
    "{var_dump(",
    "{print_r(",
    "{do phpinfo",
    "{eval var=",
    "<#",
    "[#",
    "[=",
    "@(",
    "@{",
    "~{",
    "{php}",
    "{if ",
    "[%",
    "{=",
    "{!",
    "{ ",
    "[[",
    "?eval}",
    "?interpret}",
    ".getclass()",
    ".waitfor()",
    ".getsession()",
    "|shell_exec}",
    "{1",
    "{2",
    "{3",
    "{4",
    "{5",
    "{6",
    "{7",
    "{8",
    "{9",
    "|system}",
    "|passthru}",
    "|exec}",
    "@datetime.",
    "@html.raw",
    "@environment.",
    "@system.",
    "@using system",
    "@php",
    "{system",
    "{$",
    "{self::",
    "{math ",
    "{fetch ",
    "{@math ",
    "{include ",
    "smarty_",
    ".forname(",
    "class.inspect(",
    "system.diagnostics",
    "}__::",
    "<jsp:",
    "<c:import",
    "<cfexecute",
    "<tmpl_include",
    ".getclassloader(",
    ".class.classloader",
    ".getservletcontext(",
    "t(java",
    "@java",
];

/// What opens an expression, and what closes it.
const DELIMITERS: &[(&[u8], &[u8])] = &[
    (b"{{", b"}}"),
    (b"${", b"}"),
    (b"#{", b"}"),
    (b"<%", b"%>"),
    (b"*{", b"}"),
    (b"%{", b"}"),
    (b"!{", b"}"),
    (b"@(", b")"),
    (b"@{", b"}"),
    (b"~{", b"}"),
    (b"[%", b"%]"),
    (b"[=", b"]"),
    (b"{%", b"%}"),
    (b"{$", b"}"),
    (b"<#", b">"),
    (b"[#", b"]"),
];

/// Longest expression looked at.
const REACH: usize = 512;

/// One expression.
#[derive(Debug, Clone, Copy)]
struct Expression<'a> {
    open: &'static [u8],
    inner: &'a [u8],
    /// Whether the text is nothing else.
    is_whole: bool,
    /// The byte before it.
    before: u8,
}

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[&names::DIRECTIVES];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    directives(text.lower, hits);
    whole(text.lower, hits);
    expressions(text.lower, hits);
}

fn directives(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    while let Some((start, sign)) = hits.absent.find(&names::DIRECTIVES, text, index) {
        index = start + sign.len();
        if counts(text, start, index, sign) {
            hits.push(Hit::new(&rules::DIRECTIVE, start, index));
        }
    }
}

/// Directives that are words need what they act on.
fn counts(text: &[u8], start: usize, end: usize, sign: &[u8]) -> bool {
    let rest = span(text, end, end + REACH);
    match sign {
        b"{php}" => find(rest, b"{/php}", 0).is_some() || span(rest, 0, 64).contains(&b'('),
        b"#include(" | b"#parse(" | b"#evaluate(" => matches!(at(rest, 0), b'"' | b'\'' | b'$'),
        b"#macro(" => find(rest, b"#end", 0).is_some(),
        b"{include " | b"{fetch " => {
            let tag = span(
                rest,
                0,
                rest.iter().position(|byte| *byte == b'}').unwrap_or(0),
            );
            find(tag, b"file=", 0).is_some_and(|file| {
                let path = trim(from(tag, file + 5));
                let path = path
                    .strip_prefix(b"\"")
                    .or_else(|| path.strip_prefix(b"'"))
                    .unwrap_or(path);
                matches!(at(path, 0), b'/' | b'.') || find(path, b":", 0).is_some()
            })
        }
        // `$request.getServletContext()`; in Java itself no dollar leads the chain.
        b".getclassloader("
        | b".class.classloader"
        | b".getservletcontext("
        | b".getclass()"
        | b".waitfor()"
        | b".getsession()"
        | b".getruntime()" => {
            let head = span(text, start.saturating_sub(64), start);
            let chain = head
                .iter()
                .rev()
                .take_while(|byte| crate::waf::scan::is_word(**byte) || b".()".contains(byte))
                .count();
            at(head, (head.len() - chain).wrapping_sub(1)) == b'$'
        }
        // Smarty's own sources name its classes; an attack calls one.
        b"smarty_internal" => {
            let name = crate::waf::scan::word(rest, 0);
            stands(rest, name.len(), b"::") || crate::waf::scan::before(text, start) == b'{'
        }
        // `<#assign x=1>`, `<#import "a" as b>`
        b"<#assign " | b"[#assign " => {
            let name = crate::waf::scan::word(rest, 0);
            // `freemarker <#assign x=1>` names it.
            let is_named = trim(span(text, start.saturating_sub(8), start))
                .last()
                .is_some_and(u8::is_ascii_alphanumeric);
            !is_named && !name.is_empty() && at(trim(from(rest, name.len())), 0) == b'='
        }
        b"t(java" => !crate::waf::scan::is_word(crate::waf::scan::before(text, start)),
        b"<jsp:" => [
            &b"scriptlet"[..],
            b"expression",
            b"declaration",
            b"include page=\"/",
            b"include page=\"http",
            b"include file",
        ]
        .iter()
        .any(|kind| rest.starts_with(kind)),
        _ => true,
    }
}

/// What only a value that is nothing else says: `{7*7}`, `@DateTime.Now`, a row of delimiters.
fn whole(text: &[u8], hits: &mut Hits) {
    let value = trim(text);
    let is_sum = value
        .strip_prefix(b"{")
        .and_then(|inner| inner.strip_suffix(b"}"))
        .or_else(|| {
            let inner = value.strip_prefix(b"[[")?;
            inner.strip_suffix(b"]]")
        })
        .is_some_and(expression::is_product);
    if is_sum || names::asks_razor(value) || is_polyglot(value) || names::is_program(value) {
        hits.push(Hit::new(&rules::EXPRESSION, 0, text.len()));
    }
}

/// Longest value that is a row of delimiters.
const MAX_POLYGLOT: usize = 96;

/// Three kinds of delimiters in a value that holds no sentence: made to find out which one counts.
fn is_polyglot(value: &[u8]) -> bool {
    const KINDS: [&[u8]; 9] = [
        b"${", b"{{", b"<%", b"#{", b"{%", b"@{", b"*{", b"[[", b"{#",
    ];
    let is_bracket = |byte: &&u8| matches!(byte, b'{' | b'[' | b'<');
    value.len() <= MAX_POLYGLOT
        && value.iter().filter(is_bracket).nth(1).is_some()
        && KINDS
            .iter()
            .filter(|kind| find(value, kind, 0).is_some())
            .nth(2)
            .is_some()
        && value
            .split(|byte| is_space(*byte))
            .filter(|token| token.len() > 1 && token.iter().all(u8::is_ascii_alphabetic))
            .nth(1)
            .is_none()
}

/// Whether one of [`DELIMITERS`] may start with the byte.
fn is_opening(byte: u8) -> bool {
    is_one_of(byte, *b"{$#<*%!@~[")
}

fn expressions(text: &[u8], hits: &mut Hits) {
    // Where the next object stands and how far none does, looked up once per place: linear however
    // many expressions.
    let (mut object, mut searched) = (None, 0);
    // Where each delimiter closes next, likewise.
    let mut closings = [0; DELIMITERS.len()];
    let mut index = 0;
    while let Some(place) = position(text, index, is_opening) {
        index = place;
        hits.look();
        let opened = DELIMITERS
            .iter()
            .zip(closings.iter_mut())
            .find(|((open, _), _)| stands(text, index, open));
        let Some(((open, close), closing)) = opened else {
            index += 1;
            continue;
        };
        let start = index + open.len();
        if *closing < start {
            *closing = find(text, close, start).unwrap_or(text.len());
        }
        let end = *closing;
        if end >= text.len().min(start + REACH) {
            index += 1;
            continue;
        }
        if !hits.meter.pays(price::EXPRESSION) {
            return;
        }
        object = object.filter(|(place, _)| *place >= start);
        let unseen = start.max(searched);
        if object.is_none() && unseen < end {
            object = names::OBJECTS.find(span(text, 0, end + names::MAX_OBJECT), unseen);
            searched = object.map_or(end, |(place, _)| place);
        }
        let expression = Expression {
            open,
            inner: span(text, start, end),
            is_whole: is_blank(span(text, 0, index)) && is_blank(from(text, end + close.len())),
            before: crate::waf::scan::before(text, index),
        };
        let reaches = object.filter(|(place, _)| *place < end);
        let found = judge(
            &expression,
            reaches.map(|(place, sign)| (place - start, sign)),
        );
        if let Some(rule) = found {
            hits.push(Hit::new(rule, index, end + close.len()));
        }
        // What is nested is looked at by itself.
        index = start;
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.len() < REACH && text.iter().all(|byte| is_space(*byte))
}

fn judge(expression: &Expression<'_>, object: Option<(usize, &[u8])>) -> Option<&'static Rule> {
    if expression::computes(expression) {
        return Some(&rules::EXPRESSION);
    }
    let reaches = object.is_some_and(|(place, sign)| names::counts(expression.inner, place, sign));
    let is_probe = expression.is_whole && names::is_probe(expression.open, expression.inner);
    (reaches || is_probe || expression::reaches(expression)).then_some(&rules::OBJECTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(text: &str) -> bool {
        let mut hits = Hits::default();
        let lower = text.to_ascii_lowercase();
        let text = Text {
            lower: lower.as_bytes(),
            part: Part::Form,
            name: "",
        };
        detect(&text, &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn expressions_that_compute_or_reach_are_found() {
        for text in [
            "{{7*7}}",
            "a{{ 7 * '7' }}b",
            "${7*7}",
            "#{ 7*7 }",
            "<%= 7*7 %>",
            "@(1+2)",
            "*{7*7}",
            "[[${7*7}]]",
            "{% if 7*7 == 49 %}",
            "${{<%[%'\"}}%\\",
            "{{config}}",
            "{{x=Object}}{{w=new x}}",
            "{{#with \"s\" as |string|}}{{/with}}",
            "{{ request }}",
            "{{''.__class__}}",
            "{{()|attr('x')}}",
            "{% include '/etc/passwd' %}",
            "{{> /etc/passwd}}",
            "{{ 1 == 1 }}",
            "${7 mod 4}",
            "{{ [1,2,3] }}",
            "{{ 'a'|length }}",
            "<%= session.class %>",
            "<%= ENV.to_a %>",
            "{{ $_SERVER }}",
            "{$_GET[0]}",
            "<#list 1..5 as i>${i}</#list>",
            "{% apply system %}id{% endapply %}",
            "#{`id`}",
            "{{ 'a'.toUpperCase() }}",
            "${T(java.lang.Runtime)}",
            "{{ {{ 7*7 }}",
            "#set($x=1)",
        ] {
            assert!(stops(text), "{text}");
        }
    }

    #[test]
    fn placeholders_are_honest() {
        for text in [
            "{{ user.name }} {{ price | currency }} {{{body}}} {{> header}}",
            "{{#each items}}{{this}}{{/each}}",
            "${{ secrets.TOKEN }}",
            "${name} ${VAR:-x}",
            "#{id}",
            "{{ __('messages.welcome') }}",
            "{% include 'header.html' %}",
            "<%= user.name %>",
            "costs ${10-20} per person",
            "x^{2*3} + 2*{4*5}",
            "{{ movie.runtime }} min",
            "@(home)",
            "{{ 'key' | translate }}",
            "{{1}}",
            "{{ name or email }}",
            "${1}",
            "<%= time.now_playing %>",
            "write {{ 1 == 1 }} there",
            "{{ 2026-11-21 }}",
            "[[${user.name}]]",
            "%{count} items",
            "{php} is dead",
        ] {
            assert!(!stops(text), "{text}");
        }
    }
}
