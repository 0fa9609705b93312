//! Server-side and edge-side includes.

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::ssi as rules;
use crate::waf::scan::{Needles, at, find, skip_space, span, stands, trim, word};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &["<!--", "<#exec", "<esi:", "$(http_", "$(query_string"];

/// What a directive or a variable begins with.
static SIGNS: Needles<'static> =
    Needles::new(&[b"<!--", b"<esi:", b"<#exec ", b"$(http_", b"$(query_string"]);

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
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    let lower = text.lower;
    let mut index = 0;
    while let Some((start, sign)) = SIGNS.find(lower, index) {
        if !hits.meter.pays(price::DIRECTIVE) {
            return;
        }
        index = start + sign.len();
        let rule = match sign {
            b"<!--" => is_directive(lower, index).then_some(&rules::SSI),
            // `<esi:remove>` and `<esi:comment>` only leave out.
            b"<esi:" => {
                let name = word(lower, index);
                let acts = !name.is_empty() && !matches!(name, b"remove" | b"comment");
                acts.then_some(&rules::ESI)
            }
            b"<#exec " => Some(&rules::SSI),
            _ => Some(&rules::ESI),
        };
        hits.extend(rule.map(|rule| Hit::new(rule, start, index)));
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
