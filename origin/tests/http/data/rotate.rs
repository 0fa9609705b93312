//! `keys rotate --fields`, while the origin serves.

use super::{ADA, NOTES, Who, config, field::refused, past};
use crate::{
    engines::{Engine, on_every_engine},
    harness::{FIELD_KEY, Site},
};
use serde_json::{Value, json};
use std::{
    process::Output,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

const NEW_KEY: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM";
const ROWS: usize = 500;

fn phone(number: usize) -> String {
    format!("+62 {number}")
}

/// Notes under one key, and both keys given from now on; the ids, by number.
fn sealed(engine: Engine) -> (Site, Vec<String>) {
    // Who waits for a row that is just encrypted anew does so for a hundred statements, however long a
    // loaded machine takes for them.
    let config = config().replace("acquire_s = 20", "acquire_s = 60\nstatement_s = 600");
    let mut site = Site::on(engine, &format!("{config}notes = true\n{NOTES}"));
    let origin = site.start();
    let row = |number| json!({ "title": number, "phone": phone(number) });
    let rows: Vec<Value> = (0..ROWS).map(row).collect();
    let added = Who::user(&origin, ADA).add("notes", &json!(rows));
    let ids = added.as_array().unwrap().iter();
    let ids = ids.map(|row| row["id"].as_str().unwrap().to_owned());
    let ids = ids.collect();
    drop(origin);
    give(&mut site, &format!("k2:{NEW_KEY},k1:{FIELD_KEY}"));
    (site, ids)
}

fn give(site: &mut Site, keys: &str) {
    site.env = vec![("GAPURA_FIELD_KEYS", keys.to_owned())];
}

fn rotate(site: &Site, pause_ms: &str) -> Output {
    let args = [
        "keys",
        "rotate",
        "--fields",
        "--json",
        "--pause-ms",
        pause_ms,
    ];
    site.command(&args).output().unwrap()
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// The security events of a log: which, about which key, and what they say.
fn events(log: &str) -> Vec<(String, String, String)> {
    let lines = log.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let event: Value = serde_json::from_str(line["fields"]["event"].as_str()?).ok()?;
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        Some((text("event")?, text("actor")?, text("target")?))
    });
    lines.collect()
}

/// With the new key alone, each note has its number and is found by it.
fn all_are_there(site: &mut Site, ids: &[String], phones: &[String]) {
    give(site, &format!("k2:{NEW_KEY}"));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let rows = ada.rows("/rest/v1/notes?select=id,phone");
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), ids.len());
    for row in rows {
        let at = ids.iter().position(|id| row["id"] == *id).unwrap();
        assert_eq!(row["phone"], phones[at]);
    }
    for at in (0..ids.len()).step_by(50) {
        let phone = &phones[at];
        let rows = ada.rows(&format!("/rest/v1/notes?select=id&phone=eq.{phone}"));
        assert_eq!(rows, json!([{ "id": ids[at] }]), "{phone}");
    }
}

fn fields_are_encrypted_anew_while_clients_write(engine: Engine) {
    let (mut site, ids) = sealed(engine);
    let origin = site.start();
    let mut phones: Vec<String> = (0..ROWS).map(phone).collect();
    let done = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        let client = scope.spawn(|| {
            let ada = Who::user(&origin, ADA);
            for at in (0..ROWS).step_by(7).cycle() {
                let new = format!("{} now", phones[at]);
                let of = format!("/rest/v1/notes?id=eq.{}", ids[at]);
                let answer = ada.ask("PATCH", &of, &json!({ "phone": new }), &[]);
                assert_eq!(answer.status, 204, "{answer:?}");
                let found = ada.rows(&format!("/rest/v1/notes?select=id,phone&phone=eq.{new}"));
                assert_eq!(found, json!([{ "id": ids[at], "phone": new }]));
                // One that nobody changes, under either key.
                let still = phone(1);
                let found = ada.rows(&format!("/rest/v1/notes?select=id&phone=eq.{still}"));
                assert_eq!(found, json!([{ "id": ids[1] }]));
                phones[at] = new;
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        // A single pause is longer than the second after which it tells how far it is.
        let output = rotate(&site, "1500");
        done.store(true, Ordering::Relaxed);
        client.join().unwrap();
        output
    });
    let tally = told(&output);
    assert_eq!(output.status.code(), Some(0), "{tally}");
    assert_eq!(
        (&tally["examined"], &tally["left"]),
        (&json!(ROWS), &json!(0))
    );
    assert!(tally["rewritten"].as_u64().unwrap() > 0, "{tally}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("\"so_far\":{\"examined\":"), "{errors}");
    let rewritten = &tally["rewritten"];
    let ended = format!("{ROWS} values examined, {rewritten} encrypted anew, 0 left");
    assert_eq!(
        events(&errors),
        [
            ("FIELD_ROTATION_BEGUN".into(), "k2".into(), String::new()),
            ("FIELD_ROTATION_ENDED".into(), "k2".into(), ended),
        ]
    );
    drop(origin);
    all_are_there(&mut site, &ids, &phones);
    let again = told(&rotate(&site, "0"));
    assert_eq!(
        again,
        json!({ "examined": ROWS, "rewritten": 0, "left": 0 })
    );
}

