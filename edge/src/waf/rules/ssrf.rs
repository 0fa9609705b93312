//! Server-side request forgery and remote file inclusion.

super::rules! { TABLE ["ssrf", "CWE-918", "crs-934"];
    METADATA "ssrf-001" "cloud metadata address" Critical 1:
        "http://169.254.169.254/latest/meta-data/", "http%253A%252F%252Fmetadata.google.internal%252F",
        not "https://example.com/169.254-lake";
    INTERNAL "ssrf-002" "internal address" Critical 1:
        "http://127.0.0.1:22/", "http%253A%252F%252Flocalhost%252Fadmin",
        not "open http://localhost:3000 in your browser";
    OBSCURED "ssrf-003" "address in an odd notation" Critical 1:
        "http://2130706433/", "http%253A%252F%252F0x7f.1%252F",
        not "https://12345.example.com/";
    ODD_SCHEME "ssrf-004" "URL scheme for other protocols" Critical 1:
        "gopher://10.0.0.1:25/_x", "dict%253A%252F%252Flocalhost%253A11211",
        not "a gopher: // is a rodent";
    REMOTE_FILE "ssrf-005" "remote file inclusion" Critical 1:
        "http://198.51.100.7/shell.php?", "http%253A%252F%252F198.51.100.7%252Fc99.txt%253F",
        not "https://example.com/notes.txt";
}
super::literal::literals! {
    ODD_SCHEME, Any, Anywhere: ["jdbc:h2:mem", "autodeserialize=true", "allowurlinlocalinfile=true", "init=runscript", "http://unix:/"];
    REMOTE_FILE, Any, Anywhere: ["@[::1]:", "auto_prepend_file=", "auto_append_file=", "allow_url_include=", "mosconfig_absolute_path=http"];
}
