//! Serialised objects: what a deserialiser would turn into a class of the attacker's choice.
//! Arrays and scalars of the same formats are honest session data.

use crate::waf::detect::Hit;
use crate::waf::rules::code as rules;
use crate::waf::scan::{at, before, find, from, is_word, stands};

/// How objects begin once they were put into base64 or hexadecimal, in lower case: Java, .NET's
/// `BinaryFormatter`, Python's pickle of a class, Ruby's Marshal of an object.
const HEADS: &[&[u8]] = &[
    b"ro0ab",
    b"aced0005",
    b"aaeaaad/////",
    b"gasv",
    b"bahv",
    b"y29zcn",
    b"y3bvc2l4c",
];
/// Java's stream header in base64 at each of the three offsets, as it is spelled.
const JAVA_HEADS: &[&[u8]] = &[b"rO0AB", b"KztAAU", b"Cs7QAF"];

/// Whether a short plain word is the beginning of a Java object: scanners send no more.
pub(in crate::waf::detect) fn starts_object(value: &[u8]) -> bool {
    JAVA_HEADS.iter().any(|head| value.starts_with(head))
}

/// Fewer bytes than this are a word or a number, not an object.
const MIN_OBJECT: usize = 12;

/// Names the rule that the text breaks.
pub(super) fn detect(text: &[u8], hits: &mut Vec<Hit>) {
    let is_head = JAVA_HEADS.iter().any(|head| {
        text.len() < MIN_OBJECT
            && text.len() > 5
            && text
                .get(..head.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(head))
    });
    if is_head {
        hits.push(Hit::new(&rules::SERIALIZED, 0, text.len()));
    }
    encoded(text, hits);
    php(text, hits);
}

fn encoded(text: &[u8], hits: &mut Vec<Hit>) {
    let is_digit =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    for head in HEADS {
        let Some(start) = find(text, head, 0) else {
            continue;
        };
        let length = from(text, start)
            .iter()
            .take(64)
            .take_while(|byte| is_digit(**byte))
            .count();
        let is_whole = *head != b"gasv" && *head != b"bahv" || start == 0 && length > 24;
        // .NET's stands within a longer text, its own view state.
        let is_free = *head == b"aaeaaad/////" || !is_digit(before(text, start));
        if is_free && length >= MIN_OBJECT && is_whole {
            hits.push(Hit::new(&rules::SERIALIZED, start, start + length));
            return;
        }
    }
}

/// PHP's `O:8:"stdClass":1:{` and `C:11:"ArrayObject":`.
fn php(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    while let Some(colon) = from(text, index).iter().position(|byte| *byte == b':') {
        let colon = index + colon;
        index = colon + 1;
        let is_object = matches!(before(text, colon), b'o' | b'c')
            && colon >= 1
            && !is_word(before(text, colon - 1));
        if !is_object {
            continue;
        }
        let sign = usize::from(at(text, index) == b'+');
        let digits = from(text, index + sign)
            .iter()
            .take(6)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let end = index + sign + digits;
        if digits > 0 && (stands(text, end, b":\"") || stands(text, end, b":\\\"")) {
            hits.push(Hit::new(&rules::SERIALIZED, colon - 1, end + 2));
            return;
        }
    }
}
