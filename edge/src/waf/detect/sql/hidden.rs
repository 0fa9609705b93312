//! Texts that spell an attack in a way of their own, which no general decoding undoes.

use crate::waf::scan::{at, before, find_any, is_word, stands, trim};

/// Fewest digits that may spell an attack.
const MIN_HEX: usize = 12;
/// Fewest percent signs that ASP would drop.
const MIN_PERCENTS: usize = 8;
/// Keywords that one such sign splits.
const SPLIT: &[&[u8]] = &[b"un%ion", b"se%lect", b"sel%ect", b"uni%on"];
/// A comment that says nothing.
const COMMENT: &[u8] = b"/**/";
/// Longest text that is read without its comments.
const MAX_COMMENTED: usize = 4096;
/// Fewest quotes behind a backslash.
const MIN_ESCAPED: usize = 2;

/// What the text spells, if it does.
pub(super) fn text(text: &[u8]) -> Option<Vec<u8>> {
    hex(text)
        .or_else(|| percents(text))
        .or_else(|| escaped(text))
        .or_else(|| commented(text))
}

/// The text that `0x27206f7220313d31` spells.
fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits = trim(text).strip_prefix(b"0x")?;
    if digits.len() < MIN_HEX || digits.len() % 2 != 0 {
        return None;
    }
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    digits
        .chunks_exact(2)
        .map(|pair| Some(nibble(at(pair, 0))? * 16 + nibble(at(pair, 1))?))
        .map(|byte| {
            byte.filter(|byte| (b' '..=b'~').contains(byte))
                .map(|byte| byte.to_ascii_lowercase())
        })
        .collect()
}

/// `%1%' %O%R %1%=%1`: old ASP drops a percent sign that no two digits follow.
fn percents(text: &[u8]) -> Option<Vec<u8>> {
    let mut signs = 0;
    for pair in text.windows(2).filter(|pair| at(pair, 0) == b'%') {
        if at(pair, 1) == b' ' {
            return None;
        }
        signs += 1;
    }
    let words = text.iter().filter(|byte| is_word(**byte)).count();
    let splits = find_any(text, SPLIT).is_some();
    (splits || signs >= MIN_PERCENTS && words <= signs + 2)
        .then(|| text.iter().filter(|byte| **byte != b'%').copied().collect())
}

/// `s/**/elect sl/**/eep(5)`: a filter that deletes comments joins the words again.
fn commented(text: &[u8]) -> Option<Vec<u8>> {
    let splits = |index: usize| {
        stands(text, index, COMMENT)
            && before(text, index).is_ascii_lowercase()
            && at(text, index + COMMENT.len()).is_ascii_lowercase()
    };
    if text.len() > MAX_COMMENTED || !(1..text.len()).any(splits) {
        return None;
    }
    let mut joined = Vec::with_capacity(text.len());
    let mut index = 0;
    while index < text.len() {
        if stands(text, index, COMMENT) {
            index += COMMENT.len();
        } else {
            joined.push(at(text, index));
            index += 1;
        }
    }
    Some(joined)
}

/// `1\' or \'1\'=\'1`: every quote behind a backslash, which an application then doubles.
fn escaped(text: &[u8]) -> Option<Vec<u8>> {
    let is_quote = |byte: u8| matches!(byte, b'\'' | b'"');
    let mut quotes = 0;
    for (index, byte) in text.iter().enumerate() {
        if is_quote(*byte) {
            if before(text, index) != b'\\' {
                return None;
            }
            quotes += 1;
        }
    }
    let is_line = !text.contains(&b'\n');
    (quotes >= MIN_ESCAPED && is_line).then(|| {
        text.iter()
            .filter(|byte| **byte != b'\\')
            .copied()
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(given: &str) -> Option<String> {
        text(given.as_bytes()).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn reads_what_is_spelled() {
        let hex = spelled("0x27206f7220313d31");
        assert_eq!(hex.as_deref(), Some("' or 1=1"));
        let percents = spelled("%1%' %o%r %1%=%1%-%-");
        assert_eq!(percents.as_deref(), Some("1' or 1=1--"));
        let escaped = spelled(r"1\' or \'1\'=\'1");
        assert_eq!(escaped.as_deref(), Some("1' or '1'='1"));
        let commented = spelled("1;s/**/elect sl/**/eep(5)");
        assert_eq!(commented.as_deref(), Some("1;select sleep(5)"));
        let percents = spelled("%1' %a%n%d (%s%e%l%e%c%t %1)=%1");
        assert_eq!(percents.as_deref(), Some("1' and (select 1)=1"));
    }

    #[test]
    fn leaves_other_texts_alone() {
        for honest in [
            "0xdeadbeef",
            "50% off, 20% more",
            "100%25",
            r"C:\o'neil",
            "it's",
        ] {
            assert_eq!(spelled(honest), None, "{honest}");
        }
    }
}
