//! XML and SOAP: text, attribute values, CDATA, comments, and the prologue as a whole. A splitter,
//! not a parser: entities are never expanded here, their declaration is the finding.

use std::borrow::Cow;

use super::Bounds;
use super::window::Window;
use crate::waf::field::Sink;
use crate::waf::scan::{at, from, is_word, skip_while, span, trim, word};
use crate::waf::{Part, rules};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// Behind `<`, until the kind of markup is known.
    Open,
    Tag {
        quote: u8,
    },
    Cdata,
    Comment,
    Instruction,
    Doctype {
        subset: bool,
    },
    Given,
}

/// A reader of XML that passes in pieces.
#[derive(Debug)]
pub(super) struct Xml {
    bounds: Bounds,
    state: State,
    /// The last tag's name.
    name: String,
    /// Text of an element; CDATA joins it, and comments do not part it, as an application reads it.
    text: Window,
    markup: Window,
    /// The last two bytes of the markup.
    last: [u8; 2],
    nodes: usize,
}

impl Xml {
    pub(super) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            state: State::Text,
            name: String::new(),
            text: Window::new(bounds.window),
            markup: Window::new(bounds.window),
            last: [0; 2],
            nodes: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let mut index = 0;
        while index < bytes.len() && !sink.is_full() && self.state != State::Given {
            let rest = from(bytes, index);
            if self.state == State::Text {
                let run = rest
                    .iter()
                    .position(|byte| *byte == b'<')
                    .unwrap_or(rest.len());
                self.add_text(span(rest, 0, run), sink);
                if run < rest.len() {
                    self.state = State::Open;
                }
                index += run + 1;
            } else {
                // All that can change the state; the bytes between them are taken at once.
                let run = rest
                    .iter()
                    .position(|byte| {
                        matches!(byte, b'>' | b'"' | b'\'' | b'[' | b']' | b'-' | b'?')
                    })
                    .map_or(rest.len(), |found| found + 1);
                let run = if self.state == State::Open { 1 } else { run };
                self.add_markup(span(rest, 0, run), sink);
                index += run;
            }
        }
    }

    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.end_text(sink);
        if !self.markup.held().is_empty() {
            self.end_markup(sink);
        }
    }

    fn add_text(&mut self, text: &[u8], sink: &mut impl Sink) {
        let name = self.name.as_str();
        self.text
            .extend(text, |text| sink.field(Part::Xml, name, &unescaped(text)));
    }

    fn add_markup(&mut self, markup: &[u8], sink: &mut impl Sink) {
        let name = self.name.as_str();
        if self.state == State::Cdata {
            self.text
                .extend(markup, |text| sink.field(Part::Xml, name, &unescaped(text)));
        } else {
            self.markup
                .extend(markup, |text| sink.field(Part::Xml, name, text));
        }
        let last = markup.last().copied().unwrap_or(0);
        let before = match markup.len() {
            0 => return,
            1 => self.last,
            2 => [self.last[1], at(markup, 0)],
            length => [at(markup, length.wrapping_sub(3)), at(markup, length - 2)],
        };
        self.step(before, last, sink);
        self.last = [before[1], last];
    }

    /// What the byte `last` behind `before` does.
    fn step(&mut self, before: [u8; 2], last: u8, sink: &mut impl Sink) {
        match (self.state, last) {
            (State::Open, _) => self.open(sink),
            (State::Tag { quote: 0 } | State::Doctype { subset: false }, b'>') => {
                self.end_markup(sink);
            }
            (State::Tag { quote: 0 }, b'"' | b'\'') => self.state = State::Tag { quote: last },
            (State::Tag { quote }, _) if quote == last => self.state = State::Tag { quote: 0 },
            (State::Doctype { .. }, b'[') => self.state = State::Doctype { subset: true },
            (State::Doctype { .. }, b']') => self.state = State::Doctype { subset: false },
            (State::Comment, b'>') if before == *b"--" => self.end_markup(sink),
            (State::Cdata, b'>') if before == *b"]]" => {
                self.text.pop(3);
                self.state = State::Text;
            }
            (State::Instruction, b'>') if before[1] == b'?' => self.end_markup(sink),
            _ => {}
        }
    }

    /// Tells the kind of markup by its first bytes.
    fn open(&mut self, sink: &mut impl Sink) {
        let held = self.markup.held();
        let is = |start: &[u8]| {
            let common = start.len().min(held.len());
            span(held, 0, common).eq_ignore_ascii_case(span(start, 0, common))
        };
        let state = if is(b"![CDATA[") {
            (held.len() == 8).then_some(State::Cdata)
        } else if is(b"!--") {
            (held.len() == 3).then_some(State::Comment)
        } else if is(b"!DOCTYPE") {
            (held.len() == 8).then_some(State::Doctype { subset: false })
        } else if is(b"?") {
            Some(State::Instruction)
        } else {
            Some(State::Tag { quote: 0 })
        };
        let Some(state) = state else { return };
        let last = held.last().copied().unwrap_or(0);
        self.state = state;
        match state {
            State::Cdata => self.markup.end(|_, _| {}),
            State::Tag { .. } => {
                self.end_text(sink);
                self.step([0; 2], last, sink);
            }
            _ => {}
        }
    }

    fn end_text(&mut self, sink: &mut impl Sink) {
        let name = self.name.as_str();
        self.text.end(|text, _| {
            let text = trim(text);
            if !text.is_empty() {
                sink.field(Part::Xml, name, &unescaped(text));
            }
        });
    }

    fn end_markup(&mut self, sink: &mut impl Sink) {
        let state = std::mem::replace(&mut self.state, State::Text);
        let name = &mut self.name;
        let mut nodes = 1;
        self.markup.end(|markup, is_whole| match state {
            State::Tag { .. } | State::Open if is_whole => nodes += tag(markup, name, sink),
            State::Doctype { .. } => sink.field(Part::Xml, "DOCTYPE", &angled(markup)),
            State::Comment => sink.field(Part::Xml, "comment", &angled(markup)),
            _ => sink.field(Part::Xml, name, &angled(markup)),
        });
        self.nodes += nodes;
        if self.nodes > self.bounds.nodes {
            sink.broken(&rules::protocol::FIELDS, Part::Body, "too many XML nodes");
            self.state = State::Given;
        }
    }
}

