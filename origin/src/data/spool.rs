//! What is sent to a client that is slower than the database: a little of it waits in memory, the
//! rest in a file without a name.
//!
//! So the database is read at its own speed: a statement's time is its own, and no connection, lock
//! or old state is held for a slow client.
//!
//! Guarantees: pieces come in their order; few of them are in memory; what is in a file is encrypted
//! under a key that is nowhere else; all files together have a bound. Beyond it, and where there can
//! be no file, the database waits for the client.

use crate::{
    http::{Bytes, Piece},
    random,
};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, aead::Aead};
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::spawn_blocking,
};

/// Pieces of one answer that wait in memory.
const IN_MEMORY: usize = 16;
/// What all files together may hold, in KiB.
const SPACE_KIB: usize = 1 << 20;
/// What AES-256-GCM adds to a piece.
const TAG_BYTES: usize = 16;

/// The room that all files share.
#[derive(Debug)]
pub(super) struct Space(Arc<Semaphore>);

impl Default for Space {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SPACE_KIB)))
    }
}

/// Where pieces go in, and where they come out.
pub(super) fn spool(space: &Space) -> (mpsc::Sender<Piece>, mpsc::Receiver<Piece>) {
    let (into, made) = mpsc::channel(1);
    let (kept, waiting) = mpsc::unbounded_channel();
    let (out, pieces) = mpsc::channel(1);
    let spool = Spool {
        kept,
        memory: Arc::new(Semaphore::new(IN_MEMORY)),
        space: Arc::clone(&space.0),
        file: None,
        next: Place::default(),
    };
    tokio::spawn(spool.fill(made));
    tokio::spawn(hand_over(waiting, out));
    (into, pieces)
}

struct Spool {
    kept: mpsc::UnboundedSender<Kept>,
    memory: Arc<Semaphore>,
    space: Arc<Semaphore>,
    file: Option<Arc<Aside>>,
    next: Place,
}

/// A piece that waits.
enum Kept {
    Here(Piece, Option<OwnedSemaphorePermit>),
    There(Arc<Aside>, Place),
}

/// Where in a file a piece is.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    number: u64,
    at: u64,
    bytes: usize,
}

impl Spool {
    /// Until there are no more, or nobody takes them.
    async fn fill(mut self, mut made: mpsc::Receiver<Piece>) {
        while let Some(piece) = made.recv().await {
            let kept = match piece {
                Piece::Last(_) => Some(Kept::Here(piece, None)),
                Piece::Chunk(bytes) => self.keep(bytes).await,
            };
            if kept.is_none_or(|kept| self.kept.send(kept).is_err()) {
                return;
            }
        }
    }

    async fn keep(&mut self, bytes: Bytes) -> Option<Kept> {
        let memory = Arc::clone(&self.memory);
        let permit = if let Ok(permit) = Arc::clone(&memory).try_acquire_owned() {
            permit
        } else {
            match self.aside(bytes.clone()).await {
                Ok(Some(kept)) => return Some(kept),
                Ok(None) => {}
                Err(cause) => tracing::warn!(%cause, "an answer waits for its client"),
            }
            memory.acquire_owned().await.ok()?
        };
        Some(Kept::Here(Piece::Chunk(bytes), Some(permit)))
    }

    /// Puts it into the file; `None`: there is no room.
    async fn aside(&mut self, bytes: Bytes) -> io::Result<Option<Kept>> {
        let sealed = bytes.len().saturating_add(TAG_BYTES);
        let room = u32::try_from(sealed.div_ceil(1024)).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.space).try_acquire_many_owned(room) else {
            return Ok(None);
        };
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::new(spawn_blocking(Aside::new).await??),
        };
        file.take(room);
        self.file = Some(Arc::clone(&file));
        let place = Place {
            bytes: sealed,
            ..self.next
        };
        let (into, number) = (Arc::clone(&file), place.number);
        // A number is used once, whether or not it was written.
        self.next.number += 1;
        self.next.at += u64::try_from(sealed).unwrap_or(u64::MAX);
        let written = move || into.write(number, place.at, &bytes);
        spawn_blocking(written).await??;
        Ok(Some(Kept::There(file, place)))
    }
}

