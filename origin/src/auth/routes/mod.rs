//! The endpoints under `/auth/v1`, a file each, and what they share.

mod admin;
mod factors;
mod logout;
mod sessions;
mod settings;
mod signup;
pub(crate) mod simple;
mod tenants;
mod token;
mod user;

pub use admin::{admin, invite};
pub use factors::{abandoned_before, factors};
pub use logout::logout;
pub use sessions::sessions;
pub use settings::{health, settings};
pub use signup::signup;
pub use tenants::tenants;
pub use token::token;
pub use user::user;

pub(crate) use super::one_time::{
    request::{otp, reauthenticate, recover, resend},
    verify::verify,
};

use super::{
    Auth, body,
    session::{Method, Opened, SessionError, device},
    view::UserView,
};
use crate::{
    App,
    admission::Admitted,
    auth, clock,
    db::{Ended, Profile, Session, User},
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::{
    event::Kind,
    limits::MAX_REVOCATIONS,
    push::{self, Revocation},
    time::UnixMillis,
};
use std::time::Duration;

/// By which clocks may differ: so much longer is a token taken for a good one.
const CLOCK_LEEWAY: Duration = Duration::from_mins(2);

/// `GET /auth/v1/.well-known/jwks.json`.
#[must_use]
pub fn jwks(app: &App, request: &Admitted) -> Answer {
    let keys = app.auth.keys();
    let (jwks, etag) = keys.jwks();
    respond::public_json(jwks, etag, request.headers())
}

/// The account and the session that the token names.
fn caller(request: &Admitted) -> Result<(String, String), ApiError> {
    let principal = request.identity().principal.as_ref();
    let principal = principal.ok_or(ApiError::NoPrincipal)?;
    let user = principal.subject.clone().ok_or(ApiError::NoSubject)?;
    let session = principal.session.clone().ok_or(ApiError::NoSubject)?;
    Ok((user, session))
}

/// The account and the session that the token names, if both are good still. The gate knows of
/// their end within two seconds; what changes something does not wait for that.
pub(super) async fn present(app: &App, request: &Admitted) -> Result<(User, Session), ApiError> {
    let (user, session) = caller(request)?;
    let now = clock::now();
    let found = app.db.user_in_session(&user, &session, now).await?;
    let (user, session) = found.ok_or(ApiError::SessionEnded)?;
    may_log_in(&app.auth, &(&user).into(), now)?;
    Ok((user, session))
}

/// What an account needs to log in besides a proof of who asks.
pub(super) fn may_log_in(auth: &Auth, user: &Profile<'_>, now: UnixMillis) -> Result<(), ApiError> {
    if user.deleted_at.is_some() {
        return Err(ApiError::UserGone);
    }
    if auth.settings.confirm_email && user.email_confirmed_at.is_none() {
        return Err(ApiError::EmailUnconfirmed);
    }
    if user.is_banned(now) {
        return Err(ApiError::UserBanned);
    }
    Ok(())
}

/// Opens a session of an account whose owner has proven who they are.
pub(super) async fn open_session(
    app: &App,
    request: &mut Admitted,
    user: User,
    method: Method,
) -> Result<auth::session::Session, ApiError> {
    let (device, now) = (device(request), clock::now());
    let opened = app.auth.open(&app.db, user, method, None, &device, now);
    end_excess(app, request, opened.await?).await
}

/// Sessions of an account that may be opened at one moment, none of which counts the others: as many as eight
/// origins have connections.
const AT_ONCE: u32 = 64;

/// Of too many sessions the one ends that was idle the longest.
async fn end_excess(
    app: &App,
    request: &mut Admitted,
    opened: Opened,
) -> Result<auth::session::Session, ApiError> {
    let Opened { session, count } = opened;
    let (id, keep) = (&session.user.id, app.auth.settings.max_sessions);
    if count.saturating_add(AT_ONCE) > keep {
        let ended = app.db.end_excess_sessions(id, keep, clock::now()).await?;
        if !ended.is_empty() {
            log::security(request, Kind::SessionEnded, Some(id), 200, "too-many");
            revoke(app, request, id, ended);
        }
    }
    Ok(session)
}

/// Has the edge refuse the tokens of an account's sessions that ended; of those that still have any.
fn revoke(app: &App, request: &mut Admitted, user: &str, ended: Vec<Ended>) {
    let lifetime = app.auth.settings.access_lifetime + CLOCK_LEEWAY;
    let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
    let now = clock::now();
    let live: Vec<Ended> = ended
        .into_iter()
        .filter(|ended| now.0.saturating_sub(ended.last_seen.0) < lifetime_ms)
        .collect();
    let revoked = if live.len() <= MAX_REVOCATIONS {
        let session = |ended: Ended| revocation(app, push::Kind::Session, ended.id);
        live.into_iter().map(session).collect()
    } else {
        // Whoever used more of them of late than an answer can name starts anew everywhere.
        vec![until_now(app, push::Kind::User, user)]
    };
    request.outcome().revoked = revoked;
}

/// Has the edge refuse all that was issued to a user or a tenant until now.
fn until_now(app: &App, kind: push::Kind, id: &str) -> Revocation {
    let not_before = Some(clock::now().seconds().after(1));
    Revocation {
        not_before,
        ..revocation(app, kind, id.to_owned())
    }
}

/// Has the edge refuse what was issued, until it would have expired by itself.
fn revocation(app: &App, kind: push::Kind, id: String) -> Revocation {
    let lifetime_s = app.auth.settings.access_lifetime.as_secs();
    Revocation {
        kind,
        id,
        until: clock::now().seconds().after(lifetime_s),
        not_before: None,
    }
}

fn user_answer(app: &App, user: &User) -> Result<Answer, ApiError> {
    changing_user_answer(app, user.into(), None)
}

/// The account with the address that it is to have, if it is about to have another one.
fn changing_user_answer(
    app: &App,
    user: Profile<'_>,
    new_email: Option<&str>,
) -> Result<Answer, ApiError> {
    let view = UserView::of(user, &app.auth.settings.audience).changing_to(new_email);
    respond::private_view(&view)
}

/// The body, when it says that it is JSON: what the edge's WAF took for
/// something else must not be read as JSON here.
pub(super) async fn json_body(request: &mut Admitted) -> Result<Vec<u8>, ApiError> {
    if !request.is_json() {
        return Err(ApiError::NotJson);
    }
    Ok(request.take_body().read(body::MAX_BYTES).await?.into())
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Db(error) => error.into(),
            SessionError::Unsigned(_) => Self::Internal,
            SessionError::Changed => Self::InvalidCredentials,
        }
    }
}
