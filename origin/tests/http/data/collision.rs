//! What a collision with a row that is not the caller's tells: that a key is taken, where no engine can
//! avoid it, and else nothing: neither by an answer nor by what is done for it. Clocks decide no test:
//! what is compared is how many statements of which kind ran.

use super::{ADA, BOB, Who, config, past};
use crate::{
    engines::{Engine, on_every_engine},
    harness::{Origin, Site},
};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

const TABLES: &str = r#"
[log]
level = "debug"
[data.tables.seat]
columns = ["id", "user_id", "name", "code", "phone", "number"]
types = { id = "uuid", user_id = "uuid" }
encrypted = ["phone"]
blind_index = { phone = "phone_index" }
defaults = { id = "uuid()", user_id = "auth.uid()" }
[data.tables.seat.roles.user]
select = "user_id = auth.uid()"
insert = "user_id = auth.uid() AND number < 100"
update = "seat.user_id = auth.uid()"
delete = "user_id = auth.uid()"
[data.tables.seat_tag]
columns = ["id", "seat_id", "tag"]
types = { id = "uuid", seat_id = "uuid" }
defaults = { id = "uuid()" }
[data.tables.seat_tag.roles.user]
select = "EXISTS (SELECT 1 FROM seat s WHERE s.id = seat_id AND s.user_id = auth.uid())"
insert = "EXISTS (SELECT 1 FROM seat s WHERE s.id = seat_id AND s.user_id = auth.uid())"
update = "EXISTS (SELECT 1 FROM seat s WHERE s.id = seat_id AND s.user_id = auth.uid())"
"#;

const SQL: [&str; 2] = [
    "CREATE TABLE seat (id CHAR(36) PRIMARY KEY NOT NULL, user_id CHAR(36) NOT NULL, name VARCHAR(64), \
     code VARCHAR(64) UNIQUE, phone VARCHAR(4096), phone_index VARCHAR(64) UNIQUE, \
     number INTEGER NOT NULL, UNIQUE (user_id, name))",
    "CREATE TABLE seat_tag (id CHAR(36) PRIMARY KEY NOT NULL, seat_id CHAR(36) NOT NULL, \
     tag VARCHAR(64), UNIQUE (seat_id, tag), FOREIGN KEY (seat_id) REFERENCES seat (id))",
];

const MERGE: &str = "resolution=merge-duplicates";
const IGNORE: &str = "resolution=ignore-duplicates,return=representation";

fn seats(engine: Engine) -> (Site, Origin) {
    let site = Site::on(engine, &format!("{}{TABLES}", config()));
    // It makes the file.
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    for sql in SQL {
        let end = if engine == Engine::MySql {
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        } else {
            ""
        };
        past::sql(&site, &format!("{sql}{end}"));
    }
    let origin = site.start();
    (site, origin)
}

/// Adds a seat; its id.
fn seat(who: Who<'_>, name: &str) -> String {
    let row = json!({ "name": name, "code": format!("code of {name}"), "phone": format!("+{name}"), "number": 1 });
    who.add("seat", &row)[0]["id"].as_str().unwrap().to_owned()
}

/// A request, and all that can be learnt by it: status, text, and the statements that ran.
pub(super) fn told(
    who: Who<'_>,
    (method, target, prefer): (&str, &str, &str),
    body: &Value,
) -> (u16, String, Vec<String>) {
    static MARKS: AtomicU32 = AtomicU32::new(0);
    let logged = |text: &str| {
        let found = (0..10_000).find_map(|_| {
            let log = who.origin.log();
            if log.contains(text) {
                return Some(log);
            }
            thread::sleep(Duration::from_millis(1));
            None
        });
        found.unwrap_or_else(|| panic!("no line of {text}"))
    };
    // Lines are read a little later than they are written: between these two are those of the request.
    let mark = || {
        let mark = format!("/mark/{}/", MARKS.fetch_add(1, Ordering::Relaxed));
        assert_eq!(who.origin.get(&mark).status, 404);
        logged(&mark)
    };
    let before = mark();
    let headers = [("prefer", prefer)];
    let headers = if prefer.is_empty() { &[][..] } else { &headers };
    let answer = who.ask(method, &format!("/rest/v1/{target}"), body, headers);
    let log = mark();
    let lines = log[before.len()..].lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let kind = line["fields"]["kind"].as_str().map(str::to_owned);
        kind.filter(|_| line["fields"]["message"] == "statement")
    });
    let lines = lines.collect();
    let text = String::from_utf8(answer.body).unwrap();
    (answer.status, text, lines)
}

