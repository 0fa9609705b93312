//! Rows as clients write them: which columns, of whom, encrypted where that is declared.
//!
//! Guarantees: a column that a client may not write is never taken from it; what identity gives
//! goes where the client said nothing, and a missing key of a row is made before the row is
//! encrypted for it; what is encrypted is so for the row in which it will stand.

use super::{
    error::{DataError, Denied},
    field::{Fields, Place},
    kind::{Kind, moment_of},
    policy::Caller,
    table::{Column, DefaultValue, Table},
};
use crate::{
    db::{Bound, Filling},
    random,
};
use gapura_shared::time::UnixMillis;
use serde_json::Value;
use std::collections::BTreeMap;

/// A row as a client sent it.
pub(crate) type Object = BTreeMap<String, Given>;

/// A member of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// A number as it is written: no float stands between.
    Number(String),
    /// An object or a list as it is written, for the same reason.
    Nested(String),
    /// Anything else.
    Value(Value),
}

impl Given {
    /// As a column of this kind has it.
    ///
    /// # Errors
    /// `22P02` when it is none of the kind.
    pub(crate) fn read(&self, kind: Kind) -> Result<Bound, DataError> {
        match self {
            Self::Number(text) => kind.read_text(text),
            Self::Nested(text) if kind == Kind::Json => kind.read_text(text),
            Self::Nested(text) => {
                let value = serde_json::from_str(text);
                kind.read_json(&value.map_err(|_| DataError::Internal)?)
            }
            Self::Value(value) => kind.read_json(value),
        }
    }
}

/// A row to be added: its columns with their values, in the table's order.
pub(crate) type NewRow<'t> = Vec<(&'t Column, Bound)>;

/// What the encrypted columns of a row are bound to, as the database writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct SealedFor {
    /// The row's key.
    pub(crate) key: String,
    /// Its tenant.
    pub(crate) tenant: String,
}

impl SealedFor {
    /// That of a new row; `None` where it holds nothing encrypted.
    #[must_use]
    pub(crate) fn of(table: &Table, row: &NewRow<'_>) -> Option<Self> {
        let holds = |(column, value): &(&Column, Bound)| column.encrypted && *value != Bound::Null;
        if !row.iter().any(holds) {
            return None;
        }
        let text_of = |name: &String| {
            let found = row.iter().find(|(column, _)| column.name == *name);
            match found.map(|(_, value)| value) {
                Some(Bound::Text(text) | Bound::Number(text)) => text.clone(),
                Some(Bound::Integer(integer)) => integer.to_string(),
                // Without a key there is no row: the database says so better than we could.
                Some(Bound::Null | Bound::Boolean(_)) | None => String::new(),
            }
        };
        Some(Self {
            key: table.key.first().map(text_of).unwrap_or_default(),
            tenant: table.tenant.as_ref().map(text_of).unwrap_or_default(),
        })
    }
}

/// What rows are made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Making<'a> {
    /// Where they go.
    pub(crate) table: &'a Table,
    /// Whose they are.
    pub(crate) caller: &'a Caller,
    /// What encrypts their fields.
    pub(crate) fields: Option<&'a Fields>,
    /// When.
    pub(crate) now: UnixMillis,
}

