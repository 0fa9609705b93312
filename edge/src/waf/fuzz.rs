//! Ways for the fuzz targets into the firewall's private stages, each with what must hold.
//! Compiled for them alone (`--cfg fuzzing`).

use super::field::Sink;
use super::rules::Rule;
use super::{Body, Finding, Mode, Part, Report, Request, Settings, Stream};

/// Every view is bounded, and the value itself comes first.
///
/// # Panics
///
/// When a guarantee of the stage is broken.
pub fn decode(value: &[u8]) {
    let views: Vec<_> = super::decode::views(Part::Path, value).collect();
    assert!(views.len() <= super::decode::MAX_VIEWS);
    assert!(views.iter().all(|view| view.text.len() <= value.len()));
    assert!(views.first().is_some_and(|view| *view.text == *value));
    assert!(views.len() == 1 || super::decode::may_change(value));
}

/// Reads a body of this type, without inspecting its fields.
///
/// # Panics
///
/// When a reader hands out more bytes than a few times the body's.
pub fn body(content_type: &str, bytes: &[u8]) {
    let mut sink = Counter::default();
    let body = Body::Read {
        content_type: Some(content_type),
        bytes,
    };
    super::body::read(body, &mut sink);
    assert!(sink.bytes <= 8 * bytes.len() + 1024);
}

/// Inspects a request, the mode chosen by its length; twice the same bytes are judged the same.
///
/// # Panics
///
/// When a guarantee of the report is broken.
pub fn request(bytes: &[u8]) {
    let (head, body) = split(bytes, b"\n\n");
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let target = lines.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let content_type = headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .map(|(_, value)| value.as_str());
    let request = Request {
        method: "POST",
        path,
        query,
        client: None,
        headers: &headers,
        body: Body::Read {
            content_type,
            bytes: body,
        },
    };
    let mode = match bytes.len() % 3 {
        0 => Mode::Strict,
        1 => Mode::Normal,
        _ => Mode::Relaxed,
    };
    let settings = Settings {
        mode,
        paranoia: 4,
        ..Settings::default()
    };
    let report = super::inspect(&request, &settings);
    assert_eq!(report, super::inspect(&request, &settings));
    let is_short = |found: &Finding| found.decoded.chars().count() <= 200;
    assert!(report.findings.iter().all(is_short));
}

/// Inspects a body that passes: the first byte chooses its type, the second how it is cut, and
/// no cut changes the report.
///
/// # Panics
///
/// When a cut does.
pub fn stream(bytes: &[u8]) {
    const KINDS: &[&str] = &[
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=X",
        "text/xml",
        "text/plain",
        "application/graphql",
        "image/png",
    ];
    let &[kind, size, ref body @ ..] = bytes else {
        return;
    };
    let kind = KINDS.get(usize::from(kind) % KINDS.len()).copied();
    let size = usize::from(size).max(1);
    assert_eq!(
        streamed(kind, body, size),
        streamed(kind, body, bytes.len())
    );
}

fn streamed(kind: Option<&str>, body: &[u8], size: usize) -> Report {
    let headers = [(
        "content-type".to_owned(),
        kind.unwrap_or_default().to_owned(),
    )];
    let request = Request::post("/", &headers, Body::Streamed);
    let settings = Settings::default();
    let mut stream = Stream::new(&request, &settings, super::inspect(&request, &settings));
    for chunk in body.chunks(size) {
        stream.push(chunk);
    }
    stream.finish();
    stream.report().clone()
}

fn split<'a>(bytes: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    let found = super::scan::find(bytes, separator, 0);
    let end = found.unwrap_or(bytes.len());
    (
        super::scan::span(bytes, 0, end),
        super::scan::from(bytes, end + separator.len()),
    )
}

/// Counts what a body reader hands out.
#[derive(Default)]
struct Counter {
    bytes: usize,
}

impl Sink for Counter {
    fn field(&mut self, _: Part, name: &str, value: &[u8]) {
        assert!(name.len() <= 1 << 20);
        self.bytes += value.len();
    }

    fn broken(&mut self, _: &'static Rule, _: Part, _: &str) {}

    fn is_full(&self) -> bool {
        false
    }
}
