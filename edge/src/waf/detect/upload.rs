//! Uploaded files: names that a server might run, and contents that act where files are shown,
//! converted or run, whatever type was declared.
//!
//! The first bytes of a file tell what it is: source code that is shown in a text file is honest,
//! source code that a file begins with, or that hides in an image, is not.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::code as rules;
use crate::waf::scan::{at, find, find_any, from, is_word, skip_space, span, word};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    ".",
    "`",
    "$(",
    "<",
    "#!",
    "#extm3u",
    "push graphic-context",
    "%pipe%",
    "__halt_compiler",
    "\u{5}s",
    "\u{5}t",
    "\u{5}w",
];

/// Last endings that servers or systems run.
const RUNS: &[&[u8]] = &[
    b"pht",
    b"phps",
    b"asmx",
    b"asa",
    b"cer",
    b"war",
    b"pl",
    b"sh",
    b"bash",
    b"exe",
    b"dll",
    b"bat",
    b"cmd",
    b"ps1",
    b"vbs",
    b"scr",
    b"msi",
    b"hta",
    b"htaccess",
    b"htpasswd",
    b"cfm",
    b"stm",
    b"svgz",
    b"user.ini",
];
/// Endings that some servers run wherever they stand in the name: Apache runs `x.php.jpg`.
const RUNS_WITHIN: &[&[u8]] = &[
    b"php", b"php3", b"php4", b"php5", b"php6", b"php7", b"php8", b"phtml", b"phar", b"asp",
    b"aspx", b"ashx", b"jsp", b"jspx", b"jspf", b"shtml", b"cgi",
];
/// Files that configure the server of the folder that they lie in.
const CONFIGURES: &[&[u8]] = &[b".htaccess", b".user.ini", b"web.config", b"php.ini"];

/// Headers that carry the name of an upload.
const NAME_HEADERS: &[&str] = &[
    "x-filename",
    "x_filename",
    "x-file-name",
    "x.filename",
    "content-disposition",
];

/// What a file begins with that a server would run.
const STARTS: &[&[u8]] = &[
    b"<?php",
    b"<?=",
    b"<? ",
    b"<%",
    b"<jsp:",
    b"<cfexecute",
    b"<script language=\"php",
    b"<script runat",
    b"#!/bin/",
    b"#!/usr/bin/perl",
    b"#!/usr/bin/php",
    b"#!/usr/bin/env perl",
    b"#!/usr/bin/env php",
    b"#!/usr/bin/env bash",
    b"push graphic-context",
];
/// How files begin that hold no text: pictures, sound, archives, documents.
const BINARY: &[&[u8]] = &[
    b"gif8",
    b"\x89png",
    b"\xff\xd8\xff",
    b"bm",
    b"riff",
    b"pk\x03\x04",
    b"%pdf",
    b"id3",
    b"\0\0\0",
    b"\0\0\x01\0",
    b"ii*\0",
    b"mm\0*",
];
/// Code that has no place in such files.
const HIDDEN: &[&[u8]] = &[
    b"<?php",
    b"<%@",
    b"<%eval",
    b"<%execute",
    b"<script",
    b"__halt_compiler",
    b"eval(base64_decode",
    b"<jsp:",
];
/// The same, when text follows: these bytes alone occur by chance.
const HIDDEN_SHORT: &[&[u8]] = &[b"<?=", b"<? ", b"<%"];
/// What acts in a picture of vectors; its text may name anything.
const VECTOR: &[&[u8]] = &[
    b"<script",
    b"javascript:",
    b"<foreignobject",
    b"<iframe",
    b"<embed",
    b"<handler",
    b"data:text/html",
];

/// Names the rules that a file breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    let is_name_header = text.part == Part::HeaderValue && NAME_HEADERS.contains(&text.name);
    if text.part == Part::FileName || is_name_header {
        name(text.lower, hits);
    } else if text.part == Part::File {
        content(text.lower, hits);
    }
}

