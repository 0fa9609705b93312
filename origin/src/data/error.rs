//! Refusals of `/rest/v1` in the shape of `PostgREST`: `code`, `message`, `details`, `hint`.
//!
//! Guarantees: what the database says never goes out, but the names of what the client named
//! itself; what a row holds that the client may not see is in no text.

use super::{
    dialect::DialectError,
    field::{FieldError, MAX_FIELD_BYTES},
};
use crate::{
    db::{DataFault, DbError},
    http::body::BodyError,
};
use serde_json::json;

/// Why a request for data was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Client: the query or a header is none of the dialect.
    #[error(transparent)]
    Dialect(#[from] DialectError),
    /// Client: the table is not declared.
    #[error("no table {0}")]
    NoTable(String),
    /// Client: the column is not exposed.
    #[error("no column {table}.{column}")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Client: the column is none that can be written.
    #[error("no column {table}.{column}")]
    NoColumnToWrite {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Client: nothing leads from one table to the other.
    #[error("no relationship between {0} and {1}")]
    NoRelationship(String, String),
    /// Client: more than one way leads there.
    #[error("more than one relationship between {0} and {1}")]
    AmbiguousRelationship(String, String),
    /// Client: the role may not do this.
    #[error("{0}")]
    Denied(Denied),
    /// Client: a value is none of its column's kind.
    #[error("invalid {kind}")]
    InvalidValue {
        /// What was expected.
        kind: &'static str,
        /// What came.
        value: String,
    },
    /// Client: something is larger than allowed.
    #[error("{0} is larger than {1}")]
    TooLarge(&'static str, usize),
    /// Client: more rows than one request may touch.
    #[error("more than {0} rows")]
    TooManyRows(u64),
    /// Client: more rows than the client allowed.
    #[error("{0} rows would be touched")]
    TooManyAffected(u64),
    /// Client: more values than the engine binds to one statement.
    #[error("{values} values, more than {most}")]
    TooManyValues {
        /// How many there are.
        values: usize,
        /// How many there may be.
        most: usize,
    },
    /// Client: not what this interface can do.
    #[error("{0}")]
    Unsupported(String),
    /// Client: the body is not what its type says.
    #[error("bad body: {0}")]
    BadBody(String),
    /// Client: the body did not come.
    #[error("the body took too long or broke off")]
    BodyBroken,
    /// Client: this method is not for tables.
    #[error("method")]
    Method,
    /// Client: the answer would not be one row.
    #[error("{0} rows, not one")]
    NotOne(u64),
    /// Client: the row is not the one that was seen.
    #[error("the row is another one")]
    Precondition,
    /// Client: the idempotency key was used for another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// Client: an upsert by columns that tell no rows apart.
    #[error("no unique index")]
    NotUnique,
    /// Client: an update or a deletion of everything.
    #[error("no filter")]
    Unfiltered,
    /// Client: the range begins after the last row.
    #[error("offset beyond {0} rows")]
    Range(u64),
    /// Client: what the database's constraints refuse.
    #[error("{0:?}")]
    Constraint(Constraint),
    /// Us: the answer is larger than allowed.
    #[error("an answer over {0} bytes")]
    AnswerTooLarge(usize),
    /// Us: it is, or a table embedded in one of its rows is larger than its share.
    #[error("an answer over {most} bytes, or a table in a row over {share}")]
    EmbeddedTooLarge {
        /// Bytes of an answer.
        most: u64,
        /// Bytes of one embedded list.
        share: u64,
    },
    /// Us: a field was tampered with, or its key is gone.
    #[error("a field cannot be decrypted")]
    Tampered,
    /// Us: fields in version 1, of more tenants than one answer derives keys for.
    #[error("fields of more than {0} tenants are in version 1")]
    TooManyDerived(u32),
    /// Us: other transactions were always faster.
    #[error("collided with others")]
    Collided,
    /// Us: the statement took too long.
    #[error("the statement took too long")]
    Slow,
    /// Us: the database is away.
    #[error("the database is away")]
    Unavailable,
    /// Us.
    #[error("internal error")]
    Internal,
}

/// What a role may not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The operation, as a whole.
    #[error("permission denied for table {0}")]
    Table(String),
    /// A column.
    #[error("permission denied for column {0}")]
    Column(String),
    /// What is served, as a whole.
    #[error("permission denied for the description of the tables")]
    Description,
    /// A row, as it would be written.
    #[error("new row violates row-level security policy for table \"{0}\"")]
    Row(String),
}

/// A constraint of the database, by PostgreSQL's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// 23505
    Unique,
    /// 23503
    ForeignKey,
    /// 23502
    NotNull,
    /// 23514
    Check,
    /// 22P02 and its like: a value that the engine cannot read.
    Value,
    /// P0001: a trigger, in the operator's own words.
    Raised,
    /// 42883: an operator that the column's type does not have.
    Operator,
    /// 54000: more than the engine takes.
    Complexity,
    /// 42501: a grant or a row policy of the database itself.
    Privilege,
    /// 22003, 22001: out of range or too long.
    Range,
    /// 54000: larger than the engine makes a value, or than a statement of ours lets it.
    Size,
}

