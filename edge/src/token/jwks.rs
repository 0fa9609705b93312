//! When to fetch the keys of a JWKS URL, and what to use meanwhile.
//!
//! Guarantees: at most one fetch in flight and one per cool-down, whatever
//! clients send; an old set is used while it is fetched anew and when that
//! fails, for [`MAX_STALE_S`] at most. Relies on its caller to call
//! [`Source::started`] before it fetches and [`Source::fetched`] after, and to
//! give a fetch up within [`FETCH_TIMEOUT_S`].

use super::{BadKeySet, KeySet};
use gapura_shared::time::UnixSeconds;

/// How long a set is fresh, unless the policy says otherwise.
pub const LIFETIME_S: u64 = 600;

/// Least time between the starts of two fetches, unless the policy says otherwise.
pub const COOLDOWN_S: u64 = 10;

/// How long a fetch may take. One that never ended counts as failed then.
pub const FETCH_TIMEOUT_S: u64 = 10;

/// How old a set may become when it cannot be fetched anew: one day.
pub const MAX_STALE_S: u64 = 24 * 60 * 60;

/// Why keys could not be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No answer, or none in time.
    #[error("the key server did not answer")]
    Unreachable,
    /// An answer other than 200.
    #[error("the key server answered {0}")]
    Status(u16),
    /// Not a usable set.
    #[error("the key server's answer: {0}")]
    Keys(#[from] BadKeySet),
}

/// What keys are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A token is to be verified.
    Fresh,
    /// A token named a key that the set lacks.
    UnknownKid,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Use [`Source::keys`]; if their generation is the one just tried, the token is refused.
    Use,
    /// Fetch, after [`Source::started`].
    Fetch,
    /// Another request is fetching: ask again in a few milliseconds.
    Wait,
    /// There are no keys, and it is too early to try again (503).
    Unavailable,
}

/// The keys of one URL.
#[derive(Debug, Clone)]
pub struct Source {
    lifetime_s: u64,
    cooldown_s: u64,
    held: Option<Held>,
    attempt: Option<Attempt>,
    generation: u64,
}

#[derive(Debug, Clone)]
struct Held {
    keys: KeySet,
    since: UnixSeconds,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    started: UnixSeconds,
    in_flight: bool,
}

impl Source {
    /// A source without keys yet.
    #[must_use]
    pub const fn new(lifetime_s: u64, cooldown_s: u64) -> Self {
        Self {
            lifetime_s,
            cooldown_s,
            held: None,
            attempt: None,
            generation: 0,
        }
    }

    /// The keys to use, unless there are none or they are older than [`MAX_STALE_S`].
    #[must_use]
    pub fn keys(&self, now: UnixSeconds) -> Option<&KeySet> {
        self.held_for(now, MAX_STALE_S)
    }

    /// Number of the set, another one after each fetch that succeeded; 0 before the first.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// What to do for a need at this time.
    #[must_use]
    pub fn decide(&self, now: UnixSeconds, need: Need) -> Decision {
        let usable = self.keys(now).is_some();
        let in_flight = self.attempt.is_some_and(|attempt| attempt.in_flight);
        if need == Need::Fresh && self.held_for(now, self.lifetime_s).is_some() {
            return Decision::Use;
        }
        match (self.may_fetch(now), in_flight, need) {
            (true, _, _) => Decision::Fetch,
            // The old set will do meanwhile, unless it is what is lacking.
            (false, true, Need::Fresh) | (false, false, _) if usable => Decision::Use,
            (false, true, _) => Decision::Wait,
            (false, false, _) => Decision::Unavailable,
        }
    }

    /// A fetch begins.
    pub const fn started(&mut self, now: UnixSeconds) {
        self.attempt = Some(Attempt {
            started: now,
            in_flight: true,
        });
    }

    /// A fetch ended. The old set stays when it failed.
    pub fn fetched(&mut self, result: Result<KeySet, FetchError>, now: UnixSeconds) {
        if let Some(attempt) = &mut self.attempt {
            attempt.in_flight = false;
        }
        if let Ok(keys) = result {
            self.held = Some(Held { keys, since: now });
            self.generation = self.generation.wrapping_add(1);
        }
    }

    fn held_for(&self, now: UnixSeconds, age_s: u64) -> Option<&KeySet> {
        let young = self
            .held
            .as_ref()
            .filter(|held| now < held.since.after(age_s));
        young.map(|held| &held.keys)
    }

