//! `multipart/form-data` (RFC 7578): names, file names, field values, and the first bytes of files.
//!
//! Parsers disagree on what ends a line, a head and a part. Where they do, the body is either
//! read in the way that inspects more, or stopped as malformed.

mod part;

use super::Bounds;
use super::window::Window;
use super::xml::Xml;
use crate::waf::field::Sink;
use crate::waf::scan::{at, find, from, span};
use crate::waf::{Part, rules};
use part::{Encoding, Head};

/// Longest head of one part; more is a finding.
const MAX_HEAD_BYTES: usize = 4096;
/// Longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;
/// Longest padding behind a boundary.
const MAX_PADDING: usize = 64;
/// Bytes copied at a time: what is pending stays short, however long a chunk is.
const STEP: usize = 4096;
/// First bytes of a file that are looked at.
pub(super) const MAX_FILE_HEAD: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In front of the first boundary, or behind the last.
    Outside,
    /// Behind a boundary, before the end of its line.
    Line,
    Head,
    Field,
    File,
    /// Nothing is read any more.
    Given,
}

/// A reader of multipart bodies that pass in pieces.
#[derive(Debug)]
pub(super) struct Multipart {
    bounds: Bounds,
    /// `--` and the boundary; empty when there is none.
    delimiter: Vec<u8>,
    state: State,
    /// What is not yet known to be content.
    pending: Vec<u8>,
    head: Head,
    content: Window,
    /// The reader of a file that is XML: an image of that kind runs scripts, a document fetches
    /// entities.
    xml: Option<Xml>,
    parts: usize,
    is_closed: bool,
}

