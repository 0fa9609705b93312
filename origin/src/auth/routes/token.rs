//! `/auth/v1/token`: sessions for passwords and for refresh tokens.

use super::{end_excess, json_body, revocation};
use crate::{
    App,
    admission::Admitted,
    auth::{
        Auth,
        body::{self, Login},
        cookie::{self, Delivery},
        lockout::Counted,
        login::{Attempt, Entry, Finding, Judged},
        one_time,
        refresh::RefreshToken,
        session::{Refreshed, device},
    },
    clock,
    http::{Answer, ApiError, respond},
    log,
    mail::{self, Order},
};
use gapura_shared::{event::Kind, outcome, parse::query, push};
use http::header::SET_COOKIE;
use std::time::{Duration, Instant};

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
    let attempt = Attempt {
        // Before it is counted: who finds the queue full has not failed.
        turn: auth.hasher.turn()?,
        source: auth.source(request, &login.email),
        email: login.email.clone(),
        password: login.password,
    };
    let Judged {
        mut counted,
        finding,
        sooner,
    } = auth.log_in(db, attempt, device(request)).await?;
    let entry = match finding {
        Finding::Right(entry) => entry,
        Finding::Wrong => {
            let reason = if counted.is_open {
                "invalid-credentials"
            } else {
                "locked"
            };
            log::security(request, Kind::AuthFailed, None, 400, reason);
            pause(sooner).await;
            failed(app, request, &mut counted, &login.email, started).await?;
            return Err(ApiError::InvalidCredentials);
        }
        // Counted like a wrong one: whoever signs up with a guess and tries it next has guessed.
        Finding::Waits { user } => {
            let refusal = ApiError::EmailUnconfirmed;
            let reason = refusal.shape().reason;
            log::security(request, Kind::AuthFailed, user.as_deref(), 400, reason);
            pause(sooner).await;
            failed(app, request, &mut counted, &login.email, started).await?;
            return Err(refusal);
        }
    };
    let known = auth.known_device(request, &counted);
    let opened = match entry {
        Entry::Opened(opened) => *opened,
        Entry::Refused { user, why } => {
            let reason = why.shape().reason;
            log::security(request, Kind::AuthFailed, Some(&user), 400, reason);
            return Err(why);
        }
    };
    let session = end_excess(app, request, opened).await?;
    let actor = Some(session.user.id.as_str());
    log::security(request, Kind::AuthSuccess, actor, 200, "password");
    let mut answer = session.answer(auth, delivery)?;
    answer.headers_mut().append(SET_COOKIE, known);
    Ok(answer)
}

/// Waits. A sleep of no time would take until the timer's next tick, a millisecond that nobody else waits.
async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// Tells the edge of a login that failed, and the owner of a lock that began with it.
async fn failed(
    app: &App,
    request: &mut Admitted,
    counted: &mut Counted,
    email: &str,
    started: Instant,
) -> Result<(), ApiError> {
    let delay_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    Auth::login_failed(request, counted, delay_ms);
    if counted.has_locked() {
        let order = Order {
            to: email.to_owned(),
            ..one_time::order(app, request)?
        };
        let (kind, now) = (mail::Kind::Lockout, clock::now());
        app.mail.notify(&app.db, kind, &order, now).await;
    }
    Ok(())
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
    let refusal = match refreshed {
        Refreshed::Session(session) => {
            let actor = Some(session.user.id.as_str());
            log::security(request, Kind::TokenRefresh, actor, 200, "refresh");
            return session.answer(&app.auth, delivery);
        }
        Refreshed::Reused { user, session } => {
            request.outcome().revoked = vec![revocation(app, push::Kind::Session, session)];
            log::security(request, Kind::TokenReuse, Some(&user), 400, "refresh-reuse");
            ApiError::RefreshTokenReused
        }
        Refreshed::Expired => ApiError::SessionExpired,
        Refreshed::Banned => return Err(ApiError::UserBanned),
        Refreshed::Unknown => {
            log::security(request, Kind::AuthFailed, None, 400, "refresh-unknown");
            ApiError::RefreshTokenUnknown
        }
    };
    if delivery != Delivery::Cookies {
        return Err(refusal);
    }
    // No script can take a cookie away that is good for nothing.
    let mut answer = respond::problem(&refusal, &request.identity().request_id);
    for cleared in Delivery::cleared() {
        answer.headers_mut().append(SET_COOKIE, cleared);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::{Duration, pause};
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_pause_of_no_time_is_none() {
        assert_eq!(pause(Duration::ZERO).now_or_never(), Some(()));
        assert_eq!(pause(Duration::from_secs(1)).now_or_never(), None);
    }
}
