//! The gate: a Cloudflare Worker that lets only clean, counted, authenticated
//! and sealed requests through to the origin.
//!
//! Everything but `platform`, `durable` and the event handler compiles and is
//! tested natively; `cli` is the program `gapura-waf` and no part of the Worker.

pub mod access;
pub mod account;
pub mod admin;
pub mod admit;
pub mod aftermath;
pub mod authenticate;
pub mod body;
pub mod challenge;
pub mod cors;
pub mod facts;
pub mod forward;
pub mod gate;
pub mod guard;
pub mod inflate;
pub mod ledger;
pub mod limits;
pub mod operate;
mod ordered;
pub mod pace;
pub mod pipeline;
pub mod policy;
pub mod ratelimit;
pub mod record;
pub mod respond;
pub mod revocation;
pub mod runtime;
pub mod token;
pub mod verdict;
pub mod waf;

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(target_arch = "wasm32")]
mod durable;
#[cfg(target_arch = "wasm32")]
mod entry;
#[cfg(target_arch = "wasm32")]
mod platform;
