//! Which puzzles this isolate saw solved: each is taken once.
//!
//! Bounded at [`MAX_SPENT`] and known to one isolate alone. Neither gives anything
//! away: a puzzle that is redeemed again yields the cookie that it yielded before.

use super::puzzle::Solved;
use gapura_shared::time::UnixMillis;
use std::collections::HashMap;

/// Most puzzles that are remembered: 34 solutions a second for two minutes.
pub(super) const MAX_SPENT: usize = 4_096;

/// Solved puzzles by their tag, and until when they could be solved.
#[derive(Debug, Default)]
pub(super) struct Spent(HashMap<[u8; 32], UnixMillis>);

impl Spent {
    /// Notes a solution; `false` if its puzzle was solved before.
    pub(super) fn spend(&mut self, solved: &Solved, now: UnixMillis) -> bool {
        if self.0.len() >= MAX_SPENT {
            self.0.retain(|_, expires| now < *expires);
        }
        if self.0.len() >= MAX_SPENT {
            self.0.clear();
        }
        self.0.insert(solved.tag, solved.expires).is_none()
    }

    /// How many it remembers.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
