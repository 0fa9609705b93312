//! Jails, bans, escalation, locks, and what an operator does.

use super::{Object, class, jail, subject};
use crate::guard::{
    Ask, Jail, Lock, Message, Order, Subject, Verdict,
    jail::FOREVER_MS,
    wire::{Listing, Shown},
};
use proptest::prelude::*;

const DAY_MS: u64 = 86_400_000;

fn for_ms(verdict: Option<&Verdict>) -> Option<u64> {
    match verdict {
        Some(Verdict::Banned { for_ms, .. }) => Some(*for_ms),
        _ => None,
    }
}

fn verdict(object: &mut Object, who: &Subject, now_ms: u64) -> Verdict {
    object.ask(&Ask::new(who.clone(), vec![]), now_ms).verdict
}

#[test]
fn the_fifth_strike_in_ten_minutes_bans_and_further_bans_double_up_to_the_cap() {
    let mut object = Object::new(0);
    let (who, login) = (subject("ip:192.0.2.1"), jail(5, 600, 1800, 5400));
    for n in 0..4 {
        assert_eq!(object.strike(&who, 1, &login, n), None);
    }
    assert_eq!(
        object.strike(&who, 1, &login, 600_003),
        None,
        "the first ones have passed"
    );
    assert_eq!(object.strike(&who, 3, &login, 600_004), None);
    let ban = object.strike(&who, 1, &login, 600_005);
    assert_eq!(for_ms(ban.as_ref()), Some(1_800_000));
    object.evict(600_006);
    let held = verdict(&mut object, &who, 600_006);
    assert_eq!(
        for_ms(Some(&held)),
        Some(1_799_999),
        "bans survive eviction"
    );
    let mut now = 600_005 + 1_800_000;
    assert_eq!(verdict(&mut object, &who, now), Verdict::Admitted);
    for expected in [3_600_000, 5_400_000, 5_400_000] {
        let ban = object.strike(&who, 9, &login, now);
        assert_eq!(for_ms(ban.as_ref()), Some(expected));
        now += expected;
    }
    now += 7 * DAY_MS;
    let ban = object.strike(&who, 5, &login, now);
    assert_eq!(for_ms(ban.as_ref()), Some(1_800_000), "forgiven");
}

#[test]
fn refusals_are_strikes_in_the_same_call() {
    let mut object = Object::new(0);
    let who = subject("user:alice");
    let mut ask = Ask::new(who, vec![class("login", 1, 60, true)]);
    ask.jails = vec![jail(3, 600, 600, 600)];
    assert!(object.ask(&ask, 0).admitted());
    assert_eq!(object.ask(&ask, 1).verdict, Verdict::Exhausted);
    assert_eq!(object.ask(&ask, 2).verdict, Verdict::Exhausted);
    assert_eq!(for_ms(Some(&object.ask(&ask, 3).verdict)), Some(600_000));
    ask.exempt = true;
    assert_eq!(
        object.ask(&ask, 4).verdict,
        Verdict::Exhausted,
        "never banned"
    );
}

fn client(n: u64, network: u64) -> Subject {
    subject(&format!("ip:2001:db8:1:{:x}::/64", (network << 8) | n))
}

#[test]
fn four_banned_64_ban_their_56_and_four_56_the_48() {
    let probe = jail(1, 600, 600, 600);
    let mut object = Object::new(0);
    for network in 1..=4 {
        for n in 1..=3 {
            object.strike(&client(n, network), 1, &probe, n);
        }
        assert_eq!(
            verdict(&mut object, &client(9, network), 10),
            Verdict::Admitted
        );
        object.strike(&client(4, network), 1, &probe, 10);
        let Verdict::Banned { target, for_ms, .. } = verdict(&mut object, &client(9, network), 10)
        else {
            panic!("not banned");
        };
        let wide = if network < 4 {
            format!("ip:2001:db8:1:{network}00::/56")
        } else {
            "ip:2001:db8:1::/48".into()
        };
        assert_eq!((target.to_string(), for_ms), (wide, 600_000));
        object.evict(10);
    }
    assert_eq!(
        verdict(&mut object, &subject("ip:2001:db8:2:100::/64"), 10),
        Verdict::Admitted
    );
    assert_eq!(
        verdict(&mut object, &client(9, 9), 600_010),
        Verdict::Admitted,
        "it ends"
    );
}

