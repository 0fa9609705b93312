//! What an expression does: computes on constants, calls methods of constants, runs commands.

use super::Expression;
use crate::waf::scan::{at, find, from, is_word, skip_space, skip_while, span, trim, word};

/// Arithmetic on constants: `7*7`, `=7*7`, `'7'*7`, `7*'7'`, `"a".concat("b")`.
pub(super) fn computes(expression: &Expression<'_>) -> bool {
    let open = expression.open;
    let inner = strip(expression.inner);
    let Some(operator) = arithmetic(inner) else {
        return calls_constant(inner, open, expression.is_whole)
            || expression.is_whole && repeats_constant(inner, open)
            || decides(expression)
            || compares(expression);
    };
    // `x^{2*3}`, `2*{4*5}`: delimiters of one kind are what mathematics writes as well.
    let is_loose = matches!(open, b"*{" | b"%{" | b"!{" | b"~{" | b"[=" | b"[%" | b"{$");
    if is_loose {
        return !is_word(expression.before) && expression.before != b')';
    }
    match open {
        // `${10-20} per person`, `@(1-2)`: ranges.
        b"${" | b"@(" => {
            operator != b'-' && (operator != b'/' || expression.is_whole) && !names_variable(inner)
        }
        _ => true,
    }
}

/// `7*7`, `=1337 * 1337`, `!! 7*7 !!`: two numbers and nothing else.
pub(super) fn is_product(inner: &[u8]) -> bool {
    let is_sigil = |byte: &u8| b"=@!$".contains(byte);
    let start = inner
        .iter()
        .take(2)
        .take_while(|byte| is_sigil(byte))
        .count();
    let end = inner
        .iter()
        .rev()
        .take(2)
        .take_while(|byte| is_sigil(byte))
        .count();
    let inner = trim(span(inner, start, inner.len().saturating_sub(end)));
    let first = skip_while(inner, 0, |byte| byte.is_ascii_digit());
    let star = skip_space(inner, first);
    let second = skip_space(inner, star + 1);
    let end = skip_while(inner, second, |byte| byte.is_ascii_digit());
    first > 0 && at(inner, star) == b'*' && end > second && end == inner.len()
}

fn strip(inner: &[u8]) -> &[u8] {
    let inner = trim(inner);
    let inner = inner.strip_prefix(b"print").unwrap_or(inner);
    // What dialects write before an expression that is printed raw, escaped or at all.
    let sigils = skip_while(inner, 0, |byte| b"=-^@:>*~!&#".contains(&byte)).min(2);
    let inner = trim(from(inner, sigils));
    inner
        .strip_prefix(b"{")
        .or_else(|| inner.strip_prefix(b"("))
        .unwrap_or(inner)
}

/// `1 + (1 - scale) * progress`, spaced as programs are: a formula of somebody's code.
fn names_variable(inner: &[u8]) -> bool {
    inner.split(|byte| *byte == b' ').skip(1).any(|token| {
        token
            .iter()
            .filter(|byte| byte.is_ascii_alphabetic())
            .count()
            > 1
    })
}

/// The operator between two constants at the start.
fn arithmetic(inner: &[u8]) -> Option<u8> {
    let inner = trim(inner);
    let operand = |start: usize| {
        let sign = skip_while(inner, start, |byte| matches!(byte, b'(' | b'-'));
        let end = skip_while(inner, sign, |byte| {
            byte.is_ascii_digit() || matches!(byte, b'\'' | b'"' | b'.')
        });
        let has_digit = span(inner, sign, end).iter().any(u8::is_ascii_digit);
        has_digit.then_some(end)
    };
    let operator = skip_space(inner, operand(0)?);
    let sign = at(inner, operator);
    let is_operator = matches!(sign, b'*' | b'+' | b'-' | b'%' | b'/' | b'^');
    let second = skip_space(
        inner,
        operator + 1 + usize::from(at(inner, operator + 1) == b'*'),
    );
    let end = operand(second)?;
    // A date is no sum.
    let is_date = matches!(sign, b'-' | b'/') && at(inner, skip_space(inner, end)) == sign;
    (is_operator && !is_date).then_some(sign)
}