/// What XML spells by a reference of its own, and what its writers do (XML 1.0 §4.6).
const REFERENCES: &[(&[u8], u8)] = &[
    (b"lt;", b'<'),
    (b"gt;", b'>'),
    (b"amp;", b'&'),
    (b"quot;", b'"'),
    (b"apos;", b'\''),
    (b"#34;", b'"'),
    (b"#39;", b'\''),
    (b"#10;", b'\n'),
    (b"#13;", b'\r'),
];

/// The text as every application gets it: the semicolon of a reference separates no commands. Inside of
/// CDATA nothing is spelled so; there it is one round of decoding that comes early.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'&') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut index = 0;
    while index < text.len() {
        let rest = from(text, index + 1);
        let reference = REFERENCES
            .iter()
            .find(|(name, _)| at(text, index) == b'&' && rest.starts_with(name));
        plain.push(reference.map_or(at(text, index), |(_, byte)| *byte));
        index += 1 + reference.map_or(0, |(name, _)| name.len());
    }
    Cow::Owned(plain)
}

/// The markup with the bracket that was read off it.
fn angled(markup: &[u8]) -> Vec<u8> {
    [b"<", markup].concat()
}

/// Hands over a tag: its attributes, and itself where it may be what attacks
/// (`<xi:include`, `<script` inside XHTML). The number of its attributes.
fn tag(markup: &[u8], name: &mut String, sink: &mut impl Sink) -> usize {
    if !markup.first().is_some_and(|first| is_word(*first)) {
        if !matches!(markup.first(), Some(b'/')) {
            sink.field(Part::Xml, name, &angled(markup));
        }
        return 0;
    }
    *name = String::from_utf8_lossy(word(markup, 0)).into_owned();
    let attributes = attributes(markup, sink);
    sink.field(Part::Xml, name, &angled(markup));
    attributes
}

