//! The challenge: a real browser passes it, and nothing else does.

use gapura_tests::{Request, Stack, harness, token};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    env,
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Stdio},
};

const ALWAYS: &str = "[challenge]\nmode = \"always\"\n";

/// Chromium, as `CHROMIUM` or the path names it.
fn chromium() -> PathBuf {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = || {
        let path = env::var_os("PATH")?;
        env::split_paths(&path)
            .flat_map(|folder| names.map(|name| folder.join(name)))
            .find(|file| file.is_file())
    };
    env::var_os("CHROMIUM")
        .map(PathBuf::from)
        .or_else(found)
        .expect("no Chromium: `./scripts/setup tests` installs Debian's, or CHROMIUM names one")
}

/// What a browser saw at `target`.
fn browse(edge: SocketAddr, target: &str, options: &[&str]) -> Value {
    let output = Command::new("node")
        .current_dir(harness::root())
        .arg("tests/browser/challenge.mjs")
        .arg(chromium())
        .arg(format!("http://{edge}{target}"))
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("node runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    println!("{seen:#}");
    seen
}

fn page(client: &str) -> Request {
    Request::new("GET", "/echo/shop")
        .header("accept", "text/html")
        .from(client)
}

/// The puzzle in a page.
fn puzzle(page: &str) -> String {
    let (_, rest) = page.split_once("data-puzzle=\"").expect("a puzzle");
    rest.split('"').next().expect("its end").to_owned()
}

/// Puzzle and number, as the page's script would find it.
fn solution(puzzle: &str) -> String {
    let (bits, tag) = (puzzle.split('.').next(), puzzle.rsplit('.').next());
    let bits: u32 = bits.expect("bits").parse().expect("a number");
    let tag: Vec<u8> = tag
        .expect("a tag")
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("hex"))
        .collect();
    let is_solution = |number: &u32| {
        let digest = Sha256::new_with_prefix(&tag).chain_update(number.to_be_bytes());
        let head = digest.finalize().first_chunk().copied().expect("4 bytes");
        u32::from_be_bytes(head).leading_zeros() >= bits
    };
    let number = (0..u32::MAX).find(is_solution).expect("a solution");
    format!("{puzzle}:{number}")
}

fn post(body: &str, client: &str) -> Request {
    Request::new("POST", "/_gapura/challenge")
        .body("text/plain;charset=UTF-8", body)
        .from(client)
}

#[test]
fn a_browser_passes_it_and_reaches_what_it_asked_for() {
    let stack = Stack::start(ALWAYS);
    let seen = browse(stack.edge.address, "/echo/shop?size=9", &[]);
    assert_eq!((&seen["first"], &seen["last"]), (&503.into(), &200.into()));
    let text = seen["text"].as_str().unwrap();
    assert!(
        text.contains("/echo/shop") && text.contains("size=9"),
        "{text}"
    );
    assert_eq!(seen["fetched"], 200, "what its scripts ask passes too");
    let own = stack.edge.address.to_string();
    assert_eq!(seen["hosts"], json!([own]), "no third party");
    // The browser reports the 503 itself; a script or style that the policy refused would come on top.
    let complaints = seen["complaints"].as_array().unwrap();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].as_str().unwrap().contains("503"));
    let cookie = &seen["cookies"][0];
    assert_eq!(cookie["name"], "gapura-clearance");
    assert_eq!(
        (&cookie["httpOnly"], &cookie["sameSite"]),
        (&true.into(), &"Lax".into())
    );
}

#[test]
fn a_browser_without_scripting_is_told_why_it_does_not() {
    let stack = Stack::start(ALWAYS);
    let seen = browse(stack.edge.address, "/echo/shop", &["--no-script"]);
    assert_eq!((&seen["first"], &seen["last"]), (&503.into(), &Value::Null));
    let text = seen["text"].as_str().unwrap();
    assert!(text.contains("needs JavaScript"), "{text}");
    let snapshot = seen["snapshot"].as_str().unwrap();
    assert!(!snapshot.contains("progressbar"), "{snapshot}");
    assert_eq!(seen["cookies"], json!([]));
}

#[test]
fn a_page_that_fails_says_so_to_all_readers_in_their_language() {
    let stack = Stack::start(ALWAYS);
    let options = ["--no-post", "--locale", "id-ID"];
    let seen = browse(stack.edge.address, "/echo/shop", &options);
    assert_eq!((&seen["lang"], &seen["last"]), (&"id".into(), &Value::Null));
    let snapshot = seen["snapshot"].as_str().unwrap();
    for wanted in [
        "- heading \"Mohon tunggu sebentar\" [level=1]",
        "- status: Pemeriksaan gagal.",
        "- link \"Coba lagi\"",
    ] {
        assert!(snapshot.contains(wanted), "{wanted}: {snapshot}");
    }
}

