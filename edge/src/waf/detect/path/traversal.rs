//! Runs of `../`, in either slash, with the doublings that survive naive removal.

use super::file;
use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::path as rules;
use crate::waf::scan::{at, before, find, is_word, skip_space, skip_while, span};

/// Bytes after the last step in which its target stands.
const MAX_TARGET: usize = 80;

/// What sources of pages are called: relative paths to them are code and reports about code.
const SOURCES: &[&[u8]] = &[
    b".js", b".ts", b".jsx", b".tsx", b".mjs", b".css", b".scss", b".vue", b".svelte", b".dart",
    b".png", b".jpg", b".jpeg", b".svg", b".webp", b".gif", b".md", b".html", b".woff2", b".map",
];

/// Levels that nothing honest climbs right behind a word.
const MIN_STEPS: usize = 3;

/// Reports the first run that is an attack, and relative paths as a notice.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    let lower = text.lower;
    let first = skip_space(lower, 0);
    let mut single = None;
    let (mut index, mut has_notice) = (0, false);
    while let Some(start) = find(lower, b"..", index) {
        if !hits.meter.pays(price::CLIMB) {
            return;
        }
        let (steps, end) = climb(lower, start);
        index = end.max(start + 2);
        if steps == 0 {
            continue;
        }
        let is_single = *single.get_or_insert_with(|| super::is_single(lower, first));
        match judge(text, start, (steps, end), is_single, hits) {
            Some(rule) if std::ptr::eq(rule, &raw const rules::RELATIVE) => {
                if !has_notice {
                    hits.push(Hit::new(rule, start, end));
                }
                has_notice = true;
            }
            Some(rule) => {
                hits.push(Hit::new(rule, start, end));
                return;
            }
            None => {}
        }
    }
}

fn judge(
    text: &Text<'_>,
    start: usize,
    (steps, end): (usize, usize),
    is_single: bool,
    hits: &mut Hits,
) -> Option<&'static Rule> {
    let lower = text.lower;
    let previous = before(lower, start);
    if text.part == Part::Path && matches!(previous, 0 | b'/' | b'\\') {
        return Some(&rules::DOT_SEGMENT);
    }
    // `zip../../../../x`: no name ends so.
    if is_word(previous) && steps >= MIN_STEPS && is_single {
        return Some(&rules::TRAVERSAL);
    }
    if is_word(previous) || previous == b'.' || previous == b')' {
        return None;
    }
    let target = span(lower, end, end + MAX_TARGET);
    let target = span(
        target,
        0,
        skip_while(target, 0, |byte| {
            byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b')')
        }),
    );
    hits.meter.charge(target.len(), price::TARGET);
    // `include(../config.php): failed to open stream` tells what went wrong.
    let is_told =
        previous == b'(' && span(lower, end + target.len(), lower.len()).starts_with(b"): ");
    if is_told && steps == 1 {
        return Some(&rules::RELATIVE);
    }
    let is_overlong = span(lower, start, end).contains(&0x1c);
    if is_overlong || file::is_reached(target) || text.part == Part::FileName {
        return Some(&rules::TRAVERSAL);
    }
    // In prose and code `'../../lib'` is honest; a value that is a path throughout is not.
    let is_path = is_single && !matches!(previous, b'\'' | b'"' | b'(' | b'`');
    let is_source = find(target, b"node_modules/", 0).is_some()
        || (steps <= 3 && SOURCES.iter().any(|ending| target.ends_with(ending)));
    match steps {
        _ if is_source => is_path.then_some(&rules::RELATIVE),
        2.. if is_path => Some(&rules::TRAVERSAL),
        3.. if (previous == 0 || previous == b'/') && !target.is_empty() => Some(&rules::TRAVERSAL),
        1 if is_path => Some(&rules::RELATIVE),
        _ => None,
    }
}

/// How many levels the run at `start` climbs, and where it ends.
fn climb(text: &[u8], start: usize) -> (usize, usize) {
    let (mut steps, mut index) = (0, start);
    loop {
        let dots = skip_while(text, index, |byte| byte == b'.');
        let semicolon = dots + usize::from(at(text, dots) == b';');
        let slashes = here(text, skip_while(text, semicolon, is_slash));
        let is_step = (2..=4).contains(&(dots - index))
            && (slashes > semicolon || (at(text, dots) == 0 && is_slash(before(text, index))));
        if !is_step {
            return (steps, index.max(dots.min(text.len())));
        }
        steps += 1;
        index = slashes;
        if slashes == semicolon {
            return (steps, index);
        }
    }
}

/// Also what `%c0%5c` comes to, a backslash with a byte too many before it.
const fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | 0x1c)
}

/// Past any `./`, which leads nowhere: `..././..././`.
fn here(text: &[u8], start: usize) -> usize {
    let mut index = start;
    while index > 0
        && is_slash(before(text, index))
        && at(text, index) == b'.'
        && is_slash(at(text, index + 1))
    {
        index = skip_while(text, index + 1, is_slash);
    }
    index
}
