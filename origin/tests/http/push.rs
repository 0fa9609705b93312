//! What the origin tells the edge by itself, as an edge receives it.

use crate::{
    client::{Call, keys, now},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    mail::EMAIL,
    person::Person,
};
use gapura_shared::{
    outcome::AccountId,
    push::{Kind, PATH, Push},
    seal::{self, Headers, PromisedBody, SealError, Target},
};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::Stdio,
    thread,
};

on_every_engine!(
    an_operators_logout_reaches_the_edge_under_a_seal_or_says_that_it_did_not,
    an_operators_change_of_an_account_reaches_the_edge,
    an_operator_lifts_a_lock_at_the_edge_too_or_is_told_that_it_stands,
    the_end_of_one_session_reaches_the_edge,
);

pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Headers for Received {
    fn one(&self, name: &'static str) -> Result<Option<&str>, SealError> {
        Ok(self.headers.get(name).map(String::as_str))
    }
}

/// Takes one request at `listener` and answers with `status`.
pub(crate) fn receive(listener: &TcpListener, status: &str) -> Received {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = BTreeMap::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).unwrap();
        let Some((name, value)) = field.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    Received {
        line,
        headers,
        body,
    }
}

/// An origin that leaves it to commands to tell the edge.
fn commanded(engine: Engine, edge: &str) -> (Site, Origin) {
    let site = Site::on(engine, CONFIG);
    let origin = site.start();
    site.configure(&format!("{CONFIG}[edge]\nurl = \"http://{edge}\"\n"));
    (site, origin)
}

fn an_operators_logout_reaches_the_edge_under_a_seal_or_says_that_it_did_not(engine: Engine) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let (site, origin) = commanded(engine, &authority);
    let body = r#"{"email":"made@example.com","password":"correct horse"}"#;
    let user = origin.post("/auth/v1/signup", body).json()["id"].clone();
    let login = || {
        origin
            .post("/auth/v1/token?grant_type=password", body)
            .json()
    };
    let refresh_token = login()["refresh_token"].clone();
    let logout = || {
        let command = &mut site.command(&["users", "logout", "--email", "made@example.com"]);
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };

    let edge = thread::spawn(move || {
        let taken = receive(&listener, "200 OK");
        receive(&listener, "401 Unauthorized");
        taken
    });
    let (code, told) = logout();
    assert_eq!(code, Some(0));
    assert!(told.starts_with("ended 1 sessions"), "{told}");
    let refreshed = serde_json::json!({ "refresh_token": refresh_token }).to_string();
    let target = "/auth/v1/token?grant_type=refresh_token";
    assert_eq!(
        origin
            .send(&Call::post(target, &refreshed).seal(&origin))
            .status,
        400
    );

    let (code, told) = logout();
    assert_eq!(code, Some(1), "a refusal is not passed over: {told}");
    let received = edge.join().unwrap();
    assert_eq!(received.line, format!("POST {PATH} HTTP/1.1\r\n"));
    let target = Target {
        method: "POST",
        authority: &authority,
        path: PATH,
        query: "",
    };
    let sealed = seal::verify_push(&target, &received, &keys(), now()).unwrap();
    assert!(matches!(sealed.body, PromisedBody::Sha256(_)));
    let push: Push = serde_json::from_slice(&received.body).unwrap();
    let revoked = &push.revocations[0];
    assert_eq!(
        (revoked.kind, revoked.id.as_str()),
        (Kind::User, user.as_str().unwrap())
    );
    assert!(revoked.not_before > Some(now().before(10)));
    assert!(
        seal::verify(&target, &received, &keys(), "", now()).is_err(),
        "not a client's seal"
    );
}

/// Whatever ends an account's sessions has the edge refuse what was issued until then.
fn an_operators_change_of_an_account_reaches_the_edge(engine: Engine) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let (site, origin) = commanded(engine, &authority);
    let body = r#"{"email":"made@example.com","password":"correct horse"}"#;
    let user = origin.post("/auth/v1/signup", body).json()["id"].clone();
    for change in [
        ["role", "--role", "editor", "--make-missing"].as_slice(),
        &["disable"],
        &["disable", "--until", "2999-01-01T00:00:00Z"],
        &["reset"],
        &["reset", "--factors"],
    ] {
        let began = now();
        let args = [&["users"], change, &["--email", "made@example.com"]].concat();
        let mut command = site.command(&args);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let received = receive(&listener, "200 OK");
        if change[0] == "reset" {
            // The edge would turn the new password away as well.
            lifts(&receive(&listener, "404 Not Found"), &authority);
        }
        assert!(command.unwrap().wait().unwrap().success(), "{args:?}");
        let push: Push = serde_json::from_slice(&received.body).unwrap();
        let [revoked] = push.revocations.as_slice() else {
            panic!("{args:?}: {push:?}");
        };
        assert_eq!(
            (revoked.kind, &*revoked.id),
            (Kind::User, user.as_str().unwrap())
        );
        assert!(revoked.not_before > Some(began), "{args:?}");
        assert!(revoked.until > began, "{args:?}");
    }
}

/// Whether the edge is asked to lift the locks of the account.
fn lifts(received: &Received, authority: &str) {
    let path = format!(
        "/_gapura/v1/bans/account:{}",
        AccountId::of("made@example.com").as_str()
    );
    assert_eq!(received.line, format!("DELETE {path} HTTP/1.1\r\n"));
    let target = Target {
        method: "DELETE",
        authority,
        path: &path,
        query: "",
    };
    let sealed = seal::verify_push(&target, received, &keys(), now()).unwrap();
    assert!(matches!(sealed.body, PromisedBody::Empty));
    assert!(received.body.is_empty());
}

fn an_operator_lifts_a_lock_at_the_edge_too_or_is_told_that_it_stands(engine: Engine) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let site = Site::on(
        engine,
        &format!("{CONFIG}[edge]\nurl = \"http://{authority}\"\n"),
    );
    for (status, code, told) in [
        ("204 No Content", 0, true),
        ("404 Not Found", 0, true),
        ("503 Service Unavailable", 1, false),
    ] {
        let args = ["--json", "users", "unlock", "--email", "Made@example.com"];
        let mut command = site.command(&args);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        lifts(&receive(&listener, status), &authority);
        let output = command.unwrap().wait_with_output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (output.status.code(), &json["edge_told"]),
            (Some(code), &told.into()),
            "{status}: {json}"
        );
    }
}

fn the_end_of_one_session_reaches_the_edge(engine: Engine) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let (site, origin) = commanded(engine, &authority);
    let (ended, other) = (Person::new(&origin, EMAIL), Person::new(&origin, EMAIL));
    let args = ["users", "sessions", "--email", EMAIL, "--end"];
    let mut command = site.command(&[&args[..], &[&ended.session]].concat());
    let command = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let received = receive(&listener, "200 OK");
    assert!(command.unwrap().wait().unwrap().success());
    let push: Push = serde_json::from_slice(&received.body).unwrap();
    let revoked = &push.revocations[0];
    assert_eq!((revoked.kind, &revoked.id), (Kind::Session, &ended.session));
    assert!(!ended.is_in() && other.is_in());
}
