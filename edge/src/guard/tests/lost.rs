//! What a shard takes for granted once its memory was lost.

use super::{Object, class, subject};
use crate::guard::{Ask, AskedClass, Order, Return, Subject, lease::Lease, stored::HEARTBEAT_KEY};

fn admitted(object: &mut Object, ask: &Ask, times: u32, now_ms: u64) -> u32 {
    let answers = (0..times).filter(|_| object.ask(ask, now_ms).admitted());
    u32::try_from(answers.count()).unwrap()
}

/// Lends to an isolate that is busy: the request that asks counts as well.
fn lend(object: &mut Object, ask: &Ask, now_ms: u64) -> Lease {
    let mut ask = ask.clone();
    ask.lease = true;
    ask.returns = vec![Return {
        class: ask.classes[0].name.clone(),
        id: 0,
        spent: 400,
    }];
    object.ask(&ask, now_ms).leases[0].unwrap()
}

fn ask(class: AskedClass) -> Ask {
    Ask::new(subject("ip:192.0.2.1"), vec![class])
}

/// A lease that the shard forgot is spent after its memory was lost.
#[test]
fn what_was_lent_before_is_taken_for_granted_for_as_long_as_it_may_be_spent() {
    let mut object = Object::new(0);
    let ask = ask(class("general", 400, 10, false));
    let lease = lend(&mut object, &ask, 5_000);
    object.evict(5_001);
    // All of it is spent at 9,900; a window later most of the limit may be, and not all.
    let count = lease.size + admitted(&mut object, &ask, 500, 17_100);
    assert!(count <= 400, "{count}");
}

#[test]
fn a_quarter_of_the_burst_is_taken_for_granted_as_well() {
    let mut object = Object::new(0);
    let ask = ask(AskedClass {
        burst: Some(40),
        ..class("general", 4_000, 60, false)
    });
    let lease = lend(&mut object, &ask, 5_000);
    object.evict(5_001);
    let count = lease.size + admitted(&mut object, &ask, 100, 9_950);
    assert!(lease.size > 0 && count <= 40, "{count}");
}

/// Its heartbeat is a minute old at most: all that was counted since may be lost.
#[test]
fn a_shard_that_comes_back_owes_what_it_counted_since_its_heartbeat() {
    let mut object = Object::new(0);
    let ask = ask(class("general", 8, 60, false));
    object.ask(&Ask::new(subject("user:a"), ask.classes.clone()), 1_000);
    let mut count = admitted(&mut object, &ask, 2, 50_000);
    object.evict(100_000);
    count += admitted(&mut object, &ask, 20, 100_000);
    assert_eq!(count, 8);
}

#[test]
fn a_shard_that_lost_its_heartbeat_assumes_the_worst() {
    let mut object = Object::new(0);
    let ask = ask(class("general", 8, 60, false));
    let strict = Ask::new(subject("user:a"), vec![class("login", 8, 60, true)]);
    object.ask(&strict, 5_000);
    let mut count = admitted(&mut object, &ask, 2, 5_000);
    object.rows.remove(HEARTBEAT_KEY).unwrap();
    object.evict(5_001);
    count += admitted(&mut object, &ask, 20, 5_001);
    assert_eq!(count, 8);
}

#[test]
fn a_lease_of_before_is_none_of_those_lent_since() {
    let mut object = Object::new(0);
    let ask = ask(class("general", 400, 60, false));
    let before = lend(&mut object, &ask, 5_000);
    object.evict(5_001);
    assert_ne!(lend(&mut object, &ask, 5_001).id, before.id);
    object.evict(5_002);
    assert_ne!(lend(&mut object, &ask, 5_002).id, before.id);
}

/// A row that lies ahead by a slip of the clock stays as it is: the slip may be undone.
#[test]
fn a_clock_that_slips_back_and_on_again_shortens_no_stored_window() {
    let mut object = Object::new(0);
    let ask = ask(class("login", 8, 60, true));
    // When it writes its heartbeat.
    object.ask(&Ask::new(subject("user:a"), ask.classes.clone()), 1_000);
    assert_eq!(admitted(&mut object, &ask, 9, 10_000), 8);
    object.evict(9_000);
    assert_eq!(admitted(&mut object, &ask, 1, 9_000), 0);
    assert_eq!(admitted(&mut object, &ask, 1, 69_999), 0);
    assert_eq!(admitted(&mut object, &ask, 9, 70_000), 8);
}

