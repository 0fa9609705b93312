//! Whether a text is a configuration file, or a part of one: most lines set something.
//!
//! What a setting holds (a command, a path, a template) is for the program that reads the file. An
//! injected piece stands beside one value, not in a file of them.

use crate::waf::scan::{at, from, is_space, is_word, skip_space, skip_while, span, trim};

/// Lines that set something, in a file of settings.
const MIN_SETTINGS: usize = 3;
/// Longest name of a setting.
const MAX_NAME: usize = 48;

/// Counts the lines of a text as they are read.
#[derive(Debug, Default)]
pub(super) struct Count {
    lines: usize,
    settings: usize,
}

impl Count {
    /// Takes one trimmed line.
    pub(super) fn take(&mut self, line: &[u8]) {
        if line.is_empty() || at(line, 0) == b'#' && at(line, 1) != b'{' {
            return;
        }
        self.lines += 1;
        self.settings += usize::from(sets(line));
    }

    /// Whether the lines so far are those of a configuration file.
    pub(super) fn is_file(&self) -> bool {
        self.settings >= MIN_SETTINGS && self.settings * 2 >= self.lines
    }
}

/// Words with which a line of settings starts and which its name follows.
const KEYWORDS: &[&[u8]] = &[
    b"export",
    b"set",
    b"setenv",
    b"alias",
    b"from",
    b"run",
    b"copy",
    b"env",
    b"workdir",
    b"entrypoint",
    b"cmd",
    b"expose",
    b"healthcheck",
    b"header",
    b"rewriterule",
    b"rewritecond",
    b"include",
    b"option",
];

/// Whether the line sets something: `[name]`, `name = value`, `name: value`, `- item`,
/// `name value;`, `name {`, `</name>`.
pub(super) fn sets(line: &[u8]) -> bool {
    let last = line.last().copied().unwrap_or_default();
    match at(line, 0) {
        b'[' => {
            last == b']'
                && line
                    .iter()
                    .all(|byte| is_word(*byte) || b"[]. -:\"/\\@*".contains(byte))
        }
        b'<' => last == b'>' && (at(line, 1) == b'/' || at(line, 1).is_ascii_alphabetic()),
        b'-' if is_space(at(line, 1)) => sets(trim(from(line, 1))) || line.len() > 2,
        b'"' | b'\'' => names(span(line, 1, line.len())),
        b'}' => line.len() <= 2,
        first
            if first.is_ascii_alphabetic() || matches!(first, b'_' | b'.' | b'-' | b'@' | b'$') =>
        {
            names(line) || directs(line, last)
        }
        _ => false,
    }
}

/// Whether a name and what assigns to it start the line.
fn names(line: &[u8]) -> bool {
    let is_name = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'-' | b'/' | b'@' | b'$');
    let end = skip_while(span(line, 0, MAX_NAME), 0, is_name);
    let is_quoted = matches!(at(line, end), b'"' | b'\'');
    let sign = skip_space(line, end + usize::from(is_quoted));
    match at(line, sign) {
        b'=' => at(line, sign + 1) != b'=',
        b':' => sign + 1 == line.len() || matches!(at(line, sign + 1), b' ' | b'\t' | b'='),
        b'+' | b'?' => at(line, sign + 1) == b'=',
        _ => false,
    }
}

/// Whether a word, its values and what ends them are all of the line: `listen 80;`, `server {`.
fn directs(line: &[u8], last: u8) -> bool {
    let end = skip_while(line, 0, |byte| is_word(byte) || byte == b'-');
    let is_known = KEYWORDS.contains(&span(line, 0, end));
    is_space(at(line, end)) && (is_known || matches!(last, b';' | b'{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_file(text: &str) -> bool {
        let mut count = Count::default();
        for line in text.to_ascii_lowercase().split('\n') {
            count.take(trim(line.as_bytes()));
        }
        count.is_file()
    }

    #[test]
    fn tells_files_of_settings_from_values() {
        for text in [
            "[program:cat]\ncommand = /bin/cat\nautorestart = false",
            "on: push\njobs:\n  test:\n    - run: npm ci && npm test",
            "server {\n  listen 80;\n  root /srv;\n}",
            "FROM php:8\nRUN apt-get install -y unzip\nCOPY . .",
            "#!/bin/sh\nset -e\nNAME=x\nDIR=/srv\ncd $DIR",
        ] {
            assert!(is_file(text), "{text}");
        }
        for text in [
            "a=1\nb=2",
            "127.0.0.1\nid\nls -la",
            "system('ls');\nx",
            "Dear all,\nthis is how we do it:\nrun the tests, then push.",
        ] {
            assert!(!is_file(text), "{text}");
        }
    }
}
