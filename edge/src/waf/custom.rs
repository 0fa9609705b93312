//! Rules that a policy adds: what they ask of a request, and whether it has it.
//!
//! A regex is compiled when it is first needed, once per isolate; the policy's reader has
//! compiled it before, so that a faulty one is a fault of the policy.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::OnceLock;

use super::{Effect, Finding, Part, PathPattern, Request, Severity, Target};

/// Tags of every custom rule.
pub(super) const TAGS: &[&str] = &["custom"];
/// Longest regex, in bytes.
pub const MAX_REGEX_BYTES: usize = 512;
/// Largest compiled regex, in bytes.
const MAX_COMPILED_BYTES: usize = 64 * 1024;

/// One rule of the policy. Everything that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// Its id, unlike that of any other rule.
    pub id: String,
    /// What it looks for.
    pub name: String,
    /// What a match does.
    pub effect: Effect,
    /// Paths for which it holds.
    pub path: Option<PathPattern>,
    /// Networks of which the client is in one; empty: all.
    pub networks: Vec<Subnet>,
    /// A header that the request has, in lower case, and what its value holds.
    pub header: Option<(String, Option<Matcher>)>,
    /// What a decoded value, wherever the firewall looks, holds.
    pub value: Option<Matcher>,
    /// Name of the only parameter, header, cookie or member whose value is looked at.
    pub parameter: Option<String>,
}

impl Custom {
    /// Whether everything but the values is as the rule wants it.
    pub(super) fn holds_for(&self, request: &Request<'_>) -> bool {
        let is_in = |client: IpAddr| self.networks.iter().any(|net| net.contains(client));
        self.path
            .as_ref()
            .is_none_or(|path| path.fits(request.path))
            && (self.networks.is_empty() || request.client.is_some_and(is_in))
            && self.header.as_ref().is_none_or(|(name, wanted)| {
                request.headers.iter().any(|(known, value)| {
                    known == name && wanted.as_ref().is_none_or(|w| w.find(value).is_some())
                })
            })
    }

    /// Where the rule matches in a decoded value that has this name.
    pub(super) fn find(&self, name: &str, text: &str) -> Option<Range<usize>> {
        let is_meant = self.parameter.as_deref().is_none_or(|meant| meant == name);
        self.value.as_ref().filter(|_| is_meant)?.find(text)
    }

    /// What a rule without a wish for values fires on. The header's value is not shown: it may
    /// be a secret.
    pub(super) fn target(&self) -> Target {
        let (part, name) = match &self.header {
            Some((name, _)) => (Part::HeaderValue, name.clone()),
            None if self.networks.is_empty() => (Part::Path, String::new()),
            None => (Part::Client, String::new()),
        };
        Target { part, name }
    }

    /// The finding of a match.
    pub(super) fn finding(&self, target: Target) -> Finding {
        let severity = match self.effect {
            Effect::Block | Effect::Score(5..) => Severity::Critical,
            Effect::Score(4) => Severity::Error,
            Effect::Score(3) => Severity::Warning,
            Effect::Score(_) => Severity::Notice,
        };
        Finding {
            rule: self.id.clone().into(),
            name: self.name.clone().into(),
            severity,
            effect: self.effect,
            tags: TAGS,
            target,
            decoded: String::new(),
            matched: 0..0,
            encodings: String::new(),
        }
    }
}

/// A network in CIDR notation: the policy's reader has checked that no bit behind the prefix is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    /// Its first address.
    pub base: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
}

impl Subnet {
    /// Whether the address lies in it; IPv4 in its IPv6 form counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (width, differing) = match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(other)) => {
                (32, u128::from(base.to_bits() ^ other.to_bits()))
            }
            (IpAddr::V6(base), IpAddr::V6(other)) => (128, base.to_bits() ^ other.to_bits()),
            _ => return false,
        };
        let behind = u32::from(u8::saturating_sub(width, self.prefix));
        differing.checked_shr(behind).unwrap_or(0) == 0
    }
}

/// What a text must hold: all that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    literal: Option<String>,
    regex: Option<Regex>,
}