#[test]
fn sixteen_banned_64_ban_the_48() {
    let probe = jail(1, 600, 600, 600);
    let mut object = Object::new(0);
    for network in 0..16 {
        assert_eq!(
            verdict(&mut object, &client(1, network), 5),
            Verdict::Admitted
        );
        object.strike(&client(1, network), 1, &probe, 5);
    }
    assert_ne!(verdict(&mut object, &client(1, 77), 5), Verdict::Admitted);
    assert_eq!(
        object.order(&subject("ip:2001:db8:1::/48"), Order::Lift, 6),
        "17"
    );
    assert_eq!(verdict(&mut object, &client(1, 0), 7), Verdict::Admitted);
    object.strike(&client(2, 0), 1, &probe, 7);
    assert_eq!(
        verdict(&mut object, &client(3, 0), 7),
        Verdict::Admitted,
        "counted anew"
    );
}

/// Who is banned, if somebody is.
fn target(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Banned { target, .. } => Some(target.to_string()),
        _ => None,
    }
}

#[test]
fn single_strikes_from_many_64_ban_their_56_and_then_the_48() {
    let probe = jail(2, 600, 1_000, 600);
    let mut object = Object::new(0);
    for network in 1..=4 {
        for n in 0..8 {
            let banned = target(&verdict(&mut object, &client(99, network), n));
            assert_eq!(banned, None, "{network} {n}");
            object.strike(&client(n, network), 1, &probe, n);
        }
        object.evict(8);
        let banned = target(&verdict(&mut object, &client(99, network), 9));
        let wide = if network < 4 {
            format!("ip:2001:db8:1:{network}00::/56")
        } else {
            "ip:2001:db8:1::/48".into()
        };
        assert_eq!(banned, Some(wide));
    }
    // The shard's clock stood at 9 while the last ones struck.
    let end_ms = 1_000_000 + 9;
    let last = verdict(&mut object, &client(99, 9), end_ms - 1);
    assert_eq!(target(&last), Some("ip:2001:db8:1::/48".into()));
    assert_eq!(
        verdict(&mut object, &client(99, 9), end_ms),
        Verdict::Admitted
    );
}

#[test]
fn single_strikes_from_everywhere_in_a_48_ban_it() {
    let probe = jail(2, 600, 600, 600);
    let mut object = Object::new(0);
    for network in 0..31 {
        object.strike(&client(1, network), 1, &probe, network);
    }
    assert_eq!(verdict(&mut object, &client(9, 99), 40), Verdict::Admitted);
    // Whoever is banned by itself counts as one of sixteen, not for its strikes.
    object.strike(&client(2, 31), 1_000, &probe, 40);
    assert_eq!(verdict(&mut object, &client(9, 99), 40), Verdict::Admitted);
    object.strike(&client(3, 31), 1, &probe, 40);
    let whole = verdict(&mut object, &client(9, 99), 40);
    assert_eq!(target(&whole), Some("ip:2001:db8:1::/48".into()));
    let other = subject("ip:2001:db8:2:100::/64");
    assert_eq!(verdict(&mut object, &other, 40), Verdict::Admitted);
    object.order(&subject("ip:2001:db8:1::/48"), Order::Lift, 41);
    assert_eq!(verdict(&mut object, &client(9, 99), 42), Verdict::Admitted);
    object.strike(&client(3, 32), 1, &probe, 42);
    let forgiven = verdict(&mut object, &client(9, 99), 42);
    assert_eq!(forgiven, Verdict::Admitted, "counted anew");
}

#[test]
fn strikes_of_a_network_pass_and_those_that_are_not_shared_stay_the_clients() {
    let (probe, mut object) = (jail(2, 600, 600, 600), Object::new(0));
    object.strike(&client(0, 1), 1, &probe, 0);
    assert_eq!(
        object.rows["ip:2001:db8:1::/48"],
        r#"{"v":2,"at_ms":0,"struck":{"login":[600000,[[0,1,1]]]}}"#
    );
    // One every 100 s from a /64 each: seven within the window and its slot at a time.
    for n in 1..100 {
        object.strike(&client(n, 1), 1, &probe, n * 100_000);
    }
    let now = 100 * 100_000;
    assert_eq!(
        verdict(&mut object, &client(200, 1), now),
        Verdict::Admitted
    );
    for n in 0..200 {
        let order = Order::Strike {
            times: 1,
            jails: vec![probe.clone()],
            shared: false,
        };
        object.order(&client(n, 2), order, now);
    }
    assert_eq!(
        verdict(&mut object, &client(201, 2), now),
        Verdict::Admitted
    );
    object.alarm(now + 10_000_000);
    assert_eq!(object.subjects_stored(), 0);
}