impl<'a> Making<'a> {
    /// The column that a client names in what it sends.
    ///
    /// # Errors
    /// [`DataError::NoColumnToWrite`].
    pub(crate) fn named(&self, name: &str) -> Result<&'a Column, DataError> {
        let column = self.table.column(name).filter(|column| column.is_exposed());
        column.ok_or_else(|| DataError::NoColumnToWrite {
            table: self.table.name.clone(),
            column: name.to_owned(),
        })
    }

    /// The column that a client names to write.
    ///
    /// # Errors
    /// [`DataError::NoColumnToWrite`], [`DataError::Denied`].
    pub(crate) fn writable(&self, name: &str) -> Result<&'a Column, DataError> {
        let column = self.named(name)?;
        if column.is_writable() {
            Ok(column)
        } else {
            Err(DataError::Denied(Denied::Column(column.name.clone())))
        }
    }

    /// A row to be added. `columns` are those that the whole request writes; one that this object
    /// leaves out is NULL, or its default when `missing_default`.
    ///
    /// # Errors
    /// [`DataError`].
    pub(crate) fn new_row(
        &self,
        object: &Object,
        columns: &[&'a Column],
        missing_default: bool,
    ) -> Result<NewRow<'a>, DataError> {
        let mut given: NewRow<'a> = Vec::with_capacity(columns.len());
        for column in columns {
            match object.get(&column.name) {
                Some(value) => given.push((column, value.read(column.kind)?)),
                None if missing_default || column.default.is_some() => {}
                None => given.push((column, Bound::Null)),
            }
        }
        Ok(self.complete(given))
    }

    /// Adds what the client did not say.
    fn complete(&self, given: NewRow<'a>) -> NewRow<'a> {
        let mut row = given;
        for column in &self.table.columns {
            if row.iter().any(|(named, _)| named.name == column.name) {
                continue;
            }
            if let Some(default) = column.default {
                row.push((column, self.default(default, column)));
            } else if column.encrypted {
                // What the database would write by itself could be read there.
                row.push((column, Bound::Null));
            } else if column.kind == Kind::Uuid && self.is_bare_key(column) {
                row.push((column, Bound::Text(random::uuid())));
            }
        }
        row.sort_by_key(|(column, _)| {
            let mut columns = self.table.columns.iter();
            columns.position(|one| one.name == column.name)
        });
        row
    }

    /// A key that nobody else makes, or that a field's encryption needs before the database makes it.
    fn is_bare_key(&self, column: &Column) -> bool {
        self.table.key.contains(&column.name)
            && (column.filling == Filling::Nothing || self.table.is_encrypted())
    }

    fn default(&self, default: DefaultValue, column: &Column) -> Bound {
        let text = match default {
            DefaultValue::Uuid => Some(random::uuid()),
            DefaultValue::Now => moment_of(self.now.0),
            DefaultValue::Claim(claim) => {
                let own = self.caller.claim(claim).map(str::to_owned);
                // In the column's own form, such as a UUID in small letters.
                return own.map_or(Bound::Null, |text| {
                    let read = column.kind.read_text(&text);
                    read.unwrap_or(Bound::Text(text))
                });
            }
        };
        text.map_or(Bound::Null, Bound::Text)
    }

    /// A new row as it is stored: encrypted for its own key and tenant.
    ///
    /// # Errors
    /// [`DataError`].
    pub(crate) fn stored(&self, row: NewRow<'a>) -> Result<NewRow<'a>, DataError> {
        if !row.iter().any(|(column, _)| column.encrypted) {
            return Ok(row);
        }
        let SealedFor { key, tenant } = SealedFor::of(self.table, &row).unwrap_or_default();
        self.sealed(&row, &key, &tenant)
    }

    /// Values as they are stored in the row `key` of `tenant`: encrypted columns encrypted, their
    /// blind indexes beside them.
    ///
    /// # Errors
    /// [`DataError`].
    pub(crate) fn sealed(
        &self,
        values: &[(&'a Column, Bound)],
        key: &str,
        tenant: &str,
    ) -> Result<NewRow<'a>, DataError> {
        let mut stored = Vec::with_capacity(values.len() + 1);
        for (column, value) in values {
            if !column.encrypted {
                stored.push((*column, value.clone()));
                continue;
            }
            let index = column.blind_index.as_ref();
            let index = index.and_then(|index| self.table.column(index));
            let (sealed, blind) = match value {
                Bound::Text(text) => {
                    let fields = self.fields.ok_or(DataError::Internal)?;
                    let place = Place {
                        table: &self.table.name,
                        column: &column.name,
                        row: key,
                    };
                    let keys = fields.tenant(tenant);
                    let sealed = keys.seal(&place, text, random::bytes())?;
                    let blind = keys.blind_index(place.table, place.column, text);
                    (Bound::Text(sealed), Bound::Text(blind))
                }
                _ => (Bound::Null, Bound::Null),
            };
            stored.push((*column, sealed));
            if let Some(index) = index {
                stored.push((index, blind));
            }
        }
        Ok(stored)
    }
}
