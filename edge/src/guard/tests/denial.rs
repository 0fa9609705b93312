//! What an isolate tells of its refusals once they are over.

use super::{class, subject};
use crate::guard::{
    Answer, AskedClass, Memory, Recall, Repetition, Subject, Verdict, lease::Denied,
};
use std::{cell::Cell, rc::Rc};

const BAN: &str = "2 1 ban;90000;ip:192.0.2.1;waf - -";

struct Isolate {
    memory: Memory,
    who: Subject,
    classes: Vec<AskedClass>,
}

impl Isolate {
    fn new(who: &str) -> Self {
        Self {
            memory: Memory::new(8),
            who: subject(who),
            classes: vec![class("few", 2, 60, false)],
        }
    }

    fn learn(&mut self, answer: &str, now_ms: u64) {
        let classes = usize::from(!answer.contains(" ban;"));
        let answer = Answer::parse(answer, classes).unwrap();
        self.memory
            .learn(&self.who, &self.classes, &answer, now_ms, now_ms);
    }

    fn refuse(&mut self, times: u32, now_ms: u64) {
        for _ in 0..times {
            let recall = self.memory.recall(&self.who, &self.classes, now_ms);
            assert!(matches!(recall, Recall::Refused(_)), "{recall:?}");
        }
    }

    fn over(&mut self, now_ms: u64) -> Vec<(String, Option<String>, u32)> {
        let told = self.memory.over(now_ms).into_iter();
        told.map(|over: Denied| (over.subject.to_string(), over.class, over.count))
            .collect()
    }
}

#[test]
fn an_exhausted_class_is_told_once_when_it_has_room_again() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.learn("2 1 limit 0:4000:4000 -", 1_000);
    isolate.refuse(3, 2_000);
    // Another question was under way and is answered alike: the same denial.
    isolate.learn("2 1 limit 0:3500:3500 -", 1_600);
    isolate.refuse(4, 3_000);
    assert!(isolate.over(4_999).is_empty(), "it goes on");
    let told = isolate.over(5_100);
    assert_eq!(told, [("ip:192.0.2.1".into(), Some("few".into()), 7)]);
    assert!(isolate.over(9_000).is_empty(), "once");
}

#[test]
fn a_ban_is_told_by_the_minute_and_when_it_is_lifted() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.learn(BAN, 0);
    isolate.refuse(5, 30_000);
    assert!(isolate.over(59_999).is_empty());
    assert_eq!(isolate.over(60_000), [("ip:192.0.2.1".into(), None, 5)]);
    isolate.learn(BAN, 61_000);
    isolate.refuse(2, 61_500);
    isolate.memory.lift(&subject("ip:192.0.2.1"));
    assert_eq!(isolate.over(61_500), [("ip:192.0.2.1".into(), None, 2)]);
}

#[test]
fn what_is_given_back_is_no_part_of_a_later_lease() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    let passes =
        |isolate: &mut Isolate| isolate.memory.recall(&isolate.who, &isolate.classes, 1_000);
    isolate.learn("2 1 pass 9:4000:0 1:5", 1_000);
    let Recall::Admitted(spent) = passes(&mut isolate) else {
        panic!("a lease covers it");
    };
    // Another request asks and hands the lease back, spending and all.
    let more = [isolate.classes[0].clone(), class("other", 9, 60, false)];
    let asked = isolate.memory.recall(&isolate.who, &more, 1_000);
    assert!(matches!(asked, Recall::Ask(returned) if returned[0].spent == 1));
    isolate.learn("2 1 pass 9:4000:0 2:1", 1_000);
    assert!(matches!(passes(&mut isolate), Recall::Admitted(_)));
    // The first is refused by somebody else: the shard has counted it.
    let (who, classes) = (isolate.who.clone(), isolate.classes.clone());
    isolate.memory.refund(&who, &classes, &spent);
    assert!(matches!(passes(&mut isolate), Recall::Ask(_)));
}

#[test]
fn a_lease_that_comes_after_the_clock_stepped_back_is_not_spent() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    let (who, classes) = (isolate.who.clone(), isolate.classes.clone());
    let lent = Answer::parse("2 1 pass 9:4000:0 1:5", 1).unwrap();
    for (now_ms, spends) in [(8_000, true), (7_999, false)] {
        isolate.memory = Memory::new(8);
        isolate.memory.learn(&who, &classes, &lent, 10_000, now_ms);
        let recall = isolate.memory.recall(&who, &classes, now_ms);
        assert_eq!(matches!(recall, Recall::Admitted(_)), spends, "{now_ms}");
    }
}

