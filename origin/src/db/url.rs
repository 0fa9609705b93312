//! Which engine a URL names. Nothing here shows the URL: there may be a password in it.

use super::DbError;
use sqlx::{mysql::MySqlConnectOptions, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use std::str::FromStr;

/// How to reach a database.
#[derive(Clone)]
pub(super) enum Address {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, DbError> {
        parse(url).ok_or(DbError::BadUrl)
    }
}

/// What to say of a URL that names no database.
pub(crate) const EXPECTED: &str = "must be \"sqlite:\" and the path of a file, or \
    \"postgres://\" or \"mysql://\" with user, password, host and the name of a database";

/// Whether a URL names a database that can be used.
pub(crate) fn is_valid(url: &str) -> bool {
    parse(url).is_some()
}

fn parse(url: &str) -> Option<Address> {
    let (scheme, rest) = url.split_once(':')?;
    match scheme {
        "sqlite" => {
            let file = rest.trim_start_matches("//");
            // In memory, every connection of a pool would have a database of its own.
            let is_file = !file.is_empty() && !file.starts_with(":memory:");
            let options = SqliteConnectOptions::from_str(url).ok()?;
            is_file.then_some(Address::Sqlite(Box::new(options)))
        }
        "postgres" | "postgresql" => {
            let options = PgConnectOptions::from_str(url).ok()?;
            names_database(rest).then(|| Address::Postgres(Box::new(options)))
        }
        "mysql" | "mariadb" => {
            let options = MySqlConnectOptions::from_str(url).ok()?;
            names_database(rest).then(|| Address::MySql(Box::new(options)))
        }
        _ => None,
    }
}

/// Without a name it would be the user's, or none: nobody means that.
fn names_database(rest: &str) -> bool {
    let path = rest.strip_prefix("//").and_then(|rest| {
        let (place, _parameters) = rest.split_once('?').unwrap_or((rest, ""));
        place.split_once('/')
    });
    path.is_some_and(|(_, name)| !name.is_empty() && !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn tells_what_names_a_database() {
        for good in [
            "sqlite:g.db",
            "sqlite:///srv/g.db",
            "postgres://gapura:p%40ss@db.example:5432/gapura?sslmode=verify-full",
            "postgresql://gapura@127.0.0.1/gapura",
            "mysql://gapura:secret@127.0.0.1:3306/gapura",
            "mariadb://gapura:secret@[::1]/gapura",
        ] {
            assert!(is_valid(good), "{good}");
        }
        for bad in [
            "",
            "gapura.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite://:memory:",
            "postgres:gapura",
            "postgres://gapura@127.0.0.1",
            "postgres://gapura@127.0.0.1/",
            "postgres://gapura@127.0.0.1:port/gapura",
            "mysql://gapura@127.0.0.1/?ssl-mode=DISABLED",
            "mssql://gapura@127.0.0.1/gapura",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
