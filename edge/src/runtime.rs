//! What the gate needs of the platform it runs on: a clock, randomness, the
//! Guard objects, the request's body, and a way to the origin. The Worker's
//! implementation is in `platform`; decisions never see it.

use crate::{record, waf};
use gapura_shared::{event::Event, time::UnixMillis};
use std::{cell::RefCell, rc::Rc};

/// The platform, for one request.
pub trait Runtime {
    /// A response that has begun: its body is still to come.
    type Response;

    /// The time. On Workers it stands still between two waits for I/O.
    fn now(&self) -> UnixMillis;

    /// Cryptographic randomness.
    fn random<const N: usize>(&self) -> [u8; N];

    /// Writes a security event to the log, a line of JSON.
    fn log(&self, event: &Event);

    /// Waits.
    fn pause(&self, ms: u32) -> impl Future<Output = ()>;

    /// Asks an object. The question is under way when this returns; the future only awaits
    /// the answer. `None` when there is none within the budget; one that comes later is for `late`.
    fn ask(
        &self,
        object: Object<'_>,
        question: &str,
        budget_ms: u32,
        late: Late,
    ) -> impl Future<Output = Option<String>> + use<Self>;

    /// Tells an object something that the client need not wait for; `then` learns the answer,
    /// and when it came, and may have a line for the log.
    fn tell(
        &self,
        object: Object<'_>,
        message: &str,
        then: impl FnOnce(Option<String>, UnixMillis) -> Option<String> + 'static,
    );

    /// Does something in so many milliseconds, by a timer that no step of the clock moves.
    fn after(&self, ms: u32, then: impl FnOnce() + 'static);

    /// Tells an object something that must not be lost, some more times in the next
    /// seconds until it `accepts` an answer; else logs `lost`. Nobody waits for it.
    fn insist(
        &self,
        object: Object<'_>,
        message: &str,
        accepts: impl Fn(&str) -> bool + 'static,
        lost: Event,
    );

    /// Where the client is.
    fn place(&self) -> Place;

    /// Reads the request's body, at most `limit` bytes of it.
    fn read_body(&self, limit: u64) -> impl Future<Output = Result<Vec<u8>, BodyFault>>;

    /// Sends a request and awaits the head of the answer. Redirects are not followed.
    fn send(
        &self,
        outbound: &Outbound<'_>,
    ) -> impl Future<Output = Result<Received<Self::Response>, SendFault>>;

    /// Reads a response as text, at most `limit` bytes of it; `None` beyond that.
    fn text(&self, response: Self::Response, limit: u64) -> impl Future<Output = Option<String>>;
}

/// What is made of an answer that nobody waited for any more, and when it came; what the same
/// object is told of it, if anything.
pub type Late = Box<dyn FnOnce(&str, UnixMillis) -> Option<String>>;

/// Nothing is made of a late answer.
#[must_use]
pub fn ignored() -> Late {
    Box::new(|_, _| None)
}

/// An object that keeps state for all isolates.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// The Guard's shard of this name.
    Guard(&'a str),
    /// The Ledger.
    Ledger,
}

/// Where the platform places a client; it decides that from the address alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The continent, two letters; empty: unknown.
    pub continent: String,
    /// The autonomous system.
    pub asn: Option<u32>,
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// Longer than the limit.
    TooLong,
    /// The client stopped sending.
    Ended,
}

/// The inspection of a body that streams: whoever moves the bytes feeds it, whoever answers
/// reads its report.
#[derive(Debug, Clone)]
pub struct Inspection(Rc<RefCell<Inspected>>);

#[derive(Debug)]
struct Inspected {
    stream: waf::Stream,
    /// The event of a stop from now on, once the answer began; told once.
    late: Option<Event>,
}

impl Inspection {
    /// Of this stream.
    #[must_use]
    pub fn new(stream: waf::Stream) -> Self {
        Self(Rc::new(RefCell::new(Inspected { stream, late: None })))
    }

