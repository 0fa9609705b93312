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
    ("adduser", Tool),
    ("alias", Word),
    ("apt", Tame),
    ("apt-get", Tame),
    ("arp", Tool),
    ("arp-scan", Recon),
    ("ash", Tool),
    ("assoc", Word),
    ("at", Word),
    ("attrib", Tool),
    ("awk", Tool),
    ("aws", Tame),
    ("base32", Tool),
    ("base64", Tool),
    ("bash", Tool),
    ("bcdedit", Recon),
    ("bind", Word),
    ("bitsadmin", Recon),
    ("brew", Tame),
    ("busybox", Tool),
    ("cacls", Recon),
    ("calc", Word),
    ("calc.exe", Recon),
    ("call", Word),
    ("cargo", Tame),
    ("cat", Word),
    ("cd", Word),
    ("certreq", Tool),
    ("certutil", Recon),
    ("chattr", Tool),
    ("chgrp", Tool),
    ("chmod", Tool),
    ("chown", Tool),
    ("chroot", Tool),
    ("chsh", Tool),
    ("cmd", Tool),
    ("cmp", Word),
    ("comm", Word),
    ("composer", Tame),
    ("copy", Word),
    ("cp", Tool),
    ("crontab", Tool),
    ("cscript", Tool),
    ("csh", Tool),
    ("curl", Tool),
    ("cut", Word),
    ("dash", Word),
    ("date", Word),
    ("dd", Tool),
    ("del", Word),
    ("deluser", Tool),
    ("df", Tool),
    ("diff", Word),
    ("dig", Word),
    ("dir", Bare),
    ("dmesg", Recon),
    ("dmidecode", Recon),
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
    ("fdisk", Tool),
    ("fetch", Word),
    ("fgrep", Tool),
    ("file", Word),
    ("find", Word),
    ("findstr", Tool),
    ("finger", Word),
    ("fish", Tool),
    ("fold", Word),
    ("fping", Tool),
    ("ftp", Tool),
    ("gawk", Tool),
    ("gcc", Tool),
    ("gdb", Tool),
    ("gem", Tame),
    ("getcap", Recon),
    ("getent", Recon),
    ("git", Tame),
    ("go", Tame),
    ("grep", Tool),
    ("groupadd", Tool),
    ("groups", Word),
    ("gunzip", Tool),
    ("gzip", Tool),
    ("halt", Word),
    ("head", Word),
    ("hexdump", Tool),
    ("history", Word),
    ("host", Word),
    ("hostname", Word),
    ("hostnamectl", Recon),
    ("icacls", Recon),
    ("id", Bare),
    ("iex", Tool),
    ("ifconfig", Recon),
    ("insmod", Tool),
    ("ip", Word),
    ("ipconfig", Recon),
    ("iptables", Tool),
    ("irb", Tool),
    ("iwr", Tool),
    ("java", Tool),
    ("join", Word),
    ("jrunscript", Tool),
    ("kill", Word),
    ("killall", Tool),
    ("ksh", Tool),
    ("last", Word),
    ("less", Word),
    ("ln", Tool),
    ("lp", Word),
    ("ls", Bare),
    ("lsb_release", Recon),
    ("lsblk", Recon),
    ("lscpu", Recon),
    ("lsof", Recon),
    ("lspci", Recon),
    ("lsusb", Recon),
    ("ltrace", Tool),
    ("lua", Tool),
    ("lynx", Word),
    ("mail", Word),
    ("make", Tame),
    ("md5sum", Tool),
    ("mkdir", Tool),
    ("mkfifo", Recon),
    ("mkfs", Tool),
    ("mkfs.ext3", Recon),
    ("mkfs.ext4", Recon),
    ("mknod", Tool),
    ("modprobe", Tool),
    ("mongo", Tool),
    ("more", Word),
    ("mount", Word),
    ("move", Word),
    ("msfconsole", Tool),
    ("msfvenom", Tool),
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
    ("nice", Word),
    ("nikto", Tool),
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
    ("paste", Word),
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
    ("pscp", Tool),
    ("psexec", Tool),
    ("psql", Tool),
    ("pwd", Bare),
    ("pwsh", Tool),
    ("python", Tool),
    ("python2", Tool),
    ("python3", Tool),
    ("quser", Recon),
    ("qwinsta", Recon),
    ("rbash", Tool),
    ("reboot", Word),
    ("redis-cli", Tool),
    ("reg", Word),
    ("regsvr32", Recon),
    ("rem", Word),
    ("ren", Word),
    ("rev", Word),
    ("rlwrap", Tool),
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
    ("setfacl", Tool),
    ("sftp", Tool),
    ("sh", Tool),
    ("shutdown", Word),
    ("sleep", Word),
    ("socat", Tool),
    ("sort", Word),
    ("source", Word),
    ("sqlite3", Tool),
    ("sqlmap", Tool),
    ("ss", Tool),
    ("ssh", Tool),
    ("start", Word),
    ("stat", Word),
    ("strace", Tool),
    ("strings", Word),
    ("su", Word),
    ("sudo", Tool),
    ("sysctl", Recon),
    ("systemctl", Tame),
    ("systeminfo", Recon),
    ("tac", Tool),
    ("tail", Word),
    ("takeown", Recon),
    ("tar", Word),
    ("taskkill", Recon),
    ("tasklist", Recon),
    ("tclsh", Tool),
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
    ("trap", Word),
    ("tree", Word),
    ("type", Word),
    ("ulimit", Word),
    ("uname", Recon),
    ("uniq", Tool),
    ("unzip", Tool),
    ("uptime", Word),
    ("useradd", Tool),
    ("userdel", Tool),
    ("usermod", Tool),
    ("users", Word),
    ("usleep", Tool),
    ("vdir", Tool),
    ("ver", Word),
    ("vi", Word),
    ("vim", Tool),
    ("visudo", Tool),
    ("vol", Word),
    ("vssadmin", Recon),
    ("w", Word),
    ("wait", Word),
    ("wall", Tool),
    ("watch", Word),
    ("wc", Tool),
    ("wevtutil", Recon),
    ("wget", Tool),
    ("where", Word),
    ("which", Word),
    ("who", Word),
    ("whoami", Recon),
    ("winrm", Tool),
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

