//! Runs what reads.

use super::{
    answer::{self, Range, Told},
    dialect::{Accept, Item},
    error::{Constraint, DataError},
    lines,
    request::{Asked, text},
    statement::{self, Room, Spot, Sql},
    unseal::Unsealer,
};
use crate::{
    db::{DataTransaction, Statement, TextRow},
    http::{Answer, Bytes, respond},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{
    HeaderMap, StatusCode,
    header::{ETAG, HeaderValue, IF_NONE_MATCH},
};
use sha2::{Digest, Sha256};

/// GET and HEAD.
pub(super) async fn rows(asked: &Asked<'_>, headers: &HeaderMap) -> Result<Answer, DataError> {
    let counts = asked.prefer.count.is_some();
    let turn = if asked.accept == Accept::Csv {
        Some(asked.db().export_turn().await?)
    } else {
        None
    };
    let mut transaction = if counts {
        asked.db().data_snapshot(&asked.whom).await?
    } else {
        asked.db().data_read(&asked.whom).await?
    };
    let total = if counts {
        Some(count(asked, &mut transaction).await?)
    } else {
        None
    };
    let offset = asked.query.read.window.offset;
    if let Some(total) = total {
        within(offset, total)?;
    }
    if let Some(turn) = turn {
        return lines::answer(asked, turn, transaction, total).await;
    }
    let page = objects(asked, &mut transaction).await?;
    transaction.commit().await?;
    let mut told = Told {
        range: Some(Range {
            offset,
            rows: page.rows,
            total,
        }),
        etag: None,
        location: None,
    };
    if asked.accept == Accept::Object {
        if page.rows != 1 {
            return Err(DataError::NotOne(page.rows));
        }
        told.etag = page.etag.filter(|_| is_whole(&asked.query.read.select));
        if let (Some(known), Some(etag)) = (text(headers, &IF_NONE_MATCH), &told.etag)
            && names(known, etag)
        {
            return Ok(not_modified(etag));
        }
    }
    Ok(answer::rows(
        Bytes::from(page.body).into(),
        asked.accept,
        &asked.prefer,
        &told,
    ))
}

/// HEAD of rows that are counted: none of them is read.
pub(super) async fn counted(asked: &Asked<'_>) -> Result<Answer, DataError> {
    let (scope, read) = (asked.scope(), &asked.query.read);
    // What cannot be shown is refused as GET refuses it.
    let mut sql = Sql::new(asked.data().engine);
    if asked.accept == Accept::Csv {
        statement::cells(&mut sql, &scope, asked.table, read, None)?;
    } else {
        let room = Room::new(most(asked));
        statement::rows(&mut sql, &scope, asked.table, read, None, room)?;
    }
    let mut transaction = asked.db().data_read(&asked.whom).await?;
    let total = count(asked, &mut transaction).await?;
    transaction.commit().await?;
    let offset = read.window.offset;
    within(offset, total)?;
    let told = Told {
        range: Some(Range {
            offset,
            rows: shown_of(asked, total),
            total: Some(total),
        }),
        etag: None,
        location: None,
    };
    let nothing = Bytes::new().into();
    Ok(answer::rows(nothing, asked.accept, &asked.prefer, &told))
}

const fn within(offset: u64, total: u64) -> Result<(), DataError> {
    if offset > total {
        return Err(DataError::Range(total));
    }
    Ok(())
}

/// How many of all rows are on the page that is asked for.
pub(super) fn shown_of(asked: &Asked<'_>, total: u64) -> u64 {
    let window = asked.query.read.window;
    let most = window.limit.unwrap_or(u64::MAX).min(asked.table.max_rows);
    total.saturating_sub(window.offset).min(most)
}

/// Rows as they go out.
pub(super) struct Page {
    pub(super) body: Vec<u8>,
    pub(super) rows: u64,
    /// Of the last row.
    pub(super) etag: Option<String>,
}

/// Whether a row is shown as it is: what its `ETag` is for.
pub(super) fn is_whole(select: &[Item]) -> bool {
    matches!(select, [Item::All])
}

/// Whether a list of `ETag`s (RFC 9110 §13.1) names this one. A proxy that compresses an answer makes
/// its tag a weak one: the row is the same.
pub(super) fn names(list: &str, etag: &str) -> bool {
    let mut tags = list.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Changes with every change of a row that can be seen. Made of what is stored, so that it tells
/// nothing of what is encrypted.
pub(super) fn etag(row: &str) -> String {
    let digest = Sha256::digest(row.as_bytes());
    let start = digest.get(..16).unwrap_or_default();
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(start))
}

async fn count(asked: &Asked<'_>, transaction: &mut DataTransaction) -> Result<u64, DataError> {
    let mut sql = Sql::new(asked.data().engine);
    let scope = asked.scope();
    statement::count(&mut sql, &scope, asked.table, &asked.query.read)?;
    let rows = transaction.rows(&sql.finish()).await?;
    let number = rows
        .first()
        .and_then(|row| row.first()?.as_deref()?.parse().ok());
    number.ok_or(DataError::Internal)
}

async fn objects(asked: &Asked<'_>, transaction: &mut DataTransaction) -> Result<Page, DataError> {
    let mut room = Room::new(most(asked));
    loop {
        let page = page(asked, transaction, room).await;
        if !may_be_uneven(asked, room, page.as_ref().err()) {
            return page.map_err(|error| of_size(asked, error));
        }
        room = room.adding_up();
    }
}

async fn page(
    asked: &Asked<'_>,
    transaction: &mut DataTransaction,
    room: Room,
) -> Result<Page, DataError> {
    let mut sql = Sql::new(asked.data().engine);
    let (scope, read) = (asked.scope(), &asked.query.read);
    let spots = statement::rows(&mut sql, &scope, asked.table, read, None, room)?;
    let mut list = List::new(asked, &spots);
    list.fill(transaction, &sql.finish()).await?;
    Ok(list.finish())
}

/// Bytes of an answer.
pub(super) fn most(asked: &Asked<'_>) -> u64 {
    asked.data().settings.max_answer_bytes.into()
}

/// Whether what failed for want of `room` is to be tried adding up.
pub(super) fn may_be_uneven(asked: &Asked<'_>, room: Room, error: Option<&DataError>) -> bool {
    error == Some(&DataError::Constraint(Constraint::Size)) && room.is_rough(asked.data().engine)
}

/// What is told where the database would not put an answer together.
pub(super) fn of_size(asked: &Asked<'_>, error: DataError) -> DataError {
    if error != DataError::Constraint(Constraint::Size) {
        return error;
    }
    let most = most(asked);
    match most.checked_div(asked.query.read.embedded()) {
        Some(share) => DataError::EmbeddedTooLarge { most, share },
        None => DataError::AnswerTooLarge(usize::try_from(most).unwrap_or(usize::MAX)),
    }
}

/// JSON being put together, within its bound.
pub(super) struct List<'a> {
    asked: &'a Asked<'a>,
    spots: &'a [Spot],
    unsealer: Unsealer,
    page: Page,
}

