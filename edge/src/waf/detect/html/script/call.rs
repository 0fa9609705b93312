//! Calls of the functions that attacks call.

use super::context::{Context, goes_on};
use crate::waf::scan::{Needles, at, before, find, from, is_space, skip_space, span, stands, word};

/// Bytes of arguments looked at.
const REACH: usize = 160;

/// Whether a name is of a function that hardly any honest text calls: where code could run, the name
/// alone tells enough.
pub(super) fn is_strong(name: &[u8]) -> bool {
    matches!(
        name,
        b"alert" | b"prompt" | b"confirm" | b"eval" | b"execscript"
    )
}

/// Whether a name is of a function of honest programs, which counts where a string was left, and
/// otherwise by what it is given.
fn is_weak(name: &[u8]) -> bool {
    matches!(
        name,
        b"atob"
            | b"settimeout"
            | b"setinterval"
            | b"fetch"
            | b"import"
            | b"importscripts"
            | b"open"
            | b"print"
            | b"function"
            | b"getscript"
            | b"postmessage"
            | b"constructor"
            | b"requestanimationframe"
            | b"queuemicrotask"
            | b"setimmediate"
    )
}

/// Whether a name is of either kind.
pub(super) fn is_known(name: &[u8]) -> bool {
    is_strong(name) || is_weak(name)
}

/// Whether the function named at `index` is called and the call could run.
pub(super) fn runs(text: &[u8], index: usize, name: &[u8], context: &Context) -> bool {
    let end = index + name.len();
    let is_strong = is_strong(name);
    if !is_known(name) || is_others(text, index) {
        return false;
    }
    if is_strong {
        return is_called(text, end, context)
            && (strong_place(text, index, end, context) || is_member(text, index, context));
    }
    is_called(text, end, context) && weak_place(text, index, end, context)
}

/// `$x->confirm('Go on?')`, `Dialog::alert('x')`: a method in another language.
fn is_others(text: &[u8], index: usize) -> bool {
    matches!(span(text, index.saturating_sub(2), index), b"->" | b"::")
}

fn strong_place(text: &[u8], index: usize, end: usize, context: &Context) -> bool {
    context.is_outside(text, index)
        || (context.is_attribute(text, index) && !asks(text, index, end))
        || (context.is_raw(text, index) && !is_remark(text, end) && !is_message(text, end))
        || (before(text, index) == b'=' && follows_handler(text, index))
}

/// `return confirm('Delete it?')` lets a form through or not.
fn asks(text: &[u8], index: usize, end: usize) -> bool {
    let quote = at(text, end + 1);
    word(text, index) == b"confirm"
        && span(text, index.saturating_sub(7), index) == b"return "
        && matches!(quote, b'\'' | b'"')
        && from(text, end + 2).iter().take(REACH).find(|byte| {
            !(byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"?!.,".contains(byte))
        }) == Some(&quote)
}

/// Words of a message, at least.
const MIN_MESSAGE: usize = 2;
/// What the messages of probes say.
static PROBING: Needles<'static> = Needles::new(&[
    b"xss", b"hack", b"pwn", b"inject", b"script", b"cookie", b"vuln",
]);

/// `alert("Please enter your name.")`: a program that speaks to its user, where a probe shows that it ran.
/// What goes on where a number or a string stopped starts with something else than a name.
fn is_message(text: &[u8], end: usize) -> bool {
    let quote = at(text, end + 1);
    let tail = span(text, end + 2, end + 2 + REACH);
    let length = tail.iter().take_while(|byte| **byte != quote).count();
    let message = span(tail, 0, length);
    let is_text = |byte: &u8| {
        byte.is_ascii_alphanumeric() || *byte >= 0x80 || b" ?!.,:;-'()%/\n".contains(byte)
    };
    let words = message
        .split(|byte| !(byte.is_ascii_alphabetic() || *byte >= 0x80))
        .filter(|word| word.len() > 1);
    let head = span(text, 0, REACH);
    at(head, skip_space(head, 0)).is_ascii_alphabetic()
        && at(text, end) == b'('
        && matches!(quote, b'\'' | b'"')
        && at(tail, length + 1) == b')'
        && message.iter().all(is_text)
        && words.count() >= MIN_MESSAGE
        && PROBING.find(message, 0).is_none()
}

/// `onfoo=alert(1)`, after any prose.
fn follows_handler(text: &[u8], index: usize) -> bool {
    let name = crate::waf::scan::word_before(text, index.saturating_sub(1));
    name.len() > 3 && name.starts_with(b"on")
}

