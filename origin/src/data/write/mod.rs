//! Runs what writes: one request, one transaction.
//!
//! Guarantees: rows are found among those that the caller may see and change, and looked at again as
//! they were written, before the transaction ends; one that fails changes nothing. A transaction
//! that collided with another one is tried again a bounded number of times.

mod add;
mod body;
mod change;
mod insert;
mod once;

use super::{
    PREFIX,
    answer::{self, Told},
    dialect::{Accept, Returning, Tx},
    error::{Constraint, DataError, Denied},
    lines,
    read::{self, List, Page},
    request::Asked,
    row::{Making, NewRow},
    statement::{self, Cell, Key, Room, Spot, Sql},
    table::{Column, Table},
};
use crate::{
    admission::Admitted,
    clock,
    db::{self, Bound, DataTransaction, TextRow},
    http::Answer,
};
use http::{HeaderName, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::HashMap;

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What stands in a query as it is (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How often a transaction is tried that others were faster than.
const TRIES: u32 = 5;

/// What a write did.
pub(super) struct Done {
    /// Of the rows that were written, in the order of the request.
    keys: Vec<Key>,
    /// Them, where they were asked for.
    page: Option<Page>,
    /// Whether it was done before, and is told once more.
    is_replayed: bool,
}

impl Done {
    const fn of(keys: Vec<Key>, page: Option<Page>) -> Self {
        Self {
            keys,
            page,
            is_replayed: false,
        }
    }
}

/// What a request does.
enum Work<'a> {
    Insert(insert::Plan<'a>),
    Change(change::Change<'a>),
}

/// POST.
pub(super) async fn insert(asked: &Asked<'_>, request: &mut Admitted) -> Result<Answer, DataError> {
    let body = body::bytes(asked, request).await?;
    // Who may do nothing gives nobody work.
    asked
        .scope()
        .policy(asked.table, |rules| rules.insert.as_ref())?;
    let objects = body::objects(asked, request.headers(), &body)?;
    let once = once::key(asked, request, &body)?;
    let work = Work::Insert(insert::Plan::of(asked, &objects, once)?);
    let done = work.done(asked).await?;
    let is_replayed = done.is_replayed;
    let mut answer = answer(asked, StatusCode::CREATED, done);
    if is_replayed {
        let headers = answer.headers_mut();
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// PATCH.
pub(super) async fn update(asked: &Asked<'_>, request: &mut Admitted) -> Result<Answer, DataError> {
    let body = body::bytes(asked, request).await?;
    asked
        .scope()
        .policy(asked.table, |rules| rules.update.as_ref())?;
    let objects = body::objects(asked, request.headers(), &body)?;
    let work = Work::Change(change::Change::update(asked, request.headers(), &objects)?);
    Ok(answer(asked, StatusCode::OK, work.done(asked).await?))
}

/// DELETE.
pub(super) async fn delete(asked: &Asked<'_>, request: &mut Admitted) -> Result<Answer, DataError> {
    let work = Work::Change(change::Change::delete(asked, request.headers())?);
    Ok(answer(asked, StatusCode::OK, work.done(asked).await?))
}

impl Work<'_> {
    /// Tries again what collided: nothing has changed then.
    async fn done(&self, asked: &Asked<'_>) -> Result<Done, DataError> {
        for tried in 1..TRIES {
            match self.once(asked).await {
                Err(error) if self.may_do_better(&error) => {}
                done => return done,
            }
            db::rest(tried).await;
        }
        self.once(asked).await
    }

    async fn once(&self, asked: &Asked<'_>) -> Result<Done, DataError> {
        match self {
            Self::Insert(plan) => plan.run(asked).await,
            Self::Change(change) => change.run(asked).await,
        }
    }

    fn may_do_better(&self, error: &DataError) -> bool {
        match error {
            DataError::Collided => true,
            // Somebody else added it meanwhile: now it is one to be changed.
            DataError::Constraint(Constraint::Unique) => {
                matches!(self, Self::Insert(plan) if plan.is_upsert())
            }
            _ => false,
        }
    }
}

fn answer(asked: &Asked<'_>, created: StatusCode, done: Done) -> Answer {
    let written = u64::try_from(done.keys.len()).unwrap_or(u64::MAX);
    let mut told = Told {
        range: Some(answer::Range {
            offset: 0,
            rows: if created == StatusCode::CREATED {
                0
            } else {
                written
            },
            total: asked.prefer.count.map(|_| written),
        }),
        etag: None,
        location: location(asked, &done.keys),
    };
    let status = match &done.page {
        Some(_) => created,
        None if created == StatusCode::CREATED => created,
        None => StatusCode::NO_CONTENT,
    };
    let body = done.page.map(|page| {
        told.etag = page
            .etag
            .filter(|_| read::is_whole(&asked.query.read.select));
        page.body.into()
    });
    answer::written(status, body, asked.accept, &asked.prefer, &told)
}

/// Where the one row is that was added, when that was asked for.
fn location(asked: &Asked<'_>, keys: &[Key]) -> Option<String> {
    let [key] = keys else { return None };
    let columns: Vec<&Column> = asked.table.key_columns().collect();
    if asked.prefer.returning != Some(Returning::HeadersOnly)
        || !columns.iter().all(|column| column.is_readable())
    {
        return None;
    }
    let pairs = columns.iter().zip(key).map(|(column, part)| {
        let part = utf8_percent_encode(part, UNRESERVED);
        format!("{}=eq.{part}", column.name)
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    Some(format!("{PREFIX}{}?{query}", asked.table.name))
}

/// A row to be changed.
struct Target {
    key: Key,
    tenant: String,
}

impl Target {
    /// Of its key's columns and its tenant.
    fn of(mut row: TextRow) -> Result<Self, DataError> {
        let tenant = row.pop().flatten().unwrap_or_default();
        Ok(Self {
            key: key(row)?,
            tenant,
        })
    }

    /// Values as they are stored in it.
    fn sealed<'a>(
        &self,
        making: &Making<'a>,
        set: &[(&'a Column, Bound)],
    ) -> Result<NewRow<'a>, DataError> {
        let key = self.key.first().map_or("", String::as_str);
        making.sealed(set, key, &self.tenant)
    }

    /// That `value` is the tenant that it has.
    fn stays_with(&self, column: &Column, value: &Bound) -> Result<(), DataError> {
        if column.kind.read_text(&self.tenant).as_ref() == Ok(value) {
            return Ok(());
        }
        Err(DataError::Unsupported(
            "a row with encrypted columns stays with its tenant".into(),
        ))
    }

    /// That `value` is what it has in a column of its key.
    fn stays_at(&self, table: &Table, column: &Column, value: &Bound) -> Result<(), DataError> {
        let mut parts = table.key.iter().zip(&self.key);
        let own = parts.find(|(name, _)| **name == column.name);
        if own.is_some_and(|(_, part)| column.kind.read_text(part).as_ref() == Ok(value)) {
            return Ok(());
        }
        Err(DataError::Unsupported(format!(
            "the primary key {} of a row stays as it is",
            column.name
        )))
    }
}

/// What writes have in common.
impl Asked<'_> {
    fn returns_rows(&self) -> bool {
        self.prefer.returning == Some(Returning::Representation)
    }

    fn making(&self) -> Making<'_> {
        Making {
            table: self.table,
            caller: &self.caller,
            fields: self.data().fields.as_deref(),
            now: clock::now(),
        }
    }

    fn too_many(&self, rows: usize) -> Result<(), DataError> {
        let most = self.table.max_rows;
        if u64::try_from(rows).is_ok_and(|rows| rows <= most) {
            Ok(())
        } else {
            Err(DataError::TooManyRows(most))
        }
    }

    /// The rows as written, in the order of their keys; each must be there and be seen.
    async fn written(
        &self,
        transaction: &mut DataTransaction,
        keys: &[Key],
    ) -> Result<Page, DataError> {
        self.found(transaction, keys).await?.page_of_all(self, keys)
    }

    /// Those of the rows that are there and seen.
    async fn found(
        &self,
        transaction: &mut DataTransaction,
        keys: &[Key],
    ) -> Result<Found, DataError> {
        let mut found = Found {
            rows: HashMap::with_capacity(keys.len()),
            spots: Vec::new(),
            cells: Vec::new(),
        };
        let mut bytes = 0;
        for some in keys.chunks(CHUNK) {
            let room = Room::new(read::most(self));
            let mut more = self.look(transaction, some, room, &mut found).await;
            if read::may_be_uneven(self, room, more.as_ref().err()) {
                let room = room.adding_up();
                more = self.look(transaction, some, room, &mut found).await;
            }
            bytes += more.map_err(|error| read::of_size(self, error))?;
            self.bounded(bytes)?;
        }
        if keys.is_empty() && self.accept == Accept::Csv {
            // The first line is there all the same.
            let (mut sql, scope) = (Sql::new(self.data().engine), self.scope());
            let read = &self.query.read;
            found.cells = statement::cells(&mut sql, &scope, self.table, read, None)?;
        }
        Ok(found)
    }

    /// Those of some rows; their bytes.
    async fn look(
        &self,
        transaction: &mut DataTransaction,
        some: &[Key],
        room: Room,
        found: &mut Found,
    ) -> Result<usize, DataError> {
        let mut sql = Sql::new(self.data().engine);
        let (scope, read) = (self.scope(), &self.query.read);
        if self.accept == Accept::Csv {
            found.cells = statement::cells(&mut sql, &scope, self.table, read, Some(some))?;
        } else {
            found.spots = statement::rows(&mut sql, &scope, self.table, read, Some(some), room)?;
        }
        let mut bytes = 0_usize;
        let take = |mut row: TextRow| {
            let shown = row.split_off(self.table.key.len().min(row.len()));
            bytes += shown.iter().flatten().map(String::len).sum::<usize>();
            self.bounded(bytes)?;
            found.rows.insert(key(row)?, shown);
            Ok::<_, DataError>(())
        };
        transaction.each(&sql.finish(), take).await?;
        Ok(bytes)
    }

    fn bounded(&self, bytes: usize) -> Result<(), DataError> {
        let most = usize::try_from(read::most(self)).unwrap_or(usize::MAX);
        if bytes > most {
            return Err(DataError::AnswerTooLarge(most));
        }
        Ok(())
    }

    /// Each row must end with `y`.
    fn all_hold(&self, rows: &[TextRow]) -> Result<(), DataError> {
        let holds = |row: &TextRow| row.last().is_some_and(|flag| flag.as_deref() == Some("y"));
        if rows.iter().all(holds) {
            Ok(())
        } else {
            Err(self.denied_row())
        }
    }

    fn denied_row(&self) -> DataError {
        DataError::Denied(Denied::Row(self.table.name.clone()))
    }

    /// Ends the transaction as the client wants it.
    async fn end(&self, transaction: DataTransaction, done: Done) -> Result<Done, DataError> {
        if self.prefer.tx == Some(Tx::Rollback) {
            drop(transaction);
        } else {
            transaction.commit().await?;
        }
        Ok(done)
    }
}

/// Rows as they were seen, by their keys.
struct Found {
    /// As JSON, or as the cells of a line.
    rows: HashMap<Key, TextRow>,
    spots: Vec<Spot>,
    cells: Vec<Cell>,
}

impl Found {
    /// Each of `keys` must have been found.
    fn page_of_all(&self, asked: &Asked<'_>, keys: &[Key]) -> Result<Page, DataError> {
        if keys.iter().any(|key| !self.rows.contains_key(key)) {
            return Err(asked.denied_row());
        }
        self.page(asked, keys)
    }

    /// Those of `keys` that were found, in their order.
    fn page(&self, asked: &Asked<'_>, keys: &[Key]) -> Result<Page, DataError> {
        let rows = keys.iter().filter_map(|key| self.rows.get(key));
        if asked.accept == Accept::Csv {
            return lines::page(asked, self.cells.clone(), rows);
        }
        let mut list = List::new(asked, &self.spots);
        for row in rows {
            let json = row.last().and_then(Option::as_deref);
            list.add(json.ok_or(DataError::Internal)?)?;
        }
        let page = list.finish();
        if asked.accept == Accept::Object && page.rows != 1 {
            return Err(DataError::NotOne(page.rows));
        }
        Ok(page)
    }
}

/// Rows that one statement names: engines bind some tens of thousands of values.
const CHUNK: usize = 500;

/// The columns of a key, none of them NULL.
fn key(row: TextRow) -> Result<Key, DataError> {
    let key: Option<Key> = row.into_iter().collect();
    key.ok_or(DataError::Internal)
}
