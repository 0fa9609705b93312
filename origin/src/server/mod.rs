//! Bytes in, bytes out: the listener, its connections, their bounds in number,
//! size and time, and the way they end.

mod connection;
mod listener;
mod progress;
mod shutdown;

pub use listener::{bind, serve};
pub use shutdown::{StopSignals, Stopped};
