//! Calls of dangerous functions, in any of the languages that servers evaluate.
//!
//! Three things tell code from a text about code: the name is dangerous, its arguments are what an
//! attack passes, and the call stands where a statement or an expression would.

use super::functions::{self, Needs};
use crate::waf::detect::Hit;
use crate::waf::rules::Rule;
use crate::waf::scan::{
    at, before, find, from, is_space, is_word, last_before, skip_space, span, stands, word,
    word_before,
};

use Needs::{Anything, Callback, Nothing, Place, Probe, Something, Text};

/// Longest name before a parenthesis that is read, in bytes.
const MAX_CALLEE: usize = 64;
/// How far the closing parenthesis is looked for, in bytes.
const MAX_ARGUMENTS: usize = 300;

/// What a function that takes a function must not be given.
const CALLBACKS: &[&[u8]] = &[
    b"'system'",
    b"\"system\"",
    b"'assert'",
    b"\"assert\"",
    b"'exec'",
    b"'passthru'",
    b"\"passthru\"",
    b"'shell_exec'",
    b"\"shell_exec\"",
    b"'phpinfo'",
    b"'eval'",
];

/// Names the rules that the calls break.
pub(super) fn detect(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    while let Some(found) = from(text, index).iter().position(|byte| *byte == b'(') {
        let open = index + found;
        index = open + 1;
        if let Some((rule, start)) = check(text, open) {
            hits.push(Hit::new(rule, start, open + 1));
            return;
        }
    }
}

/// The rule that the call with its parenthesis at `open` breaks, and where its name starts.
fn check(text: &[u8], open: usize) -> Option<(&'static Rule, usize)> {
    let name = name_before(text, open)?;
    let path = path_before(text, name.start);
    let (needs, rule) = suspicion(&name, path, text)?;
    let start = name.start - path.len();
    let arguments = Arguments::read(text, open);
    // A name in quotes is a string that is called: nobody writes that but to hide it.
    let needs = if name.is_quoted { Something } else { needs };
    (arguments.meet(needs)
        && is_statement(text, start, name.is_quoted)
        && arguments.end_like_code(text))
    .then_some((rule, start))
}

struct Name<'a> {
    text: std::borrow::Cow<'a, [u8]>,
    start: usize,
    is_quoted: bool,
}

/// `system`, `"system"`, `(sy.(st).em)`, `['system'][0]`: the function that would be called.
fn name_before(text: &[u8], open: usize) -> Option<Name<'_>> {
    let name = word_before(text, open);
    if !name.is_empty() {
        let start = open - name.len();
        return Some(Name {
            text: name.into(),
            start,
            is_quoted: false,
        });
    }
    let last = last_before(text, open)?;
    if !matches!(at(text, last), b')' | b'"' | b'\'' | b']' | b'}') {
        return None;
    }
    let window = span(text, (last + 1).saturating_sub(MAX_CALLEE), last + 1);
    let inner = from(window, groups_start(window)?);
    // Digits index the groups; what is left spells the name.
    let name: Vec<u8> = inner
        .iter()
        .copied()
        .filter(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        .collect();
    // PHP's `(string)"system"`: the last of them is called, whatever it is cast from.
    let literal = word_before(text, last);
    let name = match functions::function(&name) {
        None if functions::function(literal).is_some() => literal.to_vec(),
        _ => name,
    };
    (!name.is_empty() && name.len() <= 24).then_some(Name {
        text: name.into(),
        start: last + 1 - inner.len(),
        is_quoted: true,
    })
}

/// Where the groups in brackets or quotes start that end with the window.
fn groups_start(window: &[u8]) -> Option<usize> {
    let (mut depth, mut quote, mut start) = (0usize, 0u8, None);
    for (index, &byte) in window.iter().enumerate().rev() {
        match byte {
            _ if quote == byte => quote = 0,
            _ if quote != 0 => {}
            b'\'' | b'"' => quote = byte,
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' => depth = depth.checked_sub(1)?,
            _ if depth == 0 && !is_space(byte) => return start,
            _ => {}
        }
        if depth == 0 && quote == 0 && !is_space(byte) {
            start = Some(index);
        }
    }
    start
}

/// `os.` before `system`, `require('child_process').` before `exec`: the last object, with its dot.
fn path_before(text: &[u8], start: usize) -> &[u8] {
    let window = span(text, start.saturating_sub(MAX_CALLEE), start);
    let is_path = |byte: &u8| is_word(*byte) || matches!(byte, b'.' | b':' | b'$' | b'\\');
    let length = window.iter().rev().take_while(|byte| is_path(byte)).count();
    let path = from(window, window.len() - length);
    // `->` ends in a byte that also compares, so it is looked for by itself.
    if path.is_empty() && window.ends_with(b"->") {
        return from(window, window.len() - 2);
    }
    path
}

/// What the function would need for an attack, and the rule; most functions are harmless.
fn suspicion(name: &Name<'_>, path: &[u8], text: &[u8]) -> Option<(Needs, &'static Rule)> {
    let callee: &[u8] = &name.text;
    let object = path
        .rsplit(|byte| matches!(byte, b'.' | b':' | b'\\'))
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    if let Some(found) = functions::method(object, callee) {
        return Some(found);
    }
    let (needs, rule) = functions::function(callee)?;
    // A method of an object unknown to us: `db.exec('…')`, `/x/.exec('…')`, `page.open('/home')`.
    // A lone dot after a string is PHP's concatenation, after a call it is a chain.
    let joint = before(text, name.start - path.len());
    let is_concatenated = path == b"." && matches!(joint, b'\'' | b'"' | b' ' | 0);
    let is_command =
        path == b"." && joint == b')' && matches!(callee, b"system" | b"exec" | b"popen");
    let is_method = matches!(path.last(), Some(b'.' | b'>'));
    let is_generic = matches!(needs, Probe) || needs == Place && !object.is_empty();
    (!is_method || is_concatenated || is_command || is_generic).then_some((needs, rule))
}