#[test]
fn who_hears_of_a_ban_first_is_told_that_it_began() {
    let began = |verdict: Option<&Verdict>| match verdict {
        Some(Verdict::Banned { began, .. }) => Some(*began),
        _ => None,
    };
    let (mut object, probe) = (Object::new(0), jail(2, 600, 600, 600));
    let who = subject("ip:192.0.2.1");
    assert_eq!(began(object.strike(&who, 1, &probe, 0).as_ref()), None);
    assert_eq!(
        began(object.strike(&who, 1, &probe, 1).as_ref()),
        Some(true)
    );
    assert_eq!(
        began(object.strike(&who, 1, &probe, 2).as_ref()),
        Some(false)
    );
    assert_eq!(began(Some(&verdict(&mut object, &who, 3))), Some(false));
    let mut ask = Ask::new(subject("ip:192.0.2.2"), vec![class("a", 1, 60, true)]);
    ask.jails = vec![jail(1, 600, 600, 600)];
    assert!(object.ask(&ask, 4).admitted());
    assert_eq!(began(Some(&object.ask(&ask, 5).verdict)), Some(true));
    assert_eq!(began(Some(&object.ask(&ask, 6).verdict)), Some(false));
}

/// Rows that end one after another all day are not a wake each.
#[test]
fn alarms_go_off_once_an_hour_at_most() {
    let (mut object, day) = (Object::new(0), jail(9, 86_400, 600, 600));
    let strike = Order::Strike {
        times: 1,
        jails: vec![day],
        shared: false,
    };
    let (mut alarm_ms, mut alarms) = (None, 0);
    for minute in 0..2 * 24 * 60 {
        let now_ms = minute * 60_000;
        if alarm_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            alarm_ms = object.alarm(now_ms);
            alarms += 1;
        }
        if minute < 1_000 {
            object.evict(now_ms);
            let who = subject(&format!("ip:10.0.{}.{}", minute / 250, minute % 250));
            let message = Message::Order(who, strike.clone());
            let step = object.shard.step(&message, &object.rows, now_ms).unwrap();
            object.write(step.changes);
            alarm_ms = step.alarm_ms.or(alarm_ms);
        }
    }
    assert_eq!(object.subjects_stored(), 0);
    // While they come, and while they end; nothing ends in the hours between.
    assert!((30..=36).contains(&alarms), "{alarms}");
}

#[test]
fn an_operator_bans_lists_searches_shows_and_lifts() {
    let mut object = Object::new(0);
    for n in 0..5 {
        let ban = Order::Ban {
            until_ms: FOREVER_MS,
            reason: format!("spam {n}"),
            actor: "root".into(),
        };
        object.order(&subject(&format!("user:u{n}")), ban, n);
    }
    object.order(
        &subject("ip:2001:db8:1:100::/56"),
        Order::Ban {
            until_ms: 50,
            reason: String::new(),
            actor: "op, too".into(),
        },
        9,
    );
    let page = |object: &mut Object, search: &str, after: Option<&str>| -> Listing {
        let message = Message::List {
            search: search.into(),
            after: after.map(subject),
            limit: 2,
        };
        serde_json::from_str(&object.send(&message, 10).unwrap()).unwrap()
    };
    let names = |listing: &Listing| {
        listing
            .bans
            .iter()
            .map(|ban| ban.subject.clone())
            .collect::<Vec<_>>()
    };
    let first = page(&mut object, "", None);
    assert_eq!(
        (names(&first), first.more),
        (
            vec!["ip:2001:db8:1:100::/56".into(), "user:u0".into()],
            true
        )
    );
    assert_eq!(first.bans[0].actor, "op, too");
    let last = page(&mut object, "spam", Some("user:u2"));
    assert_eq!(
        (names(&last), last.more),
        (vec!["user:u3".into(), "user:u4".into()], false)
    );
    let inside = subject("ip:2001:db8:1:102::/64");
    let shown: Shown = serde_json::from_str(&object.order(&inside, Order::Show, 10)).unwrap();
    assert_eq!(shown.bans[0].subject, "ip:2001:db8:1:100::/56");
    object.evict(10);
    assert_eq!(object.order(&subject("user:u3"), Order::Lift, 11), "1");
    assert_eq!(
        verdict(&mut object, &subject("user:u3"), 12),
        Verdict::Admitted
    );
    assert_eq!(
        object.order(&subject("ip:2001:db8:1:100::/56"), Order::Lift, 13),
        "1"
    );
    assert_eq!(verdict(&mut object, &inside, 13), Verdict::Admitted);
    assert_ne!(
        verdict(&mut object, &subject("user:u4"), u64::MAX / 4096),
        Verdict::Admitted
    );
}

