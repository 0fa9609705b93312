//! Commands by what it takes to believe that their name is meant as one.

use super::table::COMMANDS;

/// How much a name says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing but a command: `whoami`, `ifconfig`.
    Recon,
    /// Short and much used alone, and not a word of English: `ls`, `id`.
    Bare,
    /// A program that people also write about: `curl`, `bash`, `python`.
    Tool,
    /// Also an everyday word: `cat`, `find`, `type`.
    Word,
    /// What developers quote all day and attackers hardly use: `git`, `npm`.
    Tame,
}

/// Whether a name has wildcards, and letters that say which commands it could be.
pub(super) fn has_wildcards(name: &[u8]) -> bool {
    let is_wildcard = |byte: &u8| matches!(byte, b'?' | b'*' | b'[');
    name.iter().any(is_wildcard) && name.iter().any(u8::is_ascii_alphabetic)
}

/// Whether a name with wildcards fits a command.
pub(super) fn fits_any(pattern: &[u8]) -> bool {
    let length = super::glob::length(pattern);
    let mut commands = COMMANDS.iter().copied().flatten();
    commands.any(|(name, _)| {
        length.is_none_or(|length| length == name.len())
            && super::glob::fits(pattern, name.as_bytes())
    })
}

/// What `PowerShell` does, and to what: `Get-Content`, `Set-MpPreference`.
const VERBS: &str = " get set new remove add stop start restart invoke enable disable copy clear import export rename ";
/// Only what is no word beside such a verb in other texts; sorted.
#[rustfmt::skip]
const NOUNS: &[&str] = &[
    "acl", "adcomputer", "adgroup", "adgroupmember", "aduser", "bitstransfer", "childitem",
    "ciminstance", "cimmethod", "computerinfo", "content", "eventlog", "executionpolicy", "hotfix",
    "item", "itemproperty", "localgroup", "localgroupmember", "localuser", "location",
    "mppreference", "netfirewallprofile", "netfirewallrule", "netipaddress", "netipconfiguration",
    "nettcpconnection", "process", "psdrive", "psreadlineoption", "restmethod", "scheduledtask",
    "service", "smbshare", "webrequest", "winevent", "wmimethod", "wmiobject",
];

fn is_cmdlet(name: &[u8]) -> bool {
    let Some((verb, noun)) = str::from_utf8(name)
        .ok()
        .and_then(|name| name.split_once('-'))
    else {
        return false;
    };
    NOUNS.binary_search(&noun).is_ok() && VERBS.split_ascii_whitespace().any(|known| known == verb)
}

/// The class of a command's name, or `None` when it is no command.
pub(super) fn class(name: &[u8]) -> Option<Class> {
    let first = *name.first()?;
    if is_cmdlet(name) {
        return Some(Class::Recon);
    }
    if first == b'.' {
        return (name.len() == 1).then_some(Class::Word);
    }
    let names = COMMANDS.get(usize::from(first.checked_sub(b'a')?))?;
    let found = names.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
    found
        .ok()
        .and_then(|position| names.get(position))
        .map(|(_, class)| *class)
}

/// Whether a command could start so, with `.exe` after it or not, or a number.
pub(super) fn is_beginning(name: &[u8]) -> bool {
    let Some(first) = name.first().copied() else {
        return true;
    };
    let names = first
        .checked_sub(b'a')
        .and_then(|letter| COMMANDS.get(usize::from(letter)));
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default();
    let Some(names) = names.filter(|_| stem.len() == name.len()) else {
        return true;
    };
    let after = names.partition_point(|(known, _)| known.as_bytes() < name);
    names
        .get(after)
        .is_some_and(|(known, _)| known.as_bytes().starts_with(name))
}

/// Programs that run what they read, at the end of a pipe.
pub(super) fn is_interpreter(name: &[u8]) -> bool {
    is_shell(name)
        || matches!(
            name,
            b"python" | b"python2" | b"python3" | b"perl" | b"ruby" | b"php" | b"node" | b"lua"
        )
}

/// Unix shells and PowerShell's pipe end.
pub(super) fn is_shell(name: &[u8]) -> bool {
    matches!(
        name,
        b"sh" | b"bash" | b"zsh" | b"ksh" | b"dash" | b"ash" | b"csh" | b"iex" | b"powershell"
    )
}

