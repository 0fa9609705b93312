//! PHP's superglobals, and names that are put together from pieces before they are called.

use super::functions::{self, Needs};
use crate::waf::detect::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::code as rules;
use crate::waf::scan::{
    at, before, find, from, is_space, last_before, position, skip_space, skip_while, span, stands,
    trim, word, word_before,
};

/// The variables through which PHP hands a request over.
const GLOBALS: &[&[u8]] = &[
    b"_get",
    b"_post",
    b"_request",
    b"_server",
    b"_cookie",
    b"_files",
    b"_session",
    b"_env",
    b"globals",
];

/// Functions around a superglobal that only look at it.
const LOOKERS: &[&[u8]] = &[
    b"isset",
    b"empty",
    b"intval",
    b"trim",
    b"htmlspecialchars",
    b"htmlentities",
    b"is_numeric",
    b"filter_var",
    b"count",
];
/// Longest index of a superglobal, in bytes.
const MAX_INDEX: usize = 64;
/// Longest name put together from pieces, and longest white space between two of them.
const MAX_NAME: usize = 24;
const MAX_GAP: usize = 4;
/// Most pieces of one name.
const MAX_PIECES: usize = 12;
/// Variables remembered that hold a name in pieces.
const MAX_VARIABLES: usize = 8;
/// How far an assignment is read, in bytes.
const MAX_ASSIGNMENT: usize = 80;

/// Names the rules that the text breaks.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    globals(text, hits);
    pieces(text, hits);
    variables(text, hits);
    results(text, hits);
    // The complement of a name: `(~…)()`.
    if text.starts_with(b"(~") && find(text, b")(", 2).is_some() {
        hits.push(Hit::new(&rules::PHP_CALL, 0, 2));
    }
    if let Some((start, end)) = masked(text) {
        hits.push(Hit::new(&rules::PHP_CALL, start, end));
    }
}

/// Longest string of a name that is spelled by two.
const MAX_MASK: usize = 64;

/// `("..."^"...")(...)`: a name that two strings make by exclusive or, called.
fn masked(text: &[u8]) -> Option<(usize, usize)> {
    let sign = find(text, b"\"^\"", 0).or_else(|| find(text, b"'^'", 0))?;
    let quote = at(text, sign);
    let head = span(text, sign.saturating_sub(MAX_MASK), sign);
    let open = head.iter().rposition(|byte| *byte == quote)?;
    let tail = from(text, sign + 3);
    let length = tail.iter().take(MAX_MASK).position(|byte| *byte == quote)?;
    let start = sign - (head.len() - open);
    let end = sign + 3 + length + 1;
    let is_called = before(text, start) == b'(' && span(text, end, end + 2) == b")(";
    is_called.then(|| (start - 1, end + 2))
}

/// `$_GET['c']` as a whole value or where code uses it; a sentence may name it.
fn globals(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    // Read for the first of them: a hostile text holds thousands.
    let mut whole = None;
    while let Some(start) = position(text, index, |byte| byte == b'$') {
        hits.look();
        index = start + 1;
        let name = word(text, index);
        let open = index + name.len();
        if !GLOBALS.contains(&name) || !matches!(at(text, open), b'[' | b'{') {
            continue;
        }
        let inner = span(text, open + 1, open + 1 + MAX_INDEX);
        let close = inner.iter().position(|byte| matches!(byte, b']' | b'}'));
        let Some(end) = close.map(|close| open + close + 2) else {
            continue;
        };
        let whole = whole.get_or_insert_with(|| Whole::of(text));
        if is_used(text, start, end, whole) {
            hits.push(Hit::new(&rules::PHP_GLOBAL, start, end));
            return;
        }
    }
}

/// What the text is as a whole.
struct Whole<'t> {
    text: &'t [u8],
    is_line: bool,
    assigns: bool,
}

impl<'t> Whole<'t> {
    fn of(text: &'t [u8]) -> Self {
        let text = trim(text);
        Self {
            text,
            is_line: !text.contains(&b'\n'),
            assigns: text.contains(&b'='),
        }
    }
}

