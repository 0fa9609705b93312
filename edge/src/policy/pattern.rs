//! Path patterns: which paths a route fits.
//!
//! Guarantees: a path is matched by its segments, split first and percent-decoded
//! once afterwards, so that an encoded slash never makes a segment of its own; what
//! an origin could read as another path (`.`, `..`, also behind an encoded slash)
//! fits no wildcard. Relies on [`percent::decode`], the same reading as everywhere.

use gapura_shared::parse::percent;
use std::{borrow::Cow, fmt};

/// Which paths fit: literal segments, `*` for one segment that is not empty, `**`
/// at the end for any number of them. A slash at the end counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// Whether `**` follows.
    rest: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Text without characters that need encoding; empty behind a slash at the end.
    Literal(String),
    /// `*`
    One,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// It does not start with a slash.
    #[error("must start with `/`")]
    Relative,
    /// An empty segment before the end.
    #[error("must not hold `//`")]
    Empty,
    /// A `.` or `..` segment: no path that reaches a route holds one.
    #[error("must not hold `.` or `..` as a segment")]
    Dots,
    /// `**` anywhere but at the end.
    #[error("must hold `**` as its last segment alone")]
    Rest,
    /// A `*` beside other characters.
    #[error("must hold `*` as a whole segment alone")]
    Star,
    /// A character that would need percent-encoding, or `%` itself.
    #[error("must hold letters, digits and -._~!$&'()+,;=:@ alone, besides `/` and `*`")]
    Character,
}

impl Pattern {
    /// Reads a pattern such as `/auth/v1/token`, `/users/*` or `/echo/**`.
    ///
    /// # Errors
    /// [`BadPattern`] says what is not allowed in it.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let path = text.strip_prefix('/').ok_or(BadPattern::Relative)?;
        let (path, rest) = match path.strip_suffix("**") {
            Some("") => {
                return Ok(Self {
                    segments: Vec::new(),
                    rest: true,
                });
            }
            Some(before) => (before.strip_suffix('/').ok_or(BadPattern::Rest)?, true),
            None => (path, false),
        };
        let mut raw = path.split('/').peekable();
        let mut segments = Vec::new();
        while let Some(text) = raw.next() {
            let last = raw.peek().is_none() && !rest;
            segments.push(Segment::parse(text, last)?);
        }
        Ok(Self { segments, rest })
    }

    /// Whether a path as sent (percent-encoded, without query) fits. A segment that
    /// is malformed or not UTF-8 fits nothing.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else {
            return false;
        };
        let mut raw = path.split('/');
        self.segments
            .iter()
            .all(|segment| raw.next().is_some_and(|text| segment.fits(text)))
            && if self.rest {
                raw.all(is_harmless)
            } else {
                raw.next().is_none()
            }
    }

    /// `raw_path`, which fits `from`, as this pattern has it: literals are this
    /// pattern's, each `*` and what `**` stands for are carried over as sent.
    ///
    /// `None` if the path does not fit `from`, or if `from` has fewer `*`. Slashes at the
    /// front become one.
    #[must_use]
    pub fn rewrite(&self, from: &Self, raw_path: &str) -> Option<String> {
        if !from.matches(raw_path) {
            return None;
        }
        let mut raw = raw_path.strip_prefix('/')?.split('/');
        let stars: Vec<&str> = from
            .segments
            .iter()
            .zip(&mut raw)
            .filter(|(s, _)| s.is_star())
            .map(|(_, r)| r)
            .collect();
        let mut stars = stars.into_iter();
        let mut path = String::with_capacity(raw_path.len());
        for segment in &self.segments {
            path.push('/');
            path.push_str(segment.literal().or_else(|| stars.next())?);
        }
        for text in raw.filter(|_| self.rest) {
            path.push('/');
            path.push_str(text);
        }
        // Two slashes at the front would be taken for a host by URL parsers.
        if self.segments.is_empty() {
            path = format!("/{}", path.trim_start_matches('/'));
        }
        Some(path)
    }

    /// Whether a path that fits `from` can be rewritten to this pattern: as many `*`
    /// in both, `**` in both or neither.
    pub(super) fn is_rewrite_of(&self, from: &Self) -> bool {
        let stars = |pattern: &Self| pattern.segments.iter().filter(|s| s.is_star()).count();
        self.rest == from.rest && stars(self) == stars(from)
    }

    /// Whether every path that fits `other` fits this too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let (here, there) = (self.segments.len(), other.segments.len());
        let long_enough = if self.rest {
            here <= there
        } else {
            here == there && !other.rest
        };
        long_enough
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|(a, b)| a.covers(b))
    }
}

