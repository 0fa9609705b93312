//! Command lines that developers show each other: every command of the line is one that builds, copies,
//! installs or filters, and none of them tells an attacker anything. An injected command stands behind
//! a value or a separator; these are all there is.

use super::SEVERE;
use crate::waf::scan::{Needles, at, is_space, span, trim};

/// Longest command line.
const MAX_SCRIPT: usize = 1000;

/// Programs that a developer's command line starts with.
const FIRST: &[&[u8]] = &[
    b"./configure",
    b"./gradlew",
    b"adb",
    b"ansible",
    b"ansible-playbook",
    b"apt",
    b"apt-get",
    b"artisan",
    b"brew",
    b"bundle",
    b"cargo",
    b"certbot",
    b"choco",
    b"cmake",
    b"composer",
    b"conda",
    b"createdb",
    b"cross-env",
    b"dism",
    b"dnf",
    b"docker",
    b"docker-compose",
    b"dotnet",
    b"dpkg",
    b"fastboot",
    b"ffmpeg",
    b"flutter",
    b"gem",
    b"git",
    b"go",
    b"gradle",
    b"gunzip",
    b"gzip",
    b"helm",
    b"heroku",
    b"journalctl",
    b"kubectl",
    b"lsof",
    b"make",
    b"minikube",
    b"mongodump",
    b"mongorestore",
    b"mvn",
    b"mysqladmin",
    b"mysqldump",
    b"ng",
    b"npm",
    b"npx",
    b"pacman",
    b"pg_dump",
    b"pg_restore",
    b"pgrep",
    b"pip",
    b"pip3",
    b"pipx",
    b"pkill",
    b"pnpm",
    b"podman",
    b"poetry",
    b"psql",
    b"rails",
    b"rake",
    b"rsync",
    b"rustc",
    b"rustup",
    b"sam",
    b"scp",
    b"sfc",
    b"snap",
    b"ssh-keygen",
    b"systemctl",
    b"tar",
    b"taskkill",
    b"terraform",
    b"tsc",
    b"ufw",
    b"unzip",
    b"vagrant",
    b"virtualenv",
    b"vite",
    b"webpack",
    b"winget",
    b"yarn",
    b"youtube-dl",
    b"yt-dlp",
    b"yum",
    b"zip",
];
/// What such a line goes on with.
const NEXT: &[&[u8]] = &[
    b"[",
    b"[[",
    b"awk",
    b"break",
    b"cd",
    b"chmod",
    b"chown",
    b"continue",
    b"cp",
    b"cut",
    b"date",
    b"done",
    b"echo",
    b"exit",
    b"explorer.exe",
    b"export",
    b"false",
    b"fi",
    b"grep",
    b"head",
    b"jq",
    b"kill",
    b"less",
    b"ln",
    b"mkdir",
    b"more",
    b"mv",
    b"popd",
    b"printf",
    b"pushd",
    b"pwd",
    b"read",
    b"sed",
    b"set",
    b"sleep",
    b"sort",
    b"source",
    b"tail",
    b"tee",
    b"test",
    b"touch",
    b"tr",
    b"true",
    b"uniq",
    b"wc",
    b"xargs",
    b"{",
    b"}",
];
/// Words before a command of the same line.
const WRAPPERS: &[&[u8]] = &[
    b"sudo", b"time", b"nohup", b"then", b"else", b"do", b"start", b"!", b"exec",
];
/// Words that a loop or a condition starts with.
const KEYWORDS: &[&[u8]] = &[b"if", b"while", b"until", b"elif"];

/// Options and devices by which such a program runs another.
static RUNNING: Needles<'static> = Needles::new(&[
    b"--to-command",
    b"checkpoint",
    b"--upload-pack",
    b"--receive-pack",
    b"system(",
    b"exec(",
    b"/dev/t",
    b"/dev/u",
    b"/bin/",
    b"bash -",
    b"sh -",
    b"s_client",
    b"--eval",
    b"-e 'system",
    b"proxycommand",
    b"--use-compress",
    b"core.pager",
    b"\\!",
    b"load_file",
    b"copy ",
    b"<(",
    b">(",
    b"$'",
    b"${ifs",
    b"base64",
    b"bypass",
]);

/// Verbs of PowerShell's commands that show and sort.
const CMDLETS: &[&[u8]] = &[
    b"get-childitem",
    b"get-command",
    b"get-date",
    b"get-executionpolicy",
    b"get-help",
    b"get-process",
    b"get-service",
    b"set-executionpolicy",
    b"set-location",
    b"sort-object",
    b"where-object",
    b"where",
    b"select-object",
    b"foreach-object",
    b"measure-object",
    b"format-table",
    b"format-list",
    b"out-file",
    b"out-null",
    b"stop-process",
    b"start-service",
    b"stop-service",
    b"restart-service",
    b"test-path",
    b"test-netconnection",
    b"install-module",
    b"import-module",
    b"new-item",
    b"copy-item",
    b"move-item",
    b"rename-item",
    b"remove-item",
    b"write-host",
    b"write-output",
    b"export-csv",
    b"import-csv",
    b"convertto-json",
];

