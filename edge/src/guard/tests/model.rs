//! The Guard against a log of exact, true times.

use super::{Object, class, subject};
use crate::guard::{
    Answer, Ask, AskedClass, LEASE_MS, Message, Order, SKEW_MS, Subject,
    lease::{Memory, Recall},
    shard::HEARTBEAT_MS,
};
use proptest::prelude::*;

/// A clock far from zero: isolates and the shard run ahead of true time by their offsets.
const START_MS: u64 = 1_700_000_000_000;

#[derive(Debug, Clone)]
enum Act {
    /// A request through an isolate, with its cost; the answer takes so long.
    Request(usize, u32, u64),
    /// As many at once.
    Flood(usize, u32),
    /// A request that another subject then refuses.
    Refunded(usize),
    Evict,
    Alarm,
    /// Others fill the shard's memory.
    Crowd(u32),
    /// An isolate loses its memory.
    Restart(usize),
    IsolateClock(usize, u64),
    ShardClock(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0usize..3, 1u32..4, 0u64..300).prop_map(|(i, cost, delay)| Act::Request(i, cost, delay)),
        4 => (0usize..3, 1u32..40).prop_map(|(i, n)| Act::Flood(i, n)),
        1 => (0usize..3).prop_map(Act::Refunded),
        1 => Just(Act::Evict),
        1 => Just(Act::Alarm),
        1 => (0u32..1000).prop_map(Act::Crowd),
        1 => (0usize..3).prop_map(Act::Restart),
        1 => (0usize..3, 0u64..1000).prop_map(|(i, offset)| Act::IsolateClock(i, offset)),
        1 => (0u64..1000).prop_map(Act::ShardClock),
    ]
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let gap = prop_oneof![0u64..50, 0u64..3_000, 0u64..20_000];
    prop::collection::vec((gap, act()), 1..120)
}

/// What may go wrong in a run.
#[derive(Clone, Copy)]
struct Faults {
    shard_clock: bool,
    isolate_clock: bool,
}

struct World {
    object: Object,
    isolates: Vec<(Memory, u64)>,
    class: AskedClass,
    who: Subject,
    shard_ahead: u64,
    now: u64,
    /// Time and cost of what was admitted.
    log: Vec<(u64, u32)>,
    lost_at: Option<u64>,
    calls: u32,
}

impl World {
    fn new(class: AskedClass) -> Self {
        let mut object = Object::new(START_MS);
        object.shard.max_subjects = 6;
        Self {
            object,
            isolates: (0..3).map(|_| (Memory::new(8), 0)).collect(),
            class,
            who: subject("ip:192.0.2.1"),
            shard_ahead: 0,
            now: START_MS,
            log: Vec::new(),
            lost_at: None,
            calls: 0,
        }
    }

    /// One request; whether it passed, `None` when there was no answer.
    fn request(&mut self, isolate: usize, cost: u32, delay: u64) -> Option<bool> {
        let class = AskedClass {
            cost,
            ..self.class.clone()
        };
        let classes = [class];
        let (memory, ahead) = &mut self.isolates[isolate];
        let sent = self.now + *ahead;
        let passed = match memory.recall(&self.who, &classes, sent) {
            Recall::Admitted(_) => {
                self.ask_ahead(isolate, &classes);
                true
            }
            Recall::Refused(_) => false,
            Recall::Ask(returns) => {
                self.calls += 1;
                let mut ask = Ask::new(self.who.clone(), classes.to_vec());
                ask.returns = returns;
                ask.lease = true;
                let asked = self
                    .object
                    .send(&Message::Ask(ask), self.now + self.shard_ahead);
                let answer = Answer::parse(&asked.ok()?, 1).unwrap();
                let decided = self.now;
                self.now += delay;
                memory.learn(&self.who, &classes, &answer, sent, self.now + *ahead);
                // What was passed late was decided, and counts, before.
                if answer.admitted() {
                    self.log.push((decided, cost));
                }
                return Some(answer.admitted());
            }
        };
        if passed {
            self.log.push((self.now, cost));
        }
        Some(passed)
    }

    /// Asks for the next leases, if it is time.
    fn ask_ahead(&mut self, isolate: usize, classes: &[AskedClass]) {
        let (memory, ahead) = &mut self.isolates[isolate];
        let sent = self.now + *ahead;
        let Some(returns) = memory.ahead(&self.who, classes, sent) else {
            return;
        };
        self.calls += 1;
        let ask = Ask {
            returns,
            lease: true,
            ahead: true,
            ..Ask::new(self.who.clone(), classes.to_vec())
        };
        let at = self.now + self.shard_ahead;
        if let Ok(text) = self.object.send(&Message::Ask(ask), at) {
            let answer = Answer::parse(&text, classes.len()).unwrap();
            if answer.lends_or_stops() {
                memory.learn(&self.who, classes, &answer, sent, sent);
            }
        }
    }

