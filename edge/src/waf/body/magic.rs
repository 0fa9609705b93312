//! The first bytes of a file against what it is said to be.

use super::multipart::MAX_FILE_HEAD;
use crate::waf::field::Sink;
use crate::waf::scan::{find, skip_while, span, trim};
use crate::waf::{Part, rules};

/// Hands over the first bytes of a file, and a finding when they are of another kind than its
/// type or name promises.
pub(super) fn read(
    content_type: &str,
    file_name: &str,
    name: &str,
    content: &[u8],
    sink: &mut impl Sink,
) {
    let head = span(content, 0, MAX_FILE_HEAD);
    sink.field(Part::File, name, head);
    let promised = [of_type(content_type), of_name(file_name)];
    if is_object(head) {
        sink.broken(&rules::code::SERIALIZED, Part::File, "serialised object");
    }
    let is_image = content_type.contains("svg")
        || ending(file_name) == "svg"
        || promised.contains(&Promise::Picture)
        || (promised == [Promise::Other; 2] && !file_name.contains('.'));
    if is_image && has_script(head) {
        sink.broken(&rules::upload::SCRIPT, Part::File, "script in an image");
    }
    let is_picture = promised.contains(&Promise::Picture);
    let lies = match kind(head) {
        Kind::Program => promised.iter().any(|promise| *promise != Promise::Other),
        Kind::Markup => is_picture,
        Kind::Other => false,
    };
    if lies {
        sink.broken(
            &rules::upload::TYPE,
            Part::File,
            "file of another type than it says",
        );
    }
}

/// What browsers and servers will take a file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// A raster image, sound, film, font or PDF: never markup, never a program.
    Picture,
    /// Text of some kind: never a program.
    Text,
    Other,
}

fn of_type(content_type: &str) -> Promise {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let family = essence.split('/').next().unwrap_or_default();
    match (family, essence.as_str()) {
        (_, "image/svg+xml") => Promise::Text,
        ("image" | "audio" | "video" | "font", _) | (_, "application/pdf") => Promise::Picture,
        ("text", _) | (_, "application/json" | "application/xml") => Promise::Text,
        _ => Promise::Other,
    }
}

/// What follows the last dot, in lower case.
fn ending(file_name: &str) -> String {
    file_name
        .rsplit_once('.')
        .map_or("", |(_, ending)| ending)
        .to_ascii_lowercase()
}

