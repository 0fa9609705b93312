//! What follows a command, and how far it proves that a command it is.

use super::command::{class, takes_command, takes_host, takes_seconds, takes_word};
use super::word::Word;
use crate::waf::scan::{at, find, from, is_space, is_word, skip_space, skip_while, span, stands};

/// Longest argument looked at.
const MAX_ARGUMENT: usize = 120;

/// How far what follows proves a command; in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// Prose, or code of another kind.
    None,
    /// Nothing follows but the end or another separator.
    Ends,
    /// A number, a host, a word: what this command takes, but sentences hold as well.
    Soft,
    /// A word first, and a path or a redirection after it.
    Later,
    /// A flag, a path, a URL, a variable, a redirection.
    Hard,
}

/// Folders at the root of Unix and Windows.
const ROOTS: &[&[u8]] = &[
    b"etc",
    b"bin",
    b"sbin",
    b"usr",
    b"var",
    b"tmp",
    b"proc",
    b"home",
    b"root",
    b"dev",
    b"opt",
    b"srv",
    b"mnt",
    b"boot",
    b"sys",
    b"lib",
    b"www",
    b"windows",
    b"winnt",
    b"inetpub",
    b"users",
    b"flag",
    b"flag.txt",
    b"app",
];

/// Endings of files that commands are given.
const FILES: &[&[u8]] = &[
    b".txt", b".php", b".conf", b".sh", b".py", b".ini", b".log", b".exe", b".pl", b".bat",
    b".ps1", b".html", b".cfg", b".db", b".env", b".key", b".pem", b".jsp", b".aspx", b".sql",
    b".xml", b".yml", b".json",
];

/// Judges what follows the command.
pub(super) fn proof(text: &[u8], word: &Word) -> Proof {
    let mut start = skip_space(text, word.end);
    if word.is_spaced {
        start = word.end;
    } else if start == word.end {
        match at(text, start) {
            b'<' | b'>' => return redirection(text, start),
            b'+' if matches!(at(text, start + 1), b'/' | b'-') => start += 1,
            _ if ends(text, start) => return Proof::Ends,
            _ => return Proof::None,
        }
    }
    let opens = at(text, start) == b'`' && is_word(at(text, start + 1));
    if ends(text, start) && !opens {
        return Proof::Ends;
    }
    let end = skip_while(span(text, 0, start + MAX_ARGUMENT), start, |byte| {
        !is_space(byte) && !matches!(byte, b';' | b'|' | b'&' | b'`' | b')')
    });
    let closes = ends(text, end);
    let token = span(text, start, end);
    match at(token, 0) {
        _ if word.name() == b"trap" && traps(text, end) => Proof::Hard,
        b'<' | b'>' => redirection(text, start),
        // `echo x>/tmp/y`
        _ if writes_rooted(token) => Proof::Hard,
        digit if digit.is_ascii_digit() && at(token, 1) == b'>' => redirection(text, start + 1),
        0 if opens => Proof::Hard,
        b'$' if is_variable(token) => Proof::Hard,
        // `dig +short x.example`
        b'+' if takes_host(word.name()) && at(token, 1).is_ascii_alphabetic() => Proof::Hard,
        _ => match argument(unquoted(token), closes, word) {
            first @ (Proof::None | Proof::Soft) if !closes => later(text, end, first),
            first => first,
        },
    }
}

/// `trap id EXIT`: the name of a signal that ends a shell follows.
fn traps(text: &[u8], end: usize) -> bool {
    let window = span(text, end, end + MAX_ARGUMENT);
    [
        &b" exit"[..],
        b" 0",
        b" err",
        b" debug",
        b" int",
        b" return",
    ]
    .iter()
    .any(|signal| find(window, signal, 0).is_some_and(|start| ends(window, start + signal.len())))
}