/// Windows drops what follows `;`, `:` and spaces, so only the word after a dot counts.
fn name(text: &[u8], hits: &mut Vec<Hit>) {
    let base = text
        .rsplit(|byte| matches!(byte, b'/' | b'\\' | b'"' | b'='))
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    let mut endings = base.split(|byte| *byte == b'.').skip(1).peekable();
    let mut runs = CONFIGURES.iter().any(|name| base.starts_with(name));
    while let Some(ending) = endings.next() {
        let ending_word = word(ending, 0);
        let is_last = endings.peek().is_none() || ending_word.len() < ending.len();
        runs |= RUNS_WITHIN.contains(&ending_word) || is_last && RUNS.contains(&ending_word);
    }
    let substitutes = base.iter().filter(|byte| **byte == b'`').count() > 1
        || find(base, b"$(", 0).is_some_and(|start| find(base, b")", start).is_some());
    if runs || substitutes {
        hits.push(Hit::new(&rules::UPLOAD_NAME, 0, text.len()));
    }
}

fn content(text: &[u8], hits: &mut Vec<Hit>) {
    let body = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let body = from(body, skip_space(body, 0));
    let found = if let Some(start) = STARTS.iter().find(|start| body.starts_with(start)) {
        Some(*start)
    } else if is_java(body) {
        hits.push(Hit::new(&rules::SERIALIZED, 0, 4));
        None
    } else if BINARY.iter().any(|magic| body.starts_with(magic)) {
        hidden(body)
    } else {
        acting(body)
    };
    if let Some(literal) = found {
        let start = find(text, literal, 0).unwrap_or(0);
        hits.push(Hit::new(&rules::UPLOAD_CODE, start, start + literal.len()));
    }
}

/// A stream of Java objects; the NUL may have been dropped.
fn is_java(body: &[u8]) -> bool {
    body.starts_with(b"\xac\xed\0\x05") || body.starts_with(b"\xac\xed\x05")
}

/// Code in a file that should hold none.
fn hidden(body: &[u8]) -> Option<&'static [u8]> {
    // Forms in PDF hold scripts of their own.
    let is_document = body.starts_with(b"%pdf");
    let fits = |literal: &&[u8]| !(is_document && **literal == *b"<script");
    if let Some((_, literal)) = find_any(body, HIDDEN).filter(|(_, literal)| fits(literal)) {
        return Some(literal);
    }
    let is_text = |byte: &u8| (b' '..0x7f).contains(byte);
    HIDDEN_SHORT.iter().copied().find(|literal| {
        find(body, literal, 0).is_some_and(|start| {
            let rest = span(body, start, start + 12);
            rest.len() > 8 && rest.iter().all(is_text) && rest.contains(&b'(')
                || rest.contains(&b'`') && rest.iter().all(is_text)
        })
    })
}

/// Text that acts: markup in a vector picture, entities that read files, play lists and drawings
/// that make a converter read or run what they name.
fn acting(body: &[u8]) -> Option<&'static [u8]> {
    if body.starts_with(b"#extm3u") {
        return [&b"file:///"[..], b"concat:"]
            .into_iter()
            .find(|name| find(body, name, 0).is_some());
    }
    if body.starts_with(b"%!ps") {
        return find(body, b"%pipe%", 0).map(|_| &b"%pipe%"[..]);
    }
    if at(body, 0) != b'<' {
        return None;
    }
    if reads_entity(body) {
        return Some(b"<!entity");
    }
    // A prefix makes markup of what no filter takes for it.
    if find(body, b":script", 0).is_some() && find(body, b"1999/xhtml", 0).is_some() {
        return Some(b":script");
    }
    if find(body, b"scriptprocessor=", 0).is_some() {
        return Some(b"scriptprocessor=");
    }
    let is_vector = find(span(body, 0, 512), b"<svg", 0).is_some();
    if !is_vector {
        return None;
    }
    find_any(body, VECTOR)
        .map(|(_, literal)| literal)
        .or_else(|| has_handler(body).then_some(&b"<svg"[..]))
}

