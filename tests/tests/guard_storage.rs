//! Writes of the objects that fail, in real storage: what was not stored is not promised, and what
//! is in memory afterwards is what is stored.

use gapura_tests::{Edge, Origin, Request, Response, harness::counted, token};
use serde_json::{Value, json};
use std::{thread, time::Duration};

/// A class that is closed on error, each admission stored; and one that is open, stored from a quarter on.
fn policy() -> String {
    let closed = "limit = 3\nwindow_s = 3600\nstrict = true\non_error = \"closed\"";
    let open = "limit = 4\nwindow_s = 3600\non_error = \"open\"";
    counted("closed", closed) + &counted("open", open) + "[jails.limit]\nkinds = []\n"
}

/// How a write fails.
#[derive(Clone, Copy)]
enum Failure {
    /// The statement, while the object is at work: it catches that.
    Statement,
    /// The commit, as on a full disk, once the object has answered: the platform keeps the
    /// answer back and ends the object.
    Commit,
}

impl Failure {
    fn begin(self, edge: &Edge) {
        match self {
            Self::Statement => edge.writable(false),
            Self::Commit => edge.fill_disk(),
        }
    }

    fn end(self, edge: &Edge) {
        match self {
            Self::Statement => edge.writable(true),
            Self::Commit => edge.empty_disk(),
        }
    }
}

fn start() -> (Origin, Edge) {
    let origin = Origin::start();
    let edge = Edge::instrumented(&origin, &policy());
    // Each object has its table.
    assert_eq!(bans(&edge), [""; 0]);
    (origin, edge)
}

fn ask(edge: &Edge, target: &str, client: &str) -> Response {
    edge.send(&Request::new("GET", target).from(client))
}

fn operate(edge: &Edge, method: &str, path: &str, body: Option<&Value>) -> Response {
    let bearer = token::token(&token::claims_with("role", json!("admin")));
    let request = Request::new(method, &format!("/_gapura/v1/{path}")).bearer(&bearer);
    edge.send(&match body {
        Some(body) => request.json(body),
        None => request,
    })
}

fn bans(edge: &Edge) -> Vec<String> {
    let listed = operate(edge, "GET", "bans", None);
    assert_eq!(listed.status, 200, "{}\n{}", listed.text(), edge.log());
    let listed = listed.json();
    let bans = listed["bans"].as_array().expect("a list").iter();
    let id = |ban: &Value| ban["id"].as_str().expect("an id").to_owned();
    let mut ids: Vec<String> = bans.map(id).collect();
    ids.sort();
    ids
}