impl Segment {
    fn parse(text: &str, last: bool) -> Result<Self, BadPattern> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&b);
        match text {
            "*" => Ok(Self::One),
            "**" => Err(BadPattern::Rest),
            "." | ".." => Err(BadPattern::Dots),
            "" if !last => Err(BadPattern::Empty),
            _ if text.contains('*') => Err(BadPattern::Star),
            _ if text.bytes().all(plain) => Ok(Self::Literal(text.to_owned())),
            _ => Err(BadPattern::Character),
        }
    }

    fn fits(&self, raw: &str) -> bool {
        match self {
            Self::One => !raw.is_empty() && is_harmless(raw),
            Self::Literal(literal) => literal == raw || is_encoded(raw, literal),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One, Self::Literal(literal)) => !literal.is_empty(),
            _ => self == other,
        }
    }

    fn is_star(&self) -> bool {
        *self == Self::One
    }

    fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(literal) => Some(literal),
            Self::One => None,
        }
    }
}

/// Whether `raw` decodes to `literal`. Lengths are compared first: every request asks
/// many routes, and what cannot be equal is not decoded.
fn is_encoded(raw: &str, literal: &str) -> bool {
    let escapes = raw.bytes().filter(|b| *b == b'%').count();
    escapes > 0
        && raw.len() == literal.len().saturating_add(escapes.saturating_mul(2))
        && percent::decode(raw).is_ok_and(|decoded| *decoded == *literal.as_bytes())
}

