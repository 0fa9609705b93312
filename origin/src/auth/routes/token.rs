//! `/auth/v1/token`: sessions for passwords and for refresh tokens.

use super::{json_body, may_log_in, revocation};
use crate::{
    App,
    admission::Admitted,
    auth::{
        Auth,
        body::{self, Login},
        cookie::{self, Delivery},
        lockout::Counted,
        one_time,
        password::{HashError, Turn},
        refresh::RefreshToken,
        session::{Method, Refreshed, device},
    },
    clock,
    db::{Db, User},
    http::{Answer, ApiError},
    log,
    mail::{self, Order},
};
use gapura_shared::{event::Kind, outcome, parse::query, push};
use http::header::SET_COOKIE;
use std::time::Instant;

/// `POST /auth/v1/token?grant_type=password|refresh_token|pkce`.
///
/// # Errors
/// [`ApiError`].
pub async fn token(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let grant = query::first(request.query(), "grant_type")
        .map_err(|_| ApiError::Invalid("The query is not readable."))?;
    let delivery = Delivery::of(app, request)?;
    match grant.as_deref() {
        Some("password") => password_grant(app, request, delivery).await,
        Some("refresh_token") => refresh_grant(app, request, delivery).await,
        Some("pkce") => one_time::exchange(app, request).await,
        _ => Err(ApiError::UnsupportedGrant),
    }
}

pub(super) async fn password_grant(
    app: &App,
    request: &mut Admitted,
    delivery: Delivery,
) -> Result<Answer, ApiError> {
    let started = Instant::now();
    let body = json_body(request).await?;
    let login = Login::parse(&body).inspect_err(|_| {
        // The gate counted it against the account that it may name: no attempt is cheaper than a wrong one.
        request.outcome().login = Some(outcome::Login::Failed);
    })?;
    let (auth, db) = (&app.auth, &app.db);
    // Before it is counted: who finds the queue full, or the database away, has not failed.
    let turn = auth.hasher.turn()?;
    let found = db.user_by_email(&login.email).await?;
    let mut counted = auth
        .count_login(db, request, &login.email, clock::now())
        .await?;
    let hash = found.as_ref().map(|user| user.password_hash.as_str());
    let password = login.password.clone();
    let compared = auth.compare(&counted, turn.clone(), password, hash);
    let verdict = compared.await?;
    if auth.settings.confirm_email {
        let user = found.as_ref();
        let waits = auth.waits(&counted, turn, login.password, user, verdict.matches);
        if waits.await? {
            tokio::time::sleep(verdict.sooner).await;
            return unconfirmed(app, request, &counted, user).await;
        }
    }
    if let (Some(unusable), Some(user)) = (verdict.unusable, &found) {
        tracing::warn!(user = user.id, %unusable, "a kept password hash cannot be checked against");
    }
    let now = clock::now();
    let Some(mut user) = found.filter(|_| verdict.matches) else {
        let reason = if counted.is_open {
            "invalid-credentials"
        } else {
            "locked"
        };
        log::security(request, Kind::AuthFailed, None, 400, reason);
        tokio::time::sleep(verdict.sooner).await;
        let delay_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        Auth::login_failed(request, &mut counted, delay_ms);
        if counted.has_locked() {
            let order = Order {
                to: login.email,
                ..one_time::order(app, request)?
            };
            app.mail.notify(db, mail::Kind::Lockout, &order, now).await;
        }
        return Err(ApiError::InvalidCredentials);
    };
    if let Some(hash) = verdict.rehashed
        && keep_rehashed(db, &user, &hash).await
    {
        user.password_hash = hash;
    }
    let known = auth.login_succeeded(db, request, &mut counted, now).await?;
    // Who knows the password may know why it does not help.
    if let Err(refusal) = may_log_in(auth, &user, now) {
        log::security(
            request,
            Kind::AuthFailed,
            Some(&user.id),
            400,
            refusal.shape().reason,
        );
        return Err(refusal);
    }
    let device = device(request);
    let session = auth.open(db, user, Method::Password, &device, now).await?;
    let actor = Some(session.user.id.as_str());
    log::security(request, Kind::AuthSuccess, actor, 200, "password");
    let mut answer = session.answer(auth, delivery)?;
    answer.headers_mut().append(SET_COOKIE, known);
    Ok(answer)
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

impl Auth {
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

/// The password is right, or would be, and does not help: neither a failure nor a success, which would
/// make others' failures forgotten.
async fn unconfirmed(
    app: &App,
    request: &mut Admitted,
    counted: &Counted,
    user: Option<&User>,
) -> Result<Answer, ApiError> {
    Auth::login_withdrawn(&app.db, counted).await?;
    let refusal = ApiError::EmailUnconfirmed;
    let actor = user.map(|user| user.id.as_str());
    let reason = refusal.shape().reason;
    log::security(request, Kind::AuthFailed, actor, 400, reason);
    Err(refusal)
}

pub(super) async fn refresh_grant(
    app: &App,
    request: &mut Admitted,
    delivery: Delivery,
) -> Result<Answer, ApiError> {
    let text = match delivery {
        Delivery::Body | Delivery::Simple => body::refresh_token(&json_body(request).await?)?,
        Delivery::Cookies => {
            cookie::refresh_token(request.headers()).ok_or(ApiError::RefreshTokenUnknown)?
        }
    };
    let refreshed = match RefreshToken::parse(&text) {
        Some(token) => {
            let device = device(request);
            app.auth
                .refresh(&app.db, &token, &device, clock::now())
                .await?
        }
        None => Refreshed::Unknown,
    };
    match refreshed {
        Refreshed::Session(session) => {
            let actor = Some(session.user.id.as_str());
            log::security(request, Kind::TokenRefresh, actor, 200, "refresh");
            session.answer(&app.auth, delivery)
        }
        Refreshed::Reused { user, session } => {
            request.outcome().revoked = vec![revocation(app, push::Kind::Session, session)];
            log::security(request, Kind::TokenReuse, Some(&user), 400, "refresh-reuse");
            Err(ApiError::RefreshTokenReused)
        }
        Refreshed::Expired => Err(ApiError::SessionExpired),
        Refreshed::Banned => Err(ApiError::UserBanned),
        Refreshed::Unknown => {
            log::security(request, Kind::AuthFailed, None, 400, "refresh-unknown");
            Err(ApiError::RefreshTokenUnknown)
        }
    }
}
