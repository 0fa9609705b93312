//! What the firewall makes of a request, and how it does on a corpus: `gapura-waf --help`.

use std::process::ExitCode;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> ExitCode {
    use gapura_edge::cli;
    use std::io::{self, Write as _};

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match cli::run(&arguments, &mut io::stdin()) {
        Ok(outcome) => {
            // A reader that went away (`| head`) wants no more.
            let _ = io::stdout().write_all(outcome.text.as_bytes());
            ExitCode::from(u8::from(!outcome.is_well))
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "gapura-waf: {}", failure.0);
            ExitCode::from(64)
        }
    }
}

/// The Worker is the library alone.
#[cfg(target_arch = "wasm32")]
fn main() -> ExitCode {
    ExitCode::FAILURE
}
