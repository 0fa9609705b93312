//! Ways around the gate: none may work.

use gapura_shared::{
    identity,
    seal::{self, Content, Keys, Message},
    time::UnixSeconds,
};
use gapura_tests::{
    Edge, EdgeConfig, Origin, Recorder, Request, Stack,
    client::{Response, exchange},
    token,
};
use serde_json::json;

/// An edge that sends through a recorder, and a sealed POST as it went over the wire.
struct Wiretap {
    origin: Origin,
    edge: Edge,
    recorder: Recorder,
}

impl Wiretap {
    fn start() -> Self {
        let origin = Origin::start();
        let recorder = Recorder::start(origin.address);
        let config = EdgeConfig {
            origin_url: format!("http://{}", recorder.address),
            ..EdgeConfig::for_origin(&origin)
        };
        Self {
            edge: Edge::start(&config),
            origin,
            recorder,
        }
    }

    /// A sealed request that never arrived: whoever sends it first is let in.
    fn sealed(&self) -> Vec<u8> {
        // The edge must know the instance, or it would seal for nobody.
        assert_eq!(self.edge.get("/echo/first").status, 200);
        let body = json!({"say": "hello"});
        let lost = self
            .edge
            .send(&Request::new("POST", "/echo/held?b=1").json(&body));
        assert_eq!(
            (lost.status, lost.problem()),
            (502, "origin-unreachable".into())
        );
        self.recorder.last("POST /echo/held?b=1")
    }

    fn replay(&self, bytes: &[u8]) -> Response {
        exchange(self.origin.address, bytes)
    }
}

fn altered(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let other = text.replacen(from, to, 1);
    assert_ne!(text, other, "{from:?} is not in\n{text}");
    other.into_bytes()
}

/// The value of a header in recorded bytes, whatever the case of its name.
fn line<'a>(bytes: &'a [u8], name: &str) -> &'a str {
    let text = std::str::from_utf8(bytes).unwrap();
    let found = text
        .lines()
        .find(|l| l.to_ascii_lowercase().starts_with(&format!("{name}:")));
    found.unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

#[test]
fn the_origin_answers_nobody_without_a_seal() {
    let origin = Origin::start();
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/echo/a"),
        ("POST", "/auth/v1/signup"),
        ("POST", "/auth/v1/token?grant_type=password"),
        ("GET", "/auth/v1/.well-known/jwks.json"),
        ("GET", "/healthz/../auth/v1/user"),
        ("GET", "//healthz/x"),
        ("OPTIONS", "*"),
    ] {
        let spoofed = Request::new(method, target)
            .header("gapura-identity", "rid=\"07070707070707070707070707070707\", ip=\"192.0.2.1\", host=\"h\", role=\"admin\", sub=\"1\"")
            .header("gapura-instance", "\"\"")
            .header("X-Forwarded-For", "127.0.0.1")
            .send(origin.address);
        assert!(
            [400, 401].contains(&spoofed.status),
            "{method} {target}: {}",
            spoofed.status
        );
        assert_eq!(
            spoofed.header("gapura-instance"),
            None,
            "strangers learn no instance"
        );
    }
    let health = Request::new("GET", "/healthz").send(origin.address);
    assert_eq!(health.status, 200, "loopback may ask for health");
}

#[test]
fn a_seal_opens_the_origin_once() {
    let tap = Wiretap::start();
    let sealed = tap.sealed();
    let first = tap.replay(&sealed);
    assert_eq!(first.status, 200, "{}", first.text());
    let again = tap.replay(&sealed);
    assert_eq!(again.status, 401, "{}", again.text());
    assert!(tap.origin.log().contains("SEAL_REFUSED"));
}

#[test]
fn a_seal_does_not_survive_a_restart_nor_open_a_second_process() {
    let mut tap = Wiretap::start();
    let sealed = tap.sealed();
    let twin = tap.origin.twin();
    assert_eq!(
        exchange(twin.address, &sealed).status,
        401,
        "a second process"
    );
    tap.origin.restart();
    assert_eq!(tap.replay(&sealed).status, 401, "after a restart");
    // The edge learns of the restart by itself, with one request sealed twice.
    let after = tap.edge.get("/echo/after");
    assert_eq!(after.status, 200, "{}", after.text());
}

