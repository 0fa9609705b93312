//! A sliding window as an exact log: the times of all admissions that are
//! younger than the window.
//!
//! Bound: a request is admitted exactly if fewer than `limit` admissions happened
//! within the `window_ms` before it. So no window of that length ever holds more
//! than `limit`, and nobody below the limit is refused; the usual two-bucket
//! estimate promises neither. The price is 8 bytes per admission, at most 8 KB
//! with the policy's highest limit of 1,000.

use super::Standing;
use std::collections::VecDeque;

/// The admissions of one client in one class, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    admitted_ms: VecDeque<u64>,
}

impl Window {
    /// A window with these admissions, sorted by time.
    #[must_use]
    pub fn from_times(mut times_ms: Vec<u64>) -> Self {
        times_ms.sort_unstable();
        Self {
            admitted_ms: times_ms.into(),
        }
    }

    /// The admissions, oldest first, in milliseconds.
    pub fn times_ms(&self) -> impl Iterator<Item = u64> + '_ {
        self.admitted_ms.iter().copied()
    }

    /// The time to reckon with: a clock that stepped back must not forget or
    /// reorder what was admitted, so time stands still until it has caught up.
    #[must_use]
    pub fn now(&self, now_ms: u64) -> u64 {
        self.admitted_ms
            .back()
            .map_or(now_ms, |last| now_ms.max(*last))
    }

    /// Forgets what has left the window.
    pub fn expire(&mut self, window_ms: u64, now_ms: u64) {
        while self
            .admitted_ms
            .front()
            .is_some_and(|t| now_ms.saturating_sub(*t) >= window_ms)
        {
            self.admitted_ms.pop_front();
        }
    }

    /// Whether one more fits. Call [`Window::expire`] first.
    #[must_use]
    pub fn has_room(&self, limit: u32) -> bool {
        self.used() < limit
    }

    /// Counts an admission.
    pub fn admit(&mut self, now_ms: u64) {
        self.admitted_ms.push_back(now_ms);
    }

    /// How the window stands.
    #[must_use]
    pub fn standing(&self, limit: u32, window_ms: u64, now_ms: u64) -> Standing {
        let oldest = self.admitted_ms.front();
        Standing {
            remaining: limit.saturating_sub(self.used()),
            reset_ms: oldest.map_or(0, |t| t.saturating_add(window_ms).saturating_sub(now_ms)),
        }
    }

    fn used(&self) -> u32 {
        u32::try_from(self.admitted_ms.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use proptest::prelude::*;

    const LIMIT: u32 = 5;
    const WINDOW_MS: u64 = 60_000;

    /// One step as the object takes it.
    fn step(window: &mut Window, now_ms: u64) -> bool {
        let now_ms = window.now(now_ms);
        window.expire(WINDOW_MS, now_ms);
        let admitted = window.has_room(LIMIT);
        if admitted {
            window.admit(now_ms);
        }
        admitted
    }

    #[test]
    fn refuses_the_sixth_within_a_minute_and_says_until_when() {
        let mut window = Window::default();
        for second in 0..5 {
            assert!(step(&mut window, second * 1000));
        }
        assert!(!step(&mut window, 10_000));
        let standing = window.standing(LIMIT, WINDOW_MS, 10_000);
        assert_eq!((standing.remaining, standing.reset_ms), (0, 50_000));
        assert!(!step(&mut window, 59_999));
        assert!(step(&mut window, 60_000));
        assert!(!step(&mut window, 60_999), "the second one is still inside");
    }

    #[test]
    fn a_clock_that_steps_back_admits_nothing_more() {
        let mut window = Window::default();
        (0..5).for_each(|_| assert!(step(&mut window, 100_000)));
        assert!(!step(&mut window, 20_000));
        assert!(!step(&mut window, 159_999));
        assert!(step(&mut window, 160_000));
    }

    proptest! {
        /// Against a log of exact times: never more than the limit in any window,
        /// and never a refusal of a client below it.
        #[test]
        fn admits_exactly_up_to_the_limit(gaps in prop::collection::vec(0u64..40_000, 1..200)) {
            let mut window = Window::default();
            let mut log: Vec<u64> = Vec::new();
            let mut now = 1_000_000;
            for gap in gaps {
                now += gap;
                let within = log.iter().filter(|t| now - **t < WINDOW_MS).count();
                let admitted = step(&mut window, now);
                prop_assert_eq!(admitted, within < LIMIT as usize);
                if admitted { log.push(now); }
            }
            prop_assert!(window.times_ms().count() <= LIMIT as usize);
        }

        /// Whatever the clock does, admissions by the object's own reckoning keep the bound.
        #[test]
        fn clock_steps_never_admit_too_many(times in prop::collection::vec(0u64..300_000, 1..200)) {
            let mut window = Window::default();
            let mut log: Vec<u64> = Vec::new();
            for time in times {
                let reckoned = window.now(time);
                if step(&mut window, time) { log.push(reckoned); }
            }
            for start in &log {
                let held = log.iter().filter(|t| **t >= *start && **t - *start < WINDOW_MS).count();
                prop_assert!(held <= LIMIT as usize);
            }
        }
    }
}
