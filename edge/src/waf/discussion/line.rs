//! What one line of a text is: a sentence, code, a statement, or the rest of something else.

use super::fault::is_fault;
use super::words::{ASKING, FUNCTION};
use crate::waf::scan::{
    at, before, find, from, is_space, is_word, last_before, skip_space, skip_while, span, trim,
    word, word_before,
};

/// Plain words of a sentence.
const MIN_WORDS: usize = 3;
/// How much of a line's end tells whether a question follows a statement.
const MAX_QUESTION: usize = 80;
/// Longest head before a break-out, as in `127.0.0.1; `.
const MAX_HEAD: usize = 24;
/// Longest line of closing brackets alone.
const MAX_END: usize = 4;
/// Longest name of a language behind a fence.
const MAX_LANGUAGE: usize = 16;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Empty,
    Sentence,
    Code,
    /// Code that begins as a statement of SQL does.
    Statement,
    /// A statement of SQL and a question about it.
    Asked,
    /// What somebody typed into a console, behind its prompt.
    Prompt,
    /// A request in a server's log.
    Logged,
    /// Something that goes on where the application's own text stopped.
    BreakOut,
}

impl Line {
    /// Reads one line, trimmed.
    pub(super) fn of(line: &[u8]) -> Self {
        let is_question = line.ends_with(b"?");
        if line.is_empty() || is_fence(line) {
            Self::Empty
        } else if is_prompt(line) {
            Self::Prompt
        } else if is_logged(line) {
            Self::Logged
        } else if is_statement(line) {
            let end = from(line, line.len().saturating_sub(MAX_QUESTION));
            if is_question && is_sentence(end) {
                Self::Asked
            } else {
                Self::Statement
            }
        } else if is_break_out(line) && !(is_quotation(line) && is_sentence(line)) {
            Self::BreakOut
        } else if is_sentence(line) || is_fault(line) {
            Self::Sentence
        } else {
            Self::Code
        }
    }
}

/// Whether the line is the fence around code, with or without a language.
pub(super) fn is_fence(line: &[u8]) -> bool {
    let line = trim(line);
    let language = line
        .strip_prefix(b"```")
        .or_else(|| line.strip_prefix(b"~~~"));
    language.is_some_and(|name| {
        name.len() <= MAX_LANGUAGE && name.iter().all(|byte| is_word(*byte) || *byte == b'-')
    })
}

/// Whether the line is the end of something that is not shown, as where an excerpt begins: `);`.
pub(super) fn is_end(line: &[u8]) -> bool {
    line.len() <= MAX_END && line.iter().all(|byte| b")]};,".contains(byte)) && line != b";"
        || line == b"--%>"
}

/// Prompts of the consoles that people copy from.
const PROMPTS: &[&[u8]] = &[
    b">>> ",
    b"... ",
    b"sql> ",
    b"mysql> ",
    b"mariadb [",
    b"sqlite> ",
    b"postgres=# ",
    b"postgres=> ",
    b"irb(main)",
    b"iex> ",
    b"ghci> ",
    b"in [",
    b"ps c:\\",
    b"redis> ",
    b"scala> ",
    b"jshell> ",
    b"127.0.0.1:6379> ",
    b"test> ",
];

/// Words of a `Dockerfile`, and what they run.
const RUN: &[&[u8]] = &[
    b"apk",
    b"apt",
    b"apt-get",
    b"bundle",
    b"cargo",
    b"cd",
    b"chmod",
    b"chown",
    b"composer",
    b"curl",
    b"dnf",
    b"echo",
    b"gem",
    b"git",
    b"go",
    b"groupadd",
    b"ln",
    b"make",
    b"mkdir",
    b"npm",
    b"pip",
    b"python",
    b"sed",
    b"set",
    b"tar",
    b"useradd",
    b"wget",
    b"yarn",
    b"yum",
];

