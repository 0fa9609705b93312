//! `users export`.

use super::{
    CliError, Out, Place,
    import::{COLUMNS, FORMULA, Format, QUOTE, Record},
};
use clap::Args;
use serde_json::Value;
use std::io::{self, BufWriter, Write};

/// Accounts read at a time.
const PAGE: u32 = 500;

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    place: Place,
    /// How it is written.
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// Write the password hashes too. Keep such a file as you keep the database.
    #[arg(long)]
    hashes: bool,
}

impl Export {
    /// The output is a document already; `--json` changes nothing.
    pub(super) async fn run(self, _out: Out) -> Result<(), CliError> {
        let site = self.place.open().await?;
        let failed = |error| CliError::Io("standard output".into(), error);
        let mut sheet = Sheet::new(self.format, self.hashes).map_err(failed)?;
        let mut after = String::new();
        loop {
            let users = site.db.users_after(&after, PAGE).await?;
            let Some(last) = users.last() else { break };
            after.clone_from(&last.email);
            for user in users {
                sheet
                    .write(&Record::of(user, self.hashes))
                    .map_err(failed)?;
            }
        }
        site.db.close().await;
        sheet.finish().map_err(failed)
    }
}

/// What is being written.
struct Sheet {
    format: Format,
    columns: Vec<&'static str>,
    to: BufWriter<io::Stdout>,
    is_empty: bool,
}

impl Sheet {
    fn new(format: Format, hashes: bool) -> io::Result<Self> {
        let columns = COLUMNS
            .into_iter()
            .filter(|name| hashes || *name != "password_hash")
            .collect();
        let mut sheet = Self {
            format,
            columns,
            to: BufWriter::new(io::stdout()),
            is_empty: true,
        };
        match format {
            Format::Csv => sheet.row(&sheet.columns.clone())?,
            Format::Json => sheet.to.write_all(b"[")?,
            Format::Jsonl => {}
        }
        Ok(sheet)
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        let value = serde_json::to_value(record)?;
        let is_first = std::mem::replace(&mut self.is_empty, false);
        match self.format {
            Format::Csv => {
                let fields: Vec<String> = self.columns.iter().map(|n| field(&value, n)).collect();
                self.row(&fields)
            }
            Format::Json if is_first => write!(self.to, "\n{value}"),
            Format::Json => write!(self.to, ",\n{value}"),
            Format::Jsonl => writeln!(self.to, "{value}"),
        }
    }

    fn row<T: AsRef<[u8]>>(&mut self, fields: &[T]) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.to);
        writer.write_record(fields)?;
        writer.flush()
    }

    fn finish(mut self) -> io::Result<()> {
        if self.format == Format::Json {
            self.to.write_all(b"\n]\n")?;
        }
        self.to.flush()
    }
}

fn field(record: &Value, name: &str) -> String {
    match record.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text),
        Some(other) => other.to_string(),
    }
}

/// What a spreadsheet takes for no formula: people choose their addresses. An import reads it as it was.
fn plain(text: &str) -> String {
    if text.starts_with(FORMULA) {
        format!("{QUOTE}{text}")
    } else {
        text.to_owned()
    }
}
