//! The Ledger and its copies, against a plain model.

use super::*;
use gapura_shared::time::{UnixMillis, UnixSeconds};
use proptest::prelude::*;

fn at(seconds: u64) -> UnixMillis {
    UnixMillis(seconds * 1_000)
}

fn put(key: &str, until: Option<u64>) -> Change {
    let entry = Entry {
        until: until.map(UnixSeconds),
        ..Entry::default()
    };
    Change::Put(key.parse().unwrap(), entry)
}

fn lift(key: &str) -> Change {
    Change::Lift(key.parse().unwrap())
}

fn batch(changes: Vec<Change>) -> Batch {
    Batch {
        changes,
        list: None,
    }
}

fn listed(name: &str, targets: &[&str]) -> Batch {
    let put = |target: &&str| {
        let note = Note {
            since: UnixSeconds(1),
            actor: "user:op".into(),
            reason: name.into(),
            list: Some(name.into()),
        };
        let entry = Entry {
            note: Some(note),
            ..Entry::default()
        };
        Change::Put(format!("ban:{target}").parse().unwrap(), entry)
    };
    Batch {
        changes: targets.iter().map(put).collect(),
        list: Some(name.into()),
    }
}

fn client(address: &str) -> Client<'static> {
    Client {
        address: address.parse().unwrap(),
        country: None,
        asn: None,
        user: None,
    }
}

/// A copy that follows the Ledger.
fn follow(copy: &mut Replica, ledger: &Ledger, now: u64) {
    let text = ledger.since(copy.version(), UnixSeconds(now));
    copy.update(&text, UnixSeconds(now)).unwrap();
}

#[test]
fn a_copy_learns_of_bans_and_of_their_end() {
    let (mut ledger, mut copy) = (Ledger::default(), Replica::default());
    let bans = [
        "ban:ip:192.0.2.0/24",
        "ban:country:ID",
        "ban:asn:64500",
        "ban:user:u",
    ];
    let changes = bans.iter().map(|key| put(key, Some(100))).collect();
    ledger.apply(batch(changes), at(10)).unwrap();
    follow(&mut copy, &ledger, 10);
    let banned = |copy: &Replica, client: Client<'_>, now| {
        let found = copy.banned(&client, UnixSeconds(now));
        found.map(|(target, _)| target.to_string())
    };
    let other = client("203.0.113.1");
    let [by_country, by_system, by_user] = [
        Client {
            country: Some("ID"),
            ..other
        },
        Client {
            asn: Some(64_500),
            ..other
        },
        Client {
            user: Some("u"),
            ..other
        },
    ];
    assert_eq!(
        banned(&copy, client("192.0.2.9"), 99).as_deref(),
        Some("ip:192.0.2.0/24")
    );
    assert_eq!(banned(&copy, by_country, 99).as_deref(), Some("country:ID"));
    assert_eq!(banned(&copy, by_system, 99).as_deref(), Some("asn:64500"));
    assert_eq!(banned(&copy, by_user, 99).as_deref(), Some("user:u"));
    assert_eq!(banned(&copy, other, 99), None);
    assert_eq!(banned(&copy, by_user, 100), None);
    ledger
        .apply(batch(vec![lift("ban:ip:192.0.2.0/24")]), at(20))
        .unwrap();
    follow(&mut copy, &ledger, 20);
    assert_eq!(banned(&copy, client("192.0.2.9"), 20), None);
    assert_eq!(copy.len(), 3);
}

#[test]
fn a_revoked_token_does_not_hold_until_it_has_expired_with_all_leeway() {
    let (mut ledger, mut copy) = (Ledger::default(), Replica::default());
    let not_before = |key: &str| {
        let entry = Entry {
            until: Some(UnixSeconds(100)),
            not_before: Some(UnixSeconds(50)),
            note: None,
        };
        Change::Put(key.parse().unwrap(), entry)
    };
    let changes = vec![
        put("session:s", Some(100)),
        put("token:j", Some(100)),
        not_before("user:u"),
        not_before("tenant:t"),
        not_before("key:k"),
    ];
    ledger.apply(batch(changes), at(10)).unwrap();
    follow(&mut copy, &ledger, 10);
    let none = Bearer {
        issued_at: Some(UnixSeconds(49)),
        ..Bearer::default()
    };
    for (bearer, key) in [
        (
            Bearer {
                session: Some("s"),
                ..none
            },
            "session:s",
        ),
        (
            Bearer {
                token_id: Some("j"),
                ..none
            },
            "token:j",
        ),
        (
            Bearer {
                user: Some("u"),
                ..none
            },
            "user:u",
        ),
        (
            Bearer {
                tenant: Some("t"),
                ..none
            },
            "tenant:t",
        ),
        (
            Bearer {
                signing_key: Some("k"),
                ..none
            },
            "key:k",
        ),
    ] {
        let revoked = |now| copy.revoked(&bearer, UnixSeconds(now));
        assert_eq!(revoked(100 + GRACE_S - 1).unwrap().to_string(), key);
        assert_eq!(revoked(100 + GRACE_S), None, "{key}");
    }
    let user = Bearer {
        user: Some("u"),
        ..none
    };
    let issued = |issued_at| copy.revoked(&Bearer { issued_at, ..user }, UnixSeconds(60));
    assert!(issued(Some(UnixSeconds(50))).is_none());
    assert!(issued(None).is_some(), "a token that does not say when");
    assert!(copy.revoked(&none, UnixSeconds(60)).is_none());
}

