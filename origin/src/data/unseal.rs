//! Puts what encrypted fields say in the place of what is stored, in the JSON that the database built.
//!
//! Guarantees: everything else stays as the database wrote it, in its order; a field that cannot be
//! opened makes the whole answer fail.

use super::{
    error::DataError,
    field::{Fields, Place},
    statement::Spot,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::fmt;

/// A row with its fields opened.
///
/// # Errors
/// [`DataError::Tampered`].
pub(crate) fn row(fields: &Fields, spots: &[Spot], json: &str) -> Result<String, DataError> {
    let mut opened = String::with_capacity(json.len());
    open_in(fields, spots, json, &mut opened)?;
    Ok(opened)
}

fn open_in(fields: &Fields, spots: &[Spot], json: &str, out: &mut String) -> Result<(), DataError> {
    let broken = |_| DataError::Internal;
    match json.trim_start().bytes().next() {
        Some(b'[') => {
            let rows: Vec<&RawValue> = serde_json::from_str(json).map_err(broken)?;
            out.push('[');
            for (at, row) in rows.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                open_in(fields, spots, row.get(), out)?;
            }
            out.push(']');
        }
        Some(b'{') => {
            let Members(members) = serde_json::from_str(json).map_err(broken)?;
            out.push('{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(&name).map_err(broken)?);
                out.push(':');
                open_member(fields, spots, &name, value.get(), out)?;
            }
            out.push('}');
        }
        // A row embedded in another may not be there.
        _ => out.push_str(json),
    }
    Ok(())
}

fn open_member(
    fields: &Fields,
    spots: &[Spot],
    name: &str,
    json: &str,
    out: &mut String,
) -> Result<(), DataError> {
    let is_here = |spot: &&Spot| {
        let (Spot::Within { label, .. } | Spot::Field { label, .. }) = spot;
        label == name
    };
    match spots.iter().find(is_here) {
        None => out.push_str(json),
        Some(Spot::Within { spots, .. }) => open_in(fields, spots, json, out)?,
        Some(Spot::Field { table, column, .. }) => {
            let opened = cell(fields, table, column, json)?;
            let opened = opened.map_or(Value::Null, Value::String);
            out.push_str(&opened.to_string());
        }
    }
    Ok(())
}

/// An object as it is written: in its order, with its numbers.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// What the database put in the place of an encrypted field, as text.
///
/// # Errors
/// [`DataError::Tampered`].
pub(crate) fn cell(
    fields: &Fields,
    table: &str,
    column: &str,
    json: &str,
) -> Result<Option<String>, DataError> {
    let value: Value = serde_json::from_str(json).map_err(|_| DataError::Internal)?;
    opened(fields, table, column, &value)
}

fn opened(
    fields: &Fields,
    table: &str,
    column: &str,
    value: &Value,
) -> Result<Option<String>, DataError> {
    let Some([stored, key, tenant]) = value.as_array().map(Vec::as_slice) else {
        return Err(DataError::Internal);
    };
    let Some(stored) = stored.as_str() else {
        return Ok(None);
    };
    let place = Place {
        table,
        column,
        row: key.as_str().unwrap_or_default(),
    };
    let keys = fields.tenant(tenant.as_str().unwrap_or_default());
    let opened = if keys.is_costly(stored) {
        // The requests that this thread has taken on go on in another one.
        tokio::task::block_in_place(|| keys.open(&place, stored))
    } else {
        keys.open(&place, stored)
    };
    opened.map(|opened| Some(opened.text)).map_err(|_| {
        // An event: somebody wrote past the origin, or a key is gone.
        tracing::error!(
            event = "FIELD_TAMPERED",
            table,
            column,
            row = place.row,
            "a field cannot be decrypted"
        );
        DataError::Tampered
    })
}
