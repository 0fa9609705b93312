//! `/auth/v1/admin`: what operators do to accounts, roles and tenants. The gate asks for the role
//! already; [`crate::auth::permission`] asks the database, each time.

mod factors;
mod invite;
mod link;
mod roles;
mod tenants;
mod users;

pub use invite::invite;

use crate::{
    App,
    admission::Admitted,
    http::{Answer, ApiError},
};

const PREFIX: &str = "/auth/v1/admin/";
/// What no password matches.
const NO_PASSWORD: &str = "!";

/// Everything under `/auth/v1/admin/`.
///
/// # Errors
/// [`ApiError`].
pub async fn admin(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let path = request.path().to_owned();
    let below = path.strip_prefix(PREFIX).unwrap_or_default();
    let segments: Vec<_> = below.split('/').collect();
    match segments.as_slice() {
        ["generate_link"] => link::generate(app, request).await,
        ["users"] => users::all(app, request).await,
        ["users", id] => users::one(app, request, id).await,
        ["users", id, "factors"] => factors::all(app, request, id).await,
        ["users", id, "factors", factor] => factors::one(app, request, id, factor).await,
        ["users", id, "sessions"] => users::sessions(app, request, id).await,
        ["roles"] => roles::all(app, request).await,
        ["roles", name] => roles::one(app, request, name).await,
        ["tenants"] => tenants::all(app, request).await,
        ["tenants", id] => tenants::one(app, request, id).await,
        ["tenants", id, "members"] => tenants::members(app, request, id).await,
        ["tenants", id, "members", user] => tenants::member(app, request, id, user).await,
        _ => Err(ApiError::NotFound),
    }
}

/// The method, if it is one of those in the `Allow` field.
fn method<'a>(request: &'a Admitted, allow: &'static str) -> Result<&'a str, ApiError> {
    let method = request.method().as_str();
    if allow.split(", ").any(|one| one == method) {
        Ok(method)
    } else {
        Err(ApiError::MethodNotAllowed { allow })
    }
}
