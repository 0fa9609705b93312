//! Files that no application takes as a parameter, by their whole path or by their folder.

use super::known::{FILES, FOLDERS, REACHED, SERVED};
use super::{Hit, Hits, Text, is_single, words_after};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::path as rules;
use crate::waf::scan::{
    Needles, at, before, find, is_word, position, skip_space, skip_while, span, stands, trim,
};

/// Reports a known file: as the value's own path an attack, inside prose a warning.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    let lower = text.lower;
    if text.part == Part::Json && is_shipped(text.name) && lower.starts_with(b"/var/log/") {
        return;
    }
    let first = skip_while(lower, 0, |byte| {
        byte <= b' ' && byte != 0 || matches!(byte, b'"' | b'\'' | b'@' | b'<')
    });
    if let Some(end) = rooted(lower, first)
        && (is_severe(lower, first) || !is_list(lower))
        && (is_single(lower, first) || stands_alone(lower, first, end))
        && !(text.part == Part::Path && text.name.is_empty())
    {
        hits.push(Hit::new(&rules::FILE, first, end));
        return;
    }
    if !(text.part == Part::Path && text.name.is_empty()) && is_served(lower, first) {
        hits.push(Hit::new(&rules::FILE, first, lower.len()));
        return;
    }
    named(text, first, hits);
}

/// Longest path whose last name is looked at.
const MAX_PATH: usize = 200;

/// Whether the value is an absolute path to a file that only servers keep.
fn is_served(text: &[u8], first: usize) -> bool {
    let path = trim(span(text, first, text.len()));
    let is_drive = at(path, 0).is_ascii_alphabetic() && at(path, 1) == b':';
    let starts = is_drive || matches!(at(path, 0), b'/' | b'\\' | b'~' | b'$' | b'%');
    let is_line = || !path.contains(&b'\n') && (is_single(text, first) || is_drive);
    let last = || {
        let slash = path.iter().rposition(|byte| is_slash(*byte));
        slash.map(|slash| span(path, slash + 1, path.len()))
    };
    starts
        && path.len() <= MAX_PATH
        && last().is_some_and(|name| SERVED.contains(&name))
        && is_line()
}

/// Whether the member says which log its lines are of (Elastic Common Schema, Loki).
fn is_shipped(name: &str) -> bool {
    name.ends_with("log.file.path") || name.ends_with("streams.stream.filename")
}

/// Most that follows a path which a value is about.
const MAX_FOLLOWING: usize = 1;

/// Whether no sentence and no list goes on behind the path at `start`.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let tail = span(text, end, end + 120);
    let parts = tail.split(u8::is_ascii_whitespace).skip(1);
    let following = parts.filter(|part| !part.is_empty()).count();
    words_after(text, end) == 0 && (following <= MAX_FOLLOWING || is_severe(text, start))
}

/// Files of a list, at least.
const MIN_LISTED: usize = 3;

/// `/.env,/.git/,/xmlrpc.php`: what a setting lists, where a parameter names one file.
fn is_list(text: &[u8]) -> bool {
    let mut files = span(text, 0, 400).split(|byte| *byte == b',').map(trim);
    files.clone().count() >= MIN_LISTED && files.all(|file| at(file, 0) == b'/')
}

/// Whether a setting's name stands before the path: `ReadWritePaths=/var/log/x`, `--config=/etc/x`.
fn is_setting(text: &Text<'_>, first: usize, start: usize) -> bool {
    let name = span(text.lower, first, start);
    let Some(name) = name.strip_suffix(b"=") else {
        return false;
    };
    text.part != Part::Text
        && !is_severe(text.lower, start)
        && name.len() > 5
        && name.iter().all(|byte| is_word(*byte) || *byte == b'-')
}

