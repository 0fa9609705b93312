//! Stage one: what an application might read once it has decoded a value.
//!
//! Guarantees: at most [`ROUNDS`] rounds, no view longer than the value it came from, linear time,
//! no panic on any bytes. A round undoes every escape at once, since attackers mix them: percent
//! and `%u`, HTML entities, JavaScript, CSS and octal escapes, UTF-7, overlong UTF-8, confusable
//! and invisible characters, NULs. Then it undoes base64 and hexadecimal where they hold text,
//! which is a view of its own: what is no escape in one reading may be one in the other.

mod base64;
mod confusable;
mod entity;
mod escape;
mod percent;
mod run;
mod steps;
mod unicode;
mod utf7;

use std::borrow::Cow;

use self::steps::Step;
pub(super) use self::steps::Steps;
use super::Part;
use super::scan::{at, from, is_one_of, is_word, position, skip_while, span};

/// Rounds of decoding after the reading that the transport itself demands.
pub(super) const ROUNDS: usize = 3;

/// Most views of one value: itself, two a round, and the one without plus signs.
#[cfg(any(test, fuzzing))]
pub(super) const MAX_VIEWS: usize = 2 * (ROUNDS + 1) + 2;

/// Longest value read once more with plus signs as spaces; longer ones are data.
const MAX_PLUS: usize = 2048;

/// One reading of a value, and what was undone to reach it.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    pub(super) text: Cow<'a, [u8]>,
    pub(super) steps: Steps,
}

/// The distinct readings of a value: itself, then what each round makes of it, until stable.
/// Each is made when it is asked for; honest text allocates nothing.
///
/// A path, cookie or header is given as it was sent: the round that its transport or convention
/// demands comes on top.
pub(super) fn views(part: Part, value: &[u8]) -> impl Iterator<Item = View<'_>> {
    let is_raw = matches!(
        part,
        Part::Path | Part::CookieName | Part::Cookie | Part::HeaderValue
    );
    let rounds = ROUNDS + usize::from(is_raw);
    let first = View {
        text: Cow::Borrowed(value),
        steps: Steps::default(),
    };
    let mut decoder = Decoder {
        rounds,
        ..Decoder::default()
    };
    std::iter::successors(Some(first), move |last| decoder.next(last))
}

/// How many runs of base64 a text holds that [`views`] would look at, and how many samples it would
/// take of them besides: what follows their slashes.
pub(super) fn samples(text: &[u8]) -> (usize, usize) {
    run::counts(text)
}

/// Places of a text at which an escape or digits after `0x` may start.
pub(super) fn starts(text: &[u8]) -> usize {
    // In blocks whose counts fit a byte, as vector instructions count.
    let each = text.chunks(128).map(|block| {
        let starts = block.iter().map(|byte| u8::from(is_start(*byte)));
        usize::from(starts.sum::<u8>())
    });
    each.sum::<usize>() + run::prefixes(text)
}

/// Whether [`views`] could differ from the value alone: one cheap pass for short values.
pub(super) fn may_change(value: &[u8]) -> bool {
    value.iter().any(|byte| is_start(*byte)) || run::decode(value, &mut |_| ()).is_some()
}

/// Where the decoder stands.
#[derive(Debug, Default)]
struct Decoder {
    rounds: usize,
    round: usize,
    /// Whether this round's escapes were undone already.
    escaped: bool,
    /// Whether nothing is left to try.
    done: bool,
}

impl Decoder {
    fn next<'a>(&mut self, last: &View<'_>) -> Option<View<'a>> {
        let mut steps = last.steps;
        let text = self.text(&last.text, &mut steps)?;
        Some(View {
            text: Cow::Owned(text),
            steps,
        })
    }

    fn text(&mut self, last: &[u8], steps: &mut Steps) -> Option<Vec<u8>> {
        while self.round < self.rounds && !self.done {
            let round = self.round;
            let mut note = |step| steps.note(round, step);
            if !self.escaped {
                self.escaped = true;
                if let Some(text) = escapes(last, &mut note) {
                    return Some(text);
                }
                // Nothing to undo now and, unless a run is undone, later.
                self.done = true;
            }
            self.escaped = false;
            self.round += 1;
            if let Some(text) = run::decode(last, &mut note) {
                self.done = false;
                return Some(text);
            }
        }
        if self.round > self.rounds {
            return None;
        }
        // Last: a text without spaces whose words are joined by plus signs.
        let round = std::mem::replace(&mut self.round, self.rounds + 1).saturating_sub(1);
        let text = pluses(last)?;
        steps.note(round, Step::Plus);
        Some(text)
    }
}

/// What an escape spells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelled {
    /// A byte, several of which may form a character.
    Byte(u8),
    /// A character.
    Char(char),
    /// Up to four ASCII characters, zeros after them.
    Ascii([u8; 4]),
    /// Nothing: parsers drop it.
    Nothing,
}

/// An escape: what it spells, the bytes that it takes, and what it is called.
type Unit = (Spelled, usize, Step);

/// Whether an escape may start with this byte.
fn is_start(byte: u8) -> bool {
    let beyond = u8::from(byte >= 0x80);
    u8::from(is_one_of(byte, [b'%', b'&', b'\\', b'+', 0])) | beyond != 0
}