/// `'a'.concat('b')`: nobody calls methods of a constant in a template but to see whether it runs.
fn calls_constant(inner: &[u8], open: &[u8], is_whole: bool) -> bool {
    let quote = at(inner, 0);
    if !matches!(quote, b'\'' | b'"')
        || !matches!(
            open,
            b"{{" | b"${" | b"#{" | b"<%" | b"*{" | b"@(" | b"%{" | b"{%"
        )
    {
        return false;
    }
    let close = skip_while(inner, 1, |byte| byte != quote);
    let method = word(inner, close + 2);
    at(inner, close + 1) == b'.'
        && !method.is_empty()
        && at(inner, close + 2 + method.len()) == b'('
        && (!matches!(method, b"format" | b"join") || method == b"join" && is_whole)
}

/// `"x"*7`, `7?c`: what only shows whose language runs.
fn repeats_constant(inner: &[u8], open: &[u8]) -> bool {
    if !matches!(open, b"{{" | b"${" | b"#{" | b"<%" | b"{%") {
        return false;
    }
    let quote = at(inner, 0);
    if matches!(quote, b'\'' | b'"') {
        let close = skip_while(inner, 1, |byte| byte != quote);
        let star = skip_space(inner, close + 1);
        return at(inner, star) == b'*' && at(inner, skip_space(inner, star + 1)).is_ascii_digit();
    }
    let digits = skip_while(inner, 0, |byte| byte.is_ascii_digit());
    let builtin = word(inner, digits + 1);
    open == b"${"
        && digits > 0
        && at(inner, digits) == b'?'
        && !builtin.is_empty()
        && builtin.len() + digits + 1 == inner.len()
}

/// `{% if 1 %}`, `[#if 1==1]`: a condition on numbers, where a page's own asks for a variable.
fn decides(expression: &Expression<'_>) -> bool {
    let inner = trim(expression.inner);
    let condition = match expression.open {
        b"{%" => inner
            .strip_prefix(b"if ")
            .or_else(|| inner.strip_prefix(b"unless ")),
        b"<#" | b"[#" => inner.strip_prefix(b"if "),
        _ => None,
    };
    condition.is_some_and(|condition| {
        condition.iter().any(u8::is_ascii_digit)
            && condition
                .iter()
                .all(|byte| byte.is_ascii_digit() || b" =<>!*+-/()'\"".contains(byte))
    })
}

/// `{% if 7*7 == 49 %}`, `{% print(7*7) %}`, `{$7*7}` within statements.
fn compares(expression: &Expression<'_>) -> bool {
    let is_statement = matches!(expression.open, b"{%" | b"<%" | b"<#" | b"[#" | b"{{");
    if !is_statement {
        return false;
    }
    let inner = expression.inner;
    let mut index = 0;
    while let Some(star) = from(inner, index).iter().position(|byte| *byte == b'*') {
        let star = index + star;
        index = star + 1;
        let left = at(inner, star.wrapping_sub(1));
        if left.is_ascii_digit()
            && at(inner, star + 1).is_ascii_digit()
            && matches!(
                word(trim(inner), 0),
                b"if" | b"print" | b"set" | b"elif" | b"out" | b"assign" | b"with"
            )
        {
            return true;
        }
    }
    false
}

/// `{{"a"|upper}}`, `{{ [1,2]|length }}`, `{{7|add:7}}` alone: filters on constants.
fn filters_constant(expression: &Expression<'_>) -> bool {
    let inner = trim(expression.inner);
    let pipe = skip_while(inner, 0, |byte| byte != b'|');
    let filter = word(inner, skip_space(inner, pipe + 1));
    let constant = trim(span(inner, 0, pipe));
    expression.is_whole
        && expression.open == b"{{"
        && matches!(
            filter,
            b"add"
                | b"length"
                | b"upper"
                | b"lower"
                | b"reverse"
                | b"join"
                | b"e"
                | b"raw"
                | b"first"
                | b"upcase"
                | b"downcase"
                | b"size"
                | b"times"
                | b"plus"
                | b"minus"
                | b"divided_by"
                | b"batch"
                | b"hash"
                | b"md5"
                | b"exec"
                | b"reverse_each"
                | b"capitalize"
                | b"format"
                | b"format_number"
                | b"json_encode"
                | b"trim"
                | b"round"
                | b"abs"
                | b"system"
                | b"passthru"
                | b"list"
                | b"sort"
        )
        && (matches!(at(constant, 0), b'[')
            || constant.iter().all(u8::is_ascii_digit)
            || matches!(at(constant, 0), b'"' | b'\'') && constant.len() < 8)
        && !constant.is_empty()
}

