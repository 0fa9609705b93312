//! `/auth/v1/logout`.

use super::revocation;
use crate::{
    App,
    admission::Admitted,
    auth::cookie::{self, Delivery},
    clock,
    db::End,
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::{event::Kind, limits::MAX_REVOCATIONS, parse::query, push};
use http::{StatusCode, header::SET_COOKIE};

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
    let mut answer = respond::empty(StatusCode::NO_CONTENT);
    if scope.as_deref() != Some("others") && cookie::bears_session(request.headers()) {
        for cleared in Delivery::cleared() {
            answer.headers_mut().append(SET_COOKIE, cleared);
        }
    }
    Ok(answer)
}
