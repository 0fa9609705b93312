//! How much a shard and an isolate keep at most.

use super::{Object, class, jail, subject};
use crate::guard::{
    Answer, Ask, Memory, Message, Order, Recall, Rows, Shard, Unanswered, Unread, Verdict,
    shard::Part, wire::Shown,
};
use serde_json::Value;
use std::{
    cell::Cell,
    collections::{BTreeMap, HashSet},
};

fn named(n: u32) -> Message {
    let class = class("login", 8, 600, true);
    Message::Ask(Ask::new(subject(&format!("user:{n}")), vec![class]))
}

fn shown(object: &mut Object, who: &str, now_ms: u64) -> Shown {
    let text = object.order(&subject(who), Order::Show, now_ms);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn room_is_looked_for_once_a_second_and_who_is_new_meanwhile_is_not_answered() {
    let mut object = Object::new(0);
    object.shard.max_subjects = 8;
    let mut send = |n: u32, now_ms| object.send(&named(n), now_ms).map(|_| ());
    for n in 0..8 {
        assert_eq!(send(n, 5_000 + u64::from(n)), Ok(()));
    }
    // A quarter leaves, and room is used up again.
    let full = (8..20).find(|n| send(*n, 6_000) == Err(Unanswered::Full));
    assert!(full.is_some_and(|n| n > 8), "{full:?}");
    assert_eq!(send(21, 6_999), Err(Unanswered::Full));
    assert_eq!(send(7, 6_999), Ok(()), "who is known is answered");
    assert_eq!(send(21, 7_000), Ok(()));
}

#[test]
fn log_entries_are_bounded_and_those_that_are_stored_come_back() {
    let mut object = Object::new(0);
    object.shard.max_entries = 128;
    for n in 0..40 {
        let now_ms = 5_000 + 1_000 * u64::from(n);
        for k in 0..8 {
            assert!(object.send(&named(n), now_ms + k).is_ok(), "{n}");
        }
        assert!(object.shard.entries() <= 128 + 8, "{n}");
    }
    for n in 0..40 {
        let again = object.send(&named(n), 50_000 + 2_000 * u64::from(n));
        assert!(again.unwrap().contains(" limit "), "{n}");
    }
}

/// What one message is about stays in memory until it is answered: a ban that it began would not be told.
#[test]
fn whom_a_message_is_about_makes_no_room() {
    let mut object = Object::new(0);
    object.shard.max_subjects = 4;
    let (who, login) = (subject("ip:2001:db8:1:1::/64"), jail(2, 600, 600, 600));
    let first = Order::Strike {
        times: 1,
        jails: vec![login.clone()],
        shared: false,
    };
    object.order(&who, first, 1_000);
    for n in 0..3 {
        object.send(&named(n), 2_000 + u64::from(n)).unwrap();
    }
    let banned = object.strike(&who, 1, &login, 5_000);
    assert!(matches!(banned, Some(Verdict::Banned { .. })), "{banned:?}");
}

#[test]
fn quiet_clients_of_one_48_are_4096_and_then_their_56() {
    let mut object = Object::new(0);
    for n in 1..=5_200_u32 {
        let who = subject(&format!("ip:2001:db8:1:{:x}::/64", n * 12));
        object.ask(&Ask::new(who, vec![class("general", 8, 60, false)]), 5_000);
    }
    let len = object.shard.len();
    assert!((4_096..=4_096 + 256).contains(&len), "{len}");
}

#[test]
fn subjects_without_a_row_are_remembered_as_many_as_those_with_one() {
    struct Empty(Cell<u32>);
    impl Rows for Empty {
        fn row(&self, _: &str) -> Result<Option<String>, Unread> {
            self.0.set(self.0.get() + 1);
            Ok(None)
        }
        fn is_empty(&self) -> Result<bool, Unread> {
            Ok(true)
        }
        fn each(&self, _: Part, _: &mut dyn FnMut(&str, &str)) -> Result<(), Unread> {
            Ok(())
        }
    }
    let mut shard = Shard::open(&BTreeMap::new(), 0).unwrap();
    shard.max_subjects = 8;
    let mut reads = |n: u32| {
        let rows = Empty(Cell::new(0));
        let message = Message::Order(subject(&format!("user:{n}")), Order::Show);
        shard.step(&message, &rows, 1).unwrap();
        rows.0.get()
    };
    assert!((0..8).all(|n| reads(n) == 1));
    assert!((0..8).all(|n| reads(n) == 0), "known to have none");
    assert_eq!((reads(8), reads(8)), (1, 0));
    assert_eq!(reads(0), 1, "forgotten to make room");
}

#[test]
fn a_subject_is_counted_in_64_classes_until_some_have_passed() {
    let mut object = Object::new(0);
    let ask = |names: std::ops::Range<u32>| {
        let classes = names.map(|n| class(&format!("c{n}"), 8, 60, true));
        Message::Ask(Ask::new(subject("user:a"), classes.collect()))
    };
    for n in 0..4 {
        assert!(object.send(&ask(16 * n..16 * n + 16), 5_000).is_ok());
    }
    assert_eq!(object.send(&ask(64..65), 5_001), Err(Unanswered::Classes));
    assert!(object.send(&ask(64..65), 65_001).is_ok());
}

#[test]
fn strikes_are_kept_in_16_jails_of_a_client() {
    let mut object = Object::new(0);
    for n in 0..17 {
        let mut jail = jail(9, 600, 600, 600);
        jail.name = format!("j{n}");
        assert_eq!(object.strike(&subject("user:a"), 1, &jail, 5_000 + n), None);
    }
    let shown = shown(&mut object, "user:a", 6_000);
    let names: HashSet<String> = shown.strikes.into_iter().map(|(name, _)| name).collect();
    let kept: HashSet<String> = (1..17).map(|n| format!("j{n}")).collect();
    assert_eq!(names, kept, "the oldest gives way");
}

#[test]
fn of_a_48_the_latest_512_strikes_in_a_jail_are_kept() {
    let (mut object, many) = (Object::new(0), jail(1_000, 600, 600, 600));
    for round in 0..3 {
        for network in 1..256 {
            let who = subject(&format!("ip:2001:db8:1:{network:x}00::/64"));
            object.strike(&who, 1, &many, 100_000 * (round + 1));
        }
    }
    let row: Value = serde_json::from_str(&object.rows["ip:2001:db8:1::/48"]).unwrap();
    let struck = row["struck"]["login"][1].as_array().unwrap();
    assert_eq!(struck.len(), 512);
    let late = |strike: &&Value| strike[0].as_u64() > Some(200_000);
    assert_eq!(
        struck.iter().filter(late).count(),
        2 * 255,
        "the oldest leave"
    );
}

#[test]
fn of_denials_that_are_over_a_thousand_wait_for_the_log() {
    let classes = [class("few", 2, 60, false)];
    let mut memory = Memory::new(3_000);
    let denied = Answer::parse("2 1 limit 0:4000:4000 -", 1).unwrap();
    for n in 0..1_200 {
        let who = subject(&format!("user:{n}"));
        memory.learn(&who, &classes, &denied, 1_000, 1_000);
        let recall = memory.recall(&who, &classes, 1_000);
        assert!(matches!(recall, Recall::Refused(_)));
    }
    let mut told = 0;
    loop {
        match memory.over(9_000).len() {
            0 => break,
            some => told += some,
        }
    }
    assert_eq!(told, 1_000);
}
