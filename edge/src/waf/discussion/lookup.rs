//! Code that people type into a search box to find out about it.

use super::inert::is_inert;
use super::line::{is_break_out, is_quotation, is_statement};
use super::words::ATTACKS;
use super::{SEVERE, SHOWN, STATEMENTS};
use crate::waf::detect::Hit;
use crate::waf::scan::{Needles, at, is_space, span, trim};

/// Longest text that can be a question typed into a search box.
const MAX_SEARCH: usize = 120;

/// What people add to code that they look up, and attackers do not.
const TOPICS: &[&[u8]] = &[
    b"vs",
    b"vs.",
    b"versus",
    b"meaning",
    b"means",
    b"explained",
    b"tutorial",
    b"artinya",
    b"bedanya",
    b"perbedaan",
    b"arti",
    b"maksud",
    b"maksudnya",
    b"alternative",
    b"alternatives",
    b"equivalent",
    b"explanation",
    b"deprecated",
    b"mongodb",
    b"mongoose",
    b"laravel",
    b"django",
];
/// What they add at the end alone: languages, products, and what is wrong. None of them is a
/// program that a pipe could lead to.
const LAST: &[&[u8]] = &[
    b"mysql",
    b"mariadb",
    b"postgres",
    b"postgresql",
    b"sqlite",
    b"oracle",
    b"snowflake",
    b"bigquery",
    b"redshift",
    b"clickhouse",
    b"mssql",
    b"sql",
    b"linux",
    b"ubuntu",
    b"debian",
    b"windows",
    b"mac",
    b"macos",
    b"android",
    b"java",
    b"javascript",
    b"typescript",
    b"python",
    b"php",
    b"golang",
    b"kotlin",
    b"ruby",
    b"rails",
    b"nodejs",
    b"ldap",
    b"xpath",
    b"velocity",
    b"react",
    b"angular",
    b"vue",
    b"jquery",
    b"html",
    b"css",
    b"regex",
    b"nginx",
    b"wordpress",
    b"docker",
    b"syntax",
    b"example",
    b"examples",
    b"contoh",
    b"error",
    b"empty",
    b"working",
    b"failed",
    b"slow",
    b"size",
    b"why",
    b"how",
    b"disabled",
    b"broken",
    b"ignored",
    b"missing",
    b"undefined",
    b"gagal",
    b"kosong",
];
/// Programs that run what a pipe brings them, or a name that SQL could take for one.
const PIPED: &[&[u8]] = &[b"python", b"php", b"ruby", b"java", b"nodejs"];

/// Rules about code that a language compiles as a whole before it runs any of it.
const COMPILED: &[&str] = &[
    "php-002",
    "java-001",
    "node-001",
    "python-001",
    "ruby-001",
    "code-001",
    "code-002",
];
/// Rules about expressions and attributes that act only in a page or template.
const RENDERED: &[&str] = &["ssti-001", "ssti-002", "xss-005", "xss-006"];
/// Those of templates.
const TEMPLATES: &[&str] = &["ssti-001", "ssti-002"];
/// Rules about what a cell of a table may hold.
const CELLS: &[&str] = &["rce-001", "rce-002"];
/// Words that no statement ends with.
const UNFINISHED: &[&[u8]] = &[
    b"where", b"and", b"or", b"from", b"by", b"exists", b"in", b"like", b"having", b"join", b"on",
    b"set", b"values", b"into", b"between", b"not", b"group", b"order", b"limit",
];
/// What stands for a name in a statement that is no statement yet.
static PLACEHOLDERS: Needles<'static> = Needles::new(&[
    b"...",
    b"from table ",
    b"into table ",
    b"update table set",
    b"your_",
    b"from tabel ",
    b"nama_tabel",
    b"'$",
    b"\"$",
    b"'%$",
    b"=?",
    b"= ?",
    b"=:",
    b"= :",
]);
/// Rules about conditions that make a statement of SQL only where nothing else follows.
const CONDITIONS: &[&str] = &[
    "sqli-008",
    "sqli-010",
    "sqli-012",
    "ldapi-001",
    "xpathi-001",
    "ssti-003",
];

