//! The web application firewall: four stages over everything in a request that an
//! application could read.
//!
//! 1. `decode` undoes encodings, at most three rounds, never growing the text;
//! 2. `prefilter` passes over the bytes once and says which detectors could fire;
//! 3. `detect` holds the detectors, one grammar each, which name rules of `rules`;
//! 4. `score` adds severities up against the threshold of the route's mode.
//!
//! Pure: no clock, no I/O, no randomness. Every stage is linear in the input and bounded in
//! memory; what exceeds a parser's bound is itself a finding that stops the request.
//! Limits on URL, header and body size are the pipeline's and checked before.

mod body;
mod custom;
mod decode;
mod detect;
mod discussion;
mod excerpt;
mod explain;
mod field;
#[cfg(fuzzing)]
pub mod fuzz;
mod header;
mod inspect;
mod meter;
mod path;
mod prefilter;
mod quote;
mod report;
mod request;
mod rules;
mod scan;
mod score;
mod settings;
mod shape;
mod spared;
mod stream;
#[cfg(test)]
mod tests;

pub use self::custom::{Custom, MAX_REGEX_BYTES, Matcher, Regex, Subnet};
pub use self::explain::{exclusions, explain};
pub use self::inspect::{cost, inspect};
pub use self::report::{Effect, Finding, Part, Report, Severity, Target, Verdict};
pub use self::request::{Body, Request};
pub use self::rules::{ids, tags};
pub use self::settings::{
    Compressed, Exclusion, Graphql, INSPECTION_BYTES, Mode, Oversize, PathPattern, Settings,
};
pub use self::stream::Stream;
