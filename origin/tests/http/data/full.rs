//! A disk that takes no more. Files may not grow beyond some size here, which needs no disk of one's own.

use super::{ADA, NOTES, Who, config};
use crate::{engines::Engine, harness::Site};
use serde_json::{Value, json};

/// Some 6 MiB: more than `SQLite` gathers beside the file before it moves it there. The signal would end
/// the process; without it, writes fail.
const SMALL: &str = "trap '' XFSZ; ulimit -S -f 12288";

#[test]
fn what_has_no_room_is_refused_and_nothing_else_is() {
    let mut site = Site::on(
        Engine::Sqlite,
        &format!("{}notes = true\n{NOTES}", config()),
    );
    // Migrations and the like have room.
    drop(site.start());
    site.shell = Some(SMALL);
    let origin = site.start();
    let ada = Who::user(&origin, ADA);
    let body = "x".repeat(100 * 1024);
    let row = |title: usize| json!({ "title": title.to_string(), "body": body });
    let count = || {
        let headers = [("prefer", "count=exact")];
        let answer = ada.ask("HEAD", "/rest/v1/notes", &Value::Null, &headers);
        let range = answer.headers["content-range"].clone();
        range.rsplit('/').next().unwrap().parse::<usize>().unwrap()
    };
    let mut written = 0;
    let refused = loop {
        assert!(written < 1000, "it never was full");
        // Two rows, or none.
        let rows = json!([row(written), row(written + 1)]);
        let answer = ada.ask("POST", "/rest/v1/notes", &rows, &[]);
        if answer.status != 201 {
            break answer;
        }
        written += 2;
    };
    assert!(written > 0);
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (503, Some("PGRST000")),
        "{refused:?}\n{}",
        origin.log()
    );
    assert_eq!(refused.headers["retry-after"], "5");
    // What was acknowledged is there, and no half of what was not; who reads is served.
    assert_eq!(count(), written);
    let last = (written - 1).to_string();
    let rows = ada.rows(&format!("/rest/v1/notes?select=title&title=eq.{last}"));
    assert_eq!(rows, json!([{ "title": last }]));
    // With room again it goes on by itself.
    origin.lift_file_size();
    ada.note("room");
    assert_eq!(count(), written + 1);
    drop(origin);
    site.shell = None;
    let origin = site.start();
    let rows = Who::user(&origin, ADA).rows("/rest/v1/notes?select=title&title=eq.room");
    assert_eq!(rows, json!([{ "title": "room" }]));
}