/// Whether a name with wildcards fits a command.
pub(super) fn is_pattern(pattern: &[u8]) -> bool {
    pattern
        .iter()
        .any(|byte| matches!(byte, b'?' | b'*' | b'['))
        && pattern.iter().any(u8::is_ascii_alphabetic)
        && COMMANDS
            .iter()
            .any(|(name, _)| super::glob::fits(pattern, name.as_bytes()))
}

/// Where the names of each first letter start in [`COMMANDS`], and where the last ones end.
const STARTS: [usize; 27] = starts();

const fn starts() -> [usize; 27] {
    let mut starts = [COMMANDS.len(); 27];
    let mut position = COMMANDS.len();
    while position > 0 {
        position -= 1;
        let first = COMMANDS[position].0.as_bytes()[0];
        if first.is_ascii_lowercase() {
            let mut letter = (first - b'a') as usize + 1;
            starts[letter - 1] = position;
            // Letters without names start where the next ones do.
            while letter > 1 && starts[letter - 2] > position {
                letter -= 1;
                starts[letter - 1] = position;
            }
        }
    }
    starts
}

/// The class of a command's name, or `None` when it is no command.
pub(super) fn class(name: &[u8]) -> Option<Class> {
    let first = *name.first()?;
    if first == b'.' {
        return (name.len() == 1).then_some(Word);
    }
    let letter = usize::from(first.checked_sub(b'a')?);
    let names = COMMANDS.get(*STARTS.get(letter)?..*STARTS.get(letter + 1)?)?;
    let found = names.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
    found
        .ok()
        .and_then(|position| names.get(position))
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
    matches!(
        name,
        b"echo" | b"printf" | b"which" | b"expr" | b"passwd" | b"useradd" | b"userdel" | b"adduser"
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
    )
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
        assert!(
            COMMANDS
                .iter()
                .all(|(name, known)| class(name.as_bytes()) == Some(*known))
        );
    }
}