#[test]
fn a_late_push_takes_no_revocation_back() {
    let mut ledger = Ledger::default();
    let user = |until, not_before| {
        let entry = Entry {
            until: Some(UnixSeconds(until)),
            not_before: Some(UnixSeconds(not_before)),
            note: None,
        };
        batch(vec![Change::Put(Key::User("u".into()), entry)])
    };
    ledger.apply(user(100, 50), at(1)).unwrap();
    let applied = ledger.apply(user(90, 40), at(2)).unwrap();
    assert!(applied.writes.is_empty(), "{applied:?}");
    let mut twice = user(100, 50);
    twice.changes.extend(user(70, 30).changes);
    let applied = Ledger::default().apply(twice, at(2)).unwrap();
    assert_eq!(applied.writes.last(), applied.writes.first());
    let entry = ledger.get(&Key::User("u".into()), UnixSeconds(3)).unwrap();
    assert_eq!(entry.until, Some(UnixSeconds(100 + GRACE_S)));
    assert_eq!(entry.not_before, Some(UnixSeconds(50)));
}

#[test]
fn a_push_is_carried_out_once() {
    let mut ledger = Ledger::default();
    let push = batch(vec![
        put("nonce:0a", Some(90)),
        put("ban:ip:192.0.2.1", None),
    ]);
    ledger.apply(push.clone(), at(1)).unwrap();
    assert_eq!(
        ledger.apply(push.clone(), at(89)),
        Err(LedgerError::Replayed)
    );
    assert!(ledger.apply(push, at(90)).is_ok());
    assert!(!ledger.since(0, UnixSeconds(2)).contains("nonce"));
}

#[test]
fn a_list_replaces_what_it_brought_before_and_nothing_else() {
    let mut ledger = Ledger::default();
    ledger
        .apply(batch(vec![put("ban:ip:192.0.2.1", Some(90))]), at(1))
        .unwrap();
    let first = ledger
        .apply(
            listed("drop", &["ip:192.0.2.1", "ip:192.0.2.2", "ip:192.0.2.3"]),
            at(2),
        )
        .unwrap();
    assert_eq!((first.added, first.changed, first.lifted), (2, 0, 0));
    ledger
        .apply(listed("other", &["ip:192.0.2.9"]), at(3))
        .unwrap();
    let second = ledger
        .apply(
            listed("drop", &["ip:192.0.2.3", "ip:192.0.2.4", "ip:192.0.2.4"]),
            at(4),
        )
        .unwrap();
    assert_eq!((second.added, second.changed, second.lifted), (1, 0, 1));
    let ids: Vec<_> = ledger
        .bans(UnixSeconds(5))
        .map(|ban| (ban.id, ban.source))
        .collect();
    let wanted = [
        ("ip:192.0.2.1", "operator"),
        ("ip:192.0.2.3", "list:drop"),
        ("ip:192.0.2.4", "list:drop"),
        ("ip:192.0.2.9", "list:other"),
    ];
    assert_eq!(
        ids,
        wanted.map(|(id, source)| (id.to_owned(), source.to_owned()))
    );
}

#[test]
fn refuses_too_much_and_does_nothing() {
    let mut ledger = Ledger::default();
    let many = |from: usize, to: usize| {
        let ban = |n: usize| put(&format!("ban:asn:{}", n + 1), None);
        batch((from..to).map(ban).collect())
    };
    let applied = ledger.apply(many(0, MAX_ENTRIES), at(1)).unwrap();
    assert_eq!(applied.added, MAX_ENTRIES);
    let version = ledger.version();
    let full = ledger.apply(many(MAX_ENTRIES - 5, MAX_ENTRIES + 1), at(2));
    assert_eq!(
        full.unwrap_err().to_string(),
        "the Ledger holds at most 100000 entries, 80000 with a list that is imported: 100000 are held, 1 would be added"
    );
    assert_eq!(ledger.version(), version);
    let mut copy = Replica::default();
    follow(&mut copy, &ledger, 3);
    assert_eq!(copy.len(), MAX_ENTRIES);
}

