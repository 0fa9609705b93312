//! CSV, sent as it comes from the database.
//!
//! Guarantees: whatever the number of rows, no more of them is in memory than a few chunks; what
//! fails before the first chunk is full is a refusal, what fails later breaks the connection off. The
//! database does not wait for the client (see [`super::spool`]); when the connection ends, so does the
//! statement: nobody takes the chunks then.

use super::{
    answer::{self, Range, Told},
    error::DataError,
    read::{self, Page},
    request::Asked,
    spool,
    statement::{self, Cell, Sql},
    unseal::Unsealer,
};
use crate::{
    db::{DataTransaction, ExportTurn, Statement, TextRow},
    http::{Answer, Bytes, Outgoing, Piece},
};
use tokio::{sync::mpsc, task::JoinError};

const CHUNK_BYTES: usize = 64 * 1024;

/// GET and HEAD. `total`: how many rows there are, where that was asked for.
pub(super) async fn answer(
    asked: &Asked<'_>,
    turn: ExportTurn,
    transaction: DataTransaction,
    total: Option<u64>,
) -> Result<Answer, DataError> {
    let mut sql = Sql::new(asked.data().engine);
    let read = &asked.query.read;
    let cells = statement::cells(&mut sql, &asked.scope(), asked.table, read, None)?;
    let lines = Lines::new(cells, Unsealer::new(asked.data().fields.clone()))?;
    let caller = asked.caller.subject.as_deref().unwrap_or_default();
    let (out, mut pieces) = spool::spool(&asked.data().space, caller);
    let written = tokio::spawn(lines.write(turn, transaction, sql.finish(), out));
    let ended = async || written.await.map_err(|_: JoinError| DataError::Internal)?;
    let offset = read.window.offset;
    let (body, rows) = match pieces.recv().await {
        Some(Piece::Last(bytes)) => (bytes.into(), Some(ended().await?)),
        // How many come is known where they were counted.
        Some(first) => {
            let rows = total.map(|total| read::shown_of(asked, total));
            (Outgoing::pieces(first, pieces), rows)
        }
        None => return Err(ended().await.err().unwrap_or(DataError::Internal)),
    };
    let told = Told {
        range: rows.map(|rows| Range {
            offset,
            rows,
            total,
        }),
        etag: None,
        location: None,
    };
    Ok(answer::rows(body, asked.accept, &asked.prefer, &told))
}

/// Rows that are in memory already: those that a write answers.
pub(super) fn page<'r>(
    asked: &Asked<'_>,
    cells: Vec<Cell>,
    rows: impl Iterator<Item = &'r TextRow>,
) -> Result<Page, DataError> {
    let mut lines = Lines::new(cells, Unsealer::new(asked.data().fields.clone()))?;
    let mut body = Vec::new();
    for row in rows {
        if let Some(chunk) = lines.add(row.clone())? {
            body.extend_from_slice(&chunk);
            read::bounded(asked, &body)?;
        }
    }
    body.extend_from_slice(&lines.take()?);
    read::bounded(asked, &body)?;
    Ok(Page {
        body,
        rows: lines.rows,
        etag: None,
    })
}

struct Lines {
    cells: Vec<Cell>,
    unsealer: Unsealer,
    writer: csv::Writer<Vec<u8>>,
    rows: u64,
}

impl Lines {
    /// The first line.
    fn new(cells: Vec<Cell>, unsealer: Unsealer) -> Result<Self, DataError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let labels = cells.iter().map(|cell| cell.label.as_str());
        writer
            .write_record(labels)
            .map_err(|_| DataError::Internal)?;
        Ok(Self {
            cells,
            unsealer,
            writer,
            rows: 0,
        })
    }

    /// Sends every line; the number of rows.
    async fn write(
        mut self,
        turn: ExportTurn,
        mut transaction: DataTransaction,
        statement: Statement,
        out: mpsc::Sender<Piece>,
    ) -> Result<u64, DataError> {
        let line = |row| {
            let (made, out) = (self.add(row), out.clone());
            async move {
                match made? {
                    Some(chunk) => send(&out, Piece::Chunk(chunk)).await,
                    None => Ok(()),
                }
            }
        };
        transaction.flow(&statement, line).await?;
        transaction.commit().await?;
        drop(turn);
        let last = self.take()?;
        send(&out, Piece::Last(last)).await?;
        Ok(self.rows)
    }

    /// A chunk when there is one.
    fn add(&mut self, row: TextRow) -> Result<Option<Bytes>, DataError> {
        let bad = |_| DataError::Internal;
        self.rows += 1;
        for (cell, text) in self.cells.iter().zip(row) {
            let text = match (&cell.sealed, text) {
                (Some((table, column)), Some(json)) => self.unsealer.cell(table, column, &json)?,
                (_, text) => text,
            };
            let text = text.unwrap_or_default();
            self.writer.write_field(text).map_err(bad)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(bad)?;
        self.writer.flush().map_err(|_| DataError::Internal)?;
        if self.writer.get_ref().len() < CHUNK_BYTES {
            return Ok(None);
        }
        self.take().map(Some)
    }

    /// What is written until now.
    fn take(&mut self) -> Result<Bytes, DataError> {
        let next = csv::Writer::from_writer(Vec::with_capacity(CHUNK_BYTES));
        let writer = std::mem::replace(&mut self.writer, next);
        let bytes = writer.into_inner().map_err(|_| DataError::Internal)?;
        Ok(bytes.into())
    }
}

/// Fails when nobody takes it any more.
async fn send(out: &mpsc::Sender<Piece>, piece: Piece) -> Result<(), DataError> {
    out.send(piece).await.map_err(|_| DataError::BodyBroken)
}
