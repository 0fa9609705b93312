//! What stands between a call's parentheses, and whether an attack would pass it.

use super::functions::Needs;
use crate::waf::scan::{
    at, find, find_any, from, is_word, position, skip_space, span, stands, trim, word,
};

use Needs::{
    Anything, Callback, Command, Literal, Module, Named, Nothing, Number, Place, Probe, Program,
    Quoted, Something, Spawned, Text,
};

/// How far the closing parenthesis is looked for, in bytes.
const MAX_ARGUMENTS: usize = 300;

/// What a function that takes a function must not be given, between quotes.
const CALLBACKS: &[&[u8]] = &[
    b"system",
    b"assert",
    b"exec",
    b"passthru",
    b"shell_exec",
    b"phpinfo",
    b"eval",
    b"popen",
    b"proc_open",
    b"disable_functions",
];

/// Programs that an attack starts, besides [`BARE`].
const PROGRAMS: &[&[u8]] = &[
    b"sh",
    b"bash",
    b"zsh",
    b"cmd",
    b"powershell",
    b"calc",
    b"curl",
    b"wget",
    b"nc",
    b"ncat",
    b"ping",
    b"nslookup",
    b"touch",
    b"sleep",
    b"perl",
    b"open",
];

/// Commands that stand without quotes where only a string would do: PHP took bare words.
const BARE: &[&[u8]] = &[
    b"id",
    b"ls",
    b"whoami",
    b"uname",
    b"pwd",
    b"dir",
    b"cat",
    b"ipconfig",
    b"ifconfig",
];

/// What stands between the parentheses, as far as it is read.
pub(super) struct Arguments<'a> {
    text: &'a [u8],
    /// After the closing parenthesis; `None` when it lies too far away or is missing.
    end: Option<usize>,
}

impl<'a> Arguments<'a> {
    /// Reads on from the parenthesis at `open`.
    pub(super) fn read(text: &'a [u8], open: usize) -> Self {
        let window = span(text, open + 1, open + 1 + MAX_ARGUMENTS);
        let (mut depth, mut quote) = (0usize, 0u8);
        let is_mark = |byte: u8| matches!(byte, b'\'' | b'"' | b'`' | b'(' | b')');
        for (index, &byte) in window.iter().enumerate() {
            if !is_mark(byte) {
                continue;
            }
            match byte {
                b'\'' | b'"' | b'`' if quote == 0 => quote = byte,
                _ if quote == byte => quote = 0,
                _ if quote != 0 => {}
                b'(' => depth += 1,
                b')' if depth == 0 => {
                    return Self {
                        text: span(window, 0, index),
                        end: Some(open + index + 2),
                    };
                }
                b')' => depth -= 1,
                _ => {}
            }
        }
        Self {
            text: window,
            end: None,
        }
    }

    /// Whether they are what the function needs to be dangerous.
    pub(super) fn meet(&self, needs: Needs) -> bool {
        let first = skip_space(self.text, 0);
        let head = at(self.text, first);
        let inner = from(self.text, first);
        let is_text = matches!(head, b'\'' | b'"' | b'$' | b'`' | b'\\')
            || stands(inner, 0, b"b'")
            || stands(inner, 0, b"b\"")
            || stands(inner, 0, b"~c\"")
            || stands(inner, 0, b"[[")
            || self.text.contains(&b'(');
        match needs {
            Anything => true,
            Something => head != 0,
            Number => matches!(head, b'1'..=b'9'),
            Text => is_text && has_letter(inner) || is_bare(inner),
            Command => {
                let list = skip_space(inner, usize::from(matches!(head, b'[' | b'(')));
                matches!(at(inner, list), b'\'' | b'"' | b'`') && has_letter(inner)
                    || self.text.contains(&b'(') && self.end.is_some() && is_text
            }
            Spawned => stands(inner, 0, b"{:spawn") || stands(inner, 0, b"{spawn"),
            Program => starts_program(self.text),
            Nothing => {
                head == 0 && self.end.is_some()
                    || stands(inner, 0, b"-1)")
                    || stands(inner, 0, b"info_")
            }
            Place => is_place(inner) && !is_own(inner) || stands(inner, 0, b"__file__"),
            Quoted => matches!(head, b'\'' | b'"' | b'$' | b'`' | b'\\') && has_letter(inner),
            Literal => matches!(head, b'\'' | b'"') && has_letter(inner),
            Named => {
                let is_variable = head == b'$' && at(inner, 1).is_ascii_alphabetic();
                is_text && has_letter(inner) && !is_variable
            }
            Module => is_place(inner) && !is_module(inner) && !is_own(inner),
            Callback => names_callback(inner),
            Probe => is_probe(inner),
        }
    }

    /// `Command::new("id").output()` in one line: builders of command lines are named alike.
    pub(super) fn are_started(&self, text: &[u8]) -> bool {
        const REACH: usize = 60;
        let Some(end) = self.end else { return false };
        let rest = span(text, end, end + REACH);
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        find_any(line, &[b".output(", b".spawn(", b".status(", b".arg(\"-c"]).is_some()
    }

    /// After a call comes the end, punctuation or an operator; prose goes on with a word.
    pub(super) fn end_like_code(&self, text: &[u8]) -> bool {
        let Some(end) = self.end else { return true };
        let next = skip_space(text, end);
        let line_ended = span(text, end, next).contains(&b'\n');
        let follows = word(text, next);
        line_ended
            || stands(text, next, b"rescue nil")
            || !at(text, next).is_ascii_alphanumeric() && at(text, next) < 0x80
            || matches!(
                follows,
                b"and" | b"or" | b"if" | b"unless" | b"as" | b"for" | b"then" | b"in"
            ) && at(text, next + follows.len()) == b' '
                && self.text.len() < 40
                && is_code_word(from(text, next + follows.len() + 1))
    }
}

