//! Commands by which people look after their own Windows and their own keys, as instructions give them.

use super::chore::{reaches, reads_log};
use crate::waf::scan::{Needles, at, find, is_word, span, trim};

/// Whole commands that refresh and tell no more than how the machine does.
const REFRESHING: &[&[u8]] = &[
    b"ipconfig /flushdns",
    b"ipconfig /renew",
    b"ipconfig /release",
    b"ipconfig /registerdns",
    b"netsh winsock reset",
    b"gpupdate /force",
];
/// Branches of the registry that hold the settings of programs.
const SETTINGS: &[&[u8]] = &[b"hkcu\\software\\", b"hklm\\software\\", b"hkcu\\console"];
/// What attacks read and write there.
static SECRET_KEYS: Needles<'static> = Needles::new(&[
    b"run",
    b"winlogon",
    b"putty",
    b"passw",
    b"snmp",
    b"vnc",
    b"policies",
    b"execution options",
    b"command",
    b"classes",
    b"installelevated",
    b"defender",
    b"lsa",
    b"uninstall",
    b"/s",
]);

/// `echo aGFsbG8= | base64 -d`: a text of the author's own is decoded and shown, and no program is fed.
pub(super) fn prints_text(text: &[u8]) -> bool {
    let encoded = text
        .strip_prefix(b"echo ")
        .and_then(|rest| {
            rest.strip_suffix(b" | base64 -d")
                .or_else(|| rest.strip_suffix(b" | base64 --decode"))
        })
        .unwrap_or_default();
    !encoded.is_empty()
        && encoded
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=-'\" ".contains(byte))
}

/// Whether the command is one of these; `word` is its program.
pub(super) fn is_upkeep(command: &[u8], word: &[u8]) -> bool {
    match word {
        b"ipconfig" | b"netsh" | b"gpupdate" => REFRESHING.contains(&command),
        b"reg" => sets(command),
        b"certutil" => command.starts_with(b"certutil -hashfile "),
        b"icacls" => {
            find(command, b" /grant ", 0).is_some() && find(command, b"everyone", 0).is_none()
        }
        b"powershell" | b"pwsh" => runs_own(command),
        b"dir" => command.strip_prefix(b"dir ").is_some_and(|path| {
            path.starts_with(b"%userprofile%") || find(path, b"\\%username%\\", 0).is_some()
        }),
        b"chmod" | b"cat" | b"ssh-copy-id" => minds_key(command),
        b"crontab" => matches!(command, b"crontab -l" | b"crontab -e" | b"sudo crontab -e"),
        b"add-type" => command.starts_with(b"add-type -assemblyname "),
        b"tail" | b"head" | b"less" => {
            command.ends_with(b".log") && (!reaches(command) || reads_log(command))
        }
        _ => false,
    }
}

/// `reg query hklm\software\vendor\x`, `reg add hkcu\software\x /v y`.
fn sets(command: &[u8]) -> bool {
    let key = [&b"reg query "[..], b"reg add ", b"reg delete "]
        .iter()
        .find_map(|verb| command.strip_prefix(*verb));
    key.is_some_and(|key| {
        let key = key.strip_prefix(b"\"").unwrap_or(key);
        SETTINGS.iter().any(|branch| key.starts_with(branch)) && SECRET_KEYS.find(key, 0).is_none()
    })
}

/// `powershell -executionpolicy bypass -file build.ps1`: a script that lies beside.
fn runs_own(command: &[u8]) -> bool {
    let Some(option) = find(command, b" -file ", 0) else {
        return false;
    };
    let file = trim(span(command, option + 7, command.len()));
    let file = file.strip_prefix(b".\\").unwrap_or(file);
    let name = file.strip_suffix(b".ps1").unwrap_or_default();
    !name.is_empty()
        && name
            .iter()
            .all(|byte| is_word(*byte) || matches!(byte, b'-' | b'\\'))
        && at(name, 0) != b'\\'
}

/// `cat ~/.ssh/id_rsa.pub`, `ssh-copy-id -i ~/.ssh/id_ed25519.pub me@host`, `chmod 600 ~/.ssh/id_rsa`: what is
/// public of a key is told, what is not is closed.
fn minds_key(command: &[u8]) -> bool {
    let rest = [
        &b"cat "[..],
        b"ssh-copy-id -i ",
        b"chmod 600 ",
        b"chmod 644 ",
        b"chmod 700 ",
        b"chmod 400 ",
    ]
    .iter()
    .find_map(|lead| command.strip_prefix(*lead));
    rest.is_some_and(|rest| {
        let file = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
        file.starts_with(b"~/.ssh")
            && (command.starts_with(b"chmod") || file.ends_with(b".pub"))
            && find(file, b"..", 0).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_upkeep_from_reconnaissance() {
        let is_known = |command: &str| {
            let word = command.split(' ').next().unwrap();
            is_upkeep(command.as_bytes(), word.as_bytes())
        };
        for command in [
            "ipconfig /flushdns",
            "reg query hklm\\software\\microsoft\\windows\\currentversion",
            "reg add hkcu\\software\\x /v y /t reg_dword /d 1",
            "powershell -executionpolicy bypass -file build.ps1",
            "powershell -file .\\tools\\build.ps1",
            "dir c:\\users\\%username%\\appdata\\local /s",
            "cat ~/.ssh/id_rsa.pub",
            "ssh-copy-id -i ~/.ssh/id_ed25519.pub me@host",
            "chmod 600 ~/.ssh/id_rsa",
        ] {
            assert!(is_known(command), "{command}");
        }
        for command in [
            "ipconfig /all",
            "reg query hklm\\sam",
            "reg query hklm\\software\\microsoft\\windows nt\\currentversion\\winlogon",
            "reg add hkcu\\software\\microsoft\\windows\\currentversion\\run /v x /d y",
            "reg query hklm /f pwd /t reg_sz /s",
            "powershell -file \\\\evil\\x.ps1",
            "powershell -file c:\\x.ps1",
            "powershell -c dir",
            "dir c:\\users",
            "cat ~/.ssh/id_rsa",
            "cat ~/.ssh/../x.pub",
            "chmod 777 ~/.ssh/id_rsa",
        ] {
            assert!(!is_known(command), "{command}");
        }
    }
}
