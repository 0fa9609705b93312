//! Reads records out of a file, one at a time: CSV, JSON and JSON Lines.
//!
//! Guarantees: at most one record, of at most [`MAX_RECORD_BYTES`], is in memory; what is wrong with
//! one does not end the reading of the next, unless the file itself cannot be read.

use super::record::{Bad, COLUMNS, Record};
use clap::ValueEnum;
use serde_json::Value;
use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

/// What a spreadsheet takes for a formula when a field begins with it.
pub(in crate::cli::users) const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// Written before it, so that it is a text there.
pub(in crate::cli::users) const QUOTE: char = '\'';

/// Longest record.
pub(super) const MAX_RECORD_BYTES: usize = 64 * 1024;
/// What `csv` and we read ahead of a record's end.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli::users) enum Format {
    /// The first line names the columns (RFC 4180).
    Csv,
    /// An array of objects.
    Json,
    /// An object on each line.
    Jsonl,
}

/// A record, or what is wrong with it, and the line that it begins on.
pub(super) type Found = (u64, Result<Record, Bad>);

/// Calls `take` with every record until it says `false`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read(
    file: impl Read,
    format: Format,
    ignore_unknown: bool,
    mut take: impl FnMut(Found) -> bool,
) -> io::Result<()> {
    match format {
        Format::Csv => csv(file, ignore_unknown, &mut take),
        Format::Json => values(BufReader::new(file), ignore_unknown, &mut take),
        Format::Jsonl => lines(BufReader::new(file), ignore_unknown, &mut take),
    }
}

/// Fails when a record does not end.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.left.get().checked_sub(read);
        self.left.set(left.ok_or(io::ErrorKind::FileTooLarge)?);
        Ok(read)
    }
}

fn csv(
    file: impl Read,
    ignore_unknown: bool,
    take: &mut dyn FnMut(Found) -> bool,
) -> io::Result<()> {
    let full = MAX_RECORD_BYTES + READ_AHEAD_BYTES;
    let left = Rc::new(Cell::new(full));
    let bounded = Bounded {
        inner: file,
        left: Rc::clone(&left),
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(bounded);
    let names = match reader.headers() {
        Ok(names) => names.clone(),
        Err(error) => {
            take((1, Err(csv_fault(&error))));
            return Ok(());
        }
    };
    let unknown = names.iter().find(|name| !COLUMNS.contains(name));
    if let Some(unknown) = unknown.filter(|_| !ignore_unknown) {
        take((1, Err(Bad::Unknown(shortened(unknown)))));
        return Ok(());
    }
    let mut row = csv::StringRecord::new();
    loop {
        left.set(full);
        let read = reader.read_record(&mut row);
        let line = row.position().map_or(0, csv::Position::line);
        let found = match read {
            Ok(false) => return Ok(()),
            Ok(true) if row.as_slice().len() > MAX_RECORD_BYTES => {
                Err(Bad::TooLong(MAX_RECORD_BYTES))
            }
            Ok(true) => from_row(&names, &row),
            Err(error) => {
                let line = error.position().map_or(line, csv::Position::line);
                let ends = matches!(error.kind(), csv::ErrorKind::Io(_));
                if !take((line, Err(csv_fault(&error)))) || ends {
                    return Ok(());
                }
                continue;
            }
        };
        if !take((line, found)) {
            return Ok(());
        }
    }
}

fn from_row(names: &csv::StringRecord, row: &csv::StringRecord) -> Result<Record, Bad> {
    let column = |wanted: &str| {
        let mut pairs = names.iter().zip(row);
        let (_, text) = pairs.find(|(name, _)| *name == wanted)?;
        let quoted = text.strip_prefix(QUOTE);
        let quoted = quoted.filter(|text| text.starts_with(FORMULA));
        Some(quoted.unwrap_or(text).to_owned())
    };
    let field = |wanted: &str| column(wanted).filter(|text| !text.is_empty());
    let object = |name| {
        field(name)
            .map(|text| serde_json::from_str(&text).map_err(|_| Bad::Members))
            .transpose()
    };
    Ok(Record {
        id: field("id"),
        email: field("email").unwrap_or_default(),
        password_hash: field("password_hash"),
        role: field("role"),
        tenant_id: field("tenant_id"),
        email_confirmed_at: column("email_confirmed_at"),
        banned_until: field("banned_until"),
        last_sign_in_at: field("last_sign_in_at"),
        created_at: field("created_at"),
        user_metadata: object("user_metadata")?,
        app_metadata: object("app_metadata")?,
    })
}

fn csv_fault(error: &csv::Error) -> Bad {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => Bad::NotText,
        csv::ErrorKind::UnequalLengths { .. } => Bad::Fields,
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Bad::TooLong(MAX_RECORD_BYTES)
        }
        _ => Bad::Form("CSV"),
    }
}

fn lines(
    mut file: impl BufRead,
    ignore_unknown: bool,
    take: &mut dyn FnMut(Found) -> bool,
) -> io::Result<()> {
    let mut number = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        number += 1;
        let limit = MAX_RECORD_BYTES as u64 + 1;
        if file.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let found = if line.len() > MAX_RECORD_BYTES && !line.ends_with(b"\n") {
            file.skip_until(b'\n')?;
            Err(Bad::TooLong(MAX_RECORD_BYTES))
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            from_json(&line, ignore_unknown)
        };
        if !take((number, found)) {
            return Ok(());
        }
    }
}