fn what_was_killed_is_finished_by_the_next(engine: Engine) {
    let (mut site, ids) = sealed(engine);
    let indexes = || -> Vec<Option<String>> {
        let rows = past::sql(&site, "SELECT phone_index FROM notes ORDER BY id");
        rows.into_iter().map(|row| row[0].clone()).collect()
    };
    let before = indexes();
    // It rests after its first transaction until it is killed.
    let args = ["keys", "rotate", "--fields", "--pause-ms", "600000"];
    let mut child = site.command(&args).spawn().unwrap();
    let changed = || {
        let now = indexes();
        now.iter()
            .zip(&before)
            .filter(|(now, old)| now != old)
            .count()
    };
    let waited = (0..1200).find(|_| {
        thread::sleep(Duration::from_millis(50));
        changed() > 0
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(waited.is_some(), "nothing was encrypted anew");
    assert_eq!(changed(), 100);
    // The old key is needed still.
    refused(&site, Some(&format!("k2:{NEW_KEY}")));
    let tally = told(&rotate(&site, "0"));
    assert_eq!(
        tally,
        json!({ "examined": ROWS, "rewritten": ROWS - 100, "left": 0 })
    );
    let phones: Vec<String> = (0..ROWS).map(phone).collect();
    all_are_there(&mut site, &ids, &phones);
}

fn what_cannot_be_opened_is_named_and_left(engine: Engine) {
    let (site, ids) = sealed(engine);
    let (id, other) = (&ids[7], &ids[8]);
    let value = "ENC[2:ZGVmZ2hpamtsbW5v:tn5YWLGdQkmnxrBa7ndYOVs=:hz/2RiGoekbgfuAgtkfk6A==]";
    past::sql(
        &site,
        &format!("UPDATE notes SET phone = '{value}' WHERE id = '{id}'"),
    );
    let output = rotate(&site, "0");
    let tally = told(&output);
    assert_eq!(output.status.code(), Some(1), "{tally}");
    assert_eq!(
        tally,
        json!({ "examined": ROWS, "rewritten": ROWS - 1, "left": 1 })
    );
    let errors = String::from_utf8(output.stderr).unwrap();
    let named = json!({ "left": { "table": "notes", "column": "phone", "key": id } });
    assert!(errors.contains(&named.to_string()), "{errors}");
    let held = past::one(&site, &format!("SELECT phone FROM notes WHERE id = '{id}'"));
    assert_eq!(held.as_deref(), Some(value));
    // It may be one of the old key's.
    refused(&site, Some(&format!("k2:{NEW_KEY}")));
    // A blind index that is not the value's is made again.
    past::sql(&site, &format!("DELETE FROM notes WHERE id = '{id}'"));
    past::sql(
        &site,
        &format!("UPDATE notes SET phone_index = NULL WHERE id = '{other}'"),
    );
    let tally = told(&rotate(&site, "0"));
    assert_eq!(
        tally,
        json!({ "examined": ROWS - 1, "rewritten": 1, "left": 0 })
    );
    let origin = site.start();
    let found =
        Who::user(&origin, ADA).rows(&format!("/rest/v1/notes?select=id&phone=eq.{}", phone(8)));
    assert_eq!(found, json!([{ "id": other }]));
}

/// What is encrypted with one key by the origins is not encrypted anew under the one before it.
fn keys_stand_in_one_order_everywhere(engine: Engine) {
    let (mut site, ids) = sealed(engine);
    let (old, new) = (format!("k1:{FIELD_KEY}"), format!("k2:{NEW_KEY}"));
    let origin = site.start();
    let of = format!("/rest/v1/notes?id=eq.{}", ids[0]);
    let phone_zero = json!({ "phone": phone(0) });
    let changed = Who::user(&origin, ADA).ask("PATCH", &of, &phone_zero, &[]);
    assert_eq!(changed.status, 204, "{changed:?}");
    let held = |site: &Site| past::sql(site, "SELECT phone FROM notes ORDER BY id");
    let before = held(&site);
    let refused_with = |site: &Site, last: &str, first: &str| {
        let output = rotate(site, "0");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{errors}");
        let fault = format!(
            "GAPURA_FIELD_KEYS: an origin began to encrypt with {last} after one did with {first}"
        );
        assert!(errors.contains(&fault), "{errors}");
        assert!(!errors.contains("FIELD_ROTATION_BEGUN"), "{errors}");
    };
    give(&mut site, &format!("{old},{new}"));
    refused_with(&site, "k2", "k1");
    assert_eq!(held(&site), before);
    // An origin that is started in the other order after all.
    drop(origin);
    drop(site.start());
    give(&mut site, &format!("{new},{old}"));
    refused_with(&site, "k1", "k2");
    assert_eq!(held(&site), before);
    drop(site.start());
    let tally = told(&rotate(&site, "0"));
    assert_eq!(
        tally,
        json!({ "examined": ROWS, "rewritten": ROWS - 1, "left": 0 })
    );
    let phones: Vec<String> = (0..ROWS).map(phone).collect();
    all_are_there(&mut site, &ids, &phones);
}

on_every_engine!(
    keys_stand_in_one_order_everywhere,
    fields_are_encrypted_anew_while_clients_write,
    what_was_killed_is_finished_by_the_next,
    what_cannot_be_opened_is_named_and_left,
);
