//! Schemathesis reads the `OpenAPI` document and sends whatever fits it, and much that does not:
//! nothing of it may end in a failure of ours. Its stateful phase follows the links of a document, and
//! this one has none: rows are found by filters, and no answer's part is another request's path.

use super::{ADA, Who, search::notes};
use crate::{
    client::Call,
    engines::{Engine, on_every_engine},
    harness::Origin,
};
use gapura_shared::{claims::Assurance, identity::Principal};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// What the edge takes away, or the seal says anew.
const DROPPED: [&str; 7] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "accept-encoding",
    "transfer-encoding",
    "expect",
];

/// Seals what comes in plain HTTP, as somebody; notes the status of each answer.
struct Gate<'a> {
    origin: &'a Origin,
    who: Option<&'a Principal>,
    seen: Mutex<BTreeMap<u16, Vec<String>>>,
}

impl Gate<'_> {
    /// One request, one connection.
    fn pass(&self, mut client: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if reader.read_until(b'\n', &mut head)? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let headers: Vec<(String, &str)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let value = |name| headers.iter().find(|(one, _)| one == name).map(|(_, v)| *v);
        let length = value("content-length").and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next());
        let mut call = Call::get(target.unwrap_or_default());
        call.method = method;
        call.body = body;
        call.content_type = value("content-type").filter(|_| !call.body.is_empty());
        call.principal = self.who.cloned();
        let mut wire = call.seal(self.origin);
        for (name, value) in &headers {
            if !DROPPED.contains(&name.as_str()) {
                wire.add(name, value);
            }
        }
        wire.add("connection", "close");
        let mut origin = self.origin.connect();
        origin.write_all(&wire.bytes())?;
        let mut answer = Vec::new();
        origin.read_to_end(&mut answer)?;
        let status = answer.get(9..12).map(String::from_utf8_lossy);
        let status = status.and_then(|text| text.parse().ok()).unwrap_or(0);
        let told = String::from_utf8_lossy(&answer);
        let what = format!("{head}{}\n{told}", String::from_utf8_lossy(&wire.body));
        self.seen
            .lock()
            .unwrap()
            .entry(status)
            .or_default()
            .push(what);
        client.write_all(&answer)
    }
}

fn somebody(role: &str) -> Principal {
    Principal {
        subject: Some(ADA.to_owned()),
        role: role.into(),
        tenant: None,
        session: None,
        token_id: None,
        assurance: Assurance::Aal1,
    }
}

/// Runs it to its end; what the gate saw.
fn run(
    origin: &Origin,
    document: &Path,
    who: Option<&Principal>,
    (phases, examples): (&str, &str),
) -> (Output, BTreeMap<u16, Vec<String>>) {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/python/bin");
    let program = python.join("schemathesis");
    assert!(program.exists(), "run ./scripts/setup tests");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let gate = Gate {
        origin,
        who,
        seen: Mutex::default(),
    };
    let is_over = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        let (gate, is_over) = (&gate, &is_over);
        scope.spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { continue };
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                scope.spawn(move || gate.pass(client));
            }
        });
        let output = Command::new(program)
            .arg("run")
            .arg(document)
            .args(["--url", &format!("http://{address}/rest/v1")])
            .args(["--phases", phases])
            .args(["--checks", "not_a_server_error", "--continue-on-failure"])
            .args(["--max-examples", examples, "--generation-deterministic"])
            .args(["--suppress-health-check", "all"])
            .args(["--no-color", "--no-shrink", "--warnings", "off"])
            .current_dir(document.parent().unwrap())
            .output();
        is_over.store(true, Ordering::Release);
        // Wakes the gate, so that it sees it.
        TcpStream::connect(address).unwrap();
        output
    });
    (
        output.expect("schemathesis starts"),
        gate.seen.into_inner().unwrap(),
    )
}

fn no_request_of_the_document_ends_in_a_failure(engine: Engine) {
    let (site, origin) = notes(engine);
    let ada = Who::user(&origin, ADA);
    let id = ada.note("a");
    ada.add("note_tags", &json!({ "note_id": id, "tag": "t" }));
    let written = site.command(&["data", "openapi"]).output().unwrap();
    let document = site.dir.path().join("openapi.json");
    fs::write(&document, written.stdout).unwrap();
    let (user, admin) = (somebody("user"), somebody("admin"));
    let whole = ("examples,coverage,fuzzing", "20");
    for (who, how, expected) in [
        // It came through, and some of it to the rows.
        (Some(&user), whole, &[200, 201, 204, 400][..]),
        // An administrator looks at all and changes little; nobody else anything.
        (Some(&admin), ("fuzzing", "10"), &[200, 400]),
        (None, ("fuzzing", "5"), &[401]),
    ] {
        let (output, seen) = run(&origin, &document, who, how);
        let told = format!("{who:?} {output:?}").replace("\\n", "\n");
        for (status, answers) in &seen {
            assert!(
                (200..500).contains(status),
                "{status}: {}\n{}",
                answers[0],
                origin.log()
            );
        }
        assert!(output.status.success(), "{told}");
        for status in expected {
            let many = seen.get(status).map_or(0, Vec::len);
            assert!(many > 0, "no {status}: {told}");
        }
        // The description itself is for administrators.
        assert!(who.is_some() || !seen.contains_key(&200), "{told}");
    }
}

on_every_engine!(no_request_of_the_document_ends_in_a_failure);
