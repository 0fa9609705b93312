//! Codes short enough to be guessed: those of an authenticator, recovery codes, codes of mails.
//!
//! Guarantees: one is counted as wrong before it is looked at, by account and network on the ladder of the lockout,
//! and for the account as a whole; a network where a code was right of late is held to its own count alone,
//! so that nobody locks an owner out from elsewhere. Accounts that do not exist are counted alike.

use super::lockout::{KNOWN_MS, LADDER, network};
use crate::{
    admission::Admitted,
    db::{Attempt, Db, DbError, GoodLogin, Locks, LoginAttempt, Rung},
    http::ApiError,
};
use gapura_shared::{outcome::AccountId, time::UnixMillis};

const DAY_MS: u64 = 86_400_000;
/// Wrong codes of an account from anywhere: of a million, and three good at a time, so many a day.
const CEILING: Rung = Rung {
    failures: 20,
    lock_ms: DAY_MS,
};

/// Which codes; each kind is counted by itself, so that guesses of one keep nobody from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// Of an authenticator, by the account's id.
    Totp,
    /// In its place, by the account's id.
    Recovery,
    /// Of a mail, by the address that it went to.
    Mail,
}

impl Code {
    /// Under which they are counted: not the login name, whose lock is another one.
    fn account(self, of: &str) -> AccountId {
        let kind = match self {
            Self::Totp => "factor",
            Self::Recovery => "recovery",
            Self::Mail => "code",
        };
        AccountId::of(&format!("{kind}:{of}"))
    }

    /// Those that one person proves themselves by in the place of each other.
    const fn alike(self) -> &'static [Self] {
        match self {
            Self::Totp | Self::Recovery => &[Self::Totp, Self::Recovery],
            Self::Mail => &[Self::Mail],
        }
    }
}

/// A code that is counted as wrong until [`CodeAttempt::succeeded`] says otherwise.
pub(super) struct CodeAttempt {
    code: Code,
    of: String,
    network: String,
    began: Locks,
}

impl CodeAttempt {
    /// Counts an attempt.
    ///
    /// # Errors
    /// [`ApiError::CodesLocked`], and the database's.
    pub(super) async fn count(
        db: &Db,
        request: &Admitted,
        code: Code,
        of: &str,
        now: UnixMillis,
    ) -> Result<Self, ApiError> {
        let (account, network) = (code.account(of), network(request));
        let attempt = LoginAttempt {
            account: account.as_str(),
            source: &network,
            ladder: &LADDER,
            ceiling: CEILING,
            forget_ms: DAY_MS,
            known_ms: KNOWN_MS,
            counts_refusal: true,
        };
        match db.count_login(&attempt, now).await? {
            Attempt::Counted(began) => Ok(Self {
                code,
                of: of.to_owned(),
                network,
                began,
            }),
            Attempt::Locked(locks) => {
                let until = locks.source.max(locks.anywhere).unwrap_or(now);
                let wait_s = until.0.saturating_sub(now.0).div_ceil(1000);
                Err(ApiError::CodesLocked {
                    retry_after_s: u32::try_from(wait_s).unwrap_or(u32::MAX),
                })
            }
        }
    }

    /// It was right: this network is known from now on.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn succeeded(self, db: &Db, now: UnixMillis) -> Result<(), DbError> {
        for code in self.code.alike() {
            let began = if *code == self.code {
                self.began
            } else {
                Locks::default()
            };
            let account = code.account(&self.of);
            let right = GoodLogin {
                account: account.as_str(),
                source: &self.network,
                began,
            };
            db.login_succeeded(right, now).await?;
        }
        Ok(())
    }
}

/// Somebody has shown by other means whose account or address it is: what was guessed before is forgotten, and their
/// network is known.
///
/// # Errors
/// [`DbError`].
pub(super) async fn proven(
    db: &Db,
    request: &Admitted,
    code: Code,
    of: &str,
    now: UnixMillis,
) -> Result<(), DbError> {
    let account = code.account(of);
    db.lift_locks(account.as_str(), now).await?;
    let here = GoodLogin {
        account: account.as_str(),
        source: &network(request),
        began: Locks::default(),
    };
    db.login_succeeded(here, now).await
}

/// Lifts the locks of codes that stand for each other, and of what was mailed; whether any were counted.
///
/// # Errors
/// [`DbError`].
pub(super) async fn unlock(db: &Db, code: Code, of: &str) -> Result<bool, DbError> {
    let mut was_counted = false;
    for code in code.alike() {
        was_counted |= db.unlock(code.account(of).as_str()).await?;
    }
    Ok(was_counted)
}
