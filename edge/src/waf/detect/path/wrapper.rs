//! Stream wrappers and local URLs: what opens a file, a program or an archive where a name was
//! expected.

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::path as rules;
use crate::waf::scan::{Needles, at, before, find, is_word, skip_while, span, stands};

/// Wrappers that are code wherever they stand.
pub(super) static WRAPPERS: Needles<'static> = Needles::numbered(
    3,
    &[
        b"php://filter",
        b"php:filter",
        b"php://fd",
        b"expect://",
        b"phar://",
        b"compress.zlib://",
        b"compress.bzip2://",
        b"zlib://",
        b"zlib:http",
        b"bzip2://",
        b"zip://",
        b"glob://",
        b"ogg://",
        b"ssh2.shell://",
        b"ssh2.exec://",
        b"ssh2.tunnel://",
        b"ssh2.sftp://",
        b"ssh2.scp://",
        b"jar:http",
        b"jar:file:",
        b"netdoc:",
        b"rar://",
        b"data://text",
        b"local_file:",
        b"vbscript://",
        b"lzma://",
        b"s3://../",
        b"view-source:file:",
        b"classpath:/",
        b"classpath*:",
    ],
);
/// Wrappers that PHP code names as well.
const STREAMS: &[&[u8]] = &[
    b"php://input",
    b"php://output",
    b"php://memory",
    b"php://temp",
    b"php://std",
];

/// Reports the first of each kind.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    let lower = text.lower;
    let first = skip_while(lower, 0, |byte| {
        byte <= b' ' && byte != 0 || matches!(byte, b'"' | b'\'' | b'@' | b'=')
    });
    if let Some((start, wrapper)) = hits.absent.find(&WRAPPERS, lower, 0)
        && !is_word(before(lower, start))
        && !names_nothing(lower, start + wrapper.len())
    {
        let is_named = start > first && super::super::shell::reads_as_prose(lower);
        let rule = if is_named {
            &rules::FILE_NAMED
        } else {
            &rules::WRAPPER
        };
        hits.push(Hit::new(rule, start, start + wrapper.len()));
    }
    stream(lower, first, hits);
    if carries_code(lower, first) {
        hits.push(Hit::new(&rules::WRAPPER, first, first + 20));
    }
    share(text, first, hits);
    local(text, hits);
}

/// `zip:// wrapper`: a word follows where the name of a file would.
fn names_nothing(text: &[u8], end: usize) -> bool {
    let end = skip_while(text, end, is_word);
    at(text, end) == b' ' && at(text, end + 1).is_ascii_alphabetic()
}

/// `php://input` as the value, or `file=php://input`: that of a pair within it.
fn stream(text: &[u8], first: usize, hits: &mut Hits) {
    let mut index = 0;
    while let Some(start) = find(text, b"php://", index)
        && hits.meter.pays(price::PLACE)
    {
        index = start + 6;
        let is_pair = before(text, start) == b'=';
        if start != first && !is_pair {
            continue;
        }
        let known = STREAMS.iter().find(|name| stands(text, start, name));
        if let Some(name) = known.filter(|name| is_pair || !names_nothing(text, start + name.len()))
        {
            hits.push(Hit::new(&rules::WRAPPER, start, start + name.len()));
            return;
        }
    }
}

/// `data:text/plain;base64,PD9waHA...`: PHP's opening tag, plain or in base64.
fn carries_code(text: &[u8], first: usize) -> bool {
    if !stands(text, first, b"data:") {
        return false;
    }
    let head = span(text, first, first + 60);
    let Some(comma) = head.iter().position(|byte| *byte == b',') else {
        return false;
    };
    let data = span(head, comma + 1, head.len());
    data.starts_with(b"pd9") || data.starts_with(b"<?") || data.starts_with(b"pd94")
}

/// `\\evil.example\share`: a Windows share on a host of the internet.
fn share(text: &Text<'_>, first: usize, hits: &mut Hits) {
    let lower = text.lower;
    if !stands(lower, first, b"\\\\") {
        return;
    }
    let end = skip_while(span(lower, 0, first + 100), first + 2, |byte| {
        is_word(byte) || matches!(byte, b'.' | b'-')
    });
    let host = span(lower, first + 2, end);
    let is_public = host.contains(&b'.') && !host.ends_with(b".local") && !host.ends_with(b".lan");
    if is_public && matches!(at(lower, end), b'\\' | b'/') && super::is_single(lower, first) {
        hits.push(Hit::new(&rules::WRAPPER, first, end));
    }
}

/// `file:///etc/hosts`, where a value or an attribute starts.
fn local(text: &Text<'_>, hits: &mut Hits) {
    let is_origin = text.part == Part::HeaderValue && matches!(text.name, "origin" | "referer");
    let lower = text.lower;
    let mut index = 0;
    while let Some(start) = find(lower, b"file:", index) {
        index = start + 5;
        let starts_url = matches!(
            before(lower, start),
            0 | b'"' | b'\'' | b'=' | b'(' | b'@' | b':' | b' ' | b',' | b'<' | b'>' | b'\n'
        );
        let end = skip_while(lower, index, |byte| matches!(byte, b'/' | b'\\'));
        let count = end - index;
        let target = at(lower, end);
        let is_rooted = match count {
            0 => false,
            1 | 2 => is_word(target) || target == b'.' || target == b'%',
            _ => true,
        };
        // Pages within an application on a phone, and where Java's options get randomness.
        let is_asset = [&b"android_asset/"[..], b"dev/./urandom", b"dev/urandom"]
            .iter()
            .any(|known| stands(lower, end, known));
        if starts_url && is_rooted && !is_asset && !is_origin {
            let is_named = super::words_after(lower, end) >= 2
                || (!matches!(before(lower, start), 0 | b'=' | b'"' | b'\'')
                    && super::super::shell::reads_as_prose(lower));
            let rule = if is_named {
                &rules::FILE_NAMED
            } else {
                &rules::LOCAL_URL
            };
            hits.push(Hit::new(rule, start, end));
            return;
        }
    }
}
