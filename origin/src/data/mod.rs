//! The application's own tables under `/rest/v1`, in the dialect of `PostgREST`, under the same row
//! policies on every engine.
//!
//! Guarantees: what is not declared does not exist; an operation without a policy is refused; every
//! row that is read, changed or written passes the caller's policy inside the statement's own
//! transaction; values are bound, names come from the database's schema; every answer and every
//! write is bounded. [`dialect`] reads the request, `statement` makes SQL of it, `read` and
//! `write` run it; `table` and `policy` hold what the configuration declares.

mod answer;
pub mod dialect;
mod error;
pub mod field;
mod folding;
mod keys;
mod kind;
mod lines;
mod openapi;
mod policy;
mod read;
mod request;
mod rights;
mod rotate;
mod row;
mod spool;
mod start;
mod statement;
mod table;
mod unseal;
mod write;

pub use error::{Constraint, DataError};
pub use kind::Kind;
pub use rights::Right;
pub(crate) use rights::table_of;
pub use rotate::{Tally, Told};
pub use start::{BadData, Faults};
use table::Table;

use crate::{App, admission::Admitted, config, db::Engine, http::Answer};
use field::Fields;
use std::{collections::BTreeMap, sync::Arc};

/// The tables of the development stack, for each engine.
pub(crate) const NOTES: Notes = Notes {
    config: include_str!("../../notes/notes.toml"),
    sqlite: include_str!("../../notes/sqlite.sql"),
    postgres: include_str!("../../notes/postgres.sql"),
    mysql: include_str!("../../notes/mysql.sql"),
};

/// See [`NOTES`].
pub(crate) struct Notes {
    /// How they are declared.
    pub(crate) config: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    mysql: &'static str,
}

impl Notes {
    /// What makes them.
    pub(crate) const fn of(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
            Engine::MySql => self.mysql,
        }
    }
}

/// Where tables are.
pub const PREFIX: &str = "/rest/v1/";

/// What is served.
#[derive(Debug)]
pub struct Data {
    tables: BTreeMap<String, Table>,
    fields: Option<Arc<Fields>>,
    settings: config::Data,
    engine: Engine,
    warnings: Vec<String>,
    space: spool::Space,
}

impl Data {
    /// The names of the tables.
    #[must_use]
    pub fn tables(&self) -> Vec<&str> {
        self.tables.keys().map(String::as_str).collect()
    }

    /// The id of the key that fields are encrypted with.
    #[must_use]
    pub fn field_key(&self) -> Option<&str> {
        let (id, _) = self.fields.as_ref()?.key_checks().next()?;
        Some(id)
    }

    /// The columns, as `table.column`, that full-text search finds texts in.
    #[must_use]
    pub fn searchable(&self) -> Vec<String> {
        let all = self.tables.values().flat_map(|table| {
            let columns = table.readable().filter(|column| column.searchable);
            columns.map(|column| format!("{}.{}", table.name, column.name))
        });
        all.collect()
    }

    /// What is not wrong, but not as it should be.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether what slow clients have not taken yet would wait in memory: the folder for it is there.
    #[must_use]
    pub fn waits_in_memory(&self) -> bool {
        !self.tables.is_empty() && spool::is_in_memory()
    }

    /// What each role may do with each table.
    #[must_use]
    pub fn rights(&self) -> Vec<Right> {
        rights::rights(&self.tables)
    }

    /// The `OpenAPI` document of the tables.
    #[must_use]
    pub fn openapi(&self) -> serde_json::Value {
        openapi::document(&self.tables)
    }
}

/// Answers one request; refusals are in the shape of `PostgREST`.
pub async fn answer(app: &App, request: &mut Admitted) -> Answer {
    let has_identity = request
        .identity()
        .principal
        .as_ref()
        .is_some_and(|principal| principal.subject.is_some());
    match request::respond(app, request).await {
        Ok(answer) => answer,
        Err(error) => answer::refusal(&error, has_identity),
    }
}