/// An alteration of recorded bytes.
type Alter = fn(&[u8]) -> Vec<u8>;

#[test]
fn a_seal_holds_for_nothing_else() {
    let tap = Wiretap::start();
    let alterations: [(&str, Alter); 12] = [
        ("another nonce", |b| altered(b, "nonce=\"", "nonce=\"A")),
        ("another path", |b| altered(b, "/echo/held?", "/echo/b?")),
        ("another query", |b| altered(b, "?b=1", "?b=2")),
        ("another method", |b| altered(b, "POST /echo", "PUT /echo")),
        ("another host", |b| altered(b, "127.0.0.1:", "localhost:")),
        ("another body", |b| altered(b, "hello", "jello")),
        ("another identity", |b| with_identity(b, ", role=\"admin\"")),
        ("a second identity", |b| {
            let identity = line(b, "gapura-identity");
            altered(b, identity, &format!("{identity}\r\n{identity}"))
        }),
        ("another media type", |b| {
            altered(b, "application/json", "text/plain")
        }),
        ("a component less", |b| {
            altered(b, " \"content-digest\"", "")
        }),
        ("another key id", |b| altered(b, "keyid=\"", "keyid=\"x")),
        ("no signature", |b| {
            altered(b, "\nsignature:", "\nx-signature:")
        }),
    ];
    for (what, alter) in alterations {
        let sealed = tap.sealed();
        let refused = tap.replay(&alter(&sealed));
        assert_eq!(refused.status, 401, "{what}: {}", refused.text());
        assert_eq!(refused.header("gapura-instance"), None, "{what}");
        // Only the alteration was at fault. An altered body was refused behind its seal.
        let expected = if what == "another body" { 401 } else { 200 };
        assert_eq!(tap.replay(&sealed).status, expected, "{what}, unaltered");
    }
}

fn with_identity(bytes: &[u8], more: &str) -> Vec<u8> {
    let identity = line(bytes, "gapura-identity");
    altered(bytes, identity, &format!("{identity}{more}"))
}

/// A request sealed by a forger with these keys, good in everything but what the test changes.
fn forged(origin: &Origin, keys: &str, instance: &str, now: u64) -> Response {
    let identity = "rid=\"07070707070707070707070707070707\", ip=\"192.0.2.1\", host=\"h\"";
    let authority = origin.address.to_string();
    let message = Message {
        method: "GET",
        authority: &authority,
        path: "/echo/forged",
        query: "",
        identity,
        instance,
        content: Content::Empty,
    };
    let nonce = u128::from(now).to_be_bytes();
    let seal = seal::sign(
        &message,
        &Keys::parse(keys).unwrap(),
        UnixSeconds(now),
        nonce,
    );
    Request::new("GET", "/echo/forged")
        .header(identity::HEADER, identity)
        .header(seal::INSTANCE, &format!("\"{instance}\""))
        .header(seal::SIGNATURE_INPUT, &seal.signature_input)
        .header(seal::SIGNATURE, &seal.signature)
        .send(origin.address)
}

#[test]
fn only_a_holder_of_the_key_can_make_a_seal() {
    let origin = Origin::start();
    let (id, _) = origin.seal_keys.split_once(':').unwrap();
    let now = token::now();
    let learned = forged(&origin, &origin.seal_keys, "", now);
    assert_eq!(learned.status, 401, "sealed for nobody");
    let instance = learned
        .header("gapura-instance")
        .unwrap()
        .trim_matches('"')
        .to_owned();
    let good = forged(&origin, &origin.seal_keys, &instance, now);
    assert_eq!(
        good.status,
        200,
        "the forger's method is right: {}",
        good.text()
    );

    let guessed = format!("{id}:{}", "A".repeat(43));
    assert_eq!(forged(&origin, &guessed, &instance, now).status, 401);
    let unknown = origin.seal_keys.replacen(id, "other", 1);
    assert_eq!(forged(&origin, &unknown, &instance, now).status, 401);
    assert_eq!(
        forged(&origin, &origin.seal_keys, &instance, now - 100).status,
        401,
        "too old"
    );
    assert_eq!(
        forged(&origin, &origin.seal_keys, &instance, now + 100).status,
        401,
        "not yet"
    );
}

