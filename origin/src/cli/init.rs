//! `gapura-origin init`: a configuration, fresh keys and the first administrator.

use super::{CliError, Out, users};
use crate::{config, data::NOTES, random};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Args;
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Write `gapura.toml` and `secrets.env`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder; made when it is not there.
    #[arg(long)]
    dir: PathBuf,
    /// Leave files that are there as they are, without an error.
    #[arg(long)]
    if_missing: bool,
    /// Add an administrator with this address; the password is made and told.
    #[arg(long, value_name = "EMAIL")]
    admin: Option<String>,
    /// For a laptop: adds /echo/**, readable logs, and mails in them.
    #[arg(long)]
    development: bool,
}

impl Init {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let at = |path: &Path| {
            let path = path.display().to_string();
            move |error| CliError::Io(path, error)
        };
        fs::create_dir_all(&self.dir).map_err(at(&self.dir))?;
        let config = self.dir.join("gapura.toml");
        let secrets = self.dir.join("secrets.env");
        if !self.if_missing {
            // Look at both first: half an installation is worse than none.
            for path in [&config, &secrets] {
                if path.exists() {
                    return Err(CliError::Usage(format!(
                        "{} is there already; --if-missing leaves it as it is",
                        path.display()
                    )));
                }
            }
        }
        let (mut texts, mut files) = (Vec::new(), Vec::new());
        for (path, text, mode) in [
            (&config, config_text(self.development), 0o644),
            (&secrets, secrets_text(self.development), 0o600),
        ] {
            let written = write_new(path, &text, mode).map_err(at(path))?;
            let word = if written { "wrote" } else { "kept" };
            texts.push(format!("{word} {}", path.display()));
            files.push(json!({ "path": path.display().to_string(), "written": written }));
        }
        let mut admin = None;
        if let Some(email) = self.admin {
            let added = users::first_admin(config, email, self.if_missing).await?;
            texts.push(added.text());
            admin = Some(added.json());
        }
        let told = json!({ "files": files, "admin": admin });
        out.tell(&texts.join("\n"), &told)
    }
}

fn config_text(development: bool) -> String {
    if development {
        config::EXAMPLE
            .replace("\necho = false", "\necho = true")
            .replace("\nmail_log = false", "\nmail_log = true")
            .replace("\nformat = \"json\"", "\nformat = \"pretty\"")
            .replace("\nnotes = false", "\nnotes = true")
            .replace("\ntables = {}\n", "\n")
            + NOTES.config
    } else {
        config::EXAMPLE.to_owned()
    }
}

/// With a key of encrypted fields for development: elsewhere nobody needs one who encrypts none.
fn secrets_text(development: bool) -> String {
    let key = || URL_SAFE_NO_PAD.encode(random::bytes::<32>());
    let mut lines = vec![
        format!("{}=k1:{}\n", config::SEAL_KEYS, key()),
        format!("{}={}\n", config::TOKEN_KEY, key()),
    ];
    if development {
        lines.push(format!("{}=k1:{}\n", config::FIELD_KEYS, key()));
    }
    lines.concat()
}

/// `false` when the file is there already; it is never overwritten.
fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<bool> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    match file {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{config_text, secrets_text};
    use crate::config::{self, Format, Secrets};

    #[test]
    fn what_it_writes_is_valid() {
        for development in [false, true] {
            let config = config::parse(&config_text(development), &|_| None).unwrap();
            assert_eq!(config.development.echo, development);
            assert_eq!(config.development.mail_log, development);
            assert_eq!(config.log.format == Format::Pretty, development);
            assert_eq!(config.data.tables.len(), if development { 2 } else { 0 });
        }
        for development in [false, true] {
            let text = secrets_text(development);
            let environment = |name: &str| {
                let (_, value) = text
                    .lines()
                    .filter_map(|l| l.split_once('='))
                    .find(|(n, _)| *n == name)?;
                Some(value.to_owned())
            };
            let secrets = Secrets::parse(&environment).unwrap();
            assert_eq!(secrets.field_keys.is_some(), development);
            assert_ne!(text, secrets_text(development));
        }
    }
}
