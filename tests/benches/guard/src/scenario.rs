//! What is simulated.

use crate::WAYS;
use gapura_guard_bench::{
    SECOND_US,
    run::{Setup, Way},
    traffic::{Source, Visit, class},
};

const MINUTE_US: u64 = 60 * SECOND_US;
const SPAN_US: u64 = 10 * MINUTE_US;
pub(crate) const DAY_US: u64 = 86_400 * SECOND_US;
pub(crate) const LATENCIES_MS: [u32; 3] = [5, 50, 200];
/// The latency of scenarios that are run at one alone.
pub(crate) const USUAL_MS: u32 = 50;

/// One crowd, counted in each way.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// For the picture.
    pub(crate) short: &'static str,
    pub(crate) span_us: u64,
    /// Numbers of shards that are tried.
    pub(crate) shards: &'static [u32],
    pub(crate) latencies_ms: &'static [u32],
    network: (u32, u32),
    sources: Vec<Source>,
}

impl Scenario {
    /// By way, then shards, then latency.
    pub(crate) fn setups(&self) -> Vec<Setup> {
        let mut setups = Vec::new();
        for (way, shards, latency_ms) in self.keys() {
            setups.push(Setup {
                way,
                latency_ms,
                shards,
                locations: self.network.0,
                isolates: self.network.1,
                until_us: self.span_us,
                sources: self.sources.clone(),
            });
        }
        setups
    }

    /// What its setups differ by, in their order.
    pub(crate) fn keys(&self) -> Vec<(Way, u32, u32)> {
        let mut keys = Vec::new();
        for way in WAYS {
            for shards in self.shards {
                for latency_ms in self.latencies_ms {
                    keys.push((way, *shards, *latency_ms));
                }
            }
        }
        keys
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    let general = || class("general", 100, false);
    let crowd = |clients, per_s| Source::zipf(general(), clients, per_s, SPAN_US).with_tokens();
    let usual = Scenario {
        name: String::new(),
        short: "",
        span_us: SPAN_US,
        shards: &[8],
        latencies_ms: &[USUAL_MS],
        network: (20, 3),
        sources: Vec::new(),
    };
    let attack = Source::in_turn(
        class("login", 5, true),
        100_000,
        Visit::Steady {
            requests: 10,
            gap_us: SECOND_US,
        },
        (MINUTE_US, 9 * MINUTE_US),
    );
    let steady = Visit::Steady {
        requests: 9_000,
        gap_us: 20_000,
    };
    let tenant = |per_s| {
        let crowd = Source::zipf(class("tenant", 45_000, false), 5_000, per_s, SPAN_US);
        crowd.with_tokens().as_tenant()
    };
    vec![
        Scenario {
            name: "10,000 clients, 300 requests/s".to_owned(),
            short: "10,000 clients",
            sources: vec![crowd(10_000, 300.0)],
            ..usual
        },
        Scenario {
            name: "100,000 clients, 500 requests/s".to_owned(),
            short: "100,000 clients",
            latencies_ms: &LATENCIES_MS,
            sources: vec![crowd(100_000, 500.0)],
            ..usual
        },
        Scenario {
            name: "1,000,000 clients, 1,500 requests/s".to_owned(),
            short: "1,000,000 clients",
            sources: vec![crowd(1_000_000, 1_500.0)],
            ..usual
        },
        Scenario {
            name: "10 clients, 50 requests/s each for 3 minutes, limit 6,000".to_owned(),
            short: "50 requests/s each",
            latencies_ms: &LATENCIES_MS,
            sources: vec![
                Source::in_turn(
                    class("general", 6_000, false),
                    10,
                    steady,
                    (0, 10 * SECOND_US),
                )
                .with_tokens(),
            ],
            ..usual
        },
        Scenario {
            name: "a tenant at 500 requests/s, then 1,000, limit 45,000".to_owned(),
            short: "hot tenant",
            latencies_ms: &LATENCIES_MS,
            sources: vec![tenant(500.0), tenant(500.0).starting(7 * MINUTE_US)],
            ..usual
        },
        Scenario {
            name: "10,000 clients, and 100,000 that try 10 logins each".to_owned(),
            short: "attack",
            sources: vec![crowd(10_000, 300.0), attack.attacking()],
            ..usual
        },
        day("without tokens", &[1, 2, 4, 8], small()),
        day("with tokens", &[1, 2, 4, 8], small().with_tokens()),
        day(
            "with tokens, each by itself instead of in pages",
            &[1, 2, 4],
            small().one_by_one().with_tokens(),
        ),
    ]
}

/// The crowd of a small site.
fn small() -> Source {
    let general = class("general", 100, false);
    Source::zipf(general, 2_000, 50_000.0 / 86_400.0, DAY_US).by_day()
}

fn day(how: &str, shards: &'static [u32], source: Source) -> Scenario {
    Scenario {
        name: format!("2,000 clients, 50,000 requests a day {how}"),
        short: "small site",
        span_us: DAY_US,
        shards,
        latencies_ms: &[USUAL_MS],
        network: (5, 1),
        sources: vec![source],
    }
}
