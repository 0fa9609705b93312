//! `/auth/v1/user`.

use super::user_answer;
use crate::{
    App,
    admission::Admitted,
    http::{Answer, ApiError},
};

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
