//! From what was asked to SQL: pure, one statement for each question.

mod filter;
mod json;
mod link;
mod path;
mod read;
mod room;
mod rotate;
mod search;
mod sql;
mod write;

pub(crate) use read::{Cell, Spot, cells, count, rows, targets};
pub(crate) use room::Room;
pub(crate) use rotate::{reseal, sealed_values};
pub(crate) use sql::Sql;
pub(crate) use write::{
    Key, colliding, delete, foresee, foresee_change, insert, kept, lock, look, update,
};

use super::{
    dialect::Item,
    error::{DataError, Denied},
    field::Fields,
    policy::{Caller, Policy},
    table::{Rules, Table},
};
use std::collections::BTreeMap;

/// Who asks, of what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// Every table that is served.
    pub(crate) tables: &'a BTreeMap<String, Table>,
    /// Who asks.
    pub(crate) caller: &'a Caller,
    /// What encrypted columns are found with.
    pub(crate) fields: Option<&'a Fields>,
}

/// A table in a statement, and what it is called there.
#[derive(Debug, Clone)]
pub(crate) struct Level<'a> {
    /// The table.
    pub(crate) table: &'a Table,
    /// Ours, such as `t0`.
    pub(crate) alias: String,
    /// What is read of it: filters may ask whether there is something of the tables embedded in it.
    pub(crate) select: &'a [Item],
}

impl<'a> Scope<'a> {
    /// What the caller may do with a table.
    ///
    /// # Errors
    /// [`DataError::Denied`].
    pub(crate) fn policy(
        &self,
        table: &'a Table,
        of: impl Fn(&Rules) -> Option<&Policy>,
    ) -> Result<&'a Policy, DataError> {
        let rules = table.rules(&self.caller.role);
        let policy = rules.and_then(of);
        policy.ok_or_else(|| DataError::Denied(Denied::Table(table.name.clone())))
    }
}
