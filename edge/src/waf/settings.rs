//! What a route asks of the firewall.

use std::sync::Arc;

use super::Custom;

/// How strictly a route is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Stops from an anomaly score of 3: a single warning is enough.
    Strict,
    /// Stops from an anomaly score of 5: one critical finding.
    #[default]
    Normal,
    /// For login and registration: notices and warnings do not count and fields that hold
    /// secrets (passwords, tokens) are not inspected, since any text is honest there.
    Relaxed,
    /// Reports and never stops.
    Detect,
    /// Does not look.
    Off,
}

/// The firewall settings of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How strictly to judge.
    pub mode: Mode,
    /// Highest paranoia level whose rules run, 1 to 4 as in the OWASP Core Rule Set.
    pub paranoia: u8,
    /// Findings to ignore.
    pub exclusions: Vec<Exclusion>,
    /// Longest body that is read and inspected as a whole, in bytes.
    pub inspection_bytes: u64,
    /// What becomes of a longer body.
    pub oversize: Oversize,
    /// What becomes of a body with a `Content-Encoding`.
    pub compressed: Compressed,
    /// What a GraphQL query may ask.
    pub graphql: Graphql,
    /// Rules of the policy; the same ones on every route.
    pub rules: Arc<[Custom]>,
}

/// Default of [`Settings::inspection_bytes`].
pub const INSPECTION_BYTES: u64 = 128 * 1024;

/// What becomes of a body over [`Settings::inspection_bytes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Oversize {
    /// It is refused.
    #[default]
    Refuse,
    /// It is passed on as it comes; form fields and the heads of files are inspected in passing.
    Stream,
}

/// What becomes of a compressed body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compressed {
    /// It is refused.
    #[default]
    Refuse,
    /// It is inflated for inspection, to [`Settings::inspection_bytes`] at most.
    Inspect,
}

/// Bounds on GraphQL queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graphql {
    /// Deepest nesting of selections.
    pub depth: u32,
    /// Most aliases in one document.
    pub aliases: u32,
    /// Whether the schema may be asked for (`__schema`, `__type`; `__typename` always may).
    pub introspection: bool,
}

impl Default for Graphql {
    fn default() -> Self {
        Self {
            depth: 15,
            aliases: 30,
            introspection: false,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Normal,
            paranoia: 1,
            exclusions: Vec::new(),
            inspection_bytes: INSPECTION_BYTES,
            oversize: Oversize::default(),
            compressed: Compressed::default(),
            graphql: Graphql::default(),
            rules: Arc::default(),
        }
    }
}

/// One kind of finding to ignore; every part that is given must match. An exclusion without any
/// part excludes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exclusion {
    /// Rule id, as in `sqli-004`.
    pub rule: Option<String>,
    /// Tag of the rule, as in `sqli`.
    pub tag: Option<String>,
    /// Paths for which it holds, besides the route's own pattern.
    pub path: Option<PathPattern>,
    /// Name of the parameter, header, cookie or JSON member, compared exactly.
    pub parameter: Option<String>,
}

impl Exclusion {
    /// Whether a finding of this rule, with these tags, at this parameter is to be ignored. The
    /// path is asked for once per request, by [`Exclusion::holds_for`].
    #[must_use]
    pub fn covers(&self, rule: &str, tags: &[&str], parameter: &str) -> bool {
        let is_given = self.rule.is_some()
            || self.tag.is_some()
            || self.path.is_some()
            || self.parameter.is_some();
        is_given
            && self.rule.as_deref().is_none_or(|wanted| wanted == rule)
            && self
                .tag
                .as_deref()
                .is_none_or(|wanted| tags.contains(&wanted))
            && self
                .parameter
                .as_deref()
                .is_none_or(|wanted| wanted == parameter)
    }

    /// Whether it is for requests of this path.
    #[must_use]
    pub fn holds_for(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|pattern| pattern.fits(path))
    }
}

/// Paths as sent: literal segments, `*` for one that is not empty, `**` at the end for any number.
/// The text is one that the policy's route patterns allow.
///
/// Unlike a route's, it decodes nothing: an exclusion that a strangely spelled path escapes is
/// the safe mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(pub String);

impl PathPattern {
    /// The narrowest pattern that a raw path fits and a policy can hold: segments of other than
    /// plain characters become `*`. `None` where there is none.
    #[must_use]
    pub fn around(path: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&b);
        let segment = |text: &str| {
            let is_literal = text.bytes().all(plain) && !matches!(text, "." | "..");
            if is_literal { text } else { "*" }.to_owned()
        };
        let pattern = path.split('/').map(segment).collect::<Vec<_>>().join("/");
        let is_writable = pattern.starts_with('/') && !pattern.contains("//");
        is_writable.then_some(Self(pattern))
    }

    /// Whether the raw path fits.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        for wanted in self.0.split('/') {
            match (wanted, segments.next()) {
                ("**", _) => return true,
                ("*", Some(segment)) if !segment.is_empty() => {}
                (literal, Some(segment)) if literal == segment => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_exclusion_excludes_nothing() {
        assert!(!Exclusion::default().covers("sqli-001", &["sqli"], "q"));
    }

    #[test]
    fn exclusion_needs_every_given_part() {
        let exclusion = Exclusion {
            rule: Some("sqli-001".into()),
            parameter: Some("q".into()),
            ..Exclusion::default()
        };
        assert!(exclusion.covers("sqli-001", &["sqli"], "q"));
        assert!(!exclusion.covers("sqli-001", &["sqli"], "other"));
        assert!(!exclusion.covers("sqli-002", &["sqli"], "q"));
    }

    #[test]
    fn tag_excludes_the_whole_class() {
        let exclusion = Exclusion {
            tag: Some("xss".into()),
            ..Exclusion::default()
        };
        assert!(exclusion.covers("xss-001", &["xss"], "q"));
        assert!(!exclusion.covers("sqli-001", &["sqli"], "q"));
    }

    #[test]
    fn path_patterns_fit_by_segments() {
        let fits = |pattern: &str, path: &str| PathPattern(pattern.into()).fits(path);
        for (pattern, path) in [
            ("/a", "/a"),
            ("/a/*", "/a/x"),
            ("/a/**", "/a"),
            ("/a/**", "/a/b/c"),
            ("/**", "/"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/a", "/a/"),
            ("/a", "/ab"),
            ("/a/*", "/a/"),
            ("/a/*", "/a/b/c"),
            ("/a/**", "/ab"),
            ("/a/b", "/a"),
        ] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }
}
