//! Programs of tests/clients, run by Node: clients that others wrote, against our two halves.

use crate::harness::{self, Edge, Origin};
use std::process::{Command, Stdio};

/// Passwords of the accounts that [`accounts`] adds.
pub const PASSWORD: &str = "benar kuda baterai";

/// Adds an administrator, and the public key for requests without a person; both as the
/// environment that the programs read.
#[must_use]
pub fn accounts(edge: &Edge, origin: &Origin) -> Vec<(&'static str, String)> {
    let admin = "admin@example.test";
    let add = ["users", "add", "--email", admin, "--role", "admin"];
    origin.run(&[&add[..], &["--password-stdin"]].concat(), PASSWORD);
    vec![
        ("EDGE_URL", format!("http://{}", edge.address)),
        ("ANON_KEY", origin.run(&["keys", "anon"], "")),
        ("ADMIN_EMAIL", admin.to_owned()),
        ("PASSWORD", PASSWORD.to_owned()),
        ("ORIGIN_LOG", origin.log_file().display().to_string()),
    ]
}

/// Runs `tests/clients/<program>.mjs` until its end; what it printed.
#[expect(clippy::must_use_candidate, reason = "its success alone is of use too")]
pub fn run(program: &str, environment: &[(&str, String)]) -> String {
    let output = Command::new("node")
        .current_dir(harness::root())
        .arg(format!("tests/clients/{program}.mjs"))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .expect("node runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{program}: {told}\n{complaint}");
    told
}
