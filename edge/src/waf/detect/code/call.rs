//! Calls of dangerous functions, in any of the languages that servers evaluate.
//!
//! Three things tell code from a text about code: the name is dangerous, its arguments are what an
//! attack passes, and the call stands where a statement or an expression would.

use super::arguments::Arguments;
use super::functions::{self, Needs};
use crate::waf::detect::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::scan::{
    at, before, find, from, is_space, is_word, last_before, position, skip_while, span, stands,
    word_before,
};

use Needs::{Module, Nothing, Place, Probe, Something};

/// Longest text that is read as a whole, for each call in it, in bytes.
const MAX_EXAMPLE: usize = 1000;
/// Longest name before a parenthesis that is read, in bytes.
const MAX_CALLEE: usize = 64;

/// Fewest letters of a function's name that is spelled in groups.
const MIN_CALLEE: usize = 3;

/// Most groups side by side that spell a name: `[system][0]{}` has three.
const MAX_GROUPS: usize = 8;

/// Most calls named in one text: where the first is quoted by an author, another may not be.
const MAX_CALLS: usize = 8;

/// Names the rules that the calls break.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    let (mut index, mut calls) = (0, 0);
    while let Some(open) = position(text, index, |byte| byte == b'(')
        && hits.meter.pays(price::CALL)
    {
        index = open + 1;
        if let Some((rule, start)) = check(text, open, hits) {
            hits.push(Hit::new(rule, start, open + 1));
            calls += 1;
            if calls == MAX_CALLS {
                return;
            }
        }
    }
}

/// The rule that the call with its parenthesis at `open` breaks, and where its name starts.
fn check(text: &[u8], open: usize, hits: &mut Hits) -> Option<(&'static Rule, usize)> {
    let name = name_before(text, open, hits)?;
    let path = path_before(text, name.start);
    let (needs, rule) = suspicion(&name, path, text)?;
    hits.meter.charge(1, price::ARGUMENTS);
    let start = name.start - path.len();
    if is_everyday(text, open, &name.text, start) || !is_statement(text, start, name.is_quoted) {
        return None;
    }
    let arguments = Arguments::read(text, open);
    // A name in quotes is a string that is called: nobody writes that but to hide it.
    let needs = match needs {
        Nothing => needs,
        _ if name.is_quoted => Something,
        _ => needs,
    };
    let is_builder = *name.text == *b"new" && !arguments.are_started(text);
    (arguments.meet(needs) && !is_builder && arguments.end_like_code(text)).then_some((rule, start))
}

/// What programs of every kind do: `json_decode(file_get_contents('php://input'))`, and a question
/// to Java's run time that starts nothing.
fn is_everyday(text: &[u8], open: usize, name: &[u8], start: usize) -> bool {
    let tail = from(text, open);
    match name {
        b"file_get_contents" => {
            (tail.starts_with(b"('php://input')") || tail.starts_with(b"(\"php://input\")"))
                && before(text, start) == b'('
                && word_before(text, start.saturating_sub(1)) == b"json_decode"
        }
        b"getruntime" if tail.starts_with(b"();") => {
            text.len() <= MAX_EXAMPLE && find(text, b"exec", 0).is_none()
        }
        b"getruntime" => [
            &b"().availableprocessors("[..],
            b"().totalmemory(",
            b"().freememory(",
            b"().maxmemory(",
            b"().addshutdownhook(",
            b"().exec()",
        ]
        .iter()
        .any(|question| tail.starts_with(question)),
        // `Class.forName("com.mysql.jdbc.Driver")`
        b"forname" => {
            let class = skip_while(tail, 2, |byte| is_word(byte) || byte == b'.');
            matches!(at(tail, class), b'"' | b'\'') && span(tail, 2, class).ends_with(b"driver")
        }
        _ => false,
    }
}

struct Name<'a> {
    text: std::borrow::Cow<'a, [u8]>,
    start: usize,
    is_quoted: bool,
}

