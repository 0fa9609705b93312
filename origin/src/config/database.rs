//! `[database]`: where the rows are.

use super::{Environment, Fault, reader::Section};
use std::{path::Path, time::Duration};

const URL: &str = "sqlite:gapura.db";
const ENV: &str = "GAPURA_DATABASE_URL";
const EXPECTED: &str = "must be \"sqlite:\" and the path of a file";

/// The database and its pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `url`, or `GAPURA_DATABASE_URL`.
    pub url: String,
    /// `max_connections` of the pool.
    pub max_connections: u32,
    /// `acquire_s`: for a free connection, and for another writer's lock.
    pub acquire: Duration,
}

impl Database {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            url: section
                .parsed("url", URL, EXPECTED, known)
                .unwrap_or_default(),
            max_connections: section.number("max_connections", 8, 1..=256),
            acquire: section.seconds("acquire_s", 5, 1..=60),
        }
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

/// In memory, every connection of a pool would have a database of its own.
fn known(url: &str) -> Option<String> {
    let file = url.strip_prefix("sqlite:")?.trim_start_matches("//");
    (!file.is_empty() && !file.starts_with(":memory:")).then(|| url.to_owned())
}
