//! JSON (RFC 8259), leniently: a lexer over strings, keys and nesting, so that duplicate keys and
//! what follows a syntax error are seen too. Numbers and literals carry nothing to inspect.
//! What stands where no JSON has text (comments, single quotes, `NaN`, bare keys) is read as
//! text besides: lenient parsers take it.

use std::borrow::Cow;

use super::Bounds;
use super::window::Window;
use crate::waf::decode;
use crate::waf::detect::updates;
use crate::waf::field::Sink;
use crate::waf::scan::{at, is_space, skip_space, span};
use crate::waf::{Part, rules};

/// Deepest nesting read; more is a finding.
pub(in crate::waf) const MAX_DEPTH: usize = 64;
/// Longest dotted name kept for a value, in bytes.
const MAX_NAME: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    String,
    Escape,
    /// Behind a string: a colon makes it a key.
    After,
    /// Too deep: only the text is read on.
    Given,
}

/// A reader of JSON that passes in pieces.
#[derive(Debug)]
pub(super) struct Json {
    bounds: Bounds,
    state: State,
    /// Dotted name of the member being read.
    name: String,
    /// Length of `name` at each level of nesting.
    levels: Vec<usize>,
    strings: usize,
    string: Window,
    /// The text itself, read when it turns out to be no JSON.
    raw: Option<Window>,
    is_clean: bool,
    /// Members of the outermost object.
    keys: usize,
    /// Whether all of them are operators that change a document.
    is_update: bool,
    /// Whether the last string was `constructor`.
    constructs: bool,
}

/// Hands keys and string values of a JSON text that stands in a value called `name`.
pub(in crate::waf) fn read_nested(text: &[u8], name: &str, sink: &mut impl Sink) {
    let mut json = Json::new(Bounds::WHOLE);
    json.raw = None;
    name.clone_into(&mut json.name);
    json.push(text, sink);
    json.finish(sink);
}

/// Whether the text is laid out for people: a line for each member, indented, as in a file.
pub(in crate::waf) fn is_laid_out(text: &[u8]) -> bool {
    let first = skip_space(text, 0);
    let gap = span(text, first + 1, skip_space(text, first + 1));
    let indent = gap.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_member = matches!(at(text, first + 1 + gap.len()), b'"' | b'{' | b'[');
    matches!(at(text, first), b'{' | b'[')
        && gap.contains(&b'\n')
        && !indent.is_empty()
        && is_member
}

/// Whether the text is an object or an array of one string at least, without a fault that the
/// lexer would see, and not too deep. Linear; nothing is kept but the depth.
pub(in crate::waf) fn is_json(text: &[u8]) -> bool {
    let first = skip_space(text, 0);
    let is_nested = matches!(at(text, skip_space(text, first + 1)), b'"' | b'{' | b'[');
    let end = end(text, first).unwrap_or_default();
    is_nested && end.is_some_and(|end| skip_space(text, end) >= text.len())
}

/// Whether the text begins as JSON does, as far as it goes.
pub(in crate::waf) fn begins_json(text: &[u8]) -> bool {
    end(text, skip_space(text, 0)).is_ok()
}

/// Where the object or array at `first` ends, if it does within the text.
///
/// # Errors
///
/// [`Fault`] where the lexer would see one, or the nesting is too deep.
fn end(text: &[u8], first: usize) -> Result<Option<usize>, Fault> {
    if !matches!(at(text, first), b'{' | b'[') {
        return Err(Fault);
    }
    let (mut depth, mut index) = (0_usize, first);
    loop {
        match at(text, index) {
            b'"' => match string_end(text, index + 1) {
                Some(end) => index = end,
                None => return Ok(None),
            },
            // `{{` opens a placeholder of a template, never an object.
            b'{' if at(text, skip_space(text, index + 1)) == b'{' => return Err(Fault),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => {}
            byte if is_punctuation(byte) => {}
            _ if index >= text.len() => return Ok(None),
            _ => return Err(Fault),
        }
        index += 1;
        if depth == 0 {
            return Ok(Some(index));
        }
        if depth > MAX_DEPTH {
            return Err(Fault);
        }
    }
}

/// What no JSON has.
#[derive(Debug)]
struct Fault;

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

