//! The database: whether it answers, how old it is, how far it is open, what we may do in it.

use super::Check;
use crate::db::{DbError, Engine, Inspection, is_too_old, numbers};

const NAME: &str = "database";
/// The oldest that the tests run on.
const TESTED: [(Engine, u32, u32); 3] = [
    (Engine::Sqlite, 3, 37),
    (Engine::Postgres, 15, 0),
    (Engine::MySql, 8, 0),
];

pub(super) fn judge(found: Result<&Inspection, &DbError>) -> Vec<Check> {
    match found {
        Ok(found) => {
            let mut checks = vec![version(found), migrations(found)];
            checks.extend(found.listens.as_deref().map(address));
            checks.push(grants(&found.wide_grants));
            checks
        }
        Err(error) => vec![Check::fail(NAME, error.to_string())],
    }
}

fn version(found: &Inspection) -> Check {
    let oldest = TESTED
        .iter()
        .find(|(engine, ..)| *engine == found.engine)
        .map(|(_, major, minor)| (*major, *minor));
    let shown = format!("{} {}", found.engine, found.version);
    if found.engine == Engine::MySql && is_too_old(&found.version) {
        let told = format!("{shown} answers, and is too old: this program does not start with it");
        return Check::fail(NAME, told);
    }
    if Some(numbers(&found.version)) < oldest {
        let told = format!("{shown} answers, and is older than what this was tested with");
        return Check::warn(NAME, told);
    }
    Check::ok(NAME, format!("{shown} answers"))
}

fn migrations(found: &Inspection) -> Check {
    let name = "migrations";
    match (found.pending, found.unknown) {
        (0, 0) => Check::ok(name, "the schema is up to date"),
        (pending, 0) => {
            let told = format!("{pending} are pending: they run when the origin starts");
            Check::warn(name, told)
        }
        (_, unknown) => {
            let told = format!("{unknown} were made by a newer program: this one does not start");
            Check::fail(name, told)
        }
    }
}

/// What the server was told to listen on.
fn address(listens: &str) -> Check {
    let open = listens
        .split(',')
        .map(str::trim)
        .find(|one| matches!(*one, "*" | "0.0.0.0" | "::"));
    if open.is_some() {
        let told = format!(
            "the server listens on every address ({listens}): a firewall alone keeps others out"
        );
        return Check::warn(NAME, told);
    }
    Check::ok(NAME, format!("the server listens on {listens}"))
}

fn grants(wide: &[String]) -> Check {
    let name = "grants";
    if wide.is_empty() {
        return Check::ok(name, "nothing beyond its own database");
    }
    let told = format!(
        "the account may do more than it needs: {}; docs/operations.md names what it needs",
        wide.join(", ")
    );
    Check::warn(name, told)
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::{
        db::{DbError, Engine, Inspection},
        doctor::{Severity, worst},
    };

    fn sound() -> Inspection {
        Inspection {
            engine: Engine::Postgres,
            version: "15.8 (Debian 15.8-0+deb12u1)".into(),
            listens: Some("localhost, 10.0.0.4".into()),
            port: None,
            wide_grants: Vec::new(),
            pending: 0,
            unknown: 0,
        }
    }

    #[test]
    fn a_sound_one_has_nothing_to_tell() {
        assert_eq!(worst(&judge(Ok(&sound()))), Severity::Ok);
    }

    #[test]
    fn each_fault_shows() {
        let with = |change: fn(&mut Inspection)| {
            let mut found = sound();
            change(&mut found);
            worst(&judge(Ok(&found)))
        };
        assert_eq!(with(|f| f.version = "14.9".into()), Severity::Warn);
        let with_mariadb = |version: &str| {
            let mut found = sound();
            (found.engine, found.version) = (Engine::MySql, version.into());
            worst(&judge(Ok(&found)))
        };
        assert_eq!(with_mariadb("10.5.23-MariaDB"), Severity::Fail);
        assert_eq!(with_mariadb("10.11.19-MariaDB"), Severity::Ok);
        assert_eq!(with(|f| f.pending = 2), Severity::Warn);
        assert_eq!(with(|f| f.unknown = 1), Severity::Fail);
        assert_eq!(with(|f| f.listens = Some("*".into())), Severity::Warn);
        assert_eq!(
            with(|f| f.listens = Some("127.0.0.1,::".into())),
            Severity::Warn
        );
        assert_eq!(
            with(|f| f.wide_grants = vec!["SUPERUSER".into()]),
            Severity::Warn
        );
        assert_eq!(worst(&judge(Err(&DbError::BadUrl))), Severity::Fail);
    }
}
