//! Shell commands by their grammar: a separator or a substitution, then a command that exists, then
//! arguments that commands have and prose does not.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::shell as rules;
use crate::waf::scan::{
    at, before, find, from, is_space, is_word, skip_space, skip_while, span, stands, trim,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    ";",
    "|",
    "&",
    "`",
    "$(",
    "\n",
    "<(",
    ">(",
    "/bin/",
    "cat ",
    "wget ",
    "curl ",
    "{cat",
    "$@",
    "''",
    "\"\"",
    "ping -",
    "perl -",
    "python -",
    "python3 -",
    "ruby -",
    "php -",
    "node -",
];

/// Commands that are no words of a list or a sentence: enough with a separator before them.
const STRONG: &[&[u8]] = &[
    b"whoami",
    b"wget",
    b"curl",
    b"nslookup",
    b"netcat",
    b"ncat",
    b"uname",
    b"ifconfig",
    b"ipconfig",
    b"netstat",
    b"systeminfo",
    b"tasklist",
    b"powershell",
    b"pwsh",
    b"cmd",
    b"bash",
    b"zsh",
    b"ksh",
    b"chmod",
    b"chown",
    b"mkfifo",
    b"printenv",
    b"phpinfo",
    b"telnet",
    b"tftp",
    b"scp",
    b"certutil",
    b"lsof",
    b"passwd",
    b"useradd",
    b"crontab",
    b"iptables",
    b"sudo",
    b"nohup",
    b"xxd",
    b"rpm",
    b"lsb_release",
];

/// Commands that are also words: they need an argument that is none, or to be all there is.
const WEAK: &[&[u8]] = &[
    b"cat",
    b"ls",
    b"id",
    b"ping",
    b"rm",
    b"echo",
    b"sleep",
    b"nc",
    b"sh",
    b"dir",
    b"type",
    b"more",
    b"less",
    b"head",
    b"tail",
    b"find",
    b"grep",
    b"awk",
    b"sed",
    b"ps",
    b"pwd",
    b"env",
    b"set",
    b"cp",
    b"mv",
    b"touch",
    b"mkdir",
    b"kill",
    b"top",
    b"date",
    b"time",
    b"who",
    b"w",
    b"last",
    b"perl",
    b"python",
    b"python3",
    b"python2",
    b"php",
    b"ruby",
    b"node",
    b"java",
    b"gcc",
    b"dig",
    b"host",
    b"tac",
    b"nl",
    b"od",
    b"sort",
    b"uniq",
    b"cut",
    b"tee",
    b"xargs",
    b"eval",
    b"exec",
    b"export",
    b"source",
    b"du",
    b"df",
    b"mount",
    b"ssh",
    b"ftp",
    b"busybox",
    b"timeout",
    b"sleep",
    b"reboot",
    b"shutdown",
    b"halt",
    b"net",
    b"ver",
    b"copy",
    b"del",
    b"start",
    b"hostname",
    b"arp",
    b"route",
    b"vi",
    b"nano",
    b"base64",
    b"rev",
    b"strings",
    b"dash",
    b"printf",
    b"lua",
    b"tar",
    b"zip",
    b"man",
    b"apt",
    b"yum",
    b"git",
    b"docker",
    b"history",
];

/// How a command was reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// `;`, `|`, `&`, a line break.
    Separator,
    /// `&&`, `||`.
    Double,
    /// `$(`, backtick, `<(`.
    Substitution,
}

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    let lower = text.lower;
    let mut index = 0;
    while index < lower.len() {
        let Some((lead, after)) = lead(lower, index) else {
            index += 1;
            continue;
        };
        let start = skip_while(lower, after, is_filler);
        if let Some(hit) = command(lower, index, start, lead) {
            hits.push(hit);
            return;
        }
        // Separators among what was skipped lead to the same command.
        index = start.max(index + 1);
    }
    whole(lower, hits);
}

/// A separator at `index`, and where the command after it starts.
fn lead(text: &[u8], index: usize) -> Option<(Lead, usize)> {
    let next = at(text, index + 1);
    match at(text, index) {
        b'&' | b'|' if next == at(text, index) => Some((Lead::Double, index + 2)),
        b'$' if next == b'(' && at(text, index + 2) != b'(' => {
            Some((Lead::Substitution, index + 2))
        }
        b'<' | b'>' if next == b'(' => Some((Lead::Substitution, index + 2)),
        b'`' => Some((Lead::Substitution, index + 1)),
        b';' | b'|' | b'&' | b'\n' if before(text, index) != at(text, index) => {
            Some((Lead::Separator, index + 1))
        }
        _ => None,
    }
}

/// What may stand between a separator and its command.
const fn is_filler(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'(' | b'{' | b'!' | b'"' | b'\'')
}

