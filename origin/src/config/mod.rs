//! The origin's configuration: one TOML file, secrets from the environment.
//!
//! Guarantees: parsing is a pure function of the file's text and the
//! environment, reports every fault at once with its key and position, and
//! refuses unknown keys. `gapura.example.toml` documents every key; a test
//! ties it to this code.

mod auth;
mod backup;
mod data;
mod database;
mod edge;
mod listen;
mod log;
mod mail;
mod reader;
mod secrets;
#[cfg(test)]
mod tests;

pub use auth::Auth;
pub use backup::Backup;
pub use data::{Data, DataRole, DataTable, is_name};
pub use database::Database;
pub use edge::{Edge, EdgeUrl};
pub use listen::{Listen, Timeouts};
pub use log::{Format, Log};
pub use mail::{Mail, SMTP_PASSWORD, Tls};
pub use reader::Fault;
pub use secrets::{
    FIELD_KEYS, FIELD_LARAVEL_KEY, HS256_KEY, SEAL_KEYS, Secrets, TOKEN_KEY, field_keys, hs256_key,
    laravel_key, old_token_key, seal_keys, token_key,
};

use reader::Reader;
use std::{fmt, io, path::Path};

/// The file with every key at its default.
pub const EXAMPLE: &str = include_str!("../../gapura.example.toml");

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `[listen]`
    pub listen: Listen,
    /// `[database]`
    pub database: Database,
    /// `[auth]`
    pub auth: Auth,
    /// `[data]`
    pub data: Data,
    /// `[backup]`
    pub backup: Backup,
    /// `[edge]`
    pub edge: Edge,
    /// `[mail]`
    pub mail: Mail,
    /// `[log]`
    pub log: Log,
    /// `[development]`
    pub development: Development,
}

/// `[development]`: what no server in use has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Development {
    /// `echo`: adds `/echo/**`. Default `false`.
    pub echo: bool,
    /// `mail_log`: mails that no server takes are logged, their links and codes too. Default `false`.
    pub mail_log: bool,
    /// `notes`: the tables `notes` and `note_tags` are made where they are not there. Default `false`.
    pub notes: bool,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// The file cannot be read.
    #[error("cannot read the file: {0}")]
    Unreadable(#[from] io::Error),
    /// Everything that is wrong with it.
    #[error("{0}")]
    Faults(Faults),
}

/// At least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Reads the settings from a file's text.
///
/// # Errors
/// Every [`Fault`].
pub fn parse(text: &str, environment: Environment<'_>) -> Result<Config, Vec<Fault>> {
    let (config, reader) = read(text, environment);
    if reader.faults.is_empty() {
        Ok(config)
    } else {
        Err(reader.faults)
    }
}

fn read<'a>(text: &'a str, environment: Environment<'_>) -> (Config, Reader<'a>) {
    let mut reader = Reader::new(text);
    let mut config = Config {
        listen: reader.section("listen", Listen::read),
        database: reader.section("database", Database::read),
        auth: reader.section("auth", Auth::read),
        data: reader.section("data", Data::read),
        backup: reader.section("backup", Backup::read),
        edge: reader.section("edge", Edge::read),
        mail: reader.section("mail", Mail::read),
        log: reader.section("log", Log::read),
        development: reader.section("development", |section| Development {
            echo: section.flag("echo", false),
            mail_log: section.flag("mail_log", false),
            notes: section.flag("notes", false),
        }),
    };
    reader.finish();
    reader.faults.extend(config.listen.apply(environment));
    reader.faults.extend(config.database.apply(environment));
    reader.faults.extend(config.mail.apply(environment));
    if config.auth.confirm_email && config.mail.host.is_none() && !config.development.mail_log {
        reader.faults.push(Fault {
            key: "auth.confirm_email".into(),
            position: None,
            message: "needs mail.host".into(),
        });
    }
    (config, reader)
}

/// Loads the settings from `path`; a relative database file counts from its folder.
///
/// # Errors
/// [`BadConfig`].
pub fn load(path: &Path, environment: Environment<'_>) -> Result<Config, BadConfig> {
    let text = std::fs::read_to_string(path)?;
    let mut config = parse(&text, environment).map_err(|f| BadConfig::Faults(Faults(f)))?;
    if let Some(folder) = path.parent() {
        config.database.anchor(folder, environment);
        config.backup.anchor(folder);
        config.edge.anchor(folder);
    }
    Ok(config)
}

/// Loads the settings and the secrets, reporting the faults of both at once.
///
/// # Errors
/// [`BadConfig`].
pub fn load_all(path: &Path, environment: Environment<'_>) -> Result<(Config, Secrets), BadConfig> {
    match (load(path, environment), Secrets::parse(environment)) {
        (Ok(config), Ok(secrets)) => Ok((config, secrets)),
        (Ok(_), Err(faults)) => Err(BadConfig::Faults(Faults(faults))),
        (Err(BadConfig::Faults(Faults(mut faults))), Err(more)) => {
            faults.extend(more);
            Err(BadConfig::Faults(Faults(faults)))
        }
        (Err(bad), _) => Err(bad),
    }
}
