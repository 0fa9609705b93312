//! Puts what encrypted fields say in the place of what is stored, in the JSON that the database built.
//!
//! Guarantees: everything else stays as the database wrote it, in its order; a field that cannot be
//! opened makes the whole answer fail; one answer derives a bounded number of keys.

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
use std::{fmt, sync::Arc};

/// Tenants whose keys of version 1 one answer derives, some 30 ms each and twice that while keys are
/// rotated. They are remembered: who asks again gets further.
const MOST_DERIVED: u32 = 16;

/// What opens the fields of one answer.
pub(crate) struct Unsealer {
    fields: Option<Arc<Fields>>,
    /// Tenants whose keys it may still derive.
    may_derive: u32,
}

impl Unsealer {
    pub(crate) const fn new(fields: Option<Arc<Fields>>) -> Self {
        Self {
            fields,
            may_derive: MOST_DERIVED,
        }
    }

    /// A row with its fields opened.
    ///
    /// # Errors
    /// [`DataError::Tampered`], [`DataError::TooManyDerived`].
    pub(crate) fn row(&mut self, spots: &[Spot], json: &str) -> Result<String, DataError> {
        let mut opened = String::with_capacity(json.len());
        self.open_in(spots, json, &mut opened)?;
        Ok(opened)
    }

    fn open_in(&mut self, spots: &[Spot], json: &str, out: &mut String) -> Result<(), DataError> {
        let broken = |_| DataError::Internal;
        match json.trim_start().bytes().next() {
            Some(b'[') => {
                let rows: Vec<&RawValue> = serde_json::from_str(json).map_err(broken)?;
                out.push('[');
                for (at, row) in rows.into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    self.open_in(spots, row.get(), out)?;
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
                    self.open_member(spots, &name, value.get(), out)?;
                }
                out.push('}');
            }
            // A row embedded in another may not be there.
            _ => out.push_str(json),
        }
        Ok(())
    }

    fn open_member(
        &mut self,
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
            Some(Spot::Within { spots, .. }) => self.open_in(spots, json, out)?,
            Some(Spot::Field { table, column, .. }) => {
                let opened = self.cell(table, column, json)?;
                let opened = opened.map_or(Value::Null, Value::String);
                out.push_str(&opened.to_string());
            }
        }
        Ok(())
    }

    /// What the database put in the place of an encrypted field, as text.
    ///
    /// # Errors
    /// As [`Unsealer::row`].
    pub(crate) fn cell(
        &mut self,
        table: &str,
        column: &str,
        json: &str,
    ) -> Result<Option<String>, DataError> {
        let value: Value = serde_json::from_str(json).map_err(|_| DataError::Internal)?;
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
        let fields = self.fields.as_deref().ok_or(DataError::Internal)?;
        let keys = fields.tenant(tenant.as_str().unwrap_or_default());
        let opened = if keys.is_costly(stored) {
            let Some(left) = self.may_derive.checked_sub(1) else {
                tracing::warn!(table, column, "fields of too many tenants are in version 1");
                return Err(DataError::TooManyDerived(MOST_DERIVED));
            };
            self.may_derive = left;
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

#[cfg(test)]
mod tests {
    use super::{Arc, DataError, Fields, MOST_DERIVED, Unsealer};
    use gapura_shared::keys::Keys;
    use serde_json::json;

    /// As `field::tests` says how they were made.
    const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const VERSION_ONE: &str =
        "ENC[1:ZGVmZ2hpamtsbW5v:5DJ7XMvRTrwVGpCqntr+f64=:KX9salqMQV7W6dAuqycZmA==]";

    #[tokio::test(flavor = "multi_thread")]
    async fn one_answer_derives_so_many_keys() {
        let fields = Arc::new(Fields::new(Keys::parse(KEY).unwrap(), None));
        let answer = || Unsealer {
            may_derive: 1,
            ..Unsealer::new(Some(Arc::clone(&fields)))
        };
        let cell = |unsealer: &mut Unsealer, tenant: &str| {
            let stored = json!([VERSION_ONE, "row-1", tenant]).to_string();
            unsealer.cell("notes", "phone", &stored)
        };
        let is_known = |tenant| !fields.tenant(tenant).is_costly(VERSION_ONE);
        let opened = Ok(Some("+62 812-3456-7890".to_owned()));
        let mut first = answer();
        // However many rows are of one tenant.
        assert_eq!(cell(&mut first, "tenant-1"), opened);
        assert_eq!(cell(&mut first, "tenant-1"), opened);
        let too_many = Err(DataError::TooManyDerived(MOST_DERIVED));
        assert_eq!(cell(&mut first, "tenant-2"), too_many);
        assert!(is_known("tenant-1") && !is_known("tenant-2"));
        // Who asks again gets further: to a field that is no other tenant's.
        let mut second = answer();
        assert_eq!(cell(&mut second, "tenant-1"), opened);
        assert_eq!(cell(&mut second, "tenant-2"), Err(DataError::Tampered));
        assert!(is_known("tenant-2"));
        assert_eq!(cell(&mut second, "tenant-3"), too_many);
    }
}
