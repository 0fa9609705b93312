//! Path traversal and local files.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::path as rules;
use crate::waf::scan::{
    at, before, find, find_any, from, is_space, is_word, skip_while, span, stands, trim,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "../",
    "..\\",
    "/..",
    "\\..",
    "..;",
    "/etc/",
    "/proc/",
    "/var/",
    "/root/",
    "/windows/",
    "\\windows",
    "win.ini",
    "boot.ini",
    "file:",
    ".htpasswd",
    "web.config",
    "web-inf",
    "id_rsa",
    "wp-config",
    ".env",
    ".git/",
    ".aws/",
    "etc/passwd",
    "/usr/",
    "....",
    "/home/",
    "c:",
    "/boot/",
    "/sys/",
];

/// Files that no application takes as a parameter.
const FILES: &[&[u8]] = &[
    b"/etc/passwd",
    b"/etc/shadow",
    b"/etc/group",
    b"/etc/hosts",
    b"/etc/hostname",
    b"/etc/issue",
    b"/etc/sudoers",
    b"/etc/crontab",
    b"/etc/fstab",
    b"/etc/motd",
    b"/etc/ssh/",
    b"/etc/apache2/",
    b"/etc/nginx/",
    b"/etc/httpd/",
    b"/etc/mysql/",
    b"/etc/php",
    b"/etc/resolv.conf",
    b"/etc/os-release",
    b"/etc/master.passwd",
    b"/etc/security/",
    b"/proc/self/",
    b"/proc/version",
    b"/proc/cpuinfo",
    b"/proc/1/",
    b"/proc/net/",
    b"/proc/mounts",
    b"/var/log/",
    b"/var/www/",
    b"/var/lib/mysql",
    b"/var/run/secrets",
    b"/root/.",
    b"/.ssh/id_",
    b"/.bash_history",
    b"/usr/local/apache",
    b"/usr/local/etc/",
    b"windows/win.ini",
    b"windows\\win.ini",
    b"winnt/win.ini",
    b"winnt\\win.ini",
    b"boot.ini",
    b"windows/system32/",
    b"windows\\system32\\",
    b"windows/repair/sam",
    b"windows\\repair\\sam",
    b"windows/system.ini",
    b"windows\\system.ini",
    b"inetpub/wwwroot",
    b"inetpub\\wwwroot",
    b".htpasswd",
    b"web-inf/web.xml",
    b"wp-config.php",
    b".aws/credentials",
    b".git/config",
    b".git/head",
    b"/web.config",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    traversal(text, hits);
    files(text.lower, hits);
    local_urls(text.lower, hits);
}

/// Runs of `../`, in either slash, with the doublings that survive naive removal (`....//`, `..;/`).
fn traversal(text: &Text<'_>, hits: &mut Vec<Hit>) {
    let lower = text.lower;
    let mut index = 0;
    while let Some(start) = find_dots(lower, index) {
        let (steps, end) = climb(lower, start);
        index = end.max(start + 2);
        if steps == 0 {
            continue;
        }
        if let Some(rule) = judge(text, start, steps, end) {
            hits.push(Hit::new(rule, start, end));
            return;
        }
    }
}

fn judge(
    text: &Text<'_>,
    start: usize,
    steps: usize,
    end: usize,
) -> Option<&'static crate::waf::rules::Rule> {
    let lower = text.lower;
    let previous = before(lower, start);
    if text.part == Part::Path && (matches!(previous, 0 | b'/' | b'\\')) {
        return Some(&rules::DOT_SEGMENT);
    }
    if is_word(previous) || previous == b'.' {
        return None;
    }
    // In prose and code `'../../lib'` is honest; a value that is a path throughout is not.
    let is_path = !trim(lower).iter().any(|byte| is_space(*byte))
        && !matches!(previous, b'\'' | b'"' | b'(' | b'`');
    let reaches_file = find_any(span(lower, end.saturating_sub(1), end + 64), FILES).is_some();
    let is_upload = text.part == Part::FileName;
    match steps {
        _ if reaches_file || is_upload => Some(&rules::TRAVERSAL),
        2.. if is_path => Some(&rules::TRAVERSAL),
        3.. if previous == 0 || previous == b'/' => Some(&rules::TRAVERSAL),
        1 if is_path => Some(&rules::RELATIVE),
        _ => None,
    }
}

/// Next index of two dots.
fn find_dots(text: &[u8], start: usize) -> Option<usize> {
    find(text, b"..", start)
}

/// How many levels the run at `start` climbs, and where it ends.
fn climb(text: &[u8], start: usize) -> (usize, usize) {
    let (mut steps, mut index) = (0, start);
    loop {
        let dots = skip_while(text, index, |byte| byte == b'.');
        let semicolon = dots + usize::from(at(text, dots) == b';');
        let slashes = skip_while(text, semicolon, |byte| matches!(byte, b'/' | b'\\'));
        let is_step = (2..=4).contains(&(dots - index))
            && (slashes > semicolon
                || (at(text, dots) == 0 && matches!(before(text, index), b'/' | b'\\')));
        if !is_step {
            return (steps, index.max(dots.min(text.len())));
        }
        steps += 1;
        index = slashes;
        if slashes == semicolon {
            return (steps, index);
        }
    }
}

/// A known file: as the value's own path an attack, inside prose a warning.
fn files(text: &[u8], hits: &mut Vec<Hit>) {
    let Some((start, file)) = find_any(text, FILES) else {
        return;
    };
    let begin = start
        - span(text, 0, start)
            .iter()
            .rev()
            .take_while(|byte| !is_space(**byte))
            .count();
    let is_value = !trim(text).iter().any(|byte| is_space(*byte)) || begin == 0;
    let is_rooted = matches!(at(text, begin), b'/' | b'\\' | b'.' | b'%' | b'"' | b'\'')
        || stands(text, begin + 1, b":")
        || stands(text, begin, file)
        || stands(text, begin, b"file:");
    let is_link = stands(text, begin, b"http://") || stands(text, begin, b"https://");
    let rule = if is_value && is_rooted && !is_link {
        &rules::FILE
    } else {
        &rules::FILE_NAMED
    };
    hits.push(Hit::new(rule, start, start + file.len()));
}

/// `file:///etc/hosts`, where a value or an attribute starts.
fn local_urls(text: &[u8], hits: &mut Vec<Hit>) {
    let Some(start) = find(text, b"file:", 0) else {
        return;
    };
    let starts_url = matches!(
        before(text, start),
        0 | b'"' | b'\'' | b'=' | b'(' | b'@' | b':' | b' '
    );
    let tail = from(text, start + 5);
    let is_rooted = (tail.starts_with(b"//") || tail.starts_with(b"/") || tail.starts_with(b"\\"))
        && (at(tail, 2) == b'/' || is_word(at(tail, 2)) || is_word(at(tail, 1)));
    if starts_url && is_rooted {
        hits.push(Hit::new(&rules::LOCAL_URL, start, start + 8));
    }
}
