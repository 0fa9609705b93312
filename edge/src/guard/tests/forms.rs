//! Stored rows and messages that must not change unnoticed.

use super::{Object, class, jail, subject};
use crate::guard::{
    Answer, Ask, BadMessage, Lock, Message, Order, Return, Verdict,
    stored::{BadRow, HEARTBEAT_KEY, from_row, to_row},
};

#[test]
fn stored_format_unchanged() {
    let mut object = Object::new(0);
    let who = subject("ip:2001:db8:1:2::/64");
    let mut general = class("general", 4, 60, false);
    general.burst = Some(4);
    object.ask(
        &Ask::new(who.clone(), vec![class("login", 5, 60, true), general]),
        1_000,
    );
    object.order(
        &who,
        Order::Lock(Lock {
            source: None,
            until_ms: 9_000,
            delay_ms: 7,
        }),
        1_500,
    );
    object.strike(&who, 1, &jail(5, 600, 1_800, 3_600), 1_900);
    let row = &object.rows["ip:2001:db8:1:2::/64"];
    assert_eq!(
        row,
        r#"{"v":2,"at_ms":1900,"windows":{"general":{"window_ms":60000,"log":[[1170,1]],"second":[[1000,1]]},"login":{"window_ms":60000,"log":[[1000,1]]}},"strikes":{"login":[600000,[1900]]},"locks":[["*",9000,7]]}"#
    );
    let (record, at_ms) = from_row(row).unwrap();
    assert_eq!(
        (to_row(&record, at_ms).as_str(), at_ms),
        (row.as_str(), 1_900)
    );
    object.strike(&who, 5, &jail(5, 600, 1_800, 3_600), 3_000);
    let row = &object.rows["ip:2001:db8:1:2::/64"];
    assert!(
        row.contains(r#""ban":[3000,1803000,"login",""],"bans":[1,606603000]"#),
        "{row}"
    );
    assert_eq!(
        object.rows["ip:2001:db8:1::/48"],
        r#"{"v":2,"at_ms":3000,"clients":[["2001:db8:1:2::/64",1803000]],"struck":{"login":[600000,[[37500,0,1]]]}}"#
    );
    assert_eq!(
        object.rows[HEARTBEAT_KEY],
        r#"{"v":2,"at_ms":1000,"starts":0}"#
    );
}

#[test]
fn refuses_rows_that_it_does_not_know() {
    for (row, fault) in [
        ("", BadRow::Malformed),
        ("{}", BadRow::Malformed),
        (
            r#"{"v":1,"keep_until_ms":0,"windows":{}}"#,
            BadRow::Version(1),
        ),
        (r#"{"v":2,"at_ms":0,"x":1}"#, BadRow::Malformed),
        (
            r#"{"v":2,"at_ms":0,"windows":{"a":{"window_ms":1,"log":[[1,4000000000]]}}}"#,
            BadRow::Malformed,
        ),
        (
            r#"{"v":2,"at_ms":0,"ban":[0,99999999999999999,"",""]}"#,
            BadRow::Malformed,
        ),
    ] {
        assert_eq!(from_row(row).map(|_| ()), Err(fault), "{row}");
    }
}

#[test]
fn messages_unchanged() {
    let who = subject("ip:192.0.2.1");
    let mut ask = Ask::new(
        who.clone(),
        vec![
            class("login", 5, 60, true),
            class("general", 100, 60, false),
        ],
    );
    ask.classes[1].burst = Some(20);
    ask.returns = vec![Return {
        class: "general".into(),
        id: 4_294_967_297,
        spent: 3,
    }];
    ask.jails = vec![jail(10, 600, 600, 3_600)];
    ask.source = "192.0.2.1".parse().ok();
    ask.lease = true;
    let ahead = Ask {
        lease: true,
        ahead: true,
        ..Ask::new(who.clone(), vec![class("general", 100, 60, false)])
    };
    let lock = Lock {
        source: "192.0.2.1".parse().ok(),
        until_ms: 5,
        delay_ms: 6,
    };
    let ban = Order::Ban {
        until_ms: 7,
        reason: "a b".into(),
        actor: String::new(),
    };
    let list = Message::List {
        search: String::new(),
        after: None,
        limit: 50,
    };
    let order = |order| Message::Order(who.clone(), order);
    for (message, text) in [
        (
            Message::Ask(ask.clone()),
            "ask/3 ip:192.0.2.1 l 192.0.2.1 login:5:60:-:1:1,general:100:60:20:1:0 general:4294967297:3 login:10:600:600:3600:604800",
        ),
        (
            Message::Ask(ahead),
            "ask/3 ip:192.0.2.1 la - general:100:60:-:1:0 - -",
        ),
        (
            order(Order::Strike {
                times: 3,
                jails: ask.jails.clone(),
                shared: false,
            }),
            "strike/2 ip:192.0.2.1 3 login:10:600:600:3600:604800",
        ),
        (
            order(Order::Strike {
                times: 1,
                jails: ask.jails.clone(),
                shared: true,
            }),
            "strike/2 ip:192.0.2.1 1 login:10:600:600:3600:604800 shared",
        ),
        (
            order(Order::Refund {
                classes: vec![class("general", 9, 60, false)],
                at_ms: 8,
            }),
            "refund/2 ip:192.0.2.1 8 general:9:60:-:1:0",
        ),
        (
            order(Order::Lock(lock)),
            "lock/2 ip:192.0.2.1 192.0.2.1 5 6",
        ),
        (order(ban), "ban/2 ip:192.0.2.1 7 a%20b %"),
        (order(Order::Lift), "lift/2 ip:192.0.2.1"),
        (order(Order::Show), "show/2 ip:192.0.2.1"),
        (list, "list/2 - 50 %"),
    ] {
        assert_eq!(message.to_text(), text);
        assert_eq!(Message::parse(text), Ok(message));
    }
}

#[test]
fn answers_unchanged() {
    for (text, count) in [
        ("2 1000 pass 4:60000:0,9:1:0 -,4294967297:4", 2),
        ("2 1000 limit 0:60000:60000 -", 1),
        ("2 1000 pass - -", 0),
        ("2 1000 pass 90:60000:0:9 -", 1),
        ("2 1000 ban;5000;ip:2001:db8:1::/48;a%20b - -", 3),
        ("2 1000 jail;5000;ip:192.0.2.1;limit - -", 1),
        ("2 1000 lock;5000;250 - -", 1),
    ] {
        assert_eq!(Answer::parse(text, count).unwrap().to_text(), text);
    }
    let ban = Answer::parse("2 0 ban;1;user:a;x - -", 1).unwrap().verdict;
    assert!(matches!(ban, Verdict::Banned { for_ms: 1, .. }));
    for text in [
        "",
        "yes",
        "1 0 pass 4:1:0 -",
        "2 0 pass - -",
        "2 0 pass 4:1:0,4:1:0 -",
        "2 0 pass 4:1:0 - x",
        "2 0 pass 4:1 -",
        "2 0 pass 4:1:0:x -",
        "2 0 pass 4:1:0:1:1 -",
    ] {
        assert_eq!(Answer::parse(text, 1), Err(BadMessage), "{text}");
    }
}

#[test]
fn refuses_other_messages() {
    for text in [
        "",
        "ask/2 ip:192.0.2.1 - - - - - -",
        "ask/3 ip:192.0.2.1 - - - -",
        "ask/3 bob - - - - -",
        "ask/3 ip:192.0.2.1 z - - - -",
        "ask/3 ip:192.0.2.1 xl - - - -",
        "ask/3 ip:192.0.2.1 - - a:0:60:-:1:0 - -",
        "ask/3 ip:192.0.2.1 - - a:1001:60:-:1:1 - -",
        "ask/3 ip:192.0.2.1 - - a:5:60:6:1:0 - -",
        "ask/3 ip:192.0.2.1 - - a:5:60:-:6:0 - -",
        "ask/3 ip:192.0.2.1 - - a:5:0:-:1:0 - -",
        "ask/3 ip:192.0.2.1 - - a:5:60:-:1:2 - -",
        "ask/3 ip:192.0.2.1 - - a:+5:60:-:1:0 - -",
        "strike/2 ip:192.0.2.1 0 -",
        "strike/2 ip:192.0.2.1 1 - all",
        "lift/2",
        "lift/2 ip:192.0.2.1 x",
        "list/2 - 0 %",
        "ban/2 user:a 9007199254740992 x y",
    ] {
        assert_eq!(Message::parse(text), Err(BadMessage), "{text}");
    }
    assert_eq!(Message::parse(&"x".repeat(20_000)), Err(BadMessage));
}
