//! Commands of a developer's line that put the author's own files in order, run one of them, or fetch what is
//! called by its name.

use crate::waf::scan::{Needles, at, find, is_space, is_word, skip_space, span, trim};

/// What leads to a command line in a terminal, a list and a file that builds.
const LEADS: &[&[u8]] = &[
    b"$ ",
    b"- ",
    b"run ",
    b"run: ",
    b"/usr/bin/",
    b"/usr/sbin/",
    b"/usr/local/bin/",
];

pub(super) fn unled(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = LEADS.iter().find_map(|lead| text.strip_prefix(*lead)) {
        text = trim(rest);
    }
    text
}

/// Longest label before code, and most of its words.
const MAX_LABEL: usize = 32;
const MAX_LABEL_WORDS: usize = 4;

/// Where the code behind a label begins: `Line 12: git pull && make`, `powershell: get-childitem`.
pub(super) fn label_end(text: &[u8]) -> Option<usize> {
    let head = span(text, 0, MAX_LABEL);
    let colon = head.iter().position(|byte| *byte == b':')?;
    let label = span(text, 0, colon);
    let is_label = at(text, colon + 1) == b' '
        && at(label, 0).is_ascii_alphabetic()
        && label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ')
        && label.split(|byte| *byte == b' ').count() <= MAX_LABEL_WORDS;
    is_label.then_some(skip_space(text, colon + 1))
}

/// Shells that a page of instructions feeds with what was fetched.
const FED: &[&[u8]] = &[
    b"sh",
    b"bash",
    b"sh -",
    b"bash -",
    b"sudo sh",
    b"sudo bash",
    b"sudo bash -",
    b"sudo -e bash -",
    b"sh -s -- -y",
    b"iex",
];

/// `curl https://get.example.org | sh` without its end: so does much software want to be installed, and
/// where the value is an argument the shell is fed with something else.
pub(super) fn fetched(text: &[u8]) -> &[u8] {
    let mut parts = text.split(|byte| *byte == b'|');
    let (fetch, shell) = (parts.next().unwrap_or_default(), parts.next());
    let is_fed = shell.is_some_and(|shell| FED.contains(&trim(shell))) && parts.next().is_none();
    // Other lines are judged by themselves.
    let line = fetch
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if is_fed && is_fetch(trim(line)) {
        trim(fetch)
    } else {
        text
    }
}

/// Programs that read what stands beside them, and hand it on.
pub(super) const READING: &[&[u8]] = &[
    b"awk",
    b"cat",
    b"cd",
    b"cut",
    b"grep",
    b"head",
    b"history",
    b"mongosh",
    b"mysql",
    b"openssl",
    b"pytest",
    b"redis-cli",
    b"sed",
    b"set",
    b"sort",
    b"source",
    b"strip",
    b"tail",
    b"test",
    b"[",
    b"[[",
];
/// Programs that put files in their places.
const FILING: &[&[u8]] = &[
    b"chmod", b"chown", b"cp", b"crontab", b"gcc", b"ln", b"ls", b"mail", b"mkdir", b"mount",
    b"mv", b"rimraf", b"rm", b"unlink",
];
/// Folders that a server's administrator fills.
const FILLED: &[&[u8]] = &[
    b"/var/www",
    b"/opt",
    b"/srv",
    b"/home",
    b"/mnt",
    b"/usr/local",
    b"/var/lib/dpkg",
    b"/var/lib/apt",
    b"/var/cache/apt",
];
/// What a program's file ends with.
const SOURCES: &[&[u8]] = &[
    b".py",
    b".php",
    b".pl",
    b".js",
    b".mjs",
    b".rb",
    b".sh",
    b".jar",
    b".ts",
    b"/artisan",
    b"bin/console",
];
/// Where a job leaves what it prints.
const KEPT: &[&[u8]] = &[b"/dev/null", b"/var/log/"];

