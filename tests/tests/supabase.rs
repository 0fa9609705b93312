//! `@supabase/supabase-js`, unchanged, against both halves on every engine.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use engines::{Engine, on_every_engine};
use gapura_tests::{Edge, EdgeConfig, Origin, node};

on_every_engine!(
    accounts_and_sessions,
    operators_and_what_they_change,
    second_factors,
    mails_and_what_they_let_people_do,
    rows_of_tables,
    claims_that_a_client_verifies,
);

/// One client address does what many would: limits are other tests' matter.
const WIDE: &str = "
[classes.login]
limit = 1000
[classes.account]
limit = 1000
[classes.register]
limit = 1000
[classes.sensitive]
limit = 1000
[classes.general]
limit = 1000
";

/// Cheap hashes.
const SETTINGS: [(&str, &str); 2] = [
    ("argon2_memory_kib = 19456", "argon2_memory_kib = 128"),
    ("argon2_iterations = 2", "argon2_iterations = 1"),
];

fn run(engine: Engine, program: &str, settings: &[(&str, &str)]) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[&SETTINGS, settings].concat());
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).overlay(WIDE));
    let mut environment = node::accounts(&edge, &origin);
    environment.push(("DATABASE", format!("{engine:?}").to_lowercase()));
    node::run(program, &environment);
}

fn accounts_and_sessions(engine: Engine) {
    run(engine, "accounts", &[]);
}

fn operators_and_what_they_change(engine: Engine) {
    run(engine, "admin", &[]);
}

fn second_factors(engine: Engine) {
    run(engine, "factors", &[]);
}

fn claims_that_a_client_verifies(engine: Engine) {
    let algorithm = ("token_algorithm = \"EdDSA\"", "token_algorithm = \"ES256\"");
    run(engine, "claims", &[algorithm]);
}

fn rows_of_tables(engine: Engine) {
    run(engine, "data", &[]);
}

fn mails_and_what_they_let_people_do(engine: Engine) {
    run(
        engine,
        "mail",
        &[
            ("confirm_email = false", "confirm_email = true"),
            ("resend_s = 60", "resend_s = 1"),
        ],
    );
}