/// Rules about calls that do nothing where a sentence goes on behind them.
const TALKED: &[&str] = &["sqli-010", "php-002"];
/// Words that a sentence has behind the call, at least.
const MIN_SAID: usize = 4;

/// What lets code run whatever stands behind it: the end of a statement, a comment, a template.
static ENDS: Needles<'static> = Needles::new(&[
    b"--", b"/*", b"//", b" #", b"; ", b"${", b"#{", b"%{", b"{{", b"<%", b"<?", b"||", b"&&",
]);

/// Words that join what stands before them with what follows, in a language that compiles it.
const OPERATORS: &[&[u8]] = &[
    b"in",
    b"is",
    b"or",
    b"and",
    b"not",
    b"if",
    b"unless",
    b"while",
    b"until",
    b"rescue",
    b"else",
    b"for",
    b"as",
    b"of",
    b"xor",
    b"instanceof",
];

/// Whether the text asks for what a piece of code is, as people do in search boxes.
pub(in crate::waf) fn looks_up(text: &[u8], hit: &Hit) -> bool {
    // Each finding asks anew, so nothing long may be read.
    if text.len() > 2 * MAX_SEARCH {
        return false;
    }
    let start = text.iter().take_while(|byte| is_space(**byte)).count();
    let text = trim(text);
    let is_one_of = |rules: &[&str]| rules.contains(&hit.rule.id);
    if is_one_of(CELLS) && is_row(text) || is_inert(text, hit) {
        return true;
    }
    if (is_one_of(CONDITIONS) || is_one_of(COMPILED)) && is_quoted_first(text) {
        return true;
    }
    let is_closing = is_break_out(text) && !is_compared(text);
    if text.len() > MAX_SEARCH || is_closing || text.contains(&b'\n') {
        return false;
    }
    let mut words = text.split(|byte| is_space(*byte));
    let asks = is_one_of(SHOWN) && words.any(|word| TOPICS.contains(&word))
        || is_one_of(RENDERED) && is_topic_last(text)
        || is_one_of(STATEMENTS) && (is_unfinished(text) || is_compared(text))
        || (is_one_of(STATEMENTS) || is_one_of(CONDITIONS) || is_one_of(TEMPLATES))
            && names_attack(text)
        || is_named(text) && (is_one_of(STATEMENTS) || is_one_of(CONDITIONS) || is_one_of(SHOWN))
        || (is_one_of(STATEMENTS) || is_one_of(COMPILED) || is_one_of(LED_BY))
            && is_led_by_subject(text, hit.start.saturating_sub(start))
        || is_one_of(COMPILED) && does_not_compile(text, hit.start.saturating_sub(start))
        || is_one_of(TALKED) && is_talked_about(text);
    asks && SEVERE.find(text, 0).is_none()
}

/// Whether the last word names a language or what is wrong, and nothing before it ends the code.
fn is_named(text: &[u8]) -> bool {
    let mut words = text.rsplit(|byte| is_space(*byte));
    let last = words.next().unwrap_or_default();
    let previous = words.next().unwrap_or_default();
    let is_fed = PIPED.contains(&last) && text.iter().any(|byte| matches!(byte, b'|' | b'>'));
    LAST.contains(&last) && !is_fed && !matches!(previous, b"|" | b"from") && is_unended(text)
}

/// Whether the text is a row of a table in Markdown, of two cells or more.
fn is_row(text: &[u8]) -> bool {
    text.starts_with(b"| ")
        && text.ends_with(b" |")
        && text.split(|byte| *byte == b'|').nth(3).is_some()
        && !text
            .iter()
            .any(|byte| matches!(byte, b'$' | b'&' | b'/' | b'>' | b'<'))
}

