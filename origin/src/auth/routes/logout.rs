//! `/auth/v1/logout`.

use super::{caller, revoke};
use crate::{
    App,
    admission::Admitted,
    auth::{
        cookie::{self, Delivery},
        refresh::{GRACE_MS, RefreshToken},
    },
    clock,
    db::End,
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::{event::Kind, parse::query};
use http::{StatusCode, header::SET_COOKIE};

/// `POST /auth/v1/logout?scope=global|local|others`: ends sessions, here at once and at the
/// edge with the answer. Without a scope all of them, as supabase-js has it. Who comes back when the
/// access cookie is over has the refresh cookie to say whose session it is.
///
/// # Errors
/// [`ApiError`].
pub async fn logout(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let scope = query::first(request.query(), "scope")
        .map_err(|_| ApiError::Invalid("The query is not readable."))?;
    let (user, session) = match caller(request) {
        Err(ApiError::NoPrincipal) => by_refresh_cookie(app, request).await?,
        known => known?,
    };
    let ended = match scope.as_deref() {
        None | Some("global") => End::All,
        Some("local") => End::One(&session),
        Some("others") => End::AllBut(&session),
        Some(_) => return Err(ApiError::Invalid("The scope is global, local or others.")),
    };
    let ended = app.db.end_sessions(&user, ended, clock::now()).await?;
    revoke(app, request, &user, ended);
    log::security(request, Kind::SessionEnded, Some(&user), 204, "logout");
    let mut answer = respond::empty(StatusCode::NO_CONTENT);
    if scope.as_deref() != Some("others") && cookie::bears_session(request.headers()) {
        for cleared in Delivery::cleared() {
            answer.headers_mut().append(SET_COOKIE, cleared);
        }
    }
    Ok(answer)
}

/// The account and the session of the refresh cookie.
async fn by_refresh_cookie(app: &App, request: &Admitted) -> Result<(String, String), ApiError> {
    let sent = cookie::refresh_token(request.headers()).filter(|_| app.auth.settings.cookies);
    let token = sent.and_then(|text| RefreshToken::parse(&text));
    let token = token.ok_or(ApiError::NoPrincipal)?;
    let (hash, now) = (token.hash(), clock::now());
    let found = app.db.session_of_token(&hash, GRACE_MS, now).await?;
    found.ok_or(ApiError::NoPrincipal)
}