    fn may_fetch(&self, now: UnixSeconds) -> bool {
        self.attempt.is_none_or(|attempt| {
            let least = if attempt.in_flight {
                FETCH_TIMEOUT_S
            } else {
                0
            };
            now >= attempt.started.after(self.cooldown_s.max(least))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        COOLDOWN_S, Decision, FetchError, LIFETIME_S, MAX_STALE_S, Need, Source, UnixSeconds,
    };
    use crate::token::KeySet;

    const START: UnixSeconds = UnixSeconds(1_000_000);

    fn source() -> Source {
        Source::new(LIFETIME_S, COOLDOWN_S)
    }

    /// A source whose set was fetched at `START`.
    fn fresh() -> Source {
        let mut source = source();
        source.started(START);
        source.fetched(Ok(KeySet::default()), START);
        source
    }

    #[test]
    fn fetches_first_and_again_after_the_lifetime() {
        assert_eq!(source().decide(START, Need::Fresh), Decision::Fetch);
        let last = START.after(LIFETIME_S - 1);
        assert_eq!(fresh().decide(last, Need::Fresh), Decision::Use);
        assert_eq!(
            fresh().decide(START.after(LIFETIME_S), Need::Fresh),
            Decision::Fetch
        );
    }

    #[test]
    fn unknown_keys_cause_one_fetch_per_cool_down() {
        let mut source = fresh();
        let early = START.after(COOLDOWN_S - 1);
        assert_eq!(source.decide(early, Need::UnknownKid), Decision::Use);
        let late = START.after(COOLDOWN_S);
        assert_eq!(source.decide(late, Need::UnknownKid), Decision::Fetch);
        source.started(late);
        source.fetched(Ok(KeySet::default()), late);
        assert_eq!(source.decide(late, Need::UnknownKid), Decision::Use);
        assert_eq!(source.generation(), 2);
    }

    #[test]
    fn one_fetch_is_in_flight() {
        let mut first = source();
        first.started(START);
        assert_eq!(first.decide(START, Need::Fresh), Decision::Wait);
        assert_eq!(first.decide(START.after(9), Need::Fresh), Decision::Wait);
        assert_eq!(
            first.decide(START.after(10), Need::Fresh),
            Decision::Fetch,
            "given up"
        );
        let mut again = fresh();
        let due = START.after(LIFETIME_S);
        again.started(due);
        assert_eq!(
            again.decide(due, Need::Fresh),
            Decision::Use,
            "stale while it is fetched"
        );
        assert_eq!(again.decide(due, Need::UnknownKid), Decision::Wait);
    }

    #[test]
    fn a_short_cool_down_does_not_allow_a_second_fetch_in_flight() {
        let mut source = Source::new(LIFETIME_S, 0);
        source.started(START);
        assert_eq!(
            source.decide(START.after(9), Need::UnknownKid),
            Decision::Wait
        );
        source.fetched(Err(FetchError::Unreachable), START.after(9));
        assert_eq!(
            source.decide(START.after(9), Need::UnknownKid),
            Decision::Fetch
        );
    }

    #[test]
    fn serves_stale_keys_when_a_fetch_fails_but_not_for_ever() {
        let mut source = fresh();
        let due = START.after(LIFETIME_S);
        source.started(due);
        source.fetched(Err(FetchError::Status(500)), due);
        assert_eq!(source.generation(), 1);
        assert_eq!(source.decide(due, Need::Fresh), Decision::Use);
        assert!(source.keys(due).is_some());
        let last = START.after(MAX_STALE_S - 1);
        assert!(source.keys(last).is_some());
        let end = START.after(MAX_STALE_S);
        assert!(source.keys(end).is_none());
        source.started(end);
        source.fetched(Err(FetchError::Unreachable), end);
        assert_eq!(source.decide(end, Need::Fresh), Decision::Unavailable);
    }

    #[test]
    fn without_keys_a_failed_fetch_is_not_repeated_at_once() {
        let mut source = source();
        source.started(START);
        source.fetched(Err(FetchError::Unreachable), START);
        assert_eq!(source.decide(START, Need::Fresh), Decision::Unavailable);
        assert_eq!(
            source.decide(START.after(COOLDOWN_S), Need::Fresh),
            Decision::Fetch
        );
    }
}
