//! JSON (RFC 8259), leniently: a lexer over strings, keys and nesting, so that duplicate keys and
//! what follows a syntax error are seen too. Numbers and literals carry nothing to inspect.

use crate::waf::decode;
use crate::waf::field::Sink;
use crate::waf::scan::{at, skip_space, span};
use crate::waf::{Part, rules};

/// Deepest nesting read; more is a finding.
pub(in crate::waf) const MAX_DEPTH: usize = 64;
/// Most strings read; more is a finding.
pub(in crate::waf) const MAX_STRINGS: usize = 20_000;
/// Longest dotted name kept for a value, in bytes.
const MAX_NAME: usize = 200;

struct Reader<'s, S: Sink> {
    sink: &'s mut S,
    /// Dotted name of the member being read.
    name: String,
    /// Length of `name` at each level of nesting.
    levels: Vec<usize>,
    strings: usize,
}

/// Hands keys and string values to the sink. `None` when the bytes are not plausibly JSON: text
/// outside strings that no JSON has.
pub(in crate::waf) fn read(text: &[u8], sink: &mut impl Sink) -> Option<()> {
    let mut reader = Reader {
        sink,
        name: String::new(),
        levels: Vec::new(),
        strings: 0,
    };
    let (mut index, mut is_clean) = (0, true);
    while index < text.len() {
        match at(text, index) {
            b'"' => index = reader.string(text, index)?,
            b'{' | b'[' => reader.open()?,
            b'}' | b']' => reader.close(),
            b',' => reader.next(),
            byte if is_punctuation(byte) => {}
            _ => is_clean = false,
        }
        index += 1;
    }
    (is_clean && reader.levels.is_empty()).then_some(())
}

/// What stands between strings: numbers, literals, white space.
const fn is_punctuation(byte: u8) -> bool {
    byte.is_ascii_digit()
        || matches!(
            byte,
            b':' | b'-' | b'+' | b'.' | b' ' | b'\t' | b'\r' | b'\n' | b'E'
        )
        || matches!(
            byte,
            b't' | b'r' | b'u' | b'e' | b'f' | b'a' | b'l' | b's' | b'n'
        )
}

impl<S: Sink> Reader<'_, S> {
    /// Reads the string at `start`; the index of its closing quote.
    fn string(&mut self, text: &[u8], start: usize) -> Option<usize> {
        self.strings += 1;
        if self.strings > MAX_STRINGS {
            self.sink.broken(
                &rules::protocol::FIELDS,
                Part::Body,
                "more than 20,000 JSON strings",
            );
            return Some(text.len());
        }
        if self.sink.is_full() {
            return Some(text.len());
        }
        let end = string_end(text, start + 1)?;
        let value = unescape(span(text, start + 1, end));
        if at(text, skip_space(text, end + 1)) == b':' {
            self.key(&value);
        } else {
            self.sink.field(Part::Json, &self.name, &value);
        }
        Some(end)
    }

    fn key(&mut self, key: &[u8]) {
        let parent = self.levels.last().copied().unwrap_or(0);
        self.name.truncate(parent);
        if self.name.len() + key.len() < MAX_NAME {
            if !self.name.is_empty() {
                self.name.push('.');
            }
            self.name.push_str(&String::from_utf8_lossy(key));
        }
        // The pair of keys is the attack, neither alone is.
        let pollutes = key == b"prototype" && self.name.ends_with("constructor.prototype");
        let key = if pollutes {
            b"constructor.prototype"
        } else {
            key
        };
        self.sink.field(Part::JsonKey, &self.name, key);
    }

    fn open(&mut self) -> Option<()> {
        if self.levels.len() >= MAX_DEPTH {
            self.sink.broken(
                &rules::protocol::DEPTH,
                Part::Body,
                "JSON deeper than 64 levels",
            );
            return None;
        }
        self.levels.push(self.name.len());
        Some(())
    }

    fn close(&mut self) {
        let length = self.levels.pop().unwrap_or(0);
        self.name.truncate(length);
    }

    fn next(&mut self) {
        let length = self.levels.last().copied().unwrap_or(0);
        self.name.truncate(length);
    }
}

/// Index of the quote that ends the string whose text starts at `start`.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut index = start;
    while index < text.len() {
        match at(text, index) {
            b'"' => return Some(index),
            b'\\' => index += 2,
            _ => index += 1,
        }
    }
    None
}

/// Undoes RFC 8259 §7 escapes; bad ones stay as they are.
fn unescape(raw: &[u8]) -> Vec<u8> {
    if !raw.contains(&b'\\') {
        return raw.to_vec();
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut index = 0;
    while index < raw.len() {
        index += unescape_one(raw, index, &mut out);
    }
    out
}

fn unescape_one(raw: &[u8], index: usize, out: &mut Vec<u8>) -> usize {
    if at(raw, index) != b'\\' {
        out.push(at(raw, index));
        return 1;
    }
    let plain = match at(raw, index + 1) {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' | b'f' => b' ',
        b'u' => return decode::json_unicode(raw, index, out),
        other => other,
    };
    out.push(plain);
    2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>, usize);

    impl Sink for Seen {
        fn field(&mut self, part: Part, name: &str, value: &[u8]) {
            self.0.push(format!(
                "{} {name}={}",
                part.label(),
                String::from_utf8_lossy(value)
            ));
        }
        fn broken(&mut self, _: &'static rules::Rule, _: Part, _: &str) {
            self.1 += 1;
        }
        fn is_full(&self) -> bool {
            false
        }
    }

    #[test]
    fn nesting_beyond_the_bound_is_a_finding() {
        let mut seen = Seen::default();
        read("[".repeat(MAX_DEPTH + 1).as_bytes(), &mut seen);
        assert_eq!(seen.1, 1);
    }

    #[test]
    fn too_many_strings_are_a_finding() {
        let mut seen = Seen::default();
        read(
            format!("[{}\"\"]", "\"\",".repeat(MAX_STRINGS)).as_bytes(),
            &mut seen,
        );
        assert_eq!(seen.1, 1);
    }

    #[test]
    fn text_that_is_no_json_is_told_apart() {
        assert_eq!(read(b"{hello world}", &mut Seen::default()), None);
        assert_eq!(read(b"{\"a\": 1", &mut Seen::default()), None);
    }

    #[test]
    fn names_values_by_their_path_and_sees_duplicates() {
        let mut seen = Seen::default();
        let json = br#"{"a":{"b":"x","c":["y",1,true]},"d":"z","d":"\u003c\n\"","e":null}"#;
        assert_eq!(read(json, &mut seen), Some(()));
        let values: Vec<_> = seen
            .0
            .iter()
            .filter(|line| line.starts_with("JSON value"))
            .collect();
        assert_eq!(
            values,
            [
                "JSON value a.b=x",
                "JSON value a.c=y",
                "JSON value d=z",
                "JSON value d=<\n\""
            ]
        );
    }
}
