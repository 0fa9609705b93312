//! What can go wrong with the database, as far as callers must tell it apart.

use super::query::NulText;
use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError, sqlite::SqliteError};
use std::sync::Arc;

/// Why a query gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// It is away, locked or full for now: the same query may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(sqlx::Error),
    /// A query, a row or a migration does not fit: our fault.
    #[error("the database answered otherwise than expected: {0}")]
    Unexpected(sqlx::Error),
    /// A text that somebody sent has a NUL, which not every engine keeps.
    #[error("a text has a NUL")]
    NulText,
    /// The schema cannot be brought up to date.
    #[error("migration failed: {0}")]
    Migration(sqlx::migrate::MigrateError),
    /// The server has not learnt yet what it is asked for. Its version.
    #[error("the server is {0}, and older than MariaDB 10.6 or MySQL 8.0")]
    TooOld(String),
    /// The URL names no database. It is not quoted: there may be a password in it.
    #[error("database.url {}", super::url::EXPECTED)]
    BadUrl,
    /// A statement with more values than the engine takes.
    #[error("{values} values in one statement, of which the engine takes {most}")]
    TooManyValues {
        /// How many there are.
        values: usize,
        /// How many there may be.
        most: usize,
    },
    /// What it shared with others failed.
    #[error("{0}")]
    Shared(Arc<DbError>),
}

/// SQLite's primary result codes (<https://sqlite.org/rescode.html>) that pass by
/// themselves: BUSY, LOCKED, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN.
const SQLITE: [i32; 7] = [5, 6, 8, 9, 10, 13, 14];

/// PostgreSQL's classes and codes (appendix A of its manual) that do: connection, authorisation,
/// no such database (being restored), read-only, collision, resources, locks, intervention.
const POSTGRES: [&str; 9] = [
    "08", "28", "3D000", "25006", "40", "53", "55P03", "57", "58",
];

/// MySQL's and MariaDB's numbers that do: disk full, connections, no access, no such database,
/// going down, table full, network, quotas, lock waits, deadlock, read-only, interrupted,
/// connection killed, statement too long, sent home for idling.
const MYSQL: [u16; 26] = [
    1021, 1040, 1044, 1045, 1049, 1053, 1077, 1079, 1114, 1129, 1135, 1158, 1159, 1160, 1161, 1203,
    1205, 1213, 1226, 1290, 1317, 1836, 1927, 1969, 3024, 4031,
];

impl DbError {
    /// What happened, to whomever.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::Shared(cause) => cause.cause(),
            own => own,
        }
    }

    /// Whether the engine ended this transaction in favour of another one.
    pub(super) fn is_collision(&self) -> bool {
        let Self::Unavailable(sqlx::Error::Database(error)) = self else {
            return false;
        };
        let code = error.code();
        // 1205 is no collision but a wait that took too long, and would again.
        !is_sqlite(&**error) && matches!(code.as_deref(), Some("40001" | "40P01"))
    }

    /// Whether there is a row of that key already.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self, Self::Unexpected(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

pub(super) fn is_sqlite(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<SqliteError>().is_some()
}

fn passes(error: &dyn DatabaseError) -> bool {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return MYSQL.contains(&error.number());
    }
    let Some(code) = error.code() else {
        return false;
    };
    if is_sqlite(error) {
        // The low byte of an extended code is the primary one.
        code.parse::<i32>()
            .is_ok_and(|code| SQLITE.contains(&(code & 0xff)))
    } else {
        POSTGRES.iter().any(|passing| code.starts_with(passing))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(&error, sqlx::Error::Encode(cause) if cause.is::<NulText>()) {
            return Self::NulText;
        }
        let passing = match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Tls(_)
            | sqlx::Error::Io(_) => true,
            sqlx::Error::Database(database) => passes(&**database),
            _ => false,
        };
        if passing {
            Self::Unavailable(error)
        } else {
            Self::Unexpected(error)
        }
    }
}

impl From<sqlx::migrate::MigrateError> for DbError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => match Self::from(error) {
                Self::Unexpected(error) => {
                    Self::Migration(sqlx::migrate::MigrateError::Execute(error))
                }
                passing => passing,
            },
            other => Self::Migration(other),
        }
    }
}
