//! Commands whose names are put together only when they run, where a value is nothing else or breaks
//! out to them: shells' quotes of escapes, variables side by side, `PowerShell`'s call operator.

use crate::waf::scan::{at, find, is_space, is_word, skip_space, skip_while, span, stands};

/// Longest name that is put together, in bytes.
const MAX_SPELLED: usize = 80;
/// Escapes that nobody writes but to hide a name.
const MIN_ESCAPES: usize = 2;
/// Variables that a command is put together from.
const MIN_VARIABLES: usize = 2;

/// Where such a command starts and ends.
pub(super) fn command(text: &[u8]) -> Option<(usize, usize)> {
    let first = skip_while(span(text, 0, MAX_SPELLED), 0, |byte| {
        is_space(byte) || matches!(byte, b'"' | b'\'' | b')')
    });
    let start = skip_while(span(text, 0, first + MAX_SPELLED), first, |byte| {
        is_space(byte) || matches!(byte, b';' | b'|')
    });
    let end = escaped(text, start)
        .or_else(|| called(text, start))
        .or_else(|| assigned(text, start))
        .or_else(|| joined(text, start).filter(|_| start > first))
        .or_else(|| made(text))?;
    Some((start, end))
}

/// `$'\151\144'`: a word of nothing but escapes.
fn escaped(text: &[u8], start: usize) -> Option<usize> {
    if !stands(text, start, b"$'\\") {
        return None;
    }
    let word = span(text, start + 2, start + 2 + MAX_SPELLED);
    let end = word.iter().position(|byte| *byte == b'\'')?;
    let escapes = span(word, 0, end).split(|byte| *byte == b'\\').skip(1);
    let is_escape = |escape: &[u8]| {
        let digits = escape.strip_prefix(b"x").unwrap_or(escape);
        (2..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit)
    };
    let is_hidden = escapes.clone().count() >= MIN_ESCAPES && escapes.clone().all(is_escape);
    is_hidden.then_some(start + 3 + end)
}

/// `& ('who'+'ami')`, `. ( $PSHome[4]+'x')`: what is called is put together.
fn called(text: &[u8], start: usize) -> Option<usize> {
    // `&&` was read as a separator by nobody: it is none of PowerShell's operators.
    let is_operator = matches!(at(text, start), b'&' | b'.') && at(text, start + 1) != b'&';
    let open = skip_space(span(text, 0, start + MAX_SPELLED), start + 1);
    if !is_operator || at(text, open) != b'(' {
        return None;
    }
    let name = span(text, open + 1, open + 1 + MAX_SPELLED);
    let name = span(name, 0, name.iter().position(|byte| *byte == b')')?);
    let head = at(name, skip_space(name, 0));
    (matches!(head, b'\'' | b'"' | b'$' | b'[') && is_sum(name)).then_some(open + 2 + name.len())
}

/// Whether strings or characters are joined.
fn is_sum(value: &[u8]) -> bool {
    value.contains(&b'+') || find(value, b"-join", 0).is_some()
}

/// The length of `$name` at `start`.
fn variable(text: &[u8], start: usize) -> Option<usize> {
    let end = skip_while(span(text, 0, start + MAX_SPELLED), start + 1, is_word);
    (at(text, start) == b'$' && end > start + 1).then_some(end - start)
}

/// `$x='who'+'ami';&$x`: the same in two steps.
fn assigned(text: &[u8], start: usize) -> Option<usize> {
    let text = span(text, 0, start + 2 * MAX_SPELLED);
    let length = variable(text, start)?;
    let equals = skip_space(text, start + length);
    let value = skip_space(text, equals + 1);
    let end = skip_while(text, value, |byte| byte != b';');
    let call = skip_space(text, end + 1);
    let name = skip_space(text, call + 1);
    let is_same =
        stands(text, name, span(text, start, start + length)) && !is_word(at(text, name + length));
    let is_built = matches!(at(text, value), b'\'' | b'"' | b'[') && is_sum(span(text, value, end));
    let is_call = matches!(at(text, call), b'&' | b'.');
    (at(text, equals) == b'=' && is_built && is_call && is_same).then_some(name + length)
}

/// `;a=c;b=at;$a$b /etc/passwd`: pieces are kept in variables, and side by side they are a command.
fn joined(text: &[u8], start: usize) -> Option<usize> {
    let text = span(text, 0, start + 2 * MAX_SPELLED);
    let (mut index, mut count) = (start, 0);
    loop {
        let name = skip_while(text, index, is_word);
        if name == index || at(text, name) != b'=' {
            break;
        }
        let ends = |byte| matches!(byte, b';' | b'&' | b' ' | b'\n');
        let value = skip_while(text, name + 1, |byte| !ends(byte));
        index = skip_while(text, value, ends);
        count += 1;
    }
    let first = variable(text, index)?;
    let second = variable(text, index + first)?;
    (count >= MIN_VARIABLES).then_some(index + first + second)
}

/// `$(tr '!-0' '"-1' <<< .)`: a character that another program makes.
fn made(text: &[u8]) -> Option<usize> {
    let start = find(text, b"$(tr ", 0)?;
    find(span(text, start, start + MAX_SPELLED), b"<<<", 0).map(|length| start + length + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_put_together_are_commands() {
        for attack in [
            r"$'\151\144'",
            r";$'\x63\x61\x74' /etc/hosts",
            "; & ('who'+'ami')",
            "| . ( $pshome[4]+$pshome[30]+'x') whoami",
            "; &([char]119+'hoami')",
            "$x='who'+'ami';&$x",
            ";a=c;b=at;$a$b x",
            ";a=c;b=at;c=/etc/group;$a$b $c",
            r#""; $(tr '!-0' '"-1' <<< .)bin"#,
        ] {
            assert!(command(attack.as_bytes()).is_some(), "{attack}");
        }
        for honest in [
            r"$'\n'",
            "if (a) && ('b'+c)",
            "& (a+b) is the sum",
            ". ('x' is there)",
            "$total='a'+'b';echo $total",
            "a=1;b=2;echo $a$b",
            "a=1; b=2; $a$b",
            "$(tr a-z A-Z)",
        ] {
            assert!(command(honest.as_bytes()).is_none(), "{honest}");
        }
    }
}
