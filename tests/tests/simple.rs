//! The login paths that applications had before, through the gate.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use engines::{Engine, on_every_engine};
use gapura_tests::{Request, Stack};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery";

fn post(path: &str, body: &Value, client: &str) -> Request {
    Request::new("POST", path).json(body).from(client)
}

fn credentials(password: &str) -> Value {
    json!({ "email": "made@example.test", "password": password })
}

on_every_engine!(
    plain_json_registers_logs_in_and_refreshes_behind_the_gate,
    guesses_count_on_both_paths_together,
);

fn plain_json_registers_logs_in_and_refreshes_behind_the_gate(engine: Engine) {
    let home = engine.home();
    let stack = Stack::on(&home.url, "");
    let send = |name: &str, body: &Value| {
        let path = format!("/api/auth/{name}");
        stack.edge.send(&post(&path, body, "192.0.2.1"))
    };
    assert_eq!(send("register", &credentials(PASSWORD)).status, 201);
    let session = send("login", &credentials(PASSWORD)).json();
    let token = session["access_token"].as_str().unwrap();
    let user = Request::new("GET", "/auth/v1/user").bearer(token);
    assert_eq!(stack.edge.send(&user).status, 200);
    let held = json!({ "refresh_token": session["refresh_token"] });
    let renewed = send("refresh", &held).json();
    assert_ne!(renewed["refresh_token"], session["refresh_token"]);
    assert_eq!(send("nothing", &held).status, 404);
}

fn guesses_count_on_both_paths_together(engine: Engine) {
    let home = engine.home();
    let stack = Stack::on(&home.url, "");
    let guess = |path: &str| {
        let wrong = post(path, &credentials("wrong password"), "192.0.2.2");
        stack.edge.send(&wrong).status
    };
    let (plain, supabase) = ("/api/auth/login", "/auth/v1/token?grant_type=password");
    for _ in 0..4 {
        assert_eq!(guess(plain), 400);
    }
    assert_eq!(guess(supabase), 400);
    for path in [plain, supabase] {
        // The window is used up; five failures also ban the address, as soon as that is told.
        let status = guess(path);
        assert!(matches!(status, 429 | 403), "{path}: {status}");
    }
}