impl Multipart {
    /// Without a usable boundary the body cannot be read as the application will read it.
    pub(super) fn new(content_type: &str, bounds: Bounds, sink: &mut impl Sink) -> Self {
        let boundary = boundary(content_type);
        let mut reader = Self {
            bounds,
            delimiter: [b"--", boundary.unwrap_or_default().as_bytes()].concat(),
            state: State::Outside,
            pending: Vec::new(),
            head: Head::default(),
            content: Window::new(bounds.window),
            xml: None,
            parts: 0,
            is_closed: false,
        };
        if boundary.is_none() {
            reader.give_up("multipart without a boundary", sink);
        }
        reader
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        for step in bytes.chunks(STEP) {
            self.pending.extend_from_slice(step);
            self.work(false, sink);
        }
    }

    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.work(true, sink);
        match self.state {
            State::Head | State::Line if !self.pending.is_empty() => {
                malformed("multipart head without an end", sink);
                let rest = std::mem::take(&mut self.pending);
                sink.field(Part::Multipart, "", &rest);
            }
            State::Field | State::File | State::Outside => {
                let rest = std::mem::take(&mut self.pending);
                self.release(&rest, sink);
                self.end_content(sink);
            }
            _ => {}
        }
        if self.parts == 0 && !self.is_closed {
            malformed("multipart without its boundary", sink);
        }
    }

    /// Reads what can be read with certainty; at the end of the body, what is there.
    fn work(&mut self, is_end: bool, sink: &mut impl Sink) {
        let pending = std::mem::take(&mut self.pending);
        let mut index = 0;
        while !sink.is_full() {
            let rest = from(&pending, index);
            let read = match self.state {
                State::Given => Some(rest.len()),
                State::Line => self.line(rest, is_end, sink),
                State::Head => self.part_head(rest, sink),
                State::Outside | State::Field | State::File => Some(self.contents(rest, sink)),
            };
            match read {
                Some(0) | None => break,
                Some(length) => index += length,
            }
        }
        let mut pending = pending;
        pending.drain(..index.min(pending.len()));
        self.pending = pending;
    }

    /// Content up to the next boundary, or all that cannot be the start of one.
    fn contents(&mut self, rest: &[u8], sink: &mut impl Sink) -> usize {
        let Some(dash) = find(rest, &self.delimiter, 0) else {
            let sure = rest.len().saturating_sub(self.delimiter.len() + 2);
            self.release(span(rest, 0, sure), sink);
            return sure;
        };
        let content = span(rest, 0, dash);
        let line = content
            .strip_suffix(b"\r\n")
            .or_else(|| content.strip_suffix(b"\n"));
        if line.is_none() && dash > 0 {
            malformed("multipart boundary within a line", sink);
        }
        self.release(line.unwrap_or(content), sink);
        self.end_content(sink);
        if self.is_closed {
            malformed("multipart part behind the last", sink);
        }
        self.state = State::Line;
        dash + self.delimiter.len()
    }

    /// What stands on the line of a boundary.
    fn line(&mut self, rest: &[u8], is_end: bool, sink: &mut impl Sink) -> Option<usize> {
        if rest.starts_with(b"--") {
            self.is_closed = true;
            self.state = State::Outside;
            return Some(2);
        }
        if rest.len() < 2 && !is_end {
            return None;
        }
        let padding = rest
            .iter()
            .take(MAX_PADDING)
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
            .count();
        if padding == rest.len() {
            return None;
        }
        self.parts += 1;
        if self.parts > self.bounds.parts {
            self.give_up("too many multipart parts", sink);
            return None;
        }
        self.state = State::Head;
        if at(rest, padding) == b'\n' {
            return Some(padding + 1);
        }
        malformed("text behind a multipart boundary", sink);
        Some(padding)
            .filter(|padding| *padding > 0)
            .or_else(|| self.part_head(rest, sink))
    }

    fn part_head(&mut self, rest: &[u8], sink: &mut impl Sink) -> Option<usize> {
        let window = span(rest, 0, MAX_HEAD_BYTES);
        let Some((end, gap)) = blank_line(window) else {
            if rest.len() < MAX_HEAD_BYTES {
                return None;
            }
            malformed("multipart head without an end", sink);
            self.head = Head::default();
            self.state = State::Field;
            return Some(self.contents(rest, sink));
        };
        self.head = Head::read(span(window, 0, end));
        self.head.tell(sink);
        self.state = if self.head.is_file() {
            State::File
        } else {
            State::Field
        };
        self.xml = self.head.is_xml().then(|| Xml::new(self.bounds));
        Some(end + gap)
    }

    fn release(&mut self, content: &[u8], sink: &mut impl Sink) {
        match self.state {
            State::File => {
                let room = MAX_FILE_HEAD.saturating_sub(self.content.held().len());
                self.content.extend(span(content, 0, room), |_| {});
                if let Some(xml) = &mut self.xml {
                    xml.push(content, sink);
                }
            }
            State::Field => {
                let head = &self.head;
                self.content.extend(content, |text| field(head, text, sink));
            }
            _ => self
                .content
                .extend(content, |text| sink.field(Part::Text, "", text)),
        }
    }

    fn end_content(&mut self, sink: &mut impl Sink) {
        if let Some(mut xml) = self.xml.take() {
            xml.finish(sink);
        }
        let (state, head) = (self.state, &self.head);
        self.content.end(|text, _| match state {
            State::File => head.file(text, sink),
            State::Field => field(head, text, sink),
            _ if text.iter().all(u8::is_ascii_whitespace) => {}
            _ => sink.field(Part::Text, "", text),
        });
    }

    fn give_up(&mut self, why: &str, sink: &mut impl Sink) {
        malformed(why, sink);
        self.state = State::Given;
    }
}

fn malformed(why: &str, sink: &mut impl Sink) {
    sink.broken(&rules::protocol::MULTIPART, Part::Body, why);
}

fn field(head: &Head, text: &[u8], sink: &mut impl Sink) {
    sink.field(Part::Multipart, &head.name, text);
    if let Some(decoded) = Encoding::decode(head.encoding, text) {
        sink.field(Part::Multipart, &head.name, &decoded);
    }
}

/// Where the head ends and how long the gap behind it is.
fn blank_line(text: &[u8]) -> Option<(usize, usize)> {
    if text.starts_with(b"\r\n") {
        return Some((0, 2));
    }
    let mut index = 0;
    loop {
        if at(text, index) == b'\n' && index == 0 {
            return Some((0, 1));
        }
        let end = find(text, b"\n", index)?;
        match (at(text, end + 1), at(text, end + 2)) {
            (b'\n', _) => return Some((end, 2)),
            (b'\r', b'\n') => return Some((end, 3)),
            _ => index = end + 1,
        }
    }
}

