//! Readers of request bodies: each bounded in depth, count and length, linear in time.
//!
//! A body is read in pieces, whether it was read as a whole or streams: there is one reading of
//! each kind, and its outcome does not depend on how the bytes were cut.

pub(super) mod form;
pub(super) mod graphql;
pub(super) mod json;
mod magic;
mod multipart;
mod window;
mod xml;

use super::field::Sink;
use super::scan::{at, find, from, skip_space, span, stands, trim};
use super::{Body, Part};
use form::Form;
use json::Json;
use multipart::{MAX_FILE_HEAD, Multipart};
use window::Window;
use xml::Xml;

/// First bytes of a body that tell its kind when the type lies or is missing.
const SNIFFED: usize = 1024;

/// How much of a body is read; more is a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Longest value that is inspected in one piece, in bytes.
    window: usize,
    /// Most form fields.
    fields: usize,
    /// Most JSON strings.
    strings: usize,
    /// Most multipart parts.
    parts: usize,
    /// Most XML texts, tags and attributes.
    nodes: usize,
}

impl Bounds {
    /// For bodies that are read as a whole; their length is bounded by the route.
    pub(super) const WHOLE: Self = Self {
        window: usize::MAX,
        fields: 1000,
        strings: 20_000,
        parts: 256,
        nodes: 20_000,
    };
    /// For bodies that pass: a hundred at once hold a few megabytes.
    pub(super) const STREAM: Self = Self {
        window: 32 * 1024,
        fields: 10_000,
        strings: 2_000_000,
        parts: 1000,
        nodes: 2_000_000,
    };
}

/// What a body turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Multipart,
    Xml,
    Graphql,
    Text,
    Binary,
}

/// Reads a body that is there as a whole.
pub(super) fn read(body: Body<'_>, sink: &mut impl Sink) {
    if let Body::Read {
        content_type,
        bytes,
    } = body
    {
        let mut reader = Reader::new(content_type, Bounds::WHOLE);
        reader.push(bytes, sink);
        reader.finish(sink);
    }
}

/// A reader of one body, as its type demands, and as what it looks like when the type lies or
/// is missing.
#[derive(Debug)]
pub(super) struct Reader {
    bounds: Bounds,
    content_type: String,
    /// The first bytes, until the kind is told.
    start: Option<Vec<u8>>,
    formats: Vec<Format>,
    /// Whether the body is a document that somebody shows: JSON laid out by hand, sent as text.
    is_document: bool,
}

impl Reader {
    pub(super) fn new(content_type: Option<&str>, bounds: Bounds) -> Self {
        Self {
            bounds,
            content_type: content_type.unwrap_or_default().to_owned(),
            start: Some(Vec::new()),
            formats: Vec::new(),
            is_document: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let mut rest = bytes;
        if let Some(start) = &mut self.start {
            let room = SNIFFED.saturating_sub(start.len());
            start.extend_from_slice(span(bytes, 0, room));
            rest = from(bytes, room);
            if start.len() >= SNIFFED {
                self.begin(sink);
            }
        }
        self.feed(rest, sink);
    }

    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.begin(sink);
        sink.shows_document(self.is_document);
        for format in &mut self.formats {
            format.finish(sink);
        }
    }

