//! The path: as sent, as a server resolves it, and its parts.

use super::Part;
use super::field::Sink;
use super::scan::{at, from, is_word};

/// Segments that are no plain names and read by themselves; a route takes few parameters.
const MAX_SEGMENTS: usize = 16;

/// Hands the path to the sink as a whole and resolved, then from its first segment that is not a
/// plain name, then such segments one by one, then its last: an attack in a segment has its own
/// beginning and end, which the SQL and URL grammars need.
pub(super) fn read(path: &str, sink: &mut impl Sink) {
    sink.field(Part::Path, "", path.as_bytes());
    let resolved = resolve(path.as_bytes());
    if resolved != path.as_bytes() {
        sink.field(Part::Path, "", &resolved);
    }
    let is_plain = |segment: &&str| {
        segment
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'-' | b'.' | b'~'))
    };
    let (parents, last) = path.rsplit_once('/').unwrap_or(("", path));
    let plain = path.split('/').take_while(is_plain);
    let start = plain.map(|segment| segment.len() + 1).sum();
    if let Some(rest) = path.get(start..) {
        sink.field(Part::Path, "segment", rest.as_bytes());
    }
    let odd = parents.split('/').filter(|segment| !is_plain(segment));
    for segment in odd.take(MAX_SEGMENTS).chain([last]) {
        sink.field(Part::Path, "segment", segment.as_bytes());
    }
}

/// The path as servers resolve it (RFC 3986 §5.2.4), and more leniently: encoded and backward
/// slashes part segments, parameters of segments (`;x`) and empty segments fall away. What `..`
/// leaves behind is kept where it would climb above the root: that is the attack.
fn resolve(path: &[u8]) -> Vec<u8> {
    let mut resolved: Vec<u8> = Vec::with_capacity(path.len());
    let mut segment = Vec::new();
    let mut is_parameter = false;
    let mut index = 0;
    while index <= path.len() {
        let (byte, length) = byte(path, index);
        let is_end = index == path.len();
        index += length;
        match byte {
            b'/' | b'\\' => {}
            _ if is_end => {}
            b';' => is_parameter = true,
            _ if is_parameter => {}
            _ => segment.push(byte),
        }
        if is_end || matches!(byte, b'/' | b'\\') {
            let keeps_slash = is_end && segment.is_empty() && path.len() > 1;
            append(&mut resolved, &segment, keeps_slash);
            segment.clear();
            is_parameter = false;
        }
    }
    if resolved.is_empty() {
        resolved.push(b'/');
    }
    resolved
}

fn append(resolved: &mut Vec<u8>, segment: &[u8], keeps_slash: bool) {
    match segment {
        b"" if keeps_slash => resolved.push(b'/'),
        b"" | b"." => {}
        b".." if !resolved.is_empty() && !resolved.ends_with(b"/..") => {
            let parent = resolved.iter().rposition(|byte| *byte == b'/');
            resolved.truncate(parent.unwrap_or(0));
        }
        _ => {
            resolved.push(b'/');
            resolved.extend_from_slice(segment);
        }
    }
}

/// The byte at `index`, with the escapes undone that hide how a path is parted.
fn byte(path: &[u8], index: usize) -> (u8, usize) {
    let escape = (
        at(path, index),
        at(path, index + 1),
        at(path, index + 2) | 0x20,
    );
    let hidden = match escape {
        (b'%', b'2', b'e') => b'.',
        (b'%', b'2', b'f') => b'/',
        (b'%', b'5', b'c') => b'\\',
        (b'%', b'3', b'b') => b';',
        (byte, ..) => return (byte, 1),
    };
    debug_assert!(from(path, index).len() >= 3);
    (hidden, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::field::tests::Seen;
    use proptest::prelude::*;

    fn resolved(path: &str) -> String {
        String::from_utf8(resolve(path.as_bytes())).unwrap()
    }

    #[test]
    fn paths_are_resolved_as_the_most_lenient_server_does() {
        for (path, expected) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("//a///b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/x/..;/manager/html", "/manager/html"),
            ("/a;v=1/b", "/a/b"),
            ("/a%2f%2e%2e%2Fb", "/b"),
            ("/a\\..\\b%5cc", "/b/c"),
            ("/a/../../etc/passwd", "/../etc/passwd"),
            ("/../../x", "/../../x"),
            ("/caf%C3%A9", "/caf%C3%A9"),
        ] {
            assert_eq!(resolved(path), expected, "{path}");
        }
    }

    #[test]
    fn odd_segments_are_read_by_themselves() {
        let mut seen = Seen::default();
        read("/items/1 or 1=1/edit/x'y", &mut seen);
        let segments: Vec<_> = seen.fields.iter().skip(1).collect();
        assert_eq!(
            segments,
            [
                "path segment=1 or 1=1/edit/x'y",
                "path segment=1 or 1=1",
                "path segment=x'y"
            ]
        );
    }

    proptest! {
        #[test]
        fn any_path_is_read_without_panic(path in "[/.;%2fFeE5cC\\\\a]{0,40}") {
            prop_assert!(resolve(path.as_bytes()).len() <= path.len() + 1);
        }
    }
}
