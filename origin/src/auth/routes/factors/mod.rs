//! `/auth/v1/factors`: the second factor, as `supabase.auth.mfa` asks for it, and the codes for
//! the day when it is lost.
//!
//! Guarantees: no factor is added to or taken from an account that has one without that one; a
//! code is good once; wrong codes are counted before a code is looked at ([`codes`]).

mod body;
mod manage;
mod recovery;
mod verify;

use crate::{
    App,
    admission::Admitted,
    auth::{
        Auth,
        codes::{self, Code},
    },
    clock,
    db::{Db, DbError},
    http::{Answer, ApiError},
};
use gapura_shared::{claims::Assurance, outcome::Login, time::UnixMillis};
use http::Method;

/// Below `/auth/v1/factors`.
const RECOVERY_CODES: &str = "recovery-codes";

/// `/auth/v1/factors` and what is below.
///
/// # Errors
/// [`ApiError`].
pub async fn factors(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let path = request.path().to_owned();
    let below = path.strip_prefix("/auth/v1/factors").unwrap_or_default();
    let parts: Vec<&str> = below.split('/').skip(1).collect();
    let method = request.method().clone();
    match (method, parts.as_slice()) {
        (Method::POST, []) => manage::enrol(app, request).await,
        (Method::POST, [RECOVERY_CODES]) => recovery::renew(app, request).await,
        (Method::POST, [RECOVERY_CODES, "verify"]) => recovery::verify(app, request).await,
        (Method::POST, [factor, "challenge"]) => verify::challenge(app, request, factor).await,
        (Method::POST, [factor, "verify"]) => verify::verify(app, request, factor).await,
        (Method::DELETE, [factor]) if *factor != RECOVERY_CODES => {
            manage::remove(app, request, factor).await
        }
        (_, [] | [RECOVERY_CODES] | [_, "challenge" | "verify"]) => {
            Err(ApiError::MethodNotAllowed { allow: "POST" })
        }
        (_, [_]) => Err(ApiError::MethodNotAllowed { allow: "DELETE" }),
        _ => Err(ApiError::NotFound),
    }
}

/// Whose token it is: account and session.
struct Bearer {
    user: String,
    session: String,
}

impl Bearer {
    fn of(request: &Admitted) -> Result<Self, ApiError> {
        let principal = request.identity().principal.as_ref();
        let principal = principal.ok_or(ApiError::NoPrincipal)?;
        Ok(Self {
            user: principal.subject.clone().ok_or(ApiError::NoSubject)?,
            session: principal.session.clone().ok_or(ApiError::NoSubject)?,
        })
    }

    async fn is_stepped_up(&self, app: &App, request: &Admitted) -> Result<bool, ApiError> {
        is_stepped_up(app, request, &self.user, &self.session).await
    }
}

/// Whether two factors stand behind a request: by its token, which may be older than the session's second factor,
/// and by its session, which may have lost it since.
pub(super) async fn is_stepped_up(
    app: &App,
    request: &Admitted,
    user: &str,
    session: &str,
) -> Result<bool, ApiError> {
    let principal = request.identity().principal.as_ref();
    if principal.is_none_or(|principal| principal.assurance < Assurance::Aal2) {
        return Ok(false);
    }
    let proofs = app.db.session_proofs(user, session).await?;
    Ok(proofs.is_some_and(|proofs| proofs.second.is_some()))
}

/// A wrong code: a strike for the client at the edge, like a wrong password.
fn wrong_code(request: &mut Admitted, user: &str, reason: &'static str) -> ApiError {
    crate::log::security(
        request,
        gapura_shared::event::Kind::AuthFailed,
        Some(user),
        ApiError::WrongCode.shape().status,
        reason,
    );
    request.outcome().login = Some(Login::Failed);
    ApiError::WrongCode
}

impl Auth {
    /// Takes every factor of an account away, its recovery codes and the locks of its codes; how many factors there
    /// were. Ends no session.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn reset_factors(db: &Db, user: &str) -> Result<u64, DbError> {
        let removed = db.remove_factors(user).await?;
        Self::unlock_codes(db, user).await?;
        Ok(removed)
    }

    /// Lifts the locks of the codes that are mailed to an address; whether any were counted.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unlock_mailed_codes(db: &Db, email: &str) -> Result<bool, DbError> {
        codes::unlock(db, Code::Mail, email).await
    }

    /// Lifts the locks of an account's codes; whether any were counted.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unlock_codes(db: &Db, user: &str) -> Result<bool, DbError> {
        codes::unlock(db, Code::Totp, user).await
    }
}

/// Factors enrolled before then that were never verified may go: an hour.
#[must_use]
pub fn abandoned_before() -> UnixMillis {
    UnixMillis(clock::now().0.saturating_sub(3_600_000))
}
