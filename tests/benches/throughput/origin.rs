//! The origin, asked the way the edge asks it, beside hyper with a constant answer.

use crate::{
    connection::Connection,
    load::{self, Row},
    process, table,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::{
    claims::Assurance,
    identity::{self, Identity, Principal},
    ids::RequestId,
    seal::{self, Content, Keys, Message, digest},
    time::UnixSeconds,
};
use gapura_tests::{Origin, harness, token};
use serde_json::Value;
use std::{
    ffi::OsStr,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::Duration,
};

pub(crate) fn run(origin: &Origin, token: &str) {
    let floor = Floor::start("floor", &[]);
    let sealer = &Sealer::new(origin, token);
    let row = |name, path| Row {
        name,
        server: origin.address,
        process: process::child("gapura-origin"),
        status: 200,
        request: Box::new(move |n| sealer.get(path, n)),
    };
    let rows = [
        Row {
            name: "hyper, constant answer",
            server: floor.address,
            process: floor.child.id(),
            // The same bytes: what is left is the work.
            status: 200,
            request: Box::new(|n| sealer.get("/floor", n)),
        },
        row(
            "sealed constant answer (JWKS)",
            "/auth/v1/.well-known/jwks.json",
        ),
        row("sealed single-row read (user)", "/auth/v1/user"),
    ];
    table::print("Origin", &rows, &load::measure(&rows), Some("CPU × floor"));
    println!("Every request has a seal of its own, made by the load.\n");
}

/// Seals as the edge does.
pub(crate) struct Sealer {
    keys: Keys,
    authority: String,
    instance: String,
    identity: String,
}

impl Sealer {
    fn new(origin: &Origin, token: &str) -> Self {
        Self::of(origin, Some(principal(token)))
    }

    /// For requests of `principal`, or of nobody.
    pub(crate) fn of(origin: &Origin, principal: Option<Principal>) -> Self {
        let identity = Identity {
            request_id: RequestId::from_random([1; 16]),
            client: [198, 18, 0, 1].into(),
            host: "gate.example.test".into(),
            principal,
        };
        let mut sealer = Self {
            keys: Keys::parse(&origin.seal_keys).expect("keys"),
            authority: origin.address.to_string(),
            instance: String::new(),
            identity: identity.to_field().expect("a field"),
        };
        sealer.instance = sealer.learn_instance(origin.address);
        sealer
    }

    /// The origin names itself in its answer to whoever holds the key.
    fn learn_instance(&self, address: SocketAddr) -> String {
        let mut connection = Connection::open(address);
        let (_, answer) = connection.exchange(&self.get("/readyz", u64::MAX));
        let answer = String::from_utf8_lossy(answer).to_lowercase();
        let field = answer
            .lines()
            .find_map(|line| line.strip_prefix("gapura-instance:"));
        field
            .expect("the origin names itself")
            .trim()
            .trim_matches('"')
            .to_owned()
    }

    /// The request with this number.
    pub(crate) fn get(&self, path: &str, number: u64) -> Vec<u8> {
        self.request("GET", path, "", number)
    }

    /// The request with this number and a JSON body.
    pub(crate) fn post(&self, target: &str, body: &str, number: u64) -> Vec<u8> {
        self.request("POST", target, body, number)
    }

    /// The request with this number for an answer of this type.
    pub(crate) fn get_as(&self, target: &str, accept: &str, number: u64) -> Vec<u8> {
        let mut request = self.get(target, number);
        request.truncate(request.len() - 2);
        request.extend_from_slice(format!("Accept: {accept}\r\n\r\n").as_bytes());
        request
    }

    fn request(&self, method: &str, target: &str, body: &str, number: u64) -> Vec<u8> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let digest = digest::sha256(body.as_bytes());
        let content = if body.is_empty() {
            Content::Empty
        } else {
            Content::Digest {
                digest: digest.as_str().into(),
                content_type: Some(JSON),
            }
        };
        let message = Message {
            method,
            authority: &self.authority,
            path,
            query,
            identity: &self.identity,
            instance: &self.instance,
            content,
        };
        let nonce = nonce(number).to_be_bytes();
        let seal = seal::sign(&message, &self.keys, UnixSeconds(token::now()), nonce);
        let promised = if body.is_empty() {
            String::new()
        } else {
            let (field, length) = (seal::CONTENT_DIGEST, body.len());
            format!("{field}: {digest}\r\nContent-Type: {JSON}\r\nContent-Length: {length}\r\n")
        };
        format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n{}: {}\r\n{}: {}\r\n{}: \"{}\"\r\n{}: {}\r\n{promised}\r\n{body}",
            self.authority,
            seal::SIGNATURE_INPUT,
            seal.signature_input,
            seal::SIGNATURE,
            seal.signature,
            seal::INSTANCE,
            self.instance,
            identity::HEADER,
            self.identity,
        )
        .into_bytes()
    }
}

const JSON: &str = "application/json";

/// Another nonce for each number, spread as random ones are: their first bytes are
/// the origin's hash of them.
fn nonce(number: u64) -> u128 {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u128::from(spread) << 64 | u128::from(number)
}

/// Whom a token names.
pub(crate) fn principal(token: &str) -> Principal {
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = serde_json::from_slice(&claims.expect("claims")).expect("JSON");
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    Principal {
        subject: text("sub"),
        role: text("role").expect("a role"),
        tenant: text("tenant_id"),
        session: text("session_id"),
        token_id: text("jti"),
        assurance: Assurance::Aal1,
    }
}

/// One of the origin's example programs.
pub(crate) fn example(name: &str) -> PathBuf {
    // target/release/deps/<this program>
    let own = std::env::current_exe().expect("a path");
    let folder = own.parent().expect("a folder");
    folder.with_file_name("examples").join(name)
}

/// One of the origin's example programs that serve without its work.
pub(crate) struct Floor {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Floor {
    /// Starts it, with its address and these arguments.
    pub(crate) fn start(name: &str, arguments: &[&OsStr]) -> Self {
        let address = harness::free_address();
        let child = Command::new(example(name))
            .arg(address.to_string())
            .args(arguments)
            .spawn()
            .expect("cargo build --release -p gapura-origin --examples has run");
        let floor = Self { child, address };
        let listens = |()| TcpStream::connect(address).is_ok();
        let wait = || thread::sleep(Duration::from_millis(25));
        assert!(
            (0..400).map(|_| wait()).any(listens),
            "the floor does not answer"
        );
        floor
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
