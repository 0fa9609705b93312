//! What a statement of the application's tables failed of, the same on every engine.

use super::super::{DbError, error::is_sqlite};
use crate::data::Constraint;
use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError, postgres::PgDatabaseError};

/// Why a statement failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFault {
    /// What the client sent cannot be.
    Constraint(Constraint),
    /// Another transaction went first: trying again may do.
    Collision,
    /// More values than the engine binds to one statement.
    TooManyValues {
        /// How many there are.
        values: usize,
        /// How many there may be.
        most: usize,
    },
    /// The statement took longer than it may.
    Slow,
    /// The database is away or full.
    Unavailable,
    /// Our own fault.
    Other,
}

impl DbError {
    /// What a statement failed of.
    #[must_use]
    pub fn data_fault(&self) -> DataFault {
        if self.is_collision() {
            return DataFault::Collision;
        }
        if let Self::TooManyValues { values, most } = *self.cause() {
            return DataFault::TooManyValues { values, most };
        }
        let (Self::Unavailable(sqlx::Error::Database(error))
        | Self::Unexpected(sqlx::Error::Database(error))) = self.cause()
        else {
            return match self.cause() {
                Self::Unavailable(_) => DataFault::Unavailable,
                _ => DataFault::Other,
            };
        };
        if is_slow(&**error) {
            return DataFault::Slow;
        }
        match constraint(&**error) {
            Some(constraint) => DataFault::Constraint(constraint),
            None if matches!(self.cause(), Self::Unavailable(_)) => DataFault::Unavailable,
            None => DataFault::Other,
        }
    }
}

fn is_slow(error: &dyn DatabaseError) -> bool {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return matches!(error.number(), 1969 | 3024);
    }
    let slow = if is_sqlite(error) { "9" } else { "57014" };
    error.code().is_some_and(|code| code == slow)
}

fn constraint(error: &dyn DatabaseError) -> Option<Constraint> {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return if is_too_large(error.number(), error.message()) {
            Some(Constraint::Size)
        } else {
            mysql(error.number())
        };
    }
    let code = error.code()?;
    if is_sqlite(error) {
        return sqlite(code.parse().ok()?, error.message());
    }
    let source = error.try_downcast_ref::<PgDatabaseError>();
    if is_query_of_search(&code, source.and_then(PgDatabaseError::file)) {
        return Some(Constraint::Value);
    }
    if code == "54000"
        && source
            .and_then(PgDatabaseError::routine)
            .is_some_and(is_making)
    {
        return Some(Constraint::Size);
    }
    postgres(&code)
}

/// Whether MariaDB failed where a statement of ours lets it: see `data::statement`'s `Room`.
fn is_too_large(number: u16, message: &str) -> bool {
    number == 1690 && message.contains(" 'exp(1000 + octet_length(")
}

/// Whether a routine of PostgreSQL's makes values, and would have made one that is too large.
fn is_making(routine: &str) -> bool {
    matches!(routine, "repeat" | "enlargeStringInfo")
}

/// <https://sqlite.org/rescode.html#extrc>
fn sqlite(code: i32, message: &str) -> Option<Constraint> {
    Some(match code {
        // It keeps ON DELETE RESTRICT by a trigger of its own.
        1811 if message == "FOREIGN KEY constraint failed" => Constraint::ForeignKey,
        1811 => Constraint::Raised,
        1555 | 2067 | 2579 => Constraint::Unique,
        787 => Constraint::ForeignKey,
        1299 => Constraint::NotNull,
        275 => Constraint::Check,
        20 | 3091 => Constraint::Value,
        1 if message.starts_with("Expression tree is too large") => Constraint::Complexity,
        1 if message == "malformed JSON" => Constraint::Value,
        18 => Constraint::Size,
        _ => return None,
    })
}

/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>
const fn mysql(number: u16) -> Option<Constraint> {
    Some(match number {
        1062 | 1586 => Constraint::Unique,
        1216 | 1217 | 1451 | 1452 => Constraint::ForeignKey,
        1048 | 1364 => Constraint::NotNull,
        3819 | 4025 => Constraint::Check,
        1264 | 1406 | 1690 => Constraint::Range,
        1265 | 1292 | 1366 | 1367 | 1906 | 4078 => Constraint::Value,
        1643 | 1644 => Constraint::Raised,
        1142 | 1143 => Constraint::Privilege,
        _ => return None,
    })
}

/// Whether the query of a full-text search is none, or its configuration is not there. PostgreSQL
/// has the same code for a statement that is none, which would be our own fault.
fn is_query_of_search(code: &str, file: Option<&str>) -> bool {
    code == "42704" || (code == "42601" && matches!(file, Some("tsquery.c" | "tsvector_parser.c")))
}

/// Appendix A of PostgreSQL's manual.
fn postgres(code: &str) -> Option<Constraint> {
    Some(match code {
        "23505" => Constraint::Unique,
        "23001" | "23503" => Constraint::ForeignKey,
        "23502" => Constraint::NotNull,
        "23514" | "23P01" => Constraint::Check,
        "22003" | "22001" => Constraint::Range,
        "42501" => Constraint::Privilege,
        "42883" | "42846" | "0A000" => Constraint::Operator,
        // A function of the application's that would write where nothing may be written.
        "25006" => Constraint::Raised,
        // A column that the database alone fills.
        "428C9" => Constraint::Value,
        _ if code.starts_with("P0") || is_raised(code) => Constraint::Raised,
        _ if code.starts_with("54") => Constraint::Complexity,
        // Data exceptions of any other kind: a value that cannot be read.
        _ if code.starts_with("22") => Constraint::Value,
        _ => return None,
    })
}

/// Whether a code is of none of PostgreSQL's own classes: a trigger of the application's raised it. The
/// standard leaves these first characters to whoever needs them.
fn is_raised(code: &str) -> bool {
    const OWN: [&str; 7] = ["53", "54", "55", "57", "58", "72", "XX"];
    let is_free = |first: char| matches!(first, '5'..='9' | 'I'..='Z');
    code.starts_with(is_free) && !OWN.iter().any(|own| code.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::{Constraint, mysql, postgres, sqlite};

    #[test]
    fn engines_say_the_same_in_their_own_numbers() {
        for (of_sqlite, of_mysql, of_postgres, constraint) in [
            (2067, 1062, "23505", Constraint::Unique),
            (787, 1452, "23503", Constraint::ForeignKey),
            (1811, 1644, "P0001", Constraint::Raised),
            (1299, 1048, "23502", Constraint::NotNull),
            (275, 4025, "23514", Constraint::Check),
        ] {
            assert_eq!(sqlite(of_sqlite, "no"), Some(constraint));
            assert_eq!(mysql(of_mysql), Some(constraint));
            assert_eq!(postgres(of_postgres), Some(constraint));
        }
        for raised in ["P0002", "PT402", "90001", "ZZ000"] {
            assert_eq!(postgres(raised), Some(Constraint::Raised), "{raised}");
        }
        for own in ["XX000", "53100", "58030", "42P01"] {
            assert_eq!(postgres(own), None, "{own}");
        }
        assert_eq!(
            (sqlite(1, "no"), mysql(1064), postgres("42601")),
            (None, None, None)
        );
    }
}
