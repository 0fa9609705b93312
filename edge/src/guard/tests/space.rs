//! Bounds of memory, forgetting, and what is stored.

use super::{Object, class, subject};
use crate::guard::{Ask, Message, Unanswered};

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
    for n in 0..8 {
        object.send(&ask(n, true), 5_000).unwrap();
    }
    assert_eq!(object.send(&ask(9, true), 5_001), Err(Unanswered::Full));
    assert!(
        object.send(&ask(3, true), 5_001).is_ok(),
        "who is known is answered"
    );
    assert!(
        object.send(&ask(9, true), 66_000).is_ok(),
        "the others have passed"
    );
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
        let step = object.shard.receive(&ask(1, true).to_text(), now).unwrap();
        object.write(step.changes);
        step.alarm_ms
    };
    assert_eq!(step(&mut object, 1_000), Some(61_000));
    assert_eq!(step(&mut object, 30_000), None);
    assert_eq!(object.alarm(61_000), Some(121_000));
    assert_eq!(object.alarm(121_000), None);
}