#[test]
fn lists_leave_room_for_revocations() {
    let mut ledger = Ledger::default();
    let list = |length: usize| {
        let targets: Vec<String> = (1..=length).map(|n| format!("asn:{n}")).collect();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        listed("feed", &targets)
    };
    assert!(ledger.apply(list(MAX_WITH_LISTS + 1), at(1)).is_err());
    ledger.apply(list(MAX_WITH_LISTS), at(1)).unwrap();
    let logout = batch(vec![put("session:s-1", Some(90))]);
    assert_eq!(ledger.apply(logout, at(2)).unwrap().added, 1);
    // Full or not, the same list in a shorter form is taken.
    let shorter = ledger.apply(list(10), at(3)).unwrap();
    assert_eq!(shorter.lifted, MAX_WITH_LISTS - 10);
}

/// What a copy gets that begins is one message of the platform, which takes 32 MiB.
#[test]
fn a_full_ledger_goes_into_one_message() {
    let longest = "u".repeat(super::MAX_TEXT_BYTES - 6);
    let fill = |key: &dyn Fn(usize) -> Key, until: u64| {
        let put = |n| {
            let entry = Entry {
                until: Some(UnixSeconds(until)),
                not_before: Some(UnixSeconds(until)),
                ..Entry::default()
            };
            Change::Put(key(n), entry)
        };
        let mut ledger = Ledger::default();
        let all = batch((0..super::MAX_ENTRIES).map(put).collect());
        ledger.apply(all, at(1)).unwrap();
        ledger.since(0, UnixSeconds(1)).len()
    };
    let worst = fill(&|n| Key::User(format!("{longest}{n:06}")), 99_999_999_999);
    assert!(worst <= 32 << 20, "{worst}");
    let network = |n: usize| {
        let address = std::net::Ipv4Addr::from(0x2000_0000 + u32::try_from(n).unwrap());
        format!("ban:ip:{address}").parse().unwrap()
    };
    let usual = fill(&network, 1_900_000_000);
    assert!(usual <= 5 << 20, "{usual}");
}

#[test]
fn what_has_ended_leaves_the_object_and_the_copy() {
    let (mut ledger, mut copy) = (Ledger::default(), Replica::default());
    let changes = vec![put("ban:ip:192.0.2.1", Some(50)), put("attack", Some(60))];
    ledger.apply(batch(changes), at(1)).unwrap();
    follow(&mut copy, &ledger, 1);
    assert!(copy.under_attack(UnixSeconds(59)) && !copy.under_attack(UnixSeconds(60)));
    assert_eq!(ledger.expire(UnixSeconds(50)), ["ban:ip:192.0.2.1"]);
    follow(&mut copy, &ledger, 61);
    assert!(copy.is_empty());
}

#[test]
fn a_malformed_update_changes_nothing() {
    let mut copy = Replica::default();
    copy.update("*5\nban:ip:192.0.2.1\t\t\n", UnixSeconds(1))
        .unwrap();
    assert_eq!(
        copy.update("*6\nnonsense\n", UnixSeconds(1)),
        Err(BadUpdate)
    );
    assert_eq!((copy.version(), copy.len()), (5, 1));
}

#[test]
fn a_ledger_that_cannot_be_read_is_none() {
    let row = |key: &str, row: &str| vec![(key.to_owned(), row.to_owned())];
    let good = r#"{"v":1,"until":null}"#;
    assert!(Ledger::load(1, row("ban:ip:192.0.2.1", good)).is_ok());
    assert!(Ledger::load(1, row("ban:ip:x", good)).is_err());
    assert!(Ledger::load(1, row("ban:ip:192.0.2.1", "{}")).is_err());
}

