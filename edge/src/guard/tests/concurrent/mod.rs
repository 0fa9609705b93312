//! The Guard against a log of true times, with much under way at once: questions, answers and refunds
//! of several subjects that come late, out of order or never.

mod check;
mod world;

use super::class;
use crate::guard::{AskedClass, SKEW_MS};
use proptest::prelude::*;
use world::World;

#[derive(Debug, Clone)]
enum Act {
    /// So many requests at once through an isolate, by a route.
    Requests(usize, usize, u32),
    /// An object leaves memory.
    Evict(usize),
    Alarm(usize),
    /// Others fill an object's memory.
    Crowd(usize, u32),
    /// Others fill an isolate's memory.
    Remember(usize, u32),
    Restart(usize),
    /// Clocks, in parts of a thousand of what they may slip by.
    IsolateClock(usize, u64),
    ObjectClock(usize, u64),
}

fn act() -> impl Strategy<Value = Act> {
    let slip = || prop_oneof![Just(0), Just(1_000), 0u64..1_000];
    prop_oneof![
        10 => (0usize..3, 0usize..ROUTES, prop_oneof![2 => Just(1u32), 1 => 1u32..50])
            .prop_map(|(isolate, route, times)| Act::Requests(isolate, route, times)),
        1 => (0usize..2).prop_map(Act::Evict),
        1 => (0usize..2).prop_map(Act::Alarm),
        1 => (0usize..2, 0u32..1000).prop_map(|(object, n)| Act::Crowd(object, n)),
        1 => (0usize..3, 0u32..1000).prop_map(|(isolate, n)| Act::Remember(isolate, n)),
        1 => (0usize..3).prop_map(Act::Restart),
        1 => (0usize..3, slip()).prop_map(|(isolate, slip)| Act::IsolateClock(isolate, slip)),
        1 => (0usize..2, slip()).prop_map(|(object, slip)| Act::ObjectClock(object, slip)),
    ]
}

/// A run: what happens after which pause, and a seed of how long everything takes.
fn run() -> impl Strategy<Value = (Vec<(u64, Act)>, u64)> {
    let gap = prop_oneof![0u64..50, 0u64..500, 3_000u64..7_200, 0u64..20_000];
    (prop::collection::vec((gap, act()), 1..100), any::<u64>())
}

/// Limit and window of each class.
type Limits = [(u32, u32); 4];

fn limits() -> impl Strategy<Value = Limits> {
    // Leases are a tenth at most: those of the larger ones are worth being asked for ahead.
    let limit = prop_oneof![2 => 10u32..40, 1 => 80u32..300];
    prop::array::uniform4((limit, 3u32..9))
}

const ROUTES: usize = 4;

/// What the parts of a route ask: which subject, by number, about which classes.
fn routes([a, b, c, d]: Limits, burst: u32) -> [Vec<(usize, Vec<AskedClass>)>; ROUTES] {
    let lease = |name, (limit, window_s)| class(name, limit, window_s, false);
    let strict = |name, (limit, window_s)| class(name, limit, window_s, true);
    let general = lease("general", a);
    let mut bursty = lease("bursty", b);
    bursty.burst = Some(burst.min(bursty.limit));
    let mut login = strict("login", c);
    login.burst = Some(burst.min(login.limit));
    [
        vec![(0, vec![general.clone()])],
        vec![(0, vec![general.clone(), bursty])],
        vec![(0, vec![general]), (1, vec![lease("tenant", d)])],
        vec![(0, vec![login]), (2, vec![strict("account", d)])],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With true clocks: what passed is never above any limit or burst; strict classes are exact; others
    /// refuse within their bound.
    #[test]
    fn much_at_once_keeps_every_bound((acts, seed) in run(), limits in limits(), burst in 3u32..40) {
        let mut world = World::new(routes(limits, burst), (0, 0), seed);
        world.run(&acts);
        world.check_limits();
    }

    /// The same with clocks that slip against each other by as much as they may.
    #[test]
    fn much_at_once_keeps_every_bound_when_clocks_slip(
        (acts, seed) in run(), limits in limits(), burst in 3u32..40,
        isolates in prop_oneof![Just(SKEW_MS), 0..=SKEW_MS],
    ) {
        let mut world = World::new(routes(limits, burst), (isolates, SKEW_MS - isolates), seed);
        world.run(&acts);
        world.check_limits();
    }
}