fn is_used(text: &[u8], start: usize, end: usize, whole: &Whole<'_>) -> bool {
    let is_line = whole.is_line;
    let leads = last_before(text, start).map_or(0, |last| at(text, last));
    match at(text, end) {
        // `$$_GET[0]` names a variable, or more.
        _ if whole.text.len() == end - start || before(text, start) == b'$' => true,
        b'(' | b'{' | b'`' => true,
        // `$_SESSION['a']['b'] = 1` is a program's; `$_GET[a][b]` alone is not.
        b'[' => is_line && !whole.assigns,
        // `$id = $_GET['id'];` only keeps what it takes.
        // `"... where id=" . $_GET['id'];` goes on with it.
        b';' => is_line && !matches!(leads, b'=' | b'.' | b')'),
        b')' => {
            let caller = word_before(text, start.saturating_sub(1));
            let is_dangerous = caller.is_empty() || functions::function(caller).is_some();
            before(text, start) == b'('
                && !LOOKERS.contains(&caller)
                && (is_dangerous || is_line && whole.text.starts_with(caller))
        }
        _ => false,
    }
}

/// `'sys'.'tem'`: nobody writes the name of a function in pieces but to hide it.
fn pieces(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    while let Some(start) = position(text, index, |byte| byte == b'\'' || byte == b'"')
        && hits.meter.pays(price::STRING)
    {
        index = start + 1;
        if let Some((name, end)) = joined(text, start)
            && hits.meter.pays(price::JOINED)
            && is_hidden(&name)
        {
            hits.push(Hit::new(&rules::PHP_CALL, start, end));
            return;
        }
    }
}

fn is_hidden(name: &[u8]) -> bool {
    matches!(
        name,
        b"child_process" | b"__import__" | b"__globals__" | b"__class__" | b"__builtins__"
    ) || matches!(
        functions::function(name),
        Some((Needs::Text | Needs::Nothing, _))
    )
}

/// The name that two or more strings from `start` on make together, and where they end.
fn joined(text: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let mut name = Vec::new();
    let (mut open, mut count) = (start, 0);
    loop {
        let quote = at(text, open);
        let piece = span(text, open + 1, open + 2 + MAX_NAME);
        let length = piece.iter().position(|byte| *byte == quote)?;
        let piece = span(piece, 0, length);
        if !piece.iter().all(|byte| crate::waf::scan::is_word(*byte)) {
            return None;
        }
        name.extend_from_slice(piece);
        count += 1;
        let close = open + 1 + length;
        let gap = |index: usize| {
            let end = skip_while(span(text, 0, index + MAX_GAP), index, is_space);
            end.min(text.len())
        };
        let operator = gap(close + 1);
        let next = gap(operator + 1);
        let is_joined =
            matches!(at(text, operator), b'.' | b'+') && matches!(at(text, next), b'\'' | b'"');
        if !is_joined || name.len() > MAX_NAME || count == MAX_PIECES {
            return (count > 1 && name.len() <= MAX_NAME).then_some((name, close + 1));
        }
        open = next;
    }
}

/// What makes a string, whose result nobody calls but to hide its name.
const MAKERS: &[&[u8]] = &[
    b"strrev",
    b"implode",
    b"join",
    b"pack",
    b"hex2bin",
    b"base64_decode",
    b"str_rot13",
    b"substr",
    b"sprintf",
    b"trim",
    b"strtolower",
    b"str_replace",
    b"chr",
    b"define",
    b"constant",
    b"urldecode",
    b"rawurldecode",
];
/// Calls of Lua that compile what they are given.
const COMPILERS: &[&[u8]] = &[b"load(\"", b"load('", b"load([[", b"string(\"", b"string('"];
/// Longest arguments of one of them.
const MAX_MADE: usize = 64;