#[test]
fn an_address_that_no_class_counts_is_asked_about_once_in_a_while() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.classes.clear();
    let who = isolate.who.clone();
    let pass = Answer::parse("2 1 pass - -", 0).unwrap();
    isolate.memory.learn(&who, &[], &pass, 1_000, 1_000);
    let mut at = |now_ms| isolate.memory.recall(&who, &[], now_ms);
    assert_eq!(at(5_999), Recall::Admitted(Vec::new()));
    assert_eq!(at(6_000), Recall::Ask(Vec::new()));
    isolate.learn(BAN, 6_000);
    isolate.refuse(1, 6_001);
    // An account's locks are another matter: they are asked about with each login.
    let account = subject("account:a");
    isolate.memory.learn(&account, &[], &pass, 7_000, 7_000);
    let recall = isolate.memory.recall(&account, &[], 7_000);
    assert_eq!(recall, Recall::Ask(Vec::new()));
}

#[test]
fn an_admission_ends_a_denial_and_so_does_being_forgotten() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.learn("2 1 limit 0:4000:4000 -", 1_000);
    isolate.refuse(3, 2_000);
    isolate.learn("2 1 pass 1:4000:0 -", 2_100);
    assert_eq!(isolate.over(2_100).len(), 1);

    isolate.learn("2 1 limit 0:60000:60000 -", 3_000);
    isolate.refuse(1, 3_500);
    for n in 2..30 {
        isolate.who = subject(&format!("ip:192.0.2.{n}"));
        isolate.learn("2 1 limit 0:60000:60000 -", 3_500 + n);
    }
    let told = isolate.over(4_000);
    assert_eq!(told, [("ip:192.0.2.1".into(), Some("few".into()), 1)]);
}

#[test]
fn who_was_refused_nothing_from_memory_is_not_told() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.learn("2 1 limit 0:4000:4000 -", 1_000);
    isolate.learn(BAN, 1_000);
    assert!(isolate.over(100_000).is_empty());
}

#[test]
fn what_was_not_reported_as_strikes_is_left_for_the_end() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.learn("2 1 limit 0:4000:4000 -", 1_000);
    isolate.refuse(9, 2_000);
    assert_eq!(isolate.memory.report(&isolate.who, "few"), 9);
    assert_eq!(isolate.memory.report(&isolate.who, "few"), 0);
    isolate.refuse(3, 3_000);
    let over = isolate.memory.over(5_100);
    assert_eq!((over[0].count, over[0].unreported), (12, 3));
    isolate.learn("2 1 limit 0:4000:4000 -", 6_000);
    isolate.refuse(2, 7_000);
    let over = isolate.memory.over(10_100);
    assert_eq!((over[0].count, over[0].unreported), (2, 2), "counted anew");
    isolate.learn(BAN, 11_000);
    isolate.refuse(2, 12_000);
    let over = isolate.memory.over(90_000);
    assert_eq!(
        (over[0].count, over[0].unreported),
        (2, 0),
        "a ban has none"
    );
}

#[test]
fn a_ban_that_began_with_an_answer_is_told_once() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.learn(BAN, 0);
    assert!(isolate.memory.begun().is_empty(), "it held before");
    isolate.learn("2 1 jail;90000;ip:192.0.2.1;limit - -", 0);
    assert_eq!(isolate.memory.begun().len(), 1);
    assert!(isolate.memory.begun().is_empty());
    let Recall::Refused(refusal) = isolate.memory.recall(&isolate.who, &isolate.classes, 1) else {
        panic!("not refused");
    };
    assert!(matches!(
        refusal.verdict,
        Verdict::Banned { began: false, .. }
    ));
}

#[test]
fn of_several_exhausted_classes_the_one_that_lasts_longest_refuses() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.classes = vec![class("few", 2, 60, false), class("day", 9, 600, false)];
    let answer = Answer::parse("2 1 limit 0:4000:4000,0:300000:300000 -", 2).unwrap();
    isolate
        .memory
        .learn(&isolate.who, &isolate.classes, &answer, 0, 0);
    let Recall::Refused(refusal) = isolate.memory.recall(&isolate.who, &isolate.classes, 1) else {
        panic!("not refused");
    };
    let (name, standing) = refusal.class.as_ref().unwrap();
    assert_eq!((name.as_str(), standing.wait_ms), ("day", 299_999));
    let standings = refusal.standings(&isolate.classes);
    assert_eq!(standings, [None, Some(*standing)]);
}

