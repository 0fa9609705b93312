//! Path traversal, local files and wrappers.

super::rules! { TABLE ["lfi", "CWE-22", "crs-930"];
    TRAVERSAL "lfi-001" "path traversal" Critical 1:
        "../../../../etc/passwd", "..%252f..%252f..%252fetc%252fpasswd",
        not "./images/logo.png... and more";
    RELATIVE "lfi-002" "relative path" Notice 1:
        "../logo.png", "..%252flogo.png",
        not "and so on.../etc";
    FILE "lfi-003" "sensitive file" Critical 1:
        "/etc/passwd", "C:%255CWindows%255Cwin.ini",
        not "the file etc passwd";
    FILE_NAMED "lfi-004" "sensitive file named in prose" Warning 1:
        "users are listed in /etc/passwd there", "users%2520in%2520/etc/shadow%2520there",
        not "the passwd file of etc";
    WRAPPER "lfi-005" "stream wrapper" Critical 1:
        "php://filter/convert.base64-encode/resource=index", "phar%253A%252F%252Fx.jpg",
        not "php: // is a comment";
    LOCAL_URL "lfi-006" "local file URL" Warning 1:
        "file:///etc/hosts", "file%253A%252F%252F%252Fc:/boot.ini",
        not "my file: see below";
    DOT_SEGMENT "lfi-007" "dot segments in the path" Critical 1:
        "@path /a/..%2f..%2fetc/hosts", "@path /a/%252e%252e/%252e%252e/x",
        not "@path /a/b..c/v1.2...3";
    NULL "lfi-008" "NUL in a file name" Critical 1:
        "shell.php%00.jpg", "index.html%2500",
        not "100%25 is no file";
}
super::literal::literals! {
    FILE, Any, Anywhere: ["\\google\\chrome\\user data", ".php::$data", ".asp::$data", ".aspx::$data", r"\mysql\my.ini", "/var/backups/passwd", r"%systemroot%\win.ini", r"%windir%\win.ini", "/@fs/root", "/@fs/etc"];
    FILE, Exact, Anywhere: [
        "config/database.yml", "config/master.key", "config/secrets.yml", "storage/logs/laravel.log", "classpath:application.yml", "classpath:application.properties",
    ];
    TRAVERSAL, Any, Anywhere: ["classpath:../", "0x2e0x2e", "..0x2f", "..0x5c", r".\\./.\\./", r".\./.\./", r".\.\./", "..%bg%qf", "..%uefc8", "..%u2216", "..%u2215"];
}
