//! What is sent to a client that is slower than the database: a little of it waits in memory, the
//! rest in a file without a name.
//!
//! So the database is read at its own speed: a statement's time is its own, and no connection, lock
//! or old state is held for a slow client.
//!
//! Guarantees: pieces come in their order; few of them are in memory; what is in a file is encrypted
//! under a key that is nowhere else; all files together have a bound, and those of one caller have a
//! part of it, so that nobody's slowness is everybody's. Beyond it, and where there can be no file, the
//! database waits for the client.

use crate::{
    http::{Bytes, Piece},
    random,
};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, aead::Aead};
use std::{
    collections::HashMap,
    env,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::spawn_blocking,
};

/// Pieces of one answer that wait in memory.
const IN_MEMORY: usize = 16;
/// What all files together may hold, in KiB.
const SPACE_KIB: usize = 1 << 20;
/// The files of one caller may hold one of so many parts of that.
const PARTS: usize = 8;
/// What AES-256-GCM adds to a piece.
const TAG_BYTES: usize = 16;

/// The room that all files share.
#[derive(Debug, Clone)]
pub(super) struct Space {
    most_kib: usize,
    used: Arc<Mutex<Used>>,
}

/// In KiB.
#[derive(Debug, Default)]
struct Used {
    all: usize,
    /// By whom, of those who use any.
    by: HashMap<Arc<str>, usize>,
}

impl Default for Space {
    fn default() -> Self {
        Self::of(SPACE_KIB)
    }
}

impl Space {
    fn of(most_kib: usize) -> Self {
        Self {
            most_kib,
            used: Arc::default(),
        }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `caller` gets so much more.
    fn take(&self, caller: &Arc<str>, kib: usize) -> bool {
        let mut used = self.used();
        let own = used.by.get(caller).copied().unwrap_or_default();
        let (own, all) = (own.saturating_add(kib), used.all.saturating_add(kib));
        if all > self.most_kib || own > self.most_kib / PARTS {
            return false;
        }
        used.all = all;
        used.by.insert(Arc::clone(caller), own);
        true
    }

    fn give_back(&self, caller: &Arc<str>, kib: usize) {
        let mut used = self.used();
        used.all = used.all.saturating_sub(kib);
        let own = used.by.get(caller).copied().unwrap_or_default();
        match own.saturating_sub(kib) {
            0 => used.by.remove(caller),
            own => used.by.insert(Arc::clone(caller), own),
        };
    }
}

/// Whether the files would be in memory after all, by Linux's list of what is mounted where.
pub(super) fn is_in_memory() -> bool {
    let dir = env::temp_dir();
    let dir = dir.canonicalize().unwrap_or(dir);
    fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| is_memory(&mounts, &dir))
}

fn is_memory(mounts: &str, dir: &Path) -> bool {
    let places = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    // Of two at one place the later one is seen.
    let nearest = places
        .filter(|(place, _)| dir.starts_with(place))
        .max_by_key(|(place, _)| place.len());
    nearest.is_some_and(|(_, kind)| matches!(kind, "tmpfs" | "ramfs"))
}

/// Where the pieces of an answer to `caller` go in, and where they come out.
pub(super) fn spool(space: &Space, caller: &str) -> (mpsc::Sender<Piece>, mpsc::Receiver<Piece>) {
    let (into, made) = mpsc::channel(1);
    let (kept, waiting) = mpsc::unbounded_channel();
    let (out, pieces) = mpsc::channel(1);
    let spool = Spool {
        kept,
        memory: Arc::new(Semaphore::new(IN_MEMORY)),
        space: space.clone(),
        caller: caller.into(),
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
    space: Space,
    caller: Arc<str>,
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
        let file = if let Some(file) = &self.file {
            Arc::clone(file)
        } else {
            let (space, caller) = (self.space.clone(), Arc::clone(&self.caller));
            let file = spawn_blocking(|| Aside::new(space, caller)).await??;
            Arc::clone(self.file.insert(Arc::new(file)))
        };
        if !file.takes(sealed.div_ceil(1024)) {
            return Ok(None);
        }
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
    space: Space,
    caller: Arc<str>,
    /// Of the space.
    kib: AtomicUsize,
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.space.give_back(&self.caller, *self.kib.get_mut());
    }
}

impl Aside {
    fn new(space: Space, caller: Arc<str>) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile()?,
            cipher: Aes256Gcm::new(&random::bytes::<32>().into()),
            space,
            caller,
            kib: AtomicUsize::new(0),
        })
    }

    /// Whether there is so much more room for it, which is given back with the file.
    fn takes(&self, kib: usize) -> bool {
        let takes = self.space.take(&self.caller, kib);
        if takes {
            self.kib.fetch_add(kib, Ordering::Relaxed);
        }
        takes
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
    use super::{Aside, Bytes, PARTS, Piece, Place, Space, is_memory, spool};
    use std::{os::unix::fs::FileExt, path::Path};

    const PIECES: usize = 100;

    fn chunk(n: usize) -> Piece {
        Piece::Chunk(format!("secret {n};").repeat(1000).into())
    }

    #[tokio::test]
    async fn nobody_waits_for_a_client_and_all_comes_in_order() {
        let space = Space::default();
        let (into, mut pieces) = spool(&space, "ada");
        // More than any channel or the memory holds, before the first one is taken.
        for n in 0..PIECES {
            into.send(chunk(n)).await.unwrap();
        }
        into.send(Piece::Last(Bytes::new())).await.unwrap();
        assert!(space.used().all > 0);
        for n in 0..PIECES {
            assert_eq!(pieces.recv().await, Some(chunk(n)));
        }
        assert_eq!(pieces.recv().await, Some(Piece::Last(Bytes::new())));
        drop(into);
        assert_eq!(pieces.recv().await, None);
        // Its room is there for others.
        while space.used().all > 0 {
            tokio::task::yield_now().await;
        }
        assert!(space.used().by.is_empty());
    }

    #[test]
    fn one_caller_has_a_part_of_the_room() {
        let space = Space::of(10 * PARTS);
        let file = |caller: &str| Aside::new(space.clone(), caller.into()).unwrap();
        let (first, second) = (file("ada"), file("ada"));
        assert!(first.takes(6) && !second.takes(5) && second.takes(4) && !first.takes(1));
        // Others are as many as there are parts.
        let others: Vec<_> = (1..PARTS).map(|n| file(&n.to_string())).collect();
        assert!(others.iter().all(|other| other.takes(10)));
        assert!(!file("bob").takes(1));
        drop(first);
        assert!(second.takes(6));
        drop((second, others));
        assert!(space.used().by.is_empty() && space.used().all == 0);
    }

    #[test]
    fn a_folder_in_memory_is_known() {
        let mounts =
            "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/disk xfs rw 0 0";
        for (dir, memory) in [
            ("/tmp", true),
            ("/tmp/some", true),
            ("/tmp/disk/some", false),
            ("/tmpfs", false),
            ("/var/tmp", false),
        ] {
            assert_eq!(is_memory(mounts, Path::new(dir)), memory, "{dir}");
        }
    }

    #[tokio::test]
    async fn without_room_the_client_is_waited_for() {
        let (into, mut pieces) = spool(&Space::of(20 * PARTS), "");
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
        let (into, pieces) = spool(&Space::default(), "");
        drop(pieces);
        while into.send(chunk(0)).await.is_ok() {}
    }

    #[test]
    fn a_file_holds_nothing_that_can_be_read() {
        let aside = Aside::new(Space::default(), "".into()).unwrap();
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
