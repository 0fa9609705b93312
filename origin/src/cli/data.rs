//! `gapura-origin data`: the tables that are served.

use super::{CliError, Out, environment};
use crate::{
    config::{self, BadConfig, Fault, Faults},
    data::{self, NOTES, field::Fields},
    db::Db,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// Look at the tables that are served.
#[derive(Debug, Subcommand)]
pub(super) enum Data {
    /// Say what is wrong with the declared tables, all of it, or what would be served.
    Check(Of),
    /// Show what each role may do with each table.
    Policies(Of),
    /// Write the `OpenAPI` document of the tables.
    Openapi(Of),
    /// Make the tables of the development stack, `notes` and `note_tags`, where they are not there.
    Notes(Of),
}

#[derive(Debug, Args)]
pub(super) struct Of {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
}

impl Data {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        match self {
            Self::Check(of) => check(&of.served().await?, out),
            Self::Policies(of) => {
                let rights = of.served().await?.rights();
                out.tell(&data::table_of(&rights), &json!(rights))
            }
            Self::Openapi(of) => {
                let document = of.served().await?.openapi();
                out.tell(&format!("{document:#}"), &document)
            }
            Self::Notes(of) => notes(of.config, out).await,
        }
    }
}

impl Of {
    /// What a server with this configuration would serve.
    async fn served(self) -> Result<data::Data, CliError> {
        let path = self.config;
        let bad = |bad| CliError::Config {
            path: path.clone(),
            bad,
        };
        let fault = |fault: Fault| BadConfig::Faults(Faults(vec![fault]));
        let config = config::load(&path, &environment).map_err(bad)?;
        let keys = config::field_keys(&environment)
            .map_err(fault)
            .map_err(bad)?;
        let laravel = config::laravel_key(&environment)
            .map_err(fault)
            .map_err(bad)?;
        let fields = keys.map(|keys| Fields::new(keys, laravel));
        let db = Db::open(&config.database).await?;
        let served = data::Data::start(&config.data, fields, &db).await;
        db.close().await;
        served.map_err(|bad| CliError::Start(bad.into()))
    }
}

fn check(served: &data::Data, out: Out) -> Result<(), CliError> {
    let (tables, warnings) = (served.tables(), served.warnings());
    let searchable = served.searchable();
    let mut lines = vec![match tables.as_slice() {
        [] => "no table is served".to_owned(),
        tables => format!("served: {}", tables.join(", ")),
    }];
    if !searchable.is_empty() {
        lines.push(format!("full-text search: {}", searchable.join(", ")));
    }
    lines.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
    out.tell(
        &lines.join("\n"),
        &json!({ "tables": tables, "searchable": searchable, "warnings": warnings }),
    )
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
