//! What Argon2 fills, kept from one hash to the next.
//!
//! Given back to the allocator it would stay with the thread that asked for it, once for every
//! thread that ever hashed; kept here, it is there as often as hashes run at once.

use argon2::{Argon2, Block};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Memory for as many hashes as run at once.
#[derive(Debug)]
pub(super) struct Memory {
    /// How many blocks each keeps: no more for the sake of one hash that took more.
    size: usize,
    idle: Mutex<Vec<Vec<Block>>>,
}

impl Memory {
    /// For hashes of these parameters, and now and then others.
    pub(super) fn of(argon2: &Argon2<'_>) -> Self {
        Self {
            size: argon2.params().block_count(),
            idle: Mutex::default(),
        }
    }

    /// Computes a hash into `output`; `None` where Argon2 refuses it.
    pub(super) fn hash(
        &self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Option<()> {
        let mut blocks = self.idle().pop().unwrap_or_default();
        let needed = argon2.params().block_count();
        if blocks.len() < needed {
            blocks.resize(needed, Block::new());
        }
        let done = argon2.hash_password_into_with_memory(password, salt, output, &mut blocks);
        blocks.truncate(self.size);
        blocks.shrink_to(self.size);
        self.idle().push(blocks);
        done.ok()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
