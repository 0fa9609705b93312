//! `/auth/v1/sessions`: one's own devices.

use super::{caller, present, revoke};
use crate::{
    App,
    admission::Admitted,
    auth::view::DeviceView,
    clock,
    db::End,
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::event::Kind;
use http::StatusCode;
use serde_json::json;

/// `GET /auth/v1/sessions` lists what is logged in as the caller, the last used first and at most
/// 100; `DELETE /auth/v1/sessions/{id}` ends one of them.
///
/// # Errors
/// [`ApiError`].
pub async fn sessions(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let path = request.path().to_owned();
    match (
        request.method().as_str(),
        path.strip_prefix("/auth/v1/sessions/"),
    ) {
        ("GET" | "HEAD", None) => list(app, request).await,
        ("DELETE", Some(id)) => end(app, request, id).await,
        (_, None) => Err(ApiError::MethodNotAllowed { allow: "GET, HEAD" }),
        (_, Some(_)) => Err(ApiError::MethodNotAllowed { allow: "DELETE" }),
    }
}

async fn list(app: &App, request: &Admitted) -> Result<Answer, ApiError> {
    let (user, current) = present(app, request).await?;
    let now = clock::now();
    let sessions = app
        .db
        .sessions(&user.id, app.auth.idle_since(now), now)
        .await?;
    let views: Vec<_> = sessions
        .iter()
        .map(|session| DeviceView::new(session, session.id == current.id))
        .collect();
    Ok(respond::private_json(
        json!({ "sessions": views }).to_string(),
    ))
}

async fn end(app: &App, request: &mut Admitted, id: &str) -> Result<Answer, ApiError> {
    present(app, request).await?;
    let (user, _) = caller(request)?;
    let ended = app
        .db
        .end_sessions(&user, End::One(id), clock::now())
        .await?;
    if ended.is_empty() {
        return Err(ApiError::NotFound);
    }
    revoke(app, request, &user, ended);
    log::security(request, Kind::SessionEnded, Some(&user), 204, "own-device");
    Ok(respond::empty(StatusCode::NO_CONTENT))
}
