//! Stage one: what an application might read once it has decoded a value.
//!
//! Guarantees: at most [`ROUNDS`] rounds, no view longer than the value it came from, linear time,
//! no panic on any bytes. Each round undoes every encoding at once, since attackers mix them:
//! percent and `%u`, HTML entities, JavaScript and octal escapes, overlong UTF-8, full-width
//! and invisible characters, NULs. Base64 is undone where the whole value plausibly is that.

mod base64;
mod entity;
mod escape;
mod steps;
mod unicode;

use std::borrow::Cow;

use self::steps::Step;
pub(super) use self::steps::Steps;
use super::scan::{at, is_word};

/// Rounds of decoding after the reading that the transport itself demands.
pub(super) const ROUNDS: usize = 3;

/// Most views of one value.
#[cfg(fuzzing)]
pub(super) const MAX_VIEWS: usize = ROUNDS + 1;

/// One reading of a value, and what was undone to reach it.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    pub(super) text: Cow<'a, [u8]>,
    pub(super) steps: Steps,
}

impl<'a> View<'a> {
    /// The value as it stands.
    pub(super) fn of(value: &'a [u8]) -> Self {
        Self {
            text: Cow::Borrowed(value),
            steps: Steps::default(),
        }
    }
}

/// The distinct readings of a value: itself, then each round's result, until stable.
pub(super) fn views(value: &[u8]) -> Vec<View<'_>> {
    let mut views = vec![View::of(value)];
    for number in 0..ROUNDS {
        let Some(last) = views.last() else { break };
        let mut steps = last.steps;
        let mut note = |step| steps.note(number, step);
        let Some(next) = round(&last.text, &mut note).or_else(|| whole(&last.text, &mut note))
        else {
            break;
        };
        views.push(View {
            text: Cow::Owned(next),
            steps,
        });
    }
    views
}

fn whole(text: &[u8], note: &mut impl FnMut(Step)) -> Option<Vec<u8>> {
    let decoded = base64::decode(text)?;
    note(Step::Base64);
    Some(decoded)
}

/// Whether [`views`] could differ from the value alone: one cheap pass for honest input.
pub(super) fn may_change(value: &[u8]) -> bool {
    value
        .iter()
        .any(|byte| matches!(byte, b'%' | b'&' | b'\\' | 0 | 0x80..))
        || base64::is_plausible(value)
}

/// A character and the number of bytes that spelled it; `None` for a character to be dropped.
type Unit = (Option<char>, usize);

/// What kind of encoding the unit at a byte is.
const fn step_of(byte: u8) -> Step {
    match byte {
        b'%' => Step::PercentU,
        b'&' => Step::Entity,
        b'\\' => Step::JavaScript,
        0 => Step::Control,
        _ => Step::Confusable,
    }
}

/// One round; `None` when nothing changed.
fn round(text: &[u8], note: &mut impl FnMut(Step)) -> Option<Vec<u8>> {
    if !text
        .iter()
        .any(|byte| matches!(byte, b'%' | b'&' | b'\\' | 0 | 0x80..))
    {
        return None;
    }
    // A percent-encoded text without a space is a URL inside a URL: its plus signs are spaces.
    let plus_is_space = text.contains(&b'%') && !text.contains(&b' ');
    let mut out = Vec::with_capacity(text.len());
    let (mut index, mut changed) = (0, false);
    while index < text.len() {
        let byte = at(text, index);
        if let Some((unit, length)) = unit(text, index) {
            push(&mut out, unit);
            note(step_of(byte));
            index += length;
            changed = true;
        } else if let Some((raw, length)) = raw_byte(text, index) {
            out.push(raw);
            note(Step::Percent);
            index += length;
            changed = true;
        } else {
            out.push(if byte == b'+' && plus_is_space {
                b' '
            } else {
                byte
            });
            index += 1;
        }
    }
    changed.then_some(out)
}

/// The escape at `index` that names a character, if one stands there.
fn unit(text: &[u8], index: usize) -> Option<Unit> {
    match at(text, index) {
        b'%' => escape::percent_u(text, index),
        b'&' => entity::decode(text, index),
        b'\\' => escape::backslash(text, index),
        0 => Some((None, 1)),
        0x80.. => unicode::fold(text, index),
        _ => None,
    }
}