/// Commands whose first argument may be a host name.
pub(super) fn takes_host(name: &[u8]) -> bool {
    matches!(
        name,
        b"ping"
            | b"ping6"
            | b"fping"
            | b"nslookup"
            | b"dig"
            | b"host"
            | b"curl"
            | b"wget"
            | b"nc"
            | b"ncat"
            | b"netcat"
            | b"ssh"
            | b"scp"
            | b"telnet"
            | b"ftp"
            | b"tftp"
            | b"traceroute"
            | b"tracert"
            | b"nmap"
            | b"fetch"
            | b"lynx"
            | b"iwr"
            | b"socat"
            | b"finger"
    )
}

/// Commands whose only argument may be a number of seconds.
pub(super) fn takes_seconds(name: &[u8]) -> bool {
    matches!(
        name,
        b"sleep" | b"start-sleep" | b"timeout" | b"usleep" | b"kill" | b"expr" | b"init"
    )
}

/// Commands whose only argument may be a plain word.
pub(super) fn takes_word(name: &[u8]) -> bool {
    matches!(
        name,
        b"echo" | b"printf" | b"which" | b"expr" | b"passwd" | b"useradd" | b"userdel" | b"adduser"
    )
}

/// Commands that configuration files use as the names of settings: `file "/etc/bind/db";`.
pub(super) fn is_setting(name: &[u8]) -> bool {
    matches!(
        name,
        b"file"
            | b"start-sleep"
            | b"source"
            | b"mount"
            | b"route"
            | b"set"
            | b"host"
            | b"at"
            | b"start"
            | b"service"
            | b"export"
            | b"print"
            | b"where"
            | b"type"
            | b"time"
            | b"date"
            | b"move"
            | b"copy"
            | b"join"
            | b"watch"
            | b"screen"
            | b"mail"
            | b"env"
            | b"alias"
            | b"bind"
            | b"expect"
            | b"exec"
            | b"users"
            | b"groups"
            | b"call"
    )
}

/// Commands that honest one-liners end in, behind a pipe.
pub(super) fn is_filter(name: &[u8]) -> bool {
    matches!(
        name,
        b"grep"
            | b"egrep"
            | b"wc"
            | b"sort"
            | b"uniq"
            | b"head"
            | b"tail"
            | b"less"
            | b"more"
            | b"awk"
            | b"sed"
            | b"cut"
            | b"tr"
            | b"tee"
            | b"xargs"
            | b"jq"
            | b"findstr"
    )
}

/// Commands that run the command after them.
pub(super) fn is_wrapper(name: &[u8]) -> bool {
    matches!(
        name,
        b"sudo"
            | b"doas"
            | b"nohup"
            | b"busybox"
            | b"exec"
            | b"xargs"
            | b"env"
            | b"time"
            | b"start"
            | b"eval"
            | b"do"
            | b"then"
            | b"else"
            | b"timeout"
            | b"nice"
            | b"ionice"
            | b"setsid"
            | b"stdbuf"
            | b"taskset"
            | b"chrt"
            | b"setarch"
            | b"unshare"
            | b"watch"
            | b"command"
            | b"builtin"
            | b"toybox"
    )
}

/// Commands whose argument may be the name of another command.
pub(super) fn takes_command(name: &[u8]) -> bool {
    matches!(
        name,
        b"type"
            | b"which"
            | b"whereis"
            | b"locate"
            | b"call"
            | b"start"
            | b"man"
            | b"powershell"
            | b"pwsh"
            | b"saps"
    )
}

/// Everyday words that are also what attackers run alone, after nothing or a number.
pub(super) fn is_lone(name: &[u8]) -> bool {
    matches!(
        name,
        b"env"
            | b"w"
            | b"who"
            | b"hostname"
            | b"set"
            | b"ver"
            | b"uptime"
            | b"date"
            | b"reboot"
            | b"shutdown"
            | b"halt"
            | b"groups"
            | b"route"
            | b"mount"
            | b"calc"
            | b"history"
            | b"last"
            | b"poweroff"
            | b"export"
            | b"path"
            | b"vol"
            | b"su"
            | b"passwd"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_order() {
        for (names, letter) in COMMANDS.iter().zip(b'a'..) {
            assert!(names.windows(2).all(|pair| pair[0].0 < pair[1].0));
            assert!(names.iter().all(|(name, _)| name.as_bytes()[0] == letter));
        }
        assert_eq!(class(b"whoami"), Some(Class::Recon));
        assert_eq!(class(b"dog"), None);
    }
}
