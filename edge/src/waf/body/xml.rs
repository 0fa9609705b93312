//! XML and SOAP: text, attribute values, CDATA, and the prologue as a whole. A splitter, not a
//! parser: entities are never expanded here, their declaration is the finding.

use crate::waf::field::Sink;
use crate::waf::scan::{find, from, is_word, skip_while, span, stands, trim, word};
use crate::waf::{Part, rules};

/// Most texts and attributes read; more is a finding.
const MAX_NODES: usize = 20_000;

/// Hands markup declarations, texts and attribute values to the sink.
pub(super) fn read(text: &[u8], sink: &mut impl Sink) {
    let (mut index, mut name) = (0, String::new());
    for _ in 0..MAX_NODES {
        let Some(open) = find_byte(text, b'<', index) else {
            return node(span(text, index, text.len()), &name, sink);
        };
        node(span(text, index, open), &name, sink);
        if sink.is_full() {
            return;
        }
        index = markup(text, open, &mut name, sink);
    }
    sink.broken(
        &rules::protocol::FIELDS,
        Part::Body,
        "more than 20,000 XML nodes",
    );
}

fn node(text: &[u8], name: &str, sink: &mut impl Sink) {
    let text = trim(text);
    if !text.is_empty() {
        sink.field(Part::Xml, name, text);
    }
}

/// Reads the markup at `open`; the index after it.
fn markup(text: &[u8], open: usize, name: &mut String, sink: &mut impl Sink) -> usize {
    if stands(text, open, b"<![CDATA[") {
        let end = find(text, b"]]>", open).unwrap_or(text.len());
        node(span(text, open + 9, end), name, sink);
        return end + 3;
    }
    if stands(text, open, b"<!DOCTYPE") || stands(text, open, b"<!doctype") {
        let end = find(text, b"]>", open)
            .or_else(|| find_byte(text, b'>', open))
            .unwrap_or(text.len());
        sink.field(Part::Xml, "DOCTYPE", span(text, open, end + 2));
        return end + 2;
    }
    let end = find_byte(text, b'>', open).unwrap_or(text.len());
    let tag = span(text, open + 1, end);
    if tag.first().is_some_and(|first| is_word(*first)) {
        *name = String::from_utf8_lossy(word(tag, 0)).into_owned();
        attributes(tag, sink);
        // The tag itself may be what attacks: `<xi:include`, `<script` inside XHTML.
        sink.field(Part::Xml, name, span(text, open, end + 1));
    }
    end + 1
}

fn attributes(tag: &[u8], sink: &mut impl Sink) {
    let mut index = 0;
    while let Some(equals) = find_byte(tag, b'=', index) {
        let quote = from(tag, equals + 1).first().copied().unwrap_or(0);
        if !matches!(quote, b'"' | b'\'') {
            index = equals + 1;
            continue;
        }
        let start = equals + 2;
        let end = skip_while(tag, start, |byte| byte != quote);
        sink.field(Part::Xml, "attribute", span(tag, start, end));
        index = end + 1;
    }
}

fn find_byte(text: &[u8], byte: u8, start: usize) -> Option<usize> {
    from(text, start)
        .iter()
        .position(|candidate| *candidate == byte)
        .map(|found| start + found)
}