/// The command at `start`, if one stands there with what a command needs.
fn command(text: &[u8], lead_at: usize, start: usize, lead: Lead) -> Option<Hit> {
    let (name, end, evaded) = name(text, start)?;
    let is_strong = STRONG.contains(&name.as_slice());
    if !is_strong && !WEAK.contains(&name.as_slice()) {
        return None;
    }
    let proven = match lead {
        Lead::Substitution => substituted(text, lead_at, end, is_strong),
        Lead::Double => {
            arguments(text, end)
                || (is_strong && !prose(text, end))
                || (ends(text, end) && is_one_word(text, lead_at))
        }
        Lead::Separator if at(text, lead_at) == b'\n' => {
            arguments(text, end) && (is_strong || path_follows(text, end))
                || (ends(text, end) && is_short(text, lead_at))
        }
        Lead::Separator => {
            arguments(text, end)
                || (is_strong && is_host(text, end))
                || (is_head_empty(text, lead_at) && is_number(text, end))
                || (ends(text, end) && (is_strong || is_short(text, lead_at)))
        }
    };
    let rule = match lead {
        Lead::Substitution => &rules::SUBSTITUTION,
        _ if evaded => &rules::EVASION,
        _ => &rules::COMMAND,
    };
    (proven || (evaded && arguments(text, end))).then(|| Hit::new(rule, lead_at, end))
}

/// The command's name with quotes, backslashes and a path in front removed; its end, and whether
/// anything had to be removed.
fn name(text: &[u8], start: usize) -> Option<(Vec<u8>, usize, bool)> {
    let is_part = |byte: u8| {
        is_word(byte)
            || matches!(
                byte,
                b'\'' | b'"' | b'\\' | b'/' | b'.' | b'-' | b'$' | b'@' | b'*' | b'?'
            )
    };
    let end = skip_while(span(text, 0, start + 64), start, is_part);
    let raw = span(text, start, end);
    let base = raw.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let is_path = base.len() < raw.len();
    if is_path && !(raw.starts_with(b"/") || raw.starts_with(b".")) {
        return None;
    }
    let name: Vec<u8> = base
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'@'))
        .collect();
    let trailing = base
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b'\'' | b'"' | b'`' | b'\\'))
        .count();
    let evaded = name.len() + trailing < base.len();
    let stem = name.strip_suffix(b".exe").unwrap_or(&name).to_vec();
    (!name.is_empty()).then_some((stem, end, evaded))
}

/// Whether the value before the separator is no prose: nothing, or one short word or address.
fn is_short(text: &[u8], lead_at: usize) -> bool {
    let head = trim(span(text, 0, lead_at));
    head.is_empty()
        || (head.len() <= 40
            && head.iter().all(|byte| {
                byte.is_ascii_digit() || matches!(byte, b'.' | b':' | b'"' | b'\'' | b'-')
            }))
}

/// Whether one word at most stands before the separator.
fn is_one_word(text: &[u8], lead_at: usize) -> bool {
    !trim(span(text, 0, lead_at))
        .iter()
        .any(|byte| is_space(*byte))
}

fn is_head_empty(text: &[u8], lead_at: usize) -> bool {
    trim(span(text, 0, lead_at)).is_empty()
}

/// Whether a host name follows, as in `curl evil.example`.
fn is_host(text: &[u8], end: usize) -> bool {
    let start = skip_space(text, end);
    let host = span(
        text,
        start,
        skip_while(text, start, |byte| {
            is_word(byte) || matches!(byte, b'.' | b'-')
        }),
    );
    start > end && host.split(|byte| *byte == b'.').count() > 1 && !host.ends_with(b".")
}

fn is_number(text: &[u8], end: usize) -> bool {
    let start = skip_space(text, end);
    let digits = skip_while(text, start, |byte| byte.is_ascii_digit());
    start > end && digits > start && ends(text, digits)
}

/// Whether nothing follows but another separator, a comment or a closing quote.
fn ends(text: &[u8], end: usize) -> bool {
    let next = skip_space(text, end);
    // `| Type | Size |` is a table.
    if at(text, next) == b'|' && next > end && at(text, next + 1) != b'|' && next + 1 < text.len() {
        return false;
    }
    matches!(
        at(text, skip_space(text, end)),
        0 | b';' | b'|' | b'&' | b'#' | b')' | b'`' | b'"' | b'\'' | b'>'
    )
}

fn prose(text: &[u8], end: usize) -> bool {
    is_space(at(text, end)) && at(text, skip_space(text, end)).is_ascii_alphabetic()
}