impl Matcher {
    /// A text in which ASCII letters count in either case, an expression, or both: then the
    /// expression is asked about texts that hold the literal alone. `None` of neither.
    #[must_use]
    pub fn new(literal: Option<&str>, regex: Option<Regex>) -> Option<Self> {
        (literal.is_some() || regex.is_some()).then(|| Self {
            literal: literal.map(str::to_ascii_lowercase),
            regex,
        })
    }

    /// Where the text holds it: the match of the expression, if there is one. Linear in the text.
    fn find(&self, text: &str) -> Option<Range<usize>> {
        let literal = match &self.literal {
            Some(wanted) => {
                let start = text.to_ascii_lowercase().find(wanted)?;
                Some(start..start + wanted.len())
            }
            None => None,
        };
        match &self.regex {
            Some(regex) => Some(regex.compiled()?.find(text)?.range()),
            None => literal,
        }
    }
}

/// A regular expression in the syntax of `regex-lite`.
#[derive(Debug, Clone)]
pub struct Regex {
    source: String,
    compiled: OnceLock<Option<regex_lite::Regex>>,
}

impl Regex {
    /// Checks an expression; it is compiled again when it is first used.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn parse(source: &str) -> Result<Self, Cow<'static, str>> {
        if source.is_empty() || source.len() > MAX_REGEX_BYTES {
            return Err(format!("must have 1 to {MAX_REGEX_BYTES} bytes").into());
        }
        match compile(source) {
            Ok(regex) if regex.is_match("") => Err("must not match the empty text".into()),
            Ok(_) => Ok(Self {
                source: source.to_owned(),
                compiled: OnceLock::new(),
            }),
            Err(why) => Err(format!("is no regex: {why}").into()),
        }
    }

    fn compiled(&self) -> Option<&regex_lite::Regex> {
        let compiled = self.compiled.get_or_init(|| compile(&self.source).ok());
        compiled.as_ref()
    }
}

fn compile(source: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(source)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Regex {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses_alone() {
        let contains = |base: &str, prefix, address: &str| {
            let base = base.parse().unwrap();
            Subnet { base, prefix }.contains(address.parse().unwrap())
        };
        assert!(contains("192.0.2.0", 24, "192.0.2.255"));
        assert!(contains("192.0.2.0", 24, "::ffff:192.0.2.1"));
        assert!(contains("0.0.0.0", 0, "203.0.113.1"));
        assert!(contains("2001:db8::", 32, "2001:db8:1::1"));
        assert!(contains("::", 0, "2001:db8::1"));
        assert!(!contains("192.0.2.0", 24, "192.0.3.0"));
        assert!(!contains("192.0.2.7", 32, "192.0.2.6"));
        assert!(!contains("0.0.0.0", 0, "::1"));
    }

    #[test]
    fn regexes_are_checked_and_bounded() {
        for (source, wanted) in [
            ("", "1 to 512 bytes"),
            ("a(", "is no regex"),
            ("a*", "must not match the empty text"),
            ("[a-z]{1000}{1000}x", "is no regex"),
            (&"a".repeat(513), "1 to 512 bytes"),
        ] {
            let why = Regex::parse(source).unwrap_err();
            assert!(why.contains(wanted), "{source}: {why}");
        }
    }

    #[test]
    fn matchers_say_where() {
        let regex = || Regex::parse("(?i)v[0-9]+").ok();
        let literal = Matcher::new(Some("Old-App"), None).unwrap();
        assert_eq!(literal.find("an old-APP"), Some(3..10));
        let expression = Matcher::new(None, regex()).unwrap();
        assert_eq!(expression.find("x V12 y"), Some(2..5));
        assert_eq!(expression.find("x"), None);
        let both = Matcher::new(Some("app"), regex()).unwrap();
        assert_eq!(both.find("App v1"), Some(4..6));
        assert_eq!(both.find("v1"), None);
        assert_eq!(both.find("app"), None);
        assert_eq!(Matcher::new(None, None), None);
    }
}
