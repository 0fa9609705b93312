use super::{
    EXAMPLE, FIELD_KEYS, FIELD_LARAVEL_KEY, Fault, SEAL_KEYS, Secrets, TOKEN_KEY, laravel_key,
    parse, read,
};
use proptest::prelude::*;

fn empty(_: &str) -> Option<String> {
    None
}

fn faults(text: &str) -> Vec<Fault> {
    parse(text, &empty).unwrap_err()
}

#[test]
fn reports_every_fault_at_once_with_its_position() {
    let text = "[listen]\naddress = \"nowhere\"\n  idle_s = 0\nadress = 1\n\n[auth]\naccess_lifetime_s = \"15 min\"\n\n[lgo]\nlevel = \"info\"\n[development]\necho = 1\n";
    let shown: Vec<String> = faults(text).iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "2:11: listen.address: must be an address with a port, such as \"127.0.0.1:9080\"",
            "3:12: listen.idle_s: must be an integer from 1 to 3600",
            "4:1: listen.adress: unknown key",
            "7:21: auth.access_lifetime_s: must be an integer from 60 to 604800",
            "9:2: lgo: unknown section",
            "12:8: development.echo: must be true or false",
        ]
    );
}

#[test]
fn refuses_what_is_not_toml_and_goes_on_reading() {
    let found = faults("[listen]\nidle_s = \n[log]\nlevel = \"loud\"\n");
    assert!(found.iter().any(|fault| fault.key == "TOML"), "{found:?}");
    assert!(
        found.iter().any(|fault| fault.key == "log.level"),
        "{found:?}"
    );
}

#[test]
fn refuses_a_section_that_is_no_table() {
    assert_eq!(faults("listen = 1")[0].message, "must be a table");
}

#[test]
fn refuses_a_database_that_each_connection_would_have_alone() {
    for url in ["sqlite::memory:", "sqlite:", "postgres://x", "mssql://h/d"] {
        let found = faults(&format!("[database]\nurl = \"{url}\""));
        assert_eq!(found[0].key, "database.url", "{url}");
    }
}

#[test]
fn the_environment_goes_before_the_file_and_is_checked() {
    let environment = |name: &str| match name {
        "GAPURA_LISTEN" => Some("127.0.0.1:0".to_owned()),
        "GAPURA_DATABASE_URL" => Some("mysql:x".to_owned()),
        _ => None,
    };
    let (config, reader) = read("", &environment);
    assert_eq!(config.listen.address.port(), 0);
    assert_eq!(reader.faults[0].key, "GAPURA_DATABASE_URL");
}

#[test]
fn names_every_missing_secret_and_quotes_none() {
    let missing = Secrets::parse(&empty).unwrap_err();
    assert_eq!(
        missing.iter().map(|f| f.key.as_str()).collect::<Vec<_>>(),
        [SEAL_KEYS, TOKEN_KEY]
    );
    let malformed = |_: &str| Some("hunter2".to_owned());
    let faults = Secrets::parse(&malformed).unwrap_err();
    assert_eq!(faults.len(), 5);
    let shown = format!("{faults:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn laravels_key_alone_is_not_enough() {
    let key = format!("base64:{}=", "A".repeat(43));
    let environment = |name: &str| (name == FIELD_LARAVEL_KEY).then(|| key.clone());
    let fault = laravel_key(&environment).unwrap_err();
    assert_eq!(fault.key, FIELD_KEYS);
}

#[test]
fn a_relative_database_counts_from_the_files_folder() {
    let mut database = parse("", &empty).unwrap().database;
    database.anchor("conf".as_ref(), &empty);
    assert_eq!(database.url, "sqlite:conf/gapura.db");
    database.url = "sqlite:///srv/g.db".into();
    database.anchor("conf".as_ref(), &empty);
    assert_eq!(database.url, "sqlite:/srv/g.db");
}

#[test]
fn a_relative_authority_of_the_gate_counts_from_the_files_folder() {
    let ca_file = |file: &str| {
        let text = format!("[edge]\nurl = \"https://gate\"\nca_file = \"{file}\"");
        let mut edge = parse(&text, &empty).unwrap().edge;
        edge.anchor("conf".as_ref());
        edge.url.unwrap().ca_file
    };
    assert_eq!(ca_file("ca.pem"), Some("conf/ca.pem".into()));
    assert_eq!(ca_file("/srv/ca.pem"), Some("/srv/ca.pem".into()));
    assert_eq!(ca_file(""), None);
}

#[test]
fn the_example_holds_every_key_at_its_default() {
    let (example, reader) = read(EXAMPLE, &empty);
    assert_eq!(reader.faults, []);
    assert_eq!(Ok(example), parse("", &empty));
    for key in reader.keys {
        let name = key.rsplit('.').next().unwrap();
        let line = format!("\n{name} = ");
        assert!(EXAMPLE.contains(&line), "{key} is not in the example");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "(\\[(listen|auth|data|x)\\]\n|[a-z_]{1,12} ?= ?(1|-1|\"a\"|true|\\[)?\n|.){0,12}") {
        let _ = parse(&text, &empty);
    }
}