/// Probes, and waits until the object has heard of it.
fn probe(edge: &Edge, client: &str) {
    let before = edge.answered();
    assert_eq!(ask(edge, "/.env", client).status, 403);
    for _ in 0..400 {
        if edge.answered() > before {
            return;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("nobody is told of a probe:\n{}", edge.log());
}

fn await_ban(edge: &Edge, client: &str) {
    for _ in 0..400 {
        if ask(edge, "/echo/a", client).status == 403 {
            return;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("{client} is not banned:\n{}", edge.log());
}

fn statuses(edge: &Edge, target: &str, client: &str, count: usize) -> Vec<u16> {
    let asked = (0..count).map(|_| ask(edge, target, client).status);
    asked.collect()
}

fn what_the_guard_did_not_store_did_not_happen(failure: Failure) {
    let (_origin, mut edge) = start();
    let (counted, new, banned, struck) = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4");
    assert_eq!(ask(&edge, "/closed", counted).status, 200);
    for _ in 0..2 {
        probe(&edge, banned);
    }
    await_ban(&edge, banned);
    probe(&edge, struck);

    failure.begin(&edge);
    for _ in 0..5 {
        let refused = ask(&edge, "/closed", counted);
        assert_eq!(refused.problem(), "guard-unavailable");
    }
    assert_eq!(statuses(&edge, "/open", new, 5), [200; 5]);
    probe(&edge, struck);
    let lift = format!("bans/ip:{banned}");
    assert_eq!(operate(&edge, "DELETE", &lift, None).status, 503);
    failure.end(&edge);

    assert_eq!(bans(&edge), [format!("ip:{banned}")]);
    assert_eq!(ask(&edge, "/echo/a", struck).status, 200);
    assert_eq!(
        statuses(&edge, "/closed", counted, 4),
        [200, 200, 429, 429],
        "of three"
    );
    // The quarter that was in memory alone is taken for used.
    let open = statuses(&edge, "/open", new, 6);
    let admitted = open.iter().filter(|status| **status == 200).count();
    assert!((3..=4).contains(&admitted), "{open:?}");
    probe(&edge, struck);
    await_ban(&edge, struck);

    // Stored is what memory had.
    edge.restart();
    assert_eq!(ask(&edge, "/closed", counted).status, 429);
    assert_eq!(ask(&edge, "/open", new).status, 429);
    assert_eq!(
        bans(&edge),
        [format!("ip:{banned}"), format!("ip:{struck}")]
    );
    assert_eq!(operate(&edge, "DELETE", &lift, None).status, 204);
    assert_eq!(ask(&edge, "/echo/a", banned).status, 200);
}

#[test]
fn what_the_guard_could_not_write_did_not_happen() {
    what_the_guard_did_not_store_did_not_happen(Failure::Statement);
}

#[test]
fn what_the_guard_could_not_commit_did_not_happen() {
    what_the_guard_did_not_store_did_not_happen(Failure::Commit);
}

fn what_the_ledger_did_not_store_did_not_happen(failure: Failure) {
    let (_origin, mut edge) = start();
    let ban = |edge: &Edge, network: &str| {
        let ban = json!({"target": network, "reason": "a test", "seconds": 600});
        operate(edge, "POST", "bans", Some(&ban)).status
    };
    let (stored, other) = ("198.51.100.0/24", "203.0.113.0/24");
    let lift = "bans/ip:198.51.100.0%2F24";
    assert_eq!(ban(&edge, stored), 201);

    failure.begin(&edge);
    assert_eq!(ban(&edge, other), 503);
    assert_eq!(operate(&edge, "DELETE", lift, None).status, 503);
    failure.end(&edge);

    let listed = |networks: &[&str]| -> Vec<String> {
        networks
            .iter()
            .map(|network| format!("ip:{network}"))
            .collect()
    };
    assert_eq!(bans(&edge), listed(&[stored]));
    assert_eq!(ask(&edge, "/echo/a", "198.51.100.7").problem(), "banned");
    assert_eq!(ask(&edge, "/echo/a", "203.0.113.7").status, 200);
    assert_eq!(ban(&edge, other), 201);
    assert_eq!(ask(&edge, "/echo/a", "203.0.113.7").problem(), "banned");

    edge.restart();
    assert_eq!(bans(&edge), listed(&[stored, other]));
    assert_eq!(ask(&edge, "/echo/a", "198.51.100.7").problem(), "banned");
    assert_eq!(ask(&edge, "/echo/a", "203.0.113.7").problem(), "banned");
    assert_eq!(operate(&edge, "DELETE", lift, None).status, 204);
    assert_eq!(bans(&edge), listed(&[other]));
}

#[test]
fn what_the_ledger_could_not_write_did_not_happen() {
    what_the_ledger_did_not_store_did_not_happen(Failure::Statement);
}

#[test]
fn what_the_ledger_could_not_commit_did_not_happen() {
    what_the_ledger_did_not_store_did_not_happen(Failure::Commit);
}

#[test]
fn of_what_the_guard_is_told_all_is_written_or_nothing() {
    let (_origin, mut edge) = start();
    let client = "2001:db8:1:2::1";
    // A strike counts for the client and for the network around it.
    edge.refuse_rows("%/48");
    probe(&edge, client);
    edge.writable(true);
    probe(&edge, client);
    assert_eq!(ask(&edge, "/echo/a", client).status, 200, "one of two");
    edge.restart();
    probe(&edge, client);
    await_ban(&edge, client);
}

#[test]
fn of_what_the_ledger_is_told_all_is_written_or_nothing() {
    let (_origin, mut edge) = start();
    let client = "198.51.100.7";
    let ban = json!({"target": "198.51.100.0/24", "reason": "a test", "seconds": 600});
    // Its own row comes after the ban's.
    edge.refuse_rows("version");
    assert_eq!(operate(&edge, "POST", "bans", Some(&ban)).status, 503);
    edge.writable(true);
    assert_eq!(bans(&edge), [""; 0]);
    assert_eq!(ask(&edge, "/echo/a", client).status, 200);
    edge.restart();
    assert_eq!(bans(&edge), [""; 0]);
    assert_eq!(operate(&edge, "POST", "bans", Some(&ban)).status, 201);
    assert_eq!(ask(&edge, "/echo/a", client).problem(), "banned");
}