/// The escape at `index`, if one stands there.
fn unit(text: &[u8], index: usize) -> Option<Unit> {
    match at(text, index) {
        b'%' => percent::decode(text, index),
        b'&' => entity::decode(text, index),
        b'\\' => escape::decode(text, index),
        b'+' => utf7::decode(text, index),
        0 => Some((Spelled::Nothing, 1, Step::Control)),
        0x80.. => unicode::decode(text, index),
        _ => None,
    }
}

/// Undoes every escape once; `None` when there is none. Bytes that percent-encoding spelled are
/// read as the characters that they form.
fn escapes(text: &[u8], note: &mut impl FnMut(Step)) -> Option<Vec<u8>> {
    // A percent-encoded text without a space is a URL inside a URL: its plus signs are spaces.
    let is_url = || {
        let is_escape = |index| percent::byte(text, index).is_some();
        let mut signs = (0..text.len()).filter(|index| at(text, *index) == b'%');
        text.contains(&b'+') && !text.contains(&b' ') && signs.any(is_escape)
    };
    let out = pass(text, is_start, is_url, note)?;
    let folded = pass(&out, |byte| byte >= 0x80, || false, note);
    Some(folded.unwrap_or(out))
}

/// Undoes the escapes that start with such a byte.
fn pass(
    text: &[u8],
    starts: impl Fn(u8) -> bool,
    plus_is_space: impl Fn() -> bool,
    note: &mut impl FnMut(Step),
) -> Option<Vec<u8>> {
    let mut index = position(text, 0, &starts)?;
    let plus_is_space = plus_is_space();
    let mut out = Vec::new();
    let mut copied = 0;
    while let Some(start) = position(text, index, &starts) {
        let Some((spelled, length, step)) = unit(text, start) else {
            index = start + 1;
            // What continues a character is none by itself.
            if at(text, start) >= 0x80 {
                index = skip_while(text, index, |byte| (0x80..0xc0).contains(&byte));
            }
            continue;
        };
        if out.capacity() == 0 {
            out.reserve_exact(text.len());
        }
        copy(&mut out, span(text, copied, start), plus_is_space);
        push(&mut out, spelled);
        note(step);
        index = start + length;
        copied = index;
    }
    if copied == 0 {
        return None;
    }
    copy(&mut out, from(text, copied), plus_is_space);
    Some(out)
}

fn copy(out: &mut Vec<u8>, bytes: &[u8], plus_is_space: bool) {
    let start = out.len();
    out.extend_from_slice(bytes);
    if plus_is_space {
        let copied = out.get_mut(start..).unwrap_or_default();
        spaced(copied);
    }
}

fn spaced(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte == b'+') {
        *byte = b' ';
    }
}

fn push(out: &mut Vec<u8>, spelled: Spelled) {
    match spelled {
        Spelled::Byte(byte) => out.push(byte),
        Spelled::Char('\0') | Spelled::Nothing => {}
        Spelled::Char(character) => {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Spelled::Ascii(characters) => out.extend(characters.iter().filter(|byte| **byte != 0)),
    }
}

/// `1'+or+1=1`: outside of forms, where an application decodes what the transport does not.
fn pluses(text: &[u8]) -> Option<Vec<u8>> {
    let joins = |three: &[u8]| at(three, 1) == b'+' && at(three, 0) != b'+' && at(three, 2) != b'+';
    if text.len() > MAX_PLUS
        || text.iter().any(u8::is_ascii_whitespace)
        || !text.windows(3).any(joins)
    {
        return None;
    }
    let mut text = text.to_vec();
    spaced(&mut text);
    Some(text)
}

/// Reads `application/x-www-form-urlencoded` text once, as every application does: `+` is a
/// space and `%41` a byte; malformed escapes stay as they are.
pub(super) fn form(text: &[u8]) -> Cow<'_, [u8]> {
    let is_escape = |byte: &u8| matches!(byte, b'+' | b'%');
    let Some(mut index) = text.iter().position(is_escape) else {
        return Cow::Borrowed(text);
    };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(span(text, 0, index));
    while index < text.len() {
        let (byte, length) = match at(text, index) {
            b'+' => (b' ', 1),
            b'%' => percent::byte(text, index).map_or((b'%', 1), |byte| (byte, 3)),
            other => (other, 1),
        };
        out.push(byte);
        index += length;
    }
    Cow::Owned(out)
}

/// Appends the character of a JSON `\\uXXXX` escape at `index`, surrogate pairs joined
/// (RFC 8259 §7), and returns the number of bytes read. A bad escape stays as it is.
pub(super) fn json_unicode(raw: &[u8], index: usize, out: &mut Vec<u8>) -> usize {
    if let Some((character, length)) = escape::utf16(raw, index) {
        push(out, Spelled::Char(character));
        return length;
    }
    if escape::hex(raw, index + 2, 4).is_some() {
        push(out, Spelled::Char(char::REPLACEMENT_CHARACTER));
        return 6;
    }
    out.push(b'\\');
    1
}

/// Whether the text is one plain word, number or identifier that no detector could object to.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| is_word(*byte) && *byte != b'_')
}

#[cfg(test)]
mod tests;
