//! `/auth/v1/simple`: log in, register and refresh as applications do that have no client library
//! for it. The reference systems' paths (`/api/auth/login` and so on) are rewritten to these by the
//! edge's policy.
//!
//! Everything but the form of a good answer is that of `/auth/v1/token` and `/auth/v1/signup`:
//! lockout, uniformity, refusals.

use super::{signup, token};
use crate::{
    App,
    admission::Admitted,
    auth::cookie::Delivery,
    db::User,
    http::{Answer, ApiError, respond},
};
use http::StatusCode;
use serde::Serialize;

/// A session.
#[derive(Serialize)]
pub(in crate::auth) struct SessionView<'a> {
    pub(in crate::auth) access_token: &'a str,
    pub(in crate::auth) refresh_token: &'a str,
    pub(in crate::auth) token_type: &'static str,
    /// Seconds.
    pub(in crate::auth) expires_in: u64,
    pub(in crate::auth) user: AccountView<'a>,
}

/// An account.
#[derive(Serialize)]
pub(in crate::auth) struct AccountView<'a> {
    id: &'a str,
    email: &'a str,
    role: &'a str,
    tenant_id: Option<&'a str>,
}

impl<'a> AccountView<'a> {
    pub(in crate::auth) fn new(user: &'a User) -> Self {
        Self {
            id: &user.id,
            email: &user.email,
            role: &user.role,
            tenant_id: user.tenant.as_deref(),
        }
    }
}

/// 201 with `user`, for a sign-up that opens no session.
pub(super) fn registered(user: &User) -> Result<Answer, ApiError> {
    #[derive(Serialize)]
    struct Registered<'a> {
        user: AccountView<'a>,
    }
    let user = AccountView::new(user);
    let body = serde_json::to_string(&Registered { user }).map_err(|_| ApiError::Internal)?;
    let mut answer = respond::private_json(body);
    *answer.status_mut() = StatusCode::CREATED;
    Ok(answer)
}

/// `POST /auth/v1/simple/login`: `email` and `password`.
///
/// # Errors
/// [`ApiError`].
pub(crate) async fn login(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    token::password_grant(app, request, Delivery::Simple).await
}

/// `POST /auth/v1/simple/register`: `email`, `password` and, if wanted, `data`.
///
/// # Errors
/// [`ApiError`].
pub(crate) async fn register(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    signup::sign_up(app, request, Delivery::Simple).await
}

/// `POST /auth/v1/simple/refresh`: `refresh_token`.
///
/// # Errors
/// [`ApiError`].
pub(crate) async fn refresh(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    token::refresh_grant(app, request, Delivery::Simple).await
}