/// Whether an argument leads out of the author's own folders.
pub(super) fn reaches(command: &[u8]) -> bool {
    let leads_out = |word: &[u8]| {
        let word = word.strip_prefix(b"\"").unwrap_or(word);
        at(word, 0) == b'/' && !FILLED.iter().any(|folder| word.starts_with(folder))
            || matches!(at(word, 0), b'\\')
            || matches!(word, b"*" | b"." | b"~" | b"~/")
            || word.starts_with(b"..")
            || find(word, b"/../", 0).is_some()
            || find(word, b".ssh", 0).is_some()
            || find(word, b"$((", 0).is_some()
    };
    let mut words = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .skip(1);
    while let Some(word) = words.next() {
        let is_kept = |file: &[u8]| {
            KEPT.iter().any(|folder| file.starts_with(folder)) && find(file, b"..", 0).is_none()
        };
        let is_led = matches!(word, b">" | b">>" | b"2>" | b"2>>");
        if leads_out(word)
            || is_led
                && words
                    .next()
                    .is_some_and(|file| !is_kept(file) && leads_out(file))
        {
            return true;
        }
    }
    false
}

/// `rm -f *.o app`, `chmod +x run.sh`, `python runtests.py -v`: files of the author's own are put in order, or one
/// of them is run.
pub(super) fn is_chore(command: &[u8], word: &[u8]) -> bool {
    let mut words = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .skip_while(|other| *other != word)
        .skip(1);
    let is_option = |word: &[u8]| at(word, 0) == b'-';
    let runs =
        super::script::INTERPRETERS.contains(&word) || matches!(word, b"sh" | b"bash" | b"java");
    !reaches(command)
        && (FILING.contains(&word) && words.clone().any(|word| !is_option(word))
            || runs
                && words.next().is_some_and(|file| {
                    !is_option(file) && SOURCES.iter().any(|end| file.ends_with(end))
                }))
}

/// Folders of logs, and of how servers are set up.
const READABLE: &[&[u8]] = &[b"/var/log/", b"/etc/nginx/", b"/etc/apache2/", b"/etc/php"];

/// `cat /var/log/syslog`: a log of the machine's own, or how a server of it is set up.
pub(super) fn reads_log(command: &[u8]) -> bool {
    command
        .split(|byte| is_space(*byte))
        .filter(|word| at(word, 0) == b'/')
        .all(|word| READABLE.iter().any(|folder| word.starts_with(folder)))
        && find(command, b"..", 0).is_none()
        && !command.contains(&b'*')
        && !command.contains(&b'\\')
        && !command.contains(&b'~')
}

/// Options by which a program that fetches sends something away, and hosts that wait for it.
static SENDING: Needles<'static> = Needles::new(&[
    b" -d",
    b"--data",
    b" -f ",
    b" -t ",
    b"--upload",
    b"--post",
    b"@",
    b"`",
    b"$(",
    b"evil",
    b"attack",
    b"oast",
    b"hook",
    b"ngrok",
    b"requestbin",
    b"oob",
    b"burp",
    b"?",
]);

/// `wget https://example.org/a.tgz`: what is fetched by name, over TLS or from the machine itself, and sends nothing.
pub(super) fn is_fetch(command: &[u8]) -> bool {
    let mut words = command.split(|byte| is_space(*byte));
    let is_host = |word: &[u8]| {
        let word = word.strip_prefix(b"'").unwrap_or(word);
        let word = word.strip_prefix(b"\"").unwrap_or(word);
        word.starts_with(b"http://localhost:")
            || word
                .strip_prefix(b"https://")
                .and_then(|host| host.split(|byte| *byte == b'/').next())
                .is_some_and(|host| {
                    host.iter()
                        .all(|byte| is_word(*byte) || b".-".contains(byte))
                        && host.last().is_some_and(u8::is_ascii_alphabetic)
                })
    };
    matches!(
        words.next(),
        Some(b"wget" | b"curl" | b"invoke-webrequest" | b"iwr" | b"invoke-restmethod" | b"irm")
    ) && words.any(is_host)
        && SENDING.find(command, 0).is_none()
}