/// `>/var/www/x`: a redirection without a command empties the file.
pub(super) fn truncates(text: &[u8], start: usize) -> bool {
    at(text, skip_while(text, start, |byte| byte == b'>')) == b'/'
        && redirection(text, start) == Proof::Hard
}

/// Whether a word and a redirection to a path in a known folder are one token.
fn writes_rooted(token: &[u8]) -> bool {
    let sign = token.iter().position(|byte| *byte == b'>');
    sign.is_some_and(|sign| {
        let path = skip_while(token, sign, |byte| byte == b'>');
        let first = at(token, 0);
        (is_word(first) || matches!(first, b'\'' | b'"'))
            && (at(token, path) == b'/' && is_rooted(from(token, path))
                || at(token, path).is_ascii_alphabetic() && stands(token, path + 1, b":\\"))
    })
}

/// What the arguments after the first one prove.
fn later(text: &[u8], end: usize, first: Proof) -> Proof {
    let window = span(text, end, end + MAX_ARGUMENT);
    let length = skip_while(window, 0, |byte| !matches!(byte, b';' | b'|' | b'\n'));
    let window = span(window, 0, length);
    let proves = |(index, byte): (usize, &u8)| match byte {
        b'<' => stands(window, index, b"<<<"),
        b'"' | b'\'' => {
            let target = skip_while(window, index + 1, |byte| byte == b'>');
            target > index + 1 && (at(window, target) == b'~' || is_rooted(from(window, target)))
        }
        byte if is_space(*byte) => match at(window, index + 1) {
            letter if letter.is_ascii_alphabetic() && at(window, index + 2) == b':' => {
                at(window, index + 3) == b'\\'
            }
            b'/' => is_rooted(span(window, index + 1, index + 16)),
            b'<' | b'>' => redirection(window, index + 1) == Proof::Hard,
            b'-' => first == Proof::Soft && at(window, index + 2).is_ascii_alphabetic(),
            _ => false,
        },
        _ => false,
    };
    match window.iter().enumerate().any(proves) {
        true if first == Proof::Soft => Proof::Hard,
        true => Proof::Later,
        false => first,
    }
}

/// Whether a path starts in a known folder at the root.
fn is_rooted(path: &[u8]) -> bool {
    let name = path
        .split(|byte| matches!(byte, b'/') || is_space(*byte))
        .nth(1)
        .unwrap_or_default();
    ROOTS.contains(&name)
}

/// Whether nothing follows but a separator, a comment, or what closes a quotation.
pub(super) fn ends(text: &[u8], end: usize) -> bool {
    let next = skip_space(text, end);
    match at(text, next) {
        0 | b';' | b'|' | b'&' | b'#' | b')' | b'`' | b'}' | b'\n' => true,
        b'"' | b'\'' => {
            let after = at(text, next + 1);
            !is_word(after)
                && !matches!(
                    after,
                    b'[' | b'/' | b'$' | b'-' | b'\\' | b'{' | b'.' | b'*' | b'~'
                )
        }
        b'\\' => {
            next + 1 == text.len()
                || matches!(at(text, next + 1), b'n' | b'r') && !is_word(at(text, next + 2))
        }
        b'-' => stands(text, next, b"--") && !is_word(at(text, next + 2)),
        b'/' => stands(text, next, b"//") && next > end,
        _ => text.get(end..next).is_some_and(|gap| gap.contains(&b'\n')),
    }
}

/// A token without the quote that opens it.
fn unquoted(token: &[u8]) -> &[u8] {
    let start = skip_while(token, 0, |byte| matches!(byte, b'"' | b'\'' | b'@'));
    let end = token
        .iter()
        .rposition(|byte| !matches!(byte, b'"' | b'\'' | b',' | b'}'))
        .map_or(start, |last| last + 1);
    span(token, start, end)
}