#[test]
fn a_locked_account_is_refused_where_it_is_locked() {
    let mut object = Object::new(0);
    let who = subject("account:00112233445566778899aabbccddeeff");
    let lock = Lock {
        source: "192.0.2.1".parse().ok(),
        until_ms: 900_000,
        delay_ms: 250,
    };
    object.order(&who, Order::Lock(lock), 0);
    object.evict(1);
    let mut ask = Ask::new(who, vec![class("login", 5, 60, true)]);
    ask.source = "192.0.2.1".parse().ok();
    assert_eq!(
        object.ask(&ask, 100).verdict,
        Verdict::Locked {
            for_ms: 899_900,
            delay_ms: 250
        }
    );
    assert!(
        object.ask(&ask, 900_000).admitted(),
        "its end does not move"
    );
    object.alarm(2 * DAY_MS);
    assert_eq!(object.subjects_stored(), 0);
}

/// An operator's ban of a client until then.
fn by_hand(object: &mut Object, who: &Subject, until_ms: u64, now_ms: u64) {
    let ban = Order::Ban {
        until_ms,
        reason: "spam".into(),
        actor: "root".into(),
    };
    object.order(who, ban, now_ms);
}

#[test]
fn what_an_operator_bans_leads_to_no_wider_ban() {
    let (mut object, probe) = (Object::new(0), jail(1, 600, 600, 600));
    for n in 0..4 {
        by_hand(&mut object, &client(n, 1), 500_000, 5);
    }
    assert_eq!(verdict(&mut object, &client(9, 1), 6), Verdict::Admitted);
    for network in 2..6 {
        let network = subject(&format!("ip:2001:db8:1:{network}00::/56"));
        by_hand(&mut object, &network, 500_000, 7);
    }
    // The members of the /48 are looked at when one of its clients is banned.
    object.strike(&client(9, 1), 1, &probe, 8);
    assert_eq!(verdict(&mut object, &client(9, 9), 9), Verdict::Admitted);
}

#[test]
fn a_client_that_is_banned_again_and_again_counts_once() {
    let (mut object, probe) = (Object::new(0), jail(1, 600, 600, 600));
    for n in 0..5 {
        let banned = object.strike(&client(1, 1), 1, &probe, 100 * n);
        assert!(banned.is_some(), "{n}");
        // An operator lets it end sooner.
        by_hand(&mut object, &client(1, 1), 100 * n + 50, 100 * n + 1);
    }
    assert_eq!(verdict(&mut object, &client(9, 1), 501), Verdict::Admitted);
}

#[test]
fn strikes_that_banned_a_56_are_not_counted_again() {
    let (mut object, probe) = (Object::new(0), jail(2, 600, 10, 10));
    for n in 0..8 {
        object.strike(&client(n, 1), 1, &probe, 5);
    }
    assert_ne!(verdict(&mut object, &client(99, 1), 6), Verdict::Admitted);
    object.strike(&client(20, 1), 1, &probe, 11_000);
    let after = verdict(&mut object, &client(99, 1), 11_001);
    assert_eq!(after, Verdict::Admitted);
}

#[test]
fn what_is_lifted_begins_anew() {
    let (mut object, login) = (Object::new(0), jail(3, 600, 600, 600));
    let who = subject("ip:192.0.2.1");
    for n in 0..2 {
        assert_eq!(object.strike(&who, 1, &login, n), None);
    }
    assert_eq!(object.order(&who, Order::Lift, 3), "0");
    for n in 4..6 {
        assert_eq!(object.strike(&who, 1, &login, n), None);
    }
    assert!(object.strike(&who, 1, &login, 6).is_some());
}

proptest! {
    /// Against a list of times: banned exactly when the jail is full, for as long as it says.
    #[test]
    fn bans_exactly_at_the_threshold(
        gaps in prop::collection::vec((0u64..400_000, any::<bool>()), 1..80),
        strikes in 1u32..6,
    ) {
        let login = Jail { forget_s: 3_600, ..jail(strikes, 600, 300, 2_000) };
        let (who, mut object) = (subject("ip:192.0.2.1"), Object::new(0));
        let (mut log, mut banned_until, mut bans, mut now) = (Vec::new(), 0, 0, 1);
        for (gap, evict) in gaps {
            now += gap;
            if evict { object.evict(now); }
            let ban = for_ms(object.strike(&who, 1, &login, now).as_ref());
            if now < banned_until {
                prop_assert_eq!(ban, Some(banned_until - now));
                continue;
            }
            log.retain(|t| t + 600_000 > now);
            log.push(now);
            if bans > 0 && now >= banned_until + 3_600_000 { bans = 0; }
            if log.len() < strikes as usize {
                prop_assert_eq!(ban, None);
                continue;
            }
            let length = (300_000 << bans).min(2_000_000);
            prop_assert_eq!(ban, Some(length));
            log.clear();
            bans += 1;
            banned_until = now + length;
        }
    }
}
