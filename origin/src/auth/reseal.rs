//! Another token key for the secrets in the database.

use super::{
    at_rest::{self, AtRest},
    keys::KeyError,
};
use crate::{
    db::{Db, Sealed},
    random,
};
use gapura_shared::secret::Secret;

/// Seals under `new` what is sealed under `old`; how many secrets there are, and how many of them
/// were not sealed under `new` before. Nothing changes unless all can be opened by one of the two.
///
/// # Errors
/// [`KeyError`].
pub async fn reseal(db: &Db, old: &Secret, new: &Secret) -> Result<(usize, usize), KeyError> {
    let (old, new) = (AtRest::new(old), AtRest::new(new));
    db.reseal(|which, id, sealed| {
        let row = match which {
            Sealed::TokenKey => at_rest::token_key(id),
            Sealed::Factor => at_rest::factor(id),
        };
        if new.open(&row, sealed).is_ok() {
            return Ok(None);
        }
        let secret = old.open(&row, sealed)?;
        Ok(Some(new.seal(&row, secret.expose(), random::bytes())))
    })
    .await
}
