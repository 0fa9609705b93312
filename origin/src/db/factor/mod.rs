//! Tables `factor` and `recovery_code`: the second factors of accounts.
//!
//! Every change holds the account's row from its start, so that bounds and "each code once" hold
//! whatever comes at once, and writes the account's own list (`user_account.factors`) anew.

mod step_up;

pub use step_up::{SecondProof, StepUp, SteppedUp};

use super::{
    Db, DbError,
    pool::{Write, restored, retried, stored},
    query::{Row, query},
    session::Proofs,
};
use gapura_shared::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// A factor as its account tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// UUID.
    pub id: String,
    /// What its owner calls it; may be empty.
    pub friendly_name: String,
    /// Whether a code of it was right: it proves nothing before.
    pub verified: bool,
    /// When it was enrolled.
    pub created_at: UnixMillis,
    /// The last change.
    pub updated_at: UnixMillis,
}

/// A factor to enrol.
#[derive(Debug)]
pub struct NewFactor<'a> {
    /// UUID.
    pub id: &'a str,
    /// Whose it is.
    pub user: &'a str,
    /// What its owner calls it.
    pub friendly_name: &'a str,
    /// Sealed.
    pub secret: &'a str,
    /// Whether who asks has proven a second factor: needed for all but the first one.
    pub is_stepped_up: bool,
    /// Most factors of an account.
    pub most: usize,
}

/// How an enrolment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolment {
    /// It is there, unverified.
    Done,
    /// The account has one, and who asks has not proven it.
    NeedsSecondFactor,
    /// The account has as many as it may have.
    TooMany,
    /// Another one is called so.
    NameTaken,
    /// The account is gone.
    Gone,
}

/// A factor's secret, and where its codes stand.
#[derive(Debug, Clone)]
pub struct FactorSecret {
    /// Sealed.
    pub secret: String,
    /// Whether a code of it was right before.
    pub verified: bool,
    /// The step of the last code that was taken.
    pub last_step: Option<u64>,
}

impl Db {
    /// Enrols a factor.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn enrol_factor(
        &self,
        new: &NewFactor<'_>,
        now: UnixMillis,
    ) -> Result<Enrolment, DbError> {
        retried(|| self.try_enrol_factor(new, now)).await
    }

    async fn try_enrol_factor(
        &self,
        new: &NewFactor<'_>,
        now: UnixMillis,
    ) -> Result<Enrolment, DbError> {
        let mut write = self.write().await?;
        if !hold(&mut write, new.user).await? {
            return Ok(Enrolment::Gone);
        }
        let factors = factors(&mut write, new.user).await?;
        if factors.iter().any(|factor| factor.verified) && !new.is_stepped_up {
            return Ok(Enrolment::NeedsSecondFactor);
        }
        if factors.len() >= new.most {
            return Ok(Enrolment::TooMany);
        }
        let name = new.friendly_name;
        if !name.is_empty() && factors.iter().any(|factor| factor.friendly_name == name) {
            return Ok(Enrolment::NameTaken);
        }
        query(
            "INSERT INTO factor (factor_id, user_account_id, friendly_name, secret, created_at, \
             updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
        )
        .bind(new.id)
        .bind(new.user)
        .bind(name)
        .bind(new.secret)
        .bind(stored(now))
        .execute(write.on())
        .await?;
        tell(&mut write, new.user).await?;
        write.commit().await?;
        Ok(Enrolment::Done)
    }

    /// A factor of an account.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn factor_secret(
        &self,
        user: &str,
        factor: &str,
    ) -> Result<Option<FactorSecret>, DbError> {
        let row = query(
            "SELECT secret, verified_at, last_step FROM factor \
             WHERE factor_id = $1 AND user_account_id = $2",
        )
        .bind(factor)
        .bind(user)
        .optional(self.connection().await?.on())
        .await?;
        let read = |row: &Row| -> Result<FactorSecret, sqlx::Error> {
            Ok(FactorSecret {
                secret: row.get("secret")?,
                verified: row.get::<Option<i64>>("verified_at")?.is_some(),
                last_step: u64::try_from(row.get::<i64>("last_step")?).ok(),
            })
        };
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// How the owner of a session that has not ended proved who they are.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn session_proofs(
        &self,
        user: &str,
        session: &str,
    ) -> Result<Option<Proofs>, DbError> {
        let row = query(LIVE)
            .bind(session)
            .bind(user)
            .optional(self.connection().await?.on())
            .await?;
        Ok(row.as_ref().map(Proofs::read).transpose()?)
    }

    /// Removes a factor; whether it was there, and verified. With the last verified one go the recovery codes and the
    /// second factor of every session.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn remove_factor(&self, user: &str, factor: &str) -> Result<Option<bool>, DbError> {
        retried(|| self.try_remove_factor(user, factor)).await
    }

    async fn try_remove_factor(&self, user: &str, factor: &str) -> Result<Option<bool>, DbError> {
        let mut write = self.write().await?;
        hold(&mut write, user).await?;
        let factors = factors(&mut write, user).await?;
        let Some(found) = factors.iter().find(|one| one.id == factor) else {
            return Ok(None);
        };
        query("DELETE FROM factor WHERE factor_id = $1 AND user_account_id = $2")
            .bind(factor)
            .bind(user)
            .execute(write.on())
            .await?;
        if !factors.iter().any(|one| one.verified && one.id != factor) {
            forget_second_factor(&mut write, user).await?;
        }
        tell(&mut write, user).await?;
        write.commit().await?;
        Ok(Some(found.verified))
    }

    /// Removes every factor of an account, and its recovery codes; how many factors there were.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn remove_factors(&self, user: &str) -> Result<u64, DbError> {
        retried(|| self.try_remove_factors(user)).await
    }

    async fn try_remove_factors(&self, user: &str) -> Result<u64, DbError> {
        let mut write = self.write().await?;
        hold(&mut write, user).await?;
        let removed = query("DELETE FROM factor WHERE user_account_id = $1")
            .bind(user)
            .execute(write.on())
            .await?;
        forget_second_factor(&mut write, user).await?;
        tell(&mut write, user).await?;
        write.commit().await?;
        Ok(removed)
    }

    /// The recovery codes of an account, as they are kept.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn recovery_codes(&self, user: &str) -> Result<Vec<String>, DbError> {
        let rows = query("SELECT code FROM recovery_code WHERE user_account_id = $1 ORDER BY code")
            .bind(user)
            .all(self.connection().await?.on())
            .await?;
        Ok(rows
            .iter()
            .map(|row| row.get("code"))
            .collect::<Result<_, _>>()?)
    }

    /// Puts new recovery codes in the place of all there are. `false` when the account has no factor that
    /// they could stand in for; nothing has changed then.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn renew_recovery_codes(
        &self,
        user: &str,
        codes: &[String],
    ) -> Result<bool, DbError> {
        retried(|| self.try_renew_recovery_codes(user, codes)).await
    }

    async fn try_renew_recovery_codes(
        &self,
        user: &str,
        codes: &[String],
    ) -> Result<bool, DbError> {
        let mut write = self.write().await?;
        hold(&mut write, user).await?;
        let has_factor = factors(&mut write, user).await?.iter().any(|f| f.verified);
        if has_factor {
            replace_recovery_codes(&mut write, user, codes).await?;
            write.commit().await?;
        }
        Ok(has_factor)
    }

    /// Removes factors enrolled before `before` that were never verified; a thousand at most.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn sweep_factors(&self, before: UnixMillis) -> Result<(), DbError> {
        let rows = query(
            "SELECT factor_id, user_account_id FROM factor \
             WHERE verified_at IS NULL AND created_at < $1 LIMIT 1000",
        )
        .bind(stored(before))
        .all(self.connection().await?.on())
        .await?;
        for row in rows {
            let (user, factor): (String, String) =
                (row.get("user_account_id")?, row.get("factor_id")?);
            self.sweep_factor(&user, &factor).await?;
        }
        Ok(())
    }

    async fn sweep_factor(&self, user: &str, factor: &str) -> Result<(), DbError> {
        let mut write = self.write().await?;
        hold(&mut write, user).await?;
        // It may have been verified since it was found.
        query("DELETE FROM factor WHERE factor_id = $1 AND verified_at IS NULL")
            .bind(factor)
            .execute(write.on())
            .await?;
        tell(&mut write, user).await?;
        write.commit().await
    }
}