fn argument(token: &[u8], closes: bool, word: &Word) -> Proof {
    let name = word.name();
    let second = at(token, 1);
    match at(token, 0) {
        b'-' if is_flag(token) => Proof::Hard,
        b'-' if second.is_ascii_digit() && name == b"kill" => Proof::Hard,
        b'/' => path(token, closes),
        b'.' if second == b'/' || (stands(token, 0, b"..") && matches!(at(token, 2), 0 | b'/')) => {
            Proof::Hard
        }
        b'.' | b'*' if second == 0 && closes => Proof::Soft,
        b'.' if second == 0 && name == b"find" => Proof::Soft,
        b'*' if second == b'.' => Proof::Soft,
        b'~' if matches!(second, 0 | b'/' | b'+' | b'-') => Proof::Hard,
        // `~root/.bash_history`
        b'~' if second.is_ascii_alphabetic() && token.contains(&b'/') => Proof::Hard,
        b'%' if is_word(second) && token.iter().skip(1).any(|byte| *byte == b'%') => Proof::Hard,
        letter if letter.is_ascii_alphabetic() && second == b':' => match at(token, 2) {
            b'\\' | b'/' => Proof::Hard,
            _ => Proof::None,
        },
        b'\\' if second == b'\\' => Proof::Hard,
        _ => named(token, closes, name),
    }
}

/// Numbers, hosts, URLs, files, words.
fn named(token: &[u8], closes: bool, name: &[u8]) -> Proof {
    let is_number = !token.is_empty()
        && token
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    // `sleep 1d`, `sleep 5s`
    let is_span = name == b"sleep"
        && closes
        && matches!(token, [first, .., b's' | b'm' | b'h' | b'd' | b'#'] if first.is_ascii_digit());
    if is_span && token.len() <= 4 {
        return Proof::Soft;
    }
    let scheme = skip_while(token, 0, |byte| byte.is_ascii_lowercase());
    if scheme > 2 && stands(token, scheme, b"://") {
        return Proof::Hard;
    }
    if is_number && token.split(|byte| *byte == b'.').count() == 4 {
        return if takes_host(name) {
            Proof::Hard
        } else {
            Proof::Soft
        };
    }
    if is_number {
        let fits = takes_seconds(name) || matches!(name, b"ping" | b"echo");
        return if name == b"expr" || (fits && closes) {
            Proof::Soft
        } else {
            Proof::None
        };
    }
    if FILES.iter().any(|ending| token.ends_with(ending)) || stands(token, 0, b"etc/") {
        return Proof::Hard;
    }
    if takes_host(name)
        && is_host(
            token
                .rsplit(|byte| *byte == b'@')
                .next()
                .unwrap_or_default(),
        )
    {
        return Proof::Hard;
    }
    // `sleep${x}`, `echo "a`, `awk '{print}'`.
    let is_plain = token.iter().all(|byte| is_word(*byte));
    match () {
        () if name == b"getent" && matches!(token, b"hosts" | b"ahosts" | b"passwd" | b"group") => {
            Proof::Hard
        }
        () if name == b"cat" && token.starts_with(b"flag") && closes => Proof::Soft,
        () if name == b"route" && token == b"print" && closes => Proof::Soft,
        () if name == b"sc" && token == b"query" => Proof::Soft,
        () if takes_command(name) && closes && class(token).is_some() => Proof::Soft,
        () if name == b"net"
            && matches!(
                token,
                b"user" | b"users" | b"localgroup" | b"view" | b"share"
            ) =>
        {
            Proof::Soft
        }
        () if name == b"net" && token == b"start" && closes => Proof::Soft,
        () if name == b"ip" && matches!(token, b"addr" | b"a" | b"route" | b"link") => Proof::Soft,
        () if name == b"printf" && token.contains(&b'%') => Proof::Soft,
        () if name == b"ps" && matches!(token, b"aux" | b"auxw" | b"axu" | b"ef") => Proof::Soft,
        () if takes_word(name) && is_plain && closes => Proof::Soft,
        () if token.contains(&b'$') || token.contains(&b'`') => Proof::Soft,
        () => Proof::None,
    }
}