/// After a step back nobody waits for the clock to catch up with what was stored since the heartbeat.
#[test]
fn a_clock_that_stepped_back_meanwhile_stops_no_window() {
    let (mut object, hour_ms) = (Object::new(0), 3_600_000);
    let ask = ask(class("login", 8, 60, true));
    // When it writes its heartbeat.
    object.ask(
        &Ask::new(subject("user:a"), ask.classes.clone()),
        2 * hour_ms,
    );
    assert_eq!(admitted(&mut object, &ask, 9, 2 * hour_ms + 50_000), 8);
    object.evict(hour_ms);
    assert_eq!(admitted(&mut object, &ask, 1, hour_ms), 0);
    assert_eq!(admitted(&mut object, &ask, 1, hour_ms + 59_999), 0);
    assert_eq!(admitted(&mut object, &ask, 9, hour_ms + 60_000), 8);
}

#[test]
fn a_row_of_which_all_was_taken_back_is_deleted() {
    let mut object = Object::new(0);
    let ask = ask(class("login", 8, 60, true));
    let at_ms = object.ask(&ask, 5_000).at_ms;
    assert_eq!(object.subjects_stored(), 1);
    take_back(&mut object, &ask, at_ms, 5_001);
    assert_eq!(object.subjects_stored(), 0);
}

fn take_back(object: &mut Object, ask: &Ask, at_ms: u64, now_ms: u64) {
    let classes = ask.classes.clone();
    object.order(&ask.subject, Order::Refund { classes, at_ms }, now_ms);
}

fn neighbour(n: u32) -> Subject {
    subject(&format!("ip:2001:db8:1:{n:x}::/64"))
}

/// A /48 with so many stored clients that its others are counted by their /56: of one of these, which
/// was counted by itself before, two admissions, and of the /56 four since.
fn crowded(at_ms: u64) -> (Object, Ask, Ask) {
    let general = vec![class("general", 8, 60, false)];
    let (who, other) = (
        Ask::new(neighbour(0xfff1), general.clone()),
        Ask::new(neighbour(0xfff2), general),
    );
    let mut object = Object::new(0);
    // When it writes its heartbeat.
    object.ask(&Ask::new(subject("user:a"), who.classes.clone()), 1_000);
    assert_eq!(admitted(&mut object, &who, 2, at_ms), 2);
    for n in 1..=256 {
        let login = vec![class("login", 3, 60, true)];
        object.ask(&Ask::new(neighbour(n * 200), login), at_ms);
    }
    assert_eq!(admitted(&mut object, &other, 4, at_ms + 1), 4);
    assert!(object.rows.contains_key("ip:2001:db8:1:ff00::/56"));
    (object, who, other)
}

/// What a client is given back that was forgotten is not taken from the network which is counted now.
#[test]
fn what_was_forgotten_cannot_be_taken_back_from_neighbours() {
    let (mut object, who, other) = crowded(5_000);
    object.shard.max_subjects = object.shard.len();
    // Somebody else needs the room.
    object.ask(
        &Ask::new(subject("user:b"), vec![class("login", 3, 60, true)]),
        7_000,
    );
    take_back(&mut object, &who, 5_000, 7_001);
    take_back(&mut object, &who, 5_000, 7_001);
    assert!(4 + admitted(&mut object, &other, 20, 7_002) <= 8);
}

/// The same where the clock has slipped back since, so that what was forgotten lies ahead of it.
#[test]
fn nor_after_an_eviction_and_a_slip_of_the_clock() {
    let (mut object, who, other) = crowded(5_000);
    object.evict(3_200);
    take_back(&mut object, &who, 5_000, 3_200);
    take_back(&mut object, &who, 5_000, 3_200);
    assert!(4 + admitted(&mut object, &other, 20, 3_201) <= 8);
}
