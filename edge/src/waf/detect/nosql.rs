//! `NoSQL` operators where names or JSON stand, and code for server-side evaluation.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::nosql as rules;
use crate::waf::scan::{at, before, find_any, from, is_word, last_before, skip_space, word};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &["$", "return ", "this."];

/// `MongoDB`'s operators that change what a query selects or runs.
const OPERATORS: &[&[u8]] = &[
    b"ne",
    b"eq",
    b"gt",
    b"gte",
    b"lt",
    b"lte",
    b"in",
    b"nin",
    b"and",
    b"or",
    b"not",
    b"nor",
    b"exists",
    b"type",
    b"expr",
    b"regex",
    b"options",
    b"text",
    b"where",
    b"all",
    b"elemmatch",
    b"size",
    b"function",
    b"accumulator",
    b"lookup",
    b"mod",
    b"comment",
    b"rand",
    b"jsonschema",
    b"func",
    b"set",
    b"unset",
    b"rename",
    b"push",
    b"pull",
];

const CODE: &[&[u8]] = &[
    b"return true;",
    b"return true}",
    b"return(true)",
    b"return 1==1",
    b"return this.",
    b"this.password",
    b"this.constructor",
    b"this.username",
    b"db.getcollection",
    b"sleep(1000);",
    b"|| true//",
    b"||1==1//",
    b"|| 1==1//",
    b"== 'a' && ",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    operators(text, hits);
    let code = find_any(text.lower, CODE).map(|(start, _)| start);
    // Prose has a space after a semicolon and no code around; the quote or brace is the break-out.
    let breaks_out = text
        .lower
        .iter()
        .any(|byte| matches!(byte, b'\'' | b'"' | b'{' | b'(' | b'='));
    hits.extend(
        code.filter(|_| breaks_out)
            .map(|start| Hit::new(&rules::CODE, start, start + 12)),
    );
}

fn operators(text: &Text<'_>, hits: &mut Vec<Hit>) {
    let lower = text.lower;
    let mut index = 0;
    while let Some(dollar) = from(lower, index).iter().position(|byte| *byte == b'$') {
        let dollar = index + dollar;
        index = dollar + 1;
        let operator = word(lower, index);
        if !OPERATORS.contains(&operator) {
            continue;
        }
        let end = index + operator.len();
        if text.part.is_name() && stands_in_name(lower, dollar, end) {
            hits.push(Hit::new(&rules::OPERATOR, dollar, end));
            return;
        }
        if stands_in_json(lower, dollar, end) {
            hits.push(Hit::new(&rules::OPERATOR_TEXT, dollar, end));
            return;
        }
    }
}

/// `user[$ne]`, `user.$ne`, and a JSON key that is an operator throughout.
fn stands_in_name(text: &[u8], dollar: usize, end: usize) -> bool {
    matches!(before(text, dollar), 0 | b'[' | b'.')
        && matches!(at(text, end), 0 | b']' | b'.' | b'[')
}

/// `"$ne":`, `{$gt:`.
fn stands_in_json(text: &[u8], dollar: usize, end: usize) -> bool {
    let quoted = matches!(before(text, dollar), b'"' | b'\'');
    let opener = last_before(text, dollar).map_or(0, |last| at(text, last));
    let bare = matches!(opener, b'{' | b',' | b'[');
    let after = skip_space(text, end + usize::from(quoted));
    (quoted || bare)
        && !is_word(at(text, end))
        && (at(text, after) == b':' || (bare && at(text, end) == b']'))
}
