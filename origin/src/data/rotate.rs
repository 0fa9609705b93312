//! Encrypts anew what is not encrypted in the newest form under the current key.
//!
//! Guarantees: the origin serves meanwhile, for no transaction is larger than [`CHUNK`] rows; what
//! somebody changes meanwhile stays as they changed it; what cannot be opened stays as it is. It
//! keeps no position: what is done already is seen by opening it, so one that was killed is begun
//! again and writes the rest.

use super::{
    BadData, Data, Faults,
    error::DataError,
    field::{Fields, Place},
    keys,
    statement::{self, Sql},
    table::{Column, Table},
};
use crate::{
    db::{As, Bound, DataFault, Db, DbError, TextRow},
    random,
};
use std::time::Duration;

/// Rows that are read, and written, at once.
const CHUNK: usize = 100;
/// How often that is tried where others change the same rows.
const TRIES: usize = 5;

/// How often all is gone through until there was nothing to do.
const PASSES: usize = 3;

/// What has been done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Values that were looked at.
    pub examined: u64,
    /// Values that were encrypted anew.
    pub rewritten: u64,
    /// Values that should have been, and were not.
    pub left: u64,
}

/// What is told while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// So far.
    Progress {
        /// The table that is gone through.
        table: &'a str,
        /// Of all tables.
        tally: Tally,
    },
    /// A value that cannot be opened, or that others changed all the time.
    Left {
        /// Its table.
        table: &'a str,
        /// Its column.
        column: &'a str,
        /// The key of its row.
        key: &'a str,
    },
}

/// A value to be exchanged for another one of the same text.
struct Change<'a> {
    key: String,
    column: &'a Column,
    held: String,
    set: Vec<(&'a Column, Bound)>,
}

/// Some rows, looked at.
#[derive(Default)]
struct Chunk<'a> {
    rows: usize,
    last: Option<String>,
    examined: u64,
    changes: Vec<Change<'a>>,
    unopened: Vec<(&'a Column, String)>,
}

impl Data {
    /// Whether [`Data::rotate_fields`] may begin.
    ///
    /// # Errors
    /// [`BadData`], when another key came into use after the current one.
    pub async fn may_rotate(&self, db: &Db) -> Result<(), BadData> {
        let Some(fields) = &self.fields else {
            return Ok(());
        };
        match keys::superseded(fields, db).await? {
            Some(fault) => Err(BadData::Faults(Faults(vec![fault]))),
            None => Ok(()),
        }
    }

