//! What an answer consists of: bytes in memory, or pieces as they are made.
//!
//! Guarantees: an answer whose pieces end before the last one is broken off, so that nobody takes it
//! for whole.

use super::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::sync::mpsc;

/// The body of an answer.
#[derive(Debug)]
pub struct Outgoing(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Full<Bytes>),
    Pieces {
        first: Option<Piece>,
        rest: mpsc::Receiver<Piece>,
        ended: bool,
    },
}

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// There is more.
    Chunk(Bytes),
    /// That was all.
    Last(Bytes),
}

/// The pieces ended before the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub struct Broken;

impl Outgoing {
    /// Pieces as they come, after the first one.
    #[must_use]
    pub const fn pieces(first: Piece, rest: mpsc::Receiver<Piece>) -> Self {
        Self(Kind::Pieces {
            first: Some(first),
            rest,
            ended: false,
        })
    }

    /// Whether it takes as long as its client does.
    pub(crate) const fn is_in_pieces(&self) -> bool {
        matches!(self.0, Kind::Pieces { .. })
    }
}

impl Default for Outgoing {
    fn default() -> Self {
        Self(Kind::Whole(Full::default()))
    }
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(Full::new(bytes)))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let (first, rest, ended) = match &mut self.0 {
            Kind::Whole(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                return Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})));
            }
            Kind::Pieces { ended: true, .. } => return Poll::Ready(None),
            Kind::Pieces { first, rest, ended } => (first, rest, ended),
        };
        let piece = match first.take() {
            Some(piece) => Some(piece),
            None => ready!(rest.poll_recv(context)),
        };
        *ended = !matches!(piece, Some(Piece::Chunk(_)));
        Poll::Ready(Some(match piece {
            Some(Piece::Chunk(bytes) | Piece::Last(bytes)) => Ok(Frame::data(bytes)),
            None => Err(Broken),
        }))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Pieces { ended, .. } => *ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => body.size_hint(),
            Kind::Pieces { .. } => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, Bytes, Outgoing, Piece};
    use http_body_util::{BodyExt, Collected};
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn pieces_without_a_last_one_are_broken_off() {
        for (second, whole) in [
            (
                Piece::Last(Bytes::from_static(b"b")),
                Ok(Bytes::from_static(b"ab")),
            ),
            (Piece::Chunk(Bytes::from_static(b"b")), Err(Broken)),
        ] {
            let (out, pieces) = mpsc::channel(1);
            out.send(second).await.unwrap();
            drop(out);
            let body = Outgoing::pieces(Piece::Chunk(Bytes::from_static(b"a")), pieces);
            let read = body.collect().await.map(Collected::to_bytes);
            assert_eq!(read, whole);
        }
    }
}