impl Json {
    pub(super) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            state: State::Between,
            name: String::new(),
            levels: Vec::new(),
            strings: 0,
            string: Window::new(bounds.window),
            raw: Some(Window::new(bounds.window)),
            is_clean: true,
            keys: 0,
            is_update: false,
            constructs: false,
        }
    }

    /// Reads in steps that end where the window of raw text is full, so that what is known of
    /// the text by then does not depend on how it was cut.
    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.raw.as_ref().map_or(rest.len(), Window::room);
            let (step, after) = rest.split_at(room.min(rest.len()));
            self.lex(step, sink);
            self.keep(step, sink);
            rest = after;
        }
    }

    fn keep(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let is_clean = self.is_clean;
        if let Some(raw) = &mut self.raw {
            raw.extend(bytes, |text| {
                if !is_clean {
                    sink.field(Part::Text, "", text);
                }
            });
        }
    }

    fn lex(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let mut index = 0;
        while index < bytes.len() && !sink.is_full() {
            index = match self.state {
                State::Between => self.between(bytes, index, sink),
                State::String => self.string(bytes, index, sink),
                State::Escape => {
                    self.extend(span(bytes, index, index + 1), sink);
                    self.state = State::String;
                    index + 1
                }
                State::After if is_space(at(bytes, index)) => index + 1,
                State::After => {
                    self.end_string(at(bytes, index) == b':', sink);
                    self.state = State::Between;
                    index
                }
                State::Given => break,
            };
        }
    }

    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        match self.state {
            State::After => self.end_string(false, sink),
            State::String | State::Escape => {
                self.is_clean = false;
                self.end_string(false, sink);
            }
            State::Between | State::Given => {}
        }
        self.is_clean &= self.levels.is_empty();
        // Analytics sets properties of somebody it names; an update says nothing else.
        if self.is_update && self.is_clean {
            sink.broken(
                &rules::nosql::OPERATOR,
                Part::JsonKey,
                "nothing but operators that change a document",
            );
        }
        let is_clean = self.is_clean;
        if let Some(raw) = &mut self.raw {
            raw.end(|text, _| {
                if !is_clean {
                    sink.field(Part::Text, "", text);
                }
            });
        }
    }

    fn between(&mut self, bytes: &[u8], index: usize, sink: &mut impl Sink) -> usize {
        match at(bytes, index) {
            b'"' => self.start_string(sink),
            b'{' | b'[' => self.open(sink),
            b'}' | b']' => {
                let length = self.levels.pop();
                self.is_clean &= length.is_some();
                self.name.truncate(length.unwrap_or(0));
            }
            b',' => self.name.truncate(self.levels.last().copied().unwrap_or(0)),
            byte if is_punctuation(byte) => {}
            _ => self.is_clean = false,
        }
        index + 1
    }

    fn start_string(&mut self, sink: &mut impl Sink) {
        self.strings += 1;
        self.state = State::String;
        if self.strings > self.bounds.strings {
            self.give_up(&rules::protocol::FIELDS, "too many JSON strings", sink);
        }
    }

    fn string(&mut self, bytes: &[u8], index: usize, sink: &mut impl Sink) -> usize {
        let rest = span(bytes, index, bytes.len());
        let run = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\'))
            .unwrap_or(rest.len());
        let end = index + run;
        match at(bytes, end) {
            _ if end == bytes.len() => self.extend(rest, sink),
            b'"' => {
                self.extend(span(rest, 0, run), sink);
                self.state = State::After;
            }
            _ => {
                self.extend(span(rest, 0, run + 1), sink);
                self.state = State::Escape;
            }
        }
        end + 1
    }

    fn extend(&mut self, raw: &[u8], sink: &mut impl Sink) {
        let name = self.name.as_str();
        self.string
            .extend(raw, |part| sink.field(Part::Json, name, &unescape(part)));
    }

    fn end_string(&mut self, is_key: bool, sink: &mut impl Sink) {
        if !is_key {
            let name = self.name.as_str();
            let constructs = &mut self.constructs;
            return self.string.end(|raw, _| {
                let value = unescape(raw);
                // A path in pieces: `["constructor", "prototype", "a"]`.
                let pollutes = *constructs && value.as_ref() == b"prototype";
                *constructs = value.as_ref() == b"constructor";
                let value = if pollutes {
                    b"constructor.prototype"
                } else {
                    value.as_ref()
                };
                sink.field(Part::Json, name, value);
            });
        }
        let mut key = Vec::new();
        self.string.end(|raw, _| key = unescape(raw).into_owned());
        self.key(&key, sink);
    }

    fn key(&mut self, key: &[u8], sink: &mut impl Sink) {
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
        if self.levels.len() == 1 {
            self.is_update = updates(key) && (self.is_update || self.keys == 0);
            self.keys += 1;
        }
        sink.field(Part::JsonKey, &self.name, key);
    }

    fn open(&mut self, sink: &mut impl Sink) {
        if self.levels.len() >= MAX_DEPTH {
            self.give_up(&rules::protocol::DEPTH, "JSON deeper than 64 levels", sink);
        } else {
            self.levels.push(self.name.len());
        }
    }

    fn give_up(&mut self, rule: &'static rules::Rule, why: &str, sink: &mut impl Sink) {
        sink.broken(rule, Part::Body, why);
        self.state = State::Given;
        self.is_clean = false;
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
fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut index = 0;
    while index < raw.len() {
        index += unescape_one(raw, index, &mut out);
    }
    Cow::Owned(out)
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
mod tests;
