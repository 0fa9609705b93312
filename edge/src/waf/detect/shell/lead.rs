//! What leads to a command: separators, substitutions, and commands that run others.

use super::argument::Proof;
use super::command;
use super::context;
use super::word::Word;
use crate::waf::scan::{
    at, before, find, find_any, is_space, is_word, skip_space, skip_while, span, stands, trim,
};

/// How a command was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// `;`, `|`, `&`, `&&`, `||`.
    Separator,
    /// A line break, also one spelled `\n`.
    Line,
    /// `$(`, `<(`, `>(`.
    Substitution,
    /// A backtick.
    Backtick,
}

impl Lead {
    /// A separator that ends its line is punctuation of many languages: what stands on the next line
    /// is judged as a line's beginning, unless the value starts with that separator.
    pub(super) fn over(self, gap: &[u8], is_first: bool) -> Self {
        match self {
            Self::Separator if !is_first && gap.contains(&b'\n') => Self::Line,
            lead => lead,
        }
    }
}

/// Whether a separator may start with this byte.
pub(super) fn is_start(byte: u8) -> bool {
    // Without a branch, for whole blocks.
    let is_one = |start| u8::from(byte == start);
    let is_line = is_one(b'\n') | is_one(b'\\') | is_one(b'`');
    let is_bracket = is_one(b'$') | is_one(b'<') | is_one(b'>');
    is_line | is_bracket | is_one(b';') | is_one(b'|') | is_one(b'&') != 0
}

/// A separator at `index`, and where the command after it starts.
pub(super) fn read(text: &[u8], index: usize) -> Option<(Lead, usize)> {
    let next = at(text, index + 1);
    match at(text, index) {
        b'&' | b'|' | b';' if next == at(text, index) => Some((Lead::Separator, index + 2)),
        b'$' if next == b'(' && at(text, index + 2) != b'(' => {
            Some((Lead::Substitution, index + 2))
        }
        // `class="x">(node)</span>` ends a tag.
        b'>' if next == b'(' && before(text, index) == b'"' => None,
        b'<' | b'>' if next == b'(' => Some((Lead::Substitution, index + 2)),
        b'`' => Some((Lead::Backtick, index + 1)),
        b'\n' => Some((Lead::Line, index + 1)),
        b'\\' if matches!(next, b'n' | b'r') => Some((Lead::Line, index + 2)),
        b';' if context::closes_entity(text, index) => None,
        b';' | b'|' | b'&' if before(text, index) != at(text, index) => {
            Some((Lead::Separator, index + 1))
        }
        _ => None,
    }
}

/// What may stand between a separator and its command.
pub(super) const fn is_filler(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'(' | b'{' | b'!' | b'@')
}

/// Options, numbers and wrappers between a wrapper and its command.
const MAX_WRAPPED: usize = 3;

/// The command that a wrapper such as `sudo`, `timeout 5` or `do` runs.
pub(super) fn unwrapped(text: &[u8], word: &Word, proof: Proof) -> Option<Word> {
    if !command::is_wrapper(word.name()) || matches!(proof, Proof::Ends) {
        return None;
    }
    let mut inner = Word::read(text, skip_space(text, word.end));
    for _ in 0..MAX_WRAPPED {
        let Some(next) = inner else { break };
        let is_passed = next.name().iter().all(u8::is_ascii_digit)
            || at(next.name(), 0) == b'-'
            || command::is_wrapper(next.name());
        let after = skip_space(text, next.end);
        if !is_passed || after == next.end {
            break;
        }
        inner = Word::read(text, after).or(inner);
    }
    inner.filter(|inner| inner.class().is_some())
}

/// What declares a variable besides its name alone.
const DECLARING: &[&[u8]] = &[
    b"export ",
    b"declare ",
    b"typeset ",
    b"local ",
    b"readonly ",
];

/// Whether the value before `end` assigns a variable, as in `a=c;b=at`.
pub(super) fn assigns(text: &[u8], first: usize, end: usize) -> bool {
    let start = skip_while(text, first, |byte| {
        matches!(byte, b';' | b'|' | b'&' | b' ')
    });
    let declaring = DECLARING.iter().find(|word| stands(text, start, word));
    let start = start + declaring.map_or(0, |word| word.len());
    let name = skip_while(text, start, is_word);
    let value = at(text, name + 1);
    name > start
        && end - start < 80
        && at(text, start).is_ascii_alphabetic()
        && at(text, name) == b'='
        && (is_word(value)
            || matches!(value, b'$' | b'\'' | b'"')
            || span(text, start, name) == b"ifs")
}