/// Whether a segment decodes to text without a `.` or `..` between slashes of any kind.
fn is_harmless(raw: &str) -> bool {
    let up = |text: &str| {
        text.split(['/', '\\'])
            .any(|part| matches!(part, "." | ".."))
    };
    match percent::decode(raw) {
        Ok(Cow::Borrowed(_)) => !up(raw),
        Ok(Cow::Owned(decoded)) => std::str::from_utf8(&decoded).is_ok_and(|text| !up(text)),
        Err(percent::Malformed) => false,
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            write!(f, "/{}", segment.literal().unwrap_or("*"))?;
        }
        f.write_str(if self.rest { "/**" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::{BadPattern, Pattern};
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn refuses_what_is_not_a_pattern() {
        for (text, why) in [
            ("", BadPattern::Relative),
            ("a", BadPattern::Relative),
            ("*", BadPattern::Relative),
            ("//", BadPattern::Empty),
            ("/a//b", BadPattern::Empty),
            ("/a//**", BadPattern::Empty),
            ("/a/./b", BadPattern::Dots),
            ("/a/..", BadPattern::Dots),
            ("/**/a", BadPattern::Rest),
            ("/a**", BadPattern::Rest),
            ("/***", BadPattern::Rest),
            ("/a*", BadPattern::Star),
            ("/{id}", BadPattern::Character),
            ("/%61", BadPattern::Character),
            ("/a?b", BadPattern::Character),
            ("/a b", BadPattern::Character),
            ("/é", BadPattern::Character),
        ] {
            assert_eq!(Pattern::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn fits_segment_by_segment() {
        for (text, fitting, others) in [
            ("/", vec!["/"], vec!["", "*", "/a", "//"]),
            (
                "/a/b",
                vec!["/a/b", "/%61/b"],
                vec!["/a", "/a/b/", "/a/B", "/a%2Fb", "/a/b/c", "/a//b"],
            ),
            ("/a/", vec!["/a/"], vec!["/a", "/a//"]),
            (
                "/a/*",
                vec!["/a/b", "/a/%C3%BC", "/a/b%2Fc"],
                vec!["/a/", "/a", "/a/b/c"],
            ),
            ("/*/c", vec!["/a/c"], vec!["//c", "/a/b"]),
            (
                "/e/**",
                vec!["/e", "/e/", "/e/a/b", "/e//a"],
                vec!["/", "/ee", "/E"],
            ),
            ("/**", vec!["/", "/a", "/a/b/"], vec!["", "a"]),
        ] {
            for path in fitting {
                assert!(pattern(text).matches(path), "{text} {path}");
            }
            for path in others {
                assert!(!pattern(text).matches(path), "{text} {path}");
            }
        }
    }

    #[test]
    fn decodes_once() {
        assert!(pattern("/a").matches("/%61"));
        assert!(!pattern("/a").matches("/%2561"));
    }

    #[test]
    fn what_cannot_be_decoded_fits_nothing() {
        for path in ["/a/%", "/a/%4", "/a/%zz", "/a/%ff"] {
            assert!(!pattern("/a/*").matches(path), "{path}");
            assert!(!pattern("/a/**").matches(path), "{path}");
        }
    }

    #[test]
    fn wildcards_do_not_climb() {
        for path in [
            "/a/..",
            "/a/%2e%2E",
            "/a/.",
            "/a/..%2Fb",
            "/a/b%5c..",
            "/a/..\\b",
        ] {
            assert!(!pattern("/a/*").matches(path), "{path}");
            assert!(!pattern("/a/**").matches(path), "{path}");
        }
        assert!(pattern("/a/*").matches("/a/..b"));
    }

    #[test]
    fn rewrite_refuses_other_paths() {
        assert_eq!(pattern("/x").rewrite(&pattern("/a"), "/b"), None);
        assert_eq!(pattern("/x/*").rewrite(&pattern("/a"), "/a"), None);
    }

    #[test]
    fn rewrite_never_names_a_host() {
        for path in ["/a//evil.example", "/a///evil.example"] {
            let rewritten = pattern("/**").rewrite(&pattern("/a/**"), path);
            assert_eq!(rewritten.as_deref(), Some("/evil.example"));
        }
    }

    #[test]
    fn rewrite_carries_the_rest_over_as_sent() {
        for (to, from, path, result) in [
            ("/x", "/a", "/%61", "/x"),
            ("/x/**", "/a/**", "/a/b%2Fc/d/", "/x/b%2Fc/d/"),
            ("/x/**", "/a/**", "/a", "/x"),
            ("/**", "/a/**", "/a", "/"),
            ("/**", "/a/**", "/a/b", "/b"),
            ("/x/*/*", "/*/a/*", "/1/a/2%20", "/x/1/2%20"),
        ] {
            let (to, from) = (pattern(to), pattern(from));
            assert!(to.is_rewrite_of(&from));
            assert_eq!(to.rewrite(&from, path).as_deref(), Some(result));
        }
    }

    #[test]
    fn rewrite_needs_the_same_wildcards() {
        for (to, from) in [
            ("/x", "/a/**"),
            ("/x/**", "/a"),
            ("/x/*", "/a"),
            ("/x", "/a/*"),
        ] {
            assert!(!pattern(to).is_rewrite_of(&pattern(from)), "{to} {from}");
        }
    }

    #[test]
    fn covers_only_what_it_contains() {
        for (one, other) in [
            ("/a", "/a"),
            ("/*", "/a"),
            ("/**", "/"),
            ("/a/**", "/a/*/**"),
        ] {
            assert!(pattern(one).covers(&pattern(other)), "{one} {other}");
        }
        for (one, other) in [
            ("/a", "/b"),
            ("/a", "/*"),
            ("/*", "/"),
            ("/a/*", "/a/**"),
            ("/a/b/**", "/a/**"),
        ] {
            assert!(!pattern(one).covers(&pattern(other)), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}", path in ".{0,40}") {
            if let Ok(pattern) = Pattern::parse(&text) {
                prop_assert_eq!(pattern.to_string(), text);
                let _ = pattern.matches(&path);
            }
        }

        #[test]
        fn covering_means_matching(one in "(/(a|b|\\*)){1,3}(/|/\\*\\*)?", other in "(/(a|b|\\*)){1,3}(/|/\\*\\*)?", path in "(/(a|b|c|%61)?){1,4}") {
            let (one, other) = (pattern(&one), pattern(&other));
            if one.covers(&other) && other.matches(&path) {
                prop_assert!(one.matches(&path));
            }
        }

        #[test]
        fn a_rewritten_path_fits_its_pattern(path in "/a(/[a-z%]{0,3}){0,4}") {
            let (to, from) = (pattern("/x/**"), pattern("/a/**"));
            if let Some(result) = to.rewrite(&from, &path) {
                prop_assert!(to.matches(&result));
            }
        }
    }
}