#[test]
fn what_the_platform_repeats_counts_as_soon_as_somebody_asks() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    let who = isolate.who.clone();
    isolate.learn("2 1 limit 0:4000:4000 -", 1_000);
    isolate.refuse(3, 2_000);
    isolate
        .memory
        .repeat(&who, Some("few"), Repetition::new(|| 5));
    isolate.refuse(1, 2_000);
    isolate
        .memory
        .repeat(&who, Some("few"), Repetition::new(|| 7));
    assert_eq!(isolate.memory.report(&who, "few"), 16);
    isolate
        .memory
        .repeat(&who, Some("few"), Repetition::new(|| 1));
    let over = isolate.memory.over(5_000);
    assert_eq!((over[0].count, over[0].unreported), (17, 1));

    isolate.learn(BAN, 6_000);
    isolate.refuse(10, 6_000);
    isolate.memory.repeat(&who, None, Repetition::new(|| 20));
    // The same ban, told again.
    isolate.learn(BAN, 7_000);
    isolate.memory.repeat(&who, None, Repetition::new(|| 30));
    isolate.memory.lift(&who);
    assert_eq!(isolate.over(8_000), [("ip:192.0.2.1".into(), None, 60)]);
}

#[test]
fn a_ban_and_news_of_a_class_end_what_is_repeated() {
    let ended = Rc::new(Cell::new(0));
    let repetition = || {
        let ended = ended.clone();
        Repetition::new(move || {
            ended.set(ended.get() + 1);
            0
        })
    };
    let mut isolate = Isolate::new("ip:192.0.2.1");
    let who = isolate.who.clone();
    isolate.learn("2 1 limit 0:4000:4000 -", 1_000);
    isolate.memory.repeat(&who, Some("few"), repetition());
    isolate.learn("2 1 limit 0:3500:3500 -", 1_600);
    assert_eq!(ended.get(), 1);
    isolate.memory.repeat(&who, Some("few"), repetition());
    isolate.learn(BAN, 2_000);
    assert_eq!(ended.get(), 2);
}

#[test]
fn a_refusal_is_the_same_until_a_second_or_the_denial_ends() {
    let same_ms = |answer: &str, now_ms| {
        let mut isolate = Isolate::new("ip:192.0.2.1");
        isolate.learn(answer, 1_000);
        match isolate
            .memory
            .recall(&isolate.who, &isolate.classes, now_ms)
        {
            Recall::Refused(refusal) => refusal.same_ms,
            other => panic!("{other:?}"),
        }
    };
    for (answer, now_ms, expected) in [
        ("2 1 limit 0:9500:9500 -", 1_000, 500),
        ("2 1 limit 0:9500:9500 -", 1_499, 1),
        ("2 1 limit 0:9500:9500 -", 1_500, 1_000),
        ("2 1 limit 0:9500:4200 -", 1_000, 200),
        // Another second's burst is not known.
        ("2 1 limit 0:30000:30000:0 -", 1_300, 700),
        ("2 1 limit 0:90000:90000 -", 60_900, 100),
    ] {
        assert_eq!(same_ms(answer, now_ms), expected, "{answer} at {now_ms}");
    }
    assert_eq!(same_ms(BAN, 2_000), 59_000);
}

#[test]
fn an_admission_that_was_taken_back_ends_a_denial() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.learn("2 1 limit 0:60000:60000 -", 1_000);
    isolate.refuse(2, 1_000);
    let (who, classes) = (isolate.who.clone(), isolate.classes.clone());
    isolate.memory.reopen(&who, &[class("other", 9, 60, false)]);
    isolate.refuse(1, 1_000);
    isolate.memory.reopen(&who, &classes);
    let recall = isolate.memory.recall(&who, &classes, 1_000);
    assert!(matches!(recall, Recall::Ask(_)), "{recall:?}");
    let told = isolate.over(1_000);
    assert_eq!(told, [("ip:192.0.2.1".into(), Some("few".into()), 3)]);
}

#[test]
fn an_exhausted_class_is_asked_about_again_after_a_minute() {
    let mut isolate = Isolate::new("ip:192.0.2.1");
    isolate.learn("2 1 limit 0:300000:300000 -", 1_000);
    isolate.refuse(1, 60_999);
    let recall = isolate
        .memory
        .recall(&isolate.who, &isolate.classes, 61_000);
    assert!(matches!(recall, Recall::Ask(_)), "{recall:?}");
}