/// Rules about expressions that a value must begin with to be one.
const LED_BY: &[&str] = &["sqli-010", "ldapi-001", "xpathi-001", "ssrf-002", "lfi-003"];
/// Languages and products that are no programs of a shell: a search begins with one.
const SUBJECTS: &[&[u8]] = &[
    b"sql",
    b"mysql",
    b"mariadb",
    b"postgres",
    b"postgresql",
    b"sqlite",
    b"oracle",
    b"mssql",
    b"mongodb",
    b"ldap",
    b"xpath",
    b"html",
    b"css",
    b"java",
    b"javascript",
    b"js",
    b"typescript",
    b"ts",
    b"python",
    b"php",
    b"ruby",
    b"golang",
    b"kotlin",
    b"react",
    b"vue",
    b"angular",
    b"laravel",
    b"django",
    b"regex",
    b"nginx",
    b"apache",
    b"excel",
];

/// Whether a subject stands before the code, which makes a program of neither: `sqlite select * from
/// sqlite_master`. What a quotation mark or a separator begins before the code is another matter.
fn is_led_by_subject(text: &[u8], start: usize) -> bool {
    let first = text
        .split(|byte| is_space(*byte))
        .next()
        .unwrap_or_default();
    let lead = span(text, 0, start);
    // An expression of XPath holds strings, and ends them.
    let is_whole = first == b"xpath"
        && lead.split(|byte| *byte == b'\'').count() % 2 == 1
        && text.contains(&b'[');
    SUBJECTS.contains(&first)
        && !lead.iter().any(|byte| {
            matches!(byte, b'"' | b';' | b'|' | b'&' | b'`') || *byte == b'\'' && !is_whole
        })
        && !text.contains(&b';')
        && (first == b"xpath" || is_unended(text))
}

/// Whether the text sets a phrase between the only two quotation marks that it has, and goes on with
/// plain words or ends: `"where 1=1" why`, `"eval(" language:php`. Behind the second mark a query or
/// a program would have to go on with something else.
fn is_quoted_first(text: &[u8]) -> bool {
    let quote = at(text, 0);
    let mut parts = text.split(|byte| *byte == quote).skip(1);
    let (phrase, rest) = (parts.next(), parts.next());
    let is_plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'?' | b':' | b'.' | b'-')
    };
    matches!(quote, b'"' | b'\'')
        && phrase.is_some_and(|phrase| at(phrase, 0).is_ascii_alphabetic())
        && rest.is_some_and(|rest| {
            rest.is_empty()
                || at(rest, 0) == b' '
                    && at(rest, 1).is_ascii_alphabetic()
                    && rest.len() > 3
                    && rest.iter().all(is_plain)
        })
        && parts.next().is_none()
        && is_unended(text)
}

/// Whether the text begins with the name of an attack, as one who reads about it writes.
fn names_attack(text: &[u8]) -> bool {
    let first = text
        .split(|byte| is_space(*byte))
        .next()
        .unwrap_or_default();
    ATTACKS.contains(first) || text.starts_with(b"sql injection ")
}

/// Whether the text sets one quotation against another: `"union" vs "union all"`.
fn is_compared(text: &[u8]) -> bool {
    is_quotation(text)
        && text
            .split(|byte| is_space(*byte))
            .any(|word| matches!(word, b"vs" | b"vs." | b"versus" | b"atau"))
        && at(text, text.len() - 1) == at(text, 0)
}

/// Whether the last word asks what the code before it is.
fn is_topic_last(text: &[u8]) -> bool {
    let last = text.rsplit(|byte| is_space(*byte)).next();
    last.is_some_and(|word| TOPICS.contains(&word))
}

/// Whether the text is a statement that lacks a name or its end.
fn is_unfinished(text: &[u8]) -> bool {
    let last = text
        .rsplit(|byte| is_space(*byte))
        .next()
        .unwrap_or_default();
    is_statement(text)
        && (UNFINISHED.contains(&last) || PLACEHOLDERS.find(text, 0).is_some())
        && is_unended(text)
}

