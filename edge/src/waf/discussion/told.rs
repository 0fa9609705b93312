//! Statements of SQL that a sentence leads to, on its own line and without a mark between them.

use super::line::is_statement;
use super::{SEVERE, closing};
use crate::waf::detect::Hit;
use crate::waf::scan::{before, is_space, span, trim, word, word_before};

/// Words behind which a query goes on rather than begins.
const CLAUSES: &[&[u8]] = &[
    b"union",
    b"all",
    b"distinct",
    b"intersect",
    b"except",
    b"minus",
    b"as",
    b"into",
    b"table",
    b"values",
    b"set",
    b"do",
    b"begin",
    b"execute",
    b"exec",
    b"then",
    b"when",
    b"in",
    b"exists",
    b"not",
    b"from",
    b"by",
    b"prepare",
    b"explain",
    b"analyze",
    b"view",
    b"return",
    b"any",
    b"some",
    b"for",
    b"and",
    b"or",
    b"where",
    b"like",
    b"rlike",
    b"having",
    b"limit",
    b"null",
    b"true",
    b"is",
];
/// Words, the last of which offers a choice, that lead to a statement.
const MIN_LED: usize = 4;
/// What begins a statement that is told of.
const VERBS: &[&[u8]] = &[
    b"select", b"insert", b"update", b"delete", b"create", b"alter", b"drop",
];

/// Whether words lead to the statement that was found: `in oracle: select ...`. A database takes a statement at
/// the start or behind a separator, and goes on with one behind a word of its own alone.
pub(super) fn is_told(text: &[u8], hit: &Hit) -> bool {
    let start = span(text, 0, hit.start)
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |line| line + 1);
    let end = hit.start.min(text.len());
    let is_prose = |byte: &u8| {
        byte.is_ascii_alphabetic()
            || is_space(*byte)
            || *byte >= 0x80
            || b",.:?!/\\-".contains(byte)
    };
    let lead = span(text, start, text.len());
    let length = lead.iter().take_while(|byte| is_prose(byte)).count();
    let is_led = |index: usize| {
        let last = trim_end(text, start, index);
        let name = word_before(text, last);
        before(text, last) == b':' && last > start + 2
            || name.len() > 1 && !CLAUSES.contains(&name)
            // `.tables or select ...`: no condition has a statement without brackets.
            || name == b"or" && words(span(text, start, index)) >= MIN_LED
    };
    let begins = |index: usize| {
        VERBS.contains(&word(text, index)) && is_statement(span(text, index, text.len()))
    };
    // The statement's own words are letters too, so it may begin before the first other byte.
    (start + 1..=(start + length).min(end))
        .any(|index| is_space(before(text, index)) && begins(index) && is_led(index))
        && SEVERE.find(text, 0).is_none()
        && closing::ranges(text).is_empty()
        && !is_stacked(text)
}

/// Whether a second statement follows the first.
fn is_stacked(text: &[u8]) -> bool {
    text.iter()
        .enumerate()
        .any(|(index, byte)| *byte == b';' && is_statement(trim(span(text, index + 1, text.len()))))
}

fn words(text: &[u8]) -> usize {
    text.split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .count()
}

fn trim_end(text: &[u8], start: usize, end: usize) -> usize {
    let length = span(text, start, end)
        .iter()
        .rev()
        .take_while(|byte| is_space(**byte))
        .count();
    end - length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::rules::sql;

    #[test]
    fn words_lead_to_statements() {
        let leads = |text: &str| {
            let end = text.len();
            is_told(text.as_bytes(), &Hit::new(&sql::SELECT, end - 1, end))
        };
        for text in [
            "in oracle: select table_name from user_tables; or all_tables",
            "in sqlite: .tables or select name from sqlite_master",
            "please run drop table users",
        ] {
            assert!(leads(text), "{text}");
        }
        for text in [
            "select password from users",
            "1 union select password from users",
            "admin union select password from users",
            "x; drop table users",
            "x where exists select a from b",
            "it's ' union select a from b",
            "please run select 1; drop table users",
        ] {
            assert!(!leads(text), "{text}");
        }
    }
}
