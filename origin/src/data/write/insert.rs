//! Adding rows, or changing those that are there already.

use super::{
    super::{
        dialect::{Accept, Missing, Resolution, Tx},
        error::{DataError, Denied},
        request::Asked,
        row::{NewRow, Object},
        statement::{self, Key, Sql},
        table::{Column, Rules},
    },
    CHUNK, Done, Target, add,
    body::Objects,
    change, once,
};
use crate::db::{Before, Bound, DataTransaction, IdempotencyKey};

/// Rows to be added.
pub(super) struct Plan<'a> {
    /// As they are stored; those of an upsert as they were given: which row they become is not known.
    rows: Vec<NewRow<'a>>,
    upsert: Option<Upsert<'a>>,
    once: Option<IdempotencyKey>,
}

/// What is done with a row that is there already.
struct Upsert<'a> {
    resolution: Resolution,
    /// What tells that it is.
    target: Vec<&'a Column>,
    /// What the client writes: the rest of the row stays as it is.
    columns: Vec<&'a Column>,
}

/// Engines bind no more values than this to one statement.
const MAX_VALUES: usize = 30_000;

impl<'a> Plan<'a> {
    pub(super) fn of(
        asked: &'a Asked<'_>,
        objects: &Objects,
        once: Option<IdempotencyKey>,
    ) -> Result<Self, DataError> {
        let scope = asked.scope();
        scope.policy(asked.table, |rules| rules.insert.as_ref())?;
        let making = asked.making();
        let columns = columns(asked, objects)?
            .iter()
            .map(|name| making.writable(name))
            .collect::<Result<Vec<_>, _>>()?;
        let missing_default = asked.prefer.missing == Some(Missing::Default);
        let is_upsert = asked.prefer.resolution.is_some();
        let rows = objects
            .rows
            .iter()
            .map(|object| {
                let row = making.new_row(object, &columns, missing_default)?;
                if is_upsert {
                    Ok(row)
                } else {
                    making.stored(row)
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let upsert = match asked.prefer.resolution {
            Some(resolution) => Some(Upsert::of(asked, resolution, columns)?),
            None => None,
        };
        Ok(Self { rows, upsert, once })
    }

    pub(super) const fn is_upsert(&self) -> bool {
        self.upsert.is_some()
    }

    pub(super) async fn run(&self, asked: &Asked<'_>) -> Result<Done, DataError> {
        if let Some(done) = self.together(asked).await? {
            return Ok(done);
        }
        let Some(key) = &self.once else {
            let mut transaction = asked.db().data_write(&asked.whom).await?;
            let done = self.write(asked, &mut transaction).await?;
            return asked.end(transaction, done).await;
        };
        let (mut transaction, before) = asked.db().data_write_once(&asked.whom, key).await?;
        match before {
            Before::Nothing => {}
            Before::Same(row_keys) => return once::again(asked, transaction, &row_keys).await,
            Before::Other => return Err(DataError::KeyReused),
        }
        let done = self.write(asked, &mut transaction).await?;
        let row_keys = once::stored(&done.keys)?;
        transaction.remember(&asked.whom, key, &row_keys).await?;
        asked.end(transaction, done).await
    }

    /// A row of which nothing is asked but that it is there shares its way to the database with
    /// others; `None` where it is to go alone.
    async fn together(&self, asked: &Asked<'_>) -> Result<Option<Done>, DataError> {
        let is_more = self.upsert.is_some() || self.once.is_some() || asked.returns_rows();
        if is_more || asked.prefer.tx == Some(Tx::Rollback) || self.rows.len() != 1 {
            return Ok(None);
        }
        let keys = add::together(asked, &self.rows).await?;
        Ok(keys.map(|keys| Done::of(keys, None)))
    }

    async fn write(
        &self,
        asked: &Asked<'_>,
        transaction: &mut DataTransaction,
    ) -> Result<Done, DataError> {
        let mut keys = Vec::with_capacity(self.rows.len());
        match &self.upsert {
            None => {
                for rows in self.alike() {
                    let added = add::add(asked, transaction, rows).await?;
                    keys.extend(added);
                }
            }
            Some(upsert) => {
                // Which of them are there already is nothing to tell who may not add them.
                for rows in self.alike() {
                    add::foresee(asked, transaction, rows).await?;
                }
                for row in &self.rows {
                    keys.extend(upsert.run(asked, transaction, row).await?);
                }
            }
        }
        let page = if asked.returns_rows() {
            Some(asked.written(transaction, &keys).await?)
        } else {
            None
        };
        if page.is_none() && asked.accept == Accept::Object && keys.len() != 1 {
            let rows = u64::try_from(keys.len()).unwrap_or(u64::MAX);
            return Err(DataError::NotOne(rows));
        }
        Ok(Done::of(keys, page))
    }

    /// Rows of the same columns that follow each other, as many as one statement takes.
    fn alike(&self) -> impl Iterator<Item = &[NewRow<'a>]> {
        let same = |a: &NewRow<'_>, b: &NewRow<'_>| {
            !a.is_empty()
                && a.iter()
                    .map(|(c, _)| &c.name)
                    .eq(b.iter().map(|(c, _)| &c.name))
        };
        self.rows.chunk_by(same).flat_map(|rows| {
            let columns = rows.first().map_or(1, Vec::len).max(1);
            rows.chunks((MAX_VALUES / columns).clamp(1, CHUNK))
        })
    }
}

/// The columns that a request writes: `columns`, or those of its objects, which must agree.
fn columns(asked: &Asked<'_>, objects: &Objects) -> Result<Vec<String>, DataError> {
    if let Some(columns) = &asked.query.columns {
        return Ok(columns.clone());
    }
    let Some(first) = objects.rows.first() else {
        return Ok(Vec::new());
    };
    let agree =
        |row: &Object| row.len() == first.len() && row.keys().all(|key| first.contains_key(key));
    if !objects.rows.iter().all(agree) {
        return Err(DataError::BadBody("All object keys must match".into()));
    }
    Ok(first.keys().cloned().collect())
}

/// Whether rows are, as written, such as the caller may write.
pub(super) async fn check(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    keys: &[Key],
    of: impl Fn(&Rules) -> Option<&super::super::policy::Policy>,
) -> Result<(), DataError> {
    let scope = asked.scope();
    let policy = scope.policy(asked.table, of)?;
    for some in keys.chunks(CHUNK) {
        let mut sql = Sql::new(asked.data().engine);
        statement::look(&mut sql, asked.table, some, &[Some(policy)], &asked.caller);
        let rows = transaction.rows(&sql.finish()).await?;
        if rows.len() != some.len() {
            return Err(asked.denied_row());
        }
        asked.all_hold(&rows)?;
    }
    Ok(())
}

impl<'a> Upsert<'a> {
    fn of(
        asked: &'a Asked<'_>,
        resolution: Resolution,
        columns: Vec<&'a Column>,
    ) -> Result<Self, DataError> {
        let scope = asked.scope();
        // Who may not see and change rows cannot be told by them what is there.
        scope.policy(asked.table, |rules| rules.select.as_ref())?;
        if resolution == Resolution::Merge {
            scope.policy(asked.table, |rules| rules.update.as_ref())?;
        }
        let names = asked.query.on_conflict.as_ref().unwrap_or(&asked.table.key);
        let target = names
            .iter()
            .map(|name| {
                let column = asked
                    .table
                    .column(name)
                    .filter(|column| column.is_exposed());
                let column = column.ok_or_else(|| DataError::NoColumn {
                    table: asked.table.name.clone(),
                    column: name.clone(),
                })?;
                if column.encrypted {
                    return Err(DataError::Unsupported(format!(
                        "the column {name} is encrypted: it tells no rows apart"
                    )));
                }
                if !column.is_readable() {
                    return Err(DataError::Denied(Denied::Column(name.clone())));
                }
                Ok(column)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if !asked.table.tells_apart(names) {
            return Err(DataError::NotUnique);
        }
        Ok(Self {
            resolution,
            target,
            columns,
        })
    }

    /// Adds or changes one row; `None` where it stays as it is.
    async fn run(
        &self,
        asked: &'a Asked<'_>,
        transaction: &mut DataTransaction,
        row: &NewRow<'a>,
    ) -> Result<Option<Key>, DataError> {
        let value_of = |column: &&'a Column| {
            let given = row.iter().find(|(named, _)| named.name == column.name);
            given
                .map(|(_, value)| (*column, value.clone()))
                .filter(|(_, value)| *value != Bound::Null)
        };
        let with: Option<Vec<_>> = self.target.iter().map(value_of).collect();
        let there = match with {
            Some(with) => self.find(asked, transaction, &with).await?,
            None => None,
        };
        let Some(there) = there else {
            let row = asked.making().stored(row.clone())?;
            let added = add::add(asked, transaction, std::slice::from_ref(&row)).await?;
            return Ok(added.into_iter().next());
        };
        if self.resolution == Resolution::Ignore {
            return Ok(None);
        }
        let set = self.set(asked, row, &there)?;
        let keys = [there.key];
        if !set.is_empty() {
            change::set(asked, transaction, &set, &keys).await?;
        }
        check(asked, transaction, &keys, |rules| {
            rules.update_check.as_ref()
        })
        .await?;
        Ok(keys.into_iter().next())
    }

    /// What the client wrote, as it is stored in the row that is there.
    fn set(
        &self,
        asked: &'a Asked<'_>,
        row: &NewRow<'a>,
        there: &Target,
    ) -> Result<NewRow<'a>, DataError> {
        let mut set: NewRow<'a> = Vec::with_capacity(row.len());
        for (column, value) in row {
            let is = |one: &&Column| one.name == column.name;
            let finds = self.target.iter().any(is) || asked.table.key.contains(&column.name);
            if finds || !self.columns.iter().any(is) {
                continue;
            }
            if asked.table.keeps(column) {
                there.stays_with(column, value)?;
            } else {
                set.push((column, value.clone()));
            }
        }
        there.sealed(&asked.making(), &set)
    }

    /// The row that is there already, which the caller must be allowed to see and to change.
    async fn find(
        &self,
        asked: &Asked<'_>,
        transaction: &mut DataTransaction,
        with: &[(&Column, Bound)],
    ) -> Result<Option<Target>, DataError> {
        let scope = asked.scope();
        let select = scope.policy(asked.table, |rules| rules.select.as_ref())?;
        let update = match self.resolution {
            Resolution::Merge => scope.policy(asked.table, |rules| rules.update.as_ref())?,
            Resolution::Ignore => select,
        };
        let mut sql = Sql::new(asked.data().engine);
        let asking = [Some(select), Some(update)];
        statement::colliding(&mut sql, asked.table, with, &asking, &asked.caller);
        // PostgreSQL locks rows for those alone who may change them.
        if self.resolution == Resolution::Merge {
            statement::lock(&mut sql);
        }
        let Some(mut found) = transaction.rows(&sql.finish()).await?.into_iter().next() else {
            return Ok(None);
        };
        let flags = found.split_off(asked.table.key.len() + 1);
        // To leave alone what cannot be seen is what was asked for.
        if self.resolution == Resolution::Merge
            && flags.iter().any(|flag| flag.as_deref() != Some("y"))
        {
            return Err(asked.denied_row());
        }
        Target::of(found).map(Some)
    }
}