    /// Chooses the formats by the first bytes and reads those.
    fn begin(&mut self, sink: &mut impl Sink) {
        let Some(start) = self.start.take().filter(|start| !start.is_empty()) else {
            return;
        };
        let declared = declared(&self.content_type);
        let is_typed_text = self.content_type.trim_start().starts_with("text/");
        self.is_document = declared.is_none() && is_typed_text && json::is_laid_out(&start);
        let seen = match sniff(&start) {
            // Notes in a file's own syntax begin like JSON or XML; who reads them reads text.
            _ if declared.is_none() && is_typed_text && is_notation(&start) => Kind::Text,
            // A text that shows markup goes on after it; a document ends with its last tag.
            Kind::Xml
                if is_typed_text && start.len() < SNIFFED && !trim(&start).ends_with(b">") =>
            {
                Kind::Text
            }
            // A long text is read once where nobody could read it as anything else.
            seen if declared.is_none()
                && (is_typed_text || is_untyped_text(seen, &start))
                && start.len() >= SNIFFED
                && is_nothing_else(seen, &start) =>
            {
                Kind::Text
            }
            // Who is promised text and gets no document of XML reads text.
            Kind::Xml if declared.is_none() && is_typed_text && !is_document(&start) => Kind::Text,
            seen => seen,
        };
        let declared = match (declared, seen) {
            // No JSON begins so, and JSON that is none is a text.
            (Some(Kind::Json), Kind::Xml) => Some(Kind::Text),
            (declared, _) => declared,
        };
        let mut kinds = vec![declared.unwrap_or(seen)];
        // A type that lies: some frameworks believe the bytes.
        let is_other =
            declared.is_some_and(|declared| declared != seen && declared != Kind::Graphql);
        if is_other && matches!(seen, Kind::Json | Kind::Xml)
            || declared == Some(Kind::Binary) && seen == Kind::Form
        {
            kinds.push(seen);
        }
        if declared.is_none() && is_also_text(seen, &start, is_typed_text) {
            kinds.push(Kind::Text);
        }
        for kind in kinds {
            let format = Format::new(kind, &self.content_type, self.bounds, sink);
            self.formats.push(format);
        }
        self.feed(&start, sink);
    }

    fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        sink.shows_document(self.is_document);
        for format in &mut self.formats {
            sink.reads(bytes.len());
            format.push(bytes, sink);
        }
    }
}

/// One reading of a body.
#[derive(Debug)]
enum Format {
    Json(Json),
    Form(Form),
    Multipart(Box<Multipart>),
    Xml(Xml),
    Text { name: &'static str, text: Window },
    Binary { content_type: String, head: Vec<u8> },
}

impl Format {
    fn new(kind: Kind, content_type: &str, bounds: Bounds, sink: &mut impl Sink) -> Self {
        match kind {
            Kind::Json => Self::Json(Json::new(bounds)),
            Kind::Form => Self::Form(Form::new(Part::FormName, Part::Form, bounds)),
            Kind::Multipart => {
                Self::Multipart(Box::new(Multipart::new(content_type, bounds, sink)))
            }
            Kind::Xml => Self::Xml(Xml::new(bounds)),
            Kind::Graphql => Self::Text {
                name: "query",
                text: Window::new(bounds.window),
            },
            Kind::Text => Self::Text {
                name: "",
                text: Window::new(bounds.window),
            },
            Kind::Binary => Self::Binary {
                content_type: content_type.to_owned(),
                head: Vec::new(),
            },
        }
    }

    fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        match self {
            Self::Json(json) => json.push(bytes, sink),
            Self::Form(form) => form.push(bytes, sink),
            Self::Multipart(multipart) => multipart.push(bytes, sink),
            Self::Xml(xml) => xml.push(bytes, sink),
            Self::Text { name, text } => {
                text.extend(bytes, |text| sink.field(Part::Text, name, text));
            }
            Self::Binary { head, .. } => {
                let room = MAX_FILE_HEAD.saturating_sub(head.len());
                head.extend_from_slice(span(bytes, 0, room));
            }
        }
    }

    fn finish(&mut self, sink: &mut impl Sink) {
        match self {
            Self::Json(json) => json.finish(sink),
            Self::Form(form) => form.finish(sink),
            Self::Multipart(multipart) => multipart.finish(sink),
            Self::Xml(xml) => xml.finish(sink),
            Self::Text { name, text } => {
                text.end(|text, _| sink.field(Part::Text, name, text));
            }
            Self::Binary { content_type, head } => magic::read(content_type, "", "", head, sink),
        }
    }
}

