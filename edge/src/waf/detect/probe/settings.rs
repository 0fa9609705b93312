//! Files of settings and keys, by where they lie and what they end in.

/// What settings and keys end in, which no site serves from its root.
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
    b".cnf",
    b".ini",
    b".cfg",
    b".properties",
    b".env",
    b".tfvars",
    b".tfstate",
    b".log",
];
/// Endings of settings that a site serves from elsewhere.
const SOURCES: &[&[u8]] = &[
    b".php", b".yml", b".yaml", b".inc", b".xml", b".py", b".toml",
];
/// What such files are named.
const SETTING_WORDS: &[&[u8]] = &[
    b"application",
    b"bootstrap",
    b"aws",
    b"vault",
    b"secrets",
    b"secret",
    b"docker",
    b"database",
    b"db",
    b"ansible",
    b"credentials",
    b"localsettings",
    b"local_settings",
];

/// `/server.key`, `/config/database.php`, `/application-prod.yml`.
pub(super) fn is_configuration(path: &[u8], last: &[u8]) -> bool {
    let ends = |endings: &[&[u8]]| endings.iter().any(|ending| last.ends_with(ending));
    let is_root = path.len() == last.len() + 1;
    let is_folder = [
        &b"/config/"[..],
        b"/configs/",
        b"/conf/",
        b"/application/config/",
        b"/app/config/",
    ]
    .iter()
    .any(|folder| path.starts_with(folder) && path.len() == folder.len() + last.len());
    let mut words = last.split(|byte| matches!(byte, b'-' | b'.'));
    let is_named = words
        .next()
        .is_some_and(|word| SETTING_WORDS.contains(&word));
    is_root && (ends(SETTINGS) || ends(SOURCES) && is_named)
        || is_folder && (ends(SETTINGS) || ends(SOURCES))
}