/// The end of the known folder or file that the value starts with.
fn rooted(text: &[u8], first: usize) -> Option<usize> {
    let start = path_start(text, first);
    FOLDERS
        .starting(b'/', at(text, slashes(text, start)))
        .find_map(|folder| {
            let end = fits(text, start, folder)?;
            let is_file = !folder.ends_with(b"/");
            if is_public(text, start) {
                return None;
            }
            let goes_on = is_word(at(text, end))
                || matches!(at(text, end), b'.' | b'*' | b'?' | b'\'' | b'"' | b'\\');
            // `.environment` and `id_rsa.pub` are other names.
            let is_name = matches!(at(folder, 1), b'.' | b'i') && !folder.ends_with(b"_");
            let is_longer = is_name
                && is_file
                && (is_word(at(text, end)) || stands(text, end, b".pub") || is_sample(text, end));
            ((is_file || goes_on) && !is_longer).then_some(end)
        })
}

/// What in those folders every machine has alike and tells nothing of this one.
const PUBLIC: &[&[u8]] = &[
    b"/etc/ssl/certs/",
    b"/etc/alternatives",
    b"/etc/localtime",
    b"/etc/**",
    b"/proc/sys/net/",
    b"/proc/sys/vm/",
    b"/proc/sys/fs/",
    b"/root/**",
];
/// Names that logs of services begin with: one's own program writes others.
const LOGS: &[&[u8]] = &[
    b"apache",
    b"auth",
    b"mail",
    b"nginx",
    b"httpd",
    b"messages",
    b"secure",
    b"lastlog",
    b"btmp",
    b"wtmp",
    b"exim",
    b"mysql",
    b"mariadb",
    b"sshd",
    b"cron",
    b"dmesg",
    b"vsftpd",
    b"proftpd",
    b"pureftpd",
    b"pure-ftpd",
    b"lighttpd",
    b"faillog",
    b"xferlog",
    b"syslog",
    b"kern",
    b"daemon",
    b"boot",
    b"audit",
    b"tomcat",
    b"redis",
    b"postgres",
    b"php",
    b"squid",
    b"samba",
    b"sudo",
    b"user",
    b"debug",
    b"dpkg",
    b"apt",
    b"journal",
    b"cups",
    b"news",
    b"yum",
    b"www",
    b"error",
    b"access",
    b"log",
    b"ftp",
    b"mongo",
    b"fail2ban",
    b"ufw",
    b"wtmp",
    b"alternatives",
    b"installer",
    b"iis",
    b"?",
    b"*",
    b"..",
    b"telnet",
    b"security",
    b"dnf",
    b"elasticsearch",
    b"jenkins",
    b"gitlab",
];

/// Whether a path in such a folder names nothing of the server's own.
fn is_public(text: &[u8], start: usize) -> bool {
    const LOG: &[u8] = b"/var/log/";
    let end = start + LOG.len();
    PUBLIC.iter().any(|path| stands(text, start, path))
        || stands(text, start, LOG)
            && !LOGS.iter().any(|name| stands(text, end, name))
            && find(span(text, end, end + MAX_PATH), b"..", 0).is_none()
}

/// Whether a file's name goes on as that of a sample, which is published: `.env.example`.
fn is_sample(text: &[u8], end: usize) -> bool {
    [
        &b".example"[..],
        b".sample",
        b".dist",
        b".template",
        b".tmpl",
    ]
    .iter()
    .any(|ending| stands(text, end, ending))
}

/// Past a drive, a home folder, a scheme, and steps that lead nowhere, to the slash of the path.
fn path_start(text: &[u8], first: usize) -> usize {
    let mut index = first;
    if at(text, index).is_ascii_alphabetic() && at(text, index + 1) == b':' {
        index += 2;
        index = home(text, index).unwrap_or(index);
    } else if let Some(end) = HOMES.iter().find(|home| stands(text, index, home)) {
        index += end.len();
    } else if at(text, index) == b'~' {
        index = skip_while(text, index + 1, is_word);
    } else if let Some(end) = home(text, index) {
        index = end;
    } else {
        index = skip_while(text, index, |byte| byte == b'.');
        if index > first && !matches!(at(text, index), b'/' | b'\\') {
            // `.git/config`: the dot belongs to the name.
            index -= 1;
        }
    }
    index
}