impl From<DbError> for DataError {
    fn from(error: DbError) -> Self {
        match error.data_fault() {
            DataFault::Constraint(constraint) => Self::Constraint(constraint),
            DataFault::Collision => Self::Collided,
            DataFault::TooManyValues { values, most } => Self::TooManyValues { values, most },
            DataFault::Slow => {
                tracing::warn!(cause = %error, "a query took too long");
                Self::Slow
            }
            DataFault::Unavailable => {
                tracing::warn!(cause = %error, "the database is not available");
                Self::Unavailable
            }
            DataFault::Other => {
                tracing::error!(cause = %error, "a query failed");
                Self::Internal
            }
        }
    }
}

impl From<FieldError> for DataError {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::Unopened => Self::Tampered,
            FieldError::TooLong => Self::TooLarge("an encrypted field", MAX_FIELD_BYTES),
        }
    }
}

impl From<BodyError> for DataError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { max_bytes } => {
                Self::TooLarge("the body", usize::try_from(max_bytes).unwrap_or(usize::MAX))
            }
            BodyError::Timeout | BodyError::Broken => Self::BodyBroken,
        }
    }
}

/// How a refusal looks outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The HTTP status.
    pub status: u16,
    /// The code of `PostgREST` or of the database, or ours (`GAPURA…`).
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What exactly.
    pub details: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Shape {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: None,
            hint: None,
        }
    }

    fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The body.
    #[must_use]
    pub fn json(&self) -> String {
        json!({
            "code": self.code,
            "message": self.message,
            "details": self.details,
            "hint": self.hint,
        })
        .to_string()
    }
}

impl DataError {
    /// The one table from refusals to answers. `has_identity`: a request with a token is forbidden
    /// what one without is asked to log in for.
    #[must_use]
    pub fn shape(&self, has_identity: bool) -> Shape {
        match self {
            Self::Dialect(error) => {
                let mut shape = Shape::new(error.status(), error.code(), error.to_string());
                shape.details = error.details();
                shape.hint = error.hint();
                shape
            }
            Self::NoTable(table) => Shape::new(
                404,
                "PGRST205",
                format!("Could not find the table '{}' in the schema cache", shown(table)),
            ),
            Self::NoColumn { table, column } => Shape::new(
                400,
                "42703",
                format!("column {}.{} does not exist", shown(table), shown(column)),
            ),
            Self::NoColumnToWrite { table, column } => Shape::new(
                400,
                "PGRST204",
                format!(
                    "Could not find the '{}' column of '{}' in the schema cache",
                    shown(column),
                    shown(table)
                ),
            ),
            Self::NoRelationship(from, to) => Shape::new(
                400,
                "PGRST200",
                format!(
                    "Could not find a relationship between '{}' and '{}' in the schema cache",
                    shown(from),
                    shown(to)
                ),
            ),
            Self::AmbiguousRelationship(from, to) => Shape::new(
                300,
                "PGRST201",
                format!(
                    "Could not embed because more than one relationship was found for '{}' and '{}'",
                    shown(from),
                    shown(to)
                ),
            )
            .hint("Name the foreign key's column: table!column(…)"),
            Self::Denied(denied) => {
                Shape::new(if has_identity { 403 } else { 401 }, "42501", denied.to_string())
            }
            Self::InvalidValue { kind, value } => Shape::new(
                400,
                "22P02",
                format!("invalid input syntax for type {kind}: \"{}\"", shown(value)),
            ),
            Self::TooLarge(what, most) => {
                Shape::new(413, "GAPURA413", format!("{what} is larger than {most} bytes"))
            }
            Self::TooManyRows(most) => Shape::new(
                400,
                "GAPURA400",
                format!("the request would touch more than {most} rows"),
            )
            .hint("Filter, or do it in several requests"),
            Self::TooManyValues { values, most } => Shape::new(
                400,
                "54000",
                format!("the request needs {values} values in one statement, which takes {most}"),
            )
            .hint("Ask for less, or in several requests"),
            Self::Unsupported(what) => Shape::new(400, "PGRST100", what.clone()),
            Self::BadBody(why) => Shape::new(400, "PGRST102", why.clone()),
            Self::BodyBroken => Shape::new(408, "PGRST102", "The body did not arrive"),
            Self::Method => Shape::new(405, "PGRST117", "Unsupported HTTP method"),
            Self::NotOne(rows) => Shape::new(
                406,
                "PGRST116",
                "Cannot coerce the result to a single JSON object",
            )
            .details(format!("The result contains {rows} rows")),
            Self::Range(rows) => Shape::new(416, "PGRST103", "Requested range not satisfiable")
                .details(format!(
                    "An offset was requested, but there are only {rows} rows."
                )),
            Self::Constraint(constraint) => constraint.shape(has_identity),
            Self::TooManyAffected(_)
            | Self::Precondition
            | Self::KeyReused
            | Self::NotUnique
            | Self::Unfiltered => self.write_shape(),
            Self::AnswerTooLarge(_)
            | Self::EmbeddedTooLarge { .. }
            | Self::Tampered
            | Self::TooManyDerived(_)
            | Self::Collided
            | Self::Slow
            | Self::Unavailable
            | Self::Internal => self.own_shape(),
        }
    }

