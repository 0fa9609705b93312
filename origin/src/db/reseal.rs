//! Every secret that is sealed in the database, changed in one transaction.

use super::{Db, DbError, pool::retried, query::query};

/// What has a sealed secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// A key that signs tokens.
    TokenKey,
    /// An authenticator.
    Factor,
}

impl Db {
    /// Puts what `change` makes of it (whose it is, by what id, the secret) in the place of each secret,
    /// unless that is `None`; how many there are, and how many were replaced. An error of `change`
    /// changes nothing.
    ///
    /// # Errors
    /// Those of `change`, and [`DbError`].
    pub async fn reseal<E: From<DbError> + Send>(
        &self,
        change: impl Fn(Sealed, &str, &str) -> Result<Option<String>, E> + Send + Sync,
    ) -> Result<(usize, usize), E> {
        retried(|| self.try_reseal(&change)).await?
    }

    async fn try_reseal<E: Send>(
        &self,
        change: &(impl Fn(Sealed, &str, &str) -> Result<Option<String>, E> + Sync),
    ) -> Result<Result<(usize, usize), E>, DbError> {
        let mut write = self.write().await?;
        let (mut all, mut changed) = (0, 0);
        for (select, update, kind) in [
            (
                "SELECT kid AS id, secret FROM token_key WHERE secret <> ''",
                "UPDATE token_key SET secret = $1 WHERE kid = $2",
                Sealed::TokenKey,
            ),
            (
                "SELECT factor_id AS id, secret FROM factor",
                "UPDATE factor SET secret = $1 WHERE factor_id = $2",
                Sealed::Factor,
            ),
        ] {
            let rows = query(select).for_update().all(write.on()).await?;
            all += rows.len();
            for row in &rows {
                let (id, secret): (String, String) = (row.get("id")?, row.get("secret")?);
                match change(kind, &id, &secret) {
                    Err(refusal) => return Ok(Err(refusal)),
                    Ok(None) => {}
                    Ok(Some(secret)) => {
                        let update = query(update).bind(secret.as_str()).bind(id.as_str());
                        update.execute(write.on()).await?;
                        changed += 1;
                    }
                }
            }
        }
        write.commit().await?;
        Ok(Ok((all, changed)))
    }
}
