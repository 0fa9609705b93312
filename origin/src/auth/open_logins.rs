//! How many logins of an account are looked at at once.
//!
//! A login counts as failed until its password has turned out right, so more of them at once than may
//! fail would lock each other out, however right they are. Guarantees: from one source no more than that
//! are looked at, the others wait; and whoever meets a lock can wait until nobody else is being looked
//! at, whose success would lift it. Holds within this process: origins that share a database share
//! the counts, not the waiting.

use super::lockout::LADDER;
use std::{hash::BuildHasher, hash::RandomState, iter, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Logins of an account from one source that may fail without a lock.
const ABREAST: u32 = LADDER[0].failures - 1;
/// Two sources that share a place wait for each other, which harms nobody: no need for one each.
const GATES: usize = 1024;

/// Where they wait.
#[derive(Debug)]
pub(super) struct OpenLogins {
    state: RandomState,
    gates: Vec<Arc<Semaphore>>,
}

/// Where those of one account from one source wait.
#[derive(Debug)]
pub(super) struct Gate(Arc<Semaphore>);

/// Being looked at, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Option<OwnedSemaphorePermit>);

impl OpenLogins {
    pub(super) fn new() -> Self {
        let gate = || Arc::new(Semaphore::new(ABREAST as usize));
        Self {
            state: RandomState::new(),
            gates: iter::repeat_with(gate).take(GATES).collect(),
        }
    }

    pub(super) fn of(&self, account: &str, source: &str) -> Gate {
        let hash = self.state.hash_one((account, source));
        let at = usize::try_from(hash % GATES as u64).unwrap_or_default();
        let gate = self.gates.get(at).cloned();
        Gate(gate.unwrap_or_else(|| Arc::new(Semaphore::new(ABREAST as usize))))
    }
}

impl Gate {
    /// A place with nobody else in one, if that is so.
    pub(super) fn try_alone(&self) -> Option<Place> {
        let all = Arc::clone(&self.0).try_acquire_many_owned(ABREAST).ok();
        all.map(|all| Place(Some(all)))
    }

    /// A place with nobody else in one.
    pub(super) async fn alone(&self) -> Place {
        // No gate is ever closed.
        Place(Arc::clone(&self.0).acquire_many_owned(ABREAST).await.ok())
    }

    /// A place.
    pub(super) async fn enter(&self) -> Place {
        Place(Arc::clone(&self.0).acquire_owned().await.ok())
    }
}

impl Place {
    /// Lets others in beside.
    pub(super) fn share(self) -> Self {
        Self(self.0.and_then(|mut all| all.split(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::{ABREAST, OpenLogins};

    #[test]
    fn as_many_as_may_fail_are_looked_at_and_one_alone_waits_for_them() {
        let logins = OpenLogins::new();
        let gate = logins.of("a", "n");
        let alone = gate.try_alone().unwrap();
        assert!(logins.of("a", "n").try_alone().is_none());
        let first = alone.share();
        assert!(gate.try_alone().is_none());
        assert_eq!(gate.0.available_permits(), ABREAST as usize - 1);
        drop(first);
        assert!(gate.try_alone().is_some());
    }
}
