//! A code taken, once, and a session raised by it: one transaction.

use super::{LIVE, factors, hold, replace_recovery_codes, tell};
use crate::db::{
    Db, DbError, User,
    pool::{Write, retried, stored},
    query::query,
    refresh_token::new_token,
    session::{End, Ended, Proofs, end_those},
    user,
};
use gapura_shared::time::UnixMillis;

/// What proves the second factor.
#[derive(Debug, Clone, Copy)]
pub enum SecondProof<'a> {
    /// The code of a step.
    Step {
        /// The factor.
        factor: &'a str,
        /// The step.
        step: u64,
        /// To be kept if this is the account's first factor.
        recovery_codes: &'a [String],
    },
    /// A recovery code as it is kept.
    Recovery(&'a str),
}

/// A session that is to be raised by a second factor.
#[derive(Debug)]
pub struct StepUp<'a> {
    /// Whose it is.
    pub user: &'a str,
    /// The session.
    pub session: &'a str,
    /// What proves it, and by which method.
    pub proof: SecondProof<'a>,
    /// The method's name.
    pub method: &'a str,
    /// SHA-256 of the refresh token that comes with it.
    pub token_hash: [u8; 32],
    /// Until when that token can be exchanged.
    pub expires: UnixMillis,
    /// For how many milliseconds a refresh token that was exchanged gets the same successor.
    pub grace_ms: u64,
}

/// How a step-up ended.
#[derive(Debug)]
pub enum SteppedUp {
    /// The session stands on two factors.
    Done {
        /// The account as it is now.
        user: Box<User>,
        /// How its owner proved who they are.
        proofs: Proofs,
        /// Whether the recovery codes were kept.
        kept_recovery_codes: bool,
        /// Sessions that ended, for they had only one factor where the account has two from now on.
        ended: Vec<Ended>,
    },
    /// The code was used before, or meanwhile.
    Used,
    /// The session or the factor is gone.
    Gone,
}

impl Db {
    /// Takes a code, once, and raises the session by it: all of it or nothing.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn step_up(&self, up: &StepUp<'_>, now: UnixMillis) -> Result<SteppedUp, DbError> {
        retried(|| self.try_step_up(up, now)).await
    }

    async fn try_step_up(&self, up: &StepUp<'_>, now: UnixMillis) -> Result<SteppedUp, DbError> {
        let mut write = self.write().await?;
        if !hold(&mut write, up.user).await? {
            return Ok(SteppedUp::Gone);
        }
        let Some(mut proofs) = live(&mut write, up.user, up.session).await? else {
            return Ok(SteppedUp::Gone);
        };
        let before = factors(&mut write, up.user).await?;
        let taken = match up.proof {
            SecondProof::Step { factor, step, .. } => {
                use_step(&mut write, up.user, factor, step, now).await?
            }
            SecondProof::Recovery(code) => use_recovery_code(&mut write, up.user, code).await?,
        };
        if !taken {
            return Ok(SteppedUp::Used);
        }
        raise(&mut write, up, proofs.ends, now).await?;
        let (mut kept_recovery_codes, mut ended) = (false, Vec::new());
        if let SecondProof::Step {
            factor,
            recovery_codes,
            ..
        } = up.proof
            && before.iter().any(|one| one.id == factor && !one.verified)
        {
            query("DELETE FROM factor WHERE user_account_id = $1 AND verified_at IS NULL")
                .bind(up.user)
                .execute(write.on())
                .await?;
            if !before.iter().any(|one| one.verified) {
                replace_recovery_codes(&mut write, up.user, recovery_codes).await?;
                kept_recovery_codes = true;
            }
            ended = end_those(&mut write, &self.outbox, up.user, End::Weak, now).await?;
        }
        tell(&mut write, up.user).await?;
        let user = user::owner(&mut write, up.user).await?;
        write.commit().await?;
        self.outbox.wake();
        proofs.second = Some((up.method.to_owned(), now));
        Ok(SteppedUp::Done {
            user: Box::new(user),
            proofs,
            kept_recovery_codes,
            ended,
        })
    }
}

async fn live(write: &mut Write, user: &str, session: &str) -> Result<Option<Proofs>, DbError> {
    let row = query(LIVE)
        .for_update()
        .bind(session)
        .bind(user)
        .optional(write.on())
        .await?;
    Ok(row.as_ref().map(Proofs::read).transpose()?)
}

/// `false` when that step, or a later one, was used before.
async fn use_step(
    write: &mut Write,
    user: &str,
    factor: &str,
    step: u64,
    now: UnixMillis,
) -> Result<bool, DbError> {
    let changed = query(
        "UPDATE factor SET last_step = $1, verified_at = COALESCE(verified_at, $2), \
         updated_at = CASE WHEN verified_at IS NULL THEN $2 ELSE updated_at END \
         WHERE factor_id = $3 AND user_account_id = $4 AND last_step < $1",
    )
    // MySQL assigns from left to right: there it must come before what it looks at changes.
    .mysql_as(
        "UPDATE factor SET last_step = $1, \
         updated_at = CASE WHEN verified_at IS NULL THEN $2 ELSE updated_at END, \
         verified_at = COALESCE(verified_at, $2) \
         WHERE factor_id = $3 AND user_account_id = $4 AND last_step < $1",
    )
    .bind(i64::try_from(step).unwrap_or(i64::MAX))
    .bind(stored(now))
    .bind(factor)
    .bind(user)
    .execute(write.on())
    .await?;
    Ok(changed == 1)
}

async fn use_recovery_code(write: &mut Write, user: &str, code: &str) -> Result<bool, DbError> {
    let deleted = query("DELETE FROM recovery_code WHERE user_account_id = $1 AND code = $2")
        .bind(user)
        .bind(code)
        .execute(write.on())
        .await?;
    Ok(deleted == 1)
}

/// Whoever held a refresh token from before the second factor does not get behind it with that.
async fn raise(
    write: &mut Write,
    up: &StepUp<'_>,
    ends: UnixMillis,
    now: UnixMillis,
) -> Result<(), DbError> {
    query(
        "UPDATE session SET second_method = $1, second_at = $2, last_seen_at = $2 \
         WHERE session_id = $3",
    )
    .bind(up.method)
    .bind(stored(now))
    .bind(up.session)
    .execute(write.on())
    .await?;
    // Whatever it is by the clock of who comes with one: none is good any more, nor is what it gets again.
    let again = stored(UnixMillis(now.0.saturating_sub(up.grace_ms)));
    query(
        "UPDATE refresh_token SET expires_at = 0 \
         WHERE session_id = $1 AND (used_at IS NULL OR used_at > $2)",
    )
    .bind(up.session)
    .bind(again)
    .execute(write.on())
    .await?;
    new_token(&up.token_hash, up.session, up.expires.min(ends))
        .execute(write.on())
        .await?;
    Ok(())
}