    /// Takes the next bytes; whether the request is to be stopped.
    #[must_use]
    pub fn push(&self, bytes: &[u8]) -> bool {
        self.0.borrow_mut().stream.push(bytes) == waf::Verdict::Blocked
    }

    /// Ends the body; whether the request is to be stopped.
    #[must_use]
    pub fn finish(&self) -> bool {
        self.0.borrow_mut().stream.finish() == waf::Verdict::Blocked
    }

    /// What was found so far.
    #[must_use]
    pub fn report(&self) -> waf::Report {
        self.0.borrow().stream.report().clone()
    }

    /// Notes that the answer began; `event` is that of a stop that comes after it.
    pub fn answered(&self, event: Event) {
        self.0.borrow_mut().late = Some(event);
    }

    /// The event of a stop after the answer began, once.
    #[must_use]
    pub fn late(&self, now: UnixMillis) -> Option<Event> {
        let mut inspected = self.0.borrow_mut();
        let report = inspected.stream.report();
        if report.verdict != waf::Verdict::Blocked {
            return None;
        }
        let reason = format!("waf-blocked: {}", record::rules(report));
        let event = inspected.late.take()?;
        Some(Event {
            at_ms: now,
            reason,
            ..event
        })
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendFault {
    /// The inspection stopped the body on its way.
    Blocked,
    /// The body is longer than its bound.
    TooLong,
    /// The client stopped sending.
    Ended,
    /// No connection, or it broke.
    Unreachable,
    /// Not in time.
    Timeout,
}

/// A request on its way out.
#[derive(Debug, Clone)]
pub struct Outbound<'a> {
    /// The method.
    pub method: &'a str,
    /// The absolute URL.
    pub url: String,
    /// Lower-case names and values.
    pub headers: Vec<(&'a str, String)>,
    /// The body.
    pub body: OutboundBody<'a>,
    /// How long until the head of the answer must be there.
    pub timeout_ms: u32,
}

/// The body of a request on its way out.
#[derive(Debug, Clone, Copy)]
pub enum OutboundBody<'a> {
    /// None.
    Empty,
    /// These bytes.
    Bytes(&'a [u8]),
    /// The body of the request that is being served, as it comes.
    Stream {
        /// The bound, held where the body is inspected.
        max_bytes: u64,
        /// What looks at it on its way, if anything does.
        inspection: Option<&'a Inspection>,
    },
}

/// The head of an answer.
#[derive(Debug, Clone)]
pub struct Received<R> {
    /// The status.
    pub status: u16,
    /// Lower-case names and values; `set-cookie` once per cookie.
    pub headers: Vec<(String, String)>,
    /// The platform's response.
    pub response: R,
}

impl<R> Received<R> {
    /// The value of a header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Inspection;
    use crate::{facts::tests::facts, record, waf};
    use gapura_shared::{event::Kind, time::UnixMillis};

    #[test]
    fn a_stop_after_the_answer_began_is_told_once() {
        let facts = facts("POST", "http://h/upload", &[]);
        let headers = [("content-type".to_owned(), "text/plain".to_owned())];
        let request = waf::Request {
            client: None,
            method: "POST",
            path: "/upload",
            query: "",
            headers: &headers,
            body: waf::Body::Streamed,
        };
        let settings = waf::Settings::default();
        let report = waf::inspect(&request, &settings);
        let inspection = Inspection::new(waf::Stream::new(&request, &settings, report));
        let now = UnixMillis(7);
        assert!(!inspection.push(b"words\n"));
        inspection.answered(record::late(&facts, 200));
        assert_eq!(inspection.late(now), None);
        let stopped = inspection.push(b"<script>alert(document.cookie)</script>\n");
        assert!(inspection.finish() || stopped);
        let event = inspection.late(now).unwrap();
        assert_eq!(
            (event.event, event.outcome, event.at_ms),
            (Kind::WafBlocked, 200, now)
        );
        assert!(
            event.reason.starts_with("waf-blocked: "),
            "{}",
            event.reason
        );
        assert_eq!(inspection.late(now), None);
    }
}
