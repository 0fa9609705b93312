//! What goes through the gate goes through whole, and every way in which the
//! origin can fail ends cleanly.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Stack};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

const ROUTES: &str = r#"
[[route]]
name = "stream"
path = "/stream/**"
rewrite = "/echo/**"
token = "none"
classes = []
body = "stream"
body_bytes = 1_000_000
waf = "off"

[[route]]
name = "impatient"
path = "/impatient/**"
rewrite = "/echo/**"
token = "none"
classes = []
timeout_ms = 300
"#;

#[test]
fn what_passes_arrives_as_it_was_sent() {
    let stack = Stack::start("");
    let body = "{\"name\": \"O'Brien\", \"text\": \"caf\u{e9}\"}";
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let sent =
            Request::new(method, "/echo/a/b?x=1&x=2").body("application/json; charset=utf-8", body);
        let seen = stack.edge.send(&sent).json();
        assert_eq!(
            (&seen["method"], &seen["path"], &seen["query"]),
            (&json!(method), &json!("/echo/a/b"), &json!("x=1&x=2"))
        );
        assert_eq!(seen["body_length"], body.len());
        // `printf` of the body through sha256sum.
        assert_eq!(seen["body_sha256"].as_str().unwrap().len(), 64);
        assert_eq!(
            seen["headers"]["content-type"],
            "application/json; charset=utf-8"
        );
    }
    let empty = stack.edge.get("/echo/a").json();
    assert_eq!(
        empty["body_sha256"],
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn unusual_targets_keep_their_seal() {
    let stack = Stack::start("");
    for (sent, path, query) in [
        ("/echo/a%2Fb/c%20d", "/echo/a%2Fb/c%20d", ""),
        ("/echo/%E4%B8%AD%E6%96%87", "/echo/%E4%B8%AD%E6%96%87", ""),
        ("/echo//double//", "/echo//double//", ""),
        ("/echo/a;v=1,2:3@x!$&()*+", "/echo/a;v=1,2:3@x!$&()*+", ""),
        ("/echo/~user/-._", "/echo/~user/-._", ""),
        ("/echo/q?a=b%26c&d=%2B+e", "/echo/q", "a=b%26c&d=%2B+e"),
        ("/echo/q?", "/echo/q", ""),
        ("/echo/q?a=[1]&b={2}|3^4", "/echo/q", "a=[1]&b={2}|3^4"),
    ] {
        let answered = stack.edge.get(sent);
        assert_eq!(answered.status, 200, "{sent}: {}", answered.text());
        let seen = answered.json();
        assert_eq!(
            (&seen["path"], &seen["query"]),
            (&json!(path), &json!(query)),
            "{sent}"
        );
    }
}

#[test]
fn dot_segments_cannot_change_the_route() {
    let stack = Stack::start("");
    for target in [
        "/echo/../auth/v1/user",
        "/echo/%2e%2e/auth/v1/user",
        "/echo/.%2E/auth/v1/user",
    ] {
        let answered = stack.edge.get(target);
        assert_ne!(answered.status, 200, "{target}: {}", answered.text());
    }
}

#[test]
fn a_trace_is_continued_and_a_request_named() {
    let stack = Stack::start("");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traced = Request::new("GET", "/echo/a")
        .header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("X-Request-Id", "chosen-by-the-client");
    let answered = stack.edge.send(&traced);
    let seen = answered.json()["headers"].clone();
    let continued = seen["traceparent"].as_str().unwrap();
    assert!(
        continued.starts_with(&format!("00-{trace}-")) && continued.ends_with("-01"),
        "{continued}"
    );
    assert!(
        !continued.contains("00f067aa0ba902b7"),
        "the gate has a span of its own"
    );
    assert_eq!(
        answered.header("x-request-id"),
        seen["x-request-id"].as_str()
    );
    assert_ne!(
        answered.header("x-request-id"),
        Some("chosen-by-the-client")
    );
    let started = stack.edge.get("/echo/a").json()["headers"]["traceparent"].clone();
    assert!(started.as_str().unwrap().ends_with("-00"), "{started}");
}

#[test]
fn a_body_that_need_not_be_read_streams_under_a_bound() {
    let stack = Stack::start(ROUTES);
    let post = |length: usize| {
        Request::new("POST", "/stream/up").body("application/octet-stream", vec![7; length])
    };
    let declared = stack.edge.send(&post(1_000_000));
    assert_eq!(declared.status, 200, "{}", declared.text());
    let seen = declared.json();
    assert_eq!(seen["body_length"], 1_000_000);
    assert_eq!(seen["headers"]["gapura-stream"], "1000000");
    assert_eq!(seen["headers"]["content-digest"], json!(null));
    assert_eq!(
        stack.edge.send(&post(1_000_000).chunked()).json()["body_length"],
        1_000_000
    );
    assert_eq!(
        stack.edge.send(&post(1_000_001)).status,
        413,
        "by its declared length"
    );
    let cut = stack.edge.send(&post(1_500_000).chunked());
    assert_ne!(cut.status, 200, "the origin cuts it off: {}", cut.text());
}

#[test]
fn a_streamed_body_reaches_the_origin_before_it_ends() {
    let stack = Stack::start(ROUTES);
    assert_eq!(stack.edge.get("/echo/first").status, 200);
    let mut slow = TcpStream::connect(stack.edge.address).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    slow.write_all(b"POST /stream/slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").unwrap();
    // The origin logs a request when it ends; that it has begun is seen from the
    // edge, which goes on answering others meanwhile.
    assert_eq!(stack.edge.get("/echo/second").status, 200);
    slow.write_all(b"4\r\nhalf\r\n0\r\n\r\n").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"body_length\":8"), "{answer}");
}