/// Whether the line is copied from a console, or from what builds an image.
fn is_prompt(line: &[u8]) -> bool {
    let program = || {
        let rest = line.strip_prefix(b"run ")?;
        rest.split(|byte| is_space(*byte)).next()
    };
    let is_shell = || {
        let head = line
            .split(|byte| is_space(*byte))
            .next()
            .unwrap_or_default();
        head == b"$" || head.contains(&b'@') && (head.ends_with(b"$") || head.ends_with(b"#"))
    };
    // Elixir's `iex(1)> `; PowerShell's `iex(...)` runs what it fetches.
    let is_elixir = || {
        let number = line.strip_prefix(b"iex(");
        number.is_some_and(|number| at(number, 0).is_ascii_digit())
    };
    PROMPTS.iter().any(|prompt| line.starts_with(prompt))
        || is_elixir()
        || program().is_some_and(|program| RUN.contains(&program))
        || is_shell()
}

/// What a server logs of a request, in the order in which it does, behind the client's address.
const LOGGED: [&[u8]; 3] = [b"] \"", b" http/", b"\" "];

/// Whether the line is one of a server's log in the Common Log Format.
fn is_logged(line: &[u8]) -> bool {
    let mut rest = LOGGED.iter().try_fold(line, |rest, mark| {
        Some(from(rest, find(rest, mark, 0)? + mark.len()))
    });
    let is_address = line
        .iter()
        .take_while(|byte| !is_space(**byte))
        .all(|byte| is_word(*byte) || matches!(byte, b'.' | b':' | b'-'));
    is_address
        && rest
            .take()
            .is_some_and(|status| at(status, 0).is_ascii_digit())
}

/// Whether the line begins with a quotation that it closes.
pub(super) fn is_quotation(line: &[u8]) -> bool {
    let quote = at(line, 0);
    matches!(quote, b'"' | b'`')
        && (at(line, 1).is_ascii_alphabetic() || matches!(at(line, 1), b'#' | b'$' | b'{'))
        && line.split(|byte| *byte == quote).count() % 2 == 1
}

/// Words of a remark: `not shown on ios`, `deprecated since 18?`.
const MIN_REMARK: usize = 2;
/// Longest remark.
const MAX_REMARK: usize = 60;

/// Whether plain words make up most of the line, and one of them joins the others or asks; or they
/// are all of it, and lead to something or greet.
fn is_sentence(line: &[u8]) -> bool {
    let (mut words, mut others, mut numbers) = (0_usize, 0_usize, 0_usize);
    let (mut is_joined, mut asks) = (false, false);
    for token in line
        .split(|byte| is_space(*byte))
        .filter(|token| !token.is_empty())
    {
        if let Some(word) = plain_word(token) {
            words += 1;
            is_joined |= FUNCTION.contains(word);
            asks |= line.len() <= MAX_REMARK && ASKING.contains(word);
        } else if token.iter().all(u8::is_ascii_digit) {
            numbers += 1;
        } else if !(words == 0 && is_marker(token)) {
            others += 1;
        }
    }
    let is_remark = asks && words >= MIN_REMARK && others < MIN_REMARK;
    let leads = || matches!(line.last(), Some(b':' | b',' | b'?' | b'!' | b'.'));
    let is_lead = words >= MIN_WORDS && numbers < MIN_REMARK
        || words >= MIN_REMARK && numbers == 0 && (leads() || line.starts_with(b"#"));
    words > others + numbers && (words >= MIN_WORDS && is_joined || is_remark)
        || others == 0 && is_lead
}

/// Whether the token marks a heading, a quotation or an item of a list.
fn is_marker(token: &[u8]) -> bool {
    token.iter().all(|byte| *byte == b'#')
        || matches!(token, b">" | b"-" | b"*")
        || token
            .strip_suffix(b".")
            .or_else(|| token.strip_suffix(b")"))
            .is_some_and(|number| number.len() <= 2 && number.iter().all(u8::is_ascii_digit))
}

