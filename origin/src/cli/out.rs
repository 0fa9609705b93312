//! Where a command's result goes.

use super::CliError;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Standard output: text for people, or with `--json` one document for programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Out {
    json: bool,
}

impl Out {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Tells the result: one of both.
    pub(super) fn tell(self, text: &str, json: &Value) -> Result<(), CliError> {
        if self.json {
            say(&json.to_string())
        } else {
            say(text)
        }
    }

    /// Tells how it goes, on standard error: one of both.
    pub(super) fn progress(self, text: &str, json: &Value) {
        let line = if self.json {
            json.to_string()
        } else {
            text.to_owned()
        };
        // The work goes on when nobody listens.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Tells why there is none, on standard error.
    pub(super) fn fail(self, error: &CliError) {
        let exit_code = error.exit_code();
        let line = if self.json {
            json!({ "error": error.to_string(), "exit_code": exit_code }).to_string()
        } else {
            format!("gapura-origin: {error}")
        };
        // Nobody is left to be told when this fails.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// One line on standard output.
fn say(line: &str) -> Result<(), CliError> {
    writeln!(io::stdout().lock(), "{line}")
        .map_err(|error| CliError::Io("standard output".into(), error))
}
