//! What the sentences of a text are about: who shows code asks about it or says what it does, in
//! the words of the trade. Padding that says something else proves nothing.

use super::line::plain_word;
use super::words::{ASKING, ATTACKS, FUNCTION, TERMS, Words};
use crate::waf::scan::{at, is_space, is_word, span};

/// Words that join others, and that languages have too.
const JOINING: &[&[u8]] = &[b"in", b"on", b"of", b"for", b"under", b"inside", b"into"];
/// Words of a report of what code does.
const MIN_REPORT: usize = 3;
/// Words of a text that asks about software.
const MIN_WORDS: usize = 4;
/// Words of a text that discusses something.
const MIN_DISCUSSION: usize = 6;
/// Words, and terms among them, of a text that explains at length.
const MIN_ESSAY: (usize, usize) = (12, 2);
/// Words of a text about an attack: who asks what one does needs fewer.
const MIN_WARNING: usize = 8;
/// Words of a text that shows how an attack breaks out.
const MIN_LESSON: usize = 12;
/// Terms counted.
const MAX_TERMS: usize = 8;
/// Words looked at: what matters is said in the first of them.
const MAX_TOKENS: usize = 4096;

/// How much a text says about software.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject {
    words: usize,
    asks: usize,
    terms: usize,
    is_joined: bool,
    /// Whether it names attacks or those who look for them.
    is_warning: bool,
}

impl Subject {
    /// Reads a lower-cased view.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut known: Vec<&[u8]> = Vec::new();
        let mut subject = Self::default();
        let tokens = text
            .split(|byte| is_space(*byte))
            .filter(|token| !token.is_empty());
        for token in tokens.take(MAX_TOKENS) {
            // `19c?`
            subject.asks +=
                usize::from(token.ends_with(b"?") && at(token, 0).is_ascii_alphanumeric());
            subject.is_warning |= token.starts_with(b"cve-");
            let Some(word) = plain_word(token) else {
                subject.terms += usize::from(subject.terms < MAX_TERMS && is_name(token));
                continue;
            };
            subject.words += 1;
            subject.is_joined |= FUNCTION.contains(word) || JOINING.contains(&word);
            subject.asks += usize::from(ASKING.contains(word) || is_fault(word));
            subject.is_warning |= find(&ATTACKS, word).is_some();
            let new =
                find(&TERMS, word).filter(|term| known.len() < MAX_TERMS && !known.contains(term));
            subject.terms += usize::from(new.is_some());
            known.extend(new);
        }
        subject
    }

    /// Whether it holds a sentence.
    pub(super) fn is_prose(self) -> bool {
        self.words >= MIN_REPORT && self.is_joined
    }

    /// Whether a sentence in it asks or reports something.
    pub(super) fn is_question(self) -> bool {
        self.is_prose() && self.asks > 0
    }

    /// Whether it says what something in it does, or asks about it.
    pub(super) fn is_report(self) -> bool {
        self.words >= MIN_REPORT && (self.asks + self.terms > 0 || self.is_warning)
    }

    /// Whether it goes on for more than a few words, asks, warns or speaks of the trade.
    pub(super) fn discusses(self) -> bool {
        self.words >= MIN_DISCUSSION
            && (self.asks > 0 || self.is_warning || self.terms >= MIN_ESSAY.1)
    }

    /// Whether it asks about software, or tells how to use it.
    pub(super) fn is_software(self) -> bool {
        let is_named = self.terms > 0 || self.is_warning;
        self.words >= MIN_WORDS && self.asks > 0 && is_named && self.is_joined
    }

    /// Whether it talks about attacks at length, so that it may show whole ones.
    pub(super) fn is_lesson(self) -> bool {
        self.is_essay() && self.is_warning && self.words >= MIN_LESSON
    }

    /// Whether it does so at length.
    pub(super) fn is_essay(self) -> bool {
        let is_long = self.words >= MIN_ESSAY.0 && self.terms >= MIN_ESSAY.1;
        self.is_software() && (is_long || self.is_warning && self.words >= MIN_WARNING)
    }
}

/// Elements that only structure a page, as prose names them.
const ELEMENTS: &[&[u8]] = &[
    b"a",
    b"b",
    b"body",
    b"button",
    b"canvas",
    b"code",
    b"div",
    b"form",
    b"h1",
    b"h2",
    b"head",
    b"html",
    b"input",
    b"label",
    b"li",
    b"main",
    b"nav",
    b"ol",
    b"option",
    b"p",
    b"pre",
    b"section",
    b"select",
    b"span",
    b"table",
    b"tbody",
    b"td",
    b"template",
    b"textarea",
    b"th",
    b"thead",
    b"tr",
    b"ul",
];

