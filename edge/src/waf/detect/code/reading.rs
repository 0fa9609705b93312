//! A value that is nothing but one statement, which shows what a program keeps to itself: its
//! source, its settings, a list of its files, its environment.
//!
//! Programs do all of this, and posts show them; but they go on with what they read. What is
//! injected has one line, which prints.

use crate::waf::detect::{Hit, Hits};
use crate::waf::rules::code as rules;
use crate::waf::scan::{at, find_any, from, is_space, is_word, span, stands, trim, word};

/// Longest statement, in bytes.
const MAX_STATEMENT: usize = 160;
/// Most functions around what is read.
const MAX_AROUND: usize = 4;

/// What prints, and what only changes how it looks.
const PRINTERS: &[&[u8]] = &[
    b"echo",
    b"print",
    b"print_r",
    b"printf",
    b"println",
    b"puts",
    b"p",
    b"pp",
    b"return",
    b"die",
    b"exit",
    b"var_dump",
    b"var_export",
    b"dump",
    b"dd",
    b"console.log",
    b"response.write",
    b"response.end",
    b"res.send",
    b"res.end",
    b"res.write",
    b"res.json",
    b"out.print",
    b"out.println",
    b"system.out.println",
    b"json_encode",
    b"json.stringify",
    b"json.dumps",
    b"implode",
    b"serialize",
    b"base64_encode",
    b"btoa",
    b"bin2hex",
    b"htmlspecialchars",
    b"highlight_string",
    b"nl2br",
    b"strrev",
    b"str",
    b"repr",
    b"list",
    b"raise",
    b"throw",
    b"exception",
    b"new",
];

/// What opens a file or a directory by the name that it is given.
const READERS: &[&[u8]] = &[
    b"readfile",
    b"file_get_contents",
    b"file",
    b"fopen",
    b"show_source",
    b"highlight_file",
    b"php_strip_whitespace",
    b"parse_ini_file",
    b"simplexml_load_file",
    b"unlink",
    b"glob",
    b"glob.glob",
    b"scandir",
    b"opendir",
    b"dir",
    b"directoryiterator",
    b"filesystemiterator",
    b"recursivedirectoryiterator",
    b"splfileobject",
    b"open",
    b"os.listdir",
    b"os.remove",
    b"os.walk",
    b"file.read",
    b"file.open",
    b"file.readlines",
    b"file.delete",
    b"io.read",
    b"io.readlines",
    b"io.open",
    b"dir.glob",
    b"dir.entries",
    b"dir.children",
    b"file.readalltext",
    b"file.readalllines",
    b"file.readallbytes",
    b"directory.getfiles",
    b"readfilesync",
    b"readdirsync",
    b"unlinksync",
    b"filereader",
    b"files.readstring",
    b"files.readalllines",
];

/// What tells one variable of the environment.
const TELLERS: &[&[u8]] = &[
    b"getenv",
    b"os.getenv",
    b"os.environ",
    b"env",
    b"env.fetch",
    b"process.env",
    b"system.getenv",
    b"system.getproperty",
    b"environment.getenvironmentvariable",
    b"settings",
    b"app.config",
    b"config",
];

/// Endings of files that a server runs or reads for itself.
const OWN: &[&[u8]] = &[
    b".php",
    b".php5",
    b".phtml",
    b".inc",
    b".py",
    b".rb",
    b".jsp",
    b".asp",
    b".aspx",
    b".cgi",
    b".pl",
    b".config",
    b".conf",
    b".cfg",
    b".ini",
    b".yml",
    b".yaml",
    b".toml",
    b".env",
    b".properties",
    b".htaccess",
    b".htpasswd",
    b".sqlite",
    b".sqlite3",
    b".db",
    b".key",
    b".pem",
    b"app.js",
    b"server.js",
    b"index.js",
    b"config.js",
    b"config.json",
    b"settings.json",
    b"/package.json",
    b"flag",
    b"flag.txt",
    b"secret.txt",
    b"passwords.txt",
];

/// What the names of secrets hold.
const SECRETS: &[&[u8]] = &[
    b"secret",
    b"pass",
    b"token",
    b"_key",
    b"apikey",
    b"cred",
    b"pwd",
    b"database_url",
];

/// PHP's arrays that hold what the server knows.
const KEPT: &[&[u8]] = &[
    b"_server",
    b"_env",
    b"_session",
    b"_cookie",
    b"_files",
    b"globals",
];

/// Names the rule that the statement breaks.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    if text.len() > MAX_STATEMENT {
        return;
    }
    let statement = trim(text);
    let statement = statement.strip_suffix(b";").unwrap_or(statement);
    if statement.contains(&b'\n') {
        return;
    }
    let (inner, prints) = unwrapped(statement);
    let is_array = || prints && KEPT.contains(&inner.strip_prefix(b"$").unwrap_or_default());
    if is_array() {
        hits.push(Hit::new(&rules::PHP_GLOBAL, 0, text.len()));
    } else if opens(inner) || tells(inner) {
        hits.push(Hit::new(&rules::FILE_CALL, 0, text.len()));
    }
}