const LIVE: &str = "SELECT method, created_at AS opened_at, second_method, second_at, expires_at AS ends_at FROM session \
                    WHERE session_id = $1 AND user_account_id = $2 AND ended_at IS NULL";

/// Keeps everybody else from the account's factors until the transaction ends.
async fn hold(write: &mut Write, user: &str) -> Result<bool, DbError> {
    let row = query("SELECT user_account_id FROM user_account WHERE user_account_id = $1")
        .for_update()
        .bind(user)
        .optional(write.on())
        .await?;
    Ok(row.is_some())
}

async fn factors(write: &mut Write, user: &str) -> Result<Vec<Factor>, DbError> {
    let rows = query(
        "SELECT factor_id, friendly_name, verified_at, created_at, updated_at FROM factor \
         WHERE user_account_id = $1 ORDER BY created_at, factor_id",
    )
    .bind(user)
    .all(write.on())
    .await?;
    let read = |row: &Row| -> Result<Factor, sqlx::Error> {
        Ok(Factor {
            id: row.get("factor_id")?,
            friendly_name: row.get("friendly_name")?,
            verified: row.get::<Option<i64>>("verified_at")?.is_some(),
            created_at: restored(row.get("created_at")?),
            updated_at: restored(row.get("updated_at")?),
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Writes what the account tells of its factors.
async fn tell(write: &mut Write, user: &str) -> Result<(), DbError> {
    let factors = factors(write, user).await?;
    let text = serde_json::to_string(&factors)
        .map_err(|error| DbError::Unexpected(sqlx::Error::Encode(error.into())))?;
    query("UPDATE user_account SET factors = $1 WHERE user_account_id = $2")
        .bind((!factors.is_empty()).then_some(text.as_str()))
        .bind(user)
        .execute(write.on())
        .await?;
    Ok(())
}

async fn replace_recovery_codes(
    write: &mut Write,
    user: &str,
    codes: &[String],
) -> Result<(), DbError> {
    forget_recovery_codes(write, user).await?;
    for code in codes {
        query("INSERT INTO recovery_code (user_account_id, code) VALUES ($1, $2)")
            .bind(user)
            .bind(code.as_str())
            .execute(write.on())
            .await?;
    }
    Ok(())
}

async fn forget_recovery_codes(write: &mut Write, user: &str) -> Result<(), DbError> {
    query("DELETE FROM recovery_code WHERE user_account_id = $1")
        .bind(user)
        .execute(write.on())
        .await?;
    Ok(())
}

async fn forget_second_factor(write: &mut Write, user: &str) -> Result<(), DbError> {
    forget_recovery_codes(write, user).await?;
    query("UPDATE session SET second_method = NULL, second_at = NULL WHERE user_account_id = $1")
        .bind(user)
        .execute(write.on())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
