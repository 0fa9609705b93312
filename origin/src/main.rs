//! The origin's program; see `gapura-origin --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gapura_origin::cli::run()
}
