//! Jails: so many strikes in so long, and the subject is banned; each further ban within
//! `forget_s` of the last one's end is twice as long, up to a cap.
//!
//! The shard knows no policy: the jails in which a strike counts come with it. Whether a
//! ban stops a request (`enforce`) or is logged alone (`detect`) is the asker's affair.

use std::collections::{BTreeMap, VecDeque};

/// Most strikes that a jail may ask for.
pub const MAX_STRIKES: u32 = 1_000;
/// Jails that one strike may count in, and that one subject may have strikes in.
pub const MAX_JAILS: usize = 16;
/// The end of a ban that ends when it is lifted: the largest whole number that JSON readers agree on.
pub const FOREVER_MS: u64 = (1 << 53) - 1;

/// A jail, as a strike brings it along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jail {
    /// Its name.
    pub name: String,
    /// Strikes that lead to a ban; 1 to [`MAX_STRIKES`].
    pub strikes: u32,
    /// The time in which they count.
    pub window_s: u32,
    /// The first ban.
    pub ban_s: u32,
    /// The longest ban.
    pub cap_s: u32,
    /// How long after a ban the next one still is a further one.
    pub forget_s: u32,
}

/// A ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// When it began.
    pub since_ms: u64,
    /// When it ends; [`FOREVER_MS`]: when it is lifted.
    pub until_ms: u64,
    /// The jail, `network` for an escalation, or the operator's words.
    pub reason: String,
    /// The operator who set it; empty: the Guard.
    pub actor: String,
}

impl Ban {
    /// Whether it holds.
    #[must_use]
    pub const fn holds(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms
    }
}

/// The strikes of a subject by jail, and how often it was banned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Strikes {
    /// Times with the window that they count in.
    pub(super) jails: BTreeMap<String, (u64, VecDeque<u64>)>,
    /// Bans one after another.
    pub(super) bans: u32,
    /// Until when the next ban is a further one.
    pub(super) bans_until_ms: u64,
}

impl Strikes {
    pub(super) fn expire(&mut self, now_ms: u64) {
        self.jails.retain(|_, (window_ms, times)| {
            let window_ms = *window_ms;
            times.retain(|at_ms| at_ms.saturating_add(window_ms) > now_ms);
            !times.is_empty()
        });
        if now_ms >= self.bans_until_ms {
            self.bans = 0;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jails.is_empty() && self.bans == 0
    }

    pub(super) fn until_ms(&self) -> u64 {
        let last = |(window_ms, times): &(u64, VecDeque<u64>)| {
            times
                .back()
                .map_or(0, |at_ms| at_ms.saturating_add(*window_ms))
        };
        let strikes = self.jails.values().map(last).max().unwrap_or(0);
        let bans = if self.bans > 0 { self.bans_until_ms } else { 0 };
        strikes.max(bans)
    }

    /// Counts so many strikes in these jails; the longest ban that follows.
    pub(super) fn strike(&mut self, times: u32, jails: &[Jail], now_ms: u64) -> Option<Ban> {
        self.expire(now_ms);
        let full: Vec<&Jail> = jails
            .iter()
            .filter(|jail| self.count(jail, times, now_ms))
            .collect();
        for jail in &full {
            self.jails.remove(&jail.name);
        }
        let length = |jail: &Jail| {
            let doubled = u64::from(jail.ban_s).saturating_mul(1 << self.bans.min(31));
            doubled
                .min(u64::from(jail.cap_s.max(jail.ban_s)))
                .saturating_mul(1000)
        };
        let jail = full.into_iter().max_by_key(|jail| length(jail))?;
        let until_ms = now_ms.saturating_add(length(jail)).min(FOREVER_MS);
        self.bans = self.bans.saturating_add(1);
        let forget_ms = u64::from(jail.forget_s).saturating_mul(1000);
        self.bans_until_ms = until_ms.saturating_add(forget_ms).min(FOREVER_MS);
        Some(Ban {
            since_ms: now_ms,
            until_ms,
            reason: jail.name.clone(),
            actor: String::new(),
        })
    }

    /// Whether the jail is full.
    fn count(&mut self, jail: &Jail, times: u32, now_ms: u64) -> bool {
        if self.jails.len() >= MAX_JAILS && !self.jails.contains_key(&jail.name) {
            // A name that no policy has any more; the oldest strikes give way.
            let oldest = self
                .jails
                .iter()
                .min_by_key(|(_, (_, times))| times.back().copied());
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.jails.remove(&name);
            }
        }
        let window_ms = u64::from(jail.window_s).saturating_mul(1000);
        let (window, struck) = self.jails.entry(jail.name.clone()).or_default();
        *window = window_ms;
        struck.retain(|at_ms| at_ms.saturating_add(window_ms) > now_ms);
        let threshold = usize::try_from(jail.strikes.clamp(1, MAX_STRIKES)).unwrap_or(usize::MAX);
        for _ in 0..times {
            if struck.len() >= threshold {
                break;
            }
            struck.push_back(now_ms);
        }
        struck.len() >= threshold
    }
}
