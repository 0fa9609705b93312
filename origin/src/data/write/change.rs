//! Changing and deleting rows.

use super::{
    super::{
        dialect::{Accept, Handling, Item, Query, Read},
        error::DataError,
        read,
        request::{Asked, text},
        row::NewRow,
        statement::{self, Key, Sql},
        table::Column,
    },
    CHUNK, Done,
    body::Objects,
    insert::check,
    key,
};
use crate::db::{Bound, DataTransaction, Engine};
use http::{HeaderMap, header::IF_MATCH};
use std::collections::HashSet;

/// What is done with the rows that the filters name.
pub(super) struct Change<'a> {
    set: Option<Vec<(&'a Column, Bound)>>,
    /// `If-Match`: the row must be one of these.
    seen: Option<String>,
}

/// A row to be changed.
struct Target {
    key: Key,
    tenant: String,
}

impl<'a> Change<'a> {
    pub(super) fn update(
        asked: &'a Asked<'_>,
        headers: &HeaderMap,
        objects: &Objects,
    ) -> Result<Self, DataError> {
        asked
            .scope()
            .policy(asked.table, |rules| rules.update.as_ref())?;
        let [object] = objects.rows.as_slice() else {
            return Err(DataError::BadBody("An update takes one object".into()));
        };
        let making = asked.making();
        let taken = |name: &&String| {
            asked
                .query
                .columns
                .as_ref()
                .is_none_or(|only| only.contains(name))
        };
        let mut set: NewRow<'a> = Vec::with_capacity(object.len());
        for name in object.keys().filter(taken) {
            let column = making.writable(name)?;
            if asked.table.key.contains(name) {
                return Err(DataError::Unsupported(format!(
                    "the primary key {name} of a row stays as it is"
                )));
            }
            // The key that its fields are encrypted with is that of its tenant.
            let moves = asked.table.tenant.as_ref() == Some(name);
            if moves && asked.table.columns.iter().any(|column| column.encrypted) {
                return Err(DataError::Unsupported(
                    "a row with encrypted columns stays with its tenant".into(),
                ));
            }
            let value = object.get(name).unwrap_or(&serde_json::Value::Null);
            set.push((column, column.kind.read_json(value)?));
        }
        Self::of(asked, headers, Some(set))
    }

    pub(super) fn delete(asked: &'a Asked<'_>, headers: &HeaderMap) -> Result<Self, DataError> {
        asked
            .scope()
            .policy(asked.table, |rules| rules.delete.as_ref())?;
        Self::of(asked, headers, None)
    }