/// What stands between the parentheses, as far as it is read.
struct Arguments<'a> {
    text: &'a [u8],
    /// After the closing parenthesis; `None` when it lies too far away or is missing.
    end: Option<usize>,
}

impl<'a> Arguments<'a> {
    fn read(text: &'a [u8], open: usize) -> Self {
        let window = span(text, open + 1, open + 1 + MAX_ARGUMENTS);
        let (mut depth, mut quote) = (0usize, 0u8);
        for (index, &byte) in window.iter().enumerate() {
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

    fn meet(&self, needs: Needs) -> bool {
        let first = skip_space(self.text, 0);
        let head = at(self.text, first);
        let inner = from(self.text, first);
        let is_text = matches!(head, b'\'' | b'"' | b'$' | b'`' | b'\\')
            || stands(inner, 0, b"b'")
            || self.text.contains(&b'(');
        match needs {
            Anything => true,
            Something => head != 0,
            Text => is_text && has_letter(inner),
            Nothing => head == 0 && self.end.is_some() || stands(inner, 0, b"-1)"),
            Place => is_place(inner) || stands(inner, 0, b"__file__"),
            Callback => CALLBACKS.iter().any(|name| find(inner, name, 0).is_some()),
            Probe => is_probe(inner),
        }
    }

    /// After a call comes the end, punctuation or an operator; prose goes on with a word.
    fn end_like_code(&self, text: &[u8]) -> bool {
        let Some(end) = self.end else { return true };
        let next = skip_space(text, end);
        let line_ended = span(text, end, next).contains(&b'\n');
        let follows = word(text, next);
        line_ended
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

fn has_letter(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_alphanumeric)
}

/// `'/etc/passwd'`, `"http://…"`, `'../x'`, `'|id'`, `"."`, `$_GET`, `__FILE__`, a nested call of a
/// superglobal.
fn is_place(arguments: &[u8]) -> bool {
    let inner = arguments
        .iter()
        .position(|byte| matches!(byte, b'\'' | b'"'))
        .map_or(&[][..], |quote| from(arguments, quote + 1));
    let starts = |head: &[u8]| inner.starts_with(head);
    starts(b"/") && !starts(b"/api")
        || starts(b"../")
        || starts(b"|")
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

/// `md5(1)`, `7*7`.
fn is_probe(arguments: &[u8]) -> bool {
    let name = word(arguments, 0);
    let product = || {
        let second = skip_space(arguments, name.len());
        let factor = word(arguments, skip_space(arguments, second + 1));
        at(arguments, second) == b'*' && is_number(name) && is_number(factor)
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

/// Words after which an expression stands, in the languages concerned.
const LEADS: &[&[u8]] = &[
    b"echo", b"print", b"println", b"return", b"die", b"and", b"or", b"new", b"do", b"then",
    b"else", b"not", b"await", b"puts", b"throw", b"typeof", b"import", b"p",
];

/// Whether a statement or an expression could begin at `start`.
fn is_statement(text: &[u8], start: usize, is_quoted: bool) -> bool {
    let Some(last) = last_before(text, start) else {
        return true;
    };
    let previous = at(text, last);
    let is_adjacent = last + 1 == start;
    if span(text, last, start).contains(&b'\n') {
        return true;
    }
    if is_word(previous) {
        return !is_adjacent && LEADS.contains(&word_before(text, last + 1));
    }
    // Prose puts a space after its punctuation; code may.
    let joins = matches!(
        previous,
        b';' | b'{'
            | b'}'
            | b'='
            | b'('
            | b'['
            | b'!'
            | b'@'
            | b'&'
            | b'|'
            | b'>'
            | b'<'
            | b'+'
            | b'*'
            | b'/'
            | b'%'
            | b'?'
            | b'#'
            | b'$'
            | b'~'
            | b'^'
    );
    let breaks_out = matches!(
        previous,
        b'\'' | b'"' | b'`' | b')' | b'.' | b',' | b':' | b'-' | b'\\' | b']'
    );
    joins && (is_adjacent || !is_quoted) || breaks_out && is_adjacent || is_space(previous)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Option<&'static str> {
        let mut hits = Vec::new();
        detect(text.to_ascii_lowercase().as_bytes(), &mut hits);
        hits.first().map(|hit| hit.rule.id)
    }

    #[test]
    fn finds_calls_where_code_could_stand() {
        for attack in [
            "system('id')",
            "'.system('id').'",
            "\"system\"(\"id\")",
            "(sy.(st).em)('whoami');",
            "print(md5(1));",
            "a=1; os.popen('id').read()",
            "open('/etc/passwd').read()",
            "x=Runtime.getRuntime().exec('id')",
        ] {
            assert!(rule(attack).is_some(), "{attack}");
        }
    }

    #[test]
    fn leaves_texts_about_calls_alone() {
        for honest in [
            "How to use file_get_contents() in PHP?",
            "phpinfo() shows the version",
            "call phpinfo() to see",
            "require(\"moral\") courage",
            "/a/.exec('b')",
            "db.exec('create table x')",
            "the system (new) works",
            "include (if possible) 'it'",
            "open('notes.txt').read()",
        ] {
            assert_eq!(rule(honest), None, "{honest}");
        }
    }
}