/// `<!ENTITY x SYSTEM "file:…">`; drawing programs declare entities too, with a value.
fn reads_entity(body: &[u8]) -> bool {
    let mut index = 0;
    while let Some(start) = find(body, b"<!entity", index) {
        index = start + 8;
        let declaration = span(body, index, index + 120);
        let end = declaration.iter().position(|byte| *byte == b'>');
        let declaration = span(declaration, 0, end.unwrap_or(declaration.len()));
        let references = declaration.iter().filter(|byte| **byte == b'&').count();
        if references > 1
            || find(declaration, b" system ", 0).is_some()
            || find(declaration, b" public ", 0).is_some()
        {
            return true;
        }
    }
    false
}

/// An attribute such as ` onload=`.
fn has_handler(body: &[u8]) -> bool {
    let mut index = 0;
    while let Some(on) = find(body, b"on", index) {
        index = on + 2;
        let name = word(body, index);
        let previous = on.checked_sub(1).map_or(0, |before| at(body, before));
        let after = skip_space(body, index + name.len());
        if name.len() > 2 && !is_word(previous) && previous != b'-' && at(body, after) == b'=' {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(part: Part, text: &[u8]) -> bool {
        let mut hits = Vec::new();
        let text = Text {
            lower: text,
            part,
            name: "f",
        };
        detect(&text, &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn tells_names_that_run() {
        for attack in [
            "shell.php",
            "a.php.jpg",
            "a.php;.jpg",
            "a.asp::$data",
            "x.pl",
            ".htaccess",
            "web.config",
            "../a/web.config",
            "`id`.jpg",
            "a$(id).png",
            "x.phtml ",
        ] {
            assert!(is_found(Part::FileName, attack.as_bytes()), "{attack}");
        }
        for honest in [
            "civil.war.2024.mp4",
            "faktur.allegro.pl.pdf",
            "photo.final.jpg",
            "o'brien (1).docx",
            "rp$100.xlsx",
            "notes.shape.txt",
        ] {
            assert!(!is_found(Part::FileName, honest.as_bytes()), "{honest}");
        }
    }

    #[test]
    fn tells_files_that_act() {
        for attack in [
            &b"<?php system($_get['c']);"[..],
            b"\xef\xbb\xbf <?= `id` ?>",
            b"gif89a<?php eval(1);",
            b"\xff\xd8\xff\xe0\0\x10jfif<?=`$_get[0]`?>",
            b"<%@ page language=\"java\"%>",
            b"#!/bin/sh\nid",
            b"<svg xmlns=\"x\" onload = alert(1)>",
            b"<svg><a xlink:href=\"javascript:alert(1)\"/>",
            b"<?xml version=\"1.0\"?><!doctype svg [<!entity x system \"file:///etc/passwd\">]>",
            b"<a xmlns:b=\"http://www.w3.org/1999/xhtml\"><b:script>",
            b"push graphic-context\nfill 'url(https://x)'",
            b"#extm3u\nconcat:http://x|file:///etc/passwd",
            b"\xac\xed\0\x05sr\0\x17java.util",
        ] {
            assert!(is_found(Part::File, attack), "{attack:?}");
        }
    }

    #[test]
    fn leaves_files_that_show_code_alone() {
        for honest in [
            &b"# read me\n\n```php\n<?php echo 1; ?>\n```"[..],
            b"use `<script src=\"x\">` in your page",
            b"#!/usr/bin/env python3\nprint(1)",
            b"<html><head><script src=\"a.js\"></script>",
            b"<!doctype svg [<!entity ns \"http://ns.adobe.com/x/\">]><svg><text>on a=b</text></svg>",
            b"\x89png\r\n\x1a\n\0\0<%\x01",
            b"{% block %}<script></script>",
        ] {
            assert!(!is_found(Part::File, honest), "{honest:?}");
        }
    }
}