/// The word of a token that is one in a sentence, without the punctuation around it.
pub(super) fn plain_word(token: &[u8]) -> Option<&[u8]> {
    let is_mark = |byte: &u8| matches!(byte, b',' | b'.' | b':' | b'!' | b'?' | b'"' | b'(' | b')');
    let first = token.iter().position(|byte| !is_mark(byte))?;
    let last = token.iter().rposition(|byte| !is_mark(byte))?;
    let word = span(token, first, last + 1);
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80;
    let is_plain = word
        .iter()
        .all(|byte| is_letter(byte) || matches!(byte, b'\'' | b'-'))
        && word.first().is_some_and(is_letter)
        && token.len() - word.len() <= 3;
    is_plain.then_some(word)
}

/// What a statement of SQL begins with, and what follows its first word.
const VERBS: &[(&[u8], &[&[u8]])] = &[
    (b"select", &[]),
    (b"insert", &[b"into", b"ignore", b"or"]),
    (b"update", &[]),
    (b"delete", &[b"from"]),
    (
        b"create",
        &[
            b"table",
            b"index",
            b"unique",
            b"view",
            b"user",
            b"database",
            b"function",
            b"procedure",
            b"trigger",
            b"or",
            b"temporary",
            b"extension",
            b"role",
            b"schema",
        ],
    ),
    (
        b"alter",
        &[
            b"table",
            b"user",
            b"database",
            b"role",
            b"system",
            b"session",
            b"index",
        ],
    ),
    (
        b"drop",
        &[
            b"table",
            b"index",
            b"view",
            b"database",
            b"user",
            b"function",
            b"procedure",
            b"trigger",
            b"column",
            b"schema",
        ],
    ),
    (b"truncate", &[b"table"]),
    (b"with", &[b"recursive"]),
    (
        b"explain",
        &[b"select", b"analyze", b"query", b"update", b"delete"],
    ),
    (b"merge", &[b"into"]),
    (b"replace", &[b"into"]),
    (
        b"grant",
        &[b"select", b"insert", b"all", b"execute", b"usage"],
    ),
    (b"declare", &[]),
    (b"begin", &[b"transaction", b"tran", b"work"]),
    (b"if", &[b"exists", b"not", b"object_id"]),
    (
        b"show",
        &[
            b"tables",
            b"databases",
            b"create",
            b"columns",
            b"index",
            b"variables",
        ],
    ),
    (b"pragma", &[]),
    (b"waitfor", &[b"delay", b"time"]),
    (b"load", &[b"data"]),
    (b"flush", &[b"privileges", b"tables"]),
    (b"revoke", &[]),
    (b"rename", &[b"table", b"user"]),
    (b"delimiter", &[]),
];

/// Whether the line begins as a statement of SQL does.
pub(super) fn is_statement(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"(").unwrap_or(line);
    let first = word(line, 0);
    if !is_space(at(line, first.len())) {
        return false;
    }
    let second = || word(line, skip_while(line, first.len(), |byte| !is_word(byte)));
    let mut verbs = VERBS.iter().filter(|(verb, _)| *verb == first);
    verbs.any(|(_, next)| next.is_empty() || next.contains(&second()))
}

/// Whether a statement of SQL begins on the line at or before `end`, behind a colon, a quotation
/// mark or a word, as one that is shown whole does.
pub(super) fn holds_statement(line: &[u8], end: usize) -> bool {
    let is_begun = |index: usize| {
        let last = last_before(line, index).map_or(0, |last| at(line, last));
        let is_led = matches!(
            last,
            0 | b':' | b'"' | b'`' | b'(' | b'=' | b'.' | b',' | b'>' | b'?'
        ) || last.is_ascii_alphabetic();
        is_led
            && !JOINING.contains(&word_before(
                line,
                last_before(line, index).map_or(0, |last| last + 1),
            ))
    };
    let is_word_start =
        |index: usize| !is_word(before(line, index)) && is_statement(from(line, index));
    (0..=end.min(line.len())).any(|index| is_word_start(index) && is_begun(index))
}

/// Words behind which a query goes on that began before.
const JOINING: &[&[u8]] = &[b"union", b"all", b"and", b"or", b"in", b"exists", b"not"];

