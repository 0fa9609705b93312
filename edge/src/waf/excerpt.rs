//! The text around a match, fit for a log line.

use std::ops::Range;

use super::scan::{from, span};

/// Bytes of text shown on each side of a match.
const CONTEXT: usize = 60;
/// Longest excerpt, in characters.
const MAX_CHARS: usize = 200;
/// Longest match shown, in characters, so that what follows shows too.
const MAX_MATCH: usize = MAX_CHARS - 2 * CONTEXT;

/// A part of a view without control characters, and where the match stands in it.
#[derive(Debug, Default)]
pub(super) struct Excerpt {
    pub(super) text: String,
    pub(super) matched: Range<usize>,
}

impl Excerpt {
    /// What stands around `view[start..end]`.
    pub(super) fn around(view: &[u8], start: usize, end: usize) -> Self {
        let mut text = printable(span(view, start.saturating_sub(CONTEXT), start), CONTEXT);
        let first = text.len();
        text.push_str(&printable(span(view, start, end), MAX_MATCH));
        let matched = first..text.len();
        text.push_str(&printable(from(view, end.max(start)), CONTEXT));
        Self { text, matched }
    }

    /// A sentence about the request instead of a piece of it.
    pub(super) fn of(detail: &str) -> Self {
        Self {
            text: printable(detail.as_bytes(), MAX_CHARS),
            matched: 0..0,
        }
    }
}

/// The first `chars` characters; a control character becomes a space.
fn printable(bytes: &[u8], chars: usize) -> String {
    let shown = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    // A character has at most four bytes: the rest of a long text is not even looked at.
    String::from_utf8_lossy(span(bytes, 0, chars * 4))
        .chars()
        .map(shown)
        .take(chars)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_the_match() {
        let excerpt = Excerpt::around(b"a\x07 or 1=1 --", 3, 9);
        assert_eq!(excerpt.text, "a  or 1=1 --");
        assert_eq!(&excerpt.text[excerpt.matched], "or 1=1");
    }

    proptest! {
        #[test]
        fn is_bounded_and_printable(
            view in proptest::collection::vec(any::<u8>(), 0..600), start in 0_usize..700, length in 0_usize..700,
        ) {
            let excerpt = Excerpt::around(&view, start, start + length);
            prop_assert!(excerpt.text.chars().count() <= MAX_CHARS);
            prop_assert!(!excerpt.text.contains(char::is_control));
            prop_assert!(excerpt.text.get(excerpt.matched).is_some());
        }
    }
}