/// The kind that the type names; `None` for a missing or unknown one.
fn declared(content_type: &str) -> Option<Kind> {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let kind = match essence.as_str() {
        "application/json" | "text/json" | "application/csp-report" | "application/x-ndjson" => {
            Kind::Json
        }
        "application/x-www-form-urlencoded" => Kind::Form,
        "application/xml" | "text/xml" => Kind::Xml,
        "application/graphql" => Kind::Graphql,
        "text/plain" | "text/csv" | "text/markdown" => return None,
        essence if essence.ends_with("+json") => Kind::Json,
        essence if essence.ends_with("+xml") && essence != "image/svg+xml" => Kind::Xml,
        essence if essence.starts_with("multipart/") => Kind::Multipart,
        essence if is_binary(essence) => Kind::Binary,
        _ => return None,
    };
    Some(kind)
}

fn is_binary(essence: &str) -> bool {
    ["image/", "audio/", "video/", "font/"]
        .iter()
        .any(|family| essence.starts_with(family))
        || matches!(
            essence,
            "application/octet-stream" | "application/pdf" | "application/zip" | "application/gzip"
        )
}

/// Character sets in which ASCII text is spelled otherwise: an application reads an attack where
/// the bytes show none. No client of today sends them.
pub(super) fn hides_text(content_type: &str) -> bool {
    let charset = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
    });
    charset.is_some_and(|charset| {
        [
            "utf-7", "utf7", "utf-16", "utf16", "utf-32", "utf32", "ucs", "ibm", "cp0", "ebcdic",
            "x-ebcdic", "hz-gb", "iso-2022",
        ]
        .iter()
        .any(|start| charset.starts_with(start))
    })
}

/// Whether an untyped body may be plain text all the same: it only begins like JSON, is one pair
/// with a sign of equality, or markup and no document.
fn is_also_text(seen: Kind, start: &[u8], is_typed_text: bool) -> bool {
    match seen {
        Kind::Json if start.len() < SNIFFED => !json::is_json(start),
        Kind::Json => {
            let first = skip_space(start, 0);
            !matches!(
                at(start, skip_space(start, first + 1)),
                b'"' | b'{' | b'[' | b']' | b'}'
            ) || stands(start, first, b"{{")
        }
        Kind::Form => !start.contains(&b'&'),
        // A NUL hides nothing from an application that was promised text.
        Kind::Binary => is_typed_text,
        Kind::Xml => !start.starts_with(b"<?xml") && find(start, b"xmlns", 0).is_none(),
        _ => false,
    }
}

/// Whether what looks like XML says so itself.
fn is_document(start: &[u8]) -> bool {
    start.starts_with(b"<?xml") || start.starts_with(b"<!") || find(start, b"xmlns", 0).is_some()
}

/// Whether what the first bytes look like is excluded by those behind them: JSON by a fault, XML by
/// being a page without a namespace or a type of its own, a form by a space.
fn is_nothing_else(seen: Kind, start: &[u8]) -> bool {
    match seen {
        Kind::Json => !json::begins_json(start),
        Kind::Xml => {
            let lower = start.to_ascii_lowercase();
            let holds = |sign| find(&lower, sign, 0).is_some();
            !lower.starts_with(b"<?xml")
                && (holds(b"<!doctype html") || !holds(b"xmlns") && !holds(b"<!doctype"))
        }
        Kind::Form => start.contains(&b' '),
        _ => false,
    }
}

/// Whether long bytes without a type that [`is_nothing_else`] are rather read once, as a text, than as
/// what they begin like as well: a page, a script, one pair with what no form leaves as it is.
fn is_untyped_text(seen: Kind, start: &[u8]) -> bool {
    const PAGE: &[u8] = b"<!doctype html>";
    match seen {
        Kind::Json => true,
        Kind::Xml => span(start, 0, PAGE.len()).eq_ignore_ascii_case(PAGE) || is_notation(start),
        Kind::Form => {
            let is_bare = |byte: &u8| matches!(byte, b'\n' | b'"' | b'<');
            start.iter().any(is_bare) && !start.contains(&b'&')
        }
        _ => false,
    }
}

/// Whether the text begins like JSON or XML and cannot be either: `[section]`, `{ name = 1 }`,
/// `<?php`.
fn is_notation(bytes: &[u8]) -> bool {
    let first = skip_space(bytes, 0);
    let next = from(bytes, skip_space(bytes, first + 1));
    let is_bare = next.first().is_some_and(u8::is_ascii_alphabetic)
        && ![&b"true"[..], b"false", b"null"]
            .iter()
            .any(|word| next.starts_with(word));
    match at(bytes, first) {
        b'{' | b'[' => is_bare,
        b'<' => next.starts_with(b"?") && !next.starts_with(b"?xml"),
        _ => false,
    }
}

