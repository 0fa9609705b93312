//! The gate in workerd, stage by stage, beside a constant answer in JavaScript.

use crate::{
    load::{self, ROUNDS, Row},
    table,
};
use gapura_tests::{Edge, Request, Stack, harness};
use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Addresses that the load comes from, of 198.18.0.0/15 (RFC 2544): each has a Guard object.
const CLIENTS: u64 = 256;

pub(crate) fn run(stack: &Stack, token: &str) {
    let peer = Peer::start();
    // Guard objects that are put away later would cost the rows that ask none.
    let unguarded = crate::start_edge(&stack.origin);
    let guarded = &stack.edge;
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let row = |edge: &Edge, name, target: &str, subnet: u8, extra: &str| {
        let (target, extra) = (target.to_owned(), extra.to_owned());
        Row {
            name,
            server: edge.address,
            process: edge.process_id(),
            status: 200,
            request: Box::new(move |n| get(&target, subnet, n, &extra)),
        }
    };
    let constant = "/.well-known/security.txt";
    // One client each: what it costs to refuse a flood, and to admit who may come often.
    let one = |name, status, target: &'static str, subnet: u8| Row {
        name,
        server: guarded.address,
        process: guarded.process_id(),
        status,
        request: Box::new(move |_| get(target, subnet, 0, "")),
    };
    let send = |target: &str, subnet: u8| {
        let client = format!("198.18.{subnet}.0");
        guarded
            .send(&Request::new("GET", target).from(&client))
            .status
    };
    for _ in 0..8 {
        let _ = send("/nothing?q=%3Cscript%3Ealert(1)%3C/script%3E", 6);
    }
    assert!(
        (0..40).any(|_| {
            thread::sleep(Duration::from_millis(25));
            send("/bench/lease", 6) == 403
        }),
        "the client is not banned"
    );
    assert_eq!([send("/bench/few", 7), send("/bench/few", 7)], [200, 429]);
    let rows = [
        peer.row("JavaScript: constant answer", "/"),
        peer.row("JavaScript: reads all headers, sets nine", "/headers"),
        peer.row("JavaScript: asks one object, in memory", "/object"),
        peer.row(
            "JavaScript: asks an object for the first time",
            "/new-object",
        ),
        row(&unguarded, "the gate: constant answer", constant, 1, ""),
        row(&unguarded, "+ token", "/bench/token", 2, &bearer),
        row(guarded, "+ Guard", "/bench/guard", 3, &bearer),
        row(guarded, "+ WAF", "/bench/waf", 4, &bearer),
        row(
            guarded,
            "whole gate, through to the origin",
            "/auth/v1/user",
            5,
            &bearer,
        ),
        one("refused: banned", 403, "/bench/lease", 6),
        one("refused: exhausted", 429, "/bench/few", 7),
        one("admitted on a lease", 200, "/bench/lease", 8),
    ];
    table::print("Edge", &rows, &load::measure(&rows), None);
    println!("Rows with `+` add to the row above; the token is in the isolate's cache.");
    println!("What an object costs, in memory and new, decides where the Guard's subjects live.");
    println!(
        "Each row's requests come from {CLIENTS} client addresses with a Guard object each.\n"
    );
    refusals(&rows);
    let (raw, packed) = size(&harness::root().join("edge/build/index_bg.wasm"));
    println!("Wasm: {raw} bytes, {packed} gzipped.\n");
}