/// `-la`, `-e`, `--version`, `-n1`: letters, and no word of a sentence with a dash before it.
fn is_flag(token: &[u8]) -> bool {
    let dashes = skip_while(token, 0, |byte| byte == b'-');
    let letters = skip_while(token, dashes, |byte| byte.is_ascii_alphanumeric());
    dashes <= 2
        && at(token, dashes).is_ascii_alphabetic()
        && (dashes == 2 || letters <= 10)
        && matches!(
            at(token, letters),
            0 | b'=' | b'"' | b'\'' | b':' | b'/' | b'-' | b'$' | b'@' | b'%' | b',' | b'}' | b'\\'
        )
}

/// A path from the root: a known folder, or several parts, or wildcards.
fn path(token: &[u8], closes: bool) -> Proof {
    let first = token.split(|byte| *byte == b'/').nth(1).unwrap_or_default();
    let is_known = ROOTS.contains(&first);
    let is_deep = first.first().is_some_and(|byte| *byte != b'>')
        && token.split(|byte| *byte == b'/').count() > 2;
    let has_wildcard = first
        .iter()
        .any(|byte| matches!(byte, b'?' | b'*' | b'[' | b'\\' | b'\''));
    match () {
        () if is_known || is_deep || has_wildcard => Proof::Hard,
        () if token.len() <= 3 || (closes && token.len() <= 8) => Proof::Soft,
        () => Proof::None,
    }
}

/// `</etc/passwd`, `<<<x`, `>/tmp/x`, `>&1`; no closing tag.
fn redirection(text: &[u8], start: usize) -> Proof {
    let end = skip_while(text, start, |byte| matches!(byte, b'<' | b'>'));
    let forces = at(text, start) == b'>' && at(text, end) == b'|';
    let target = skip_space(text, end + usize::from(forces));
    let is_here = stands(text, start, b"<<<")
        || [&b"<<eof"[..], b"<<'", b"<<\\", b"<<end", b"<<x\n"]
            .iter()
            .any(|here| stands(text, start, here));
    let next = at(text, target);
    let is_target = match next {
        b'/' => {
            let name = span(
                text,
                target + 1,
                skip_while(text, target + 1, |byte| byte.is_ascii_alphabetic()),
            );
            ROOTS.contains(&name) || matches!(at(text, target + 1), b'?' | b'*')
        }
        b'$' | b'(' | b'.' | b'~' => true,
        b'&' => at(text, target + 1).is_ascii_digit() || at(text, target + 1) == b'-',
        byte if byte.is_ascii_alphabetic() && at(text, target + 1) == b':' => true,
        byte if stands(text, start, b"<>") => is_word(byte),
        byte => {
            let name = skip_while(text, target, |byte| is_word(byte) || byte == b'.');
            is_word(byte) && span(text, target, name).contains(&b'.')
        }
    };
    if is_here || is_target {
        Proof::Hard
    } else {
        Proof::None
    }
}

fn is_variable(token: &[u8]) -> bool {
    let second = at(token, 1);
    second.is_ascii_alphabetic() || matches!(second, b'{' | b'(' | b'@' | b'\'')
}

/// `evil.example`, `evil.example:4444`.
fn is_host(token: &[u8]) -> bool {
    let end = skip_while(token, 0, |byte| {
        is_word(byte) || matches!(byte, b'.' | b'-')
    });
    let host = span(token, 0, end);
    let host = host.strip_suffix(b".").unwrap_or(host);
    let mut labels = host.split(|byte| *byte == b'.').rev();
    let top = labels.next().unwrap_or_default();
    (labels.next().is_some_and(|label| !label.is_empty())
        && (top.len() >= 2
            || host
                .iter()
                .all(|byte| byte.is_ascii_digit() || *byte == b'.'))
        && matches!(at(token, end), 0 | b':' | b'/' | b'.' | b'`' | b'$'))
        || (host == b"localhost" && end == token.len())
}
