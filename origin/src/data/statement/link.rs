//! How one table leads to another: by the foreign keys that the database knows.

use super::Scope;
use crate::{
    data::{error::DataError, table::Table},
    db::ForeignKey,
};

/// The way from a table to one embedded in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    /// The embedded one.
    pub(crate) table: &'a Table,
    /// Columns of the first and of the second that must be equal.
    pub(crate) pairs: Vec<(String, String)>,
    /// Whether several rows may be embedded in one.
    pub(crate) many: bool,
}

/// The way from `from` to what a client calls `name`: a table, or a foreign key (or its one
/// column) of `from`. `hint` names a foreign key or one of its columns.
///
/// # Errors
/// [`DataError::NoRelationship`], [`DataError::AmbiguousRelationship`].
pub(crate) fn link<'a>(
    scope: &Scope<'a>,
    from: &'a Table,
    name: &str,
    hint: Option<&str>,
) -> Result<Link<'a>, DataError> {
    let mut links = Vec::new();
    for key in &from.foreign_keys {
        let Some(to) = scope.tables.get(&key.table) else {
            continue;
        };
        let is_named = is_called(from, key, name) && hint.is_none();
        if is_named || (to.name == name && hint.is_none_or(|hint| is_called(from, key, hint))) {
            links.push(Link {
                table: to,
                pairs: key
                    .columns
                    .iter()
                    .cloned()
                    .zip(key.references.iter().cloned())
                    .collect(),
                many: false,
            });
        }
    }
    let above = links.len();
    if let Some(to) = scope.tables.get(name) {
        for key in to.foreign_keys.iter().filter(|key| key.table == from.name) {
            if hint.is_none_or(|hint| is_called(to, key, hint)) {
                links.push(Link {
                    table: to,
                    pairs: key
                        .references
                        .iter()
                        .cloned()
                        .zip(key.columns.iter().cloned())
                        .collect(),
                    many: !to.tells_apart(&key.columns),
                });
            }
        }
    }
    // Of a table that refers to itself, the key's column names the one above, the table those below.
    if links.len() > 1 && hint.is_none() && from.name == name {
        links.drain(..above);
    }
    match links.len() {
        0 => Err(DataError::NoRelationship(
            from.name.clone(),
            name.to_owned(),
        )),
        1 => links.pop().ok_or(DataError::Internal),
        _ => Err(DataError::AmbiguousRelationship(
            from.name.clone(),
            name.to_owned(),
        )),
    }
}

/// By its name, by the one that PostgreSQL gives, or by its only column.
fn is_called(table: &Table, key: &ForeignKey, name: &str) -> bool {
    key.name == name
        || matches!(key.columns.as_slice(), [column] if column == name)
        || format!("{}_{}_fkey", table.name, key.columns.join("_")) == name
}