/// Whether the whole text is such a command line.
pub(super) fn is_work(text: &[u8]) -> bool {
    let text = trim(text);
    if text.len() > MAX_SCRIPT || RUNNING.find(text, 0).is_some() || SEVERE.find(text, 0).is_some()
    {
        return false;
    }
    let (mut index, mut start, mut is_first) = (0, 0, true);
    let mut open = 0;
    while index <= text.len() {
        // `{"id": 1}` on a line of its own is what came back.
        if open == 0 && at(text, index) == b'\n' && (text.get(index + 1..index + 3) == Some(b"{\""))
        {
            let rest = span(text, index + 1, text.len());
            let length = rest.iter().position(|byte| *byte == b'\n');
            if !works(trim(span(text, start, index)), is_first) {
                return false;
            }
            (is_first, start) = (false, index + 1 + length.unwrap_or(rest.len()));
            index = start;
            continue;
        }
        let byte = at(text, index);
        let is_end = index == text.len();
        let is_split = open == 0 && matches!(byte, b';' | b'|' | b'&' | b'\n' | b'`')
            || open != b'\'' && byte == b'$' && at(text, index + 1) == b'('
            || open == 0 && matches!(byte, b')' | b'{' | b'}');
        if is_end || is_split {
            let command = trim(span(text, start, index));
            // `2>&1`
            let is_copied = byte == b'&' && at(text, index.saturating_sub(1)) == b'>';
            if !is_copied {
                if !works(command, is_first) {
                    return false;
                }
                is_first = false;
                start = index + 1 + usize::from(byte == b'$');
            }
        } else if matches!(byte, b'\'' | b'"') && (open == 0 || open == byte) {
            open = if open == 0 { byte } else { 0 };
        }
        index += 1;
    }
    open == 0
}

/// Whether the command is one of a developer's, or nothing but what ends a substitution.
fn works(command: &[u8], is_first: bool) -> bool {
    let mut words = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty());
    let mut word = words.next().unwrap_or_default();
    let mut is_led = false;
    while WRAPPERS.contains(&word) || KEYWORDS.contains(&word) {
        is_led = true;
        word = words.next().unwrap_or_default();
    }
    let has_argument = words.next().is_some();
    if is_first {
        return is_led && NEXT.contains(&word)
            || (FIRST.contains(&word) || CMDLETS.contains(&word)) && has_argument
            || is_filter(command, word)
            || word == b"curl" && is_request(command)
            || is_own_program(command, word);
    }
    word.is_empty()
        || NEXT.contains(&word)
        || FIRST.contains(&word)
        || CMDLETS.contains(&word)
        || word.starts_with(b"./")
        || is_own_program(command, word)
        || word.starts_with(b"$_")
        || is_id(word)
}

/// What stands between a substitution's end and the next separator, and names of processes.
fn is_id(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_digit)
}

/// `python manage.py migrate`: a program of the project, by a name that its folder tells.
fn is_own_program(command: &[u8], word: &[u8]) -> bool {
    let argument = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .nth(1);
    matches!(word, b"python" | b"python3" | b"php" | b"node")
        && matches!(
            argument,
            Some(
                b"manage.py"
                    | b"app.py"
                    | b"main.py"
                    | b"train.py"
                    | b"setup.py"
                    | b"artisan"
                    | b"index.js"
                    | b"app.js"
                    | b"server.js"
            )
        )
}

/// `perl -ne 'print if /x/' log.txt`
fn is_filter(command: &[u8], word: &[u8]) -> bool {
    let option = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .nth(1)
        .unwrap_or_default();
    word == b"perl"
        && (matches!(
            option,
            b"-ne" | b"-pe" | b"-lne" | b"-lpe" | b"-i.bak" | b"-pi"
        ) || option.starts_with(b"-mcpan"))
        && !command
            .windows(4)
            .any(|window| matches!(window, b"exec" | b"syst" | b"sock" | b"open"))
        && !command.contains(&b'`')
}

/// `curl -X POST https://... -H "Content-Type: ..." -d '...'`: a request as documentation shows it.
fn is_request(command: &[u8]) -> bool {
    let has = |option: &[u8]| {
        command
            .split(|byte| is_space(*byte))
            .any(|word| word == option)
    };
    (has(b"-h") || has(b"--header"))
        && !command
            .windows(2)
            .any(|pair| pair == b"@/" || pair == b"-o" || pair == b"@-")
        && !command.contains(&b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_work_from_reconnaissance() {
        for text in [
            "mysqldump -u root -p mydb | gzip > mydb.sql.gz",
            "tar -xzf f.tgz -c /opt && cd /opt/f && ./configure && make && sudo make install",
            "get-childitem -recurse | where-object { $_.length -gt 100mb } | sort-object length",
            "if [ $? -eq 0 ]; then echo ok; else echo fail; fi",
            "cross-env node_env=production webpack --config a.js && cp -r public/* dist/",
            "lsof -i :80 ; kill -9 pid",
            "perl -ne 'print if /error/i' log.txt",
            "curl -x post http://localhost:8000/api -h \"accept: */*\" -d '{\"a\":1}'",
        ] {
            assert!(is_work(text.as_bytes()), "{text}");
        }
        for text in [
            "; make install",
            "git status; id",
            "git status\ncat /etc/hosts",
            "docker run -v $(cat x):/y z",
            "ping -c 1 127.0.0.1",
            "tar xf x.tar --to-command=id",
            "curl http://evil.example/x",
            "perl -e 'system(1)'",
            "npm i `id`",
            "make",
        ] {
            assert!(!is_work(text.as_bytes()), "{text}");
        }
    }
}
