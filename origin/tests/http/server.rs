//! Bounds in size, number and time; start and end of the process.

use crate::{
    client::{Answer, Call, Wire},
    engines::{Engine, PASSWORD, on_every_engine},
    harness::{CONFIG, Origin, SEAL_KEY, Site, TOKEN_KEY},
};
use std::{
    io::{BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

on_every_engine!(tells_the_log_no_secret);

fn with(listen: &str) -> (Site, Origin) {
    let site = Site::new(&format!("{CONFIG}\n[listen]\n{listen}\n"));
    let origin = site.start();
    (site, origin)
}

/// How long it takes until the other side hangs up without having said anything.
fn silence(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut said = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut said);
    assert_eq!(said, b"", "{}", String::from_utf8_lossy(&said));
    start.elapsed()
}

#[test]
fn refuses_headers_over_the_cap() {
    let (_site, origin) = Origin::fresh();
    let mut large = Call::get("/echo/a").seal(&origin);
    large.add("x-filler", &"x".repeat(60_000));
    assert_eq!(origin.send(&large).status, 200);
    let mut large = Call::get("/echo/a").seal(&origin);
    large.add("x-filler", &"x".repeat(66_000));
    assert_eq!(origin.send(&large).status, 431);
}

#[test]
fn hangs_up_on_heads_that_come_too_slowly() {
    let (_site, origin) = with("header_read_s = 1\nidle_s = 600");
    // One that says nothing, one that stops, and one that drips.
    let mut mute = origin.connect();
    let mut stopping = origin.connect();
    stopping.write_all(b"GET / HTTP/1.1\r\nhost:").unwrap();
    let mut dripping = origin.connect();
    let drip = dripping.try_clone().unwrap();
    std::thread::spawn(move || {
        let mut drip = drip;
        while drip.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    for stream in [&mut mute, &mut stopping, &mut dripping] {
        assert!(silence(stream) < Duration::from_secs(4));
    }
}

#[test]
fn hangs_up_on_idle_connections_but_not_at_once() {
    let (_site, origin) = with("idle_s = 2\nheader_read_s = 1");
    let mut stream = origin.connect();
    for _ in 0..2 {
        stream
            .write_all(&Call::get("/echo/a").seal(&origin).bytes())
            .unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        assert_eq!(Answer::read(&mut reader).status, 200);
    }
    let idle = silence(&mut stream);
    assert!(idle > Duration::from_millis(1500), "{idle:?}");
    assert!(idle < Duration::from_secs(5), "{idle:?}");
}

#[test]
fn refuses_bodies_that_come_too_slowly() {
    let (_site, origin) = with("body_read_s = 1");
    for stream in [None, Some(10)] {
        let mut call = Call::post("/echo/a", "0123456789");
        call.stream = stream;
        let mut slow = call.seal(&origin);
        slow.body.truncate(5);
        let answer = origin.send(&slow);
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            (408, "body-timeout")
        );
    }
}

#[test]
fn refuses_a_body_over_10_mb_before_reading_it() {
    let (_site, origin) = Origin::fresh();
    let sealed = Call::post("/echo/a", "x").seal(&origin);
    let answer = origin.send(&sealed.with("content-length", "10485761"));
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (413, "body-size")
    );
}

#[test]
fn answers_503_when_a_request_takes_too_long() {
    let (_site, origin) = with("request_s = 1");
    let mut call = Call::post("/echo/a", "0123456789");
    call.stream = Some(10);
    let mut slow = call.seal(&origin);
    slow.body.truncate(5);
    let answer = origin.send(&slow);
    assert_eq!((answer.status, answer.reason().as_str()), (503, "timeout"));
}

#[test]
fn answers_503_when_no_further_seal_can_be_remembered() {
    let (_site, origin) = with("max_nonces = 1024");
    let mut stream = origin.connect();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let refused = (0..=1024).find_map(|_| {
        let sealed = Call::get("/nowhere").seal(&origin);
        stream.write_all(&sealed.bytes()).unwrap();
        Some(Answer::read(&mut reader)).filter(|answer| answer.status != 404)
    });
    let refused = refused.expect("more seals than there is room for");
    assert_eq!(
        (refused.status, refused.reason().as_str()),
        (503, "seal-memory")
    );
    assert!(refused.headers.contains_key("retry-after"));
    assert!(refused.headers.contains_key("gapura-instance"));
}

#[test]
fn serves_no_more_connections_than_the_cap() {
    let (_site, origin) = with("max_connections = 1");
    let health = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = origin.connect();
    first.write_all(health).unwrap();
    let mut reader = BufReader::new(first.try_clone().unwrap());
    assert_eq!(Answer::read(&mut reader).status, 200);

    let mut second = origin.connect();
    second.write_all(health).unwrap();
    second
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    assert!(second.read(&mut [0]).is_err(), "answered over the cap");
    first.shutdown(Shutdown::Both).unwrap();
    second
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    assert_eq!(Answer::read(&mut BufReader::new(second)).status, 200);
}

#[test]
fn finishes_what_is_in_flight_when_told_to_stop() {
    let (_site, origin) = Origin::fresh();
    let mut call = Call::post("/echo/a", "0123456789");
    call.stream = Some(10);
    let bytes = call.seal(&origin).bytes();
    let (begin, rest) = bytes.split_at(bytes.len() - 5);
    let mut stream = origin.connect();
    let mut idle = origin.connect();
    stream.write_all(begin).unwrap();
    // Another answer shows that the first request is in the handler's hands.
    assert_eq!(origin.get("/echo/b").status, 200);
    origin.terminate();
    origin.await_log("stopping");
    // Idle connections end at once, the port is closed, the request goes on.
    assert!(silence(&mut idle) < Duration::from_secs(2));
    assert!(TcpStream::connect(origin.address).is_err());
    stream.write_all(rest).unwrap();
    let answer = Answer::read(&mut BufReader::new(stream));
    assert_eq!(answer.json()["body_length"], 10);
    let (status, log) = origin.wait();
    assert!(status.success());
    assert!(log.contains("Drained"), "{log}");
}

#[test]
fn cuts_off_what_does_not_finish() {
    let (_site, origin) = with("drain_s = 1");
    let mut call = Call::post("/echo/a", "0123456789");
    call.stream = Some(10);
    let mut never = call.seal(&origin);
    never.body.clear();
    let mut stream = origin.connect();
    stream.write_all(&never.bytes()).unwrap();
    assert_eq!(origin.get("/echo/b").status, 200);
    origin.terminate();
    let start = Instant::now();
    let (status, log) = origin.wait();
    assert!(status.success());
    assert!(log.contains("CutOff"), "{log}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn lists_every_fault_of_the_configuration_and_exits_64() {
    let site = Site::new("[listen]\nidle_s = 0\nwrong = 1\n[auth]\nissuer = \"\"\n");
    let mut command = site.command(&["serve"]);
    let output = command
        .env_remove("GAPURA_SEAL_KEYS")
        .env("GAPURA_TOKEN_KEY", "hunter2")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).unwrap();
    for fault in [
        "2:10: listen.idle_s: must be an integer from 1 to 3600",
        "3:1: listen.wrong: unknown key",
        "5:10: auth.issuer: must be a text of 1 to 255 bytes",
        "GAPURA_SEAL_KEYS: must be set in the environment",
        "GAPURA_TOKEN_KEY: must be 32 bytes in base64url",
    ] {
        assert!(told.contains(fault), "{fault} is not in:\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn exits_64_without_a_file_and_on_unknown_arguments() {
    let site = Site::new("");
    std::fs::remove_file(site.dir.path().join("gapura.toml")).unwrap();
    for args in [&["serve"][..], &["serve", "--no-such-flag"]] {
        let output = site.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{args:?}");
    }
}

#[test]
fn init_writes_what_serve_accepts_and_overwrites_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("new");
    let init = |flags: &[&str]| {
        let mut command = std::process::Command::new(crate::harness::BINARY);
        command.args(["init", "--dir"]).arg(&dir).args(flags);
        command.output().unwrap().status.code()
    };
    assert_eq!(init(&["--development"]), Some(0));
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    let secrets = read("secrets.env");
    let mode = std::fs::metadata(dir.join("secrets.env"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(read("gapura.toml").contains("\necho = true"));
    assert_eq!(init(&[]), Some(64));
    assert_eq!(init(&["--if-missing"]), Some(0));
    assert_eq!(read("secrets.env"), secrets);
}

fn tells_the_log_no_secret(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let credentials = r#"{"email":"made@example.com","password":"correct horse battery"}"#;
    origin.post("/auth/v1/signup", credentials);
    let login = origin.post(
        "/auth/v1/token?grant_type=password&secret=s3cr3t",
        credentials,
    );
    let session = login.json();
    let token = |name: &str| session[name].as_str().unwrap().to_owned();
    let refresh = format!("{{\"refresh_token\":\"{}\"}}", token("refresh_token"));
    origin.post("/auth/v1/token?grant_type=refresh_token", &refresh);
    let sealed = Call::get("/echo/a?secret=s3cr3t").seal(&origin);
    origin.send(&sealed);
    origin.send(&sealed);
    origin.send(&Wire::bare("GET /a?secret=s3cr3t HTTP/1.1"));
    origin.terminate();
    let (_, log) = origin.wait();
    assert!(log.contains("AUTH_SUCCESS") && log.contains("SEAL_REFUSED"));
    for secret in [
        "correct horse battery",
        "s3cr3t",
        "argon2",
        "made@example.com",
        PASSWORD,
        SEAL_KEY,
        TOKEN_KEY,
        &token("access_token"),
        &token("refresh_token"),
        sealed.value("signature"),
    ] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    drop(site);
}