#[test]
fn a_program_that_solves_passes_for_its_network_and_once() {
    let stack = Stack::start(ALWAYS);
    let challenge = stack.edge.send(&page("192.0.2.1"));
    assert_eq!(challenge.status, 503);
    let header = |name| challenge.header(name).unwrap_or_default();
    assert!(header("content-security-policy").contains("script-src 'sha256-"));
    assert!(!header("content-security-policy").contains("unsafe"));
    assert_eq!(header("cache-control"), "no-store");
    let head = Request::new("HEAD", "/echo/shop").header("accept", "text/html");
    assert_eq!(stack.edge.send(&head).status, 503);

    let body = solution(&puzzle(&challenge.text()));
    let refused = stack.edge.send(&post(&body, "192.0.2.2"));
    assert_eq!(
        (refused.status, refused.problem()),
        (403, "challenge-failed".into())
    );
    stack.edge.await_log("challenge-failed: forged");
    let taken = stack.edge.send(&post(&body, "192.0.2.1"));
    assert_eq!((taken.status, taken.text()), (204, String::new()));
    let again = stack.edge.send(&post(&body, "192.0.2.1"));
    assert_eq!(again.problem(), "challenge-failed");
    stack.edge.await_log("challenge-failed: spent");

    let cookie = taken
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let with = |client| {
        stack
            .edge
            .send(&page(client).header("cookie", cookie))
            .status
    };
    assert_eq!(with("192.0.2.1"), 200);
    assert_eq!(with("192.0.2.2"), 503);
}

#[test]
fn a_client_that_posts_garbage_does_not_pass() {
    let stack = Stack::start(ALWAYS);
    let puzzle = puzzle(&stack.edge.send(&page("192.0.2.1")).text());
    let (_, rest) = puzzle.split_once('.').unwrap();
    for body in [
        String::new(),
        "garbage".to_owned(),
        format!("{puzzle}:x"),
        format!("{puzzle}:0"),
        solution(&format!("1.{rest}")),
        "x".repeat(257),
    ] {
        let refused = stack.edge.send(&post(&body, "192.0.2.1"));
        assert_eq!(
            (refused.status, refused.problem()),
            (403, "challenge-failed".into()),
            "{body}"
        );
        assert_eq!(refused.header("set-cookie"), None);
    }
    let other = Request::new("PUT", "/_gapura/challenge").body("text/plain", "");
    let refused = stack.edge.send(&other);
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, Some("POST"))
    );
}

#[test]
fn programs_need_a_token_that_holds() {
    let stack = Stack::start(ALWAYS);
    let api = Request::new("GET", "/auth/v1/user").header("accept", "application/json");
    let refused = stack.edge.send(&api);
    assert_eq!(
        (refused.status, refused.problem()),
        (403, "challenge-required".into())
    );
    let good = token::token(&token::claims());
    let stranger = stack.edge.send(&api.clone().bearer(&good));
    assert_ne!(stranger.problem(), "challenge-required");
    assert_eq!(
        stack.edge.send(&api.bearer("guess")).problem(),
        "token-invalid"
    );
    // Where a cookie may be missing, one that proves nothing is missing.
    let junk = Request::new("POST", "/auth/v1/token?grant_type=password")
        .header("cookie", "__Host-gapura-access=x")
        .header("sec-fetch-site", "same-origin")
        .json(&json!({ "email": "a@example.test", "password": "a guess" }));
    assert_eq!(stack.edge.send(&junk).problem(), "challenge-required");
    // A route that looks at no token takes none for a clearance.
    let open = Request::new("GET", "/echo/a").bearer(&good);
    assert_eq!(stack.edge.send(&open).problem(), "challenge-required");
    assert_eq!(stack.edge.get("/.well-known/security.txt").status, 200);
}

#[test]
fn without_the_setting_there_is_no_challenge() {
    let stack = Stack::start("[challenge]\nmode = \"off\"\n");
    assert_eq!(stack.edge.send(&page("192.0.2.1")).status, 200);
    assert_eq!(
        stack.edge.send(&post("a:1", "192.0.2.1")).problem(),
        "not-found"
    );
}

#[test]
fn the_operator_switches_it() {
    let stack = Stack::start("");
    let operator = token::token(&token::claims_with("role", "admin".into()));
    let switch = |mode: &Value| {
        let put = Request::new("PUT", "/_gapura/v1/mode").json(mode);
        let done = stack.edge.send(&put.bearer(&operator));
        assert_eq!(done.status, 200, "{}", done.text());
    };
    assert_eq!(stack.edge.send(&page("192.0.2.1")).status, 200);
    switch(&json!({"under_attack": true, "seconds": 600}));
    assert_eq!(stack.edge.send(&page("192.0.2.1")).status, 503);
    switch(&json!({"under_attack": false}));
    assert_eq!(stack.edge.send(&page("192.0.2.1")).status, 200);
}