fn is_unended(text: &[u8]) -> bool {
    ENDS.find(text, 0).is_none()
}

/// Whether plain words follow the code on the same line, which no language takes.
fn does_not_compile(text: &[u8], start: usize) -> bool {
    let code = text
        .iter()
        .rposition(|byte| !(byte.is_ascii_alphanumeric() || is_space(*byte) || *byte == b'-'));
    let Some(code) = code.filter(|code| *code >= start) else {
        return false;
    };
    // The rest of the last token belongs to the code: `.exec example`.
    let tail = span(text, code + 1, text.len());
    let mut words = tail
        .split(|byte| is_space(*byte))
        .skip(1)
        .filter(|word| !word.is_empty());
    let is_first_free = words.next().is_some_and(|word| {
        word.len() > 1 && word.iter().all(u8::is_ascii_alphanumeric) && !OPERATORS.contains(&word)
    });
    let closes = matches!(text.get(code), Some(b')' | b']' | b'.'));
    is_first_free && closes && is_unended(text)
}

/// Whether the text is one call and words: `sleep(5) in integration tests considered harmful`. No
/// language goes on so behind a call, and one that compiles the whole before it runs any runs nothing.
fn is_talked_about(text: &[u8]) -> bool {
    const JOINS: [&[u8]; 12] = [
        b"and", b"or", b"from", b"union", b"where", b"like", b"limit", b"order", b"group", b"as",
        b"xor", b"having",
    ];
    let Some(close) = text.iter().position(|byte| *byte == b')') else {
        return false;
    };
    let tail = span(text, close + 1, text.len());
    let tail = tail.strip_prefix(b";").unwrap_or(tail);
    let plain = |word: &&[u8]| {
        let word = word
            .strip_suffix(b",")
            .or_else(|| word.strip_suffix(b"."))
            .unwrap_or(word);
        !word.is_empty() && word.iter().all(u8::is_ascii_alphabetic) && !JOINS.contains(&word)
    };
    let words = || {
        tail.split(|byte| is_space(*byte))
            .filter(|word| !word.is_empty())
    };
    tail.starts_with(b" ") && words().count() >= MIN_SAID && words().all(|word| plain(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_behind_a_call_talks_about_it() {
        for text in [
            "sleep(5) in integration tests considered harmful",
            "phpinfo(); on a live site is a bad idea, take it off.",
        ] {
            assert!(is_talked_about(text.as_bytes()), "{text}");
        }
        for text in [
            "sleep(5)",
            "sleep(5) and one like another word",
            "phpinfo(); echo a b c d;",
            "phpinfo(); // one two three four",
            "system('id') one two three",
            "benchmark(5,md5(1)) one two three four",
        ] {
            assert!(!is_talked_about(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn words_behind_code_ask_for_it() {
        for text in [
            "runtime.getruntime().exec example",
            "os.system('cls') clear screen",
            "require('fs').readfilesync utf8",
        ] {
            assert!(does_not_compile(text.as_bytes(), 0), "{text}");
        }
        for text in [
            "system('id')",
            "system('id') if true",
            "os.system('id') or exit",
            "system('id'); foo bar",
            "system('id') # foo bar",
            "${t(java.lang.runtime).getruntime().exec('id')} foo",
        ] {
            assert!(!does_not_compile(text.as_bytes(), 0), "{text}");
        }
    }

    #[test]
    fn the_last_word_names_what_is_asked_for() {
        assert!(is_named(b"sleep(5) in mysql"));
        for text in [
            "1 or sleep(5) -- mysql",
            "curl x.example | python",
            "select 1 from mysql",
            "1; select 1 mysql",
        ] {
            assert!(!is_named(text.as_bytes()), "{text}");
        }
    }
}
