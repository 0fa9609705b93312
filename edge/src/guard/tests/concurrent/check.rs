//! What the Guard guarantees, held against the log.

use super::world::{Entry, START_MS, World, home};
use crate::guard::{AskedClass, LEASE_MS, SKEW_MS, lease::REMEMBER_MS, shard::HEARTBEAT_MS};

impl World {
    /// Whether every class has room, to the millisecond: what was given back counts until the shard hears of it.
    pub(super) fn has_room(&self, subject: usize, classes: &[AskedClass]) -> bool {
        classes.iter().all(|class| {
            let used = |span| self.used(subject, class, span, |entry| entry.back.is_none());
            used(class.window_ms()) + class.cost <= class.limit
                && class
                    .burst
                    .is_none_or(|burst| used(1_000) + class.cost <= burst)
        })
    }

    fn used(
        &self,
        subject: usize,
        class: &AskedClass,
        span: u64,
        counts: impl Fn(&Entry) -> bool,
    ) -> u32 {
        let recent = self
            .log
            .iter()
            .rev()
            .take_while(|entry| entry.at + span > self.now);
        let entries = recent
            .filter(|entry| entry.subject == subject && entry.class == class.name && counts(entry));
        entries.map(|entry| entry.cost).sum()
    }

    /// One class at least must be as full as the Guard's documentation says.
    pub(super) fn check_refusal(
        &self,
        subject: usize,
        classes: &[AskedClass],
        is_remembered: bool,
    ) {
        let slip = self.slips.0 + self.slips.1;
        let is_full = |class: &AskedClass| {
            let (limit, burst) = (class.limit, class.burst);
            if class.strict {
                let counts = |entry: &Entry| {
                    let remembered =
                        |back: u64| is_remembered && back + REMEMBER_MS + slip > self.now;
                    entry.back.is_none_or(remembered)
                };
                let used = |span: u64| self.used(subject, class, span + slip, counts) + class.cost;
                return used(class.window_ms()) > limit
                    || burst.is_some_and(|burst| used(1_000) > burst);
            }
            let lent = LEASE_MS + SKEW_MS + slip;
            let lost_at = self.lost_at[home(subject)];
            let is_fuller = |limit: u32, span: u64| {
                let is_lost = lost_at.is_some_and(|at| self.now < at + span + HEARTBEAT_MS + slip);
                let lost = if is_lost { limit / 4 } else { 0 };
                self.used(subject, class, span, |_| true) + limit / 4 + lost + class.cost > limit
            };
            let window = class.window_ms();
            is_fuller(limit, window + window / 256 + lent)
                || burst.is_some_and(|burst| is_fuller(burst, 1_000 + 10 + lent))
        };
        assert!(
            classes.iter().any(is_full),
            "refused too early at {}: {:?}",
            self.now - START_MS,
            classes
        );
    }

    /// No stretch of a window's length holds more of what passed than the limit.
    pub(super) fn check_limits(&self) {
        let (_, slip) = self.slips;
        for (subject, class) in self
            .routes
            .iter()
            .flatten()
            .flat_map(|(subject, classes)| classes.iter().map(move |class| (*subject, class)))
        {
            let passed: Vec<&Entry> = self
                .log
                .iter()
                .filter(|entry| {
                    entry.subject == subject && entry.class == class.name && !entry.refused
                })
                .collect();
            let most = |span: u64| {
                let (mut first, mut held, mut most) = (0, 0, 0);
                for entry in &passed {
                    held += entry.cost;
                    while passed[first].at + span <= entry.at {
                        held -= passed[first].cost;
                        first += 1;
                    }
                    most = most.max(held);
                }
                most
            };
            let held = most(class.window_ms() - slip);
            assert!(
                held <= class.limit,
                "{}: {held} > {}",
                class.name,
                class.limit
            );
            if let Some(burst) = class.burst {
                let held = most(1_000_u64.saturating_sub(slip).max(1));
                assert!(
                    held <= burst,
                    "{} in a second: {held} > {burst}",
                    class.name
                );
            }
        }
    }
}