/// Whether a script's own line leads to the substitution: `name="$(`, `if [ "$(`, `for x in $(`.
pub(super) fn is_scripted(text: &[u8], lead: usize) -> bool {
    let window = span(text, lead.saturating_sub(40), lead);
    let line = window
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = trim(line);
    let line = line.strip_suffix(b"\"").unwrap_or(line);
    let last = line.rsplit(|byte| is_space(*byte)).next();
    let name = last.and_then(|last| last.strip_suffix(b"="));
    let name = name.unwrap_or_default();
    let starts: [&[u8]; 6] = [b"if [", b"[ ", b"[[ ", b"while [", b"for ", b"elif ["];
    name.len() > 2 && name.iter().all(|byte| is_word(*byte))
        || starts.iter().any(|start| line.starts_with(start))
}

/// Whether the command only reads what the machine tells anyone who works on it.
pub(super) fn is_local(name: &[u8]) -> bool {
    command::is_filter(name)
        || matches!(
            name,
            b"id"
                | b"command"
                | b"dirname"
                | b"basename"
                | b"date"
                | b"find"
                | b"uname"
                | b"mktemp"
                | b"readlink"
                | b"realpath"
                | b"nproc"
                | b"stat"
                | b"which"
                | b"expr"
                | b"du"
                | b"df"
        )
}

/// Longest condition of a shell that is read, in bytes.
const MAX_TEST: usize = 120;

/// `[ -f /etc/x ] &&`, `[[ $a = b ]];`, `f(){ id; };f`, `[net.dns]::resolve(`, and where the value starts with the separator
/// `while true; do`: a condition and what hangs on it, a function, a method of .NET, all in one line.
pub(super) fn tests(text: &[u8], start: usize, is_first: bool) -> bool {
    let line = span(text, start, start + MAX_TEST);
    let is_loop = || {
        is_first
            && [
                &b"while "[..],
                b"until ",
                b"if ",
                b"for ",
                b"case ",
                b"select ",
            ]
            .iter()
            .any(|word| line.starts_with(word))
            && find_any(
                line,
                &[b"; do ", b";do ", b"; then ", b";then ", b")", b"=="],
            )
            .is_some()
            && (find(line, b"==", 0).is_none() || line.starts_with(b"if "))
            && (!line.starts_with(b"case ") || find_any(line, &[b"esac"]).is_some())
            && (!line.starts_with(b"select ") || find_any(line, &[b"done"]).is_some())
    };
    let open = skip_while(span(line, 0, 2), 0, |byte| byte == b'[');
    let operand = skip_space(line, open);
    let is_operand = match at(line, operand) {
        b'-' => is_space(at(line, operand + 2)),
        byte => matches!(byte, b'$' | b'"' | b'`' | b'!'),
    };
    let closes = || {
        line.iter()
            .position(|byte| *byte == b']')
            .is_some_and(|close| {
                let close = skip_while(line, close, |byte| byte == b']');
                let next = skip_space(line, close);
                at(line, next) == b';'
                    || find_any(span(line, next, next + 2), &[b"&&", b"||"]).is_some()
            })
    };
    let is_condition = open > 0 && operand > open && is_operand && closes()
        || is_loop()
        || defines(line)
        || open == 1 && calls_member(line);
    // The whole text is read last: most separators lead to neither.
    is_condition && !text.contains(&b'\n')
}

/// `f(){ id; };f`: a function, which stands beside its call.
fn defines(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"function ").unwrap_or(line);
    let name = skip_while(line, 0, is_word);
    let pair = 2 * usize::from(span(line, name, name + 2) == b"()");
    let body = skip_space(line, name + pair);
    name > 0
        && body > name
        && at(line, body) == b'{'
        && is_space(at(line, body + 1))
        && find_any(span(line, body, MAX_TEST), &[b"; };", b";};", b"; }; "]).is_some()
}

/// `[net.dns]::gethostbyname(`: PowerShell calls what .NET has.
fn calls_member(line: &[u8]) -> bool {
    let class = skip_while(line, 1, |byte| is_word(byte) || byte == b'.');
    let name = skip_while(line, class + 3, is_word);
    class > 1
        && span(line, class, class + 3) == b"]::"
        && name > class + 3
        && at(line, name) == b'('
}

/// `$SHELL` and `${SHELL}`, which is a shell whatever else is set.
pub(super) fn names_shell(variable: &[u8]) -> bool {
    let start = skip_while(variable, 0, is_space);
    matches!(
        variable.get(start..),
        Some(b"$shell" | b"${shell}" | b"$bash" | b"${bash}")
    )
}

/// `$(</etc/passwd)`
pub(super) fn reads_file(text: &[u8], start: usize) -> bool {
    let path = skip_space(text, start + 1);
    at(text, start) == b'<' && at(text, path) == b'/' && at(text, path + 1).is_ascii_alphabetic()
}

/// Where the first thing stands that a shell could be fed with.
pub(super) fn first_feed(text: &[u8]) -> usize {
    let signs: [&[u8]; 9] = [
        b"echo", b"base64", b"curl", b"wget", b"http", b"printf", b"xxd", b"rev", b"cat ",
    ];
    find_any(text, &signs).map_or(usize::MAX, |(index, _)| index)
}
