//! Request bodies: read whole within a bound, or passed on in bounded pieces.

use super::{Bytes, Incoming};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Longer than promised or allowed.
    #[error("body over {max_bytes} bytes")]
    TooLarge {
        /// The bound.
        max_bytes: u64,
    },
    /// Slower than allowed.
    #[error("body too slow")]
    Timeout,
    /// The connection or its framing broke.
    #[error("body broke off")]
    Broken,
}

/// A body as a handler gets it.
#[derive(Debug)]
pub enum Body {
    /// Read and compared with its digest, or empty.
    Whole(Bytes),
    /// Unread: nothing but its length is promised.
    Stream(Stream),
}

impl Body {
    /// The whole of it, when it is no longer than `max_bytes`.
    ///
    /// # Errors
    /// [`BodyError`].
    pub async fn read(self, max_bytes: u64) -> Result<Bytes, BodyError> {
        match self {
            Self::Whole(bytes) if length(&bytes) > max_bytes => {
                Err(BodyError::TooLarge { max_bytes })
            }
            Self::Whole(bytes) => Ok(bytes),
            Self::Stream(stream) => {
                let max_bytes = max_bytes.min(stream.max_bytes);
                read(stream.incoming, max_bytes, stream.piece).await
            }
        }
    }
}

/// A body that arrives in pieces and ends in an error beyond its bound.
#[derive(Debug)]
pub struct Stream {
    incoming: Incoming,
    max_bytes: u64,
    seen_bytes: u64,
    piece: Duration,
}

impl Stream {
    /// At most `max_bytes`, no more than `piece` between two pieces.
    #[must_use]
    pub const fn new(incoming: Incoming, max_bytes: u64, piece: Duration) -> Self {
        Self {
            incoming,
            max_bytes,
            seen_bytes: 0,
            piece,
        }
    }

    /// The next piece; `None` at the end. Trailers are dropped: no seal covers them.
    ///
    /// # Errors
    /// [`BodyError`]; nothing more comes then.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let deadline = Instant::now() + self.piece;
        let Some(bytes) = piece(&mut self.incoming, deadline).await? else {
            return Ok(None);
        };
        self.seen_bytes = self.seen_bytes.saturating_add(length(&bytes));
        if self.seen_bytes > self.max_bytes {
            return Err(BodyError::TooLarge {
                max_bytes: self.max_bytes,
            });
        }
        Ok(Some(bytes))
    }
}

/// Reads a body of at most `max_bytes` within `limit`.
///
/// # Errors
/// [`BodyError`]; a declared length over the bound is refused before reading.
pub async fn read(
    mut incoming: Incoming,
    max_bytes: u64,
    limit: Duration,
) -> Result<Bytes, BodyError> {
    let too_large = BodyError::TooLarge { max_bytes };
    let declared = incoming.size_hint().lower();
    if declared > max_bytes {
        return Err(too_large);
    }
    let deadline = Instant::now() + limit;
    let Some(first) = piece(&mut incoming, deadline).await? else {
        return Ok(Bytes::new());
    };
    // Most bodies come in one piece, which needs no copy.
    if length(&first) == declared {
        return Ok(first);
    }
    let mut whole = Vec::from(first);
    while length(&whole) <= max_bytes {
        match piece(&mut incoming, deadline).await? {
            Some(next) => whole.extend_from_slice(&next),
            None => return Ok(whole.into()),
        }
    }
    Err(too_large)
}

async fn piece(incoming: &mut Incoming, deadline: Instant) -> Result<Option<Bytes>, BodyError> {
    loop {
        let frame = timeout_at(deadline, incoming.frame())
            .await
            .map_err(|_| BodyError::Timeout)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
