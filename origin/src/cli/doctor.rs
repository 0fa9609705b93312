//! `gapura-origin doctor`.

use super::{CliError, Out, environment};
use crate::doctor::{self, Severity};
use clap::Args;
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// Say what is wrong before it hurts; exit code 0, 1 with a warning, 2 with a failure.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
}

impl Doctor {
    pub(super) async fn run(self, out: Out) -> Result<ExitCode, CliError> {
        let checks = doctor::examine(&self.config, &environment).await;
        let worst = doctor::worst(&checks);
        let lines: Vec<String> = checks.iter().map(ToString::to_string).collect();
        out.tell(
            &lines.join("\n"),
            &json!({ "severity": worst, "checks": checks }),
        )?;
        Ok(ExitCode::from(match worst {
            Severity::Ok => 0,
            Severity::Warn => 1,
            Severity::Fail => 2,
        }))
    }
}