    /// What only a write is refused for.
    fn write_shape(&self) -> Shape {
        match self {
            Self::TooManyAffected(rows) => Shape::new(
                400,
                "PGRST124",
                "Query result exceeds max-affected preference constraint",
            )
            .details(format!("The query affects {rows} rows")),
            Self::Precondition => Shape::new(
                412,
                "GAPURA412",
                "The row was changed since it was read, or is not there",
            ),
            Self::KeyReused => Shape::new(
                422,
                "GAPURA422",
                "The Idempotency-Key was used for another request",
            ),
            Self::NotUnique => Shape::new(
                400,
                "42P10",
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            ),
            _ => Shape::new(
                400,
                "21000",
                "UPDATE and DELETE require a filter on this table",
            ),
        }
    }

    /// What is not the client's fault.
    fn own_shape(&self) -> Shape {
        match self {
            Self::AnswerTooLarge(most) => Shape::new(
                400,
                "GAPURA400",
                format!("the answer is larger than {most} bytes"),
            )
            .hint("Select fewer columns or a smaller page"),
            Self::EmbeddedTooLarge { most, share } => Shape::new(
                400,
                "GAPURA400",
                format!(
                    "the answer is larger than {most} bytes, or a table embedded in one row than {share}"
                ),
            )
            .hint("Embed fewer tables, select fewer columns of them, or give them a limit"),
            Self::Tampered => Shape::new(500, "GAPURA500", "A field cannot be decrypted"),
            Self::TooManyDerived(most) => Shape::new(
                503,
                "GAPURA503",
                format!("the answer has encrypted fields of version 1 of more than {most} tenants"),
            )
            .hint("Ask again: keys that were derived are remembered"),
            Self::Collided => Shape::new(
                503,
                "40001",
                "could not serialize access due to concurrent update",
            ),
            Self::Slow => Shape::new(503, "57014", "canceling statement due to statement timeout")
                .hint("Ask for less, or by a column with an index"),
            Self::Unavailable => Shape::new(503, "PGRST000", "The database is not available"),
            _ => Shape::new(500, "GAPURA500", "Something went wrong here"),
        }
    }

    /// Seconds after which trying again makes sense.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Collided | Self::TooManyDerived(_) => Some(1),
            Self::Unavailable => Some(5),
            _ => None,
        }
    }
}

impl Constraint {
    fn shape(self, has_identity: bool) -> Shape {
        let (status, code, message) = match self {
            Self::Unique => (
                409,
                "23505",
                "duplicate key value violates unique constraint",
            ),
            Self::ForeignKey => (
                409,
                "23503",
                "insert, update or delete violates foreign key constraint",
            ),
            Self::NotNull => (400, "23502", "null value violates not-null constraint"),
            Self::Check => (400, "23514", "new row violates check constraint"),
            Self::Value => (400, "22P02", "invalid input syntax"),
            Self::Raised => (400, "P0001", "the database refuses this"),
            Self::Operator => (
                400,
                "42883",
                "the column's type does not have this operator",
            ),
            Self::Complexity => (400, "54000", "the request is too complex"),
            Self::Range => (400, "22003", "a value is out of range or too long"),
            Self::Size => (400, "54000", "a value is larger than it may be"),
            Self::Privilege => {
                let status = if has_identity { 403 } else { 401 };
                (status, "42501", "permission denied")
            }
        };
        Shape::new(status, code, message)
    }
}

/// What a client sent, as far as it is shown again.
fn shown(text: &str) -> String {
    const MOST: usize = 100;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