/// `strrev('metsys')('id')`: the result of a call is called.
fn results(text: &[u8], hits: &mut Hits) {
    let mut index = 0;
    while let Some(close) = find(text, b")(", index) {
        index = close + 2;
        let window = span(text, close.saturating_sub(MAX_MADE), close);
        let Some(open) = window.iter().rposition(|byte| *byte == b'(') else {
            continue;
        };
        let name = word_before(window, open);
        // Lua's `load("...")()`.
        let is_compiled = matches!(before(text, close), b'\'' | b'"' | b']')
            && at(text, index) == b')'
            && COMPILERS.iter().any(|name| find(window, name, 0).is_some());
        if MAKERS.contains(&name) && matches!(at(text, index), b'\'' | b'"' | b'$') || is_compiled {
            hits.push(Hit::new(&rules::PHP_CALL, close, index));
            return;
        }
    }
}

/// `$a='sys'.$b;$a('id')`: a variable that was put together and is then called.
fn variables(text: &[u8], hits: &mut Hits) {
    let mut names: Vec<&[u8]> = Vec::new();
    let mut index = 0;
    while let Some(start) = position(text, index, |byte| byte == b'$') {
        let name = word(text, start + 1);
        let end = start + 1 + name.len();
        index = end;
        if name.is_empty() {
            continue;
        }
        let is_call = at(text, end) == b'(' || stands(text, end, b")(");
        // `$$x('id')`: the function whose name is in the variable that `$x` names.
        let is_twice = before(text, start) == b'$'
            && at(text, end) == b'('
            && matches!(at(text, end + 1), b'\'' | b'"' | b'$');
        if is_call && names.contains(&name) || is_twice {
            hits.push(Hit::new(&rules::PHP_CALL, start, end + 1));
            return;
        }
        let equals = skip_space(span(text, 0, end + MAX_GAP), end);
        let is_assigned = at(text, equals) == b'=' && at(text, equals + 1) != b'=';
        if is_assigned && names.len() < MAX_VARIABLES && is_put_together(text, equals + 1) {
            names.push(name);
        }
    }
}

/// Whether strings are joined (`.`) or computed on (`^`) before the statement ends, or the string is
/// the name of a function that runs commands.
fn is_put_together(text: &[u8], start: usize) -> bool {
    let quote = skip_space(text, start);
    let named = word(text, quote + 1);
    let is_quoted = matches!(at(text, quote), b'\'' | b'"')
        && at(text, quote + 1 + named.len()) == at(text, quote);
    if is_quoted && super::arguments::is_callback(named) {
        return true;
    }
    // `$x=$_GET['x'];$x('id');`
    if at(text, quote) == b'$' && GLOBALS.contains(&named) {
        return true;
    }
    // `$x=strrev('metsys');$x('id');`
    let made = word(text, quote);
    if MAKERS.contains(&made) && at(text, quote + made.len()) == b'(' {
        return true;
    }
    span(text, start, start + MAX_ASSIGNMENT)
        .iter()
        .take_while(|byte| **byte != b';')
        .any(|byte| matches!(byte, b'.' | b'^'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(text: &str) -> bool {
        let mut hits = Hits::default();
        detect(text.as_bytes(), &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn a_name_of_two_strings_may_start_the_text() {
        assert_eq!(masked(b"'ab'^'cd')("), None);
        assert_eq!(masked(b"('ab'^'cd')("), Some((0, 12)));
    }

    #[test]
    fn finds_what_hides_a_call() {
        for attack in [
            "$_get['c']",
            "$_get[a]($_get[b]);",
            "include($_get['f']);",
            "$y = 'sys'.'tem';($y)('uname')",
            "define('z', [['sys' .'tem']]);(z)[0][0]('uname')",
            "$f='sys'.$t;$f('id');",
            "$f='system';$f('id');",
            "$x = $_get['x'];$x('id');",
            "strrev('metsys')('id')",
            "\"ev\"+\"al\"",
        ] {
            assert!(is_found(attack), "{attack}");
        }
    }

    #[test]
    fn leaves_sentences_and_joined_words_alone() {
        for honest in [
            "$_get['id'] undefined index",
            "https://a.example/?q=$_get['id'",
            "what does isset($_get['id']) return?",
            "'foo'.'bar'",
            "'it'+'is'",
            "$total = 3.5; $total is a number",
            "costs $5 (or $6.50)",
            "$f='strlen';$f('id');",
            "curry('a')('b')",
            "trim(x)(y)",
        ] {
            assert!(!is_found(honest), "{honest}");
        }
    }
}
