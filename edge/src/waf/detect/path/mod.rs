//! Path traversal, local files and stream wrappers.

mod file;
mod known;
mod traversal;
mod wrapper;

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::rules::path as rules;
use crate::waf::scan::{Needles, at, find, is_space, is_word, last_before, skip_while, span};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "../",
    "..\\",
    "/..",
    "\\..",
    "..;",
    "..\x1c",
    "/run/",
    "/srv/",
    "~root",
    "....",
    ".\\.",
    "etc",
    "/proc",
    "\\proc",
    "/var/",
    "/root",
    "/windows",
    "\\windows",
    "winnt",
    "win.ini",
    "boot.ini",
    "file:",
    ".ht",
    "web.config",
    "web-inf",
    "meta-inf",
    "id_rsa",
    "wp-config",
    ".env",
    ".git",
    ".svn",
    ".aws/",
    ".ssh",
    "_history",
    "/usr/",
    "/home/",
    "/boot/",
    "/sys/",
    "/opt/",
    "/dev/",
    "/tmp/",
    "c:",
    "\\\\",
    "://",
    "php:",
    "data:",
    "\0",
    "inetpub",
    "jar:",
    "netdoc:",
    "zip:",
    "zlib:",
    ".ds_store",
    "unattend",
    "ssh2.",
    ".kube/",
    ".docker",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".bash_",
    ".zsh",
    ".viminfo",
    ".gnupg",
    "classpath:/",
    "classpath*:",
    "/app/app.",
    "/app/conf",
    "/app/main.",
    "/app/sett",
    "flag.txt",
    "settings.php",
    "/xampp",
    "/wamp",
    "\\xampp",
    "\\wamp",
    "/id_",
    "/php/",
    "/mysql/",
    "/program files/",
    "documents and settings",
    "system volume",
    "/users/admin",
    "/programdata/m",
    "ntuser.dat",
    "pagefile",
    "sysprep",
    "autoexec",
    "/httpd.conf",
    "/apache2.conf",
    "/nginx.conf",
    "/lighttpd.conf",
    "/php.ini",
    "/php-fpm.conf",
    "/my.cnf",
    "/my.ini",
    "/mysql.err",
    "/mysql.log",
    "sql.conf",
    "/pg_hba",
    "/mongod.",
    "/redis.conf",
    "/server.xml",
    "/tomcat-users",
    "/catalina.out",
    "/access_log",
    "/access.log",
    "/error_log",
    "/error.log",
    "/xferlog",
    "/lastlog",
    "/ssh_config",
    "/sshd_config",
    "ftpd.conf",
    "/pure-",
    "/miniserv.",
    "/cpanel.config",
    "/localconfig.xml",
    "host.config",
    "/machine.config",
    "/global.asa",
    "/recentservers",
    "/sitemanager",
    "/filezilla server",
    "/ntuser.dat",
    "/hiberfil",
    "/parameters.yml",
    "/database.yml",
    "/application.y",
    "/application.p",
    "/secrets.y",
    "/secrets.j",
    "/settings.py",
    "/config.inc",
    "-credentials",
    "/credentials.db",
    "/libc.so",
    "/lib/systemd",
    "/private/etc",
    ".config/gcloud",
    "/apache",
];

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[&wrapper::WRAPPERS, &file::BARE];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    traversal::detect(text, hits);
    file::detect(text, hits);
    wrapper::detect(text, hits);
    cut(text.lower, hits);
}

/// `shell.php\0.jpg`: a NUL where the C library ends a name and the application does not.
fn cut(text: &[u8], hits: &mut Hits) {
    let Some(null) = find(text, b"\0", 0) else {
        return;
    };
    let length = |run: usize, start: usize| (1..=5).contains(&(run - start));
    let stem = span(text, null.saturating_sub(6), null);
    let ends_in_suffix = stem
        .iter()
        .rposition(|byte| *byte == b'.')
        .is_some_and(|dot| {
            length(stem.len(), dot + 1)
                && span(stem, dot + 1, stem.len())
                    .iter()
                    .all(|byte| is_word(*byte))
        });
    let after = skip_while(text, null + 2, is_word);
    let suffix_follows =
        at(text, null + 1) == b'.' && length(after, null + 2) && after >= text.len();
    if ends_in_suffix || suffix_follows || is_cut_short(text, null) {
        hits.push(Hit::new(&rules::NULL, null.saturating_sub(6), null + 1));
    }
}

/// `admin)\0`: a short value that ends in a NUL behind a sign, as a query is cut where it stands.
fn is_cut_short(text: &[u8], null: usize) -> bool {
    let signs = b"'\"`()[]{};*|?";
    null + 1 == text.len()
        && text.len() <= MAX_CUT
        && last_before(text, null).is_some_and(|last| signs.contains(&at(text, last)))
}

/// Longest value that is told from a text by its end alone, in bytes.
const MAX_CUT: usize = 96;

/// Escaped blanks before words, from which on a path as it was sent is what somebody wrote.
const MIN_BLANKS: usize = 3;

/// Whether the value holds no white space but around it.
fn is_single(text: &[u8], first: usize) -> bool {
    let end = last_before(text, text.len()).map_or(0, |last| last + 1);
    let value = span(text, first, end);
    let is_blank = |part: &&[u8]| part.starts_with(b"%20") && is_word(at(part, 3));
    !value.iter().any(|byte| is_space(*byte))
        && value.windows(4).filter(is_blank).take(MIN_BLANKS).count() < MIN_BLANKS
}

/// How many plain words follow, two at most.
fn words_after(text: &[u8], end: usize) -> usize {
    span(text, end, end + 120)
        .split(|byte| is_space(*byte))
        .skip(1)
        .filter(|word| {
            word.len() > 1
                && word
                    .iter()
                    .all(|byte| byte.is_ascii_alphabetic() || *byte == b'?')
        })
        .take(2)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the prefilter does not look for is never found.
    #[test]
    fn every_known_file_has_a_trigger() {
        let named = known::FILES.iter().flat_map(|(folder, names)| {
            let join = move |name: &&[u8]| [folder, *name].concat();
            names.iter().map(join).collect::<Vec<_>>()
        });
        let folders = known::FOLDERS.all().chain(file::BARE.all());
        let wrappers = wrapper::WRAPPERS.all();
        let served = known::SERVED.iter().map(|name| [b"/", *name].concat());
        let all = folders
            .chain(wrappers)
            .map(<[u8]>::to_vec)
            .chain(named)
            .chain(served);
        for file in all {
            let is_asked = TRIGGERS
                .iter()
                .any(|trigger| find(&file, trigger.as_bytes(), 0).is_some());
            assert!(is_asked, "{}", String::from_utf8_lossy(&file));
        }
    }
}
