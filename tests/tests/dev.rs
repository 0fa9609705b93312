//! `./scripts/dev` as a person and as a program would use it: `wrangler dev` in
//! front of the origin, in a folder and on ports of its own.

use gapura_tests::{Request, harness};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    net::SocketAddr,
    process::{Command, Output},
};
use tempfile::TempDir;

type Env = BTreeMap<String, String>;

struct Dev {
    folder: TempDir,
    edge: SocketAddr,
    origin: SocketAddr,
    database: SocketAddr,
}

impl Dev {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            edge: harness::free_address(),
            origin: harness::free_address(),
            database: harness::free_address(),
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(harness::root().join("scripts/dev"))
            .args(arguments)
            .env("GAPURA_DEV", self.folder.path())
            .env("EDGE_PORT", self.edge.port().to_string())
            .env("ORIGIN_PORT", self.origin.port().to_string())
            .env("DATABASE_PORT", self.database.port().to_string())
            .output()
            .unwrap()
    }

    /// What it shows when it has started.
    fn start(&self, arguments: &[&str]) -> String {
        let started = self.run(arguments);
        let errors = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(started.stdout).unwrap()
    }

    fn env(&self) -> Env {
        let output = self.run(&["--env"]);
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| line.split_once('=').expect("KEY=value"))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// The access token of `DEMO` or `ADMIN`.
    fn login(&self, env: &Env, who: &str, role: &str) -> String {
        let of = |what: &str| &env[&format!("{who}_{what}")];
        // Each from elsewhere: an address has few tries.
        let address = format!("198.51.100.{}", who.len());
        let login = Request::new("POST", "/auth/v1/token?grant_type=password")
            .json(&json!({"email": of("EMAIL"), "password": of("PASSWORD")}))
            .from(&address)
            .send(self.edge);
        assert_eq!(
            (login.status, &login.json()["user"]["role"]),
            (200, &json!(role)),
            "{}",
            login.text()
        );
        login.json()["access_token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.run(&["--stop"]);
        // Where a server keeps its files that cannot reach ours, since it does not run as root.
        let folder = self.folder.path().to_str().unwrap();
        let mut name = String::new();
        for byte in Sha256::digest(folder).iter().take(6) {
            write!(name, "{byte:02x}").unwrap();
        }
        let _ = fs::remove_dir_all(format!("/var/tmp/gapura-dev-{name}"));
    }
}

#[test]
fn the_development_stack_starts_tells_how_to_reach_it_and_stops() {
    let dev = Dev::new();
    let shown = dev.start(&["--detach"]);
    let env = dev.env();
    assert_eq!(env["EDGE_URL"], format!("http://{}", dev.edge));
    assert_eq!(env["ORIGIN_URL"], format!("http://{}", dev.origin));
    for key in [
        "EDGE_URL",
        "ORIGIN_URL",
        "DEMO_EMAIL",
        "DEMO_PASSWORD",
        "ADMIN_EMAIL",
        "ADMIN_PASSWORD",
    ] {
        assert!(shown.contains(&env[key]), "{key} is not shown:\n{shown}");
    }

    let echo = Request::new("GET", "/echo/hello")
        .header("apikey", &env["ANON_KEY"])
        .from("198.51.100.4")
        .send(dev.edge);
    assert_eq!(echo.status, 200, "{}", echo.text());
    let identity = echo.json()["headers"]["gapura-identity"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        identity.contains("198.51.100.4") && !identity.contains("role="),
        "{identity}"
    );
    let bearers =
        [("DEMO", "user"), ("ADMIN", "admin")].map(|(who, role)| dev.login(&env, who, role));
    assert_eq!(Request::new("GET", "/echo/a").send(dev.origin).status, 401);
    switch_attack_mode(&dev, &bearers);

    dev.run(&["--stop"]);
    for address in [dev.edge, dev.origin] {
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "{address} still answers"
        );
    }
}

/// On whichever database it is started: somebody writes a note and finds it by what is encrypted.
#[test]
fn notes_are_there_to_play_with_on_every_database() {
    let dev = Dev::new();
    for database in ["postgres", "mariadb", "sqlite"] {
        let shown = dev.start(&["--database", database, "--detach"]);
        assert!(shown.contains(&format!("database  {database}")), "{shown}");
        let env = dev.env();
        let demo = dev.login(&env, "DEMO", "user");
        let admin = dev.login(&env, "ADMIN", "admin");
        let send = |method: &str, target: &str, bearer: &str| {
            let request = Request::new(method, &format!("/rest/v1/{target}"));
            let request = request.header("apikey", &env["ANON_KEY"]).bearer(bearer);
            request.header("prefer", "return=representation")
        };
        // The first in this database.
        let all = send("GET", "notes", &demo).send(dev.edge);
        assert_eq!((all.status, all.json()), (200, json!([])), "{database}");
        let note = json!({"title": format!("on {database}"), "phone": "+62 812-3456-7890"});
        let added = send("POST", "notes", &demo).json(&note).send(dev.edge);
        assert_eq!(added.status, 201, "{database}: {}", added.text());
        let tag = json!({"note_id": added.json()[0]["id"], "tag": "first"});
        let tagged = send("POST", "note_tags", &demo).json(&tag).send(dev.edge);
        assert_eq!(tagged.status, 201, "{database}: {}", tagged.text());
        let target = "notes?select=title,phone,note_tags(tag)&phone=eq.%2B62%20812-3456-7890";
        let whole = json!([{
            "title": note["title"], "phone": note["phone"], "note_tags": [{"tag": "first"}],
        }]);
        let found = send("GET", target, &demo).send(dev.edge);
        assert_eq!(
            (found.status, found.json()),
            (200, whole.clone()),
            "{database}"
        );
        let seen = send("GET", target, &admin).send(dev.edge);
        assert_eq!((seen.status, seen.json()), (200, whole), "{database}");
    }
}

/// What an operator's switch does to browsers and to clients with a token.
fn switch_attack_mode(dev: &Dev, [user, admin]: &[String; 2]) {
    let switch = |mode: &serde_json::Value| {
        let put = Request::new("PUT", "/_gapura/v1/mode").json(mode);
        let done = put.bearer(admin).send(dev.edge);
        assert_eq!(done.status, 200, "{}", done.text());
    };
    let page = || {
        let page = Request::new("GET", "/echo/page").header("accept", "text/html");
        page.send(dev.edge).status
    };
    let quota = || {
        let asked = Request::new("GET", "/auth/v1/user").bearer(user);
        let answer = asked.send(dev.edge);
        answer.header("ratelimit-policy").map(str::to_owned)
    };
    assert_eq!(page(), 200);
    assert_eq!(quota().unwrap(), "\"general\";q=100;w=60");
    switch(&json!({"under_attack": true, "seconds": 600}));
    assert_eq!(page(), 503);
    assert_eq!(quota().unwrap(), "\"general\";q=30;w=60");
    switch(&json!({"under_attack": false}));
    assert_eq!(page(), 200);
}
