//! docs/api.md holds: its lines are run as they stand, from top to bottom.

use gapura_tests::{Stack, harness, token};
use serde_json::json;
use std::{fs, process::Command};

/// The page, and the lines of its `sh` blocks.
fn page() -> (String, Vec<String>) {
    let page = fs::read_to_string(harness::root().join("docs/api.md")).expect("the page");
    let mut lines = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => lines.push(line.to_owned()),
            _ => {}
        }
    }
    (page, lines)
}

#[test]
fn every_line_of_the_page_does_what_it_says() {
    let stack = Stack::start("");
    let (_, lines) = page();
    assert!(lines.len() >= 13, "{lines:#?}");
    let mut answers = Vec::new();
    for line in &lines {
        // Nothing but what a failure needs is added: a refusal is one.
        let line = line.replacen("curl ", "curl --fail-with-body --silent --show-error ", 1);
        let output = Command::new("sh")
            .args(["-c", &line])
            .env("GATE", format!("http://{}", stack.edge.address))
            .env(
                "TOKEN",
                token::token(&token::claims_with("role", json!("admin"))),
            )
            .output()
            .expect("sh runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{line}\n{told}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        answers.push((line, told));
    }
    let answer = |part: &str| {
        let found = answers.iter().find(|(line, _)| line.contains(part));
        found.map(|(_, told)| told.as_str()).expect("its line")
    };
    assert!(
        answer("-d '{\"target\":\"198").starts_with("{\"id\":\"ip:198.51.100.0/24\",\"until\":")
    );
    let found = answer("?q=scans");
    assert!(
        found.contains("\"source\":\"operator\"") && !found.contains("asn:"),
        "{found}"
    );
    assert!(answer("/v1/mode\"").contains("\"under_attack\":true"));
    assert_eq!(
        answer("import?"),
        "{\"added\":2,\"changed\":0,\"lifted\":0,\"skipped\":0}"
    );
    assert_eq!(answer("/export\""), "203.0.113.0/28\n203.0.113.64\n");
}

#[test]
fn the_page_names_every_endpoint() {
    let (page, lines) = page();
    for (method, path) in [
        ("-d ", "/bans\""),
        ("curl -H", "/bans\""),
        ("-X DELETE", "/bans/"),
        ("curl -H", "/subjects/"),
        ("curl -H", "/mode\""),
        ("-X PUT", "/mode\""),
        ("--data-binary", "/import?"),
        ("curl -H", "/export\""),
    ] {
        let shown = |line: &&String| line.contains(method) && line.contains(path);
        assert!(lines.iter().any(|line| shown(&line)), "{method} {path}");
    }
    assert!(page.contains("`POST ledger`"));
}
