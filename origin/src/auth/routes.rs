//! The endpoints under `/auth/v1`.

use super::{
    Auth, ROLE_USER,
    body::{self, Login, Signup},
    new_user,
    refresh::RefreshToken,
    session::{Refreshed, SessionError},
    view::UserView,
};
use crate::{
    App,
    admission::Admitted,
    clock,
    db::{Db, End, User},
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::{
    event::Kind,
    limits::MAX_REVOCATIONS,
    parse::query,
    push::{self, Revocation},
};
use http::{StatusCode, header::SET_COOKIE};
use std::time::Instant;

/// `POST /auth/v1/signup`.
///
/// Without `signup_session` the answer is the account as it would be, made and
/// hashed before the database is asked, so that text, status and work are the
/// same whether the address is new or taken (there, the account in the answer
/// does not exist). supabase-js reads it as "no session yet" and logs in next.
///
/// # Errors
/// [`ApiError`].
pub async fn signup(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let Signup { login, data } = Signup::parse(&json_body(request).await?, &app.auth.passwords)?;
    let hash = app.auth.hasher.hash(login.password).await?;
    let now = clock::now();
    let mut user = new_user(login.email, hash, ROLE_USER, now);
    user.user_metadata = data;
    let created = app.db.insert_user(&user).await?;
    if created {
        log::security(request, Kind::AccountCreated, Some(&user.id), 200, "signup");
    } else {
        log::security(request, Kind::AuthFailed, None, 200, "signup-existing");
    }
    match (app.auth.settings.signup_session, created) {
        (false, _) => user_answer(app, &user),
        (true, false) => Err(ApiError::EmailTaken),
        (true, true) => Ok(respond::private_json(
            app.auth.open(&app.db, &mut user, now).await?,
        )),
    }
}

/// `POST /auth/v1/token?grant_type=password|refresh_token`.
///
/// # Errors
/// [`ApiError`].
pub async fn token(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let grant = query::first(request.query(), "grant_type")
        .map_err(|_| ApiError::Invalid("The query is not readable."))?;
    match grant.as_deref() {
        Some("password") => password_grant(app, request).await,
        Some("refresh_token") => refresh_grant(app, request).await,
        _ => Err(ApiError::UnsupportedGrant),
    }
}

async fn password_grant(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let started = Instant::now();
    let login = Login::parse(&json_body(request).await?)?;
    let (auth, db) = (&app.auth, &app.db);
    let counted = auth
        .count_login(db, request, &login.email, clock::now())
        .await?;
    let found = db.user_by_email(&login.email).await?;
    let hash = found.as_ref().map(|user| user.password_hash.as_str());
    let verdict = auth.compare(&counted, login.password, hash).await?;
    if let (Some(unusable), Some(user)) = (verdict.unusable, &found) {
        tracing::warn!(user = user.id, %unusable, "a kept password hash cannot be checked against");
    }
    let Some(mut user) = found.filter(|_| verdict.matches) else {
        let reason = if counted.is_open {
            "invalid-credentials"
        } else {
            "locked"
        };
        log::security(request, Kind::AuthFailed, None, 400, reason);
        tokio::time::sleep(verdict.sooner).await;
        let delay_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        Auth::login_failed(request, &counted, delay_ms);
        return Err(ApiError::InvalidCredentials);
    };
    let now = clock::now();
    if let Some(hash) = &verdict.rehashed {
        keep_rehashed(db, &user, hash).await;
    }
    let device = auth.login_succeeded(db, request, &counted, now).await?;
    let session = auth.open(db, &mut user, now).await?;
    log::security(request, Kind::AuthSuccess, Some(&user.id), 200, "password");
    let mut answer = respond::private_json(session);
    answer.headers_mut().insert(SET_COOKIE, device);
    Ok(answer)
}

/// Puts our hash in the place of another system's. A login does not fail for it: the next one
/// does it again.
async fn keep_rehashed(db: &Db, user: &User, hash: &str) {
    let replaced = db.set_password_hash(&user.id, &user.password_hash, hash);
    match replaced.await {
        Ok(true) => tracing::info!(user = user.id, "rehashed a password"),
        Ok(false) => tracing::debug!(user = user.id, "the password changed meanwhile"),
        Err(error) => tracing::warn!(user = user.id, %error, "cannot keep a rehashed password"),
    }
}

/// `POST /auth/v1/logout?scope=global|local|others`: ends sessions, here at once and at the
/// edge with the answer. Without a scope all of them, as supabase-js has it.
///
/// # Errors
/// [`ApiError`].
pub async fn logout(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let scope = query::first(request.query(), "scope")
        .map_err(|_| ApiError::Invalid("The query is not readable."))?;
    let principal = request.identity().principal.as_ref();
    let principal = principal.ok_or(ApiError::NoPrincipal)?;
    let user = principal.subject.clone().ok_or(ApiError::NoSubject)?;
    let session = principal.session.clone().ok_or(ApiError::NoSubject)?;
    let now = clock::now();
    let ended = match scope.as_deref() {
        None | Some("global") => End::All,
        Some("local") => End::One(&session),
        Some("others") => End::AllBut(&session),
        Some(_) => return Err(ApiError::Invalid("The scope is global, local or others.")),
    };
    let ended = app.db.end_sessions(&user, ended, now).await?;
    let revoked = if ended.len() <= MAX_REVOCATIONS {
        let session = |id| revocation(app, push::Kind::Session, id);
        ended.into_iter().map(session).collect()
    } else {
        // Whoever has more of them than an answer can name starts anew everywhere.
        let mut all = revocation(app, push::Kind::User, user.clone());
        all.not_before = Some(now.seconds().after(1));
        vec![all]
    };
    request.outcome().revoked = revoked;
    log::security(request, Kind::SessionEnded, Some(&user), 204, "logout");
    Ok(respond::empty(StatusCode::NO_CONTENT))
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

async fn refresh_grant(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let text = body::refresh_token(&json_body(request).await?)?;
    let refreshed = match RefreshToken::parse(&text) {
        Some(token) => app.auth.refresh(&app.db, &token, clock::now()).await?,
        None => Refreshed::Unknown,
    };
    match refreshed {
        Refreshed::Json { body, user } => {
            log::security(request, Kind::TokenRefresh, Some(&user), 200, "refresh");
            Ok(respond::private_json(body))
        }
        Refreshed::Reused { user, session } => {
            request.outcome().revoked = vec![revocation(app, push::Kind::Session, session)];
            log::security(request, Kind::TokenReuse, Some(&user), 400, "refresh-reuse");
            Err(ApiError::RefreshTokenReused)
        }
        Refreshed::Expired => Err(ApiError::SessionExpired),
        Refreshed::Unknown => {
            log::security(request, Kind::AuthFailed, None, 400, "refresh-unknown");
            Err(ApiError::RefreshTokenUnknown)
        }
    }
}

/// `GET /auth/v1/user`: the account that the token names.
///
/// # Errors
/// [`ApiError`].
pub async fn user(app: &App, request: &Admitted) -> Result<Answer, ApiError> {
    let principal = request
        .identity()
        .principal
        .as_ref()
        .ok_or(ApiError::NoPrincipal)?;
    let id = principal.subject.as_deref().ok_or(ApiError::NoSubject)?;
    let user = app.db.user_by_id(id).await?.ok_or(ApiError::UserGone)?;
    user_answer(app, &user)
}

/// `GET /auth/v1/.well-known/jwks.json`.
#[must_use]
pub fn jwks(app: &App) -> Answer {
    respond::public_json(app.auth.jwks.clone())
}

fn user_answer(app: &App, user: &User) -> Result<Answer, ApiError> {
    let view = UserView::new(user, &app.auth.settings.audience);
    serde_json::to_string(&view)
        .map(respond::private_json)
        .map_err(|_| ApiError::Internal)
}

/// The body, when it says that it is JSON: what the edge's WAF took for
/// something else must not be read as JSON here.
async fn json_body(request: &mut Admitted) -> Result<Vec<u8>, ApiError> {
    if !request.is_json() {
        return Err(ApiError::NotJson);
    }
    Ok(request.take_body().read(body::MAX_BYTES).await?.into())
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Db(error) => error.into(),
            SessionError::Unsigned(_) | SessionError::Json(_) => Self::Internal,
        }
    }
}
