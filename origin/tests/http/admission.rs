//! Nothing that did not come through the gate gets an answer.

use crate::{
    client::{Answer, Call, Wire, now},
    harness::{CONFIG, Origin, SEAL_KEY, Site},
};
use gapura_shared::{identity, seal, time::UnixSeconds};
use std::io::{BufReader, Write};

/// Every refusal of a seal that is not authentic: one look, no instance.
fn assert_forged(origin: &Origin, wire: &Wire, kind: &str) {
    let answer = origin.send(wire);
    assert_eq!(answer.status, 401, "{kind}: {answer:?}");
    assert_eq!(answer.reason(), "seal", "{kind}");
    assert_eq!(answer.headers["www-authenticate"], "Signature", "{kind}");
    assert_eq!(answer.headers.get(seal::INSTANCE), None, "{kind}");
    origin.await_log(&format!("\\\"reason\\\":\\\"{kind}\\\""));
}

#[test]
fn refuses_what_has_no_seal() {
    let (_site, origin) = Origin::fresh();
    for line in [
        "GET / HTTP/1.1",
        "GET /auth/v1/user HTTP/1.1",
        "POST /auth/v1/signup HTTP/1.1",
        "GET /echo/a HTTP/1.1",
        "POST /healthz HTTP/1.1",
    ] {
        assert_forged(&origin, &Wire::bare(line), "seal-header");
    }
}

#[test]
fn refuses_a_seal_with_anything_missing_or_doubled() {
    let (_site, origin) = Origin::fresh();
    let call = Call::post("/echo/a?b=c", "{}");
    for name in [
        "host",
        seal::SIGNATURE_INPUT,
        seal::SIGNATURE,
        seal::INSTANCE,
        identity::HEADER,
    ] {
        let sealed = call.seal(&origin);
        // hyper refuses a request without a host by itself.
        if name != "host" {
            assert_forged(&origin, &sealed.clone().without(name), "seal-header");
        }
        let mut doubled = sealed.clone();
        doubled.add(name, sealed.value(name));
        assert_forged(&origin, &doubled, "seal-header");
    }
    for name in [seal::CONTENT_DIGEST, "content-type"] {
        let altered = call.seal(&origin).without(name);
        assert_forged(&origin, &altered, "seal-components");
    }
}

#[test]
fn refuses_an_altered_method_path_query_authority_or_identity() {
    let (_site, origin) = Origin::fresh();
    let call = Call::get("/echo/a?b=c").subject(Some("u-1"));
    for line in [
        "PUT /echo/a?b=c HTTP/1.1",
        "GET /echo/b?b=c HTTP/1.1",
        "GET /echo/a?b=d HTTP/1.1",
        "GET /echo/a HTTP/1.1",
        "GET /echo/%61?b=c HTTP/1.1",
        "GET //echo/a?b=c HTTP/1.1",
    ] {
        let mut altered = call.seal(&origin);
        altered.line = line.into();
        assert_forged(&origin, &altered, "seal-signature");
    }
    let altered = call.seal(&origin).with("host", "evil.example");
    assert_forged(&origin, &altered, "seal-signature");
    let sealed = call.seal(&origin);
    let spoofed = sealed.value(identity::HEADER).replace("u-1", "u-2");
    assert_forged(
        &origin,
        &sealed.with(identity::HEADER, &spoofed),
        "seal-signature",
    );
}

#[test]
fn refuses_a_target_that_names_another_authority() {
    let (_site, origin) = Origin::fresh();
    let mut absolute = Call::get("/echo/a").seal(&origin);
    absolute.line = format!("GET http://{}/echo/a HTTP/1.1", origin.address);
    assert_forged(&origin, &absolute, "seal-target");
}

#[test]
fn refuses_an_unknown_key_and_a_wrong_one() {
    let (_site, origin) = Origin::fresh();
    let key = "B".repeat(42) + "A";
    for (id, kind) in [("k2", "seal-unknown-key"), ("k1", "seal-signature")] {
        let mut call = Call::get("/echo/a");
        call.keys = seal::Keys::parse(&format!("{id}:{key}")).unwrap();
        assert_forged(&origin, &call.seal(&origin), kind);
    }
}

#[test]
fn refuses_clocks_that_are_off() {
    let (_site, origin) = Origin::fresh();
    let at = |now: UnixSeconds| {
        let mut call = Call::get("/echo/a");
        call.now = now;
        call.seal(&origin)
    };
    // Good for 30 s, and 30 s of skew: 60 s after it was made is the end.
    assert_forged(&origin, &at(now().before(62)), "seal-clock");
    assert_forged(&origin, &at(now().after(33)), "seal-clock");
    assert_eq!(origin.send(&at(now().before(57))).status, 200);
    assert_eq!(origin.send(&at(now().after(28))).status, 200);
}

#[test]
fn refuses_a_seal_the_second_time() {
    let (_site, origin) = Origin::fresh();
    let sealed = Call::get("/echo/a").seal(&origin);
    assert_eq!(origin.send(&sealed).status, 200);
    assert_forged(&origin, &sealed, "seal-replayed");
}

