//! What a text is besides SQL: a listing, prose, a string of somebody's code.

use super::token::{Kind, Token};
use crate::waf::Part;
use crate::waf::detect::Text;
use crate::waf::scan::{span, trim};

/// Pairs of plain words that a query may hold: an alias here, a type name there.
const MAX_WORD_PAIRS: usize = 3;
/// Tokens on a line of a listing, on average.
const MIN_LINE: usize = 3;

/// Whether the text has lines of several words each; an attack that writes line breaks for spaces
/// has not.
pub(super) fn is_listing(text: &[u8], tokens: usize) -> bool {
    let bytes = trim(text).iter();
    let lines = bytes.fold(1, |lines, byte| lines + usize::from(*byte == b'\n'));
    lines > 1 && tokens >= MIN_LINE * lines
}

/// Names that editors give to what their users write.
const WRITTEN: &[&str] = &[
    ".text", ".insert", ".code", ".source", ".content", ".snippet",
];

/// Whether the value is a leaf of a document tree, as editors send for a block of code.
pub(super) fn is_leaf(text: &Text<'_>) -> bool {
    text.part == Part::Json
        && text.name.split('.').count() > 2
        && WRITTEN.iter().any(|name| text.name.ends_with(name))
}

/// Whether the first quote opens a string of somebody's code: a bracket before it is still open,
/// or another quote is.
pub(super) fn opens_string(text: &[u8], head: Option<&Token>) -> bool {
    let end = head.map_or(0, |token| token.end.saturating_sub(1));
    let head = span(text, 0, end);
    let is_open = head.iter().fold(0_i32, |depth, byte| match byte {
        b'(' | b'[' | b'{' => depth + 1,
        b')' | b']' | b'}' => depth - 1,
        _ => depth,
    }) > 0;
    let quoted = head
        .windows(2)
        .any(|pair| matches!(pair, [b' ' | b'=' | b':' | b',', b'"' | b'\'']));
    is_open || quoted
}

/// Whether the text before the quote that breaks out is a value and not prose.
pub(super) fn is_value(text: &[u8], head: Option<&Token>) -> bool {
    let end = head.map_or(0, |token| token.end.saturating_sub(1));
    let head = trim(span(text, 0, end));
    let spaces = head.iter().filter(|byte| **byte == b' ').take(3).count();
    spaces <= 2 && !head.contains(&b'\n')
}

/// Index of the token that completes one pair of plain words too many.
pub(super) fn prose(tokens: &[Token]) -> usize {
    let is_word = |token: &Token| token.kind == Kind::Ident;
    // Three at the start, or a pair too many.
    if tokens.len() > 3 && tokens.iter().take(3).all(is_word) {
        return 2;
    }
    tokens
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair.iter().all(is_word))
        .nth(MAX_WORD_PAIRS - 1)
        .map_or(tokens.len(), |(index, _)| index + 1)
}

/// Matches parentheses in one pass.
pub(super) fn closing(tokens: &[Token]) -> Vec<usize> {
    let mut closing = vec![tokens.len(); tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => open.push(index),
            Kind::Close => {
                if let Some(slot) = open.pop().and_then(|start: usize| closing.get_mut(start)) {
                    *slot = index;
                }
            }
            _ => {}
        }
    }
    closing
}
