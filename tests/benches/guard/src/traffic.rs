//! Who sends what, and when.

use crate::{SECOND_US, random::Random, whole};
use gapura_edge::guard::{AskedClass, Kind, Subject};
use std::net::Ipv4Addr;

/// How long a visit is.
#[derive(Debug, Clone, Copy)]
pub enum Visit {
    /// A page: geometrically many requests, at random gaps.
    Page {
        /// Requests on average.
        requests: u32,
        /// Gap on average.
        gap_us: u64,
    },
    /// Exactly so many requests at equal gaps.
    Steady {
        /// Requests.
        requests: u32,
        /// Each gap.
        gap_us: u64,
    },
}

/// Who comes next.
#[derive(Debug, Clone)]
enum Choice {
    /// By sums of shares.
    Zipf(Vec<f64>),
    /// Each once.
    InTurn(u32),
}

/// What requests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sends {
    /// Without a token.
    Plain,
    /// With one.
    Tokens,
    /// Wrong logins.
    Guesses,
}

/// A crowd of clients that are alike.
#[derive(Debug, Clone)]
pub struct Source {
    /// What its requests are counted in.
    pub class: AskedClass,
    /// What its requests are.
    sends: Sends,
    /// Number of the first subject.
    first: u32,
    /// Whether all are counted as one.
    tenant: bool,
    choice: Choice,
    visit: Visit,
    visits_per_s: f64,
    from_us: u64,
    until_us: u64,
    /// Whether there is day and night.
    daily: bool,
}

/// A class of so many requests in a minute.
#[must_use]
pub fn class(name: &str, limit: u32, strict: bool) -> AskedClass {
    AskedClass {
        name: name.to_owned(),
        limit,
        window_s: 60,
        burst: None,
        cost: 1,
        strict,
    }
}

impl Source {
    /// Clients of whom the n-th sends by 1/n^0.9, in pages of six requests on average.
    #[must_use]
    pub fn zipf(class: AskedClass, clients: u32, requests_per_s: f64, until_us: u64) -> Self {
        let mut sum = 0.0;
        let shares = (1..=clients).map(|n| {
            sum += f64::from(n).powf(-0.9);
            sum
        });
        Self {
            class,
            sends: Sends::Plain,
            first: 0,
            tenant: false,
            choice: Choice::Zipf(shares.collect()),
            visit: Visit::Page {
                requests: 6,
                gap_us: 80_000,
            },
            visits_per_s: requests_per_s / 6.0,
            from_us: 0,
            until_us,
            daily: false,
        }
    }

    /// Clients that come one after another within a span, each once.
    #[must_use]
    pub fn in_turn(class: AskedClass, clients: u32, visit: Visit, span_us: (u64, u64)) -> Self {
        Self {
            class,
            sends: Sends::Plain,
            first: 0,
            tenant: false,
            choice: Choice::InTurn(clients),
            visit,
            visits_per_s: f64::from(clients) / seconds(span_us.1 - span_us.0),
            from_us: span_us.0,
            until_us: u64::MAX,
            daily: false,
        }
    }

    /// With tokens.
    #[must_use]
    pub fn with_tokens(self) -> Self {
        Self {
            sends: Sends::Tokens,
            ..self
        }
    }

    /// As an attack by wrong logins, by others than the honest.
    #[must_use]
    pub fn attacking(self) -> Self {
        Self {
            sends: Sends::Guesses,
            first: 1 << 24,
            ..self
        }
    }

    /// All counted as one tenant.
    #[must_use]
    pub fn as_tenant(self) -> Self {
        Self {
            tenant: true,
            first: 1 << 28,
            ..self
        }
    }

    /// From then on alone.
    #[must_use]
    pub fn starting(self, from_us: u64) -> Self {
        Self { from_us, ..self }
    }

    /// Nine times as busy at noon as at midnight.
    #[must_use]
    pub fn by_day(self) -> Self {
        Self {
            daily: true,
            ..self
        }
    }

    /// The same requests, each by itself instead of in pages.
    #[must_use]
    pub fn one_by_one(self) -> Self {
        let Visit::Page { requests, gap_us } = self.visit else {
            return self;
        };
        Self {
            visit: Visit::Page {
                requests: 1,
                gap_us,
            },
            visits_per_s: self.visits_per_s * f64::from(requests),
            ..self
        }
    }

    /// The number under which a client is counted.
    #[must_use]
    pub const fn counted(&self, client: u32) -> u32 {
        if self.tenant {
            self.first
        } else {
            self.first + client
        }
    }

    /// Whom the Guard is asked about.
    #[must_use]
    pub fn subject(&self, counted: u32) -> Subject {
        if self.tenant {
            Subject::named(Kind::Tenant, "acme")
        } else {
            // Spread, as addresses are.
            Subject::client(Ipv4Addr::from(counted.wrapping_mul(0x9e37_79b1)).into())
        }
    }

    /// The account that an attacker's logins name: five addresses guess at each.
    #[must_use]
    pub fn account(&self, client: u32) -> Option<u32> {
        self.is_attack().then_some(client / 5)
    }

    /// Whether this is the attack.
    #[must_use]
    pub fn is_attack(&self) -> bool {
        self.sends == Sends::Guesses
    }

    /// Whether requests bear tokens: then no copy of the Ledger is older than two seconds.
    #[must_use]
    pub fn bears_tokens(&self) -> bool {
        self.sends == Sends::Tokens
    }

    /// The next visit after this time: when, by whom, of how many requests.
    pub(crate) fn next_visit(
        &mut self,
        after_us: u64,
        random: &mut Random,
    ) -> Option<(u64, u32, u32)> {
        let after_us = after_us.max(self.from_us);
        let turn = f64::from(u32::try_from(after_us / SECOND_US % 86_400).unwrap_or(0)) / 86_400.0;
        let busy = if self.daily {
            1.0 - 0.8 * (turn * std::f64::consts::TAU).cos()
        } else {
            1.0
        };
        let at_us = after_us + random.wait_us(1e6 / (self.visits_per_s * busy));
        if at_us >= self.until_us {
            return None;
        }
        let client = match &mut self.choice {
            Choice::Zipf(sums) => {
                let point = random.unit() * sums.last()?;
                let client = sums
                    .partition_point(|sum| *sum <= point)
                    .min(sums.len() - 1);
                u32::try_from(client).ok()?
            }
            Choice::InTurn(left) => {
                *left = left.checked_sub(1)?;
                *left
            }
        };
        let requests = match self.visit {
            Visit::Steady { requests, .. } => requests,
            Visit::Page { requests, .. } => {
                // None more where one is all.
                let chance = 1.0 - 1.0 / f64::from(requests);
                let more = (1.0 - random.unit()).ln() / chance.ln();
                1 + u32::try_from(whole(more)).unwrap_or(0)
            }
        };
        Some((at_us, client, requests))
    }

    /// How long until the next request of a visit.
    pub(crate) fn gap_us(&self, random: &mut Random) -> u64 {
        match self.visit {
            Visit::Steady { gap_us, .. } => gap_us,
            Visit::Page { gap_us, .. } => random.wait_us(crate::fraction(gap_us)),
        }
    }
}

fn seconds(span_us: u64) -> f64 {
    crate::fraction(span_us) / 1e6
}
