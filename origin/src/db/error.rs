//! What can go wrong with the database, as far as callers must tell it apart.

/// Why a query gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// It is away, locked or full for now: the same query may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(sqlx::Error),
    /// A query, a row or a migration does not fit: our fault.
    #[error("the database answered otherwise than expected: {0}")]
    Unexpected(sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// Primary result codes (<https://sqlite.org/rescode.html>) that pass by
/// themselves: BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN.
const PASSING: [i32; 6] = [5, 6, 8, 10, 13, 14];

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        let passing = match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_) => true,
            sqlx::Error::Database(database) => database
                .code()
                .and_then(|code| code.parse::<i32>().ok())
                // The low byte of an extended code is the primary one.
                .is_some_and(|code| PASSING.contains(&(code & 0xff))),
            _ => false,
        };
        if passing {
            Self::Unavailable(error)
        } else {
            Self::Unexpected(error)
        }
    }
}
