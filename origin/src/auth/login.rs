//! A login from its count to its verdict.
//!
//! Guarantee: it goes on, whether its client waits for it or not. What counts as failed before it is looked
//! at would otherwise stay so for who hangs up, and a guess would cost nothing.

use super::{
    Auth,
    lockout::{Counted, Source},
    password::{HashError, Turn, Verdict},
};
use crate::{
    clock,
    db::{Db, User},
    http::ApiError,
};
use std::{sync::Arc, time::Duration};

/// A password about to be looked at.
pub(super) struct Attempt {
    /// From where, and as whom.
    pub(super) source: Source,
    pub(super) password: String,
    /// A place in the hash queue.
    pub(super) turn: Turn,
    /// The account of the login name.
    pub(super) user: Option<User>,
}

/// Whose a password is.
pub(super) enum Finding {
    /// The account's: the login is counted as good.
    Right {
        user: Box<User>,
        /// The hash to be kept from now on.
        rehashed: Option<String>,
    },
    /// Nobody's, or the login is locked.
    Wrong,
    /// That of a sign-up that waits for its confirmation, or would if the address had been free.
    Waits {
        /// The account of that address.
        user: Option<String>,
    },
}

/// What came of it.
pub(super) struct Judged {
    pub(super) counted: Counted,
    pub(super) finding: Finding,
    /// As [`Verdict::sooner`].
    pub(super) sooner: Duration,
}

impl Auth {
    /// Counts a login and looks at its password.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(super) async fn judge(
        self: &Arc<Self>,
        db: &Db,
        attempt: Attempt,
    ) -> Result<Judged, ApiError> {
        let (auth, db) = (Arc::clone(self), db.clone());
        let judged = tokio::spawn(async move { auth.judge_here(&db, attempt).await });
        judged.await.unwrap_or(Err(ApiError::Internal))
    }

    async fn judge_here(&self, db: &Db, attempt: Attempt) -> Result<Judged, ApiError> {
        let Attempt {
            source,
            password,
            turn,
            user,
        } = attempt;
        let mut counted = self.count_login(db, source, clock::now()).await?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let compared = self.compare(&counted, turn.clone(), password.clone(), hash);
        let verdict = compared.await?;
        let waits = if self.settings.confirm_email {
            let waits = self.waits(&counted, turn, password, user.as_ref(), verdict.matches);
            waits.await?
        } else {
            // Whoever is next need not wait for what is left to do here.
            drop(turn);
            false
        };
        let Verdict {
            matches,
            rehashed,
            unusable,
            sooner,
        } = verdict;
        if let (Some(unusable), Some(user)) = (unusable, &user) {
            tracing::warn!(user = user.id, %unusable, "a kept password hash cannot be checked against");
        }
        let finding = match user {
            user if waits => Finding::Waits {
                user: user.map(|user| user.id),
            },
            Some(user) if matches => {
                self.login_succeeded(db, &mut counted, clock::now()).await?;
                Finding::Right {
                    user: Box::new(user),
                    rehashed,
                }
            }
            _ => Finding::Wrong,
        };
        Ok(Judged {
            counted,
            finding,
            sooner,
        })
    }

    /// Whether a login is with the password of a sign-up that waits for its confirmation, or would if the
    /// address had been free. Whoever signs up for an address and logs in next must not learn which. So
    /// a login that does not succeed always compares twice here.
    async fn waits(
        &self,
        counted: &Counted,
        turn: Turn,
        password: String,
        user: Option<&User>,
        matches: bool,
    ) -> Result<bool, HashError> {
        if matches && user.is_some_and(|user| user.email_confirmed_at.is_some()) {
            return Ok(false);
        }
        let refused = user.and_then(|user| user.refused_hash.as_deref());
        let refused = refused.filter(|_| !matches);
        let verdict = self.compare(counted, turn, password, refused).await?;
        Ok(matches || verdict.matches)
    }
}