#[test]
fn of_many_copies_at_once_one_passes() {
    let (_site, origin) = Origin::fresh();
    let sealed = Call::get("/echo/a").seal(&origin);
    let passed = std::thread::scope(|scope| {
        let sends: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| origin.send(&sealed).status))
            .collect();
        sends
            .into_iter()
            .map(|send| send.join().unwrap())
            .filter(|status| *status == 200)
            .count()
    });
    assert_eq!(passed, 1);
}

#[test]
fn refuses_what_another_process_or_an_earlier_one_accepted() {
    let site = Site::new(CONFIG);
    let first = site.start();
    let second = site.start();
    let sealed = Call::get("/echo/a").seal(&first);
    assert_eq!(first.send(&sealed).status, 200);

    // The second one listens elsewhere: the same authority makes it the harder case.
    let mut elsewhere = Call::get("/echo/a").instance(&first.instance).seal(&second);
    assert_instance(&second, &elsewhere);
    drop(first);
    let restarted = site.start();
    elsewhere = Call::get("/echo/a")
        .instance(&second.instance)
        .seal(&restarted);
    assert_instance(&restarted, &elsewhere);
    assert_eq!(restarted.get("/echo/a").status, 200);
}

/// Authentic, and told whom to seal for.
fn assert_instance(origin: &Origin, wire: &Wire) {
    let answer = origin.send(wire);
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (401, "seal-instance")
    );
    assert_eq!(
        answer.headers[seal::INSTANCE],
        format!("\"{}\"", origin.instance)
    );
}

#[test]
fn tells_its_instance_with_every_answer_to_an_authentic_seal() {
    let (_site, origin) = Origin::fresh();
    for target in ["/echo/a", "/nowhere", "/auth/v1/user", "/auth/v1/token"] {
        let answer = origin.get(target);
        let told = &answer.headers[seal::INSTANCE];
        assert_eq!(*told, format!("\"{}\"", origin.instance), "{target}");
    }
}

#[test]
fn refuses_a_body_that_is_not_the_promised_one() {
    let (_site, origin) = Origin::fresh();
    let mut altered = Call::post("/auth/v1/signup", "{\"a\":1}").seal(&origin);
    altered.body = b"{\"a\":2}".to_vec();
    assert_forged(&origin, &altered, "seal-body");

    let mut cut = Call::post("/auth/v1/signup", "{\"a\":1}").seal(&origin);
    cut = cut.with("content-length", "0");
    cut.body.clear();
    assert_forged(&origin, &cut, "seal-body");
}

#[test]
fn refuses_any_body_where_none_was_promised() {
    let (_site, origin) = Origin::fresh();
    let mut slipped = Call::get("/echo/a").seal(&origin);
    slipped.add("content-length", "1");
    slipped.body = b"x".to_vec();
    assert_forged(&origin, &slipped, "seal-body");

    let mut chunked = Call::get("/echo/a").seal(&origin);
    chunked.add("transfer-encoding", "chunked");
    chunked.body = b"1\r\nx\r\n0\r\n\r\n".to_vec();
    assert_forged(&origin, &chunked, "seal-body");

    chunked.body = b"0\r\n\r\n".to_vec();
    let mut nothing = Call::get("/echo/a").seal(&origin);
    nothing.add("transfer-encoding", "chunked");
    nothing.body = chunked.body;
    assert_eq!(origin.send(&nothing).status, 200);
}

#[test]
fn cuts_a_stream_off_at_its_bound() {
    let (_site, origin) = Origin::fresh();
    let stream = |body: &str| {
        let mut call = Call::post("/echo/a", body);
        call.stream = Some(10);
        origin.send(&call.seal(&origin))
    };
    let whole = stream("0123456789");
    assert_eq!(whole.status, 200);
    assert_eq!(whole.json()["body_length"], 10);
    let beyond = stream("0123456789a");
    assert_eq!(
        (beyond.status, beyond.reason().as_str()),
        (413, "body-size")
    );
}

#[test]
fn a_seal_holds_for_one_request_of_a_connection() {
    let (_site, origin) = Origin::fresh();
    let mut stream = origin.connect();
    let sealed = Call::get("/echo/a").seal(&origin);
    stream.write_all(&sealed.bytes()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    assert_eq!(Answer::read(&mut reader).status, 200);
    stream
        .write_all(b"GET /echo/b HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    assert_eq!(Answer::read(&mut reader).status, 401);
}

#[test]
fn answers_health_checks_from_loopback_and_tells_nothing() {
    let (_site, origin) = Origin::fresh();
    for path in ["/healthz", "/readyz"] {
        let answer = origin.send(&Wire::bare(&format!("GET {path} HTTP/1.1")));
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
    }
}

#[test]
fn both_keys_pass_during_a_rotation() {
    let mut site = Site::new(CONFIG);
    site.seal_keys = format!("k2:{},{}", "B".repeat(42) + "A", site.seal_keys);
    let origin = site.start();
    for keys in [&site.seal_keys, &format!("k1:{SEAL_KEY}")] {
        let mut call = Call::get("/echo/a");
        call.keys = seal::Keys::parse(keys).unwrap();
        assert_eq!(origin.send(&call.seal(&origin)).status, 200);
    }
}
