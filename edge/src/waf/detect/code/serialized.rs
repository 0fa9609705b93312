//! Serialised objects: what a deserialiser would turn into a class of the attacker's choice.
//! Arrays and scalars of the same formats are honest session data.

use crate::waf::detect::{Hit, Hits, Text};
use crate::waf::meter::price;
use crate::waf::rules::code as rules;
use crate::waf::scan::{Needles, at, before, find, from, is_word, position, stands};

/// How objects begin once they were put into base64 or hexadecimal, in lower case: Java, .NET's
/// `BinaryFormatter`, Python's pickle of a class, Ruby's Marshal of an object.
pub(super) static HEADS: Needles<'static> = Needles::numbered(
    8,
    &[
        b"ro0ab",
        b"aced0005",
        b"aaeaaad/////",
        b"abaaaa/////w",
        b"aaqaaap////8b",
        b"gasv",
        b"gawv",
        b"gajj",
        b"ganj",
        b"bahv",
        b"bahb",
        b"y29zcn",
        b"y3bvc2l4c",
    ],
);
/// .NET's at each of the three offsets: it stands within a view state.
const DOTNET_HEADS: &[&[u8]] = &[b"aaeaaad/////", b"abaaaa/////w", b"aaqaaap////8b"];
/// Java's stream header in base64 at each of the three offsets, as it is spelled.
const JAVA_HEADS: &[&[u8]] = &[b"rO0AB", b"KztAAU", b"Cs7QAF", b"aced0005", b"ACED0005"];

/// Whether a short plain word is the beginning of a Java object: scanners send no more.
pub(in crate::waf::detect) fn starts_object(value: &[u8]) -> bool {
    JAVA_HEADS.iter().any(|head| value.starts_with(head))
}

/// Fewer bytes than this are a word or a number, not an object.
const MIN_OBJECT: usize = 12;

/// Heads of four letters, which a word may have too: only a whole value that is long counts.
const SHORT_HEADS: &[&[u8]] = &[b"gasv", b"gawv", b"gajj", b"ganj", b"bahv", b"bahb"];
/// Shortest whole value with such a head.
const MIN_SHORT: usize = 24;

/// Keys under which jsonpickle keeps classes and calls.
const PICKLED_KEYS: &[&str] = &[
    "py/object",
    "py/reduce",
    "py/type",
    "py/function",
    "py/repr",
];

/// Names the rule that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    let lower = text.lower;
    let is_head = JAVA_HEADS.iter().any(|head| {
        lower.len() < MIN_OBJECT
            && lower.len() > 5
            && lower
                .get(..head.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(head))
    });
    if is_head || names_class(text) {
        hits.push(Hit::new(&rules::SERIALIZED, 0, lower.len()));
    }
    encoded(lower, hits);
    php(lower, hits);
    yaml(lower, hits);
}

/// Keys of JSON that name the class to make: Ruby's `json_class` and Oj's `^o`, jsonpickle's.
fn names_class(text: &Text<'_>) -> bool {
    let key = text.name.rsplit('.').next().unwrap_or_default();
    let is_ruby = matches!(key, "json_class" | "^o" | "^O" | "^c");
    PICKLED_KEYS.contains(&key) || is_ruby && find(text.lower, b"::", 0).is_some()
}

/// The same keys, with their quotation marks, and a tag of YAML.
pub(super) static KEYS: Needles<'static> = Needles::numbered(
    7,
    &[
        b"\"py/object\"",
        b"\"py/reduce\"",
        b"\"json_class\"",
        b"\"^o\"",
        b"!!js/",
    ],
);

/// The same as text, where the JSON was not read as such.
fn yaml(text: &[u8], hits: &mut Hits) {
    if let Some((start, key)) = hits.absent.find(&KEYS, text, 0) {
        hits.push(Hit::new(&rules::SERIALIZED, start, start + key.len()));
    }
}

/// Every place where a head stands is tried: the first may be a decoy.
fn encoded(text: &[u8], hits: &mut Hits) {
    let is_digit =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    let mut index = 0;
    while let Some((start, head)) = hits.absent.find(&HEADS, text, index) {
        hits.meter.charge(1, price::STORED);
        index = start + 1;
        let length = from(text, start)
            .iter()
            .take(64)
            .take_while(|byte| is_digit(**byte))
            .count();
        let is_short = SHORT_HEADS.contains(&head);
        let fits = !is_short || start == 0 && length > MIN_SHORT;
        // .NET's stands within a longer text, its own view state.
        let is_free = DOTNET_HEADS.contains(&head) || !is_digit(before(text, start));
        if is_free && length >= MIN_OBJECT && fits {
            hits.push(Hit::new(&rules::SERIALIZED, start, start + length));
            return;
        }
    }
}

/// A file that is nothing but what PHP has serialised.
pub(super) fn php_file(text: &[u8], hits: &mut Hits) {
    if matches!(at(text, 0), b'o' | b'c' | b'a') && at(text, 1) == b':' {
        php(text, hits);
    }
}

/// PHP's `O:8:"stdClass":1:{` and `C:11:"ArrayObject":`.
fn php(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    while let Some(colon) = position(text, index, |byte| byte == b':') {
        hits.look();
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
