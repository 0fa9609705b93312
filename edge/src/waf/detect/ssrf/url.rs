//! A URL as the laxest of its readers take it: any number of slashes, either slash, any of the
//! hosts that a confused parser could see.

use crate::waf::scan::{at, is_space, skip_while, span, stands};

/// Longest authority looked at.
const MAX_AUTHORITY: usize = 300;

/// The parts of a URL that say where it leads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Url<'t> {
    /// Without the colon; empty for `//host`.
    pub(super) scheme: &'t [u8],
    /// Where it starts in the text.
    pub(super) start: usize,
    /// Up to the first slash, question mark or line break.
    pub(super) authority: &'t [u8],
    /// What follows, up to the end of the value.
    pub(super) rest: &'t [u8],
}

/// Schemes whose slashes browsers and libraries do not count.
const SPECIAL: &[&[u8]] = &[b"http", b"https", b"ftp", b"ftps", b"ws", b"wss"];
/// Schemes that stand before another one.
const OUTER: &[&[u8]] = &[
    b"url:",
    b"url=",
    b"view-source:",
    b"jdbc:",
    b"feed:",
    b"spring:",
];

impl<'t> Url<'t> {
    /// Reads the URL with which the value starts. Quotes and the like before it are skipped.
    pub(super) fn read(text: &'t [u8]) -> Option<Self> {
        let mut start = skip_while(text, 0, |byte| {
            is_space(byte) || matches!(byte, b'"' | b'\'' | b'<' | b'(' | b'@' | b'=')
        });
        for outer in OUTER {
            if stands(text, start, outer) {
                start += outer.len();
            }
        }
        let scheme_end = skip_while(span(text, 0, start + 32), start, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-')
        });
        let mut scheme = span(text, start, scheme_end);
        let is_special = SPECIAL.contains(&scheme);
        let slashes = if at(text, scheme_end) == b':' {
            scheme_end + 1
        } else if scheme.is_empty() {
            start
        } else {
            return None;
        };
        let authority = skip_while(text, slashes, |byte| matches!(byte, b'/' | b'\\'));
        let count = authority - slashes;
        let fits = match () {
            () if is_special => {
                count > 0 || at(text, authority).is_ascii_digit() || at(text, authority) == b'['
            }
            () if scheme.is_empty() => count >= 2 && slashes == start,
            () => count >= 2,
        };
        if !fits {
            return None;
        }
        if scheme.is_empty() {
            scheme = &[];
        }
        let end = skip_while(
            span(text, 0, authority + MAX_AUTHORITY),
            authority,
            |byte| {
                !matches!(
                    byte,
                    b'/' | b'?' | b'\n' | b'\r' | b'"' | b'\'' | b'<' | b'>'
                )
            },
        );
        Some(Self {
            scheme,
            start,
            authority: span(text, authority, end),
            rest: span(text, end, text.len()),
        })
    }

    /// Every host that a reader could take the authority to name.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &'t [u8]> {
        let authority = self.authority;
        let is_cut =
            |byte: u8| matches!(byte, b'@' | b'#' | b'\\' | b'&' | b';' | b',') || is_space(byte);
        let mut index = 0;
        std::iter::from_fn(move || {
            while index < authority.len() {
                let start = index;
                let end = skip_while(authority, start, |byte| !is_cut(byte));
                index = end + 1;
                let piece = span(authority, start, end);
                let is_first = start == 0;
                let follows_user = start
                    .checked_sub(1)
                    .is_some_and(|before| at(authority, before) == b'@');
                // `1234:token@host` names a user, and only an address or a dotted name is a host.
                let is_user = at(authority, end) == b'@' && !piece.contains(&b'.');
                if !piece.is_empty() && (is_first || follows_user) && !is_user {
                    return Some(piece);
                }
            }
            None
        })
    }

    /// Whether the value goes on as a sentence after the URL.
    pub(super) fn is_in_prose(&self) -> bool {
        let words = |text: &[u8]| {
            text.split(|byte| *byte == b' ')
                .skip(1)
                .map(|word| word.strip_suffix(b",").unwrap_or(word))
                .filter(|word| {
                    word.len() > 1
                        && word
                            .iter()
                            .all(|byte| byte.is_ascii_alphabetic() || *byte == b'\'')
                })
                .take(2)
                .count()
        };
        words(self.authority) + words(span(self.rest, 0, MAX_AUTHORITY)) >= 2
    }
}

/// A host without its port, and the port.
pub(super) fn split_port(host: &[u8]) -> (&[u8], Option<u16>) {
    if host.starts_with(b"[") {
        let end = skip_while(host, 1, |byte| !matches!(byte, b']' | b'%'));
        return (span(host, 1, end), None);
    }
    let colon = skip_while(host, 0, |byte| byte != b':');
    if !span(host, 0, colon).contains(&b'.') && span(host, colon + 1, host.len()).contains(&b':') {
        return (host, None);
    }
    let digits = span(host, colon + 1, host.len());
    let digits = span(
        digits,
        0,
        skip_while(digits, 0, |byte| byte.is_ascii_digit()),
    );
    let port = std::str::from_utf8(digits)
        .ok()
        .and_then(|port| port.parse().ok());
    (span(host, 0, colon), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        let url = Url::read(text.as_bytes());
        url.into_iter()
            .flat_map(|url| {
                url.hosts()
                    .map(|host| String::from_utf8_lossy(host).into_owned())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn sees_every_host() {
        assert_eq!(
            hosts("http://a.example@127.0.0.1/x"),
            ["a.example", "127.0.0.1"]
        );
        assert_eq!(
            hosts("http://a.example#@127.0.0.1/"),
            ["a.example", "127.0.0.1"]
        );
        assert_eq!(hosts("http:\\\\127.0.0.1"), ["127.0.0.1"]);
        assert_eq!(hosts("http:127.0.0.1"), ["127.0.0.1"]);
        assert_eq!(hosts("///127.0.0.1/"), ["127.0.0.1"]);
        assert_eq!(hosts("https://1234:token@git.example"), ["git.example"]);
        assert_eq!(hosts("https://example.com#10"), ["example.com"]);
        assert_eq!(hosts("note: see below"), Vec::<String>::new());
        assert_eq!(hosts("http: is a scheme"), Vec::<String>::new());
    }

    #[test]
    fn splits_ports() {
        assert_eq!(split_port(b"[::1]:80"), (&b"::1"[..], None));
        assert_eq!(
            split_port(b"localhost:6379"),
            (&b"localhost"[..], Some(6379))
        );
        assert_eq!(split_port(b"::1"), (&b"::1"[..], None));
    }
}
