//! Rows in a body: JSON, CSV or a form.

use super::super::{
    dialect::{
        ContentType,
        limit::{COLUMNS, NAME_BYTES},
    },
    error::DataError,
    request::{Asked, text},
    row::{Given, Object},
};
use crate::{admission::Admitted, http::Bytes};
use gapura_shared::parse::query::{decode_value, raw_pairs};
use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;

/// The rows, and whether they came as one object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Objects {
    pub(super) rows: Vec<Object>,
    pub(super) is_one: bool,
}

/// The body as it came.
pub(super) async fn bytes(asked: &Asked<'_>, request: &mut Admitted) -> Result<Bytes, DataError> {
    let most = asked.data().settings.max_body_bytes;
    Ok(request.take_body().read(most.into()).await?)
}

pub(super) fn objects(
    asked: &Asked<'_>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Objects, DataError> {
    // One more tells that there are too many.
    let most =
        usize::try_from(asked.table.max_rows).map_or(usize::MAX, |rows| rows.saturating_add(1));
    let objects = match ContentType::parse(text(headers, &CONTENT_TYPE))? {
        ContentType::Json => json(body, most)?,
        ContentType::Csv => csv(body, most)?,
        ContentType::Form => form_row(body)?,
    };
    asked.too_many(objects.rows.len())?;
    Ok(objects)
}

fn bad(why: impl Into<String>) -> DataError {
    DataError::BadBody(why.into())
}

/// An object, or an array of them; no more than `most` are read.
fn json(body: &[u8], most: usize) -> Result<Objects, DataError> {
    let body = std::str::from_utf8(body).map_err(|_| bad("Empty or invalid json"))?;
    match body.trim_start().bytes().next() {
        Some(b'{') => Ok(Objects {
            rows: vec![object(body)?],
            is_one: true,
        }),
        Some(b'[') => {
            let rows: Vec<&RawValue> = read(body)?;
            let rows = rows.into_iter().take(most).map(|row| match row.get() {
                row if row.starts_with('{') => object(row),
                _ => Err(bad("All rows must be objects")),
            });
            Ok(Objects {
                rows: rows.collect::<Result<_, _>>()?,
                is_one: false,
            })
        }
        _ => Err(bad("The body must be an object or an array of objects")),
    }
}

fn object(text: &str) -> Result<Object, DataError> {
    let members: BTreeMap<String, &RawValue> = read(text)?;
    let members = members.into_iter().map(|(name, value)| {
        let text = value.get();
        let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        let given = if is_number {
            Given::Number(text.to_owned())
        } else if text.starts_with(['{', '[']) {
            // Whether it is JSON: a raw value is looked through, but not with a limit to its depth.
            read::<serde::de::IgnoredAny>(text)?;
            Given::Nested(text.to_owned())
        } else {
            Given::Value(read(text)?)
        };
        Ok((name, given))
    });
    members.collect()
}

fn read<'t, T: serde::Deserialize<'t>>(text: &'t str) -> Result<T, DataError> {
    serde_json::from_str(text).map_err(|error| {
        bad(format!(
            "Empty or invalid json (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

/// A line of names, and one for each row; `NULL` is null. Every row repeats the names: there are few
/// and short ones, and no more than `most` rows.
fn csv(body: &[u8], most: usize) -> Result<Objects, DataError> {
    let mut reader = csv::Reader::from_reader(body);
    let why = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        bad(format!("Bad CSV (line {line})"))
    };
    let names = reader.headers().map_err(why)?.clone();
    COLUMNS.check(names.len())?;
    for name in &names {
        NAME_BYTES.check(name.len())?;
    }
    let mut rows = Vec::new();
    for record in reader.records().take(most) {
        let record = record.map_err(why)?;
        let cell = |(name, text): (&str, &str)| {
            let value = if text == "NULL" {
                Value::Null
            } else {
                text.into()
            };
            (name.to_owned(), Given::Value(value))
        };
        rows.push(names.iter().zip(record.iter()).map(cell).collect());
    }
    Ok(Objects {
        rows,
        is_one: false,
    })
}

fn form_row(body: &[u8]) -> Result<Objects, DataError> {
    let text = std::str::from_utf8(body).map_err(|_| bad("Bad form"))?;
    let mut row = Object::new();
    for (name, value) in raw_pairs(text) {
        let read = |raw| decode_value(raw).map_err(|_| bad("Bad form"));
        row.insert(read(name)?, Given::Value(read(value)?.into()));
    }
    Ok(Objects {
        rows: vec![row],
        is_one: true,
    })
}

#[cfg(test)]
mod tests {
    use super::{Given, csv, form_row, json};
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn the_same_row_in_three_forms() {
        for objects in [
            json(br#"{"a":"1","b":"x y"}"#, 1),
            csv(b"a,b\n1,x y\n", 1),
            form_row(b"a=1&b=x+y"),
        ] {
            let rows = objects.unwrap().rows;
            assert_eq!(rows.len(), 1);
            let text = |text: &str| Given::Value(text.into());
            assert_eq!((&rows[0]["a"], &rows[0]["b"]), (&text("1"), &text("x y")));
        }
        assert_eq!(
            csv(b"a\nNULL\n", 1).unwrap().rows[0]["a"],
            Given::Value(Value::Null)
        );
    }

    #[test]
    fn bombs_and_rubbish_are_refused() {
        let deep = "[".repeat(100_000);
        for body in [deep.as_str(), "", "1", "[1]", "[[{}]]", "{", "{\"a\":1}{"] {
            assert!(json(body.as_bytes(), 1).is_err(), "{body:.20}");
        }
        assert!(csv(b"a,b\n1\n", 1).is_err());
        // Every row repeats the names.
        let name = "a".repeat(64);
        assert!(csv(format!("{name}\n1\n").as_bytes(), 1).is_err());
        let names = vec!["a"; 201].join(",");
        assert!(csv(format!("{names}\n").as_bytes(), 1).is_err());
    }

    #[test]
    fn rows_beyond_the_last_are_not_read() {
        let lines = format!("a\n{}", "1\n".repeat(100));
        assert_eq!(csv(lines.as_bytes(), 3).unwrap().rows.len(), 3);
        let array = format!("[{}{{}}]", "{},".repeat(100));
        assert_eq!(json(array.as_bytes(), 3).unwrap().rows.len(), 3);
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (json(&body, 9), csv(&body, 9), form_row(&body));
        }
    }
}
