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
        Ok(exit_code(worst))
    }
}

fn exit_code(worst: Severity) -> ExitCode {
    ExitCode::from(match worst {
        Severity::Ok => 0,
        Severity::Warn => 1,
        Severity::Fail => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::{ExitCode, Severity, exit_code};

    /// Of 1 and 2 the program itself is asked; all is well only behind a gate with a public certificate.
    #[test]
    fn ends_well_when_all_is_well() {
        assert_eq!(exit_code(Severity::Ok), ExitCode::SUCCESS);
        assert_eq!(exit_code(Severity::Warn), ExitCode::from(1));
        assert_eq!(exit_code(Severity::Fail), ExitCode::from(2));
    }
}
