//! A login from its count to what it comes to.
//!
//! Guarantee: it goes on, whether its client waits for it or not. What counts as failed before it is looked
//! at would otherwise stay so for who hangs up, and a guess would cost nothing.

use super::{
    Auth,
    lockout::{Counted, Source},
    password::{HashError, Turn, Verdict},
    routes::may_log_in,
    session::{Method, Opened, SessionError},
};
use crate::{
    clock,
    db::{Db, Device, User},
    http::ApiError,
};
use std::{sync::Arc, time::Duration};

/// A password about to be looked at.
pub(super) struct Attempt {
    /// From where, and as whom.
    pub(super) source: Source,
    /// The login name: trimmed and lower case.
    pub(super) email: String,
    pub(super) password: String,
    /// A place in the hash queue.
    pub(super) turn: Turn,
}

/// Whose a password is.
pub(super) enum Finding<T> {
    /// The account's.
    Right(T),
    /// Nobody's, or the login is locked.
    Wrong,
    /// That of a sign-up that waits for its confirmation, or would if the address had been free.
    Waits {
        /// The account of that address.
        user: Option<String>,
    },
}

/// What came of it.
pub(super) struct Judged<T> {
    pub(super) counted: Counted,
    pub(super) finding: Finding<T>,
    /// As [`Verdict::sooner`].
    pub(super) sooner: Duration,
}

/// The account of a right password.
struct Owner {
    user: User,
    /// The hash to be kept from now on.
    rehashed: Option<String>,
}

/// What a right password opens.
pub(super) enum Entry {
    Opened(Box<Opened>),
    /// The account may not log in.
    Refused {
        user: String,
        why: ApiError,
    },
}

impl Auth {
    /// Counts a login and looks at its password; the id of the account that it is right for.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(super) async fn judge(
        self: &Arc<Self>,
        db: &Db,
        attempt: Attempt,
    ) -> Result<Judged<String>, ApiError> {
        let (auth, db) = (Arc::clone(self), db.clone());
        let judged = tokio::spawn(async move {
            let judged = auth.look(&db, attempt).await?;
            let take_back = async |counted: &mut Counted, owner: Owner| {
                db.login_succeeded(counted.good(), clock::now()).await?;
                Ok(owner.user.id)
            };
            judged.and_if_right(take_back).await
        });
        judged.await.unwrap_or(Err(ApiError::Internal))
    }

    /// Counts a login, looks at its password and opens a session where it is right.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(super) async fn log_in(
        self: &Arc<Self>,
        db: &Db,
        attempt: Attempt,
        device: Device,
    ) -> Result<Judged<Entry>, ApiError> {
        let (auth, db) = (Arc::clone(self), db.clone());
        let judged = tokio::spawn(async move {
            let judged = auth.look(&db, attempt).await?;
            let enter = async |counted: &mut Counted, owner: Owner| {
                auth.enter(&db, counted, owner, &device).await
            };
            judged.and_if_right(enter).await
        });
        judged.await.unwrap_or(Err(ApiError::Internal))
    }

    /// Opens a session for whoever knew the password. With it the attempt is taken back.
    async fn enter(
        &self,
        db: &Db,
        counted: &Counted,
        owner: Owner,
        device: &Device,
    ) -> Result<Entry, ApiError> {
        let (Owner { mut user, rehashed }, now) = (owner, clock::now());
        if let Some(hash) = rehashed
            && keep_rehashed(db, &user, &hash).await
        {
            user.password_hash = hash;
        }
        // Who knows the password may know why it does not help.
        if let Err(why) = may_log_in(self, &(&user).into(), now) {
            db.login_succeeded(counted.good(), now).await?;
            return Ok(Entry::Refused { user: user.id, why });
        }
        let (id, attempt) = (user.id.clone(), Some(counted.good()));
        let opened = self.open(db, user, Method::Password, attempt, device, now);
        match opened.await {
            Ok(opened) => Ok(Entry::Opened(Box::new(opened))),
            Err(changed @ SessionError::Changed) => Ok(Entry::Refused {
                user: id,
                why: changed.into(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts a login and looks at its password. One that is right still counts as failed.
    async fn look(&self, db: &Db, attempt: Attempt) -> Result<Judged<Owner>, ApiError> {
        let Attempt {
            source,
            email,
            password,
            turn,
        } = attempt;
        let counted = self.count_login(db, source, &email, clock::now());
        let (counted, user) = counted.await?;
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
            Some(user) if matches => Finding::Right(Owner { user, rehashed }),
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

impl Judged<Owner> {
    /// Goes on where the password is right; then those who wait for what it comes to need wait no longer.
    async fn and_if_right<T>(
        self,
        right: impl AsyncFnOnce(&mut Counted, Owner) -> Result<T, ApiError>,
    ) -> Result<Judged<T>, ApiError> {
        let mut counted = self.counted;
        let finding = match self.finding {
            Finding::Right(owner) => {
                let come_to = right(&mut counted, owner).await?;
                counted.is_over();
                Finding::Right(come_to)
            }
            Finding::Wrong => Finding::Wrong,
            Finding::Waits { user } => Finding::Waits { user },
        };
        Ok(Judged {
            counted,
            finding,
            sooner: self.sooner,
        })
    }
}

/// Puts our hash in the place of another system's; whether it is there. A login does not fail for it: the
/// next one does it again.
async fn keep_rehashed(db: &Db, user: &User, hash: &str) -> bool {
    let replaced = db.set_password_hash(&user.id, &user.password_hash, hash);
    let replaced = replaced.await;
    match &replaced {
        Ok(true) => tracing::info!(user = user.id, "rehashed a password"),
        Ok(false) => tracing::debug!(user = user.id, "the password changed meanwhile"),
        Err(error) => tracing::warn!(user = user.id, %error, "cannot keep a rehashed password"),
    }
    replaced.unwrap_or(false)
}