/// Whether the token is the name of a piece of code: `<tr>`, `strtolower()`.
fn is_name(token: &[u8]) -> bool {
    let last = token
        .iter()
        .rposition(|byte| !matches!(byte, b',' | b'.' | b'?' | b':'));
    let token = span(token, 0, last.map_or(0, |last| last + 1));
    let element = || {
        let inner = token.strip_prefix(b"<")?.strip_suffix(b">")?;
        Some(inner.strip_prefix(b"/").unwrap_or(inner))
    };
    let function = || {
        let name = token.strip_suffix(b"()")?;
        Some(name.len() > 2 && name.iter().all(|byte| is_word(*byte) || *byte == b'.'))
    };
    element().is_some_and(|name| ELEMENTS.contains(&name))
        || function().unwrap_or(false)
        || is_product(token)
        || is_file(token)
        || is_path(token)
        || is_identifier(token)
}

/// What the names of a project's files end with.
const EXTENSIONS: &[&[u8]] = &[
    b"bat",
    b"cfg",
    b"conf",
    b"cpp",
    b"cs",
    b"css",
    b"csv",
    b"go",
    b"html",
    b"htaccess",
    b"ini",
    b"java",
    b"js",
    b"json",
    b"jsp",
    b"jsx",
    b"kt",
    b"log",
    b"lua",
    b"md",
    b"php",
    b"pl",
    b"ps1",
    b"py",
    b"rb",
    b"rs",
    b"sh",
    b"sql",
    b"toml",
    b"ts",
    b"tsx",
    b"twig",
    b"vue",
    b"xml",
    b"yaml",
    b"yml",
];

/// Whether the token is the name of such a file: `functions.php`.
fn is_file(token: &[u8]) -> bool {
    let is_plain = |byte: &u8| is_word(*byte) || matches!(byte, b'.' | b'-');
    let dot = token.iter().rposition(|byte| *byte == b'.');
    token.iter().all(is_plain)
        && !token.starts_with(b"win.")
        && !token.starts_with(b"boot.")
        && dot.is_some_and(|dot| dot > 0 && EXTENSIONS.contains(&span(token, dot + 1, token.len())))
}

/// Whether the token is the path of a resource: `/api/v1/users`.
fn is_path(token: &[u8]) -> bool {
    let is_plain = |byte: &u8| is_word(*byte) || matches!(byte, b'/' | b'-');
    token.starts_with(b"/")
        && token.split(|byte| *byte == b'/').count() > 2
        && token.iter().all(is_plain)
        && !token.starts_with(b"/etc/")
        && !token.starts_with(b"/proc/")
}

/// Whether words joined by underscores or an option make up the token: `document_root`, `--force`.
fn is_identifier(token: &[u8]) -> bool {
    let name = token
        .strip_prefix(b"--")
        .or_else(|| token.strip_prefix(b"$"));
    let is_joined = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-');
    let is_option = name.is_some_and(|name| name.len() > 2 && name.iter().all(is_joined));
    let is_snake = token.contains(&b'_')
        && !token.starts_with(b"_")
        && token.iter().all(|byte| is_word(*byte))
        && at(token, 0).is_ascii_alphabetic();
    is_option || is_snake
}

/// Whether the token is a term with a version or a suffix: `php8.2`, `node.js`, `ldap_escape`, `c#`.
fn is_product(token: &[u8]) -> bool {
    let end = token
        .iter()
        .position(|byte| !byte.is_ascii_alphabetic())
        .unwrap_or(token.len());
    let (name, rest) = (span(token, 0, end), span(token, end, token.len()));
    let is_version = |rest: &[u8]| {
        !rest.is_empty()
            && rest
                .iter()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'x'))
    };
    TERMS.contains(name)
        && (is_version(rest)
            || rest.starts_with(b"_")
            || at(rest, 0) == b'.' && at(rest, 1).is_ascii_alphabetic())
        || matches!(
            token,
            b"c#" | b"c++" | b".net" | b"asp.net" | b"vb.net" | b"utf-8" | b"x64"
        )
}

/// Whether the word names what went wrong: `filenotfoundexception`.
fn is_fault(word: &[u8]) -> bool {
    word.ends_with(b"exception") || word.ends_with(b"error")
}

/// The listed word that the word is, or is a form of.
fn find(list: &Words, word: &[u8]) -> Option<&'static [u8]> {
    let stem = || {
        word.strip_suffix(b"s")
            .or_else(|| word.strip_suffix(b"nya"))
    };
    list.get(word).or_else(|| list.get(stem()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_questions_about_software_from_other_letters() {
        for text in [
            "why does this query return an error?",
            "kenapa script ini error ya?",
            "is eval in python slower than it?",
            "use json in the browser and it works",
        ] {
            assert!(Subject::of(text.as_bytes()).is_software(), "{text}");
        }
        for text in [
            "hello there, this is the order that i would like to have.",
            "terima kasih, saya mau pesan yang ini dong.",
            "can you tell me when the table by the window is free?",
            "' union select script, query, server, error from php--",
            "php mysql server error",
        ] {
            assert!(!Subject::of(text.as_bytes()).is_software(), "{text}");
        }
    }
}