fn of_name(file_name: &str) -> Promise {
    match ending(file_name).as_str() {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "bmp" | "ico" | "avif" | "heic" | "tif"
        | "tiff" | "pdf" | "mp3" | "mp4" | "webm" | "ogg" | "wav" | "woff" | "woff2" => {
            Promise::Picture
        }
        "txt" | "csv" | "json" | "xml" | "svg" | "md" | "html" | "htm" => Promise::Text,
        _ => Promise::Other,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Program,
    Markup,
    Other,
}

/// What the bytes are.
fn kind(head: &[u8]) -> Kind {
    // A DOS header has binary fields; a text that starts with these letters has not.
    let is_program = head.starts_with(b"\x7fELF")
        || head.starts_with(b"\xfe\xed\xfa")
        || head.starts_with(b"\xca\xfe\xba\xbe")
        || (head.starts_with(b"MZ") && span(head, 2, 64).contains(&0));
    if is_program {
        return Kind::Program;
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let start = span(trim(head), 0, 16).to_ascii_lowercase();
    let is_markup = [
        &b"<!doctype"[..],
        b"<html",
        b"<head",
        b"<body",
        b"<script",
        b"<svg",
        b"<?xml",
        b"<?php",
    ]
    .iter()
    .any(|markup| start.starts_with(markup));
    if is_markup { Kind::Markup } else { Kind::Other }
}

/// Whether the file is markup that a browser or an XML parser will read as such.
pub(super) fn is_xml(content_type: &str, file_name: &str) -> bool {
    let essence = content_type.to_ascii_lowercase();
    let is_named = matches!(
        ending(file_name).as_str(),
        "svg" | "xml" | "gpx" | "kml" | "rss" | "atom" | "wsdl" | "xsd" | "xsl" | "xslt"
    );
    is_named
        || essence.contains("svg")
        || essence.contains("/xml")
        || essence.contains("+xml") && !essence.contains("xhtml")
}

/// Objects of Java, .NET and Python, which run code when they are read back.
fn is_object(head: &[u8]) -> bool {
    let names = [&b"posix"[..], b"builtin", b"subprocess", b"os\n", b"nt\n"];
    head.starts_with(b"\xac\xed\x00\x05")
        || head.starts_with(b"\x00\x01\x00\x00\x00\xff\xff\xff\xff")
        || (matches!(head, [0x80, 2..=5, ..])
            && names.iter().any(|name| find(head, name, 0).is_some()))
}

/// Whether markup in these bytes would run as a script: in an image, and in a file without an
/// ending, which a browser may take for markup. Pages, documents and sources are full of it.
fn has_script(head: &[u8]) -> bool {
    let lower = head.to_ascii_lowercase();
    let handler = |tag: &[u8]| {
        let mut index = 0;
        while let Some(open) = find(&lower, tag, index) {
            let close = skip_while(&lower, open, |byte| byte != b'>');
            if [&b" onload"[..], b"/onload", b"\tonload", b"\nonload"]
                .iter()
                .any(|name| find(span(&lower, open, close), name, 0).is_some())
            {
                return true;
            }
            index = close;
        }
        false
    };
    find(&lower, b"<script", 0).is_some() || handler(b"<svg")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::field::tests::Seen;

    fn lies(content_type: &str, file_name: &str, content: &[u8]) -> bool {
        let mut seen = Seen::default();
        read(content_type, file_name, "f", content, &mut seen);
        !seen.broken.is_empty()
    }

    #[test]
    fn files_that_are_not_what_they_say_are_told() {
        assert!(lies("image/png", "a.png", b"<svg onload=x>"));
        assert!(lies("", "a.jpg", b"\n <!DOCTYPE html>"));
        assert!(lies("text/plain", "a", b"\x7fELF\x02\x01"));
        assert!(lies("", "a.pdf", b"MZ\x90\0\x03"));
    }

    #[test]
    fn serialised_objects_are_told() {
        for object in [
            &b"\xac\xed\x00\x05sr\x00\x17java.util"[..],
            b"\x00\x01\x00\x00\x00\xff\xff\xff\xff\x01",
            b"\x80\x02cposix\nsystem\n",
        ] {
            assert!(lies("", "", object), "{object:?}");
        }
        assert!(!lies("", "", b"\x80\x02plain"));
    }

    #[test]
    fn scripts_are_looked_for_in_images_alone() {
        assert!(lies(
            "image/svg+xml",
            "a.svg",
            b"<svg><script>x</script></svg>"
        ));
        assert!(lies("image/png", "a.png", b"\x89PNG <script>x</script>"));
        assert!(lies("", "a", b"<svg id=a onload=x>"));
        assert!(!lies(
            "text/markdown",
            "a.md",
            b"Use <script> and <svg onload=x>"
        ));
        assert!(!lies("text/html", "a.html", b"<html><script>x</script>"));
        assert!(!lies(
            "image/svg+xml",
            "a.svg",
            b"<svg><title>onload</title></svg>"
        ));
    }

    #[test]
    fn honest_files_pass() {
        assert!(!lies("image/png", "a.jpg", b"\x89PNG\r\n\x1a\n"));
        assert!(!lies("image/svg+xml", "a.svg", b"<svg></svg>"));
        assert!(!lies("text/plain", "a.txt", b"MZ is a code"));
        assert!(!lies(
            "application/octet-stream",
            "setup.bin",
            b"MZ\x90\0\x03"
        ));
        assert!(!lies("text/html", "a.html", b"<html>"));
        assert!(!lies("image/jpeg", "a.jpg", b""));
    }
}
