//! Texts that are shell code wherever they stand: Windows programs with their arguments,
//! PowerShell, functions in the environment.

use super::{Hit, Hits, is_prose, spelled};
use crate::waf::rules::shell as rules;
use crate::waf::scan::{Needles, at, before, find, is_word, last_before, skip_space, span, stands};

/// Windows commands and PowerShell. In prose they are mentioned rather than run.
pub(super) static WINDOWS: Needles<'static> = Needles::numbered(
    2,
    &[
        b"cmd.exe",
        b"cmd /c",
        b"cmd /k",
        b"cmd /r",
        b"cmd+/c",
        b"cmd/c ",
        b"powershell -",
        b"powershell.exe",
        b"powershell iex",
        b"powershell (",
        b"powershell \"",
        b"powershell -e",
        b"pwsh -",
        b"certutil -",
        b"certutil.exe",
        b"bitsadmin /",
        b"bitsadmin.exe",
        b"net user ",
        b"net users /",
        b"net localgroup",
        b"wscript.shell",
        b"cscript //",
        b"mshta http",
        b"mshta vbscript",
        b"mshta javascript",
        b"mshta.exe",
        b"regsvr32 /",
        b"rundll32 ",
        b"rundll32.exe",
        b"wmic process",
        b"wmic os ",
        b"wmic useraccount",
        b"new-object net.webclient",
        b"new-object system.net",
        b"new-object -com",
        b"invoke-expression",
        b"invoke-webrequest -",
        b"invoke-webrequest http",
        b"invoke-restmethod ",
        b"iex(new-object",
        b"iex (new-object",
        b"iex(iwr",
        b"iex (iwr",
        b"iex \"",
        b"|iex",
        b"| iex",
        b"downloadstring(",
        b"downloadfile(",
        b"%comspec%",
        b"%comspec:~",
        b"$env:comspec",
        b"\\system32\\cmd",
        b"\\system32\\windowspowershell",
        b"/system32/cmd.exe",
        b"reg add hk",
        b"reg query hk",
        b"reg add \"hk",
        b"schtasks /",
        b"start-process ",
        b"get-content c:",
        b"get-content -path",
        b"get-childitem c:",
        b"get-childitem -path",
        b"set-executionpolicy ",
        b"-encodedcommand ",
        b"start-bitstransfer",
        b"%programfiles:~",
        b"%homepath:~",
        b"%windir:~",
        b"%appdata:~",
        b"vssadmin delete",
        b"netsh firewall",
        b"netsh advfirewall",
        b"tasklist /",
        b"wevtutil cl",
        b"get-wmiobject ",
        b"invoke-command ",
        b"invoke-mimikatz",
        b"get-process |",
        b"add-type -assemblyname",
        b"[system.net.webclient]",
        b"[convert]::frombase64string",
        b"[system.convert]::frombase64string",
        b"[system.diagnostics.process]",
        b"for /f \"",
        b"cmd|' /c",
        b"cmd|'/c",
        b"=dde(\"cmd",
        b"ext::sh -c",
        b"|' /c calc",
        b"for /l %",
        b"for /f %",
        b"if exist c:\\",
        b"start /b ",
        b"taskkill /",
        b"gc c:\\",
        b"ls env:",
        b"dir env:",
        b"gci env:",
        b"start calc",
        b"%commonprogramfiles:~",
        b"%systemroot:~",
        b"%pathext:~",
        b"%public:~",
        b"%path:~",
        b"%os:~",
        b"reg save hk",
        b"reg export hk",
        b"iex(irm ",
        b"iex (irm ",
        b"${env:comspec}",
        b"&(gcm ",
        b"& (gcm ",
        b"&(get-command ",
        b"& (get-command ",
        b"&(gal ",
        b".(gcm ",
        b".(gal ",
    ],
);