/// Operators that are words, in one dialect or another.
const OPERATORS: &[&[u8]] = &[
    b"eq", b"ne", b"gt", b"lt", b"ge", b"le", b"mod", b"div", b"and", b"or", b"not", b"if",
    b"else", b"is", b"in",
];

/// `{{ 1 == 1 }}`, `${7 mod 4}`, `{{ 1 if 1 else 0 }}`, `{{ [1,2,3] }}`: what decides or counts constants and is
/// all that the text says. (`{{1}}` is a placeholder, `{{ 2026-11-21 }}` a date.)
fn counts_constants(expression: &Expression<'_>) -> bool {
    let inner = strip(expression.inner);
    if !expression.is_whole || !matches!(expression.open, b"{{" | b"${" | b"#{" | b"<%") {
        return false;
    }
    let is_row = at(inner, 0) == b'[' && inner.contains(&b',');
    let is_row = is_row
        && inner
            .iter()
            .all(|byte| byte.is_ascii_digit() || b"[], ".contains(byte));
    let (mut index, mut has_operand, mut has_operator) = (0, false, false);
    while index < inner.len() {
        let token = word(inner, index);
        index += match at(inner, index) {
            quote @ (b'\'' | b'"') => {
                has_operand = true;
                skip_while(inner, index + 1, |byte| byte != quote) + 1 - index
            }
            _ if OPERATORS.contains(&token) => {
                has_operator = true;
                token.len()
            }
            b'0'..=b'9' if token.iter().all(u8::is_ascii_digit) => {
                has_operand = true;
                token.len()
            }
            b'=' | b'!' | b'<' | b'>' | b'&' | b'|' | b'.'
                if at(inner, index + 1) == b'=' || at(inner, index + 1) == at(inner, index) =>
            {
                has_operator = true;
                2
            }
            b' ' | b'(' | b')' => 1,
            _ => return is_row,
        };
    }
    is_row || has_operand && has_operator
}

/// `<%= Time.now %>`, `#{session.class}`, `<%= ENV.to_a %>`: what only tells what runs.
fn tells_runtime(expression: &Expression<'_>) -> bool {
    let name = strip(expression.inner);
    let starts: [&[u8]; 6] = [
        b"env",
        b"time.now",
        b"process.",
        b"root.",
        b"rails.",
        b"ruby_version",
    ];
    let ends: [&[u8]; 4] = [
        b".class",
        b".class.name",
        b".methods",
        b".instance_variables",
    ];
    expression.is_whole
        && matches!(expression.open, b"<%" | b"#{")
        && name.iter().all(|byte| is_word(*byte) || *byte == b'.')
        && (starts.iter().any(|start| {
            name.starts_with(start) && (start.ends_with(b".") || !is_word(at(name, start.len())))
        }) || ends.iter().any(|end| name.ends_with(end)))
}

/// `{{ $_SERVER }}`, `{$_GET[0]}`: what a request says, and nothing around it.
fn asks_superglobal(expression: &Expression<'_>) -> bool {
    let inner = trim(expression.inner);
    let name = word(inner, usize::from(at(inner, 0) == b'$'));
    expression.is_whole
        && (at(inner, 0) == b'$' || expression.open == b"{$")
        && matches!(
            name,
            b"_get"
                | b"_post"
                | b"_request"
                | b"_server"
                | b"_cookie"
                | b"_env"
                | b"_files"
                | b"globals"
        )
}

