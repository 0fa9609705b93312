//! Runs of base64 and hexadecimal digits in a text, replaced by the text that they spell.
//!
//! A run that spells no text is data (an image, a digest, an encrypted cookie) and stays: a
//! sample tells, so that data costs little more than the search for it.

use super::{Step, base64};
use crate::waf::scan::{at, before, from, is_word, position, span, trim};

/// Shortest run inside a longer text; shorter ones are words.
const MIN_RUN: usize = 16;
/// Shortest whole value, padding included: six bytes.
const MIN_WHOLE: usize = 8;
/// Longest run that is decoded; longer ones are files.
const MAX_RUN: usize = 128 * 1024;
/// Shortest hexadecimal text without a prefix, in digits.
const MIN_HEX: usize = 12;
/// Rests of one run that are decoded in full, whatever their samples say.
const MAX_RESTS: usize = 4;

/// The text with its runs undone; `None` when it holds none.
pub(super) fn decode(text: &[u8], note: &mut impl FnMut(Step)) -> Option<Vec<u8>> {
    if let Some((decoded, step)) = whole(trim(text)) {
        note(step);
        return Some(decoded);
    }
    let mut out = Vec::new();
    let (mut index, mut copied) = (0, 0);
    while let Some((start, end)) = next(text, index) {
        if let Some(found) = within(text, start, end) {
            out.extend_from_slice(span(text, copied, found.start));
            out.extend_from_slice(&found.decoded);
            note(found.step);
            copied = found.end;
        }
        index = end.max(copied);
    }
    if copied == 0 {
        return prefixed(text, note);
    }
    out.extend_from_slice(from(text, copied));
    prefixed(&out, note).or(Some(out))
}

/// A value that is one run and nothing else. Spaces and line breaks inside are skipped: they are
/// plus signs of a form read once too often, or the lines of MIME.
fn whole(value: &[u8]) -> Option<(Vec<u8>, Step)> {
    if !(MIN_WHOLE..=MAX_RUN).contains(&value.len()) {
        return None;
    }
    if value.len() >= MIN_HEX
        && let Some(decoded) = base64::hex(value)
    {
        return Some((decoded, Step::Hex));
    }
    let digits = value.strip_suffix(b"=").unwrap_or(value);
    let digits = digits.strip_suffix(b"=").unwrap_or(digits);
    let fits = |byte: &u8| is_digit(*byte) || matches!(byte, b' ' | b'\r' | b'\n');
    let kind = base64::kind(digits)?;
    let is_run = digits.iter().all(fits);
    is_run.then(|| base64::text(digits, kind)).flatten()
}

fn is_digit(byte: u8) -> bool {
    base64::sextet(byte).is_some()
}

/// The next run of at least [`MIN_RUN`] digits at or after `index`. Looks at every sixteenth byte
/// of a text without runs.
fn next(text: &[u8], index: usize) -> Option<(usize, usize)> {
    // Bytes from `start` to `known` are digits.
    let (mut start, mut known) = (index, index);
    loop {
        let probe = start + MIN_RUN - 1;
        if probe >= text.len() {
            return None;
        }
        let probed = span(text, known, probe + 1);
        let Some(offset) = probed.iter().rposition(|byte| !is_digit(*byte)) else {
            let rest = from(text, probe).iter().take_while(|byte| is_digit(**byte));
            return Some((start, probe + rest.count()));
        };
        start = known + offset + 1;
        known = probe + 1;
    }
}

/// How many runs there are, and the slashes and plus signs in them: what follows one is looked at
/// by itself.
pub(super) fn counts(text: &[u8]) -> (usize, usize) {
    let (mut index, mut runs, mut slashes) = (0, 0, 0);
    while let Some((start, end)) = next(text, index) {
        let run = span(text, start, end).iter();
        runs += 1;
        slashes += run.filter(|byte| matches!(byte, b'/' | b'+')).count();
        index = end;
    }
    (runs, slashes)
}

/// What replaces `text[start..end]`.
struct Found {
    start: usize,
    end: usize,
    decoded: Vec<u8>,
    step: Step,
}

/// Where a run holds text: all of it, or what follows a slash, which is a digit and separates the
/// segments of a path.
fn within(text: &[u8], start: usize, end: usize) -> Option<Found> {
    if end - start > MAX_RUN {
        return None;
    }
    if let Some(decoded) = base64::hex(span(text, start, end)) {
        let step = Step::Hex;
        return Some(Found {
            start,
            end,
            decoded,
            step,
        });
    }
    let (mut piece, mut rests) = (start, 0);
    while piece < end {
        let slash = span(text, piece, end)
            .iter()
            .position(|byte| matches!(byte, b'/' | b'+'));
        let piece_end = slash.map_or(end, |slash| piece + slash);
        let rest = span(text, piece, end);
        let is_rest = rest.len() >= MIN_RUN && rests < MAX_RESTS;
        if let Some(kind) = is_rest.then(|| base64::kind(rest)).flatten() {
            rests += 1;
            let found = spelled(text, piece, end, kind);
            if found.is_some() {
                return found;
            }
        }
        let is_piece = piece_end < end && piece_end - piece >= MIN_RUN;
        let kind = || base64::kind(span(text, piece, piece_end));
        if let Some(kind) = is_piece.then(kind).flatten() {
            let found = spelled(text, piece, piece_end, kind);
            if found.is_some() {
                return found;
            }
        }
        piece = piece_end + 1;
    }
    None
}

/// The text that `text[start..end]` spells, which takes its padding with it.
fn spelled(text: &[u8], start: usize, end: usize, kind: base64::Kind) -> Option<Found> {
    let (decoded, step) = base64::text(span(text, start, end), kind)?;
    let padding = span(text, end, end + 2)
        .iter()
        .take_while(|byte| **byte == b'=')
        .count();
    Some(Found {
        start,
        end: end + padding,
        decoded,
        step,
    })
}

/// How often [`prefixed`] finds a prefix.
pub(super) fn prefixes(text: &[u8]) -> usize {
    let pairs = text.iter().zip(from(text, 1));
    let is_prefix = |(zero, x): &(&u8, &u8)| **zero == b'0' && x.eq_ignore_ascii_case(&b'x');
    pairs.filter(is_prefix).count()
}

/// `0x3c736372` (SQL and C) wherever it stands.
fn prefixed(text: &[u8], note: &mut impl FnMut(Step)) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut index, mut copied) = (0, 0);
    while let Some(x) = position(text, index, |byte| matches!(byte, b'x' | b'X')) {
        let digits = x + 1;
        index = digits;
        if before(text, x) != b'0' {
            continue;
        }
        let count = from(text, digits)
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        // In `0x2e0x2f` the second zero belongs to the next.
        let end = digits + count;
        let is_next =
            count > 0 && before(text, end) == b'0' && matches!(at(text, end), b'x' | b'X');
        let end = end - usize::from(is_next);
        let end = end - (end - digits) % 2;
        index = end;
        let in_word = x >= 2 && is_word(at(text, x - 2)) && copied != x - 1;
        let decoded = base64::hex(span(text, digits, end)).filter(|_| !in_word);
        if let Some(decoded) = decoded {
            out.extend_from_slice(span(text, copied, x - 1));
            out.extend_from_slice(&decoded);
            copied = end;
        }
    }
    if copied == 0 {
        return None;
    }
    note(Step::Hex);
    out.extend_from_slice(from(text, copied));
    Some(out)
}
