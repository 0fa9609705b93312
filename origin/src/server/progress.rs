//! How far a connection has come, and whether it takes too long.
//!
//! hyper has one timeout for a head and for the wait before it; ours differ.
//! So the connection notes its phase here, which costs one atomic store, and
//! looks after it at intervals, which needs no timer per request.

use crate::config::Timeouts;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// For the answer that says that the request took too long.
const LAST_WORD: Duration = Duration::from_secs(5);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A head is being read, or the first one is awaited.
    Head,
    /// A request is being answered.
    Busy,
    /// The next request is awaited.
    Idle,
    /// The client has pieces of an answer to take.
    Sending,
}

impl Phase {
    /// How long it may last.
    pub(super) const fn limit(self, timeouts: &Timeouts) -> Duration {
        match self {
            Self::Head => timeouts.header_read,
            Self::Busy => timeouts.request.saturating_add(LAST_WORD),
            Self::Idle => timeouts.idle,
            Self::Sending => timeouts.body_write,
        }
    }
}

/// The phase and since when: milliseconds from the start, shifted over two bits.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    packed: AtomicU64,
    /// Of the answer that is being sent: how long its client was waited for.
    waited_ms: AtomicU64,
    /// And the bytes that it took.
    taken: AtomicU64,
}

impl Progress {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            packed: AtomicU64::new(0),
            waited_ms: AtomicU64::new(0),
            taken: AtomicU64::new(0),
        })
    }

    /// A request is about to be answered.
    pub(super) fn begin(&self) {
        self.enter(Phase::Busy);
        self.waited_ms.store(0, Ordering::Relaxed);
        self.taken.store(0, Ordering::Relaxed);
    }

    pub(super) fn enter(&self, phase: Phase) {
        if self.phase() == Phase::Sending {
            self.waited_ms
                .fetch_add(self.lasted_ms(), Ordering::Relaxed);
        }
        let bits = match phase {
            Phase::Head => 0,
            Phase::Busy => 1,
            Phase::Idle => 2,
            Phase::Sending => 3,
        };
        self.packed
            .store(self.elapsed_ms() << 2 | bits, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.packed.load(Ordering::Relaxed) & 3 {
            0 => Phase::Head,
            1 => Phase::Busy,
            2 => Phase::Idle,
            _ => Phase::Sending,
        }
    }

    /// The client has taken something.
    fn moved(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        if self.phase() == Phase::Sending {
            self.enter(Phase::Sending);
        }
    }

    /// Why this takes too long, if so it does: the phase alone, or all those together in which the client was
    /// waited for. A time for each piece alone could be drawn out without end.
    pub(super) fn overdue(&self, timeouts: &Timeouts) -> Option<&'static str> {
        let (phase, lasted_ms) = (self.phase(), self.lasted_ms());
        let waited_ms = self.waited_ms.load(Ordering::Relaxed);
        let waited = Duration::from_millis(waited_ms.saturating_add(lasted_ms));
        let taken = self.taken.load(Ordering::Relaxed);
        if Duration::from_millis(lasted_ms) > phase.limit(timeouts) {
            Some("it lasts too long")
        } else if phase == Phase::Sending && is_too_slow(waited, taken, timeouts) {
            Some("too little is taken")
        } else {
            None
        }
    }

    fn lasted_ms(&self) -> u64 {
        let since_ms = self.packed.load(Ordering::Relaxed) >> 2;
        self.elapsed_ms().saturating_sub(since_ms)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }
}

/// Whether a client that was waited for so long should have taken more.
fn is_too_slow(waited: Duration, taken: u64, timeouts: &Timeouts) -> bool {
    let due = taken
        .saturating_mul(1000)
        .checked_div(timeouts.body_write_rate);
    let due = Duration::from_millis(due.unwrap_or(u64::MAX));
    waited > timeouts.body_write.saturating_add(due)
}