/// Reports what is found.
pub(super) fn detect(text: &[u8], prose: &mut Option<bool>, hits: &mut Hits) {
    if let Some((start, sign)) = hits.absent.find(&WINDOWS, text, 0) {
        let is_free = !is_word(before(text, start))
            && before(text, start) != b'.'
            && (!sign.ends_with(b".exe") || is_started(text, start, start + sign.len()))
            && (!sign.starts_with(b"net ") || is_net(text, start));
        // `for /f "delims=" %%a` is a batch file's; what a shell is given has one percent sign.
        let is_batch = sign == b"for /f \""
            && matches!(before(text, start), 0 | b'\n' | b'\t')
            && find(span(text, start, start + 80), b" %%", 0).is_some();
        if !is_batch && is_free || !sign.first().is_some_and(u8::is_ascii_alphabetic) {
            let rule = if is_prose(text, prose) {
                &rules::MENTIONED
            } else {
                &rules::WINDOWS
            };
            hits.push(Hit::new(rule, start, start + sign.len()));
        }
    }
    if let Some(start) = windows_loop(text) {
        hits.push(Hit::new(&rules::WINDOWS, start, start + 6));
    }
    if let Some((start, end)) = spelled::command(text) {
        hits.push(Hit::new(&rules::EVASION, start, end));
    }
    if let Some((start, end)) = exported_function(text) {
        hits.push(Hit::new(&rules::SHELLSHOCK, start, end));
    }
    if let Some(start) = sliced_variable(text) {
        hits.push(Hit::new(&rules::EVASION, start, start + 10));
    }
}

/// Whether a program's name stands with a switch, a path or a separator, or alone.
fn is_started(text: &[u8], start: usize, end: usize) -> bool {
    let next = at(text, skip_space(text, end));
    let last = last_before(text, start).map_or(0, |last| at(text, last));
    matches!(next, b'/' | b'-' | b'|' | b'&' | b'"' | b'\'' | b'^')
        || matches!(last, b'\\' | b'/' | b'|' | b'&' | b';' | b'`' | b'(')
        || (next == 0 && last == 0)
}

/// Whether `net user` is the command: no word stands before it, as in "we are a net user of
/// energy", and a switch follows.
fn is_net(text: &[u8], start: usize) -> bool {
    let is_free = last_before(text, start).is_none_or(|last| !at(text, last).is_ascii_alphabetic());
    is_free && find(span(text, start, start + 80), b" /", 0).is_some()
}

/// `for %a in (a,b) do cmd`
fn windows_loop(text: &[u8]) -> Option<usize> {
    let start = find(text, b"for %", 0)?;
    let name = span(text, start + 5, start + 16);
    if at(name, 0) == b'%' {
        return None;
    }
    find(name, b" in (", 0).map(|_| start)
}

/// `() { :;}; command`: a function in an environment variable, and what bash ran after it.
fn exported_function(text: &[u8]) -> Option<(usize, usize)> {
    let start = skip_space(text, 0);
    let parenthesis = start + 1;
    if at(text, start) != b'(' || at(text, skip_space(text, parenthesis)) != b')' {
        return None;
    }
    let brace = skip_space(text, skip_space(text, parenthesis) + 1);
    if at(text, brace) != b'{' {
        return None;
    }
    let body = span(text, brace, brace + 64);
    let close = body.iter().position(|byte| *byte == b'}')?;
    let after = skip_space(text, brace + close + 1);
    let is_empty = close <= 16
        && !span(body, 0, close)
            .windows(6)
            .any(|word| word == b"return");
    (at(text, after) == b';' && is_empty).then_some((start, after + 1))
}

/// Variables that a shell has without being told.
const ENVIRONMENT: &[&[u8]] = &[
    b"path",
    b"home",
    b"pwd",
    b"oldpwd",
    b"shell",
    b"ifs",
    b"user",
    b"logname",
    b"hostname",
    b"lang",
    b"term",
    b"ls_colors",
    b"bash",
    b"shellopts",
    b"bashopts",
    b"ps1",
    b"ps2",
    b"ps4",
];

/// `${PATH:0:1}` and `${HOME:0:1}`: a character cut from a variable that an attacker finds set, or
/// glued to what it becomes a part of. A script cuts its own.
fn sliced_variable(text: &[u8]) -> Option<usize> {
    let mut index = 0;
    while let Some(start) = find(text, b"${", index) {
        let name = span(text, start + 2, start + 20);
        let colon = name.iter().take_while(|byte| is_word(**byte)).count();
        let is_slice = colon > 1
            && at(name, colon) == b':'
            && (at(name, colon + 1).is_ascii_digit() || stands(name, colon + 1, b" -"))
            && matches!(at(name, colon + 2), b':' | b'}' | b'0'..=b'9');
        let close = name.iter().position(|byte| *byte == b'}');
        let is_glued = close.is_some_and(|close| {
            let next = at(text, start + 3 + close);
            is_word(next) || matches!(next, b'$' | b'/' | b'`' | b'?' | b'*')
        });
        if is_slice && (is_glued || ENVIRONMENT.contains(&span(name, 0, colon))) {
            return Some(start);
        }
        index = start + 2;
    }
    None
}