/// Splits an array into its objects by brackets alone; what is in them is for the JSON parser.
fn values(
    file: impl BufRead,
    ignore_unknown: bool,
    take: &mut dyn FnMut(Found) -> bool,
) -> io::Result<()> {
    let (mut number, mut began) = (1, 1);
    let (mut depth, mut in_text, mut escaped) = (0_u32, false, false);
    let mut object = Vec::new();
    for byte in file.bytes() {
        let byte = byte?;
        if depth == 0 {
            match byte {
                b'{' => {
                    (began, depth) = (number, 1);
                    object.clear();
                    object.push(byte);
                }
                b'\n' => number += 1,
                b'[' | b']' | b',' | b' ' | b'\t' | b'\r' => {}
                _ => {
                    take((number, Err(Bad::Form("an array of objects"))));
                    return Ok(());
                }
            }
            continue;
        }
        if object.len() <= MAX_RECORD_BYTES {
            object.push(byte);
        }
        number += u64::from(byte == b'\n');
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let found = if object.len() > MAX_RECORD_BYTES {
                Err(Bad::TooLong(MAX_RECORD_BYTES))
            } else {
                from_json(&object, ignore_unknown)
            };
            if !take((began, found)) {
                return Ok(());
            }
        }
    }
    if depth > 0 {
        take((began, Err(Bad::Form("JSON: it does not end"))));
    }
    Ok(())
}

fn from_json(text: &[u8], ignore_unknown: bool) -> Result<Record, Bad> {
    let text = std::str::from_utf8(text).map_err(|_| Bad::NotText)?;
    let value: Value = serde_json::from_str(text).map_err(|_| Bad::Form("JSON"))?;
    let members = value.as_object().ok_or(Bad::Members)?;
    let unknown = members
        .keys()
        .find(|name| !COLUMNS.contains(&name.as_str()));
    match unknown {
        Some(unknown) if !ignore_unknown => Err(Bad::Unknown(shortened(unknown))),
        _ => serde_json::from_value(value).map_err(|_| Bad::Members),
    }
}

/// A name of the file's, fit for a message.
fn shortened(name: &str) -> String {
    name.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::{Bad, Format, MAX_RECORD_BYTES, read};
    use proptest::prelude::*;

    fn found(text: &[u8], format: Format) -> Vec<(u64, Result<String, Bad>)> {
        let mut all = Vec::new();
        read(text, format, false, |(line, found)| {
            all.push((line, found.map(|record| record.email)));
            true
        })
        .unwrap();
        all
    }

    #[test]
    fn csv_names_the_line_of_each_bad_record_and_goes_on() {
        let long = "x".repeat(MAX_RECORD_BYTES + 1);
        let text = format!(
            "email,role,user_metadata\na@b.co,user,\"{{\"\"a\"\":\n1}}\"\nshort\nb@b.co,,[]\n{long},,\nc@b.co,,\n"
        );
        assert_eq!(
            found(text.as_bytes(), Format::Csv),
            [
                (2, Ok("a@b.co".into())),
                (4, Err(Bad::Fields)),
                (5, Err(Bad::Members)),
                (6, Err(Bad::TooLong(MAX_RECORD_BYTES))),
                (7, Ok("c@b.co".into())),
            ]
        );
        assert_eq!(
            found(b"email,pass\na@b.co,x\n", Format::Csv),
            [(1, Err(Bad::Unknown("pass".into())))]
        );
    }

    #[test]
    fn a_csv_record_without_an_end_is_not_read_to_the_files() {
        let endless = [b"email\n\"".to_vec(), vec![b'x'; 4 << 20]].concat();
        assert_eq!(
            found(&endless, Format::Csv).last(),
            Some(&(2, Err(Bad::TooLong(MAX_RECORD_BYTES))))
        );
    }

    #[test]
    fn json_lines_go_on_behind_a_broken_one() {
        let long = "x".repeat(MAX_RECORD_BYTES + 1);
        let text = format!(
            "{{\"email\":\"a@b.co\"}}\n{{\"email\":\n\n{{\"email\":1}}\n{long}\n\"a\"\n{{\"mail\":1}}\n{{\"email\":\"b@b.co\"}}"
        );
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(b"\n\xff\n");
        assert_eq!(
            found(&bytes, Format::Jsonl),
            [
                (1, Ok("a@b.co".into())),
                (2, Err(Bad::Form("JSON"))),
                (4, Err(Bad::Members)),
                (5, Err(Bad::TooLong(MAX_RECORD_BYTES))),
                (6, Err(Bad::Members)),
                (7, Err(Bad::Unknown("mail".into()))),
                (8, Ok("b@b.co".into())),
                (9, Err(Bad::NotText)),
            ]
        );
    }

    #[test]
    fn an_array_is_split_by_its_own_brackets_alone() {
        let text = b"[\n {\"email\":\"a@b.co\",\"user_metadata\":{\"x\":\"}\\\"{\",\"y\":[1]}},\n {\n\"email\":2}\n,{\"email\":\"b@b.co\"}]\n";
        assert_eq!(
            found(text, Format::Json),
            [
                (2, Ok("a@b.co".into())),
                (3, Err(Bad::Members)),
                (5, Ok("b@b.co".into())),
            ]
        );
        let open = found(b"[{\"email\":\"a@b.co\"", Format::Json);
        assert!(
            matches!(open.as_slice(), [(1, Err(Bad::Form(_)))]),
            "{open:?}"
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, text in "[\\[\\]{}\",:\\\\ea@b.co\n]{0,64}") {
            for format in [Format::Csv, Format::Json, Format::Jsonl] {
                let _ = (found(&bytes, format), found(text.as_bytes(), format));
            }
        }
    }
}