/// `%41`: a byte, not a character; several of them may form one.
fn raw_byte(text: &[u8], index: usize) -> Option<(u8, usize)> {
    if at(text, index) != b'%' {
        return None;
    }
    let byte = escape::hex(text, index + 1, 2)?;
    Some((u8::try_from(byte).ok()?, 3))
}

fn push(out: &mut Vec<u8>, unit: Option<char>) {
    if let Some(character) = unit.filter(|character| *character != '\0') {
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Reads `application/x-www-form-urlencoded` text once, as every application does: `+` is a
/// space and `%41` a byte; malformed escapes stay as they are.
pub(super) fn form(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut index = 0;
    while index < text.len() {
        let (byte, length) = match at(text, index) {
            b'+' => (b' ', 1),
            other => raw_byte(text, index).unwrap_or((other, 1)),
        };
        out.push(byte);
        index += length;
    }
    out
}

/// Appends the character of a JSON `\\uXXXX` escape at `index`, surrogate pairs joined
/// (RFC 8259 §7), and returns the number of bytes read. A bad escape stays as it is.
pub(super) fn json_unicode(raw: &[u8], index: usize, out: &mut Vec<u8>) -> usize {
    let Some(first) = escape::hex(raw, index + 2, 4) else {
        out.push(b'\\');
        return 1;
    };
    let second = if at(raw, index + 6) == b'\\' {
        escape::hex(raw, index + 8, 4)
    } else {
        None
    };
    let units = [first, second.unwrap_or(0)].map(|unit| u16::try_from(unit).unwrap_or(0));
    let decoded = char::decode_utf16(units).next().and_then(Result::ok);
    let character = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
    push(out, Some(character));
    6 * character.len_utf16()
}

/// Whether the text is one plain word, number or identifier that no detector could object to.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| is_word(*byte) && *byte != b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn last(text: &str) -> String {
        String::from_utf8(views(text.as_bytes()).pop().unwrap().text.into_owned()).unwrap()
    }

    #[test]
    fn undoes_each_encoding() {
        for (encoded, plain) in [
            ("%3Cscript%3E", "<script>"),
            ("%253Cscript%253E", "<script>"),
            ("%25253Cscript", "<script"),
            ("%u003cscript", "<script"),
            ("%c0%ae%c0%ae/", "../"),
            ("%e0%80%af", "/"),
            ("&lt;script&#62;&#x2f;&#0000060", "<script>/<"),
            ("\\x3cscript\\u003e\\u{2f}", "<script>/"),
            ("\u{ff1c}script\u{ff1e}", "<script>"),
            ("java\0script", "javascript"),
            ("sc\u{200b}ript", "script"),
            (
                "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
                "<script>alert(1)</script>",
            ),
            (
                "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg",
                "<script>alert(1)</script>",
            ),
            ("1%2527%2bor%2b1", "1' or 1"),
        ] {
            assert_eq!(last(encoded), plain, "{encoded}");
        }
    }

    #[test]
    fn leaves_honest_text_alone() {
        for text in [
            "100% sure",
            "R&B",
            "C:\\new",
            "a+b",
            "fish & chips",
            "deadbeefdeadbeefdeadbeef",
        ] {
            assert_eq!(views(text.as_bytes()).len(), 1, "{text}");
        }
    }

    #[test]
    fn reads_forms_once() {
        assert_eq!(form(b"a+b%2Bc%zz%4"), b"a b+c%zz%4");
    }

    proptest! {
        #[test]
        fn never_panics_and_never_grows(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let views = views(&text);
            prop_assert!(views.len() <= ROUNDS + 1);
            prop_assert!(views.windows(2).all(|pair| pair[1].text.len() <= pair[0].text.len()));
        }

        #[test]
        fn never_panics_on_escapes(text in "[%&\\\\ux#{};0-9a-fA-Flt\u{ff1c}\u{200b}]{0,80}") {
            let views = views(text.as_bytes());
            prop_assert!(views.windows(2).all(|pair| pair[1].text.len() <= pair[0].text.len()));
            prop_assert!(form(text.as_bytes()).len() <= text.len());
        }

        #[test]
        fn cheap_test_never_misses_a_change(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(views(&text).len() == 1 || may_change(&text));
        }
    }
}