impl<'a> List<'a> {
    pub(super) fn new(asked: &'a Asked<'a>, spots: &'a [Spot]) -> Self {
        let page = Page {
            body: Vec::new(),
            rows: 0,
            etag: None,
        };
        Self {
            asked,
            spots,
            unsealer: Unsealer::new(asked.data().fields.clone()),
            page,
        }
    }

    async fn fill(
        &mut self,
        transaction: &mut DataTransaction,
        statement: &Statement,
    ) -> Result<(), DataError> {
        let each = |mut row: TextRow| {
            let json = row.pop().flatten().ok_or(DataError::Internal)?;
            self.add(&json)
        };
        transaction.each(statement, each).await
    }

    pub(super) fn add(&mut self, json: &str) -> Result<(), DataError> {
        let is_one = self.asked.accept == Accept::Object;
        if is_one {
            self.page.etag = Some(etag(json));
        } else {
            self.page
                .body
                .push(if self.page.rows == 0 { b'[' } else { b',' });
        }
        self.page.rows += 1;
        if self.spots.is_empty() {
            self.page.body.extend_from_slice(json.as_bytes());
        } else {
            let opened = self.unsealer.row(self.spots, json)?;
            self.page.body.extend_from_slice(opened.as_bytes());
        }
        bounded(self.asked, &self.page.body)
    }

    pub(super) fn finish(mut self) -> Page {
        if self.asked.accept != Accept::Object {
            if self.page.rows == 0 {
                self.page.body.push(b'[');
            }
            self.page.body.push(b']');
        }
        self.page
    }
}

pub(super) fn bounded(asked: &Asked<'_>, body: &[u8]) -> Result<(), DataError> {
    let most = usize::try_from(most(asked)).unwrap_or(usize::MAX);
    if body.len() > most {
        return Err(DataError::AnswerTooLarge(most));
    }
    Ok(())
}

fn not_modified(etag: &str) -> Answer {
    let mut answer = respond::empty(StatusCode::NOT_MODIFIED);
    if let Ok(value) = HeaderValue::try_from(etag) {
        answer.headers_mut().insert(ETAG, value);
    }
    answer
}