#[test]
fn a_client_cannot_say_who_it_is() {
    let stack = Stack::start("");
    let spoofed = Request::new("GET", "/echo/who")
        .from("198.51.100.7")
        .header("gapura-identity", "role=\"admin\", sub=\"root\"")
        .header("gapura_identity", "role=\"admin\"")
        .header("X-Forwarded-For", "127.0.0.1")
        .header("X-Real-IP", "127.0.0.1")
        .header("Forwarded", "for=127.0.0.1")
        .header("X-Forwarded-Host", "admin.example")
        .header("True-Client-IP", "203.0.113.66")
        .header("Signature", "gapura=:AAAA:")
        .header("X-Hop", "1")
        .header("Connection", "X-Hop");
    let seen = stack.edge.send(&spoofed).json()["headers"].clone();
    let identity = seen["gapura-identity"].as_str().unwrap();
    assert!(identity.contains("ip=\"198.51.100.7\""), "{identity}");
    assert!(
        !identity.contains("admin") && !identity.contains("sub="),
        "{identity}"
    );
    for name in [
        "gapura_identity",
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "x-forwarded-host",
        "true-client-ip",
        "cf-connecting-ip",
        "x-hop",
    ] {
        assert_eq!(seen[name], json!(null), "{name} reached the origin: {seen}");
    }
    assert_ne!(seen["signature"], json!("gapura=:AAAA:"));

    // Whoever names another path than the one asked for means harm; natively it is dropped as well.
    let elsewhere = Request::new("GET", "/echo/who").header("X-Original-URL", "/admin");
    assert_eq!(stack.edge.send(&elsewhere).status, 403);
    // So does who claims to be the machine itself.
    let inside = Request::new("GET", "/echo/who").header("True-Client-IP", "127.0.0.1");
    assert_eq!(stack.edge.send(&inside).status, 403);
}

#[test]
fn without_the_guard_no_login_is_tried_and_readers_go_on() {
    let origin = Origin::start();
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).instrumented());
    edge.fault("guard", "fail");
    let login = Request::new("POST", "/auth/v1/token?grant_type=password")
        .json(&json!({"email": "a@example.test", "password": "whatever it is"}));
    let refused = edge.send(&login);
    assert_eq!(
        (refused.status, refused.problem()),
        (503, "guard-unavailable".into())
    );
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        edge.get("/echo/reader").status,
        200,
        "class general fails open by policy"
    );
}

#[test]
fn a_broken_policy_or_missing_key_lets_nothing_through() {
    let origin = Origin::start();
    let good = EdgeConfig::for_origin(&origin);
    for (what, config) in [
        (
            "policy",
            good.clone().overlay("\n[limits]\nurl_bytes = \"many\"\n"),
        ),
        (
            "seal key",
            EdgeConfig {
                seal_keys: String::new(),
                ..good.clone()
            },
        ),
        (
            "origin",
            EdgeConfig {
                origin_url: "ftp://h".into(),
                ..good.clone()
            },
        ),
        (
            "token keys",
            EdgeConfig {
                token_keys: "{}".into(),
                ..good.clone()
            },
        ),
    ] {
        let edge = Edge::start(&config);
        for target in ["/echo/a", "/.well-known/security.txt", "/auth/v1/user"] {
            let refused = edge.get(target);
            assert_eq!(
                (refused.status, refused.problem()),
                (503, "misconfigured".into()),
                "{what}"
            );
        }
        edge.await_log("gate refuses everything");
    }
}

#[test]
fn seal_keys_rotate_without_a_gap() {
    let origin = Origin::start();
    let (_, old) = origin.seal_keys.split_once(':').unwrap();
    // The edge signs with a key of another id first: the origin does not know it.
    let unknown = EdgeConfig {
        seal_keys: format!("next:{},{}", "B".repeat(42) + "A", origin.seal_keys),
        ..EdgeConfig::for_origin(&origin)
    };
    let early = Edge::start(&unknown).get("/echo/a");
    assert_eq!(
        (early.status, early.problem()),
        (502, "origin-refused-seal".into())
    );
    // The old key as the second of two: the edge still signs with its first.
    let rotated = EdgeConfig {
        seal_keys: format!("{},old:{old}", origin.seal_keys),
        ..EdgeConfig::for_origin(&origin)
    };
    assert_eq!(Edge::start(&rotated).get("/echo/a").status, 200);
}