/// Whether what follows is an argument: a flag, a path, a URL, an address, a variable, a redirection.
fn arguments(text: &[u8], end: usize) -> bool {
    let start = skip_space(text, end);
    if start == end {
        return matches!(at(text, start), b'<' | b'>' | b'$') && at(text, start + 1) != b'=';
    }
    let argument = span(text, start, skip_while(text, start, |byte| !is_space(byte)));
    let second = at(argument, 1);
    match at(argument, 0) {
        b'-' => second.is_ascii_alphanumeric() || second == b'-',
        b'/' => second.is_ascii_alphanumeric() || matches!(second, 0 | b'?' | b'*'),
        b'.' => matches!(second, b'/' | b'.'),
        b'~' => matches!(second, 0 | b'/'),
        b'$' => second.is_ascii_alphabetic() || matches!(second, b'{' | b'('),
        b'>' | b'<' => true,
        b'*' => second == 0 || second == b'.',
        _ => looks_addressed(argument),
    }
}

fn path_follows(text: &[u8], end: usize) -> bool {
    matches!(at(text, skip_space(text, end)), b'/' | b'-' | b'$')
}

/// A URL, a file name with a known ending, a bare number of seconds is left to `sleep`.
fn looks_addressed(argument: &[u8]) -> bool {
    let argument = trim(argument);
    let ends = [
        &b".txt"[..],
        b".php",
        b".conf",
        b".sh",
        b".py",
        b".ini",
        b".log",
        b".exe",
        b".pl",
    ];
    let is_address = argument.split(|byte| *byte == b'.').count() == 4
        && argument
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
            .count()
            >= 7;
    stands(argument, 0, b"http://")
        || stands(argument, 0, b"https://")
        || stands(argument, 0, b"c:\\")
        || stands(argument, 0, b"etc/")
        || is_address
        || ends.iter().any(|end| argument.ends_with(end))
        || argument.iter().all(u8::is_ascii_digit) && !argument.is_empty() && argument.len() <= 3
}

/// `$(cmd)` and backticks; a Markdown code span is spared when it stands free in prose.
fn substituted(text: &[u8], lead_at: usize, end: usize, is_strong: bool) -> bool {
    let has_arguments = arguments(text, end);
    let ending = if at(text, lead_at) == b'`' {
        b'`'
    } else {
        b')'
    };
    let closes = at(text, skip_space(text, end)) == ending;
    if ending == b')' {
        // `$(pwd)` and `$(date)` are what honest instructions print.
        let is_tame = [&b"(pwd)"[..], b"(date)"]
            .iter()
            .any(|tame| stands(text, lead_at + 1, tame));
        return (closes && !is_tame) || has_arguments || (is_strong && !prose(text, end));
    }
    let glued = lead_at > 0
        && (is_word(before(text, lead_at))
            || matches!(
                before(text, lead_at),
                b'=' | b'"' | b'\'' | b'|' | b';' | b'&'
            ));
    let closing = from(text, end)
        .iter()
        .position(|byte| *byte == b'`')
        .map(|found| end + found);
    let is_whole = lead_at == 0 && closing.is_some_and(|closing| closing + 1 == text.len());
    closing.is_some() && (glued || is_whole) && (closes || has_arguments)
}

/// Commands whose first argument, a path, a flag or a URL, proves them.
const READERS: &[&[u8]] = &[
    b"cat", b"tac", b"head", b"tail", b"more", b"less", b"nl", b"strings", b"ls", b"wget", b"curl",
    b"ping", b"bash", b"sh", b"chmod", b"uname",
];
/// Interpreters, proven by code on the command line.
const INTERPRETERS: &[&[u8]] = &[
    b"python", b"python2", b"python3", b"perl", b"ruby", b"php", b"node", b"lua",
];

/// A value that is a command from its first byte: `cat /etc/passwd`, `/bin/sh -c id`, `perl -e 1`.
fn whole(text: &[u8], hits: &mut Vec<Hit>) {
    let start = skip_space(text, 0);
    let Some((name, end, evaded)) = name(text, start) else {
        return;
    };
    let name = name.as_slice();
    let is_strong = STRONG.contains(&name);
    let from_bin = (is_strong || WEAK.contains(&name))
        && (stands(text, start, b"/bin/") || stands(text, start, b"/usr/bin/"));
    let argument = skip_space(text, end);
    let flag = at(text, argument) == b'-' && at(text, argument + 1).is_ascii_alphabetic();
    let on_path =
        argument > end && (at(text, argument) == b'/' || flag || stands(text, argument, b"http"));
    let reads = READERS.contains(&name) && on_path;
    let removes =
        name == b"rm" && flag && find(span(text, argument, argument + 16), b" /", 0).is_some();
    let runs = INTERPRETERS.contains(&name)
        && [&b"-e "[..], b"-c ", b"-r "]
            .iter()
            .any(|code| stands(text, argument, code));
    if from_bin || reads || removes || runs || (is_strong && evaded) {
        hits.push(Hit::new(&rules::COMMAND, start, argument));
    }
}