#[test]
fn a_stream_is_sealed_for_the_right_instance_at_once_and_a_restart_is_told() {
    let mut stack = Stack::start(ROUTES);
    let post = Request::new("POST", "/stream/up").body("text/plain", "once");
    assert_eq!(
        stack.edge.send(&post).status,
        200,
        "the first request of an isolate"
    );
    stack.origin.restart();
    let refused = stack.edge.send(&post);
    assert_eq!(
        (refused.status, refused.problem()),
        (503, "origin-restarted".into())
    );
    assert!(refused.header("retry-after").is_some());
    assert_eq!(stack.edge.send(&post).status, 200, "sent again, as told");
}

#[test]
fn an_origin_that_is_gone_is_502_and_comes_back() {
    let mut stack = Stack::start("");
    stack.origin.stop();
    let gone = stack.edge.get("/echo/a");
    assert_eq!(
        (gone.status, gone.problem()),
        (502, "origin-unreachable".into())
    );
    stack.origin.restart();
    assert_eq!(stack.edge.get("/echo/a").status, 200);
}

#[test]
fn an_origin_that_does_not_answer_is_504_and_a_stranger_is_502() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = Origin::start();
    let config = EdgeConfig {
        origin_url: format!("http://{}", silent.local_addr().unwrap()),
        ..EdgeConfig::for_origin(&origin).overlay(ROUTES)
    };
    let edge = Edge::start(&config);
    let late = edge.get("/impatient/a");
    assert_eq!(
        (late.status, late.problem()),
        (504, "origin-timeout".into())
    );

    // Somebody else at the origin's address: an answer without its name is not believed.
    thread::spawn(move || {
        for mut stream in silent.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nevil",
            );
        }
    });
    let stranger = edge.get("/impatient/a");
    assert_eq!(
        (stranger.status, stranger.problem()),
        (502, "origin-refused-seal".into())
    );
}

#[test]
fn a_client_that_leaves_halfway_harms_nobody() {
    let stack = Stack::start(ROUTES);
    for target in ["/echo/left", "/stream/left"] {
        let mut leaver = TcpStream::connect(stack.edge.address).unwrap();
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nonly this");
        leaver.write_all(head.as_bytes()).unwrap();
        drop(leaver);
        assert_eq!(stack.edge.get("/echo/next").status, 200, "{target}");
    }
    assert!(
        !stack.origin.log().contains("/echo/left\" status=200"),
        "half a body is not passed on"
    );
}