/// The one boundary of a type; `None` when parsers could see another one, or none.
fn boundary(content_type: &str) -> Option<&str> {
    let named = |part: &&str| {
        let start = part.trim_start().get(..8);
        start.is_some_and(|start| start.eq_ignore_ascii_case("boundary"))
    };
    let mut parts = content_type.split(';').skip(1).filter(named);
    let (first, second) = (parts.next()?, parts.next());
    let value = first.trim_start().get(8..)?.strip_prefix('=')?.trim();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => value,
    };
    let is_usable =
        !value.is_empty() && value.len() <= MAX_BOUNDARY && !value.contains(['"', '\\', ',']);
    (is_usable && second.is_none()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::field::tests::Seen;

    fn read(body: &str) -> Seen {
        let mut seen = Seen::default();
        let mut reader =
            Multipart::new("multipart/form-data; boundary=X", Bounds::WHOLE, &mut seen);
        for byte in body.as_bytes() {
            reader.push(&[*byte], &mut seen);
        }
        reader.finish(&mut seen);
        let mut whole = Seen::default();
        let mut reader =
            Multipart::new("multipart/form-data; boundary=X", Bounds::WHOLE, &mut whole);
        reader.push(body.as_bytes(), &mut whole);
        reader.finish(&mut whole);
        assert_eq!(seen, whole);
        seen
    }

    #[test]
    fn boundary_is_read_quoted_and_bare() {
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Some("abc"));
        assert_eq!(
            boundary("multipart/form-data; charset=x; Boundary=\"a b\""),
            Some("a b")
        );
        for none in [
            "multipart/form-data",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary*0=a; boundary=b",
            "multipart/form-data; boundary =a",
            "multipart/form-data; boundary=\"a",
            &format!("multipart/form-data; boundary={}", "x".repeat(71)),
        ] {
            assert_eq!(boundary(none), None, "{none}");
        }
    }

    #[test]
    fn fields_and_files_are_told_apart() {
        let seen = read(
            "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n--X\r\n\
             Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nfile\r\n--X--\r\n",
        );
        assert_eq!(
            seen.fields,
            [
                "multipart field name a=a",
                "multipart field a=one\r\ntwo",
                "multipart field name f=f",
                "file name f=x.txt",
                "header content-type=text/plain",
                "uploaded file f=file",
            ]
        );
        assert!(seen.broken.is_empty(), "{:?}", seen.broken);
    }

    #[test]
    fn what_only_some_parsers_take_for_a_file_is_read_as_a_field() {
        for head in [
            "Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''x.txt\r\n",
            "Content-Disposition: form-data; name=\"f\"; filename=\"\"\r\n",
            "Content-Disposition: form-data; name=\"f; filename=x\"\r\n",
            "Content-Disposition: form-data; name=\"f\"; filename=\"x\"\n",
            "X: filename=x\r\n",
            "",
        ] {
            let seen = read(&format!("--X\r\n{head}\r\nattack\r\n--X--\r\n"));
            assert!(
                seen.fields
                    .iter()
                    .any(|line| line.starts_with("multipart field ") && line.ends_with("=attack")),
                "{head}: {:?}",
                seen.fields
            );
        }
    }

    #[test]
    fn shapes_that_parsers_read_differently_are_findings() {
        let part = "Content-Disposition: form-data; name=\"a\"\r\n\r\n1";
        for body in [
            format!("x--X\r\n{part}\r\n--X--"),
            format!("--X\r\n{part} --X--"),
            format!("--Xtra\r\n{part}\r\n--X--"),
            format!("--X\r\n{part}\r\n--X--\r\n--X\r\n{part}\r\n--X--"),
            "--X\r\nContent-Disposition: form-data; name=\"a\"".to_owned(),
            "no boundary".to_owned(),
            format!("--X\r\nContent-Disposition: form-data; name=\"b\"\r\n{part}\r\n--X--"),
        ] {
            assert!(!read(&body).broken.is_empty(), "{body}");
        }
        assert!(
            read(&format!("preamble\r\n--X \r\n{part}\r\n--X--\r\n\r\n"))
                .broken
                .is_empty()
        );
    }

    #[test]
    fn transfer_encodings_are_undone() {
        let body = |encoding: &str, text: &str| {
            read(&format!(
                "--X\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{text}\r\n--X--"
            ))
        };
        let quoted = body("Quoted-Printable", "=3Cscri=\r\npt>");
        assert!(
            quoted
                .fields
                .contains(&"multipart field a=<script>".to_owned()),
            "{quoted:?}"
        );
        let base64 = body("BASE64", "PHNj\r\ncmlwdD4=");
        assert!(
            base64
                .fields
                .contains(&"multipart field a=PHNjcmlwdD4=".to_owned()),
            "{base64:?}"
        );
    }
}
