//! All that is known of one client, and the form in which it is kept.

use super::{Answer, Ask, Standing, Window};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the stored form. A reader refuses what it does not know, so a
/// deployment that changes the form must first deploy a reader of both.
const VERSION: u32 = 1;

/// One client's windows by class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    windows: BTreeMap<String, Window>,
    /// When the last strict window will have emptied. Never moves back: a short
    /// window must not have a longer one forgotten.
    keep_until_ms: u64,
}

/// Stored state that cannot be read. The request is refused or passed as its
/// class says; nobody is taken for a client without a past.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadState {
    /// Not the stored form at all.
    #[error("stored state is malformed")]
    Malformed,
    /// A form of another version.
    #[error("stored state has version {0}, known is {VERSION}")]
    Version(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u32,
    keep_until_ms: u64,
    windows: BTreeMap<String, Vec<u64>>,
}

impl State {
    /// Decides about one request: passes if every asked class has room.
    pub fn admit(&mut self, ask: &Ask, now_ms: u64) -> Answer {
        let now_ms = self.reckon(now_ms);
        let admitted = ask.classes.iter().fold(true, |all, class| {
            let window = self.windows.entry(class.name.clone()).or_default();
            window.expire(class.window_ms(), now_ms);
            all && window.has_room(class.limit)
        });
        Answer {
            admitted,
            standings: ask
                .classes
                .iter()
                .map(|class| self.count(class, admitted, now_ms))
                .collect(),
        }
    }

    fn count(&mut self, class: &super::AskedClass, admitted: bool, now_ms: u64) -> Standing {
        let window = self.windows.entry(class.name.clone()).or_default();
        if admitted {
            window.admit(now_ms);
            if class.strict {
                let until_ms = now_ms.saturating_add(class.window_ms());
                self.keep_until_ms = self.keep_until_ms.max(until_ms);
            }
        }
        window.standing(class.limit, class.window_ms(), now_ms)
    }

    /// One reckoning for all windows: time never runs backwards.
    fn reckon(&self, now_ms: u64) -> u64 {
        self.windows
            .values()
            .fold(now_ms, |now, window| window.now(now))
    }

    /// The windows of the asked strict classes, as they are stored; `None` when
    /// the question names none.
    #[must_use]
    pub fn to_stored(&self, ask: &Ask) -> Option<String> {
        let strict = |class: &&super::AskedClass| class.strict;
        ask.classes.iter().find(strict)?;
        let windows = self
            .windows
            .iter()
            .map(|(name, window)| (name.clone(), window.times_ms().collect()))
            .collect();
        serde_json::to_string(&Stored {
            v: VERSION,
            keep_until_ms: self.keep_until_ms,
            windows,
        })
        .ok()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`BadState`].
    pub fn from_stored(text: &str) -> Result<Self, BadState> {
        let stored: Stored = serde_json::from_str(text).map_err(|_| BadState::Malformed)?;
        if stored.v != VERSION {
            return Err(BadState::Version(stored.v));
        }
        let windows = stored
            .windows
            .into_iter()
            .map(|(name, times)| (name, Window::from_times(times)))
            .collect();
        Ok(Self {
            windows,
            keep_until_ms: stored.keep_until_ms,
        })
    }

    /// When nothing stored is worth keeping any more, in milliseconds.
    #[must_use]
    pub const fn keep_until_ms(&self) -> u64 {
        self.keep_until_ms
    }
}

#[cfg(test)]
mod tests {
    use super::{BadState, State};
    use crate::guard::{Ask, AskedClass};

    fn ask(classes: &[(&str, u32, u32, bool)]) -> Ask {
        let class = |(name, limit, window_s, strict): &(&str, u32, u32, bool)| AskedClass {
            name: (*name).into(),
            limit: *limit,
            window_s: *window_s,
            strict: *strict,
        };
        Ask {
            classes: classes.iter().map(class).collect(),
        }
    }

    #[test]
    fn a_refusal_by_one_class_counts_in_none() {
        let both = ask(&[("login", 1, 60, true), ("general", 10, 60, false)]);
        let mut state = State::default();
        assert!(state.admit(&both, 1000).admitted);
        for _ in 0..5 {
            assert!(!state.admit(&both, 2000).admitted);
        }
        let general = ask(&[("general", 10, 60, false)]);
        assert_eq!(state.admit(&general, 3000).standings[0].remaining, 8);
    }

    #[test]
    fn refuses_stored_state_that_it_does_not_know() {
        assert_eq!(State::from_stored("{}"), Err(BadState::Malformed));
        assert_eq!(
            State::from_stored(r#"{"v":2,"keep_until_ms":0,"windows":{}}"#),
            Err(BadState::Version(2))
        );
        assert_eq!(
            State::from_stored(r#"{"v":1,"keep_until_ms":0,"windows":{},"x":1}"#),
            Err(BadState::Malformed)
        );
    }

    #[test]
    fn stored_format_unchanged() {
        let login = ask(&[("login", 5, 60, true)]);
        let mut state = State::default();
        state.admit(&login, 1_000);
        state.admit(&login, 2_500);
        let stored = state.to_stored(&login).unwrap();
        assert_eq!(
            stored,
            r#"{"v":1,"keep_until_ms":62500,"windows":{"login":[1000,2500]}}"#
        );
        assert_eq!(State::from_stored(&stored), Ok(state.clone()));
    }

    #[test]
    fn a_short_window_does_not_have_a_longer_one_forgotten() {
        let mut state = State::default();
        state.admit(&ask(&[("register", 3, 300, true)]), 1_000);
        state.admit(&ask(&[("login", 5, 60, true)]), 2_000);
        assert_eq!(state.keep_until_ms(), 301_000);
        state.admit(&ask(&[("general", 5, 3600, false)]), 3_000);
        assert_eq!(state.keep_until_ms(), 301_000, "kept in memory alone");
    }

    #[test]
    fn stores_nothing_for_classes_that_are_not_strict() {
        let general = ask(&[("general", 5, 60, false)]);
        let mut state = State::default();
        state.admit(&general, 0);
        assert_eq!(state.to_stored(&general), None);
    }
}
