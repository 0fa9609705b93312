//! `[database]`: where the rows are.

use super::{Environment, Fault, reader::Section};
use crate::db::url::{EXPECTED, is_valid};
use std::{fmt, path::Path, time::Duration};

const URL: &str = "sqlite:gapura.db";
const ENV: &str = "GAPURA_DATABASE_URL";

/// The database and its pool.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// `url`, or `GAPURA_DATABASE_URL`. A server's has a password in it.
    pub url: String,
    /// `max_connections` of the pool.
    pub max_connections: u32,
    /// `acquire_s`: for a free connection, and for another writer's lock.
    pub acquire: Duration,
    /// `statement_s`: for one statement.
    pub statement: Duration,
    /// `durable`: whether SQLite waits for the disk at every commit, so that a power cut loses nothing.
    pub durable: bool,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, _) = self.url.split_once(':').unwrap_or_default();
        f.debug_struct("Database")
            .field("url", &format_args!("{scheme}:…"))
            .field("max_connections", &self.max_connections)
            .field("acquire", &self.acquire)
            .field("statement", &self.statement)
            .field("durable", &self.durable)
            .finish()
    }
}

impl Database {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            url: section
                .parsed("url", URL, EXPECTED, known)
                .unwrap_or_default(),
            max_connections: section.number("max_connections", 8, 1..=256),
            acquire: section.seconds("acquire_s", 5, 1..=60),
            statement: section.seconds("statement_s", 10, 1..=600),
            durable: section.flag("durable", false),
        }
    }

    /// The file of SQLite.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        let file = self.url.strip_prefix("sqlite:")?;
        let file = file.split('?').next().unwrap_or_default();
        Some(file.strip_prefix("//").unwrap_or(file).as_ref())
    }

    pub(super) fn apply(&mut self, environment: Environment<'_>) -> Option<Fault> {
        if let Some(url) = known(&environment(ENV)?) {
            self.url = url;
            return None;
        }
        Some(Fault {
            key: ENV.into(),
            position: None,
            message: EXPECTED.into(),
        })
    }

    /// Counts a relative file from `folder`, unless the environment named it.
    pub(super) fn anchor(&mut self, folder: &Path, environment: Environment<'_>) {
        if let (Some(file), None) = (self.url.strip_prefix("sqlite:"), environment(ENV)) {
            let file = file.trim_start_matches("//");
            // Joining an absolute path gives that path.
            self.url = format!("sqlite:{}", folder.join(file).display());
        }
    }
}

fn known(url: &str) -> Option<String> {
    is_valid(url).then(|| url.to_owned())
}
