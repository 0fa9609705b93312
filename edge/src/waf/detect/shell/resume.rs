//! A separator behind a finished sentence: `Thanks for all. ; ls -la`. No sentence goes on so, so what
//! follows on the line is judged as a value of its own.

use crate::waf::scan::{at, before, is_one_of, is_space, position, span};

/// Places looked at in one text.
const MAX_PLACES: usize = 8;
/// Separators of which it is asked what stands before them: each question reads a line.
const MAX_TRIED: usize = 1024;
/// Longest line that is judged by itself.
const MAX_LINE: usize = 160;

/// The next space or line break at or after `start` that a separator or `$(` follows.
fn separator(text: &[u8], start: usize) -> Option<usize> {
    let is_sign = |byte| is_one_of(byte, *b";&|$");
    let mut index = start + 1;
    loop {
        let sign = position(text, index, is_sign)?;
        let is_separator = at(text, sign) != b'$' || at(text, sign + 1) == b'(';
        if is_separator && matches!(before(text, sign), b' ' | b'\n') {
            return Some(sign - 1);
        }
        index = sign + 1;
    }
}

/// Where the lines start and end that a separator behind a sentence begins.
pub(super) fn parts(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut index = 0;
    std::iter::from_fn(move || {
        let space = separator(text, index)?;
        index = space + 2;
        Some(space)
    })
    .take(MAX_TRIED)
    .filter(move |space| ends_sentence(text, *space))
    .take(MAX_PLACES)
    .map(move |space| {
        let start = space + 1;
        let line = span(text, start, start + MAX_LINE);
        let length = line.iter().position(|byte| *byte == b'\n');
        (start, start + length.unwrap_or(line.len()))
    })
    // `| a | b |` is a row of a table.
    .filter(move |(start, end)| span(text, start + 2, *end).iter().all(|byte| *byte != b'|'))
}

/// Whether the last word before the separator ends a sentence, on a line that begins with letters.
fn ends_sentence(text: &[u8], end: usize) -> bool {
    let head = span(text, end.saturating_sub(MAX_LINE), end + 1);
    let Some(last) = head.iter().rposition(|byte| !is_space(*byte)) else {
        return false;
    };
    let is_stop = matches!(at(head, last), b'.' | b'!') && before(head, last).is_ascii_alphabetic();
    let line = span(head, 0, last);
    let start = line
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |line_break| line_break + 1);
    let line = span(line, start, line.len());
    let words = line
        .split(|byte| is_space(*byte))
        .filter(|word| word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic));
    is_stop && at(line, 0).is_ascii_alphabetic() && words.count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<&str> {
        parts(text.as_bytes())
            .map(|(start, end)| &text[start..end])
            .collect()
    }

    #[test]
    fn a_separator_behind_a_sentence_begins_a_part() {
        assert_eq!(read("this is all i want. ; ls -la\nthanks"), ["; ls -la"]);
        assert_eq!(read("this is all i want!\r\n| id"), ["| id"]);
        assert_eq!(read("this is all i want. $(id)"), ["$(id)"]);
        for honest in [
            "; this is a comment.\n; cat it all",
            "ls a.b ; ls",
            "| what is it for all. | id |",
            "so we did this; and that",
        ] {
            assert_eq!(read(honest), [""; 0], "{honest}");
        }
    }
}