/// Variables that name a home folder.
const HOMES: &[&[u8]] = &[b"$home", b"${home}", b"%userprofile%", b"%homepath%"];

/// The end of a user's home folder, before a hidden name in it.
fn home(text: &[u8], start: usize) -> Option<usize> {
    let is_parent = [&b"home"[..], b"users"]
        .iter()
        .any(|parent| is_slash(at(text, start)) && stands(text, start + 1, parent));
    let user = skip_while(text, start + 1, |byte| !is_slash(byte));
    let end = skip_while(span(text, 0, user + 40), user + 1, |byte| {
        is_word(byte) || matches!(byte, b'-' | b'.')
    });
    (is_parent && at(text, end + 1) == b'.').then_some(end)
}

/// Files that no folder makes public, at the end of an absolute path.
const KEPT: &[&[u8]] = &[
    b"/.env",
    b"/.git/config",
    b"/.aws/credentials",
    b"/.htpasswd",
    b"/.my.cnf",
    b"/wp-config.php",
];

/// Any known file, wherever it stands.
fn named(text: &Text<'_>, first: usize, hits: &mut Hits) {
    let lower = text.lower;
    let mut index = first;
    while let Some(start) = position(lower, index, |byte| byte == b'/' || byte == b'\\') {
        index = start + 1;
        // A run of `./` was read with its first slash.
        let is_within = start > 1 && before(lower, start) == b'.' && is_slash(at(lower, start - 2));
        let is_start =
            !matches!(before(lower, start), b'/' | b'\\') && !stands(lower, start + 1, b"..");
        if !is_start || is_within {
            continue;
        }
        if !hits.meter.pays(price::SLASH) {
            return;
        }
        let Some((end, is_folder)) = known(lower, start).filter(|_| !is_public(lower, start))
        else {
            continue;
        };
        if !is_folder && (is_word(at(lower, end)) || at(lower, end) == b'-') {
            continue;
        }
        let previous = before(lower, start);
        // `docs/etc/hosts` is a path of its own, `c:/boot.ini` and `=/etc/passwd` are not.
        let is_inner = is_word(previous) || matches!(previous, b'-' | b'%');
        let is_plain =
            is_single(lower, first) || (start == first && stands_alone(lower, start, end));
        let is_plain = is_plain
            && !is_setting(text, first, start)
            && (is_severe(lower, start) || !is_list(lower));
        let is_link = stands(lower, first, b"http://") || stands(lower, first, b"https://");
        let is_path = text.part == Part::Path && text.name.is_empty();
        // Absolute, where a list of changed files is relative.
        let is_environment =
            at(lower, first) == b'/' && KEPT.iter().any(|file| lower.ends_with(file));
        let rule = match () {
            () if is_environment && is_plain && !is_path => &rules::FILE,
            () if is_path && (is_inner || previous == 0) && !is_severe(lower, start) => continue,
            () if is_plain && !is_inner && !is_link => &rules::FILE,
            () if is_plain && is_inner && is_severe(lower, start) && !is_link => &rules::FILE,
            () => &rules::FILE_NAMED,
        };
        hits.push(Hit::new(rule, start, end));
        return;
    }
    bare(lower, first, hits);
}

/// The end of the known file at `start`, and whether it is a folder's beginning.
fn known(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let letter = at(text, slashes(text, start));
    FILES.iter().find_map(|(folder, names)| {
        let end = match folder {
            [b'/'] => slashes(text, start),
            _ if at(folder, 1) == letter => fits(text, start, folder)?,
            _ => return None,
        };
        let letter = at(text, end);
        let likely = names.iter().filter(|name| at(name, 0) == letter);
        likely.copied().find_map(|name| {
            let is_folder = matches!(name.last(), Some(b'/' | b'_' | b'.'));
            Some((continues(text, end, name)?, is_folder))
        })
    })
}