/// After a word that is also an English one: a call or a number, not another word.
fn is_code_word(rest: &[u8]) -> bool {
    let name = word(rest, 0);
    matches!(at(rest, name.len()), b'(' | b'=' | b'[' | b'\'' | b'"')
        || name.first().is_some_and(u8::is_ascii_digit)
}

/// `'system'`, `"assert"` among the arguments.
fn names_callback(arguments: &[u8]) -> bool {
    let mut index = 0;
    while let Some(quote) = from(arguments, index)
        .iter()
        .position(|byte| matches!(byte, b'\'' | b'"'))
    {
        let start = index + quote + 1;
        let name = word(arguments, start);
        index = start + name.len();
        if CALLBACKS.contains(&name) && matches!(at(arguments, index), b'\'' | b'"') {
            return true;
        }
    }
    false
}

/// Whether a word names a function that runs what it is given.
pub(super) fn is_callback(name: &[u8]) -> bool {
    CALLBACKS.contains(&name)
}

/// Whether a word names a program that an attack starts.
pub(super) fn is_program(name: &[u8]) -> bool {
    PROGRAMS.contains(&name) || BARE.contains(&name)
}

/// `"/bin/sh", "-c"`, `new String[]{"cmd"`, `request.getParameter("c")`.
pub(super) fn starts_program(arguments: &[u8]) -> bool {
    let quote = arguments
        .iter()
        .position(|byte| matches!(byte, b'\'' | b'"'));
    let name = quote.map_or(&[][..], |quote| word(arguments, quote + 1));
    quote.is_some_and(|quote| at(arguments, quote + 1) == b'/')
        || is_program(name)
        || find(arguments, b"request", 0).is_some()
}

/// `ls -la)`.
fn is_bare(arguments: &[u8]) -> bool {
    let name = word(arguments, 0);
    BARE.contains(&name) && matches!(at(arguments, name.len()), b')' | b' ' | 0)
}

/// What stands before a path that a program builds on its own folder: `__DIR__ . '/x'`, `ROOT.'/x'`;
/// and PHP's own streams.
fn is_own(arguments: &[u8]) -> bool {
    let length = arguments
        .iter()
        .position(|byte| matches!(byte, b'\'' | b'"'))
        .unwrap_or(arguments.len());
    let folder = trim(span(arguments, 0, length));
    let path = span(arguments, length, arguments.len());
    let is_joined = folder.strip_suffix(b".").is_some_and(|name| {
        let name = trim(name);
        name.starts_with(b"dirname(__file__")
            || !name.is_empty() && name.iter().all(|byte| is_word(*byte))
    });
    let streams: [&[u8]; 5] = [b"output", b"stdout", b"stderr", b"memory", b"temp"];
    let is_stream = folder.is_empty()
        && stands(path, 1, b"php://")
        && streams.iter().any(|stream| stands(path, 7, stream));
    let climbs = find(path, b"../../../", 0).is_some() || find(path, b"/etc/", 0).is_some();
    is_joined && !climbs || is_stream
}

fn has_letter(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_alphanumeric)
}

/// `'/etc/passwd'`, `"http://…"`, `'../x'`, `'|id'`, `"."`, `$_GET`, `__FILE__`, a nested call of a
/// superglobal.
fn is_place(arguments: &[u8]) -> bool {
    let inner = position(arguments, 0, |byte| matches!(byte, b'\'' | b'"'))
        .map_or(&[][..], |quote| from(arguments, quote + 1));
    let starts = |head: &[u8]| inner.starts_with(head);
    starts(b"/") && !starts(b"/api")
        || starts(b"../")
        || starts(b"|")
        || inner
            .windows(2)
            .take(100)
            .any(|two| matches!(two, b"|\"" | b"|'"))
        || starts(b".'")
        || starts(b".\"")
        || starts(b"c:\\")
        || inner.iter().take(12).any(|byte| *byte == b':')
            && !starts(b"https://")
            && inner.windows(3).take(12).any(|three| three == b"://")
        || arguments.starts_with(b"$_")
        || inner.windows(2).take(40).any(|two| two == b"<?")
        || inner.windows(4).take(40).any(|four| four == b".php") && arguments.contains(&b',')
}

/// `'../lib/x.js'`: what a program loads from beside itself.
fn is_module(arguments: &[u8]) -> bool {
    let end = arguments.iter().position(|byte| *byte == b')');
    let path = span(arguments, 1, end.unwrap_or(arguments.len()));
    let files: [&[u8]; 9] = [
        b"etc/", b"proc/", b"passwd", b".php", b".env", b".log", b"windows", b"flag", b"://",
    ];
    path.starts_with(b"../") && find_any(path, &files).is_none()
}

/// `md5(1)`, `7*7`.
fn is_probe(arguments: &[u8]) -> bool {
    let name = word(arguments, 0);
    let product = || {
        let second = skip_space(arguments, name.len());
        let factor = word(arguments, skip_space(arguments, second + 1));
        let is_long = name.len() > 4;
        (at(arguments, second) == b'*' || is_long && matches!(at(arguments, second), b'-' | b'+'))
            && is_number(name)
            && is_number(factor)
    };
    matches!(
        name,
        b"md5"
            | b"sha1"
            | b"scandir"
            | b"system"
            | b"shell_exec"
            | b"phpinfo"
            | b"getcwd"
            | b"php_uname"
            | b"base64_decode"
            | b"file"
            | b"createobject"
    ) && at(arguments, name.len()) == b'('
        || product()
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}
