//! `/auth/v1/admin/users/{id}/factors`, as `supabase.auth.admin.mfa` asks for it: for people who
//! have lost authenticator and recovery codes.

use super::{method, users::known};
use crate::{
    App,
    admission::Admitted,
    auth::{
        Auth,
        permission::{self, Actor, Permission},
        routes::revoke,
        view::FactorView,
    },
    clock,
    db::End,
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::event::Kind;
use http::StatusCode;
use serde_json::json;

/// `GET`: an account's factors. `DELETE` takes all of them away, and the recovery codes.
pub(super) async fn all(app: &App, request: &mut Admitted, id: &str) -> Result<Answer, ApiError> {
    if method(request, "GET, HEAD, DELETE")? != "DELETE" {
        permission::require(app, request, Permission::UsersRead).await?;
        let user = known(app, id).await?;
        let views: Vec<_> = user.factors.iter().map(FactorView::new).collect();
        return Ok(respond::private_json(json!(views).to_string()));
    }
    let actor = may_reset(app, request, id).await?;
    Auth::reset_factors(&app.db, id).await?;
    finish(app, request, &actor, id).await?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

/// `DELETE` of one factor.
pub(super) async fn one(
    app: &App,
    request: &mut Admitted,
    id: &str,
    factor: &str,
) -> Result<Answer, ApiError> {
    method(request, "DELETE")?;
    let actor = may_reset(app, request, id).await?;
    let removed = app.db.remove_factor(id, factor).await?;
    removed.ok_or(ApiError::FactorNotFound)?;
    Auth::unlock_codes(&app.db, id).await?;
    finish(app, request, &actor, id).await?;
    Ok(respond::private_json(json!({ "id": factor }).to_string()))
}

async fn may_reset(app: &App, request: &Admitted, id: &str) -> Result<Actor, ApiError> {
    let actor = permission::require(app, request, Permission::UsersWrite).await?;
    let user = known(app, id).await?;
    actor.require_power_over(&app.db, &user).await?;
    Ok(actor)
}

/// Whoever was in by the factor, owner or thief, logs in again.
async fn finish(
    app: &App,
    request: &mut Admitted,
    actor: &Actor,
    id: &str,
) -> Result<(), ApiError> {
    let ended = app.db.end_sessions(id, End::All, clock::now()).await?;
    revoke(app, request, id, ended);
    log::security(request, Kind::FactorsReset, Some(&actor.id), 200, "admin");
    Ok(())
}
