//! `./scripts/dev` as a person and as a program would use it: `wrangler dev` in
//! front of the origin, in a folder and on ports of its own.

use gapura_tests::{Request, harness};
use serde_json::json;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    process::{Command, Output},
};
use tempfile::TempDir;

struct Dev {
    folder: TempDir,
    edge: SocketAddr,
    origin: SocketAddr,
}

impl Dev {
    fn run(&self, argument: &str) -> Output {
        Command::new(harness::root().join("scripts/dev"))
            .arg(argument)
            .env("GAPURA_DEV", self.folder.path())
            .env("EDGE_PORT", self.edge.port().to_string())
            .env("ORIGIN_PORT", self.origin.port().to_string())
            .output()
            .unwrap()
    }

    fn env(&self) -> BTreeMap<String, String> {
        let output = self.run("--env");
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| line.split_once('=').expect("KEY=value"))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.run("--stop");
    }
}

#[test]
fn the_development_stack_starts_tells_how_to_reach_it_and_stops() {
    let dev = Dev {
        folder: TempDir::new().unwrap(),
        edge: harness::free_address(),
        origin: harness::free_address(),
    };
    let started = dev.run("--detach");
    assert!(
        started.status.success(),
        "{}",
        String::from_utf8_lossy(&started.stderr)
    );
    let shown = String::from_utf8(started.stdout).unwrap();
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
    let bearers = [
        ("DEMO_EMAIL", "DEMO_PASSWORD", "user"),
        ("ADMIN_EMAIL", "ADMIN_PASSWORD", "admin"),
    ]
    .map(|(email, password, role)| {
        let login = Request::new("POST", "/auth/v1/token?grant_type=password")
            .json(&json!({"email": env[email], "password": env[password]}))
            .send(dev.edge);
        assert_eq!(
            (login.status, &login.json()["user"]["role"]),
            (200, &json!(role)),
            "{}",
            login.text()
        );
        login.json()["access_token"].as_str().unwrap().to_owned()
    });
    assert_eq!(Request::new("GET", "/echo/a").send(dev.origin).status, 401);
    switch_attack_mode(&dev, &bearers);

    dev.run("--stop");
    for address in [dev.edge, dev.origin] {
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "{address} still answers"
        );
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
