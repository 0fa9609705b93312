//! Files of settings, sources, keys and data, by where they lie and what they end in.

use crate::waf::scan::find;

/// What settings, sources and records end in, which no site serves from its root.
const SETTINGS: &[&[u8]] = &[
    b".pem",
    b".key",
    b".ppk",
    b".pfx",
    b".p12",
    b".jks",
    b".kdbx",
    b".ovpn",
    b".conf",
    b".properties",
    b".log",
    b".config",
    b".gpg",
    b".schema",
    b".py",
    b".pyc",
    b".rb",
    b".yml",
    b".yaml",
    b".toml",
    b".inc",
    b".wadl",
    b".tf",
    b".out",
    b".rdp",
    b".cf",
];
/// What settings end in that no site serves from anywhere near its root.
const NEVER_SERVED: &[&[u8]] = &[
    b".ini",
    b".cfg",
    b".cnf",
    b".cnf.xml",
    b".env",
    b".tfvars",
    b".tfstate",
];
/// Endings of settings that a site serves under other names, too.
const SOURCES: &[&[u8]] = &[b".php", b".xml", b".json", b".txt", b".inc"];
/// What such files are named.
const SETTING_WORDS: &[&[u8]] = &[
    b"application",
    b"appsettings",
    b"aws",
    b"vault",
    b"secrets",
    b"secret",
    b"docker",
    b"database",
    b"db",
    b"dbconfig",
    b"ansible",
    b"credentials",
    b"localsettings",
    b"local_settings",
    b"auth",
    b"oauth",
    b"wallet",
    b"stripe",
    b"twilio",
    b"passwd",
    b"passwords",
    b"password",
    b"pass",
    b"logins",
    b"ftp",
    b"sitemanager",
    b"tomcat",
    b"error",
    b"errors",
    b"access",
    b"tokens",
    b"emails",
    b"accounts",
    b"shadow",
    b"htpasswd",
    b"debug",
    b"log",
    b"smtp",
    b"sql",
    b"requirements",
];
/// Names that people ask for: documents of an interface, updates, installers, keys that are public.
const SERVED: &[&[u8]] = &[
    b"openapi",
    b"swagger",
    b"asyncapi",
    b"api",
    b"latest",
    b"install",
    b"get",
    b"setup",
    b"feed",
    b"index",
    b"ca",
    b"chain",
    b"fullchain",
    b"gpg",
    b"pgp",
    b"release",
];
/// What keys end in.
const KEYS: &[&[u8]] = &[
    b".pem",
    b".key",
    b".ppk",
    b".pfx",
    b".p12",
    b".jks",
    b".keystore",
    b".kdbx",
    b".ovpn",
];
/// What the names of keys hold, and of folders that they lie in.
const KEY_WORDS: &[&[u8]] = &[
    b"priv", b"secret", b"server", b"ssl", b"tls", b"cert", b"jwt", b"rsa", b"keys", b"pki",
];
/// What a database in a file ends in.
const DATABASES: &[&[u8]] = &[
    b".mdb",
    b".accdb",
    b".db",
    b".db3",
    b".sqlite",
    b".sqlite3",
    b".sqlitedb",
];
/// Folders in which a site keeps what it does not serve.
const STORES: &[&[u8]] = &[
    b"",
    b"data",
    b"db",
    b"database",
    b"databases",
    b"sql",
    b"mysql",
    b"backup",
    b"backups",
    b"dump",
    b"dumps",
    b"old",
    b"bak",
    b"app",
    b"log",
    b"logs",
    b"private",
    b"export",
    b"exports",
    b"tmp",
    b"temp",
    b"uploads",
    b"admin",
    b"storage",
    b"var",
    b"config",
    b"configs",
    b"conf",
    b"inc",
    b"include",
    b"includes",
];
/// Where an application runs, which names a file of its settings.
const STAGES: &[&[u8]] = &[
    b"default",
    b"production",
    b"prod",
    b"development",
    b"dev",
    b"staging",
    b"local",
    b"test",
];

/// The folder at the root that the file lies in, empty for the root itself; none if it lies deeper.
fn folder<'p>(path: &'p [u8], last: &[u8]) -> Option<&'p [u8]> {
    let folder = path.strip_prefix(b"/")?.strip_suffix(last)?;
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    (!folder.contains(&b'/')).then_some(folder)
}

/// Whether the file lies at the root or in a folder at it that holds what is not served.
pub(super) fn is_stored(path: &[u8], last: &[u8]) -> bool {
    folder(path, last).is_some_and(|folder| STORES.contains(&folder))
}

/// `/server.key`, `/config/database.php`, `/config/production.json`, `/application-prod.yml`, `/ssl/private.pem`,
/// `/data/users.mdb`: what an application reads and does not serve.
pub(super) fn is_kept_back(path: &[u8], last: &[u8]) -> bool {
    let ends = |endings: &[&[u8]]| endings.iter().any(|ending| last.ends_with(ending));
    let holds = |words: &[&[u8]]| words.iter().any(|word| find(path, word, 0).is_some());
    let stem = last.split(|byte| *byte == b'.').next().unwrap_or_default();
    let is_named = |names: &[&[u8]]| {
        stem.split(|byte| matches!(byte, b'-' | b'_'))
            .any(|word| names.contains(&word))
    };
    let is_near = path.split(|byte| *byte == b'/').count() <= 4;
    let is_setting = match folder(path, last) {
        Some(b"") => {
            ends(SETTINGS) && !is_named(SERVED)
                || ends(SOURCES) && (is_named(SETTING_WORDS) || SETTING_WORDS.contains(&stem))
        }
        Some(b"db" | b"settings" | b"ci" | b"bin" | b"lib" | b"conf.d") => ends(SETTINGS),
        Some(b"config" | b"configs" | b"conf") => {
            ends(SETTINGS)
                || ends(&[b".php", b".xml"])
                || ends(SOURCES) && is_named(SETTING_WORDS)
                || ends(&[b".json"]) && STAGES.contains(&stem)
        }
        _ => {
            (path.starts_with(b"/application/config/") || path.starts_with(b"/app/config/"))
                && (ends(SETTINGS) || ends(SOURCES))
        }
    };
    let mut folders = path.split(|byte| *byte == b'/').skip(1);
    // `/attachments/7/config.ini`: somebody's file, kept under a number.
    let is_kept_for_user = folders
        .clone()
        .any(|folder| !folder.is_empty() && folder.iter().all(u8::is_ascii_digit));
    let is_home = folders
        .next()
        .is_some_and(|first| STORES.contains(&first) || first == b"runtime");
    let is_log = is_home && ends(&[b".log"]) && holds(&[b"/log/", b"/logs/"]);
    is_setting
        || is_log
        || is_near
            && (ends(NEVER_SERVED) && !is_kept_for_user
                || ends(KEYS)
                    && holds(KEY_WORDS)
                    && !is_named(SERVED)
                    && !holds(&[b"pub", b"root."]))
        || (ends(DATABASES) || ends(&[b".inc"])) && is_stored(path, last)
}
