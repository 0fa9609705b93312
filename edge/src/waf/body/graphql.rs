//! GraphQL documents (October 2021 edition, §2): their string literals and comments are values to
//! inspect; names and punctuation are the language and never read as prose. Depth, aliases and
//! introspection are bounded by the route's policy.

use crate::waf::field::Sink;
use crate::waf::scan::{at, find, from, is_word, skip_while, span, stands, word};
use crate::waf::{Graphql, Part, rules};

/// What a document asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::waf) struct Shape {
    depth: u32,
    aliases: u32,
    introspects: bool,
}

impl Shape {
    /// Reads a document; `None` when the text is none: another first word, a byte that the
    /// language has not, brackets that do not match.
    pub(in crate::waf) fn of(text: &[u8]) -> Option<Self> {
        let first = skip_while(text, 0, is_ignored);
        let starts = at(text, first) == b'{'
            || [&b"query"[..], b"mutation", b"subscription", b"fragment"]
                .contains(&word(text, first));
        if !starts {
            return None;
        }
        let mut walk = Walk::default();
        tokens(text, |token| walk.step(token))?;
        (walk.braces == 0 && walk.parentheses == 0 && walk.is_selection).then_some(walk.shape)
    }

    /// Names what the policy does not allow. `documents` were sent before this one in the same
    /// request: a batch is as much as an alias.
    pub(in crate::waf) fn check(self, limits: &Graphql, documents: u32, sink: &mut impl Sink) {
        if self.depth > limits.depth {
            sink.broken(
                &rules::graphql::DEPTH,
                Part::Body,
                "GraphQL selections too deep",
            );
        }
        if self.aliases.saturating_add(documents) > limits.aliases {
            sink.broken(
                &rules::graphql::ALIASES,
                Part::Body,
                "too many GraphQL aliases",
            );
        }
        if self.introspects && !limits.introspection {
            sink.broken(
                &rules::graphql::INTROSPECTION,
                Part::Body,
                "GraphQL introspection",
            );
        }
    }
}

/// Hands the literals and comments of a document to the sink, each called as its argument is.
pub(in crate::waf) fn read(text: &[u8], part: Part, sink: &mut impl Sink) {
    let mut name: &[u8] = b"";
    let _ = tokens(text, |token| {
        match token {
            Token::Name(word) => name = word,
            Token::String(value) => {
                sink.field(part, &String::from_utf8_lossy(name), &unescape(value));
            }
            Token::Comment(value) => sink.field(part, "comment", value),
            Token::Mark(_) => {}
        }
        Some(())
    });
}

#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    Name(&'a [u8]),
    String(&'a [u8]),
    Comment(&'a [u8]),
    Mark(u8),
}

/// White space, commas and the byte order mark.
const fn is_ignored(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xef | 0xbb | 0xbf
    )
}

/// Hands out every token; `None` at a byte that is none, or when `each` says so.
fn tokens<'a>(text: &'a [u8], mut each: impl FnMut(Token<'a>) -> Option<()>) -> Option<()> {
    let mut index = skip_while(text, 0, is_ignored);
    while index < text.len() {
        let byte = at(text, index);
        let end = match byte {
            b'"' if stands(text, index, b"\"\"\"") => {
                let end = find(text, b"\"\"\"", index + 3)?;
                each(Token::String(span(text, index + 3, end)))?;
                end + 3
            }
            b'"' => {
                let end = string_end(text, index + 1)?;
                each(Token::String(span(text, index + 1, end)))?;
                end + 1
            }
            b'#' => {
                let end = skip_while(text, index, |byte| byte != b'\n');
                each(Token::Comment(span(text, index + 1, end)))?;
                end
            }
            _ if is_word(byte) || (byte == b'-' && at(text, index + 1).is_ascii_digit()) => {
                let end = skip_while(text, index + 1, |byte| is_word(byte) || byte == b'.');
                each(Token::Name(span(text, index, end)))?;
                end
            }
            b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|'
            | b'}' => {
                each(Token::Mark(byte))?;
                index + 1
            }
            b'.' if from(text, index).starts_with(b"...") => index + 3,
            _ => return None,
        };
        index = skip_while(text, end, is_ignored);
    }
    Some(())
}