/// `system`, `"system"`, `(sy.(st).em)`, `['system'][0]`: the function that would be called.
fn name_before<'t>(text: &'t [u8], open: usize, hits: &mut Hits) -> Option<Name<'t>> {
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
    hits.meter.charge(1, price::GROUPS);
    let window = span(text, (last + 1).saturating_sub(MAX_CALLEE), last + 1);
    let spelled = window.iter().filter(|byte| byte.is_ascii_alphabetic());
    if spelled.count() < MIN_CALLEE {
        return None;
    }
    let inner = from(window, groups_start(window)?);
    if is_link_text(inner) {
        return None;
    }
    let name = letters(inner);
    // PHP's `(string)"system"`: the last of them is called, whatever it is cast from.
    let literal = word_before(text, last);
    let cast = || {
        name.strip_prefix(b"string")
            .filter(|name| functions::function(name).is_some())
    };
    let name = match functions::function(&name) {
        None if functions::function(literal).is_some() => literal.to_vec(),
        None if let Some(name) = cast() => name.to_vec(),
        _ => name,
    };
    (!name.is_empty() && name.len() <= 24).then_some(Name {
        text: name.into(),
        start: last + 1 - inner.len(),
        is_quoted: true,
    })
}

/// Markdown's `[text](url)`, which is one group in brackets, and what it may hold.
fn is_link_text(groups: &[u8]) -> bool {
    let quotes = |byte: &u8| matches!(byte, b'\'' | b'"');
    let is_bracket = |byte: &u8| *byte == b'[';
    groups.contains(&b'`')
        || groups.ends_with(b"]")
            && !groups.iter().any(quotes)
            && groups.iter().position(is_bracket) == groups.iter().rposition(is_bracket)
}

/// What the groups spell: digits index them, and comments stand between them.
fn letters(groups: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(groups.len());
    let mut index = 0;
    while index < groups.len() {
        if stands(groups, index, b"/*") {
            index = find(groups, b"*/", index).unwrap_or(groups.len());
        } else if at(groups, index).is_ascii_alphabetic() || at(groups, index) == b'_' {
            name.push(at(groups, index));
        }
        index += 1;
    }
    name
}

/// Where the groups in brackets or quotes start that end with the window, at most so many.
fn groups_start(window: &[u8]) -> Option<usize> {
    // Brackets that are open, two bits each: a window has no more than these hold.
    let (mut open, mut depth) = (0_u128, 0_usize);
    let (mut quote, mut start, mut groups) = (0u8, None, 0);
    for (index, &byte) in window.iter().enumerate().rev() {
        match byte {
            _ if quote == byte => quote = 0,
            _ if quote != 0 => {}
            b'\'' | b'"' => quote = byte,
            b')' | b']' | b'}' => {
                open = open << 2 | bracket(byte);
                depth += 1;
            }
            b'(' | b'[' | b'{' => {
                if depth == 0 || open & 3 != bracket(byte) {
                    return start;
                }
                open >>= 2;
                depth -= 1;
            }
            _ if depth == 0 && !is_space(byte) => return start,
            _ => {}
        }
        if depth == 0 && quote == 0 && !is_space(byte) {
            start = Some(index);
            groups += 1;
            if groups == MAX_GROUPS {
                return start;
            }
        }
    }
    start
}

/// The kind of a bracket, in two bits.
fn bracket(byte: u8) -> u128 {
    match byte {
        b'(' | b')' => 1,
        b'[' | b']' => 2,
        _ => 3,
    }
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
    // Cheetah's `$os.popen('id')`.
    let object = object.strip_prefix(b"$").unwrap_or(object);
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
    let is_generic =
        matches!(needs, Probe) || matches!(needs, Place | Module) && !object.is_empty();
    (!is_method || is_concatenated || is_command || is_generic).then_some((needs, rule))
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
        let lead = word_before(text, last + 1);
        // Blade's `@php system('id') @endphp`.
        let is_blade = lead == b"php" && at(text, last.wrapping_sub(3)) == b'@';
        return !is_adjacent && (is_blade || LEADS.contains(&lead));
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
        let mut hits = Hits::default();
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
            "([ system ] [ 0 ]) {/* comment */0} ( ls )",
            "`system('x')` and system('id')",
            "system(ls -la)",
            "require('../../../etc/passwd')",
            "call_user_func('system', 'id')",
            "call_user_func($_get[f])",
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
            "see [system](https://example.com/a) and [exec][1]",
            "the [`spawnSync`](https://nodejs.org/api) call",
            "subprocess.Popen(cmd, env=env)",
            "__import__(modname)",
            "open('notes.txt').read()",
            "const x = require('../lib/x.js')",
            "return call_user_func( $this->content, $this );",
        ] {
            assert_eq!(rule(honest), None, "{honest}");
        }
    }
}
