//! Puts what encrypted fields say in the place of what is stored, in the JSON that the database built.
//!
//! Guarantees: everything else stays as the database wrote it, in its order; a field that cannot be
//! opened makes the whole answer fail.

use super::{
    error::DataError,
    field::{Fields, Place},
    statement::Spot,
};
use serde_json::{Map, Value};

/// A row with its fields opened.
///
/// # Errors
/// [`DataError::Tampered`].
pub(crate) fn row(fields: &Fields, spots: &[Spot], json: &str) -> Result<String, DataError> {
    let mut row: Value = serde_json::from_str(json).map_err(|_| DataError::Internal)?;
    open_in(fields, spots, &mut row)?;
    Ok(row.to_string())
}

fn open_in(fields: &Fields, spots: &[Spot], value: &mut Value) -> Result<(), DataError> {
    match value {
        Value::Array(rows) => rows
            .iter_mut()
            .try_for_each(|row| open_in(fields, spots, row)),
        Value::Object(members) => spots
            .iter()
            .try_for_each(|spot| open_spot(fields, spot, members)),
        // A row embedded in another may not be there.
        _ => Ok(()),
    }
}

fn open_spot(
    fields: &Fields,
    spot: &Spot,
    members: &mut Map<String, Value>,
) -> Result<(), DataError> {
    match spot {
        Spot::Within { label, spots } => match members.get_mut(label) {
            Some(value) => open_in(fields, spots, value),
            None => Ok(()),
        },
        Spot::Field {
            label,
            table,
            column,
        } => {
            let Some(value) = members.get_mut(label) else {
                return Ok(());
            };
            *value = opened(fields, table, column, value)?.map_or(Value::Null, Value::String);
            Ok(())
        }
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