/// What stands in the functions that print it, and whether there is one.
fn unwrapped(statement: &[u8]) -> (&[u8], bool) {
    let (mut inner, mut prints) = (trim(statement), false);
    for _ in 0..MAX_AROUND {
        let name = dotted(inner);
        if !PRINTERS.contains(&name) {
            break;
        }
        let rest = from(inner, name.len());
        inner = match rest.strip_prefix(b"(") {
            Some(rest) => match rest.strip_suffix(b")") {
                Some(rest) => trim(rest),
                None => break,
            },
            None if is_space(at(rest, 0)) => trim(rest),
            None => break,
        };
        prints = true;
    }
    (inner.strip_prefix(b"@").unwrap_or(inner), prints)
}

/// `os.environ`: words and the dots between them.
fn dotted(text: &[u8]) -> &[u8] {
    let is_part = |byte: &u8| is_word(*byte) || *byte == b'.';
    let length = text.iter().take_while(|byte| is_part(byte)).count();
    span(text, 0, length)
}

/// `open('app.py').read()`, `require('fs').readdirsync('.')`, `dir['*']`: one call, with one path.
fn opens(text: &[u8]) -> bool {
    let text = text
        .strip_prefix(b"require('fs').")
        .or_else(|| text.strip_prefix(b"require(\"fs\")."))
        .or_else(|| text.strip_prefix(b"fs."))
        .unwrap_or(text);
    let text = text.strip_prefix(b"new ").unwrap_or(text);
    let name = dotted(text);
    // Groovy's `new URL('http://…').text`.
    if matches!(
        name,
        b"url" | b"java.net.url" | b"urlopen" | b"urllib.request.urlopen" | b"urllib2.urlopen"
    ) {
        return argument(from(text, name.len())).is_some_and(|(_, rest)| {
            matches!(
                rest,
                b".text" | b".gettext()" | b".openstream()" | b".read()"
            )
        });
    }
    // `system.io.file.readalltext`, `java.nio.file.files.readstring`
    let is_reader = READERS.iter().any(|reader| {
        name.strip_suffix(*reader)
            .is_some_and(|path| path.is_empty() || path.ends_with(b"."))
    });
    let Some((path, rest)) = argument(from(text, name.len())).filter(|_| is_reader) else {
        return false;
    };
    let lists = matches!(
        path,
        b"." | b"./" | b"*" | b"*.*" | b"*.php" | b"/" | b"/*" | b".."
    );
    let is_root = path.len() <= 4 && at(path, 1) == b':';
    (lists || is_root || OWN.iter().any(|ending| path.ends_with(ending))) && is_chain(rest)
}

/// `env['secret_key_base']`, `getenv("db_password")`, `env.inspect`.
fn tells(text: &[u8]) -> bool {
    let name = dotted(text);
    if matches!(
        name,
        b"env.inspect" | b"env.to_h" | b"env.to_a" | b"env.to_hash"
    ) {
        return name.len() == text.len();
    }
    let is_secret = |name: &[u8]| find_any(name, SECRETS).is_some();
    TELLERS.contains(&name)
        && argument(from(text, name.len()))
            .is_some_and(|(name, rest)| is_secret(name) && is_chain(rest))
}

/// `('x')`, `["x", …]`: the first string, and what follows the bracket.
fn argument(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let close = match at(text, 0) {
        b'(' => b')',
        b'[' => b']',
        _ => return None,
    };
    let quote = at(text, 1);
    let inner = from(text, 2);
    let length = inner.iter().position(|byte| *byte == quote)?;
    let rest = from(inner, length + 1);
    // A mode or an encoding may follow.
    let end = rest.iter().position(|byte| *byte == close)?;
    let is_string = matches!(quote, b'\'' | b'"') && (end == 0 || stands(rest, 0, b","));
    is_string.then(|| (span(inner, 0, length), from(rest, end + 1)))
}

/// `.read()`, `.each{|x| puts x}`, `[0]`: what is done with it on the spot; no sentence goes on.
fn is_chain(rest: &[u8]) -> bool {
    rest.is_empty()
        || matches!(at(rest, 0), b'.' | b'[') && !word(rest, 1).is_empty() && !rest.contains(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(text: &str) -> bool {
        let mut hits = Hits::default();
        detect(text.as_bytes(), &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn finds_what_shows_the_inside() {
        for attack in [
            "readfile('index.php')",
            "echo file_get_contents('config.php');",
            "var_dump(glob('*'));",
            "print_r($_server);",
            "var_dump($globals)",
            "unlink('index.php');",
            "new directoryiterator('.')",
            "echo getenv('db_password');",
            "print(open('app.py').read())",
            "console.log(require('fs').readfilesync('server.js','utf8'))",
            "puts file.read('config/database.yml')",
            "dir['*']",
            "env.inspect",
            "env['secret_key_base']",
            "system.io.file.readalltext(\"web.config\")",
            "response.write(system.io.file.readalltext(\"web.config\"))",
            "die(json_encode(scandir('.')));",
            "new url('http://evil.example').text",
            "system.io.directory.getfiles(\"c:\\\\\")",
        ] {
            assert!(is_found(attack), "{attack}");
        }
    }

    #[test]
    fn leaves_programs_and_talk_alone() {
        for honest in [
            "open('notes.txt').read()",
            "file_get_contents('php://input')",
            "$page = file_get_contents('page.php');",
            "echo file_get_contents('page.php') prints nothing",
            "print_r($_server) shows nothing",
            "$_server",
            "getenv('path')",
            "env['path']",
            "unlink('cache.txt');",
            "print(open)",
            "echo hello",
            "dir[",
            "open(",
            "glob('*.jpg')",
        ] {
            assert!(!is_found(honest), "{honest}");
        }
    }
}
