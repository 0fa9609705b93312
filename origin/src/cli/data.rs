//! `gapura-origin data`: the tables that are served.

use super::{CliError, Out, environment};
use crate::{config, data::NOTES, db::Db};
use clap::Subcommand;
use serde_json::json;
use std::path::PathBuf;

/// Look at the tables that are served.
#[derive(Debug, Subcommand)]
pub(super) enum Data {
    /// Make the tables of the development stack, `notes` and `note_tags`, where they are not there.
    Notes {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

impl Data {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        match self {
            Self::Notes { config } => notes(config, out).await,
        }
    }
}

async fn notes(path: PathBuf, out: Out) -> Result<(), CliError> {
    let config = config::load(&path, &environment).map_err(|bad| CliError::Config { path, bad })?;
    let db = Db::open(&config.database).await?;
    let done = db.run_script(NOTES.of(db.engine())).await;
    db.close().await;
    done?;
    out.tell(
        "the tables notes and note_tags are there",
        &json!({ "tables": ["notes", "note_tags"] }),
    )
}