    fn of(
        asked: &'a Asked<'_>,
        headers: &HeaderMap,
        set: Option<Vec<(&'a Column, Bound)>>,
    ) -> Result<Self, DataError> {
        let is_bounded =
            asked.query.read.window.limit.is_some() && !asked.query.read.order.is_empty();
        if asked.query.read.filters.is_empty() && !asked.table.unfiltered && !is_bounded {
            return Err(DataError::Unfiltered);
        }
        Ok(Self {
            set,
            seen: text(headers, &IF_MATCH).map(str::to_owned),
        })
    }

    pub(super) async fn run(&self, asked: &Asked<'_>) -> Result<Done, DataError> {
        let mut transaction = asked.db().data_write(&asked.whom).await?;
        let targets = self.targets(asked, &mut transaction).await?;
        let mut keys: Vec<Key> = targets.iter().map(|target| target.key.clone()).collect();
        if let Some(seen) = &self.seen {
            seen_before(asked, &mut transaction, &keys, seen).await?;
        }
        let mut page = None;
        if let Some(set) = &self.set {
            if !set.is_empty() {
                write(asked, &mut transaction, set, &targets).await?;
            }
            check(asked, &mut transaction, &keys, |rules| {
                rules.update_check.as_ref()
            })
            .await?;
            if asked.returns_rows() {
                page = Some(asked.written(&mut transaction, &keys).await?);
            }
        } else if asked.returns_rows() {
            // What is deleted is shown as it was.
            let found = asked.found(&mut transaction, &keys).await?;
            keys = delete(asked, &mut transaction, keys).await?;
            page = Some(found.page_of_all(asked, &keys)?);
        } else {
            keys = delete(asked, &mut transaction, keys).await?;
        }
        if page.is_none() && asked.accept == Accept::Object && keys.len() != 1 {
            return Err(DataError::NotOne(
                u64::try_from(keys.len()).unwrap_or(u64::MAX),
            ));
        }
        asked.end(transaction, Done::of(keys, page)).await
    }

    async fn targets(
        &self,
        asked: &Asked<'_>,
        transaction: &mut DataTransaction,
    ) -> Result<Vec<Target>, DataError> {
        let scope = asked.scope();
        let policy = scope.policy(asked.table, |rules| match self.set {
            Some(_) => rules.update.as_ref(),
            None => rules.delete.as_ref(),
        })?;
        let mut sql = Sql::new(asked.data().engine);
        let most = asked.table.max_rows;
        statement::targets(
            &mut sql,
            &scope,
            asked.table,
            &asked.query.read,
            policy,
            most,
        )?;
        // PostgreSQL locks rows for those alone who may change them; who deletes asks again then.
        if self.set.is_some() || asked.data().engine != Engine::Postgres {
            statement::lock(&mut sql);
        }
        let rows = transaction.rows(&sql.finish()).await?;
        asked.too_many(rows.len())?;
        let strict = asked.prefer.handling == Some(Handling::Strict);
        if let Some(most) = asked.prefer.max_affected.filter(|_| strict)
            && u64::try_from(rows.len()).is_ok_and(|rows| rows > most)
        {
            return Err(DataError::TooManyRows(most));
        }
        rows.into_iter()
            .map(|mut row| {
                let tenant = row.pop().flatten().unwrap_or_default();
                Ok(Target {
                    key: key(row)?,
                    tenant,
                })
            })
            .collect()
    }
}

/// Deletes rows; those that are gone. The database's own policies and triggers may keep some.
async fn delete(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    mut keys: Vec<Key>,
) -> Result<Vec<Key>, DataError> {
    let scope = asked.scope();
    let policy = scope.policy(asked.table, |rules| rules.delete.as_ref())?;
    let mut kept: HashSet<Key> = HashSet::new();
    for some in keys.chunks(CHUNK) {
        let mut sql = Sql::new(asked.data().engine);
        statement::delete(&mut sql, asked.table, some, policy, &asked.caller);
        let gone = transaction.execute(&sql.finish()).await?;
        // Or another row took it along.
        if usize::try_from(gone).is_ok_and(|gone| gone < some.len()) {
            let mut sql = Sql::new(asked.data().engine);
            statement::look(&mut sql, asked.table, some, &[], &asked.caller);
            for row in transaction.rows(&sql.finish()).await? {
                kept.insert(key(row)?);
            }
        }
    }
    keys.retain(|key| !kept.contains(key));
    Ok(keys)
}

/// An encrypted value is another one in every row.
async fn write(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    set: &[(&Column, Bound)],
    targets: &[Target],
) -> Result<(), DataError> {
    let engine = asked.data().engine;
    if set.iter().any(|(column, _)| column.encrypted) {
        let making = asked.making();
        for target in targets {
            let of_row = target.key.first().map_or("", String::as_str);
            let set = making.sealed(set, of_row, &target.tenant)?;
            let mut sql = Sql::new(engine);
            statement::update(
                &mut sql,
                asked.table,
                &set,
                std::slice::from_ref(&target.key),
            );
            transaction.execute(&sql.finish()).await?;
        }
        return Ok(());
    }
    let keys: Vec<Key> = targets.iter().map(|target| target.key.clone()).collect();
    for some in keys.chunks(CHUNK) {
        let mut sql = Sql::new(engine);
        statement::update(&mut sql, asked.table, set, some);
        transaction.execute(&sql.finish()).await?;
    }
    Ok(())
}

/// Whether the one row is still the one that the client saw (RFC 9110 §13.1.1).
async fn seen_before(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    keys: &[Key],
    seen: &str,
) -> Result<(), DataError> {
    let [_] = keys else {
        return Err(DataError::Precondition);
    };
    let whole = Query::parse("").map(|query| query.read)?;
    debug_assert!(matches!(whole.select.as_slice(), [Item::All]));
    let json = row_json(asked, transaction, keys, &whole).await?;
    if read::names(seen, &read::etag(&json)) {
        Ok(())
    } else {
        Err(DataError::Precondition)
    }
}

async fn row_json(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    keys: &[Key],
    whole: &Read,
) -> Result<String, DataError> {
    let scope = asked.scope();
    let mut sql = Sql::new(asked.data().engine);
    statement::rows(&mut sql, &scope, asked.table, whole, Some(keys))?;
    let rows = transaction.rows(&sql.finish()).await?;
    let json = rows
        .into_iter()
        .next()
        .and_then(|mut row| row.pop().flatten());
    json.ok_or(DataError::Precondition)
}
