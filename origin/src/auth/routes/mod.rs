//! The endpoints under `/auth/v1`, a file each, and what they share.

mod factors;
mod logout;
mod signup;
mod token;
mod user;

pub use factors::{abandoned_before, factors};
pub use logout::logout;
pub use signup::signup;
pub use token::token;
pub use user::user;

use super::{body, session::SessionError, view::UserView};
use crate::{
    App,
    admission::Admitted,
    clock,
    db::User,
    http::{Answer, ApiError, respond},
};
use gapura_shared::push::{self, Revocation};

/// `GET /auth/v1/.well-known/jwks.json`.
#[must_use]
pub fn jwks(app: &App) -> Answer {
    respond::public_json(app.auth.jwks.clone())
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
            SessionError::Unsigned(_) => Self::Internal,
        }
    }
}
