//! What happened, by a log of true times.

use gapura_edge::guard::AskedClass;
use std::collections::{HashMap, VecDeque};

/// What befell requests of one kind.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// All.
    pub requests: u64,
    /// Those that passed.
    pub admitted: u64,
    /// Refused although the true log was below the limit.
    pub wrongly: u64,
    /// Those of them whose client had asked for no more than its limit in the window.
    pub modest: u64,
    /// Passed without an answer, which did not come in time, and would have been refused by it.
    pub let_through: u64,
    /// Calls to the shards for them.
    pub calls: u64,
    /// Calls to the Ledger.
    pub ledger_calls: u64,
    /// What each that passed waited for beyond its own work, in microseconds; sorted by
    /// `Tally::finish`.
    pub added_us: Vec<u32>,
}

/// Counts honest requests and those of an attack.
#[derive(Debug, Default)]
pub struct Tally {
    /// Honest requests.
    pub honest: Figures,
    /// The attack's.
    pub attack: Figures,
    /// By how much a window of any subject was ever above its limit.
    pub excess: u32,
    /// The fullest window of any subject, in per cent of its limit.
    pub fullest_percent: u64,
    /// Questions that had no answer at all.
    pub unanswered: u64,
    /// How long a change of the Ledger had been stored at most when a request with a token passed by a
    /// copy without it, in microseconds.
    pub behind_us: u64,
    logs: HashMap<u32, Log>,
}

/// A refusal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Refused {
    early: bool,
    modest: bool,
}

/// True times of one subject.
#[derive(Debug, Default)]
struct Log {
    asked: VecDeque<u64>,
    admitted: VecDeque<u64>,
}

impl Log {
    fn expire(&mut self, window_ms: u64, now_ms: u64) {
        for times in [&mut self.asked, &mut self.admitted] {
            while times
                .front()
                .is_some_and(|at_ms| at_ms + window_ms <= now_ms)
            {
                times.pop_front();
            }
        }
    }
}

impl Figures {
    pub(crate) fn refuse(&mut self, refused: Refused) {
        self.wrongly += u64::from(refused.early);
        self.modest += u64::from(refused.modest);
    }

    /// Calls to the Ledger per request.
    #[must_use]
    pub fn ledger_calls_per_request(&self) -> f64 {
        crate::fraction(self.ledger_calls) / crate::fraction(self.requests.max(1))
    }

    /// Let through above the limit for want of an answer in time, in per cent of all.
    #[must_use]
    pub fn let_through_percent(&self) -> f64 {
        100.0 * crate::fraction(self.let_through) / crate::fraction(self.requests.max(1))
    }

    /// Calls per request.
    #[must_use]
    pub fn calls_per_request(&self) -> f64 {
        crate::fraction(self.calls) / crate::fraction(self.requests.max(1))
    }

    /// Refused too early, in per cent of all.
    #[must_use]
    pub fn wrongly_percent(&self) -> f64 {
        100.0 * crate::fraction(self.wrongly) / crate::fraction(self.requests.max(1))
    }

    /// Of clients that kept within their limit, in per cent of all.
    #[must_use]
    pub fn modest_percent(&self) -> f64 {
        100.0 * crate::fraction(self.modest) / crate::fraction(self.requests.max(1))
    }

    /// A quantile of the added time, in milliseconds.
    #[must_use]
    pub fn added_ms(&self, per_mille: usize) -> f64 {
        let last = self.added_us.len().saturating_sub(1);
        let at = self.added_us.get(last * per_mille / 1000);
        f64::from(at.copied().unwrap_or(0)) / 1000.0
    }
}

impl Tally {
    /// The figures of a kind.
    pub fn of(&mut self, attack: bool) -> &mut Figures {
        if attack {
            &mut self.attack
        } else {
            &mut self.honest
        }
    }

    /// Somebody asks. Times never fall.
    pub(crate) fn ask(&mut self, who: u32, class: &AskedClass, now_ms: u64) {
        self.log(who, class, now_ms).asked.push_back(now_ms);
    }

    /// Somebody was admitted at this time.
    pub(crate) fn admit(&mut self, who: u32, class: &AskedClass, now_ms: u64) {
        let log = self.log(who, class, now_ms);
        log.admitted.push_back(now_ms);
        let used = u32::try_from(log.admitted.len()).unwrap_or(u32::MAX);
        self.excess = self.excess.max(used.saturating_sub(class.limit));
        let percent = u64::from(used) * 100 / u64::from(class.limit);
        self.fullest_percent = self.fullest_percent.max(percent);
    }

    /// Who is refused at this time: whether too early, and whether it asked for no more than its limit.
    pub(crate) fn judge(&mut self, who: u32, class: &AskedClass, now_ms: u64) -> Refused {
        let limit = class.limit as usize;
        let log = self.log(who, class, now_ms);
        let early = log.admitted.len() < limit;
        let modest = early && log.asked.len() <= limit;
        Refused { early, modest }
    }

    fn log(&mut self, who: u32, class: &AskedClass, now_ms: u64) -> &mut Log {
        let log = self.logs.entry(who).or_default();
        log.expire(class.window_ms(), now_ms);
        log
    }

    /// Subjects that were ever seen.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.logs.len()
    }

    pub(crate) fn finish(&mut self) {
        self.honest.added_us.sort_unstable();
        self.attack.added_us.sort_unstable();
    }
}