/// Sends what waits, in its order. What cannot be read breaks the answer off.
async fn hand_over(mut waiting: mpsc::UnboundedReceiver<Kept>, out: mpsc::Sender<Piece>) {
    while let Some(kept) = waiting.recv().await {
        let (piece, permit) = match kept {
            Kept::Here(piece, permit) => (piece, permit),
            Kept::There(file, place) => {
                let read = spawn_blocking(move || file.read(place)).await;
                match read.map_err(io::Error::from).flatten() {
                    Ok(bytes) => (Piece::Chunk(bytes.into()), None),
                    Err(cause) => {
                        tracing::error!(%cause, "an answer that was put aside is lost");
                        return;
                    }
                }
            }
        };
        if out.send(piece).await.is_err() {
            return;
        }
        drop(permit);
    }
}

/// A file without a name, and the only key to it.
struct Aside {
    file: File,
    cipher: Aes256Gcm,
    room: Mutex<Vec<OwnedSemaphorePermit>>,
}

impl Aside {
    fn new() -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile()?,
            cipher: Aes256Gcm::new(&random::bytes::<32>().into()),
            room: Mutex::default(),
        })
    }

    /// Room is given back with the file.
    fn take(&self, room: OwnedSemaphorePermit) {
        let mut all = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        match all.first_mut() {
            Some(some) => some.merge(room),
            None => all.push(room),
        }
    }

    fn write(&self, number: u64, at: u64, bytes: &[u8]) -> io::Result<()> {
        let sealed = self.cipher.encrypt(&nonce(number), bytes);
        let sealed = sealed.map_err(|_| io::Error::other("a piece is too long"))?;
        self.file.write_all_at(&sealed, at)
    }

    fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut sealed = vec![0; place.bytes];
        self.file.read_exact_at(&mut sealed, place.at)?;
        let bytes = self.cipher.decrypt(&nonce(place.number), &*sealed);
        bytes.map_err(|_| io::Error::other("a piece is not what was written"))
    }
}

fn nonce(number: u64) -> Nonce<<Aes256Gcm as aes_gcm::AeadCore>::NonceSize> {
    let mut nonce = [0; 12];
    for (byte, of) in nonce.iter_mut().zip(number.to_le_bytes()) {
        *byte = of;
    }
    nonce.into()
}

#[cfg(test)]
mod tests {
    use super::{Aside, Bytes, Piece, Place, SPACE_KIB, Semaphore, Space, spool};
    use std::{os::unix::fs::FileExt, sync::Arc};

    const PIECES: usize = 100;

    fn chunk(n: usize) -> Piece {
        Piece::Chunk(format!("secret {n};").repeat(1000).into())
    }

    #[tokio::test]
    async fn nobody_waits_for_a_client_and_all_comes_in_order() {
        let space = Space::default();
        let (into, mut pieces) = spool(&space);
        // More than any channel or the memory holds, before the first one is taken.
        for n in 0..PIECES {
            into.send(chunk(n)).await.unwrap();
        }
        into.send(Piece::Last(Bytes::new())).await.unwrap();
        assert!(space.0.available_permits() < SPACE_KIB);
        for n in 0..PIECES {
            assert_eq!(pieces.recv().await, Some(chunk(n)));
        }
        assert_eq!(pieces.recv().await, Some(Piece::Last(Bytes::new())));
        drop(into);
        assert_eq!(pieces.recv().await, None);
        // Its room is there for others.
        while space.0.available_permits() < SPACE_KIB {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn without_room_the_client_is_waited_for() {
        let (into, mut pieces) = spool(&Space(Arc::new(Semaphore::new(20))));
        let mut sent = 0;
        while let Ok(permit) = into.try_reserve() {
            permit.send(chunk(sent));
            sent += 1;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
        assert!(sent < PIECES, "{sent}");
        let rest = tokio::spawn(async move {
            for n in sent..PIECES {
                into.send(chunk(n)).await.unwrap();
            }
        });
        for n in 0..PIECES {
            assert_eq!(pieces.recv().await, Some(chunk(n)));
        }
        assert_eq!(pieces.recv().await, None);
        rest.await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_leaves_ends_it() {
        let (into, pieces) = spool(&Space::default());
        drop(pieces);
        while into.send(chunk(0)).await.is_ok() {}
    }

    #[test]
    fn a_file_holds_nothing_that_can_be_read() {
        let aside = Aside::new().unwrap();
        let text = b"secret ".repeat(100);
        aside.write(7, 0, &text).unwrap();
        let mut kept = vec![0; text.len()];
        aside.file.read_exact_at(&mut kept, 0).unwrap();
        assert!(!kept.windows(6).any(|some| some == b"secret"));
        let mut place = Place {
            number: 7,
            at: 0,
            bytes: text.len() + super::TAG_BYTES,
        };
        assert_eq!(aside.read(place).unwrap(), text);
        place.number = 8;
        assert!(aside.read(place).is_err());
    }
}
