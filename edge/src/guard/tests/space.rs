//! Bounds of memory, forgetting, and what is stored.

use super::{Object, class, jail, subject};
use crate::guard::{Ask, Lock, Message, Order, Part, Rows, Shard, Unanswered, Unread, Verdict};
use std::{cell::RefCell, collections::BTreeMap};

fn ask(n: u32, strict: bool) -> Message {
    let class = class("general", 8, 60, strict);
    Message::Ask(Ask::new(subject(&format!("user:{n}")), vec![class]))
}

#[test]
fn quiet_windows_are_not_stored_and_those_beyond_a_quarter_are() {
    let mut object = Object::new(0);
    object.send(&ask(1, false), 1).unwrap();
    object.send(&ask(1, false), 2).unwrap();
    assert_eq!(object.subjects_stored(), 0);
    object.send(&ask(1, false), 3).unwrap();
    assert_eq!(object.subjects_stored(), 1);
    object.send(&ask(2, true), 4).unwrap();
    assert_eq!(object.subjects_stored(), 2);
    object.alarm(70_000);
    assert_eq!(object.subjects_stored(), 0, "rows leave");
}

#[test]
fn a_full_shard_forgets_the_quiet_and_keeps_the_stored() {
    let mut object = Object::new(0);
    object.shard.max_subjects = 8;
    for n in 0..11 {
        object
            .send(&ask(n, false), 2_000 + u64::from(n) * 1_100)
            .unwrap();
    }
    assert_eq!(
        object.subjects_stored(),
        3,
        "who came after the forgetting is taken to have a past, and is stored"
    );
    let mut object = Object::new(0);
    object.shard.max_subjects = 8;
    let passes = |object: &mut Object, n, now_ms| {
        let answer = object.send(&ask(n, true), now_ms).unwrap();
        answer.contains(" pass ")
    };
    for n in 0..40 {
        let now_ms = 5_000 + u64::from(n) * 1_000;
        assert!((0..8).all(|_| passes(&mut object, n, now_ms)));
        assert!(object.shard.len() <= 8);
    }
    assert_eq!(object.subjects_stored(), 40);
    assert!((0..40).rev().all(|n| !passes(&mut object, n, 64_999)));
    assert!(passes(&mut object, 0, 65_000));
}

/// A probe from each of more addresses than a shard holds must not close the login to everybody, and
/// nothing that is stored is lost: an operator's ban, a jail's, a strike, a lock.
#[test]
fn what_is_stored_leaves_memory_and_comes_back() {
    let mut object = Object::new(0);
    object.shard.max_subjects = 4;
    let address = |n: u32| subject(&format!("ip:192.0.2.{n}"));
    let lock = Lock {
        source: None,
        until_ms: 900_000,
        delay_ms: 0,
    };
    object.order(&subject("account:locked"), Order::Lock(lock), 1);
    let ban = Order::Ban {
        until_ms: 900_000,
        reason: "by hand".into(),
        actor: "operator".into(),
    };
    object.order(&address(200), ban, 1);
    for n in 0..30 {
        let banned = object.strike(
            &address(n),
            1,
            &jail(2, 86_400, 600, 900),
            5_000 * u64::from(n),
        );
        assert_eq!(banned, None);
    }
    let now_ms = 200_000;
    assert!(object.send(&ask(9, true), now_ms).is_ok());
    for n in 0..30 {
        let at_ms = now_ms + 5_000 * u64::from(n);
        let banned = object.strike(&address(n), 1, &jail(2, 86_400, 600, 900), at_ms);
        assert!(banned.is_some(), "its second, {n}");
    }
    let mut verdict = |who| object.ask(&Ask::new(who, vec![]), 400_000).verdict;
    assert!(matches!(verdict(address(3)), Verdict::Banned { .. }));
    assert!(matches!(verdict(address(200)), Verdict::Banned { .. }));
    assert!(matches!(
        verdict(subject("account:locked")),
        Verdict::Locked { .. }
    ));
}

