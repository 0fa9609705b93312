//! How long wrong logins take, so that a locked one, which the gate itself refuses, takes as long: its time
//! is that of one of the latest wrong ones, so it varies as theirs does.

/// Logins that are remembered: a power of two, so that each is as likely.
const MAX_SEEN: usize = 32;
/// Longest time that a refusal is held back.
pub const MAX_DELAY_MS: u32 = 60_000;

/// How long the latest wrong logins took at the origin, with the way there and back.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    seen_ms: Vec<u32>,
}

impl Pace {
    /// Notes a wrong login.
    pub fn note(&mut self, took_ms: u32) {
        if self.seen_ms.len() >= MAX_SEEN {
            self.seen_ms.remove(0);
        }
        self.seen_ms.push(took_ms.min(MAX_DELAY_MS));
    }

    /// How long one of them took, any of them by chance; `None`: there was none yet.
    #[must_use]
    pub fn like_one(&self, random: u8) -> Option<u32> {
        let index = usize::from(random).checked_rem(self.seen_ms.len())?;
        self.seen_ms.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_DELAY_MS, MAX_SEEN, Pace};
    use std::collections::BTreeSet;

    #[test]
    fn takes_as_long_as_any_of_the_latest() {
        let mut pace = Pace::default();
        assert_eq!(pace.like_one(7), None);
        for took_ms in 0..100 {
            pace.note(took_ms);
        }
        let told: BTreeSet<_> = (0..=255).filter_map(|n| pace.like_one(n)).collect();
        assert_eq!(told, (68..100).collect());
        assert_eq!(256 % MAX_SEEN, 0);
        pace.note(u32::MAX);
        assert_eq!(pace.seen_ms.last(), Some(&MAX_DELAY_MS));
    }
}