    fn refunded(&mut self, isolate: usize) {
        let classes = [self.class.clone()];
        let ahead = self.isolates[isolate].1;
        match self.isolates[isolate]
            .0
            .recall(&self.who, &classes, self.now + ahead)
        {
            Recall::Admitted(spent) => {
                self.isolates[isolate].0.refund(&self.who, &classes, &spent);
            }
            Recall::Refused(_) => {}
            Recall::Ask(returns) => {
                let mut ask = Ask::new(self.who.clone(), classes.to_vec());
                ask.returns = returns;
                let at = self.now + self.shard_ahead;
                let Ok(text) = self.object.send(&Message::Ask(ask), at) else {
                    return;
                };
                let answer = Answer::parse(&text, 1).unwrap();
                if answer.admitted() {
                    let order = Order::Refund {
                        classes: classes.to_vec(),
                        at_ms: answer.at_ms,
                    };
                    self.object.order(&self.who.clone(), order, at);
                }
            }
        }
    }

    fn fault(&mut self, act: &Act, faults: Faults) {
        let at = self.now + self.shard_ahead;
        match *act {
            Act::Evict => {
                self.object.evict(at);
                self.object.shard.max_subjects = 6;
                self.lost_at = Some(self.now);
            }
            Act::Alarm => {
                self.object.alarm(at);
            }
            Act::Crowd(n) => {
                for n in n..n + 4 {
                    let other = subject(&format!("user:{n}"));
                    let ask = Ask::new(other, vec![class("general", 100, 60, false)]);
                    let _ = self.object.send(&Message::Ask(ask), at);
                }
                self.lost_at = Some(self.now);
            }
            Act::Restart(i) => self.isolates[i].0 = Memory::new(8),
            Act::IsolateClock(i, offset) if faults.isolate_clock => self.isolates[i].1 = offset,
            Act::ShardClock(offset) if faults.shard_clock => self.shard_ahead = offset,
            _ => {}
        }
    }

    fn used(&self, span: u64) -> u32 {
        let recent = self.log.iter().filter(|entry| entry.0 + span > self.now);
        recent.map(|entry| entry.1).sum()
    }

    /// The most that any stretch of this length holds.
    fn most(&self, span: u64) -> u32 {
        let from = |start: u64| {
            self.log
                .iter()
                .filter(move |e| (start..start + span).contains(&e.0))
                .map(|e| e.1)
                .sum()
        };
        self.log
            .iter()
            .map(|entry| from(entry.0))
            .max()
            .unwrap_or(0)
    }

    /// Runs; `check` sees each request's cost and outcome, before it is logged as well as after.
    fn run(
        &mut self,
        acts: &[(u64, Act)],
        faults: Faults,
        check: impl Fn(&Self, u32, bool) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        for (gap, act) in acts {
            self.now += gap;
            let (isolate, cost, times, delay) = match *act {
                Act::Request(isolate, cost, delay) => (
                    isolate,
                    cost.min(self.class.burst.unwrap_or(3))
                        .min(self.class.limit),
                    1,
                    delay,
                ),
                Act::Flood(isolate, times) => (isolate, 1, times, 0),
                Act::Refunded(isolate) => {
                    self.refunded(isolate);
                    continue;
                }
                _ => {
                    self.fault(act, faults);
                    continue;
                }
            };
            for _ in 0..times {
                let before = self.now;
                if let Some(passed) = self.request(isolate, cost, delay) {
                    let after = std::mem::replace(&mut self.now, before);
                    let logged = if passed { self.log.pop() } else { None };
                    check(self, cost, passed)?;
                    self.log.extend(logged);
                    self.now = after;
                }
            }
        }
        Ok(())
    }
}

