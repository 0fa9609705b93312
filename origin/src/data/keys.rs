//! Whether the keys that are given are those that the database's fields are encrypted with.
//!
//! Guarantees: nothing is served with a wrong key under a known id, nor without one that fields may be
//! encrypted with; of two processes with different keys of one id, one does not start.

use super::field::Fields;
use crate::{
    config::FIELD_KEYS,
    db::{Db, DbError},
};
use gapura_shared::time::UnixMillis;

/// Each fault of the keys.
///
/// # Errors
/// [`DbError`].
pub(super) async fn faults(fields: &Fields, db: &Db) -> Result<Vec<String>, DbError> {
    let given: Vec<(&str, String)> = fields.key_checks().collect();
    Ok(compare(&given, &db.field_keys().await?))
}

/// Makes the current key known as the last that came into use. The one before it encrypts nothing any
/// more, and need not be kept for its own sake.
///
/// # Errors
/// [`DbError`].
pub(super) async fn begin(fields: &Fields, db: &Db, now: UnixMillis) -> Result<(), DbError> {
    match fields.key_checks().next() {
        Some((id, check)) => db.use_field_key(id, &check, now).await,
        None => Ok(()),
    }
}

/// Why nothing is to be encrypted anew under the current key, if so it is.
///
/// # Errors
/// [`DbError`].
pub(super) async fn superseded(fields: &Fields, db: &Db) -> Result<Option<String>, DbError> {
    let Some((current, _)) = fields.key_checks().next() else {
        return Ok(None);
    };
    let known = db.field_keys().await?;
    let is_known = known.iter().any(|(id, _)| id == current);
    let last = known.last().filter(|(id, _)| is_known && id != current);
    Ok(last.map(|(last, _)| {
        format!(
            "{FIELD_KEYS}: an origin began to encrypt with {last} after one did with {current}: the same key \
             must stand first at every origin, and here"
        )
    }))
}

fn compare(given: &[(&str, String)], known: &[(String, String)]) -> Vec<String> {
    let fault = |(id, check): &(String, String)| {
        let of_id = given.iter().find(|(given, _)| given == id);
        match of_id {
            Some((_, given)) if given == check => None,
            Some(_) => Some(format!(
                "{FIELD_KEYS}: {id} is not the key of that id that fields are encrypted with"
            )),
            None => Some(format!(
                "{FIELD_KEYS}: fields may be encrypted with the key {id}, which is not given"
            )),
        }
    };
    known.iter().filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn every_known_key_must_be_given() {
        let known = [("a".to_owned(), "1".to_owned())];
        let given = |keys: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
            let keys = keys.iter();
            keys.map(|(id, check)| (*id, (*check).to_owned())).collect()
        };
        for (keys, faults) in [
            (given(&[("a", "1")]), 0),
            (given(&[("b", "2"), ("a", "1")]), 0),
            (given(&[("b", "1")]), 1),
            (given(&[("a", "2")]), 1),
            (given(&[("b", "1"), ("a", "2")]), 1),
        ] {
            assert_eq!(compare(&keys, &known).len(), faults, "{keys:?}");
        }
        assert!(compare(&given(&[("a", "1")]), &[]).is_empty());
    }
}
