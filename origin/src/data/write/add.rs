//! Statements that add rows, and what they tell of them.

use super::{
    super::{
        error::DataError,
        request::Asked,
        row::{NewRow, SealedFor},
        statement::{self, Key, Sql},
        table::Column,
    },
    insert::check,
    key,
};
use crate::db::{Bound, DataTransaction, Statement, TextRow};
use std::collections::HashSet;

/// A statement that adds rows.
struct Adding {
    statement: Statement,
    told: Told,
}

/// What it tells of each row: its key, then more.
#[derive(Clone, Copy)]
struct Told {
    /// Whether its tenant.
    tenant: bool,
    /// Whether the caller may add it.
    is_checked: bool,
}

/// A row that was added.
struct Added {
    /// Whether the caller may add it, as far as it was told.
    holds: bool,
    tenant: String,
    key: TextRow,
}

impl Told {
    fn of(self, mut row: TextRow) -> Added {
        let holds = !self.is_checked || row.pop().flatten().as_deref() == Some("y");
        let tenant = if self.tenant { row.pop() } else { None };
        Added {
            holds,
            tenant: tenant.flatten().unwrap_or_default(),
            key: row,
        }
    }
}

impl Added {
    fn is_of(&self) -> SealedFor {
        let key = self.key.first().cloned().flatten();
        SealedFor {
            key: key.unwrap_or_default(),
            tenant: self.tenant.clone(),
        }
    }
}

fn adding(asked: &Asked<'_>, rows: &[NewRow<'_>]) -> Result<Adding, DataError> {
    let (columns, values) = parts(rows);
    let scope = asked.scope();
    let policy = scope.policy(asked.table, |rules| rules.insert.as_ref())?;
    let mut sql = Sql::new(asked.data().engine);
    statement::insert(
        &mut sql,
        asked.table,
        &columns,
        &values,
        policy,
        &asked.caller,
    );
    Ok(Adding {
        statement: sql.finish(),
        told: Told {
            tenant: asked.table.is_encrypted(),
            is_checked: policy.is_row_local,
        },
    })
}

/// The columns of rows that are alike, and their values.
fn parts<'t>(rows: &[NewRow<'t>]) -> (Vec<&'t Column>, Vec<Vec<Bound>>) {
    let first = rows.first().map_or(&[][..], Vec::as_slice);
    let columns = first.iter().map(|(column, _)| *column).collect();
    let values = |row: &NewRow<'_>| row.iter().map(|(_, value)| value.clone()).collect();
    (columns, rows.iter().map(values).collect())
}

/// What the encrypted columns of `rows` are bound to.
fn sealed_for(asked: &Asked<'_>, rows: &[NewRow<'_>]) -> HashSet<SealedFor> {
    let of = |row| SealedFor::of(asked.table, row);
    rows.iter().filter_map(of).collect()
}

/// The keys of as many rows, each of which must be such as the caller may add, and as its fields were
/// encrypted for: what the database made another one could never be opened.
fn checked(
    asked: &Asked<'_>,
    added: Vec<Added>,
    rows: &[NewRow<'_>],
) -> Result<Vec<Key>, DataError> {
    if added.len() != rows.len() || !added.iter().all(|row| row.holds) {
        return Err(asked.denied_row());
    }
    let sealed = sealed_for(asked, rows);
    if !sealed.is_empty() {
        let are: HashSet<SealedFor> = added.iter().map(Added::is_of).collect();
        if !sealed.is_subset(&are) {
            return Err(DataError::Unsupported(
                "the database gives the row another key or tenant than its fields were encrypted for: \
                 send both as they are stored"
                    .into(),
            ));
        }
    }
    added.into_iter().map(|row| key(row.key)).collect()
}

/// Adds a single row together with those of others; `None`: it is to be added alone.
pub(super) async fn together(
    asked: &Asked<'_>,
    rows: &[NewRow<'_>],
) -> Result<Option<Vec<Key>>, DataError> {
    let Adding { statement, told } = adding(asked, rows)?;
    if !told.is_checked {
        return Ok(None);
    }
    let sealed = sealed_for(asked, rows);
    let holds = move |row| {
        let added = told.of(row);
        added.holds && (sealed.is_empty() || sealed.contains(&added.is_of()))
    };
    let Some(added) = asked.db().data_together(statement, holds).await? else {
        return Ok(None);
    };
    let added = added.into_iter().map(|row| told.of(row)).collect();
    checked(asked, added, rows).map(Some)
}

/// Adds rows; each must be, as written, such as the caller may add.
pub(super) async fn add(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    rows: &[NewRow<'_>],
) -> Result<Vec<Key>, DataError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let Adding { statement, told } = adding(asked, rows)?;
    let added = transaction.rows(&statement).await?;
    let added = added.into_iter().map(|row| told.of(row)).collect();
    let keys = checked(asked, added, rows)?;
    if !told.is_checked {
        check(asked, transaction, &keys, |rules| rules.insert.as_ref()).await?;
    }
    Ok(keys)
}

/// Refuses rows of which it is known before they are written that the caller may not add them.
pub(super) async fn foresee(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    rows: &[NewRow<'_>],
) -> Result<(), DataError> {
    let (columns, values) = parts(rows);
    let scope = asked.scope();
    let policy = scope.policy(asked.table, |rules| rules.insert.as_ref())?;
    let mut sql = Sql::new(asked.data().engine);
    if columns.is_empty()
        || !statement::foresee(
            &mut sql,
            asked.table,
            &columns,
            &values,
            policy,
            &asked.caller,
        )
    {
        return Ok(());
    }
    asked.all_hold(&transaction.rows(&sql.finish()).await?)
}