/// Longest name by which an attribute is told of, in bytes.
const MAX_NAME: usize = 64;

/// Hands over every attribute's value as `@name`, which is how XPath writes it.
fn attributes(tag: &[u8], sink: &mut impl Sink) -> usize {
    let (mut index, mut count) = (0, 0);
    while let Some(equals) = from(tag, index).iter().position(|byte| *byte == b'=') {
        let equals = index + equals;
        let start = skip_while(tag, equals + 1, |byte| byte.is_ascii_whitespace());
        let quote = at(tag, start);
        if !matches!(quote, b'"' | b'\'') {
            index = equals + 1;
            continue;
        }
        let end = skip_while(tag, start + 1, |byte| byte != quote);
        let lead = span(tag, index, equals);
        let named = lead.iter().rposition(u8::is_ascii_whitespace);
        let name = from(lead, named.map_or(0, |blank| blank + 1));
        let name = format!("@{}", String::from_utf8_lossy(span(name, 0, MAX_NAME)));
        sink.field(Part::Xml, &name, &unescaped(span(tag, start + 1, end)));
        index = end + 1;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::field::tests::Seen;

    fn read(text: &str) -> Vec<String> {
        let (mut whole, mut seen) = (Seen::default(), Seen::default());
        let mut reader = Xml::new(Bounds::WHOLE);
        reader.push(text.as_bytes(), &mut whole);
        reader.finish(&mut whole);
        let mut reader = Xml::new(Bounds::WHOLE);
        for byte in text.as_bytes() {
            reader.push(&[*byte], &mut seen);
        }
        reader.finish(&mut seen);
        assert_eq!(seen, whole);
        seen.fields
    }

    #[test]
    fn texts_attributes_and_declarations_are_read() {
        let fields = read(
            "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///y\">]>\
             <a b='x > y'>one<!-- two --> <c/>&x;</a>",
        );
        assert_eq!(
            fields,
            [
                "XML text =<?xml version=\"1.0\"?>",
                "XML text DOCTYPE=<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///y\">]>",
                "XML text @b=x > y",
                "XML text a=<a b='x > y'>",
                "XML text comment=<!-- two -->",
                "XML text a=one",
                "XML text c=<c/>",
                "XML text c=&x;",
            ]
        );
    }

    #[test]
    fn a_text_is_joined_as_an_application_joins_it() {
        for text in [
            "<a>union<!-- x --> select</a>",
            "<a>uni<![CDATA[on sel]]>ect</a>",
        ] {
            let fields = read(text);
            assert!(
                fields.iter().any(|field| field.ends_with("=union select")),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn references_are_read_once() {
        let fields = read("<a b='x &quot; y'>1 &lt; 2 &amp;&amp; &amp;lt; &#39;&x;&#60;</a>");
        assert!(fields.contains(&"XML text @b=x \" y".to_owned()));
        assert!(fields.contains(&"XML text a=1 < 2 && &lt; '&x;&#60;".to_owned()));
    }

    #[test]
    fn what_never_ends_is_read() {
        assert_eq!(read("<a").last().map(String::as_str), Some("XML text a=<a"));
        assert_eq!(
            read("<![CDATA[x").last().map(String::as_str),
            Some("XML text =x")
        );
        assert_eq!(
            read("<!-- x").last().map(String::as_str),
            Some("XML text comment=<!-- x")
        );
        assert_eq!(
            read("<!DOCTYPE a").last().map(String::as_str),
            Some("XML text DOCTYPE=<!DOCTYPE a")
        );
    }
}
