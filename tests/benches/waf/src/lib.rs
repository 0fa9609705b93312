//! The firewall alone, with requests of every shape and size to count and to time it by.

#![expect(
    clippy::missing_panics_doc,
    reason = "a request that cannot be made is a fault of this crate"
)]

#[path = "../../../../edge/src/waf/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the Worker's module, of which `inspect` is used"
)]
mod waf;

pub mod request;
pub mod shape;

use request::Sent;

/// Inspects a request as a route in mode `normal` does; whether it is stopped.
#[must_use]
#[inline(never)]
pub fn inspect(sent: &Sent) -> bool {
    let report = with(sent, |request| waf::inspect(request, &waf::Settings::default()));
    report.verdict == waf::Verdict::Blocked
}

/// What that costs, as the firewall's own meter counts it.
#[must_use]
pub fn cost(sent: &Sent) -> u32 {
    with(sent, |request| waf::cost(request, &waf::Settings::default()))
}

fn with<T>(sent: &Sent, read: impl FnOnce(&waf::Request<'_>) -> T) -> T {
    let body = match &sent.body {
        None => waf::Body::None,
        Some(bytes) => waf::Body::Read {
            content_type: sent.content_type(),
            bytes,
        },
    };
    let request = waf::Request {
        method: sent.method,
        path: &sent.path,
        query: &sent.query,
        client: None,
        headers: &sent.headers,
        body,
    };
    read(&request)
}

/// For WebAssembly: inspects the request of this number, as [`request::numbered`] counts, so many
/// times; how often it was stopped.
#[unsafe(no_mangle)]
pub extern "C" fn run(number: usize, size: usize, times: u32) -> u32 {
    let sent = request::numbered(number, size);
    (0..times)
        .map(|_| u32::from(inspect(std::hint::black_box(&sent))))
        .sum()
}

/// For WebAssembly: how many requests [`run`] knows.
#[unsafe(no_mangle)]
pub extern "C" fn count() -> usize {
    request::count()
}

/// For WebAssembly: the number after the last request whose body is one plain text.
#[unsafe(no_mangle)]
pub extern "C" fn values() -> usize {
    request::in_places(1)
}

/// For WebAssembly: the number after the last request whose piece stands in a body.
#[unsafe(no_mangle)]
pub extern "C" fn bodies() -> usize {
    request::in_places(request::BODIES)
}
