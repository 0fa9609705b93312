//! GraphQL documents (October 2021 edition, §2): their string literals and comments are values to
//! inspect; names and punctuation are the language and never read as prose. Depth, aliases and
//! introspection are bounded by the route's policy.

use std::collections::BTreeMap;

use crate::waf::field::Sink;
use crate::waf::scan::{at, find, from, is_word, skip_while, span, stands, word};
use crate::waf::{Graphql, Part, rules};

/// What a document asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::waf) struct Shape {
    depth: u32,
    aliases: u32,
    introspects: bool,
    /// Directives on one field, or the same field over and over.
    repeats: u32,
    /// Largest page asked for, within what a page is.
    is_vast: bool,
    /// A fragment that holds itself.
    is_cyclic: bool,
}

/// Most directives on one field, and most times that a field is named in a row.
const MAX_REPEATS: u32 = 10;
/// Largest page in the cursors' terms. Amounts of money are called `limit` and `max`, not `first`.
const MAX_PAGE: u64 = 10_000;
/// Largest `limit` of a query.
const MAX_LIMIT: u64 = 100_000;

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
        walk.shape.is_cyclic = is_cyclic(walk.spreads);
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
        if self.repeats > MAX_REPEATS || self.is_vast || self.is_cyclic {
            sink.broken(
                &rules::graphql::FLOOD,
                Part::Body,
                "GraphQL repetition, cycle or endless page",
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
            b'.' if from(text, index).starts_with(b"...") => {
                each(Token::Mark(b'.'))?;
                index + 3
            }
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

/// Whether a fragment spreads itself, by way of others or not: a fragment is settled once all
/// that it spreads are, and those of a cycle never are.
fn is_cyclic(mut spreads: Vec<(&[u8], &[u8])>) -> bool {
    let mut waiting = BTreeMap::<&[u8], usize>::new();
    for (owner, _) in &spreads {
        *waiting.entry(owner).or_default() += 1;
    }
    spreads.sort_unstable_by_key(|(_, spread)| *spread);
    let is_leaf = |spread: &&[u8]| !waiting.contains_key(spread);
    let mut settled: Vec<&[u8]> = spreads.iter().map(|pair| pair.1).filter(is_leaf).collect();
    settled.dedup();
    while let Some(fragment) = settled.pop() {
        let start = spreads.partition_point(|(_, spread)| *spread < fragment);
        let users = spreads.iter().skip(start);
        for (owner, _) in users.take_while(|(_, spread)| *spread == fragment) {
            if let Some(count) = waiting.get_mut(owner) {
                *count -= 1;
                if *count == 0 {
                    settled.push(owner);
                }
            }
        }
    }
    waiting.values().any(|count| *count > 0)
}

/// What stands before a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Lead {
    #[default]
    Nothing,
    /// `...`
    Spread,
    /// `@`
    Directive,
    /// The word `fragment`.
    Fragment,
}

/// The state of a walk over the tokens.
#[derive(Debug, Default)]
struct Walk<'a> {
    shape: Shape,
    braces: u32,
    parentheses: u32,
    is_selection: bool,
    is_mutation: bool,
    /// Whether the last token was a name within a selection.
    after_name: bool,
    lead: Lead,
    /// The last name, and the argument that waits for its value.
    name: &'a [u8],
    argument: Option<&'a [u8]>,
    /// Times that the last field or any directive behind it was named in a row.
    run: u32,
    /// The fragment being defined, and what fragments spread.
    fragment: Option<&'a [u8]>,
    spreads: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Walk<'a> {
    fn step(&mut self, token: Token<'a>) -> Option<()> {
        let selects = self.parentheses == 0 && self.braces > 0;
        let after_name = std::mem::take(&mut self.after_name);
        let lead = std::mem::take(&mut self.lead);
        let argument = std::mem::take(&mut self.argument);
        match token {
            Token::Name(name) => self.name(name, lead, argument, selects),
            Token::Mark(b'.') => self.lead = Lead::Spread,
            Token::Mark(b'@') => self.lead = Lead::Directive,
            Token::Mark(b'(') => self.parentheses += 1,
            Token::Mark(b')') => self.parentheses = self.parentheses.checked_sub(1)?,
            // Braces within arguments are values.
            Token::Mark(b'{') if self.parentheses == 0 => {
                self.braces += 1;
                self.is_selection = true;
                self.run = 0;
                self.name = b"";
                self.shape.depth = self.shape.depth.max(self.braces);
            }
            Token::Mark(b'}') if self.parentheses == 0 => {
                self.braces = self.braces.checked_sub(1)?;
                self.name = b"";
                if self.braces == 0 {
                    self.fragment = None;
                }
            }
            Token::Mark(b':') if after_name => self.shape.aliases += 1,
            Token::Mark(b':') if self.parentheses > 0 => self.argument = Some(self.name),
            // Prose and templates have names and braces; a selection has no literals outside arguments.
            Token::String(_) if self.parentheses == 0 => return None,
            _ => {}
        }
        Some(())
    }

    fn name(&mut self, name: &'a [u8], lead: Lead, argument: Option<&'a [u8]>, selects: bool) {
        self.shape.introspects |= matches!(name, b"__schema" | b"__type");
        if let Some(argument) = argument {
            self.shape.is_vast |= is_vast(argument, name, self.is_mutation);
        }
        match lead {
            Lead::Spread => self
                .spreads
                .extend(self.fragment.map(|owner| (owner, name))),
            Lead::Directive => self.run += 1,
            Lead::Fragment => self.fragment = Some(name),
            Lead::Nothing if self.braces == 0 && self.parentheses == 0 => {
                self.is_mutation = name == b"mutation";
                if name == b"fragment" {
                    self.lead = Lead::Fragment;
                }
            }
            Lead::Nothing if selects => {
                self.after_name = true;
                self.run = if name == self.name { self.run + 1 } else { 0 };
            }
            Lead::Nothing => {}
        }
        self.shape.repeats = self.shape.repeats.max(self.run);
        if lead != Lead::Directive {
            self.name = name;
        }
    }
}

/// `first: 100000`.
fn is_vast(argument: &[u8], value: &[u8], is_mutation: bool) -> bool {
    let most = match argument {
        b"first" | b"last" | b"take" | b"pageSize" | b"perPage" | b"per_page" | b"page_size" => {
            MAX_PAGE
        }
        b"limit" if !is_mutation => MAX_LIMIT,
        _ => return false,
    };
    let number = std::str::from_utf8(value).unwrap_or_default();
    let is_number = value.iter().all(u8::is_ascii_digit);
    is_number && number.parse::<u64>().unwrap_or(u64::MAX) > most
}

#[cfg(test)]
mod tests;
