//! Commands by what it takes to believe that their name is meant as one.

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
use Class::{Bare, Recon, Tame, Tool, Word};

/// Names in order, for a binary search.
const COMMANDS: &[(&str, Class)] = &[
    (".", Word),
    ("apt", Tame),
    ("apt-get", Tame),
    ("arp", Tool),
    ("ash", Tool),
    ("at", Word),
    ("attrib", Tool),
    ("awk", Tool),
    ("base32", Tool),
    ("base64", Tool),
    ("bash", Tool),
    ("bitsadmin", Recon),
    ("brew", Tame),
    ("busybox", Tool),
    ("calc", Word),
    ("calc.exe", Recon),
    ("cargo", Tame),
    ("cat", Word),
    ("cd", Word),
    ("certutil", Recon),
    ("chgrp", Tool),
    ("chmod", Tool),
    ("chown", Tool),
    ("cmd", Tool),
    ("composer", Tame),
    ("copy", Word),
    ("cp", Tool),
    ("crontab", Tool),
    ("csh", Tool),
    ("cscript", Tool),
    ("curl", Tool),
    ("cut", Word),
    ("dash", Word),
    ("date", Word),
    ("dd", Tool),
    ("del", Word),
    ("df", Tool),
    ("diff", Word),
    ("dig", Word),
    ("dir", Bare),
    ("dmesg", Recon),
    ("dnf", Tame),
    ("do", Word),
    ("docker", Tame),
    ("du", Tool),
    ("echo", Word),
    ("ed", Word),
    ("egrep", Tool),
    ("else", Word),
    ("env", Word),
    ("erase", Word),
    ("eval", Word),
    ("exec", Word),
    ("expect", Word),
    ("export", Word),
    ("expr", Tool),
    ("fetch", Word),
    ("fgrep", Tool),
    ("file", Word),
    ("find", Word),
    ("findstr", Tool),
    ("finger", Word),
    ("fping", Tool),
    ("ftp", Tool),
    ("gawk", Tool),
    ("gcc", Tool),
    ("gem", Tame),
    ("getent", Recon),
    ("git", Tame),
    ("go", Tame),
    ("grep", Tool),
    ("groups", Word),
    ("gunzip", Tool),
    ("gzip", Tool),
    ("halt", Word),
    ("head", Word),
    ("hexdump", Tool),
    ("history", Word),
    ("host", Word),
    ("hostname", Word),
    ("id", Bare),
    ("iex", Tool),
    ("ifconfig", Recon),
    ("ip", Word),
    ("ipconfig", Recon),
    ("iptables", Tool),
    ("iwr", Tool),
    ("java", Tool),
    ("kill", Word),
    ("killall", Tool),
    ("ksh", Tool),
    ("last", Word),
    ("less", Word),
    ("ln", Tool),
    ("lp", Word),
    ("ls", Bare),
    ("lsb_release", Recon),
    ("lscpu", Recon),
    ("lsof", Recon),
    ("lua", Tool),
    ("lynx", Word),
    ("mail", Word),
    ("make", Tame),
    ("md5sum", Tool),
    ("mkdir", Tool),
    ("mkfifo", Recon),
    ("mknod", Tool),
    ("more", Word),
    ("mount", Word),
    ("move", Word),
    ("mshta", Recon),
    ("mv", Tool),
    ("mvn", Tame),
    ("mysql", Tool),
    ("mysqldump", Tool),
    ("nano", Word),
    ("nawk", Tool),
    ("nbtstat", Recon),
    ("nc", Tool),
    ("nc.openbsd", Recon),
    ("nc.traditional", Recon),
    ("ncat", Tool),
    ("net", Word),
    ("netcat", Tool),
    ("netsh", Recon),
    ("netstat", Recon),
    ("nl", Tool),
    ("nmap", Tool),
    ("node", Tool),
    ("nohup", Tool),
    ("npm", Tame),
    ("npx", Tame),
    ("nslookup", Recon),
    ("od", Tool),
    ("openssl", Tool),
    ("passwd", Word),
    ("perl", Tool),
    ("php", Tool),
    ("ping", Word),
    ("ping6", Tool),
    ("pip", Tame),
    ("pip3", Tame),
    ("pkill", Tool),
    ("powershell", Tool),
    ("print", Word),
    ("printenv", Recon),
    ("printf", Tool),
    ("ps", Tool),
    ("pwd", Bare),
    ("pwsh", Tool),
    ("python", Tool),
    ("python2", Tool),
    ("python3", Tool),
    ("reboot", Word),
    ("reg", Word),
    ("regsvr32", Recon),
    ("ren", Word),
    ("rev", Word),
    ("rm", Tool),
    ("rmdir", Tool),
    ("route", Word),
    ("rsync", Tool),
    ("ruby", Tool),
    ("rundll32", Recon),
    ("sc", Word),
    ("schtasks", Recon),
    ("scp", Tool),
    ("screen", Word),
    ("sed", Tool),
    ("service", Tame),
    ("set", Word),
    ("sftp", Tool),
    ("sh", Tool),
    ("shutdown", Word),
    ("sleep", Word),
    ("socat", Tool),
    ("sort", Word),
    ("source", Word),
    ("ss", Tool),
    ("ssh", Tool),
    ("start", Word),
    ("strace", Tool),
    ("strings", Word),
    ("su", Word),
    ("sudo", Tool),
    ("systemctl", Tame),
    ("systeminfo", Recon),
    ("tac", Tool),
    ("tail", Word),
    ("tar", Word),
    ("taskkill", Recon),
    ("tasklist", Recon),
    ("tcpdump", Tool),
    ("tee", Word),
    ("telnet", Tool),
    ("tftp", Tool),
    ("then", Word),
    ("time", Word),
    ("timeout", Word),
    ("top", Word),
    ("touch", Word),
    ("tr", Word),
    ("traceroute", Tool),
    ("tracert", Tool),
    ("tree", Word),
    ("type", Word),
    ("uname", Recon),
    ("uniq", Tool),
    ("unzip", Tool),
    ("uptime", Word),
    ("useradd", Tool),
    ("usleep", Tool),
    ("vdir", Tool),
    ("ver", Word),
    ("vi", Word),
    ("vim", Tool),
    ("vol", Word),
    ("w", Word),
    ("wc", Tool),
    ("wget", Tool),
    ("where", Word),
    ("which", Word),
    ("who", Word),
    ("whoami", Recon),
    ("wmic", Recon),
    ("wscript", Tool),
    ("xargs", Tool),
    ("xcopy", Tool),
    ("xxd", Tool),
    ("yarn", Tame),
    ("yum", Tame),
    ("zip", Word),
    ("zsh", Tool),
];

/// The class of a command's name, or `None` when it is no command.
pub(super) fn class(name: &[u8]) -> Option<Class> {
    let found = COMMANDS.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
    found
        .ok()
        .and_then(|position| COMMANDS.get(position))
        .map(|(_, class)| *class)
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
    matches!(name, b"sleep" | b"timeout" | b"usleep" | b"kill" | b"expr")
}

/// Commands whose only argument may be a plain word.
pub(super) fn takes_word(name: &[u8]) -> bool {
    matches!(name, b"echo" | b"printf" | b"print" | b"which" | b"expr")
}

/// Commands that run the command after them.
pub(super) fn is_wrapper(name: &[u8]) -> bool {
    matches!(
        name,
        b"sudo"
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
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_order() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(class(b"whoami"), Some(Recon));
        assert_eq!(class(b"dog"), None);
    }
}
