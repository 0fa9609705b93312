//! `users import`: accounts of another system, with their password hashes.
//!
//! The file is read by a thread of its own and handed over in batches; each is one transaction. What
//! is wrong with a record is told with its line, and the others are taken: a corrected file can be
//! imported again with `--if-missing`.

mod record;
mod source;

use super::{CliError, Out, Place, Site};
use crate::{
    auth::password::Hasher,
    clock,
    db::{Import as Imported, ImportHow, User},
    log,
};
use clap::Args;
use gapura_shared::event::Kind;
use record::Bad;
pub(super) use record::{COLUMNS, Record};
use serde_json::json;
use source::Found;
pub(super) use source::{FORMULA, Format, QUOTE};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tokio::sync::mpsc;

/// Records of a transaction.
const BATCH: usize = 200;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct Import {
    #[command(flatten)]
    place: Place,
    /// The file; `-` is standard input.
    file: PathBuf,
    /// How it is written; by its name where this is not given.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Leave accounts that are there as they are, without an error.
    #[arg(long)]
    if_missing: bool,
    /// Make roles (without permissions) and tenants that are not there.
    #[arg(long)]
    make_missing: bool,
    /// Leave out columns and members that have no meaning here.
    #[arg(long)]
    ignore_unknown: bool,
}

/// What became of the records.
#[derive(Default)]
struct Tally {
    added: u64,
    kept: u64,
    refused: u64,
}

impl Import {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let format = self.format.or_else(|| by_name(&self.file));
        let message = "--format is needed: the file's name does not end in .csv, .json or .jsonl";
        let format = format.ok_or_else(|| CliError::Usage(message.into()))?;
        let name = self.file.display().to_string();
        let file = open(&self.file).map_err(|error| CliError::Io(name.clone(), error))?;
        let site = self.place.open().await?;
        let (sender, mut found) = mpsc::channel::<Vec<Found>>(2);
        let reader = tokio::task::spawn_blocking(move || {
            batches(file, format, self.ignore_unknown, &sender)
        });
        let importer = Importer {
            hasher: Hasher::new(&site.config.auth).map_err(crate::StartError::from)?,
            site,
            how: ImportHow {
                dry_run: self.dry_run,
                make_missing: self.make_missing,
            },
            if_missing: self.if_missing,
        };
        let mut tally = Tally::default();
        while let Some(batch) = found.recv().await {
            importer.take(batch, &mut tally).await?;
        }
        let read = reader.await.map_err(io::Error::from).flatten();
        read.map_err(|error| CliError::Io(name, error))?;
        importer.site.db.close().await;
        let Tally {
            added,
            kept,
            refused,
        } = tally;
        let word = if self.dry_run { "would add" } else { "added" };
        let text = format!("{word} {added}, kept {kept}, refused {refused}");
        let json = json!({
            "added": added, "kept": kept, "refused": refused, "dry_run": self.dry_run,
        });
        out.tell(&text, &json)?;
        if refused > 0 {
            return Err(CliError::Refused(refused));
        }
        Ok(())
    }
}

fn by_name(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()? {
        "csv" => Some(Format::Csv),
        "json" => Some(Format::Json),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    }
}

fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path.as_os_str() == "-" {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(path).map(|file| Box::new(file) as Box<dyn Read + Send>)
    }
}

fn batches(
    file: impl Read,
    format: Format,
    ignore_unknown: bool,
    sender: &mpsc::Sender<Vec<Found>>,
) -> io::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    source::read(file, format, ignore_unknown, |found| {
        batch.push(found);
        let full = batch.len() == BATCH;
        !full || sender.blocking_send(std::mem::take(&mut batch)).is_ok()
    })?;
    // Fails only when nobody waits for it any more.
    let _ = sender.blocking_send(batch);
    Ok(())
}

struct Importer {
    site: Site,
    hasher: Hasher,
    how: ImportHow,
    if_missing: bool,
}

impl Importer {
    async fn take(&self, batch: Vec<Found>, tally: &mut Tally) -> Result<(), CliError> {
        let now = clock::now();
        let mut lines = Vec::with_capacity(batch.len());
        let mut users: Vec<User> = Vec::with_capacity(batch.len());
        for (line, found) in batch {
            match found.and_then(|record| record.check(&self.hasher, now)) {
                Ok(user) => {
                    lines.push(line);
                    users.push(user);
                }
                Err(bad) => refuse(line, &bad, tally)?,
            }
        }
        let became = self.site.db.import_users(&users, self.how, now).await?;
        for ((line, user), became) in lines.iter().zip(&users).zip(became) {
            match became {
                Imported::Added => {
                    tally.added += 1;
                    if !self.how.dry_run {
                        log::operator(Kind::AccountCreated, &user.id, "users import");
                    }
                }
                Imported::Taken if self.if_missing => tally.kept += 1,
                Imported::Taken => refuse(*line, &Bad::Taken, tally)?,
                Imported::NoRole => refuse(*line, &Bad::NoRole, tally)?,
                Imported::NoTenant => refuse(*line, &Bad::NoTenant, tally)?,
            }
        }
        Ok(())
    }
}

fn refuse(line: u64, bad: &Bad, tally: &mut Tally) -> Result<(), CliError> {
    tally.refused += 1;
    writeln!(io::stderr().lock(), "line {line}: {bad}")
        .map_err(|error| CliError::Io("standard error".into(), error))
}
