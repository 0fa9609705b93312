//! SQL: case, comments, white space, synonyms, concatenation. What stands between quotes and
//! behind a comment sign is left as it is.

use super::{
    Mutation,
    random::{Random, any_case, each_word},
};

const CLASSES: &[&str] = &["sqli"];

pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "SQL case",
        classes: CLASSES,
        mutate: |text, random| Some(code(text, |code| cased(code, random))),
    },
    Mutation {
        name: "SQL comments",
        classes: CLASSES,
        mutate: |text, random| Some(spaced(text, &["/**/", "/*x*/", "/*/*/", " /**/ "], random)),
    },
    Mutation {
        name: "SQL white space",
        classes: CLASSES,
        mutate: |text, random| {
            Some(spaced(
                text,
                &["\t", "\n", "\r\n", "  ", "\u{b}", "\u{c}"],
                random,
            ))
        },
    },
    Mutation {
        name: "SQL synonyms",
        classes: CLASSES,
        mutate: |text, random| Some(code(text, |code| synonyms(code, random))),
    },
    Mutation {
        name: "SQL comparisons",
        classes: CLASSES,
        mutate: |text, random| compared(text, random),
    },
    Mutation {
        name: "SQL concatenation",
        classes: CLASSES,
        mutate: |text, random| concatenated(text, random),
    },
    Mutation {
        name: "SQL numbers",
        classes: CLASSES,
        mutate: |text, random| Some(code(text, |code| numbers(code, random))),
    },
];

/// Words whose case never matters.
const KEYWORDS: &[&str] = &[
    "select",
    "union",
    "all",
    "from",
    "where",
    "and",
    "or",
    "not",
    "null",
    "order",
    "group",
    "by",
    "having",
    "limit",
    "like",
    "between",
    "insert",
    "into",
    "values",
    "update",
    "set",
    "delete",
    "drop",
    "table",
    "database",
    "exec",
    "execute",
    "declare",
    "waitfor",
    "delay",
    "sleep",
    "benchmark",
    "pg_sleep",
    "concat",
    "char",
    "chr",
    "ascii",
    "substring",
    "substr",
    "mid",
    "count",
    "cast",
    "convert",
    "case",
    "when",
    "then",
    "else",
    "end",
    "if",
    "exists",
    "in",
    "is",
    "extractvalue",
    "updatexml",
    "version",
    "database",
    "user",
    "load_file",
    "outfile",
    "information_schema",
    "distinct",
    "xor",
    "div",
    "rlike",
    "regexp",
];

/// Applies `rewrite` to the pieces of a text that are code: not between quotes, not behind a
/// comment sign, not within `/*!...*/`. The first quote of an attack mostly closes the
/// application's own, so that text counts as code up to a quote that follows an operator.
fn code(text: &str, mut rewrite: impl FnMut(&str) -> String) -> String {
    let (head, tail) = text.split_at(comment(text));
    let mut out = String::new();
    let mut piece = String::new();
    let mut chars = head.chars();
    while let Some(c) = chars.next() {
        piece.push(c);
        let opens = matches!(c, '\'' | '"' | '`') && opens_text(&piece);
        if opens && chars.as_str().contains(c) {
            out.push_str(&rewrite(&piece));
            piece.clear();
            for inner in chars.by_ref() {
                out.push(inner);
                if inner == c {
                    break;
                }
            }
        }
    }
    out.push_str(&rewrite(&piece));
    out.push_str(tail);
    out
}

/// Whether the quote at the end of the piece opens a text of the attack's own.
fn opens_text(piece: &str) -> bool {
    let before = piece[..piece.len() - 1].trim_end();
    let is_operator = |c: char| "=<>(,|+".contains(c);
    let word = before.rsplit(|c: char| !c.is_ascii_alphabetic()).next();
    before.ends_with(is_operator)
        || word.is_some_and(|word| KEYWORDS.contains(&word.to_ascii_lowercase().as_str()))
}

/// Where the rest is a comment.
fn comment(text: &str) -> usize {
    let signs = ["--", "#", ";%00", "/*!", "\\*", "*/"];
    let starts = signs.iter().filter_map(|sign| text.find(sign));
    starts.min().unwrap_or(text.len())
}

fn cased(code: &str, random: &mut Random) -> String {
    each_word(code, |word| {
        let is_keyword = KEYWORDS.contains(&word.to_ascii_lowercase().as_str());
        is_keyword.then(|| any_case(word, random))
    })
}

/// Every single space of the code as one of these.
fn spaced(text: &str, to: &[&str], random: &mut Random) -> String {
    code(text, |code| {
        let mut out = String::new();
        for c in code.chars() {
            if c == ' ' {
                out.push_str(random.pick(to));
            } else {
                out.push(c);
            }
        }
        out
    })
}

fn synonyms(code: &str, random: &mut Random) -> String {
    let code = code
        .replace(" and ", random.pick(&[" and ", " && ", "&&"]))
        .replace(" AND ", random.pick(&[" AND ", " && "]))
        .replace(" or ", random.pick(&[" or ", " || ", "||"]))
        .replace(" OR ", random.pick(&[" OR ", " || "]));
    each_word(&code, |word| {
        let to: &[&str] = match word.to_ascii_lowercase().as_str() {
            "substring" => &["substr", "mid"],
            "substr" => &["substring", "mid"],
            "ascii" => &["ord", "hex"],
            "sleep" => &["SLEEP"],
            "user" => &["current_user"],
            "group_concat" => &["concat"],
            _ => return None,
        };
        Some(random.pick(to).to_owned())
    })
}

/// `1=1` as another comparison that holds for the same values.
fn compared(text: &str, random: &mut Random) -> Option<String> {
    let at = text[..comment(text)].rfind('=')?;
    let (before, after) = (&text[..at], &text[at + 1..]);
    let single = !before.ends_with(['<', '>', '!', ':', '=']) && !after.starts_with('=');
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let numbers = is_digit(before.trim_end().chars().next_back())
        && is_digit(after.trim_start().chars().next());
    let to: &[&str] = if numbers {
        &[" like ", " <=> ", "<=>", " rlike ", ">=", " between 0 and "]
    } else {
        return None;
    };
    single.then(|| format!("{before}{}{after}", random.pick(to)))
}

/// `'text'` in two pieces, where it is compared, listed or passed.
fn concatenated(text: &str, random: &mut Random) -> Option<String> {
    for (at, _) in text.match_indices('\'') {
        let rest = &text[at + 1..];
        let Some(end) = rest.find('\'') else { break };
        let word = &rest[..end];
        if opens_text(&text[..=at])
            && at < comment(text)
            && word.len() >= 2
            && word.chars().all(|c| c.is_ascii_alphanumeric())
        {
            let (a, b) = word.split_at(word.len() / 2);
            let pieces = match random.below(4) {
                0 => format!("'{a}'||'{b}'"),
                1 => format!("'{a}' '{b}'"),
                2 => format!("'{a}'+'{b}'"),
                _ => format!("concat('{a}','{b}')"),
            };
            return Some(format!("{}{pieces}{}", &text[..at], &rest[end + 1..]));
        }
    }
    None
}

/// Small numbers that stand alone, in another notation.
fn numbers(code: &str, random: &mut Random) -> String {
    each_word(code, |word| match word {
        "1" => Some(
            random
                .pick(&["1", "0x1", "(1)", "1e0", "-1", "+1"])
                .to_owned(),
        ),
        "2" => Some(random.pick(&["2", "0x2", "(2)", "2e0"]).to_owned()),
        _ => None,
    })
}
