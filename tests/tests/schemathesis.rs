//! Schemathesis against both halves: whatever it sends ends in an answer or in a refusal of the gate,
//! and in no failure of ours. `origin/tests/http/data/schemathesis.rs` does more of it behind the seal.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, harness, node::PASSWORD};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, process::Command};

/// One client address does what many would, and its hashes are cheap.
const WIDE: &str = "
[classes.general]
limit = 10_000
";
const SETTINGS: [(&str, &str); 2] = [
    ("argon2_memory_kib = 19456", "argon2_memory_kib = 128"),
    ("argon2_iterations = 2", "argon2_iterations = 1"),
];

/// A user's access token.
fn user(edge: &Edge, origin: &Origin) -> String {
    let email = "ada@example.test";
    let add = [
        "users",
        "add",
        "--email",
        email,
        "--role",
        "user",
        "--password-stdin",
    ];
    origin.run(&add, PASSWORD);
    let login = Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({ "email": email, "password": PASSWORD }));
    let login = edge.send(&login);
    assert_eq!(login.status, 200, "{}", login.text());
    login.json()["access_token"].as_str().unwrap().to_owned()
}

/// How many answers of each status a report has (HTTP Archive 1.2).
fn statuses(report: &Value) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for entry in report["log"]["entries"].as_array().unwrap() {
        let status = entry["response"]["status"].as_u64().unwrap();
        *counts.entry(status).or_default() += 1;
    }
    counts
}

#[test]
fn no_request_of_the_document_fails_at_the_edge() {
    let program = harness::root().join(".tools/python/bin/schemathesis");
    assert!(program.exists(), "run ./scripts/setup tests");
    let origin = Origin::configured("", &SETTINGS);
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(WIDE));
    let token = user(&edge, &origin);
    let note = Request::new("POST", "/rest/v1/notes").json(&json!({ "title": "a" }));
    assert_eq!(edge.send(&note.bearer(&token)).status, 201);
    let folder = tempfile::tempdir().unwrap();
    let (document, report) = (
        folder.path().join("openapi.json"),
        folder.path().join("har.json"),
    );
    fs::write(&document, origin.run(&["data", "openapi"], "")).unwrap();
    let output = Command::new(program)
        .arg("run")
        .arg(&document)
        .args(["--url", &format!("http://{}/rest/v1", edge.address)])
        .args(["--header", &format!("authorization: Bearer {token}")])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--checks", "not_a_server_error", "--continue-on-failure"])
        .args(["--max-examples", "10", "--generation-deterministic"])
        .args(["--suppress-health-check", "all"])
        .args(["--no-color", "--no-shrink", "--warnings", "off"])
        .args(["--report", "har", "--report-har-path"])
        .arg(&report)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}\n{}\n{}",
        edge.log(),
        origin.log()
    );
    let report = fs::read(report).unwrap();
    let seen = statuses(&serde_json::from_slice(&report).unwrap());
    assert!(
        seen.keys().all(|status| (200..500).contains(status)),
        "{seen:?}"
    );
    // It came through to the rows, and the gate did not take it for a flood.
    for status in [200, 201, 400] {
        assert!(seen.contains_key(&status), "no {status}: {seen:?}");
    }
    assert!(!seen.contains_key(&429), "{seen:?}");
}