/// A message has its own rows read, and each once while they are in memory.
#[test]
fn a_cold_shard_reads_what_its_message_is_about() {
    struct Counted<'a>(&'a BTreeMap<String, String>, RefCell<Vec<String>>);
    impl Rows for Counted<'_> {
        fn row(&self, key: &str) -> Result<Option<String>, Unread> {
            self.1.borrow_mut().push(key.to_owned());
            Rows::row(self.0, key)
        }
        fn is_empty(&self) -> Result<bool, Unread> {
            Rows::is_empty(self.0)
        }
        fn each(&self, _: Part, _: &mut dyn FnMut(&str, &str)) -> Result<(), Unread> {
            Err(Unread)
        }
    }
    struct Broken;
    impl Rows for Broken {
        fn row(&self, _: &str) -> Result<Option<String>, Unread> {
            Err(Unread)
        }
        fn is_empty(&self) -> Result<bool, Unread> {
            Err(Unread)
        }
        fn each(&self, _: Part, _: &mut dyn FnMut(&str, &str)) -> Result<(), Unread> {
            Err(Unread)
        }
    }
    let mut object = Object::new(0);
    for n in 0..1_000 {
        object.send(&ask(n, true), 5_000).unwrap();
    }
    let rows = Counted(&object.rows, RefCell::default());
    let mut shard = Shard::open(&rows, 6_000).unwrap();
    let v6 = |n: u32| {
        let who = subject(&format!("ip:2001:db8:1:{n}::/64"));
        Message::Ask(Ask::new(who, vec![class("general", 8, 60, true)]))
    };
    for message in [
        ask(7, true),
        ask(7, true),
        ask(2_000, true),
        v6(1),
        v6(1),
        v6(2),
    ] {
        shard.step(&message, &rows, 6_001).unwrap();
    }
    let wanted = [
        "shard",
        "user:7",
        "user:2000",
        "ip:2001:db8:1:1::/64",
        "ip:2001:db8:1::/56",
        "ip:2001:db8:1::/48",
        "ip:2001:db8:1:2::/64",
    ];
    assert_eq!(*rows.1.borrow(), wanted);
    // Without its row nobody is answered.
    assert!(Shard::open(&Broken, 6_000).is_err());
    let unread = shard.step(&ask(8, true), &Broken, 6_002);
    assert_eq!(unread, Err(Unanswered::Unread(Unread)));
    assert!(shard.step(&ask(7, true), &Broken, 6_002).is_ok());
}

/// The 65,536 clients of one /48 must not close the login to everybody else.
#[test]
fn one_subscriber_does_not_fill_a_shard() {
    let login = |who: &str| {
        let class = class("login", 3, 60, true);
        Message::Ask(Ask::new(subject(who), vec![class]))
    };
    let client = |n: u32| format!("ip:2001:db8:1:{n:x}::/64");
    let mut object = Object::new(0);
    object.shard.max_subjects = 600;
    for n in 1..=2_000 {
        let who = client(n * 32);
        assert!(object.send(&login(&who), 5_000).is_ok(), "{n}");
    }
    assert!(object.shard.len() <= 512, "{}", object.shard.len());
    assert!(object.send(&login("ip:192.0.2.9"), 5_001).is_ok());
    // A client that is new has what its /56 has left, also after an eviction.
    let admitted = |object: &mut Object, now_ms| {
        let answers = (0..5).map(|_| object.send(&login(&client(63_000)), now_ms).unwrap());
        answers.filter(|answer| answer.contains(" pass ")).count()
    };
    let first = admitted(&mut object, 5_002);
    object.evict(5_003);
    assert!(first + admitted(&mut object, 5_004) <= 3);
    // Once they have gone it is counted by itself, but for what its /56 counted in its place.
    object.alarm(200_000);
    assert_eq!(object.shard.len(), 0);
    assert_eq!(admitted(&mut object, 200_001), 3);
    assert_eq!(object.subjects_stored(), 1);
}

/// A /48 with more stored clients than are counted one by one, and a class of eight for the others.
fn crowded() -> (Object, impl Fn(u32) -> Ask) {
    let client = |n: u32| subject(&format!("ip:2001:db8:1:{n:x}::/64"));
    let ask = move |n| Ask::new(client(n), vec![class("general", 8, 60, false)]);
    (Object::new(0), ask)
}

fn crowd(object: &mut Object) {
    for n in 1..=256 {
        let who = subject(&format!("ip:2001:db8:1:{:x}::/64", n * 200));
        object.ask(&Ask::new(who, vec![class("login", 3, 60, true)]), 5_000);
    }
}

#[test]
fn a_refusal_gives_no_window_of_its_own_to_who_is_counted_by_its_network() {
    let (mut object, ask) = crowded();
    crowd(&mut object);
    let mut ask = ask(0xfff1);
    ask.jails = vec![jail(100, 600, 600, 900)];
    let admitted = (0..30).filter(|_| object.ask(&ask, 5_002).admitted());
    assert_eq!(admitted.count(), 8);
}

