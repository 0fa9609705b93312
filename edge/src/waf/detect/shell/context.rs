//! What stands around a command: a value, a list, a sentence.

use super::command::{self, Class};
use crate::waf::scan::{Needles, at, from, is_space, is_word, skip_space, span, stands, trim};

/// Longest text before a separator that can be a value.
const MAX_VALUE: usize = 80;
/// Longest item of a list.
const MAX_ITEM: usize = 40;
/// Plain words from which a text is prose.
const MIN_WORDS: usize = 7;

/// What stands before a separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Head {
    /// No letter and no digit.
    Empty,
    /// A dotted address.
    Address,
    /// One word, one e-mail address, one URL.
    Value,
    /// Two or three words.
    Few,
    /// More.
    Text,
}

impl Head {
    /// Judges `text[first..end]`, where `first` is the first byte that is no white space.
    pub(super) fn of(text: &[u8], first: usize, end: usize) -> Self {
        if end.saturating_sub(first) > MAX_VALUE {
            return Self::Text;
        }
        let head = trim(span(text, first, end));
        let tokens = head
            .split(|byte| is_space(*byte))
            .filter(|token| !token.is_empty());
        match tokens.count() {
            _ if head.starts_with(b"#!") => Self::Text,
            _ if !head
                .iter()
                .any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80) =>
            {
                Self::Empty
            }
            1 if is_address(head) => Self::Address,
            1 => Self::Value,
            2 | 3 => Self::Few,
            _ => Self::Text,
        }
    }
}

fn is_address(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'.').count() >= 4
        && !head
            .iter()
            .any(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80)
}

/// Words that shells use and that count for no sentence.
const KEYWORDS: &[&[u8]] = &[
    b"do",
    b"done",
    b"then",
    b"fi",
    b"for",
    b"in",
    b"if",
    b"else",
    b"while",
    b"true",
    b"false",
    b"user",
    b"add",
    b"administrator",
    b"administrators",
];

/// How much of a text tells whether it is prose, in bytes.
const MAX_PROSE: usize = 16 * 1024;

/// Whether a person wrote the text for people: plain words make up most of its beginning.
pub(super) fn is_prose(text: &[u8]) -> bool {
    let text = span(text, 0, MAX_PROSE);
    if is_script(text) {
        return true;
    }
    let (mut words, mut others) = (0_usize, 0_usize);
    for token in text
        .split(|byte| is_space(*byte))
        .filter(|token| !token.is_empty())
    {
        if is_plain(token) {
            words += 1;
        } else {
            others += 1;
        }
    }
    words >= MIN_WORDS && words >= others
}

/// Whether the text is a piece of a script, with blocks over several lines, that a post quotes.
fn is_script(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(trim);
    let is_edge = |line: &[u8]| {
        matches!(line, b"then" | b"fi" | b"done" | b"esac" | b";;" | b"do")
            || line.ends_with(b"; then")
            || line.ends_with(b"; do")
    };
    lines.any(is_edge) && lines.next().is_some()
}

fn is_plain(token: &[u8]) -> bool {
    let is_mark = |byte: u8| {
        matches!(
            byte,
            b',' | b'.' | b':' | b'!' | b'?' | b'"' | b'\'' | b'(' | b')' | b';' | b'-'
        )
    };
    let letters = token.iter().filter(|byte| !is_mark(**byte)).count();
    let word = span(token, 0, letters);
    token.len() <= 24
        && letters >= 2
        && token
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80 || is_mark(*byte))
        && token.len() - letters <= 3
        && !KEYWORDS.contains(&word)
        && command::class(word).is_none_or(|class| class == Class::Word)
}

/// Short names of columns and codes of languages that stand beside `id` in honest lists of two.
const BESIDE_ID: &[&[u8]] = &[
    b"sku", b"key", b"no", b"nik", b"nip", b"ktp", b"sim", b"en", b"ms", b"ja", b"ar", b"zh",
    b"ko", b"jv", b"su", b"nl", b"de", b"fr", b"es", b"pt", b"ru", b"it", b"th", b"vi", b"hi",
    b"my", b"uid", b"sg", b"us", b"uk", b"au", b"p", b"ip", b"url", b"tag", b"age", b"co",
];
/// Longer words that stand for any value in attacks.
const STAND_INS: &[&[u8]] = &[
    b"test",
    b"data",
    b"file",
    b"abcd",
    b"admin",
    b"root",
    b"host",
    b"input",
    b"query",
    b"ping",
    b"hello",
    b"payload",
    b"cmd",
    b"dummy",
    b"something",
    b"anything",
    b"asdf",
    b"qwerty",
    b"guest",
    b"foobar",
    b"whatever",
    b"param",
    b"localhost",
    b"blah",
    b"example",
    b"image",
    b"testing",
    b"true",
    b"false",
    b"null",
    b"index",
    b"random",
    b"injected",
    b"none",
];