#[test]
fn pages_lead_through_all_bans() {
    let mut ledger = Ledger::default();
    let changes = (1..=7).map(|n| put(&format!("ban:ip:192.0.2.{n}"), None));
    ledger
        .apply(
            batch(changes.chain([put("ban:asn:1", None)]).collect()),
            at(1),
        )
        .unwrap();
    let jail = |id: &str| Ban {
        id: id.into(),
        source: "jail:login".into(),
        reason: String::new(),
        actor: String::new(),
        since: 0,
        until: None,
    };
    let jailed = [jail("ip:192.0.2.3"), jail("ip:192.0.2.31"), jail("user:u")];
    let mut seen = Vec::new();
    let mut search = Search {
        limit: 3,
        ..Search::default()
    };
    loop {
        let ledger = ledger.search(&search, UnixSeconds(2));
        let shard = jailed
            .iter()
            .filter(|ban| search.finds(ban))
            .cloned()
            .collect();
        let page = merge(
            vec![
                ledger,
                Page {
                    bans: shard,
                    next: None,
                },
            ],
            search.limit,
        );
        seen.extend(page.bans.into_iter().map(|ban| ban.id));
        search.after = page.next;
        if search.after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 11, "{seen:?}");
    assert!(seen.is_sorted());
    let found = |text: &str, kind: Option<&str>| {
        let search = Search {
            text: text.into(),
            kind: kind.map(Into::into),
            limit: 9,
            after: None,
        };
        ledger.search(&search, UnixSeconds(2)).bans.len()
    };
    assert_eq!(
        (
            found("2.7", None),
            found("", Some("asn")),
            found("2.7", Some("asn"))
        ),
        (1, 1, 0)
    );
}

/// Something that happens to a Ledger with two copies.
#[derive(Debug, Clone)]
enum Event {
    Put(u8, Option<u64>),
    Lift(u8),
    Import(Vec<u8>),
    Follow(bool),
    Expire,
    Restart,
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let key = 0u8..12;
    prop_oneof![
        4 => (key.clone(), prop::option::of(0u64..40)).prop_map(|(k, u)| Event::Put(k, u)),
        2 => key.clone().prop_map(Event::Lift),
        1 => prop::collection::vec(key, 0..6).prop_map(Event::Import),
        3 => any::<bool>().prop_map(Event::Follow),
        1 => Just(Event::Expire),
        1 => Just(Event::Restart),
        2 => (0u64..20).prop_map(Event::Pass),
    ]
}

fn key(n: u8) -> String {
    match n % 4 {
        0 => format!("ban:ip:192.0.2.{n}"),
        1 => format!("ban:asn:{n}"),
        2 => format!("session:{n}"),
        _ => format!("user:{n}"),
    }
}

proptest! {
    /// Whatever happens, a copy that follows is the copy that starts anew, and rows are the state.
    #[test]
    fn following_equals_starting_anew(events in prop::collection::vec(event(), 1..60)) {
        let mut ledger = Ledger::default();
        let mut rows = std::collections::BTreeMap::new();
        let mut copies = [Replica::default(), Replica::default()];
        let mut now = 1_000;
        for event in events {
            let changes = match event {
                Event::Put(n, until) => batch(vec![put(&key(n), until.map(|s| now + s))]),
                Event::Lift(n) => batch(vec![lift(&key(n))]),
                Event::Import(ns) => {
                    let targets: Vec<_> = ns.iter().map(|n| format!("ip:192.0.2.{n}")).collect();
                    let targets: Vec<_> = targets.iter().map(String::as_str).collect();
                    listed("l", &targets)
                }
                Event::Follow(first) => {
                    follow(&mut copies[usize::from(first)], &ledger, now);
                    let mut anew = Replica::default();
                    follow(&mut anew, &ledger, now);
                    let mut copy = copies[usize::from(first)].clone();
                    copy.forget(UnixSeconds(now));
                    anew.forget(UnixSeconds(now));
                    // When either forgot last is no part of what they know.
                    anew.expired_at_s = copy.expired_at_s;
                    prop_assert_eq!(copy, anew);
                    continue;
                }
                Event::Expire => {
                    for key in ledger.expire(UnixSeconds(now)) { rows.remove(&key); }
                    continue;
                }
                Event::Restart => {
                    ledger = Ledger::load(ledger.version(), rows.clone()).unwrap();
                    continue;
                }
                Event::Pass(seconds) => { now += seconds; continue; }
            };
            for write in ledger.apply(changes, at(now)).unwrap().writes {
                match write.row {
                    Some(row) => rows.insert(write.key, row),
                    None => rows.remove(&write.key),
                };
            }
            let live: Vec<_> = ledger.live(UnixSeconds(0)).map(|(key, entry)| (key.to_owned(), entry.to_row())).collect();
            prop_assert_eq!(live, rows.clone().into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn never_panics_on_an_update(text in "[+*]?[0-9]{0,3}\n?(\\PC|\t|\n){0,80}") {
        let _ = Replica::default().update(&text, UnixSeconds(1));
    }
}