/// How often to look: often enough that no timeout is late by more than a
/// quarter of itself, or a second.
pub(super) fn interval(timeouts: &Timeouts) -> Duration {
    let shortest = timeouts
        .header_read
        .min(timeouts.idle)
        .min(timeouts.body_write)
        .min(timeouts.request);
    (shortest / 4).min(Duration::from_secs(1))
}

/// A connection that notices when a new head begins, and when the client takes something.
#[derive(Debug)]
pub(super) struct Noticing<T> {
    inner: T,
    progress: Arc<Progress>,
}

impl<T> Noticing<T> {
    pub(super) const fn new(inner: T, progress: Arc<Progress>) -> Self {
        Self { inner, progress }
    }

    fn written(&self, polled: &Poll<std::io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes @ 1..)) = polled {
            self.progress.moved(*bytes);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Noticing<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before && self.progress.phase() == Phase::Idle {
            self.progress.enter(Phase::Head);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noticing<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.written(&polled);
        polled
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.written(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::{Noticing, Phase, Progress, interval, is_too_slow};
    use crate::config;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;

    #[test]
    fn each_phase_has_its_own_limit() {
        let timeouts = config::parse("", &|_| None).unwrap().listen.timeouts;
        assert_eq!(Phase::Head.limit(&timeouts), Duration::from_secs(10));
        assert_eq!(Phase::Busy.limit(&timeouts), Duration::from_secs(65));
        assert_eq!(Phase::Idle.limit(&timeouts), Duration::from_mins(1));
        assert_eq!(Phase::Sending.limit(&timeouts), Duration::from_secs(30));
        assert_eq!(interval(&timeouts), Duration::from_secs(1));
    }

    #[test]
    fn a_phase_that_lasts_too_long_is_overdue() {
        let mut timeouts = config::parse("", &|_| None).unwrap().listen.timeouts;
        let progress = Progress::new();
        assert!(progress.overdue(&timeouts).is_none());
        timeouts.header_read = Duration::ZERO;
        std::thread::sleep(Duration::from_millis(2));
        assert!(progress.overdue(&timeouts).is_some());
        progress.enter(Phase::Idle);
        assert!(progress.overdue(&timeouts).is_none());
        timeouts.body_write = Duration::from_millis(1);
        progress.enter(Phase::Sending);
        std::thread::sleep(Duration::from_millis(5));
        assert!(progress.overdue(&timeouts).is_some());
        // Whatever is taken begins it anew.
        let before = progress.packed.load(super::Ordering::Relaxed);
        progress.moved(3);
        assert!(progress.packed.load(super::Ordering::Relaxed) > before);
        assert_eq!(progress.phase(), Phase::Sending);
        // All the waiting for one answer is counted together, and no other's.
        assert!(progress.waited_ms.load(super::Ordering::Relaxed) >= 5);
        assert_eq!(progress.taken.load(super::Ordering::Relaxed), 3);
        progress.begin();
        assert_eq!(progress.waited_ms.load(super::Ordering::Relaxed), 0);
        assert_eq!(progress.taken.load(super::Ordering::Relaxed), 0);
    }

    #[test]
    fn a_client_takes_so_much_in_so_long() {
        let timeouts = config::parse("", &|_| None).unwrap().listen.timeouts;
        let slow = |seconds, taken| is_too_slow(Duration::from_secs(seconds), taken, &timeouts);
        assert!(!slow(30, 0) && slow(31, 0));
        // A mebibyte is 64 seconds more.
        assert!(!slow(94, 1 << 20) && slow(95, 1 << 20));
    }

    #[tokio::test]
    async fn the_first_byte_after_idling_begins_a_head() {
        let progress = Progress::new();
        for (before, after) in [(Phase::Idle, Phase::Head), (Phase::Busy, Phase::Busy)] {
            progress.enter(before);
            let mut reader = Noticing::new(&b"G"[..], progress.clone());
            assert_eq!(reader.read_u8().await.unwrap(), b'G');
            assert_eq!(progress.phase(), after);
        }
    }
}