/// Whether a line of code that starts with a closing bracket, a quotation or an operator continues
/// the line before it, as in a listing, and does not separate a command from it.
pub(super) fn goes_on(line: &[u8]) -> bool {
    !matches!(at(line, 0), b';' | b'`' | b'&' | b'|' | b'%') || line.len() <= 3
}

/// Whether the line closes what it did not open, or puts a short plain head before a separator.
pub(super) fn is_break_out(line: &[u8]) -> bool {
    let first = at(line, 0);
    if line.starts_with(b"%{") {
        return false;
    }
    if matches!(
        first,
        b'\'' | b'"' | b';' | b'|' | b'&' | b'`' | b')' | b']' | b'}' | b'*' | b'%' | b',' | b'?'
    ) {
        // `%.o: %.c` is a rule of a makefile.
        return !is_comment(line) && !line.starts_with(b"%.");
    }
    // `1' or`, `admin"--`, `test; id`, `127.0.0.1|id`, `x)(uid=*`.
    let is_plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'-');
    let head = span(line, 0, MAX_HEAD)
        .iter()
        .take_while(|byte| is_plain(byte))
        .count();
    let next = skip_space(line, head);
    let is_number = span(line, 0, head).iter().all(u8::is_ascii_digit);
    let is_address = span(line, 0, head)
        .iter()
        .all(|byte| !byte.is_ascii_alphabetic());
    match at(line, next) {
        // `what's` is a word.
        b'\'' | b'"' => {
            is_number || next == head && head > 1 && !at(line, next + 1).is_ascii_alphabetic()
        }
        b'|' | b'&' => head > 0 && (is_address || next == head || is_stand_in(span(line, 0, head))),
        b';' | b')' => head > 0,
        b'%' => head > 0 && next == head,
        _ => is_number && head > 0 && GOING_ON.contains(&word(line, next)),
    }
}

/// Words with which a condition or a query goes on behind a number.
const GOING_ON: &[&[u8]] = &[
    b"or",
    b"and",
    b"xor",
    b"union",
    b"having",
    b"order",
    b"group",
    b"like",
    b"rlike",
    b"div",
    b"limit",
    b"procedure",
];

/// Values that stand for any other.
fn is_stand_in(head: &[u8]) -> bool {
    matches!(
        head,
        b"test"
            | b"foo"
            | b"a"
            | b"x"
            | b"abc"
            | b"google.com"
            | b"example.com"
            | b"localhost"
            | b"admin"
            | b"file"
            | b"data"
    )
}

/// `* text` in a block comment, a bullet of a list.
fn is_comment(line: &[u8]) -> bool {
    line.starts_with(b"* ") || line.starts_with(b"*/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_sentences_from_code_and_statements() {
        for (line, kind) in [
            ("why's it so slow on my laptop?", Line::Sentence),
            ("bedanya $or sama $in apa?", Line::Sentence),
            ("ps aux | grep '[n]ode' | awk '{print $2}'", Line::Code),
            ("eval(input(\"angka: \"))", Line::Code),
            ("select * from users where id = 1;", Line::Statement),
            ("update your profile", Line::Statement),
            (
                "update siswa set kelas = '8a'; aman gak ya kalau ini?",
                Line::Asked,
            ),
            ("' or 1=1--", Line::BreakOut),
            ("1 or 1=1", Line::BreakOut),
            ("admin'--", Line::BreakOut),
            ("127.0.0.1; id", Line::BreakOut),
            ("test | ls", Line::BreakOut),
            ("; ls", Line::BreakOut),
            ("*)(uid=*", Line::BreakOut),
            ("\"not found\" is what it says to me", Line::Sentence),
            ("what's wrong with it?", Line::Sentence),
            ("2 questions about the loop", Line::Sentence),
            ("", Line::Empty),
        ] {
            assert_eq!(Line::of(line.as_bytes()), kind, "{line}");
        }
    }
}
