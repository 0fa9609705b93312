//! Durable Objects: thin shells around the decisions of `guard` and `ledger`.

pub(crate) mod guard;
pub(crate) mod ledger;
mod table;
mod transaction;

use crate::{platform, record};
use gapura_shared::ids::RequestId;
use std::{
    cell::Cell,
    pin::pin,
    task::{Context, Poll, Waker},
};
use worker::console_warn;

/// The binding of the Guard's namespace in `wrangler.toml`; its class is `Guard`.
pub(crate) const GUARD_BINDING: &str = "GUARD";
/// The binding of the Ledger's namespace; its class is `Ledger`.
pub(crate) const LEDGER_BINDING: &str = "LEDGER";
/// The name of the one Ledger.
pub(crate) const LEDGER_NAME: &str = "ledger";

/// Logs that an object has no room, once a minute at most.
fn tell_full(told_ms: &Cell<u64>, object: &str, why: &str) {
    let now = platform::now();
    if record::is_due(told_ms.get(), now) {
        told_ms.set(now.0);
        let id = RequestId::from_random(platform::random());
        let event = record::full(object, why, id, now);
        console_warn!("{}", serde_json::to_string(&event).unwrap_or_default());
    }
}

/// Sets an object's alarm without waiting for it: the output gate holds the answer
/// back until what was written is confirmed.
fn set_alarm(state: &worker::State, at_ms: Option<u64>) -> worker::Result<()> {
    let Some(at_ms) = at_ms else {
        return Ok(());
    };
    let wait_ms = at_ms.saturating_sub(platform::now().0);
    let wait_ms = i64::try_from(wait_ms).unwrap_or(i64::MAX);
    let storage = state.storage();
    let set = pin!(storage.set_alarm(wait_ms));
    match set.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(fault)) => Err(fault),
        Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
    }
}