const STILL: Faults = Faults {
    shard_clock: false,
    isolate_clock: false,
};
const SLIPS: Faults = Faults {
    shard_clock: false,
    isolate_clock: true,
};
const ALL: Faults = Faults {
    shard_clock: true,
    isolate_clock: true,
};
/// How far the shard's clock may be off in a run.
const SHARD_SLIP_MS: u64 = 1_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Never more than the limit, nor than the burst, whatever happens.
    #[test]
    fn no_window_holds_more_than_the_limit(
        acts in acts(), limit in 3u32..120, window_s in 2u32..30, burst in prop::option::of(3u32..40), strict: bool,
    ) {
        for faults in [SLIPS, ALL] {
            let burst = burst.map(|burst| burst.min(limit));
            let mut world = World::new(AskedClass { burst, ..class("general", limit, window_s, strict) });
            world.run(&acts, faults, |_, _, _| Ok(()))?;
            let slip = if faults.shard_clock { SHARD_SLIP_MS } else { 0 };
            let window = u64::from(window_s) * 1000;
            prop_assert!(world.most(window - slip) <= limit, "{} > {limit}", world.most(window - slip));
            if let Some(burst) = burst.filter(|_| slip == 0) {
                prop_assert!(world.most(1000) <= burst, "burst {} > {burst}", world.most(1000));
            }
        }
    }

    /// A strict class admits exactly while there is room.
    #[test]
    fn a_strict_class_refuses_nobody_below_its_limit(acts in acts(), limit in 3u32..60, window_s in 2u32..30) {
        let mut world = World::new(class("login", limit, window_s, true));
        let window = u64::from(window_s) * 1000;
        world.run(&acts, STILL, |world, cost, passed| {
            prop_assert_eq!(passed, world.used(window) + cost <= limit);
            Ok(())
        })?;
    }

    /// Another class refuses too early only by what is out, was forgotten, or stands at a lease's end.
    #[test]
    fn a_lease_class_refuses_early_within_its_bound(acts in acts(), limit in 8u32..120, window_s in 2u32..30) {
        let mut world = World::new(class("general", limit, window_s, false));
        let window = u64::from(window_s) * 1000;
        let span = window + window / 256 + LEASE_MS + SKEW_MS;
        world.run(&acts, STILL, |world, cost, passed| {
            let forgot = world.lost_at.is_some_and(|at| world.now < at + span + HEARTBEAT_MS);
            let lost = if forgot { limit / 4 } else { 0 };
            prop_assert!(passed || world.used(span) + limit / 4 + lost + cost > limit);
            Ok(())
        })?;
    }
}

#[test]
fn steady_traffic_costs_few_calls() {
    let mut world = World::new(class("general", 6_000, 60, false));
    for _ in 0..50 * 120 {
        world.now += 20;
        assert_eq!(world.request(0, 1, 0), Some(true));
    }
    assert!(world.calls * 10 <= 6_000, "{} calls", world.calls);
}

#[test]
fn a_flood_of_an_exhausted_client_costs_one_call() {
    let mut world = World::new(class("login", 1, 60, true));
    world.request(0, 1, 0);
    for n in 0..50_000 {
        world.now = START_MS + n;
        assert_eq!(world.request(0, 1, 0), Some(false));
    }
    assert_eq!(world.calls, 2);
}

#[test]
fn a_denial_in_memory_ends_to_the_millisecond() {
    let mut world = World::new(class("login", 2, 60, true));
    world.isolates[0].1 = 700;
    assert_eq!(world.request(0, 1, 0), Some(true));
    world.now += 1_000;
    assert_eq!(world.request(0, 1, 0), Some(true));
    assert_eq!(world.request(0, 1, 150), Some(false));
    world.now = START_MS + 59_999;
    assert_eq!(world.request(0, 1, 0), Some(false));
    world.now = START_MS + 60_000;
    assert_eq!(world.request(0, 1, 0), Some(true));
    world.now = START_MS + 60_999;
    assert_eq!(world.request(0, 1, 0), Some(false));
    world.now = START_MS + 61_000;
    assert_eq!(world.request(0, 1, 0), Some(true));
}

#[test]
fn leases_that_never_come_back_cost_a_quarter_of_the_limit() {
    let mut world = World::new(class("general", 400, 60, false));
    let mut asked = 0;
    while world.request(0, 1, 0) == Some(true) {
        asked += 1;
        world.now += 10;
        if asked % 10 == 0 {
            world.isolates[0].0 = Memory::new(8);
        }
        assert!(asked <= 400);
    }
    assert!((300..400).contains(&asked), "{asked}");
}

/// A clock that slips back has a lease live longer. What is spent then counts a whole window all the same.
#[test]
fn a_lease_that_a_slipping_clock_prolongs_counts_for_a_whole_window() {
    let mut world = World::new(class("general", 40, 10, false));
    world.isolates[0].1 = SKEW_MS;
    world.request(0, 1, 0);
    world.now += 10;
    world.request(0, 1, 0);
    world.isolates[0].1 = 0;
    world.now += LEASE_MS + SKEW_MS - 1;
    for _ in 0..2 {
        assert_eq!(world.request(0, 1, 0), Some(true));
    }
    assert_eq!(world.calls, 2, "two were lent with the second answer");
    world.isolates[0].0 = Memory::new(8);
    world.now += 9_999;
    for _ in 0..60 {
        world.request(1, 1, 0);
    }
    assert_eq!(world.most(10_000), 40);
}
