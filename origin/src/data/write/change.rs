//! Changing and deleting rows.

use super::{
    super::{
        dialect::{Accept, Comparison, Condition, Filter, Item, Query, Read, Test},
        error::DataError,
        read,
        request::{Asked, text},
        row::NewRow,
        statement::{self, Key, Room, Sql},
        table::Column,
    },
    CHUNK, Done, Target,
    body::Objects,
    insert::check,
    key,
};
use crate::db::{Bound, DataTransaction, Engine};
use http::{HeaderMap, header::IF_MATCH};
use std::collections::{BTreeSet, HashSet};

/// What is done with the rows that the filters name.
pub(super) struct Change<'a> {
    set: Option<NewRow<'a>>,
    /// What the client sent of what no row changes: it must be what is there.
    same: NewRow<'a>,
    /// `If-Match`: the row must be one of these.
    seen: Option<String>,
}

impl<'a> Change<'a> {
    pub(super) fn update(
        asked: &'a Asked<'_>,
        headers: &HeaderMap,
        objects: &Objects,
    ) -> Result<Self, DataError> {
        let [object] = objects.rows.as_slice() else {
            return Err(DataError::BadBody("An update takes one object".into()));
        };
        let making = asked.making();
        let taken = |name: &String| {
            asked
                .query
                .columns
                .as_ref()
                .is_none_or(|only| only.contains(name))
        };
        let (mut set, mut same) = (NewRow::with_capacity(object.len()), NewRow::new());
        for (name, value) in object.iter().filter(|(name, _)| taken(name)) {
            let is_key = asked.table.key.contains(name);
            let column = if is_key {
                making.named(name)?
            } else {
                making.writable(name)?
            };
            let value = value.read(column.kind)?;
            if is_key || asked.table.keeps(column) {
                same.push((column, value));
            } else {
                set.push((column, value));
            }
        }
        Self::of(asked, headers, Some(set), same)
    }

    pub(super) fn delete(asked: &'a Asked<'_>, headers: &HeaderMap) -> Result<Self, DataError> {
        asked
            .scope()
            .policy(asked.table, |rules| rules.delete.as_ref())?;
        Self::of(asked, headers, None, NewRow::new())
    }

    fn of(
        asked: &'a Asked<'_>,
        headers: &HeaderMap,
        set: Option<NewRow<'a>>,
        same: NewRow<'a>,
    ) -> Result<Self, DataError> {
        let is_bounded =
            asked.query.read.window.limit.is_some() && !asked.query.read.order.is_empty();
        if asked.query.read.filters.is_empty() && !asked.table.unfiltered && !is_bounded {
            return Err(DataError::Unfiltered);
        }
        Ok(Self {
            set,
            same,
            seen: text(headers, &IF_MATCH).map(str::to_owned),
        })
    }

    pub(super) async fn run(&self, asked: &Asked<'_>) -> Result<Done, DataError> {
        let mut transaction = if is_by_key(asked) {
            asked.db().data_write(&asked.whom).await?
        } else {
            asked.db().data_write_slowly(&asked.whom).await?
        };
        let (targets, versions) = self.targets(asked, &mut transaction).await?;
        let mut keys: Vec<Key> = targets.iter().map(|target| target.key.clone()).collect();
        if let Some(seen) = &self.seen {
            seen_before(asked, &mut transaction, &keys, seen).await?;
        }
        let mut page = None;
        for (target, (column, value)) in targets
            .iter()
            .flat_map(|target| self.same.iter().map(move |same| (target, same)))
        {
            if asked.table.key.contains(&column.name) {
                target.stays_at(asked.table, column, value)?;
            } else {
                target.stays_with(column, value)?;
            }
        }
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
            keys = delete(asked, &mut transaction, keys, &versions).await?;
            page = Some(found.page_of_all(asked, &keys)?);
        } else {
            keys = delete(asked, &mut transaction, keys, &versions).await?;
        }
        if page.is_none() && asked.accept == Accept::Object && keys.len() != 1 {
            return Err(DataError::NotOne(
                u64::try_from(keys.len()).unwrap_or(u64::MAX),
            ));
        }
        asked.end(transaction, Done::of(keys, page)).await
    }

    /// The rows, and their versions where they are not locked.
    async fn targets(
        &self,
        asked: &Asked<'_>,
        transaction: &mut DataTransaction,
    ) -> Result<(Vec<Target>, BTreeSet<String>), DataError> {
        let scope = asked.scope();
        let policy = scope.policy(asked.table, |rules| match self.set {
            Some(_) => rules.update.as_ref(),
            None => rules.delete.as_ref(),
        })?;
        let mut sql = Sql::new(asked.data().engine);
        let most = asked.table.max_rows;
        // PostgreSQL locks rows for those alone who may change them.
        let is_locked = self.set.is_some() || asked.data().engine != Engine::Postgres;
        statement::targets(
            &mut sql,
            &scope,
            asked.table,
            &asked.query.read,
            policy,
            most,
            !is_locked,
        )?;
        if is_locked {
            statement::lock(&mut sql);
        }
        let mut rows = transaction.rows(&sql.finish()).await?;
        asked.too_many(rows.len())?;
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        if asked.prefer.max_affected.is_some_and(|most| count > most) {
            return Err(DataError::TooManyAffected(count));
        }
        let mut versions = BTreeSet::new();
        if !is_locked {
            versions.extend(rows.iter_mut().filter_map(|row| row.pop().flatten()));
        }
        let targets = rows.into_iter().map(Target::of);
        Ok((targets.collect::<Result<_, _>>()?, versions))
    }
}