#[test]
fn who_is_forgotten_and_then_counted_by_its_network_is_never_above() {
    let (mut object, ask) = crowded();
    let pass = |object: &mut Object, n, times, now_ms| {
        let answers = (0..times).filter(|_| object.ask(&ask(n), now_ms).admitted());
        answers.count()
    };
    assert_eq!(pass(&mut object, 0xfff1, 2, 4_000), 2);
    crowd(&mut object);
    assert_eq!(pass(&mut object, 0xfff2, 1, 5_001), 1, "by the network");
    object.shard.max_subjects = object.shard.len();
    // Somebody else needs the room.
    object.ask(
        &Ask::new(subject("user:a"), vec![class("login", 3, 60, true)]),
        7_000,
    );
    let before = 2;
    assert!(before + pass(&mut object, 0xfff1, 20, 7_001) <= 8);
}

#[test]
fn a_row_that_cannot_be_read_stops_its_subject_alone() {
    let mut object = Object::new(0);
    object.send(&ask(1, true), 1).unwrap();
    object.rows.insert("user:1".into(), "{\"v\":3}".into());
    object.evict(2);
    assert_eq!(object.send(&ask(1, true), 3), Err(Unanswered::Unreadable));
    assert!(object.send(&ask(2, true), 3).is_ok());
}

#[test]
fn the_alarm_is_set_once_and_follows_the_rows() {
    let mut object = Object::new(0);
    let step = |object: &mut Object, now| {
        let step = object
            .shard
            .receive(&ask(1, true).to_text(), &object.rows, now)
            .unwrap();
        object.write(step.changes);
        step.alarm_ms
    };
    let hour_ms = 3_600_000;
    assert_eq!(step(&mut object, 1_000), Some(hour_ms));
    assert_eq!(step(&mut object, 30_000), None);
    object.evict(40_000);
    assert_eq!(step(&mut object, 50_000), Some(hour_ms), "never put off");
    assert_eq!(step(&mut object, hour_ms - 1), None);
    assert_eq!(
        object.alarm(hour_ms),
        Some(2 * hour_ms),
        "one ended, and one not"
    );
    assert_eq!(object.alarm(2 * hour_ms), None);
    assert_eq!(object.subjects_stored(), 0);
}

#[test]
fn a_clock_that_stepped_back_goes_on_from_where_it_was() {
    let hour_ms = 3_600_000;
    let strict = |n| ask(n, true);
    let passes = |object: &mut Object, now_ms: u64| {
        let answer = object.send(&strict(1), now_ms).unwrap();
        answer.contains(" pass ")
    };
    let mut object = Object::new(2 * hour_ms);
    for _ in 0..8 {
        assert!(passes(&mut object, 2 * hour_ms));
    }
    // Back by an hour, and once more: the window is a minute by the clock's own pace.
    for now_ms in [hour_ms, hour_ms + 29_999, 0, 29_999] {
        assert!(!passes(&mut object, now_ms), "{now_ms}");
    }
    assert!(passes(&mut object, 30_002));
    // What is stored lies ahead of the clock: the same after an eviction.
    let mut object = Object::new(2 * hour_ms);
    for _ in 0..8 {
        assert!(passes(&mut object, 2 * hour_ms));
    }
    object.evict(hour_ms);
    assert!(!passes(&mut object, hour_ms));
    assert!(!passes(&mut object, hour_ms + 59_999));
    assert!(passes(&mut object, hour_ms + 60_000));
    // The platform's clock catches up: no time is counted twice.
    assert!(passes(&mut object, 2 * hour_ms + 60_001));
    for _ in 0..6 {
        let _ = passes(&mut object, 2 * hour_ms + 60_002);
    }
    assert!(!passes(&mut object, 2 * hour_ms + 119_999));
}

/// A row that still had what was taken back was once taken for a part of the quarter that is assumed after
/// memory was lost: when that left the window, two more were admitted than the limit.
#[test]
fn what_was_taken_back_does_not_stand_for_what_was_forgotten() {
    let mut object = Object::new(0);
    let classes = vec![class("general", 8, 60, false)];
    let who = subject("user:1");
    let ask = Ask::new(who.clone(), classes.clone());
    let admitted = |object: &mut Object, times, now_ms| {
        let answers = (0..times).filter(|_| object.ask(&ask, now_ms).admitted());
        answers.count()
    };
    // Beyond a quarter: stored.
    assert_eq!(admitted(&mut object, 3, 1_000), 3);
    assert_eq!(object.subjects_stored(), 1);
    for _ in 0..3 {
        let classes = classes.clone();
        let refund = Order::Refund {
            classes,
            at_ms: 1_000,
        };
        object.order(&who, refund, 1_500);
    }
    let mut count = admitted(&mut object, 2, 2_000);
    object.evict(2_500);
    count += admitted(&mut object, 1, 3_000);
    count += admitted(&mut object, 20, 61_500);
    // All of it since 2,000, in less than a minute.
    assert_eq!(count, 8);
}
