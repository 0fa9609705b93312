//! What a shard lends, what comes back, and what an isolate asks for ahead of need.

use super::{Object, class, subject};
use crate::guard::{
    Answer, Ask, AskedClass, Memory, Recall, Return, Subject, Verdict, lease::Lease,
};

/// A question of an isolate that told how much it asked for lately, one by one.
fn busy(class: &AskedClass, asked: u32) -> Ask {
    let mut ask = returned(class, 0, asked);
    ask.lease = true;
    ask
}

/// A question that brings a lease back.
fn returned(class: &AskedClass, id: u64, spent: u32) -> Ask {
    let mut ask = Ask::new(subject("ip:192.0.2.1"), vec![class.clone()]);
    ask.returns = vec![Return {
        class: class.name.clone(),
        id,
        spent,
    }];
    ask
}

fn lent(object: &mut Object, ask: &Ask, now_ms: u64) -> Option<Lease> {
    let answer = object.ask(ask, now_ms);
    assert!(answer.admitted(), "{answer:?}");
    answer.leases[0]
}

#[test]
fn a_lease_is_a_tenth_a_quarter_of_what_is_left_and_all_are_a_quarter_at_most() {
    let general = class("general", 400, 60, false);
    let sizes = |object: &mut Object, count| -> Vec<Option<u32>> {
        let lease = |_| lent(object, &busy(&general, 400), 5_000).map(|lease| lease.size);
        (0..count).map(lease).collect()
    };
    let mut object = Object::new(0);
    assert_eq!(
        sizes(&mut object, 4),
        [Some(40), Some(40), Some(20), None],
        "a tenth, all together a quarter"
    );
    let mut object = Object::new(0);
    for _ in 0..299 {
        object.ask(&returned(&general, 7, 0), 5_000);
    }
    assert_eq!(sizes(&mut object, 1), [Some(25)], "of a hundred");
}

/// What is lent stands seven seconds ahead: whoever lives on the end of its window would wait that much longer.
#[test]
fn the_end_of_a_window_is_not_lent() {
    for (limit, last) in [(100, 25), (400, 32)] {
        let general = class("general", limit, 60, false);
        for (left, lends) in [(last, true), (last - 1, false)] {
            let mut object = Object::new(0);
            for _ in 0..limit - left - 1 {
                object.ask(&returned(&general, 7, 0), 5_000);
            }
            let lease = lent(&mut object, &busy(&general, 400), 5_000);
            assert_eq!(lease.is_some(), lends, "{left} of {limit}");
        }
    }
}

#[test]
fn no_more_leases_are_out_than_are_kept() {
    let (mut object, general) = (Object::new(0), class("general", 4_000, 60, false));
    let lease = |_| lent(&mut object, &busy(&general, 1), 5_000);
    assert_eq!((0..300).filter_map(lease).count(), 256);
}

#[test]
fn a_strict_class_is_never_lent_nor_what_is_asked_with_it() {
    let mut object = Object::new(0);
    let classes = [
        class("login", 400, 60, true),
        class("general", 400, 60, false),
    ];
    let mut ask = busy(&classes[1], 8);
    ask.returns.extend(busy(&classes[0], 8).returns);
    ask.classes = classes.to_vec();
    assert_eq!(object.ask(&ask, 5_000).leases, [None, None]);
    ask.classes.remove(0);
    ask.returns.pop();
    assert!(object.ask(&ask, 5_000).leases[0].is_some());
}

#[test]
fn what_comes_back_counts_as_what_was_lent_and_from_when_it_was_spent_last() {
    let general = class("general", 400, 30, false);
    let mut object = Object::new(0);
    let lease = lent(&mut object, &busy(&general, 8), 5_000).unwrap();
    assert_eq!(lease.size, 16);
    // No isolate can have spent more of it.
    let answer = object.ask(&returned(&general, lease.id, 9_999), 20_000);
    assert_eq!(answer.standings[0].remaining, 400 - 1 - 16 - 1);
    // It could be spent until 12,000, and leaves a window and a slot later.
    let answer = object.ask(&returned(&general, 7, 0), 42_200);
    assert_eq!(answer.standings[0].remaining, 400 - 1 - 1);
}