/// Whether the command at `lead..end`, with nothing after it, is an item of a list or a cell of a
/// table.
pub(super) fn is_listed(text: &[u8], lead: usize, end: usize) -> bool {
    let separator = at(text, lead);
    let next = skip_space(text, end);
    // No list starts with a semicolon.
    if separator == b';' && at(text, skip_space(span(text, 0, 16), 0)) == b';' {
        return false;
    }
    if at(text, next) == separator && at(text, next + 1) != separator {
        let item = item_after(text, next + 1, separator);
        if is_item(item) {
            return true;
        }
        // The last cell of a row: `| name | id |`.
        if separator == b'|' && item.is_empty() && next > end && is_item(item_before(text, lead)) {
            return true;
        }
    }
    let before = item_before(text, lead);
    // What ends a shell's own block is no name.
    if matches!(trim(before), b"fi" | b"done" | b"esac") {
        return false;
    }
    // `(a|id)` and `[a-z]|id` are patterns.
    if before.iter().any(|byte| matches!(byte, b'(' | b'[')) && !before.contains(&b')') {
        return true;
    }
    let is_third = lead
        .checked_sub(before.len())
        .is_some_and(|_| has_before(text, lead, separator));
    let is_id = matches!(trim(span(text, lead + 1, end)), b"id" | b"pwd");
    (is_third && is_item(before)) || (is_id && stands_beside_id(before))
}

/// Whether an honest list of two could hold this beside `id`.
fn stands_beside_id(item: &[u8]) -> bool {
    let item = item
        .rsplit(|byte| matches!(byte, b'=' | b':'))
        .next()
        .unwrap_or_default();
    let is_name = item.len() > 3
        && item
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    (is_name && !STAND_INS.contains(&item)) || BESIDE_ID.contains(&item)
}

/// Whether the separator stands once more on the bytes before, after some text.
fn has_before(text: &[u8], lead: usize, separator: u8) -> bool {
    span(text, lead.saturating_sub(MAX_ITEM), lead).contains(&separator)
}

fn item_after(text: &[u8], start: usize, separator: u8) -> &[u8] {
    let window = span(text, start, start + MAX_ITEM);
    let end = window
        .iter()
        .position(|byte| *byte == separator || *byte == b'\n')
        .unwrap_or(window.len());
    trim(span(window, 0, end))
}

fn item_before(text: &[u8], lead: usize) -> &[u8] {
    let window = span(text, lead.saturating_sub(MAX_ITEM), lead);
    let separator = at(text, lead);
    let start = window
        .iter()
        .rposition(|byte| *byte == separator || *byte == b'\n')
        .map_or(0, |found| found + 1);
    trim(span(window, start, window.len()))
}

/// Whether this is a plain item: words, none of which is a command outside everyday language.
fn is_item(item: &[u8]) -> bool {
    let first = item
        .split(|byte| is_space(*byte))
        .next()
        .unwrap_or_default();
    !item.is_empty()
        && item.iter().all(|byte| {
            is_word(*byte) || *byte >= 0x80 || matches!(byte, b' ' | b'-' | b'_' | b'.' | b':')
        })
        && command::class(first).is_none_or(|class| class == Class::Word)
}

/// Whether the `;` at `index` closes a character reference such as `&nbsp;`.
pub(super) fn closes_entity(text: &[u8], index: usize) -> bool {
    let window = span(text, index.saturating_sub(9), index);
    let start = window.iter().rposition(|byte| *byte == b'&');
    start.is_some_and(|start| {
        let name = span(window, start + 1, window.len());
        name.len() >= 2
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'#')
            && command::class(name).is_none()
    })
}

/// Whether the `&` at `index` joins parameters of a query: `?a=1&id`.
pub(super) fn joins_parameters(text: &[u8], first: usize, index: usize) -> bool {
    let head = span(text, first.max(index.saturating_sub(MAX_VALUE)), index);
    let last = head
        .iter()
        .rposition(|byte| is_space(*byte))
        .map_or(head, |space| span(head, space, head.len()));
    last.contains(&b'=') || last.contains(&b'?')
}

/// Targets that make a command in a sentence dangerous all the same.
static SIGNS: Needles<'static> = Needles::new(&[
    b"etc/passwd",
    b"etc/shadow",
    b"/dev/tcp",
    b"win.ini",
    b"boot.ini",
    b"id_rsa",
    b"/bin/sh",
    b"/bin/bash",
    b"-rf /",
    b".ssh/",
    b"proc/self",
    b"authorized_keys",
]);

/// What every image's build removes.
const TIDIED: &[&[u8]] = &[b"-rf /var/lib/apt/lists", b"-rf /var/cache/", b"-rf /tmp/"];

/// Where the next of them stands at or after `start`; far away when none does.
pub(super) fn next_severe(text: &[u8], start: usize) -> usize {
    let mut from_here = start;
    while let Some((index, _)) = SIGNS.find(from(text, from_here), 0) {
        let found = from_here + index;
        if !TIDIED.iter().any(|folder| stands(text, found, folder)) {
            return found;
        }
        from_here = found + 1;
    }
    usize::MAX
}

/// Whether one of them stands at `start` or within `distance` after it.
pub(super) fn is_severe(text: &[u8], start: usize, distance: usize) -> bool {
    SIGNS.find(span(text, start, start + distance), 0).is_some()
}
