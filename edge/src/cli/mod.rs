//! The program `gapura-waf`: what the firewall makes of a request, and how it does on a corpus.
//! No part of the Worker.

pub mod corpus;
pub mod curl;
mod explain;
mod measure;
pub mod message;
mod options;
pub mod place;

pub use self::measure::{Count, Tally};

use self::options::Command;
use std::{fmt, io::Read};

/// What the program prints and how it ends.
#[derive(Debug)]
pub struct Outcome {
    /// To standard output.
    pub text: String,
    /// Whether all is well: the thresholds are met, or the request would pass.
    pub is_well: bool,
}

/// Why there is nothing to print: what the user did not say rightly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl Failure {
    fn of(why: &dyn fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// How the program is called.
pub const USAGE: &str = "\
gapura-waf explain [OPTIONS] [FILE | - | curl ...]
    Says what the firewall makes of a request: a raw HTTP request or a curl command line, in a
    file, from standard input, or as the arguments themselves. Exits with 1 if it is stopped.

gapura-waf test [OPTIONS] DIR|FILE.jsonl...
    Runs corpora through the firewall and prints a table per class. A file below a folder
    `attacks` ought to be stopped, one below `honest` ought not.

OPTIONS
    --mode MODE        strict, normal (default), relaxed, detect, off
    --paranoia LEVEL   1 (default) to 4
    --policy FILE      the route's settings and the rules of this policy instead of the defaults

OPTIONS OF test
    --all              every text in each of its places and in each encoding (default: one place)
    --places           every text in each of its places, as it stands
    --misses           prints attacks that pass and honest requests that are stopped
    --attacks PERCENT  exits with 1 if fewer of the attacks are stopped
    --honest PERCENT   exits with 1 if more of the honest requests are stopped
";

/// Runs the program.
///
/// # Errors
/// [`Failure`] when the arguments or a file cannot be understood.
pub fn run(arguments: &[String], input: &mut dyn Read) -> Result<Outcome, Failure> {
    match options::parse(arguments)? {
        Command::Help => Ok(Outcome {
            text: USAGE.to_owned(),
            is_well: true,
        }),
        Command::Explain(options, words) => explain::run(&options, &words, input),
        Command::Test(options, wanted) => measure::run(&options, &wanted),
    }
}