#[test]
fn who_used_up_a_second_is_told_how_long_it_is() {
    let mut object = Object::new(0);
    let login = AskedClass {
        burst: Some(2),
        ..class("login", 100, 60, true)
    };
    let ask = Ask::new(subject("ip:192.0.2.1"), vec![login]);
    for now_ms in [5_000, 5_100] {
        assert!(object.ask(&ask, now_ms).admitted());
    }
    let refused = object.ask(&ask, 5_200);
    assert_eq!(refused.verdict, Verdict::Exhausted);
    assert_eq!(refused.standings[0].wait_ms, 800);
}

struct Isolate {
    memory: Memory,
    who: Subject,
    classes: [AskedClass; 1],
}

impl Isolate {
    fn new() -> Self {
        Self {
            memory: Memory::new(8),
            who: subject("ip:192.0.2.1"),
            classes: [class("general", 100, 60, false)],
        }
    }

    fn learn(&mut self, answer: &str, now_ms: u64) {
        let answer = Answer::parse(answer, 1).unwrap();
        self.memory
            .learn(&self.who, &self.classes, &answer, now_ms, now_ms);
    }

    /// How many requests pass without a question.
    fn spend(&mut self, times: u32, now_ms: u64) -> usize {
        let passes = |_: &u32| {
            let recall = self.memory.recall(&self.who, &self.classes, now_ms);
            matches!(recall, Recall::Admitted(_))
        };
        (0..times).filter(passes).count()
    }

    fn asks_ahead(&mut self, now_ms: u64) -> bool {
        let returns = self.memory.ahead(&self.who, &self.classes, now_ms);
        returns.is_some()
    }
}

#[test]
fn the_next_lease_is_asked_for_once_by_who_is_busy_and_not_near_the_limit() {
    for (remaining, asks) in [(25, true), (24, false)] {
        let mut isolate = Isolate::new();
        isolate.learn(&format!("2 1 pass {remaining}:4000:0 1:16"), 1_000);
        assert_eq!(isolate.spend(11, 1_000), 11);
        assert!(!isolate.asks_ahead(1_000), "more than a quarter is left");
        assert_eq!(isolate.spend(1, 1_000), 1);
        assert_eq!(isolate.asks_ahead(1_000), asks, "{remaining}");
        assert!(!isolate.asks_ahead(1_001), "one is under way");
        assert_eq!(isolate.asks_ahead(2_000), asks, "it was lost");
    }
}

#[test]
fn an_isolate_holds_four_leases_of_a_class() {
    let mut isolate = Isolate::new();
    for id in 1..=6 {
        isolate.learn(&format!("2 1 pass 90:4000:0 {id}:1"), 1_000);
    }
    assert_eq!(isolate.spend(9, 1_000), 4);
}

#[test]
fn a_lease_ends_sooner_by_what_the_clock_slipped_back_meanwhile() {
    for (now_ms, passes) in [(13_999, 1), (14_000, 0)] {
        let mut isolate = Isolate::new();
        let answer = Answer::parse("2 1 pass 90:4000:0 1:8", 1).unwrap();
        isolate
            .memory
            .learn(&isolate.who, &isolate.classes, &answer, 10_000, 9_000);
        assert_eq!(isolate.spend(1, now_ms), passes, "{now_ms}");
    }
}

#[test]
fn a_clock_that_stepped_back_ends_leases_and_one_that_slipped_what_is_denied_strictly() {
    for (now_ms, passes) in [(8_000, 1), (7_999, 0)] {
        let mut isolate = Isolate::new();
        isolate.learn("2 1 pass 90:4000:0 1:8", 10_000);
        assert_eq!(isolate.spend(1, now_ms), passes, "{now_ms}");
    }
    for strict in [false, true] {
        let mut isolate = Isolate::new();
        isolate.classes[0].strict = strict;
        isolate.learn("2 1 limit 0:5000:5000 -", 10_000);
        let recall = isolate.memory.recall(&isolate.who, &isolate.classes, 9_999);
        assert_eq!(matches!(recall, Recall::Ask(_)), strict, "{recall:?}");
    }
}