/// `window.alert(1)`, `top.eval(name)`.
fn is_member(text: &[u8], index: usize, context: &Context) -> bool {
    let object = super::object_before(text, index);
    let start = index.saturating_sub(object.len() + 1);
    before(text, index) == b'.'
        && super::object::GLOBALS.contains(&object)
        && (context.is_outside(text, start)
            || (context.is_raw(text, start) && !is_remark(text, index)))
}

fn weak_place(text: &[u8], index: usize, end: usize, context: &Context) -> bool {
    let argument = from(text, skip_space(text, end + 1));
    let is_template = at(text, end) == b'`';
    if is_template {
        return !context.is_in_backticks()
            && (context.is_outside(text, index)
                || context.is_raw(text, index)
                || before(text, index) == b'.');
    }
    // `function(` declares one; with a string in it, it is the constructor that evaluates.
    if context.is_outside(text, index) && word(text, index) != b"function" {
        return true;
    }
    let Some((quote @ (b'\'' | b'"' | b'`'), value)) = argument.split_first() else {
        // `setInterval(alert, 1000)`
        return is_strong(word(argument, 0)) && context.is_raw(text, index);
    };
    let value = span(value, 0, REACH);
    // `setTimeout('ale'+'rt(1)')`: code in two pieces, to hide it.
    let is_split = [b"'+'", b"\"+\"", b"`+`"]
        .iter()
        .any(|joint| find(value, *joint, 0).is_some());
    if is_split
        && matches!(
            word(text, index),
            b"settimeout" | b"setinterval" | b"constructor"
        )
    {
        return context.is_raw(text, index) || before(text, index) == b'.';
    }
    let value = value.split(|byte| byte == quote).next().unwrap_or_default();
    match word(text, index) {
        b"constructor" => matches!(before(text, index), b'.') && super::is_code(value),
        // `Function('return this')()` asks for the global object, in every bundle.
        b"function" => context.is_raw(text, index) && !value.starts_with(b"return this"),
        b"fetch" | b"open" | b"print" | b"postmessage" => {
            context.is_raw(text, index) && value.starts_with(b"//")
        }
        b"import" | b"importscripts" | b"getscript" => {
            let is_raw = context.is_raw(text, index) || before(text, index) == b'.';
            is_raw && (value.starts_with(b"//") || value.starts_with(b"data:"))
        }
        _ => context.is_raw(text, index) && super::is_hostile(value),
    }
}

/// Whether the sentence goes on after the call: "`eval()` is evil".
fn is_remark(text: &[u8], end: usize) -> bool {
    let window = span(text, end, end + REACH);
    let close = window.iter().position(|byte| *byte == b')');
    close.is_some_and(|close| goes_on(text, end + close + 1))
}

/// Whether what ends at `end` is called, with an argument that is one: `alert(1)`, not `alert (red)`.
fn is_called(text: &[u8], end: usize, context: &Context) -> bool {
    let end = if stands(text, end, b"?.") {
        end + 2
    } else {
        end
    };
    let end = if stands(text, end, b")") {
        end + 1
    } else {
        end
    };
    match at(text, end) {
        b'`' => {
            !context.is_in_backticks() && find(span(text, end + 1, end + REACH), b"`", 0).is_some()
        }
        b'(' => has_argument(text, end),
        b'.' => [&b"call"[..], b"apply", b"bind"].contains(&word(text, end + 1)),
        b' ' | b'\t' | b'\n' => {
            let open = skip_space(text, end);
            at(text, open) == b'('
                && matches!(
                    at(text, skip_space(text, open + 1)),
                    b'0'..=b'9' | b'\'' | b'"' | b'`' | b'/'
                )
        }
        // `/**/` between name and bracket.
        b'/' if at(text, end + 1) == b'*' => {
            let rest = span(text, end, end + REACH);
            find(rest, b"*/", 2).is_some_and(|close| at(rest, skip_space(rest, close + 2)) == b'(')
        }
        _ => false,
    }
}

fn has_argument(text: &[u8], open: usize) -> bool {
    let argument = skip_space(text, open + 1);
    // "alert(s)" is a plural.
    if stands(text, argument, b"s)") {
        return false;
    }
    let name = word(text, argument);
    let after = skip_space(text, argument + name.len());
    match at(text, argument) {
        b'\'' | b'"' | b'`' | b'/' | b'[' | b'(' | b'\\' | b'!' | b'+' | b'{' | b')' | b'-'
        | b'~' | b'$' => true,
        byte if name.is_empty() => byte >= 0x80,
        _ => {
            matches!(
                at(text, after),
                b')' | b'('
                    | b'.'
                    | b','
                    | b'+'
                    | b'['
                    | b'`'
                    | b'-'
                    | b'*'
                    | b'/'
                    | b'%'
                    | b'='
                    | 0
            ) || (is_space(at(text, after.saturating_sub(1))) && at(text, after) == b';')
        }
    }
}
