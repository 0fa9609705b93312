//! Bodies over the inspection limit: refused, or inspected while they pass, in bounded memory.

use gapura_shared::ids::hex;
use gapura_tests::{Request, Response, Stack};
use sha2::{Digest, Sha256};
use std::{
    fs,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

const LIMIT: usize = 128 * 1024;
const MEGABYTE: usize = 1024 * 1024;

const ROUTES: &str = r#"
[[route]]
name = "whole"
path = "/whole/**"
rewrite = "/echo/**"
token = "none"
classes = []

[[route]]
name = "packed"
path = "/packed/**"
rewrite = "/echo/**"
token = "none"
classes = []
compressed_bodies = "inspect"

[[route]]
name = "upload"
path = "/upload/**"
rewrite = "/echo/**"
token = "none"
classes = []
oversize = "stream"
"#;

/// Bytes that look like a compressed file.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A file, then a field.
fn multipart(file: &[u8], field: &str) -> Vec<u8> {
    [
        b"--b0undary\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        file,
        b"\r\n--b0undary\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n",
        field.as_bytes(),
        b"\r\n--b0undary--\r\n",
    ]
    .concat()
}

fn upload(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", "/upload/a").body(content_type, body)
}

fn stopped(answer: &Response) -> bool {
    answer.status == 403 && answer.problem() == "waf-blocked"
}

const MULTIPART: &str = "multipart/form-data; boundary=b0undary";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn what_is_inspected_as_a_whole_is_bounded_and_says_so() {
    let stack = Stack::start(ROUTES);
    let post =
        |length: usize| Request::new("POST", "/whole/a").body("text/plain", vec![b'a'; length]);
    assert_eq!(stack.edge.send(&post(LIMIT)).status, 200);
    for refused in [post(LIMIT + 1), post(LIMIT + 1).chunked()] {
        let refused = stack.edge.send(&refused);
        assert_eq!(
            (refused.status, refused.problem()),
            (413, "body-too-large".into())
        );
        assert!(refused.text().contains("131072"), "{}", refused.text());
    }
}

#[test]
fn an_attack_behind_padding_is_stopped_on_its_way() {
    let stack = Stack::start(ROUTES);
    let script = "<script>alert(document.cookie)</script>";
    let padding = "a".repeat(5 * MEGABYTE);
    let attacks = [
        (MULTIPART, multipart(&noise(5 * MEGABYTE), script)),
        (FORM, format!("a={padding}&q={script}&b=1").into_bytes()),
        (
            "application/json",
            format!("{{\"a\":\"{padding}\",\"q\":\"{script}\"}}").into_bytes(),
        ),
        (
            "text/xml",
            format!("<a><b>{padding}</b><q><![CDATA[{script}]]></q></a>").into_bytes(),
        ),
        ("text/plain", format!("{padding}\n{script}\n").into_bytes()),
    ];
    for (kind, body) in attacks {
        for request in [upload(kind, body.clone()), upload(kind, body).chunked()] {
            let answer = stack.edge.send(&request);
            assert!(
                stopped(&answer),
                "{kind}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
}

#[test]
fn the_origin_sees_a_stopped_upload_break_off() {
    let stack = Stack::start(ROUTES);
    let body = multipart(&noise(5 * MEGABYTE), "<script>alert(1)</script>");
    assert!(stopped(&stack.edge.send(&upload(MULTIPART, body))));
    for _ in 0..100 {
        if stack.origin.log().contains("/echo/a") {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert!(
        !stack.origin.log().contains("status=200"),
        "{}",
        stack.origin.log()
    );
    // The connection is not left half open: the next upload passes.
    let honest = stack.edge.send(&upload(
        MULTIPART,
        multipart(&noise(MEGABYTE), "see you on Friday"),
    ));
    assert_eq!(honest.status, 200, "{}", honest.text());
}

#[test]
fn honest_uploads_arrive_as_they_were_sent() {
    let stack = Stack::start(ROUTES);
    let bodies = [
        (
            MULTIPART,
            multipart(&noise(9 * MEGABYTE), "see you on Friday"),
        ),
        (
            "image/jpeg",
            [b"\xff\xd8\xff\xe0".to_vec(), noise(3 * MEGABYTE)].concat(),
        ),
        (
            "text/plain",
            "It's a long story; the cat sat on the mat.\n"
                .repeat(20_000)
                .into_bytes(),
        ),
    ];
    for (kind, body) in bodies {
        let digest = hex(&Sha256::digest(&body));
        for request in [
            upload(kind, body.clone()),
            upload(kind, body.clone()).chunked(),
        ] {
            let answer = stack.edge.send(&request);
            assert_eq!(
                answer.status,
                200,
                "{kind}: {}\n{}",
                answer.text(),
                stack.edge.log()
            );
            assert_eq!(answer.json()["body_length"], body.len());
            assert_eq!(answer.json()["body_sha256"], digest);
            assert_eq!(answer.json()["headers"]["gapura-stream"], "10485760");
        }
    }
    let long = upload("image/jpeg", noise(10 * MEGABYTE + 1)).chunked();
    let refused = stack.edge.send(&long);
    assert_eq!(
        (refused.status, refused.problem()),
        (413, "body-too-large".into())
    );
}

#[test]
fn short_bodies_of_a_streaming_route_are_read_and_digested() {
    let stack = Stack::start(ROUTES);
    let answer = stack.edge.send(&upload("text/plain", "short"));
    assert!(
        answer.json()["headers"]["content-digest"].is_string(),
        "{}",
        answer.text()
    );
    assert!(stopped(
        &stack
            .edge
            .send(&upload(FORM, "q=<script>alert(1)</script>"))
    ));
}

/// `q=<script>alert(1)</script>` and `q=see you`, as gzip packs them.
const PACKED_ATTACK: &str =
    "1f8b08000000000002ff2bb4b5294e2eca2c28b14bcc492d2ad130d4b4d1870a0000dd09069e1b000000";
const PACKED: &str = "1f8b08000000000002ff2bb42d4e4d55a8cc2f0500cc276af209000000";

#[test]
fn compressed_bodies_are_inspected_where_the_route_says_so() {
    let stack = Stack::start(ROUTES);
    let post = |path: &str, hex: &str| {
        let body: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let request = Request::new("POST", path).body(FORM, body);
        stack.edge.send(&request.header("Content-Encoding", "gzip"))
    };
    let passed = post("/packed/a", PACKED);
    assert_eq!(passed.status, 200, "{}", passed.text());
    assert_eq!(passed.json()["headers"]["content-encoding"], "gzip");
    assert_eq!(passed.json()["body_length"], PACKED.len() / 2);
    assert!(stopped(&post("/packed/a", PACKED_ATTACK)));
    assert_eq!(post("/packed/a", "00ff").status, 400);
    assert_eq!(post("/whole/a", PACKED).status, 415);
}

/// Resident memory of a process, in bytes.
fn resident(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1024
}

#[test]
fn a_hundred_uploads_at_once_stay_within_an_isolate() {
    const UPLOADS: usize = 100;
    const ISOLATE: usize = 128 * MEGABYTE;
    let stack = Stack::start(ROUTES);
    assert_eq!(stack.edge.get("/upload/warm").status, 200);
    let process = stack.edge.process_id();
    let idle = resident(process);

    let body = multipart(&noise(10 * MEGABYTE - 1024), "see you on Friday");
    let bytes = Arc::new(upload(MULTIPART, body).bytes(&stack.edge.address.to_string()));
    let start = Arc::new(Barrier::new(UPLOADS));
    let address = stack.edge.address;
    let uploads: Vec<_> = (0..UPLOADS)
        .map(|_| {
            let (bytes, start) = (bytes.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                gapura_tests::client::exchange(address, &bytes).status
            })
        })
        .collect();
    let mut peak = idle;
    while !uploads.iter().all(thread::JoinHandle::is_finished) {
        peak = peak.max(resident(process));
        thread::sleep(Duration::from_millis(5));
    }
    let passed = uploads
        .into_iter()
        .filter_map(|upload| upload.join().ok())
        .filter(|status| *status == 200);
    assert_eq!(passed.count(), UPLOADS, "{}", stack.edge.log());
    println!("idle {} KB, peak {} KB", idle / 1024, peak / 1024);
    assert!(peak - idle < ISOLATE, "idle {idle}, peak {peak}");
}
