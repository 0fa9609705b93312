//! Readers of request bodies: each bounded in depth, count and length, linear in time.

pub(super) mod form;
pub(super) mod json;
mod multipart;
mod xml;

use super::field::Sink;
use super::scan::{at, skip_space};
use super::{Body, Part};

/// What a body turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Multipart,
    Xml,
    Text,
    Binary,
}

/// Reads the body as its type demands, and as what it looks like when the type lies or is missing.
pub(super) fn read(body: Body<'_>, sink: &mut impl Sink) {
    let Body::Read {
        content_type,
        bytes,
    } = body
    else {
        return;
    };
    if bytes.is_empty() {
        return;
    }
    let content_type = content_type.unwrap_or_default();
    let declared = declared(content_type);
    let seen = sniff(bytes);
    match declared.unwrap_or(seen) {
        Kind::Json => json_or_text(bytes, sink),
        Kind::Form => form::read(bytes, Part::FormName, Part::Form, sink),
        Kind::Multipart => multipart::read(content_type, bytes, sink),
        Kind::Xml => xml::read(bytes, sink),
        Kind::Text => sink.field(Part::Text, "", bytes),
        Kind::Binary => multipart::head(bytes, "", sink),
    }
    // A type that lies: some frameworks believe the bytes.
    if declared.is_some_and(|declared| declared != seen) {
        match seen {
            Kind::Json => json_or_text(bytes, sink),
            Kind::Xml => xml::read(bytes, sink),
            _ => {}
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
        "text/plain" | "text/csv" | "text/markdown" | "application/graphql" => return None,
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

/// The kind that the bytes look like.
fn sniff(bytes: &[u8]) -> Kind {
    match at(bytes, skip_space(bytes, 0)) {
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

/// JSON, and the same bytes as text when they are none.
fn json_or_text(bytes: &[u8], sink: &mut impl Sink) {
    if json::read(bytes, sink).is_none() {
        sink.field(Part::Text, "", bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