/// The kind that the bytes look like.
fn sniff(bytes: &[u8]) -> Kind {
    let start = if bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    match at(bytes, skip_space(bytes, start)) {
        b'{' | b'[' => Kind::Json,
        b'<' => Kind::Xml,
        _ if form::is_plausible(bytes) => Kind::Form,
        _ if bytes
            .iter()
            .take(512)
            .any(|byte| matches!(byte, 0..=8 | 14..=26)) =>
        {
            Kind::Binary
        }
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::field::tests::Seen;

    #[test]
    fn missing_types_are_sniffed() {
        assert_eq!(declared(""), None);
        assert_eq!(sniff(b"  {\"a\":1}"), Kind::Json);
        assert_eq!(sniff(b"a=1&b=2"), Kind::Form);
        assert_eq!(sniff(b"<a/>"), Kind::Xml);
        assert_eq!(sniff(b"hello = world, says he"), Kind::Text);
        assert_eq!(sniff(b"\x00\x01\x02"), Kind::Binary);
    }

    #[test]
    fn a_long_text_that_can_be_nothing_else_is_read_once() {
        let fields = |content_type, text: &str| {
            let mut seen = Seen::default();
            let bytes = text.as_bytes();
            let content_type = Some(content_type);
            read(
                Body::Read {
                    content_type,
                    bytes,
                },
                &mut seen,
            );
            seen.fields.len()
        };
        let words = "some more words ".repeat(100);
        for start in [
            "{{a}{\"b\",\"c\"",
            "[\"a\", b] = \"c\"; ",
            "<!-- a --><p id=\"b\">c</p>",
            "<!DOCTYPE html><p id=\"b\">c</p>",
            "a=\"b\" and",
        ] {
            assert_eq!(
                fields("text/plain", &format!("{start}{words}")),
                1,
                "{start}"
            );
        }
        for start in [
            "{\"a\":\"",
            "{\"a\":1}{\"b\":\"c\"} ",
            "<?xml version=\"1.0\"?><a>b</a>",
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"c\">]><a>b</a>",
            "<a xmlns=\"b\">c</a>",
        ] {
            assert!(
                fields("text/plain", &format!("{start}{words}")) > 1,
                "{start}"
            );
        }
        for start in [
            "<!DOCTYPE html><p id=\"b\">c</p>",
            "<?php echo \"b\";",
            "{ASSERT(\"b\", \"c\");",
            "a=\"b\" and",
        ] {
            assert_eq!(fields("", &format!("{start}{words}")), 1, "{start}");
        }
        for start in ["{\"a\":\"", "<a>b</a>", "a=b and", "a=\"b\"&c="] {
            assert!(fields("", &format!("{start}{words}")) > 1, "{start}");
        }
        for kind in ["application/json", "application/xml", ""] {
            assert!(
                fields(kind, &format!("<p id=\"b\">c</p>{words}")) > 1,
                "{kind}"
            );
        }
    }

    #[test]
    fn types_are_read_without_parameters_and_case() {
        assert_eq!(
            declared("Application/JSON; charset=utf-8"),
            Some(Kind::Json)
        );
        assert_eq!(declared("application/problem+json"), Some(Kind::Json));
        assert_eq!(
            declared("multipart/form-data; boundary=x"),
            Some(Kind::Multipart)
        );
    }

    #[test]
    fn charsets_that_hide_text_are_known() {
        assert!(hides_text(
            "application/x-www-form-urlencoded; charset=IBM037"
        ));
        assert!(hides_text("text/xml; charset=\"UTF-7\""));
        for honest in [
            "text/xml",
            "text/xml; charset=utf-8",
            "a/b; Charset=ISO-8859-1",
            "a/b; charset=windows-1252",
        ] {
            assert!(!hides_text(honest), "{honest}");
        }
    }
}
