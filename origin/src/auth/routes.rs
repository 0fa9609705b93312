//! The endpoints under `/auth/v1`.

use super::{
    ROLE_USER,
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
    db::User,
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::{event::Kind, parse::query};

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
    let Signup { login, data } = Signup::parse(&json_body(request).await?)?;
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
    let login = Login::parse(&json_body(request).await?)?;
    let found = app.db.user_by_email(&login.email).await?;
    let hash = found.as_ref().map(|user| user.password_hash.as_str());
    let matches = app.auth.hasher.verify(login.password, hash).await?;
    let Some(mut user) = found.filter(|_| matches) else {
        log::security(request, Kind::AuthFailed, None, 400, "invalid-credentials");
        return Err(ApiError::InvalidCredentials);
    };
    let session = app.auth.open(&app.db, &mut user, clock::now()).await?;
    log::security(request, Kind::AuthSuccess, Some(&user.id), 200, "password");
    Ok(respond::private_json(session))
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
        Refreshed::Reused { user } => {
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