    /// Encrypts every value of every declared table anew that needs it, and rests for `pause` after
    /// each transaction. It goes through all of them again until there was nothing to do: another
    /// origin may have written under an older key behind it. Then the keys before the current one need
    /// not be given any more; where that does not end, they stay known.
    ///
    /// # Errors
    /// [`BadData`]: the database, or another key that came into use meanwhile: then all keys stay known.
    pub async fn rotate_fields(
        &self,
        db: &Db,
        pause: Duration,
        tell: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<Tally, BadData> {
        let mut tally = Tally::default();
        let Some(fields) = &self.fields else {
            return Ok(tally);
        };
        let mut is_done = false;
        for pass in 0..PASSES {
            let mut one = Tally::default();
            self.pass(db, fields, pause, &mut one, tell).await?;
            self.may_rotate(db).await?;
            // Those that were looked at before are not counted again.
            if pass == 0 {
                tally.examined = one.examined;
            }
            tally.rewritten += one.rewritten;
            tally.left = one.left;
            is_done = one.rewritten == 0 && one.left == 0;
            if is_done || one.left > 0 {
                break;
            }
        }
        if let Some((current, _)) = fields.key_checks().next().filter(|_| is_done)
            && !db.forget_field_keys_before(current).await?
        {
            self.may_rotate(db).await?;
        }
        Ok(tally)
    }

    async fn pass(
        &self,
        db: &Db,
        fields: &Fields,
        pause: Duration,
        tally: &mut Tally,
        tell: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<(), DbError> {
        for table in self.tables.values() {
            let columns: Vec<&Column> = table.columns.iter().filter(|one| one.encrypted).collect();
            if columns.is_empty() {
                continue;
            }
            let work = Work {
                db,
                fields,
                table,
                columns,
            };
            work.run(pause, tally, tell).await?;
        }
        Ok(())
    }
}

struct Work<'a> {
    db: &'a Db,
    fields: &'a Fields,
    table: &'a Table,
    columns: Vec<&'a Column>,
}

impl<'a> Work<'a> {
    async fn run(
        &self,
        pause: Duration,
        tally: &mut Tally,
        tell: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<(), DbError> {
        let table = self.table.name.as_str();
        let mut after = None;
        loop {
            let (chunk, missed) = self.chunk(after.as_deref()).await?;
            let missed = missed.iter().map(|change| (change.column, &change.key));
            let unopened = chunk.unopened.iter().map(|(column, key)| (*column, key));
            for (column, key) in unopened.chain(missed) {
                tally.left += 1;
                tell(Told::Left {
                    table,
                    column: &column.name,
                    key,
                });
            }
            tally.examined += chunk.examined;
            tally.rewritten += u64::try_from(chunk.changes.len()).unwrap_or(u64::MAX);
            tell(Told::Progress {
                table,
                tally: *tally,
            });
            if chunk.rows < CHUNK {
                return Ok(());
            }
            after = chunk.last;
            if !chunk.changes.is_empty() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Goes through the rows behind `after`: what has been done, and which changes somebody else was
    /// always faster than.
    async fn chunk(&self, after: Option<&str>) -> Result<(Chunk<'a>, Vec<Change<'a>>), DbError> {
        let mut tries = TRIES;
        // What one try has done, the next one does not find any more.
        let mut made = Vec::new();
        loop {
            tries -= 1;
            let mut chunk = self.look(after).await?;
            match self.write(&chunk.changes).await {
                Ok(done) => {
                    let mut done = done.into_iter();
                    let changes = std::mem::take(&mut chunk.changes).into_iter();
                    let (done, missed): (Vec<_>, Vec<_>) =
                        changes.partition(|_| done.next().unwrap_or(false));
                    made.extend(done);
                    if missed.is_empty() || tries == 0 {
                        chunk.changes = made;
                        return Ok((chunk, missed));
                    }
                }
                Err(error) if tries > 0 && error.data_fault() == DataFault::Collision => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn look(&self, after: Option<&str>) -> Result<Chunk<'a>, DbError> {
        let mut sql = Sql::new(self.db.engine());
        statement::sealed_values(&mut sql, self.table, &self.columns, after, CHUNK);
        let mut transaction = self.db.data_read(&nobody()).await?;
        let rows = transaction.rows(&sql.finish()).await?;
        transaction.commit().await?;
        Ok(self.judge(rows))
    }

    fn judge(&self, rows: Vec<TextRow>) -> Chunk<'a> {
        let mut chunk = Chunk {
            rows: rows.len(),
            ..Chunk::default()
        };
        for row in rows {
            let mut cells = row.into_iter();
            let mut next = || cells.next().flatten();
            let (key, tenant) = (next().unwrap_or_default(), next().unwrap_or_default());
            for column in &self.columns {
                let (held, index) = (next(), next());
                let Some(held) = held else { continue };
                chunk.examined += 1;
                match self.renewed(column, &key, &tenant, &held, index.as_deref()) {
                    Ok(set) if set.is_empty() => {}
                    Ok(set) => chunk.changes.push(Change {
                        key: key.clone(),
                        column,
                        held,
                        set,
                    }),
                    Err(_) => chunk.unopened.push((column, key.clone())),
                }
            }
            chunk.last = Some(key);
        }
        chunk
    }

    /// What is to be stored instead; nothing where all is as it should be.
    fn renewed(
        &self,
        column: &'a Column,
        key: &str,
        tenant: &str,
        held: &str,
        index: Option<&str>,
    ) -> Result<Vec<(&'a Column, Bound)>, DataError> {
        let place = Place {
            table: &self.table.name,
            column: &column.name,
            row: key,
        };
        let keys = self.fields.tenant(tenant);
        let opened = keys.open(&place, held)?;
        let to = column.blind_index.as_ref();
        let to = to.and_then(|name| self.table.column(name));
        let blind = keys.blind_index(place.table, place.column, &opened.text);
        if !opened.needs_rewrite && (to.is_none() || index == Some(&blind)) {
            return Ok(Vec::new());
        }
        let sealed = keys.seal(&place, &opened.text, random::bytes())?;
        let mut set = vec![(column, Bound::Text(sealed))];
        set.extend(to.map(|to| (to, Bound::Text(blind))));
        Ok(set)
    }

    /// Whether each change was made.
    async fn write(&self, changes: &[Change<'a>]) -> Result<Vec<bool>, DbError> {
        let mut done = Vec::with_capacity(changes.len());
        if changes.is_empty() {
            return Ok(done);
        }
        let mut transaction = self.db.data_write(&nobody()).await?;
        for change in changes {
            let mut sql = Sql::new(self.db.engine());
            let held = (change.column, change.held.as_str());
            statement::reseal(&mut sql, self.table, &change.key, held, &change.set);
            done.push(transaction.execute(&sql.finish()).await? > 0);
        }
        transaction.commit().await?;
        Ok(done)
    }
}

/// The origin itself.
fn nobody() -> As {
    As {
        role: None,
        claims: "{}".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config,
        data::NOTES,
        db::tests::fresh,
        engines::{Engine, on_every_engine},
    };
    use gapura_shared::{keys::Keys, time::UnixMillis};
    use std::{
        future::poll_fn,
        pin::{Pin, pin},
        sync::atomic::{AtomicBool, Ordering},
        task::Poll,
    };

    const ROW: &str = "00000000-0000-4000-8000-000000000001";
    const OLD: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const NEW: &str = "k2:AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    const INTO: &str = "INSERT INTO notes (id, user_id, title, phone, created_at) VALUES ";

    fn given(keys: &str) -> Fields {
        Fields::new(Keys::parse(keys).unwrap(), None)
    }

    /// The ids of the keys, the last one behind.
    async fn known(db: &Db) -> Vec<String> {
        let keys = db.field_keys().await.unwrap().into_iter();
        keys.map(|(id, _)| id).collect()
    }

    /// The values of a note under the old key.
    fn row(n: usize) -> String {
        let id = format!("00000000-0000-4000-8000-{n:012}");
        let phone = sealed_in(&given(OLD), &id, "text");
        format!("('{id}', '{ROW}', 'a', '{phone}', '2026-01-01 00:00:00')")
    }

    fn sealed(fields: &Fields, text: &str) -> String {
        sealed_in(fields, ROW, text)
    }

    fn sealed_in(fields: &Fields, row: &str, text: &str) -> String {
        let place = Place {
            table: "notes",
            column: "phone",
            row,
        };
        let keys = fields.tenant("");
        keys.seal(&place, text, random::bytes()).unwrap()
    }

    async fn run(db: &Db, sql: String) -> Vec<TextRow> {
        let statement = crate::db::Statement {
            sql,
            values: Vec::new(),
        };
        let mut transaction = db.data_write(&nobody()).await.unwrap();
        let rows = transaction.rows(&statement).await.unwrap();
        transaction.commit().await.unwrap();
        rows
    }

    async fn what_somebody_changed_meanwhile_stays(engine: Engine) {
        let (db, _home) = fresh(engine).await;
        db.run_script(NOTES.of(db.engine())).await.unwrap();
        let settings = config::parse(NOTES.config, &|_| None).unwrap().data;
        let (old, both) = (given(OLD), given(&format!("{NEW},{OLD}")));
        let first = sealed(&old, "first");
        run(
            &db,
            format!("{INTO}('{ROW}', '{ROW}', 'a', '{first}', '2026-01-01 00:00:00')"),
        )
        .await;
        let data = Data::start(&settings, Some(both), &db).await.unwrap();
        let table = &data.tables["notes"];
        let work = Work {
            db: &db,
            fields: data.fields.as_ref().unwrap(),
            table,
            columns: vec![table.column("phone").unwrap()],
        };
        let chunk = work.look(None).await.unwrap();
        assert_eq!((chunk.examined, chunk.changes.len()), (1, 1));
        let second = sealed(&old, "second");
        run(&db, format!("UPDATE notes SET phone = '{second}'")).await;
        assert_eq!(work.write(&chunk.changes).await.unwrap(), [false]);
        let held = run(&db, "SELECT phone FROM notes".into()).await;
        assert_eq!(held, [[Some(second)]]);
        // Looked at again, it is taken as it is now.
        let (chunk, missed) = work.chunk(None).await.unwrap();
        assert_eq!((chunk.changes.len(), missed.len()), (1, 0));
        assert!(work.look(None).await.unwrap().changes.is_empty());
    }

    /// What was done is counted, however often the rest of it is tried.
    async fn what_is_tried_again_is_counted_once(engine: Engine) {
        let (db, _home) = fresh(engine).await;
        let data = to_be_rotated(&db).await;
        let table = &data.tables["notes"];
        let work = Work {
            db: &db,
            fields: data.fields.as_ref().unwrap(),
            table,
            columns: vec![table.column("phone").unwrap()],
        };
        // Somebody is about to change one of the rows when they are looked at.
        let second = sealed_in(
            &given(OLD),
            "00000000-0000-4000-8000-000000000007",
            "second",
        );
        let sql = format!(
            "UPDATE notes SET phone = '{second}' WHERE id = '00000000-0000-4000-8000-000000000007'"
        );
        let values = Vec::new();
        let mut other = db.data_write(&nobody()).await.unwrap();
        let changed = other.execute(&crate::db::Statement { sql, values }).await;
        assert_eq!(changed.unwrap(), 1);
        let (worked, ()) = tokio::join!(work.chunk(None), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            other.commit().await.unwrap();
        });
        let (chunk, missed) = worked.unwrap();
        assert_eq!((chunk.changes.len(), missed.len()), (CHUNK, 0));
    }

    /// Goes on until the first rows are told of: it rests behind them.
    async fn begins<T>(mut rotation: Pin<&mut impl Future<Output = T>>, told: &AtomicBool) {
        poll_fn(|context| {
            assert!(rotation.as_mut().poll(context).is_pending());
            if told.load(Ordering::Relaxed) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Some rows more than one transaction takes, under the old key; both are known, the new one last.
    async fn to_be_rotated(db: &Db) -> Data {
        db.run_script(NOTES.of(db.engine())).await.unwrap();
        let settings = config::parse(NOTES.config, &|_| None).unwrap().data;
        let rows: Vec<_> = (1..=CHUNK + 1).map(row).collect();
        run(db, format!("{INTO}{}", rows.join(", "))).await;
        let both = given(&format!("{NEW},{OLD}"));
        let data = Data::start(&settings, Some(both), db).await.unwrap();
        for known in [OLD, NEW] {
            keys::begin(&given(known), db, UnixMillis(0)).await.unwrap();
        }
        data
    }

    /// Another origin does not know the new key yet, and writes while this one encrypts anew.
    async fn a_key_is_forgotten_when_nothing_is_under_it(engine: Engine) {
        let (db, _home) = fresh(engine).await;
        let data = to_be_rotated(&db).await;
        let begun = AtomicBool::new(false);
        let mut tell = |_: Told<'_>| begun.store(true, Ordering::Relaxed);
        let pause = Duration::from_millis(1);
        let mut rotation = pin!(data.rotate_fields(&db, pause, &mut tell));
        begins(rotation.as_mut(), &begun).await;
        // The new one comes before those that it is through with.
        run(&db, format!("{INTO}{}", row(0))).await;
        let tally = rotation.await.unwrap();
        let rewritten = u64::try_from(CHUNK + 2).unwrap();
        assert_eq!((tally.rewritten, tally.left), (rewritten, 0));
        assert_eq!(known(&db).await, ["k2"]);
        let new = given(NEW);
        for row in run(&db, "SELECT CAST(id AS CHAR(36)), phone FROM notes".into()).await {
            let place = Place {
                table: "notes",
                column: "phone",
                row: row[0].as_deref().unwrap(),
            };
            let opened = new.tenant("").open(&place, row[1].as_deref().unwrap());
            assert_eq!(opened.unwrap().text, "text");
        }
    }

    /// Another origin is started with the old key before the new one.
    async fn a_key_that_comes_into_use_meanwhile_is_kept(engine: Engine) {
        let (db, _home) = fresh(engine).await;
        let data = to_be_rotated(&db).await;
        let begun = AtomicBool::new(false);
        let mut tell = |_: Told<'_>| begun.store(true, Ordering::Relaxed);
        let pause = Duration::from_millis(1);
        {
            let mut rotation = pin!(data.rotate_fields(&db, pause, &mut tell));
            begins(rotation.as_mut(), &begun).await;
            // Its clock is behind.
            keys::begin(&given(OLD), &db, UnixMillis(0)).await.unwrap();
            let fault = rotation.await.unwrap_err().to_string();
            assert!(fault.contains("began to encrypt with k1"), "{fault}");
        }
        assert_eq!(known(&db).await, ["k2", "k1"]);
        // Nor is one forgotten that came behind the last look.
        assert!(!db.forget_field_keys_before("k2").await.unwrap());
        assert_eq!(known(&db).await, ["k2", "k1"]);
        // It is told as well where it would not have come to its end.
        run(
            &db,
            "UPDATE notes SET phone = 'x' WHERE phone LIKE '%1%'".into(),
        )
        .await;
        let fault = data.rotate_fields(&db, pause, &mut tell).await.unwrap_err();
        assert!(fault.to_string().contains("k1"), "{fault}");
        run(&db, "DELETE FROM notes WHERE phone = 'x'".into()).await;
        // When all have the new one first again, it comes to its end.
        keys::begin(&given(NEW), &db, UnixMillis(0)).await.unwrap();
        data.rotate_fields(&db, pause, &mut tell).await.unwrap();
        assert_eq!(known(&db).await, ["k2"]);
    }

    on_every_engine!(async
        what_somebody_changed_meanwhile_stays,
        what_is_tried_again_is_counted_once,
        a_key_is_forgotten_when_nothing_is_under_it,
        a_key_that_comes_into_use_meanwhile_is_kept,
    );
}
