//! The calls into the Workers runtime. Everything here is a thin binding; what
//! can be wrong is in the modules that it serves.

mod glue;
mod repeat;
mod worker_runtime;

pub(crate) use glue::{answer, brief, facts, relay};
pub(crate) use repeat::repeat;
pub(crate) use worker_runtime::{WorkerRuntime, join, now};

use crate::gate::Bindings;
use std::{
    cell::RefCell,
    collections::HashMap,
    task::{Context, Poll, Waker},
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use worker::Env;

/// The texts bound to this Worker.
pub(crate) fn bindings(env: &Env) -> Bindings {
    let text = |name: &str| env.var(name).ok().map(|var| var.to_string());
    Bindings {
        origin_url: text("GAPURA_ORIGIN_URL"),
        seal_keys: text("GAPURA_SEAL_KEYS"),
        token_keys: text("GAPURA_TOKEN_KEYS"),
        policy_overlay: text("GAPURA_POLICY_OVERLAY"),
    }
}

/// How many sets of fixed headers are kept; routes and what the origin sets itself make a few.
const MAX_FIXED: usize = 64;

/// The numbers of these sets in `glue.js`, by their text.
#[derive(Default)]
struct Fixed {
    known: HashMap<String, u32>,
    /// Some of them by a name as well: to make a text is more work than all else of a refusal.
    named: HashMap<String, u32>,
}

thread_local! {
    static FIXED: RefCell<Fixed> = RefCell::default();
}

/// The number of headers that are the same for many answers: their text crosses once.
pub(crate) fn fixed<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> u32 {
    let text = join(headers);
    FIXED.with_borrow_mut(|fixed| {
        if let Some(number) = fixed.known.get(&text) {
            return *number;
        }
        if fixed.known.len() >= MAX_FIXED {
            *fixed = Fixed::default();
        }
        // Fewer than MAX_FIXED: the fallback is never reached.
        let number = u32::try_from(fixed.known.len()).unwrap_or(0);
        glue::keep(number, &text, number == 0);
        fixed.known.insert(text, number);
        number
    })
}

/// The same of headers that are always alike under one name.
pub(crate) fn fixed_as<'a>(name: &str, headers: impl FnOnce() -> Vec<(&'a str, &'a str)>) -> u32 {
    let known = FIXED.with_borrow(|fixed| fixed.named.get(name).copied());
    known.unwrap_or_else(|| {
        let number = fixed(headers().into_iter());
        FIXED.with_borrow_mut(|fixed| fixed.named.insert(name.to_owned(), number));
        number
    })
}

/// Random bytes drawn ahead: a crossing for each request would cost more than
/// all else that is done with them.
struct Pool {
    bytes: [u8; 1024],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const {
        RefCell::new(Pool { bytes: [0; 1024], used: 1024 })
    };
}

/// Random bytes, each handed out once. The runtime's generator does not fail; if
/// it did, all nonces would be the same and the origin would refuse them as replays.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    POOL.with_borrow_mut(|pool| {
        if pool.bytes.len() - pool.used < N {
            pool.bytes.fill(0);
            let _ = getrandom::getrandom(&mut pool.bytes);
            pool.used = 0;
        }
        let drawn = pool
            .bytes
            .get(pool.used..pool.used + N)
            .and_then(|b| b.try_into().ok());
        pool.used += N;
        drawn.unwrap_or([0; N])
    })
}

/// Runs a future until its first wait: its end as it is when there was none, else
/// a promise of it. A promise costs 8 µs, as much as all else of a constant answer.
///
/// Every wait inside must be a `JsFuture`: some of the crate's own futures keep
/// the waker of their first poll, which here wakes nobody (`worker::Delay` does).
pub(crate) fn begin(
    future: impl Future<Output = Result<JsValue, JsValue>> + 'static,
) -> Result<JsValue, JsValue> {
    let mut future = Box::pin(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(end) => end,
        // Polls again at once, this time to be woken.
        Poll::Pending => Ok(future_to_promise(future).into()),
    }
}
