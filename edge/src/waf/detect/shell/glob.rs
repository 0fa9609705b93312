//! Paths spelled with wildcards: `/???/c?t`, `/b?n/ls`, `/etc/p?sswd`. The shell fills them in,
//! and lists of literals never see the name.

use super::command;
use super::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::shell as rules;
use crate::waf::scan::{at, before, from, is_word, position, skip_while, span};

/// Folders that commands and their files live in.
const FOLDERS: &[&[u8]] = &[
    b"bin", b"usr", b"etc", b"sbin", b"proc", b"var", b"dev", b"tmp", b"home",
];
/// Files that are read there.
const FILES: &[&[u8]] = &[
    b"passwd",
    b"shadow",
    b"hosts",
    b"group",
    b"issue",
    b"hostname",
    b"cat",
    b"bash",
    b"nc",
    b"wget",
    b"curl",
    b"whoami",
    b"ping",
    b"head",
    b"tail",
    b"tac",
    b"more",
    b"less",
    b"sleep",
    b"echo",
    b"uname",
];
/// Longest part of a path with wildcards.
const MAX_PART: usize = 16;

/// Reports the first such path.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    while let Some(start) = position(text, index, |byte| byte == b'/') {
        if !is_part(before(text, start)) && is_path(text, start, hits) {
            hits.push(Hit::new(&rules::EVASION, start, start + MAX_PART));
            return;
        }
        index = start + 1;
    }
}

const fn is_part(byte: u8) -> bool {
    is_word(byte)
        || matches!(
            byte,
            b'/' | b'.' | b'?' | b'*' | b'-' | b'~' | b':' | b')' | b']'
        )
}

const fn is_wildcard(byte: u8) -> bool {
    matches!(byte, b'?' | b'*')
}

/// Whether `/folder/file` at `slash` has wildcards and fits a known folder and file.
fn is_path(text: &[u8], slash: usize, hits: &mut Hits) -> bool {
    let is_name = |byte: u8| {
        is_word(byte) || is_wildcard(byte) || matches!(byte, b'[' | b']' | b'\'' | b'\\' | b'"')
    };
    let folder_end = skip_while(span(text, 0, slash + 1 + MAX_PART), slash + 1, is_name);
    if at(text, folder_end) != b'/' {
        return false;
    }
    let file_end = skip_while(
        span(text, 0, folder_end + 1 + MAX_PART),
        folder_end + 1,
        is_name,
    );
    let folder = span(text, slash + 1, folder_end);
    let file = span(text, folder_end + 1, file_end);
    let is_bare = |part: &[u8]| part.iter().all(|byte| *byte == b'*');
    let hides = |part: &[u8]| {
        part.iter()
            .any(|byte| is_wildcard(*byte) || matches!(byte, b'[' | b'\'' | b'\\' | b'"'))
    };
    if !(hides(folder) || hides(file)) || is_bare(folder) || is_bare(file) {
        return false;
    }
    hits.meter.charge(1, price::GLOB);
    if !FOLDERS.iter().any(|name| fits(folder, name)) {
        return false;
    }
    hits.meter.charge(1, price::GLOB_FILE);
    // `/???/???/` could be anything; three parts of question marks are no honest path.
    file.iter().all(|byte| *byte == b'?')
        || FILES.iter().any(|name| fits(file, name))
        || (hides(folder)
            && (command::class(file).is_some() || FOLDERS.iter().any(|name| fits(file, name))))
}

/// Of how many characters the names are that a pattern fits; `None` where a star takes any number.
pub(super) fn length(pattern: &[u8]) -> Option<usize> {
    let (mut index, mut count) = (0, 0);
    while index < pattern.len() {
        let rest = from(pattern, index);
        match at(rest, 0) {
            b'*' => return None,
            b'\'' | b'\\' | b'"' => {}
            b'[' => {
                index += rest
                    .iter()
                    .position(|byte| *byte == b']')
                    .unwrap_or(rest.len());
                count += 1;
            }
            _ => count += 1,
        }
        index += 1;
    }
    Some(count)
}

/// Whether a shell pattern fits a name. Quotes and backslashes in the pattern are skipped; `[x]`
/// stands for one character.
pub(super) fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut index, mut position) = (0, 0);
    // The last star, and how much of the name it took.
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() || index < pattern.len() {
        let step = match at(pattern, index) {
            b'*' => {
                star = Some((index, position));
                index += 1;
                continue;
            }
            b'\'' | b'\\' | b'"' => {
                index += 1;
                continue;
            }
            b'[' => pattern
                .iter()
                .skip(index)
                .position(|byte| *byte == b']')
                .map(|length| length + 1),
            b'?' => Some(1),
            0 => None,
            byte => (byte == at(name, position)).then_some(1),
        };
        match (step, star) {
            (Some(length), _) if position < name.len() => {
                index += length;
                position += 1;
            }
            (_, Some((after, taken))) if taken < name.len() => {
                star = Some((after, taken + 1));
                index = after + 1;
                position = taken + 1;
            }
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> bool {
        let mut hits = Hits::default();
        detect(text.as_bytes(), &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn fills_wildcards_in() {
        assert!(fits(b"p??s??", b"passwd") && fits(b"*ss*", b"passwd") && fits(b"c[a]t", b"cat"));
        assert!(
            !fits(b"p??s?", b"passwd") && !fits(b"*x", b"passwd") && fits(b"p'ass'wd", b"passwd")
        );
    }

    #[test]
    fn tells_the_length_of_what_fits() {
        for (pattern, expected) in [
            (&b"c?t"[..], Some(3)),
            (b"p'ass'w\\d", Some(6)),
            (b"c[a-z]t", Some(3)),
            (b"ca*", None),
            (b"ca[", Some(3)),
        ] {
            assert_eq!(length(pattern), expected, "{pattern:?}");
        }
    }

    #[test]
    fn knows_hidden_paths_from_honest_patterns() {
        for attack in [
            "/???/c?t /???/p??s??",
            "/b?n/ls",
            "x /etc/pass?d",
            "/bin/c[a]t x",
            "/???/???/id",
            "/e'tc'/passwd",
            "/?in/cat",
        ] {
            assert!(found(attack), "{attack}");
        }
        for honest in [
            "/images/*.png",
            "/api/*/users",
            "src/**/*.ts",
            "*/5 * * * *",
            "/search?q=a/b",
            "what???/who",
            "/*/x",
            "/etc/*",
            "https://a.example/??/b",
            "/**/*.rs",
        ] {
            assert!(!found(honest), "{honest}");
        }
    }
}