/// Refusals beside the floor, by few connections and by many.
fn refusals(rows: &[Row<'_>]) {
    let [constant, headers, .., banned, exhausted, _] = rows else {
        return;
    };
    let rows = [constant, headers, banned, exhausted];
    println!("### Refusals, CPU µs/request: lowest and median of {ROUNDS} rounds by one thread\n");
    println!("| | 8 connections | 64 connections |\n|---|---:|---:|");
    let measured = [8, 64].map(|connections| load::cpu_by(&rows, connections));
    for (n, row) in rows.iter().enumerate() {
        let cell = |by: &Vec<(f64, f64)>| format!("{:.0} / {:.0}", by[n].0, by[n].1);
        let [few, many] = measured.each_ref().map(cell);
        println!("| {} | {few} | {many} |", row.name);
    }
    println!();
}

/// A request with the headers of a browser's `fetch`.
fn get(target: &str, subnet: u8, number: u64, extra: &str) -> Vec<u8> {
    let client = number % CLIENTS;
    format!(
        "GET {target} HTTP/1.1\r\nHost: gate.example.test\r\nAccept: application/json\r\n\
         Accept-Encoding: gzip, br\r\nAccept-Language: en\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
         CF-Connecting-IP: 198.18.{subnet}.{client}\r\n{extra}\r\n"
    )
    .into_bytes()
}

/// The raw and the gzipped size of a file.
fn size(file: &Path) -> (usize, usize) {
    let packed = Command::new("gzip")
        .args(["-9", "-c"])
        .arg(file)
        .output()
        .expect("gzip runs");
    (
        fs::read(file).expect("the Worker is built").len(),
        packed.stdout.len(),
    )
}

/// The least that a Worker can do, in JavaScript; and what any gate must do beside its
/// decisions: read the request's headers and set those of [`PEER_ANSWER`].
struct Peer {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Peer {
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let address = harness::free_address();
        let config = folder.path().join("config.capnp");
        let objects = folder.path().join("objects");
        fs::create_dir(&objects).expect("a folder");
        fs::write(&config, peer_config(address, &objects)).expect("a file");
        fs::write(folder.path().join("peer.js"), PEER_ANSWER).expect("a file");
        let child = Command::new(workerd())
            .args(["serve", "--experimental"])
            .arg(&config)
            .stdin(Stdio::null())
            .spawn()
            .expect("workerd runs");
        let peer = Self {
            child,
            address,
            _folder: folder,
        };
        let listens = |()| TcpStream::connect(address).is_ok();
        let wait = || thread::sleep(Duration::from_millis(25));
        assert!(
            (0..400).map(|_| wait()).any(listens),
            "the JavaScript Worker does not answer"
        );
        peer
    }

    fn row(&self, name: &'static str, target: &'static str) -> Row<'_> {
        Row {
            name,
            server: self.address,
            process: self.child.id(),
            status: 200,
            request: Box::new(move |n| get(target, 0, n, "")),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As many headers as the gate's constant answer has, of the same length.
const PEER_ANSWER: &str = r#"
import { DurableObject } from "cloudflare:workers";
/** The least that an object of ours does: opens its table, answers. */
export class Answers extends DurableObject {
  constructor(context, env) {
    super(context, env);
    context.storage.sql.exec("CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, row TEXT NOT NULL)");
  }
  ask(text) {
    return text;
  }
}
const body = "constant\n";
const headers = {
  "content-type": "text/plain; charset=utf-8",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "content-security-policy":
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-frame-options": "DENY",
  "x-content-type-options": "nosniff",
  "referrer-policy": "strict-origin-when-cross-origin",
  "permissions-policy": "geolocation=(), microphone=(), camera=()",
  "vary": "Origin",
  "x-request-id": "00000000000000000000000000000001",
};
export default {
  fetch(request, env) {
    if (request.url.endsWith("/")) return new Response(body);
    if (request.url.endsWith("object")) {
      const name = request.url.endsWith("/object") ? "one" : crypto.randomUUID();
      return env.ANSWERS.getByName(name).ask(body).then((text) => new Response(text));
    }
    let bytes = 0;
    for (const [name, value] of request.headers) bytes += name.length + value.length;
    return new Response(body, { status: bytes > 0 ? 200 : 500, headers });
  },
};
"#;

fn peer_config(address: SocketAddr, objects: &Path) -> String {
    let objects = objects.display();
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "peer", worker = .peer),
    (name = "objects", disk = (path = "{objects}", writable = true)),
  ],
  sockets = [(name = "http", address = "{address}", http = (), service = "peer")],
);
const peer :Workerd.Worker = (
  modules = [(name = "peer.js", esModule = embed "peer.js")],
  compatibilityDate = "2026-04-01",
  durableObjectNamespaces = [(className = "Answers", uniqueKey = "answers", enableSql = true)],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [(name = "ANSWERS", durableObjectNamespace = "Answers")],
);
"#
    )
}

/// The program itself: npm's wrapper would be measured in its place.
fn workerd() -> PathBuf {
    fs::read_dir(harness::root().join("node_modules/@cloudflare"))
        .expect("./scripts/setup has run")
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/workerd")))
        .find(|program| program.exists())
        .expect("workerd is installed")
}