/// Whether the rows are named by their keys: else many may have to be looked at.
fn is_by_key(asked: &Asked<'_>) -> bool {
    let filters = &asked.query.read.filters;
    asked.table.key.iter().all(|key| {
        filters.iter().any(|filter| match filter {
            Filter::Condition(Condition { field, test }) => {
                field.name == *key
                    && field.json.is_empty()
                    && matches!(test, Test::Compare(Comparison::Eq, _) | Test::In(_))
            }
            _ => false,
        })
    })
}

/// Deletes rows; those that are gone. The database's own policies and triggers may keep some. What
/// somebody else has changed meanwhile is to be looked at again.
async fn delete(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    mut keys: Vec<Key>,
    versions: &BTreeSet<String>,
) -> Result<Vec<Key>, DataError> {
    let scope = asked.scope();
    let policy = scope.policy(asked.table, |rules| rules.delete.as_ref())?;
    let mut kept: HashSet<Key> = HashSet::new();
    for some in keys.chunks(CHUNK) {
        let mut sql = Sql::new(asked.data().engine);
        let caller = &asked.caller;
        statement::delete(&mut sql, asked.table, some, policy, caller, versions);
        let gone = transaction.execute(&sql.finish()).await?;
        // Or another row took it along.
        if usize::try_from(gone).is_ok_and(|gone| gone < some.len()) {
            let mut sql = Sql::new(asked.data().engine);
            statement::kept(&mut sql, asked.table, some, versions);
            for mut row in transaction.rows(&sql.finish()).await? {
                if row.pop().flatten().as_deref() != Some("y") {
                    return Err(DataError::Collided);
                }
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
    if set.iter().any(|(column, _)| column.encrypted) {
        let making = asked.making();
        for target in targets {
            let sealed = target.sealed(&making, set)?;
            let key = std::slice::from_ref(&target.key);
            self::set(asked, transaction, &sealed, key).await?;
        }
        return Ok(());
    }
    let keys: Vec<Key> = targets.iter().map(|target| target.key.clone()).collect();
    for some in keys.chunks(CHUNK) {
        self::set(asked, transaction, set, some).await?;
    }
    Ok(())
}

/// Gives rows new values, if they may be such: what may not be is refused before a unique index can
/// tell of somebody else's row.
pub(super) async fn set(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    set: &[(&Column, Bound)],
    of: &[Key],
) -> Result<(), DataError> {
    let engine = asked.data().engine;
    let scope = asked.scope();
    let update = scope.policy(asked.table, |rules| rules.update.as_ref())?;
    let check = scope.policy(asked.table, |rules| rules.update_check.as_ref())?;
    let decides = |columns: &Vec<String>| {
        // Rows that were found by the same condition pass it as long as it is about other columns.
        update != check || set.iter().any(|(column, _)| columns.contains(&column.name))
    };
    if check.columns.as_ref().is_some_and(decides) {
        let mut sql = Sql::new(engine);
        statement::foresee_change(&mut sql, asked.table, set, of, check, &asked.caller);
        asked.all_hold(&transaction.rows(&sql.finish()).await?)?;
    }
    let mut sql = Sql::new(engine);
    statement::update(&mut sql, asked.table, set, of);
    transaction.execute(&sql.finish()).await?;
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
    let room = Room::new(read::most(asked)).adding_up();
    statement::rows(&mut sql, &scope, asked.table, whole, Some(keys), room)?;
    let rows = transaction.rows(&sql.finish()).await?;
    let json = rows
        .into_iter()
        .next()
        .and_then(|mut row| row.pop().flatten());
    json.ok_or(DataError::Precondition)
}
