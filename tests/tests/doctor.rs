//! `doctor` at an origin that has a gate.

#[path = "../../origin/tests/support/engines.rs"]
mod engines;

use engines::{Engine, on_every_engine};
use gapura_tests::{Edge, EdgeConfig, Origin, harness};
use serde_json::json;

on_every_engine!(
    ends_with_0_when_all_is_well_and_with_1_or_2_when_it_is_not,
    tells_whether_the_gate_takes_our_seals_and_has_our_time,
    tells_of_a_gate_that_has_another_key_or_is_not_there,
);

/// The URL of a database for an account that may do in it what docs/operations.md grants, and nothing else.
fn narrow(engine: Engine, home: &str) -> String {
    let Some((server, database)) = home.rsplit_once('/').filter(|_| engine != Engine::Sqlite)
    else {
        return home.to_owned();
    };
    let (_, host) = server.rsplit_once('@').unwrap();
    let password = "vK3.q8z-Ns0.7Lw1";
    let grant = match engine {
        Engine::Postgres => {
            format!(
                "CREATE ROLE narrow LOGIN PASSWORD '{password}'; ALTER DATABASE {database} OWNER TO narrow"
            )
        }
        _ => format!(
            "CREATE USER narrow@'127.0.0.1' IDENTIFIED BY '{password}'; \
             GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP \
             ON {database}.* TO narrow@'127.0.0.1'"
        ),
    };
    engines::execute(home, &grant).unwrap();
    let (scheme, _) = server.split_once("://").unwrap();
    format!("{scheme}://narrow:{password}@{host}/{database}")
}

/// An installation as it should be: settings for production, a backup of today, a gate behind TLS that takes its seals.
fn ends_with_0_when_all_is_well_and_with_1_or_2_when_it_is_not(engine: Engine) {
    let home = engine.home();
    let backups = tempfile::tempdir().unwrap();
    std::fs::write(backups.path().join("today.age"), "x").unwrap();
    let path = format!("path = \"{}\"", backups.path().display());
    let mut origin = Origin::configured(
        &narrow(engine, &home.url),
        &[
            ("\necho = true", "\necho = false"),
            ("\nmail_log = true", "\nmail_log = false"),
            ("path = \"\"", &path),
        ],
    );
    let address = format!("\naddress = \"{}\"", origin.address);
    origin.set(&[("\naddress = \"127.0.0.1:9080\"", &address)]);
    let edge = Edge::start(&EdgeConfig::for_origin(&origin).tls());
    origin.tell(&edge);
    // Nobody public has made its certificate.
    let (code, page) = origin.examined();
    assert_eq!(
        (code, &page["severity"]),
        (Some(2), &json!("fail")),
        "{page}"
    );
    let authority = harness::tls().join("ca.pem");
    let authority = format!("the public ones.\nca_file = \"{}\"", authority.display());
    origin.set(&[("the public ones.\nca_file = \"\"", &authority)]);
    origin.restart();
    let (code, page) = origin.examined();
    assert_eq!(
        (code, &page["severity"]),
        (Some(0), &json!("ok")),
        "{page:#}"
    );
    let checks = page["checks"].as_array().unwrap();
    let named = |name: &str| checks.iter().any(|check| check["check"] == name);
    for name in [
        "config",
        "files",
        "secrets",
        "ports",
        "database",
        "migrations",
        "grants",
        "disk",
        "backup",
        "clock",
        "seal",
        "certificate",
    ] {
        assert!(named(name), "{name}: {page:#}");
    }
    // Nothing is wrong, and something is about to be.
    origin.set(&[(path.as_str(), "path = \"\"")]);
    let (code, page) = origin.examined();
    assert_eq!(
        (code, &page["severity"]),
        (Some(1), &json!("warn")),
        "{page}"
    );
}

fn tells_whether_the_gate_takes_our_seals_and_has_our_time(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let edge = Edge::start(&EdgeConfig::for_origin(&origin));
    origin.tell(&edge);
    let (severity, told) = origin.doctor("seal");
    assert_eq!(severity, "ok", "{told}");
    let (severity, told) = origin.doctor("clock");
    assert_eq!(severity, "ok", "{told}");
}

fn tells_of_a_gate_that_has_another_key_or_is_not_there(engine: Engine) {
    let home = engine.home();
    let origin = Origin::configured(&home.url, &[]);
    let mut config = EdgeConfig::for_origin(&origin);
    config.seal_keys = format!("k1:{}", "A".repeat(43));
    let edge = Edge::start(&config);
    origin.tell(&edge);
    let (severity, told) = origin.doctor("seal");
    assert_eq!(severity, "fail", "{told}");
    assert!(told.contains("refuses our seals"), "{told}");
    assert!(!told.contains(&origin.seal_keys), "{told}");
    drop(edge);
    let (severity, told) = origin.doctor("seal");
    assert_eq!(severity, "fail", "{told}");
}
