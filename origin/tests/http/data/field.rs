//! Encrypted columns: what the database holds, what of it comes back, and with which keys.

use super::{ADA, NOTES, Who, config, notes, past};
use crate::{
    engines::{Engine, on_every_engine},
    harness::{FIELD_KEY, Origin, Site},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

const PHONE: &str = "+62 812-3456-7890";
/// 32 times 3.
const OTHER_KEY: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM";
/// Those of the unit tests, where it is told how the values below were made.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const VERSION_ONE: &str =
    "ENC[1:ZGVmZ2hpamtsbW5v:5DJ7XMvRTrwVGpCqntr+f64=:KX9salqMQV7W6dAuqycZmA==]";
const APP_KEY: &str = "base64:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const LARAVEL: &str = "eyJpdiI6IkFBRUNBd1FGQmdjSUNRb0xEQTBPRHc9PSIsInZhbHVlIjoibVJNK2dRbDRqWEhWNHgvRkNFYUh4aXdNT2FBMHkrZVpkTHEvcmloZ2N0RT0iLCJtYWMiOiI1YmVlNjA0OTVhZmM2ZDM5ZWI4MmIyNTNmOThlOWE0MmE1ZGNjMWU0ZDc2ZGFhMjExOTQ1ZTAzMDlhZWI1ZDg3IiwidGFnIjoiIn0=";

/// Letters that belong to tenants.
const LETTERS: &str = "
[data.tables.letters]
columns = [\"id\", \"tenant_id\", \"secret\"]
types = { id = \"uuid\" }
encrypted = [\"secret\"]
blind_index = { secret = \"secret_index\" }
tenant = \"tenant_id\"
[data.tables.letters.roles.user]
select = \"1 = 1\"
insert = \"1 = 1\"
update = \"1 = 1\"
";

const REPRESENTATION: (&str, &str) = ("prefer", "return=representation");
const ROW: &str = "00000000-0000-4000-8000-000000000001";

fn letters(engine: Engine, key: &str) -> Site {
    let site = Site::on(engine, &format!("{}notes = true\n{LETTERS}", config()));
    // It makes the file.
    assert!(site.command(&["data", "notes"]).status().unwrap().success());
    past::sql(
        &site,
        &format!(
            "CREATE TABLE letters (id {key} PRIMARY KEY NOT NULL, tenant_id VARCHAR(64) NOT NULL, \
             secret VARCHAR(4096), secret_index VARCHAR(64))"
        ),
    );
    site
}

/// What is stored of a note.
fn stored(site: &Site, id: &str) -> (Option<String>, Option<String>) {
    let rows = past::sql(
        site,
        &format!("SELECT phone, phone_index FROM notes WHERE id = '{id}'"),
    );
    (rows[0][0].clone(), rows[0][1].clone())
}

/// A note with a phone number, sealed.
fn note(site: &Site, who: Who<'_>, phone: &str) -> (String, String) {
    let rows = who.add("notes", &json!({ "title": "a", "phone": phone }));
    let id = rows[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(rows[0]["phone"], phone);
    let (sealed, _) = stored(site, &id);
    (id, sealed.unwrap())
}

fn what_is_stored_tells_nothing(engine: Engine) {
    let (site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let (first, sealed) = note(&site, ada, PHONE);
    let (second, other) = note(&site, ada, PHONE);
    for sealed in [&sealed, &other] {
        assert!(sealed.starts_with("ENC[2:"), "{sealed}");
    }
    assert_ne!(sealed, other);
    let index = stored(&site, &first).1.unwrap();
    assert_eq!(Some(&index), stored(&site, &second).1.as_ref());
    assert_eq!(index.len(), 22);
    // It is found by it, and what it says is in no file and no log.
    for filter in [
        format!("phone=eq.{PHONE}"),
        format!("phone=in.(1,{PHONE},2)"),
    ] {
        let rows = ada.rows(&format!("/rest/v1/notes?select=phone&{filter}"));
        assert_eq!(rows, json!([{ "phone": PHONE }, { "phone": PHONE }]));
    }
    if engine == Engine::Sqlite {
        let file = site.home.url.trim_start_matches("sqlite:").to_owned();
        for file in [file.clone(), format!("{file}-wal")] {
            let bytes = fs::read(file).unwrap();
            let found = bytes.windows(PHONE.len()).any(|at| at == PHONE.as_bytes());
            assert!(!found);
        }
    }
    assert!(!origin.log().contains(PHONE));
    // What is changed is sealed, too.
    let of = format!("/rest/v1/notes?id=eq.{first}");
    let changed = ada.ask("PATCH", &of, &json!({ "phone": "1" }), &[REPRESENTATION]);
    assert_eq!(changed.json()[0]["phone"], "1", "{changed:?}");
    let (sealed, other_index) = stored(&site, &first);
    assert!(sealed.unwrap().starts_with("ENC[2:"));
    assert_ne!(other_index, Some(index.clone()));
    let merged = ada.ask(
        "POST",
        "/rest/v1/notes",
        &json!([{ "id": first, "title": "b", "phone": PHONE }, { "id": ROW, "title": "c", "phone": PHONE }]),
        &[("prefer", "resolution=merge-duplicates")],
    );
    assert_eq!(merged.status, 201, "{merged:?}");
    for id in [first.as_str(), ROW] {
        let (sealed, same_index) = stored(&site, id);
        assert!(sealed.unwrap().starts_with("ENC[2:"));
        assert_eq!(same_index, Some(index.clone()));
        let rows = ada.rows(&format!("/rest/v1/notes?select=phone&id=eq.{id}"));
        assert_eq!(rows, json!([{ "phone": PHONE }]));
    }
    ada.ask("PATCH", &of, &json!({ "phone": null }), &[]);
    assert_eq!(stored(&site, &first), (None, None));
    let rows = ada.rows("/rest/v1/notes?select=id&phone=is.null");
    assert_eq!(rows, json!([{ "id": first }]));
}

fn what_cannot_be_opened_is_never_told(engine: Engine) {
    let tables = NOTES.replace(
        "encrypted = [\"phone\"]",
        "encrypted = [\"phone\", \"body\"]",
    );
    let site = Site::on(engine, &format!("{}notes = true\n{tables}", config()));
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let (_, of_another_row) = note(&site, ada, PHONE);
    let forged = |text: &str, id: &str| match text {
        "changed" => {
            let (sealed, _) = stored(&site, id);
            let sealed = sealed.unwrap();
            let at = sealed.rfind(':').unwrap() - 2;
            let letter = if &sealed[at..=at] == "A" { "B" } else { "A" };
            format!("{}{letter}{}", &sealed[..at], &sealed[at + 1..])
        }
        "of another row" => of_another_row.clone(),
        "of another column" => {
            let of = format!("/rest/v1/notes?id=eq.{id}");
            ada.ask("PATCH", &of, &json!({ "body": PHONE }), &[]);
            let sql = format!("SELECT body FROM notes WHERE id = '{id}'");
            past::one(&site, &sql).unwrap()
        }
        _ => PHONE.to_owned(),
    };
    for case in ["changed", "of another row", "of another column", "plain"] {
        let (id, _) = note(&site, ada, PHONE);
        let value = forged(case, &id);
        past::sql(
            &site,
            &format!("UPDATE notes SET phone = '{value}' WHERE id = '{id}'"),
        );
        let of = format!("/rest/v1/notes?id=eq.{id}");
        let title = json!({ "title": "z" });
        for (method, body, header) in [
            ("GET", &Value::Null, ("accept", "application/json")),
            ("GET", &Value::Null, ("accept", "text/csv")),
            ("PATCH", &title, REPRESENTATION),
        ] {
            let answer = ada.ask(method, &of, body, &[header]);
            let told = answer.json();
            assert_eq!(
                (answer.status, told["code"].as_str()),
                (500, Some("GAPURA500")),
                "{case} {method} {header:?}: {told}"
            );
            assert!(!told.to_string().contains(PHONE));
        }
        // Nothing was changed, and all else is there.
        let rows = ada.rows(&format!("{of}&select=title"));
        assert_eq!(rows, json!([{ "title": "a" }]));
        origin.await_log("FIELD_TAMPERED");
        origin.await_log(&id);
        assert!(!origin.log().contains(PHONE));
    }
}

/// Neither within another row nor when a request is sent again.
fn what_cannot_be_opened_is_told_nowhere(engine: Engine) {
    let (site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let post = || {
        let headers = [("idempotency-key", "k"), REPRESENTATION];
        let row = json!({ "title": "a", "phone": PHONE });
        ada.ask("POST", "/rest/v1/notes", &row, &headers)
    };
    let first = post().json();
    let id = first[0]["id"].as_str().unwrap();
    ada.add("note_tags", &json!({ "note_id": id, "tag": "t" }));
    let (_, sealed) = note(&site, ada, PHONE);
    past::sql(
        &site,
        &format!("UPDATE notes SET phone = '{sealed}' WHERE id = '{id}'"),
    );
    let tagged = "/rest/v1/note_tags?select=tag,notes(phone)";
    let tagging = "/rest/v1/note_tags?select=notes(phone)";
    let tag = json!({ "note_id": id, "tag": "u" });
    for answer in [
        ada.get(tagged),
        ada.ask("POST", tagging, &tag, &[REPRESENTATION]),
        post(),
    ] {
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (500, Some("GAPURA500"))
        );
        assert!(!answer.json().to_string().contains(PHONE));
    }
    assert_eq!(
        ada.rows("/rest/v1/note_tags?select=tag"),
        json!([{ "tag": "t" }])
    );
    assert_eq!(
        ada.rows("/rest/v1/notes?select=title")
            .as_array()
            .unwrap()
            .len(),
        2
    );
    origin.await_log("FIELD_TAMPERED");
}

fn nothing_but_equality_is_asked_of_it(engine: Engine) {
    let (site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    note(&site, ada, PHONE);
    for query in [
        "order=phone",
        "phone=like.*",
        "phone=ilike.*",
        "phone=gt.0",
        "phone=lte.0",
        "phone=neq.0",
        "or=(phone.gt.0,title.eq.a)",
        "select=phone::integer",
        "select=phone->a",
    ] {
        let target = format!("/rest/v1/notes?{query}");
        ada.refused("GET", &target, &Value::Null, 400, "PGRST100");
    }
}

/// Fields that Laravel and version 1 wrote are read, and written in version 2.
fn fields_of_older_systems_are_read(engine: Engine) {
    let mut site = letters(engine, "CHAR(36)");
    site.env = vec![
        ("GAPURA_FIELD_KEYS", format!("k1:{KEY}")),
        ("GAPURA_FIELD_LARAVEL_KEY", APP_KEY.into()),
    ];
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    for value in [VERSION_ONE, LARAVEL] {
        past::sql(&site, "DELETE FROM letters");
        past::sql(
            &site,
            &format!(
                "INSERT INTO letters (id, tenant_id, secret) VALUES ('{ROW}', 'tenant-1', '{value}')"
            ),
        );
        let rows = ada.rows("/rest/v1/letters?select=secret");
        assert_eq!(rows, json!([{ "secret": PHONE }]));
        let of = format!("/rest/v1/letters?id=eq.{ROW}");
        ada.ask("PATCH", &of, &json!({ "secret": PHONE }), &[]);
        let sealed = past::one(&site, "SELECT secret FROM letters").unwrap();
        assert!(sealed.starts_with("ENC[2:"), "{sealed}");
        let rows = ada.rows("/rest/v1/letters?select=secret");
        assert_eq!(rows, json!([{ "secret": PHONE }]));
    }
}

/// Fields that Laravel and version 1 wrote are encrypted anew where they are, and found by their blind
/// index from then on.
fn fields_of_older_systems_are_encrypted_anew(engine: Engine) {
    let mut site = letters(engine, "CHAR(36)");
    site.env = vec![
        ("GAPURA_FIELD_KEYS", format!("k1:{KEY}")),
        ("GAPURA_FIELD_LARAVEL_KEY", APP_KEY.into()),
    ];
    let other = ROW.replace("0001", "0002");
    for (id, value) in [(ROW, VERSION_ONE), (&other, LARAVEL)] {
        past::sql(
            &site,
            &format!(
                "INSERT INTO letters (id, tenant_id, secret) VALUES ('{id}', 'tenant-1', '{value}')"
            ),
        );
    }
    let rotate = ["keys", "rotate", "--fields", "--json"];
    let output = site.command(&rotate).output().unwrap();
    let tally: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tally, json!({ "examined": 2, "rewritten": 2, "left": 0 }));
    let stored = past::sql(&site, "SELECT secret, secret_index FROM letters");
    for row in &stored {
        assert!(row[0].as_ref().unwrap().starts_with("ENC[2:"), "{row:?}");
        assert_eq!(row[1], stored[0][1]);
    }
    // Laravel's key is of no more use.
    site.env.pop();
    let origin = site.start();
    let ada = Who {
        tenant: Some("tenant-1"),
        ..Who::user(&origin, ADA)
    };
    let target = format!("/rest/v1/letters?select=id,secret&order=id&secret=eq.{PHONE}");
    assert_eq!(
        ada.rows(&target),
        json!([{ "id": ROW, "secret": PHONE }, { "id": other, "secret": PHONE }])
    );
}

fn tenants_have_keys_of_their_own(engine: Engine) {
    let site = letters(engine, "CHAR(36)");
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    for tenant in ["one", "two"] {
        let letter = json!({ "tenant_id": tenant, "secret": PHONE });
        ada.add("letters", &letter);
    }
    let indexes = past::sql(&site, "SELECT secret_index FROM letters");
    assert_ne!(indexes[0], indexes[1]);
    let rows = ada.rows("/rest/v1/letters?select=secret");
    assert_eq!(rows, json!([{ "secret": PHONE }, { "secret": PHONE }]));
    let moved = json!({ "tenant_id": "two" });
    let of_one = "/rest/v1/letters?tenant_id=eq.one";
    ada.refused("PATCH", of_one, &moved, 400, "PGRST100");
    past::sql(
        &site,
        "UPDATE letters SET tenant_id = 'two' WHERE tenant_id = 'one'",
    );
    let target = "/rest/v1/letters?select=secret";
    ada.refused("GET", target, &Value::Null, 500, "GAPURA500");
}

/// A key that the database counts up is not known when the row is encrypted.
fn a_table_with_encrypted_columns_needs_a_key_of_text(engine: Engine) {
    let site = letters(engine, "BIGINT");
    let file = site.dir.path().join("gapura.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("types = { id = \"uuid\" }", "")).unwrap();
    let output = site.command(&["data", "check"]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{errors}");
    let fault = "data.tables.letters: encrypted needs a primary key that holds text or a uuid";
    assert!(errors.contains(fault), "{errors}");
}

/// The origin must not start; why.
pub(super) fn refused(site: &Site, keys: Option<&str>) -> String {
    let mut command = site.command(&["serve"]);
    match keys {
        Some(keys) => command.env("GAPURA_FIELD_KEYS", keys),
        None => command.env_remove("GAPURA_FIELD_KEYS"),
    };
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let (mut told, mut line) = (String::new(), String::new());
    while log.read_line(&mut line).unwrap() > 0 {
        told.push_str(&line);
        if line.contains("listening") {
            child.kill().unwrap();
        }
        line.clear();
    }
    log.read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(64), "{told}");
    told
}

fn a_wrong_key_stops_the_start(engine: Engine) {
    let (mut site, origin) = notes(engine);
    note(&site, Who::user(&origin, ADA), PHONE);
    drop(origin);
    let wrong = "k1 is not the key of that id";
    let missing = "with the key k1, which is not given";
    for (keys, why) in [
        (Some(format!("k1:{OTHER_KEY}")), wrong),
        (Some(format!("k2:{FIELD_KEY},k1:{OTHER_KEY}")), wrong),
        (Some(format!("k2:{OTHER_KEY}")), missing),
        // The id is a part of what is known of a key.
        (Some(format!("k2:{FIELD_KEY}")), missing),
        (None, "encrypted needs GAPURA_FIELD_KEYS"),
    ] {
        let told = refused(&site, keys.as_deref());
        assert!(told.contains(why), "{keys:?}: {told}");
        assert!(!told.contains(OTHER_KEY) && !told.contains(FIELD_KEY));
    }
    // None of them is known now.
    for keys in [
        format!("k1:{FIELD_KEY}"),
        format!("k2:{OTHER_KEY},k1:{FIELD_KEY}"),
    ] {
        site.env = vec![("GAPURA_FIELD_KEYS", keys)];
        let origin: Origin = site.start();
        let rows = Who::user(&origin, ADA).rows("/rest/v1/notes?select=phone");
        assert_eq!(rows, json!([{ "phone": PHONE }]));
    }
    // The second one encrypts now, and was no other's.
    refused(&site, Some(&format!("k1:{FIELD_KEY}")));
}

on_every_engine!(
    what_is_stored_tells_nothing,
    what_cannot_be_opened_is_never_told,
    what_cannot_be_opened_is_told_nowhere,
    nothing_but_equality_is_asked_of_it,
    fields_of_older_systems_are_read,
    fields_of_older_systems_are_encrypted_anew,
    tenants_have_keys_of_their_own,
    a_table_with_encrypted_columns_needs_a_key_of_text,
    a_wrong_key_stops_the_start,
);