/// Index of the quote that ends a literal; a literal does not span lines.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut index = start;
    loop {
        match at(text, index) {
            b'"' => return Some(index),
            b'\\' => index += 2,
            b'\n' => return None,
            _ if index >= text.len() => return None,
            _ => index += 1,
        }
    }
}

/// A literal's quotes; all else is undone by the decoder.
fn unescape(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut index = 0;
    while index < value.len() {
        let is_quote = at(value, index) == b'\\' && at(value, index + 1) == b'"';
        index += usize::from(is_quote);
        out.push(at(value, index));
        index += 1;
    }
    out
}

/// The state of a walk over the tokens.
#[derive(Debug, Default)]
struct Walk {
    shape: Shape,
    braces: u32,
    parentheses: u32,
    is_selection: bool,
    /// Whether the last token was a name within a selection.
    after_name: bool,
}

impl Walk {
    fn step(&mut self, token: Token<'_>) -> Option<()> {
        let selects = self.parentheses == 0 && self.braces > 0;
        let after_name = std::mem::take(&mut self.after_name);
        match token {
            Token::Name(name) => {
                self.after_name = selects;
                self.shape.introspects |= matches!(name, b"__schema" | b"__type");
            }
            Token::Mark(b'(') => self.parentheses += 1,
            Token::Mark(b')') => self.parentheses = self.parentheses.checked_sub(1)?,
            // Braces within arguments are values.
            Token::Mark(b'{') if self.parentheses == 0 => {
                self.braces += 1;
                self.is_selection = true;
                self.shape.depth = self.shape.depth.max(self.braces);
            }
            Token::Mark(b'}') if self.parentheses == 0 => {
                self.braces = self.braces.checked_sub(1)?;
            }
            Token::Mark(b':') if after_name => self.shape.aliases += 1,
            // Prose and templates have names and braces; a selection has no literals outside arguments.
            Token::String(_) if self.parentheses == 0 => return None,
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::field::tests::Seen;

    #[test]
    fn literals_and_comments_are_the_values() {
        let text = b"query Q($id: ID! = \"1\") { a: user(id: $id, name: \"O'Brien \\\"x\\\"\", f: {t: [\"y\"]}) { ...F } } # note\nfragment F on User @include(if: true) { bio(text: \"\"\"long\"\"\") }";
        let shape = Shape::of(text).unwrap();
        assert_eq!(
            shape,
            Shape {
                depth: 2,
                aliases: 1,
                introspects: false
            }
        );
        let mut seen = Seen::default();
        read(text, Part::Json, &mut seen);
        assert_eq!(
            seen.fields,
            [
                "JSON value ID=1",
                "JSON value name=O'Brien \"x\"",
                "JSON value t=y",
                "JSON value comment= note",
                "JSON value text=long",
            ]
        );
    }

    #[test]
    fn other_texts_are_no_documents() {
        for text in [
            "",
            "select 1",
            "{{7*7}}",
            "{ cat, /etc/passwd }",
            "query about <b>",
            "{\"a\": 1}",
            "{ a }}",
            "query",
            "{ a",
            "{system('id')}",
            "queryish { a }",
        ] {
            assert_eq!(Shape::of(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_the_policy_forbids_is_told() {
        let limits = Graphql {
            depth: 2,
            aliases: 2,
            introspection: false,
        };
        let broken = |text: &str| {
            let mut seen = Seen::default();
            Shape::of(text.as_bytes())
                .unwrap()
                .check(&limits, 0, &mut seen);
            seen.broken
        };
        assert_eq!(broken("{ a { b } }").len(), 0);
        assert_eq!(broken("{ a { b { c } } }"), ["GraphQL selections too deep"]);
        assert_eq!(broken("{ a: x b: x c: x }"), ["too many GraphQL aliases"]);
        assert_eq!(broken("{ __schema { types } }"), ["GraphQL introspection"]);
        assert_eq!(broken("{ a { __typename } }").len(), 0);
    }
}
