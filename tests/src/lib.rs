//! What the end-to-end tests share: both halves as real processes, a client that
//! can send what no library would, a recorder between the halves.
//!
//! Test code: a failure here is a failed test, so it panics.

pub mod client;
pub mod harness;
pub mod keyserver;
pub mod node;
pub mod push;
pub mod recorder;
pub mod token;
pub mod weir;

pub use client::{Request, Response};
pub use harness::{Edge, EdgeConfig, Origin, Stack};
pub use keyserver::KeyServer;
pub use recorder::Recorder;
pub use weir::{Answers, Weir};