/// Commands in backticks, files by absolute path, variables that are nothing but a probe.
pub(super) fn reaches(expression: &Expression<'_>) -> bool {
    let inner = trim(expression.inner);
    let runs = matches!(expression.open, b"#{" | b"<%")
        && matches!(
            inner,
            [b'`', ..] | [b'=', b'`', ..] | [b'=', b' ', b'`', ..]
        );
    runs || calls_variable(expression)
        || opens_file(inner)
        || is_polyglot(expression)
        || filters_constant(expression)
        || prints_constant(expression)
        || assigns(expression)
        || counts_constants(expression)
        || tells_runtime(expression)
        || asks_superglobal(expression)
}

/// `{{x=Object}}{{w=new x}}`: an assignment that is all, or stands right behind another expression.
/// What a page is filled with names values and sets none.
fn assigns(expression: &Expression<'_>) -> bool {
    let name = word(expression.inner, 0);
    let value = from(expression.inner, name.len() + 1);
    let stands_alone = expression.is_whole || expression.before == b'}';
    expression.open == b"{{"
        && stands_alone
        && at(name, 0).is_ascii_alphabetic()
        && at(expression.inner, name.len()) == b'='
        && matches!(
            at(value, 0),
            b'a'..=b'z' | b'[' | b'{' | b'\'' | b'"' | b'$'
        )
        && !value.contains(&b'|')
}

/// Go's `{{printf "%s" "x"}}`, `{{"a"+"b"}}`, Twig's `{{ 'a' ~ 'b' }}` alone.
fn prints_constant(expression: &Expression<'_>) -> bool {
    let inner = trim(expression.inner);
    let name = word(inner, 0);
    let is_builtin = matches!(
        name,
        b"printf" | b"print" | b"println" | b"html" | b"js" | b"urlquery"
    );
    let rest = trim(from(inner, name.len()));
    let quote = at(rest, 0);
    if !expression.is_whole
        || !matches!(expression.open, b"{{" | b"${")
        || !matches!(quote, b'"' | b'\'')
    {
        return false;
    }
    let close = skip_while(rest, 1, |byte| byte != quote);
    let next = skip_space(rest, close + 1);
    let is_joined = name.is_empty()
        && matches!(at(rest, next), b'+' | b'~')
        && at(rest, skip_space(rest, next + 1)) == quote;
    let names_value = rest.iter().any(|byte| matches!(byte, b'$' | b'|'))
        || rest.windows(2).any(|pair| pair == b" .");
    is_builtin && !names_value || is_joined
}

/// `{$x('id')}`: a variable that names a function.
fn calls_variable(expression: &Expression<'_>) -> bool {
    let name = word(expression.inner, 0);
    expression.open == b"{$"
        && !name.is_empty()
        && at(expression.inner, name.len()) == b'('
        && matches!(at(expression.inner, name.len() + 1), b'\'' | b'"')
}

/// `{% include '/etc/passwd' %}`.
fn opens_file(inner: &[u8]) -> bool {
    if [
        &b"include /etc/"[..],
        b"insert /etc/",
        b"process /etc/",
        b"> /etc/",
        b"> ../",
    ]
    .iter()
    .any(|start| inner.starts_with(start))
    {
        return true;
    }
    let name = word(
        inner,
        skip_while(inner, 0, |byte| matches!(byte, b'-' | b'=' | b' ' | b'@')),
    );
    if !matches!(
        name,
        b"include" | b"extends" | b"import" | b"source" | b"render" | b"from"
    ) {
        return false;
    }
    let quote = skip_while(inner, 0, |byte| !matches!(byte, b'"' | b'\''));
    let path = from(inner, quote + 1);
    [
        &b"/etc/"[..],
        b"/proc/",
        b"../",
        b"file:",
        b"http:",
        b"https:",
        b"c:",
        b"php:",
    ]
    .iter()
    .any(|start| path.starts_with(start))
}

/// `${{<%[%'"}}%\`: every delimiter at once.
fn is_polyglot(expression: &Expression<'_>) -> bool {
    expression.open == b"${" && expression.inner.starts_with(b"{<%[")
        || (expression.open == b"{{" && find(expression.inner, b"<%[%", 0).is_some())
}