/// All that a request tells must be the same, whichever of these rows is sent; its status and code.
fn same<'r>(
    who: Who<'_>,
    how: (&str, &str, &str),
    rows: impl IntoIterator<Item = &'r Value>,
) -> (u16, String) {
    let mut seen = rows.into_iter().map(|row| told(who, how, row));
    let first = seen.next().unwrap();
    assert!(!first.2.is_empty(), "{how:?}: no statement was seen");
    for other in seen {
        assert_eq!(first, other, "{how:?}");
    }
    let told: Value = serde_json::from_str(&first.1).unwrap_or_default();
    let code = told["code"].as_str().unwrap_or_default().to_owned();
    (first.0, code)
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A key that anybody may take: whose it is already makes no difference.
fn a_key_that_is_taken_tells_not_whose_it_is(engine: Engine) {
    let (_site, origin) = seats(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let (of_ada, of_bob) = (seat(ada, "a"), seat(bob, "b"));
    let other = seat(bob, "other");
    let one = format!("seat?id=eq.{other}");
    for (mine, theirs) in [
        (
            json!({ "code": "code of b" }),
            json!({ "code": "code of a" }),
        ),
        // By a blind index.
        (json!({ "phone": "+b" }), json!({ "phone": "+a" })),
    ] {
        let rows = [&mine, &theirs];
        let with = |row: &Value| {
            let mut row = row.clone();
            row["number"] = json!(2);
            row
        };
        let added = rows.map(with);
        let post = ("POST", "seat", "");
        assert_eq!(same(bob, post, &added), refusal(409, "23505"));
        let patch = ("PATCH", one.as_str(), "");
        assert_eq!(same(bob, patch, rows), refusal(409, "23505"));
        // An upsert by another key.
        let upsert = ("POST", "seat?on_conflict=id", MERGE);
        assert_eq!(same(bob, upsert, &added), refusal(409, "23505"));
    }
    let by_id = [&of_bob, &of_ada].map(|id| json!({ "id": id, "number": 2 }));
    assert_eq!(
        same(bob, ("POST", "seat", ""), &by_id),
        refusal(409, "23505")
    );
    // What is there already is left alone and not told, whoever's it is.
    for (target, rows) in [
        ("seat", by_id),
        (
            "seat?on_conflict=code",
            ["b", "a"].map(|name| json!({ "code": format!("code of {name}"), "number": 2 })),
        ),
    ] {
        let (status, text, _) = told(bob, ("POST", target, IGNORE), &rows[1]);
        assert_eq!((status, text.as_str()), (201, "[]"));
        same(bob, ("POST", target, IGNORE), &rows);
        // To change it is refused with the text of any row that the caller may not write.
        let (status, text, _) = told(bob, ("POST", target, MERGE), &rows[1]);
        let free = json!({ "user_id": ADA, "number": 2 });
        assert_eq!((status, text), {
            let (status, text, _) = told(bob, ("POST", target, MERGE), &free);
            (status, text)
        });
        assert_eq!(status, 403);
    }
    // An encrypted column is no key to ask by.
    let by_phone = ["+b", "+a", "+none"].map(|phone| json!({ "phone": phone, "number": 2 }));
    for prefer in [MERGE, IGNORE] {
        for row in &by_phone {
            bob.refused_with(prefer, "seat?on_conflict=phone", row);
        }
    }
    assert_eq!(
        ada.rows("/rest/v1/seat?select=id"),
        json!([{ "id": of_ada }])
    );
}

impl Who<'_> {
    fn refused_with(&self, prefer: &str, target: &str, row: &Value) {
        let target = format!("/rest/v1/{target}");
        let answer = self.ask("POST", &target, row, &[("prefer", prefer)]);
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

/// A key within what is somebody else's: whether it is taken is nobody else's business.
fn keys_of_others_cannot_be_asked_for(engine: Engine) {
    let (_site, origin) = seats(engine);
    let (ada, bob) = (Who::user(&origin, ADA), Who::user(&origin, BOB));
    let (of_ada, of_bob) = (seat(ada, "a"), seat(bob, "b"));
    let tag = |who: Who<'_>, seat: &str, tag: &str| {
        who.add("seat_tag", &json!({ "seat_id": seat, "tag": tag }))[0]["id"].clone()
    };
    tag(ada, &of_ada, "secret");
    let tag_of_bob = tag(bob, &of_bob, "b");
    let none = "00000000-0000-4000-8000-000000000000";
    let seats = ["a", "none"].map(|name| json!({ "user_id": ADA, "name": name, "number": 2 }));
    // Whether the other row is there at all is not told either.
    let tags = [(&*of_ada, "secret"), (&*of_ada, "none"), (none, "none")]
        .map(|(seat, tag)| json!({ "seat_id": seat, "tag": tag }));
    for (table, key, rows) in [
        ("seat", "user_id,name", &seats[..]),
        ("seat_tag", "seat_id,tag", &tags[..]),
    ] {
        let upsert = format!("{table}?on_conflict={key}");
        let one = match table {
            "seat" => format!("seat?id=eq.{of_bob}"),
            _ => format!("seat_tag?id=eq.{}", tag_of_bob.as_str().unwrap()),
        };
        for how in [
            ("POST", table, ""),
            ("POST", table, "return=representation"),
            ("POST", &upsert, MERGE),
            ("POST", &upsert, IGNORE),
            ("PATCH", &one, ""),
        ] {
            assert_eq!(same(bob, how, rows), refusal(403, "42501"), "{how:?}");
        }
        // Nor in a bulk, behind a row that may be added.
        let mine = if table == "seat" {
            json!({ "user_id": BOB, "name": "new", "number": 2 })
        } else {
            json!({ "seat_id": of_bob, "tag": "new" })
        };
        let bulks: Vec<Value> = rows.iter().map(|row| json!([mine, row])).collect();
        for how in [("POST", table, ""), ("POST", &upsert, MERGE)] {
            assert_eq!(same(bob, how, &bulks), refusal(403, "42501"), "{how:?}");
        }
    }
    // What cannot be added for its number is not looked for either, even with a key of one's own.
    let numbers = ["b", "none"].map(|name| json!({ "name": name, "number": 100 }));
    assert_eq!(
        same(
            bob,
            ("POST", "seat?on_conflict=user_id,name", IGNORE),
            &numbers
        ),
        refusal(403, "42501")
    );
    assert_eq!(
        bob.rows("/rest/v1/seat_tag?select=tag"),
        json!([{ "tag": "b" }])
    );
    assert_eq!(
        bob.rows("/rest/v1/seat?select=name,number"),
        json!([{ "name": "b", "number": 1 }])
    );
}

/// Rows come back in the order in which they were sent, also where a condition asks other tables.
fn a_bulk_keeps_its_order(engine: Engine) {
    let (_site, origin) = seats(engine);
    let ada = Who::user(&origin, ADA);
    let seats: Vec<String> = (0..20)
        .map(|number| seat(ada, &format!("s{number}")))
        .collect();
    let rows = (0..700_usize).map(
        |at| json!({ "seat_id": seats[(at * 7) % 20], "tag": format!("t{}", (at * 311) % 700) }),
    );
    let rows: Vec<Value> = rows.collect();
    let added = ada.add("seat_tag", &json!(rows));
    let added: Vec<&Value> = added
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["tag"])
        .collect();
    let sent: Vec<&Value> = rows.iter().map(|row| &row["tag"]).collect();
    assert_eq!(added, sent);
}

on_every_engine!(
    a_key_that_is_taken_tells_not_whose_it_is,
    keys_of_others_cannot_be_asked_for,
    a_bulk_keeps_its_order,
);
