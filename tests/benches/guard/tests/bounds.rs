//! Small runs: the bounds that `docs/guard.md` states hold, with everything going wrong.

use gapura_guard_bench::{
    SECOND_US,
    run::{Outcome, Setup, Way, simulate},
    traffic::{Source, Visit, class},
};

fn run(way: Way, latency_ms: u32, source: Source) -> Outcome {
    simulate(Setup {
        way,
        latency_ms,
        shards: 2,
        locations: 3,
        isolates: 2,
        until_us: 180 * SECOND_US,
        sources: vec![source],
    })
}

#[test]
fn never_above_the_limit() {
    for (way, latency_ms) in [
        (Way::Leased, 5),
        (Way::Leased, 200),
        (Way::Strict, 50),
        (Way::Naive, 50),
    ] {
        let crowd = Source::zipf(class("general", 60, false), 100, 80.0, 180 * SECOND_US);
        let outcome = run(way, latency_ms, crowd);
        let tally = &outcome.tally;
        assert_eq!(
            (tally.excess, tally.unanswered),
            (0, 0),
            "{way:?} {latency_ms}"
        );
        assert_eq!(
            tally.fullest_percent, 100,
            "{way:?}: the limit was never reached"
        );
        let wrongly = tally.honest.wrongly_percent();
        assert!(
            way == Way::Leased || wrongly <= 0.0,
            "{way:?} {latency_ms}: {wrongly} %"
        );
        // What its bound allows: see `docs/guard.md`.
        let modest = tally.honest.modest_percent();
        assert!(
            modest <= 1.0,
            "{way:?} {latency_ms}: {modest} % of those within their limit"
        );
    }
}

#[test]
fn steady_traffic_is_asked_about_once_in_ten_requests_at_most() {
    for latency_ms in [5, 50, 200] {
        let visit = Visit::Steady {
            requests: 6_000,
            gap_us: 20_000,
        };
        let span_us = (0, 10 * SECOND_US);
        let steady = Source::in_turn(class("general", 6_000, false), 4, visit, span_us);
        let outcome = run(Way::Leased, latency_ms, steady.with_tokens());
        assert_eq!(outcome.tally.excess, 0);
        assert_eq!(outcome.tally.honest.wrongly, 0);
        let figures = &outcome.tally.honest;
        let calls = figures.calls_per_request() + figures.ledger_calls_per_request();
        assert!(calls <= 0.1, "{latency_ms} ms: {calls} calls per request");
    }
}

/// With clocks that are set back by half a second each minute.
#[test]
fn no_copy_of_the_ledger_is_older_than_two_seconds() {
    for latency_ms in [5, 200] {
        let crowd = Source::zipf(class("general", 600, false), 200, 40.0, 180 * SECOND_US);
        let outcome = run(Way::Leased, latency_ms, crowd.with_tokens());
        let behind_us = outcome.tally.behind_us;
        assert!(
            (SECOND_US..=2 * SECOND_US).contains(&behind_us),
            "{latency_ms} ms: {behind_us} us"
        );
    }
}