/// `/etc/passwd` and its like are never part of another path.
fn is_severe(text: &[u8], start: usize) -> bool {
    let files: [&[u8]; 7] = [
        b"/etc/passwd",
        b"/etc/shadow",
        b"/windows/win.ini",
        b"/boot.ini",
        b"/proc/self/",
        b"/web-inf/",
        b"/.htpasswd",
    ];
    files.iter().any(|file| {
        fits(text, start, file).is_some_and(|end| !is_word(at(text, end)) || file.ends_with(b"/"))
    })
}

/// Known files without a slash before them: `etc/passwd`, `boot.ini`, `web-inf/web.xml`.
pub(super) static BARE: Needles<'static> = Needles::numbered(
    10,
    &[
        b"etc/passwd",
        b"etc/shadow",
        b"boot.ini",
        b"windows/win.ini",
        b"windows\\win.ini",
        b"web-inf/",
        b".htpasswd",
        b".aws/credentials",
        b"app/etc/env.php",
        b"app/etc/local.xml",
        b"default/settings.php",
        b"web.config.bak",
    ],
);

/// Reports the first of them.
fn bare(text: &[u8], first: usize, hits: &mut Hits) {
    let Some((start, file)) = hits.absent.find(&BARE, text, 0) else {
        return;
    };
    let end = start + file.len();
    let is_free = !is_word(before(text, start)) && before(text, start) != b'-';
    let ends = file.ends_with(b"/") || !(is_word(at(text, end)) || at(text, end) == b'-');
    if is_free && ends {
        let is_value =
            is_single(text, first) && (start == first || !matches!(before(text, start), b'/'));
        let rule = if is_value {
            &rules::FILE
        } else {
            &rules::FILE_NAMED
        };
        hits.push(Hit::new(rule, start, end));
    }
}

/// Whether what a climb leads to is known.
pub(super) fn is_reached(target: &[u8]) -> bool {
    let start = skip_space(target, 0);
    let mut likely = FOLDERS.starting(b'/', at(target, start));
    likely.any(|folder| fits_after_slash(target, start, folder).is_some()) || names_file(target)
}

/// Whether a known file's name starts one of the path's parts or ends the path.
fn names_file(path: &[u8]) -> bool {
    let mut index = 0;
    while let Some((start, name)) = REACHED.find(path, index) {
        if start == 0 || is_slash(before(path, start)) || start + name.len() == path.len() {
            return true;
        }
        index = start + 1;
    }
    false
}

/// Where `pattern` ends when it stands at `start`: either slash, any number of them, `./` between.
fn fits(text: &[u8], start: usize, pattern: &[u8]) -> Option<usize> {
    if at(pattern, 0) == b'/' && !is_slash(at(text, start)) {
        // Names that need no folder to be known: `.git/config`, `web-inf/web.xml`.
        let is_known_bare = at(pattern, 1) == b'.'
            || [
                &b"/web-inf"[..],
                b"/meta-inf",
                b"/id_",
                b"/boot.ini",
                b"/wp-config",
            ]
            .iter()
            .any(|known| pattern.starts_with(known));
        return (is_known_bare && !is_word(before(text, start)))
            .then(|| fits_after_slash(text, start, pattern))
            .flatten();
    }
    fits_after_slash(text, slashes(text, start), pattern)
}

/// The same without the pattern's first slash.
fn fits_after_slash(text: &[u8], start: usize, pattern: &[u8]) -> Option<usize> {
    continues(text, start, pattern.get(1..)?)
}

fn continues(text: &[u8], start: usize, pattern: &[u8]) -> Option<usize> {
    let mut index = start;
    for byte in pattern {
        if *byte == b'/' {
            let end = slashes(text, index);
            if end == index {
                return None;
            }
            index = end;
        } else if at(text, index) == *byte {
            index += 1;
        } else {
            return None;
        }
    }
    Some(index)
}

/// Past a run of slashes and `./`.
fn slashes(text: &[u8], start: usize) -> usize {
    let mut index = skip_while(text, start, is_slash);
    while index > start && at(text, index) == b'.' && is_slash(at(text, index + 1)) {
        index = skip_while(text, index + 1, is_slash);
    }
    index
}

const fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}
